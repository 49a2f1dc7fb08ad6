//! Statements of key policies as others might write them, by parts.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{A, B, C};

/// A version of the language, or none.
pub(super) fn versions() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![json!("2012-10-17"), json!("2008-10-17"), Value::Null])
}

/// Up to three statements of others.
pub(super) fn statements() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(statement(), 1..4)
}

fn statement() -> impl Strategy<Value = Value> {
    let parts = (
        effects(),
        principals(),
        actions(),
        resources(),
        conditions(),
    );
    parts.prop_map(|(effect, principal, action, resource, condition)| {
        let mut statement = json!({ "Effect": effect });
        for part in [principal, action, resource] {
            for (member, value) in part.as_object().unwrap() {
                statement[member] = value.clone();
            }
        }
        // A deny for the owner would stop the run itself.
        if effect == "Deny" {
            let mut of_others = condition.as_object().unwrap().clone();
            let others = of_others
                .entry("StringNotEqualsIgnoreCase")
                .or_insert(json!({}));
            others["kms:CallerAccount"] = A.into();
            statement["Condition"] = of_others.into();
        } else if condition != json!({}) {
            statement["Condition"] = condition;
        }
        statement
    })
}

fn effects() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["Deny", "Deny", "Allow"])
}

fn principals() -> impl Strategy<Value = Value> {
    let aws = |names: Value| json!({ "Principal": { "AWS": names } });
    let but = |names: Value| json!({ "NotPrincipal": { "AWS": names } });
    let root = |account: &str| format!("arn:aws:iam::{account}:root");
    prop::sample::select(vec![
        json!({ "Principal": "*" }),
        aws(json!("*")),
        aws(json!(root(B))),
        aws(json!([B, root(C)])),
        aws(json!([root(A)])),
        aws(json!(root("444444444444"))),
        aws(json!(format!("arn:aws:iam::{B}:role/launcher"))),
        json!({ "Principal": { "Service": "logs.amazonaws.com", "AWS": root(C) } }),
        but(json!(root(A))),
        but(json!([root(A), root(C)])),
        but(json!([root(A), root(B), root(C)])),
    ])
}

fn actions() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({ "Action": "kms:*" }),
        json!({ "Action": ["kms:Decrypt", "kms:DescribeKey"] }),
        json!({ "Action": "kms:createGRANT" }),
        json!({ "Action": "kms:ReEncrypt*" }),
        json!({ "Action": ["kms:ScheduleKeyDeletion", "kms:TagResource"] }),
        json!({ "Action": "kms:GenerateDataKeyWithoutPlaintext" }),
        json!({ "NotAction": ["kms:De*", "kms:Get*"] }),
        json!({ "NotAction": "kms:*" }),
    ])
}

fn resources() -> impl Strategy<Value = Value> {
    let other = "arn:aws:kms:us-east-1:111111111111:key/other";
    prop::sample::select(vec![
        json!({ "Resource": "*" }),
        json!({ "Resource": ["*"] }),
        json!({ "Resource": "arn:aws:kms:*:111111111111:key/*" }),
        json!({ "Resource": other }),
        json!({ "NotResource": other }),
        json!({}),
    ])
}

fn conditions() -> impl Strategy<Value = Value> {
    let one = |operator: &str, key: &str, value: Value| json!({ operator: { key: value } });
    prop::sample::select(vec![
        json!({}),
        json!({}),
        one("Bool", "kms:GrantIsForAWSResource", json!(false)),
        one("BoolIfExists", "kms:GrantIsForAWSResource", json!("false")),
        one("StringNotEquals", "kms:CallerAccount", json!([A, C])),
        one("StringEquals", "kms:CallerAccount", json!(B)),
        one(
            "StringNotEquals",
            "kms:CallerAccount",
            json!("${aws:PrincipalAccount}"),
        ),
        one("StringLike", "kms:ViaService", json!("s3.*.amazonaws.com")),
        one("StringNotLike", "kms:ViaService", json!(["ec2.*", "rds.*"])),
        one("StringNotEquals", "aws:SourceVpce", json!("vpce-1")),
        one("StringEqualsIfExists", "aws:SourceVpc", json!("vpc-1")),
        one(
            "NotIpAddress",
            "aws:SourceIp",
            json!(["10.0.0.0/8", "192.0.2.0/24"]),
        ),
        one("NotIpAddress", "aws:SourceIp", json!("52.0.0.0/6")),
        one("Bool", "aws:SecureTransport", json!("false")),
        one("Bool", "aws:ViaAWSService", json!("false")),
        one(
            "ArnNotLike",
            "aws:PrincipalArn",
            json!("arn:aws:iam::333333333333:*"),
        ),
        one(
            "ArnLike",
            "aws:PrincipalArn",
            json!("arn:aws:iam::222222222222:role/launcher"),
        ),
        one(
            "StringNotEquals",
            "aws:PrincipalOrgID",
            json!("o-example123"),
        ),
        one(
            "DateLessThan",
            "aws:CurrentTime",
            json!("2000-01-01T00:00:00Z"),
        ),
        one(
            "DateGreaterThan",
            "aws:CurrentTime",
            json!("2000-01-01T00:00:00Z"),
        ),
        one("Null", "aws:SourceVpce", json!("true")),
        one(
            "ForAnyValue:StringEquals",
            "kms:GrantOperations",
            json!(["Decrypt", "Encrypt"]),
        ),
        one("StringEquals", "aws:PrincipalTag/team", json!("images")),
    ])
}

mod several;

use serde_json::json;

use super::*;
use crate::policy::launch_call::launch_context;

const KEY: &str = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const LAUNCHER: &str = "arn:aws:iam::222222222222:role/launcher";

/// What a table says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Denied,
    NotDenied,
    Unknown,
}
use Is::{Denied, NotDenied, Unknown};

fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

fn decide(statement: &Value, by: CalledBy<'_>, action: &str) -> Is {
    let key = KEY.parse().unwrap();
    let policy = Statements {
        list: vec![statement.clone()],
        fills_variables: true,
    };
    let call = KeyCall {
        by,
        key: &key,
        action,
        context: &launch_context(by, &key, action),
    };
    match find_denials(&policy, &call).as_slice() {
        [] => NotDenied,
        [denial] if denial.unknown.is_none() => Denied,
        _ => Unknown,
    }
}

/// What a deny decides about Decrypt by any principal of B, by a role of B, and by an organization.
#[track_caller]
fn check(change: Value, expected: [Is; 3]) {
    let mut statement = json!({ "Effect": "Deny" });
    let defaults = json!({ "Principal": "*", "Action": "kms:*", "Resource": "*" });
    let members = change.as_object().unwrap();
    for (member, value) in defaults.as_object().unwrap() {
        if !members.contains_key(&format!("Not{member}")) {
            statement[member] = value.clone();
        }
    }
    for (member, value) in members {
        statement[member] = value.clone();
    }
    let account: AccountId = "222222222222".parse().unwrap();
    let caller = |arn: String| Caller {
        account: account.clone(),
        arn,
    };
    let (any, role) = (caller(root("222222222222")), caller(LAUNCHER.to_owned()));
    let organization = PolicyPrincipal::Organization("o-abcdefghij".to_owned());
    let callers = [
        CalledBy::Caller(&any),
        CalledBy::Caller(&role),
        CalledBy::Member(&organization),
    ];
    let found = callers.map(|by| decide(&statement, by, "kms:Decrypt"));
    assert_eq!(found, expected, "{statement}");
}

#[test]
fn deny_counts_for_its_principals() {
    let of = |name: Value| json!({ "Principal": { "AWS": name } });
    check(json!({}), [Denied; 3]);
    check(of(json!("*")), [Denied; 3]);
    check(of(json!(root("222222222222"))), [Denied, Denied, Unknown]);
    check(of(json!(["222222222222"])), [Denied, Denied, Unknown]);
    check(of(json!(LAUNCHER)), [Unknown, Denied, Unknown]);
    let other_role = "arn:aws:iam::222222222222:role/other";
    check(of(json!(other_role)), [Unknown, NotDenied, Unknown]);
    let session = "arn:aws:sts::222222222222:assumed-role/launcher/x";
    check(of(json!(session)), [Unknown; 3]);
    check(
        of(json!(root("333333333333"))),
        [NotDenied, NotDenied, Unknown],
    );
    check(of(json!(root("111111111111"))), [NotDenied; 3]);
    check(of(json!("AROAEXAMPLEEXAMPLE01")), [NotDenied; 3]);
    let service = json!({ "Principal": { "Service": "ec2.amazonaws.com" } });
    check(service, [NotDenied; 3]);
    check(
        json!({ "Principal": { "CanonicalUser": "79a5" } }),
        [Unknown; 3],
    );
    check(json!({ "Principal": ["222222222222", "*"] }), [Unknown; 3]);

    let but = |name: Value| json!({ "NotPrincipal": { "AWS": name } });
    check(but(json!(root("111111111111"))), [Denied; 3]);
    check(but(json!("AROAEXAMPLEEXAMPLE01")), [Denied; 3]);
    check(but(json!("*")), [NotDenied; 3]);
    // Any of the accounts that it spares may belong to the organization.
    check(but(json!(root("222222222222"))), [Unknown; 3]);
    check(but(json!(LAUNCHER)), [Unknown; 3]);
    let both = json!([LAUNCHER, root("222222222222")]);
    check(but(both), [Unknown, NotDenied, Unknown]);
    let owner_too = json!([root("111111111111"), "333333333333"]);
    check(but(owner_too), [Denied, Denied, Unknown]);
}

#[test]
fn deny_counts_for_its_actions_and_its_key() {
    for (change, is) in [
        (json!({ "Action": "kms:decrypt" }), Denied),
        (
            json!({ "Action": ["kms:PutKeyPolicy", "kms:De?rypt"] }),
            Denied,
        ),
        (
            json!({ "Action": ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"] }),
            NotDenied,
        ),
        (json!({ "Action": 1 }), Unknown),
        (json!({ "NotAction": "kms:*" }), NotDenied),
        (json!({ "NotAction": "kms:Get*" }), Denied),
        (json!({ "Resource": KEY }), Denied),
        (
            json!({ "Resource": ["arn:aws:kms:*:111111111111:key/*"] }),
            Denied,
        ),
        (
            json!({ "Resource": "arn:aws:kms:us-east-1:111111111111:key/other" }),
            NotDenied,
        ),
        (json!({ "NotResource": KEY }), NotDenied),
        (
            json!({ "NotResource": "arn:aws:kms:us-east-1:111111111111:key/other" }),
            Denied,
        ),
    ] {
        check(change, [is; 3]);
    }
    let mut no_resource = json!({ "Effect": "Deny", "Principal": "*", "Action": "kms:*" });
    let organization = PolicyPrincipal::Organization("o-abcdefghij".to_owned());
    let by = CalledBy::Member(&organization);
    assert_eq!(decide(&no_resource, by, "kms:Decrypt"), NotDenied);
    no_resource["Resource"] = "*".into();
    assert_eq!(decide(&no_resource, by, "kms:Decrypt"), Denied);
}

fn under(condition: Value) -> Value {
    json!({ "Condition": condition })
}

/// The same decision for every caller.
#[track_caller]
fn same(condition: Value, is: Is) {
    check(under(condition), [is; 3]);
}

#[test]
fn deny_counts_for_what_every_call_of_ec2_is_like() {
    same(
        json!({ "Bool": { "aws:SecureTransport": "false" } }),
        NotDenied,
    );
    same(
        json!({ "StringNotEquals": { "aws:SourceVpce": "vpce-1" } }),
        Denied,
    );
    same(
        json!({ "StringEquals": { "aws:SourceVpc": "vpc-1" } }),
        NotDenied,
    );
    same(json!({ "Null": { "aws:sourcevpce": "true" } }), Denied);
    same(
        json!({ "NotIpAddress": { "aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"] } }),
        Denied,
    );
    same(
        json!({ "NotIpAddress": { "aws:SourceIp": "52.0.0.0/8" } }),
        Unknown,
    );
    same(
        json!({ "IpAddress": { "aws:SourceIp": "192.168.0.0/16" } }),
        NotDenied,
    );
    same(
        json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/0" } }),
        Unknown,
    );
    let of_callers = json!({
        "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" },
        "Bool": { "aws:ViaAWSService": "false" },
    });
    same(of_callers, NotDenied);
    same(
        json!({ "StringNotEquals": { "kms:ViaService": "ec2.us-east-1.amazonaws.com" } }),
        NotDenied,
    );
    same(
        json!({ "StringNotLike": { "kms:ViaService": "s3.*" } }),
        Denied,
    );
    same(
        json!({ "StringLike": { "kms:ViaService": ["s3.*", "rds.*"] } }),
        NotDenied,
    );
    same(
        json!({ "Bool": { "kms:GrantIsForAWSResource": "false" } }),
        NotDenied,
    );
    same(
        json!({ "BoolIfExists": { "kms:GrantIsForAWSResource": "false" } }),
        Denied,
    );
    same(
        json!({ "StringNotEquals": { "aws:RequestedRegion": "us-east-1" } }),
        NotDenied,
    );
    same(
        json!({ "StringLike": { "kms:GranteePrincipal": "*" } }),
        NotDenied,
    );
}

#[test]
fn deny_counts_for_who_calls() {
    let account =
        |operator: &str, value: Value| under(json!({ operator: { "kms:CallerAccount": value } }));
    check(
        account("StringNotEquals", json!("111111111111")),
        [Denied; 3],
    );
    check(
        account("StringEquals", json!("111111111111")),
        [NotDenied; 3],
    );
    check(
        account("StringNotEquals", json!(["111111111111", "222222222222"])),
        [NotDenied, NotDenied, Unknown],
    );
    let arn =
        |operator: &str, value: &str| under(json!({ operator: { "aws:PrincipalArn": value } }));
    check(
        arn("ArnNotLike", "arn:aws:iam::111111111111:*"),
        [Denied, Denied, Unknown],
    );
    check(
        arn("ArnLike", "arn:aws:iam::222222222222:role/other"),
        [Unknown, NotDenied, Unknown],
    );
    check(
        arn("ArnNotLike", "arn:aws:iam::222222222222:*"),
        [NotDenied, NotDenied, Unknown],
    );
    check(
        arn("StringNotLike", "arn:aws:iam::*:role/launcher"),
        [Unknown, NotDenied, Unknown],
    );
    let organization = |id: &str| under(json!({ "StringNotEquals": { "aws:PrincipalOrgID": id } }));
    check(organization("o-abcdefghij"), [Unknown, Unknown, NotDenied]);
    check(organization("o-other"), [Unknown, Unknown, Denied]);
    let own = json!({ "StringNotEquals": { "kms:CallerAccount": "${aws:PrincipalAccount}" } });
    check(under(own), [NotDenied, NotDenied, Unknown]);
}

#[test]
fn deny_under_conditions_that_are_not_known_is_unknown() {
    same(
        json!({ "DateGreaterThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }),
        Unknown,
    );
    same(
        json!({ "Bool": { "aws:MultiFactorAuthPresent": "false" } }),
        Unknown,
    );
    same(
        json!({ "StringNotEquals": { "aws:PrincipalTag/team": "x" } }),
        Unknown,
    );
    same(json!({ "StringFoo": { "kms:ViaService": "x" } }), Unknown);
    same(json!([]), Unknown);
}

/// Across accounts the caller's own policies must allow the call too, however closely it is named
/// (R3.1.1).
#[test]
fn allow_is_direct_within_the_account_only() {
    for (account, expected) in [
        ("111111111111", Decision::Direct),
        ("222222222222", Decision::Delegated),
    ] {
        let arn = format!("arn:aws:iam::{account}:role/launcher");
        for name in [arn.as_str(), "*"] {
            let statement = json!({
                "Effect": "Allow",
                "Principal": { "AWS": name },
                "Action": "kms:*",
                "Resource": "*",
            });
            let policy = Statements {
                list: vec![statement],
                fills_variables: true,
            };
            let caller = Caller {
                account: account.parse().unwrap(),
                arn: arn.clone(),
            };
            let (by, key) = (CalledBy::Caller(&caller), KEY.parse().unwrap());
            let call = KeyCall {
                by,
                key: &key,
                action: "kms:Decrypt",
                context: &launch_context(by, &key, "kms:Decrypt"),
            };
            assert_eq!(evaluate(&policy, &call), expected, "{account}: {name}");
        }
    }
}

/// What delegates takes nothing from a statement that may allow the caller by name.
#[test]
fn statement_that_may_allow_directly_leaves_delegated_call_unknown() {
    let allow = |name: &str, condition: Value| {
        json!({
            "Effect": "Allow",
            "Principal": { "AWS": name },
            "Action": "kms:*",
            "Resource": "*",
            "Condition": condition,
        })
    };
    let role = "arn:aws:iam::111111111111:role/launcher";
    let root = "arn:aws:iam::111111111111:root";
    let session = "arn:aws:sts::111111111111:assumed-role/launcher/one";
    let tagged = json!({ "StringEquals": { "aws:PrincipalTag/team": "x" } });
    let no_other = json!({ "StringEquals": { "kms:CallerAccount": "999999999999" } });
    for (statement, is_known) in [
        (allow(role, tagged.clone()), false),
        (allow("*", tagged.clone()), false),
        (allow(session, json!({})), false),
        (allow(role, no_other), true),
        (allow(root, tagged), true),
    ] {
        let policy = Statements {
            list: vec![allow(root, json!({})), statement.clone()],
            fills_variables: true,
        };
        let caller = Caller {
            account: "111111111111".parse().unwrap(),
            arn: role.to_owned(),
        };
        let (by, key) = (CalledBy::Caller(&caller), KEY.parse().unwrap());
        let call = KeyCall {
            by,
            key: &key,
            action: "kms:Decrypt",
            context: &launch_context(by, &key, "kms:Decrypt"),
        };
        assert_eq!(evaluate(&policy, &call), Decision::Delegated, "{statement}");
        let alone = evaluate_alone(&policy, &call);
        let delegated = alone == Decision::Delegated;
        assert_eq!(delegated, is_known, "{statement}: {alone:?}");
    }
}

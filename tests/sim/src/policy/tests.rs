use serde_json::json;

use super::*;

fn who() -> PrincipalFacts {
    PrincipalFacts {
        account: "222222222222".into(),
        arn: "arn:aws:sts::222222222222:assumed-role/launcher/s".into(),
        role_arn: Some("arn:aws:iam::222222222222:role/launcher".into()),
        unique_id: "AROAEXAMPLE".into(),
    }
}

fn ask(statement: Value, context: &[(&str, &[&str])]) -> Verdict {
    let context = context
        .iter()
        .map(|(key, values)| {
            (
                key.to_lowercase(),
                values.iter().map(|value| (*value).to_owned()).collect(),
            )
        })
        .collect();
    let document = Document::parse(&json!({ "Statement": statement })).unwrap();
    let resource = "arn:aws:kms:us-east-1:111111111111:key/k";
    document.ask(&Ask {
        principal: &who(),
        action: "kms:ReEncryptFrom",
        resource,
        context: &context,
    })
}

fn statement(change: Value) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Action": "kms:*", "Resource": "*" });
    statement
        .as_object_mut()
        .unwrap()
        .extend(change.as_object().unwrap().clone());
    statement
}

#[test]
fn actions_resources_and_principals() {
    const CLOSELY: Verdict = Verdict::Allowed(Named::Closely);
    const BY_ACCOUNT: Verdict = Verdict::Allowed(Named::ByAccount);
    let table = [
        (json!({}), CLOSELY),
        (json!({ "Action": "KMS:reencrypt*" }), CLOSELY),
        (
            json!({ "Action": ["kms:Decrypt", "kms:ReEncrypt?rom"] }),
            CLOSELY,
        ),
        (json!({ "Action": "kms:Decrypt" }), Verdict::Silent),
        (
            json!({ "Resource": "arn:aws:kms:*:111111111111:key/*" }),
            CLOSELY,
        ),
        (
            json!({ "Resource": "arn:aws:kms:*:222222222222:key/*" }),
            Verdict::Silent,
        ),
        (json!({ "Effect": "Deny" }), Verdict::Denied),
        (json!({ "Principal": "*" }), CLOSELY),
        (
            json!({ "Principal": { "AWS": "arn:aws:iam::222222222222:root" } }),
            BY_ACCOUNT,
        ),
        (
            json!({ "Principal": { "AWS": ["222222222222"] } }),
            BY_ACCOUNT,
        ),
        (
            json!({ "Principal": { "AWS": "arn:aws:iam::222222222222:role/launcher" } }),
            CLOSELY,
        ),
        (
            json!({ "Principal": { "AWS": "arn:aws:iam::333333333333:root" } }),
            Verdict::Silent,
        ),
        (
            json!({ "Principal": { "Service": "ec2.amazonaws.com" } }),
            Verdict::Silent,
        ),
    ];
    for (change, expected) in table {
        assert_eq!(ask(statement(change.clone()), &[]), expected, "{change}");
    }
    let not_action = json!({ "Effect": "Allow", "NotAction": "kms:Decrypt", "Resource": "*" });
    assert_eq!(ask(not_action, &[]), CLOSELY);
    let both = json!([statement(json!({})), statement(json!({ "Effect": "Deny" }))]);
    assert_eq!(ask(both, &[]), Verdict::Denied);
}

/// A condition, the request's keys, and whether it holds.
type Row<'a> = (Value, &'a [(&'a str, &'a [&'a str])], bool);

#[test]
fn conditions() {
    let via: (&str, &[&str]) = ("kms:ViaService", &["ec2.us-east-1.amazonaws.com"]);
    let two: (&str, &[&str]) = ("ec2:Add/userId", &["111111111111", "222222222222"]);
    let account: (&str, &[&str]) = ("aws:PrincipalAccount", &["222222222222"]);
    let table: &[Row<'_>] = &[
        (
            json!({ "StringLike": { "kms:viaservice": "ec2.*.amazonaws.com" } }),
            &[via],
            true,
        ),
        (
            json!({ "StringLike": { "kms:ViaService": "ec2.*.amazonaws.com" } }),
            &[],
            false,
        ),
        (
            json!({ "StringLikeIfExists": { "kms:ViaService": "x" } }),
            &[],
            true,
        ),
        (
            json!({ "StringNotEquals": { "kms:ViaService": "x" } }),
            &[],
            true,
        ),
        (
            json!({ "StringNotEquals": { "kms:ViaService": via.1[0] } }),
            &[via],
            false,
        ),
        (
            json!({ "BoolIfExists": { "kms:GrantIsForAWSResource": "true" } }),
            &[("kms:GrantIsForAWSResource", &["false"])],
            false,
        ),
        (
            json!({ "Bool": { "kms:GrantIsForAWSResource": true } }),
            &[("kms:GrantIsForAWSResource", &["true"])],
            true,
        ),
        (json!({ "Null": { "kms:ViaService": "true" } }), &[], true),
        (json!({ "Null": { "kms:ViaService": "false" } }), &[], false),
        (
            json!({ "StringEquals": { "ec2:Add/userId": two.1 } }),
            &[two],
            false,
        ),
        (
            json!({ "ForAllValues:StringEquals": { "ec2:Add/userId": two.1 } }),
            &[two],
            true,
        ),
        (
            json!({ "ForAllValues:StringEquals": { "ec2:Add/userId": "111111111111" } }),
            &[two],
            false,
        ),
        (
            json!({ "ForAllValues:StringEquals": { "ec2:Add/userId": "111111111111" } }),
            &[],
            true,
        ),
        (
            json!({ "ForAnyValue:StringEquals": { "ec2:Add/userId": "111111111111" } }),
            &[two],
            true,
        ),
        (
            json!({ "ForAnyValue:StringEquals": { "ec2:Add/userId": "1" } }),
            &[],
            false,
        ),
        (
            json!({ "StringEquals": { "aws:PrincipalAccount": "${aws:PrincipalAccount}" } }),
            &[account],
            true,
        ),
        (
            json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/x" } }),
            &[("aws:PrincipalArn", &["arn:aws:iam::1:role/x"])],
            true,
        ),
        (
            json!({ "NumericLessThan": { "kms:RotationPeriodInDays": "10" } }),
            &[("kms:RotationPeriodInDays", &["9"])],
            true,
        ),
        (
            json!({ "NumericGreaterThanEquals": { "n": "10" } }),
            &[("n", &["9"])],
            false,
        ),
    ];
    for (condition, context, holds) in table {
        let verdict = ask(statement(json!({ "Condition": condition })), context);
        assert_eq!(
            verdict != Verdict::Silent,
            *holds,
            "{condition} with {context:?}"
        );
    }
}

#[test]
fn mistakes_say_where_they_are() {
    let table = [
        (json!([]), "the document is not an object"),
        (
            json!({ "Statement": [statement(json!({})), 1] }),
            "Statement[1]: not an object",
        ),
        (
            json!({ "Statement": statement(json!({ "Effect": "allow" })) }),
            "Statement[0]: Effect: neither Allow nor Deny",
        ),
        (
            json!({ "Statement": statement(json!({ "Condition": { "Foo": { "a": "b" } } })) }),
            "Statement[0]: Condition.Foo: this operator is not simulated",
        ),
    ];
    for (document, message) in table {
        assert_eq!(Document::parse(&document).unwrap_err(), message);
    }
}

#[test]
fn wildcards() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("a*c", "abc", true),
        ("a*c", "abcd", false),
        ("a?c", "abc", true),
        ("**b*", "aab", true),
        ("", "a", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

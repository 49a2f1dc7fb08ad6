use serde_json::json;

use super::*;

fn principal() -> PrincipalFacts {
    PrincipalFacts {
        account: "222222222222".into(),
        arn: "arn:aws:sts::222222222222:assumed-role/launcher/s".into(),
        role_arn: Some("arn:aws:iam::222222222222:role/launcher".into()),
        unique_id: "AROAEXAMPLE".into(),
    }
}

fn decide(statement: Value, context: &[(&str, &[&str])]) -> Decision {
    let context = context
        .iter()
        .map(|(key, values)| {
            (
                key.to_lowercase(),
                values.iter().map(|value| (*value).to_owned()).collect(),
            )
        })
        .collect();
    let document = Document::parse(&json!({
        "Version": "2012-10-17",
        "Statement": statement,
    }));
    let document = document.unwrap();
    let resource = "arn:aws:kms:us-east-1:111111111111:key/k";
    document.evaluate(&AccessRequest {
        principal: &principal(),
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
fn a_statement_applies_to_its_actions_resources_and_principals() {
    const BY_ROLE: Decision = Decision::Allow(PrincipalMatch::Role);
    const BY_ACCOUNT: Decision = Decision::Allow(PrincipalMatch::Account);
    let table = [
        (json!({}), BY_ROLE),
        (json!({ "Action": "KMS:reencrypt*" }), BY_ROLE),
        (
            json!({ "Action": ["kms:Decrypt", "kms:ReEncrypt?rom"] }),
            BY_ROLE,
        ),
        (json!({ "Action": "kms:Decrypt" }), Decision::ImplicitDeny),
        (
            json!({ "Resource": "arn:aws:kms:*:111111111111:key/*" }),
            BY_ROLE,
        ),
        (
            json!({ "Resource": "arn:aws:kms:*:222222222222:key/*" }),
            Decision::ImplicitDeny,
        ),
        (json!({ "Effect": "Deny" }), Decision::ExplicitDeny),
        (json!({ "Principal": "*" }), BY_ROLE),
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
            BY_ROLE,
        ),
        (
            json!({ "Principal": { "AWS": "arn:aws:iam::333333333333:root" } }),
            Decision::ImplicitDeny,
        ),
        (
            json!({ "Principal": { "Service": "ec2.amazonaws.com" } }),
            Decision::ImplicitDeny,
        ),
    ];
    for (change, expected) in table {
        assert_eq!(decide(statement(change.clone()), &[]), expected, "{change}");
    }
    let not_action = json!({ "Effect": "Allow", "NotAction": "kms:Decrypt", "Resource": "*" });
    assert_eq!(decide(not_action, &[]), BY_ROLE);
    let both = json!([statement(json!({})), statement(json!({ "Effect": "Deny" }))]);
    assert_eq!(decide(both, &[]), Decision::ExplicitDeny);
}

/// The condition keys of a request.
type Keys<'a> = &'a [(&'a str, &'a [&'a str])];

/// Checks whether a condition holds for a request with these keys.
#[track_caller]
fn check(condition: Value, keys: Keys<'_>, holds: bool) {
    let decision = decide(statement(json!({ "Condition": condition })), keys);
    let allowed = decision != Decision::ImplicitDeny;
    assert_eq!(allowed, holds, "{condition} with {keys:?}");
}

#[test]
fn a_string_condition_compares_one_value() {
    let via: Keys<'_> = &[("kms:ViaService", &["ec2.us-east-1.amazonaws.com"])];
    let like = |key: &str| json!({ "StringLike": { key: "ec2.*.amazonaws.com" } });
    check(like("kms:viaservice"), via, true);
    check(like("kms:ViaService"), &[], false);
    let if_exists = json!({ "StringLikeIfExists": { "kms:ViaService": "x" } });
    check(if_exists, &[], true);
    let not_equals = |value: &str| json!({ "StringNotEquals": { "kms:ViaService": value } });
    check(not_equals("x"), &[], true);
    check(not_equals("ec2.us-east-1.amazonaws.com"), via, false);
    let account: Keys<'_> = &[("aws:PrincipalAccount", &["222222222222"])];
    let variable = json!({ "StringEquals": { "aws:PrincipalAccount": "${aws:PrincipalAccount}" } });
    check(variable, account, true);
    let role: Keys<'_> = &[("aws:PrincipalArn", &["arn:aws:iam::1:role/x"])];
    let arn_like = json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/x" } });
    check(arn_like, role, true);
}

#[test]
fn a_condition_on_a_set_compares_every_value() {
    let accounts = ["111111111111", "222222222222"];
    let two: Keys<'_> = &[("ec2:Add/userId", &accounts)];
    let with = |operator: &str, value: Value| json!({ operator: { "ec2:Add/userId": value } });
    let first = json!("111111111111");
    check(with("StringEquals", json!(accounts)), two, false);
    let all = "ForAllValues:StringEquals";
    check(with(all, json!(accounts)), two, true);
    check(with(all, first.clone()), two, false);
    check(with(all, first.clone()), &[], true);
    let any = "ForAnyValue:StringEquals";
    check(with(any, first), two, true);
    check(with(any, json!("1")), &[], false);
}

#[test]
fn a_condition_can_be_of_another_type() {
    let for_aws = |value: &'static [&'static str]| [("kms:GrantIsForAWSResource", value)];
    let if_exists = json!({ "BoolIfExists": { "kms:GrantIsForAWSResource": "true" } });
    check(if_exists, &for_aws(&["false"]), false);
    let is_true = json!({ "Bool": { "kms:GrantIsForAWSResource": true } });
    check(is_true, &for_aws(&["true"]), true);
    let null = |value: &str| json!({ "Null": { "kms:ViaService": value } });
    check(null("true"), &[], true);
    check(null("false"), &[], false);
    let days: Keys<'_> = &[("kms:RotationPeriodInDays", &["9"])];
    let less = json!({ "NumericLessThan": { "kms:RotationPeriodInDays": "10" } });
    check(less, days, true);
    let at_least = json!({ "NumericGreaterThanEquals": { "n": "10" } });
    check(at_least, &[("n", &["9"])], false);
}

#[test]
fn a_mistake_is_a_message_with_its_place() {
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
fn a_pattern_has_wildcards() {
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

#[test]
fn a_value_of_another_type_fits_neither_an_operator_nor_its_opposite() {
    let table = [
        ("ArnLike", "arn:aws:iam::*:user/*", "not-an-arn", false),
        ("ArnNotLike", "arn:aws:iam::*:user/*", "not-an-arn", false),
        (
            "ArnNotLike",
            "arn:aws:iam::*:user/*",
            "arn:aws:iam::1:role/r",
            true,
        ),
        (
            "ArnEquals",
            "arn:aws:iam::*:user/*",
            "arn:aws:iam::1:user/u",
            true,
        ),
        ("IpAddress", "192.0.2.0/24", "not-an-ip", false),
        ("NotIpAddress", "192.0.2.0/24", "not-an-ip", false),
        ("NotIpAddress", "192.0.2.0/24", "198.51.100.1", true),
        ("NumericEquals", "1", "no-number", false),
        ("NumericNotEquals", "1", "no-number", false),
        ("DateNotEquals", "2026-01-01", "no-date", false),
        // Only truth values have no wrong ones: what is not true is false.
        ("Bool", "false", "yes", true),
        ("Bool", "true", "yes", false),
    ];
    for (operator, expected, value, holds) in table {
        let condition = json!({ operator: { "aws:RequestTag/value": expected } });
        check(condition, &[("aws:RequestTag/value", &[value])], holds);
    }
}

use serde_json::json;

use super::*;

#[test]
fn pattern_matches_as_in_iam() {
    let table = [
        ("*", "", true),
        ("kms:*", "kms:Decrypt", true),
        ("kms:ReEncrypt*", "kms:ReEncryptFrom", true),
        ("a*b*c", "aXbYbZc", true),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("ec2.*.amazonaws.com", "ec2.us-east-1.amazonaws.com", true),
        ("ec2.*.amazonaws.com", "s3.us-east-1.amazonaws.com", false),
    ];
    for (pattern, text, fits) in table {
        assert_eq!(matches_pattern(pattern, text), fits, "{pattern} {text}");
    }
}

#[test]
fn condition_that_is_not_understood_is_never_met() {
    let context = Context::from([
        (
            "kms:viaservice".to_owned(),
            ContextValue::text("ec2.us-east-1.amazonaws.com"),
        ),
        ("kms:grantisforawsresource".to_owned(), ContextValue::Absent),
        (
            "two".to_owned(),
            ContextValue::Texts(vec!["a".to_owned(), "b".to_owned()]),
        ),
    ]);
    let via = |operator: &str, value: &str| json!({ operator: { "kms:ViaService": value } });
    let absent = |operator: &str| json!({ operator: { "kms:GrantIsForAWSResource": "true" } });
    let two = |operator: &str, value: &str| json!({ operator: { "two": value } });
    let table = [
        (
            json!({ "StringLike": { "kms:ViaService": ["s3.*", "ec2.*"] } }),
            Some(true),
        ),
        (
            via("StringEquals", "ec2.eu-west-1.amazonaws.com"),
            Some(false),
        ),
        (via("StringNotEquals", "s3"), Some(true)),
        (via("StringEquals", "${aws:PrincipalTag/x}"), None),
        (via("StringEquals", "${kms:ViaService}"), Some(true)),
        (via("IpAddress", "1.2.3.4/8"), None),
        (via("NumericLessThan", "1"), None),
        (via("ForAnyValue:StringLike", "ec2.*"), Some(true)),
        (via("ForSomeValue:StringLike", "ec2.*"), None),
        (via("Null", "true"), Some(false)),
        (via("Null", "false"), Some(true)),
        (absent("Bool"), Some(false)),
        (absent("BoolIfExists"), Some(true)),
        (absent("Null"), Some(true)),
        (absent("NumericLessThan"), Some(false)),
        (absent("DateNotEquals"), Some(true)),
        (absent("NotIpAddress"), Some(true)),
        (absent("BinaryEquals"), Some(false)),
        (absent("Foo"), None),
        (absent("ForAllValues:StringEquals"), Some(true)),
        (absent("ForAnyValue:StringEquals"), Some(false)),
        (two("StringEquals", "a"), Some(false)),
        (two("ForAnyValue:StringEquals", "a"), Some(true)),
        (two("ForAllValues:StringEquals", "a"), Some(false)),
        (two("ForAllValues:StringLike", "?"), Some(true)),
        (
            json!({ "StringEquals": { "aws:MultiFactorAuthAge": "1" } }),
            None,
        ),
        (
            json!({
                "StringLike": { "kms:ViaService": "s3.*" },
                "IpAddress": { "aws:SourceIp": "::/0" },
            }),
            Some(false),
        ),
    ];
    let conditions = |fills_variables| Conditions {
        context: &context,
        fills_variables,
    };
    for (condition, fits) in table {
        let outcome = conditions(true).match_all(&condition);
        let expected = matches!(
            (&outcome, fits),
            (Match::Yes, Some(true)) | (Match::No, Some(false)) | (Match::Unknown(_), None)
        );
        assert!(expected, "{condition}: {outcome:?}");
    }
    // In another version of the language, a variable is plain text (R7.23).
    let literal = via("StringEquals", "${kms:ViaService}");
    assert_eq!(conditions(false).match_all(&literal), Match::No);
}

#[test]
fn arn_matches_part_by_part() {
    let arn = ContextValue::text("arn:aws:iam::222222222222:role/a/b");
    let like = Comparison::named("ArnLike").unwrap();
    for (pattern, expected) in [
        ("arn:aws:iam::*:role/*", Some(true)),
        ("arn:aws:iam::222222222222:role/a/?", Some(true)),
        ("arn:aws:iam::333333333333:*", Some(false)),
        ("arn:aws:*:role/a/b", None),
        ("*", None),
    ] {
        assert_eq!(like.compare(pattern, &arn), expected, "{pattern}");
    }
}

/// In some partitions it is not known which name of EC2 a call carries.
#[test]
fn one_of_several_values_decides_if_all_agree() {
    let one = ContextValue::one_of(vec!["a".to_owned()]);
    assert_eq!(one, ContextValue::text("a"));
    let names = [
        "ec2.cn-north-1.amazonaws.com",
        "ec2.cn-north-1.amazonaws.com.cn",
    ];
    let several = ContextValue::one_of(names.map(str::to_owned).to_vec());
    let context = Context::from([("kms:viaservice".to_owned(), several)]);
    let conditions = Conditions {
        context: &context,
        fills_variables: true,
    };
    let unknown = Match::Unknown(String::new());
    for (operator, value, expected) in [
        ("StringLike", "ec2.*", &Match::Yes),
        ("StringLike", "s3.*", &Match::No),
        ("StringLike", "ec2.*.cn", &unknown),
        ("StringNotLike", "ec2.*.cn", &unknown),
        ("StringNotLike", "s3.*", &Match::Yes),
        ("Null", "true", &Match::No),
    ] {
        let condition = json!({ operator: { "kms:ViaService": value } });
        let found = conditions.match_all(&condition);
        let is_expected = std::mem::discriminant(&found) == std::mem::discriminant(expected);
        assert!(is_expected, "{condition}: {found:?}");
    }
}

/// Of some principals only the beginning of the ARN is known, of some accounts only which one it is
/// not.
#[test]
fn value_that_is_half_known_is_compared_as_far_as_it_goes() {
    let any = ContextValue::StartingWith("arn:aws:iam::222222222222:".to_owned());
    let other = ContextValue::OtherThan("111111111111".to_owned());
    for (operator, required, value, expected) in [
        ("ArnLike", "arn:aws:iam::222222222222:*", &any, Some(true)),
        ("StringLike", "arn:aws:iam::*", &any, Some(true)),
        ("StringLike", "arn:aws:iam::*:role/x", &any, None),
        ("StringLike", "arn:aws:iam::3*", &any, Some(false)),
        ("StringLike", "arn:aws:iam::222222222222:role/x", &any, None),
        ("StringLike", "arn:aws:iam::2", &any, Some(false)),
        ("StringEquals", "arn:aws:iam::*", &any, Some(false)),
        ("StringEquals", "arn:aws:iam::222222222222:*", &any, None),
        ("StringLike", "*", &other, Some(true)),
        ("StringLike", "2*", &other, None),
        ("StringEquals", "*", &other, None),
        ("StringEquals", "222222222222", &other, None),
        ("StringEquals", "111111111111", &other, Some(false)),
    ] {
        let comparison = Comparison::named(operator).unwrap();
        let found = comparison.compare(required, value);
        assert_eq!(found, expected, "{operator} {required}");
    }
}

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
    let context: Context = [
        ("kms:viaservice", vec!["ec2.us-east-1.amazonaws.com"]),
        ("kms:grantisforawsresource", vec![]),
    ]
    .into_iter()
    .map(|(key, values)| {
        (
            key.to_owned(),
            values.into_iter().map(str::to_owned).collect(),
        )
    })
    .collect();
    let table = [
        (
            json!({ "StringLike": { "kms:ViaService": ["s3.*", "ec2.*"] } }),
            Some(true),
        ),
        (
            json!({ "StringEquals": { "kms:ViaService": "ec2.eu-west-1.amazonaws.com" } }),
            Some(false),
        ),
        (
            json!({ "StringNotEquals": { "kms:ViaService": "s3" } }),
            Some(true),
        ),
        (
            json!({ "Bool": { "kms:GrantIsForAWSResource": true } }),
            Some(false),
        ),
        (
            json!({ "BoolIfExists": { "kms:GrantIsForAWSResource": "true" } }),
            Some(true),
        ),
        (
            json!({ "Null": { "kms:GrantIsForAWSResource": "true" } }),
            Some(true),
        ),
        (
            json!({ "ForAllValues:StringEquals": { "kms:GrantIsForAWSResource": "x" } }),
            Some(true),
        ),
        (
            json!({ "ForAnyValue:StringLike": { "kms:ViaService": "ec2.*" } }),
            Some(true),
        ),
        (
            json!({ "StringEquals": { "aws:SourceIp": "1.2.3.4" } }),
            None,
        ),
        (
            json!({ "IpAddress": { "kms:ViaService": "1.2.3.4/8" } }),
            None,
        ),
        (
            json!({ "StringEquals": { "kms:ViaService": "${aws:PrincipalTag/x}" } }),
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
    for (condition, fits) in table {
        let outcome = match_conditions(&condition, &context);
        let expected = matches!(
            (&outcome, fits),
            (Match::Yes, Some(true)) | (Match::No, Some(false)) | (Match::Unknown(_), None)
        );
        assert!(expected, "{condition}: {outcome:?}");
    }
}

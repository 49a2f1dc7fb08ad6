use serde_json::json;

use super::*;

#[test]
fn deny_counts_for_its_principals_and_actions_only() {
    let target = BTreeSet::from([PolicyPrincipal::Account("222222222222".parse().unwrap())]);
    let wide = BTreeSet::from([PolicyPrincipal::Organization("o-abcdefghij".to_owned())]);
    let root = |account: &str| format!("arn:aws:iam::{account}:root");
    let role = "arn:aws:iam::222222222222:role/x";
    let (always, sometimes) = (Some(Denial::Always), Some(Denial::Sometimes));
    let table = [
        (
            json!({ "Principal": "*", "Action": "kms:*" }),
            always,
            always,
        ),
        (
            json!({ "Principal": { "AWS": "*" }, "Action": ["kms:decrypt"] }),
            always,
            always,
        ),
        (
            json!({ "Principal": { "AWS": root("222222222222") }, "Action": "kms:ReEncrypt*" }),
            always,
            None,
        ),
        (
            json!({ "Principal": { "AWS": ["222222222222"] }, "Action": "*" }),
            always,
            None,
        ),
        (
            json!({ "Principal": { "AWS": role }, "Action": "kms:*" }),
            sometimes,
            None,
        ),
        (
            json!({ "Principal": { "AWS": root("333333333333") }, "Action": "kms:*" }),
            None,
            None,
        ),
        (
            json!({ "Principal": { "Service": "ec2.amazonaws.com" }, "Action": "kms:*" }),
            None,
            None,
        ),
        (
            json!({ "Principal": "*", "Action": ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"] }),
            None,
            None,
        ),
        (
            json!({ "Principal": "*", "NotAction": "kms:*" }),
            None,
            None,
        ),
        (
            json!({ "Principal": "*", "NotAction": "kms:De?crypt" }),
            always,
            always,
        ),
        (
            json!({ "NotPrincipal": { "AWS": root("111111111111") }, "Action": "kms:CreateGrant" }),
            always,
            always,
        ),
        (
            json!({ "NotPrincipal": { "AWS": root("222222222222") }, "Action": "kms:*" }),
            None,
            always,
        ),
        (
            json!({ "NotPrincipal": { "AWS": role }, "Action": "kms:*" }),
            sometimes,
            always,
        ),
        (
            json!({ "Principal": "*", "Action": "kms:*", "Condition": {
                "StringNotEquals": { "aws:PrincipalOrgID": "o-x" },
            } }),
            sometimes,
            sometimes,
        ),
        (
            json!({ "Principal": "*", "Action": "kms:*", "Condition": {
                "Bool": { "aws:SecureTransport": "false" },
            } }),
            None,
            None,
        ),
    ];
    for (mut statement, of_account, of_organization) in table {
        assert_eq!(
            find_denial(&statement, &target),
            None,
            "it allows: {statement}"
        );
        statement["Effect"] = "Deny".into();
        assert_eq!(find_denial(&statement, &target), of_account, "{statement}");
        assert_eq!(
            find_denial(&statement, &wide),
            of_organization,
            "{statement}"
        );
    }
}

//! Which statements deny a target the use of a key. A deny beats every permission, so access given
//! beside it is none.

use std::collections::BTreeSet;

use serde_json::Value;

use super::PolicyPrincipal;
use crate::policy::matcher::{like, texts};

/// What a launch and a copy ask of the key (R1.4.2, R4.1).
const NEEDED: &[&str] = &[
    "kms:DescribeKey",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:CreateGrant",
];

/// How surely a statement denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// Whatever the call.
    Always,
    /// Under conditions, or for some principals of a target.
    Sometimes,
}

/// Whether a statement denies one of the holders something that a launch needs. Conditions are not
/// judged, but for the one that is met by every call without TLS: EC2 makes none.
pub(super) fn denial(statement: &Value, holders: &BTreeSet<PolicyPrincipal>) -> Option<Denial> {
    if statement.get("Effect").and_then(Value::as_str) != Some("Deny") || !of_use(statement) {
        return None;
    }
    let of_principals = holders
        .iter()
        .filter_map(|holder| of_principal(statement, holder));
    let surest = of_principals.min_by_key(|denial| *denial as u8)?;
    match statement.get("Condition").and_then(Value::as_object) {
        None => Some(surest),
        Some(condition) if condition.is_empty() => Some(surest),
        Some(condition) => {
            let keys = condition
                .values()
                .filter_map(Value::as_object)
                .flat_map(|keys| keys.keys());
            let only_tls = keys
                .clone()
                .all(|key| key.eq_ignore_ascii_case("aws:SecureTransport"));
            (!only_tls).then_some(Denial::Sometimes)
        }
    }
}

/// Whether the statement is about anything that is needed.
fn of_use(statement: &Value) -> bool {
    let covers = |patterns: &Value, action: &str| {
        texts(patterns)
            .is_some_and(|patterns| patterns.iter().any(|pattern| matches(pattern, action)))
    };
    match (statement.get("Action"), statement.get("NotAction")) {
        (Some(patterns), _) => NEEDED.iter().any(|action| covers(patterns, action)),
        (None, Some(patterns)) => NEEDED.iter().any(|action| !covers(patterns, action)),
        (None, None) => false,
    }
}

fn of_principal(statement: &Value, holder: &PolicyPrincipal) -> Option<Denial> {
    let named = |value: &Value| -> Vec<String> {
        let of_aws = if value.is_object() {
            value.get("AWS").and_then(texts)
        } else {
            texts(value)
        };
        of_aws
            .unwrap_or_default()
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let is_of = |name: &str| match holder {
        PolicyPrincipal::Account(account) => {
            name == account.as_ref() || name.split(':').nth(4) == Some(account.as_ref())
        }
        PolicyPrincipal::Organization(_) | PolicyPrincipal::Unit(_) => false,
    };
    let whole = |name: &str| {
        name == "*" || (is_of(name) && (!name.contains(':') || name.ends_with(":root")))
    };
    if let Some(principal) = statement.get("Principal") {
        let names = named(principal);
        if names.iter().any(|name| whole(name)) {
            return Some(Denial::Always);
        }
        return names
            .iter()
            .any(|name| is_of(name))
            .then_some(Denial::Sometimes);
    }
    let spared = named(statement.get("NotPrincipal")?);
    if spared.iter().any(|name| whole(name)) {
        return None;
    }
    Some(if spared.iter().any(|name| is_of(name)) {
        Denial::Sometimes
    } else {
        Denial::Always
    })
}

/// Whether an action is one of a pattern's, as IAM compares them: case is none.
fn matches(pattern: &str, action: &str) -> bool {
    like(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deny_counts_for_whom_and_what_it_is_about() {
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
                json!({ "Principal": "*", "Action": "kms:*", "Condition": { "StringNotEquals": { "aws:PrincipalOrgID": "o-x" } } }),
                sometimes,
                sometimes,
            ),
            (
                json!({ "Principal": "*", "Action": "kms:*", "Condition": { "Bool": { "aws:SecureTransport": "false" } } }),
                None,
                None,
            ),
        ];
        for (mut statement, of_account, of_organization) in table {
            assert_eq!(denial(&statement, &target), None, "it allows: {statement}");
            statement["Effect"] = "Deny".into();
            assert_eq!(denial(&statement, &target), of_account, "{statement}");
            assert_eq!(denial(&statement, &wide), of_organization, "{statement}");
        }
    }
}

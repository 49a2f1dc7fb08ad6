//! The shapes of our statements, and how one is told from anybody else's.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::id::{AccountId, Partition};
use crate::launch_policy::via_ec2;
use crate::request::KeyScope;

/// A statement of ours but for its accounts.
pub(super) struct Shape {
    pub(super) sid: &'static str,
    actions: &'static [&'static str],
    condition: Option<Value>,
}

/// What a statement is to a shape.
pub(super) enum Kind {
    /// It has the shape, for these accounts.
    Ours(BTreeSet<AccountId>),
    /// It has the Sid and not the shape.
    Taken,
    /// It is somebody else's.
    Foreign,
}

/// The shapes that give access in a scope. A version that changes one must keep the former as one that is recognised.
pub(super) fn shapes(partition: Partition, scope: KeyScope) -> Vec<Shape> {
    match scope {
        // As AWS's own policy of aws/ebs: only EC2 may call on the target's behalf. `BoolIfExists` is safe only beside
        // that: calls that make no grant carry no such key.
        KeyScope::ViaEc2 => vec![Shape {
            sid: "AmiShareUse",
            actions: &[
                "kms:DescribeKey",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:CreateGrant",
            ],
            condition: Some(json!({
                "StringLike": { "kms:ViaService": via_ec2(partition) },
                "BoolIfExists": { "kms:GrantIsForAWSResource": "true" },
            })),
        }],
        KeyScope::Direct => vec![
            Shape {
                sid: "AmiShareUseDirect",
                actions: &["kms:DescribeKey", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKeyWithoutPlaintext"],
                condition: None,
            },
            Shape {
                sid: "AmiShareGrants",
                actions: &["kms:CreateGrant"],
                condition: Some(json!({ "Bool": { "kms:GrantIsForAWSResource": "true" } })),
            },
        ],
    }
}

impl Shape {
    /// The statement for these accounts.
    pub(super) fn statement(&self, partition: Partition, accounts: &BTreeSet<AccountId>) -> Value {
        let roots: Vec<String> =
            accounts.iter().map(|account| format!("arn:{partition}:iam::{account}:root")).collect();
        let mut statement = json!({
            "Sid": self.sid,
            "Effect": "Allow",
            "Principal": { "AWS": roots },
            "Action": self.actions,
            "Resource": "*",
        });
        if let (Some(members), Some(condition)) = (statement.as_object_mut(), &self.condition) {
            members.insert("Condition".to_owned(), condition.clone());
        }
        statement
    }

    pub(super) fn kind(&self, partition: Partition, raw: &RawValue) -> Kind {
        let Ok(Value::Object(mut members)) = serde_json::from_str(raw.get()) else {
            return Kind::Foreign;
        };
        if members.get("Sid").and_then(Value::as_str) != Some(self.sid) {
            return Kind::Foreign;
        }
        let principal = members.remove("Principal");
        let Value::Object(mut ours) = self.statement(partition, &BTreeSet::new()) else {
            return Kind::Taken;
        };
        ours.remove("Principal");
        if canonical(&Value::Object(members)) != canonical(&Value::Object(ours)) {
            return Kind::Taken;
        }
        principal.and_then(|principal| accounts(partition, &principal)).map_or(Kind::Taken, Kind::Ours)
    }
}

/// The accounts of a principal that names nothing else.
fn accounts(partition: Partition, principal: &Value) -> Option<BTreeSet<AccountId>> {
    let members = principal.as_object()?;
    let (1, Some(named)) = (members.len(), members.get("AWS")) else {
        return None;
    };
    let account = |text: &str| {
        let root = text.strip_prefix(&format!("arn:{partition}:iam::")).and_then(|rest| rest.strip_suffix(":root"));
        root.unwrap_or(text).parse().ok()
    };
    texts(named)?.into_iter().map(account).collect()
}

/// The unique IDs that stand where a deleted user's or role's ARN was.
pub(super) fn stale_principals(raw: &RawValue) -> Vec<String> {
    let Ok(statement) = serde_json::from_str::<Value>(raw.get()) else {
        return Vec::new();
    };
    let principals = ["Principal", "NotPrincipal"].iter().filter_map(|name| statement.get(name)?.get("AWS"));
    let named = principals.filter_map(texts).flatten();
    named.filter(|text| is_unique_id(text)).map(str::to_owned).collect()
}

/// `AIDA…` for users, `AROA…` for roles: 16 or more capital letters and digits.
fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && ["AIDA", "AROA"].iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Equal for what means the same to IAM: KMS may give back a list of one as a string, or in another order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => Value::String(flag.to_string()),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), canonical(value))).collect(),
        Value::Array(list) => {
            let mut list: Vec<Value> = list.iter().map(canonical).collect();
            list.sort_by_key(ToString::to_string);
            list.dedup();
            match <[Value; 1]>::try_from(list) {
                Ok([one]) => one,
                Err(list) => Value::Array(list),
            }
        }
        other => other.clone(),
    }
}

//! The shapes of our statements, and how one is told from anybody else's.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::KeyScope;
use super::PolicyPrincipal;
use crate::id::{AccountId, Partition};

/// Principals a statement of ours is for: each kind stands in a statement of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Principals {
    Accounts,
    Organizations,
    Units,
}

/// A statement of ours but for its holders.
pub(super) struct StatementTemplate {
    pub(super) sid: String,
    principals: Principals,
    actions: &'static [&'static str],
    condition: Map<String, Value>,
    /// The account of the key, and the partition.
    owner: AccountId,
    partition: Partition,
}

/// What a statement is to a shape.
pub(super) enum Ownership {
    /// It has the shape, for these holders.
    Ours(BTreeSet<PolicyPrincipal>),
    /// It has the Sid and not the shape.
    Taken,
    /// It is somebody else's.
    Foreign,
}

const USE: &[&str] = &[
    "kms:DescribeKey",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKeyWithoutPlaintext",
];
const USE_AND_GRANT: &[&str] = &[
    "kms:DescribeKey",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:CreateGrant",
];

/// The shapes that give access in a scope, for each kind of holder. A version that changes one must
/// keep the former as one that is recognised.
pub(super) fn shapes(
    partition: Partition,
    owner: &AccountId,
    scope: KeyScope,
) -> Vec<StatementTemplate> {
    let kinds = [
        (Principals::Accounts, ""),
        (Principals::Organizations, "Organizations"),
        (Principals::Units, "OrganizationalUnits"),
    ];
    let of_kind = |(principals, suffix): (Principals, &str)| {
        let shape = |sid: &str, actions, condition: Value| StatementTemplate {
            sid: format!("{sid}{suffix}"),
            principals,
            actions,
            condition: condition.as_object().cloned().unwrap_or_default(),
            owner: owner.clone(),
            partition,
        };
        match scope {
            // As AWS's own policy of aws/ebs: only EC2 may call on the target's behalf.
            // `BoolIfExists` is safe only beside that: calls that make no grant carry no such key.
            KeyScope::ViaEc2 => vec![shape(
                "AmiShareUse",
                USE_AND_GRANT,
                json!({
                    "StringLike": { "kms:ViaService": partition.via_ec2() },
                    "BoolIfExists": { "kms:GrantIsForAWSResource": "true" },
                }),
            )],
            KeyScope::Direct => vec![
                shape("AmiShareUseDirect", USE, json!({})),
                shape(
                    "AmiShareGrants",
                    &["kms:CreateGrant"],
                    json!({ "Bool": { "kms:GrantIsForAWSResource": "true" } }),
                ),
            ],
        }
    };
    kinds.into_iter().flat_map(of_kind).collect()
}

impl StatementTemplate {
    /// A shape of a statement for accounts.
    pub(super) fn for_accounts(
        sid: &str,
        actions: &'static [&'static str],
        condition: Value,
        owner: &AccountId,
        partition: Partition,
    ) -> Self {
        let condition = condition.as_object().cloned().unwrap_or_default();
        Self {
            sid: sid.to_owned(),
            principals: Principals::Accounts,
            actions,
            condition,
            owner: owner.clone(),
            partition,
        }
    }

    /// Those of the holders that this shape is for.
    pub(super) fn only(&self, holders: &BTreeSet<PolicyPrincipal>) -> BTreeSet<PolicyPrincipal> {
        let mine = |holder: &&PolicyPrincipal| {
            matches!(
                (self.principals, holder),
                (Principals::Accounts, PolicyPrincipal::Account(_))
                    | (Principals::Organizations, PolicyPrincipal::Organization(_))
                    | (Principals::Units, PolicyPrincipal::Unit(_))
            )
        };
        holders.iter().filter(mine).cloned().collect()
    }

    /// The statement for these holders.
    pub(super) fn statement(&self, holders: &BTreeSet<PolicyPrincipal>) -> Value {
        let mut condition = self.condition.clone();
        let names: Vec<String> = holders
            .iter()
            .map(|holder| holder.text(self.partition))
            .collect();
        let principal = match self.principals {
            Principals::Accounts => json!({ "AWS": names }),
            // `*` would give the owner's own principals direct access too (R3.1.3).
            Principals::Organizations | Principals::Units => {
                let (operator, key) = self.membership();
                condition.insert(operator.to_owned(), json!({ key: names }));
                condition.insert(
                    "StringNotEquals".to_owned(),
                    json!({ "kms:CallerAccount": self.owner }),
                );
                json!({ "AWS": "*" })
            }
        };
        let mut statement = json!({
            "Sid": self.sid,
            "Effect": "Allow",
            "Principal": principal,
            "Action": self.actions,
            "Resource": "*",
        });
        if let (Some(members), false) = (statement.as_object_mut(), condition.is_empty()) {
            members.insert("Condition".to_owned(), condition.into());
        }
        statement
    }

    /// The operator and the key of the condition that names organizations or units.
    fn membership(&self) -> (&'static str, &'static str) {
        match self.principals {
            Principals::Units => ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths"),
            Principals::Accounts | Principals::Organizations => {
                ("StringEquals", "aws:PrincipalOrgID")
            }
        }
    }

    pub(super) fn kind(&self, raw: &RawValue) -> Ownership {
        let Ok(Value::Object(members)) = serde_json::from_str(raw.get()) else {
            return Ownership::Foreign;
        };
        if members.get("Sid").and_then(Value::as_str) != Some(self.sid.as_str()) {
            return Ownership::Foreign;
        }
        let Some(holders) = self.holders(&members) else {
            return Ownership::Taken;
        };
        // Ours is what reads as the statement that we would write for these holders.
        let same = canonical(&named(Value::Object(members), self.partition))
            == canonical(&self.statement(&holders));
        if same {
            Ownership::Ours(holders)
        } else {
            Ownership::Taken
        }
    }

    /// Principals a statement with our Sid names; nothing where it names anybody in another way than
    /// ours.
    fn holders(&self, members: &Map<String, Value>) -> Option<BTreeSet<PolicyPrincipal>> {
        if self.principals == Principals::Accounts {
            let account = |text: &str| account(self.partition, text).map(PolicyPrincipal::Account);
            return texts(members.get("Principal")?.get("AWS")?)?
                .into_iter()
                .map(account)
                .collect();
        }
        let (operator, key) = self.membership();
        let holder = |text: &str| match self.principals {
            Principals::Units => PolicyPrincipal::Unit(text.to_owned()),
            Principals::Accounts | Principals::Organizations => {
                PolicyPrincipal::Organization(text.to_owned())
            }
        };
        Some(
            texts(members.get("Condition")?.get(operator)?.get(key)?)?
                .into_iter()
                .map(holder)
                .collect(),
        )
    }
}

/// The account that a principal means by its root or its bare ID.
fn account(partition: Partition, text: &str) -> Option<AccountId> {
    let root = text
        .strip_prefix(&format!("arn:{partition}:iam::"))
        .and_then(|rest| rest.strip_suffix(":root"));
    root.unwrap_or(text).parse().ok()
}

/// The statement with accounts named by their roots.
fn named(mut statement: Value, partition: Partition) -> Value {
    if let Some(Value::Array(list)) = statement.pointer_mut("/Principal/AWS") {
        for text in list {
            if let Some(account) = text.as_str().and_then(|text| account(partition, text)) {
                *text = PolicyPrincipal::Account(account).text(partition).into();
            }
        }
    } else if let Some(one) = statement.pointer_mut("/Principal/AWS")
        && let Some(account) = one.as_str().and_then(|text| account(partition, text))
    {
        *one = PolicyPrincipal::Account(account).text(partition).into();
    }
    statement
}

/// The unique IDs that stand where a deleted user's or role's ARN was.
pub(super) fn stale_principals(raw: &RawValue) -> Vec<String> {
    let Ok(statement) = serde_json::from_str::<Value>(raw.get()) else {
        return Vec::new();
    };
    let principals = ["Principal", "NotPrincipal"]
        .iter()
        .filter_map(|name| statement.get(name)?.get("AWS"));
    let named = principals.filter_map(texts).flatten();
    named
        .filter(|text| is_unique_id(text))
        .map(str::to_owned)
        .collect()
}

/// Every principal that a statement allows something, of every kind.
pub(super) fn allowed_principals(raw: &RawValue) -> Vec<String> {
    let Ok(statement) = serde_json::from_str::<Value>(raw.get()) else {
        return Vec::new();
    };
    if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
        return Vec::new();
    }
    let named = match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds.values().filter_map(texts).flatten().collect(),
        Some(other) => texts(other).unwrap_or_default(),
        None => Vec::new(),
    };
    named.into_iter().map(str::to_owned).collect()
}

/// `AIDA…` for users, `AROA…` for roles: 16 or more capital letters and digits.
fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && ["AIDA", "AROA"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

pub(super) fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(text) => Some(vec![text]),
        Value::Array(list) => list.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

/// Equal for what means the same to IAM: KMS may give back a list of one as a string, or in another
/// order.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => Value::String(flag.to_string()),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), canonical(value)))
            .collect(),
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

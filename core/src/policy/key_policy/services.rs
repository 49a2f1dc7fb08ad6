//! The statement that lets target accounts give grants to their service-linked roles (R4.11): what
//! Auto Scaling and its like launch with.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::statement::{StatementTemplate, texts};
use crate::id::{AccountId, Partition};

/// What such a role must be able to do, as AWS publishes it.
pub(crate) const SERVICE_OPERATIONS: [&str; 8] = [
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
    "CreateGrant",
];

const SID: &str = "AmiShareServiceLinkedRoles";

/// The shape of the statement for these services. It allows grants for roles of these services
/// only, each account for its own, and none without the operations named: `ForAllValues` alone is
/// true where there are none.
pub(super) fn shape(
    partition: Partition,
    owner: &AccountId,
    services: &BTreeSet<String>,
) -> StatementTemplate {
    let roles: Vec<String> = services
        .iter()
        .map(|service| role_pattern(partition, service))
        .collect();
    let condition = json!({
        "StringLike": { "kms:GranteePrincipal": roles },
        "ForAllValues:StringEquals": { "kms:GrantOperations": SERVICE_OPERATIONS },
        "Null": { "kms:GrantOperations": "false" },
    });
    StatementTemplate::for_accounts(SID, &["kms:CreateGrant"], condition, owner, partition)
}

fn role_pattern(partition: Partition, service: &str) -> String {
    format!("arn:{partition}:iam::${{aws:PrincipalAccount}}:role/aws-service-role/{service}/*")
}

/// The services that a statement with our Sid names; nothing where it names anything else.
pub(super) fn services(raw: &RawValue, partition: Partition) -> Option<BTreeSet<String>> {
    let statement: Value = serde_json::from_str(raw.get()).ok()?;
    if statement.get("Sid")?.as_str()? != SID {
        return None;
    }
    let roles = texts(
        statement
            .get("Condition")?
            .get("StringLike")?
            .get("kms:GranteePrincipal")?,
    )?;
    let pattern = role_pattern(partition, "*");
    let (before, after) = pattern.split_once("*/")?;
    let service = |role: &str| {
        Some(
            role.strip_prefix(before)?
                .strip_suffix(after)?
                .strip_suffix('/')?
                .to_owned(),
        )
    };
    roles.into_iter().map(service).collect()
}

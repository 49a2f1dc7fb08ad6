//! The statement that lets target accounts give grants to their service-linked roles (R4.11), with
//! which services such as Auto Scaling launch.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::template::StatementTemplate;
use crate::id::{KeyArn, Partition};
use crate::policy::launch_operations::{CREATE_GRANT, SERVICE_ROLE_OPERATIONS};
use crate::policy::statement::texts;

const SID: &str = "AmiShareServiceLinkedRoles";

/// The template of the statement for these services. It allows grants to roles of these services
/// only, each account to its own. `Null` keeps out grants without operations, which
/// `ForAllValues` alone would allow.
pub(super) fn service_template<'a>(
    key: &'a KeyArn,
    services: &BTreeSet<String>,
) -> StatementTemplate<'a> {
    let partition = key.region().partition();
    let roles: Vec<String> = services
        .iter()
        .map(|service| role_pattern(partition, service))
        .collect();
    let condition = json!({
        "StringLike": { "kms:GranteePrincipal": roles },
        "ForAllValues:StringEquals": { "kms:GrantOperations": SERVICE_ROLE_OPERATIONS },
        "Null": { "kms:GrantOperations": "false" },
    });
    StatementTemplate::for_accounts(key, SID, vec![CREATE_GRANT], condition)
}

fn role_pattern(partition: Partition, service: &str) -> String {
    format!("arn:{partition}:iam::${{aws:PrincipalAccount}}:role/aws-service-role/{service}/*")
}

/// The services that a statement with our Sid names; `None` if it names anything else.
pub(super) fn named_services(raw: &RawValue, partition: Partition) -> Option<BTreeSet<String>> {
    let statement: Value = serde_json::from_str(raw.get()).ok()?;
    if statement.get("Sid")?.as_str()? != SID {
        return None;
    }
    let conditions = statement.get("Condition")?.get("StringLike")?;
    let roles = texts(conditions.get("kms:GranteePrincipal")?)?;
    let pattern = role_pattern(partition, "*");
    let (before, after) = pattern.split_once('*')?;
    let mut services = BTreeSet::new();
    for role in roles {
        let service = role.strip_prefix(before)?.strip_suffix(after)?;
        services.insert(service.to_owned());
    }
    Some(services)
}

//! The statement that lets target accounts give grants to their service-linked roles (R4.11), with
//! which services such as Auto Scaling launch.

use std::collections::BTreeSet;

use serde_json::json;
use serde_json::value::RawValue;

use super::document::read_statement;
use super::service_roles::role_pattern;
use super::template::StatementTemplate;
use crate::id::{KeyArn, Partition, is_service_principal};
use crate::policy::launch_operations::{CREATE_GRANT, SERVICE_ROLE_OPERATIONS};
use crate::policy::statement::texts;

const SID: &str = "AmiShareServiceLinkedRoles";

const VARIABLE: &str = "${aws:PrincipalAccount}";

/// How the statement names the roles of services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoleForm {
    /// By `${aws:PrincipalAccount}`: each account its own. That works only in documents of version
    /// 2012-10-17; elsewhere it is plain text (R7.23).
    ByVariable,
    /// Account by account, which works in every document.
    ByAccount,
}

impl RoleForm {
    pub(super) const ALL: [Self; 2] = [Self::ByVariable, Self::ByAccount];

    /// The form for new statements.
    pub(super) fn for_document(fills_variables: bool) -> Self {
        if fills_variables {
            Self::ByVariable
        } else {
            Self::ByAccount
        }
    }

    /// Whether statements of this form have an effect.
    pub(super) fn works(self, fills_variables: bool) -> bool {
        fills_variables || self == Self::ByAccount
    }
}

/// The template of the statement for these services. It allows grants to roles of these services
/// only, and only in accounts that it names. `Null` keeps out grants without operations, which
/// `ForAllValues` alone would allow.
pub(super) fn service_template<'a>(
    key: &'a KeyArn,
    services: &BTreeSet<String>,
    form: RoleForm,
) -> StatementTemplate<'a> {
    let mut condition = json!({
        "ForAllValues:StringEquals": { "kms:GrantOperations": SERVICE_ROLE_OPERATIONS },
        "Null": { "kms:GrantOperations": "false" },
    });
    if form == RoleForm::ByVariable {
        let partition = key.region().partition();
        let roles: Vec<String> = services
            .iter()
            .map(|service| role_pattern(partition, VARIABLE, service))
            .collect();
        condition["StringLike"] = json!({ "kms:GranteePrincipal": roles });
    }
    let template = StatementTemplate::for_accounts(key, SID, vec![CREATE_GRANT], condition);
    match form {
        RoleForm::ByVariable => template,
        RoleForm::ByAccount => template.with_roles_of(services),
    }
}

/// The services that a statement with our Sid names in a form; `None` if it names anything else.
pub(super) fn named_services(
    raw: &RawValue,
    partition: Partition,
    form: RoleForm,
) -> Option<BTreeSet<String>> {
    let statement = read_statement(raw);
    if statement.get("Sid")?.as_str()? != SID {
        return None;
    }
    let conditions = statement.get("Condition")?.get("StringLike")?;
    let roles = texts(conditions.get("kms:GranteePrincipal")?)?;
    let prefix = format!("arn:{partition}:iam::");
    let mut services = BTreeSet::new();
    for role in roles {
        let (account, service) = role
            .strip_prefix(&prefix)?
            .strip_suffix("/*")?
            .split_once(":role/aws-service-role/")?;
        if (account == VARIABLE) != (form == RoleForm::ByVariable) {
            return None;
        }
        if !is_service_principal(service) {
            return None;
        }
        services.insert(service.to_owned());
    }
    Some(services)
}

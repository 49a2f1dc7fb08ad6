//! The statements that this tool writes, and how to tell them from anybody else's.

use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::document::read_statement;
use super::service_roles::role_patterns;
use super::{KeyScope, PolicyPrincipal};
use crate::id::{AccountId, KeyArn, Partition, is_organization, is_unit_path};
use crate::policy::launch_operations::{CREATE_GRANT, use_and_grant_patterns, use_patterns};
use crate::policy::statement::texts;

/// The kind of principals that a statement names. Each kind has a statement of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PrincipalKind {
    Accounts,
    Organizations,
    Units,
}

/// A statement of this tool, without its principals.
pub(super) struct StatementTemplate<'a> {
    pub(super) sid: String,
    kind: PrincipalKind,
    actions: Vec<&'static str>,
    condition: Map<String, Value>,
    /// The services whose roles the statement names account by account.
    services: BTreeSet<String>,
    key: &'a KeyArn,
}

/// What a statement is to a template.
pub(super) enum Ownership {
    /// It is what the template gives for these principals.
    Ours(BTreeSet<PolicyPrincipal>),
    /// It has the template's Sid and something else in it.
    Taken,
    /// It has another Sid.
    Foreign,
}

/// The templates of a scope, for each kind of principal. A version that changes one must go on to
/// recognize the former one.
pub(super) fn templates_of_scope(key: &KeyArn, scope: KeyScope) -> Vec<StatementTemplate<'_>> {
    let kinds = [
        (PrincipalKind::Accounts, ""),
        (PrincipalKind::Organizations, "Organizations"),
        (PrincipalKind::Units, "OrganizationalUnits"),
    ];
    let mut templates = Vec::new();
    for (kind, suffix) in kinds {
        for (sid, actions, condition) in statements_of_scope(key, scope) {
            let sid = format!("{sid}{suffix}");
            templates.push(StatementTemplate::new(key, sid, kind, actions, condition));
        }
    }
    templates
}

/// The Sid, the actions and the condition of each statement of a scope.
fn statements_of_scope(
    key: &KeyArn,
    scope: KeyScope,
) -> Vec<(&'static str, Vec<&'static str>, Value)> {
    match scope {
        // As AWS's own policy of aws/ebs: only EC2 may call on the target's behalf. `BoolIfExists`
        // is safe only with that condition: calls that make no grant carry no such key.
        KeyScope::ViaEc2 => {
            let condition = json!({
                "StringLike": { "kms:ViaService": key.region().partition().via_ec2() },
                "BoolIfExists": { "kms:GrantIsForAWSResource": "true" },
            });
            vec![("AmiShareUse", use_and_grant_patterns(), condition)]
        }
        KeyScope::Direct => {
            let for_services = json!({ "Bool": { "kms:GrantIsForAWSResource": "true" } });
            vec![
                ("AmiShareUseDirect", use_patterns(), json!({})),
                ("AmiShareGrants", vec![CREATE_GRANT], for_services),
            ]
        }
    }
}

impl<'a> StatementTemplate<'a> {
    fn new(
        key: &'a KeyArn,
        sid: String,
        kind: PrincipalKind,
        actions: Vec<&'static str>,
        condition: Value,
    ) -> Self {
        Self {
            sid,
            kind,
            actions,
            condition: condition.as_object().cloned().unwrap_or_default(),
            services: BTreeSet::new(),
            key,
        }
    }

    /// The same, with grants only to the roles of these services in each account that it names.
    pub(super) fn with_roles_of(self, services: &BTreeSet<String>) -> Self {
        Self {
            services: services.clone(),
            ..self
        }
    }

    /// The template of a statement that names accounts.
    pub(super) fn for_accounts(
        key: &'a KeyArn,
        sid: &str,
        actions: Vec<&'static str>,
        condition: Value,
    ) -> Self {
        let kind = PrincipalKind::Accounts;
        Self::new(key, sid.to_owned(), kind, actions, condition)
    }

    fn partition(&self) -> Partition {
        self.key.region().partition()
    }

    /// Whether the template is for principals of this kind.
    pub(super) fn is_for(&self, principal: &PolicyPrincipal) -> bool {
        match principal {
            PolicyPrincipal::Account(_) => self.kind == PrincipalKind::Accounts,
            PolicyPrincipal::Organization(_) => self.kind == PrincipalKind::Organizations,
            PolicyPrincipal::Unit(_) => self.kind == PrincipalKind::Units,
        }
    }

    /// Those of the principals that the template is for.
    pub(super) fn select(
        &self,
        principals: &BTreeSet<PolicyPrincipal>,
    ) -> BTreeSet<PolicyPrincipal> {
        let own = principals.iter().filter(|principal| self.is_for(principal));
        own.cloned().collect()
    }

    /// The statement for these principals.
    pub(super) fn statement(&self, principals: &BTreeSet<PolicyPrincipal>) -> Value {
        let mut condition = self.condition.clone();
        let names = principals
            .iter()
            .map(|principal| principal.text(self.partition()))
            .collect::<Vec<_>>();
        if !self.services.is_empty() {
            let roles = role_patterns(self.partition(), &self.services, principals);
            condition.insert(
                "StringLike".to_owned(),
                json!({ "kms:GranteePrincipal": roles }),
            );
        }
        let principal = match self.kind {
            PrincipalKind::Accounts => json!({ "AWS": names }),
            PrincipalKind::Organizations | PrincipalKind::Units => {
                let (operator, condition_key) = self.membership_condition();
                condition.insert(operator.to_owned(), json!({ condition_key: names }));
                // `*` alone would give the owner's own principals direct access too (R3.1.3).
                let of_owner = json!({ "kms:CallerAccount": self.key.account() });
                condition.insert("StringNotEquals".to_owned(), of_owner);
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
        if !condition.is_empty() {
            statement["Condition"] = condition.into();
        }
        statement
    }

    /// The operator and the key of the condition that names organizations or units.
    fn membership_condition(&self) -> (&'static str, &'static str) {
        match self.kind {
            PrincipalKind::Units => ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths"),
            PrincipalKind::Accounts | PrincipalKind::Organizations => {
                ("StringEquals", "aws:PrincipalOrgID")
            }
        }
    }

    /// Whether a statement is one that this tool wrote from the template.
    pub(super) fn owns(&self, raw: &RawValue) -> bool {
        matches!(self.ownership_of(raw), Ownership::Ours(_))
    }

    /// What a statement of a policy is to the template.
    pub(super) fn ownership_of(&self, raw: &RawValue) -> Ownership {
        let statement = read_statement(raw);
        if statement.get("Sid").and_then(Value::as_str) != Some(self.sid.as_str()) {
            return Ownership::Foreign;
        }
        let Some(principals) = self.principals_of(&statement) else {
            return Ownership::Taken;
        };
        // Ours is what IAM reads as the statement that we would write for these principals.
        let expected = canonical(&self.statement(&principals));
        if canonical(&with_account_roots(statement, self.partition())) == expected {
            Ownership::Ours(principals)
        } else {
            Ownership::Taken
        }
    }

    /// The principals that a statement names; `None` if it names any in another way than ours.
    fn principals_of(&self, statement: &Value) -> Option<BTreeSet<PolicyPrincipal>> {
        let names = match self.kind {
            PrincipalKind::Accounts => statement.get("Principal")?.get("AWS")?,
            PrincipalKind::Organizations | PrincipalKind::Units => {
                let (operator, condition_key) = self.membership_condition();
                let condition = statement.get("Condition")?;
                condition.get(operator)?.get(condition_key)?
            }
        };
        let mut principals = BTreeSet::new();
        for name in texts(names)? {
            principals.insert(match self.kind {
                PrincipalKind::Accounts => {
                    PolicyPrincipal::Account(parse_account(self.partition(), name)?)
                }
                // A pattern such as `*` means more than any principal that we would name.
                PrincipalKind::Organizations if is_organization(name) => {
                    PolicyPrincipal::Organization(name.to_owned())
                }
                PrincipalKind::Units if is_unit_path(name) => {
                    PolicyPrincipal::Unit(name.to_owned())
                }
                PrincipalKind::Organizations | PrincipalKind::Units => return None,
            });
        }
        Some(principals)
    }
}

/// The account that a principal means by its root or its bare ID.
fn parse_account(partition: Partition, principal: &str) -> Option<AccountId> {
    let root = principal
        .strip_prefix(&format!("arn:{partition}:iam::"))
        .and_then(|rest| rest.strip_suffix(":root"));
    root.unwrap_or(principal).parse().ok()
}

/// The statement with accounts named by their roots, as the template names them.
fn with_account_roots(mut statement: Value, partition: Partition) -> Value {
    let names = match statement.pointer_mut("/Principal/AWS") {
        Some(Value::Array(names)) => names.as_mut_slice(),
        Some(name) => std::slice::from_mut(name),
        None => &mut [],
    };
    for name in names {
        let account = name
            .as_str()
            .and_then(|name| parse_account(partition, name));
        if let Some(account) = account {
            *name = partition.account_root(&account).into();
        }
    }
    statement
}

/// A value that is equal for what means the same to IAM: KMS may answer a list of one as a string,
/// or a list in another order.
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

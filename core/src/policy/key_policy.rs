//! The statements of this tool in a key policy: merged in and taken out. Pure: text in, text out.
//!
//! Every other statement keeps each of its bytes. KMS takes only some characters (R3.2.3), so even
//! escaping a character differently could break a document, and nobody asked for such changes.

mod document;
mod foreign;
mod others;
mod permissions;
mod principal;
mod read_once;
mod service_roles;
mod services;
mod stale;
mod template;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

use self::document::{Document, read_statement};
use self::read_once::ReadOnce;
use self::services::{RoleForm, named_services, service_template};
use self::stale::Cleaned;
use self::template::{Ownership, StatementTemplate, templates_of_scope};
use super::statement::{Statements, sid_or_number};
use crate::id::KeyArn;

pub(crate) use foreign::is_account;
pub use permissions::{KeyPermissions, KeyScope};
pub use principal::PolicyPrincipal;

/// A key policy document.
#[derive(Clone, Debug)]
pub(crate) struct KeyPolicy {
    document: Document,
    /// Boxed, because policies stand beside small values.
    read: Box<ReadOnce>,
}

/// Why a text is not taken as a key policy, or not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyError {
    /// The text is not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// The JSON does not have the form of a policy.
    #[error("it is not a policy: {0}")]
    NotAPolicy(&'static str),
    /// An element of a statement has something that is not understood, so that nothing of it is.
    #[error("the `{0}` of a statement cannot be read: {1}")]
    Unreadable(&'static str, String),
    /// A statement has a Sid of this tool and something else in it.
    #[error("a statement named {} is not one that this tool wrote", .0.join(", "))]
    SidTaken(Vec<String>),
}

impl KeyPolicy {
    /// Reads what `kms:GetKeyPolicy` answers.
    ///
    /// # Errors
    /// If the text is not JSON, or does not have the form of a policy.
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyError> {
        let document = Document::parse(text)?;
        document.check_grammar()?;
        Ok(Self::of(document))
    }

    fn of(document: Document) -> Self {
        let read = Box::default();
        Self { document, read }
    }

    /// What `kms:PutKeyPolicy` gets.
    pub(crate) fn text(&self) -> String {
        self.document.text()
    }

    /// The size that KMS counts, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.document.text().len()
    }

    /// The principals that every statement of these permissions names.
    pub(crate) fn principals_with_access(
        &self,
        key: &KeyArn,
        permissions: &KeyPermissions,
    ) -> BTreeSet<PolicyPrincipal> {
        // A scope can need several statements: a principal must be in each that is meant for it.
        let templates = templates_of_scope(key, permissions.scope);
        let mut principals = self.principals_of_any(&templates);
        for template in &templates {
            let named = self.principals_of(template);
            principals.retain(|principal| !template.is_for(principal) || named.contains(principal));
        }
        if permissions.services.is_empty() {
            return principals;
        }
        let mut with_roles = BTreeSet::new();
        for form in RoleForm::ALL {
            if form.works(self.has_variables())
                && permissions.services.is_subset(&self.services(key, form))
            {
                with_roles.extend(self.principals_of(&self.service_template(key, form)));
            }
        }
        &principals & &with_roles
    }

    /// The principals that any statement of this tool names, of whatever scope.
    pub(crate) fn granted_principals(&self, key: &KeyArn) -> Cow<'_, BTreeSet<PolicyPrincipal>> {
        let read = || self.principals_of_any(&self.all_templates(key));
        self.read.granted(key, read)
    }

    /// The principals that any of the statements of a scope names.
    pub(crate) fn principals_with_any_access(
        &self,
        key: &KeyArn,
        scope: KeyScope,
    ) -> BTreeSet<PolicyPrincipal> {
        self.principals_of_any(&templates_of_scope(key, scope))
    }

    /// The policy with access for these principals added; the same text if they have it.
    ///
    /// # Errors
    /// If a Sid of this tool is taken.
    pub(crate) fn with_access(
        &self,
        key: &KeyArn,
        permissions: &KeyPermissions,
        principals: &BTreeSet<PolicyPrincipal>,
    ) -> Result<Self, PolicyError> {
        let taken = self.taken_sids(key, permissions);
        if !taken.is_empty() {
            return Err(PolicyError::SidTaken(taken));
        }
        let mut policy = self.clone();
        for template in templates_of_scope(key, permissions.scope) {
            let all = &self.principals_of(&template) | &template.select(principals);
            policy.set_principals(&template, &all)?;
        }
        if !permissions.services.is_empty() {
            policy.add_services(key, &permissions.services, principals)?;
        }
        Ok(policy)
    }

    /// The policy without any access for these principals that statements of this tool give, of
    /// whatever scope.
    ///
    /// # Errors
    /// If a statement cannot be written.
    pub(crate) fn without_access(
        &self,
        key: &KeyArn,
        principals: &BTreeSet<PolicyPrincipal>,
    ) -> Result<Self, PolicyError> {
        let mut policy = self.clone();
        for template in self.all_templates(key) {
            let remaining = &self.principals_of(&template) - principals;
            policy.set_principals(&template, &remaining)?;
        }
        Ok(policy)
    }

    /// Whether policy variables such as `${aws:PrincipalAccount}` work in this document (R7.23).
    pub(crate) fn has_variables(&self) -> bool {
        self.document.has_policy_variables()
    }

    /// Every statement, as policies are evaluated by.
    pub(crate) fn statements(&self) -> &Statements {
        self.read.statements(|| Statements {
            list: self.parsed_statements(),
            fills_variables: self.has_variables(),
        })
    }

    /// The principals of accounts that any statement names, allowed, denied or spared, by the Sid
    /// or number of each.
    pub(crate) fn named_principals(&self) -> Vec<(String, Vec<String>)> {
        let mut named = Vec::new();
        for (index, statement) in self.statements().list.iter().enumerate() {
            let names = foreign::named_principals(statement);
            named.push((sid_or_number(statement, index), names));
        }
        named
    }

    /// The unique IDs of deleted users and roles, by the Sid or number of the statement that names
    /// them. KMS refuses a policy with them (R3.2.6).
    pub(crate) fn stale_principals(&self) -> Vec<(String, Vec<String>)> {
        let mut stale = Vec::new();
        for (index, statement) in self.statements().list.iter().enumerate() {
            let deleted = foreign::deleted_principals(statement);
            if !deleted.is_empty() {
                stale.push((sid_or_number(statement, index), deleted));
            }
        }
        stale
    }

    /// The policy without the unique IDs of deleted users and roles. They give access to nobody,
    /// and a statement that names nobody else goes with them.
    ///
    /// # Errors
    /// The name of a statement that spares only such principals: without them it cannot be written.
    pub(crate) fn without_stale_principals(&self) -> Result<Self, String> {
        let mut policy = self.clone();
        for (index, statement) in self.statements().list.iter().enumerate().rev() {
            if foreign::deleted_principals(statement).is_empty() {
                continue;
            }
            let cleaned = match stale::without_deleted(&self.document.statements[index]) {
                Cleaned::Statement(cleaned) => Some(cleaned),
                Cleaned::Nothing => None,
                Cleaned::SparesNobody => return Err(sid_or_number(statement, index)),
            };
            policy.document.set_statement(index, cleaned);
        }
        Ok(policy)
    }

    /// The Sids of these permissions on statements that this tool did not write.
    pub(crate) fn taken_sids(&self, key: &KeyArn, permissions: &KeyPermissions) -> Vec<String> {
        let mut templates = templates_of_scope(key, permissions.scope);
        if !permissions.services.is_empty() {
            templates.push(self.service_template(key, RoleForm::ByVariable));
        }
        let ours = self.all_templates(key);
        let is_ours = |raw: &RawValue| ours.iter().any(|template| template.owns(raw));
        let mut taken = Vec::new();
        for template in templates {
            let is_taken = |raw: &RawValue| {
                matches!(template.ownership_of(raw), Ownership::Taken) && !is_ours(raw)
            };
            if self.document.statements.iter().any(|raw| is_taken(raw)) {
                taken.push(template.sid);
            }
        }
        taken
    }

    /// Every template whose statements the policy can have.
    fn all_templates<'a>(&self, key: &'a KeyArn) -> Vec<StatementTemplate<'a>> {
        let mut templates = templates_of_scope(key, KeyScope::ViaEc2);
        templates.extend(templates_of_scope(key, KeyScope::Direct));
        for form in RoleForm::ALL {
            templates.push(self.service_template(key, form));
        }
        templates
    }

    /// The template of our statement for service-linked roles, with the services that it names.
    fn service_template<'a>(&self, key: &'a KeyArn, form: RoleForm) -> StatementTemplate<'a> {
        service_template(key, &self.services(key, form), form)
    }

    /// The services that our statement for service-linked roles names in a form.
    fn services(&self, key: &KeyArn, form: RoleForm) -> BTreeSet<String> {
        let partition = key.region().partition();
        let statements = self.document.statements.iter();
        statements
            .filter_map(|raw| named_services(raw, partition, form))
            .flatten()
            .collect()
    }

    fn parsed_statements(&self) -> Vec<Value> {
        let statements = self.document.statements.iter();
        statements.map(|raw| read_statement(raw)).collect()
    }

    /// The principals that our statements of a template name.
    fn principals_of(&self, template: &StatementTemplate<'_>) -> BTreeSet<PolicyPrincipal> {
        let mut principals = BTreeSet::new();
        for raw in &self.document.statements {
            if let Ownership::Ours(named) = template.ownership_of(raw) {
                principals.extend(named);
            }
        }
        principals
    }

    fn principals_of_any(&self, templates: &[StatementTemplate<'_>]) -> BTreeSet<PolicyPrincipal> {
        let mut principals = BTreeSet::new();
        for template in templates {
            principals.extend(self.principals_of(template));
        }
        principals
    }

    /// Writes the statement of a template anew if its principals change.
    fn set_principals(
        &mut self,
        template: &StatementTemplate<'_>,
        principals: &BTreeSet<PolicyPrincipal>,
    ) -> Result<(), PolicyError> {
        if *principals == self.principals_of(template) {
            return Ok(());
        }
        let statement = (!principals.is_empty()).then(|| template.statement(principals));
        self.document
            .replace_statements(|raw| template.owns(raw), statement.as_ref())
    }

    /// Adds services and accounts to our statement for service-linked roles. There is one statement
    /// for all services: an account can give grants to roles of the services only, whichever they
    /// are.
    fn add_services(
        &mut self,
        key: &KeyArn,
        services: &BTreeSet<String>,
        principals: &BTreeSet<PolicyPrincipal>,
    ) -> Result<(), PolicyError> {
        let (mut all, mut accounts) = (services.clone(), BTreeSet::new());
        let current = RoleForm::ALL.map(|form| self.service_template(key, form));
        for (form, template) in RoleForm::ALL.iter().zip(&current) {
            all.extend(self.services(key, *form));
            accounts.extend(self.principals_of(template));
        }
        let form = RoleForm::for_document(self.has_variables());
        let new = service_template(key, &all, form);
        accounts.extend(new.select(principals));
        if accounts == self.principals_of(&new) {
            return Ok(());
        }
        let statement = new.statement(&accounts);
        let is_replaced = |raw: &RawValue| current.iter().any(|template| template.owns(raw));
        self.document
            .replace_statements(is_replaced, Some(&statement))
    }
}

/// The statements that give these principals access, for users that keep key policies in code.
/// Policy variables are used in documents where they work.
pub(crate) fn access_statements(
    key: &KeyArn,
    permissions: &KeyPermissions,
    principals: &BTreeSet<PolicyPrincipal>,
    fills_variables: bool,
) -> Vec<Value> {
    let mut templates = templates_of_scope(key, permissions.scope);
    if !permissions.services.is_empty() {
        let form = RoleForm::for_document(fills_variables);
        templates.push(service_template(key, &permissions.services, form));
    }
    let mut statements = Vec::new();
    for template in templates {
        let named = template.select(principals);
        if !named.is_empty() {
            statements.push(template.statement(&named));
        }
    }
    statements
}

#[cfg(test)]
mod imitations;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unread;

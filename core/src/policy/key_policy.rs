//! Our statements in a key policy, merged in and taken out: pure text in, text out.
//!
//! Everything foreign keeps every byte. KMS takes only some characters (R3.2.3), so even writing an
//! escape in another way could break a document; and a document that came back changed would be a
//! change nobody asked for.

mod deny;
mod document;
mod principal;
mod services;
mod statement;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use self::document::Document;
use self::statement::{Ownership, StatementTemplate};
use crate::id::{AccountId, KeyArn, Partition};

pub(crate) use deny::Denial;
pub use principal::PolicyPrincipal;
pub(crate) use services::SERVICE_OPERATIONS;

/// How targets may use the key of a shared image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyScope {
    /// Only through EC2, as AWS's own policy of `aws/ebs` has it.
    #[default]
    ViaEc2,
    /// Also by calling KMS directly.
    Direct,
}

/// What statements of ours give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeyPermissions {
    /// How holders may use the key.
    pub scope: KeyScope,
    /// The services whose service-linked roles accounts may give grants to (R4.11).
    pub services: BTreeSet<String>,
}

impl From<KeyScope> for KeyPermissions {
    fn from(scope: KeyScope) -> Self {
        Self {
            scope,
            services: BTreeSet::new(),
        }
    }
}

/// A key policy document.
#[derive(Clone, Debug)]
pub(crate) struct KeyPolicy(Document);

/// Why a text is not taken as a key policy, or not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PolicyError {
    /// The text is not JSON.
    #[error("it is not JSON: {0}")]
    NotJson(String),
    /// The JSON is not of the form of a policy.
    #[error("it is not a policy: {0}")]
    NotAPolicy(&'static str),
    /// A statement with a Sid of ours is not one of ours.
    #[error("a statement named {} is not one that this tool wrote", .0.join(", "))]
    SidTaken(Vec<String>),
}

impl KeyPolicy {
    /// Reads what `kms:GetKeyPolicy` answers.
    ///
    /// # Errors
    /// Where the text is not JSON, or not of the form of a policy.
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyError> {
        Document::parse(text).map(Self)
    }

    /// What `kms:PutKeyPolicy` gets.
    pub(crate) fn text(&self) -> String {
        self.0.text()
    }

    /// The size that KMS counts, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.0.text().len()
    }

    /// Who holds every statement of ours that gives this access.
    pub(crate) fn access(
        &self,
        key: &KeyArn,
        access: impl Into<KeyPermissions>,
    ) -> BTreeSet<PolicyPrincipal> {
        let access = access.into();
        let mut holders = BTreeMap::<PolicyPrincipal, usize>::new();
        let shapes = statement::shapes(key.region().partition(), key.account(), access.scope);
        for holder in shapes.iter().flat_map(|shape| self.holders(shape)) {
            *holders.entry(holder).or_default() += 1;
        }
        // Each holder is for one of the three kinds of shapes.
        let of_each = shapes.len() / 3;
        let held = holders
            .into_iter()
            .filter(|(_, held)| *held >= of_each)
            .map(|(holder, _)| holder)
            .collect();
        if access.services.is_empty() {
            return held;
        }
        let services = self.services(key);
        let with_services = self.holders(&self.service_shape(key, &BTreeSet::new()));
        if access.services.is_subset(&services) {
            &held & &with_services
        } else {
            BTreeSet::new()
        }
    }

    /// Who is named by any statement of ours, of whatever scope.
    pub(crate) fn granted_principals(&self, key: &KeyArn) -> BTreeSet<PolicyPrincipal> {
        self.all_shapes(key)
            .iter()
            .flat_map(|shape| self.holders(shape))
            .collect()
    }

    /// The policy with access for these holders added; the same text where they have it.
    ///
    /// # Errors
    /// Where a Sid of ours is taken.
    pub(crate) fn grant(
        &self,
        key: &KeyArn,
        access: impl Into<KeyPermissions>,
        holders: &BTreeSet<PolicyPrincipal>,
    ) -> Result<Self, PolicyError> {
        let access = access.into();
        let taken = self.taken_sids(key, access.clone());
        if !taken.is_empty() {
            return Err(PolicyError::SidTaken(taken));
        }
        let shapes = statement::shapes(key.region().partition(), key.account(), access.scope);
        let granted = self.edit(&shapes, |held, shape| held | &shape.only(holders))?;
        if access.services.is_empty() {
            return Ok(granted);
        }
        // One statement for all services: what it adds for a holder of others is no more than its
        // own roles.
        let (now, then) = (
            self.service_shape(key, &BTreeSet::new()),
            self.service_shape(key, &access.services),
        );
        let accounts = &self.holders(&now) | &then.only(holders);
        granted.replace(&now, &then, &accounts)
    }

    /// The policy without access for these holders, as far as it was given by statements of ours,
    /// of whatever scope.
    ///
    /// # Errors
    /// Where a statement cannot be written.
    pub(crate) fn revoke(
        &self,
        key: &KeyArn,
        holders: &BTreeSet<PolicyPrincipal>,
    ) -> Result<Self, PolicyError> {
        self.edit(&self.all_shapes(key), |held, _| held - holders)
    }

    /// The services of our statement for service-linked roles.
    fn services(&self, key: &KeyArn) -> BTreeSet<String> {
        let partition = key.region().partition();
        self.0
            .statements
            .iter()
            .filter_map(|raw| services::services(raw, partition))
            .flatten()
            .collect()
    }

    /// The shape of our statement for service-linked roles: with the services that it names, and
    /// more.
    fn service_shape(&self, key: &KeyArn, more: &BTreeSet<String>) -> StatementTemplate {
        services::shape(
            key.region().partition(),
            key.account(),
            &(&self.services(key) | more),
        )
    }

    /// Every shape of ours that can stand here.
    fn all_shapes(&self, key: &KeyArn) -> Vec<StatementTemplate> {
        let of = |scope| statement::shapes(key.region().partition(), key.account(), scope);
        let scopes = [KeyScope::ViaEc2, KeyScope::Direct]
            .into_iter()
            .flat_map(of);
        scopes
            .chain([self.service_shape(key, &BTreeSet::new())])
            .collect()
    }

    /// The statements that are not ours: the Sid or the number of each, and the principals that it
    /// allows something.
    pub(crate) fn foreign(&self, key: &KeyArn) -> Vec<(String, Vec<String>)> {
        let shapes = self.all_shapes(key);
        let foreign = |raw: &RawValue| {
            !shapes
                .iter()
                .any(|shape| matches!(shape.kind(raw), Ownership::Ours(_)))
        };
        let named = |(number, raw): (usize, &RawValue)| {
            let statement: Value = serde_json::from_str(raw.get()).unwrap_or_default();
            let sid = statement
                .get("Sid")
                .and_then(Value::as_str)
                .map(str::to_owned);
            (
                sid.unwrap_or_else(|| format!("number {}", number + 1)),
                statement::allowed_principals(raw),
            )
        };
        let statements = self.0.statements.iter().map(|raw| &**raw).enumerate();
        statements
            .filter(|(_, raw)| foreign(raw))
            .map(named)
            .collect()
    }

    /// The statements that deny these holders the use of the key: the Sid or the number of each.
    pub(crate) fn denials(&self, holders: &BTreeSet<PolicyPrincipal>) -> Vec<(String, Denial)> {
        let statements = self.0.statements.iter().map(|raw| &**raw).enumerate();
        let denial = |(number, raw): (usize, &RawValue)| {
            let statement: Value = serde_json::from_str(raw.get()).ok()?;
            let sid = statement
                .get("Sid")
                .and_then(Value::as_str)
                .map(str::to_owned);
            let denial = deny::denial(&statement, holders)?;
            Some((
                sid.unwrap_or_else(|| format!("number {}", number + 1)),
                denial,
            ))
        };
        statements.filter_map(denial).collect()
    }

    /// The unique IDs of deleted users and roles, which KMS does not take back (R3.2.6).
    pub(crate) fn stale_principals(&self) -> Vec<String> {
        let stale: BTreeSet<String> = self
            .0
            .statements
            .iter()
            .flat_map(|raw| statement::stale_principals(raw))
            .collect();
        stale.into_iter().collect()
    }

    /// Our Sids of this access that stand on statements which are not ours.
    pub(crate) fn taken_sids(
        &self,
        key: &KeyArn,
        access: impl Into<KeyPermissions>,
    ) -> Vec<String> {
        let access = access.into();
        let mut shapes = statement::shapes(key.region().partition(), key.account(), access.scope);
        if !access.services.is_empty() {
            shapes.push(self.service_shape(key, &BTreeSet::new()));
        }
        self.taken(&shapes)
    }

    fn taken(&self, shapes: &[StatementTemplate]) -> Vec<String> {
        let taken = |shape: &&StatementTemplate| {
            self.0
                .statements
                .iter()
                .any(|raw| matches!(shape.kind(raw), Ownership::Taken))
        };
        shapes
            .iter()
            .filter(taken)
            .map(|shape| shape.sid.clone())
            .collect()
    }

    fn holders(&self, shape: &StatementTemplate) -> BTreeSet<PolicyPrincipal> {
        let ours = self
            .0
            .statements
            .iter()
            .filter_map(|raw| match shape.kind(raw) {
                Ownership::Ours(holders) => Some(holders),
                Ownership::Taken | Ownership::Foreign => None,
            });
        ours.flatten().collect()
    }

    /// Writes one shape in place of another.
    fn replace(
        &self,
        now: &StatementTemplate,
        then: &StatementTemplate,
        holders: &BTreeSet<PolicyPrincipal>,
    ) -> Result<Self, PolicyError> {
        let mut document = self.0.clone();
        let is_ours = |raw: &RawValue| matches!(now.kind(raw), Ownership::Ours(_));
        let place = document
            .statements
            .iter()
            .position(|raw| is_ours(raw))
            .unwrap_or(document.statements.len());
        if document
            .statements
            .get(place)
            .is_some_and(|raw| matches!(then.kind(raw), Ownership::Ours(held) if held == *holders))
        {
            return Ok(self.clone());
        }
        document.statements.retain(|raw| !is_ours(raw));
        document.insert(place, &then.statement(holders))?;
        document.changed = true;
        Ok(Self(document))
    }

    /// Writes each statement of ours anew where its holders change: in place of the first, the
    /// others gone.
    fn edit(
        &self,
        shapes: &[StatementTemplate],
        change: impl Fn(&BTreeSet<PolicyPrincipal>, &StatementTemplate) -> BTreeSet<PolicyPrincipal>,
    ) -> Result<Self, PolicyError> {
        let mut document = self.0.clone();
        for shape in shapes {
            let held = self.holders(shape);
            let wanted = change(&held, shape);
            if wanted == held {
                continue;
            }
            let is_ours = |raw: &RawValue| matches!(shape.kind(raw), Ownership::Ours(_));
            let place = document
                .statements
                .iter()
                .position(|raw| is_ours(raw))
                .unwrap_or(document.statements.len());
            document.statements.retain(|raw| !is_ours(raw));
            if !wanted.is_empty() {
                document.insert(place, &shape.statement(&wanted))?;
            }
            document.changed = true;
        }
        Ok(Self(document))
    }
}

/// The statements that give these holders access, for those who keep their key policies in code.
pub(crate) fn statements(
    key: &KeyArn,
    access: impl Into<KeyPermissions>,
    holders: &BTreeSet<PolicyPrincipal>,
) -> Vec<Value> {
    let access = access.into();
    let (partition, owner): (Partition, &AccountId) = (key.region().partition(), key.account());
    let mut shapes = statement::shapes(partition, owner, access.scope);
    if !access.services.is_empty() {
        shapes.push(services::shape(partition, owner, &access.services));
    }
    let with = |shape: &StatementTemplate| {
        Some(shape.only(holders))
            .filter(|only| !only.is_empty())
            .map(|only| shape.statement(&only))
    };
    shapes.iter().filter_map(with).collect()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

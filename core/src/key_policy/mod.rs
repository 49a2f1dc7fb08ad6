//! Our statements in a key policy, merged in and taken out: pure text in, text out.
//!
//! Everything foreign keeps every byte. KMS takes only some characters (R3.2.3), so even writing an escape in another
//! way could break a document; and a document that came back changed would be a change nobody asked for.

mod document;
mod statement;

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::value::RawValue;

use self::document::Document;
use self::statement::{Kind, Shape};
use crate::id::{AccountId, Partition};
use crate::request::KeyScope;

/// A key policy document.
#[derive(Clone, Debug)]
pub struct KeyPolicy(Document);

/// Why a text is not taken as a key policy, or not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
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
    /// How many bytes KMS takes at most (R3.2.2).
    pub const LIMIT: usize = 32_768;

    /// Reads what `kms:GetKeyPolicy` answers.
    ///
    /// # Errors
    /// Where the text is not JSON, or not of the form of a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Document::parse(text).map(Self)
    }

    /// What `kms:PutKeyPolicy` gets.
    pub fn text(&self) -> String {
        self.0.text()
    }

    /// The size that KMS counts, in bytes.
    pub fn size(&self) -> usize {
        self.0.text().len()
    }

    /// The accounts that hold every statement of ours for this scope.
    pub fn access(&self, partition: Partition, scope: KeyScope) -> BTreeSet<AccountId> {
        let mut of_each = statement::shapes(partition, scope).into_iter().map(|shape| self.accounts(partition, &shape));
        let first = of_each.next().unwrap_or_default();
        of_each.fold(first, |all, next| &all & &next)
    }

    /// The policy with access for these accounts added; the same text where they have it.
    ///
    /// # Errors
    /// Where a Sid of ours is taken.
    pub fn grant(
        &self,
        partition: Partition,
        scope: KeyScope,
        accounts: &BTreeSet<AccountId>,
    ) -> Result<Self, PolicyError> {
        self.edit(partition, scope, |held| held | accounts)
    }

    /// The policy without access for these accounts, as far as it was given by statements of ours.
    ///
    /// # Errors
    /// Where a Sid of ours is taken.
    pub fn revoke(
        &self,
        partition: Partition,
        scope: KeyScope,
        accounts: &BTreeSet<AccountId>,
    ) -> Result<Self, PolicyError> {
        self.edit(partition, scope, |held| held - accounts)
    }

    /// The unique IDs of deleted users and roles, which KMS does not take back (R3.2.6).
    pub fn stale_principals(&self) -> Vec<String> {
        let stale: BTreeSet<String> =
            self.0.statements.iter().flat_map(|raw| statement::stale_principals(raw)).collect();
        stale.into_iter().collect()
    }

    /// Our Sids of this scope that stand on statements which are not ours.
    pub fn taken_sids(&self, partition: Partition, scope: KeyScope) -> Vec<String> {
        let shapes = statement::shapes(partition, scope);
        let taken = shapes
            .iter()
            .filter(|shape| self.0.statements.iter().any(|raw| matches!(shape.kind(partition, raw), Kind::Taken)));
        taken.map(|shape| shape.sid.to_owned()).collect()
    }

    fn accounts(&self, partition: Partition, shape: &Shape) -> BTreeSet<AccountId> {
        let ours = self.0.statements.iter().filter_map(|raw| match shape.kind(partition, raw) {
            Kind::Ours(accounts) => Some(accounts),
            Kind::Taken | Kind::Foreign => None,
        });
        ours.flatten().collect()
    }

    /// Writes each statement of ours anew where its accounts change: in place of the first, the others gone.
    fn edit(
        &self,
        partition: Partition,
        scope: KeyScope,
        change: impl Fn(&BTreeSet<AccountId>) -> BTreeSet<AccountId>,
    ) -> Result<Self, PolicyError> {
        let taken = self.taken_sids(partition, scope);
        if !taken.is_empty() {
            return Err(PolicyError::SidTaken(taken));
        }
        let mut document = self.0.clone();
        for shape in statement::shapes(partition, scope) {
            let held = self.accounts(partition, &shape);
            let wanted = change(&held);
            if wanted == held {
                continue;
            }
            let is_ours = |raw: &RawValue| matches!(shape.kind(partition, raw), Kind::Ours(_));
            let place = document.statements.iter().position(|raw| is_ours(raw)).unwrap_or(document.statements.len());
            document.statements.retain(|raw| !is_ours(raw));
            if !wanted.is_empty() {
                document.insert(place, &shape.statement(partition, &wanted))?;
            }
            document.changed = true;
        }
        Ok(Self(document))
    }
}

/// The statements that give these accounts access, for those who keep their key policies in code.
pub fn statements(partition: Partition, scope: KeyScope, accounts: &BTreeSet<AccountId>) -> Vec<Value> {
    statement::shapes(partition, scope).iter().map(|shape| shape.statement(partition, accounts)).collect()
}

#[cfg(test)]
mod tests;

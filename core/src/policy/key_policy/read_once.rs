//! What is read of a policy once, although plans and checks ask for it for each of many accounts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::OnceLock;

use serde_json::Value;

use super::PolicyPrincipal;
use crate::id::KeyArn;
use crate::policy::statement::Statements;

/// Statements, each with its Sid or number.
pub(super) type NamedStatements = Vec<(String, Value)>;

/// What was read of a policy so far; what is ours in it depends on the key that it belongs to.
#[derive(Debug, Default)]
pub(super) struct ReadOnce {
    statements: OnceLock<Statements>,
    granted: OnceLock<(KeyArn, BTreeSet<PolicyPrincipal>)>,
    foreign: OnceLock<(KeyArn, NamedStatements)>,
}

impl Clone for ReadOnce {
    /// A clone is made to be changed, and is read anew.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl ReadOnce {
    pub(super) fn statements(&self, read: impl FnOnce() -> Statements) -> &Statements {
        self.statements.get_or_init(read)
    }

    pub(super) fn granted(
        &self,
        key: &KeyArn,
        read: impl Fn() -> BTreeSet<PolicyPrincipal>,
    ) -> Cow<'_, BTreeSet<PolicyPrincipal>> {
        of_key(&self.granted, key, read)
    }

    pub(super) fn foreign(
        &self,
        key: &KeyArn,
        read: impl Fn() -> NamedStatements,
    ) -> Cow<'_, NamedStatements> {
        of_key(&self.foreign, key, read)
    }
}

fn of_key<'a, T: Clone>(
    cell: &'a OnceLock<(KeyArn, T)>,
    key: &KeyArn,
    read: impl Fn() -> T,
) -> Cow<'a, T> {
    let (of, value) = cell.get_or_init(|| (key.clone(), read()));
    if of == key {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(read())
    }
}

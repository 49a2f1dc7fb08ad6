//! What there is in a target account, as the role there sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::RegionInventory;
use crate::diagnostic::Error;
use crate::id::{KeyArn, Region};

/// One target account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    /// Its own copies and keys, and of the shared images what it sees of them.
    pub(crate) regions: BTreeMap<Region, RegionInventory>,
    /// The roles that are to launch, by name; nothing where there is no such role.
    pub(crate) roles: BTreeMap<String, Option<RolePolicies>>,
    /// The ARNs of the roles of each service.
    pub(crate) services: BTreeMap<String, Vec<String>>,
}

/// What of a target is under keys that it is to lose.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetKeyUsage {
    /// Its volumes and snapshots, by their IDs.
    pub(crate) under: BTreeMap<KeyArn, BTreeSet<String>>,
    /// What could not be looked at.
    pub(crate) unseen: Vec<Error>,
}

/// The policies of a role, as far as they matter: either kind is read where that kind is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RolePolicies {
    /// The ARNs of managed ones.
    pub(crate) attached: BTreeSet<String>,
    /// Inline ones, by name.
    pub(crate) inline: BTreeMap<String, String>,
}

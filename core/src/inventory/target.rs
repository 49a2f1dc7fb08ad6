//! A target account, as the role there sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Failure, Key, RegionInventory};
use crate::diagnostic::Error;
use crate::id::{AmiId, KeyArn, Region};

/// One target account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    /// The target's own copies and keys, and the shared images that it sees.
    pub(crate) regions: BTreeMap<Region, RegionInventory>,
    /// The roles that are to launch, by name; `None` for a role that does not exist.
    pub(crate) roles: BTreeMap<String, Option<RolePolicies>>,
    /// The ARNs of service-linked roles, by service.
    pub(crate) services: BTreeMap<String, Vec<String>>,
    /// The parts of the request of which something could not be read here.
    pub(crate) failures: Vec<Failure>,
}

impl Target {
    /// A key of the target.
    pub(crate) fn key(&self, arn: &KeyArn) -> Option<&Key> {
        self.regions.get(arn.region())?.keys.get(arn)
    }
}

/// The key that an account encrypts the volumes of other accounts' images with (R4.2).
#[derive(Clone, Debug)]
pub(crate) struct VolumeKey {
    /// The key.
    pub(crate) key: KeyArn,
    /// Whether it also encrypts the volumes of images that are not encrypted.
    pub(crate) by_default: bool,
    /// Why the key's grants are not known, if they are not.
    pub(crate) unread_grants: Option<Error>,
}

/// The volumes and snapshots of a target that are encrypted with keys it will lose access to.
#[derive(Clone, Debug, Default)]
pub(crate) struct TargetKeyUsage {
    /// The IDs of the target's volumes and snapshots, by key.
    pub(crate) volumes: BTreeMap<KeyArn, BTreeSet<String>>,
    /// Why some of them could not be listed.
    pub(crate) errors: Vec<Error>,
}

/// What a target launches besides the images of a revoke.
#[derive(Clone, Debug, Default)]
pub(crate) struct OtherLaunches {
    /// Other images of the source account that are shared with it, or with the organization that
    /// it may belong to: one at least if there are any.
    pub(crate) shared: BTreeSet<AmiId>,
    /// Its own copies that this tool made, of any image; read only if nothing else is shared.
    pub(crate) copies: BTreeSet<AmiId>,
    /// Why some of them could not be listed.
    pub(crate) errors: Vec<Error>,
}

/// The policies of a role: the managed policies if the request names `target-launch-policy`,
/// otherwise the inline policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RolePolicies {
    /// The ARNs of managed policies.
    pub(crate) attached: BTreeSet<String>,
    /// The documents of inline policies, by name.
    pub(crate) inline: BTreeMap<String, String>,
}

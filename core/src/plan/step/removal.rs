//! The intents of a plan that take access away.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::PolicyChange;
use crate::id::{AmiId, KeyArn, Principal, Region, SnapshotId, SourceImage};
use crate::policy::key_policy::PolicyPrincipal;

/// From whom access is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Removal {
    /// Everybody.
    Everybody,
    /// These.
    These(BTreeSet<Principal>),
    /// Everybody but these.
    AllBut(BTreeSet<Principal>),
}

impl Removal {
    /// Whether it is taken from them.
    pub(crate) fn takes(&self, principal: &Principal) -> bool {
        match self {
            Self::Everybody => true,
            Self::These(principals) => principals.contains(principal),
            Self::AllBut(principals) => !principals.contains(principal),
        }
    }

    /// Whether it is taken from whom a statement of ours names.
    pub(crate) fn takes_principal(&self, holder: &PolicyPrincipal) -> bool {
        let named = |principals: &BTreeSet<Principal>| {
            principals
                .iter()
                .any(|p| PolicyPrincipal::of(p).as_ref() == Some(holder))
        };
        match self {
            Self::Everybody => true,
            Self::These(principals) => named(principals),
            Self::AllBut(principals) => !named(principals),
        }
    }
}

/// Principals can launch an image and use its snapshots no more (`ec2:ModifyImageAttribute`,
/// `ec2:ModifySnapshotAttribute`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RemovePermissions {
    /// The image that the request named.
    pub source: SourceImage,
    /// The Region of the image that is shared.
    pub region: Region,
    /// The image that is shared.
    pub image: AmiId,
    /// The keys of its snapshots.
    pub keys: BTreeSet<KeyArn>,
    /// Who shall not have them any more.
    pub removal: Removal,
    /// Those of them who have launch permission now.
    pub principals: BTreeSet<Principal>,
    /// Those of them who have create-volume permission now, on each snapshot that there is.
    pub snapshots: BTreeMap<SnapshotId, BTreeSet<Principal>>,
}

/// Principals can use a key no more (`kms:PutKeyPolicy`, `kms:RevokeGrant`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RemoveKeyAccess {
    /// The key.
    pub key: KeyArn,
    /// Who shall not have access any more.
    pub removal: Removal,
    /// Those of them who keep it, for something else needs it.
    pub kept: BTreeSet<PolicyPrincipal>,
    /// Those of them who keep it because something of theirs is under the key, and what was seen of
    /// that; the run fails for them.
    pub in_use: BTreeMap<PolicyPrincipal, KeyUsage>,
    /// Those of them who have access now by statements of ours.
    pub principals: BTreeSet<PolicyPrincipal>,
    /// The grants that are revoked, by their IDs, and who holds each.
    pub grants: BTreeMap<String, String>,
    /// The policy as it is, and as it would be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyChange>,
    /// The shared images under the key.
    #[serde(skip)]
    pub(crate) images: BTreeSet<(Region, AmiId)>,
    /// Whether it is taken even where something else needs it.
    #[serde(skip)]
    pub(crate) forced: bool,
    /// What of the key may be looked at.
    #[serde(skip)]
    pub(crate) reads: (bool, bool),
}

impl RemoveKeyAccess {
    /// Whether somebody loses access.
    pub(crate) fn takes(&self, holder: &PolicyPrincipal) -> bool {
        self.removal.takes_principal(holder)
            && !self.kept.contains(holder)
            && !self.in_use.contains_key(holder)
    }
}

/// What of an account is under a key of another one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct KeyUsage {
    /// Whether EC2 holds grants on the key that were made for the account: instances run on it.
    pub instances: bool,
    /// The account's volumes and snapshots under the key, as the role there sees them.
    pub volumes: BTreeSet<String>,
}

impl std::fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.volumes.is_empty() {
            return f.write_str("instances run on it");
        }
        write!(f, "{} are under it", some_of(&self.volumes))
    }
}

/// The first few by name, and how many more there are.
pub(in crate::plan) fn some_of<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    const NAMED: usize = 5;
    let mut names: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    if let Some(more) = names.len().checked_sub(NAMED).filter(|more| *more > 0) {
        names.truncate(NAMED);
        names.push(format!("{more} more"));
    }
    names.join(", ")
}

/// A copy that this tool made exists no more (`ec2:DeregisterImage`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RemoveCopy {
    /// What it is a copy of.
    pub source: SourceImage,
    /// The Region of the copy.
    pub region: Region,
    /// The copy.
    pub image: AmiId,
}

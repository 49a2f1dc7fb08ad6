//! The intents of a plan.

pub(super) mod copy;
pub(super) mod removal;
pub(super) mod shared;
pub(super) mod target;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::KeyPermissions;
use crate::id::{AccountId, AmiId, KeyArn, Principal, SnapshotId};
use crate::policy::key_policy::PolicyPrincipal;

pub use copy::{CopyImage, Leftovers};
pub use removal::{KeyUsage, Removal, RemoveCopy, RemoveKeyAccess, RemovePermissions};
pub use shared::{PolicyChange, SharedImage};
pub use target::{
    ForgetTemporaryAccess, LaunchRole, ReclaimAccess, RemoveRolePolicy, RolePolicy, ServiceRole,
    TagShared, TargetCopy,
};

/// One intent. Those that give access come first, in the order of promise P1; those that take it
/// away follow, in the opposite order.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// A copy of an image under the request's key exists and is available.
    Copy(CopyImage),
    /// Principals can use a key, by its policy.
    KeyAccess(KeyAccess),
    /// Accounts can use a key for one image, by grants.
    Grants(Grants),
    /// Accounts can make volumes of an image's snapshots, and so copy it.
    SnapshotPermission(SnapshotPermission),
    /// Principals can launch an image.
    LaunchPermission(LaunchPermission),
    /// An image is deprecated from a moment on.
    Deprecate(Deprecate),
    /// An image is protected from being deregistered.
    Protect(Protect),
    /// An SSM parameter names a shared image.
    Publish(Publish),
    /// A target has its own copy of a shared image.
    TargetCopy(TargetCopy),
    /// A shared image carries tags in a target.
    TagShared(TagShared),
    /// A role in a target may launch with the keys.
    LaunchRole(LaunchRole),
    /// A service's role in a target may use a key.
    ServiceRole(ServiceRole),
    /// Targets lose what they were lent for copying.
    ReclaimAccess(ReclaimAccess),
    /// What targets were lent for copying is theirs for good, or gone: it is lent no more.
    ForgetTemporaryAccess(ForgetTemporaryAccess),
    /// A role in a target loses what it was given to launch.
    RemoveRolePolicy(RemoveRolePolicy),
    /// Principals can launch an image and use its snapshots no more.
    RemovePermissions(RemovePermissions),
    /// Principals can use a key no more.
    RemoveKeyAccess(RemoveKeyAccess),
    /// A copy that this tool made exists no more.
    RemoveCopy(RemoveCopy),
}

/// Principals can use a key, by statements of ours in its policy (`kms:PutKeyPolicy`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct KeyAccess {
    /// The key.
    pub key: KeyArn,
    /// How they may use it.
    #[serde(flatten)]
    pub access: KeyPermissions,
    /// All that shall have access.
    pub principals: BTreeSet<Principal>,
    /// Those of them that do not have it yet.
    pub missing: BTreeSet<Principal>,
    /// Who else has access by statements of ours.
    pub unlisted: BTreeSet<PolicyPrincipal>,
    /// The policy as it is, and as it would be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyChange>,
}

/// Accounts can use a key for one image, by a grant for each (`kms:CreateGrant`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Grants {
    /// The key.
    pub key: KeyArn,
    /// The image that the grants are for.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// All accounts that shall have a grant.
    pub accounts: BTreeSet<AccountId>,
    /// Those of them that do not have it yet.
    pub missing: BTreeSet<AccountId>,
}

/// Accounts can make volumes of the snapshots of an image (`ec2:ModifySnapshotAttribute`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SnapshotPermission {
    /// The image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// All accounts that shall have permission on each snapshot.
    pub accounts: BTreeSet<AccountId>,
    /// The snapshots on which some do not have it yet; of a copy that does not exist yet, none is
    /// known.
    pub missing: BTreeMap<SnapshotId, BTreeSet<AccountId>>,
}

/// Principals can launch an image (`ec2:ModifyImageAttribute`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LaunchPermission {
    /// The image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The keys that targets need for it; their access is written first (P1).
    pub keys: BTreeSet<KeyArn>,
    /// All that shall have launch permission.
    pub principals: BTreeSet<Principal>,
    /// Those of them that do not have it yet.
    pub missing: BTreeSet<Principal>,
    /// Who has launch permission without being asked for.
    pub unlisted: BTreeSet<Principal>,
}

/// An image is deprecated from a moment on (`ec2:EnableImageDeprecation`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Deprecate {
    /// The image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The moment, in RFC 3339; of a copy that does not exist yet, how long after it is made.
    pub at: String,
    /// Whether it is so already.
    pub in_effect: bool,
    #[serde(skip)]
    pub(crate) when: crate::request::DeprecateAt,
}

/// An image is protected from being deregistered (`ec2:EnableImageDeregistrationProtection`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Protect {
    /// The image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// Whether it is so already.
    pub in_effect: bool,
}

/// An SSM parameter names a shared image (`ssm:PutParameter`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Publish {
    /// The account of the parameter.
    pub account: AccountId,
    /// The image that the request shares.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// What the parameter is to name, where that exists: the shared image, or a target's own copy
    /// of it.
    #[serde(rename = "names")]
    pub image: Option<AmiId>,
    /// The name of the parameter.
    pub name: String,
    /// What it holds now.
    pub current: Option<String>,
}

impl Publish {
    /// Whether the parameter names the image already.
    pub fn is_held(&self) -> bool {
        self.image
            .as_ref()
            .is_some_and(|image| self.current.as_deref() == Some(image.as_ref()))
    }
}

impl Step {
    /// Whether carrying it out would change anything.
    pub fn changes(&self) -> bool {
        match self {
            Self::Copy(CopyImage {
                adopt, leftovers, ..
            })
            | Self::TargetCopy(TargetCopy {
                adopt, leftovers, ..
            }) => adopt.is_none() || !leftovers.is_empty(),
            Self::KeyAccess(access) => !access.missing.is_empty(),
            Self::Grants(grants) => !grants.missing.is_empty(),
            Self::SnapshotPermission(share) => {
                !share.accounts.is_empty()
                    && (share.shared.image.as_ref().is_none() || !share.missing.is_empty())
            }
            Self::LaunchPermission(launch) => !launch.missing.is_empty(),
            Self::Deprecate(Deprecate { in_effect, .. })
            | Self::Protect(Protect { in_effect, .. })
            | Self::LaunchRole(LaunchRole { in_effect, .. })
            | Self::ServiceRole(ServiceRole { in_effect, .. }) => !in_effect,
            Self::Publish(publish) => !publish.is_held(),
            Self::RemovePermissions(remove) => {
                !remove.principals.is_empty()
                    || remove.snapshots.values().any(|who| !who.is_empty())
            }
            Self::RemoveKeyAccess(remove) => {
                !remove.principals.is_empty() || !remove.grants.is_empty()
            }
            Self::TagShared(tag) => !tag.missing.is_empty(),
            Self::ReclaimAccess(reclaim) => reclaim.needed,
            Self::ForgetTemporaryAccess(_) | Self::RemoveCopy(_) | Self::RemoveRolePolicy(_) => {
                true
            }
        }
    }
}

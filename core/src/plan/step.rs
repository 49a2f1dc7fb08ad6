//! What a plan consists of: steps, as data.

pub(super) mod copy;
mod list;
pub(super) mod removal;
pub(super) mod retirement;
pub(super) mod shared;
pub(super) mod target;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::KeyPermissions;
use crate::id::{AccountId, AmiId, KeyArn, Principal, SnapshotId};
use crate::policy::key_policy::PolicyPrincipal;
use crate::request::DeprecateAt;

pub(crate) use removal::KeyReads;
pub(crate) use target::TemporaryKeyAccess;

pub use copy::{CopyImage, Leftovers};
pub use list::Steps;
pub use removal::{KeyUsage, Removal, RemoveCopy, RemoveKeyAccess, RemovePermissions};
pub use retirement::{
    AwaitGrace, DeprecateNow, DeregisterImage, DisableImage, ForgetDisabled, GroupImage,
    KeptBecause, KeptImage, NextStep, NoteDisabled, RetirementState,
};
pub use shared::{PolicyChange, ShareTags, SharedImage, Watermark};
pub use target::{
    ForgetTemporaryAccess, ImageOfVersion, LaunchRole, ReclaimAccess, RemoveRolePolicy, RolePolicy,
    ServiceRole, TagShared, TargetCopy, UpdateLaunchTemplate,
};

/// One state that a run brings about, if it is not in effect yet.
///
/// Steps that give access come first: keys before images. Steps that revoke access follow, in
/// the opposite order.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// A copy of an image under the request's key is available.
    Copy(CopyImage),
    /// Principals can use a key, by statements of its policy.
    KeyAccess(KeyAccess),
    /// Accounts can use a key for one image, by a grant each.
    Grants(Grants),
    /// Accounts can create volumes from an image's snapshots, which copying the image needs.
    SnapshotPermission(SnapshotPermission),
    /// Principals can launch an image.
    LaunchPermission(LaunchPermission),
    /// Every recipient sees tags of a shared image.
    ShareTags(ShareTags),
    /// A shared image has a watermark.
    Watermark(Watermark),
    /// An image is deprecated from a given time.
    Deprecate(Deprecate),
    /// An image is protected from being deregistered.
    Protect(Protect),
    /// An SSM parameter holds the ID of a shared image.
    Publish(Publish),
    /// A target has its own copy of a shared image.
    TargetCopy(TargetCopy),
    /// A shared image has tags in a target.
    TagShared(TagShared),
    /// A launch template of a target has a version with a shared image.
    UpdateLaunchTemplate(UpdateLaunchTemplate),
    /// A role in a target is allowed to use the keys to launch.
    LaunchRole(LaunchRole),
    /// A service-linked role in a target can use a key.
    ServiceRole(ServiceRole),
    /// Targets lose the temporary access that they had to copy an image.
    ReclaimAccess(ReclaimAccess),
    /// An image's record of temporary access is removed: the access is permanent now, or revoked.
    ForgetTemporaryAccess(ForgetTemporaryAccess),
    /// A role in a target loses the policy that allowed it to use a key.
    RemoveRolePolicy(RemoveRolePolicy),
    /// Principals can no longer launch an image or use its snapshots.
    RemovePermissions(RemovePermissions),
    /// Principals can no longer use a key.
    RemoveKeyAccess(RemoveKeyAccess),
    /// A copy that this tool made is deregistered.
    RemoveCopy(RemoveCopy),
    /// An image that is available no longer has the tag that says since when it is disabled.
    ForgetDisabled(ForgetDisabled),
    /// An image that is retired is deprecated from now on.
    DeprecateNow(DeprecateNow),
    /// An image that is retired stays as it is for a time.
    AwaitGrace(AwaitGrace),
    /// An image that is retired is disabled.
    DisableImage(DisableImage),
    /// A tag of an image says that it is disabled.
    NoteDisabled(NoteDisabled),
    /// An image that is retired is deregistered.
    DeregisterImage(DeregisterImage),
}

/// Principals can use a key, by statements of this tool in its policy (`kms:PutKeyPolicy`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct KeyAccess {
    /// The key.
    pub key: KeyArn,
    /// How they may use it.
    #[serde(flatten)]
    pub access: KeyPermissions,
    /// All principals that are to have access.
    pub principals: BTreeSet<Principal>,
    /// Those of them that do not have it yet.
    pub missing: BTreeSet<Principal>,
    /// Principals that have access by statements of this tool and are not listed in the request.
    pub unlisted: BTreeSet<PolicyPrincipal>,
    /// The policy before and after the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyChange>,
}

/// Accounts can use a key for one image, by a grant for each (`kms:CreateGrant`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Grants {
    /// The key.
    pub key: KeyArn,
    /// The shared image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// All accounts that are to have a grant.
    pub accounts: BTreeSet<AccountId>,
    /// Those of them that do not have one yet.
    pub missing: BTreeSet<AccountId>,
    /// The names of those grants, by account, if the image exists.
    #[serde(skip)]
    pub(crate) names: BTreeMap<AccountId, String>,
}

/// Accounts can create volumes from the snapshots of an image (`ec2:ModifySnapshotAttribute`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct SnapshotPermission {
    /// The shared image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// All accounts that are to have the permission, on each snapshot.
    pub accounts: BTreeSet<AccountId>,
    /// The accounts that do not have it yet, by snapshot. Empty if the image is a copy that does
    /// not exist yet, because its snapshots are not known.
    pub missing: BTreeMap<SnapshotId, BTreeSet<AccountId>>,
}

/// Principals can launch an image (`ec2:ModifyImageAttribute`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LaunchPermission {
    /// The shared image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// Its name; `None` if it is a copy that does not exist yet.
    pub name: Option<String>,
    /// Its processor architecture, such as `x86_64`.
    pub architecture: String,
    /// The keys that targets need to launch it. Access to them comes first.
    pub keys: BTreeSet<KeyArn>,
    /// All principals that are to have launch permission.
    pub principals: BTreeSet<Principal>,
    /// Those of them that do not have it yet.
    pub missing: BTreeSet<Principal>,
    /// Principals that have launch permission and are not listed in the request.
    pub unlisted: BTreeSet<Principal>,
}

/// An image is deprecated from a given time (`ec2:EnableImageDeprecation`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Deprecate {
    /// The account whose image it is: the source account, or a target with a copy of its own.
    pub account: AccountId,
    /// The shared image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The time, in RFC 3339. For a copy that does not exist yet: how long after its creation.
    pub at: String,
    /// Whether AWS has that time already, to the minute.
    pub in_effect: bool,
    /// What the request asks for.
    #[serde(skip)]
    pub(crate) when: DeprecateAt,
}

/// An image is protected from being deregistered (`ec2:EnableImageDeregistrationProtection`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Protect {
    /// The account whose image it is, as in [`Deprecate`].
    pub account: AccountId,
    /// The shared image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// Whether it is protected already.
    pub in_effect: bool,
}

/// An SSM parameter holds the ID of a shared image (`ssm:PutParameter`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Publish {
    /// The account that the parameter is in.
    pub account: AccountId,
    /// The image that the request shares.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The image that the parameter is to hold: the shared image, or the target's own copy of it.
    /// `None` if that copy does not exist yet.
    #[serde(rename = "names")]
    pub image: Option<AmiId>,
    /// The name of the parameter.
    pub name: String,
    /// The image that it holds now; `None` if it does not exist, or holds something else.
    pub current: Option<AmiId>,
    /// Whether it holds something that is no AMI ID, which is overwritten.
    pub replaces_other: bool,
}

impl Publish {
    /// Whether the parameter holds the image already.
    pub fn is_in_effect(&self) -> bool {
        self.image
            .as_ref()
            .is_some_and(|image| self.current.as_ref() == Some(image))
    }
}

impl Step {
    /// Whether it shares an image, or takes access away.
    pub(super) fn concerns_image(&self) -> bool {
        matches!(
            self,
            Self::LaunchPermission(_) | Self::RemovePermissions(_) | Self::RemoveKeyAccess(_)
        )
    }

    /// Whether it would change anything.
    pub fn changes(&self) -> bool {
        match self {
            // A copy that is under way is not there yet.
            Self::Copy(CopyImage {
                available,
                leftovers,
                ..
            })
            | Self::TargetCopy(TargetCopy {
                available,
                leftovers,
                ..
            }) => !available || !leftovers.is_empty(),
            Self::KeyAccess(access) => !access.missing.is_empty(),
            Self::Grants(grants) => !grants.missing.is_empty(),
            Self::SnapshotPermission(share) => {
                !share.accounts.is_empty()
                    && (share.shared.image.is_none() || !share.missing.is_empty())
            }
            Self::LaunchPermission(launch) => !launch.missing.is_empty(),
            Self::Deprecate(Deprecate { in_effect, .. })
            | Self::Protect(Protect { in_effect, .. })
            | Self::Watermark(Watermark { in_effect, .. })
            | Self::UpdateLaunchTemplate(UpdateLaunchTemplate { in_effect, .. })
            | Self::LaunchRole(LaunchRole { in_effect, .. })
            | Self::ServiceRole(ServiceRole { in_effect, .. }) => !in_effect,
            Self::Publish(publish) => !publish.is_in_effect(),
            Self::RemovePermissions(remove) => {
                !remove.principals.is_empty()
                    || remove
                        .snapshots
                        .values()
                        .any(|principals| !principals.is_empty())
            }
            Self::RemoveKeyAccess(remove) => {
                !remove.principals.is_empty() || !remove.grants.is_empty()
            }
            Self::ShareTags(share) => !share.missing.is_empty(),
            Self::TagShared(tag) => !tag.missing.is_empty(),
            Self::ReclaimAccess(reclaim) => reclaim.needed,
            Self::AwaitGrace(_) => false,
            Self::ForgetTemporaryAccess(_)
            | Self::RemoveCopy(_)
            | Self::RemoveRolePolicy(_)
            | Self::ForgetDisabled(_)
            | Self::DeprecateNow(_)
            | Self::DisableImage(_)
            | Self::NoteDisabled(_)
            | Self::DeregisterImage(_) => true,
        }
    }
}

//! The steps in target accounts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::removal::KeyReads;
use super::{CopyImage, Leftovers, SharedImage};
use crate::id::{AccountId, AccountRegion, AmiId, KeyArn, Region, SourceImage};
use crate::policy::key_policy::PolicyPrincipal;
use crate::tags::temporary::TemporaryAccounts;

/// A target's own copy of a shared image, under a key of its own (`ec2:CopyImage` in the target).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TargetCopy {
    /// The target.
    pub account: AccountId,
    /// The image that is copied.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The key that every volume of the copy is encrypted under.
    pub key: KeyArn,
    /// The name of the copy.
    pub name: String,
    /// The description of the copy.
    pub description: String,
    /// The copy that exists already, pending or available.
    pub adopt: Option<AmiId>,
    /// Whether that copy is available, so that the target no longer needs the shared image.
    pub available: bool,
    /// What failed copies left; it is removed once this copy is available.
    pub leftovers: Leftovers,
    /// The tags of the copy, without the marks of this tool.
    pub tags: BTreeMap<String, String>,
    /// Why Allowed AMIs of the target hide the image, if they do: then it cannot be copied there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
    /// In minutes, as in [`CopyImage`].
    #[serde(skip)]
    pub(crate) completion: Option<u32>,
    /// The number of EBS volumes, as in [`CopyImage`].
    #[serde(skip)]
    pub(crate) volumes: usize,
}

impl TargetCopy {
    /// The copy that the target makes of an image, which is known only once it exists.
    pub(crate) fn to_copy_image(&self, image_id: &AmiId) -> CopyImage {
        let region = &self.shared.region;
        let source = SourceImage {
            region: region.clone(),
            ami: image_id.clone(),
        };
        let location = AccountRegion {
            account: self.account.clone(),
            region: region.clone(),
        };
        let (key, name) = (self.key.clone(), self.name.clone());
        CopyImage {
            adopt: self.adopt.clone(),
            available: self.available,
            description: self.description.clone(),
            completion: self.completion,
            leftovers: self.leftovers.clone(),
            volumes: self.volumes,
            ..CopyImage::new(source, &location, key, name, &self.tags)
        }
    }
}

/// A shared image has tags in a target: AWS does not show a target the tags of the image's owner
/// (`ec2:CreateTags` in the target).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TagShared {
    /// The target.
    pub account: AccountId,
    /// The shared image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The tags that the image does not have there yet, or has with another value.
    pub missing: BTreeMap<String, String>,
    /// Why Allowed AMIs of the target hide the image, if they do: then it cannot be tagged there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hidden: Option<String>,
}

/// A launch template of a target has a version with a shared image
/// (`ec2:CreateLaunchTemplateVersion` and `ec2:ModifyLaunchTemplate` in the target).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct UpdateLaunchTemplate {
    /// The target.
    pub account: AccountId,
    /// The image that the request shares.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The image that the version is to name: the shared image, or the target's own copy of it.
    /// `None` if that copy does not exist yet.
    #[serde(rename = "names")]
    pub image: Option<AmiId>,
    /// The ID of the launch template.
    pub template: String,
    /// Its name.
    pub name: String,
    /// The version that a new one takes everything else from: the default one.
    pub made_from: u64,
    /// The version that names the image already; `None` if one is to be made.
    pub version: Option<u64>,
    /// Whether it is to be the default one.
    pub set_default: bool,
    /// The version that launches get now: the default one if another is to be that, else the
    /// newest.
    pub current: ImageOfVersion,
    /// Whether that is a version with the image already.
    pub in_effect: bool,
}

/// A version of a launch template, and the image that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ImageOfVersion {
    /// The number of the version.
    pub version: u64,
    /// The image; `None` if it names none by its ID.
    pub image: Option<AmiId>,
}

impl ImageOfVersion {
    pub(crate) fn new(version: u64, image: Option<AmiId>) -> Self {
        Self { version, image }
    }
}

/// A role in a target is allowed to use the keys to launch (`iam:AttachRolePolicy` or
/// `iam:PutRolePolicy` in the target).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LaunchRole {
    /// The target.
    pub account: AccountId,
    /// The name of the role.
    pub role: String,
    /// The policy that allows it.
    #[serde(flatten)]
    pub by: RolePolicy,
    /// Whether the role has the policy already.
    pub in_effect: bool,
}

/// A policy of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RolePolicy {
    /// A managed policy, by its ARN.
    Attached(String),
    /// An inline policy.
    Inline {
        /// Its name, which contains the key's ID.
        name: String,
        /// Its document.
        document: String,
    },
}

/// A service-linked role in a target can use a key, by a grant that the target makes
/// (`kms:CreateGrant` in the target).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ServiceRole {
    /// The target.
    pub account: AccountId,
    /// The service principal, such as `autoscaling.amazonaws.com`.
    pub service: String,
    /// The ARN of the role; `None` if it does not exist yet (`iam:CreateServiceLinkedRole`).
    pub role: Option<String>,
    /// The key.
    pub key: KeyArn,
    /// Whether the role has the grant already.
    pub in_effect: bool,
    /// The name that the grant gets, if the role exists.
    #[serde(skip)]
    pub(crate) grant: Option<String>,
    /// The name of the grant that the target must get first, by which it makes its own.
    #[serde(skip)]
    pub(crate) parent: Option<String>,
}

/// A role in a target loses the policy that allowed it to use a key (`iam:DetachRolePolicy` or
/// `iam:DeleteRolePolicy` in the target).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RemoveRolePolicy {
    /// The target.
    pub account: AccountId,
    /// The name of the role.
    pub role: String,
    /// The ARN of the managed policy, or the name of the inline policy.
    pub policy: String,
    /// Whether it is a managed policy.
    pub managed: bool,
    /// The key of an inline policy; `None` for a managed policy, which may serve several keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyArn>,
}

/// Targets whose own copies are available lose the temporary access that they had to copy an image:
/// launch permission, snapshots, keys.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ReclaimAccess {
    /// The shared image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The targets that copy it.
    pub accounts: BTreeSet<AccountId>,
    /// Whether they have temporary access now, or get it in this run.
    pub needed: bool,
    /// The temporary access that they get in this run.
    #[serde(skip)]
    pub(crate) given: TemporaryAccounts,
    /// The keys of the image.
    #[serde(skip)]
    pub(crate) keys: BTreeMap<KeyArn, TemporaryKeyAccess>,
}

/// Accounts are removed from an image's record of temporary access: their access is permanent now,
/// or revoked (`ec2:CreateTags`, `ec2:DeleteTags`). With the record, a later run would reclaim
/// access that is to stay.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ForgetTemporaryAccess {
    /// The Region of the image.
    pub region: Region,
    /// The image.
    pub image: AmiId,
    /// The accounts that are removed from the record.
    pub accounts: BTreeSet<AccountId>,
}

/// A key that targets may use temporarily.
#[derive(Clone, Debug, Default)]
pub(crate) struct TemporaryKeyAccess {
    /// Those that keep its use because something else needs it.
    pub(crate) kept: BTreeSet<PolicyPrincipal>,
    /// What of the key was read.
    pub(crate) reads: KeyReads,
    /// Whether access that an earlier run gave is removed from the key policy. What this run gives
    /// is written to it in any case.
    pub(crate) writes_policy: bool,
}

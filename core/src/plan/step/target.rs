//! The intents in target accounts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{CopyImage, Leftovers, SharedImage};
use crate::id::{AccountId, AmiId, KeyArn, Region, SourceImage};
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
    /// The copy that already exists, pending or available.
    pub adopt: Option<AmiId>,
    /// Whether that one is available, so that nothing of the source is needed any more.
    pub available: bool,
    /// What failed copies left, removed once this one is available.
    pub leftovers: Leftovers,
    /// The tags of the copy beside ours.
    pub tags: BTreeMap<String, String>,
    #[serde(skip)]
    pub(crate) completion: Option<u32>,
    #[serde(skip)]
    pub(crate) volumes: usize,
}

impl TargetCopy {
    /// The copy of what is shared, now that it exists.
    pub(crate) fn of(&self, image: &AmiId) -> CopyImage {
        let source = SourceImage {
            region: self.shared.region.clone(),
            ami: image.clone(),
        };
        let copy = CopyImage::new(
            &self.account,
            source,
            &self.shared.region,
            &self.key,
            self.name.clone(),
            &self.tags,
        );
        CopyImage {
            adopt: self.adopt.clone(),
            completion: self.completion,
            leftovers: self.leftovers.clone(),
            volumes: self.volumes,
            ..copy
        }
    }
}

/// A shared image carries tags in a target: those of its owner are not shown there
/// (`ec2:CreateTags` in the target).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct TagShared {
    /// The target.
    pub account: AccountId,
    /// The image.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The tags that it lacks there, or has with other values.
    pub missing: BTreeMap<String, String>,
}

/// A role in a target may launch with the keys (`iam:AttachRolePolicy`, or `iam:PutRolePolicy`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct LaunchRole {
    /// The target.
    pub account: AccountId,
    /// The name of the role.
    pub role: String,
    /// How it may.
    #[serde(flatten)]
    pub by: RolePolicy,
    /// Whether it is so already.
    pub in_effect: bool,
}

/// The policy of a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RolePolicy {
    /// A managed one, by its ARN.
    Attached(String),
    /// An inline one.
    Inline {
        /// Its name, after the key.
        name: String,
        /// Its text.
        document: String,
    },
}

/// A service's role in a target may use a key, by a grant made from there (`kms:CreateGrant`,
/// R4.11).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ServiceRole {
    /// The target.
    pub account: AccountId,
    /// The service.
    pub service: String,
    /// The ARN of its role; nothing where it must be made first (`iam:CreateServiceLinkedRole`).
    pub role: Option<String>,
    /// The key.
    pub key: KeyArn,
    /// Whether the grant stands already.
    pub in_effect: bool,
}

/// A role in a target loses what it was given to launch (`iam:DetachRolePolicy`,
/// `iam:DeleteRolePolicy`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct RemoveRolePolicy {
    /// The target.
    pub account: AccountId,
    /// The name of the role.
    pub role: String,
    /// The ARN of the managed policy, or the name of the inline one.
    pub policy: String,
    /// Whether it is a managed one.
    pub managed: bool,
    /// The key that goes with it; a role keeps the policy of a key that its account keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyArn>,
}

/// Targets whose own copies stand lose what they were lent for copying: launch permission,
/// snapshots, keys.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ReclaimAccess {
    /// The image that they were lent.
    #[serde(flatten)]
    pub shared: SharedImage,
    /// The targets that copy it.
    pub accounts: BTreeSet<AccountId>,
    /// Whether something is lent already, or will be.
    pub needed: bool,
    /// What this run lends.
    #[serde(skip)]
    pub(crate) lends: TemporaryAccounts,
    /// The keys of the image.
    #[serde(skip)]
    pub(crate) keys: BTreeMap<KeyArn, TemporaryKeyAccess>,
}

/// An image says no more that it is lent to these: they are to keep it, or have lost it
/// (`ec2:CreateTags`, `ec2:DeleteTags`). Else a later run would take back what was given for good.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct ForgetTemporaryAccess {
    /// The Region of the image.
    pub region: Region,
    /// The image.
    pub image: AmiId,
    /// Whom it was lent.
    pub accounts: BTreeSet<AccountId>,
}

/// A key whose use is lent.
#[derive(Clone, Debug, Default)]
pub(crate) struct TemporaryKeyAccess {
    /// Who keeps its use, for something else needs it.
    pub(crate) kept: BTreeSet<PolicyPrincipal>,
    /// Whether its policy and its grants may be looked at.
    pub(crate) reads: (bool, bool),
}

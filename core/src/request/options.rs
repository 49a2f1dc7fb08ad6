//! The options of a request.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::text::TextDuration;
use super::{ExpandOrganizations, Keys, Retire, TargetOptions};
use crate::id::{AccountId, KeyArn, PlanDigest, Principal, Region, RoleArn};
use crate::policy::key_policy::KeyScope;

/// How targets get to use the keys of shared images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyAccessMode {
    /// By statements in the key policy (`kms:PutKeyPolicy`).
    #[default]
    Policy,
    /// By a grant for each image and account (`kms:CreateGrant`).
    Grants,
    /// Not by this run: [`Plan::key_policy_statements`](crate::Plan::key_policy_statements) says
    /// what somebody else must add.
    None,
}

/// Whether the snapshots of an image are shared too. Launching does not need them, copying does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShareSnapshots {
    /// If targets copy the image.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which tags of a shared image every recipient sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagsToShare {
    /// All that can be shared.
    All,
    /// Those of these keys.
    Keys(BTreeSet<String>),
}

/// What becomes of principals that have access and are not listed. They are always reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlisted {
    /// They keep it.
    #[default]
    Keep,
    /// Their access is revoked.
    Revoke,
}

/// A run that revokes access instead of giving it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Revoke {
    /// Revoke the access of everybody who has it; then the request names no target.
    pub all: bool,
    /// Also remove the copies that this tool made of the images.
    pub copies: bool,
    /// Revoke key access even if another image, or instances of the target, still need it.
    pub keys_in_use: bool,
}

/// When shared images are to be deprecated (`ec2:EnableImageDeprecation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeprecateAt {
    /// At a moment, in seconds since 1970.
    Time(i64),
    /// A time after the image was created, which is the same moment in every run.
    AfterCreation(#[serde(with = "super::text::duration")] Duration),
}

/// How long a run may take, and how often it checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Timing {
    /// The whole run's deadline, counted from the start of [`Sharer::plan`](crate::Sharer::plan).
    #[serde(with = "super::text::duration")]
    pub timeout: Duration,
    /// The shortest and the longest pause between two checks of something that the run waits for.
    #[serde(with = "super::text::range")]
    pub poll: (Duration, Duration),
    /// How long after a change of a key policy it is checked again. Nothing of concurrent runs is
    /// lost if no read is out of date by more than half of what this exceeds 3 s by.
    #[serde(with = "super::text::duration")]
    pub settle: Duration,
}

impl Timing {
    /// The longest that any of these may be.
    pub const LONGEST: Duration = Duration::from_hours(7 * 24);

    /// The shortest [`settle`](Self::settle) that keeps every statement when several runs change
    /// one key: a put may land 3 s after its read, and reads may be half a second old.
    pub const SAFE_SETTLE: Duration = Duration::from_secs(4);
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            timeout: Duration::from_hours(2),
            poll: (Duration::from_secs(5), Duration::from_mins(1)),
            settle: Duration::from_secs(5),
        }
    }
}

/// Everything of a request that needs no parsing of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is an input of its own")]
pub(crate) struct Options {
    pub(crate) targets: BTreeSet<Principal>,
    /// `None` if organizations and units are only shared with as such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expand_organizations: Option<ExpandOrganizations>,
    /// Principals that other requests list for the same images.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) listed_elsewhere: BTreeSet<Principal>,
    /// `None` if the caller did not set it. An empty list would allow no account.
    pub(crate) allowed_accounts: Option<BTreeSet<AccountId>>,
    pub(crate) require_image_tags: BTreeMap<String, String>,
    pub(crate) keys: Keys,
    pub(crate) copy_to_regions: BTreeSet<Region>,
    pub(crate) copy_completion: Option<TextDuration>,
    /// `None` for that of the image.
    pub(crate) copy_description: Option<String>,
    /// Whether an image that is not copied is shared itself.
    pub(crate) share_source: bool,
    pub(crate) copy_image_tags: bool,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) key_access: KeyAccessMode,
    /// `None` if the caller left it at the default.
    pub(crate) key_scope: Option<KeyScope>,
    pub(crate) key_role: Option<RoleArn>,
    pub(crate) share_snapshots: ShareSnapshots,
    /// `None` for no tags.
    pub(crate) share_tags: Option<TagsToShare>,
    /// The name of the watermark that shared images get; `None` for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) watermark: Option<String>,
    pub(crate) unlisted: Unlisted,
    /// Whether images are revoked that AWS reports in use.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) revoke_in_use: bool,
    /// Whether the request only asks who uses the images, and so needs no target.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) usage_only: bool,
    /// Whether the request is only to be checked: nothing is changed for it.
    pub(crate) verify_only: bool,
    pub(crate) drop_stale_principals: bool,
    pub(crate) revoke: Option<Revoke>,
    /// Which images are retired; `None` if the run does something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retire: Option<Retire>,
    pub(crate) deprecate_at: Option<DeprecateAt>,
    pub(crate) deregistration_protection: bool,
    pub(crate) overwrite_parameter: bool,
    pub(crate) in_targets: TargetOptions,
    /// The only plan that may be carried out; `None` for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expected_plan: Option<PlanDigest>,
    pub(crate) timing: Timing,
    pub(crate) max_concurrency: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            targets: BTreeSet::new(),
            expand_organizations: None,
            listed_elsewhere: BTreeSet::new(),
            allowed_accounts: None,
            require_image_tags: BTreeMap::new(),
            keys: Keys::default(),
            copy_to_regions: BTreeSet::new(),
            copy_completion: None,
            copy_description: None,
            share_source: true,
            copy_image_tags: true,
            tags: BTreeMap::new(),
            key_access: KeyAccessMode::default(),
            key_scope: None,
            key_role: None,
            share_snapshots: ShareSnapshots::default(),
            share_tags: None,
            watermark: None,
            unlisted: Unlisted::default(),
            revoke_in_use: false,
            usage_only: false,
            verify_only: false,
            drop_stale_principals: false,
            revoke: None,
            retire: None,
            deprecate_at: None,
            deregistration_protection: false,
            overwrite_parameter: false,
            in_targets: TargetOptions::default(),
            expected_plan: None,
            timing: Timing::default(),
            max_concurrency: 32,
        }
    }
}

impl Options {
    /// Whether this run may try to change who can use the key. What a grant does that a third
    /// account issued is not known (R3.3.8), so a key of another account needs a role there.
    pub(crate) fn can_change_key(&self, account: &AccountId, key: &KeyArn) -> bool {
        let role = self.key_role.as_ref().and_then(|role| role.account());
        key.account() == account
            || role.as_ref() == Some(key.account())
            || self.key_access == KeyAccessMode::None
    }

    /// Whether this run changes the policies of keys: of its own account, or of others too. By
    /// grants only a revoke does, for the statements of earlier runs.
    pub(crate) fn can_change_key_policy(&self, is_own: bool) -> bool {
        match self.key_access {
            KeyAccessMode::Policy => true,
            KeyAccessMode::Grants => self.revoke.is_some() && is_own,
            KeyAccessMode::None => false,
        }
    }

    /// The minutes in which AWS completes copies, as CopyImage takes them.
    pub(crate) fn copy_completion_minutes(&self) -> Option<u32> {
        let minutes = self.copy_completion?.0.as_secs() / 60;
        u32::try_from(minutes).ok()
    }

    /// Whether snapshots are shared: with `auto` if targets copy.
    pub(crate) fn shares_snapshots(&self) -> bool {
        match self.share_snapshots {
            ShareSnapshots::Auto => self.in_targets.copies(),
            ShareSnapshots::Always => true,
            ShareSnapshots::Never => false,
        }
    }

    /// Whether targets keep keys that something of theirs needs.
    pub(crate) fn spares_keys_in_use(&self) -> bool {
        self.revoke.is_some_and(|revoke| !revoke.keys_in_use)
    }
}

/// What is at its default is left out of a request as text, so that the digests of plans stay.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
pub(super) fn is_false(value: &bool) -> bool {
    !value
}

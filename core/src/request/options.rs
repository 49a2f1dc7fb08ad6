//! How a run is to go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::{Keys, TargetOptions};
use crate::id::{AccountId, KeyArn, Principal, Region, RoleArn};
use crate::policy::key_policy::KeyScope;

/// How targets get to use the keys of shared images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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

/// Whether the snapshots of an image are shared too. Launching does not need it, copying does
/// (R2.14).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShareSnapshots {
    /// Where targets copy the image.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What becomes of those who have access without being listed. They are reported in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlisted {
    /// They keep it.
    #[default]
    Keep,
    /// It is taken back.
    Revoke,
}

/// A run that takes access back instead of giving it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revoke {
    /// From everybody who has it; then the request names no target.
    pub all: bool,
    /// Also remove the copies that this tool made of the images.
    pub copies: bool,
    /// Revoke key access even if another image, or instances of the target, still need it.
    pub keys_in_use: bool,
}

/// When shared images are to be deprecated (`ec2:EnableImageDeprecation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeprecateAt {
    /// At a moment, in seconds since 1970.
    Time(i64),
    /// So long after the image was made, which is the same moment in every run.
    AfterCreation(Duration),
}

/// How long things may take, and how often to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// The whole run's deadline, counted from the start of [`Sharer::plan`](crate::Sharer::plan).
    pub timeout: Duration,
    /// The shortest and the longest pause between two looks at something awaited.
    pub poll: (Duration, Duration),
    /// How long a key policy is left alone after a change before it is looked at again. Under 8 s a
    /// put of a run beside this one, or a stale read of it, can be missed.
    pub settle: Duration,
    /// Whether pauses vary at random by a tenth, so that runs beside each other drift apart. Tests
    /// that must see the same run twice turn it off.
    pub jitter: bool,
}

impl Timing {
    /// The longest that any of these may be.
    pub const LONGEST: Duration = Duration::from_hours(7 * 24);

    /// The shortest [`settle`](Self::settle) that keeps every statement when several runs change
    /// one key: a put may land 7 s after its read, and a read may be a second old.
    pub const SAFE_SETTLE: Duration = Duration::from_secs(8);
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            timeout: Duration::from_hours(2),
            poll: (Duration::from_secs(5), Duration::from_mins(1)),
            settle: Duration::from_secs(10),
            jitter: true,
        }
    }
}

/// Everything of a request that needs no parsing of its own.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) targets: BTreeSet<Principal>,
    pub(crate) allowed_accounts: BTreeSet<AccountId>,
    pub(crate) require_image_tags: BTreeMap<String, String>,
    pub(crate) keys: Keys,
    pub(crate) copy_to_regions: BTreeSet<Region>,
    pub(crate) copy_completion: Option<Duration>,
    pub(crate) copy_image_tags: bool,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) key_access: KeyAccessMode,
    pub(crate) key_scope: KeyScope,
    pub(crate) key_role: Option<RoleArn>,
    pub(crate) share_snapshots: ShareSnapshots,
    pub(crate) unlisted: Unlisted,
    pub(crate) revoke: Option<Revoke>,
    pub(crate) deprecate_at: Option<DeprecateAt>,
    pub(crate) deregistration_protection: bool,
    pub(crate) target_options: TargetOptions,
    pub(crate) timing: Timing,
    pub(crate) max_concurrency: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            targets: BTreeSet::new(),
            allowed_accounts: BTreeSet::new(),
            require_image_tags: BTreeMap::new(),
            keys: Keys::default(),
            copy_to_regions: BTreeSet::new(),
            copy_completion: None,
            copy_image_tags: true,
            tags: BTreeMap::new(),
            key_access: KeyAccessMode::default(),
            key_scope: KeyScope::default(),
            key_role: None,
            share_snapshots: ShareSnapshots::default(),
            unlisted: Unlisted::default(),
            revoke: None,
            deprecate_at: None,
            deregistration_protection: false,
            target_options: TargetOptions::default(),
            timing: Timing::default(),
            max_concurrency: 32,
        }
    }
}

impl Options {
    /// Whether this run may try to change who can use the key. What a grant is worth that neither
    /// the key's account nor the grantee's issued is not known (R3.3.8), so none is made.
    pub(crate) fn can_change_key(&self, account: &AccountId, key: &KeyArn) -> bool {
        let role = self.key_role.as_ref().and_then(|role| role.account());
        key.account() == account
            || role.as_ref() == Some(key.account())
            || self.key_access == KeyAccessMode::None
    }

    /// The minutes in which AWS completes copies, as CopyImage takes them.
    pub(crate) fn copy_completion_minutes(&self) -> Option<u32> {
        let minutes = self.copy_completion?.as_secs() / 60;
        u32::try_from(minutes).ok()
    }

    /// Whether snapshots are shared: with `auto` where targets copy.
    pub(crate) fn shares_snapshots(&self) -> bool {
        match self.share_snapshots {
            ShareSnapshots::Auto => self.target_options.copies(),
            ShareSnapshots::Always => true,
            ShareSnapshots::Never => false,
        }
    }

    /// Whether targets lose the use of keys only where nothing of theirs needs it.
    pub(crate) fn spares_keys_in_use(&self) -> bool {
        self.revoke.is_some_and(|revoke| !revoke.keys_in_use)
    }
}

//! What AWS says now, as plain data. Filled by `observe`, read by `plan`.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{AccountId, AmiId, KeyArn, Partition, Region, SnapshotId};
use crate::key_policy::KeyPolicy;

/// Who calls, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) account: AccountId,
    pub(crate) region: Region,
}

impl Place {
    pub(crate) fn partition(&self) -> Partition {
        self.region.partition()
    }
}

/// Everything a plan is made from.
#[derive(Clone, Debug)]
pub(crate) struct Inventory {
    pub(crate) place: Place,
    pub(crate) images: BTreeMap<AmiId, Image>,
    /// Images that carry our tag of one of the images above, in any state.
    pub(crate) copies: Vec<Image>,
    pub(crate) snapshots: BTreeMap<SnapshotId, Snapshot>,
    pub(crate) keys: BTreeMap<KeyArn, Key>,
    /// What the request's `kms-key-id` resolved to.
    pub(crate) destination: Option<KeyArn>,
    /// Of the images and copies that can be shared.
    pub(crate) launch_permissions: BTreeMap<AmiId, LaunchPermissions>,
}

impl Inventory {
    /// The keys that the snapshots of an image are encrypted under.
    pub(crate) fn keys_of(&self, image: &Image) -> BTreeSet<KeyArn> {
        image.snapshots().filter_map(|id| self.snapshots.get(id)?.key.clone()).collect()
    }

    /// Whether every volume of the image is encrypted under `key`: then a copy would change nothing.
    pub(crate) fn is_wholly_under(&self, image: &Image, key: &KeyArn) -> bool {
        let mut volumes = image.snapshots().peekable();
        volumes.peek().is_some()
            && volumes.all(|id| self.snapshots.get(id).is_some_and(|snapshot| snapshot.key.as_ref() == Some(key)))
    }
}

/// An AMI as `DescribeImages` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) id: AmiId,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) state: ImageState,
    pub(crate) state_reason: Option<String>,
    pub(crate) root_device_type: String,
    pub(crate) creation_date: String,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) product_codes: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) source: Option<(String, String)>,
    pub(crate) source_instance: Option<String>,
}

impl Image {
    /// The snapshots behind the image; ephemeral mappings have none (R1.2.4).
    pub(crate) fn snapshots(&self) -> impl Iterator<Item = &SnapshotId> {
        self.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref())
    }
}

/// One EBS volume of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) snapshot: Option<SnapshotId>,
}

/// The states of an image, as far as they differ for us (R1.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ImageState {
    Pending,
    Available,
    Disabled,
    /// `failed`, `error`, `invalid`: it will never be available.
    Failed(String),
    Deregistered,
}

/// A snapshot as `DescribeSnapshots` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    pub(crate) id: SnapshotId,
    pub(crate) state: String,
    pub(crate) state_message: Option<String>,
    /// Percent.
    pub(crate) progress: Option<u8>,
    pub(crate) key: Option<KeyArn>,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A KMS key as `DescribeKey` and `GetKeyPolicy` answer it.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) arn: KeyArn,
    pub(crate) aws_managed: bool,
    pub(crate) state: KeyState,
    /// Symmetric and for encryption: all that EBS takes (R1.3.6).
    pub(crate) symmetric: bool,
    /// Read where the plan may change it.
    pub(crate) policy: Option<Result<KeyPolicy, String>>,
}

/// The states of a key, as far as they differ for us (R3.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion,
    Other(String),
    /// The key belongs to another account that does not let us look.
    Unseen,
}

/// Who may launch an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LaunchPermissions {
    pub(crate) accounts: BTreeSet<AccountId>,
    /// Everything else: `all`, organizations, OUs.
    pub(crate) others: BTreeSet<String>,
}

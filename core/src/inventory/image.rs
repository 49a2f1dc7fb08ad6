//! Images and their snapshots.

use std::collections::BTreeMap;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::{RegionInventory, ScanResults, Watermark};
use crate::id::{AmiId, KeyArn, SnapshotId};
use crate::request::name::NameParts;

/// An AMI as `DescribeImages` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) id: AmiId,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) owner: String,
    pub(crate) state: ImageState,
    pub(crate) state_reason: Option<String>,
    pub(crate) root_device_type: String,
    pub(crate) creation_date: String,
    pub(crate) deprecation_time: Option<String>,
    pub(crate) deregistration_protected: bool,
    pub(crate) architecture: String,
    pub(crate) hardware: Hardware,
    pub(crate) mappings: Vec<Mapping>,
    pub(crate) product_codes: Vec<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// The ID and Region of the image that it was copied from.
    pub(crate) source: Option<(String, String)>,
    /// The instance that it was made from.
    pub(crate) source_instance: Option<String>,
    pub(crate) watermarks: Vec<Watermark>,
    /// What Amazon Inspector found, if it scanned the image.
    pub(crate) scan: Option<ScanResults>,
    /// Whether it meets the criteria of Allowed AMIs of the account that asked; `None` for an own
    /// image, and if those are off.
    pub(crate) allowed: Option<bool>,
}

impl Image {
    /// The values of placeholders in a name, for something that is made of the image in an account
    /// and Region.
    pub(crate) fn name_parts<'a>(&'a self, region: &'a RegionInventory) -> NameParts<'a> {
        NameParts {
            name: &self.name,
            ami: &self.id,
            region: &region.location.region,
            account: &region.location.account,
            alias: region.alias.as_deref(),
            architecture: &self.architecture,
            tags: &self.tags,
        }
    }

    /// The snapshots behind the image; ephemeral mappings have none (R1.2.4).
    pub(crate) fn snapshots(&self) -> impl Iterator<Item = &SnapshotId> {
        self.mappings
            .iter()
            .filter_map(|mapping| mapping.snapshot.as_ref())
    }

    /// Whether a launch makes encrypted volumes of no snapshot. Whoever owns the image, they take
    /// the default EBS key of the account that launches.
    pub(crate) fn makes_encrypted_volumes(&self) -> bool {
        let mut mappings = self.mappings.iter();
        mappings.any(|mapping| mapping.is_encrypted && mapping.snapshot.is_none())
    }

    /// Whether a launch makes volumes that only encryption by default encrypts.
    pub(crate) fn makes_unencrypted_volumes(&self) -> bool {
        let mut mappings = self.mappings.iter();
        mappings.any(|mapping| {
            let is_volume = mapping.snapshot.is_some() || mapping.empty_volume.is_some();
            is_volume && !mapping.is_encrypted
        })
    }
}

/// What an image needs of the machine that it is launched on (R7.28).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hardware {
    /// Whether it has a driver for the Elastic Network Adapter.
    pub(crate) ena: bool,
    /// `None` if it boots either way.
    pub(crate) boot_mode: Option<BootMode>,
    /// `hvm` or `paravirtual`.
    pub(crate) virtualization: Option<String>,
    pub(crate) tpm: bool,
    /// Patterns of the instance types that it supports; without any, all.
    pub(crate) supported: Vec<String>,
    /// Patterns of those that it does not support.
    pub(crate) unsupported: Vec<String>,
}

/// The only way in which an image boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BootMode {
    Uefi,
    Legacy,
}

/// One block device of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) device: Option<String>,
    pub(crate) snapshot: Option<SnapshotId>,
    /// The volume of a device without a snapshot, if it has one.
    pub(crate) empty_volume: Option<EmptyVolume>,
    /// Whether AWS calls it encrypted; of its snapshot, AWS says that again.
    pub(crate) is_encrypted: bool,
}

/// A volume that begins empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EmptyVolume {
    /// GiB.
    pub(crate) size: i32,
    /// Such as `gp3`.
    pub(crate) kind: Option<String>,
}

/// The states of an image that this tool distinguishes (R1.1.1).
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
    pub(crate) is_encrypted: bool,
    /// Of an encrypted snapshot, it is always known once that is complete.
    pub(crate) key: Option<KeyArn>,
    /// Whether it is in the archive tier, and so cannot be used (R7.31).
    pub(crate) archived: bool,
    pub(crate) description: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A time that AWS answered, in seconds since 1970.
pub(crate) fn seconds(date: &str) -> Option<i64> {
    let date = DateTime::from_str(date, Format::DateTime).ok()?;
    Some(date.secs())
}

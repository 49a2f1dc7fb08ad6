//! Images.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::{ScanResults, Shared, Watermark};

/// An AMI.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Image {
    /// The ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// The account that owns it.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// The state (R1.1.1).
    pub state: ImageState,
    /// `StateReason`, if it failed.
    pub state_reason: Option<String>,
    /// When it was made.
    #[serde(skip)]
    pub created: Duration,
    /// When it was no longer pending.
    #[serde(skip)]
    pub settled: Duration,
    /// How it ends, while it is pending.
    #[serde(skip)]
    pub fate: Option<Fate>,
    /// The block device mapping.
    pub mappings: Vec<Mapping>,
    /// `ebs` or `instance-store`.
    pub root_device_type: String,
    /// Product codes.
    pub product_codes: Vec<String>,
    /// Tags; each account has its own on the same image (R1.6).
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Who may launch it: accounts, or `all`.
    pub launch_permissions: Shared,
    /// The image it was copied from, and its Region.
    pub source: Option<(String, String)>,
    /// The instance that CreateImage made it from.
    pub source_instance: Option<String>,
    /// Such as `x86_64`.
    pub architecture: String,
    /// What it needs of the machine.
    pub hardware: Hardware,
    /// The root device.
    pub root_device: String,
    /// `v2.0` if instances must use the newer metadata service.
    pub imds_support: Option<String>,
    /// When it is deprecated, as the user wrote it.
    pub deprecation_time: Option<String>,
    /// The same as a moment.
    #[serde(skip)]
    pub deprecated_at: Option<Duration>,
    /// Whether DeregisterImage is refused.
    pub protection: Protection,
    /// Watermarks; copies keep them (R7.13).
    pub watermarks: Vec<Watermark>,
    /// What Amazon Inspector found, if it scanned the image.
    pub scan: Option<ScanResults>,
}

impl Image {
    /// Whether every account may launch it.
    pub fn is_public(&self) -> bool {
        self.launch_permissions.contains("all")
    }

    /// The state that a look shows which is out of date since a moment (R1.1.7).
    pub fn state_at(&self, moment: Duration) -> ImageState {
        if self.settled > moment {
            ImageState::Pending
        } else {
            self.state
        }
    }

    /// The IDs of the snapshots behind its devices.
    pub fn snapshot_ids(&self) -> impl Iterator<Item = &str> {
        let snapshots = self.mappings.iter().map(|mapping| &mapping.snapshot);
        snapshots.filter_map(Option::as_deref)
    }
}

/// What an image needs of the machine that it is launched on (R7.28).
#[derive(Clone, Debug, Serialize)]
pub struct Hardware {
    /// Whether it has a driver for the Elastic Network Adapter.
    pub ena: bool,
    /// `legacy-bios`, `uefi` or `uefi-preferred`, if it says so.
    pub boot_mode: Option<String>,
    /// `hvm` or `paravirtual`.
    pub virtualization: String,
    /// `v2.0` if it needs a TPM.
    pub tpm: Option<String>,
    /// Patterns of the instance types that it supports; without any, all.
    pub supported: Vec<String>,
    /// Patterns of those that it does not support.
    pub unsupported: Vec<String>,
}

impl Default for Hardware {
    fn default() -> Self {
        Self {
            ena: true,
            boot_mode: None,
            virtualization: "hvm".to_owned(),
            tpm: None,
            supported: Vec::new(),
            unsupported: Vec::new(),
        }
    }
}

/// Deregistration protection (R7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protection {
    /// It may be deregistered.
    #[default]
    Off,
    /// It may not be deregistered.
    On {
        /// Whether the protection continues for a day after it is disabled.
        cooldown: bool,
    },
    /// It was disabled, and continues until a moment.
    Until(#[serde(skip)] Duration),
}

impl Protection {
    /// Whether it holds at a moment.
    pub fn holds(&self, now: Duration) -> bool {
        match self {
            Self::Off => false,
            Self::On { .. } => true,
            Self::Until(end) => now < *end,
        }
    }
}

/// The states of an image that are simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageState {
    /// Being made.
    #[default]
    Pending,
    /// It can be used.
    Available,
    /// It could not be made.
    Failed,
    /// It could not be made: its content is not valid.
    Invalid,
    /// It could not be made: an error.
    Error,
    /// It is gone, but its ID is remembered.
    Deregistered,
    /// Only its owner sees it, and nobody can launch it.
    Disabled,
}

impl ImageState {
    /// As AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Failed => "failed",
            Self::Invalid => "invalid",
            Self::Error => "error",
            Self::Deregistered => "deregistered",
            Self::Disabled => "disabled",
        }
    }
}

/// How something that is pending ends.
#[derive(Clone, Debug)]
pub struct Fate {
    /// When it began.
    pub from: Duration,
    /// When it ends.
    pub at: Duration,
    /// Why it fails, if it does: the reason of the image, and of its snapshots.
    pub failure: Option<(String, String)>,
    /// The state in which the image ends if it fails.
    pub fails_as: ImageState,
}

impl Fate {
    /// It succeeds after a time.
    pub fn success(from: Duration, after: Duration) -> Self {
        Self {
            from,
            at: from + after,
            failure: None,
            fails_as: ImageState::Failed,
        }
    }
}

/// One device.
#[derive(Clone, Debug, Serialize)]
pub struct Mapping {
    /// Such as `/dev/xvda`.
    pub device: String,
    /// The snapshot behind it; ephemeral devices have none.
    pub snapshot: Option<String>,
    /// Such as `ephemeral0`.
    pub virtual_name: Option<String>,
    /// Such as `gp3`.
    pub volume_type: String,
    /// Whether the volume is deleted with the instance.
    pub delete_on_termination: bool,
    /// GiB, if the mapping has no snapshot.
    pub size: Option<u32>,
    /// Whether a new, empty volume is encrypted.
    pub encrypted: bool,
}

impl Mapping {
    /// A device with a snapshot behind it.
    pub fn of_snapshot(device: String, snapshot: String, volume_type: &str) -> Self {
        let (virtual_name, size) = (None, None);
        let volume_type = volume_type.to_owned();
        Self {
            device,
            snapshot: Some(snapshot),
            virtual_name,
            volume_type,
            delete_on_termination: true,
            size,
            encrypted: false,
        }
    }

    /// A device with a new, empty volume.
    pub fn empty(device: String, size: u32, delete_on_termination: bool) -> Self {
        Self {
            snapshot: None,
            size: Some(size),
            delete_on_termination,
            ..Self::of_snapshot(device, String::new(), "gp3")
        }
    }

    /// A device of the machine itself.
    pub fn ephemeral(device: String, name: String) -> Self {
        let virtual_name = Some(name);
        Self {
            device,
            snapshot: None,
            virtual_name,
            volume_type: String::new(),
            delete_on_termination: true,
            size: None,
            encrypted: false,
        }
    }
}

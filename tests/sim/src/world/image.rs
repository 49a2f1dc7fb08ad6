//! Images, snapshots and instances.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

/// An AMI.
#[derive(Clone, Debug, Serialize)]
pub struct Image {
    /// The ID.
    pub id: String,
    /// The name.
    pub name: String,
    /// The description.
    pub description: String,
    /// The account that owns it.
    pub owner: String,
    /// Where it is.
    pub region: String,
    /// The state (R1.1.1).
    pub state: ImageState,
    /// `StateReason`, of one that failed.
    pub state_reason: Option<String>,
    /// When it was made.
    #[serde(skip)]
    pub created: Duration,
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
    pub launch_permissions: BTreeSet<String>,
    /// What it was copied from: image and Region.
    pub source: Option<(String, String)>,
}

/// The states of an image that are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImageState {
    /// Being made.
    Pending,
    /// Ready.
    Available,
    /// Never ready.
    Failed,
    /// Gone, but remembered.
    Deregistered,
    /// Shown to its owner only, and of no use.
    Disabled,
}

impl ImageState {
    /// As AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Failed => "failed",
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
    /// Why it fails, where it does: of the image, and of its snapshots.
    pub failure: Option<(String, String)>,
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
}

/// An EBS snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// The ID.
    pub id: String,
    /// The account that owns it.
    pub owner: String,
    /// Where it is.
    pub region: String,
    /// `pending`, `completed` or `error` (R1.1.2).
    pub state: &'static str,
    /// Why it failed.
    pub state_message: Option<String>,
    /// Percent.
    pub progress: u8,
    /// The volume it was made of.
    pub volume: String,
    /// GiB.
    pub size: u32,
    /// The ARN of the key it is encrypted under.
    pub key: Option<String>,
    /// The description.
    pub description: String,
    /// When it was made.
    #[serde(skip)]
    pub created: Duration,
    /// How it ends, while it is pending.
    #[serde(skip)]
    pub fate: Option<Fate>,
    /// Tags, of each account its own.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Who may make volumes and copies of it: accounts, or `all`.
    pub create_volume_permissions: BTreeSet<String>,
}

/// An EC2 instance.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    /// The ID.
    pub id: String,
    /// The image it was launched from.
    pub image: String,
    /// The account that launched it.
    pub owner: String,
    /// Where it is.
    pub region: String,
    /// `pending`, `running` or `terminated`.
    pub state: &'static str,
    /// `StateReason` code and message, of one that did not come up.
    pub state_reason: Option<(String, String)>,
    /// `StateTransitionReason`.
    pub transition_reason: String,
    /// The keys of its volumes.
    pub volume_keys: Vec<String>,
}

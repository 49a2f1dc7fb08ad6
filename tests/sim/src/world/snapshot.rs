//! Snapshots.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::{Fate, Shared};

/// A lock of a snapshot (R7.16).
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotLock {
    /// `governance` or `compliance`.
    pub mode: &'static str,
    /// When it ends.
    #[serde(skip)]
    pub ends: Duration,
}

/// An EBS snapshot.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// The ID.
    pub id: String,
    /// The account that owns it.
    pub owner: String,
    /// The Region.
    pub region: String,
    /// `pending`, `completed` or `error` (R1.1.2).
    pub state: &'static str,
    /// Why it failed, or `Metadata not updated` while a copy is pending.
    pub state_message: Option<String>,
    /// Percent.
    pub progress: u8,
    /// The volume it was made from.
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
    /// When it was completed.
    #[serde(skip)]
    pub completed: Option<Duration>,
    /// How it ends, while it is pending.
    #[serde(skip)]
    pub fate: Option<Fate>,
    /// Whether size and encryption are not known yet, as while a CopySnapshot is pending
    /// (recorded).
    pub unknown: bool,
    /// The minutes that a time-based copy may take (R7.5).
    pub completion_minutes: Option<u32>,
    /// The Region and snapshot that it was copied from.
    #[serde(skip)]
    pub copied_from: Option<(String, String)>,
    /// Whether it is in the archive tier: it must be restored before it can be used (R7.31).
    pub archived: bool,
    /// Its lock, if it has or had one: nobody deletes it while that lasts.
    pub lock: Option<SnapshotLock>,
    /// Tags by account.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Who may make volumes and copies of it: accounts, or `all`.
    pub create_volume_permissions: Shared,
}

impl Snapshot {
    /// The volume ID of a copied snapshot, which means nothing (R1.2.4).
    pub(crate) const NO_VOLUME: &str = "vol-ffffffff";
}

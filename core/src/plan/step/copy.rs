//! A copy of an image, and what failed copies left.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::id::{AccountId, AmiId, KeyArn, Region, SnapshotId, SourceImage};
use crate::request::name;
use crate::tags;

/// A copy of an image under a key (`ec2:CopyImage`): made, or adopted where it already exists.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CopyImage {
    /// Whose copy it is: the source account's, or a target's.
    pub account: AccountId,
    /// The image that is copied.
    pub source: SourceImage,
    /// The Region of the copy.
    pub region: Region,
    /// The key that every volume of the copy is encrypted under.
    pub key: KeyArn,
    /// The name of the copy.
    pub name: String,
    /// The tags of the copy and of its snapshots.
    pub tags: BTreeMap<String, String>,
    /// What the copy answers to: the digest of source, destination, key and name.
    pub identity: String,
    /// The copy that already exists, pending or available.
    pub adopt: Option<AmiId>,
    /// In how many minutes AWS completes it, where that is paid for (R7.5).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion: Option<u32>,
    /// What failed copies left, removed once this one is available.
    pub leftovers: Leftovers,
    /// How many EBS volumes the source has, and so the copy must have.
    #[serde(skip)]
    pub(crate) volumes: usize,
}

/// What failed copies left: it counts toward quotas until it is removed (R1.5.17).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Leftovers {
    /// Failed images of ours.
    pub images: Vec<AmiId>,
    /// Snapshots of ours in state `error` that no image uses.
    pub snapshots: Vec<SnapshotId>,
}

impl Leftovers {
    /// Whether nothing was left.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.snapshots.is_empty()
    }
}

impl CopyImage {
    /// A copy that is not known to exist yet, with our tags beside `tags`.
    pub(crate) fn new(
        account: &AccountId,
        source: SourceImage,
        region: &Region,
        key: &KeyArn,
        name: String,
        tags: &BTreeMap<String, String>,
    ) -> Self {
        let (from, to) = (source.tag(), format!("{account}/{region}"));
        let identity = digest(&["1", &from, &to, key.as_ref(), &name]);
        Self {
            account: account.clone(),
            region: region.clone(),
            key: key.clone(),
            tags: tags::of_copy(tags, from, identity.clone()),
            source,
            name,
            identity,
            adopt: None,
            completion: None,
            leftovers: Leftovers::default(),
            volumes: 0,
        }
    }

    /// The client token of the n-th attempt: runs that see the same state send the same one, and
    /// make one copy (R1.2.2).
    pub(crate) fn client_token(&self, attempt: u32) -> String {
        digest(&[&self.identity, &attempt.to_string()])
    }

    /// The name to fall back on where AWS calls [`Self::name`] a duplicate.
    pub(crate) fn fallback_name(&self) -> String {
        name::with_suffix(&self.name, self.identity.get(..8).unwrap_or_default())
    }
}

fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

//! A copy of an image, and what failed copies left.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::digest::hex_sha256;
use crate::id::{AccountId, AccountRegion, AmiId, KeyArn, Region, SnapshotId, SourceImage};
use crate::request::name;
use crate::tags;

/// How many characters of its identity a copy has in its name if AWS calls that a duplicate.
pub(crate) const DIGEST_IN_NAME: usize = 8;

/// A copy of an image under a key (`ec2:CopyImage`): a new one, or one that exists already.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct CopyImage {
    /// The account that owns the copy: the source account, or a target.
    pub account: AccountId,
    /// The image that is copied.
    pub source: SourceImage,
    /// The Region of the copy.
    pub region: Region,
    /// The key that every volume of the copy is encrypted under.
    pub key: KeyArn,
    /// The name of the copy.
    pub name: String,
    /// The description of the copy.
    pub description: String,
    /// The tags of the copy and of its snapshots.
    pub tags: BTreeMap<String, String>,
    /// A digest of source, destination, key and name. Copies with the same identity are the same
    /// copy; a tag of the copy holds it.
    pub identity: String,
    /// The copy that exists already, pending or available.
    pub adopt: Option<AmiId>,
    /// Whether that copy is available.
    pub available: bool,
    /// The minutes in which AWS is to complete it, which costs extra; `None` for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion: Option<u32>,
    /// What failed copies left; it is removed once this copy is available.
    pub leftovers: Leftovers,
    /// The number of EBS volumes that the source has, and the copy must have.
    #[serde(skip)]
    pub(crate) volumes: usize,
}

/// What failed copies left. It counts toward quotas until it is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Leftovers {
    /// Failed copies that this tool made.
    pub images: Vec<AmiId>,
    /// Snapshots of such copies that are in state `error` and that no image uses.
    pub snapshots: Vec<SnapshotId>,
}

impl Leftovers {
    /// Whether nothing was left.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty() && self.snapshots.is_empty()
    }
}

impl CopyImage {
    /// A copy in an account and Region, not known to exist yet. Its tags are `tags` and the marks
    /// of this tool.
    pub(crate) fn new(
        source: SourceImage,
        location: &AccountRegion,
        key: KeyArn,
        name: String,
        tags: &BTreeMap<String, String>,
    ) -> Self {
        let from = source.tag();
        let identity = Self::identify(&source, location, &key, &name);
        Self {
            account: location.account.clone(),
            source,
            region: location.region.clone(),
            key,
            tags: tags::of_copy(tags, from, identity.clone()),
            name,
            description: String::new(),
            identity,
            adopt: None,
            available: false,
            completion: None,
            leftovers: Leftovers::default(),
            volumes: 0,
        }
    }

    /// The identity of a copy.
    pub(crate) fn identify(
        source: &SourceImage,
        location: &AccountRegion,
        key: &KeyArn,
        name: &str,
    ) -> String {
        let to = format!("{}/{}", location.account, location.region);
        // The number is raised whenever what a copy consists of changes; a version that raises it
        // must go on to recognize copies of the former one.
        hash_parts(&["1", &source.tag(), &to, key.as_ref(), name])
    }

    /// The client token of an attempt. Concurrent runs send the same token, so that AWS makes one
    /// copy (R1.2.2).
    pub(crate) fn client_token(&self, attempt: u32) -> String {
        hash_parts(&[&self.identity, &attempt.to_string()])
    }

    /// The name to use if AWS refuses [`Self::name`] as a duplicate.
    pub(crate) fn fallback_name(&self) -> String {
        name::with_suffix(
            &self.name,
            self.identity.get(..DIGEST_IN_NAME).unwrap_or_default(),
        )
    }
}

/// A digest of texts, each ended by a zero byte so that no two lists have the same bytes.
fn hash_parts(parts: &[&str]) -> String {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(part.as_bytes());
        bytes.push(0);
    }
    hex_sha256(bytes)
}

//! Which images are copied, and which copies already stand.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::copy::adopt::{self, Candidate};
use crate::finding::{Finding, FindingCode};
use crate::id::{AccountId, AmiId, KeyArn, Region, SnapshotId, SourceImage};
use crate::inventory::{Image, Inventory, KeyState, RegionInventory};
use crate::name::{self, Parts};
use crate::request::ShareRequest;
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

/// The copy of `source` that a Region needs, or nothing where the image is shared there itself.
pub(super) fn plan(
    request: &ShareRequest,
    inventory: &Inventory,
    source: (&SourceImage, &Image),
    there: &RegionInventory,
    findings: &mut Vec<Finding>,
) -> Option<CopyImage> {
    let (named, image) = source;
    let at_home = named.region == there.place.region;
    let key = there.destination.as_ref()?;
    if at_home && (there.is_wholly_under(image, key) || image.snapshots().next().is_none()) {
        return None;
    }
    let options = &request.options;
    let name = request.copy_name.fill(&Parts::of(image, &there.place));
    let passed_on = tags::passed_on(options.copy_tags.then_some(&image.tags), &options.tags);
    let copy = CopyImage::new(
        &there.place.account,
        named.clone(),
        &there.place.region,
        key,
        name,
        &passed_on,
    );
    let mut copy = CopyImage {
        completion: options.copy_completion,
        volumes: image.snapshots().count(),
        ..copy
    };
    check(&copy, findings);
    adopt(&mut copy, there, findings);
    if copy.adopt.is_none()
        && let Some(home) = inventory.regions.get(&named.region)
    {
        findings.extend(
            home.keys_of(image)
                .iter()
                .filter_map(|key| source_key(home, image, key)),
        );
    }
    Some(copy)
}

/// Finds what already stands of a copy: the copy itself, or what failed ones left.
pub(super) fn adopt(copy: &mut CopyImage, there: &RegionInventory, findings: &mut Vec<Finding>) {
    let mut adoptable = Vec::new();
    for candidate in there
        .copies
        .iter()
        .filter(|candidate| adopt::answers(candidate, &copy.identity))
    {
        match adopt::judge(candidate, &there.snapshots, copy, &there.place) {
            Candidate::Adoptable => adoptable.push(candidate),
            Candidate::Failed => copy.leftovers.images.push(candidate.id.clone()),
            Candidate::Disabled => findings.push(Finding::warn(
                FindingCode::CopyDisabled,
                &candidate.id,
                format!(
                    "this copy of {} is disabled, so it is not used and another is made",
                    copy.source
                ),
            )),
            Candidate::NotOurs => {}
        }
    }
    // The oldest, so that runs beside each other choose the same.
    adoptable.sort_by_key(|image| (&image.creation_date, &image.id));
    if let [oldest, rest @ ..] = adoptable.as_slice() {
        copy.adopt = Some(oldest.id.clone());
        findings.extend(rest.iter().map(|extra| {
            Finding::warn(
                FindingCode::CopyDuplicate,
                &extra.id,
                format!(
                    "this is one more copy of {} beside {}, which is the one used",
                    copy.source, oldest.id
                ),
            )
        }));
    }
    copy.leftovers.snapshots = adopt::orphans(there, &copy.identity);
}

/// AWS copies so many snapshots from one Region to another at once (R1.5.10).
const AT_ONCE: usize = 20;

/// More copies than AWS makes at once wait for each other.
pub(super) fn queued(copies: &[CopyImage], findings: &mut Vec<Finding>) {
    let mut volumes: BTreeMap<(&Region, &Region), usize> = BTreeMap::new();
    for copy in copies.iter().filter(|copy| copy.adopt.is_none()) {
        *volumes
            .entry((&copy.source.region, &copy.region))
            .or_default() += copy.volumes;
    }
    for ((from, to), volumes) in volumes
        .into_iter()
        .filter(|(_, volumes)| *volumes > AT_ONCE)
    {
        findings.push(Finding::warn(
            FindingCode::CopyQueued,
            to,
            format!(
                "{volumes} volumes are copied from {from} to here, and AWS copies {AT_ONCE} at \
                     once (R1.5.10): the others wait"
            ),
        ));
    }
}

pub(super) fn check(copy: &CopyImage, findings: &mut Vec<Finding>) {
    if !name::is_ami_name(&copy.name) {
        findings.push(Finding::refuse(
            FindingCode::CopyNameInvalid,
            &copy.source,
            format!(
                "the copy would be named `{}`, which AWS does not take: 3 to 128 characters \
                     (R1.2.1)",
                copy.name
            ),
        ));
    }
    if copy.tags.len() > tags::LIMIT {
        findings.push(Finding::refuse(
            FindingCode::CopyTooManyTags,
            &copy.source,
            format!(
                "the copy would have {} tags, two of them ours; a resource can have {}",
                copy.tags.len(),
                tags::LIMIT
            ),
        ));
    }
}

/// A copy decrypts under the source's key, so that key must work once more.
fn source_key(inventory: &RegionInventory, image: &Image, key: &KeyArn) -> Option<Finding> {
    let (code, state) = match inventory.keys.get(key)?.state {
        KeyState::Disabled => (FindingCode::KeyDisabled, "disabled"),
        KeyState::PendingDeletion => (FindingCode::KeyPendingDeletion, "pending deletion"),
        _ => return None,
    };
    let message = format!(
        "{} is encrypted under this key, which is {state}, so it cannot be copied (R3.4)",
        image.id
    );
    Some(Finding::refuse(code, key, message))
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

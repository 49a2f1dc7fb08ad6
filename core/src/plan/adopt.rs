//! Which images are copies that this tool made, and in what state. Pure. A tag alone proves
//! nothing, because anybody may set it.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{AccountRegion, AmiId, SnapshotId, SourceImage};
use crate::inventory::{Image, ImageState, RegionInventory, Snapshot};
use crate::plan::CopyImage;
use crate::tags;

/// What an image with the tag of a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// The copy, available or pending.
    Adoptable,
    /// A copy that failed.
    Failed,
    /// The copy, but disabled.
    Disabled,
    /// Something else.
    Unrelated,
}

/// Whether a tag calls the image the copy of this identity.
pub(super) fn has_identity(image: &Image, identity: &str) -> bool {
    image.tags.get(tags::REQUEST).map(String::as_str) == Some(identity)
}

/// Whether AWS says that the image is a copy of `source`, owned by the account.
pub(super) fn was_copied_from(
    image: &Image,
    source: &SourceImage,
    location: &AccountRegion,
) -> bool {
    let from = (source.ami.to_string(), source.region.to_string());
    image.owner == location.account.as_ref()
        && image.source == Some(from)
        && image.source_instance.is_none()
}

/// What `image` is to `copy`. AWS shows the volumes of a pending image late, so it is judged again
/// once it is available.
pub(crate) fn judge(
    image: &Image,
    snapshots: &BTreeMap<SnapshotId, Snapshot>,
    copy: &CopyImage,
    location: &AccountRegion,
) -> Candidate {
    // A name never changes, and a tag may be copied to another image.
    let is_named = image.name == copy.name || image.name == copy.fallback_name();
    if !is_named || !was_copied_from(image, &copy.source, location) {
        return Candidate::Unrelated;
    }
    let mut under_key = 0;
    for snapshot in image.snapshots().filter_map(|id| snapshots.get(id)) {
        if contradicts(snapshot, image, &copy.source) {
            return Candidate::Unrelated;
        }
        if snapshot.key.as_ref() == Some(&copy.key) {
            under_key += 1;
        }
    }
    let is_complete = under_key == copy.volumes && image.snapshots().count() == copy.volumes;
    match image.state {
        ImageState::Pending => Candidate::Adoptable,
        ImageState::Available if is_complete => Candidate::Adoptable,
        ImageState::Disabled => Candidate::Disabled,
        ImageState::Failed(_) => Candidate::Failed,
        ImageState::Available | ImageState::Deregistered => Candidate::Unrelated,
    }
}

/// Whether the snapshot belongs to another copy: AWS writes into a copied snapshot which copy it
/// was made for, and from which image (R1.2.10).
pub(super) fn contradicts(snapshot: &Snapshot, image: &Image, source: &SourceImage) -> bool {
    let word_after = |marker| word_after(snapshot, marker);
    word_after("DestinationAmi ").is_some_and(|id| id != image.id.as_ref())
        || word_after("SourceAmi ").is_some_and(|id| id != source.ami.as_ref())
}

fn word_after<'a>(snapshot: &'a Snapshot, marker: &str) -> Option<&'a str> {
    let (_, rest) = snapshot.description.split_once(marker)?;
    rest.split([' ', '.']).next()
}

/// The image that AWS copied a snapshot for, by its description (R1.2.10).
pub(crate) fn copied_for(snapshot: &Snapshot) -> Option<AmiId> {
    word_after(snapshot, "DestinationAmi ")?.parse().ok()
}

/// Whether the source that a tag of the snapshot names is the image that AWS copied it from.
pub(crate) fn is_of_tagged_source(snapshot: &Snapshot) -> bool {
    let tag = snapshot.tags.get(tags::SOURCE);
    let tagged = tag.and_then(|tag| tag.split_once('/'));
    let copied_from = word_after(snapshot, "SourceAmi ");
    tagged.is_some_and(|(_, image)| copied_from == Some(image))
}

/// Snapshots that failed copies of this identity left: in state `error`, and used by no image.
pub(super) fn failed_snapshots(region: &RegionInventory, identity: &str) -> Vec<SnapshotId> {
    let images = region.images.values().chain(&region.copies);
    let used: BTreeSet<&SnapshotId> = images.flat_map(Image::snapshots).collect();
    let mut failed = Vec::new();
    for snapshot in region.snapshots.values() {
        let tag = snapshot.tags.get(tags::REQUEST);
        let is_of_copy = tag.map(String::as_str) == Some(identity);
        if is_of_copy
            && is_of_tagged_source(snapshot)
            && snapshot.state == "error"
            && !used.contains(&snapshot.id)
        {
            failed.push(snapshot.id.clone());
        }
    }
    failed
}

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

/// Whether the image is a copy that this tool made of `source`, under any key and name.
pub(super) fn is_copy_of(image: &Image, source: &SourceImage, location: &AccountRegion) -> bool {
    image.tags.get(tags::SOURCE) == Some(&source.tag()) && was_copied_from(image, source, location)
}

/// Whether AWS says that the image is a copy of `source`, owned by the account.
fn was_copied_from(image: &Image, source: &SourceImage, location: &AccountRegion) -> bool {
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
    if !was_copied_from(image, &copy.source, location) {
        return Candidate::Unrelated;
    }
    let mut under_key = 0;
    for snapshot in image.snapshots().filter_map(|id| snapshots.get(id)) {
        if contradicts(snapshot, image, copy) {
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
fn contradicts(snapshot: &Snapshot, image: &Image, copy: &CopyImage) -> bool {
    let word_after = |marker: &str| {
        let (_, rest) = snapshot.description.split_once(marker)?;
        rest.split([' ', '.']).next()
    };
    word_after("DestinationAmi ").is_some_and(|id| id != image.id.as_ref())
        || word_after("SourceAmi ").is_some_and(|id| id != copy.source.ami.as_ref())
}

/// The image that AWS copied a snapshot for, by its description (R1.2.10).
pub(crate) fn copied_for(snapshot: &Snapshot) -> Option<AmiId> {
    let (_, rest) = snapshot.description.split_once("DestinationAmi ")?;
    rest.split([' ', '.']).next()?.parse().ok()
}

/// Snapshots that failed copies of this identity left: in state `error`, and used by no image.
pub(super) fn failed_snapshots(region: &RegionInventory, identity: &str) -> Vec<SnapshotId> {
    let images = region.images.values().chain(&region.copies);
    let used: BTreeSet<&SnapshotId> = images.flat_map(Image::snapshots).collect();
    let mut failed = Vec::new();
    for snapshot in region.snapshots.values() {
        let tag = snapshot.tags.get(tags::REQUEST);
        let is_of_copy = tag.map(String::as_str) == Some(identity);
        if is_of_copy && snapshot.state == "error" && !used.contains(&snapshot.id) {
            failed.push(snapshot.id.clone());
        }
    }
    failed
}

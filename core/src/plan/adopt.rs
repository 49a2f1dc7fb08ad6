//! Which images are copies of ours, and in what shape: pure. A tag alone proves nothing, anybody
//! may set it.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::AccountRegion;
use crate::id::{SnapshotId, SourceImage};
use crate::inventory::{Image, ImageState, RegionInventory, Snapshot};
use crate::plan::CopyImage;
use crate::tags;

/// What an image with our tag is to a copy that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// It is the copy, or becomes it.
    Adoptable,
    /// It was a copy of ours, and failed.
    Failed,
    /// It is the copy, but disabled.
    Disabled,
    /// It is something else that carries our tag.
    NotOurs,
}

/// Whether the image carries the tag of this request.
pub(crate) fn answers(image: &Image, identity: &str) -> bool {
    image
        .tags
        .get(tags::REQUEST)
        .is_some_and(|tag| tag == identity)
}

/// Whether the image is a copy that this tool made of `source`, under whatever key and name.
pub(crate) fn is_copy_of(image: &Image, source: &SourceImage, location: &AccountRegion) -> bool {
    image.owner == location.account.as_ref()
        && image
            .tags
            .get(tags::SOURCE)
            .is_some_and(|tag| *tag == source.tag())
        && image.source == Some((source.ami.to_string(), source.region.to_string()))
        && image.source_instance.is_none()
}

/// What `image` is to `copy`. A pending image shows its volumes late, so it is judged again when it
/// is available.
pub(crate) fn judge(
    image: &Image,
    snapshots: &BTreeMap<SnapshotId, Snapshot>,
    copy: &CopyImage,
    location: &AccountRegion,
) -> Candidate {
    let from = (copy.source.ami.to_string(), copy.source.region.to_string());
    let known: Vec<&Snapshot> = image
        .snapshots()
        .filter_map(|id| snapshots.get(id))
        .collect();
    let ours = image.owner == location.account.as_ref()
        && image.source.as_ref() == Some(&from)
        && image.source_instance.is_none()
        && !known
            .iter()
            .any(|snapshot| contradicts(snapshot, image, copy));
    if !ours {
        return Candidate::NotOurs;
    }
    let under_key = known
        .iter()
        .filter(|snapshot| snapshot.key.as_ref() == Some(&copy.key))
        .count();
    match image.state {
        ImageState::Pending => Candidate::Adoptable,
        ImageState::Available
            if under_key == copy.volumes && image.snapshots().count() == copy.volumes =>
        {
            Candidate::Adoptable
        }
        ImageState::Disabled => Candidate::Disabled,
        ImageState::Failed(_) => Candidate::Failed,
        ImageState::Available | ImageState::Deregistered => Candidate::NotOurs,
    }
}

/// Snapshots of this copy that ended in `error` and that no image uses.
pub(crate) fn orphans(inventory: &RegionInventory, identity: &str) -> Vec<SnapshotId> {
    let images = inventory.images.values().chain(&inventory.copies);
    let used: BTreeSet<&SnapshotId> = images.flat_map(Image::snapshots).collect();
    let orphan = |snapshot: &&Snapshot| {
        snapshot.state == "error"
            && snapshot
                .tags
                .get(tags::REQUEST)
                .is_some_and(|tag| tag == identity)
            && !used.contains(&snapshot.id)
    };
    inventory
        .snapshots
        .values()
        .filter(orphan)
        .map(|snapshot| snapshot.id.clone())
        .collect()
}

/// AWS writes into a copied snapshot what it was copied for and from (R1.2.10).
fn contradicts(snapshot: &Snapshot, image: &Image, copy: &CopyImage) -> bool {
    let after = |marker: &str| {
        let (_, rest) = snapshot.description.split_once(marker)?;
        rest.split([' ', '.']).next()
    };
    after("DestinationAmi ").is_some_and(|ami| ami != image.id.as_ref())
        || after("SourceAmi ").is_some_and(|ami| ami != copy.source.ami.as_ref())
}

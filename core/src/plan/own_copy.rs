//! Which of the images that a tag calls copies are of this tool, under whatever key and name. Pure.
//! Anybody may set a tag, so that what AWS says of the image must fit its tags.

use std::collections::BTreeSet;

use super::adopt;
use super::step::CopyImage;
use super::step::copy::DIGEST_IN_NAME;
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{KeyArn, SourceImage};
use crate::inventory::{Image, ImageState, Inventory, RegionInventory};
use crate::limits::AMI_NAME_CHARACTERS;
use crate::request::{ShareRequest, name};
use crate::tags;

/// The images in a Region that a tag calls copies of an image of the request, each with why it may
/// be none of this tool.
pub(crate) fn called_copies<'b>(
    request: &ShareRequest,
    inventory: &Inventory,
    source: &SourceImage,
    region: &'b RegionInventory,
) -> Vec<(&'b Image, Option<&'static str>)> {
    // The name that the request gives the copy, if the image exists.
    let parts = inventory.source(source);
    let parts = parts.map(|image| image.name_parts(region));
    let name = parts.map(|parts| request.copy_name.fill(&parts));
    let mut copies = Vec::new();
    for image in &region.copies {
        if is_called_copy_of(image, source) {
            copies.push((image, doubt(image, source, region, name.as_deref())));
        }
    }
    copies
}

/// The finding of an image that a tag calls a copy of an image, and that may be somebody else's.
pub(crate) fn not_ours(image: &Image, source: &SourceImage, doubt: &str, so: &str) -> Finding {
    let message = format!(
        "a tag calls this image a copy of {source}, but {doubt}; so it counts as somebody else's, \
         and {so}"
    );
    Finding::warn(FindingCode::CopyNotOurs, &image.id, message)
}

/// Whether a tag calls the image a copy of `source`.
pub(super) fn is_called_copy_of(image: &Image, source: &SourceImage) -> bool {
    image.tags.get(tags::SOURCE) == Some(&source.tag())
}

/// Why an image that a tag calls a copy of `source` may be none of this tool; `None` if it is one.
/// `requested_name` is the name that the request gives its copy.
pub(super) fn doubt(
    image: &Image,
    source: &SourceImage,
    region: &RegionInventory,
    requested_name: Option<&str>,
) -> Option<&'static str> {
    if !adopt::was_copied_from(image, source, &region.location) {
        return Some("AWS does not call it one");
    }
    let Some(identity) = image.tags.get(tags::REQUEST) else {
        return Some("it lacks the tag `ami-share:request`");
    };
    let keys = possible_keys(image, region);
    for snapshot in image.snapshots().filter_map(|id| region.snapshots.get(id)) {
        if adopt::contradicts(snapshot, image, source) {
            return Some("its snapshots were made for another one");
        }
        if snapshot.key.is_none() || keys.len() != 1 {
            return Some("its volumes are not all under one key");
        }
    }
    if hides_key(image, region) {
        return None;
    }
    let names = possible_names(image, identity, requested_name);
    for key in &keys {
        for name in &names {
            if CopyImage::identify(source, &region.location, key, name) == *identity {
                return None;
            }
        }
    }
    if image.name.len() == *AMI_NAME_CHARACTERS.end() && without_digest(image, identity).is_some() {
        return Some(
            "its name was cut, so that its tag `ami-share:request` can be checked only with the \
             `copy-name` that it was made with",
        );
    }
    Some("its tag `ami-share:request` is not what this version gives a copy of this name and key")
}

/// Whether AWS does not show the key of an image that may be shared. A revoke refuses such an image
/// for that, copy or not.
fn hides_key(image: &Image, region: &RegionInventory) -> bool {
    let may_be_shared = matches!(image.state, ImageState::Available | ImageState::Disabled);
    let is_hidden = |id| !region.snapshots.contains_key(id);
    may_be_shared
        && region.named_key.is_none()
        && image.snapshots().any(is_hidden)
        && region.keys_of(image).is_empty()
}

/// The keys that a copy may have been requested with. One that is pending or failed may show no
/// snapshots.
fn possible_keys(image: &Image, region: &RegionInventory) -> BTreeSet<KeyArn> {
    let shown = region.keys_of(image);
    if !shown.is_empty() {
        return shown;
    }
    let made_for_it = region.snapshots.values();
    let made_for_it =
        made_for_it.filter(|snapshot| adopt::copied_for(snapshot).as_ref() == Some(&image.id));
    let mut keys: BTreeSet<KeyArn> = made_for_it.filter_map(|one| one.key.clone()).collect();
    keys.extend(region.keys.keys().cloned());
    keys
}

/// The names that a copy may have been requested with: its own; the same without the digest at the
/// end, if AWS called that one a duplicate; and that of the request, if it was cut for the digest.
fn possible_names<'a>(
    image: &'a Image,
    identity: &str,
    requested_name: Option<&'a str>,
) -> Vec<&'a str> {
    let mut names = vec![image.name.as_str()];
    names.extend(without_digest(image, identity));
    let cut_name = |name: &&str| name::with_suffix(name, digest_of(identity)) == image.name;
    names.extend(requested_name.filter(cut_name));
    names
}

fn without_digest<'a>(image: &'a Image, identity: &str) -> Option<&'a str> {
    let name = image.name.strip_suffix(digest_of(identity))?;
    name.strip_suffix('-')
}

/// What of an identity is in the name of a copy.
fn digest_of(identity: &str) -> &str {
    identity.get(..DIGEST_IN_NAME).unwrap_or(identity)
}

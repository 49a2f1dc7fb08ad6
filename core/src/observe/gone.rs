//! What is left of images that do not exist any more: their grants, and the keys that they were
//! under. Nothing in AWS says what a deregistered image was, so this goes by names and by what its
//! snapshots say.

use std::collections::BTreeSet;

use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::{AmiId, KeyArn};
use crate::inventory::{Image, Part, RegionInventory, Snapshot};
use crate::plan::{ImageGrantName, OwnGrant, adopt};
use crate::request::ShareRequest;

/// The images of the request that the account does not have in this Region.
pub(super) fn named_images(request: &ShareRequest, region: &RegionInventory) -> BTreeSet<AmiId> {
    let mut gone = BTreeSet::new();
    for image in &request.images {
        let is_here = image.region == region.location.region;
        if is_here && !region.images.contains_key(&image.ami) && !is_unread(region, &image.ami) {
            gone.insert(image.ami.clone());
        }
    }
    gone
}

/// Whether an image exists that could not be read.
fn is_unread(region: &RegionInventory, image: &AmiId) -> bool {
    let mut failures = region.failures.iter();
    let part = Part::Image(region.location.region.clone(), image.clone());
    failures.any(|failure| failure.part == part)
}

/// The keys of snapshots that were left of the images and of their copies, and the key that the
/// request names: a copy may be gone although the image is not.
pub(super) async fn read_keys(
    clients: &RegionClients,
    region: &RegionInventory,
) -> Result<BTreeSet<KeyArn>, Error> {
    // 1. Copies have tags, which their snapshots keep; and AWS says what it copied these from.
    let images = region.images.values().chain(&region.copies);
    let used: BTreeSet<_> = images.flat_map(Image::snapshots).collect();
    let mut keys = BTreeSet::from_iter(region.named_key.clone());
    for snapshot in region.snapshots.values() {
        if !used.contains(&snapshot.id) && adopt::is_of_tagged_source(snapshot) {
            keys.extend(snapshot.key.clone());
        }
    }

    // 2. The snapshots of other images say which image they were made for.
    if !region.gone.is_empty() {
        for snapshot in clients.ec2.own_encrypted_snapshots().await? {
            if image_of(&snapshot).is_some_and(|image| region.gone.contains(&image)) {
                keys.extend(snapshot.key);
            }
        }
    }
    Ok(keys)
}

/// The image that AWS made a snapshot for, by its description (R1.2.10).
fn image_of(snapshot: &Snapshot) -> Option<AmiId> {
    let description = &snapshot.description;
    if let Some((_, rest)) = description.split_once("DestinationAmi ") {
        return rest.split([' ', '.']).next()?.parse().ok();
    }
    let rest = description.strip_prefix("Created by CreateImage(")?;
    rest.rsplit(" for ").next()?.trim_end().parse().ok()
}

/// The images that this tool's grants of the keys name, and that do not exist.
pub(super) async fn read_images_in_grants(
    clients: &RegionClients,
    region: &RegionInventory,
) -> Result<BTreeSet<AmiId>, Error> {
    let mut named = BTreeSet::new();
    for key in region.keys.values() {
        for grant in key.known_grants() {
            // Another account may share images of its own under this key. Former names say no
            // account, and were given by the key's own.
            if let Some(name) = ImageGrantName::parse(&grant.name)
                && name.source.as_ref().unwrap_or(key.arn.account()) == &region.location.account
                && name.region == region.location.region
                && region.image(&name.image).is_none()
                && OwnGrant::for_image(&key.arn, name.clone()).is(grant)
            {
                named.insert(name.image);
            }
        }
    }
    if named.is_empty() {
        return Ok(named);
    }
    // One that cannot be read exists.
    for id in clients.ec2.each_image(&named).await?.keys() {
        named.remove(id);
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_of_snapshot_is_the_one_that_it_was_made_for() {
        let table = [
            (
                "Created by CreateImage(i-0123456789abcdef0) for ami-0123456789abcdef0",
                Some("ami-0123456789abcdef0"),
            ),
            (
                "Copied for DestinationAmi ami-0123456789abcdef0 from SourceAmi \
                 ami-0fedcba9876543210 for SourceSnapshot snap-0123456789abcdef0. Task created on \
                 1,509,437,824,580.",
                Some("ami-0123456789abcdef0"),
            ),
            ("nightly backup for ami-0123456789abcdef0", None),
            (
                "Created by CreateImage(i-0123456789abcdef0) for nothing",
                None,
            ),
            ("", None),
        ];
        for (description, image) in table {
            let snapshot = Snapshot {
                id: "snap-0123456789abcdef0".parse().unwrap(),
                state: "completed".to_owned(),
                state_message: None,
                progress: Some(100),
                is_encrypted: false,
                key: None,
                description: description.to_owned(),
                tags: [].into(),
                archived: false,
            };
            let named = image_of(&snapshot).map(|image| image.to_string());
            assert_eq!(named.as_deref(), image, "{description}");
        }
    }
}

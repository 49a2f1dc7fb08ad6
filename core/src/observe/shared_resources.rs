//! What else the account shares under the keys of the images: who still needs a key when one image
//! is revoked.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::{AmiId, KeyArn, SnapshotId};
use crate::inventory::{Image, ImageState, RegionInventory, SharedResource, Snapshot};

/// Every image and snapshot that the account shares with anybody under a key of the request's
/// images, except those of the request.
pub(super) async fn read_other_shares(
    clients: &RegionClients,
    region: &RegionInventory,
) -> Result<Vec<SharedResource>, Error> {
    let (mut keys, mut known) = (region.keys_of_gone.clone(), BTreeSet::new());
    for image in region.images.values().chain(&region.copies) {
        keys.extend(region.keys_of(image));
        known.insert(&image.id);
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    find_shared_under(clients, &keys, &known).await
}

/// Every image and snapshot that the account shares with anybody under one of the keys, except the
/// known images and their snapshots.
pub(crate) async fn find_shared_under(
    clients: &RegionClients,
    keys: &BTreeSet<KeyArn>,
    known: &BTreeSet<&AmiId>,
) -> Result<Vec<SharedResource>, Error> {
    let images = clients.ec2.own_encrypted_images();
    let snapshots = clients.ec2.own_encrypted_snapshots();
    let (images, snapshots) = future::try_join(images, snapshots).await?;
    let mut key_of = BTreeMap::new();
    for snapshot in &snapshots {
        if let Some(key) = snapshot.key.as_ref().filter(|key| keys.contains(*key)) {
            key_of.insert(&snapshot.id, key);
        }
    }

    let mut known_snapshots = BTreeSet::<&SnapshotId>::new();
    let mut reading_images = Vec::new();
    for image in &images {
        if known.contains(&image.id) {
            known_snapshots.extend(image.snapshots());
            continue;
        }
        let keys: BTreeSet<&KeyArn> = image
            .snapshots()
            .filter_map(|id| key_of.get(id).copied())
            .collect();
        if image.state == ImageState::Available && !keys.is_empty() {
            reading_images.push(read_image(clients, image, keys));
        }
    }
    let mut reading_snapshots = Vec::new();
    for snapshot in &snapshots {
        if let Some(key) = key_of.get(&snapshot.id)
            && !known_snapshots.contains(&snapshot.id)
        {
            reading_snapshots.push(read_snapshot(clients, snapshot, key));
        }
    }

    let images = future::try_join_all(reading_images);
    let snapshots = future::try_join_all(reading_snapshots);
    let (mut resources, snapshots) = future::try_join(images, snapshots).await?;
    resources.extend(snapshots);
    resources.retain(|resource| !resource.shared_with.is_empty());
    Ok(resources)
}

async fn read_image(
    clients: &RegionClients,
    image: &Image,
    keys: BTreeSet<&KeyArn>,
) -> Result<SharedResource, Error> {
    Ok(SharedResource {
        id: image.id.to_string(),
        keys: keys.into_iter().cloned().collect(),
        shared_with: clients.ec2.launch_permissions(&image.id).await?,
        is_known: true,
    })
}

async fn read_snapshot(
    clients: &RegionClients,
    snapshot: &Snapshot,
    key: &KeyArn,
) -> Result<SharedResource, Error> {
    Ok(SharedResource {
        id: snapshot.id.to_string(),
        keys: BTreeSet::from([key.clone()]),
        shared_with: clients.ec2.snapshot_permissions(&snapshot.id).await?,
        is_known: true,
    })
}

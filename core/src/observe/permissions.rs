//! Who may launch images, and make volumes of their snapshots.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::images::failed_image;
use crate::aws::clients::RegionClients;
use crate::id::{AmiId, Principal, SnapshotId};
use crate::inventory::{Failure, Image, ImageState, RegionInventory};

/// Who may launch the images, and the copies that may be adopted; and the images of which that
/// could not be read.
pub(super) async fn read_launch_permissions(
    clients: &RegionClients,
    region: &RegionInventory,
) -> (BTreeMap<AmiId, BTreeSet<Principal>>, Vec<Failure>) {
    let mut reading = Vec::new();
    for image in own_images(region) {
        if image.state == ImageState::Available {
            reading.push(async {
                let launchers = clients.ec2.launch_permissions(&image.id).await;
                (&image.id, launchers)
            });
        }
    }
    let (mut permissions, mut failures) = (BTreeMap::new(), Vec::new());
    for (id, launchers) in future::join_all(reading).await {
        match launchers {
            Ok(launchers) => _ = permissions.insert(id.clone(), launchers),
            Err(error) => failures.push(failed_image(clients, id, error)),
        }
    }
    (permissions, failures)
}

/// Who may make volumes of the snapshots of the images and copies; and the images of which that
/// could not be read.
pub(super) async fn read_snapshot_permissions(
    clients: &RegionClients,
    region: &RegionInventory,
) -> (BTreeMap<SnapshotId, BTreeSet<Principal>>, Vec<Failure>) {
    let mut ids: BTreeSet<&SnapshotId> = own_images(region).flat_map(Image::snapshots).collect();
    ids.retain(|id| region.snapshots.contains_key(*id));
    let mut reading = Vec::new();
    for id in ids {
        reading.push(async move { (id, clients.ec2.snapshot_permissions(id).await) });
    }
    let (mut permissions, mut failures) = (BTreeMap::new(), Vec::new());
    for (id, principals) in future::join_all(reading).await {
        let error = match principals {
            Ok(principals) => {
                permissions.insert(id.clone(), principals);
                continue;
            }
            Err(error) => error,
        };
        for image in own_images(region) {
            if image.snapshots().any(|snapshot| snapshot == id) {
                failures.push(failed_image(clients, &image.id, error.clone()));
            }
        }
    }
    (permissions, failures)
}

/// The images and copies of the account itself: only the owner may ask for permissions (R2.5).
fn own_images(region: &RegionInventory) -> impl Iterator<Item = &Image> {
    let account = region.location.account.as_ref();
    let images = region.images.values().chain(&region.copies);
    images.filter(move |image| image.owner == account)
}

//! Who may launch images, and make volumes of their snapshots.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::{AmiId, Principal, SnapshotId};
use crate::inventory::{Image, ImageState, RegionInventory};

/// Who may launch the images, and the copies that may be adopted.
pub(super) async fn read_launch_permissions(
    clients: &RegionClients,
    region: &RegionInventory,
) -> Result<BTreeMap<AmiId, BTreeSet<Principal>>, Error> {
    let mut reading = Vec::new();
    for image in own_images(region) {
        if image.state == ImageState::Available {
            reading.push(async {
                let launchers = clients.ec2.launch_permissions(&image.id).await?;
                Ok::<_, Error>((image.id.clone(), launchers))
            });
        }
    }
    let permissions = future::try_join_all(reading).await?;
    Ok(permissions.into_iter().collect())
}

/// Who may make volumes of the snapshots of the images and copies.
pub(super) async fn read_snapshot_permissions(
    clients: &RegionClients,
    region: &RegionInventory,
) -> Result<BTreeMap<SnapshotId, BTreeSet<Principal>>, Error> {
    let mut ids: BTreeSet<&SnapshotId> = own_images(region).flat_map(Image::snapshots).collect();
    ids.retain(|id| region.snapshots.contains_key(*id));
    let mut reading = Vec::new();
    for id in ids {
        reading.push(async move {
            let principals = clients.ec2.snapshot_permissions(id).await?;
            Ok::<_, Error>((id.clone(), principals))
        });
    }
    let permissions = future::try_join_all(reading).await?;
    Ok(permissions.into_iter().collect())
}

/// The images and copies of the account itself: only the owner may ask for permissions (R2.5).
fn own_images(region: &RegionInventory) -> impl Iterator<Item = &Image> {
    let account = region.location.account.as_ref();
    let images = region.images.values().chain(&region.copies);
    images.filter(move |image| image.owner == account)
}

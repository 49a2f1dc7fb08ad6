//! What else the account shares under the keys of the images: who still needs a key when one image
//! is taken back.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::{AmiId, KeyArn, SnapshotId};
use crate::inventory::{Image, ImageState, RegionInventory, SharedResource, Snapshot};

/// Every image and snapshot of the account under one of the keys that is shared with anybody, but
/// for those of the request.
pub(super) async fn read(
    clients: &RegionClients,
    there: &RegionInventory,
) -> Result<Vec<SharedResource>, Error> {
    let ours = || there.images.values().chain(&there.copies);
    let keys: BTreeSet<KeyArn> = ours().flat_map(|image| there.keys_of(image)).collect();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    shared_under(clients, &keys, &ours().map(|image| &image.id).collect()).await
}

/// Every image and snapshot of the account under one of the keys that is shared with anybody, but
/// for some images and their snapshots.
pub(crate) async fn shared_under(
    clients: &RegionClients,
    keys: &BTreeSet<KeyArn>,
    known: &BTreeSet<&AmiId>,
) -> Result<Vec<SharedResource>, Error> {
    let (images, snapshots) = Box::pin(future::try_join(
        clients.ec2.own_encrypted_images(),
        clients.ec2.own_encrypted_snapshots(),
    ))
    .await?;
    let known_snapshots: BTreeSet<&SnapshotId> = images
        .iter()
        .filter(|image| known.contains(&image.id))
        .flat_map(Image::snapshots)
        .collect();
    let under: BTreeMap<&SnapshotId, &KeyArn> = snapshots
        .iter()
        .filter_map(|snapshot| Some((&snapshot.id, snapshot.key.as_ref()?)))
        .collect();

    let others = images
        .iter()
        .filter(|image| image.state == ImageState::Available && !known.contains(&image.id));
    let images = others.filter_map(|image| {
        let of_image = image
            .snapshots()
            .filter_map(|id| under.get(id).copied())
            .filter(|key| keys.contains(*key));
        let of_image: BTreeSet<KeyArn> = of_image.cloned().collect();
        (!of_image.is_empty()).then_some((image, of_image))
    });
    let images = images.map(|(image, keys)| async move {
        let shared_with = clients.ec2.launch_permissions(&image.id).await?;
        Ok::<_, Error>(SharedResource {
            id: image.id.to_string(),
            keys,
            shared_with,
        })
    });
    let of_keys = |snapshot: &&Snapshot| {
        !known_snapshots.contains(&snapshot.id)
            && snapshot.key.as_ref().is_some_and(|key| keys.contains(key))
    };
    let of_keys = snapshots.iter().filter(of_keys).map(|snapshot| async move {
        let shared_with = clients.ec2.snapshot_permissions(&snapshot.id).await?;
        Ok::<_, Error>(SharedResource {
            id: snapshot.id.to_string(),
            keys: snapshot.key.iter().cloned().collect(),
            shared_with,
        })
    });
    let (images, of_keys) = Box::pin(future::try_join(
        future::try_join_all(images),
        future::try_join_all(of_keys),
    ))
    .await?;
    Ok(images
        .into_iter()
        .chain(of_keys)
        .filter(|other| !other.shared_with.is_empty())
        .collect())
}

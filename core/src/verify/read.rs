//! Reads the evidence, from the source account and from targets.

mod keys;
mod launch_calls;
mod launchers;
mod targets;

use std::collections::BTreeSet;

use futures::future;

pub(super) use self::keys::KeyReader;
pub(super) use self::targets::TargetReader;
use super::evidence::{Evidence, OwnCopies, SharedImageEvidence, SharedImages};
use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::{AmiId, Principal, Region, SnapshotId};
use crate::plan::Plan;
use crate::run::Run;

/// Reads the shared images, as their owner sees them. The targets' own copies are known without
/// asking.
pub(super) async fn read_evidence(run: &Run<'_>, plan: &Plan, keys: &KeyReader<'_>) -> Evidence {
    let shared_images = read_shared_images(run, plan, keys).await;
    Evidence {
        now: run.source.now(),
        shared_images,
        own_copies: own_copies(run, plan),
    }
}

async fn read_shared_images(run: &Run<'_>, plan: &Plan, keys: &KeyReader<'_>) -> SharedImages {
    let mut reading = Vec::new();
    for launch in plan.launch_permissions() {
        let shared = &launch.shared;
        let Some(image) = run.image_of(shared) else {
            continue;
        };
        reading.push(async move {
            let evidence = read_shared_image(run, keys, &shared.region, &image).await;
            let location = (shared.source.clone(), shared.region.clone());
            (location, (image, evidence))
        });
    }
    future::join_all(reading).await.into_iter().collect()
}

fn own_copies(run: &Run<'_>, plan: &Plan) -> OwnCopies {
    let mut copies = OwnCopies::new();
    for copy in plan.target_copies() {
        if let Some(image) = run.target_copy(copy) {
            let (source, region) = (copy.shared.source.clone(), copy.shared.region.clone());
            copies.insert((copy.account.clone(), source, region), image);
        }
    }
    copies
}

async fn read_shared_image(
    run: &Run<'_>,
    keys: &KeyReader<'_>,
    region: &Region,
    id: &AmiId,
) -> Result<SharedImageEvidence, Error> {
    let clients = run.source_clients(region);
    let (image, launch_permissions) = future::try_join(
        run.present_image(&clients, id),
        clients.ec2.launch_permissions(id),
    )
    .await?;
    let mut snapshots = Vec::new();
    for id in image.snapshots() {
        snapshots.push(read_snapshot_permissions(&clients, id));
    }
    let permissions = future::try_join_all(snapshots);
    let snapshots = clients.ec2.snapshots_of(&image);
    let (permissions, snapshots) = future::try_join(permissions, snapshots).await?;
    let keys = keys.read_keys(&clients, &snapshots).await?;
    Ok(SharedImageEvidence {
        image,
        launch_permissions,
        snapshot_permissions: permissions.into_iter().collect(),
        snapshots,
        keys,
    })
}

async fn read_snapshot_permissions(
    clients: &RegionClients,
    id: &SnapshotId,
) -> Result<(String, BTreeSet<Principal>), Error> {
    let principals = clients.ec2.snapshot_permissions(id).await?;
    Ok((id.to_string(), principals))
}

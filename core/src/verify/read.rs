//! Reads the evidence, from the source account and from targets.

mod launchers;
mod targets;

use std::collections::BTreeSet;

use futures::future;

use super::evidence::{Evidence, OwnCopies, SharedImageEvidence, SharedImages};
use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::{AmiId, KeyArn, Principal, Region, SnapshotId};
use crate::inventory::{Key, RamPolicy, Snapshot};
use crate::plan::Plan;
use crate::policy::key_policy::KeyPolicy;
use crate::run::Run;

/// Reads everything that the judgement needs.
pub(super) async fn read_evidence(run: &Run<'_>, plan: &Plan) -> Evidence {
    // 1. The shared images, as their owner sees them.
    let shared_images = read_shared_images(run, plan).await;
    // 2. The targets' own copies, known without asking.
    let own_copies = own_copies(run, plan);
    // 3. Each target: it is asked about the images and keys that are known by now.
    let targets = targets::read_targets(run, plan, &shared_images, &own_copies).await;
    Evidence {
        now: run.source.now(),
        shared_images,
        targets,
        own_copies,
    }
}

async fn read_shared_images(run: &Run<'_>, plan: &Plan) -> SharedImages {
    let mut reading = Vec::new();
    for launch in plan.launch_permissions() {
        let shared = &launch.shared;
        let Some(image) = run.image_of(shared) else {
            continue;
        };
        reading.push(async move {
            let evidence = read_shared_image(run, &shared.region, &image).await;
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
    region: &Region,
    id: &AmiId,
) -> Result<SharedImageEvidence, Error> {
    let clients = run.source_clients(region);
    let (image, launch_permissions) = future::try_join(
        clients.ec2.known_image(id),
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
    let keys = read_keys(run, &clients, &snapshots).await?;
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

/// The keys of snapshots, each with its policy and grants if those can be read.
async fn read_keys(
    run: &Run<'_>,
    clients: &RegionClients,
    snapshots: &[Snapshot],
) -> Result<Vec<Key>, Error> {
    let keys: BTreeSet<&KeyArn> = snapshots
        .iter()
        .filter_map(|snapshot| snapshot.key.as_ref())
        .collect();
    let mut reading = Vec::new();
    for key in keys {
        reading.push(async move {
            if key.account() == &clients.location.account {
                read_key(clients, key.as_ref()).await
            } else {
                read_key(&run.key_clients(key), key.as_ref()).await
            }
        });
    }
    future::try_join_all(reading).await
}

/// A key by its ID, alias or ARN, with its policies and grants. Why its policy cannot be read takes
/// the place of the policy.
async fn read_key(clients: &RegionClients, name: &str) -> Result<Key, Error> {
    let key = clients.kms.describe_key(name).await?;
    read_access(clients, key).await
}

/// The key with its policies and grants.
async fn read_access(clients: &RegionClients, mut key: Key) -> Result<Key, Error> {
    let policy = clients.kms.key_policy(&key.arn);
    let ram_policy = clients.kms.ram_policy(&key.arn);
    let grants = clients.kms.grants(&key.arn);
    let (policy, ram_policy, grants) = future::join3(policy, ram_policy, grants).await;
    key.ram_policy = RamPolicy::of(ram_policy);
    key.policy = Some(match policy {
        Ok(text) => KeyPolicy::parse(&text).map_err(|error| error.to_string()),
        Err(error) => Err(format!("its policy could not be read: {error}")),
    });
    key.grants = match grants {
        Err(error) if error.code == Code::AwsUnreadable => return Err(error),
        grants => grants.ok(),
    };
    Ok(key)
}

//! Launch permission of an image, and create-volume permission of its snapshots: looked at, then
//! changed where needed.

use std::collections::BTreeSet;

use futures::future;
use tokio::time::Instant;

use crate::aws::ec2::{Change, Ec2};
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, AmiId, Principal, SnapshotId};
use crate::inventory::Image;
use crate::plan::{RemovePermissions, SharedImage, SnapshotPermission};
use crate::report::Event;
use crate::run::Run;

/// Lets principals launch the image.
pub(super) async fn share_image(
    run: &Run<'_>,
    shared: &SharedImage,
    image: &AmiId,
    principals: &BTreeSet<Principal>,
) -> Result<(), Error> {
    let ec2 = &run.source_clients(&shared.region).ec2;
    let mut backoff = run.progress.poll_backoff(run.timing.poll);
    let since = Instant::now();
    let (source, region) = (shared.source.clone(), shared.region.clone());
    loop {
        let held = ec2.launch_permissions(image).await?;
        let missing: BTreeSet<Principal> = principals.difference(&held).cloned().collect();
        if missing.is_empty() {
            break;
        }
        match ec2
            .change_launch_permissions(image, Change::Add, &missing)
            .await
        {
            Ok(()) => {
                let (source, region) = (source.clone(), region.clone());
                run.progress.emit(&Event::LaunchPermissionAdded {
                    source,
                    region,
                    image: image.clone(),
                    added: missing,
                });
                break;
            }
            // A copy that has just become available may still count as pending elsewhere in EC2
            // (R2.8); the SDK does not try that again (R6.6).
            Err(error) if error.is_aws(&["InvalidAMIID.Unavailable", "IncorrectState"]) => {
                run.progress
                    .wait(
                        image,
                        "to be ready for launch permission",
                        since,
                        backoff.next(),
                    )
                    .await;
            }
            Err(error) => return Err(error),
        }
    }
    run.progress.emit(&Event::LaunchPermissionConfirmed {
        source,
        region,
        image: image.clone(),
        principals: principals.clone(),
    });
    Ok(())
}

/// Lets accounts make volumes of the image's snapshots.
pub(super) async fn share_snapshots(
    run: &Run<'_>,
    share: &SnapshotPermission,
    image: &AmiId,
) -> Result<(), Error> {
    let ec2 = &run.source_clients(&share.shared.region).ec2;
    let accounts: BTreeSet<Principal> = share
        .accounts
        .iter()
        .cloned()
        .map(Principal::Account)
        .collect();
    let known = share.shared.image.as_ref() == Some(image);
    let snapshots: Vec<_> = if known {
        share.missing.keys().cloned().collect()
    } else {
        let found = ec2.images([image]).await?;
        found
            .iter()
            .flat_map(|image| image.snapshots().cloned())
            .collect()
    };
    let shared = snapshots
        .iter()
        .filter(|_| !accounts.is_empty())
        .map(|snapshot| async {
            let held = ec2.snapshot_permissions(snapshot).await?;
            add_to(run, ec2, snapshot, &accounts - &held).await
        });
    future::try_join_all(shared).await.map(|_| ())
}

/// Looks once more at snapshots, after the launch permission is written: what was taken away by
/// then is given again where the launch permission stands, and else whoever takes away has their
/// way.
pub(super) async fn confirm_snapshots(
    run: &Run<'_>,
    share: &SnapshotPermission,
    image: &AmiId,
    principals: &BTreeSet<Principal>,
) -> Result<(), Error> {
    let ec2 = &run.source_clients(&share.shared.region).ec2;
    let accounts: BTreeSet<Principal> = share
        .accounts
        .iter()
        .cloned()
        .map(Principal::Account)
        .collect();
    let accounts = &accounts & principals;
    let found = ec2.images([image]).await?;
    for snapshot in found.iter().flat_map(Image::snapshots) {
        let missing = &accounts - &ec2.snapshot_permissions(snapshot).await?;
        if missing.is_empty() {
            continue;
        }
        if !missing.is_subset(&ec2.launch_permissions(image).await?) {
            return Err(taken_away(run, share, image));
        }
        add_to(run, ec2, snapshot, missing).await?;
    }
    Ok(())
}

/// Takes both back: the launch permission first, or a target would see an image that it cannot
/// copy.
pub(super) async fn remove(run: &Run<'_>, remove: &RemovePermissions) -> Result<(), Error> {
    let ec2 = &run.source_clients(&remove.region).ec2;
    let taken = |held: BTreeSet<Principal>| -> BTreeSet<Principal> {
        held.into_iter()
            .filter(|principal| remove.removal.includes(principal))
            .collect()
    };
    let present = taken(ec2.launch_permissions(&remove.image).await?);
    if !present.is_empty() {
        ec2.change_launch_permissions(&remove.image, Change::Remove, &present)
            .await?;
        let (source, region, image) = (
            remove.source.clone(),
            remove.region.clone(),
            remove.image.clone(),
        );
        run.progress.emit(&Event::LaunchPermissionRemoved {
            source,
            region,
            image,
            removed: present,
        });
    }
    let removed = remove.snapshots.keys().map(|snapshot| async move {
        let present = taken(ec2.snapshot_permissions(snapshot).await?);
        if !present.is_empty() {
            ec2.change_snapshot_permissions(snapshot, Change::Remove, &present)
                .await?;
            run.progress.emit(&Event::SnapshotPermissionRemoved {
                snapshot: snapshot.clone(),
                removed: present.clone(),
            });
        }
        Ok((snapshot, present))
    });
    let removed: Vec<(&SnapshotId, BTreeSet<Principal>)> = future::try_join_all(removed).await?;
    if removed.iter().all(|(_, present)| present.is_empty()) {
        return Ok(());
    }
    // A run beside this one may have shared the image again meanwhile: then its snapshots stay
    // shared with it.
    let mut again = ec2.launch_permissions(&remove.image).await?;
    again.retain(|principal| principal.account().is_some());
    let given = removed
        .iter()
        .map(|(snapshot, present)| add_to(run, ec2, snapshot, present & &again));
    future::try_join_all(given).await.map(|_| ())
}

fn taken_away(run: &Run<'_>, share: &SnapshotPermission, image: &AmiId) -> Error {
    let message = format!(
        "another run takes away the permission for snapshots of {image} that this one adds"
    );
    Error::new(Code::KeyPolicyContended, message)
        .at(&run.source.identity.account, &share.shared.region)
        .on(image)
}

async fn add_to(
    run: &Run<'_>,
    ec2: &Ec2,
    snapshot: &SnapshotId,
    missing: BTreeSet<Principal>,
) -> Result<(), Error> {
    if missing.is_empty() {
        return Ok(());
    }
    ec2.change_snapshot_permissions(snapshot, Change::Add, &missing)
        .await?;
    let added: BTreeSet<AccountId> = missing
        .iter()
        .filter_map(Principal::account)
        .cloned()
        .collect();
    run.progress.emit(&Event::SnapshotPermissionAdded {
        snapshot: snapshot.clone(),
        added,
    });
    Ok(())
}

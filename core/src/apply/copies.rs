//! Makes sure that a copy exists: starts it or adopts one already under way, waits for it, checks
//! it, and removes what failed ones left.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::aws::clients::RegionClients;
use crate::aws::ec2::NewCopy;
use crate::diagnostic::{Code, Error, Finding, FindingCode};
use crate::id::{AmiId, SnapshotId};
use crate::inventory::{Image, ImageState, Snapshot};
use crate::limits::{CONCURRENT_SNAPSHOT_COPIES, NEW_ID_INVISIBLE, SHARE_PROPAGATION};
use crate::plan::CopyImage;
use crate::plan::adopt::{self, Candidate};
use crate::policy::launch_operations::use_and_grant_patterns;
use crate::report::Event;
use crate::run::Run;
use crate::tags;

/// The copy, available and checked.
pub(crate) async fn ensure(run: &Run<'_>, copy: &CopyImage) -> Result<AmiId, Error> {
    let clients = run
        .clients_of(&copy.account, &copy.region)
        .ok_or_else(|| unreached(copy))?;
    let clients = &*clients;
    // AWS copies so many snapshots at once; the rest queues here, not in errors (R1.5.10).
    let volumes = copy.volumes.clamp(1, CONCURRENT_SNAPSHOT_COPIES);
    let volumes = u32::try_from(volumes).unwrap_or(1);
    let _permits = clients.snapshot_copies.acquire_many(volumes).await;
    let id = match &copy.adopt {
        Some(id) => adopted(run, copy, id.clone()),
        None => start(run, clients, copy).await?,
    };
    let what = format!("to be available, as the copy of {}", copy.source);
    let image = run.settled_image(clients, &id, what).await?;
    let image = image.ok_or_else(|| failed(clients, copy, &id, "AWS never showed it"))?;
    match &image.state {
        ImageState::Available => {}
        ImageState::Deregistered => {
            return Err(failed(clients, copy, &id, "somebody deregistered it"));
        }
        _ => return Err(failed(clients, copy, &id, &reason(clients, &image).await)),
    }
    let snapshots = snapshots_of(clients, &[&image]).await?;
    if adopt::judge(&image, &snapshots, copy, &clients.location) != Candidate::Adoptable {
        let why = format!(
            "it is not an image of {} volumes under {} made from its source",
            copy.volumes, copy.key
        );
        return Err(failed(clients, copy, &id, &why));
    }
    let (account, source, region) = (
        copy.account.clone(),
        copy.source.clone(),
        copy.region.clone(),
    );
    run.progress.emit(&Event::CopyAvailable {
        account,
        source,
        region,
        copy: id.clone(),
    });
    clean_up(run, clients, copy).await;
    Ok(id)
}

/// Starts the copy. The client token of an attempt is the same for every run that wants this copy,
/// so a lost answer, a killed run or a run beside this one leads to the same image (R1.2.2); only a
/// dead image asks for a new attempt.
async fn start(run: &Run<'_>, clients: &RegionClients, copy: &CopyImage) -> Result<AmiId, Error> {
    let mut name = copy.name.clone();
    let mut attempt = 0;
    let mut backoff = run.progress.poll_backoff(run.timing.poll);
    let since = Instant::now();
    loop {
        let client_token = copy.client_token(attempt);
        let new = NewCopy {
            source: &copy.source,
            completion: copy.completion,
            name: &name,
            key: &copy.key,
            client_token: &client_token,
            tags: &copy.tags,
        };
        match clients.ec2.copy_image(&new).await {
            Ok(id) if !is_dead(run, clients, copy, &id).await? => {
                let (account, source, region) = (
                    copy.account.clone(),
                    copy.source.clone(),
                    copy.region.clone(),
                );
                run.progress.emit(&Event::CopyStarted {
                    account,
                    source,
                    region,
                    copy: id.clone(),
                });
                return Ok(id);
            }
            Ok(_) => attempt += 1,
            // Somebody used the token with other tags or another name: their copy is the one.
            Err(error) if error.is_aws(&["IdempotentParameterMismatch"]) => {
                match find(run, clients, copy).await? {
                    Some(id) => return Ok(adopted(run, copy, id)),
                    None => attempt += 1,
                }
            }
            Err(error) if error.is_aws(&["InvalidAMIName.Duplicate"]) && name == copy.name => {
                name = copy.fallback_name();
                run.progress.emit(&Event::Found(Finding::warn(
                    FindingCode::CopyNameTaken,
                    &copy.source,
                    format!(
                        "AWS calls `{}` a duplicate, so the copy is named `{name}`",
                        copy.name
                    ),
                )));
            }
            // So many copies at once are allowed (R1.5.10, R1.7): those of others end in time.
            Err(error) if error.is_aws(&["ResourceLimitExceeded"]) => {
                run.progress
                    .wait(
                        &copy.source,
                        "to be copied: as many copies as AWS allows are under way",
                        since,
                        backoff.next(),
                    )
                    .await;
            }
            // What was shared a moment ago may not be seen in the target yet (R2.21).
            Err(error) if unseen(run, copy, &error) && since.elapsed() < SHARE_PROPAGATION => {
                run.progress
                    .wait(
                        &copy.source,
                        "to be seen by the target",
                        since,
                        backoff.next(),
                    )
                    .await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether this may be how a target sees an image that was shared with it only now (R1.5.1,
/// R1.5.14).
fn unseen(run: &Run<'_>, copy: &CopyImage, error: &Error) -> bool {
    let in_target = copy.account != run.source.identity.account;
    in_target && error.is_aws(&["InvalidRequest", "InvalidAMIID.NotFound", "AuthFailure"])
}

fn unreached(copy: &CopyImage) -> Error {
    Error::new(
        Code::RoleNotAssumable,
        format!(
            "no role is assumed in {}, so no copy can be made there",
            copy.account
        ),
    )
    .remedy("see the error about its role")
    .at(&copy.account, &copy.region)
}

fn adopted(run: &Run<'_>, copy: &CopyImage, id: AmiId) -> AmiId {
    let (account, source, region) = (
        copy.account.clone(),
        copy.source.clone(),
        copy.region.clone(),
    );
    run.progress.emit(&Event::CopyAdopted {
        account,
        source,
        region,
        copy: id.clone(),
    });
    id
}

/// Whether the token of this attempt is spent: AWS answers it with an image that failed, or is
/// gone.
async fn is_dead(
    run: &Run<'_>,
    clients: &RegionClients,
    copy: &CopyImage,
    id: &AmiId,
) -> Result<bool, Error> {
    if copy.leftovers.images.contains(id) {
        return Ok(true);
    }
    let mut backoff = run.progress.poll_backoff(run.timing.poll);
    let since = Instant::now();
    loop {
        match clients.ec2.image(id).await {
            Ok(image) => {
                return Ok(image.is_none_or(|image| image.state == ImageState::Deregistered));
            }
            Err(error) if error.is_aws(&["InvalidAMIID.Unavailable"]) => return Ok(true),
            // A new ID may be unknown for a while (R1.1.7).
            Err(error) if error.is_aws(&["InvalidAMIID.NotFound"]) => {
                if since.elapsed() >= NEW_ID_INVISIBLE {
                    return Ok(true);
                }
                run.progress
                    .wait(id, "to be shown by AWS", since, backoff.next())
                    .await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The copy that somebody else started; nothing where it failed, or never showed.
async fn find(
    run: &Run<'_>,
    clients: &RegionClients,
    copy: &CopyImage,
) -> Result<Option<AmiId>, Error> {
    let mut backoff = run.progress.poll_backoff(run.timing.poll);
    let since = Instant::now();
    loop {
        let tagged = clients
            .ec2
            .own_images_tagged(tags::REQUEST, vec![copy.identity.clone()])
            .await?;
        let snapshots = snapshots_of(clients, &tagged.iter().collect::<Vec<_>>()).await?;
        let judged = |image: &Image| adopt::judge(image, &snapshots, copy, &clients.location);
        let mut good: Vec<&Image> = tagged
            .iter()
            .filter(|image| judged(image) == Candidate::Adoptable)
            .collect();
        good.sort_by_key(|image| (&image.creation_date, &image.id));
        if let Some(oldest) = good.first() {
            return Ok(Some(oldest.id.clone()));
        }
        if tagged
            .iter()
            .any(|image| judged(image) == Candidate::Failed)
            || since.elapsed() >= NEW_ID_INVISIBLE
        {
            return Ok(None);
        }
        run.progress
            .wait(
                &copy.source,
                "to show the copy that another run started",
                since,
                backoff.next(),
            )
            .await;
    }
}

async fn snapshots_of(
    clients: &RegionClients,
    images: &[&Image],
) -> Result<BTreeMap<SnapshotId, Snapshot>, Error> {
    let ids: BTreeSet<SnapshotId> = images
        .iter()
        .flat_map(|image| image.snapshots().cloned())
        .collect();
    let found = clients.ec2.snapshots(&ids).await?;
    Ok(found
        .into_iter()
        .map(|snapshot| (snapshot.id.clone(), snapshot))
        .collect())
}

/// What AWS says of a failed copy: of the image, and of the snapshots that made it fail (R1.5.2).
async fn reason(clients: &RegionClients, image: &Image) -> String {
    let of_image = image
        .state_reason
        .clone()
        .unwrap_or_else(|| "AWS gives no reason".to_owned());
    // The snapshots only add to it; not getting them must not hide it.
    let snapshots = snapshots_of(clients, &[image]).await.unwrap_or_default();
    let said: BTreeSet<String> = snapshots
        .into_values()
        .filter_map(|snapshot| snapshot.state_message)
        .collect();
    said.into_iter()
        .filter(|said| !of_image.contains(said))
        .fold(of_image.clone(), |all, said| format!("{all}; {said}"))
}

fn failed(clients: &RegionClients, copy: &CopyImage, id: &AmiId, why: &str) -> Error {
    let error = Error::new(
        Code::CopyFailed,
        format!("the copy {id} of {} failed: {why}", copy.source),
    );
    let error = if why.contains("not accessible") || why.contains("is invalid") {
        error.remedy(format!(
            "allow {} on {} and on the source's keys, in an identity policy of {} and in the key \
             policies; then run again",
            use_and_grant_patterns().join(", "),
            copy.key,
            clients.identity.arn
        ))
    } else {
        error
    };
    error
        .at(&clients.location.account, &clients.location.region)
        .on(id)
}

/// Removes what failed copies left, now that their replacement stands. What cannot be removed is a
/// finding: the share itself does not suffer.
async fn clean_up(run: &Run<'_>, clients: &RegionClients, copy: &CopyImage) {
    for image in &copy.leftovers.images {
        let (removed, left) = match clients.ec2.deregister_image(image).await {
            Ok(left) => (true, left),
            Err(error) if error.is_aws(&["InvalidAMIID.Unavailable", "InvalidAMIID.NotFound"]) => {
                (false, Vec::new())
            }
            Err(error) => {
                not_cleaned(run, image, &error.to_string());
                continue;
            }
        };
        if removed {
            run.progress.emit(&Event::LeftoverRemoved {
                resource: image.to_string(),
            });
        }
        for (snapshot, why) in left {
            not_cleaned(run, &snapshot, &not_deleted(clients, &why));
        }
    }
    for snapshot in &copy.leftovers.snapshots {
        match clients.ec2.delete_snapshot(snapshot).await {
            Ok(()) => run.progress.emit(&Event::LeftoverRemoved {
                resource: snapshot.to_string(),
            }),
            Err(error) if error.is_aws(&["InvalidSnapshot.NotFound"]) => {}
            Err(error) => not_cleaned(run, snapshot, &error.to_string()),
        }
    }
}

/// Why a snapshot stayed that AWS should have deleted with its image, which it does as the caller.
pub(crate) fn not_deleted(clients: &RegionClients, why: &str) -> String {
    let of = if why == "missing-permissions" {
        format!(
            ": allow `ec2:DeleteSnapshot` in an identity policy of {}",
            clients.identity.arn
        )
    } else {
        String::new()
    };
    format!("AWS did not delete it with its image ({why}){of}")
}

fn not_cleaned(run: &Run<'_>, resource: impl ToString, why: &str) {
    run.progress.emit(&Event::Found(Finding::warn(
        FindingCode::CopyNotCleaned,
        resource,
        format!("a failed copy left this, and it could not be removed: {why}"),
    )));
}

//! Makes sure that a copy exists: starts it or adopts one already under way, waits for it, checks
//! it, and removes what failed ones left.

pub(crate) mod adopt;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use self::adopt::Candidate;
use crate::accounts::{COPIES_AT_ONCE, Site};
use crate::aws::ec2::NewCopy;
use crate::error::{Code, Error};
use crate::event::Event;
use crate::finding::{Finding, FindingCode};
use crate::id::{AmiId, SnapshotId};
use crate::inventory::{Image, ImageState, Snapshot};
use crate::plan::CopyImage;
use crate::run::Run;
use crate::tags;
use crate::watch::INVISIBLE;

/// How long what was shared may take to be seen in a target (R2.21).
const PUBLISHED: Duration = Duration::from_mins(2);

/// The copy, available and checked.
pub(crate) async fn ensure(run: &Run<'_>, copy: &CopyImage) -> Result<AmiId, Error> {
    let site = run
        .site_of(&copy.account, &copy.region)
        .ok_or_else(|| unreached(copy))?;
    let site = &*site;
    // AWS copies so many snapshots at once; the rest queues here, not in errors (R1.5.10).
    let volumes = u32::try_from(copy.volumes)
        .unwrap_or(COPIES_AT_ONCE)
        .clamp(1, COPIES_AT_ONCE);
    let _permits = site.copies.acquire_many(volumes).await;
    let id = match &copy.adopt {
        Some(id) => adopted(run, copy, id.clone()),
        None => start(run, site, copy).await?,
    };
    let what = format!("to be available, as the copy of {}", copy.source);
    let image = site.watcher.settled(&id, what).await?;
    let image = image.ok_or_else(|| failed(site, copy, &id, "AWS never showed it"))?;
    match &image.state {
        ImageState::Available => {}
        ImageState::Deregistered => {
            return Err(failed(site, copy, &id, "somebody deregistered it"));
        }
        _ => return Err(failed(site, copy, &id, &reason(site, &image).await)),
    }
    let snapshots = snapshots_of(site, &[&image]).await?;
    if adopt::judge(&image, &snapshots, copy, &site.place) != Candidate::Adoptable {
        let why = format!(
            "it is not an image of {} volumes under {} made from its source",
            copy.volumes, copy.key
        );
        return Err(failed(site, copy, &id, &why));
    }
    let (account, source, region) = (
        copy.account.clone(),
        copy.source.clone(),
        copy.region.clone(),
    );
    run.emit(&Event::CopyAvailable {
        account,
        source,
        region,
        copy: id.clone(),
    });
    clean_up(run, site, copy).await;
    Ok(id)
}

/// Starts the copy. The client token of an attempt is the same for every run that wants this copy,
/// so a lost answer, a killed run or a run beside this one leads to the same image (R1.2.2); only a
/// dead image asks for a new attempt.
async fn start(run: &Run<'_>, site: &Site, copy: &CopyImage) -> Result<AmiId, Error> {
    let mut name = copy.name.clone();
    let mut attempt = 0;
    let mut pace = run.pace(run.timing.poll);
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
        match site.ec2.copy_image(&new).await {
            Ok(id) if !is_dead(run, site, copy, &id).await? => {
                let (account, source, region) = (
                    copy.account.clone(),
                    copy.source.clone(),
                    copy.region.clone(),
                );
                run.emit(&Event::CopyStarted {
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
                match find(run, site, copy).await? {
                    Some(id) => return Ok(adopted(run, copy, id)),
                    None => attempt += 1,
                }
            }
            Err(error) if error.is_aws(&["InvalidAMIName.Duplicate"]) && name == copy.name => {
                name = copy.fallback_name();
                run.emit(&Event::Found(Finding::warn(
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
                run.wait(
                    &copy.source,
                    "to be copied: as many copies as AWS allows are under way",
                    since,
                    pace.next(),
                )
                .await;
            }
            // What was shared a moment ago may not be seen in the target yet (R2.21).
            Err(error) if unseen(run, copy, &error) && since.elapsed() < PUBLISHED => {
                run.wait(&copy.source, "to be seen by the target", since, pace.next())
                    .await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Whether this may be how a target sees an image that was shared with it only now (R1.5.1,
/// R1.5.14).
fn unseen(run: &Run<'_>, copy: &CopyImage, error: &Error) -> bool {
    let in_target = copy.account != run.account.identity.account;
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
    run.emit(&Event::CopyAdopted {
        account,
        source,
        region,
        copy: id.clone(),
    });
    id
}

/// Whether the token of this attempt is spent: AWS answers it with an image that failed, or is
/// gone.
async fn is_dead(run: &Run<'_>, site: &Site, copy: &CopyImage, id: &AmiId) -> Result<bool, Error> {
    if copy.leftovers.images.contains(id) {
        return Ok(true);
    }
    let mut pace = run.pace(run.timing.poll);
    let since = Instant::now();
    loop {
        match site.ec2.image(id).await {
            Ok(image) => {
                return Ok(image.is_none_or(|image| image.state == ImageState::Deregistered));
            }
            Err(error) if error.is_aws(&["InvalidAMIID.Unavailable"]) => return Ok(true),
            // A new ID may be unknown for a while (R1.1.7).
            Err(error) if error.is_aws(&["InvalidAMIID.NotFound"]) => {
                if since.elapsed() >= INVISIBLE {
                    return Ok(true);
                }
                run.wait(id, "to be shown by AWS", since, pace.next()).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The copy that somebody else started; nothing where it failed, or never showed.
async fn find(run: &Run<'_>, site: &Site, copy: &CopyImage) -> Result<Option<AmiId>, Error> {
    let mut pace = run.pace(run.timing.poll);
    let since = Instant::now();
    loop {
        let tagged = site
            .ec2
            .own_images_tagged(tags::REQUEST, vec![copy.identity.clone()])
            .await?;
        let snapshots = snapshots_of(site, &tagged.iter().collect::<Vec<_>>()).await?;
        let judged = |image: &Image| adopt::judge(image, &snapshots, copy, &site.place);
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
            || since.elapsed() >= INVISIBLE
        {
            return Ok(None);
        }
        run.wait(
            &copy.source,
            "to show the copy that another run started",
            since,
            pace.next(),
        )
        .await;
    }
}

async fn snapshots_of(
    site: &Site,
    images: &[&Image],
) -> Result<BTreeMap<SnapshotId, Snapshot>, Error> {
    let ids: BTreeSet<SnapshotId> = images
        .iter()
        .flat_map(|image| image.snapshots().cloned())
        .collect();
    let found = site.ec2.snapshots(&ids).await?;
    Ok(found
        .into_iter()
        .map(|snapshot| (snapshot.id.clone(), snapshot))
        .collect())
}

/// What AWS says of a failed copy: of the image, and of the snapshots that made it fail (R1.5.2).
async fn reason(site: &Site, image: &Image) -> String {
    let of_image = image
        .state_reason
        .clone()
        .unwrap_or_else(|| "AWS gives no reason".to_owned());
    // The snapshots only add to it; not getting them must not hide it.
    let snapshots = snapshots_of(site, &[image]).await.unwrap_or_default();
    let said: BTreeSet<String> = snapshots
        .into_values()
        .filter_map(|snapshot| snapshot.state_message)
        .collect();
    said.into_iter()
        .filter(|said| !of_image.contains(said))
        .fold(of_image.clone(), |all, said| format!("{all}; {said}"))
}

fn failed(site: &Site, copy: &CopyImage, id: &AmiId, why: &str) -> Error {
    let error = Error::new(
        Code::CopyFailed,
        format!("the copy {id} of {} failed: {why}", copy.source),
    );
    let error = if why.contains("not accessible") || why.contains("is invalid") {
        error.remedy(format!(
            "allow kms:DescribeKey, kms:CreateGrant, kms:Decrypt, \
             kms:GenerateDataKeyWithoutPlaintext and kms:ReEncrypt* on {} and on the source's \
             keys, in an identity policy of {} and in the key policies; then run again",
            copy.key, site.identity.arn
        ))
    } else {
        error
    };
    error.at(&site.place.account, &site.place.region).on(id)
}

/// Removes what failed copies left, now that their replacement stands. What cannot be removed is a
/// finding: the share itself does not suffer.
async fn clean_up(run: &Run<'_>, site: &Site, copy: &CopyImage) {
    for image in &copy.leftovers.images {
        let (removed, left) = match site.ec2.deregister_image(image).await {
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
            run.emit(&Event::LeftoverRemoved {
                resource: image.to_string(),
            });
        }
        for (snapshot, why) in left {
            not_cleaned(run, &snapshot, &not_deleted(site, &why));
        }
    }
    for snapshot in &copy.leftovers.snapshots {
        match site.ec2.delete_snapshot(snapshot).await {
            Ok(()) => run.emit(&Event::LeftoverRemoved {
                resource: snapshot.to_string(),
            }),
            Err(error) if error.is_aws(&["InvalidSnapshot.NotFound"]) => {}
            Err(error) => not_cleaned(run, snapshot, &error.to_string()),
        }
    }
}

/// Why a snapshot stayed that AWS should have deleted with its image, which it does as the caller.
pub(crate) fn not_deleted(site: &Site, why: &str) -> String {
    let of = if why == "missing-permissions" {
        format!(
            ": allow `ec2:DeleteSnapshot` in an identity policy of {}",
            site.identity.arn
        )
    } else {
        String::new()
    };
    format!("AWS did not delete it with its image ({why}){of}")
}

fn not_cleaned(run: &Run<'_>, resource: impl ToString, why: &str) {
    run.emit(&Event::Found(Finding::warn(
        FindingCode::CopyNotCleaned,
        resource,
        format!("a failed copy left this, and it could not be removed: {why}"),
    )));
}

//! `unshare-after-copy`: what a target is lent for copying is noted before, and taken back once its
//! copy stands.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::keys::KeyLocks;
use super::revoke;
use super::share::Done;
use super::targets::Standing;
use crate::aws::ec2::Change;
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region};
use crate::inventory::Image;
use crate::plan::{
    ForgetTemporaryAccess, Plan, ReclaimAccess, Removal, RemoveKeyAccess, RemovePermissions, Step,
};
use crate::policy::key_policy::PolicyPrincipal;
use crate::report::Event;
use crate::run::Run;
use crate::tags::temporary::{self, TemporaryAccess, TemporaryAccounts};

/// Notes in the image's tags what it lends, before it does.
pub(super) async fn note(
    run: &Run<'_>,
    region: &Region,
    image: &AmiId,
    lends: &TemporaryAccounts,
) -> Result<(), Error> {
    if !lends.is_empty() {
        run.source_clients(region)
            .ec2
            .tag_image(image, &temporary::to_tags(lends))
            .await?;
        run.progress.emit(&Event::TemporaryAccessRecorded {
            image: image.clone(),
        });
    }
    Ok(())
}

/// Takes back what was lent to those whose copies stand.
pub(super) async fn all(
    run: &Run<'_>,
    locks: &KeyLocks,
    plan: &Plan,
    done: &[Done<'_>],
    standing: &Standing,
) {
    let steps: Vec<&ReclaimAccess> = plan.give_backs().filter(|give| give.needed).collect();
    let taken = steps.iter().filter_map(|give| {
        let done = done.iter().find(|done| done.launch.shared == give.shared)?;
        let stand =
            |account: &&AccountId| standing.contains(&((*account).clone(), done.image.clone()));
        let stand: BTreeSet<AccountId> = give.accounts.iter().filter(stand).cloned().collect();
        Some(async move {
            run.progress
                .report_error(Box::pin(of_image(run, give, &done.image, stand)).await)
        })
    });
    let mut taken: Vec<Taken<'_>> = future::join_all(taken)
        .await
        .into_iter()
        .flatten()
        .collect();
    let failed = Box::pin(keys(run, locks, plan, &steps, &mut taken)).await;
    // The notes go last: until then a run that is cut off is taken up by the next.
    for taken in taken.iter().filter(|_| !failed) {
        run.progress
            .report_error(Box::pin(forget(run, taken)).await);
    }
}

/// What was taken back of an image.
struct Taken<'a> {
    give: &'a ReclaimAccess,
    image: Image,
    /// Whose copies stand.
    stand: BTreeSet<AccountId>,
    /// What these were lent.
    loans: TemporaryAccounts,
}

async fn of_image<'a>(
    run: &Run<'_>,
    give: &'a ReclaimAccess,
    image: &AmiId,
    stand: BTreeSet<AccountId>,
) -> Result<Taken<'a>, Error> {
    let ec2 = &run.source_clients(&give.shared.region).ec2;
    let image = ec2.known_image(image).await?;
    // What this run noted may not be shown yet.
    let mut loans = temporary::from_tags(&image.tags);
    for (loan, accounts) in &give.given {
        loans
            .entry(*loan)
            .or_default()
            .extend(accounts.iter().cloned());
    }
    loans
        .values_mut()
        .for_each(|accounts| accounts.retain(|account| stand.contains(account)));
    let lent = |held: BTreeSet<Principal>, loan: TemporaryAccess| -> BTreeSet<Principal> {
        let of = |principal: &Principal| {
            principal
                .account()
                .is_some_and(|account| loans.get(&loan).is_some_and(|lent| lent.contains(account)))
        };
        held.into_iter().filter(of).collect()
    };
    let present = lent(
        ec2.launch_permissions(&image.id).await?,
        TemporaryAccess::Launch,
    );
    if !present.is_empty() {
        ec2.change_launch_permissions(&image.id, Change::Remove, &present)
            .await?;
        let (source, region, image) = (
            give.shared.source.clone(),
            give.shared.region.clone(),
            image.id.clone(),
        );
        run.progress.emit(&Event::LaunchPermissionRemoved {
            source,
            region,
            image,
            removed: present,
        });
    }
    for snapshot in image.snapshots() {
        let present = lent(
            ec2.snapshot_permissions(snapshot).await?,
            TemporaryAccess::Snapshots,
        );
        if !present.is_empty() {
            ec2.change_snapshot_permissions(snapshot, Change::Remove, &present)
                .await?;
            run.progress.emit(&Event::SnapshotPermissionRemoved {
                snapshot: snapshot.clone(),
                removed: present,
            });
        }
    }
    Ok(Taken {
        give,
        image,
        stand,
        loans,
    })
}

/// The keys: of those who were lent their use, and need them for nothing else. Says whether any
/// failed.
async fn keys(
    run: &Run<'_>,
    locks: &KeyLocks,
    plan: &Plan,
    steps: &[&ReclaimAccess],
    taken: &mut [Taken<'_>],
) -> bool {
    let of_key = |key: &KeyArn| -> BTreeSet<AccountId> {
        let under = taken
            .iter()
            .filter(|taken| taken.give.keys.contains_key(key));
        let lent = under
            .filter_map(|taken| taken.loans.get(&TemporaryAccess::Keys))
            .flatten()
            .cloned();
        // Another image under the key may still be lent to it, or something else need it.
        let waits = |account: &AccountId| {
            let copies = steps
                .iter()
                .filter(|give| give.keys.contains_key(key) && give.accounts.contains(account));
            copies.into_iter().any(|give| {
                let stands = taken
                    .iter()
                    .any(|taken| std::ptr::eq(taken.give, *give) && taken.stand.contains(account));
                !stands
                    || give.keys[key]
                        .kept
                        .contains(&PolicyPrincipal::Account(account.clone()))
            })
        };
        lent.filter(|account| !waits(account)).collect()
    };
    let all: BTreeSet<&KeyArn> = steps.iter().flat_map(|give| give.keys.keys()).collect();
    let losing: BTreeMap<&KeyArn, BTreeSet<AccountId>> =
        all.into_iter().map(|key| (key, of_key(key))).collect();
    // Who keeps a key is still noted as owing it.
    for taken in taken.iter_mut() {
        let loses = |account: &AccountId| {
            taken
                .give
                .keys
                .keys()
                .all(|key| losing[key].contains(account))
        };
        if let Some(lent) = taken.loans.get_mut(&TemporaryAccess::Keys) {
            lent.retain(loses);
        }
    }
    let mut failed = false;
    for (key, accounts) in losing
        .into_iter()
        .filter(|(_, accounts)| !accounts.is_empty())
    {
        let removal = Removal::These(accounts.into_iter().map(Principal::Account).collect());
        let images: Vec<RemovePermissions> = taken
            .iter()
            .filter(|taken| taken.give.keys.contains_key(key))
            .map(|taken| RemovePermissions {
                source: taken.give.shared.source.clone(),
                region: taken.give.shared.region.clone(),
                image: taken.image.id.clone(),
                keys: BTreeSet::from([key.clone()]),
                removal: removal.clone(),
                principals: BTreeSet::new(),
                snapshots: BTreeMap::new(),
            })
            .collect();
        let reads = steps
            .iter()
            .find_map(|give| give.keys.get(key))
            .map(|access| access.reads)
            .unwrap_or_default();
        let under = images
            .iter()
            .map(|image| (image.region.clone(), image.image.clone()))
            .collect();
        let remove = RemoveKeyAccess::new(key.clone(), removal, under, reads);
        let images: Vec<&RemovePermissions> = images.iter().collect();
        failed |= run
            .progress
            .report_error(Box::pin(revoke::key(run, locks, plan, &remove, &images)).await)
            .is_none();
    }
    failed
}

/// Takes off the notes of what is given back.
async fn forget(run: &Run<'_>, taken: &Taken<'_>) -> Result<(), Error> {
    let mut noted = taken.image.tags.clone();
    noted.extend(temporary::to_tags(&taken.give.given));
    unnote(
        run,
        &taken.give.shared.region,
        &taken.image.id,
        &noted,
        &taken.loans,
    )
    .await
}

/// Takes off the notes of what is lent no more, of these images.
pub(super) async fn end(run: &Run<'_>, plan: &Plan, images: &BTreeSet<&AmiId>) {
    let ended = plan.steps.iter().filter_map(|step| match step {
        Step::ForgetTemporaryAccess(end) if images.contains(&end.image) => Some(end),
        _ => None,
    });
    future::join_all(
        ended.map(|end| async { run.progress.report_error(Box::pin(end_of(run, end)).await) }),
    )
    .await;
}

async fn end_of(run: &Run<'_>, end: &ForgetTemporaryAccess) -> Result<(), Error> {
    let found = run
        .source_clients(&end.region)
        .ec2
        .images([&end.image])
        .await?;
    let noted = found
        .into_iter()
        .next()
        .map(|image| image.tags)
        .unwrap_or_default();
    let mut loans = temporary::from_tags(&noted);
    loans
        .values_mut()
        .for_each(|accounts| accounts.retain(|account| end.accounts.contains(account)));
    unnote(run, &end.region, &end.image, &noted, &loans).await
}

/// Takes these loans off the notes in an image's tags.
async fn unnote(
    run: &Run<'_>,
    region: &Region,
    image: &AmiId,
    noted: &BTreeMap<String, String>,
    loans: &TemporaryAccounts,
) -> Result<(), Error> {
    let (left, outdated) = temporary::without(noted, loans);
    if outdated.is_empty() {
        return Ok(());
    }
    let ec2 = &run.source_clients(region).ec2;
    let left = temporary::to_tags(&left);
    if !left.is_empty() {
        ec2.tag_image(image, &left).await?;
    }
    ec2.untag_image(image, &outdated).await?;
    run.progress.emit(&Event::TemporaryAccessRecorded {
        image: image.clone(),
    });
    Ok(())
}

impl Plan {
    fn give_backs(&self) -> impl Iterator<Item = &ReclaimAccess> {
        self.steps.iter().filter_map(|step| match step {
            Step::ReclaimAccess(give) => Some(give),
            _ => None,
        })
    }
}

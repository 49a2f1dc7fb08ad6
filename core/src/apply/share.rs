//! Gives access. Copies and key access go on side by side; an image is shared once both stand for
//! it, and after that every key is looked at once more.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::future::{self, BoxFuture};

use super::copies;
use super::keys::{self, Granted, KeyLocks};
use super::{lifecycle, permissions, reclaim, targets};
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region, SourceImage};
use crate::plan::{
    Grants, KeyAccess, LaunchPermission, Plan, SharedImage, SnapshotPermission, Step,
};
use crate::report::Conclusion;
use crate::report::Event;
use crate::request::Verify;
use crate::run::Run;
use crate::verify;

/// Key access is awaited by every image under the key. `None`: it failed, and that has been said.
type Access<'a> = future::Shared<BoxFuture<'a, Option<Granted>>>;

/// An image that exists, with a note of what it lends. `None`: that failed, and has been said.
type Ready<'a> = future::Shared<BoxFuture<'a, Option<AmiId>>>;

/// The steps that give access, by what they are about.
struct Steps<'a> {
    ready: BTreeMap<(&'a SourceImage, &'a Region), Ready<'a>>,
    roles: future::Shared<BoxFuture<'a, ()>>,
    accesses: BTreeMap<&'a KeyArn, (&'a KeyAccess, Access<'a>)>,
    grants: Vec<&'a Grants>,
    snapshots: Vec<&'a SnapshotPermission>,
}

/// An image that is shared now.
#[derive(Clone)]
pub(super) struct Done<'a> {
    pub(super) launch: &'a LaunchPermission,
    pub(super) image: AmiId,
}

/// Carries out every step that gives access.
pub(super) async fn all(run: &Run<'_>, locks: &KeyLocks, plan: &Plan) {
    let ready: BTreeMap<_, Ready<'_>> = plan
        .launch_permissions()
        .map(|launch| {
            let shared = &launch.shared;
            (
                (&shared.source, &shared.region),
                ready(run, plan, launch).boxed().shared(),
            )
        })
        .collect();
    let roles = targets::roles(run, plan).boxed().shared();
    let mut steps = Steps {
        ready,
        roles,
        accesses: BTreeMap::new(),
        grants: Vec::new(),
        snapshots: Vec::new(),
    };
    for step in &plan.steps {
        match step {
            Step::KeyAccess(access) => {
                let noted = noted(plan, &steps, &access.key);
                let granted = key_access(run, locks, plan, access, noted).boxed().shared();
                steps.accesses.insert(&access.key, (access, granted));
            }
            Step::Grants(grants) => steps.grants.push(grants),
            Step::SnapshotPermission(share) => steps.snapshots.push(share),
            _ => {}
        }
    }
    let steps = &steps;
    let images: Vec<_> = plan
        .launch_permissions()
        .map(|launch| image(run, plan, steps, launch).boxed().shared())
        .collect();
    let shared = async {
        let keys = future::join_all(steps.accesses.values().map(|(_, granted)| granted.clone()));
        let (done, _) =
            Box::pin(future::join(future::join_all(images.iter().cloned()), keys)).await;
        let done: Vec<Done<'_>> = done.into_iter().flatten().collect();
        let lost = Box::pin(confirm(run, locks, steps, &done)).await;
        (done, lost)
    };
    // Targets copy each image as soon as it is shared, while others still queue in the source
    // account.
    let copied = future::join_all(images.iter().map(|image| async {
        match image.clone().await {
            Some(done) => Box::pin(targets::image(run, plan, &done)).await,
            None => BTreeSet::new(),
        }
    }));
    let ((done, lost), standing) = Box::pin(future::join(shared, copied)).await;
    let standing = standing.into_iter().flatten().collect();
    targets::service_roles(run, plan, |key| {
        key.account() != &plan.account && !steps.accesses.contains_key(key)
    })
    .await;
    Box::pin(reclaim::all(run, locks, plan, &done, &standing)).await;
    if !plan.request.options.target_options.unshare_after_copy {
        reclaim::end(run, plan, &done.iter().map(|done| &done.image).collect()).await;
    }
    let blocked = Box::pin(verify(run, plan)).await;
    let stands = |done: &&Done<'_>| {
        let shared = &done.launch.shared;
        !done.launch.keys.iter().any(|key| lost.keys.contains(key))
            && !lost.images.contains(&done.image)
            && !blocked.contains(&(shared.source.clone(), shared.region.clone()))
    };
    let later = done.iter().filter(stands).map(|done| async {
        lifecycle::all(run, plan, &done.launch.shared, &done.image).await;
        targets::publish(run, plan, done).await;
    });
    future::join_all(later).await;
}

/// Looks whether targets can launch now, where a role there lets that be seen; returns what some
/// cannot.
async fn verify(run: &Run<'_>, plan: &Plan) -> BTreeSet<(SourceImage, Region)> {
    if plan.request.options.target_options.verify == Verify::None || run.targets.is_empty() {
        return BTreeSet::new();
    }
    let mut blocked = BTreeSet::new();
    for found in Box::pin(verify::verify(run, plan, true)).await {
        if found.conclusion == Conclusion::Blocked {
            blocked.insert((found.source.clone(), found.region.clone()));
        }
        // Why a role cannot be assumed has been said.
        if found.conclusion == Conclusion::Blocked
            && run
                .targets
                .get(&found.account)
                .is_some_and(|target| target.is_ok())
        {
            run.progress.emit(&Event::Failed(found.error()));
        }
        run.progress.emit(&Event::Verified(found));
    }
    blocked
}

/// The images that must have a note of what they lend before the use of the key is lent with them.
fn noted<'a>(plan: &Plan, steps: &Steps<'a>, key: &KeyArn) -> Vec<Ready<'a>> {
    let lends = |launch: &&LaunchPermission| {
        let of_image = |step: &Step| matches!(step, Step::ReclaimAccess(give) if give.shared == launch.shared && !give.given.is_empty());
        launch.keys.contains(key) && plan.steps.iter().any(of_image)
    };
    let images = plan.launch_permissions().filter(lends);
    images
        .filter_map(|launch| {
            steps
                .ready
                .get(&(&launch.shared.source, &launch.shared.region))
                .cloned()
        })
        .collect()
}

async fn key_access(
    run: &Run<'_>,
    locks: &KeyLocks,
    plan: &Plan,
    access: &KeyAccess,
    noted: Vec<Ready<'_>>,
) -> Option<Granted> {
    future::join_all(noted).await;
    let granted = run
        .progress
        .report_error(keys::ensure(run, locks, access).await)?;
    if !granted.refused.is_empty() {
        run.progress
            .emit(&Event::Failed(keys::refusal(run, access, &granted.refused)));
    }
    targets::service_roles(run, plan, |key| key == &access.key).await;
    Some(granted)
}

/// The image itself or its copy, with a note of what it lends.
async fn ready(run: &Run<'_>, plan: &Plan, launch: &LaunchPermission) -> Option<AmiId> {
    let shared = &launch.shared;
    let copy = plan.steps.iter().find_map(|step| match step {
        Step::Copy(copy) if (&copy.source, &copy.region) == (&shared.source, &shared.region) => {
            Some(copy)
        }
        _ => None,
    });
    let image = match (copy, &shared.image) {
        (Some(copy), _) => run
            .progress
            .report_error(Box::pin(copies::ensure(run, copy)).await)?,
        (None, image) => image.clone()?,
    };
    for step in &plan.steps {
        if let Step::ReclaimAccess(give) = step
            && &give.shared == shared
        {
            run.progress
                .report_error(reclaim::note(run, &shared.region, &image, &give.given).await)?;
        }
    }
    Some(image)
}

/// One image in one Region, from its copy to its launch permission.
async fn image<'a>(
    run: &Run<'_>,
    plan: &Plan,
    steps: &Steps<'a>,
    launch: &'a LaunchPermission,
) -> Option<Done<'a>> {
    let shared = &launch.shared;
    let image = steps.ready.get(&(&shared.source, &shared.region))?.clone();
    let keys = launch
        .keys
        .iter()
        .filter_map(|key| steps.accesses.get(key))
        .map(|(_, granted)| granted.clone());
    let (image, keys, ()) = future::join3(image, future::join_all(keys), steps.roles.clone()).await;
    let (image, keys) = (image?, keys.into_iter().collect::<Option<Vec<Granted>>>()?);
    let of_image = |of: &SharedImage| of == shared;
    for grants in steps
        .grants
        .iter()
        .filter(|grants| of_image(&grants.shared))
    {
        run.progress
            .report_error(Box::pin(keys::ensure_grants(run, grants, &image)).await)?;
        targets::service_roles(run, plan, |key| key == &grants.key).await;
    }
    // Promise P1: nobody is shown an image whose key they cannot use.
    let principals = keys
        .iter()
        .fold(launch.principals.clone(), |all, key| &all & &key.principals);
    for share in steps
        .snapshots
        .iter()
        .filter(|share| of_image(&share.shared))
    {
        run.progress
            .report_error(Box::pin(permissions::share_snapshots(run, share, &image)).await)?;
    }
    run.progress
        .report_error(Box::pin(permissions::share_image(run, shared, &image, &principals)).await)?;
    Some(Done { launch, image })
}

/// What did not last: keys, and images whose snapshots are no longer shared.
struct Lost<'a> {
    keys: BTreeSet<&'a KeyArn>,
    images: BTreeSet<AmiId>,
}

/// Looks at every key once more, and at snapshots, and returns those whose access did not last.
async fn confirm<'a>(
    run: &Run<'_>,
    locks: &KeyLocks,
    steps: &Steps<'a>,
    done: &[Done<'a>],
) -> Lost<'a> {
    let by_policy = steps.accesses.values().map(|(access, granted)| async move {
        let granted = granted.clone().await?;
        let under: Vec<&Done<'_>> = done
            .iter()
            .filter(|done| done.launch.keys.contains(&access.key))
            .collect();
        let still = async |gone: &BTreeSet<Principal>| are_shared(run, &under, gone).await;
        let confirmed = run
            .progress
            .report_error(Box::pin(keys::confirm(run, locks, access, &granted, still)).await);
        confirmed.is_none().then_some(&access.key)
    });
    let mut granted: BTreeMap<&KeyArn, Vec<(&Grants, &AmiId)>> = BTreeMap::new();
    for grants in &steps.grants {
        let images = done
            .iter()
            .filter(|done| done.launch.shared == grants.shared);
        granted
            .entry(&grants.key)
            .or_default()
            .extend(images.map(|done| (*grants, &done.image)));
    }
    let by_grants = granted
        .into_iter()
        .filter(|(_, images)| !images.is_empty())
        .map(|(key, images)| async move {
            let still = async |grants: &Grants, gone: &BTreeSet<AccountId>| {
                let of: Vec<&Done<'_>> = done
                    .iter()
                    .filter(|done| done.launch.shared == grants.shared)
                    .collect();
                let gone = gone.iter().cloned().map(Principal::Account).collect();
                are_shared(run, &of, &gone).await
            };
            let confirmed = Box::pin(keys::confirm_grants(run, key, &images, still)).await;
            run.progress
                .report_error(confirmed)
                .is_none()
                .then_some(key)
        });
    let snapshots = done.iter().flat_map(|done| {
        let of_image = steps
            .snapshots
            .iter()
            .filter(|share| share.shared == done.launch.shared);
        of_image.map(move |share| async move {
            let confirmed =
                permissions::confirm_snapshots(run, share, &done.image, &done.launch.principals);
            run.progress
                .report_error(Box::pin(confirmed).await)
                .is_none()
                .then(|| done.image.clone())
        })
    });
    let keys = future::join(future::join_all(by_policy), future::join_all(by_grants));
    let ((by_policy, by_grants), images) =
        Box::pin(future::join(keys, future::join_all(snapshots))).await;
    let keys = by_policy.into_iter().chain(by_grants).flatten().collect();
    Lost {
        keys,
        images: images.into_iter().flatten().collect(),
    }
}

/// Whether the images are all still shared with these.
async fn are_shared(
    run: &Run<'_>,
    images: &[&Done<'_>],
    with: &BTreeSet<Principal>,
) -> Result<bool, Error> {
    for done in images {
        let held = run
            .source_clients(&done.launch.shared.region)
            .ec2
            .launch_permissions(&done.image)
            .await?;
        if !with
            .intersection(&done.launch.principals)
            .all(|principal| held.contains(principal))
        {
            return Ok(false);
        }
    }
    Ok(true)
}

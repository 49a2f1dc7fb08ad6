//! What keeps images from being disabled or deregistered: who uses them, what names them, and locks
//! of their snapshots.

use std::collections::{BTreeMap, BTreeSet};

use super::DueImage;
use super::named::{NamedImages, read_named};
use crate::diagnostic::{Error, Errors};
use crate::id::{AmiId, Region};
use crate::inventory::{Hold, Retirement, UnknownUsage, UsageReport};
use crate::observe::Asking;
use crate::observe::image_usage::{read_usage_or_last, read_usage_since};
use crate::plan;
use crate::request::ShareRequest;
use crate::run::Run;
use crate::run::together::join_some;

type Holds = BTreeMap<(Region, AmiId), Vec<Hold>>;

/// What holds back each image that is due; an empty list if nothing does.
pub(super) async fn read_holds(
    run: &Run<'_>,
    request: &ShareRequest,
    retirement: &Retirement,
    due: &[DueImage<'_>],
    asking: Asking,
) -> Result<Holds, Errors> {
    let mut holds = Holds::new();
    let mut by_region: BTreeMap<&Region, Vec<&DueImage<'_>>> = BTreeMap::new();
    for one in due {
        holds.insert(place(one), Vec::new());
        by_region.entry(one.region).or_default().push(one);
    }
    let kept = read_kept(run, request).await?;
    for (region, due) in by_region {
        let locks = read_locks(run, region, &due).await;
        let images = retirement.images.get(region).map(Vec::as_slice);
        let mut named = read_named(run, request, region, images.unwrap_or_default()).await;
        named.images.extend(kept.clone());
        for one in due {
            let found = holds.entry(place(one)).or_default();
            found.extend(locks_of(one, &locks));
            found.extend(names_of(one, &named));
        }
    }
    for (place, usage) in read_usage(run, due, asking).await {
        let found = holds.entry(place).or_default();
        found.extend(uses_of(run, usage));
    }
    Ok(holds)
}

fn place(due: &DueImage<'_>) -> (Region, AmiId) {
    (due.region.clone(), due.image.id.clone())
}

/// The images that parameters of the request name: they stay.
async fn read_kept(run: &Run<'_>, request: &ShareRequest) -> Result<Vec<(AmiId, String)>, Errors> {
    let mut kept = Vec::new();
    for parameter in &request.image_parameters {
        let image = super::super::image_parameters::read_image(run, parameter).await;
        let image = image.map_err(Errors::from)?;
        kept.push((image, format!("the parameter {parameter} names it")));
    }
    Ok(kept)
}

async fn read_locks(
    run: &Run<'_>,
    region: &Region,
    due: &[&DueImage<'_>],
) -> Result<BTreeSet<String>, Error> {
    let snapshots: BTreeSet<_> = due.iter().flat_map(|due| due.image.snapshots()).collect();
    let snapshots: Vec<_> = snapshots.into_iter().collect();
    let ec2 = &run.source_clients(region).ec2;
    let locked = ec2.locked_snapshots(&snapshots).await?;
    Ok(locked.iter().map(ToString::to_string).collect())
}

fn locks_of(due: &DueImage<'_>, locks: &Result<BTreeSet<String>, Error>) -> Vec<Hold> {
    let locked = match locks {
        Ok(locked) => locked,
        Err(error) => return vec![unknown(error.clone())],
    };
    let mut holds = Vec::new();
    for id in due.image.snapshots() {
        if locked.contains(id.as_ref()) {
            holds.push(Hold::Lock(format!("its snapshot {id} is locked")));
        }
    }
    holds
}

fn names_of(due: &DueImage<'_>, named: &NamedImages) -> Vec<Hold> {
    let mut holds: Vec<Hold> = named.errors.iter().cloned().map(unknown).collect();
    for (image, what) in &named.images {
        if image == &due.image.id {
            holds.push(Hold::Use(what.clone()));
        }
    }
    holds
}

/// Who uses the images. AWS may make no report on a disabled image, so that one counts that it made
/// before: nobody can have begun to use the image since.
async fn read_usage(
    run: &Run<'_>,
    due: &[DueImage<'_>],
    asking: Asking,
) -> Vec<((Region, AmiId), Result<UsageReport, UnknownUsage>)> {
    let mut reading = Vec::new();
    for one in due {
        reading.push(async move {
            let place = place(one);
            let clients = run.source_clients(&place.0);
            let read = match one.disabled_since {
                None => read_usage_or_last(run, &clients, &place.1, asking).await,
                Some(since) => read_usage_since(run, &clients, &place.1, (since, asking)).await,
            };
            (place, read)
        });
    }
    join_some(reading).await
}

fn uses_of(run: &Run<'_>, usage: Result<UsageReport, UnknownUsage>) -> Option<Hold> {
    let usage = match usage {
        Ok(usage) => usage,
        Err(UnknownUsage {
            error,
            will_be_asked,
        }) => {
            return Some(Hold::Unknown {
                error,
                will_be_asked,
            });
        }
    };
    let mut own = BTreeMap::new();
    match &usage.own {
        Some(Err(error)) => return Some(unknown(error.clone())),
        Some(Ok(counts)) if !counts.is_empty() => {
            own.insert(run.source.identity.account.clone(), counts.clone());
        }
        _ => {}
    }
    let is_used = !usage.counts.is_empty() || !own.is_empty();
    is_used.then(|| Hold::Use(plan::describe_use(&usage, &usage.counts, &own)))
}

fn unknown(error: Error) -> Hold {
    Hold::Unknown {
        error,
        will_be_asked: false,
    }
}

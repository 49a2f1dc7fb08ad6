//! Locks of snapshots: a locked one is deleted by nobody (R7.16).

use std::time::Duration;

use super::authorize::{authorize_all, authorize_snapshot};
use super::settings::one_of;
use super::{dry_run, filter, ids};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Snapshot, SnapshotLock, World};

const DAY: Duration = Duration::from_hours(24);

/// Locks a snapshot for some days. That a lock ends at a date is not simulated, nor the time in
/// which a new lock in compliance mode can still be changed.
pub(super) fn lock(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    authorize_snapshot(world, id, "ec2:LockSnapshot", request)?;
    let snapshot = ids::own_snapshot(world, id, request)?;
    let mode = one_of(query, "LockMode", &["governance", "compliance"])?;
    let days: Option<u32> = query.need("LockDuration")?.parse().ok();
    let Some(days @ 1..=36_500) = days else {
        return Err(Fail::invalid_value("LockDuration is not valid."));
    };
    if state(snapshot, request) == Some("compliance") && mode != "compliance" {
        let message = format!("The snapshot {id} is locked in compliance mode.");
        return Err(Fail::bad("IncorrectState", message));
    }
    dry_run(query)?;
    let lock = SnapshotLock {
        mode,
        ends: request.now + DAY * days,
    };
    if let Some(snapshot) = world.snapshots.get_mut(id) {
        snapshot.lock = Some(lock);
    }
    Ok(Body::Xml(vec![
        Element::of("snapshotId", id),
        Element::of("lockState", mode),
        Element::of("lockDuration", days),
        Element::of("lockCreatedOn", request.clock.text(request.now)),
        Element::of(
            "lockExpiresOn",
            request.clock.text(request.now + DAY * days),
        ),
    ]))
}

/// Ends a lock in governance mode; nobody ends one in compliance mode. The code is a guess.
pub(super) fn unlock(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    authorize_snapshot(world, id, "ec2:UnlockSnapshot", request)?;
    if state(ids::own_snapshot(world, id, request)?, request) == Some("compliance") {
        let message = format!("The snapshot {id} is locked in compliance mode.");
        return Err(Fail::bad("IncorrectState", message));
    }
    dry_run(query)?;
    if let Some(snapshot) = world.snapshots.get_mut(id) {
        snapshot.lock = None;
    }
    Ok(Body::Xml(vec![Element::of("snapshotId", id)]))
}

/// The caller's snapshots that are locked, or were.
pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeLockedSnapshots")?;
    let requested = query.list("SnapshotId");
    for id in &requested {
        ids::own_snapshot(world, id, request)?;
    }
    dry_run(query)?;
    let filters = query.members("Filter");
    let mut items: Vec<Result<Vec<Element>, Fail>> = Vec::new();
    for snapshot in world.snapshots.values() {
        let is_asked = requested.is_empty() || requested.contains(&snapshot.id.as_str());
        let is_own = snapshot.owner == request.account() && snapshot.region == request.region;
        let Some(state) = state(snapshot, request).filter(|_| is_asked && is_own) else {
            continue;
        };
        if filter::fits(&filters, None, |name| {
            (name == "lock-state").then(|| vec![state])
        })? {
            items.push(Ok(vec![
                Element::of("ownerId", &snapshot.owner),
                Element::of("snapshotId", &snapshot.id),
                Element::of("lockState", state),
            ]));
        }
    }
    let page = filter::page(query, request, items.into_iter(), "-")?;
    Ok(page.render("snapshotSet", |item| item))
}

/// The state of a lock; `None` if there was none.
fn state(snapshot: &Snapshot, request: &Request<'_>) -> Option<&'static str> {
    let lock = snapshot.lock.as_ref()?;
    Some(if request.now < lock.ends {
        lock.mode
    } else {
        "expired"
    })
}

/// Whether nobody can delete a snapshot now.
pub(super) fn holds(snapshot: &Snapshot, request: &Request<'_>) -> bool {
    state(snapshot, request).is_some_and(|state| state != "expired")
}

//! The archive tier of snapshots (R7.31). Archiving and restoring take no time here; of AWS they
//! take hours.

use super::authorize::authorize_snapshot;
use super::settings::one_of;
use super::{dry_run, ids};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, ImageState, World};

/// Archives a snapshot, unless an image that is not disabled needs it. The code is a guess: that
/// of a snapshot that is to be deleted.
pub(super) fn archive(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    authorize_snapshot(world, id, "ec2:ModifySnapshotTier", request)?;
    ids::own_snapshot(world, id, request)?;
    one_of(query, "StorageTier", &["archive"])?;
    for image in world.images_using(id) {
        let image = world.images.get(&image);
        if image.is_some_and(|image| image.state != ImageState::Disabled) {
            let message = format!("The snapshot {id} is currently in use");
            return Err(Fail::bad("InvalidSnapshot.InUse", message));
        }
    }
    dry_run(query)?;
    set_archived(world, id, true);
    let start = request.clock.text(request.now);
    Ok(Body::Xml(vec![
        Element::of("snapshotId", id),
        Element::of("tieringStartTime", start),
    ]))
}

/// Restores a snapshot for good, or for some days, which never end here.
pub(super) fn restore(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    authorize_snapshot(world, id, "ec2:RestoreSnapshotTier", request)?;
    ids::own_snapshot(world, id, request)?;
    let permanent = query.flag("PermanentRestore")? == Some(true);
    if !permanent {
        query.need("TemporaryRestoreDays")?;
    }
    dry_run(query)?;
    set_archived(world, id, false);
    let start = request.clock.text(request.now);
    Ok(Body::Xml(vec![
        Element::of("snapshotId", id),
        Element::of("restoreStartTime", start),
        Element::of("isPermanentRestore", permanent),
    ]))
}

fn set_archived(world: &mut World, id: &str, archived: bool) {
    if let Some(snapshot) = world.snapshots.get_mut(id) {
        snapshot.archived = archived;
    }
}

/// Fails if a snapshot of an image is archived. AWS's answer is not known.
pub(super) fn check_restored(world: &World, image: &Image) -> Result<(), Fail> {
    for id in image.snapshot_ids() {
        if world
            .snapshots
            .get(id)
            .is_some_and(|snapshot| snapshot.archived)
        {
            let message = format!("The snapshot {id} is archived. Restore it first.");
            return Err(Fail::bad("IncorrectState", message));
        }
    }
    Ok(())
}

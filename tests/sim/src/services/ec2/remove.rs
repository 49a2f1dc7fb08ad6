//! `DeregisterImage` and `DeleteSnapshot`.

use super::authorize::{authorize_image, authorize_snapshot};
use super::{dry_run, ids, return_true, snapshot_locks};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{ImageState, World};

pub(super) fn deregister_image(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    authorize_image(world, id, "ec2:DeregisterImage", request)?;
    let image = ids::own_image(world, id, request)?;
    if image.state == ImageState::Deregistered {
        ids::check_available(image)?;
    }
    if image.protection.holds(request.now) {
        // AWS's words are not known (R7.1).
        let message = format!(
            "The image {id} cannot be deregistered because deregistration protection is on."
        );
        return Err(Fail::bad("OperationNotPermitted", message));
    }
    dry_run(query)?;
    let snapshots: Vec<String> = image.snapshot_ids().map(str::to_owned).collect();
    if let Some(image) = world.images.get_mut(id) {
        // This cancels a pending copy too (R1.1.3).
        image.state = ImageState::Deregistered;
        image.launch_permissions.clear();
    }
    let mut results = Vec::new();
    if query.flag("DeleteAssociatedSnapshots")? == Some(true) {
        for snapshot in snapshots {
            let code = delete_with_image(world, &snapshot, request);
            results.push(vec![
                Element::of("snapshotId", snapshot),
                Element::of("returnCode", code),
            ]);
        }
    }
    Ok(Body::Xml(vec![
        Element::of("return", true),
        Element::list("deleteSnapshotResultSet", results),
    ]))
}

/// Deletes a snapshot of an image that was deregistered, if that can be. Returns EC2's code for
/// what became of it.
fn delete_with_image(world: &mut World, id: &str, request: &Request<'_>) -> &'static str {
    let owner = world.snapshots.get(id).map(|snapshot| &snapshot.owner);
    if owner.is_none_or(|owner| owner != request.account()) {
        "client-error"
    } else if !world.images_using(id).is_empty() {
        "skipped"
    } else if is_locked(world, id, request) {
        // Which code AWS gives for a lock is not known (R7.16).
        "client-error"
    } else if authorize_snapshot(world, id, "ec2:DeleteSnapshot", request).is_err() {
        "missing-permissions"
    } else {
        world.snapshots.remove(id);
        "success"
    }
}

fn is_locked(world: &World, id: &str, request: &Request<'_>) -> bool {
    let snapshot = world.snapshots.get(id);
    snapshot.is_some_and(|snapshot| snapshot_locks::holds(snapshot, request))
}

pub(super) fn delete_snapshot(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    authorize_snapshot(world, id, "ec2:DeleteSnapshot", request)?;
    // A dry run does not see that it is in use (recorded).
    dry_run(query)?;
    ids::own_snapshot(world, id, request)?;
    let users = world.images_using(id);
    if !users.is_empty() {
        let users = users.join(", ");
        let message = format!("The snapshot {id} is currently in use by {users}");
        return Err(Fail::bad("InvalidSnapshot.InUse", message));
    }
    if is_locked(world, id, request) {
        // AWS's words are not known (R7.16).
        let message = format!("The snapshot {id} is locked.");
        return Err(Fail::bad("IncorrectState", message));
    }
    world.snapshots.remove(id);
    Ok(return_true())
}

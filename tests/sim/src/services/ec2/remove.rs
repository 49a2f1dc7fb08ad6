//! `DeregisterImage` and `DeleteSnapshot`.

use super::{authorize, done, dry_run, ids, image_on, snapshot_on};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{ImageState, World};

pub(super) fn deregister_image(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    authorize(
        request,
        "ec2:DeregisterImage",
        &[image_on(world, request.region, id, request)],
        &Context::new(),
    )?;
    let image = ids::own_image(world, id, request)?;
    if image.state == ImageState::Deregistered {
        return Err(ids::unavailable(image).unwrap_or_else(|| ids::image_not_found(id)));
    }
    if image.protection.holds(request.now) {
        // The words are not known (open point 10 of the rule book).
        let message = format!(
            "The image {id} cannot be deregistered because deregistration protection is on."
        );
        return Err(Fail::bad("OperationNotPermitted", message));
    }
    dry_run(query)?;
    let snapshots: Vec<String> = image
        .mappings
        .iter()
        .filter_map(|mapping| mapping.snapshot.clone())
        .collect();
    if let Some(image) = world.images.get_mut(id) {
        // A pending copy is cancelled in this way (R1.1.3).
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

fn delete_with_image(world: &mut World, id: &str, request: &Request<'_>) -> &'static str {
    let Some(snapshot) = world.snapshots.get(id) else {
        return "client-error";
    };
    let own = snapshot.owner == request.account();
    let on = snapshot_on(world, request.region, id, request);
    if !own {
        "client-error"
    } else if !world.images_using(id).is_empty() {
        "skipped"
    } else if authorize(request, "ec2:DeleteSnapshot", &[on], &Context::new()).is_err() {
        "missing-permissions"
    } else {
        world.snapshots.remove(id);
        "success"
    }
}

pub(super) fn delete_snapshot(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    authorize(
        request,
        "ec2:DeleteSnapshot",
        &[snapshot_on(world, request.region, id, request)],
        &Context::new(),
    )?;
    // A dry run does not see that it is in use (recorded).
    dry_run(query)?;
    ids::check_snapshot_attribute(id)?;
    let own = |snapshot: &crate::world::Snapshot| {
        snapshot.owner == request.account() && snapshot.region == request.region
    };
    if !world.snapshots.get(id).is_some_and(own) {
        return Err(ids::snapshot_not_found(id));
    }
    let users = world.images_using(id);
    if !users.is_empty() {
        let message = format!(
            "The snapshot {id} is currently in use by {}",
            users.join(", ")
        );
        return Err(Fail::bad("InvalidSnapshot.InUse", message));
    }
    world.snapshots.remove(id);
    Ok(done())
}

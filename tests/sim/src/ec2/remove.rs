//! `DeregisterImage` and `DeleteSnapshot`.

use super::{authorize_on, dry_run, ids, image_arn, snapshot_arn};
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{ImageState, World};

pub(super) fn deregister_image(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    let account = ask.who.facts.account.clone();
    let tags = world.images.get(id).and_then(|image| image.tags.get(&account)).cloned();
    authorize_on(ask, "ec2:DeregisterImage", image_arn(ask.region, id), tags.as_ref())?;
    let image = ids::image(world, id, ask)?;
    if image.owner != account {
        return Err(Fail::bad("AuthFailure", format!("Not authorized for image:{id}")));
    }
    if image.state == ImageState::Deregistered {
        return Err(ids::unavailable(image).unwrap_or_else(|| ids::image_not_found(id)));
    }
    dry_run(query)?;
    let snapshots: Vec<String> = image.mappings.iter().filter_map(|mapping| mapping.snapshot.clone()).collect();
    if let Some(image) = world.images.get_mut(id) {
        // A pending copy is cancelled in this way (R1.1.3).
        image.state = ImageState::Deregistered;
        image.launch_permissions.clear();
    }
    let mut results = Vec::new();
    if query.flag("DeleteAssociatedSnapshots")? == Some(true) {
        for snapshot in snapshots {
            let code = delete_with_image(world, &snapshot, ask);
            results.push(vec![Element::of("snapshotId", snapshot), Element::of("returnCode", code)]);
        }
    }
    Ok(Body::Xml(vec![Element::of("return", true), Element::list("deleteSnapshotResultSet", results)]))
}

fn delete_with_image(world: &mut World, id: &str, ask: &Ask<'_>) -> &'static str {
    let Some(snapshot) = world.snapshots.get(id) else {
        return "client-error";
    };
    let tags = snapshot.tags.get(&ask.who.facts.account);
    if !world.images_using(id).is_empty() {
        "skipped"
    } else if authorize_on(ask, "ec2:DeleteSnapshot", snapshot_arn(ask.region, id), tags).is_err() {
        "missing-permissions"
    } else {
        world.snapshots.remove(id);
        "success"
    }
}

pub(super) fn delete_snapshot(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let id = query.need("SnapshotId")?;
    let account = &ask.who.facts.account;
    let tags = world.snapshots.get(id).and_then(|snapshot| snapshot.tags.get(account));
    authorize_on(ask, "ec2:DeleteSnapshot", snapshot_arn(ask.region, id), tags)?;
    ids::check_snapshot(id)?;
    let own =
        world.snapshots.get(id).is_some_and(|snapshot| snapshot.owner == *account && snapshot.region == ask.region);
    if !own {
        return Err(ids::snapshot_not_found(id));
    }
    // A dry run does not see that it is in use (recorded of real AWS).
    dry_run(query)?;
    let users = world.images_using(id);
    if !users.is_empty() {
        let message = format!("The snapshot {id} is currently in use by {}", users.join(", "));
        return Err(Fail::bad("InvalidSnapshot.InUse", message));
    }
    world.snapshots.remove(id);
    Ok(Body::Xml(vec![Element::of("return", true)]))
}

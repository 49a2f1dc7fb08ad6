//! `CreateTags` and `DeleteTags`.

use super::authorize::{account_resource, authorize, image_resource, set_tags, snapshot_resource};
use super::sharing::{may_copy, may_launch};
use super::tags;
use super::{dry_run, ids, instances, return_true, security_groups, volumes};
use crate::auth::Resource;
use crate::services::Request;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{Tags, World};

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let new = tags::read(query)?;
    if new.is_empty() {
        let message = "The request must contain the parameter tagSet";
        return Err(Fail::bad("MissingParameter", message));
    }
    let ids = resources(world, query, request, "ec2:CreateTags", &new)?;
    for id in &ids {
        check_shared(world, id, &new, request)?;
    }
    dry_run(query)?;
    for id in ids {
        let Some(tags) = tags_of(world, id, request.account()) else {
            continue;
        };
        let added = new.keys().filter(|key| !tags.contains_key(*key)).count();
        if tags.len() + added > tags::MOST {
            let message = format!("The maximum number of Tags for resource {id} has been reached.");
            return Err(Fail::bad("TagLimitExceeded", message));
        }
        tags.extend(new.clone());
    }
    Ok(return_true())
}

/// Only the owner of an image writes the tags that recipients see (R7.14).
fn check_shared(world: &World, id: &str, tags: &Tags, request: &Request<'_>) -> Result<(), Fail> {
    let of_image = world.images.get(id).map(|image| &image.owner);
    let owner = of_image.or(world.snapshots.get(id).map(|snapshot| &snapshot.owner));
    let mut keys = tags.keys();
    match keys.find(|key| key.starts_with(tags::SHARED_PREFIX)) {
        Some(key) if owner.is_some_and(|owner| owner != request.account()) => {
            let message = format!("Only the owner of {id} can set the tag '{key}'.");
            Err(Fail::bad("OperationNotPermitted", message))
        }
        _ => Ok(()),
    }
}

/// Removes tags: all of them if the request names none, and one that is given with a value only if
/// it has that value.
pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let mut removed: Vec<(String, Option<String>)> = Vec::new();
    for tag in query.members("Tag") {
        let value = tag.get("Value").map(str::to_owned);
        removed.push((tag.need("Key")?.to_owned(), value));
    }
    let mut in_request = Tags::new();
    for (key, value) in &removed {
        in_request.insert(key.clone(), value.clone().unwrap_or_default());
    }
    let ids = resources(world, query, request, "ec2:DeleteTags", &in_request)?;
    dry_run(query)?;
    for id in ids {
        let Some(tags) = tags_of(world, id, request.account()) else {
            continue;
        };
        if removed.is_empty() {
            tags.clear();
        }
        for (key, value) in &removed {
            if value.is_none() || value.as_ref() == tags.get(key) {
                tags.remove(key);
            }
        }
    }
    Ok(return_true())
}

/// The IDs in a request, if the caller may see the resources and do this to their tags.
fn resources<'a>(
    world: &World,
    query: &'a Query,
    request: &Request<'_>,
    action: &str,
    tags: &Tags,
) -> Result<Vec<&'a str>, Fail> {
    let ids = query.list("ResourceId");
    if ids.is_empty() {
        let message = "The request must contain the parameter resourceIdSet";
        return Err(Fail::bad("MissingParameter", message));
    }
    let mut resources = Vec::new();
    for id in &ids {
        resources.push(resource(world, id, request));
    }
    authorize(request, action, &resources, &tags::context(tags, None))?;
    for id in &ids {
        // Its own tags an account may remove even if it does not see the snapshot any more
        // (recorded).
        if action != "ec2:DeleteTags" || !has_tags(world, id, request) {
            check_visible(world, id, request)?;
        }
    }
    Ok(ids)
}

fn resource(world: &World, id: &str, request: &Request<'_>) -> Resource {
    if id.starts_with("ami-") {
        image_resource(world, request.region, id, request)
    } else if id.starts_with("i-") {
        let instance = instances::own_instance(world, id, request).ok();
        tagged(
            &format!("instance/{id}"),
            instance.map(|of| &of.tags),
            request,
        )
    } else if id.starts_with("vol-") {
        let volume = world.volumes.get(id);
        tagged(&format!("volume/{id}"), volume.map(|of| &of.tags), request)
    } else if id.starts_with("sg-") {
        security_groups::resource(world, id, request)
    } else {
        snapshot_resource(world, request.region, id, request)
    }
}

fn tagged(name: &str, tags: Option<&Tags>, request: &Request<'_>) -> Resource {
    let mut resource = account_resource(name, request);
    set_tags(&mut resource, tags);
    resource
}

fn check_visible(world: &World, id: &str, request: &Request<'_>) -> Result<(), Fail> {
    if id.starts_with("ami-") {
        let image = ids::image(world, id, request)?;
        if !may_launch(world, image, request, request.now) {
            return Err(ids::image_not_found(id));
        }
    } else if id.starts_with("i-") {
        instances::own_instance(world, id, request)?;
    } else if id.starts_with("vol-") {
        volumes::own_volume(world, id, request)?;
    } else if id.starts_with("sg-") {
        security_groups::find(world, id, request)?;
    } else if id.starts_with("snap-") {
        let snapshot = world.snapshots.get(id);
        if !snapshot.is_some_and(|of| may_copy(of, request.account(), request.now)) {
            return Err(ids::snapshot_not_found(id));
        }
    } else {
        let message = format!("The ID '{id}' is not valid");
        return Err(Fail::bad("InvalidID", message));
    }
    Ok(())
}

/// Whether the caller's account has tags on an image or a snapshot.
fn has_tags(world: &World, id: &str, request: &Request<'_>) -> bool {
    let of_image = world.images.get(id).map(|image| &image.tags);
    let tags = of_image.or(world.snapshots.get(id).map(|snapshot| &snapshot.tags));
    tags.is_some_and(|tags| tags.contains_key(request.account()))
}

fn tags_of<'a>(world: &'a mut World, id: &str, account: &str) -> Option<&'a mut Tags> {
    if let Some(instance) = world.instances.get_mut(id) {
        return Some(&mut instance.tags);
    }
    if let Some(loose) = world.volumes.get_mut(id) {
        return Some(&mut loose.tags);
    }
    if let Some(group) = world.security_groups.get_mut(id) {
        return Some(&mut group.tags);
    }
    let by_account = match world.images.get_mut(id) {
        Some(image) => &mut image.tags,
        None => &mut world.snapshots.get_mut(id)?.tags,
    };
    Some(by_account.entry(account.to_owned()).or_default())
}

//! `DescribeTags`: the caller's own tags, also on what others share or no longer share (recorded).

use super::authorize::authorize_all;
use super::{dry_run, filter};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Outcome, Query};
use crate::world::{Tags, World};

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeTags")?;
    dry_run(query)?;
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for (kind, id, tags) in tagged(world, request) {
        for (key, value) in tags {
            let fits = filter::fits(&filters, None, |name| {
                Some(match name {
                    "resource-id" => vec![id],
                    "resource-type" => vec![kind],
                    "key" => vec![key],
                    "value" => vec![value],
                    _ => return None,
                })
            })?;
            if fits {
                items.push(vec![
                    Element::of("key", key),
                    Element::of("resourceId", id),
                    Element::of("resourceType", kind),
                    Element::of("value", value),
                ]);
            }
        }
    }
    let page = filter::page(query, request, items.into_iter().map(Ok), "ResourceId")?;
    Ok(page.render("tagSet", |item| item))
}

/// What the caller's account has tagged in the Region: type, ID, tags.
fn tagged<'a>(world: &'a World, request: &Request<'_>) -> Vec<(&'static str, &'a str, &'a Tags)> {
    let (account, region) = (request.account(), request.region);
    let is_own = |owner: &str, of: &str| owner == account && of == region;
    let mut tagged: Vec<(&'static str, &str, &Tags)> = Vec::new();
    for image in world.images.values() {
        if let (true, Some(tags)) = (image.region == region, image.tags.get(account)) {
            tagged.push(("image", &image.id, tags));
        }
    }
    for snapshot in world.snapshots.values() {
        if let (true, Some(tags)) = (snapshot.region == region, snapshot.tags.get(account)) {
            tagged.push(("snapshot", &snapshot.id, tags));
        }
    }
    for instance in world.instances.values() {
        if is_own(&instance.owner, &instance.region) {
            tagged.push(("instance", &instance.id, &instance.tags));
        }
    }
    for group in world.security_groups.values() {
        if is_own(&group.owner, &group.region) {
            tagged.push(("security-group", &group.id, &group.tags));
        }
    }
    for loose in world.volumes.values() {
        if is_own(&loose.owner, &loose.region) {
            tagged.push(("volume", &loose.volume.id, &loose.tags));
        }
    }
    tagged
}

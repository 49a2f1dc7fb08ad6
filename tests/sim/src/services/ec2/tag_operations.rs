//! CreateTags and DeleteTags.

use super::tags::{Tags, context, read};
use super::{
    authorize, done, dry_run, ids, image_on, instances, may_copy, may_launch, snapshot_on,
};
use crate::auth::On;
use crate::services::Request;
use crate::wire::{Fail, Outcome, Query};
use crate::world::World;

/// CreateTags.
pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let tags = read(query)?;
    if tags.is_empty() {
        return Err(Fail::bad(
            "MissingParameter",
            "The request must contain the parameter tagSet",
        ));
    }
    let resources = tagged(world, query, request, "ec2:CreateTags", &tags)?;
    dry_run(query)?;
    for id in resources {
        if let Some(own) = tags_of(world, id, request.account()) {
            let new = tags.keys().filter(|key| !own.contains_key(*key)).count();
            if own.len() + new > 50 {
                let message =
                    format!("The maximum number of Tags for resource {id} has been reached.");
                return Err(Fail::bad("TagLimitExceeded", message));
            }
            own.extend(tags.clone());
        }
    }
    Ok(done())
}

/// DeleteTags: takes tags off; one that is given with a value only where it has that value.
pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let wanted: Vec<(String, Option<String>)> = query
        .members("Tag")
        .iter()
        .map(|tag| {
            Ok((
                tag.need("Key")?.to_owned(),
                tag.get("Value").map(str::to_owned),
            ))
        })
        .collect::<Result<_, Fail>>()?;
    let keys: Tags = wanted
        .iter()
        .map(|(key, value)| (key.clone(), value.clone().unwrap_or_default()))
        .collect();
    let resources = tagged(world, query, request, "ec2:DeleteTags", &keys)?;
    dry_run(query)?;
    for id in resources {
        if let Some(own) = tags_of(world, id, request.account()) {
            let goes = |key: &String, value: &String| {
                let named = |(of, with): &(String, Option<String>)| {
                    of == key && with.as_ref().is_none_or(|with| with == value)
                };
                wanted.is_empty() || wanted.iter().any(named)
            };
            own.retain(|key, value| !goes(key, value));
        }
    }
    Ok(done())
}

/// The resources of a request, if the caller may do this to their tags and sees them.
fn tagged<'a>(
    world: &World,
    query: &'a Query,
    request: &Request<'_>,
    action: &str,
    tags: &Tags,
) -> Result<Vec<&'a str>, Fail> {
    let resources = query.list("ResourceId");
    if resources.is_empty() {
        return Err(Fail::bad(
            "MissingParameter",
            "The request must contain the parameter resourceIdSet",
        ));
    }
    let on = |id: &&str| {
        if id.starts_with("ami-") {
            image_on(world, request.region, id, request)
        } else if id.starts_with("i-") {
            On::arn(format!(
                "arn:aws:ec2:{}:{}:instance/{id}",
                request.region,
                request.account()
            ))
        } else {
            snapshot_on(world, request.region, id, request)
        }
    };
    authorize(
        request,
        action,
        &resources.iter().map(on).collect::<Vec<_>>(),
        &context(tags, None),
    )?;
    for id in &resources {
        if id.starts_with("ami-") {
            let image = ids::image(world, id, request)?;
            if !may_launch(world, image, request, request.now) {
                return Err(ids::image_not_found(id));
            }
        } else if id.starts_with("i-") {
            instances::owned(world, id, request)?;
        } else if id.starts_with("snap-") {
            let seen = world
                .snapshots
                .get(*id)
                .filter(|snapshot| may_copy(snapshot, request.account(), request.now));
            seen.ok_or_else(|| ids::snapshot_not_found(id))?;
        } else {
            return Err(Fail::bad(
                "InvalidID",
                format!("The ID '{id}' is not valid"),
            ));
        }
    }
    Ok(resources)
}

fn tags_of<'a>(world: &'a mut World, id: &str, account: &str) -> Option<&'a mut Tags> {
    if let Some(instance) = world.instances.get_mut(id) {
        return Some(&mut instance.tags);
    }
    let of_image = world.images.get_mut(id).map(|image| &mut image.tags);
    let all = of_image.or_else(|| {
        world
            .snapshots
            .get_mut(id)
            .map(|snapshot| &mut snapshot.tags)
    })?;
    Some(all.entry(account.to_owned()).or_default())
}

//! Tags, of each account its own.

use std::collections::BTreeMap;

use super::{
    authorize, done, dry_run, ids, image_on, instances, may_copy, may_launch, new_on, snapshot_on,
};
use crate::auth::{self, On};
use crate::policy::Context;
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query};
use crate::world::World;

pub(super) type Tags = BTreeMap<String, String>;

pub(super) fn render(tags: &Tags) -> Element {
    Element::list(
        "tagSet",
        tags.iter()
            .map(|(key, value)| vec![Element::of("key", key), Element::of("value", value)]),
    )
}

/// The tags that an account sees: its own, and of the owner's those that are meant for sharing
/// (R7.14).
pub(super) fn seen(all: &BTreeMap<String, Tags>, owner: &str, account: &str) -> Option<Element> {
    let mut tags = all.get(account).cloned().unwrap_or_default();
    if owner != account {
        let shared = all
            .get(owner)
            .into_iter()
            .flatten()
            .filter(|(key, _)| key.starts_with("ec2:SharedTag/"));
        tags.extend(shared.map(|(key, value)| (key.clone(), value.clone())));
    }
    (!tags.is_empty()).then(|| render(&tags))
}

/// Reads `Tag.N` and checks what EC2 checks.
pub(super) fn read(query: &Query) -> Result<Tags, Fail> {
    let mut tags = Tags::new();
    for tag in query.members("Tag") {
        let key = tag.need("Key")?;
        if key.to_lowercase().starts_with("aws:") {
            let message = "Tag keys starting with 'aws:' are reserved for internal use";
            return Err(Fail::bad("InvalidParameterValue", message));
        }
        if tags
            .insert(
                key.to_owned(),
                tag.get("Value").unwrap_or_default().to_owned(),
            )
            .is_some()
        {
            return Err(Fail::bad(
                "InvalidParameterValue",
                "Duplicate tag key specified",
            ));
        }
    }
    if tags.len() > 50 {
        return Err(Fail::bad("TagLimitExceeded", "More than 50 tags specified"));
    }
    Ok(tags)
}

/// The condition keys of a request that tags.
pub(super) fn context(tags: &Tags, create_action: Option<&str>) -> Context {
    let mut context = Context::new();
    for (key, value) in tags {
        auth::set(&mut context, &format!("aws:RequestTag/{key}"), value);
    }
    context.insert("aws:tagkeys".to_owned(), tags.keys().cloned().collect());
    if let Some(action) = create_action {
        auth::set(&mut context, "ec2:CreateAction", action);
    }
    context
}

pub(super) fn create(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let tags = read(query)?;
    if tags.is_empty() {
        return Err(Fail::bad(
            "MissingParameter",
            "The request must contain the parameter tagSet",
        ));
    }
    let resources = tagged(world, query, ask, "ec2:CreateTags", &tags)?;
    dry_run(query)?;
    for id in resources {
        if let Some(own) = tags_of(world, id, ask.account()) {
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

/// Takes tags off; one that is given with a value only where it has that value.
pub(super) fn delete(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
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
    let resources = tagged(world, query, ask, "ec2:DeleteTags", &keys)?;
    dry_run(query)?;
    for id in resources {
        if let Some(own) = tags_of(world, id, ask.account()) {
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
    ask: &Ask<'_>,
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
            image_on(world, ask.region, id, ask)
        } else if id.starts_with("i-") {
            On::arn(format!(
                "arn:aws:ec2:{}:{}:instance/{id}",
                ask.region,
                ask.account()
            ))
        } else {
            snapshot_on(world, ask.region, id, ask)
        }
    };
    authorize(
        ask,
        action,
        &resources.iter().map(on).collect::<Vec<_>>(),
        &context(tags, None),
    )?;
    for id in &resources {
        if id.starts_with("ami-") {
            let image = ids::image(world, id, ask)?;
            if !may_launch(world, image, ask, ask.now) {
                return Err(ids::image_not_found(id));
            }
        } else if id.starts_with("i-") {
            instances::owned(world, id, ask)?;
        } else if id.starts_with("snap-") {
            let seen = world
                .snapshots
                .get(*id)
                .filter(|snapshot| may_copy(snapshot, ask.account(), ask.now));
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

/// The tags that a request gives to what it makes, by the type of resource (R1.2.6).
#[derive(Clone, Debug, Default)]
pub(super) struct Tagging {
    pub(super) image: Tags,
    pub(super) snapshot: Tags,
    pub(super) others: Tags,
}

impl Tagging {
    /// Reads the tag specifications; `types` are those that the operation takes.
    pub(super) fn read(query: &Query, types: &[&str]) -> Result<Self, Fail> {
        let mut tagging = Self::default();
        for specification in query.members("TagSpecification") {
            let kind = specification.need("ResourceType")?;
            if !types.contains(&kind) {
                let message =
                    format!("'{kind}' is not a valid taggable resource type for this operation.");
                return Err(Fail::bad("InvalidParameterValue", message));
            }
            match kind {
                "image" => tagging.image = read(&specification)?,
                "snapshot" => tagging.snapshot = read(&specification)?,
                _ => tagging.others.extend(read(&specification)?),
            }
        }
        Ok(tagging)
    }

    /// Asks IAM for the tags of what is to be made.
    pub(super) fn authorize(&self, ask: &Ask<'_>, action: &str) -> Result<(), Fail> {
        for (tags, kind) in [(&self.image, "image"), (&self.snapshot, "snapshot")] {
            if !tags.is_empty() {
                authorize(
                    ask,
                    "ec2:CreateTags",
                    &[new_on(kind, ask)],
                    &context(tags, Some(action)),
                )?;
            }
        }
        Ok(())
    }
}

//! Tags, of each account its own.

use std::collections::BTreeMap;

use super::{authorize, dry_run, ids, image_arn, may_copy, may_launch, snapshot_arn};
use crate::auth;
use crate::policy::Context;
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::World;

pub(super) type Tags = BTreeMap<String, String>;

pub(super) fn render(tags: &Tags) -> Element {
    Element::list("tagSet", tags.iter().map(|(key, value)| vec![Element::of("key", key), Element::of("value", value)]))
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
        tags.insert(key.to_owned(), tag.get("Value").unwrap_or_default().to_owned());
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
    let account = &ask.who.facts.account;
    let resources = query.list("ResourceId");
    let arns = resources
        .iter()
        .map(|id| if id.starts_with("ami-") { image_arn(ask.region, id) } else { snapshot_arn(ask.region, id) });
    authorize(ask, "ec2:CreateTags", &arns.collect::<Vec<_>>(), &context(&tags, None))?;
    for id in &resources {
        let visible = if id.starts_with("ami-") {
            may_launch(ids::image(world, id, ask)?, account)
        } else {
            world.snapshots.get(*id).is_some_and(|snapshot| may_copy(snapshot, account))
        };
        if !visible {
            return Err(if id.starts_with("ami-") { ids::image_not_found(id) } else { ids::snapshot_not_found(id) });
        }
    }
    dry_run(query)?;
    for id in resources {
        let all = world.images.get_mut(id).map(|image| &mut image.tags);
        let all = all.or_else(|| world.snapshots.get_mut(id).map(|snapshot| &mut snapshot.tags));
        if let Some(all) = all {
            all.entry(account.clone()).or_default().extend(tags.clone());
        }
    }
    Ok(Body::Xml(vec![Element::of("return", true)]))
}

//! Tags of roles and users. Their keys ignore case (recorded).

use super::{authorized_role, pages, users};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Tags, World, stored_name};

/// A role or user has no more tags.
const MOST: usize = 50;

/// Reads `Tags.member.N`.
pub(super) fn read(query: &Query) -> Result<Tags, Fail> {
    let invalid = |message: &str| Fail::bad("InvalidInput", message);
    let mut tags = Tags::new();
    for tag in query.members("Tags.member") {
        let key = tag.need("Key")?;
        if key.to_lowercase().starts_with("aws:") {
            return Err(invalid("Tag keys that begin with aws: are reserved."));
        }
        if stored_name(tags.keys(), key).is_some() {
            return Err(invalid("Duplicate tag keys found. Tag keys ignore case."));
        }
        tags.insert(
            key.to_owned(),
            tag.get("Value").unwrap_or_default().to_owned(),
        );
    }
    check_number(&tags)?;
    Ok(tags)
}

fn check_number(tags: &Tags) -> Result<(), Fail> {
    if tags.len() > MOST {
        let message = format!("The number of tags has reached the maximum limit of {MOST}.");
        return Err(Fail::new(409, "LimitExceeded", message));
    }
    Ok(())
}

pub(super) fn render(tags: &Tags) -> Element {
    Element::new("Tags").children(items(tags))
}

fn items(tags: &Tags) -> Vec<Element> {
    let item = |(key, value)| vec![Element::of("Key", key), Element::of("Value", value)];
    tags.iter().map(item).map(pages::member).collect()
}

/// The tags of the role or user that an operation is about.
fn tags_of<'a>(
    world: &'a mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Result<&'a mut Tags, Fail> {
    if operation.contains("User") {
        return Ok(&mut users::authorized_user(world, query, request, operation)?.tags);
    }
    Ok(&mut authorized_role(world, query, request, operation, None)?.tags)
}

/// Adds tags, each in place of the one whose key differs in case only.
pub(super) fn add(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    let tags = tags_of(world, operation, query, request)?;
    let mut all = tags.clone();
    for (key, value) in read(query)? {
        if let Some(former) = stored_name(all.keys(), &key) {
            all.remove(&former);
        }
        all.insert(key, value);
    }
    check_number(&all)?;
    *tags = all;
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn remove(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    let tags = tags_of(world, operation, query, request)?;
    for key in query.list("TagKeys.member") {
        if let Some(stored) = stored_name(tags.keys(), key) {
            tags.remove(&stored);
        }
    }
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn list(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    let tags = tags_of(world, operation, query, request)?;
    pages::answer(query, request, "Tags", items(tags))
}

//! The tags of requests and answers. Each account has its own on the same resource.

use std::collections::BTreeMap;

use super::authorize::{authorize, new_image, new_snapshot};
use crate::auth;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Query};
use crate::world::{Tags, World};

/// Others see those tags of an owner whose keys begin with this (R7.14).
pub(super) const SHARED_PREFIX: &str = "ec2:SharedTag/";
/// A resource has no more tags.
pub(super) const MOST: usize = 50;

/// The tags as an answer shows them; `None` if there are none.
pub(super) fn render(tags: &Tags) -> Option<Element> {
    if tags.is_empty() {
        return None;
    }
    let items = tags
        .iter()
        .map(|(key, value)| vec![Element::of("key", key), Element::of("value", value)]);
    Some(Element::list("tagSet", items))
}

/// The tags that an account sees on a resource of an owner: its own, and the owner's that are
/// meant for sharing.
pub(super) fn visible(all: &BTreeMap<String, Tags>, owner: &str, account: &str) -> Tags {
    let mut tags = all.get(account).cloned().unwrap_or_default();
    if owner != account {
        for (key, value) in all.get(owner).into_iter().flatten() {
            if key.starts_with(SHARED_PREFIX) {
                tags.insert(key.clone(), value.clone());
            }
        }
    }
    tags
}

/// Reads `Tag.N`, with the checks of EC2.
pub(super) fn read(query: &Query) -> Result<Tags, Fail> {
    let mut tags = Tags::new();
    for tag in query.members("Tag") {
        let key = tag.need("Key")?.to_owned();
        if key.to_lowercase().starts_with("aws:") {
            let message = "Tag keys starting with 'aws:' are reserved for internal use";
            return Err(Fail::invalid_value(message));
        }
        let value = tag.get("Value").unwrap_or_default().to_owned();
        if tags.insert(key, value).is_some() {
            return Err(Fail::invalid_value("Duplicate tag key specified"));
        }
    }
    if tags.len() > MOST {
        return Err(Fail::bad("TagLimitExceeded", "More than 50 tags specified"));
    }
    Ok(tags)
}

/// Checks tags against the tag policy of the account: a key that it names takes its values only
/// (R7.28). A key that is missing is no violation.
pub(super) fn check_policy(world: &World, tags: &Tags, request: &Request<'_>) -> Result<(), Fail> {
    let account = world.accounts.get(request.account());
    for (key, value) in tags {
        let allowed = account.and_then(|account| account.tag_policy.get(key));
        if allowed.is_some_and(|allowed| !allowed.contains(value)) {
            let message = format!(
                "The tag policy does not allow the specified value for the following tag key: \
                 '{key}'."
            );
            return Err(Fail::bad("TagPolicyViolation", message));
        }
    }
    Ok(())
}

/// The condition keys of a request that tags.
pub(super) fn context(tags: &Tags, create_action: Option<&str>) -> Context {
    let mut context = Context::new();
    for (key, value) in tags {
        auth::set(&mut context, &format!("aws:RequestTag/{key}"), value);
    }
    if !tags.is_empty() {
        context.insert("aws:tagkeys".to_owned(), tags.keys().cloned().collect());
    }
    if let Some(action) = create_action {
        auth::set(&mut context, "ec2:CreateAction", action);
    }
    context
}

/// The tags that a request gives to what it makes, by the type of resource (R1.2.6).
#[derive(Clone, Debug, Default)]
pub(super) struct Tagging {
    pub(super) image: Tags,
    pub(super) snapshot: Tags,
    pub(super) others: Tags,
    /// The tags of each type of resource.
    pub(super) of_type: BTreeMap<String, Tags>,
}

impl Tagging {
    /// Reads the tag specifications. `types` are those that the operation takes.
    pub(super) fn read(query: &Query, types: &[&str]) -> Result<Self, Fail> {
        let mut tagging = Self::default();
        for specification in query.members("TagSpecification") {
            let kind = specification.need("ResourceType")?;
            if !types.contains(&kind) {
                let message =
                    format!("'{kind}' is not a valid taggable resource type for this operation.");
                return Err(Fail::invalid_value(message));
            }
            let tags = read(&specification)?;
            tagging.of_type.insert(kind.to_owned(), tags.clone());
            match kind {
                "image" => tagging.image = tags,
                "snapshot" => tagging.snapshot = tags,
                _ => tagging.others.extend(tags),
            }
        }
        Ok(tagging)
    }

    /// Asks IAM for the tags of images and snapshots that are to be made.
    pub(super) fn authorize(&self, request: &Request<'_>, action: &str) -> Result<(), Fail> {
        let tagged = [
            (&self.image, new_image(request)),
            (&self.snapshot, new_snapshot(request)),
        ];
        for (tags, resource) in tagged {
            if !tags.is_empty() {
                let context = context(tags, Some(action));
                authorize(request, "ec2:CreateTags", &[resource], &context)?;
            }
        }
        Ok(())
    }
}

//! The tags of requests and answers. Each account has its own on the same resource.

use std::collections::BTreeMap;

use super::{authorize, new_on};
use crate::auth;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Query};

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
    pub(super) fn authorize(&self, request: &Request<'_>, action: &str) -> Result<(), Fail> {
        for (tags, kind) in [(&self.image, "image"), (&self.snapshot, "snapshot")] {
            if !tags.is_empty() {
                authorize(
                    request,
                    "ec2:CreateTags",
                    &[new_on(kind, request)],
                    &context(tags, Some(action)),
                )?;
            }
        }
        Ok(())
    }
}

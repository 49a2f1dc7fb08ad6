//! Tags of a shared image that every recipient sees.

use std::collections::BTreeMap;

use super::planner::Planner;
use super::step::{CopyImage, ShareTags, SharedImage};
use crate::diagnostic::names::first_names;
use crate::diagnostic::{Finding, FindingCode};
use crate::inventory::Image;
use crate::limits::TAGS_PER_RESOURCE;
use crate::request::TagsToShare;
use crate::tags;

/// What to do about a tag that only copies have.
const REMEDY_FOR_COPIES: &str =
    "nothing, if it is meant for the copies; else tag the image itself where it is built";

impl Planner<'_> {
    /// The tags that recipients of a shared image are to see; `None` if there are none.
    pub(super) fn plan_tags_to_share(
        &mut self,
        source: &Image,
        copy: Option<&CopyImage>,
        shared: &SharedImage,
    ) -> Option<ShareTags> {
        // 1. Which tags: those of the source, and of a copy those that the request gives it.
        let asked = self.request.options.share_tags.as_ref()?;
        let mut own = source.tags.clone();
        if copy.is_some() {
            own.extend(self.request.options.tags.clone());
        }
        let keys: Vec<&String> = match asked {
            TagsToShare::All => own.keys().filter(|key| is_candidate(key)).collect(),
            TagsToShare::Keys(keys) => keys.iter().collect(),
        };
        let (mut tags, mut left_out, mut of_copies) = (BTreeMap::new(), Vec::new(), Vec::new());
        for key in keys {
            match own.get(key).filter(|_| tags::can_be_shared(key)) {
                Some(value) => _ = tags.insert(tags::shared_key(key), value.clone()),
                None if self.is_tag_of_copies(key) => of_copies.push(key.as_str()),
                None => left_out.push(key.as_str()),
            }
        }
        if !of_copies.is_empty() {
            let message = format!(
                "recipients of this image itself will not see the tags {}: `tags` gives them to \
                 copies only",
                of_copies.join(", ")
            );
            let code = FindingCode::ImageTagNotShared;
            let mut finding = Finding::warn(code, &shared.source.ami, message);
            REMEDY_FOR_COPIES.clone_into(&mut finding.remedy);
            self.add(finding);
        }
        if !left_out.is_empty() {
            let message = format!(
                "recipients will not see the tags {}: the image has none of these keys, or they \
                 are too long",
                left_out.join(", ")
            );
            self.warn(FindingCode::ImageTagNotShared, &shared.source.ami, message);
        }

        // 2. What the shared image lacks of them, and whether it has room.
        let existing = self.existing_image(shared);
        if let Some(image) = existing {
            self.check_other_shared_tags(image, &tags);
        }
        let current = match (existing, copy) {
            (Some(image), _) => &image.tags,
            (None, Some(copy)) => &copy.tags,
            (None, None) => &source.tags,
        };
        let mut missing = tags.clone();
        missing.retain(|key, value| current.get(key) != Some(value));
        let new = missing.keys().filter(|key| !current.contains_key(*key));
        let total = tags::count(current.keys().chain(new));
        if !missing.is_empty() && total > TAGS_PER_RESOURCE {
            let message = format!(
                "with the tags that recipients are to see it would have {total}, and a resource \
                 can have {TAGS_PER_RESOURCE}"
            );
            self.refuse(FindingCode::ImageTooManyTags, &shared.source.ami, message);
        }
        let shared = shared.clone();
        (!tags.is_empty()).then_some(ShareTags {
            shared,
            tags,
            missing,
        })
    }

    /// Whether the request gives copies a tag that can be shared.
    fn is_tag_of_copies(&self, key: &str) -> bool {
        self.request.options.tags.contains_key(key) && tags::can_be_shared(key)
    }

    /// What recipients see besides: nothing is removed that somebody may have meant.
    fn check_other_shared_tags(&mut self, image: &Image, tags: &BTreeMap<String, String>) {
        let others = image.tags.keys();
        let others = others.filter(|key| tags::is_shared(key) && !tags.contains_key(*key));
        let others: Vec<&str> = others.map(String::as_str).collect();
        if !others.is_empty() {
            let message = format!(
                "recipients see tags of it that this request does not share: {}",
                first_names(others)
            );
            self.warn(FindingCode::ImageTagStillShared, &image.id, message);
        }
    }
}

/// Whether `all` means a tag of this key.
fn is_candidate(key: &str) -> bool {
    !tags::is_reserved(key) && !tags::is_shared(key)
}

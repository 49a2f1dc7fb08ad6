//! What can be wrong with a request to retire images.

use std::time::Duration;

use super::Check;
use crate::request::{Retire, Unlisted};
use crate::tags;

impl Check<'_> {
    pub(super) fn retirement(&mut self) {
        let Some(retire) = &self.request.options.retire else {
            return;
        };
        self.retired_tags(retire);
        self.kept_images(retire);
        self.grace(retire);
        self.what_retires_nothing();
    }

    fn retired_tags(&mut self, retire: &Retire) {
        const FIELD: &str = "retire-tags";
        self.require(
            !retire.tags.is_empty(),
            FIELD,
            "no tag says which images are retired: give at least one `KEY=VALUE` that each of \
             them must have, and bare keys whose values make groups",
        );
        let bare = retire.group_by.iter().map(|key| (key, ""));
        let given = retire.tags.iter();
        let given = given.map(|(key, value)| (key, value.as_str()));
        for (key, value) in given.chain(bare) {
            if let Some(problem) = tags::problem(key, value) {
                self.refuse(FIELD, problem);
            }
        }
        for key in &retire.group_by {
            self.require(
                !retire.tags.contains_key(key),
                FIELD,
                format!("`{key}` is given with a value and without: leave one of them out"),
            );
        }
    }

    fn kept_images(&mut self, retire: &Retire) {
        self.require(
            retire.keep_last.is_some() || retire.keep_younger.is_some(),
            "keep-last",
            "nothing says which images stay: give `keep-last`, `keep-younger` or both",
        );
        self.require(
            retire.keep_last != Some(0),
            "keep-last",
            "must be at least 1: the newest image of each group stays",
        );
        self.require(
            retire.keep_younger != Some(Duration::ZERO),
            "keep-younger",
            "must be longer than nothing",
        );
    }

    fn grace(&mut self, retire: &Retire) {
        const FIELD: &str = "grace";
        let grace = retire.grace;
        let is_in_bounds = (Retire::SHORTEST_GRACE..=Retire::LONGEST_GRACE).contains(&grace);
        self.require(
            is_in_bounds,
            FIELD,
            "must be from 1d to 365d: AWS reports the use of an image up to a day late",
        );
        let is_known_by_then = !retire.deregister || grace <= Retire::LONGEST_GRACE_TO_DEREGISTER;
        self.require(
            is_known_by_then || !is_in_bounds,
            FIELD,
            "must be at most 29d with `retire-deregister`: AWS keeps its report on who uses an \
             image for 30 days, and makes none once the image is disabled",
        );
    }

    /// Inputs of other modes: nobody may take one for the other.
    fn what_retires_nothing(&mut self) {
        let options = &self.request.options;
        for (given, field, message) in [
            (
                !self.request.images.is_empty(),
                "ami-id",
                "a retirement finds its images by `retire-tags`: leave it out, or give \
                 `resolve:ssm:NAME` for an image that must stay",
            ),
            (
                options.keys.each().next().is_some(),
                "kms-key-id",
                "a retirement finds the keys of its images itself: leave it out",
            ),
            (
                options.deprecate_at.is_some(),
                "deprecate-at",
                "a retirement deprecates at once what does not stay: leave it out",
            ),
            (
                options.unlisted == Unlisted::Revoke,
                "unlisted",
                "a retirement takes images from everybody: leave it out",
            ),
            (
                options.deregistration_protection,
                "deregistration-protection",
                "a retirement protects nothing: leave it out",
            ),
        ] {
            self.require(!given, field, message);
        }
    }
}

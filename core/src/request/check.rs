//! What can be wrong with a request: everything that shows before AWS is asked.

mod partitions;
mod retirement;
mod target_options;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::builder::ShareRequestBuilder;
use super::text::TextDuration;
use super::{
    DeprecateAt, KeyAccessMode, KeyScope, Problem, Problems, ShareRequest, TagsToShare, Timing,
    Unlisted,
};
use crate::id::{Principal, SourceImage};
use crate::limits::{
    COPY_COMPLETION, COPY_COMPLETION_STEP, DESCRIPTION_CHARACTERS, TAGS_PER_RESOURCE,
    WATERMARK_CHARACTERS,
};
use crate::request::name::{NameTemplate, is_parameter};
use crate::tags;

/// Every problem; `now` is in seconds since 1970.
pub(super) fn problems(request: &ShareRequestBuilder, now: i64) -> Problems {
    let mut check = Check {
        request,
        problems: Problems(Vec::new()),
    };
    check.images();
    check.allowed_accounts();
    check.targets();
    check.size();
    check.organizations();
    check.keys();
    check.partitions();
    check.tags();
    check.names();
    check.watermark();
    check.copy_completion();
    check.copies();
    check.deprecation(now);
    check.retirement();
    check.target_options();
    check.timing();
    let some = request.options.max_concurrency > 0;
    check.require(some, "max-concurrency", "must be at least 1");
    check.problems
}

struct Check<'a> {
    request: &'a ShareRequestBuilder,
    problems: Problems,
}

impl Check<'_> {
    fn require(&mut self, ok: bool, field: &'static str, message: impl Into<String>) {
        if !ok {
            self.refuse(field, message);
        }
    }

    fn refuse(&mut self, field: &'static str, message: impl Into<String>) {
        self.problems.0.push(Problem::new(field, message));
    }

    fn images(&mut self) {
        let images = self.request.images.iter().map(|(region, _)| region);
        let parameters = self.request.image_parameters.iter();
        let regions: Vec<_> = images.chain(parameters.map(|(region, _)| region)).collect();
        let all_in_regions = regions.iter().all(|region| region.is_some());
        let retires = self.request.options.retire.is_some();
        let has_regions = all_in_regions && !regions.is_empty() && !retires;
        let located = self.request.region.is_some() || has_regions;
        self.require(
            !regions.is_empty() || retires,
            "ami-id",
            "no image is given: name at least one AMI",
        );
        self.require(
            located,
            "aws-region",
            "no Region is given: set it, or AWS_REGION",
        );
        let mut seen: BTreeSet<SourceImage> = BTreeSet::new();
        for image in self.request.located() {
            if seen.contains(&image) {
                self.refuse("ami-id", format!("{image} is given twice"));
            }
            seen.insert(image);
        }
        let mut parameters = BTreeSet::new();
        for parameter in self.request.located_parameters() {
            self.require(
                is_parameter(&parameter.name),
                "ami-id",
                format!("`{}` is no name of an SSM parameter", parameter.name),
            );
            if parameters.contains(&parameter) {
                self.refuse("ami-id", format!("{parameter} is given twice"));
            }
            parameters.insert(parameter);
        }
    }

    fn allowed_accounts(&mut self) {
        let allowed = self.request.options.allowed_accounts.as_ref();
        self.require(
            allowed.is_none_or(|allowed| !allowed.is_empty()),
            "allowed-account-ids",
            "an empty list allows no account: name at least one, or leave it out",
        );
    }

    fn targets(&mut self) {
        let options = &self.request.options;
        let none = options.targets.is_empty();
        match options.revoke {
            Some(revoke) if revoke.all => self.require(
                none,
                "revoke-all",
                "revokes access from everybody: name no target with it",
            ),
            Some(_) => self.require(
                !none,
                "target-accounts",
                "no target is given: name those to revoke access from, or set `revoke-all`",
            ),
            None if options.retire.is_some() => self.require(
                none,
                "target-accounts",
                "a retirement takes images from everybody: name no target with it; to take them \
                 from some only, use `mode: revoke`",
            ),
            None => self.require(
                !none || options.usage_only,
                "target-accounts",
                "no target is given: name at least one account ID, organization or \
                 organizational unit",
            ),
        }
        self.require(
            !options.revoke_in_use
                || options.revoke.is_some()
                || options.unlisted == Unlisted::Revoke,
            "revoke-in-use",
            "needs `mode: revoke`, or `unlisted: revoke`",
        );
        let shares = options.revoke.is_none();
        let by_grants = options.key_access == KeyAccessMode::Grants;
        self.require(
            !(shares && by_grants && self.has_organizations()) || self.is_expanding(),
            "key-access",
            "a grant takes no organization: use `policy`, list the accounts, or set \
             `expand-organizations`",
        );
        self.require(
            !(shares && by_grants && options.key_scope == Some(KeyScope::ViaEc2)),
            "key-scope",
            "grants cannot keep `via-ec2`: a target that has one can also call KMS directly; use \
             `key-access: policy`, or `key-scope: direct` if targets may do that",
        );
        self.require(
            !options.targets.contains(&Principal::Public),
            "target-accounts",
            "this tool never makes an image public",
        );
    }

    /// A run about too much would take more memory and time than anybody has.
    fn size(&mut self) {
        let images = self.request.images.len() + self.request.image_parameters.len();
        let (regions, targets) = (self.request.regions().len(), &self.request.options.targets);
        let (most, targets) = (ShareRequest::MOST_SHARES, targets.len());
        self.require(
            images * regions * targets.max(1) <= most,
            "target-accounts",
            format!(
                "targets times images times Regions is {targets} x {images} x {regions}, and may \
                 be {most} in one run"
            ),
        );
    }

    fn organizations(&mut self) {
        let options = &self.request.options;
        let Some(expand) = &options.expand_organizations else {
            return;
        };
        self.require(
            self.has_organizations() || options.usage_only,
            "expand-organizations",
            "needs `target-organizations` or `target-organizational-units`, whose accounts are \
             to be listed",
        );
        for account in &expand.exclude {
            self.require(
                !options
                    .targets
                    .contains(&Principal::Account(account.clone())),
                "exclude-accounts",
                format!("{account} is one of `target-accounts` too"),
            );
        }
    }

    /// Whether the accounts of organizations will be known.
    fn is_expanding(&self) -> bool {
        self.request.options.expand_organizations.is_some()
    }

    fn has_organizations(&self) -> bool {
        let mut targets = self.request.options.targets.iter();
        targets.any(|target| target.organization().is_some())
    }

    fn keys(&mut self) {
        let options = &self.request.options;
        // Neither a revoke, nor a retirement, nor a look at usage makes a copy.
        if options.revoke.is_some() || options.retire.is_some() || options.usage_only {
            return;
        }
        // Without the source, a Region that is copied from and not to needs no key.
        let regions = self.request.regions();
        let by_region = if options.share_source {
            &regions
        } else {
            &options.copy_to_regions
        };
        let problems = options
            .keys
            .problems(&regions, &options.copy_to_regions, by_region);
        for problem in problems {
            self.refuse("kms-key-id", problem);
        }
    }

    fn tags(&mut self) {
        let options = &self.request.options;
        let given = options.tags.len();
        self.require(
            given <= TAGS_PER_RESOURCE,
            "tags",
            format!("{given} tags are given, a resource can have {TAGS_PER_RESOURCE}"),
        );
        for (field, tags) in [
            ("tags", &options.tags),
            ("require-image-tags", &options.require_image_tags),
        ] {
            for (key, value) in tags {
                if let Some(problem) = tags::problem(key, value) {
                    self.refuse(field, problem);
                }
            }
        }
        for key in options.tags.keys() {
            self.require(
                !tags::is_reserved(key),
                "tags",
                format!("`{key}`: tag keys that begin with `aws:` or `ami-share:` are reserved"),
            );
        }
        if let Some(TagsToShare::Keys(keys)) = &options.share_tags {
            for key in keys {
                self.require(
                    !key.is_empty() && tags::can_be_shared(key),
                    "share-tags",
                    format!(
                        "`{key}` cannot be shared: give keys of at most 114 characters that do \
                         not begin with `aws:`, `ami-share:` or `ec2:SharedTag/`"
                    ),
                );
            }
        }
    }

    fn names(&mut self) {
        if let Err(problem) = NameTemplate::for_images(&self.request.copy_name) {
            self.refuse("copy-name", problem);
        }
        if let Some(name) = &self.request.parameter
            && let Err(problem) = NameTemplate::for_parameters(name)
        {
            self.refuse("publish-ssm-parameter", problem);
        }
        self.require(
            self.request.parameter.is_some() || !self.request.options.overwrite_parameter,
            "overwrite-ssm-parameter",
            "needs `publish-ssm-parameter`",
        );
    }

    fn watermark(&mut self) {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
        if let Some(name) = &self.request.options.watermark {
            let is_name = name.chars().all(is_allowed);
            self.require(
                is_name && WATERMARK_CHARACTERS.contains(&name.chars().count()),
                "watermark",
                format!(
                    "`{name}` is no name of a watermark: give 3 to 128 letters, digits, spaces and \
                     ()[]./-'@_"
                ),
            );
        }
    }

    fn copies(&mut self) {
        let options = &self.request.options;
        if let Some(description) = &options.copy_description {
            let characters = description.chars().count();
            self.require(
                characters <= DESCRIPTION_CHARACTERS,
                "copy-description",
                format!("has {characters} characters, and AWS takes {DESCRIPTION_CHARACTERS}"),
            );
        }
        let has_copies =
            options.keys.each().next().is_some() || !options.copy_to_regions.is_empty();
        self.require(
            options.share_source || has_copies || options.revoke.is_some(),
            "share-source",
            "without the source, only copies can be shared: give `kms-key-id`, and \
             `copy-to-regions` for other Regions",
        );
    }

    fn copy_completion(&mut self) {
        let Some(TextDuration(time)) = self.request.options.copy_completion else {
            return;
        };
        let steps = time.subsec_nanos() == 0
            && time
                .as_secs()
                .is_multiple_of(COPY_COMPLETION_STEP.as_secs());
        let range: RangeInclusive<Duration> = COPY_COMPLETION;
        let given = humantime::format_duration(time);
        self.require(
            range.contains(&time) && steps,
            "copy-completion",
            format!("`{given}` is not from 15m to 48h, in steps of 15 minutes"),
        );
    }

    fn deprecation(&mut self, now: i64) {
        const FIELD: &str = "deprecate-at";
        match self.request.options.deprecate_at {
            Some(DeprecateAt::Time(at)) => {
                self.require(at > now, FIELD, "the date is in the past");
            }
            Some(DeprecateAt::AfterCreation(after)) => {
                self.require(!after.is_zero(), FIELD, "must be longer than nothing");
            }
            None => {}
        }
    }

    fn timing(&mut self) {
        let timing = &self.request.options.timing;
        let (shortest, longest) = timing.poll;
        for (field, duration) in [
            ("timeout", timing.timeout),
            ("poll-interval", longest),
            ("settle", timing.settle),
        ] {
            let ok = duration <= Timing::LONGEST;
            self.require(ok, field, "must be at most 7 days");
        }
        self.require(
            !timing.timeout.is_zero(),
            "timeout",
            "must be longer than nothing",
        );
        self.require(
            !shortest.is_zero() && shortest <= longest,
            "poll-interval",
            "the shortest pause must be longer than nothing and at most the longest",
        );
    }
}

//! What can be wrong with a request: everything that shows before AWS is asked.

use std::collections::BTreeSet;

use super::builder::ShareRequestBuilder;
use super::{DeprecateAt, KeyAccessMode, Problem, Problems, Timing};
use crate::id::{Partition, Principal, Region, SourceImage};
use crate::name::NameTemplate;
use crate::tags;

/// Every problem; `now` is in seconds since 1970.
pub(super) fn problems(request: &ShareRequestBuilder, now: i64) -> Problems {
    let mut problems = Problems(Vec::new());
    images(request, &mut problems);
    targets(request, &mut problems);
    keys(request, &mut problems);
    partitions(request, &mut problems);
    tags(request, &mut problems);
    names(request, &mut problems);
    lifecycle(request, now, &mut problems);
    timing(&request.options.timing, &mut problems);
    problems.check(request.options.max_concurrency > 0, "max-concurrency", "must be at least 1");
    problems
}

impl Problems {
    fn check(&mut self, ok: bool, field: &'static str, message: impl Into<String>) {
        if !ok {
            self.0.push(Problem::new(field, message));
        }
    }
}

fn images(request: &ShareRequestBuilder, problems: &mut Problems) {
    problems.check(!request.images.is_empty(), "ami-id", "no image is given: name at least one AMI");
    let with_region = request.images.iter().all(|(region, _)| region.is_some());
    let placed = request.region.is_some() || (with_region && !request.images.is_empty());
    problems.check(placed, "aws-region", "no Region is given: set it, or AWS_REGION");
    let mut seen: BTreeSet<SourceImage> = BTreeSet::new();
    for image in request.located() {
        let message = format!("{image} is given twice");
        problems.check(seen.insert(image), "ami-id", message);
    }
}

fn targets(request: &ShareRequestBuilder, problems: &mut Problems) {
    let options = &request.options;
    let none = options.targets.is_empty();
    let (missing, organizations) = match options.revoke {
        Some(revoke) if revoke.all => {
            problems.check(none, "revoke-all", "takes access from everybody: name no target beside it");
            (false, false)
        }
        Some(_) => (none, false),
        None => (none, options.targets.iter().any(|target| target.organization().is_some())),
    };
    let message = if options.revoke.is_some() {
        "no target is given: name those to take access from, or set `revoke-all`"
    } else {
        "no target is given: name at least one account ID, organization or organizational unit"
    };
    problems.check(!missing, "target-accounts", message);
    problems.check(
        !(organizations && options.key_access == KeyAccessMode::Grants),
        "key-access",
        "a grant takes no organization (R3.3.1): use `policy`, or list the accounts",
    );
    let public = options.targets.contains(&Principal::Public);
    problems.check(!public, "target-accounts", "this tool never makes an image public");
}

fn keys(request: &ShareRequestBuilder, problems: &mut Problems) {
    let options = &request.options;
    // Where images are taken back, no copy is made.
    if options.revoke.is_none() {
        for problem in options.keys.problems(&request.regions(), &options.copy_to_regions) {
            problems.check(false, "kms-key-id", problem);
        }
    }
}

/// Partitions are never mixed: nothing crosses from one to another.
fn partitions(request: &ShareRequestBuilder, problems: &mut Problems) {
    let regions = request.regions();
    let Some(home) = regions.first().map(Region::partition) else { return };
    let mut check = |of: Partition, field, what: &dyn std::fmt::Display| {
        let message = format!(
            "`{what}` is in the partition {of}, and {} is in {home}",
            regions.iter().next().map_or("", AsRef::as_ref)
        );
        problems.check(of == home, field, message);
    };
    for region in regions.iter().skip(1) {
        let copied_to = request.options.copy_to_regions.contains(region);
        check(region.partition(), if copied_to { "copy-to-regions" } else { "ami-id" }, region);
    }
    for target in &request.options.targets {
        let field = match target {
            Principal::OrganizationalUnit(_) => "target-organizational-units",
            _ => "target-organizations",
        };
        if let Some(partition) = target.partition() {
            check(partition, field, target);
        }
    }
    for key in request.options.keys.each() {
        if let Some(region) = key.region().filter(|region| !regions.contains(*region)) {
            check(region.partition(), "kms-key-id", key);
        }
    }
    if let Some(role) = &request.options.key_role {
        check(role.partition(), "key-role", role);
    }
}

fn tags(request: &ShareRequestBuilder, problems: &mut Problems) {
    let options = &request.options;
    let (given, limit) = (options.tags.len(), tags::LIMIT);
    problems.check(given <= limit, "tags", format!("{given} tags are given, a resource can have {limit}"));
    for (field, tags) in [("tags", &options.tags), ("require-image-tags", &options.require_image_tags)] {
        for problem in tags.iter().filter_map(|(key, value)| tags::problem(key, value)) {
            problems.check(false, field, problem);
        }
    }
    for key in options.tags.keys().filter(|key| tags::is_reserved(key)) {
        let message = format!("`{key}`: tag keys that begin with `aws:` or `ami-share:` are reserved");
        problems.check(false, "tags", message);
    }
}

fn names(request: &ShareRequestBuilder, problems: &mut Problems) {
    if let Err(problem) = NameTemplate::for_images(&request.copy_name) {
        problems.check(false, "copy-name", problem);
    }
    if let Some(Err(problem)) = request.parameter.as_deref().map(NameTemplate::for_parameters) {
        problems.check(false, "publish-ssm-parameter", problem);
    }
}

fn lifecycle(request: &ShareRequestBuilder, now: i64, problems: &mut Problems) {
    let options = &request.options;
    if let Some(minutes) = options.copy_completion {
        let ok = (15..=2880).contains(&minutes) && minutes.is_multiple_of(15);
        let message = format!("`{minutes}` is not from 15 to 2880 in steps of 15 (R7.5)");
        problems.check(ok, "copy-completion-minutes", message);
    }
    match options.deprecate_at {
        Some(DeprecateAt::Time(at)) => problems.check(at > now, "deprecate-at", "the date is in the past"),
        Some(DeprecateAt::AfterCreation(after)) => {
            problems.check(!after.is_zero(), "deprecate-at", "must be longer than nothing");
        }
        None => {}
    }
}

fn timing(timing: &Timing, problems: &mut Problems) {
    let (floor, ceiling) = timing.poll;
    for (field, duration) in [("timeout", timing.timeout), ("poll-interval", ceiling), ("settle", timing.settle)] {
        problems.check(duration <= Timing::LONGEST, field, "must be at most 7 days");
    }
    problems.check(!timing.timeout.is_zero(), "timeout", "must be longer than nothing");
    problems.check(
        !floor.is_zero() && floor <= ceiling,
        "poll-interval",
        "the shortest pause must be longer than nothing and at most the longest",
    );
}

//! What can be wrong with a request: everything that shows before AWS is asked.

use std::collections::BTreeSet;
use std::time::Duration;

use super::builder::ShareRequestBuilder;
use super::targets::{is_external_id, is_iam_name};
use super::{DeprecateAt, KeyAccessMode, Problem, Problems, Timing, Verify};
use crate::id::{AccountId, Partition, Principal, Region, SourceImage};
use crate::limits::{COPY_COMPLETION_MINUTES, COPY_COMPLETION_STEP_MINUTES, TAGS_PER_RESOURCE};
use crate::request::name::NameTemplate;
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
    target_options(request, &mut problems);
    timing(&request.options.timing, &mut problems);
    problems.check(
        request.options.max_concurrency > 0,
        "max-concurrency",
        "must be at least 1",
    );
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
    problems.check(
        !request.images.is_empty(),
        "ami-id",
        "no image is given: name at least one AMI",
    );
    let with_region = request.images.iter().all(|(region, _)| region.is_some());
    let placed = request.region.is_some() || (with_region && !request.images.is_empty());
    problems.check(
        placed,
        "aws-region",
        "no Region is given: set it, or AWS_REGION",
    );
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
            problems.check(
                none,
                "revoke-all",
                "takes access from everybody: name no target beside it",
            );
            (false, false)
        }
        Some(_) => (none, false),
        None => (
            none,
            options
                .targets
                .iter()
                .any(|target| target.organization().is_some()),
        ),
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
    problems.check(
        !public,
        "target-accounts",
        "this tool never makes an image public",
    );
}

fn keys(request: &ShareRequestBuilder, problems: &mut Problems) {
    let options = &request.options;
    // Where images are taken back, no copy is made.
    if options.revoke.is_none() {
        for problem in options
            .keys
            .problems(&request.regions(), &options.copy_to_regions)
        {
            problems.check(false, "kms-key-id", problem);
        }
    }
}

/// Partitions are never mixed: nothing crosses from one to another.
fn partitions(request: &ShareRequestBuilder, problems: &mut Problems) {
    let regions = request.regions();
    let Some(home) = regions.first().map(Region::partition) else {
        return;
    };
    let mut check = |of: Partition, field, what: &dyn std::fmt::Display| {
        let message = format!(
            "`{what}` is in the partition {of}, and {} is in {home}",
            regions.iter().next().map_or("", AsRef::as_ref)
        );
        problems.check(of == home, field, message);
    };
    for region in regions.iter().skip(1) {
        let copied_to = request.options.copy_to_regions.contains(region);
        check(
            region.partition(),
            if copied_to {
                "copy-to-regions"
            } else {
                "ami-id"
            },
            region,
        );
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
    let target_options = &request.options.target_options;
    if let Some((role, partition)) = target_options
        .role
        .as_ref()
        .and_then(|role| Some((role, role.partition()?)))
        .filter(|(role, _)| role.is_arn())
    {
        check(partition, "target-role", role);
    }
}

fn tags(request: &ShareRequestBuilder, problems: &mut Problems) {
    let options = &request.options;
    let (given, limit) = (options.tags.len(), TAGS_PER_RESOURCE);
    problems.check(
        given <= limit,
        "tags",
        format!("{given} tags are given, a resource can have {limit}"),
    );
    for (field, tags) in [
        ("tags", &options.tags),
        ("require-image-tags", &options.require_image_tags),
    ] {
        for problem in tags
            .iter()
            .filter_map(|(key, value)| tags::problem(key, value))
        {
            problems.check(false, field, problem);
        }
    }
    for key in options.tags.keys().filter(|key| tags::is_reserved(key)) {
        let message =
            format!("`{key}`: tag keys that begin with `aws:` or `ami-share:` are reserved");
        problems.check(false, "tags", message);
    }
}

fn names(request: &ShareRequestBuilder, problems: &mut Problems) {
    if let Err(problem) = NameTemplate::for_images(&request.copy_name) {
        problems.check(false, "copy-name", problem);
    }
    if let Some(Err(problem)) = request
        .parameter
        .as_deref()
        .map(NameTemplate::for_parameters)
    {
        problems.check(false, "publish-ssm-parameter", problem);
    }
}

fn lifecycle(request: &ShareRequestBuilder, now: i64, problems: &mut Problems) {
    let options = &request.options;
    if let Some(time) = options.copy_completion {
        let allowed = options.copy_completion_minutes().is_some_and(|minutes| {
            COPY_COMPLETION_MINUTES.contains(&minutes)
                && minutes.is_multiple_of(COPY_COMPLETION_STEP_MINUTES)
                && time == Duration::from_mins(minutes.into())
        });
        let time = humantime::format_duration(time);
        let message = format!("`{time}` is not from 15m to 48h, in steps of 15 minutes");
        problems.check(allowed, "copy-completion", message);
    }
    match options.deprecate_at {
        Some(DeprecateAt::Time(at)) => {
            problems.check(at > now, "deprecate-at", "the date is in the past")
        }
        Some(DeprecateAt::AfterCreation(after)) => {
            problems.check(
                !after.is_zero(),
                "deprecate-at",
                "must be longer than nothing",
            );
        }
        None => {}
    }
}

/// What is done in targets needs a role there, and accounts to find it in.
fn target_options(request: &ShareRequestBuilder, problems: &mut Problems) {
    let (options, wanted) = (&request.options, &request.options.target_options);
    let needs_role = [
        ("target-external-id", wanted.external_id.is_some()),
        ("target-kms-key-id", wanted.copies()),
        ("target-launch-roles", !wanted.launch_roles.is_empty()),
        ("target-service-linked-roles", !wanted.services.is_empty()),
        ("verify", wanted.verify == Verify::Launch),
    ];
    for (field, given) in needs_role {
        let message = "needs `target-role`, a role in each target that this run may assume";
        problems.check(!given || wanted.role.is_some(), field, message);
    }
    problems.check(
        !wanted.unshare_after_copy || wanted.copies(),
        "unshare-after-copy",
        "needs copies in the targets: give `target-kms-key-id`",
    );
    problems.check(
        wanted.launch_policy.is_none() || !wanted.launch_roles.is_empty(),
        "target-launch-policy",
        "needs `target-launch-roles`, the roles to attach it to",
    );
    let launches = wanted.launch.instance_type.is_some() || wanted.launch.subnet.is_some();
    let field = if wanted.launch.subnet.is_some() {
        "verify-subnet-id"
    } else {
        "verify-instance-type"
    };
    problems.check(
        !launches || wanted.verify == Verify::Launch,
        field,
        "needs `verify: launch`",
    );
    let external_id = wanted.external_id.as_deref().is_none_or(is_external_id);
    problems.check(
        external_id,
        "target-external-id",
        "must be 2 to 1224 letters, digits or `_+=,.@:/-` (R5.2)",
    );
    for name in wanted.launch_roles.iter().filter(|name| !is_iam_name(name)) {
        problems.check(
            false,
            "target-launch-roles",
            format!("`{name}` is not the name of a role"),
        );
    }
    for service in wanted
        .services
        .iter()
        .filter(|service| !LAUNCHING_SERVICES.contains(&service.as_str()))
    {
        let known = LAUNCHING_SERVICES.join("`, `");
        let message = format!(
            "`{service}` is not a service known to launch instances by a role of its own: `{known}`"
        );
        problems.check(false, "target-service-linked-roles", message);
    }
    let Some(role) = &wanted.role else { return };
    let organizations = options
        .targets
        .iter()
        .any(|target| target.organization().is_some());
    problems.check(
        !organizations,
        "target-role",
        "is assumed in accounts, and of an organization's accounts AWS tells none: list them as \
         `target-accounts`",
    );
    problems.check(
        !options.revoke.is_some_and(|revoke| revoke.all),
        "target-role",
        "is assumed in `target-accounts`, and `revoke-all` lists none: take access from those \
         first, then from the rest",
    );
    let partition = request
        .regions()
        .first()
        .map_or(Partition::Aws, Region::partition);
    let accounts: BTreeSet<&AccountId> = options
        .targets
        .iter()
        .filter_map(Principal::account)
        .collect();
    for account in accounts
        .iter()
        .filter(|account| role.in_account(partition, account).is_none())
    {
        let message =
            format!("`{role}` is no role of {account}: give a name, or an ARN with `{{account}}`");
        problems.check(false, "target-role", message);
    }
    let none = BTreeSet::new();
    for problem in wanted.keys.problems(&request.regions(), &none) {
        problems.check(false, "target-kms-key-id", problem);
    }
    for (key, owner) in wanted
        .keys
        .each()
        .filter_map(|key| Some((key, key.account()?)))
    {
        let own = accounts.iter().all(|account| *account == owner);
        let message = format!(
            "`{key}` is a key of {owner}, which is not the only target: give an alias, which each \
             target has"
        );
        problems.check(own, "target-kms-key-id", message);
    }
}

/// Services that launch instances by a service-linked role of their own (R4.11).
const LAUNCHING_SERVICES: [&str; 4] = [
    "autoscaling.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
    "spot.amazonaws.com",
    "spotfleet.amazonaws.com",
];

fn timing(timing: &Timing, problems: &mut Problems) {
    let (floor, ceiling) = timing.poll;
    for (field, duration) in [
        ("timeout", timing.timeout),
        ("poll-interval", ceiling),
        ("settle", timing.settle),
    ] {
        problems.check(duration <= Timing::LONGEST, field, "must be at most 7 days");
    }
    problems.check(
        !timing.timeout.is_zero(),
        "timeout",
        "must be longer than nothing",
    );
    problems.check(
        !floor.is_zero() && floor <= ceiling,
        "poll-interval",
        "the shortest pause must be longer than nothing and at most the longest",
    );
}

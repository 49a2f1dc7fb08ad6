//! The outputs: their names, what they mean, and their values.

use ami_share::plan::TargetCopy;
use ami_share::report::ImageReport;
use ami_share::{AmiId, Principal, Report};
use serde_json::{Map, Value, json};

use super::outcome::Outcome;
use super::report::{Members, shortened};
use super::text::{harmless_json, harmless_line};

/// Every output, with its meaning in one line.
pub const OUTPUTS: &[(&str, &str)] = &[
    (
        "ami-id",
        "the first AMI to launch, of a config-file that of its first group; empty unless it is \
         shared with every target",
    ),
    (
        "ami-ids",
        "JSON: account -> Region -> list of AMIs to launch; organizations under their ARN",
    ),
    ("name", "the name of the first AMI, shared or not"),
    (
        "architecture",
        "the processor architecture of the first AMI, such as x86_64",
    ),
    (
        "own-copies",
        "JSON: account -> Region -> list of the copies that this target made",
    ),
    (
        "matrix",
        "JSON rows for strategy.matrix.include: target, region, ami-id, name, architecture",
    ),
    (
        "previous",
        "JSON: account -> Region -> SSM parameter -> the AMI that it held before, for a rollback",
    ),
    (
        "kms-key-arn",
        "ARN of the key that targets need; several are separated by commas",
    ),
    (
        "changed",
        "true if anything was changed, or in a dry run would be or may be",
    ),
    (
        "report",
        "the report as JSON, shortened above 64 KiB; the whole at report-path",
    ),
    (
        "plan-digest",
        "stands for the plan; give it as expect-plan to a run that may do nothing else; empty with \
         mode verify and usage, which carry out none",
    ),
    (
        "iam-policy",
        "JSON policy that those who launch in the targets need",
    ),
    (
        "key-policy-statements",
        "JSON statements that the key policy needs, for those who keep it in code",
    ),
    (
        "markdown",
        "the plan or the result for a pull request comment, at most 60,000 characters",
    ),
];

/// Where the report in a file has the other outputs.
pub(super) const OF_REPORT: &str = "outputs";

/// The values of the outputs but the report; without a plan only a few have one.
pub(super) fn of(outcome: &Outcome, markdown: String) -> Vec<(&'static str, String)> {
    let Some(report) = outcome.report() else {
        return vec![("changed", false.to_string()), ("markdown", markdown)];
    };
    let plan = &report.plan;
    let keys: Vec<&str> = plan.keys().into_iter().map(AsRef::as_ref).collect();
    let iam_policy = plan.launch_policy().map(|policy| policy.to_string());
    let first = report.images.first();
    let name = first.and_then(|image| image.name.as_deref());
    let architecture = first.and_then(|image| image.architecture.as_deref());
    let digest = outcome
        .plan_to_approve()
        .map(|plan| plan.digest().to_string());
    let values = [
        first_shared(report).map_or_else(String::new, ToString::to_string),
        json_text(&ami_ids(report)),
        name.map(harmless_line).unwrap_or_default(),
        architecture.map(harmless_line).unwrap_or_default(),
        json_text(&own_copies(report)),
        json_text(&matrix(report)),
        json_text(&previous(report)),
        keys.join(","),
        report.changed.to_string(),
        digest.unwrap_or_default(),
        harmless_json(&iam_policy.unwrap_or_default()),
        json_text(&Value::from(plan.key_policy_statements())),
        markdown,
    ];
    let names = OUTPUTS.iter().map(|(name, _)| *name);
    let names = names.filter(|name| *name != "report");
    names.zip(values).collect()
}

/// The value of the output `report`, of a report as a file has it.
pub(super) fn report(mut report: Members) -> String {
    report.shift_remove(OF_REPORT);
    harmless_json(&shortened(report))
}

/// The outputs as the report in a file has them: each but the comment, and JSON as such.
pub(super) fn in_report(values: &[(&'static str, String)]) -> Value {
    let mut outputs = Map::new();
    for (name, value) in values {
        let is_no_plan = *name == "plan-digest" && value.is_empty();
        if *name == "markdown" || is_no_plan {
            continue;
        }
        let mut described = OUTPUTS.iter();
        let is_json =
            described.any(|(other, meaning)| other == name && meaning.starts_with("JSON"));
        let json = is_json.then(|| serde_json::from_str(value).ok()).flatten();
        let value = json.unwrap_or_else(|| value.as_str().into());
        outputs.insert((*name).to_owned(), value);
    }
    outputs.into()
}

/// JSON that later steps can print.
fn json_text(value: &Value) -> String {
    harmless_json(&value.to_string())
}

/// The first image, if every principal that is to launch it can. A plan that is refused vouches for
/// none.
fn first_shared(report: &Report) -> Option<&AmiId> {
    // The first image is that of the first group. If one could not be planned, it may be that one.
    if report.plan.errors_of_missing_groups().next().is_some() {
        return None;
    }
    let group = report.plan.groups.first();
    let plan = group.map_or(&report.plan, |group| &group.plan);
    let launch = plan.launch_permissions().next()?;
    let image = report.images.first()?;
    let is_refused = report.plan.refusals().next().is_some();
    // Where every target has a copy of its own, nobody is to launch the image itself.
    let is_shared = if launch.principals.is_empty() {
        report.errors.is_empty()
    } else {
        // A target that has its own copy may have lost the permission meanwhile.
        launch.principals.iter().all(|principal| {
            image.principals.contains(principal)
                || image_to_launch(report, principal, image).is_some()
        })
    };
    image.image.as_ref().filter(|_| is_shared && !is_refused)
}

/// Account or organization -> Region -> the images to launch there: the shared one, or the target's
/// own copy.
fn ami_ids(report: &Report) -> Value {
    let mut by_principal = Map::new();
    for target in &report.plan.targets {
        let mut by_region = Map::new();
        for image in &report.images {
            let Some(id) = image_to_launch(report, target, image) else {
                continue;
            };
            let list = by_region.entry(image.region.as_ref());
            push(list.or_insert(Value::Null), json!(id));
        }
        by_principal.insert(target.to_string(), by_region.into());
    }
    by_principal.into()
}

/// Account -> Region -> the available copies that targets made and own.
fn own_copies(report: &Report) -> Value {
    let mut by_account = Map::new();
    for planned in report.plan.target_copies() {
        for image in &report.images {
            if !is_copy_of(planned, image) {
                continue;
            }
            if let Some(id) = available_copy(report, planned, image) {
                let account = by_account.entry(planned.account.as_ref());
                let regions = account.or_insert_with(|| json!({}));
                push(&mut regions[image.region.as_ref()], json!(id));
            }
        }
    }
    by_account.into()
}

/// A row for each image that a target launches.
fn matrix(report: &Report) -> Value {
    let mut rows = Vec::new();
    for target in &report.plan.targets {
        for image in &report.images {
            let Some(id) = image_to_launch(report, target, image) else {
                continue;
            };
            let own = planned_copy(report, target, image);
            let own_name = own.map(|copy| &copy.name);
            rows.push(json!({
                "target": target,
                "region": image.region,
                "ami-id": id,
                "name": own_name.or(image.name.as_ref()),
                "architecture": image.architecture,
            }));
        }
    }
    rows.into()
}

/// Account -> Region -> parameter -> the image that it held before.
fn previous(report: &Report) -> Value {
    let mut by_account = json!({});
    for parameter in &report.parameters {
        if let Some(previous) = &parameter.previous {
            let regions = &mut by_account[parameter.account.as_ref()];
            regions[parameter.region.as_ref()][&parameter.name] = json!(previous);
        }
    }
    by_account
}

/// Adds to a list, which begins as `null`.
fn push(list: &mut Value, value: Value) {
    match list {
        Value::Array(values) => values.push(value),
        empty => *empty = json!([value]),
    }
}

/// What a target launches of a shared image; `None` if there is nothing yet.
pub(super) fn image_to_launch<'a>(
    report: &'a Report,
    target: &Principal,
    shared: &'a ImageReport,
) -> Option<&'a AmiId> {
    // A revoke knows who still has launch permission, and shares nothing.
    report.plan.launch_permissions().next()?;
    match planned_copy(report, target, shared) {
        Some(planned) => available_copy(report, planned, shared),
        None if has_permission(report, target, shared) => shared.image.as_ref(),
        None => None,
    }
}

/// Whether a target may launch a shared image: itself, or by its organization.
fn has_permission(report: &Report, target: &Principal, shared: &ImageReport) -> bool {
    let mut organizations = report.plan.organizations.iter();
    shared.principals.contains(target)
        || organizations.any(|listed| {
            let has_account = target
                .account()
                .is_some_and(|account| listed.accounts.contains(account));
            has_account && shared.principals.contains(&listed.organization)
        })
}

/// The copy that a target makes of a shared image; `None` if it launches that one itself.
fn planned_copy<'a>(
    report: &'a Report,
    target: &Principal,
    shared: &ImageReport,
) -> Option<&'a TargetCopy> {
    let mut copies = report.plan.target_copies();
    copies.find(|copy| target.account() == Some(&copy.account) && is_copy_of(copy, shared))
}

fn is_copy_of(copy: &TargetCopy, shared: &ImageReport) -> bool {
    // Groups may share different copies of one image.
    let is_same = match (&copy.shared.image, &shared.image) {
        (Some(planned), Some(image)) => planned == image,
        _ => true,
    };
    is_same && (&copy.shared.source, &copy.shared.region) == (&shared.source, &shared.region)
}

/// That copy, once it is available: made or found by this run, or available when it was planned.
fn available_copy<'a>(
    report: &'a Report,
    planned: &'a TargetCopy,
    shared: &ImageReport,
) -> Option<&'a AmiId> {
    for target in &report.targets {
        if target.account != planned.account {
            continue;
        }
        for copy in &target.copies {
            let is_of_shared =
                copy.region == shared.region && shared.image.as_ref() == Some(&copy.source.ami);
            if is_of_shared && copy.available {
                return Some(&copy.image);
            }
        }
    }
    planned.adopt.as_ref().filter(|_| planned.available)
}

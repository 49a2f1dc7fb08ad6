//! The outputs: their names, what they mean, and their values.

use ami_share::plan::TargetCopy;
use ami_share::report::ImageReport;
use ami_share::{AmiId, Principal, Report};
use serde_json::{Map, Value, json};

use super::outcome::Outcome;
use super::report::{Members, shortened};

/// Every output, with its meaning in one line.
pub const OUTPUTS: &[(&str, &str)] = &[
    (
        "ami-id",
        "the first AMI to launch; empty unless it is shared with every target",
    ),
    (
        "ami-ids",
        "JSON: account -> Region -> list of AMIs to launch; organizations under their ARN",
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
        "stands for the plan; give it as expect-plan to a run that may do nothing else",
    ),
    (
        "iam-policy",
        "JSON policy that those who launch in the targets need",
    ),
    (
        "key-policy-statements",
        "JSON statements that the key policy needs, for those who keep it in code",
    ),
];

/// The values of the outputs; without a plan only a few have one.
pub(super) fn of(outcome: &Outcome, report: &Members) -> Vec<(&'static str, String)> {
    let short_report = shortened(report.clone());
    let Some(report) = outcome.report() else {
        return vec![("changed", false.to_string()), ("report", short_report)];
    };
    let plan = &report.plan;
    let keys: Vec<&str> = plan.keys().into_iter().map(AsRef::as_ref).collect();
    let iam_policy = plan.launch_policy().map(|policy| policy.to_string());
    let values = [
        first_shared(report).map_or_else(String::new, ToString::to_string),
        ami_ids(report).to_string(),
        keys.join(","),
        report.changed.to_string(),
        short_report,
        plan.digest().to_string(),
        iam_policy.unwrap_or_default(),
        Value::from(plan.key_policy_statements()).to_string(),
    ];
    OUTPUTS.iter().map(|(name, _)| *name).zip(values).collect()
}

/// The first image, if every principal that is to launch it can. A plan that is refused vouches for
/// none.
fn first_shared(report: &Report) -> Option<&AmiId> {
    let launch = report.plan.launch_permissions().next()?;
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
            let list = by_region
                .entry(image.region.to_string())
                .or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!(id));
            }
        }
        by_principal.insert(target.to_string(), by_region.into());
    }
    by_principal.into()
}

/// What a target launches of a shared image; `None` if there is nothing yet.
pub(super) fn image_to_launch<'a>(
    report: &'a Report,
    target: &Principal,
    shared: &'a ImageReport,
) -> Option<&'a AmiId> {
    match planned_copy(report, target, shared) {
        Some(planned) => available_copy(report, planned, shared),
        None if shared.principals.contains(target) => shared.image.as_ref(),
        None => None,
    }
}

/// The copy that a target makes of a shared image; `None` if it launches that one itself.
fn planned_copy<'a>(
    report: &'a Report,
    target: &Principal,
    shared: &ImageReport,
) -> Option<&'a TargetCopy> {
    report.plan.target_copies().find(|copy| {
        target.account() == Some(&copy.account)
            && copy.shared.source == shared.source
            && copy.shared.region == shared.region
    })
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

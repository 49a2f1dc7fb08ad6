//! What the step leaves behind: `GITHUB_OUTPUT`, the step summary, and the report file.

mod diagram;
pub(crate) mod events;
pub(crate) mod log;
pub(crate) mod outcome;
pub(crate) mod plan_text;
mod principal_name;
mod progress;
pub(crate) mod summary;
pub(crate) mod verification;

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use ami_share::plan::TargetCopy;
use ami_share::report::ImageReport;
use ami_share::{AmiId, Principal, Report};
use rand::Rng as _;
use rand::distributions::Alphanumeric;
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::output::outcome::Outcome;

/// Above this the `report` output is shortened: GitHub bounds what outputs may hold.
const LONGEST_REPORT: usize = 64 * 1024;

/// Every output, with its meaning in one line.
pub const OUTPUTS: &[(&str, &str)] = &[
    ("ami-id", "the first shared AMI"),
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
        "true if anything was changed, or in mode plan would be",
    ),
    (
        "report",
        "the report as JSON, shortened above 64 KiB; the whole at report-path",
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

/// The report as JSON: how the run ended, and all that it did.
pub(crate) fn report(outcome: &Outcome, exit: Exit) -> Map<String, Value> {
    let mut members = Map::from_iter([("ended".to_owned(), exit.as_str().into())]);
    match outcome {
        Outcome::Unplanned(errors) => {
            members.extend([
                ("version".to_owned(), Report::VERSION.into()),
                ("changed".to_owned(), false.into()),
            ]);
            members.insert("errors".to_owned(), json!(errors));
        }
        Outcome::Planned(report) | Outcome::Verified(report) | Outcome::Applied(report) => {
            if let Value::Object(report) = json!(report) {
                members.extend(report);
            }
        }
    }
    members
}

/// The JSON Schema of what the output `report` makes: the library's report, how the run ended, and
/// whether it was shortened. A run that has no plan has no more than errors, and a shortened report
/// lacks what is long.
pub fn report_schema() -> Value {
    let mut schema = Report::schema();
    let ends: Vec<&str> = Exit::ALL.iter().map(|exit| exit.as_str()).collect();
    let description = "The output `report` of ami-share, and the file at `report-path`. The \
                       version is raised by what a \
        reader could trip over: a member that goes, or changes its type or its meaning. New members, codes and kinds of \
        steps do not raise it, so take no notice of what you do not know.";
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), "ami-share report".into());
        schema.insert("description".to_owned(), description.into());
        schema.insert(
            "required".to_owned(),
            json!(["ended", "version", "changed"]),
        );
    }
    if let Some(members) = schema
        .pointer_mut("/properties")
        .and_then(Value::as_object_mut)
    {
        let ended = json!({ "description": "How the run ended.", "type": "string", "enum": ends });
        members.shift_insert(0, "ended".to_owned(), ended);
        members.insert(
            "version".to_owned(),
            json!({ "description": "The version of this form.", "const": Report::VERSION }),
        );
        let shortened = json!({ "description": "Whether what is long was left out; the whole is at \
            `report-path`.", "type": "boolean" });
        members.insert("shortened".to_owned(), shortened);
    }
    schema
}

/// The values of the outputs.
pub(crate) fn values(
    outcome: &Outcome,
    report: &Map<String, Value>,
) -> Vec<(&'static str, String)> {
    let short = shortened(report.clone());
    let (Outcome::Planned(run) | Outcome::Verified(run) | Outcome::Applied(run)) = outcome else {
        return vec![("changed", false.to_string()), ("report", short)];
    };
    let plan = &run.plan;
    let shared = plan.launch_permissions().next().is_some();
    let first = run
        .images
        .first()
        .filter(|_| shared)
        .and_then(|image| image.image.as_ref());
    let keys: Vec<&str> = plan.keys().into_iter().map(AsRef::as_ref).collect();
    let values = [
        first.map(ToString::to_string).unwrap_or_default(),
        ami_ids(run).to_string(),
        keys.join(","),
        run.changed.to_string(),
        short,
        plan.launch_policy()
            .map(|policy| policy.to_string())
            .unwrap_or_default(),
        Value::from(plan.key_policy_statements()).to_string(),
    ];
    OUTPUTS.iter().map(|(name, _)| *name).zip(values).collect()
}

/// Account or organization -> Region -> the images to launch there: the shared one, or the target's
/// own copy.
fn ami_ids(report: &Report) -> Value {
    let mut of_principal = Map::new();
    for target in &report.plan.targets {
        let mut of_region = Map::new();
        for image in &report.images {
            let id = match planned(report, target, image) {
                Some(copy) => own_copy(report, copy, image),
                None => image
                    .image
                    .as_ref()
                    .filter(|_| image.principals.contains(target)),
            };
            let Some(id) = id else { continue };
            let list = of_region
                .entry(image.region.to_string())
                .or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!(id));
            }
        }
        of_principal.insert(target.to_string(), of_region.into());
    }
    of_principal.into()
}

/// The copy that a target makes of a shared image; nothing where it launches that one itself.
fn planned<'a>(
    report: &'a Report,
    target: &Principal,
    shared: &ImageReport,
) -> Option<&'a TargetCopy> {
    let mut of_target = report
        .plan
        .target_copies()
        .filter(|copy| target.account() == Some(&copy.account));
    let of_shared = |copy: &&TargetCopy| {
        (&copy.shared.source, &copy.shared.region) == (&shared.source, &shared.region)
    };
    of_target.find(of_shared)
}

/// That copy, once it is available.
fn own_copy<'a>(
    report: &'a Report,
    planned: &'a TargetCopy,
    shared: &ImageReport,
) -> Option<&'a AmiId> {
    let of_target = report
        .targets
        .iter()
        .filter(|made| made.account == planned.account)
        .flat_map(|made| &made.copies);
    let mut made = of_target.filter(|own| {
        own.region == shared.region && Some(&own.source.ami) == shared.image.as_ref()
    });
    let stands = || planned.adopt.as_ref().filter(|_| planned.stands);
    made.find(|own| own.available)
        .map(|own| &own.image)
        .or_else(stands)
}

/// The report without what is long, where it is too long.
fn shortened(mut report: Map<String, Value>) -> String {
    for dropped in ["plan", "keys", "images", "findings", "errors", "removed"] {
        let text = json!(report).to_string();
        if text.len() <= LONGEST_REPORT {
            return text;
        }
        report.insert("shortened".to_owned(), Value::Bool(true));
        report.shift_remove(dropped);
    }
    json!(report).to_string()
}

/// Adds the outputs to the file that GitHub reads them from.
pub(crate) fn write_outputs(path: &Path, values: &[(&'static str, String)]) -> io::Result<()> {
    let mut file = append(path)?;
    for (name, value) in values {
        // A delimiter that no value can know, for a value could otherwise end itself and begin
        // another output.
        let delimiter: String = rand::thread_rng()
            .sample_iter(Alphanumeric)
            .take(32)
            .map(char::from)
            .collect();
        writeln!(file, "{name}<<{delimiter}\n{value}\n{delimiter}")?;
    }
    Ok(())
}

pub(crate) fn write_summary(path: &Path, markdown: &str) -> io::Result<()> {
    append(path)?.write_all(markdown.as_bytes())
}

pub(crate) fn write_report(path: &Path, report: &Map<String, Value>) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    std::fs::write(path, text + "\n")
}

/// Opens a file to add to it; also how a path is tried before anything is done.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_report_is_shortened_and_says_so() {
        let report = |length: usize| {
            let mut report = Map::from_iter([("ended".to_owned(), Value::from("done"))]);
            report.insert("plan".to_owned(), "x".repeat(length).into());
            report
        };
        assert!(shortened(report(1000)).contains("plan"));
        assert_eq!(
            shortened(report(LONGEST_REPORT)),
            r#"{"ended":"done","shortened":true}"#
        );
    }
}

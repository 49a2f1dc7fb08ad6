//! What the step leaves behind: `GITHUB_OUTPUT`, the step summary, and the report file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use ami_share::{Plan, Report};
use rand::Rng as _;
use rand::distributions::Alphanumeric;
use serde_json::{Map, Value, json};

/// Above this the `report` output is shortened: GitHub bounds what outputs may hold.
const LONGEST_REPORT: usize = 64 * 1024;

/// Every output, with its meaning in one line.
pub const OUTPUTS: &[(&str, &str)] = &[
    ("ami-id", "the first shared AMI"),
    ("ami-ids", "JSON: account -> Region -> list of AMIs to launch"),
    (
        "kms-key-arn",
        "ARN of the key that targets need; several are separated by commas",
    ),
    ("changed", "true if anything was changed, or in mode plan would be"),
    (
        "report",
        "the report as JSON, shortened above 64 KiB; the whole at report-path",
    ),
    ("iam-policy", "JSON policy that those who launch in the targets need"),
    (
        "key-policy-statements",
        "JSON statements that the key policy needs, for those who keep it in code",
    ),
];

/// The values of the outputs, in the order of [`OUTPUTS`].
pub(crate) fn values(report: &Report) -> Vec<(&'static str, String)> {
    let plan = &report.plan;
    let first = report.images.first().and_then(|image| image.image.as_ref());
    let keys: Vec<&str> = plan.keys().into_iter().map(AsRef::as_ref).collect();
    let values = [
        first.map(ToString::to_string).unwrap_or_default(),
        ami_ids(report).to_string(),
        keys.join(","),
        report.changed.to_string(),
        shortened(report),
        plan.launch_policy().to_string(),
        Value::from(plan.key_policy_statements()).to_string(),
    ];
    OUTPUTS.iter().map(|(name, _)| *name).zip(values).collect()
}

/// Account -> Region -> the images that it can launch. In a report of a plan: will be able to.
fn ami_ids(report: &Report) -> Value {
    let Plan { region, targets, .. } = &report.plan;
    let of = |account: &_| {
        let can = |image: &&ami_share::SharedImage| image.accounts.contains(account);
        let images: Vec<&str> = report
            .images
            .iter()
            .filter(can)
            .filter_map(|image| Some(image.image.as_ref()?.as_ref()))
            .collect();
        json!({ region.to_string(): images })
    };
    Value::Object(
        targets
            .iter()
            .map(|account| (account.to_string(), of(account)))
            .collect::<Map<_, _>>(),
    )
}

/// The report without what is long, where it is too long.
fn shortened(report: &Report) -> String {
    let whole = json!(report);
    let mut text = whole.to_string();
    let Value::Object(mut members) = whole else { return text };
    for dropped in ["plan", "keys", "images", "findings", "errors", "removed"] {
        if text.len() <= LONGEST_REPORT {
            break;
        }
        members.insert("shortened".to_owned(), Value::Bool(true));
        members.shift_remove(dropped);
        text = Value::Object(members.clone()).to_string();
    }
    text
}

/// Adds the outputs to the file that GitHub reads them from.
pub(crate) fn write_outputs(path: &Path, values: &[(&'static str, String)]) -> io::Result<()> {
    let mut file = append(path)?;
    for (name, value) in values {
        // A delimiter that no value can know, for a value could otherwise end itself and begin another output.
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

pub(crate) fn write_report(path: &Path, report: &Report) -> io::Result<()> {
    let text = serde_json::to_string_pretty(report)?;
    std::fs::write(path, text + "\n")
}

/// Opens a file to add to it; also how a path is tried before anything is done.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

//! Whether targets can launch: a line of the log for each, and a table of the summary with targets
//! down and checks across.

use std::fmt::Write as _;

use ami_share::report::{CheckName, Conclusion, Verdict, Verification};

/// Further rows are only in the report.
const MAX_ROWS: usize = 200;

/// One target and image, in a line.
pub(crate) fn line(verification: &Verification) -> String {
    let Verification {
        account, region, ..
    } = verification;
    let image = match &verification.image {
        Some(image) => image.to_string(),
        None => verification.source.ami.to_string(),
    };
    let unknown = checks_with(verification, Verdict::Unknown);
    let unknown = if unknown.is_empty() {
        String::new()
    } else {
        format!("; not known: {unknown}")
    };
    match verification.conclusion {
        Conclusion::Launched => format!("{account} launched {image} in {region}{unknown}"),
        Conclusion::NoObstacleFound => {
            format!("no obstacle found to {account} launching {image} in {region}{unknown}")
        }
        Conclusion::Blocked => {
            let failed = checks_with(verification, Verdict::No);
            format!("{account} cannot launch {image} in {region}: {failed}")
        }
    }
}

/// Why a target cannot launch: the details of the checks that failed.
pub(crate) fn failures(verification: &Verification) -> String {
    let failed = verification
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::No);
    let details: Vec<&str> = failed.map(|check| check.detail.as_str()).collect();
    details.join("; ")
}

fn checks_with(verification: &Verification, verdict: Verdict) -> String {
    let checks = verification
        .checks
        .iter()
        .filter(|check| check.verdict == verdict);
    let names: Vec<&str> = checks.map(|check| check.name.as_str()).collect();
    names.join(", ")
}

/// Adds the table, if there was any check. (Writing to a String cannot fail.)
pub(super) fn table(text: &mut String, verifications: &[Verification]) {
    let columns = columns(verifications);
    if columns.is_empty() {
        return;
    }
    let names: Vec<&str> = columns.iter().map(|name| name.as_str()).collect();
    let names = names.join(" | ");
    let _ = writeln!(text, "\n| target | Region | image | sum | {names} |");
    let _ = writeln!(text, "|---|---|---|---|{}", "---|".repeat(columns.len()));
    for verification in verifications.iter().take(MAX_ROWS) {
        row(text, verification, &columns);
    }
    let more = verifications.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        let _ = writeln!(text, "\n… and {more} more, which are in the report");
    }
}

/// The checks that were made of any target, in their usual order.
fn columns(verifications: &[Verification]) -> Vec<CheckName> {
    let mut columns = Vec::new();
    for name in CheckName::ALL {
        let made = |verification: &Verification| verdict(verification, *name).is_some();
        if verifications.iter().any(made) {
            columns.push(*name);
        }
    }
    columns
}

fn row(text: &mut String, verification: &Verification, columns: &[CheckName]) {
    let Verification {
        account, region, ..
    } = verification;
    let image = match &verification.image {
        Some(image) => format!("`{image}`"),
        None => "–".to_owned(),
    };
    let sum = match verification.conclusion {
        Conclusion::Launched => "**launched**",
        Conclusion::NoObstacleFound => "no obstacle found",
        Conclusion::Blocked => "**blocked**",
    };
    let mut cells = Vec::new();
    for name in columns {
        cells.push(match verdict(verification, *name) {
            Some(Verdict::Yes) => "yes",
            Some(Verdict::No) => "**no**",
            Some(Verdict::Unknown) => "?",
            None => "",
        });
    }
    let cells = cells.join(" | ");
    let _ = writeln!(text, "| {account} | {region} | {image} | {sum} | {cells} |");
}

fn verdict(verification: &Verification, name: CheckName) -> Option<Verdict> {
    let mut checks = verification.checks.iter();
    checks
        .find(|check| check.name == name)
        .map(|check| check.verdict)
}

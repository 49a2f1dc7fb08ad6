//! Whether targets can launch: a line of the log for each, and a table of the summary, targets down
//! and checks across.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ami_share::report::{CheckName, Conclusion, Verdict, Verification};

/// Rows beyond this many are in the report.
const ROWS: usize = 200;

/// One target and image, in a line.
pub(crate) fn line(found: &Verification) -> String {
    let image = found
        .image
        .as_ref()
        .map_or_else(|| found.source.ami.to_string(), ToString::to_string);
    let (account, region) = (&found.account, &found.region);
    let of = |verdict| -> Vec<&str> {
        found
            .checks
            .iter()
            .filter(|check| check.verdict == verdict)
            .map(|check| check.name.as_str())
            .collect()
    };
    let unknown = of(Verdict::Unknown);
    let unknown = if unknown.is_empty() {
        String::new()
    } else {
        format!("; not known: {}", unknown.join(", "))
    };
    match found.sum {
        Conclusion::Launched => format!("{account} launched {image} in {region}{unknown}"),
        Conclusion::NoObstacleFound => {
            format!("no obstacle found to {account} launching {image} in {region}{unknown}")
        }
        Conclusion::Blocked => format!(
            "{account} cannot launch {image} in {region}: {}",
            of(Verdict::No).join(", ")
        ),
    }
}

/// The table; nothing where nothing was looked at.
pub(crate) fn table(text: &mut String, found: &[Verification]) {
    let looked_at: BTreeSet<CheckName> = found
        .iter()
        .flat_map(|of| of.checks.iter().map(|check| check.name))
        .collect();
    let columns: Vec<CheckName> = CheckName::ALL
        .iter()
        .copied()
        .filter(|name| looked_at.contains(name))
        .collect();
    if columns.is_empty() {
        return;
    }
    let names: Vec<&str> = columns.iter().map(|name| name.as_str()).collect();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "\n| target | Region | image | sum | {} |",
        names.join(" | ")
    );
    let _ = writeln!(text, "|---|---|---|---|{}", "---|".repeat(columns.len()));
    for of in found.iter().take(ROWS) {
        let cells: Vec<&str> = columns.iter().map(|name| cell(of, *name)).collect();
        let image = of
            .image
            .as_ref()
            .map_or_else(|| "–".to_owned(), |image| format!("`{image}`"));
        let sum = match of.sum {
            Conclusion::Launched => "**launched**",
            Conclusion::NoObstacleFound => "no obstacle found",
            Conclusion::Blocked => "**blocked**",
        };
        let _ = writeln!(
            text,
            "| {} | {} | {image} | {sum} | {} |",
            of.account,
            of.region,
            cells.join(" | ")
        );
    }
    if found.len() > ROWS {
        let _ = writeln!(
            text,
            "\n… and {} more, which are in the report",
            found.len() - ROWS
        );
    }
}

fn cell(of: &Verification, name: CheckName) -> &'static str {
    match of
        .checks
        .iter()
        .find(|check| check.name == name)
        .map(|check| check.verdict)
    {
        Some(Verdict::Yes) => "yes",
        Some(Verdict::No) => "**no**",
        Some(Verdict::Unknown) => "?",
        None => "",
    }
}

//! The step summary, in Markdown.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ami_share::{Report, SharedImage, SourceImage, Step};

use crate::exit::Exit;
use crate::matrix;
use crate::picture;
use crate::step::Outcome;

/// GitHub takes a mebibyte for each step; findings beyond this many are in the report.
const FINDINGS: usize = 50;
/// Tables beyond this many are folded.
const OPEN_TABLES: usize = 5;

pub(crate) fn markdown(outcome: &Outcome, exit: Exit) -> String {
    let mut text = format!("### ami-share: {}\n", heading(outcome, exit));
    match outcome {
        Outcome::Unplanned(errors) => {
            items(&mut text, errors.iter().map(|error| (error.code.as_str(), error.to_string())));
        }
        Outcome::Planned(report) | Outcome::Verified(report) | Outcome::Applied(report) => of_report(&mut text, report),
    }
    text.push('\n');
    text
}

fn heading(outcome: &Outcome, exit: Exit) -> &'static str {
    let revokes = matches!(outcome, Outcome::Planned(report) | Outcome::Applied(report) if takes_back_only(report));
    match (exit, outcome) {
        (Exit::Done, Outcome::Applied(report)) if revokes && report.changed => "taken back",
        (Exit::Done, Outcome::Applied(_)) if revokes => "nothing to take back",
        (Exit::Done, Outcome::Applied(report)) if report.changed => "shared",
        (Exit::Done, Outcome::Applied(_)) => "already shared",
        (Exit::Done, Outcome::Planned(report)) if report.changed => "plan: sharing would change something",
        (Exit::Done, Outcome::Verified(_)) => "nothing that was looked at stands against a launch",
        (Exit::Failed, Outcome::Verified(_)) => "something stands against a launch",
        (Exit::Done, _) => "plan: nothing to change",
        (Exit::Refused, _) => "refused, nothing was changed",
        (Exit::Deadline, _) => "the deadline passed",
        (Exit::Cancelled, _) => "cancelled",
        (Exit::Failed | Exit::BadInput, _) if revokes => "not all was taken back",
        (Exit::Failed | Exit::BadInput, _) => "not all was shared",
    }
}

fn takes_back_only(report: &Report) -> bool {
    let gives = |step: &Step| matches!(step, Step::LaunchPermission(_));
    !report.plan.steps.is_empty() && !report.plan.steps.iter().any(gives)
}

// Writing to a String cannot fail.
fn of_report(text: &mut String, report: &Report) {
    let mut tables: BTreeMap<&SourceImage, Vec<&SharedImage>> = BTreeMap::new();
    for image in &report.images {
        tables.entry(&image.source).or_default().push(image);
    }
    let fold = tables.len() > OPEN_TABLES;
    for (number, (source, images)) in tables.iter().enumerate() {
        if fold && number == OPEN_TABLES {
            let more = tables.len() - OPEN_TABLES;
            let _ = writeln!(text, "\n<details><summary>{more} more images</summary>");
        }
        table(text, source, images);
    }
    if fold {
        text.push_str("\n</details>\n");
    }
    for key in &report.keys {
        let (held, added, removed) = (key.principals.len(), key.added.len(), key.removed.len());
        let _ = write!(text, "\nKey `{}`: can use it: {held}; added now: {added}", key.key);
        let _ = if removed > 0 { writeln!(text, "; taken back: {removed}.") } else { writeln!(text, ".") };
    }
    matrix::table(text, &report.verifications);
    if let Some(picture) = picture::of(report) {
        let _ = write!(text, "\n```mermaid\n{picture}```\n");
    }
    let findings = report.findings.iter().map(|finding| (finding.code.as_str(), finding.to_string()));
    let errors = report.errors.iter().map(|error| (error.code.as_str(), error.to_string()));
    items(text, errors.chain(findings));
}

fn table(text: &mut String, source: &SourceImage, images: &[&SharedImage]) {
    let _ = writeln!(text, "\n**`{}`** in {}\n", source.ami, source.region);
    text.push_str("| Region | to launch | copied | can launch | added now | taken back | not listed |\n");
    text.push_str("|---|---|---|---|---|---|---|\n");
    for image in images {
        let launch = image.image.as_ref().map_or_else(|| "–".to_owned(), |id| format!("`{id}`"));
        let copied = match &image.image {
            _ if image.copied => "now",
            Some(id) if *id == image.source.ami => "no",
            Some(_) => "earlier",
            None => "–",
        };
        let (held, added) = (image.principals.len(), image.added.len());
        let (removed, unlisted) = (image.removed.len(), image.unlisted.len());
        let _ =
            writeln!(text, "| {} | {launch} | {copied} | {held} | {added} | {removed} | {unlisted} |", image.region);
    }
}

fn items<'a>(text: &mut String, said: impl Iterator<Item = (&'a str, String)>) {
    for (number, (code, said)) in said.enumerate() {
        if number == FINDINGS {
            text.push_str("\n- … and more, which are in the report\n");
            return;
        }
        let said = said.strip_prefix(code).unwrap_or(&said).trim_start_matches([':', ' ']);
        let _ = write!(text, "\n- **{code}** {}\n", escape(said));
    }
}

/// Keeps what AWS and others wrote from being Markdown or HTML of the summary.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' | '\r' => escaped.push(' '),
            '|' | '*' | '_' | '[' | ']' | '#' | '!' | '`' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_words_are_no_markdown() {
        assert_eq!(escape("<b>| [x](y)\n"), "&lt;b>\\| \\[x\\](y) ");
    }

    #[test]
    fn a_flood_of_findings_is_cut() {
        let mut text = String::new();
        items(&mut text, (0..1000).map(|n| ("code", format!("code: number {n}"))));
        assert_eq!(text.lines().filter(|line| line.starts_with("- **code**")).count(), FINDINGS);
        assert!(text.contains("and more"));
    }
}

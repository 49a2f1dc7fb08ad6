//! The step summary, in Markdown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ami_share::{Report, SharedImage, SourceImage, Step};

use crate::exit::Exit;
use crate::picture;
use crate::step::Outcome;
use crate::who::few;

/// GitHub takes a mebibyte for each step; what is beyond these is in the report.
const FINDINGS: usize = 50;
/// The longest finding, in characters: it may name thousands of accounts.
const LONGEST: usize = 2_000;
/// Rows of all tables of images together, and of the table of keys.
const ROWS: usize = 600;
/// A table with more rows is folded, and so are all tables beyond the first few.
const OPEN_ROWS: usize = 12;
const OPEN_TABLES: usize = 5;
/// So many are named in a cell of a table.
const NAMED: usize = 2;

pub(crate) fn markdown(outcome: &Outcome, exit: Exit) -> String {
    let mut text = format!("### ami-share: {}\n", heading(outcome, exit));
    match outcome {
        Outcome::Unplanned(errors) => {
            items(&mut text, errors.iter().map(|error| (error.code.as_str(), error.to_string())));
        }
        // What a refused plan would do is not done, so only what is already is shown.
        Outcome::Planned(report) => of_report(&mut text, report, exit != Exit::Refused),
        Outcome::Applied(report) => of_report(&mut text, report, false),
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
fn of_report(text: &mut String, report: &Report, planned: bool) {
    let errors = report.errors.iter().map(|error| (error.code.as_str(), error.to_string()));
    items(text, errors);
    if let Some(picture) = picture::of(report, planned) {
        let _ = write!(text, "\n```mermaid\n{picture}```\n");
    }
    images(text, report, planned);
    keys(text, report, planned);
    items(text, report.findings.iter().map(|finding| (finding.code.as_str(), finding.to_string())));
}

/// What was done, or in a plan would be, as a heading of a column.
fn heads(planned: bool) -> (&'static str, &'static str) {
    if planned { ("would be added", "would be taken back") } else { ("added now", "taken back") }
}

fn images(text: &mut String, report: &Report, planned: bool) {
    let mut tables: BTreeMap<&SourceImage, Vec<&SharedImage>> = BTreeMap::new();
    for image in &report.images {
        tables.entry(&image.source).or_default().push(image);
    }
    let mut rows = ROWS;
    for (number, (source, images)) in tables.iter().enumerate() {
        let (shown, all) = (images.len().min(rows), images.len());
        if shown == 0 {
            let _ = writeln!(text, "\n{} more images are in the report.", tables.len() - number);
            break;
        }
        rows -= shown;
        let head = format!("<code>{}</code> in {}", source.ami, source.region);
        let folded = number >= OPEN_TABLES || all > OPEN_ROWS;
        if folded {
            let regions = if all == 1 { "1 Region".to_owned() } else { format!("{all} Regions") };
            let _ = writeln!(text, "\n<details><summary>{head}: {regions}</summary>\n");
        } else {
            let _ = writeln!(text, "\n**{head}**\n");
        }
        let (added, removed) = heads(planned);
        let _ = writeln!(text, "| Region | to launch | copied | can launch | {added} | {removed} | not listed |");
        text.push_str("|---|---|---|---|---|---|---|\n");
        for image in &images[..shown] {
            row(text, image, report, planned);
        }
        if shown < all {
            let _ = writeln!(text, "\n{} more Regions are in the report.", all - shown);
        }
        if folded {
            text.push_str("\n</details>\n");
        }
    }
}

fn row(text: &mut String, image: &SharedImage, report: &Report, planned: bool) {
    let launch = image.image.as_ref().map_or_else(|| "–".to_owned(), |id| format!("`{id}`"));
    let copied = match &image.image {
        _ if image.copied => "now",
        Some(id) if *id == image.source.ami => "no",
        Some(_) => "earlier",
        None if planned => "would be",
        None => "–",
    };
    let (mut added, mut removed) = (image.added.clone(), image.removed.clone());
    for step in report.plan.steps.iter().filter(|_| planned) {
        match step {
            Step::LaunchPermission(launch)
                if (&launch.shared.source, &launch.shared.region) == (&image.source, &image.region) =>
            {
                added.extend(launch.missing.iter().cloned());
            }
            Step::RemovePermissions(remove) if (&remove.source, &remove.region) == (&image.source, &image.region) => {
                removed.extend(remove.principals.iter().cloned());
            }
            _ => {}
        }
    }
    let region = &image.region;
    let cells = [&image.principals, &added, &removed, &image.unlisted].map(cell);
    let _ = writeln!(text, "| {region} | {launch} | {copied} | {} |", cells.join(" | "));
}

fn cell<T: ToString>(who: &BTreeSet<T>) -> String {
    escape(&few(who, NAMED))
}

fn keys(text: &mut String, report: &Report, planned: bool) {
    if report.keys.is_empty() {
        return;
    }
    let folded = report.keys.len() > OPEN_ROWS;
    if folded {
        let _ = writeln!(text, "\n<details><summary>{} keys</summary>", report.keys.len());
    }
    let (added, removed) = heads(planned);
    if !folded {
        text.push_str("\n**Keys**\n");
    }
    let _ = writeln!(text, "\n| Region | key | can use it | {added} | {removed} |\n|---|---|---|---|---|");
    for shared in report.keys.iter().take(ROWS) {
        let (mut added, mut removed) = (shared.added.clone(), shared.removed.clone());
        for step in report.plan.steps.iter().filter(|_| planned) {
            match step {
                Step::KeyAccess(access) if access.key == shared.key => {
                    added.extend(access.missing.iter().map(ToString::to_string));
                }
                Step::Grants(grants) if grants.key == shared.key => {
                    added.extend(grants.missing.iter().map(ToString::to_string));
                }
                Step::RemoveKeyAccess(remove) if remove.key == shared.key => {
                    removed.extend(remove.holders.iter().map(ToString::to_string));
                    removed.extend(remove.grants.values().cloned());
                }
                _ => {}
            }
        }
        let id = shared.key.as_ref().rsplit('/').next().unwrap_or_default();
        let (region, held) = (shared.key.region(), cell(&shared.principals));
        let _ = writeln!(text, "| {region} | `{id}` | {held} | {} | {} |", cell(&added), cell(&removed));
    }
    if report.keys.len() > ROWS {
        let _ = writeln!(text, "\n{} more keys are in the report.", report.keys.len() - ROWS);
    }
    if folded {
        text.push_str("\n</details>\n");
    }
}

fn items<'a>(text: &mut String, said: impl Iterator<Item = (&'a str, String)>) {
    for (number, (code, said)) in said.enumerate() {
        if number == FINDINGS {
            text.push_str("\n- … and more, which are in the report\n");
            return;
        }
        let said = said.strip_prefix(code).unwrap_or(&said).trim_start_matches([':', ' ']);
        let (short, more) = said.char_indices().nth(LONGEST).map_or((said, ""), |(at, _)| (&said[..at], "…"));
        let _ = write!(text, "\n- **{code}** {}{more}\n", escape(short));
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
            '\\' | '|' | '*' | '_' | '[' | ']' | '#' | '!' | '`' | '~' | '@' => escaped.extend(['\\', c]),
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

    proptest::proptest! {
        #[test]
        fn no_text_can_leave_its_line_or_its_cell(text in "\\PC*|[|`*_<&~@\n\r\\\\\\[\\]#!-]*|.*") {
            let escaped = escape(&text);
            proptest::prop_assert!(!escaped.contains(['\n', '\r', '<']));
            let mut before = None;
            for c in escaped.chars() {
                // A backslash of the text is itself escaped, so it escapes nothing.
                let bare = before != Some('\\');
                proptest::prop_assert!(!bare || !"|*_[]#!`~".contains(c), "{}", escaped);
                before = if bare { Some(c) } else { None };
            }
        }
    }

    #[test]
    fn a_flood_of_findings_is_cut() {
        let mut text = String::new();
        items(&mut text, (0..1000).map(|n| ("code", format!("code: number {n}"))));
        assert_eq!(text.lines().filter(|line| line.starts_with("- **code**")).count(), FINDINGS);
        assert!(text.contains("and more"));
    }
}

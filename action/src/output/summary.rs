//! The step summary, in Markdown.

mod tables;

use std::fmt::Write as _;

use ami_share::Report;
use ami_share::plan::Step;

use crate::exit::Exit;
use crate::output::diagram;
use crate::output::outcome::Outcome;
use crate::output::verification;

/// GitHub takes a mebibyte for each step; what is beyond these is in the report.
const FINDINGS: usize = 50;
/// The longest finding, in characters: it may name thousands of accounts.
const LONGEST: usize = 2_000;

pub(crate) fn markdown(outcome: &Outcome, exit: Exit) -> String {
    let mut text = format!("### ami-share: {}\n", heading(outcome, exit));
    match outcome {
        Outcome::Unplanned(errors) => {
            items(
                &mut text,
                errors
                    .iter()
                    .map(|error| (error.code.as_str(), error.to_string())),
            );
        }
        // What a refused plan would do is not done, so only what is already is shown.
        Outcome::Planned(report) => of_report(&mut text, report, exit != Exit::Refused),
        Outcome::Verified(report) | Outcome::Applied(report) => of_report(&mut text, report, false),
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
        (Exit::Done, Outcome::Planned(report)) if report.changed => {
            "plan: sharing would change something"
        }
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
fn of_report(text: &mut String, report: &Report, planned: bool) {
    let errors = report
        .errors
        .iter()
        .map(|error| (error.code.as_str(), error.to_string()));
    items(text, errors);
    if let Some(picture) = diagram::of(report, planned) {
        let _ = write!(text, "\n```mermaid\n{picture}```\n");
    }
    tables::images(text, report, planned);
    tables::keys(text, report, planned);
    tables::targets(text, report);
    verification::table(text, &report.verifications);
    items(
        text,
        report
            .findings
            .iter()
            .map(|finding| (finding.code.as_str(), finding.to_string())),
    );
}

fn items<'a>(text: &mut String, said: impl Iterator<Item = (&'a str, String)>) {
    for (number, (code, said)) in said.enumerate() {
        if number == FINDINGS {
            text.push_str("\n- … and more, which are in the report\n");
            return;
        }
        let said = said
            .strip_prefix(code)
            .unwrap_or(&said)
            .trim_start_matches([':', ' ']);
        let (short, more) = said
            .char_indices()
            .nth(LONGEST)
            .map_or((said, ""), |(at, _)| (&said[..at], "…"));
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
            '\\' | '|' | '*' | '_' | '[' | ']' | '#' | '!' | '`' | '~' | '@' => {
                escaped.extend(['\\', c])
            }
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
        items(
            &mut text,
            (0..1000).map(|n| ("code", format!("code: number {n}"))),
        );
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("- **code**"))
                .count(),
            FINDINGS
        );
        assert!(text.contains("and more"));
    }
}

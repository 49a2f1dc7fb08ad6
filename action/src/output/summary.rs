//! The step summary, in Markdown.

pub(super) mod markdown;
mod tables;

use ami_share::Report;

use self::markdown::Markdown;
use super::ending::Ending;
use super::outcome::Outcome;
use super::text::cut;
use super::{diagram, verification};
use crate::exit::Exit;
use crate::settings::Mode;

/// GitHub takes a mebibyte for each step; what does not fit is in the report.
const MAX_ITEMS: usize = 50;
/// The longest finding, in characters: it may name thousands of accounts.
const LONGEST_ITEM: usize = 2_000;

pub(super) fn markdown(outcome: &Outcome, exit: Exit, mode: Mode) -> Markdown {
    let mut text = Markdown::literal("### ami-share: ");
    text.push(Markdown::text(Ending::of(outcome, exit, mode).verdict));
    text.push_literal("\n");
    match outcome {
        Outcome::Unplanned(errors) => {
            let errors = errors.iter();
            items(
                &mut text,
                errors.map(|error| (error.code.as_str(), error.to_string())),
            );
        }
        // What a refused plan would do is not done, so the summary shows only what is so already.
        Outcome::Planned(report) => whole_report(&mut text, report, exit != Exit::Refused),
        Outcome::Verified(report) | Outcome::Applied(report) => {
            whole_report(&mut text, report, false);
        }
    }
    text.push_literal("\n");
    text
}

fn whole_report(text: &mut Markdown, report: &Report, planned: bool) {
    let errors = report.errors.iter();
    items(
        text,
        errors.map(|error| (error.code.as_str(), error.to_string())),
    );
    if let Some(diagram) = diagram::of_report(report, planned) {
        text.push(Markdown::diagram(&diagram));
    }
    tables::images(text, report, planned);
    tables::keys(text, report, planned);
    tables::targets(text, report);
    verification::table(text, &report.verifications);
    let findings = report.findings.iter();
    items(
        text,
        findings.map(|finding| (finding.code.as_str(), finding.to_string())),
    );
}

/// Findings or errors, by code and text.
fn items<'a>(text: &mut Markdown, items: impl Iterator<Item = (&'a str, String)>) {
    for (number, (code, message)) in items.enumerate() {
        if number == MAX_ITEMS {
            text.push_literal("\n- … and more, which are in the report\n");
            return;
        }
        // The code is written in bold already.
        let message = message.strip_prefix(code).unwrap_or(&message);
        let message = message.trim_start_matches([':', ' ']);
        text.push_literal("\n- **");
        text.push(Markdown::text(code));
        text.push_literal("** ");
        text.push(Markdown::text(cut(message, LONGEST_ITEM)));
        text.push_literal("\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_findings_are_cut() {
        let mut text = Markdown::default();
        items(
            &mut text,
            (0..1000).map(|n| ("code", format!("code: number {n}"))),
        );
        let text = text.into_text(false);
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("- **code**"))
                .count(),
            MAX_ITEMS
        );
        assert!(text.contains("and more"));
    }
}

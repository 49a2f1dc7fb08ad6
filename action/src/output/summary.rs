//! The step summary, in Markdown.

pub(super) mod markdown;
mod policies;
mod tables;

use ami_share::diagnostic::Severity;
use ami_share::{Finding, Report};

use self::markdown::Markdown;
use super::ending::{Ending, count};
use super::kinds::{self, Said};
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
    let ending = Ending::of(outcome, exit, mode);
    let mut text = Markdown::literal("### ami-share: ");
    text.push(Markdown::text(&ending.verdict));
    text.push_literal("\n");
    for more in [ending.failures, ending.next] {
        if !more.is_empty() {
            text.push_literal("\n");
            text.push(Markdown::text(more));
            text.push_literal(".\n");
        }
    }
    text.end_block();
    match outcome {
        Outcome::Unplanned(errors) => items(&mut text, errors.iter().map(Said::error)),
        // What a refused plan would do is not done, so the summary shows only what is so already.
        Outcome::Planned(report) => {
            let is_plan = !matches!(exit, Exit::Refused | Exit::Cancelled);
            whole_report(&mut text, report, is_plan);
        }
        Outcome::Verified(report) | Outcome::Applied(report) => {
            whole_report(&mut text, report, false);
        }
    }
    text.push_literal("\n");
    text
}

/// What failed comes first, then what is so, then what else there is to know.
fn whole_report(text: &mut Markdown, report: &Report, planned: bool) {
    items(text, report.errors.iter().map(Said::error));
    let (refusals, warnings): (Vec<&Finding>, Vec<&Finding>) = report
        .findings
        .iter()
        .partition(|finding| finding.severity != Severity::Warn);
    items(text, refusals.into_iter().map(Said::finding));
    if let Some(diagram) = diagram::of_report(report, planned) {
        text.push(Markdown::diagram(&diagram.text, diagram.says_more));
        text.end_block();
    }
    tables::images(text, report, planned);
    tables::keys(text, report, planned);
    tables::targets(text, report);
    verification::table(text, &report.verifications);
    if planned {
        policies::changes(text, &report.plan);
    }
    policies::left_to_do(text, report);
    items(text, warnings.into_iter().map(Said::finding));
}

/// Findings or errors, those of one kind as one.
fn items(text: &mut Markdown, messages: impl Iterator<Item = Said>) {
    for (number, kind) in kinds::fold(messages).into_iter().enumerate() {
        if number == MAX_ITEMS {
            text.push_literal("\n- … and more, which are in the report\n");
            return;
        }
        let Said {
            code,
            text: message,
            ..
        } = kind.first;
        // The code is written in bold already.
        let message = message.strip_prefix(code).unwrap_or(&message);
        let message = message.trim_start_matches([':', ' ']);
        text.push_literal("\n- **");
        text.push(Markdown::text(code));
        text.push_literal("** ");
        text.push(Markdown::text(cut(message, LONGEST_ITEM)));
        text.push_literal("\n");
        if !kind.others.is_empty() {
            let more = format!("the same {} more", count(kind.others.len(), "time"));
            text.push_literal("\n  <details><summary>");
            text.push(Markdown::text(more));
            text.push_literal("</summary>");
            text.push(Markdown::text(cut(&kind.others.join("; "), LONGEST_ITEM)));
            text.push_literal("</details>\n");
        }
        text.end_block();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::log::Level;

    #[test]
    fn many_findings_are_cut() {
        let mut text = Markdown::default();
        items(
            &mut text,
            (0..1000_u32).map(|n| {
                let letters: String = n.to_string().bytes().map(|b| char::from(b + 50)).collect();
                let text = format!("code: {letters}");
                Said {
                    level: Level::Error,
                    code: "code",
                    kind: text.clone(),
                    text,
                    place: String::new(),
                }
            }),
        );
        let text = text.whole_text(false);
        assert_eq!(
            text.lines()
                .filter(|line| line.starts_with("- **code**"))
                .count(),
            MAX_ITEMS
        );
        assert!(text.contains("and more"));
    }
}

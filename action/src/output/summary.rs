//! The step summary, in Markdown.

mod bad_input;
mod console;
pub(super) mod markdown;
mod planned_copies;
mod policies;
mod tables;

use std::time::Duration;

use ami_share::diagnostic::{FindingCode, Severity};
use ami_share::report::{CheckName, Conclusion, Verdict};
use ami_share::{Finding, Report};

use self::markdown::Markdown;
use super::ending::{Ending, count};
use super::kinds::{self, Said};
use super::outcome::Outcome;
use super::pages::Pages;
use super::text::cut;
use super::{diagram, retirement, usage, verification};
use crate::exit::Exit;
use crate::settings::Mode;

pub(super) use bad_input::markdown as bad_input;

/// GitHub takes a mebibyte for each step; what does not fit is in the report.
const MAX_ITEMS: usize = 50;
/// The longest finding, in characters: it may name thousands of accounts.
const LONGEST_ITEM: usize = 2_000;

/// This many kinds of errors are seen at a glance; more are summed up before them.
const FEW_KINDS: usize = 3;

/// What else is known of a run.
pub(super) struct About<'a> {
    /// How long it took.
    pub(super) took: Duration,
    /// The pages that it links to.
    pub(super) pages: &'a Pages,
}

/// What became of the plan of a report.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It would be carried out.
    Planned,
    /// It is not carried out.
    Refused,
    /// It was only checked.
    Checked,
    Done,
}

pub(super) fn markdown(outcome: &Outcome, exit: Exit, mode: Mode, about: &About<'_>) -> Markdown {
    let ending = Ending::of(outcome, exit, mode);
    let mut text = Markdown::literal("### ami-share: ");
    text.push(Markdown::message(&ending.verdict));
    text.push_literal("\n");
    let mut lines = Vec::new();
    if kinds::fold(outcome.errors().iter().map(Said::error)).len() > FEW_KINDS {
        lines.push(ending.failures);
    }
    // What to do after a deadline is said by its error.
    let next = Some(ending.next).filter(|next| !next.is_empty() && exit != Exit::Deadline);
    let last = [next, Some(work(outcome, about.took))];
    lines.push(last.into_iter().flatten().collect::<Vec<_>>().join(". "));
    for line in lines {
        text.push_literal("\n");
        text.push(Markdown::message(line));
        text.push_literal(".\n");
    }
    text.end_block();
    match outcome {
        Outcome::Unplanned(errors) => items(&mut text, about.pages, errors.iter().map(Said::error)),
        // What a refused plan would do is not done, so the summary shows only what is so already.
        Outcome::Planned(report) => {
            let is = match exit {
                Exit::Refused | Exit::Cancelled => State::Refused,
                _ => State::Planned,
            };
            whole_report(&mut text, about.pages, report, is);
        }
        Outcome::Verified(report) => {
            // Why a launch fails; after a share these are among the errors.
            let blocked = report.verifications.iter();
            let blocked = blocked.filter(|one| one.conclusion == Conclusion::Blocked);
            items(&mut text, about.pages, blocked.map(Said::blocked));
            whole_report(&mut text, about.pages, report, State::Checked);
        }
        Outcome::Used(report) | Outcome::Applied(report) => {
            whole_report(&mut text, about.pages, report, State::Done);
        }
    }
    text.push_literal("\n");
    text
}

/// How long the run took, and how many copies it made.
fn work(outcome: &Outcome, took: Duration) -> String {
    let took = match took.as_secs() {
        0 => "less than a second".to_owned(),
        seconds => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
    };
    let (made, unfinished) = match outcome {
        Outcome::Applied(report) => copies(report),
        _ => (0, 0),
    };
    let mut text = format!("Took {took}");
    if made > 0 {
        text += &format!(", and made {}", count(made, "copy"));
    }
    if unfinished > 0 {
        text += &format!("; {} begun, and not available", count(unfinished, "copy"));
    }
    text
}

/// How many copies the run began that are available, and how many that are not.
fn copies(report: &Report) -> (usize, usize) {
    let own = report.targets.iter().flat_map(|target| &target.copies);
    let own = own.map(|copy| (copy.copied, copy.available));
    let shared = report.images.iter();
    let shared = shared.map(|image| (image.copied, image.available));
    let begun = own.chain(shared).filter(|(copied, _)| *copied);
    let (made, unfinished): (Vec<_>, Vec<_>) = begun.partition(|(_, available)| *available);
    (made.len(), unfinished.len())
}

/// What failed comes first, then what is so, then what else there is to know.
fn whole_report(text: &mut Markdown, pages: &Pages, report: &Report, is: State) {
    let planned = is == State::Planned;
    // What targets still need is of no use while nothing is shared.
    let shares = match is {
        State::Planned | State::Checked => true,
        State::Refused => false,
        State::Done => report
            .images
            .iter()
            .any(|image| !image.principals.is_empty()),
    };
    items(text, pages, report.errors.iter().map(Said::error));
    let (refusals, warnings): (Vec<&Finding>, Vec<&Finding>) = report
        .findings
        .iter()
        .partition(|finding| finding.severity != Severity::Warn);
    items(text, pages, refusals.into_iter().map(Said::finding));
    if let Some(diagram) = diagram::of_report(report, planned) {
        // Failures leave no room for a picture.
        let is_open = diagram.says_more && report.errors.is_empty();
        text.push(Markdown::diagram(&diagram.text, is_open));
        text.end_block();
    }
    usage::table(text, report);
    retirement::table(text, report);
    tables::images(text, report, planned);
    tables::keys(text, report, planned);
    tables::targets(text, report);
    tables::launch_templates(text, report, planned);
    if planned {
        planned_copies::table(text, &report.plan);
    }
    verification::table(text, report);
    if planned {
        policies::changes(text, &report.plan);
        policies::steps(text, &report.plan);
    }
    if shares {
        policies::left_to_do(text, report);
    }
    let warnings = warnings.into_iter();
    let warnings = warnings.filter(|finding| !is_told_by_a_check(report, finding));
    items(text, pages, warnings.map(Said::finding));
}

/// Whether a check says no for the reason that a finding warned of. A finding of what Allowed AMIs
/// will hide one day is another one.
fn is_told_by_a_check(report: &Report, finding: &Finding) -> bool {
    let mut blocked = report.verifications.iter();
    finding.code == FindingCode::TargetHidesImage
        && finding.message.starts_with("Allowed AMIs of target")
        && blocked.any(|blocked| {
            let mut checks = blocked.checks.iter();
            finding.message.contains(blocked.account.as_ref())
                && finding.resource == blocked.source.ami.as_ref()
                && checks.any(|it| it.name == CheckName::AllowedImages && it.verdict == Verdict::No)
        })
}

/// Findings or errors, those of one kind as one.
fn items(text: &mut Markdown, pages: &Pages, messages: impl Iterator<Item = Said>) {
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
        let name = Markdown::text(code);
        text.push(match pages.section(code) {
            Some(address) => name.linked(&address),
            None => name,
        });
        text.push_literal("** ");
        text.push(Markdown::message(cut(
            &without_encoded(message),
            LONGEST_ITEM,
        )));
        text.push_literal("\n");
        if !kind.others.is_empty() {
            let more = format!("the same {}", count(kind.others.len(), "more time"));
            text.push_literal("\n  <details><summary>");
            text.push(Markdown::text(more));
            text.push_literal("</summary>");
            text.push(Markdown::text(cut(&kind.others.join("; "), LONGEST_ITEM)));
            text.push_literal("</details>\n");
        }
        text.end_block();
    }
}

/// A denial of EC2 without its encoded details, which nobody reads and the log has.
fn without_encoded(message: &str) -> String {
    const BEGINNING: &str = " Encoded authorization failure message: ";
    let Some((words, encoded)) = message.split_once(BEGINNING) else {
        return message.to_owned();
    };
    // What comes after it is ours, or AWS's next message.
    let rest = encoded
        .find(char::is_whitespace)
        .map_or("", |end| &encoded[end..]);
    let rest = without_encoded(rest);
    format!("{words} The log has AWS's encoded message{rest}")
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
            &Pages::of(|_| None),
            (0..1000_u32).map(|n| {
                let letters: String = n.to_string().bytes().map(|b| char::from(b + 50)).collect();
                let text = format!("code: {letters}");
                Said {
                    level: Level::Error,
                    code: "code",
                    kind: text.clone(),
                    text,
                    place: String::new(),
                    within: None,
                    image: None,
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

    #[test]
    fn encoded_details_are_left_to_the_log() {
        let denial = "AWS said: no. Encoded authorization failure message: eyJhbGxvd2Vk==";
        let cases = [
            (denial, "AWS said: no. The log has AWS's encoded message"),
            ("AWS said: no", "AWS said: no"),
            (
                "no. Encoded authorization failure message: eyJ=. Tags: set `tags`",
                "no. The log has AWS's encoded message Tags: set `tags`",
            ),
        ];
        for (message, words) in cases {
            assert_eq!(without_encoded(message), words);
        }
    }

    #[test]
    fn only_what_is_said_again_is_counted() {
        let said = |text: &str, place: &str| Said {
            level: Level::Error,
            code: "code",
            kind: text.to_owned(),
            text: format!("code: {text}"),
            place: place.to_owned(),
            within: None,
            image: None,
        };
        let mut text = Markdown::default();
        let messages = [
            said("x", "a"),
            said("y", "b"),
            said("x", "c"),
            said("x", "d"),
        ];
        let pages = Pages::of(|_| None);
        items(&mut text, &pages, messages.into_iter());
        let text = text.whole_text(false);
        assert_eq!(text.matches("- **code** x").count(), 1, "{text}");
        assert_eq!(text.matches("the same").count(), 1, "{text}");
        assert!(text.contains("the same 2 more times"), "{text}");
    }
}

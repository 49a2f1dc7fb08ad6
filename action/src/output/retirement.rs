//! What became of the images of a retirement: their counts, and the table of the summary.

use ami_share::Report;
use ami_share::plan::{KeptBecause, NextStep, RetirementState};
use ami_share::report::RetiredImage;

use super::ending::count;
use super::summary::markdown::Markdown;

const COLUMNS: [&str; 6] = ["image", "name", "Region", "group", "is now", "next"];
/// Rows of the summary's table; the report has all.
const MAX_ROWS: usize = 300;

/// Such as `2 deprecated, 1 disabled; 3 stay, 1 waits, 1 in use`.
pub(super) fn counts(report: &Report) -> String {
    let of = |is: fn(&RetiredImage) -> bool| report.retired.iter().filter(|it| is(it)).count();
    let mut done = Vec::new();
    for (number, what) in [
        (
            of(|it| became(it, RetirementState::Deprecated)),
            "deprecated",
        ),
        (of(|it| became(it, RetirementState::Disabled)), "disabled"),
        (
            of(|it| became(it, RetirementState::Deregistered)),
            "deregistered",
        ),
        (
            of(|it| it.changed && it.before == it.image.state && is_disabled(it)),
            "noted as disabled",
        ),
    ] {
        if number > 0 {
            done.push(format!("{number} {what}"));
        }
    }
    let mut rest = Vec::new();
    let is_kept = |because| {
        matches!(
            because,
            KeptBecause::Newest | KeptBecause::Younger | KeptBecause::NotAvailable
        )
    };
    let mut kept = 0;
    for retired in &report.retired {
        kept += usize::from(retired.because.is_some_and(is_kept));
    }
    for (number, what) in [
        (kept, "kept"),
        (of(|it| it.next.is_some()), "waiting"),
        (of(|it| it.because == Some(KeptBecause::InUse)), "in use"),
        (
            of(|it| it.because == Some(KeptBecause::UseUnknown)),
            "of unknown use",
        ),
        (
            of(|it| it.because == Some(KeptBecause::Retired)),
            "disabled before",
        ),
    ] {
        if number > 0 {
            rest.push(format!("{number} {what}"));
        }
    }
    let whole = count(report.retired.len(), "image");
    let done = if done.is_empty() {
        "none changed".to_owned()
    } else {
        done.join(", ")
    };
    let rest = if rest.is_empty() {
        String::new()
    } else {
        format!("; {}", rest.join(", "))
    };
    format!("of {whole}, {done}{rest}")
}

/// Whether this run brought an image that far.
fn became(retired: &RetiredImage, state: RetirementState) -> bool {
    retired.changed && retired.image.state == state && retired.before != state
}

fn is_disabled(retired: &RetiredImage) -> bool {
    retired.image.state == RetirementState::Disabled
}

/// The table of the summary.
pub(super) fn table(text: &mut Markdown, report: &Report) {
    if report.retired.is_empty() {
        return;
    }
    text.push_literal("\n");
    text.push_row(COLUMNS.map(Markdown::literal));
    text.push_row(COLUMNS.map(|_| Markdown::literal("---")));
    for retired in report.retired.iter().take(MAX_ROWS) {
        text.push_row(row(retired).iter().map(Markdown::text));
    }
    text.push_literal("\n");
    if report.retired.len() > MAX_ROWS {
        let more = report.retired.len() - MAX_ROWS;
        text.push(Markdown::text(format!(
            "{more} more rows are in the report."
        )));
        text.push_literal("\n");
    }
    text.end_block();
}

fn row(retired: &RetiredImage) -> [String; 6] {
    let image = &retired.image;
    let mut group = Vec::new();
    for (key, value) in &image.group {
        group.push(format!("{key}={value}"));
    }
    [
        image.image.to_string(),
        image.name.clone(),
        image.region.to_string(),
        group.join(", "),
        state(image.state).to_owned(),
        next(retired),
    ]
}

fn state(state: RetirementState) -> &'static str {
    match state {
        RetirementState::Available => "available",
        RetirementState::Deprecated => "deprecated",
        RetirementState::Disabled => "disabled",
        RetirementState::Deregistered => "deregistered",
        _ => "not available",
    }
}

fn next(retired: &RetiredImage) -> String {
    if let (Some(next), Some(until)) = (retired.next, &retired.until) {
        let what = match next {
            NextStep::Deregister => "deregistered",
            _ => "disabled",
        };
        return format!("{what} after {until}");
    }
    let why = match retired.because {
        Some(KeptBecause::Newest) => "stays: among the newest",
        Some(KeptBecause::Younger) => "stays: young",
        Some(KeptBecause::NotAvailable) => "stays: not available",
        Some(KeptBecause::AgeUnknown) => "stays: its age is not known",
        Some(KeptBecause::InUse) => "stays so: in use",
        Some(KeptBecause::UseUnknown) => "stays so: its use is not known",
        Some(KeptBecause::Locked) => "stays so: a snapshot is locked",
        Some(KeptBecause::Protected) => "stays so: protected",
        Some(KeptBecause::TooManyTags) => "stays so: too many tags",
        Some(KeptBecause::Retired) => "nothing: retired",
        _ => "",
    };
    why.to_owned()
}

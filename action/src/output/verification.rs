//! Whether targets can launch: a line of the log for each, and a table of the summary with targets
//! down and checks across.

use ami_share::Report;
use ami_share::report::{CheckName, Conclusion, Verdict, Verification};

use super::ending::count;
use super::summary::markdown::Markdown;

/// Further rows are only in the report.
const MAX_ROWS: usize = 200;
/// A cell names this many accounts, and otherwise says how many there are.
const NAMES_IN_A_CELL: usize = 2;

/// What is known of one target and image: no more than the checks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Answer {
    Blocked,
    Unknown,
    NoObstacle,
    Launched,
}

impl Answer {
    /// Every answer, bad ones first.
    pub(crate) const ALL: [Self; 4] = [
        Self::Blocked,
        Self::Unknown,
        Self::NoObstacle,
        Self::Launched,
    ];

    pub(crate) fn of(verification: &Verification) -> Self {
        let is_known = verification.image.is_some()
            && verdict(verification, CheckName::Image) != Some(Verdict::Unknown)
            && !checks_with(verification, Verdict::Yes).is_empty();
        match verification.conclusion {
            Conclusion::Launched => Self::Launched,
            Conclusion::Blocked => Self::Blocked,
            // Of an image that is not there, or that nothing was read of, no check can say no.
            Conclusion::NoObstacleFound if is_known => Self::NoObstacle,
            Conclusion::NoObstacleFound => Self::Unknown,
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Unknown => "not known",
            Self::NoObstacle => "no obstacle found",
            Self::Launched => "launched",
        }
    }
}

/// One target and image, in a line.
pub(crate) fn line(verification: &Verification) -> String {
    line_of(verification, verification.account.as_ref())
}

/// The line of one target and image, which is true of all these targets.
pub(crate) fn line_of(verification: &Verification, account: &str) -> String {
    let region = &verification.region;
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
    match Answer::of(verification) {
        Answer::Launched => format!("{account} launched {image} in {region}{unknown}"),
        Answer::NoObstacle => {
            format!("no obstacle found to {account} launching {image} in {region}{unknown}")
        }
        Answer::Unknown => {
            format!("whether {account} can launch {image} in {region} was not checked{unknown}")
        }
        Answer::Blocked => {
            let failed = checks_with(verification, Verdict::No);
            format!("{account} cannot launch {image} in {region}: {failed}")
        }
    }
}

fn checks_with(verification: &Verification, verdict: Verdict) -> String {
    let checks = verification
        .checks
        .iter()
        .filter(|check| check.verdict == verdict);
    let names: Vec<&str> = checks.map(|check| check.name.as_str()).collect();
    names.join(", ")
}

/// Adds the table, if there was any check; folded if the run failed elsewhere.
pub(super) fn table(text: &mut Markdown, report: &Report) {
    let verifications = &report.verifications;
    let columns = columns(verifications);
    if columns.is_empty() {
        return;
    }
    let answers: Vec<Answer> = verifications.iter().map(Answer::of).collect();
    let is_folded = !report.errors.is_empty() && !answers.contains(&Answer::Blocked);
    if is_folded {
        text.push_literal("\n<details><summary>");
        text.push(Markdown::text(format!("Checks: {}", summed(&answers))));
        text.push_literal("</summary>\n");
    }
    let mut names = vec!["target", "Region", "image", "sum"];
    names.extend(columns.iter().map(|name| name.as_str()));
    text.push_literal("\n");
    text.push_row(names.iter().map(|name| Markdown::literal(name)));
    text.push_row(names.iter().map(|_| Markdown::literal("---")));
    let rows = rows(verifications, &columns);
    for row in rows.iter().take(MAX_ROWS) {
        text.push_row(row.clone());
    }
    let more = rows.len().saturating_sub(MAX_ROWS);
    if more > 0 {
        let more = format!("… and {more} more, which are in the report");
        text.push_literal("\n");
        text.push(Markdown::text(more));
        text.push_literal("\n");
    }
    if is_folded {
        text.push_literal("\n</details>\n");
    }
    text.end_block();
}

/// `blocked 1, no obstacle found 59`, bad answers first.
pub(crate) fn summed(answers: &[Answer]) -> String {
    let mut texts = Vec::new();
    for answer in Answer::ALL {
        let number = answers.iter().filter(|other| **other == answer).count();
        if number > 0 {
            texts.push(format!("{} {number}", answer.title()));
        }
    }
    texts.join(", ")
}

/// The rows, bad answers first; targets with equal rows are one.
fn rows(verifications: &[Verification], columns: &[CheckName]) -> Vec<Vec<Markdown>> {
    let mut equal: Vec<(Answer, Vec<Markdown>, Vec<String>)> = Vec::new();
    for verification in verifications {
        let cells = row(verification, columns);
        let account = verification.account.to_string();
        match equal.iter_mut().find(|(_, known, _)| *known == cells) {
            Some((.., accounts)) => accounts.push(account),
            None => equal.push((Answer::of(verification), cells, vec![account])),
        }
    }
    equal.sort_by_key(|(answer, ..)| *answer);
    let mut rows = Vec::new();
    for (_, cells, accounts) in equal {
        let mut row = vec![Markdown::text(accounts_or_count(&accounts))];
        row.extend(cells);
        rows.push(row);
    }
    rows
}

fn accounts_or_count(accounts: &[String]) -> String {
    if accounts.len() > NAMES_IN_A_CELL {
        count(accounts.len(), "account")
    } else {
        accounts.join(", ")
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

/// The cells of a target, but for its account.
fn row(verification: &Verification, columns: &[CheckName]) -> Vec<Markdown> {
    let image = match &verification.image {
        Some(image) => Markdown::code(image),
        None => Markdown::literal("–"),
    };
    let sum = match Answer::of(verification) {
        Answer::Launched => "**launched**",
        Answer::NoObstacle => "no obstacle found",
        Answer::Unknown => "not known",
        Answer::Blocked => "**blocked**",
    };
    let mut cells = vec![
        Markdown::text(&verification.region),
        image,
        Markdown::literal(sum),
    ];
    for name in columns {
        cells.push(Markdown::literal(match verdict(verification, *name) {
            Some(Verdict::Yes) => "yes",
            Some(Verdict::No) => "**no**",
            Some(Verdict::Unknown) => "not known",
            None => "",
        }));
    }
    cells
}

fn verdict(verification: &Verification, name: CheckName) -> Option<Verdict> {
    let mut checks = verification.checks.iter();
    checks
        .find(|check| check.name == name)
        .map(|check| check.verdict)
}

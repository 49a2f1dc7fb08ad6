//! Whether targets can launch: a line of the log for each, and a table of the summary with targets
//! down, and the checks that say no or are not known.

use std::collections::BTreeSet;

use ami_share::report::{CheckName, Conclusion, Verdict, Verification};
use ami_share::{AmiId, Region, Report};

use super::ending::count;
use super::summary::markdown::Markdown;

/// Further rows are only in the report.
const MAX_ROWS: usize = 200;
/// A cell names this many accounts, and otherwise says how many there are.
const NAMES_IN_A_CELL: usize = 2;
/// Checks by name where they say no or are not known: a column for each is too wide for a page.
const COLUMNS: [&str; 7] = [
    "target",
    "Region",
    "AMI",
    "result",
    "no",
    "not known",
    "yes",
];

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
    let image = image_of(verification).as_ref();
    line_of(verification, verification.account.as_ref(), image)
}

/// What the target launches, or was to launch.
pub(crate) fn image_of(verification: &Verification) -> &AmiId {
    let image = verification.image.as_ref();
    image.unwrap_or(&verification.source.ami)
}

/// The line of one target and image, which is true of all these targets and images.
pub(crate) fn line_of(verification: &Verification, account: &str, image: &str) -> String {
    let region = &verification.region;
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
    if verifications.iter().all(|one| one.checks.is_empty()) {
        return;
    }
    let answers: Vec<Answer> = verifications.iter().map(Answer::of).collect();
    let is_folded = !report.errors.is_empty() && !answers.contains(&Answer::Blocked);
    let title = Markdown::text(format!("Launch checks: {}", summed(&answers)));
    if is_folded {
        text.push_literal("\n<details><summary>");
        text.push(title);
        text.push_literal("</summary>\n\n");
    } else {
        text.push_literal("\n**");
        text.push(title);
        text.push_literal("**\n\n");
    }
    text.push_row(COLUMNS.map(Markdown::literal));
    text.push_row(COLUMNS.map(|_| Markdown::literal("---")));
    let rows = rows(verifications);
    for row in rows.iter().take(MAX_ROWS) {
        text.push_row(row.cells());
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

/// Targets of a Region with the same answers: each may have an image of its own.
struct Row<'a> {
    answer: Answer,
    region: &'a Region,
    failed: String,
    unknown: String,
    passed: usize,
    accounts: BTreeSet<String>,
    images: BTreeSet<&'a AmiId>,
}

impl<'a> Row<'a> {
    fn new(verification: &'a Verification) -> Self {
        let passed = verification.checks.iter();
        let passed = passed.filter(|check| check.verdict == Verdict::Yes);
        Self {
            answer: Answer::of(verification),
            region: &verification.region,
            failed: checks_with(verification, Verdict::No),
            unknown: checks_with(verification, Verdict::Unknown),
            passed: passed.count(),
            accounts: BTreeSet::from([verification.account.to_string()]),
            images: verification.image.iter().collect(),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        (
            self.answer,
            self.region,
            &self.failed,
            &self.unknown,
            self.passed,
        ) == (
            other.answer,
            other.region,
            &other.failed,
            &other.unknown,
            other.passed,
        ) && self.images.is_empty() == other.images.is_empty()
    }

    fn cells(&self) -> Vec<Markdown> {
        let accounts: Vec<String> = self.accounts.iter().cloned().collect();
        let mut images = self.images.iter();
        let image = match (images.next(), images.len()) {
            (None, _) => Markdown::literal("–"),
            (Some(image), 0) => Markdown::code(image),
            _ => Markdown::text(count(self.images.len(), "AMI")),
        };
        let result = match self.answer {
            Answer::Launched => "**launched**",
            Answer::NoObstacle => "no obstacle found",
            Answer::Unknown => "not known",
            Answer::Blocked => "**blocked**",
        };
        let named = |checks: &str| match checks {
            "" => Markdown::literal("–"),
            checks => Markdown::text(checks),
        };
        vec![
            Markdown::text(accounts_or_count(&accounts)),
            Markdown::text(self.region),
            image,
            Markdown::literal(result),
            named(&self.failed),
            named(&self.unknown),
            Markdown::text(count(self.passed, "check")),
        ]
    }
}

/// The rows, bad answers first; targets with the same answers are one, unless one target has
/// several images: then each image is a row.
fn rows(verifications: &[Verification]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for verification in verifications {
        let row = Row::new(verification);
        let same = |known: &&mut Row<'_>| {
            known.is_like(&row)
                && (known.images == row.images || known.accounts.is_disjoint(&row.accounts))
        };
        match rows.iter_mut().find(same) {
            Some(known) => {
                known.accounts.extend(row.accounts);
                known.images.extend(row.images);
            }
            None => rows.push(row),
        }
    }
    rows.sort_by_key(|row| row.answer);
    rows
}

fn accounts_or_count(accounts: &[String]) -> String {
    if accounts.len() > NAMES_IN_A_CELL {
        count(accounts.len(), "account")
    } else {
        accounts.join(", ")
    }
}

fn verdict(verification: &Verification, name: CheckName) -> Option<Verdict> {
    let mut checks = verification.checks.iter();
    checks
        .find(|check| check.name == name)
        .map(|check| check.verdict)
}

//! What a run came to: the last line of the log, and the title of the summary. Every sentence is
//! derived from the outcome, in this place alone, so that none says more than is known.

mod counts;
mod failures;
mod verdict;

use ami_share::diagnostic::FindingCode;
use ami_share::plan::{LaunchPermission, Step};
use ami_share::{Plan, Principal, Report};

use super::outcome::Outcome;
use crate::exit::Exit;
use crate::settings::Mode;

pub(crate) use counts::count;

/// How a run ended, in words.
pub(crate) struct Ending {
    /// What was done or found, with counts.
    pub(crate) verdict: String,
    /// What failed, and where; blank if nothing did.
    pub(crate) failures: String,
    /// What to do next; blank if there is nothing.
    pub(crate) next: String,
}

impl Ending {
    pub(crate) fn of(outcome: &Outcome, exit: Exit, mode: Mode) -> Self {
        Self {
            verdict: verdict::of(outcome, exit, mode),
            failures: failures::summed(outcome.errors()),
            next: next(outcome, exit, mode),
        }
    }

    /// A run whose inputs are wrong.
    pub(crate) fn of_bad_input(problems: usize) -> Self {
        let problems = count(problems, "problem");
        Self {
            verdict: format!("bad input, {problems}: AWS was not called"),
            failures: String::new(),
            next: "`ami-share --help` shows every input".to_owned(),
        }
    }

    /// All of it, as one line.
    pub(crate) fn line(&self) -> String {
        let mut line = format!("ami-share: {}", self.verdict);
        for more in [&self.failures, &self.next] {
            if !more.is_empty() {
                line += ". ";
                line += more;
            }
        }
        line
    }
}

/// What is done is no part of an approved plan any more, so that its digest is refused.
const NEW_PLAN: &str = "When that is put right, make a new dry run and have its plan approved: of \
                        this one a part is done";

fn next(outcome: &Outcome, exit: Exit, mode: Mode) -> String {
    if let Outcome::Applied(report) = outcome
        && exit != Exit::Done
        && report.changed
        && report.plan.is_approved()
    {
        return NEW_PLAN.to_owned();
    }
    let text = match (exit, outcome) {
        (Exit::Done, Outcome::Applied(report)) if mode == Mode::Share => return left_to_do(report),
        (Exit::Done, Outcome::Planned(report)) if report.plan.changes() => {
            "Run without `dry-run` to carry it out"
        }
        // A plan alone is cancelled only by somebody who was asked and said no.
        (Exit::Done, _) | (Exit::Cancelled, Outcome::Planned(_)) => "",
        (Exit::Refused, _) => "See what each finding asks for, and run again",
        // The error of the deadline says more.
        (Exit::Deadline, _) => "Run again",
        (Exit::Cancelled, _) => "Run again, and it continues from here",
        (_, Outcome::Applied(report)) if report.changed => {
            let again = "Run again when that is put right: what is done stays done";
            let todo = left_to_do(report);
            return if mode == Mode::Share && is_shared(report) && !todo.is_empty() {
                format!("{again}. {todo}")
            } else {
                again.to_owned()
            };
        }
        _ => "Run again when that is put right",
    };
    text.to_owned()
}

/// Whether anybody has launch permission of an image of the request.
fn is_shared(report: &Report) -> bool {
    let mut images = report.images.iter();
    images.any(|image| !image.principals.is_empty())
}

/// What others must still do after a share before instances can be launched.
fn left_to_do(report: &Report) -> String {
    let mut todo = Vec::new();
    if leaves_keys_to_others(&report.plan) {
        todo.push(
            "the statements `key-policy-statements` of the outputs and the report must be in the \
             key policy, which this run does not change",
        );
    }
    if needs_launch_policy(report) {
        todo.push(
            "in the targets, the principals that launch need the policy `iam-policy` of the \
             outputs and the report",
        );
    }
    match todo.as_slice() {
        [] => String::new(),
        todo => format!("Left to do: {}", todo.join("; ")),
    }
}

/// Whether a share leaves it to others to give targets access to the keys.
pub(crate) fn leaves_keys_to_others(plan: &Plan) -> bool {
    let mut findings = plan.findings.iter();
    let is_unmanaged = findings.any(|finding| finding.code == FindingCode::KeyAccessUnmanaged);
    is_unmanaged && plan.launch_permissions().next().is_some()
}

/// Whether principals in the targets must still be allowed to use the keys.
pub(crate) fn needs_launch_policy(report: &Report) -> bool {
    let plan = &report.plan;
    if plan.groups.is_empty() {
        lacks_launch_policy(plan)
    } else {
        // Each group has launch roles of its own, or none.
        let mut groups = plan.groups.iter();
        groups.any(|group| lacks_launch_policy(&group.plan))
    }
}

fn lacks_launch_policy(plan: &Plan) -> bool {
    let is_managed = |step: &Step| matches!(step, Step::LaunchRole(_));
    if plan.steps.iter().any(is_managed) {
        return false;
    }
    let mut launches = plan.launch_permissions();
    launches
        .any(|it| !it.keys.is_empty() && it.principals.iter().any(|who| launches_it(plan, it, who)))
}

/// Whether a principal launches the shared image itself, and not a copy of its own.
fn launches_it(plan: &Plan, launch: &LaunchPermission, principal: &Principal) -> bool {
    let mut copies = plan.target_copies();
    !copies.any(|copy| {
        principal.account() == Some(&copy.account)
            && copy.shared.source == launch.shared.source
            && copy.shared.region == launch.shared.region
    })
}

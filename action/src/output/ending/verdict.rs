//! What was done or found, with counts.

use std::collections::BTreeSet;

use ami_share::diagnostic::FindingCode;
use ami_share::plan::Step;
use ami_share::report::Conclusion;
use ami_share::{Plan, Report};

use super::counts::{Counts, count, keepers};
use super::leaves_keys_to_others;
use crate::exit::Exit;
use crate::output::outcome::Outcome;
use crate::output::plan_text;
use crate::output::retirement;
use crate::output::verification::{Answer, summed};
use crate::settings::Mode;

pub(super) fn of(outcome: &Outcome, exit: Exit, mode: Mode) -> String {
    match outcome {
        Outcome::Unplanned(_) => unplanned(exit, mode),
        Outcome::Planned(report) => planned(report, exit, mode),
        Outcome::Verified(report) => verified(report, exit),
        Outcome::Used(report) => used(report, exit),
        Outcome::Applied(report) if mode == Mode::Revoke => revoked(report, exit),
        Outcome::Applied(report) if mode == Mode::Retire => retired(report, exit),
        Outcome::Applied(report) => shared(report, exit),
    }
}

/// Why a run ended before everything was done; blank if it did not.
fn prefix(exit: Exit) -> &'static str {
    match exit {
        Exit::Deadline => "the deadline passed: ",
        Exit::Cancelled => "cancelled: ",
        _ => "",
    }
}

/// A run that has no plan has changed nothing; of test launches of `mode: verify` the log tells.
fn unplanned(exit: Exit, mode: Mode) -> String {
    let prefix = prefix(exit);
    match mode {
        Mode::Verify => format!("{prefix}the checks are not complete"),
        Mode::Usage => format!("{prefix}who uses the images could not be read"),
        Mode::Share | Mode::Revoke | Mode::Retire => {
            format!("{prefix}there is no plan, nothing was changed")
        }
    }
}

fn planned(report: &Report, exit: Exit, mode: Mode) -> String {
    let (plan, all) = (&report.plan, Counts::planned(report));
    match exit {
        Exit::Refused => {
            let findings = count(plan.refusals().count(), "finding");
            return format!("the plan is refused by {findings}: nothing was changed");
        }
        Exit::Cancelled => return "cancelled: nothing was changed".to_owned(),
        _ => {}
    }
    if plan.changes() {
        let [add, change, remove] = plan_text::sums(plan);
        let left_out = match plan.errors.len() {
            0 => String::new(),
            errors => format!(", and {} left out", count(errors, "part")),
        };
        let asks = if asks_about_use(plan) {
            "; the run first asks AWS who uses the images"
        } else {
            ""
        };
        return format!(
            "dry run, nothing was changed. Plan: {add} to add, {change} to change, {remove} to \
             remove{left_out}{asks}"
        );
    }
    if plan.may_change() {
        let all = all.looked_at();
        return format!(
            "dry run of {all}: no changes so far, but not everything could be looked at"
        );
    }
    match mode {
        Mode::Revoke => {
            let (all, kept) = (all.looked_at(), kept(report));
            format!("dry run of {all}: no changes, nothing to revoke{kept}")
        }
        Mode::Retire => {
            let counts = retirement::counts(report);
            format!("dry run: no changes, nothing to retire now: {counts}")
        }
        Mode::Share | Mode::Verify | Mode::Usage => {
            let shared = Counts::shared(report).shared_of(&all);
            let keys = without_keys(report);
            format!("dry run: no changes, already shared as the inputs say: {shared}{keys}")
        }
    }
}

/// Whether the run asks AWS who uses images, which the dry run does not know.
fn asks_about_use(plan: &Plan) -> bool {
    let mut findings = plan.findings.iter();
    findings.any(|finding| {
        let code = finding.code;
        let is_kept = plan
            .kept
            .iter()
            .any(|kept| kept.image.image.as_ref() == finding.resource);
        code == FindingCode::ImageUsageUnknown || code == FindingCode::RetireUseUnknown && !is_kept
    })
}

fn verified(report: &Report, exit: Exit) -> String {
    let answers: Vec<Answer> = report.verifications.iter().map(Answer::of).collect();
    let pairs = count(answers.len(), "pair");
    let mut text = format!("{}checked {pairs} of image and target", prefix(exit));
    if !answers.is_empty() {
        text += &format!(": {}", summed(&answers));
    }
    if exit == Exit::Refused {
        text += "; the plan is refused";
    }
    if !report.errors.is_empty() {
        text += "; not everything could be checked";
    }
    text
}

/// How many images are in use, and by how many accounts.
fn used(report: &Report, exit: Exit) -> String {
    let images = count(report.usage.len(), "image");
    let used = report
        .usage
        .iter()
        .filter(|usage| !usage.accounts.is_empty());
    let (mut in_use, mut accounts) = (0, BTreeSet::new());
    for usage in used {
        in_use += 1;
        accounts.extend(usage.accounts.iter().map(|used| &used.account));
    }
    let is_own = accounts.remove(&report.plan.account);
    let accounts = match (accounts.len(), is_own) {
        (0, true) => "the owner alone".to_owned(),
        (others, true) => format!("{} and the owner", count(others, "other account")),
        (others, false) => count(others, "account"),
    };
    let is_known = report.errors.is_empty() && report.usage.iter().all(|usage| usage.complete);
    let in_use = match (in_use, is_known) {
        (0, true) => "in use by no account".to_owned(),
        (0, false) => "none known to be in use".to_owned(),
        (_, true) => format!("{in_use} in use by {accounts}"),
        (_, false) => format!("at least {in_use} in use by at least {accounts}"),
    };
    let mut text = format!("{}{images} looked at, {in_use}", prefix(exit));
    if exit == Exit::Refused {
        text += "; the plan is refused";
    }
    if !report.errors.is_empty() {
        text += "; not everything could be read";
    }
    text
}

fn shared(report: &Report, exit: Exit) -> String {
    let counts = Counts::shared(report);
    let all = Counts::asked(report);
    let (prefix, keys) = (prefix(exit), without_keys(report));
    if counts.is_empty() {
        return shared_nothing(report, prefix);
    }
    // What a run did that ended well is everything that it was to do.
    let shared = counts.shared_of(if exit == Exit::Done { &counts } else { &all });
    let mut verdict = match (has_given(report), own_copies(report, &counts, exit)) {
        (_, Some(copies)) => copies,
        (true, None) => format!("shared {shared}{keys}"),
        (false, None) => format!("already shared: {shared}{keys}"),
    };
    let by_copies = counts.without(&Counts::permitted(report));
    if by_copies > 0 && by_copies < counts.targets() {
        verdict += &format!(" ({by_copies} of these by copies of their own alone)");
    }
    verdict += &blocked(report);
    let unlisted = Counts::revoked_from_unlisted(report);
    if !unlisted.is_empty() {
        verdict += &format!("; revoked {}", unlisted.access());
    }
    match (exit, report.changed) {
        (Exit::Done, false) => format!("{verdict}; nothing was changed"),
        (Exit::Done, true) if !has_given(report) && unlisted.is_empty() => {
            format!("{verdict}; the other changes of the plan are made")
        }
        (Exit::Done, true) => verdict,
        _ => format!("{prefix}not everything was done; {verdict}"),
    }
}

/// How many targets cannot launch something that they have permission of.
fn blocked(report: &Report) -> String {
    let mut targets = BTreeSet::new();
    for checked in &report.verifications {
        if checked.conclusion == Conclusion::Blocked {
            targets.insert(&checked.account);
        }
    }
    match targets.len() {
        0 => String::new(),
        targets => format!("; {} cannot launch", count(targets, "target")),
    }
}

/// What was done if every target launches a copy of its own, and none the shared image.
fn own_copies(report: &Report, counts: &Counts<'_>, exit: Exit) -> Option<String> {
    if counts.without(&Counts::permitted(report)) < counts.targets() {
        return None;
    }
    let copies = counts.own_copies();
    let mut copied = report.targets.iter().flat_map(|target| &target.copies);
    if !copied.any(|copy| copy.copied) {
        return Some(format!("already there: {copies}"));
    }
    // What it was for is over if nothing failed.
    let ended = match exit {
        Exit::Done => "; the temporary access to the source is revoked",
        _ => "",
    };
    Some(format!("made {copies}{ended}"))
}

/// Whether a share gave targets access, or began copies, where there was none.
fn has_given(report: &Report) -> bool {
    let mut copies = report.targets.iter().flat_map(|target| &target.copies);
    report
        .images
        .iter()
        .any(|image| image.copied || !image.added.is_empty())
        || report.keys.iter().any(|key| !key.added.is_empty())
        || copies.any(|copy| copy.copied)
}

/// No target can launch what it was to launch.
fn shared_nothing(report: &Report, prefix: &str) -> String {
    let permitted = Counts::permitted(report);
    if !permitted.is_empty() {
        let permitted = permitted.shared_of(&permitted);
        return format!(
            "{prefix}no target has its own copy yet; until then launch permission is there for \
             {permitted}"
        );
    }
    let changed = if report.changed {
        "; the log says what was done on the way"
    } else {
        ", and nothing was changed"
    };
    format!("{prefix}this run shared no image{changed}")
}

fn without_keys(report: &Report) -> &'static str {
    if leaves_keys_to_others(&report.plan) {
        ", but access to their keys is left to others (`key-access: none`)"
    } else {
        ""
    }
}

fn revoked(report: &Report, exit: Exit) -> String {
    let counts = Counts::revoked(report);
    let (prefix, kept) = (prefix(exit), kept(report));
    let mut done = Vec::new();
    if !counts.is_empty() {
        done.push(format!("revoked {}", counts.access()));
    }
    done.extend(removed(report));
    match (exit, done.is_empty()) {
        (Exit::Done, true) if report.changed => format!("revoked: see the log{kept}"),
        (Exit::Done, true) => {
            let all = Counts::planned(report).looked_at();
            format!("nothing to revoke: nothing was changed ({all}){kept}")
        }
        (Exit::Done, false) => format!("{}{kept}", done.join(", ")),
        (_, true) if report.changed => {
            format!("{prefix}not everything was revoked; the log says what was{kept}")
        }
        (_, true) => format!("{prefix}this run revoked nothing{kept}"),
        (_, false) => {
            format!(
                "{prefix}not everything was revoked; {}{kept}",
                done.join(", ")
            )
        }
    }
}

fn retired(report: &Report, exit: Exit) -> String {
    let (prefix, counts) = (prefix(exit), retirement::counts(report));
    match exit {
        Exit::Done => format!("retired: {counts}"),
        _ => format!("{prefix}not everything was done; retired: {counts}"),
    }
}

/// The copies that were removed, and what failed copies had left.
fn removed(report: &Report) -> Vec<String> {
    let is_copy = |id: &&String| {
        let mut steps = report.plan.steps.iter();
        steps.any(
            |step| matches!(step, Step::RemoveCopy(copy) if copy.image.as_ref() == id.as_str()),
        )
    };
    let (copies, left): (Vec<&String>, Vec<&String>) = report.removed.iter().partition(is_copy);
    let mut texts = Vec::new();
    if !copies.is_empty() {
        let whose = if copies.len() == 1 { "its" } else { "their" };
        let copies = count(copies.len(), "copy");
        texts.push(format!("removed {copies} with {whose} snapshots"));
    }
    if !left.is_empty() {
        let left = count(left.len(), "leftover");
        texts.push(format!("removed {left} of failed copies"));
    }
    texts
}

/// Those who keep a key although they are to lose it.
fn kept(report: &Report) -> String {
    match keepers(report) {
        0 => String::new(),
        1 => "; 1 principal keeps key access".to_owned(),
        many => format!("; {many} principals keep key access"),
    }
}

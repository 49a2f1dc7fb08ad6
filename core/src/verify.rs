//! Checks whether targets can launch: each check says yes, no or unknown, and never more than it
//! checked (promise P9).

mod doubt;
mod evidence;
mod judge;
mod launch;
mod read;
mod simulate;
mod source;
mod usual_values;

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future;
use tokio::time::{self, Instant};

use self::read::{KeyReader, TargetReader};
use crate::diagnostic::Error;
use crate::id::{KeyArn, Principal};
use crate::limits::{PERMISSION_PROPAGATION, SHARE_PROPAGATION};
use crate::plan::Plan;
use crate::report::{Check, CheckName, Event, Verdict, Verification};
use crate::request::Verify;
use crate::run::Run;
use crate::run::effect::ChangeKind;
use crate::run::together::join_some;

pub(crate) use launch::remove_left;

/// The shortest and the longest pause before targets are checked again.
const POLL: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(15));

/// Checks every image of a plan in every target account. A no that access explains which this run,
/// or perhaps another one, has just given is not final until AWS had the time to put that into
/// effect. A run that has `just_shared` them has shown what its own permissions are.
pub(crate) async fn verify(run: &Run<'_>, plan: &Plan, just_shared: bool) -> Vec<Verification> {
    // 1. What can be told by reading.
    let mut verifications = judge_until_in_effect(run, plan).await;
    // 2. The source's own permissions for the share; a share that is done has shown them.
    if !just_shared {
        source::check_source_permissions(run, plan, &mut verifications).await;
    }
    // 3. A real launch, if asked for: last, so that nothing is launched that is known to fail, or
    //    that the plan refuses.
    if plan.request.options.in_targets.verify != Verify::Launch {
        return verifications;
    }
    if let Some(refusal) = plan.refusals().next() {
        let detail = format!(
            "nothing was launched, for the plan is refused: {} {}",
            refusal.code, refusal.resource
        );
        for verification in &mut verifications {
            verification.push(Check::unknown(CheckName::Launch, detail.clone()));
        }
    } else {
        let mut launches = Vec::new();
        for verification in &mut verifications {
            launches.push(async move {
                let launching = launch::verify_by_launch(run, plan, verification);
                // Those that have ended are told, whoever is slow. A share ends as a whole.
                if just_shared {
                    launching.await;
                } else if time::timeout_at(plan.deadline, launching).await.is_err() {
                    let detail = "could not be tested: the run's deadline passed";
                    verification.push(Check::unknown(CheckName::Launch, detail));
                }
            });
        }
        future::join_all(launches).await;
    }
    verifications
}

/// Removes what the test launches of runs that are gone left in targets.
pub(crate) async fn sweep(run: &Run<'_>, plan: &Plan) {
    launch::sweep(run, plan).await;
}

/// Reads and judges; again while a no may only mean that a change is not in effect yet.
async fn judge_until_in_effect(run: &Run<'_>, plan: &Plan) -> Vec<Verification> {
    let mut backoff = run.progress.poll_backoff(POLL);
    let since = Instant::now();
    loop {
        let (verifications, unread) = read_and_judge(run, plan).await;
        note_found_access(run, plan, &verifications);
        let mut blocked = verifications.iter().filter(|one| one.may_pass());
        let unsettled = blocked.find_map(|one| find_unsettled(run, one, since));
        let Some((resource, what)) = unsettled else {
            for error in unread {
                run.progress.emit(&Event::Failed(error));
            }
            return verifications;
        };
        run.progress
            .wait(resource, &what, since, backoff.next())
            .await;
    }
}

/// Notes what targets have by the owner's view. Another run may have given it a moment ago, which
/// nothing shows, so that AWS gets its time from the first look on.
fn note_found_access(run: &Run<'_>, plan: &Plan, verifications: &[Verification]) {
    let changes = &run.progress.changes;
    for one in verifications {
        let Some(image) = &one.image else {
            continue;
        };
        if !one.says_yes(CheckName::LaunchPermission) {
            continue;
        }
        changes.note_found(ChangeKind::FoundSharing, image, &one.account);
        if one.says_yes(CheckName::KeyAccess) {
            for key in keys_of(plan, one) {
                changes.note_found(ChangeKind::FoundKeyAccess, key, &one.account);
            }
        }
    }
}

/// The keys that the image of a verification is shared with.
fn keys_of<'a>(plan: &'a Plan, verification: &Verification) -> BTreeSet<&'a KeyArn> {
    let mut keys = BTreeSet::new();
    for launch in plan.launch_permissions() {
        let shared = &launch.shared;
        if shared.source == verification.source && shared.region == verification.region {
            keys.extend(&launch.keys);
        }
    }
    keys
}

/// A change that may not be in effect, and explains why a target is blocked: the resource, and what
/// it is to be. `None` if there is a no that none explains.
fn find_unsettled(
    run: &Run<'_>,
    blocked: &Verification,
    since: Instant,
) -> Option<(String, String)> {
    let mut unsettled = None;
    for check in &blocked.checks {
        if check.verdict != Verdict::No {
            continue;
        }
        if since.elapsed() >= patience(check.name) {
            return None;
        }
        let kinds = kinds_behind(check.name);
        let changes = &run.progress.changes;
        unsettled = Some(changes.unsettled(&blocked.account, kinds, blocked.image.as_ref())?);
    }
    unsettled
}

/// How long a no of a check may last before it is final, whatever changes explain it.
fn patience(check: CheckName) -> Duration {
    match check {
        CheckName::Visible => SHARE_PROPAGATION,
        _ => PERMISSION_PROPAGATION,
    }
}

/// The kinds of changes that a check sees only once they are in effect. What was found in the
/// owner's view explains only what targets see.
fn kinds_behind(check: CheckName) -> &'static [ChangeKind] {
    match check {
        CheckName::Visible => &[ChangeKind::Sharing, ChangeKind::FoundSharing],
        CheckName::LaunchPermission | CheckName::Snapshots => &[ChangeKind::Sharing],
        CheckName::KeyAccess => &[ChangeKind::KeyPolicy, ChangeKind::Grants],
        CheckName::LauncherIam => &[ChangeKind::RolePolicy],
        CheckName::ServiceRoles => &[ChangeKind::Grants, ChangeKind::NewRole],
        _ => &[],
    }
}

/// Judges each target as soon as it is read, so that what was read of a thousand of them is never
/// held at once. Returns also why targets could not be read; why a role could not be assumed is
/// reported already.
async fn read_and_judge(run: &Run<'_>, plan: &Plan) -> (Vec<Verification>, Vec<Error>) {
    let keys = &KeyReader::new(run);
    let evidence = &read::read_evidence(run, plan, keys).await;
    let reader = TargetReader {
        run,
        plan,
        keys,
        evidence,
    };
    let mut judging = Vec::new();
    for account in plan.targets.iter().filter_map(Principal::account) {
        judging.push(async move {
            let target = Box::pin(reader.read(account)).await;
            keys.forget(account);
            let verifications = judge::judge_target(plan, evidence, account, &target);
            let reached = run.targets.get(account).is_some_and(Result::is_ok);
            let unread = target.into_values().filter_map(Result::err);
            (verifications, unread.filter(|_| reached).collect())
        });
    }
    let judged: Vec<(Vec<_>, Vec<_>)> = join_some(judging).await;
    let (verifications, unread): (Vec<_>, Vec<_>) = judged.into_iter().unzip();
    (verifications.concat(), unread.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send<T: Send>(_: T) {}

    #[test]
    fn verification_can_run_in_a_spawned_task() {
        let _: fn(&Run<'_>, &Plan) = |run, plan| is_send(verify(run, plan, false));
    }
}

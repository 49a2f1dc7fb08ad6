//! A plan in words, in the manner of Terraform's: `+` is added, `~` changed, `-` removed, and `=`
//! is so already.

mod policy_diff;
mod removals;
mod shares;
mod targets;

use ami_share::Plan;
use ami_share::plan::{SharedImage, Step};

use crate::settings::Mode;

/// Every step, with the change of each key policy as a diff below it.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().flat_map(describe).collect()
}

/// How much a run in this mode would change.
pub(crate) fn verdict(plan: &Plan, mode: Mode) -> String {
    if !plan.changes() && plan.may_change() {
        return "No changes so far, but not everything could be looked at: see what is said above"
            .to_owned();
    }
    if !plan.changes() {
        return match mode {
            Mode::Revoke => "No changes. There is no access to revoke".to_owned(),
            Mode::Share | Mode::Verify => {
                "No changes. Everything is shared as the inputs say".to_owned()
            }
        };
    }
    let (mut add, mut change, mut remove) = (0, 0, 0);
    for step in &plan.steps {
        match sign(step) {
            '+' => add += 1,
            '~' => change += 1,
            '-' => remove += 1,
            _ => {}
        }
    }
    let mode = match mode {
        Mode::Revoke => "revoke",
        Mode::Share | Mode::Verify => "share",
    };
    format!(
        "Plan: {add} to add, {change} to change, {remove} to remove. `mode: {mode}` would do this; \
         the dry run changed nothing"
    )
}

/// What a step does, by one character.
fn sign(step: &Step) -> char {
    if !step.changes() {
        return '=';
    }
    match step {
        Step::Copy(_)
        | Step::Grants(_)
        | Step::TargetCopy(_)
        | Step::LaunchRole(_)
        | Step::ServiceRole(_)
        | Step::LaunchPermission(_)
        | Step::SnapshotPermission(_) => '+',
        Step::KeyAccess(_)
        | Step::TagShared(_)
        | Step::Deprecate(_)
        | Step::Protect(_)
        | Step::Publish(_)
        | Step::ForgetTemporaryAccess(_) => '~',
        _ => '-',
    }
}

fn describe(step: &Step) -> Vec<String> {
    let sign = sign(step);
    match step {
        Step::Copy(copy) => vec![shares::copy(copy)],
        Step::KeyAccess(access) => shares::key_access(access, sign),
        Step::Grants(grants) => vec![shares::grants(grants, sign)],
        Step::SnapshotPermission(permission) => vec![shares::snapshots(permission, sign)],
        Step::LaunchPermission(permission) => shares::launch_permission(permission, sign),
        Step::Deprecate(deprecate) => vec![shares::deprecate(deprecate, sign)],
        Step::Protect(protect) => vec![shares::protect(protect, sign)],
        Step::Publish(publish) => vec![shares::publish(publish, sign)],
        Step::TargetCopy(copy) => vec![targets::copy(copy)],
        Step::TagShared(tag) => vec![targets::tags(tag, sign)],
        Step::LaunchRole(role) => targets::launch_role(role, sign).into_iter().collect(),
        Step::ServiceRole(role) => vec![targets::service_role(role, sign)],
        Step::ReclaimAccess(reclaim) => removals::reclaim(reclaim).into_iter().collect(),
        Step::ForgetTemporaryAccess(forget) => vec![removals::forget(forget, sign)],
        Step::RemoveRolePolicy(remove) => vec![removals::role_policy(remove)],
        Step::RemovePermissions(remove) => removals::permissions(remove),
        Step::RemoveKeyAccess(remove) => removals::key_access(remove),
        Step::RemoveCopy(remove) => vec![removals::copy(remove)],
        _ => Vec::new(),
    }
}

/// What to call a shared image, which may be a copy that does not exist yet.
fn image_name(shared: &SharedImage) -> String {
    let SharedImage { source, region, .. } = shared;
    match &shared.image {
        Some(image) => format!("{image} in {region}"),
        None => format!("the copy in {region} of {source}"),
    }
}

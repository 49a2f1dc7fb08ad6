//! A plan in words, in the manner of Terraform's: `+` is added, `~` changed, `-` removed, and `=`
//! is so already.

mod policy_diff;
mod policy_words;
mod removals;
mod retirement;
mod shares;
mod targets;

use ami_share::Plan;
use ami_share::plan::{SharedImage, Step};
use serde_json::Value;

/// Every step.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    let is_removal =
        |step: &Step| matches!(step, Step::RemovePermissions(_) | Step::RemoveKeyAccess(_));
    let keeps_unlisted = !plan.steps.iter().any(is_removal);
    let mut lines = Vec::new();
    for step in &plan.steps {
        lines.extend(describe(step, plan));
        if keeps_unlisted {
            lines.extend(shares::unlisted(step));
        }
    }
    lines
}

/// The changes of key policies, each under a title.
pub(crate) fn policy_changes(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let mut changes = Vec::new();
    for step in &plan.steps {
        let (key, change) = match step {
            Step::KeyAccess(access) => (&access.key, &access.policy),
            Step::RemoveKeyAccess(remove) => (&remove.key, &remove.policy),
            _ => continue,
        };
        let lines = change.as_ref().map(policy_diff::lines).unwrap_or_default();
        if !lines.is_empty() {
            let mut title = format!("Change of the policy of {key}");
            if let Some(words) = policy_words::describe(change.as_ref()) {
                title += &format!(": {words}");
            }
            changes.push((title, lines));
        }
    }
    changes
}

/// The statements that others must add to key policies, under their title.
pub(crate) fn statements(plan: &Plan) -> (&'static str, Vec<String>) {
    let statements = Value::from(plan.key_policy_statements());
    ("Statements that the key policy needs", pretty(&statements))
}

/// The lines of JSON.
pub(crate) fn pretty(json: &Value) -> Vec<String> {
    let text = serde_json::to_string_pretty(json).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// How many steps add, change and remove something.
pub(crate) fn sums(plan: &Plan) -> [usize; 3] {
    let signs: Vec<char> = plan.steps.iter().map(sign).collect();
    ['+', '~', '-'].map(|sign| signs.iter().filter(|other| **other == sign).count())
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
        | Step::ShareTags(_)
        | Step::Watermark(_)
        | Step::TagShared(_)
        | Step::Deprecate(_)
        | Step::Protect(_)
        | Step::Publish(_)
        | Step::UpdateLaunchTemplate(_)
        | Step::DeprecateNow(_)
        | Step::NoteDisabled(_)
        | Step::ForgetDisabled(_)
        | Step::ForgetTemporaryAccess(_) => '~',
        _ => '-',
    }
}

fn describe(step: &Step, plan: &Plan) -> Vec<String> {
    let sign = sign(step);
    match step {
        Step::Copy(copy) => vec![shares::copy(copy)],
        Step::KeyAccess(access) => shares::key_access(access, sign),
        Step::Grants(grants) => shares::grants(grants, sign),
        Step::SnapshotPermission(permission) => shares::snapshots(permission, sign),
        Step::LaunchPermission(permission) => shares::launch_permission(permission, sign),
        Step::ShareTags(share) => vec![shares::tags(share, sign)],
        Step::Watermark(watermark) => vec![shares::watermark(watermark, sign)],
        Step::Deprecate(deprecate) => vec![shares::deprecate(deprecate, sign)],
        Step::Protect(protect) => vec![shares::protect(protect, sign)],
        Step::Publish(publish) => vec![shares::publish(publish, sign)],
        Step::TargetCopy(copy) => vec![targets::copy(copy, plan.key_alias(&copy.key))],
        Step::TagShared(tag) => vec![targets::tags(tag, sign)],
        Step::UpdateLaunchTemplate(update) => vec![targets::launch_template(update, sign)],
        Step::LaunchRole(role) => targets::launch_role(role, sign).into_iter().collect(),
        Step::ServiceRole(role) => vec![targets::service_role(role, sign)],
        Step::ReclaimAccess(reclaim) => removals::reclaim(reclaim).into_iter().collect(),
        Step::ForgetTemporaryAccess(forget) => vec![removals::forget(forget, sign)],
        Step::RemoveRolePolicy(remove) => vec![removals::role_policy(remove)],
        Step::RemovePermissions(remove) => removals::permissions(remove),
        Step::RemoveKeyAccess(remove) => removals::key_access(remove),
        Step::RemoveCopy(remove) => vec![removals::copy(remove)],
        Step::DeprecateNow(step) => vec![retirement::deprecate(step)],
        Step::AwaitGrace(step) => vec![retirement::await_grace(step)],
        Step::DisableImage(step) => vec![retirement::disable(step)],
        Step::NoteDisabled(step) => vec![retirement::note(step)],
        Step::ForgetDisabled(step) => vec![retirement::forget(step)],
        Step::DeregisterImage(step) => vec![retirement::deregister(step)],
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

//! A plan in words, in the manner of Terraform's: `+` is added, `~` changed, `-` removed, and `=`
//! is so already.

mod policy_diff;
mod policy_words;
mod removals;
mod retirement;
mod shares;
mod targets;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ami_share::plan::{SharedImage, Step};
use ami_share::{AccountId, Plan};
use serde_json::Value;

use super::ending::count;
use super::principal_name::list_accounts;

/// Every step; of a plan of groups, under the name of its group. What two groups share is done
/// once, so that the second one names the first.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    let (mut lines, mut groups) = (Vec::new(), BTreeMap::new());
    for group in &plan.groups {
        let (name, targets) = (&group.name, count(group.targets.len(), "target"));
        let of_group = lines_of_steps(&group.plan);
        let nothing = no_changes(&group.plan, &of_group);
        lines.push(format!("Group {name}: {targets}{nothing}"));
        for line in of_group {
            let first = *groups.entry(line.clone()).or_insert(name);
            let shared = format!(" (that of group {first})");
            let shared = if first == name { "" } else { &shared };
            lines.push(format!("  {line}{shared}"));
        }
    }
    if plan.groups.is_empty() {
        lines = lines_of_steps(plan);
    }
    lines
}

/// What a heading adds if no lines are below it, and there cannot be any.
pub(crate) fn no_changes(plan: &Plan, lines: &[String]) -> &'static str {
    if lines.is_empty() && !plan.may_change() {
        ", no changes"
    } else {
        ""
    }
}

/// A line, or what steps say of several accounts with the same words.
enum Entry<'a> {
    Line(String),
    Same {
        first: &'a Step,
        accounts: BTreeSet<&'a AccountId>,
    },
}

/// The lines of steps. Those that differ in their account alone are one.
fn lines_of_steps(plan: &Plan) -> Vec<String> {
    let is_removal =
        |step: &Step| matches!(step, Step::RemovePermissions(_) | Step::RemoveKeyAccess(_));
    let keeps_unlisted = !plan.steps.iter().any(is_removal);
    let mut entries: Vec<Entry<'_>> = Vec::new();
    // Where the entry of each text is.
    let mut places = HashMap::new();
    for step in &plan.steps {
        match account_of(step) {
            Some(account) => {
                let place = *places
                    .entry(describe(step, plan, "…"))
                    .or_insert(entries.len());
                match entries.get_mut(place) {
                    Some(Entry::Same { accounts, .. }) => {
                        accounts.insert(account);
                    }
                    _ => entries.push(Entry::Same {
                        first: step,
                        accounts: BTreeSet::from([account]),
                    }),
                }
            }
            None => entries.extend(describe(step, plan, "").into_iter().map(Entry::Line)),
        }
        if keeps_unlisted {
            entries.extend(shares::unlisted(step).map(Entry::Line));
        }
    }
    let mut lines = Vec::new();
    for entry in entries {
        match entry {
            Entry::Line(line) => lines.push(line),
            Entry::Same { first, accounts } => {
                let accounts: Vec<_> = accounts.into_iter().collect();
                lines.extend(describe(first, plan, &list_accounts(&accounts)));
            }
        }
    }
    lines
}

/// The account that the line of a step names, if other accounts may get the same.
fn account_of(step: &Step) -> Option<&AccountId> {
    match step {
        Step::TargetCopy(copy) => Some(&copy.account),
        Step::TagShared(tag) => Some(&tag.account),
        Step::Deprecate(deprecate) => Some(&deprecate.account),
        Step::Protect(protect) => Some(&protect.account),
        Step::Publish(publish) => Some(&publish.account),
        Step::UpdateLaunchTemplate(update) => Some(&update.account),
        Step::LaunchRole(role) => Some(&role.account),
        Step::ServiceRole(role) => Some(&role.account),
        Step::RemoveRolePolicy(remove) => Some(&remove.account),
        _ => None,
    }
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

/// The lines of a step; `who` stands for its account.
fn describe(step: &Step, plan: &Plan, who: &str) -> Vec<String> {
    let sign = sign(step);
    match step {
        Step::Copy(copy) => vec![shares::copy(copy)],
        Step::KeyAccess(access) => shares::key_access(access, sign),
        Step::Grants(grants) => shares::grants(grants, sign),
        Step::SnapshotPermission(permission) => shares::snapshots(permission, sign),
        Step::LaunchPermission(permission) => shares::launch_permission(permission, sign),
        Step::ShareTags(share) => vec![shares::tags(share, sign)],
        Step::Watermark(watermark) => vec![shares::watermark(watermark, sign)],
        Step::Deprecate(deprecate) => vec![shares::deprecate(deprecate, plan, who, sign)],
        Step::Protect(protect) => vec![shares::protect(protect, plan, who, sign)],
        Step::Publish(publish) => vec![shares::publish(publish, who, sign)],
        Step::TargetCopy(copy) => vec![targets::copy(copy, plan.key_alias(&copy.key), who)],
        Step::TagShared(tag) => vec![targets::tags(tag, who, sign)],
        Step::UpdateLaunchTemplate(update) => vec![targets::launch_template(update, who, sign)],
        Step::LaunchRole(role) => targets::launch_role(role, who, sign).into_iter().collect(),
        Step::ServiceRole(role) => vec![targets::service_role(role, who, sign)],
        Step::ReclaimAccess(reclaim) => removals::reclaim(reclaim).into_iter().collect(),
        Step::ForgetTemporaryAccess(forget) => vec![removals::forget(forget, sign)],
        Step::RemoveRolePolicy(remove) => vec![removals::role_policy(remove, who)],
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

//! A plan in words, in the manner of Terraform's: `+` is added, `~` changed, `-` taken away, and
//! what is so already has no sign but `=`.

use std::fmt::Display;

use ami_share::Plan;
use ami_share::plan::{PolicyChange, RolePolicy, SharedImage, Step};
use similar::{ChangeTag, TextDiff};

use crate::output::events::several;

/// Every step, with the change of each key policy as a difference below it.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    plan.steps.iter().flat_map(step).collect()
}

/// How much would be changed.
pub(crate) fn verdict(plan: &Plan) -> String {
    let (mut add, mut change, mut remove) = (0, 0, 0);
    for step in plan.steps.iter().filter(|step| step.changes()) {
        match step {
            Step::Copy(_)
            | Step::Grants(_)
            | Step::TargetCopy(_)
            | Step::LaunchRole(_)
            | Step::ServiceRole(_)
            | Step::LaunchPermission(_)
            | Step::SnapshotPermission(_) => add += 1,
            Step::KeyAccess(_)
            | Step::TagShared(_)
            | Step::Deprecate(_)
            | Step::Protect(_)
            | Step::Publish(_) => {
                change += 1;
            }
            _ => remove += 1,
        }
    }
    if plan.changes() {
        format!(
            "Plan: {add} to add, {change} to change, {remove} to take back. Mode share would do \
             this"
        )
    } else {
        "No changes. Everything is shared as it was asked for: nothing would be changed".to_owned()
    }
}

fn step(step: &Step) -> Vec<String> {
    let sign = |plus| if step.changes() { plus } else { '=' };
    match step {
        Step::Copy(copy) => {
            let what = match &copy.adopt {
                Some(id) => format!(
                    "= {id} in {} is already the copy of {}",
                    copy.region, copy.source
                ),
                None => format!(
                    "+ copy {} to {} as `{}` under {}",
                    copy.source, copy.region, copy.name, copy.key
                ),
            };
            let left = copy.leftovers.images.len() + copy.leftovers.snapshots.len();
            vec![if left == 0 {
                what
            } else {
                format!("{what}; then - remove {left} that failed copies left")
            }]
        }
        Step::KeyAccess(access) => {
            let who = if access.missing.is_empty() {
                &access.principals
            } else {
                &access.missing
            };
            let can = if access.missing.is_empty() {
                "can already"
            } else {
                "will be able to"
            };
            let mut lines = vec![format!(
                "{} {} {can} use {}",
                sign('~'),
                several(who),
                access.key
            )];
            lines.extend(also(
                &access.unlisted,
                "can use it by statements of this tool",
            ));
            lines.extend(access.policy.iter().flat_map(difference));
            lines
        }
        Step::Grants(grants) => {
            let who = if grants.missing.is_empty() {
                &grants.accounts
            } else {
                &grants.missing
            };
            let have = if grants.missing.is_empty() {
                "have already"
            } else {
                "will get"
            };
            vec![format!(
                "{} {} {have} grants of {} for {}",
                sign('+'),
                several(who),
                grants.key,
                image(&grants.shared)
            )]
        }
        Step::SnapshotPermission(share) => {
            let can = if step.changes() {
                "will be able to"
            } else {
                "can already"
            };
            let (who, of) = (several(&share.accounts), image(&share.shared));
            vec![format!(
                "{} {who} {can} make volumes of the snapshots of {of}",
                sign('+')
            )]
        }
        Step::LaunchPermission(launch) => {
            let who = if launch.missing.is_empty() {
                &launch.principals
            } else {
                &launch.missing
            };
            let can = if launch.missing.is_empty() {
                "can already"
            } else {
                "will be able to"
            };
            let mut lines = vec![format!(
                "{} {} {can} launch {}",
                sign('+'),
                several(who),
                image(&launch.shared)
            )];
            lines.extend(also(&launch.unlisted, "can launch it"));
            lines
        }
        Step::Deprecate(deprecate) => {
            vec![format!(
                "{} {} is deprecated at {}",
                sign('~'),
                image(&deprecate.shared),
                deprecate.at
            )]
        }
        Step::Protect(protect) => {
            vec![format!(
                "{} {} is protected from deregistration",
                sign('~'),
                image(&protect.shared)
            )]
        }
        Step::Publish(publish) => {
            let now = publish
                .current
                .as_ref()
                .map(|now| format!(", which holds {now} now"))
                .unwrap_or_default();
            let now = if step.changes() { now } else { String::new() };
            let (name, account) = (&publish.name, &publish.account);
            let image = publish
                .image
                .as_ref()
                .map_or_else(|| image(&publish.shared), ToString::to_string);
            vec![format!(
                "{} the parameter {name} of {account}{now} names {image}",
                sign('~')
            )]
        }
        Step::TargetCopy(_)
        | Step::TagShared(_)
        | Step::LaunchRole(_)
        | Step::ServiceRole(_)
        | Step::ReclaimAccess(_)
        | Step::ForgetTemporaryAccess(_)
        | Step::RemoveRolePolicy(_) => in_targets(step, sign('+')).into_iter().collect(),
        Step::RemovePermissions(remove) => {
            let mut lines = Vec::new();
            if !remove.principals.is_empty() {
                let who = several(&remove.principals);
                lines.push(format!(
                    "- {who} can no longer launch {} in {}",
                    remove.image, remove.region
                ));
            }
            for (snapshot, who) in remove.snapshots.iter().filter(|(_, who)| !who.is_empty()) {
                lines.push(format!(
                    "- {} can no longer make volumes of {snapshot}",
                    several(who)
                ));
            }
            lines
        }
        Step::RemoveKeyAccess(remove) => {
            let mut lines = Vec::new();
            if !remove.holders.is_empty() {
                lines.push(format!(
                    "- {} can no longer use {}",
                    several(&remove.holders),
                    remove.key
                ));
            }
            if !remove.grants.is_empty() {
                lines.push(format!(
                    "- {} grants of {} end",
                    remove.grants.len(),
                    remove.key
                ));
            }
            let in_use = remove.in_use.iter();
            lines.extend(
                in_use.map(|(who, how)| format!("! {who} keeps the use of {}: {how}", remove.key)),
            );
            lines.extend(remove.policy.iter().flat_map(difference));
            lines
        }
        Step::RemoveCopy(remove) => {
            vec![format!(
                "- the copy {} of {} in {} is removed",
                remove.image, remove.source, remove.region
            )]
        }
        _ => Vec::new(),
    }
}

/// A step in a target account.
fn in_targets(step: &Step, sign: char) -> Option<String> {
    Some(match step {
        Step::TargetCopy(copy) => match &copy.adopt {
            Some(id) => format!(
                "= {id} is already the copy of {} in {}",
                image(&copy.shared),
                copy.account
            ),
            None => format!(
                "+ copy {} in {} as `{}` under {}",
                image(&copy.shared),
                copy.account,
                copy.name,
                copy.key
            ),
        },
        Step::TagShared(tag) if tag.missing.is_empty() => {
            format!(
                "= {} carries its tags in {} already",
                image(&tag.shared),
                tag.account
            )
        }
        Step::TagShared(tag) => {
            let keys: Vec<&String> = tag.missing.keys().collect();
            format!(
                "~ {} is tagged in {}: {}",
                image(&tag.shared),
                tag.account,
                several(keys)
            )
        }
        Step::LaunchRole(role) => {
            let policy = match &role.by {
                RolePolicy::Attached(arn) => arn,
                RolePolicy::Inline { name, .. } => name,
                _ => return None,
            };
            format!(
                "{sign} the role {} of {} may launch, by the policy {policy}",
                role.role, role.account
            )
        }
        Step::ServiceRole(service) => {
            let role = service
                .role
                .as_deref()
                .map_or("a new role".to_owned(), str::to_owned);
            format!(
                "{sign} {role} of {} in {} may use {}, by a grant",
                service.service, service.account, service.key
            )
        }
        Step::ReclaimAccess(give) if give.lent => {
            format!(
                "- {} lose {} again, once their copies stand",
                several(&give.accounts),
                image(&give.shared)
            )
        }
        Step::ForgetTemporaryAccess(end) => {
            format!(
                "~ {} in {} is no loan any more of {}",
                end.image,
                end.region,
                several(&end.accounts)
            )
        }
        Step::RemoveRolePolicy(remove) => {
            format!(
                "- the role {} of {} loses the policy {}",
                remove.role, remove.account, remove.policy
            )
        }
        _ => return None,
    })
}

fn image(shared: &SharedImage) -> String {
    match &shared.image {
        Some(image) => format!("{image} in {}", shared.region),
        None => format!("the copy in {} of {}", shared.region, shared.source),
    }
}

fn also<T: Display>(who: &std::collections::BTreeSet<T>, can: &str) -> Option<String> {
    (!who.is_empty()).then(|| format!("    not listed: {} {can} too", several(who)))
}

/// The lines of a key policy that change, with two around them.
fn difference(change: &PolicyChange) -> Vec<String> {
    let pretty = |text: &str| {
        let parsed = serde_json::from_str::<serde_json::Value>(text).ok();
        parsed
            .and_then(|policy| serde_json::to_string_pretty(&policy).ok())
            .unwrap_or_else(|| text.to_owned())
    };
    let (before, after) = (pretty(&change.before), pretty(&change.after));
    let mut lines = Vec::new();
    for group in TextDiff::from_lines(&before, &after).grouped_ops(2) {
        if !lines.is_empty() {
            lines.push("      …".to_owned());
        }
        let diff = TextDiff::from_lines(&before, &after);
        for change in group
            .iter()
            .flat_map(|op| diff.iter_changes(op).collect::<Vec<_>>())
        {
            let sign = match change.tag() {
                ChangeTag::Insert => '+',
                ChangeTag::Delete => '-',
                ChangeTag::Equal => ' ',
            };
            lines.push(format!("    {sign} {}", change.value().trim_end()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_shown_by_what_changes_in_it() {
        let before =
            r#"{"Statement":[{"Sid":"a","Principal":{"AWS":["1"]}},{"Sid":"b"},{"Sid":"c"}]}"#;
        let change = PolicyChange {
            before: before.to_owned(),
            after: before.replace(r#"["1"]"#, r#"["1","2"]"#),
        };
        let shown: Vec<String> = difference(&change)
            .iter()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            shown,
            [
                "\"Principal\":{",
                "\"AWS\":[",
                "-\"1\"",
                "+\"1\",",
                "+\"2\"",
                "]",
                "}"
            ]
        );
    }
}

//! What a plan says that a run will do.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::plan::Step;
use ami_share::{Plan, Report};
use serde_json::Value;

use crate::support::*;

type Counts = BTreeMap<String, usize>;

/// How often the run that carries out a plan makes each changing call.
pub(super) fn count_changes(world: &World, plan: &Plan) -> Counts {
    let mut counts = Counts::new();
    for step in &plan.steps {
        for (action, count) in list_changes(world, step) {
            if count > 0 {
                *counts.entry(action.to_owned()).or_default() += count;
            }
        }
    }
    counts
}

fn list_changes(world: &World, step: &Step) -> Vec<(&'static str, usize)> {
    let once = |is_changed: bool| usize::from(is_changed);
    match step {
        Step::Copy(copy) => vec![("ec2:CopyImage", once(copy.adopt.is_none()))],
        Step::KeyAccess(access) => {
            vec![("kms:PutKeyPolicy", once(!access.missing.is_empty()))]
        }
        Step::Grants(grants) => vec![("kms:CreateGrant", grants.missing.len())],
        Step::SnapshotPermission(share) => {
            let snapshots = match share.shared.image {
                _ if share.accounts.is_empty() => 0,
                Some(_) => share.missing.len(),
                // A copy has as many snapshots as its source.
                None => count_snapshots_of(world, share.shared.source.ami.as_ref()),
            };
            vec![("ec2:ModifySnapshotAttribute", snapshots)]
        }
        Step::LaunchPermission(launch) => {
            vec![("ec2:ModifyImageAttribute", once(!launch.missing.is_empty()))]
        }
        Step::RemovePermissions(remove) => {
            let snapshots = remove.snapshots.values();
            let snapshots = snapshots.filter(|accounts| !accounts.is_empty()).count();
            let image = once(!remove.principals.is_empty());
            vec![
                ("ec2:ModifySnapshotAttribute", snapshots),
                ("ec2:ModifyImageAttribute", image),
            ]
        }
        Step::RemoveKeyAccess(remove) => vec![
            ("kms:RevokeGrant", remove.grants.len()),
            ("kms:PutKeyPolicy", once(!remove.principals.is_empty())),
        ],
        other => unreachable!("no request asks for such a step: {other:?}"),
    }
}

fn count_snapshots_of(world: &World, image_id: &str) -> usize {
    world.edit_image(image_id, |image| {
        let mappings = image.mappings.iter();
        mappings
            .filter(|mapping| mapping.snapshot.is_some())
            .count()
    })
}

/// The changing calls since an earlier count.
pub(super) fn count_changes_since(world: &World, before: &Counts) -> Counts {
    let mut counts = world.count_changes();
    for (action, count) in before {
        *counts.get_mut(action).unwrap() -= count;
    }
    counts.retain(|_, count| *count > 0);
    counts
}

/// The report names exactly the principals that the plan named.
pub(super) fn check_principals(plan: &Plan, report: &Report) {
    for launch in plan.launch_permissions() {
        let mut images = report.images.iter();
        let image = images.find(|image| {
            image.source == launch.shared.source && image.region == launch.shared.region
        });
        assert_eq!(image.unwrap().added, launch.missing);
    }
    for key in &report.keys {
        let mut missing = BTreeSet::new();
        for step in &plan.steps {
            match step {
                Step::KeyAccess(access) if access.key == key.key => {
                    missing.extend(access.missing.iter().map(ToString::to_string));
                }
                Step::Grants(grants) if grants.key == key.key => {
                    missing.extend(grants.missing.iter().map(ToString::to_string));
                }
                _ => {}
            }
        }
        assert_eq!(key.added, missing);
    }
}

/// The policies are those that the plan showed.
pub(super) fn check_policies(world: &World, plan: &Plan) {
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for step in &plan.steps {
        let (key, change) = match step {
            Step::KeyAccess(access) => (&access.key, &access.policy),
            Step::RemoveKeyAccess(remove) => (&remove.key, &remove.policy),
            _ => continue,
        };
        if let Some(change) = change {
            let policy = world.edit_key(key.as_ref(), |key| key.policy().to_owned());
            assert_eq!(parse(&policy), parse(&change.after));
        }
    }
}

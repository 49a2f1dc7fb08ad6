//! A revoke removes all of the access that a share gave, nothing else, and nothing that something
//! else still needs.

mod gone;
mod gone_copies;
mod grants;
mod interrupted;
mod other_ways;
mod others;
mod ram;
pub(crate) mod shared_again;

use ami_share::Sharer;
use ami_share::request::{
    KeyAccessMode, KeyScope, Revoke, ShareRequestBuilder, ShareSnapshots, Unlisted,
};
use ami_share_sim::world::Shared;
use serde_json::json;

use super::support::*;

const THIRD_ACCOUNT: &str = "333333333333";

#[tokio::test(start_paused = true)]
async fn revoke_restores_state_before_share() {
    let accounts: &[&str] = &[B, "300000000000"];
    let mixed: &[&str] = &[B, ORGANIZATION, UNIT];
    check_round_trip("policy", KeyAccessMode::Policy, accounts).await;
    check_round_trip("grants", KeyAccessMode::Grants, accounts).await;
    check_round_trip("organization", KeyAccessMode::Policy, &[ORGANIZATION]).await;
    check_round_trip("all kinds", KeyAccessMode::Policy, mixed).await;
}

async fn check_round_trip(way: &str, mode: KeyAccessMode, principals: &[&str]) {
    let world = World::generate(4, 1, 1, 2);
    let request = || {
        let request = world.build_request_for(&["image-1"], principals);
        request
            .key_access(mode)
            .share_snapshots(ShareSnapshots::Always)
    };
    let before = world.list_access();
    let plan = world.plan(request()).await;
    let has_changed = !world.count_changes().is_empty();
    assert!(
        plan.changes() && !has_changed,
        "{way}: a plan changes nothing"
    );
    let report = world.share(request()).await;
    let planned = plan.launch_permissions();
    let planned = planned.flat_map(|launch| launch.missing.iter().cloned());
    let added: Vec<_> = report.images[0].added.iter().cloned().collect();
    assert_eq!(added, planned.collect::<Vec<_>>(), "{way}: as planned");
    let second = world.plan(request()).await;
    assert!(!second.changes(), "{way}: the second plan is empty");
    assert_ne!(world.list_access(), before);

    let report = world.share(into_revoke(request())).await;
    let is_done = report.changed && report.errors.is_empty();
    assert!(is_done, "{way}: {report:?}");
    assert_eq!(world.list_access(), before, "{way}");
    let again = world.share(into_revoke(request())).await;
    assert!(!again.changed, "{way}: a second revoke changes nothing");
}

/// Somebody took the rest away by hand.
#[tokio::test(start_paused = true)]
async fn whatever_is_left_of_access_is_planned_and_taken() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        for left in ["image", "snapshots", "key", "nothing"] {
            let world = World::generate(2, 1, 1, 2);
            let (image_id, key) = (world.image_id("image-1"), world.key_arn("key-1"));
            let (before, policy) = (world.list_access(), world.read_key_policy("key-1"));
            let request = || {
                let request = world.build_request(&["image-1"]).key_access(mode);
                request.share_snapshots(ShareSnapshots::Always)
            };
            world.share(request()).await;
            if left != "image" {
                world.edit_image(&image_id, |image| {
                    image.launch_permissions = Shared::default();
                });
            }
            if left != "snapshots" {
                world.sim.edit(|state| {
                    for snapshot in state.snapshots.values_mut() {
                        snapshot.create_volume_permissions = Shared::default();
                    }
                });
            }
            if left != "key" {
                let now = world.elapsed();
                world.edit_key(&key, |key| {
                    key.policies.push((now, policy));
                    key.grants.clear();
                });
            }
            let plan = world.plan(into_revoke(request())).await;
            let what = format!("{mode:?}, {left}: {:?}", plan.steps);
            assert_eq!(plan.changes(), left != "nothing", "{what}");
            let report = world.share(into_revoke(request())).await;
            assert_eq!(report.changed, left != "nothing", "{what}");
            assert_eq!(world.list_access(), before, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_removes_launch_permission_first_and_key_last() {
    let world = World::new();
    let request = || world.build_request(&["golden"]);
    world
        .share(request().share_snapshots(ShareSnapshots::Always))
        .await;
    let from = world.list_actions(0).len();
    world.share(into_revoke(request())).await;
    let actions = world.list_actions(from);
    let first = |action: &str| actions.iter().position(|made| made == action).unwrap();
    let image = first("ec2:ModifyImageAttribute");
    let snapshot = first("ec2:ModifySnapshotAttribute");
    assert!(image < snapshot && snapshot < first("kms:PutKeyPolicy"));
}

#[tokio::test(start_paused = true)]
async fn revoke_keeps_key_that_another_image_needs() {
    let world = World::new();
    let golden = |world: &World| world.build_request(&["golden"]);
    let copied = world.share(world.build_copy_request(&["plain"])).await;
    world.share(golden(&world)).await;
    let report = world.share(into_revoke(golden(&world))).await;
    assert_eq!(list_codes(&report), ["key.still-used"]);
    assert!(world.read_golden_policy().contains(B));
    let copy = copied.images[0].image.as_ref().unwrap();
    assert_eq!(world.launch_as_b(copy.as_ref()).await, "running");
    let plain = world.build_request(&["plain"]);
    let report = world.share(into_revoke(plain)).await;
    assert_eq!(list_codes(&report), ["key.use-unknown"]);
    assert!(!world.read_golden_policy().contains("AmiShare"));

    // If it is forced, the key is revoked in any case.
    let world = World::new();
    world.share(world.build_copy_request(&["plain"])).await;
    world.share(golden(&world)).await;
    let force = Revoke {
        keys_in_use: true,
        ..Revoke::default()
    };
    world.share(golden(&world).revoke(force)).await;
    assert!(!world.read_golden_policy().contains("AmiShare"));
}

#[tokio::test(start_paused = true)]
async fn revoke_whose_reads_fail_takes_no_key() {
    let mut told = 0;
    for operation in ["ec2:DescribeImages", "ec2:DescribeSnapshots"] {
        for call in 1..=6 {
            let world = World::new();
            let request = || world.build_request(&["golden"]);
            world.share(request()).await;
            let mut fault = deny_calls(operation, "OddError", "Odd.");
            fault["call"] = json!(call);
            let calls = world.count_calls();
            let before = calls.get(operation).copied().unwrap_or_default();
            fault["call"] = json!(before + call);
            world.sim.fault(serde_json::from_value(fault).unwrap());
            let revoke = into_revoke(request()).build().unwrap();
            let sharer = Sharer::new(&world.config(A));
            // What fails later, after the launch permission is gone, ends with an error alone.
            let is_told = match sharer.plan(&revoke).await {
                Err(errors) => errors.to_string().contains("OddError"),
                Ok(plan) => {
                    let is_told = format!("{plan:?}").contains("OddError");
                    drop(sharer.apply(&plan).await);
                    is_told
                }
            };
            told += usize::from(is_told);
            let keeps = world.read_golden_policy().contains(B);
            assert_eq!(keeps, is_told, "{operation} {call}");
        }
    }
    assert!(told >= 3, "{told}");
}

#[tokio::test(start_paused = true)]
async fn revoke_keeps_key_that_a_shared_snapshot_needs() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let golden = world.key_arn("golden");
    world.sim.edit(|state| {
        let mut snapshots = state.snapshots.values();
        let shared = snapshots.find(|snapshot| snapshot.key.as_ref() == Some(&golden));
        let mut other = shared.unwrap().clone();
        other.id = "snap-00000000000000abc".to_owned();
        other.create_volume_permissions = Shared::default();
        other.create_volume_permissions.insert(B.to_owned());
        state.snapshots.insert(other.id.clone(), other);
    });
    let revoke = into_revoke(world.build_request(&["golden"]));
    let report = world.share(revoke).await;
    assert_eq!(list_codes(&report), ["key.still-used"]);
}

#[tokio::test(start_paused = true)]
async fn revoke_copies_removes_copies_shared_with_nobody() {
    let world = World::new();
    let request = world.build_copy_request(&["plain"]);
    let request = request.target_account(THIRD_ACCOUNT.parse().unwrap());
    let copied = world.share(request).await;
    let copy = copied.images[0].image.clone().unwrap();
    let with_copies = Revoke {
        copies: true,
        ..Revoke::default()
    };
    // The third account still needs the copy.
    let revoke = world.build_request(&["plain"]).revoke(with_copies);
    let report = world.share(revoke).await;
    let expected = ["copy.still-shared", "key.use-unknown"];
    assert_eq!(list_codes(&report), expected);
    assert_eq!(world.list_copies().len(), 1);
    assert_eq!(world.launch_as_b(copy.as_ref()).await, "AuthFailure");

    let from_all = Revoke {
        all: true,
        ..with_copies
    };
    let revoke = world.build_request_for(&["plain"], &[]).revoke(from_all);
    let snapshots = world.count_snapshots();
    let report = world.share(revoke).await;
    assert_eq!(report.removed, [copy.to_string()]);
    assert_eq!(world.list_copies()[copy.as_ref()], "deregistered");
    assert_eq!(world.count_snapshots(), snapshots - 1);
    assert!(!world.read_golden_policy().contains("AmiShare"));
}

#[tokio::test(start_paused = true)]
async fn unlisted_principals_are_reported_and_revoked_on_request() {
    let world = World::new();
    let request = || world.build_request(&["golden"]);
    let unlisted = [THIRD_ACCOUNT.parse().unwrap()].into();
    let both = world.build_request_for(&["golden"], &[B, THIRD_ACCOUNT]);
    world.share(both).await;
    let kept = world.share(request()).await;
    assert_eq!(kept.images[0].unlisted, unlisted);
    assert!(!kept.changed);

    let revoking = || request().unlisted(Unlisted::Revoke);
    let report = world.share(revoking()).await;
    assert_eq!(report.images[0].removed, unlisted);
    let policy = world.read_golden_policy();
    let is_narrowed = policy.contains(B) && !policy.contains(THIRD_ACCOUNT);
    assert!(is_narrowed, "{policy}");
    assert!(!world.share(revoking()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn revoke_reports_other_ways_in() {
    let world = World::generate(3, 1, 1, 1);
    let both = world.build_request_for(&["image-1"], &[B, ORGANIZATION]);
    world.share(both).await;
    world.edit_statements(&world.key_arn("key-1"), |statements| {
        statements.push(json!({
            "Sid": "Theirs",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{B}:role/launcher") },
            "Action": "kms:Decrypt",
            "Resource": "*",
        }));
    });
    let revoke = into_revoke(world.build_request(&["image-1"]));
    let report = world.share(revoke).await;
    let expected = ["key.use-unknown", "revoke.other-way", "revoke.other-way"];
    assert_eq!(list_codes(&report), expected);
    for way in ["Theirs", ORGANIZATION] {
        let mut findings = report.findings.iter();
        assert!(
            findings.any(|finding| finding.message.contains(way)),
            "{way}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn plan_of_revoke_changes_nothing() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let before = world.count_changes();
    let plan = world
        .plan(into_revoke(world.build_request(&["golden"])))
        .await;
    assert!(plan.changes());
    assert_eq!(world.count_changes(), before);
}

//! Key access by grants, and keys that another account owns.

use ami_share::request::{KeyAccessMode, ShareSnapshots};
use ami_share_sim::Scenario;
use serde_json::json;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn one_grant_for_each_image_and_account() {
    let world = World::new();
    let request = || {
        let more = "333333333333".parse().unwrap();
        world
            .request(&["golden"])
            .target_account(more)
            .key_access(KeyAccessMode::Grants)
    };
    let report = world.share(request()).await;
    assert_eq!(codes(&report), ["grants.redelegable"]);
    assert_eq!(world.changes()["kms:CreateGrant"], 2);
    assert!(!world.changes().contains_key("kms:PutKeyPolicy"));
    assert!(
        !world.actions(0).contains(&"kms:GetKeyPolicy".to_owned()),
        "grants need no look at the policy"
    );
    assert_eq!(world.launch(&world.image("golden")).await, "running");
    let again = world.share(request()).await;
    assert!(!again.changed);
    assert_eq!(world.changes()["kms:CreateGrant"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_copy_gets_grants_of_its_own() {
    let world = World::new();
    let request = || world.copying(&["plain"]).key_access(KeyAccessMode::Grants);
    let report = world.share(request()).await;
    let copy = report.images[0].image.clone().unwrap();
    assert_eq!(world.launch(copy.as_ref()).await, "running");
    assert!(!world.share(request()).await.changed);
}

/// `golden` is under a key of C, whose role `keys` A may assume.
fn foreign() -> (World, String) {
    const C: &str = "444444444444";
    let mut scenario = Scenario::two_accounts();
    let mut account = scenario.accounts[1].clone();
    C.clone_into(&mut account.id);
    let trust = json!({ "Statement": [{ "Effect": "Allow", "Principal": { "AWS": A }, "Action": "sts:AssumeRole" }] });
    let policy =
        json!({ "Statement": [{ "Effect": "Allow", "Action": "kms:*", "Resource": "*" }] });
    account.roles = vec![ami_share_sim::RoleSpec {
        name: "keys".to_owned(),
        trust,
        policy: Some(policy),
        boundary: None,
    }];
    scenario.accounts.push(account);
    let root = |account: &str| format!("arn:aws:iam::{account}:root");
    let key = scenario
        .keys
        .iter_mut()
        .find(|key| key.name == "golden")
        .unwrap();
    C.clone_into(&mut key.account);
    key.policy = Some(json!({ "Version": "2012-10-17", "Statement": [
        { "Sid": "Own", "Effect": "Allow", "Principal": { "AWS": root(C) }, "Action": "kms:*", "Resource": "*" },
        { "Sid": "A", "Effect": "Allow", "Principal": { "AWS": root(A) }, "Action": ["kms:DescribeKey", "kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"], "Resource": "*" },
    ] }));
    (World::of(scenario), format!("arn:aws:iam::{C}:role/keys"))
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_account_is_changed_by_a_role_there() {
    let (world, role) = foreign();
    let refused = world.plan(world.request(&["golden"])).await;
    assert_eq!(
        refused
            .refusals()
            .map(|finding| finding.code.as_str())
            .collect::<Vec<_>>(),
        ["key.foreign"]
    );
    assert!(
        refused.findings[0].remedy.contains("key-role"),
        "{}",
        refused.findings[0].remedy
    );
    world
        .share(world.request(&["golden"]).key_role(role.parse().unwrap()))
        .await;
    assert!(world.policy().contains("AmiShareUse"));
    assert_eq!(world.launch(&world.image("golden")).await, "running");

    let (world, role) = foreign();
    world
        .share(
            world
                .request(&["golden"])
                .key_access(KeyAccessMode::Grants)
                .key_role(role.parse().unwrap()),
        )
        .await;
    assert!(!world.policy().contains("AmiShareUse"));
    assert_eq!(world.launch(&world.image("golden")).await, "running");
}

#[tokio::test(start_paused = true)]
async fn with_none_the_key_is_not_touched_and_what_it_needs_is_said() {
    let world = World::new();
    let before = world.policy();
    let report = world
        .share(world.request(&["golden"]).key_access(KeyAccessMode::None))
        .await;
    assert_eq!(codes(&report), ["key.access-unmanaged"]);
    assert_eq!(world.policy(), before);
    let statements = report.plan.key_policy_statements();
    assert_eq!(statements[0]["Sid"], "AmiShareUse");
    // Put by somebody else, they are what was missing.
    assert_ne!(world.launch(&world.image("golden")).await, "running");
    let golden = world.key("golden");
    let mut policy: serde_json::Value = serde_json::from_str(&before).unwrap();
    policy["Statement"]
        .as_array_mut()
        .unwrap()
        .extend(statements);
    world
        .sim
        .edit(|state| state.keys.get_mut(&golden).unwrap().policies[0].1 = policy.to_string());
    assert_eq!(world.launch(&world.image("golden")).await, "running");
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_shared_where_asked_and_only_there() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    assert!(!world.changes().contains_key("ec2:ModifySnapshotAttribute"));
    let request = || {
        world
            .request(&["golden"])
            .share_snapshots(ShareSnapshots::Always)
    };
    world.share(request()).await;
    assert_eq!(
        world.changes()["ec2:ModifySnapshotAttribute"],
        2,
        "both volumes"
    );
    assert!(!world.share(request()).await.changed);
    // Of a copy, they are known only once it stands.
    let copied = world
        .copying(&["plain"])
        .share_snapshots(ShareSnapshots::Always);
    world.share(copied).await;
    assert_eq!(world.changes()["ec2:ModifySnapshotAttribute"], 3);
}

//! Key access by grants, and keys that another account owns.

mod wrong;

use ami_share::Sharer;
use ami_share::plan::Step;
use ami_share::request::{KeyAccessMode, KeyScope, ShareSnapshots};
use ami_share_sim::{RoleSpec, Scenario};
use serde_json::json;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn each_image_and_account_gets_one_grant() {
    let world = World::new();
    let request = || {
        let request = world.build_request_for(&["golden"], &[B, "333333333333"]);
        request.key_access(KeyAccessMode::Grants)
    };
    let report = world.share(request()).await;
    assert_eq!(list_codes(&report), ["grants.direct", "grants.redelegable"]);
    let changes = world.count_changes();
    assert_eq!(changes["kms:CreateGrant"], 2);
    assert!(!changes.contains_key("kms:PutKeyPolicy"));
    assert!(
        world.has_called("kms:GetKeyPolicy"),
        "a deny of the policy beats every grant"
    );
    assert_eq!(
        world.launch_as_b(&world.image_id("golden")).await,
        "running"
    );
    let again = world.share(request()).await;
    assert!(!again.changed);
    assert_eq!(world.count_changes()["kms:CreateGrant"], 2);
}

#[tokio::test(start_paused = true)]
async fn copy_gets_its_own_grants() {
    let world = World::new();
    let request = || {
        let request = world.build_copy_request(&["plain"]);
        request.key_access(KeyAccessMode::Grants)
    };
    let report = world.share(request()).await;
    let copy = report.images[0].image.clone().unwrap();
    assert_eq!(world.launch_as_b(copy.as_ref()).await, "running");
    assert!(!world.share(request()).await.changed);
}

/// `golden` is under a key of C, whose role `keys` A may assume; returns the ARN of that role.
pub(crate) fn with_foreign_key() -> (World, String) {
    const C: &str = "444444444444";
    let mut scenario = Scenario::two_accounts();
    let mut account = scenario.accounts[1].clone();
    C.clone_into(&mut account.id);
    let assume =
        json!({ "Effect": "Allow", "Principal": { "AWS": A }, "Action": "sts:AssumeRole" });
    let use_kms = json!({ "Effect": "Allow", "Action": "kms:*", "Resource": "*" });
    account.roles = vec![RoleSpec {
        name: "keys".to_owned(),
        trust: json!({ "Statement": [assume] }),
        policy: Some(json!({ "Statement": [use_kms] })),
        ..RoleSpec::default()
    }];
    scenario.accounts.push(account);
    let mut keys = scenario.keys.iter_mut();
    let key = keys.find(|key| key.name == "golden").unwrap();
    C.clone_into(&mut key.account);
    let own = json!({
        "Sid": "Own",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{C}:root") },
        "Action": "kms:*",
        "Resource": "*",
    });
    let grants = [
        "kms:DescribeKey",
        "kms:CreateGrant",
        "kms:ListGrants",
        "kms:RevokeGrant",
    ];
    let of_a = json!({
        "Sid": "A",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{A}:root") },
        "Action": grants,
        "Resource": "*",
    });
    key.policy = Some(json!({ "Version": "2012-10-17", "Statement": [own, of_a] }));
    let role = format!("arn:aws:iam::{C}:role/keys");
    (World::from_scenario(scenario), role)
}

#[tokio::test(start_paused = true)]
async fn foreign_key_is_changed_through_key_role() {
    let (world, role) = with_foreign_key();
    let plan = world.plan(world.build_request(&["golden"])).await;
    let refusals = plan.refusals().map(|finding| finding.code.as_str());
    assert_eq!(refusals.collect::<Vec<_>>(), ["key.foreign"]);
    let remedy = &plan.findings[0].remedy;
    assert!(remedy.contains("key-role"), "{remedy}");
    let request = || world.build_request(&["golden"]);
    let unknown = request().key_role(format!("{role}-2").parse().unwrap());
    let (sharer, unknown) = (Sharer::new(&world.config(A)), unknown.build().unwrap());
    let refused = sharer.plan(&unknown).await.unwrap_err().to_string();
    assert!(refused.contains("role/keys-2"), "{refused}");
    assert!(!refused.contains("target-"), "{refused}");
    world.share(request().key_role(role.parse().unwrap())).await;
    assert!(world.read_golden_policy().contains("AmiShareUse"));
    assert_eq!(
        world.launch_as_b(&world.image_id("golden")).await,
        "running"
    );

    let (world, role) = with_foreign_key();
    let request = world.build_request(&["golden"]);
    let request = request.key_access(KeyAccessMode::Grants);
    world.share(request.key_role(role.parse().unwrap())).await;
    assert!(!world.read_golden_policy().contains("AmiShareUse"));
    assert_eq!(
        world.launch_as_b(&world.image_id("golden")).await,
        "running"
    );
}

#[tokio::test(start_paused = true)]
async fn key_access_none_leaves_key_and_lists_missing_statements() {
    let world = World::new();
    let (golden, before) = (world.image_id("golden"), world.read_golden_policy());
    let request = world.build_request(&["golden"]);
    let report = world.share(request.key_access(KeyAccessMode::None)).await;
    assert_eq!(list_codes(&report), ["key.access-unmanaged"]);
    assert_eq!(world.read_golden_policy(), before);
    let missing = report.plan.key_policy_statements();
    assert_eq!(missing[0]["Sid"], "AmiShareUse");
    // Put by somebody else, they are what was missing.
    assert_ne!(world.launch_as_b(&golden).await, "running");
    world.edit_statements(&world.key_arn("golden"), |statements| {
        statements.extend(missing);
    });
    assert_eq!(world.launch_as_b(&golden).await, "running");
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_shared_only_on_request() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let count_shared = || {
        let changes = world.count_changes();
        changes.get("ec2:ModifySnapshotAttribute").copied()
    };
    assert_eq!(count_shared(), None);
    let request = || {
        let request = world.build_request(&["golden"]);
        request.share_snapshots(ShareSnapshots::Always)
    };
    let plan = world.plan(request()).await;
    let changing: Vec<&Step> = plan.changing_steps().collect();
    assert!(
        matches!(changing[..], [Step::SnapshotPermission(_)]),
        "{changing:?}"
    );
    world.share(request()).await;
    assert_eq!(count_shared(), Some(2), "both volumes");
    assert!(!world.plan(request()).await.changes());
    assert!(!world.share(request()).await.changed);
    // The snapshots of a copy are known only once it is available.
    let request = world.build_copy_request(&["plain"]);
    let request = request.share_snapshots(ShareSnapshots::Always);
    world.share(request).await;
    assert_eq!(count_shared(), Some(3));
}

#[test]
fn grants_are_refused_with_scope_that_they_cannot_keep() {
    let world = World::new();
    let request = |scope: Option<KeyScope>| {
        let request = world.build_request(&["golden"]);
        let request = request.key_access(KeyAccessMode::Grants);
        match scope {
            Some(scope) => request.key_scope(scope),
            None => request,
        }
    };
    let problems = request(Some(KeyScope::ViaEc2)).build().unwrap_err();
    let fields: Vec<_> = problems.iter().map(|problem| problem.field).collect();
    assert_eq!(fields, ["key-scope"]);
    request(Some(KeyScope::Direct)).build().unwrap();
    request(None).build().unwrap();
    // A revoke gives nothing, and takes what there is.
    into_revoke(request(Some(KeyScope::ViaEc2)))
        .build()
        .unwrap();
}

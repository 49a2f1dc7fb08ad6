//! How many calls a share takes, and that more targets take no more.

mod account;
mod regions;

use std::collections::BTreeMap;

use ami_share::AccountId;
use ami_share::request::{KeyAccessMode, ShareRequestBuilder};
use ami_share_sim::Scenario;
use serde_json::{Value, json};

use super::support::*;

fn list_targets(count: u64) -> impl Iterator<Item = AccountId> {
    (0..count).map(|n| (300_000_000_000 + n).to_string().parse().unwrap())
}

/// `golden` with a key policy of which a team wrote 5 KB itself, and `count` targets in addition to
/// B.
fn build_crowded_world(count: u64) -> World {
    let root = "arn:aws:iam::111111111111:root";
    let policy = |statements: &[Value]| json!({ "Version": "2012-10-17", "Statement": statements });
    let mut statements = vec![json!({
        "Sid": "Own",
        "Effect": "Allow",
        "Principal": { "AWS": root },
        "Action": "kms:*",
        "Resource": "*",
    })];
    while policy(&statements).to_string().len() < 5_000 {
        let n = statements.len();
        statements.push(json!({
            "Sid": format!("Team {n} keeps its backups under this key"),
            "Effect": "Allow",
            "Principal": { "AWS": root },
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*"],
            "Resource": "*",
            "Condition": { "StringEquals": { "kms:EncryptionContext:team": n.to_string() } },
        }));
    }
    let mut scenario = Scenario::with_targets(count);
    scenario.keys[0].policy = Some(policy(&statements));
    World::from_scenario(scenario)
}

fn build_request(world: &World, count: u64) -> ShareRequestBuilder {
    let request = world.build_request(&["golden"]);
    request.target_accounts(list_targets(count))
}

/// How often each operation was called, without the reads of `settle`: the key policies that were
/// read after the first put. The second figure counts those.
fn count_calls(world: &World) -> (BTreeMap<String, usize>, usize) {
    let (mut calls, mut settle_reads) = (BTreeMap::new(), 0);
    for action in world.list_actions(0) {
        if action == "kms:GetKeyPolicy" && calls.contains_key("kms:PutKeyPolicy") {
            settle_reads += 1;
        } else {
            *calls.entry(action).or_default() += 1;
        }
    }
    (calls, settle_reads)
}

fn build_table(rows: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let rows = rows.iter();
    rows.map(|(action, count)| ((*action).to_owned(), *count))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn policy_share_takes_as_many_calls_for_any_number_of_accounts() {
    for more in [0, 9, 99, 399] {
        let world = build_crowded_world(more);
        let report = world.share(build_request(&world, more)).await;
        assert_eq!(report.images[0].added.len() as u64, more + 1);
        let (calls, settle_reads) = count_calls(&world);
        let expected = build_table(&[
            // The account of the credentials, once for planning and applying.
            ("sts:GetCallerIdentity", 1),
            // The image, its snapshots, their key; the image once more when the put has settled.
            ("ec2:DescribeImages", 2),
            ("ec2:DescribeSnapshots", 1),
            // Once more at the end: it may be disabled by then.
            ("kms:DescribeKey", 2),
            // To plan, and again right before the change.
            ("kms:GetKeyPolicy", 2),
            // So is launch permission, and once more when the put has settled.
            ("ec2:DescribeImageAttribute", 3),
            // The changes.
            ("kms:PutKeyPolicy", 1),
            ("ec2:ModifyImageAttribute", 1),
        ]);
        let accounts = more + 1;
        println!("{accounts} accounts by policy: {calls:?}, {settle_reads} settle reads");
        assert_eq!(calls, expected);
        assert!(calls.values().sum::<usize>() <= 12 + 2);
        assert_eq!(
            settle_reads, 2,
            "one after the launch permission, one when the put has settled"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn policy_for_thousand_accounts_is_warned_of_and_left_to_kms() {
    // Where AWS has raised the limit, nothing is in the way.
    let world = build_crowded_world(999);
    world.sim.edit(|state| state.raised_kms_limits = true);
    let report = world.share(build_request(&world, 999)).await;
    assert_eq!(list_codes(&report), ["key.policy-too-large"]);
    assert_eq!(report.images[0].added.len(), 1_000);

    // Elsewhere KMS refuses, once, and nobody sees an image without its key.
    let world = build_crowded_world(999);
    let ended = world.try_share(build_request(&world, 999)).await;
    let report = ended.unwrap_err();
    assert_eq!(
        list_codes(&report),
        ["key.policy-too-large", "key.policy-refused"]
    );
    let error = &report.errors[0];
    assert!(error.message.contains("larger than KMS takes"), "{error}");
    let mut findings = report.findings.iter();
    let finding = findings.find(|finding| finding.code.as_str() == "key.policy-too-large");
    let remedy = &finding.unwrap().remedy;
    for way_out in ["target-organizations", "`key-access` to `grants`"] {
        assert!(remedy.contains(way_out), "{remedy}");
    }
    let changes = world.count_changes();
    assert_eq!(changes, [("kms:PutKeyPolicy".to_owned(), 1)].into());
}

#[tokio::test(start_paused = true)]
async fn one_grant_too_many_is_left_to_kms_and_asked_for_once() {
    let full = || {
        let world = World::new();
        let owner = format!("arn:aws:iam::{A}:role/launcher");
        let grants = (0..50_000).map(|n| build_grant(&format!("grant-{n}"), A, &owner));
        world.edit_key(&world.key_arn("golden"), |key| key.grants.extend(grants));
        world
    };
    let request = |world: &World| {
        let request = world.build_request(&["golden"]);
        request.key_access(KeyAccessMode::Grants)
    };
    let world = full();
    world.sim.edit(|state| state.raised_kms_limits = true);
    let report = world.share(request(&world)).await;
    assert!(list_codes(&report).contains(&"grants.too-many"));

    let world = full();
    let report = world.try_share(request(&world)).await.unwrap_err();
    assert!(list_codes(&report).contains(&"quota.exceeded"));
    let error = &report.errors[0];
    assert!(error.remedy.contains("key-access: policy"), "{error}");
    let changes = world.count_changes();
    assert_eq!(
        changes,
        [("kms:CreateGrant".to_owned(), 1)].into(),
        "it is not retried"
    );
}

#[tokio::test(start_paused = true)]
async fn grants_for_thousand_accounts_take_one_call_each_and_few_others() {
    let world = build_crowded_world(999);
    let request = || build_request(&world, 999).key_access(KeyAccessMode::Grants);
    let report = world.share(request()).await;
    assert_eq!(report.images[0].added.len(), 1_000);
    let (mut calls, _) = count_calls(&world);
    println!("1,000 accounts by grants: {calls:?}");
    // One page to plan, while there is no grant yet; ten, of a hundred grants each, to check that
    // all of them exist in the end.
    assert_eq!(calls.remove("kms:ListGrants"), Some(1 + 10));
    assert_eq!(calls.remove("kms:CreateGrant"), Some(1_000));
    let others = build_table(&[
        ("sts:GetCallerIdentity", 1),
        ("ec2:DescribeImages", 1),
        ("ec2:DescribeSnapshots", 1),
        // Once more at the end: it may be disabled by then.
        ("kms:DescribeKey", 2),
        ("kms:GetKeyPolicy", 1),
        // To plan, and again right before the change.
        ("ec2:DescribeImageAttribute", 2),
        // 500 principals fit one call.
        ("ec2:ModifyImageAttribute", 2),
    ]);
    assert_eq!(calls, others);
    assert!(others.values().sum::<usize>() <= 12);

    let before = world.list_actions(0).len();
    assert!(!world.share(request()).await.changed);
    let again = world.list_actions(before);
    let pages = again.iter().filter(|action| *action == "kms:ListGrants");
    let pages = pages.count();
    println!(
        "nothing missing: {} calls, {pages} pages of grants",
        again.len()
    );
    assert_eq!(pages, 10 + 10, "all pages to plan, and all to check again");
}

#[tokio::test(start_paused = true)]
async fn images_under_one_key_list_its_grants_once() {
    let mut scenario = Scenario::with_targets(149);
    let mut images = scenario.images.iter();
    let golden = images.find(|image| image.name == "golden").unwrap().clone();
    for name in ["second", "third"] {
        let mut image = golden.clone();
        name.clone_into(&mut image.name);
        scenario.images.push(image);
    }
    let world = World::from_scenario(scenario);
    let request = world
        .build_request(&["golden", "second", "third"])
        .target_accounts(list_targets(149));
    world.share(request.key_access(KeyAccessMode::Grants)).await;
    let (calls, _) = count_calls(&world);
    assert_eq!(calls["kms:CreateGrant"], 3 * 150);
    // One page to plan, and the five pages of 450 grants once, not once for each image.
    assert_eq!(calls["kms:ListGrants"], 1 + 5);
}

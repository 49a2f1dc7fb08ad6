//! How many calls a share takes, and that many targets take no more.

use std::collections::BTreeMap;

use ami_share::request::{KeyAccessMode, ShareRequestBuilder};
use ami_share::{AccountId, Region};
use ami_share_sim::Scenario;
use serde_json::{Value, json};

use super::support::*;

fn targets(count: u64) -> impl Iterator<Item = AccountId> {
    (0..count).map(|n| (300_000_000_000 + n).to_string().parse().unwrap())
}

/// `golden` and `count` targets beside B, with the key policy of a team that wrote 5 KB of it
/// itself.
fn crowded(count: u64) -> World {
    let root = "arn:aws:iam::111111111111:root";
    let own = json!({ "Sid": "Own", "Effect": "Allow", "Principal": { "AWS": root }, "Action": "kms:*", "Resource": "*" });
    let mut statements = vec![own];
    let policy = |statements: &[Value]| json!({ "Version": "2012-10-17", "Statement": statements });
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
    World::of(scenario)
}

fn with_all(world: &World, count: u64) -> ShareRequestBuilder {
    world.request(&["golden"]).target_accounts(targets(count))
}

/// How often each operation was called, but for the looks of `settle`: the key policies that were
/// read after the first put. Those are counted as a second figure.
fn calls(world: &World) -> (BTreeMap<String, usize>, usize) {
    let (mut calls, mut looks) = (BTreeMap::new(), 0);
    for action in world.actions(0) {
        if action == "kms:GetKeyPolicy" && calls.contains_key("kms:PutKeyPolicy") {
            looks += 1;
        } else {
            *calls.entry(action).or_default() += 1;
        }
    }
    (calls, looks)
}

fn table(rows: &[(&str, usize)]) -> BTreeMap<String, usize> {
    rows.iter()
        .map(|(action, count)| ((*action).to_owned(), *count))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_image_by_policy_takes_ten_calls_and_two_looks_for_one_account_and_for_four_hundred() {
    for more in [0, 9, 99, 399] {
        let world = crowded(more);
        let report = world.share(with_all(&world, more)).await;
        assert_eq!(report.images[0].added.len() as u64, more + 1);
        let (calls, looks) = calls(&world);
        let expected = table(&[
            // Whose credentials these are, once for planning and applying.
            ("sts:GetCallerIdentity", 1),
            // The image, its snapshots, their key.
            ("ec2:DescribeImages", 1),
            ("ec2:DescribeSnapshots", 1),
            ("kms:DescribeKey", 1),
            // To plan, and again right before the change.
            ("kms:GetKeyPolicy", 2),
            ("ec2:DescribeImageAttribute", 2),
            // The changes.
            ("kms:PutKeyPolicy", 1),
            ("ec2:ModifyImageAttribute", 1),
        ]);
        println!(
            "1 image, {} accounts, by policy: {calls:?} and {looks} looks of settle",
            more + 1
        );
        assert_eq!(calls, expected);
        assert!(calls.values().sum::<usize>() <= 12);
        // One when the put has settled, one after the launch permission.
        assert_eq!(looks, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_accounts_do_not_fit_a_policy_and_the_ways_out_are_named() {
    let world = crowded(999);
    let plan = world.plan(with_all(&world, 999)).await;
    let refusals: Vec<_> = plan
        .refusals()
        .map(|finding| finding.code.as_str())
        .collect();
    assert_eq!(refusals, ["key.policy-too-large"]);
    let report = world.try_share(with_all(&world, 999)).await.unwrap_err();
    let finding = report
        .findings
        .iter()
        .find(|finding| finding.code.as_str() == "key.policy-too-large")
        .unwrap();
    for way_out in ["target-organizations", "`key-access` to `grants`"] {
        assert!(finding.remedy.contains(way_out), "{}", finding.remedy);
    }
    assert!(world.changes().is_empty(), "{:?}", world.changes());
}

#[tokio::test(start_paused = true)]
async fn a_thousand_accounts_by_grants_take_a_grant_each_and_ten_calls_beside() {
    let world = crowded(999);
    let request = || with_all(&world, 999).key_access(KeyAccessMode::Grants);
    let report = world.share(request()).await;
    assert_eq!(report.images[0].added.len(), 1_000);
    let (mut first, _) = calls(&world);
    println!("1 image, 1,000 accounts, by grants: {first:?}");
    // One page to plan, when there is none yet; ten, of a hundred each, to see that all of them are
    // there in the end.
    assert_eq!(first.remove("kms:ListGrants"), Some(1 + 10));
    assert_eq!(first.remove("kms:CreateGrant"), Some(1_000));
    let beside = table(&[
        ("sts:GetCallerIdentity", 1),
        ("ec2:DescribeImages", 1),
        ("ec2:DescribeSnapshots", 1),
        ("kms:DescribeKey", 1),
        // To plan, and again right before the change.
        ("ec2:DescribeImageAttribute", 2),
        // 500 principals go into one call.
        ("ec2:ModifyImageAttribute", 2),
    ]);
    assert_eq!(first, beside);
    assert!(beside.values().sum::<usize>() <= 12);

    let before = world.actions(0).len();
    assert!(!world.share(request()).await.changed);
    let again = world.actions(before);
    let lists = again
        .iter()
        .filter(|action| *action == "kms:ListGrants")
        .count();
    println!(
        "again, where nothing is missing: {} calls, of them {lists} pages of grants",
        again.len()
    );
    assert_eq!(
        lists,
        10 + 10,
        "all pages to plan, and all to look once more"
    );
}

#[tokio::test(start_paused = true)]
async fn several_images_under_one_key_take_one_list_of_its_grants() {
    let mut scenario = Scenario::with_targets(149);
    let golden = scenario
        .images
        .iter()
        .position(|image| image.name == "golden")
        .unwrap();
    for name in ["second", "third"] {
        let mut image = scenario.images[golden].clone();
        name.clone_into(&mut image.name);
        scenario.images.push(image);
    }
    let world = World::of(scenario);
    let request = world
        .request(&["golden", "second", "third"])
        .target_accounts(targets(149));
    world.share(request.key_access(KeyAccessMode::Grants)).await;
    let (calls, _) = calls(&world);
    assert_eq!(calls["kms:CreateGrant"], 3 * 150);
    // One page to plan, and the five pages of 450 grants once, not once for each image.
    assert_eq!(calls["kms:ListGrants"], 1 + 5);
}

#[tokio::test(start_paused = true)]
async fn three_images_in_four_regions_for_fifty_accounts() {
    let world = World::generated(51, 4, 3, 1);
    let accounts: Vec<String> = world
        .sim
        .facts()
        .accounts
        .keys()
        .filter(|id| *id != A)
        .cloned()
        .collect();
    let region = |name: &str| name.parse::<Region>().unwrap();
    let names = ["eu-west-1", "us-west-2", "eu-central-1"];
    let mut request = world
        .request(&["image-1", "image-2", "image-3"])
        .copy_to_regions(names.map(region));
    request = request.target_accounts(accounts.iter().map(|id| id.parse().unwrap()));
    request = request.kms_key_in(region("us-east-1"), world.key("key-1").parse().unwrap());
    for name in names {
        request = request.kms_key_in(
            region(name),
            world.key(&format!("key-{name}")).parse().unwrap(),
        );
    }
    let report = world.share(request).await;
    assert!(
        report.images.len() == 12
            && report
                .images
                .iter()
                .all(|image| image.principals.len() == 50)
    );
    let (calls, looks) = calls(&world);
    println!("3 images, 4 Regions, 50 accounts: {calls:?} and {looks} looks of settle");
    println!("{} calls together", calls.values().sum::<usize>() + looks);
    assert_eq!(
        looks, 8,
        "in each Region, one when the put has settled, one after the launch permission"
    );
    let expected = table(&[
        ("sts:GetCallerIdentity", 1),
        // Whether all Regions are on.
        ("ec2:DescribeRegions", 1),
        // The images themselves, and what there is of copies in each Region; 11 looks whether the
        // token of a copy stands for a dead image; and in each Region one look at all copies when
        // they begin and one when they should be done.
        ("ec2:DescribeImages", 1 + 4 + 11 + 4 * 2),
        // Those of the images, and of copies that there may be; one look at the progress of each
        // Region's copies; and the volumes of each finished copy, to see that they are encrypted as
        // they should be.
        ("ec2:DescribeSnapshots", 1 + 4 + 4 + 11),
        // The key of each Region, and the two others that images at home are under.
        ("kms:DescribeKey", 4 + 2),
        // To plan, and again right before the change.
        ("kms:GetKeyPolicy", 4 * 2),
        // Of each image to plan, and of each that is shared right before the change.
        ("ec2:DescribeImageAttribute", 3 + 12),
        // Every image to every Region; but the one at home that is under the key already is shared
        // itself.
        ("ec2:CopyImage", 3 * 4 - 1),
        ("kms:PutKeyPolicy", 4),
        ("ec2:ModifyImageAttribute", 12),
    ]);
    assert_eq!(calls, expected);
}

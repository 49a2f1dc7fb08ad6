//! A share: what it does, in which order, and what a second run does.

use std::collections::BTreeMap;

use ami_share::plan::Step;
use ami_share::request::KeyScope;
use ami_share::{Event, Report, Sharer};
use ami_share_sim::Scenario;
use aws_sdk_ec2::types::{LaunchPermission, LaunchPermissionModifications};
use serde_json::json;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn share_lets_b_launch_and_second_run_changes_nothing() {
    let world = World::new();
    let golden = world.image_id("golden");
    assert_eq!(world.launch_as_b(&golden).await, "AuthFailure");
    let report = world.share(world.build_request(&["golden"])).await;
    assert!(report.changed);
    assert_eq!(world.launch_as_b(&golden).await, "running");
    let before = world.count_changes();
    let again = world.share(world.build_request(&["golden"])).await;
    assert!(!again.changed && again.images[0].added.is_empty());
    assert_eq!(again.images[0].principals.len(), 1);
    assert_eq!(world.count_changes(), before);
}

#[tokio::test(start_paused = true)]
async fn key_access_precedes_launch_permission_and_is_checked_after() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let actions = world.list_actions(0);
    let first = |action: &str| actions.iter().position(|made| made == action).unwrap();
    let in_order = first("kms:PutKeyPolicy") < first("ec2:ModifyImageAttribute");
    assert!(in_order, "{actions:?}");
    // Whether the key still holds, twice, and can still be used; then the image and its permission.
    let mut last = actions[first("ec2:ModifyImageAttribute") + 1..].to_vec();
    assert_eq!(last[..2], ["kms:GetKeyPolicy", "kms:GetKeyPolicy"]);
    last.sort();
    let looks = [
        "ec2:DescribeImageAttribute",
        "ec2:DescribeImages",
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
        "kms:GetKeyPolicy",
    ];
    assert_eq!(last, looks);
}

#[tokio::test(start_paused = true)]
async fn pending_image_is_awaited_and_shared_key_does_not_settle_again() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let started = world.elapsed();
    let request = world.build_request(&["golden", "building"]);
    let report = world.share(request).await;
    // The key is shared already, so only the image is awaited, which takes 3 s.
    assert!((world.elapsed() - started).as_secs() < 10);
    assert_eq!(report.images.len(), 2);
    let launched = world.launch_as_b(&world.image_id("building")).await;
    assert_eq!(launched, "running");
}

#[tokio::test(start_paused = true)]
async fn preview_reports_pending_image() {
    let world = World::new();
    let request = world.build_request(&["building"]).build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    let plan = sharer.preview(&request).await.unwrap();
    assert_eq!(plan.findings[0].code.as_str(), "image.pending");
    assert!(plan.steps.is_empty());
    let error = sharer.apply(&plan).await.unwrap_err();
    assert_eq!(error.report.errors[0].code.as_str(), "plan.refused");
    assert!(world.count_changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn image_under_another_key_is_copied_and_copy_shared() {
    let world = World::new();
    let request = || world.build_copy_request(&["managed", "plain", "golden"]);
    let report = world.share(request()).await;
    for (image, copied) in report.images.iter().zip([true, true, false]) {
        assert_eq!(image.copied, copied);
        let shared = image.image.as_ref().unwrap().as_ref();
        assert_eq!(
            shared != image.source.ami.as_ref(),
            copied,
            "an image already wholly under the key is not copied"
        );
        assert_eq!(world.launch_as_b(shared).await, "running");
    }
    let before = world.count_changes();
    let again = world.share(request()).await;
    assert!(!again.changed, "{again:?}");
    assert_eq!(world.count_changes(), before);
    assert_eq!(again.images[0].image, report.images[0].image);
}

#[tokio::test(start_paused = true)]
async fn one_put_serves_all_images_under_one_key() {
    let world = World::new();
    let request = world.build_copy_request(&["managed", "plain", "golden"]);
    world.share(request).await;
    let changes = world.count_changes();
    assert_eq!(changes["kms:PutKeyPolicy"], 1);
    assert_eq!(changes["ec2:ModifyImageAttribute"], 3);
}

#[tokio::test(start_paused = true)]
async fn both_key_scopes_let_b_launch() {
    for scope in [KeyScope::ViaEc2, KeyScope::Direct] {
        let world = World::new();
        let request = world.build_request(&["golden"]);
        world.share(request.key_scope(scope)).await;
        let launched = world.launch_as_b(&world.image_id("golden")).await;
        assert_eq!(launched, "running");
        let kms = aws_sdk_kms::Client::new(&world.config(B));
        let call = kms.describe_key().key_id(world.key_arn("golden"));
        assert_eq!(call.send().await.is_ok(), scope == KeyScope::Direct);
    }
}

#[tokio::test(start_paused = true)]
async fn unlisted_principal_is_reported_and_kept() {
    let world = World::new();
    let third_account = "333333333333";
    let golden = world.image_id("golden");
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let other = LaunchPermission::builder().user_id(third_account).build();
    let change = LaunchPermissionModifications::builder().add(other).build();
    let call = ec2.modify_image_attribute().image_id(&golden);
    call.launch_permission(change).send().await.unwrap();
    let report = world.share(world.build_request(&["golden"])).await;
    let unlisted = [third_account.parse().unwrap()].into();
    assert_eq!(report.images[0].unlisted, unlisted);
    let permissions = &world.sim.state()["images"][&golden]["launch_permissions"];
    assert_eq!(*permissions, json!([B, third_account]));
}

#[tokio::test(start_paused = true)]
async fn report_equals_sum_of_events() {
    let world = World::new();
    let (sender, events) = std::sync::mpsc::channel();
    let sharer = Sharer::new(&world.config(A))
        .with_events(move |event: &Event| sender.send(event.clone()).unwrap());
    let request = world.build_copy_request(&["plain"]).build().unwrap();
    let plan = sharer.plan(&request).await.unwrap();
    let report = sharer.apply(&plan).await.unwrap();
    let mut sum = Report::begin(&plan);
    for event in events.try_iter() {
        sum.record(&event);
    }
    assert_eq!(
        serde_json::to_value(&sum).unwrap(),
        serde_json::to_value(&report).unwrap()
    );
    let replaced = &report.keys[0].replaced_policies[0];
    assert!(replaced.contains("Enable IAM User Permissions"));
}

#[tokio::test(start_paused = true)]
async fn interrupted_share_is_completed_by_the_next_run() {
    let request = |world: &World| world.build_copy_request(&["managed"]);
    let whole = World::new();
    whole.share(request(&whole)).await;
    let all_calls = whole.list_actions(0).len();
    assert!(all_calls > 12, "{all_calls}");
    for calls in 1..all_calls {
        let world = World::new();
        let run = world.share(request(&world));
        world.drop_after_calls(calls, run).await;
        let report = world.share(request(&world)).await;
        let context = format!("dropped after {calls} calls");
        let copy = report.images[0].image.as_ref().unwrap();
        let launched = world.launch_as_b(copy.as_ref()).await;
        assert_eq!(launched, "running", "{context}");
        let copies = world.list_copies();
        assert_eq!(copies.len(), 1, "{context}: {copies:?}");
        assert!(!world.share(request(&world)).await.changed);
    }
}

#[tokio::test(start_paused = true)]
async fn copy_carries_requested_tags_and_no_foreign_marks() {
    let mut scenario = Scenario::two_accounts();
    let mut images = scenario.images.iter_mut();
    let plain = images.find(|image| image.name == "plain").unwrap();
    for (key, value) in [
        ("team", "a"),
        ("Name", "old"),
        ("ami-share:request", "forged"),
    ] {
        plain.tags.insert(key.to_owned(), value.to_owned());
    }
    let world = World::from_scenario(scenario);
    let source = world.image_id("plain");
    let request = || {
        let request = world.build_copy_request(&["plain"]);
        request.tag("Name", "new").copy_name("{name}-{ami-id}")
    };
    let plan = world.plan(request()).await;
    let Step::Copy(step) = &plan.steps[0] else {
        panic!("{plan:?}")
    };
    let report = world.share(request()).await;
    let copy = report.images[0].image.as_ref().unwrap().to_string();
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let shown = ec2.describe_images().image_ids(copy).send().await.unwrap();
    let image = &shown.images()[0];
    assert_eq!(image.name().unwrap(), format!("plain-{source}"));
    let mappings = image.block_device_mappings().iter();
    let volumes = mappings.filter(|mapping| mapping.ebs().is_some());
    assert_eq!(volumes.count(), 1);
    let tags = image.tags().iter();
    let tags = tags.map(|tag| (tag.key().unwrap(), tag.value().unwrap()));
    let tags: BTreeMap<&str, &str> = tags.collect();
    assert_eq!((tags["team"], tags["Name"]), ("a", "new"));
    assert_eq!(tags["ami-share:source"], format!("us-east-1/{source}"));
    assert_eq!(tags["ami-share:request"], step.identity);
}

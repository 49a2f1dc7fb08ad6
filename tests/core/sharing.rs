//! The way of a share: what is done, in which order, and what a second run does.

use ami_share::plan::Step;
use ami_share::request::KeyScope;
use ami_share::{Event, Sharer};

use super::support::*;

#[tokio::test(start_paused = true)]
async fn b_cannot_launch_before_and_can_after_and_a_second_run_changes_nothing() {
    let world = World::new();
    let golden = world.image("golden");
    assert_eq!(world.launch(&golden).await, "AuthFailure");
    let report = world.share(world.request(&["golden"])).await;
    assert!(report.changed);
    assert_eq!(world.launch(&golden).await, "running");
    let before = world.changes();
    let again = world.share(world.request(&["golden"])).await;
    assert!(!again.changed && again.images[0].added.is_empty());
    assert_eq!(again.images[0].principals.len(), 1);
    assert_eq!(world.changes(), before);
}

#[tokio::test(start_paused = true)]
async fn key_access_comes_before_launch_permission_and_is_looked_at_once_more_after() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    let actions = world.actions(0);
    let at = |action: &str| actions.iter().position(|of| of == action).unwrap();
    assert!(
        at("kms:PutKeyPolicy") < at("ec2:ModifyImageAttribute"),
        "{actions:?}"
    );
    assert_eq!(actions.last().unwrap(), "kms:GetKeyPolicy");
}

#[tokio::test(start_paused = true)]
async fn images_that_are_pending_are_awaited_and_without_a_key_to_change_nothing_else() {
    let world = World::new();
    let plan = world.plan(world.request(&["golden"])).await;
    Sharer::new(&world.config(A)).apply(&plan).await.unwrap();
    let started = world.sim.clock().now();
    let report = world.share(world.request(&["golden", "building"])).await;
    // The key is shared already, so nobody settles: only the image is awaited, and it takes 3 s.
    assert!(
        world
            .sim
            .clock()
            .now()
            .checked_sub(started)
            .unwrap()
            .as_secs()
            < 10
    );
    assert_eq!(report.images.len(), 2);
    assert_eq!(world.launch(&world.image("building")).await, "running");
}

#[tokio::test(start_paused = true)]
async fn a_preview_says_what_can_be_said_of_a_pending_image() {
    let world = World::new();
    let request = world.request(&["building"]).build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    let plan = sharer.preview(&request).await.unwrap();
    assert_eq!(plan.findings[0].code.as_str(), "image.pending");
    assert!(plan.steps.is_empty());
    let error = sharer.apply(&plan).await.unwrap_err();
    assert_eq!(error.report.errors[0].code.as_str(), "plan.refused");
    assert!(world.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn images_under_another_key_are_copied_and_the_copies_shared() {
    let world = World::new();
    let report = world
        .share(world.copying(&["managed", "plain", "golden"]))
        .await;
    for (image, copied) in report.images.iter().zip([true, true, false]) {
        assert_eq!(image.copied, copied);
        let launch = image.image.as_ref().unwrap().as_ref();
        assert_eq!(
            launch != image.source.ami.as_ref(),
            copied,
            "an image already wholly under the key is not copied"
        );
        assert_eq!(world.launch(launch).await, "running");
    }
    let before = world.changes();
    let again = world
        .share(world.copying(&["managed", "plain", "golden"]))
        .await;
    assert!(!again.changed, "{again:?}");
    assert_eq!(world.changes(), before);
    assert_eq!(again.images[0].image, report.images[0].image);
}

#[tokio::test(start_paused = true)]
async fn one_put_serves_many_images_of_one_key() {
    let world = World::new();
    world
        .share(world.copying(&["managed", "plain", "golden"]))
        .await;
    assert_eq!(world.changes()["kms:PutKeyPolicy"], 1);
    assert_eq!(world.changes()["ec2:ModifyImageAttribute"], 3);
}

#[tokio::test(start_paused = true)]
async fn both_scopes_let_b_launch() {
    for scope in [KeyScope::ViaEc2, KeyScope::Direct] {
        let world = World::new();
        world
            .share(world.request(&["golden"]).key_scope(scope))
            .await;
        assert_eq!(world.launch(&world.image("golden")).await, "running");
        let kms = aws_sdk_kms::Client::new(&world.config(B));
        let direct = kms.describe_key().key_id(world.key("golden")).send().await;
        assert_eq!(direct.is_ok(), scope == KeyScope::Direct);
    }
}

#[tokio::test(start_paused = true)]
async fn what_others_were_given_is_reported_and_kept() {
    let world = World::new();
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let other = aws_sdk_ec2::types::LaunchPermission::builder()
        .user_id("333333333333")
        .build();
    let change = aws_sdk_ec2::types::LaunchPermissionModifications::builder()
        .add(other)
        .build();
    let golden = world.image("golden");
    ec2.modify_image_attribute()
        .image_id(&golden)
        .launch_permission(change)
        .send()
        .await
        .unwrap();
    let report = world.share(world.request(&["golden"])).await;
    assert_eq!(
        report.images[0].unlisted,
        ["333333333333".parse().unwrap()].into()
    );
    let permissions = world.sim.state()["images"][&golden]["launch_permissions"].clone();
    assert_eq!(permissions, serde_json::json!([B, "333333333333"]));
}

#[tokio::test(start_paused = true)]
async fn the_report_is_the_sum_of_the_events() {
    let world = World::new();
    let (events, heard) = std::sync::mpsc::channel();
    let sharer = Sharer::new(&world.config(A))
        .with_events(move |event: &Event| events.send(event.clone()).unwrap());
    let plan = sharer
        .plan(&world.copying(&["plain"]).build().unwrap())
        .await
        .unwrap();
    let report = sharer.apply(&plan).await.unwrap();
    let mut summed = ami_share::Report::begin(&plan);
    heard.try_iter().for_each(|event| summed.record(&event));
    assert_eq!(
        serde_json::to_value(&summed).unwrap(),
        serde_json::to_value(&report).unwrap()
    );
    assert!(report.keys[0].replaced_policies[0].contains("Enable IAM User Permissions"));
}

#[tokio::test(start_paused = true)]
async fn a_run_dropped_after_any_call_leaves_the_next_one_to_finish() {
    let whole = World::new();
    whole.share(whole.copying(&["managed"])).await;
    let calls = whole.actions(0).len();
    assert!(calls > 12, "{calls}");
    for kept in 1..calls {
        let world = World::new();
        world
            .cut_off(kept, world.share(world.copying(&["managed"])))
            .await;
        let report = world.share(world.copying(&["managed"])).await;
        let copy = report.images[0].image.as_ref().unwrap();
        assert_eq!(
            world.launch(copy.as_ref()).await,
            "running",
            "cut after call {kept}"
        );
        assert_eq!(
            world.copies().len(),
            1,
            "cut after call {kept}: {:?}",
            world.copies()
        );
        assert!(!world.share(world.copying(&["managed"])).await.changed);
    }
}

#[tokio::test(start_paused = true)]
async fn copies_carry_the_tags_that_were_asked_for_and_never_foreign_marks() {
    let mut scenario = ami_share_sim::Scenario::two_accounts();
    let plain = scenario
        .images
        .iter_mut()
        .find(|image| image.name == "plain")
        .unwrap();
    plain.tags = [
        ("team", "a"),
        ("Name", "old"),
        ("ami-share:request", "forged"),
    ]
    .map(|(k, v)| (k.into(), v.into()))
    .into();
    let world = World::of(scenario);
    let request = || {
        world
            .copying(&["plain"])
            .tag("Name", "new")
            .copy_name("{name}-{ami-id}")
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
    assert_eq!(
        image.name().unwrap(),
        format!("plain-{}", world.image("plain"))
    );
    assert_eq!(volumes(image.block_device_mappings()), 1);
    let tags: std::collections::BTreeMap<_, _> = image
        .tags()
        .iter()
        .map(|tag| (tag.key().unwrap(), tag.value().unwrap()))
        .collect();
    let source = format!("us-east-1/{}", world.image("plain"));
    assert_eq!(
        (tags["team"], tags["Name"], tags["ami-share:source"]),
        ("a", "new", source.as_str())
    );
    assert_eq!(tags["ami-share:request"], step.identity);
}

//! Targets' own copies of several images, in several Regions, of copies; and temporary access for
//! them.

use std::collections::BTreeSet;
use std::time::Duration;

use ami_share::request::{KeyAccessMode, ShareRequestBuilder, TargetOptions};
use ami_share::{Region, Report, Sharer};
use ami_share_sim::Options;
use serde_json::{Value, json};

use super::support::*;

const OTHER: &str = "300000000000";
const TEMPORARY: &str = "ami-share:temporary";

/// Two images under one key of A; every target has a key with the same alias in both Regions.
fn build_world() -> World {
    let mut scenario = generate_scenario(3, 2, 2, 2);
    for image in &mut scenario.images {
        image.volumes = vec![Some("key-1".to_owned()); 2];
    }
    let world = World::from_scenario(scenario);
    world.alias_own_keys();
    world
}

/// Targets copy under their own key, and lose access to the source afterwards.
fn copy_and_unshare() -> TargetOptions {
    let key = "alias/own".parse().unwrap();
    with_target_role().kms_key(key).unshare_after_copy(true)
}

/// Both images in their home Region.
fn build_home_request(world: &World, options: TargetOptions) -> ShareRequestBuilder {
    let request = world.build_request(&["image-1", "image-2"]);
    request.target_options(options)
}

/// Both images, copied by A to a second Region first.
fn build_two_region_request(world: &World) -> ShareRequestBuilder {
    let region = |name: &str| name.parse::<Region>().unwrap();
    let key = |name: &str| world.key_arn(name).parse().unwrap();
    build_home_request(world, copy_and_unshare())
        .copy_to_regions([region("eu-west-1")])
        .kms_key_in(region("us-east-1"), key("key-1"))
        .kms_key_in(region("eu-west-1"), key("key-eu-west-1"))
}

/// Everything of A that names other accounts, and the tags for temporary access, as text.
fn describe_access_to_a(world: &World) -> String {
    let access = world.list_access_of(A);
    let mut text = String::new();
    for kind in ["images", "snapshots", "grants"] {
        text += &access[kind].to_string();
    }
    for key in ["key-1", "key-eu-west-1"] {
        text += &world.read_key_policy(key);
    }
    for image in world.sim.state()["images"].as_object().unwrap().values() {
        let tags = image["tags"].to_string();
        if tags.contains(TEMPORARY) {
            text += &tags;
        }
    }
    text
}

async fn check_copies_launch(world: &World, report: &Report, context: &str) {
    for copy in &report.targets[0].copies {
        let region = copy.source.region.as_ref();
        let launched = world.launch_in(B, region, copy.image.as_ref()).await;
        assert_eq!(launched, "running", "{context}, {region}: R4.13");
    }
}

#[tokio::test(start_paused = true)]
async fn temporary_access_of_two_images_in_two_regions_is_reclaimed() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = build_world();
        let request = || build_two_region_request(&world).key_access(mode);
        let report = world.share(request()).await;
        assert_eq!(report.targets[0].copies.len(), 4, "{mode:?}");
        let left = describe_access_to_a(&world);
        assert!(!left.contains(B), "{mode:?}: {left}");
        check_copies_launch(&world, &report, &format!("{mode:?}")).await;
        assert_eq!(report.images.len(), 4);
        let before = world.count_changes();
        assert!(!world.share(request()).await.changed, "{mode:?}");
        assert_eq!(
            world.count_changes(),
            before,
            "{mode:?}: nothing is shared because all copies are available"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn interrupted_copies_of_copies_are_completed_by_the_next_run() {
    let whole = build_world();
    whole.share(build_two_region_request(&whole)).await;
    let all_calls = whole.list_actions(0).len();
    for calls in (1..all_calls).step_by(7) {
        let world = build_world();
        let run = world.share(build_two_region_request(&world));
        world.drop_after_calls(calls, run).await;
        let report = world.share(build_two_region_request(&world)).await;
        let context = format!("dropped after {calls} calls");
        let left = describe_access_to_a(&world);
        assert!(!left.contains(B), "{context}: {left}");
        // A's two in the other Region, and B's four.
        assert_eq!(world.list_copies().len(), 6, "{context}");
        check_copies_launch(&world, &report, &context).await;
    }
}

/// Every copy that an account makes fails, or only its first.
fn fail_copies_of(account: &str, first_only: bool) -> Value {
    let failure = json!({ "message": "Internal error" });
    let effect = json!({ "fail-copy": failure });
    let mut fault = json!({ "operation": "ec2:CopyImage", "account": account, "effect": effect });
    if first_only {
        fault["call"] = 1.into();
    }
    fault
}

#[tokio::test(start_paused = true)]
async fn only_target_with_available_copy_loses_temporary_access() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = build_world().with_fault(fail_copies_of(OTHER, false));
        let request = build_home_request(&world, copy_and_unshare());
        let request = request.target_account(OTHER.parse().unwrap());
        let ended = world.try_share(request.key_access(mode)).await;
        let report = ended.unwrap_err();
        let mut codes = BTreeSet::new();
        for error in &report.errors {
            codes.insert(error.code.as_str());
            assert_eq!(error.account.as_ref().unwrap().as_ref(), OTHER);
        }
        let expected = BTreeSet::from(["copy.failed"]);
        assert_eq!(codes, expected, "{mode:?}");
        let left = describe_access_to_a(&world);
        let only_other = !left.contains(B) && left.contains(OTHER);
        assert!(only_other, "{mode:?}: {left}");
    }
}

/// A world after a run that gave temporary access and could not copy.
async fn with_temporary_access() -> World {
    let world = build_world().with_fault(fail_copies_of(B, true));
    let request = build_home_request(&world, copy_and_unshare());
    world.try_share(request).await.unwrap_err();
    world
}

/// Shares permanently, then copies with `unshare-after-copy`: the permanent access must stay.
async fn check_permanent_access_stays(world: &World) {
    let permanent = || build_home_request(world, TargetOptions::default());
    world.share(permanent()).await;
    let access = describe_access_to_a(world);
    assert!(!access.contains(TEMPORARY), "{access}");
    assert!(!world.share(permanent()).await.changed);
    world
        .share(build_home_request(world, copy_and_unshare()))
        .await;
    assert_eq!(
        world.launch_as_b(&world.image_id("image-1")).await,
        "running",
        "a target keeps the access that it had before"
    );
}

#[tokio::test(start_paused = true)]
async fn permanent_share_replaces_temporary_access() {
    let world = with_temporary_access().await;
    assert!(describe_access_to_a(&world).contains(TEMPORARY));
    check_permanent_access_stays(&world).await;
}

#[tokio::test(start_paused = true)]
async fn revoke_ends_temporary_access() {
    let world = with_temporary_access().await;
    let request = build_home_request(&world, TargetOptions::default());
    world.share(into_revoke(request)).await;
    let access = describe_access_to_a(&world);
    assert!(!access.contains(B), "{access}");
    check_permanent_access_stays(&world).await;
}

#[tokio::test(start_paused = true)]
async fn every_copy_has_the_description_of_its_image_or_the_given_one() {
    for given in [None, Some("for all")] {
        let world = build_world();
        let source = world.image_id("image-1");
        world.edit_image(&source, |image| {
            "nightly 7".clone_into(&mut image.description);
        });
        let options = with_target_role().kms_key("alias/own".parse().unwrap());
        let key = world.key_arn("key-2").parse().unwrap();
        let mut request = world.build_request(&["image-1"]).kms_key(key);
        if let Some(description) = given {
            request = request.copy_description(description);
        }
        let report = world.share(request.target_options(options)).await;
        let copy = report.images[0].image.as_ref().unwrap();
        let own = &report.targets[0].copies[0].image;
        for copy in [copy, own] {
            let description = world.edit_image(copy.as_ref(), |copy| copy.description.clone());
            assert_eq!(description, given.unwrap_or("nightly 7"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn dry_run_beside_copy_under_way_says_that_something_will_change() {
    let options = Options {
        copy_time: Duration::from_hours(1),
        ..Options::default()
    };
    let world = World::with_options(generate_scenario(2, 1, 1, 1), options);
    world.alias_own_keys();
    let options = || with_target_role().kms_key("alias/own".parse().unwrap());
    let request = || world.build_request(&["image-1"]).target_options(options());
    let cut_off = request().timing(with_timeout(300));
    world.try_share(cut_off).await.unwrap_err();
    let sharer = Sharer::new(&world.config(A));
    let plan = sharer.preview(&request().build().unwrap()).await.unwrap();
    assert!(plan.target_copies().all(|copy| copy.adopt.is_some()));
    assert!(Report::of_plan(&plan).changed);
}

#[tokio::test(start_paused = true)]
async fn temporary_access_by_grants_leaves_no_grant() {
    let world = build_world();
    let request = build_home_request(&world, copy_and_unshare());
    world.share(request.key_access(KeyAccessMode::Grants)).await;
    assert!(!world.has_grants("key-1"));
}

//! Images in many Regions.

use ami_share::request::{ShareRequestBuilder, ShareSnapshots};
use ami_share::{KeyRef, Region, ShareRequest};
use ami_share_sim::{KeySpec, RegionSpec, Scenario};

use super::support::*;

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// Shares `image-1` at home and in more Regions, each under the key that it has there.
fn build_request(world: &World, regions: &[&str]) -> ShareRequestBuilder {
    let key = |name: &str| world.key_arn(name).parse().unwrap();
    let mut request = world
        .build_request(&["image-1"])
        .copy_to_regions(regions.iter().map(|name| region(name)))
        .kms_key_in(region("us-east-1"), key("key-1"));
    for name in regions {
        request = request.kms_key_in(region(name), key(&format!("key-{name}")));
    }
    request
}

#[tokio::test(start_paused = true)]
async fn image_is_shared_in_every_requested_region() {
    let world = World::generate(2, 3, 1, 2);
    let request = || build_request(&world, &["eu-west-1", "us-west-2"]);
    let report = world.share(request()).await;
    let regions = report.images.iter().map(|image| image.region.as_ref());
    let expected = ["eu-west-1", "us-east-1", "us-west-2"];
    assert_eq!(regions.collect::<Vec<_>>(), expected);
    for image in &report.images {
        let (region, id) = (image.region.as_ref(), image.image.as_ref().unwrap());
        let launched = world.launch_in(B, region, id.as_ref()).await;
        assert_eq!(launched, "running", "{region}");
        // At home it is wholly under the key already, and shared itself.
        assert_eq!(image.copied, image.region != image.source.region);
    }
    let before = world.count_changes();
    let again = world.share(request()).await;
    assert!(!again.changed);
    assert_eq!(world.count_changes(), before, "P2: the copies are adopted");
}

#[tokio::test(start_paused = true)]
async fn images_of_two_regions_are_shared_in_one_run() {
    let world = World::generate(2, 2, 1, 1);
    let report = world.share(build_request(&world, &["eu-west-1"])).await;
    let mut images = report.images.iter();
    let copy = images.find(|image| image.region.as_ref() == "eu-west-1");
    let copy = copy.unwrap().image.clone().unwrap();
    let source = world.image_id("image-1").parse().unwrap();
    let request = ShareRequest::builder()
        .image_in(region("us-east-1"), source)
        .image_in(region("eu-west-1"), copy)
        .target_account("300000000000".parse().unwrap());
    let report = world.share(request).await;
    let images = report.images.iter();
    assert_eq!(images.filter(|image| image.added.len() == 1).count(), 2);
    assert_eq!(report.keys.len(), 2);
    assert_eq!(report.plan.regions.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn disabled_region_is_found_before_any_change() {
    let mut scenario = generate_scenario(2, 2, 1, 1);
    scenario.regions.push(RegionSpec {
        name: "ap-east-1".to_owned(),
        opt_in: true,
    });
    let world = World::from_scenario(scenario);
    let request = world
        .build_request(&["image-1"])
        .kms_key("alias/key-1".parse().unwrap())
        .copy_to_regions([region("ap-east-1"), region("eu-west-1")]);
    let plan = world.plan(request).await;
    let [finding] = &plan.findings[..] else {
        panic!("one finding is expected: {:?}", plan.findings)
    };
    let (code, resource) = (finding.code.as_str(), finding.resource.as_str());
    assert_eq!((code, resource), ("region.off", "ap-east-1"));
    let mut calls = world.sim.journal().into_iter();
    assert!(calls.all(|call| call.region != "ap-east-1"));
}

#[tokio::test(start_paused = true)]
async fn failing_key_in_one_region_does_not_stop_others() {
    let fault = fail_first_call("kms:PutKeyPolicy", "KMSInvalidStateException", "down");
    let world = World::generate(2, 3, 1, 1).with_fault(fault);
    let request = || build_request(&world, &["eu-west-1", "us-west-2"]);
    let report = world.try_share(request()).await.unwrap_err();
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    let images = report.images.iter();
    let shared = images.filter(|image| !image.principals.is_empty());
    assert_eq!(shared.count(), 2);
    assert!(world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn interrupted_share_in_two_regions_is_completed_by_the_next_run() {
    let request = |world: &World| {
        build_request(world, &["eu-west-1"])
            .share_snapshots(ShareSnapshots::Always)
            .publish_ssm_parameter("/images/{name}")
    };
    let whole = World::generate(2, 2, 1, 1);
    whole.share(request(&whole)).await;
    for calls in 1..whole.list_actions(0).len() {
        let world = World::generate(2, 2, 1, 1);
        let run = world.share(request(&world));
        world.drop_after_calls(calls, run).await;
        let report = world.share(request(&world)).await;
        let context = format!("dropped after {calls} calls");
        for image in &report.images {
            let (region, id) = (image.region.as_ref(), image.image.as_ref().unwrap());
            let launched = world.launch_in(B, region, id.as_ref()).await;
            assert_eq!(launched, "running", "{context}");
        }
        let copies = world.list_copies();
        assert_eq!(copies.len(), 1, "{context}: {copies:?}");
        let again = world.share(request(&world)).await;
        assert!(!again.changed, "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_copies_are_shared_without_the_source() {
    let world = World::generate(2, 2, 1, 1);
    let request = || build_request(&world, &["eu-west-1"]).share_source(false);
    let report = world.share(request()).await;
    let regions = report.images.iter().map(|image| image.region.as_ref());
    assert_eq!(regions.collect::<Vec<_>>(), ["eu-west-1"]);
    let source = world.image_id("image-1");
    let launchers = world.edit_image(&source, |image| image.launch_permissions.contains(B));
    assert!(!launchers);
    let copy = report.images[0].image.as_ref().unwrap();
    let launched = world.launch_in(B, "eu-west-1", copy.as_ref()).await;
    assert_eq!(launched, "running");
    assert!(!world.share(request()).await.changed);
}

/// Two accounts, and a key in eu-west-1 too.
fn build_world_with_western_key() -> World {
    let mut scenario = Scenario::two_accounts();
    scenario.keys.push(KeySpec {
        name: "western".to_owned(),
        account: A.to_owned(),
        region: Some("eu-west-1".to_owned()),
        ..KeySpec::default()
    });
    World::from_scenario(scenario)
}

#[tokio::test(start_paused = true)]
async fn home_region_without_a_key_is_only_copied_from() {
    for image in ["plain", "managed", "golden"] {
        let world = build_world_with_western_key();
        let western: KeyRef = world.key_arn("western").parse().unwrap();
        let there = || region("eu-west-1");
        let request = || {
            let request = world.build_request(&[image]).copy_to_regions([there()]);
            request.share_source(false)
        };
        let by_region = || request().kms_key_in(there(), western.clone());
        let report = world.share(by_region()).await;
        let regions = report.images.iter().map(|image| image.region.as_ref());
        assert_eq!(regions.collect::<Vec<_>>(), ["eu-west-1"], "{image}");
        assert_eq!(world.list_copies().len(), 1, "{image}");
        let copy = report.images[0].image.as_ref().unwrap();
        let launched = world.launch_in(B, "eu-west-1", copy.as_ref()).await;
        assert_eq!(launched, "running", "{image}");
        // A key of that Region alone says the same.
        for again in [by_region(), request().kms_key(western.clone())] {
            assert!(!world.share(again).await.changed, "{image}");
        }
        // So do the targets' keys.
        let options = with_target_role().kms_key_in(there(), "alias/own".parse().unwrap());
        let with_copies = by_region().target_options(options);
        assert_eq!(with_copies.build().err(), None, "{image}");
    }
}

#[tokio::test(start_paused = true)]
async fn home_region_with_a_key_gets_a_copy() {
    let world = build_world_with_western_key();
    let golden: KeyRef = world.key_arn("golden").parse().unwrap();
    let western: KeyRef = world.key_arn("western").parse().unwrap();
    let request = world
        .build_request(&["plain"])
        .copy_to_regions([region("eu-west-1")])
        .kms_key_in(region("eu-west-1"), western)
        .kms_key_in(region("us-east-1"), golden)
        .share_source(false);
    let report = world.share(request).await;
    assert_eq!(report.images.len(), 2);
    assert!(report.images.iter().all(|image| image.copied));
}

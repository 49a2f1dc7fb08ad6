//! Many images in many Regions.

use ami_share::request::ShareRequestBuilder;
use ami_share::{Region, ShareRequest};
use ami_share_sim::{RegionSpec, Scenario};

use super::support::*;

const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "us-west-2"];

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

/// Shares `image-1` in three Regions, each under the key that it has there.
fn everywhere(world: &World) -> ShareRequestBuilder {
    let request = world
        .request(&["image-1"])
        .copy_to_regions(REGIONS[1..].iter().map(|name| region(name)));
    let keys = [
        ("us-east-1", "key-1"),
        ("eu-west-1", "key-eu-west-1"),
        ("us-west-2", "key-us-west-2"),
    ];
    keys.into_iter().fold(request, |request, (name, key)| {
        request.kms_key_in(region(name), world.key(key).parse().unwrap())
    })
}

#[tokio::test(start_paused = true)]
async fn an_image_is_shared_in_every_region_that_was_asked_for() {
    let world = World::generated(2, 3, 1, 2);
    let report = world.share(everywhere(&world)).await;
    let shared: Vec<&str> = report
        .images
        .iter()
        .map(|image| image.region.as_ref())
        .collect();
    assert_eq!(shared, ["eu-west-1", "us-east-1", "us-west-2"]);
    for image in &report.images {
        let id = image.image.as_ref().unwrap().as_ref();
        assert_eq!(
            world.launch_as(B, image.region.as_ref(), id).await,
            "running",
            "{}",
            image.region
        );
        // At home it is wholly under the key already, and shared itself.
        assert_eq!(image.copied, image.region != image.source.region);
    }
    let before = world.changes();
    let again = world.share(everywhere(&world)).await;
    assert!(!again.changed);
    assert_eq!(world.changes(), before, "P2: the copies are adopted");
}

#[tokio::test(start_paused = true)]
async fn images_of_several_regions_are_shared_side_by_side() {
    let world = World::generated(2, 2, 1, 1);
    let copied = world
        .share(
            world
                .request(&["image-1"])
                .copy_to_regions([region("eu-west-1")])
                .kms_key_in(region("us-east-1"), world.key("key-1").parse().unwrap())
                .kms_key_in(
                    region("eu-west-1"),
                    world.key("key-eu-west-1").parse().unwrap(),
                ),
        )
        .await;
    let there = copied
        .images
        .iter()
        .find(|image| image.region.as_ref() == "eu-west-1")
        .unwrap()
        .image
        .clone()
        .unwrap();
    let request = ShareRequest::builder()
        .image_in(region("us-east-1"), world.image("image-1").parse().unwrap())
        .image_in(region("eu-west-1"), there.clone())
        .target_account("300000000000".parse().unwrap());
    let report = world.share(request).await;
    assert_eq!(
        report
            .images
            .iter()
            .filter(|image| image.added.len() == 1)
            .count(),
        2
    );
    assert_eq!(report.keys.len(), 2);
    assert_eq!(report.plan.regions.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_off_is_found_before_anything_starts() {
    let mut scenario = Scenario::generate(ami_share_sim::Size {
        accounts: 2,
        regions: 2,
        images: 1,
        snapshots: 1,
    })
    .unwrap();
    scenario.regions.push(RegionSpec {
        name: "ap-east-1".to_owned(),
        opt_in: true,
    });
    let world = World::of(scenario);
    let request = world
        .request(&["image-1"])
        .kms_key("alias/key-1".parse().unwrap())
        .copy_to_regions([region("ap-east-1"), region("eu-west-1")]);
    let plan = world.plan(request).await;
    let found: Vec<_> = plan
        .findings
        .iter()
        .map(|finding| (finding.code.as_str(), finding.resource.as_str()))
        .collect();
    assert_eq!(found, [("region.off", "ap-east-1")]);
    assert_eq!(
        world.actions(0),
        ["sts:GetCallerIdentity", "ec2:DescribeRegions"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_fails_in_one_region_stops_no_other() {
    let world = World::generated(2, 3, 1, 1);
    let fault = r#"{"operation":"kms:PutKeyPolicy","call":1,"effect":{"error":{"status":400,"code":"KMSInvalidStateException","message":"down"}}}"#;
    let world = world.with(fault);
    let report = world.try_share(everywhere(&world)).await.unwrap_err();
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    assert_eq!(
        report
            .images
            .iter()
            .filter(|image| !image.principals.is_empty())
            .count(),
        2
    );
    assert!(world.share(everywhere(&world)).await.changed);
}

#[tokio::test(start_paused = true)]
async fn a_run_dropped_after_any_call_leaves_the_next_one_to_finish() {
    let whole = World::generated(2, 2, 1, 1);
    let request = |world: &World| {
        let request = world
            .request(&["image-1"])
            .copy_to_regions([region("eu-west-1")]);
        let request = request.kms_key_in(region("us-east-1"), world.key("key-1").parse().unwrap());
        let request = request.kms_key_in(
            region("eu-west-1"),
            world.key("key-eu-west-1").parse().unwrap(),
        );
        request
            .share_snapshots(ami_share::request::ShareSnapshots::Always)
            .publish_ssm_parameter("/images/{name}")
    };
    whole.share(request(&whole)).await;
    let calls = whole.actions(0).len();
    for kept in 1..calls {
        let world = World::generated(2, 2, 1, 1);
        world.cut_off(kept, world.share(request(&world))).await;
        let report = world.share(request(&world)).await;
        for image in &report.images {
            let id = image.image.as_ref().unwrap().as_ref();
            assert_eq!(
                world.launch_as(B, image.region.as_ref(), id).await,
                "running",
                "cut after call {kept}"
            );
        }
        assert_eq!(
            world.copies().len(),
            1,
            "cut after call {kept}: {:?}",
            world.copies()
        );
        assert!(
            !world.share(request(&world)).await.changed,
            "cut after call {kept}"
        );
    }
}

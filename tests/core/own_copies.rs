//! Targets' own copies of several images, in several Regions, of copies; and what was lent for
//! them.

use std::collections::BTreeSet;

use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, TargetOptions};
use ami_share::{Region, ShareRequest};
use ami_share_sim::{Scenario, Size};

use super::support::*;

const OTHER: &str = "300000000000";

/// Two images under one key of A's; every target has a key called the same in both Regions.
fn world() -> World {
    let mut scenario = Scenario::generate(Size {
        accounts: 3,
        regions: 2,
        images: 2,
        snapshots: 2,
    })
    .unwrap();
    for image in &mut scenario.images {
        image.volumes = vec![Some("key-1".to_owned()); 2];
    }
    let world = World::of(scenario);
    world.name_own_keys();
    world
}

fn region(name: &str) -> Region {
    name.parse().unwrap()
}

fn own() -> TargetOptions {
    by_role().kms_key("alias/own".parse().unwrap())
}

fn at_home(world: &World, wanted: TargetOptions) -> ShareRequestBuilder {
    ShareRequest::builder()
        .region(region("us-east-1"))
        .images(["image-1", "image-2"].map(|name| world.image(name).parse().unwrap()))
        .target_account(B.parse().unwrap())
        .target_options(wanted)
}

/// Both images, copied by A to a second Region first.
fn in_both_regions(world: &World, wanted: TargetOptions) -> ShareRequestBuilder {
    at_home(world, wanted)
        .copy_to_regions([region("eu-west-1")])
        .kms_key_in(region("us-east-1"), world.key("key-1").parse().unwrap())
        .kms_key_in(
            region("eu-west-1"),
            world.key("key-eu-west-1").parse().unwrap(),
        )
}

/// Every principal that something of A's names beside A itself, as text.
fn of_a(world: &World) -> String {
    let access = world.access_of(A);
    let mut text = access["images"].to_string()
        + &access["snapshots"].to_string()
        + &access["grants"].to_string();
    for key in ["key-1", "key-eu-west-1"] {
        text += &world.policy_of(key);
    }
    let tags: Vec<String> = world.sim.state()["images"]
        .as_object()
        .unwrap()
        .values()
        .map(|i| i["tags"].to_string())
        .collect();
    text + &tags
        .iter()
        .filter(|tags| tags.contains("ami-share:temporary"))
        .cloned()
        .collect::<String>()
}

#[tokio::test(start_paused = true)]
async fn several_images_in_two_regions_are_lent_copied_and_taken_back() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = world();
        let request = || in_both_regions(&world, own().keep_shared(false)).key_access(mode);
        let report = world.share(request()).await;
        assert_eq!(report.targets[0].copies.len(), 4, "{mode:?}");
        assert!(!of_a(&world).contains(B), "{mode:?}: {}", of_a(&world));
        for copy in &report.targets[0].copies {
            let at = copy.source.region.to_string();
            assert_eq!(
                world.launch_as(B, &at, copy.image.as_ref()).await,
                "running",
                "{mode:?} {at}: R4.13"
            );
        }
        assert_eq!(report.images.len(), 4);
        let before = world.changes();
        assert!(!world.share(request()).await.changed, "{mode:?}");
        assert_eq!(
            world.changes(),
            before,
            "{mode:?}: no sharing at all where all copies stand"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn cut_off_anywhere_between_copies_of_copies_the_end_is_the_same() {
    let whole = world();
    let request = |world: &World| in_both_regions(world, own().keep_shared(false));
    whole.share(request(&whole)).await;
    let calls = whole.actions(0).len();
    for kept in (1..calls).step_by(7) {
        let world = world();
        world.cut_off(kept, world.share(request(&world))).await;
        let report = world.share(request(&world)).await;
        assert!(
            !of_a(&world).contains(B),
            "cut after call {kept}: {}",
            of_a(&world)
        );
        // A's two in the other Region, and B's four.
        assert_eq!(world.copies().len(), 6, "cut after call {kept}");
        for copy in &report.targets[0].copies {
            let at = copy.source.region.to_string();
            assert_eq!(
                world.launch_as(B, &at, copy.image.as_ref()).await,
                "running",
                "cut after call {kept}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_target_whose_copy_stands_gives_back() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let fault = format!(
            r#"{{"operation":"ec2:CopyImage","account":"{OTHER}","effect":{{"fail-copy":{{"message":"Internal error"}}}}}}"#
        );
        let world = world().with(&fault);
        let request = || {
            at_home(&world, own().keep_shared(false))
                .target_account(OTHER.parse().unwrap())
                .key_access(mode)
        };
        let report = world.try_share(request()).await.unwrap_err();
        let said: BTreeSet<&str> = report
            .errors
            .iter()
            .map(|error| error.code.as_str())
            .collect();
        assert_eq!(
            said,
            BTreeSet::from(["copy.failed", "verify.blocked"]),
            "{mode:?}"
        );
        assert!(
            report
                .errors
                .iter()
                .all(|error| error.account.as_ref().unwrap().as_ref() == OTHER)
        );
        let left = of_a(&world);
        assert!(
            !left.contains(B) && left.contains(OTHER),
            "{mode:?}: {left}"
        );
    }
}

/// What a run leaves that was cut off between lending and copying.
async fn lent() -> World {
    let fault = format!(
        r#"{{"operation":"ec2:CopyImage","account":"{B}","call":1,"effect":{{"fail-copy":{{"message":"Internal error"}}}}}}"#
    );
    let world = world().with(&fault);
    world
        .try_share(at_home(&world, own().keep_shared(false)))
        .await
        .unwrap_err();
    world
}

#[tokio::test(start_paused = true)]
async fn what_was_lent_and_is_then_shared_to_stay_is_no_loan_any_more() {
    let world = lent().await;
    assert!(of_a(&world).contains("ami-share:temporary"));
    world.share(at_home(&world, TargetOptions::default())).await;
    assert!(
        !of_a(&world).contains("ami-share:temporary"),
        "it is lent no more: {}",
        of_a(&world)
    );
    let again = world.share(at_home(&world, TargetOptions::default())).await;
    assert!(!again.changed);
    world.share(at_home(&world, own().keep_shared(false))).await;
    assert_eq!(
        world.launch(&world.image("image-1")).await,
        "running",
        "what a target had before it keeps"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_lent_and_is_revoked_is_no_loan_any_more() {
    let world = lent().await;
    world
        .share(at_home(&world, TargetOptions::default()).revoke(Revoke::default()))
        .await;
    assert!(!of_a(&world).contains(B), "{}", of_a(&world));
    world.share(at_home(&world, TargetOptions::default())).await;
    world.share(at_home(&world, own().keep_shared(false))).await;
    assert_eq!(
        world.launch(&world.image("image-1")).await,
        "running",
        "what a target had before it keeps"
    );
}

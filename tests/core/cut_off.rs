//! Runs after one that was cut off and wanted something else. What the former has given is neither
//! doubled nor lost track of: it stays until a revoke, which ends it whatever gave it.

use ami_share::request::{KeyAccessMode, ShareRequestBuilder, ShareSnapshots, TargetOptions};
use serde_json::Value;

use super::support::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";

fn build_world() -> World {
    let world = World::generate(2, 1, 1, 1);
    world.alias_own_keys();
    world
}

fn share(world: &World) -> ShareRequestBuilder {
    let request = world.build_request(&["image-1"]);
    request.share_snapshots(ShareSnapshots::Always)
}

fn with_own_key() -> TargetOptions {
    with_target_role().kms_key("alias/own".parse().unwrap())
}

/// Worlds in which a run was cut off after each of its calls.
async fn cut_off_everywhere(
    build: impl AsyncFn() -> World,
    request: impl Fn(&World) -> ShareRequestBuilder,
) -> Vec<World> {
    let whole = build().await;
    let from = whole.list_actions(0).len();
    whole.share(request(&whole)).await;
    let calls = whole.list_actions(from).len();
    let mut worlds = Vec::new();
    for calls in 1..=calls {
        let world = build().await;
        let run = world.share(request(&world));
        world.drop_after_calls(calls, run).await;
        worlds.push(world);
    }
    worlds
}

/// Whether B can launch the image, use its snapshots, and use its key, by statement or by grant.
fn list_given(world: &World) -> [bool; 4] {
    let access = world.list_access_of(A);
    let names_b = |value: &Value| value.to_string().contains(B);
    [
        names_b(&access["images"]),
        names_b(&access["snapshots"]),
        world.read_key_policy("key-1").contains(B),
        !access["grants"].as_array().unwrap().is_empty(),
    ]
}

#[tokio::test(start_paused = true)]
async fn grants_of_run_that_was_cut_off_stay_beside_statements_until_a_revoke() {
    use KeyAccessMode::{Grants, Policy};
    for (first, second) in [(Grants, Policy), (Policy, Grants)] {
        let request = |world: &World| share(world).key_access(first);
        let worlds = cut_off_everywhere(async || build_world(), request).await;
        for (calls, world) in worlds.into_iter().enumerate() {
            let context = format!("{first:?} cut off after {calls} calls, then {second:?}");
            let before = list_given(&world);
            world.share(share(&world).key_access(second)).await;
            let after = list_given(&world);
            let way = |given: [bool; 4], mode| given[if mode == Policy { 2 } else { 3 }];
            assert!(after[0] && way(after, second), "{context}: {after:?}");
            assert_eq!(way(after, first), way(before, first), "{context}");
            assert!(world.list_access()["grants"].as_array().unwrap().len() <= 1);

            // Whichever way the revoke goes by, it ends both.
            world
                .share(into_revoke(share(&world).key_access(second)))
                .await;
            assert_eq!(list_given(&world), [false; 4], "{context}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn access_that_run_gave_for_good_before_it_was_cut_off_stays_until_a_revoke() {
    let permanent = |world: &World| share(world).target_options(with_own_key());
    let temporary = |world: &World| {
        let options = with_own_key().unshare_after_copy(true);
        share(world).target_options(options)
    };
    let mut seen = Vec::new();
    for world in cut_off_everywhere(async || build_world(), permanent).await {
        let given = list_given(&world);
        world.share(temporary(&world)).await;
        // What the former had given, no more and no less.
        assert_eq!(list_given(&world), given);
        assert!(world.find_image_of(B).is_some());
        world.share(into_revoke(share(&world))).await;
        assert_eq!(list_given(&world), [false; 4], "{given:?}");
        if !seen.contains(&given) {
            seen.push(given);
        }
    }
    assert!(
        seen.len() >= 3,
        "nothing, a part and all was given: {seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn tags_and_roles_in_targets_stay_after_a_revoke() {
    let build = async || {
        let world = build_world();
        let actions = ["ec2:*", "kms:*", "iam:*"];
        world.allow_actions(B, "consumer", &actions).await;
        world
    };
    let request = |world: &World| {
        let services = [AUTO_SCALING.to_owned()];
        let options = with_target_role().service_linked_roles(services);
        share(world).target_options(options)
    };
    let made = |world: &World| {
        let state = world.sim.state();
        let tags = state["images"][&world.image_id("image-1")]["tags"][B].clone();
        let roles = world.sim.edit(|state| {
            let roles = state.accounts[B].roles.keys();
            roles.cloned().collect::<Vec<_>>()
        });
        (tags, roles)
    };
    let mut seen = Vec::new();
    for world in cut_off_everywhere(build, request).await {
        let before = made(&world);
        // The revoke ends what lets somebody use something, also what targets made by it.
        world.share(into_revoke(request(&world))).await;
        assert_eq!(list_given(&world), [false; 4]);
        assert_eq!(made(&world), before);
        if !seen.contains(&before) {
            seen.push(before);
        }
    }
    assert!(seen.len() >= 2, "{seen:?}");
}

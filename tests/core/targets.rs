//! What a run does in target accounts: copies, tags, parameters, launch roles, and temporary access
//! to the source for a copy.

mod launch_policy;
mod launch_roles;

use std::time::Duration;

use ami_share::report::Conclusion;
use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, TargetOptions};
use ami_share::{Report, Sharer};
use ami_share_sim::world::{Key, KeyState};

use super::support::*;

const B_KEY: &str = "own-222222222222";

fn with_own_key() -> TargetOptions {
    with_target_role().kms_key(format!("alias/{B_KEY}").parse().unwrap())
}

fn build_request(world: &World, options: TargetOptions) -> ShareRequestBuilder {
    let request = world.build_request(&["image-1"]).tag("team", "web");
    request.target_options(options.run_name("run 7"))
}

fn find_target_copy(report: &Report) -> String {
    report.targets[0].copies[0].image.to_string()
}

async fn revoke_all(world: &World) {
    let request = build_request(world, TargetOptions::default());
    world.share(into_revoke(request)).await;
}

#[tokio::test(start_paused = true)]
async fn target_role_is_assumed_once_per_session() {
    let world = World::generate(2, 1, 1, 1);
    let request = build_request(&world, with_own_key()).build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    let count_assumed = || world.count_calls()["sts:AssumeRole"];
    let plan = sharer.plan(&request).await.unwrap();
    sharer.apply(&plan).await.unwrap();
    sharer.verify(&request).await.unwrap();
    assert_eq!(count_assumed(), 1);
    tokio::time::advance(Duration::from_hours(2)).await;
    sharer.verify(&request).await.unwrap();
    assert_eq!(count_assumed(), 2);
}

#[tokio::test(start_paused = true)]
async fn target_copy_launches_after_full_revoke() {
    let world = World::generate(2, 1, 1, 2);
    let before = world.list_access_of(A);
    let report = world.share(build_request(&world, with_own_key())).await;
    let copy = find_target_copy(&report);
    let reported = &report.targets[0].copies[0];
    assert!(reported.copied && reported.available);
    revoke_all(&world).await;
    assert_eq!(world.list_access_of(A), before);
    assert_eq!(world.launch_as_b(&copy).await, "running", "R4.13");
    let source = world.image_id("image-1");
    assert_eq!(world.launch_as_b(&source).await, "AuthFailure");
    let state = world.sim.state();
    assert_eq!(state["images"][&copy]["owner"], B);
    for kind in ["images", "snapshots"] {
        let mut owned = 0;
        for resource in state[kind].as_object().unwrap().values() {
            if resource["owner"] == B {
                owned += 1;
                assert_eq!(resource["tags"][B]["team"], "web", "{kind}");
            }
        }
        assert!(owned > 0, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn second_run_changes_nothing_in_target() {
    for options in [with_own_key(), with_own_key().unshare_after_copy(true)] {
        let world = World::generate(2, 1, 2, 1);
        let first = world.share(build_request(&world, options.clone())).await;
        let before = world.count_changes();
        let second = world.share(build_request(&world, options)).await;
        assert!(first.changed && !second.changed);
        assert_eq!(world.count_changes(), before);
        assert_eq!(find_target_copy(&second), find_target_copy(&first));
    }
}

#[tokio::test(start_paused = true)]
async fn temporary_access_is_reclaimed_after_copy() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = World::generate(3, 1, 1, 2);
        let before = world.list_access_of(A);
        let request = build_request(&world, with_own_key().unshare_after_copy(true));
        let report = world.share(request.key_access(mode)).await;
        assert_eq!(
            world.list_access_of(A),
            before,
            "{mode:?}: B has no access to anything of A"
        );
        let copy = find_target_copy(&report);
        assert_eq!(world.launch_as_b(&copy).await, "running");
        let image = &world.sim.state()["images"][world.image_id("image-1")];
        let tags = image["tags"].to_string();
        assert!(!tags.contains("ami-share:temporary"), "{tags}");
    }
}

/// What another image needs stays, however it was given, and nothing besides.
#[tokio::test(start_paused = true)]
async fn temporary_access_is_reclaimed_beside_an_image_that_stays_shared() {
    for other in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
            let world = World::generate(2, 1, 2, 1);
            let shared = world.build_request(&["image-2"]).key_access(other);
            world.share(shared).await;
            let before = world.list_access_of(A);
            let request = || {
                let request = build_request(&world, with_own_key().unshare_after_copy(true));
                request.key_access(mode)
            };
            world.share(request()).await;
            let mut after = world.list_access_of(A);
            if (other, mode) == (KeyAccessMode::Grants, KeyAccessMode::Policy) {
                // What needs the key keeps its statement, also if it has a grant.
                after["policies"] = before["policies"].clone();
            }
            assert_eq!(after, before, "{other:?}, {mode:?}");
            let other = world.image_id("image-2");
            assert_eq!(world.launch_as_b(&other).await, "running");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unshare_after_copy_keeps_access_from_before() {
    let world = World::generate(2, 1, 1, 1);
    let request = build_request(&world, TargetOptions::default());
    world.share(request).await;
    for _ in 0..2 {
        let request = build_request(&world, with_own_key().unshare_after_copy(true));
        let report = world.share(request).await;
        assert_eq!(
            world.launch_as_b(&world.image_id("image-1")).await,
            "running"
        );
        assert!(
            report.images[0].unlisted.is_empty(),
            "B is listed, although its copy is available"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn interrupted_run_with_target_copies_is_completed_by_the_next() {
    let whole = World::generate(2, 1, 1, 1);
    let request = |world: &World| build_request(world, with_own_key().unshare_after_copy(true));
    let before = whole.list_access_of(A);
    whole.share(request(&whole)).await;
    for calls in 1..whole.list_actions(0).len() {
        let world = World::generate(2, 1, 1, 1);
        world
            .drop_after_calls(calls, world.share(request(&world)))
            .await;
        let report = world.share(request(&world)).await;
        let context = format!("dropped after {calls} calls");
        assert_eq!(world.list_access_of(A), before, "{context}");
        assert_eq!(world.list_copies().len(), 1, "{context}");
        let copy = find_target_copy(&report);
        assert_eq!(world.launch_as_b(&copy).await, "running", "{context}");
    }
}

#[tokio::test(start_paused = true)]
async fn shared_image_is_tagged_and_published_in_target() {
    let world = World::generate(2, 1, 1, 1);
    world
        .allow_actions(B, "consumer", &["ec2:*", "ssm:*"])
        .await;
    let image_id = world.image_id("image-1");
    let request = || {
        let request = build_request(&world, with_target_role());
        request.publish_ssm_parameter("/images/{name}")
    };
    world.share(request()).await;
    let state = world.sim.state();
    assert_eq!(state["images"][&image_id]["tags"][B]["team"], "web");
    let parameters = world.sim.edit(|state| state.accounts[B].parameters.len());
    assert_eq!(parameters, 1, "in the target too");
    assert!(!world.plan(request()).await.changes());
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn copy_of_a_target_is_complete_in_the_time_that_is_asked_for() {
    for minutes in [None, Some(15)] {
        let world = World::generate(2, 1, 1, 1);
        let mut request = build_request(&world, with_own_key());
        if let Some(minutes) = minutes {
            request = request.copy_completion(Duration::from_mins(minutes.into()));
        }
        let copy = find_target_copy(&world.share(request).await);
        let copied = world.edit_image(&copy, |image| {
            image.snapshot_ids().map(str::to_owned).collect::<Vec<_>>()
        });
        for id in copied {
            let asked = world
                .sim
                .edit(|state| state.snapshots[&id].completion_minutes);
            assert_eq!(asked, minutes, "{id}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unreachable_target_does_not_affect_the_others() {
    let world = World::generate(3, 1, 1, 1);
    let other = "300000000000";
    world.remove_role(other, "consumer");
    let request = build_request(&world, with_target_role());
    let request = request.target_account(other.parse().unwrap());
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(list_codes(&report), ["role.not-assumable"]);
    let error = &report.errors[0];
    assert_eq!(error.account.as_ref().unwrap().as_ref(), other);
    for word in [
        "`target-external-id`",
        "trusting",
        "`aws iam get-role --role-name",
    ] {
        assert!(error.remedy.contains(word), "{error}");
    }
    let message = error.to_string();
    assert!(message.contains("sts:AssumeRole"), "{message}");
    assert!(
        message.ends_with(":role/consumer"),
        "what AWS answered, without words of the SDK: {message}"
    );
    let principals = report.images[0].principals.len();
    assert_eq!(principals, 2, "it is shared with both all the same");
    assert!(!report.targets[0].tagged.is_empty());
}

#[tokio::test(start_paused = true)]
async fn unusable_target_key_refuses_before_any_change() {
    type Spoil = fn(&mut Key);
    let spoils: [(Spoil, &str); 3] = [
        (|key| key.spec = "RSA_2048".to_owned(), "symmetric"),
        (|key| key.state = KeyState::Disabled, "is disabled"),
        (
            |key| key.state = KeyState::PendingDeletion,
            "pending deletion",
        ),
    ];
    for (spoil, word) in spoils {
        let world = World::generate(2, 2, 1, 1);
        world.edit_key(&world.key_arn(B_KEY), spoil);
        expect_unusable_key(&world, &format!("alias/{B_KEY}"), word).await;
    }
    let world = World::generate(2, 2, 1, 1);
    expect_unusable_key(&world, "alias/none", "no such key in us-east-1").await;
    // By its ID, it is a key of another Region.
    let arn = world.key_arn("own-222222222222-eu-west-1");
    let (_, id) = arn.rsplit_once('/').unwrap();
    expect_unusable_key(&world, id, "no such key in us-east-1").await;
}

async fn expect_unusable_key(world: &World, key: &str, word: &str) {
    let options = with_target_role().kms_key(key.parse().unwrap());
    let ended = world.try_share(build_request(world, options)).await;
    let report = ended.unwrap_err();
    let expected = ["target.key-unusable", "plan.refused"];
    assert_eq!(list_codes(&report), expected, "{word}");
    let message = &report.findings[0].message;
    assert!(message.contains(word) && message.contains(B), "{message}");
    assert!(world.count_changes().is_empty(), "{word}");
}

#[tokio::test(start_paused = true)]
async fn verify_of_copying_target_checks_copy_not_shared_image() {
    let world = World::generate(2, 1, 1, 1);
    let request = build_request(&world, TargetOptions::default());
    world.share(request).await;
    let request = build_request(&world, with_own_key()).build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    world.edit_key(&world.key_arn(B_KEY), |key| key.state = KeyState::Disabled);
    let report = sharer.verify(&request).await.unwrap();
    let [verification] = &report.verifications[..] else {
        panic!("one target is verified: {:?}", report.verifications)
    };
    assert_eq!(
        verification.conclusion,
        Conclusion::Blocked,
        "it has no copy: {verification:?}"
    );

    world.remove_role(B, "consumer");
    // The first sharer has a session of the role.
    let sharer = Sharer::new(&world.config(A));
    let report = sharer.verify(&request).await.unwrap();
    assert_eq!(
        list_codes(&report),
        ["role.not-assumable"],
        "`mode: verify` reports it too"
    );
    assert_eq!(
        report.verifications[0].conclusion,
        Conclusion::NoObstacleFound,
        "what the target has is not known"
    );
}

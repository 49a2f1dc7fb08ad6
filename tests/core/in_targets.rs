//! What is done in target accounts: copies, tags, parameters, roles, and taking back what was lent
//! for it.

use ami_share::report::Conclusion;
use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, TargetOptions};
use ami_share::{Report, Sharer};
use ami_share_sim::world::KeyState;
use serde_json::json;

use super::support::*;

const B_KEY: &str = "own-222222222222";

fn by_role() -> TargetOptions {
    super::support::by_role().run_name("run 7")
}

fn copying() -> TargetOptions {
    by_role().kms_key(format!("alias/{B_KEY}").parse().unwrap())
}

fn to_b(world: &World, wanted: TargetOptions) -> ShareRequestBuilder {
    ami_share::ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image(world.image("image-1").parse().unwrap())
        .target_account(B.parse().unwrap())
        .tag("team", "web")
        .target_options(wanted)
}

fn own_copy(report: &Report) -> String {
    report.targets[0].copies[0].image.to_string()
}

async fn revoke_all(world: &World) {
    world
        .share(to_b(world, TargetOptions::default()).revoke(Revoke::default()))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_role_is_assumed_once_to_plan_and_to_do_and_again_when_its_session_ends() {
    let world = World::generated(2, 1, 1, 1);
    let request = || to_b(&world, copying()).build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    let assumed = || {
        world
            .actions(0)
            .iter()
            .filter(|action| *action == "sts:AssumeRole")
            .count()
    };
    let plan = sharer.plan(&request()).await.unwrap();
    sharer.apply(&plan).await.unwrap();
    sharer.verify(&request()).await.unwrap();
    assert_eq!(assumed(), 1);
    tokio::time::advance(std::time::Duration::from_hours(2)).await;
    sharer.verify(&request()).await.unwrap();
    assert_eq!(assumed(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_targets_own_copy_launches_after_everything_was_taken_back() {
    let world = World::generated(2, 1, 1, 2);
    let before = world.access_of(A);
    let report = world.share(to_b(&world, copying())).await;
    let copy = own_copy(&report);
    assert!(report.targets[0].copies[0].copied && report.targets[0].copies[0].available);
    revoke_all(&world).await;
    assert_eq!(world.access_of(A), before);
    assert_eq!(world.launch(&copy).await, "running", "R4.13");
    assert_eq!(world.launch(&world.image("image-1")).await, "AuthFailure");
    let state = world.sim.state();
    assert_eq!(state["images"][&copy]["owner"], B);
    for kind in ["images", "snapshots"] {
        let of_b = state[kind]
            .as_object()
            .unwrap()
            .values()
            .filter(|one| one["owner"] == B);
        assert!(
            of_b.clone().count() > 0 && of_b.clone().all(|one| one["tags"][B]["team"] == "web"),
            "{kind}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_changes_nothing_in_the_target_either() {
    for wanted in [copying(), copying().keep_shared(false)] {
        let world = World::generated(2, 1, 2, 1);
        let first = world.share(to_b(&world, wanted.clone())).await;
        let before = world.changes();
        let second = world.share(to_b(&world, wanted)).await;
        assert!(first.changed && !second.changed);
        assert_eq!(world.changes(), before);
        assert_eq!(own_copy(&second), own_copy(&first));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_lent_for_copying_is_taken_back() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = World::generated(3, 1, 1, 2);
        let before = world.access_of(A);
        let report = world
            .share(to_b(&world, copying().keep_shared(false)).key_access(mode))
            .await;
        assert_eq!(
            world.access_of(A),
            before,
            "{mode:?}: nothing of A's sharing is left for B"
        );
        assert_eq!(world.launch(&own_copy(&report)).await, "running");
        let tags = world.sim.state()["images"][world.image("image-1")]["tags"].to_string();
        assert!(!tags.contains("ami-share:temporary"), "{tags}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_target_had_before_it_keeps() {
    let world = World::generated(2, 1, 1, 1);
    world.share(to_b(&world, TargetOptions::default())).await;
    for _ in 0..2 {
        let report = world
            .share(to_b(&world, copying().keep_shared(false)))
            .await;
        assert_eq!(world.launch(&world.image("image-1")).await, "running");
        assert!(
            report.images[0].unlisted.is_empty(),
            "it is listed, though its copy stands"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn cut_off_after_any_call_the_next_run_comes_to_the_same_end() {
    let whole = World::generated(2, 1, 1, 1);
    let request = |world: &World| to_b(world, copying().keep_shared(false));
    let before = whole.access_of(A);
    whole.share(request(&whole)).await;
    for kept in 1..whole.actions(0).len() {
        let world = World::generated(2, 1, 1, 1);
        world.cut_off(kept, world.share(request(&world))).await;
        let report = world.share(request(&world)).await;
        assert_eq!(world.access_of(A), before, "cut after call {kept}");
        assert_eq!(world.copies().len(), 1, "cut after call {kept}");
        assert_eq!(
            world.launch(&own_copy(&report)).await,
            "running",
            "cut after call {kept}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_shared_image_is_tagged_and_published_in_the_target() {
    let world = World::generated(2, 1, 1, 1);
    world.allow(B, "consumer", &["ec2:*", "ssm:*"]).await;
    let image = world.image("image-1");
    let request = || to_b(&world, by_role()).publish_ssm_parameter("/images/{name}");
    world.share(request()).await;
    let state = world.sim.state();
    assert_eq!(state["images"][&image]["tags"][B]["team"], "web");
    let parameters = world.sim.edit(|world| world.accounts[B].parameters.len());
    assert_eq!(parameters, 1, "in the target too");
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn roles_are_let_launch_by_an_inline_policy_and_lose_it_again() {
    let world = World::generated(2, 1, 1, 1);
    world.allow(B, "consumer", &["ec2:*", "iam:*"]).await;
    let key = world.key("own-222222222222");
    let own_key = json!({ "Effect": "Allow", "Action": "kms:*", "Resource": key });
    let ec2 = json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    world.sim.edit(|state| {
        state
            .accounts
            .get_mut(B)
            .unwrap()
            .roles
            .get_mut("launcher")
            .unwrap()
            .inline
            .clear()
    });
    world
        .put_role_policy(
            B,
            "launcher",
            "own",
            &json!({ "Statement": [own_key, ec2] }),
        )
        .await;
    let wanted = by_role().launch_roles(["launcher".to_owned()]);
    let image = world.image("image-1");
    world.share(to_b(&world, TargetOptions::default())).await;
    assert_eq!(
        world.launch_by(B, "launcher", &image).await,
        "terminated",
        "R3.1.1: both sides"
    );
    let report = world.share(to_b(&world, wanted.clone())).await;
    assert!(report.targets[0].roles.contains("launcher"));
    assert_eq!(world.launch_by(B, "launcher", &image).await, "running");
    assert!(
        !world.share(to_b(&world, wanted.clone())).await.changed,
        "equal text is left alone"
    );
    world
        .share(to_b(&world, wanted).revoke(Revoke::default()))
        .await;
    let policies = world
        .sim
        .edit(|world| world.accounts[B].roles["launcher"].inline.len());
    assert_eq!(policies, 1, "only what was there before is left");
}

#[tokio::test(start_paused = true)]
async fn auto_scaling_launches_by_a_grant_from_its_own_account() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = World::generated(2, 1, 1, 1);
        world
            .allow(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
            .await;
        let image = world.image("image-1");
        let plain = || to_b(&world, by_role()).key_access(mode);
        world.share(plain()).await;
        world
            .service_linked_role(B, "autoscaling.amazonaws.com")
            .await;
        assert_eq!(
            world
                .launch_by_service(B, "autoscaling.amazonaws.com", &image)
                .await,
            "terminated",
            "{mode:?}"
        );
        let wanted = by_role().service_linked_roles(["autoscaling.amazonaws.com".to_owned()]);
        let request = || to_b(&world, wanted.clone()).key_access(mode);
        world.share(request()).await;
        assert_eq!(
            world
                .launch_by_service(B, "autoscaling.amazonaws.com", &image)
                .await,
            "running",
            "{mode:?}: R4.11"
        );
        assert!(
            !world.share(request()).await.changed,
            "{mode:?}: it is found again"
        );
        world.terminate_all(B).await;
        world.share(request().revoke(Revoke::default())).await;
        let grants = world
            .sim
            .edit(|state| state.keys[&world.key("key-1")].grants.len());
        assert_eq!(grants, 0, "{mode:?}: A takes back what B made");
    }
}

#[tokio::test(start_paused = true)]
async fn one_target_that_cannot_be_reached_hides_none_of_the_others() {
    let world = World::generated(3, 1, 1, 1);
    let other = "300000000000";
    world.sim.edit(|state| {
        state
            .accounts
            .get_mut(other)
            .unwrap()
            .roles
            .remove("consumer")
    });
    let request = to_b(&world, by_role()).target_account(other.parse().unwrap());
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(codes(&report), ["role.not-assumable"]);
    let error = &report.errors[0];
    assert_eq!(error.account.as_ref().unwrap().as_ref(), other);
    for word in ["sts:ExternalId", "trust policy", "must exist", "R5.1"] {
        assert!(error.remedy.contains(word), "{error}");
    }
    let said = error.to_string();
    assert!(
        said.contains(":role/consumer. What to do"),
        "what AWS said, and nothing of the SDK: {said}"
    );
    assert_eq!(
        report.images[0].principals.len(),
        2,
        "it is shared with both all the same"
    );
    assert!(!report.targets[0].tagged.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_targets_key_that_cannot_encrypt_refuses_before_anything_is_changed() {
    type Spoil = fn(&mut ami_share_sim::world::Key);
    let other_region = |world: &World| {
        world
            .key("own-222222222222-eu-west-1")
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned()
    };
    let table: [(Option<Spoil>, Option<&str>, &str); 5] = [
        (
            Some(|key| key.spec = "RSA_2048".to_owned()),
            None,
            "symmetric",
        ),
        (
            Some(|key| key.state = KeyState::Disabled),
            None,
            "is disabled",
        ),
        (
            Some(|key| key.state = KeyState::PendingDeletion),
            None,
            "pending deletion",
        ),
        (None, Some("alias/none"), "no such key in us-east-1"),
        // By its ID: it is a key of another Region.
        (None, Some(""), "no such key in us-east-1"),
    ];
    for (spoil, name, word) in table {
        let world = World::generated(2, 2, 1, 1);
        let key = world.key(B_KEY);
        if let Some(spoil) = spoil {
            world
                .sim
                .edit(|state| spoil(state.keys.get_mut(&key).unwrap()));
        }
        let name = match name {
            Some("") => other_region(&world),
            Some(name) => name.to_owned(),
            None => format!("alias/{B_KEY}"),
        };
        let request = to_b(&world, by_role().kms_key(name.parse().unwrap()));
        let report = world.try_share(request).await.unwrap_err();
        assert_eq!(
            codes(&report),
            ["target.key-unusable", "plan.refused"],
            "{word}"
        );
        let message = &report.findings[0].message;
        assert!(message.contains(word) && message.contains(B), "{message}");
        assert!(world.changes().is_empty(), "{word}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_launched_of_a_target_that_copies_is_not_said_of_the_shared_image() {
    let world = World::generated(2, 1, 1, 1);
    world.share(to_b(&world, TargetOptions::default())).await;
    let sharer = Sharer::new(&world.config(A));
    let key = world.key(B_KEY);
    world
        .sim
        .edit(|state| state.keys.get_mut(&key).unwrap().state = KeyState::Disabled);
    let report = Box::pin(sharer.verify(&to_b(&world, copying()).build().unwrap()))
        .await
        .unwrap();
    assert_eq!(
        report.verifications[0].conclusion,
        Conclusion::Blocked,
        "it has no copy: {:?}",
        report.verifications
    );
    world
        .sim
        .edit(|state| state.accounts.get_mut(B).unwrap().roles.remove("consumer"));
    // That one has a session of the role.
    let sharer = Sharer::new(&world.config(A));
    let report = Box::pin(sharer.verify(&to_b(&world, copying()).build().unwrap()))
        .await
        .unwrap();
    assert_eq!(
        codes(&report),
        ["role.not-assumable"],
        "it is said in `mode: verify` too"
    );
    assert_eq!(report.verifications[0].conclusion, Conclusion::Blocked);
}

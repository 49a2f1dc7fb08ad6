//! Whether targets can launch: what the checks say, compared with a launch in the simulated AWS.

mod allowed_images;
mod deadline;
mod devices;
mod launchers;
mod launches;
mod limits;
mod obstacles;
mod property;
mod ram;
mod refusals;
mod roles;
mod service_roles;
mod unread;

use std::time::Duration;

use ami_share::Sharer;
use ami_share::report::{Check, CheckName, Conclusion, Verdict, Verification};
use ami_share::request::{
    KeyAccessMode, ShareRequestBuilder, ShareSnapshots, TargetOptions, Verify,
};
use ami_share_sim::Options;
use serde_json::json;
use tokio::time::Instant;

use super::support::*;

const LAUNCHER: &str = "launcher";

fn with_launcher() -> TargetOptions {
    with_target_role().launch_roles([LAUNCHER.to_owned()])
}

fn build_request(world: &World, options: TargetOptions) -> ShareRequestBuilder {
    world.build_request(&["image-1"]).target_options(options)
}

/// What a target launches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ImageKind {
    /// A shared image of two volumes under one key.
    Shared,
    /// The same, each volume under a key of its own.
    TwoKeys,
    /// A shared image without encryption.
    Unencrypted,
    /// The target's own copy of a shared image.
    TargetCopy,
}

/// A world in which the role in B may read everything that verifying needs; if `denies_launches`, a
/// service control policy denies launches in B.
async fn build_world(kind: ImageKind, denies_launches: bool) -> World {
    build_world_in("us-east-1", Options::default(), kind, denies_launches).await
}

/// The same in any Region of any partition.
async fn build_world_in(
    region: &str,
    options: Options,
    kind: ImageKind,
    denies_launches: bool,
) -> World {
    let mut scenario = generate_scenario(2, 1, 2, 2);
    region.clone_into(&mut scenario.region);
    region.clone_into(&mut scenario.regions[0].name);
    scenario.images.truncate(1);
    let key = |n: usize| Some(format!("key-{n}"));
    scenario.images[0].volumes = match kind {
        ImageKind::Shared | ImageKind::TargetCopy => vec![key(1), key(1)],
        ImageKind::TwoKeys => vec![key(1), key(2)],
        ImageKind::Unencrypted => vec![None, None],
    };
    if denies_launches {
        let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        let deny = json!({ "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*" });
        let policy = json!({ "Version": "2012-10-17", "Statement": [allow, deny] });
        let organization = scenario.organization.as_mut().unwrap();
        let policies = &mut organization.service_control_policies;
        policies.insert(B.to_owned(), vec![policy]);
    }
    let world = World::with_options(scenario, options);
    let actions = [
        "ec2:*",
        "kms:*",
        "iam:SimulatePrincipalPolicy",
        "iam:Get*",
        "iam:List*",
    ];
    world.allow_actions(B, "consumer", &actions).await;
    world
}

async fn build_shared_world() -> World {
    build_world(ImageKind::Shared, false).await
}

async fn verify(world: &World, options: TargetOptions) -> Verification {
    let sharer = Sharer::new(&world.config(A));
    let request = build_request(world, options).build().unwrap();
    let report = sharer.verify(&request).await.unwrap();
    report.verifications.into_iter().next().unwrap()
}

fn find_check(verification: &Verification, name: CheckName) -> Option<&Check> {
    let mut checks = verification.checks.iter();
    checks.find(|check| check.name == name)
}

fn find_verdict(verification: &Verification, name: CheckName) -> Option<Verdict> {
    find_check(verification, name).map(|check| check.verdict)
}

fn find_detail(verification: &Verification, name: CheckName) -> &str {
    &find_check(verification, name).unwrap().detail
}

#[tokio::test(start_paused = true)]
async fn verify_is_blocked_before_share_and_clear_after() {
    let world = build_shared_world().await;
    let changes = world.count_changes();
    let before = verify(&world, with_launcher()).await;
    assert_eq!(before.conclusion, Conclusion::Blocked);
    for name in [CheckName::LaunchPermission, CheckName::KeyAccess] {
        assert_eq!(find_verdict(&before, name), Some(Verdict::No), "{name}");
    }
    assert_eq!(world.count_changes(), changes, "verifying changes nothing");

    let request = build_request(&world, with_target_role());
    let report = world.share(request).await;
    let verification = &report.verifications[0];
    let conclusion = verification.conclusion;
    assert_eq!(conclusion, Conclusion::NoObstacleFound, "{verification:?}");
    let after = verify(&world, with_launcher()).await;
    assert_eq!(after.conclusion, Conclusion::NoObstacleFound, "{after:?}");
    for check in &after.checks {
        assert_eq!(check.verdict, Verdict::Yes, "{check:?}");
    }
    let image_id = world.image_id("image-1");
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    assert_eq!(launched, "running");
}

/// A target that the run could give nothing to cannot become able to launch: the others do not
/// wait for it.
#[tokio::test(start_paused = true)]
async fn target_that_was_given_nothing_holds_up_nobody() {
    let missing = "999999999999";
    let mut took = Vec::new();
    for principals in [&[B][..], &[B, missing]] {
        let world = build_shared_world().await;
        world.sim.edit(|state| {
            state.nonexistent_accounts.insert(missing.to_owned());
        });
        let request = world.build_request_for(&["image-1"], principals);
        let request = request.target_options(with_target_role());
        let since = Instant::now();
        let shared = world.try_share(request).await;
        took.push(since.elapsed());
        let report = shared.unwrap_or_else(|incomplete| incomplete);
        let of_target = report
            .verifications
            .iter()
            .find(|it| it.account.as_ref() == B);
        let conclusion = of_target.unwrap().conclusion;
        assert_eq!(conclusion, Conclusion::NoObstacleFound, "{report:?}");
    }
    assert!(took[1] < took[0] + Duration::from_secs(15), "{took:?}");
}

/// The same for an image that the source could not share, beside one that it could.
#[tokio::test(start_paused = true)]
async fn image_that_could_not_be_shared_holds_up_nobody() {
    let denied = || {
        fail_first_call(
            "ec2:ModifyImageAttribute",
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
        )
    };
    let mut took = Vec::new();
    for is_denied in [false, true] {
        let mut world = World::generate(2, 1, 2, 1);
        if is_denied {
            world = world.with_fault(denied());
        }
        let request = world.build_request(&["image-1", "image-2"]);
        let request = request.target_options(with_target_role());
        let since = Instant::now();
        let shared = world.try_share(request).await;
        took.push(since.elapsed());
        assert_eq!(shared.is_err(), is_denied);
    }
    assert!(took[1] < took[0] + Duration::from_secs(15), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn verify_without_target_role_claims_nothing_of_target() {
    let world = build_shared_world().await;
    let request = build_request(&world, TargetOptions::default());
    world.share(request).await;
    let verification = verify(&world, TargetOptions::default()).await;
    assert_eq!(verification.conclusion, Conclusion::NoObstacleFound);
    for name in [
        CheckName::Role,
        CheckName::LauncherIam,
        CheckName::DefaultKey,
    ] {
        let verdict = find_verdict(&verification, name);
        assert_eq!(verdict, Some(Verdict::Unknown), "{name}");
    }
    let verdict = find_verdict(&verification, CheckName::KeyAccess);
    assert_eq!(verdict, Some(Verdict::Yes), "{verification:?}");
}

#[tokio::test(start_paused = true)]
async fn test_launch_terminates_its_instance_and_older_ones() {
    let world = build_shared_world().await;
    let launching = || with_target_role().verify(Verify::Launch).run_name("7");
    let report = world.share(build_request(&world, launching())).await;
    let verification = &report.verifications[0];
    let conclusion = verification.conclusion;
    assert_eq!(conclusion, Conclusion::Launched, "{verification:?}");
    let detail = find_detail(verification, CheckName::Launch);
    assert!(detail.contains("assumed-role/consumer"), "as which role");
    let count_instances = || {
        world.sim.edit(|state| {
            for instance in state.instances.values() {
                assert_eq!(instance.state, "terminated");
            }
            state.instances.len()
        })
    };
    assert_eq!(count_instances(), 1);
    world
        .sim
        .edit(|state| assert!(state.security_groups.is_empty()));

    // The next run terminates what a killed run left.
    world.sim.edit(|state| {
        let mut left = state.instances.values().next().unwrap().clone();
        left.id = "i-0123456789abcdef0".to_owned();
        left.state = "running";
        left.launched = Duration::ZERO;
        state.instances.insert(left.id.clone(), left);
    });
    tokio::time::advance(Duration::from_hours(2)).await;
    let verification = verify(&world, launching().run_name("8")).await;
    assert_eq!(verification.conclusion, Conclusion::Launched);
    assert_eq!(count_instances(), 3);
}

/// Denies launches to the role that verifies.
async fn deny_launches(world: &World) {
    let deny = json!({ "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*" });
    let policy = json!({ "Statement": [deny] });
    world.put_role_policy(B, "consumer", "deny", &policy).await;
}

/// A role that only stands in for the launcher, and may not launch, says nothing of the share. The
/// checks ask about the launcher.
#[tokio::test(start_paused = true)]
async fn test_launch_by_a_role_that_may_not_launch_tests_nothing() {
    let world = build_shared_world().await;
    let request = build_request(&world, with_target_role());
    world.share(request).await;
    deny_launches(&world).await;
    let verification = verify(&world, with_launcher().verify(Verify::Launch)).await;
    assert_eq!(verification.conclusion, Conclusion::NoObstacleFound);
    let detail = find_detail(&verification, CheckName::Launch);
    assert!(detail.contains("ec2:RunInstances"), "{verification:?}");

    // Nobody else launches.
    let verification = verify(&world, with_target_role().verify(Verify::Launch)).await;
    assert_eq!(verification.conclusion, Conclusion::Blocked);
}

#[tokio::test(start_paused = true)]
async fn target_role_that_does_not_launch_is_not_blocked() {
    let world = build_shared_world().await;
    deny_launches(&world).await;
    let request = build_request(&world, with_target_role());
    let report = world.share(request).await;
    let verification = &report.verifications[0];
    assert_eq!(verification.conclusion, Conclusion::NoObstacleFound);
    let verdict = find_verdict(verification, CheckName::LauncherIam);
    assert_eq!(verdict, Some(Verdict::Unknown));
}

/// A launch needs no create-volume permission, so its lack does not block one.
#[tokio::test(start_paused = true)]
async fn unshared_snapshots_block_no_launch() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let request = world.build_request(&["golden"]);
    let request = request.share_snapshots(ShareSnapshots::Always);
    let sharer = Sharer::new(&world.config(A));
    let report = sharer.verify(&request.build().unwrap()).await.unwrap();
    let verification = &report.verifications[0];
    assert_eq!(find_verdict(verification, CheckName::Snapshots), None);
    assert_ne!(verification.conclusion, Conclusion::Blocked);
    assert_eq!(
        world.launch_as_b(&world.image_id("golden")).await,
        "running"
    );
}

#[tokio::test(start_paused = true)]
async fn verify_names_missing_permissions_of_source() {
    let world = build_shared_world().await;
    let verification = verify(&world, with_target_role()).await;
    let mut checks = verification.checks.clone();
    checks.retain(|check| check.name == CheckName::Source);
    assert_eq!(checks.len(), 2, "the image and the key: {checks:?}");
    for check in &checks {
        assert_eq!(check.verdict, Verdict::Yes, "{check:?}");
    }

    // As a role that may only read, what it lacks is named.
    let reading = ["ec2:Describe*", "kms:*", "sts:AssumeRole"];
    let allow = json!({ "Effect": "Allow", "Action": reading, "Resource": "*" });
    let policy = json!({ "Statement": [allow] });
    let config = world.assume_role(A, "publisher", Some(&policy)).await;
    let request = build_request(&world, TargetOptions::default());
    let request = request.build().unwrap();
    let report = Sharer::new(&config).verify(&request).await.unwrap();
    let verification = &report.verifications[0];
    let of_image = find_check(verification, CheckName::Source).unwrap();
    // The image is shared with an organization that the target may be in, so it may run.
    assert_eq!(of_image.verdict, Verdict::Unknown, "{verification:?}");
    let detail = &of_image.detail;
    assert!(detail.contains("ec2:ModifyImageAttribute"), "{detail}");
    for action in world.count_changes().keys() {
        assert!(action.starts_with("iam:"), "{action}");
    }
}

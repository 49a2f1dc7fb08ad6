//! Whether targets can launch: what is said of it, held against what a launch in the simulated AWS
//! does.

use ami_share::report::{CheckName, Conclusion, Verdict, Verification};
use ami_share::request::{ShareRequestBuilder, TargetOptions, Verify};
use ami_share::{Report, Sharer};
use ami_share_sim::{Scenario, Size};
use serde_json::json;

use super::support::*;

pub(super) const LAUNCHER: &str = "launcher";

pub(super) fn to_b(world: &World, wanted: TargetOptions) -> ShareRequestBuilder {
    ami_share::ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image(world.image("image-1").parse().unwrap())
        .target_account(B.parse().unwrap())
        .target_options(wanted)
}

/// What a target launches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A shared image of two volumes under one key.
    Shared,
    /// The same, each volume under a key of its own.
    TwoKeys,
    /// A shared image without encryption.
    Plain,
    /// Its own copy of a shared image.
    CopyReport,
}

/// A world in which the role in B may look at everything that verifying needs.
async fn world() -> World {
    of_kind(Kind::Shared, false).await
}

/// The same; with `denies`, a service control policy lets nobody in B launch.
pub(super) async fn of_kind(kind: Kind, denies: bool) -> World {
    let mut scenario = Scenario::generate(Size {
        accounts: 2,
        regions: 1,
        images: 2,
        snapshots: 2,
    })
    .unwrap();
    scenario.images.truncate(1);
    let key = |n: usize| Some(format!("key-{n}"));
    scenario.images[0].volumes = match kind {
        Kind::Shared | Kind::CopyReport => vec![key(1), key(1)],
        Kind::TwoKeys => vec![key(1), key(2)],
        Kind::Plain => vec![None, None],
    };
    if let (true, Some(organization)) = (denies, &mut scenario.organization) {
        let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        let deny = json!({ "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*" });
        let policy = json!({ "Version": "2012-10-17", "Statement": [allow, deny] });
        organization
            .service_control_policies
            .insert(B.to_owned(), vec![policy]);
    }
    let world = World::of(scenario);
    world
        .allow(
            B,
            "consumer",
            &[
                "ec2:*",
                "kms:*",
                "iam:SimulatePrincipalPolicy",
                "iam:Get*",
                "iam:List*",
            ],
        )
        .await;
    world
}

pub(super) async fn verified(world: &World, wanted: TargetOptions) -> Verification {
    let sharer = Sharer::new(&world.config(A));
    let report = Box::pin(sharer.verify(&to_b(world, wanted).build().unwrap()))
        .await
        .unwrap();
    report.verifications.into_iter().next().unwrap()
}

pub(super) fn verdict(found: &Verification, name: CheckName) -> Option<Verdict> {
    found
        .checks
        .iter()
        .find(|check| check.name == name)
        .map(|check| check.verdict)
}

pub(super) fn detail(found: &Verification, name: CheckName) -> &str {
    &found
        .checks
        .iter()
        .find(|check| check.name == name)
        .unwrap()
        .detail
}

#[tokio::test(start_paused = true)]
async fn before_and_after_sharing() {
    let world = world().await;
    let wanted = || by_role().launch_roles([LAUNCHER.to_owned()]);
    let changes = world.changes();
    let before = verified(&world, wanted()).await;
    assert_eq!(before.conclusion, Conclusion::Blocked);
    assert_eq!(
        verdict(&before, CheckName::LaunchPermission),
        Some(Verdict::No)
    );
    assert_eq!(verdict(&before, CheckName::KeyAccess), Some(Verdict::No));
    assert_eq!(world.changes(), changes, "verifying changes nothing");
    let report: Report = world.share(to_b(&world, by_role())).await;
    assert_eq!(
        report.verifications[0].conclusion,
        Conclusion::NoObstacleFound,
        "{:?}",
        report.verifications
    );
    let after = verified(&world, wanted()).await;
    assert_eq!(after.conclusion, Conclusion::NoObstacleFound, "{after:?}");
    assert!(
        after
            .checks
            .iter()
            .all(|check| check.verdict == Verdict::Yes),
        "{after:?}"
    );
    assert_eq!(
        world.launch_by(B, LAUNCHER, &world.image("image-1")).await,
        "running"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_role_nothing_is_claimed_of_the_target() {
    let world = world().await;
    world.share(to_b(&world, TargetOptions::default())).await;
    let found = verified(&world, TargetOptions::default()).await;
    assert_eq!(found.conclusion, Conclusion::NoObstacleFound);
    for name in [
        CheckName::Role,
        CheckName::LauncherIam,
        CheckName::DefaultKey,
    ] {
        assert_eq!(verdict(&found, name), Some(Verdict::Unknown), "{name}");
    }
    assert_eq!(
        verdict(&found, CheckName::KeyAccess),
        Some(Verdict::Yes),
        "{found:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_real_instance_is_the_only_proof_and_nothing_of_it_stays() {
    let world = world().await;
    let launching = || by_role().verify(Verify::Launch).run_name("7");
    let report = world.share(to_b(&world, launching())).await;
    let found = &report.verifications[0];
    assert_eq!(found.conclusion, Conclusion::Launched, "{found:?}");
    assert!(
        detail(found, CheckName::Launch).contains("assumed-role/consumer"),
        "as which role"
    );
    world.sim.edit(|state| {
        assert_eq!(state.instances.len(), 1);
        assert!(
            state
                .instances
                .values()
                .all(|instance| instance.state == "terminated")
        );
        assert!(state.security_groups.is_empty());
    });
    // What a killed run left is swept by the next.
    world.sim.edit(|state| {
        let mut left = state.instances.values().next().unwrap().clone();
        left.id = "i-0123456789abcdef0".to_owned();
        left.state = "running";
        left.launched = std::time::Duration::ZERO;
        state.instances.insert(left.id.clone(), left);
    });
    tokio::time::advance(std::time::Duration::from_hours(2)).await;
    assert_eq!(
        verified(&world, launching().run_name("8")).await.conclusion,
        Conclusion::Launched
    );
    world.sim.edit(|state| {
        assert!(
            state
                .instances
                .values()
                .all(|instance| instance.state == "terminated")
        )
    });
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_dies_is_blocked_with_awss_reason() {
    let world = world().await;
    world.share(to_b(&world, by_role())).await;
    // Something that no check sees: the session's own policy does not let it through.
    let deny = json!({ "Statement": [{ "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*" }] });
    world.put_role_policy(B, "consumer", "deny", &deny).await;
    let found = verified(
        &world,
        by_role()
            .launch_roles([LAUNCHER.to_owned()])
            .verify(Verify::Launch),
    )
    .await;
    assert_eq!(found.conclusion, Conclusion::Blocked);
    assert!(
        detail(&found, CheckName::Launch).contains("ec2:RunInstances"),
        "{found:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_not_to_launch_need_not_be_able_to() {
    let world = world().await;
    let deny = json!({ "Statement": [{ "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": "*" }] });
    world.put_role_policy(B, "consumer", "deny", &deny).await;
    let report = world.share(to_b(&world, by_role())).await;
    assert_eq!(
        report.verifications[0].conclusion,
        Conclusion::NoObstacleFound
    );
    assert_eq!(
        verdict(&report.verifications[0], CheckName::LauncherIam),
        Some(Verdict::Unknown)
    );
}

#[tokio::test(start_paused = true)]
async fn the_sources_own_permissions_are_asked_for_what_is_missing() {
    let world = world().await;
    let found = verified(&world, by_role()).await;
    let of_source = || {
        found
            .checks
            .iter()
            .filter(|check| check.name == CheckName::Source)
    };
    assert_eq!(of_source().count(), 2, "the image and the key: {found:?}");
    assert!(
        of_source().all(|check| check.verdict == Verdict::Yes),
        "{found:?}"
    );
    // By a role that may only look, what it lacks is named.
    let config = world
        .assumed(
            A,
            "publisher",
            &json!({ "Statement": [
        { "Effect": "Allow", "Action": ["ec2:Describe*", "kms:*", "sts:AssumeRole"], "Resource": "*" },
    ] }),
        )
        .await;
    let request = to_b(&world, TargetOptions::default()).build().unwrap();
    let report = Box::pin(Sharer::new(&config).verify(&request))
        .await
        .unwrap();
    let found = &report.verifications[0];
    let of_image = found
        .checks
        .iter()
        .find(|check| check.name == CheckName::Source)
        .unwrap();
    assert_eq!(of_image.verdict, Verdict::No, "{found:?}");
    assert!(
        of_image.detail.contains("ec2:ModifyImageAttribute"),
        "{}",
        of_image.detail
    );
    assert!(
        world
            .changes()
            .keys()
            .all(|action| action.starts_with("iam:")),
        "{:?}",
        world.changes()
    );
}

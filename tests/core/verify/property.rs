//! In worlds with obstacles, the checks say what a launch does (promise P9).

use std::cell::Cell;

use proptest::test_runner::TestRunner;
use tokio::runtime::Builder;

use super::devices::add_blank_device;
use super::limits::{Limit, limits, mark_image, move_launcher};
use super::obstacles::{OWN_KEY, Obstacle, obstacles};
use super::service_roles::{
    SERVICE_ROLES, ServiceGrant, create_service_roles, service_grants, services_of,
};
use super::*;
use proptest::prelude::*;

/// One Region of each partition whose services are named in another way.
const REGIONS: [&str; 5] = [
    "us-east-1",
    "us-gov-west-1",
    "cn-north-1",
    "eusc-de-east-1",
    "us-isob-east-1",
];

/// A world, and what is wrong in it.
#[derive(Clone, Debug)]
struct Case {
    kind: ImageKind,
    region: &'static str,
    /// Whether `kms:ViaService` ends in `amazonaws.com` in every partition.
    via_amazonaws: bool,
    /// How many service-linked roles launch, too.
    service_roles: usize,
    /// What is wrong with grants of theirs.
    service_grants: Vec<ServiceGrant>,
    /// Whether the role that launches has a path.
    has_path: bool,
    /// A device without a snapshot: whether it is encrypted.
    blank: Option<bool>,
    obstacles: Vec<Obstacle>,
    limits: Vec<Limit>,
}

fn cases() -> impl Strategy<Value = Case> {
    let kinds = prop::sample::select(vec![
        ImageKind::Shared,
        ImageKind::TwoKeys,
        ImageKind::Unencrypted,
        ImageKind::TargetCopy,
    ]);
    // Most worlds are in the partition where nothing is uncertain by itself.
    let other = prop::sample::select(REGIONS.to_vec());
    let regions = prop_oneof![2 => Just(REGIONS[0]), 1 => other];
    let service_roles = prop_oneof![2 => Just(0), 1 => 1..=SERVICE_ROLES];
    let service_grants = prop::collection::vec(service_grants(), 0..2);
    let obstacles = prop::collection::vec(obstacles(), 0..3);
    let limits = prop::collection::vec(limits(), 0..3);
    let blank = prop_oneof![2 => Just(None), 1 => any::<bool>().prop_map(Some)];
    let place = (regions, any::<bool>(), any::<bool>(), blank);
    let services = (service_roles, service_grants);
    let all = (kinds, place, services, obstacles, limits);
    all.prop_map(|(kind, place, services, obstacles, limits)| Case {
        kind,
        region: place.0,
        via_amazonaws: place.1,
        has_path: place.2,
        blank: place.3,
        service_roles: services.0,
        service_grants: services.1,
        obstacles,
        limits,
    })
}

/// What the checks of a world with obstacles said, and whether every launch succeeded.
async fn verify_and_launch(case: &Case) -> (Verification, bool) {
    let options = Options {
        service_suffix: case.via_amazonaws.then_some("amazonaws.com"),
        ..Options::default()
    };
    let denies_launches = case.obstacles.contains(&Obstacle::ControlDenies);
    let world = build_world_in(case.region, options, case.kind, denies_launches).await;
    if case.has_path {
        move_launcher(&world);
    }
    mark_image(&world);
    if let Some(encrypted) = case.blank {
        add_blank_device(&world, encrypted);
    }
    let service_roles = create_service_roles(&world, case.service_roles).await;
    let options = || {
        let options = match case.kind {
            ImageKind::TargetCopy => {
                with_target_role().kms_key(format!("alias/{OWN_KEY}").parse().unwrap())
            }
            _ => with_target_role(),
        };
        options.service_linked_roles(services_of(case.service_roles))
    };
    let request = build_request(&world, options().verify(Verify::None));
    world.share(request).await;
    for obstacle in &case.obstacles {
        obstacle.apply(&world).await;
    }
    for limit in &case.limits {
        limit.apply(&world).await;
    }
    for wrong in &case.service_grants {
        wrong.apply(&world, &service_roles);
    }
    let options = options().launch_roles([LAUNCHER.to_owned()]);
    let verification = verify(&world, options).await;
    let own_copy = world.find_image_of(B);
    let image_id = own_copy.unwrap_or_else(|| world.image_id("image-1"));
    let mut launched = world.launch_as_role(B, LAUNCHER, &image_id).await == "running";
    for role in &service_roles {
        launched &= world.launch_as_service_role(B, role, &image_id).await == "running";
    }
    (verification, launched)
}

/// If nothing is unknown, the conclusion is what a launch does; `blocked` always means that a
/// launch fails.
#[test]
fn conclusion_equals_launch_result() {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let (worlds, unsure, blocked) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let checked = runner.run(&cases(), |case| {
        let (verification, launched) = runtime.block_on(verify_and_launch(&case));
        let is_unknown = |check: &Check| check.verdict == Verdict::Unknown;
        let unknown = verification.checks.iter().any(is_unknown);
        let is_blocked = verification.conclusion == Conclusion::Blocked;
        worlds.set(worlds.get() + 1);
        unsure.set(unsure.get() + usize::from(unknown && !is_blocked));
        blocked.set(blocked.get() + usize::from(is_blocked));
        prop_assert!(!(is_blocked && launched), "{:?}", verification);
        prop_assert!(is_blocked || unknown || launched, "{:?}", verification);
        Ok(())
    });
    let (worlds, unsure, blocked) = (worlds.get(), unsure.get(), blocked.get());
    println!("{worlds} worlds: {blocked} blocked, {unsure} unknown without an obstacle");
    checked.unwrap();
}

/// What is wrong, the check that says so, and what its detail names.
const OBSTACLES: [(Obstacle, CheckName, &[&str]); 12] = {
    use Obstacle::*;
    [
        (
            NoLaunchPermission,
            CheckName::LaunchPermission,
            &["launch permission", B],
        ),
        (KeyDisabled, CheckName::KeyState, &["enable it", ":key/"]),
        (
            KeyPolicyWithout(1),
            CheckName::KeyAccess,
            &["kms:CreateGrant", ":key/", "policy"],
        ),
        (
            KeyPolicyDenies(2),
            CheckName::KeyAccess,
            &["kms:Decrypt", "denies", "exempt"],
        ),
        (KeyPolicyForS3, CheckName::KeyAccess, &["through EC2"]),
        (
            LauncherWithout(0),
            CheckName::LauncherIam,
            &["kms:DescribeKey", "role/launcher", ":key/"],
        ),
        (
            LauncherDenied(1),
            CheckName::LauncherIam,
            &["kms:CreateGrant", "role/launcher", ":key/"],
        ),
        (
            DefaultKeyWithoutIam,
            CheckName::LauncherIam,
            &["kms:CreateGrant", "role/launcher", ":key/"],
        ),
        (
            DefaultKeyDisabled,
            CheckName::DefaultKey,
            &["default EBS key", "enable it"],
        ),
        (
            AllowedImages,
            CheckName::AllowedImages,
            &["Allowed AMIs", A],
        ),
        (
            ControlDenies,
            CheckName::LauncherIam,
            &["ec2:RunInstances", "service control policy"],
        ),
        (GrantInstead, CheckName::KeyAccess, &[]),
    ]
};

#[tokio::test(start_paused = true)]
async fn check_names_what_to_put_right() {
    for (obstacle, name, words) in OBSTACLES {
        let denies_launches = obstacle == Obstacle::ControlDenies;
        let world = build_world(ImageKind::Shared, denies_launches).await;
        let request = build_request(&world, TargetOptions::default());
        world.share(request).await;
        obstacle.apply(&world).await;
        let verification = verify(&world, with_launcher()).await;
        let expected = match obstacle {
            Obstacle::GrantInstead => Verdict::Yes,
            // A condition may be what denies it.
            Obstacle::ControlDenies => Verdict::Unknown,
            _ => Verdict::No,
        };
        let verdict = find_verdict(&verification, name);
        assert_eq!(verdict, Some(expected), "{obstacle:?}: {verification:?}");
        let detail = find_detail(&verification, name);
        for word in words {
            let is_named = detail.contains(word);
            assert!(is_named, "{obstacle:?}: {detail} does not name {word}");
        }
    }
}

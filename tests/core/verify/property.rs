//! In worlds with obstacles, the checks say what a launch does (promise P9).

use std::cell::Cell;

use proptest::test_runner::TestRunner;
use tokio::runtime::Builder;

use super::limits::{Limit, limits, mark_image, move_launcher};
use super::obstacles::{OWN_KEY, Obstacle, obstacles};
use super::*;
use proptest::prelude::*;

/// A world, and what is wrong in it.
#[derive(Clone, Debug)]
struct Case {
    kind: ImageKind,
    /// Whether the role that launches has a path.
    has_path: bool,
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
    let obstacles = prop::collection::vec(obstacles(), 0..3);
    let limits = prop::collection::vec(limits(), 0..3);
    let all = (kinds, any::<bool>(), obstacles, limits);
    all.prop_map(|(kind, has_path, obstacles, limits)| Case {
        kind,
        has_path,
        obstacles,
        limits,
    })
}

/// What the checks of a world with obstacles said, and whether a launch succeeded.
async fn verify_and_launch(case: &Case) -> (Verification, bool) {
    let Case {
        kind,
        has_path,
        obstacles,
        limits,
    } = case;
    let kind = *kind;
    let world = build_world(kind, obstacles.contains(&Obstacle::ControlDenies)).await;
    if *has_path {
        move_launcher(&world);
    }
    mark_image(&world);
    let options = || match kind {
        ImageKind::TargetCopy => {
            with_target_role().kms_key(format!("alias/{OWN_KEY}").parse().unwrap())
        }
        _ => with_target_role(),
    };
    let request = build_request(&world, options().verify(Verify::None));
    world.share(request).await;
    for obstacle in obstacles {
        obstacle.apply(&world).await;
    }
    for limit in limits {
        limit.apply(&world).await;
    }
    let options = options().launch_roles([LAUNCHER.to_owned()]);
    let verification = verify(&world, options).await;
    let own_copy = world.find_image_of(B);
    let image_id = own_copy.unwrap_or_else(|| world.image_id("image-1"));
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    (verification, launched == "running")
}

/// If nothing is unknown, the conclusion is what a launch does; `blocked` always means that a
/// launch fails.
#[test]
fn conclusion_equals_launch_result() {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let (worlds, unsure, blocked) = (Cell::new(0), Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 256,
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
        (ControlDenies, CheckName::LauncherIam, &["ec2:RunInstances"]),
        (GrantInstead, CheckName::KeyAccess, &[]),
    ]
};

#[tokio::test(start_paused = true)]
async fn blocked_check_names_what_to_put_right() {
    for (obstacle, name, words) in OBSTACLES {
        let denies_launches = obstacle == Obstacle::ControlDenies;
        let world = build_world(ImageKind::Shared, denies_launches).await;
        let request = build_request(&world, TargetOptions::default());
        world.share(request).await;
        obstacle.apply(&world).await;
        let verification = verify(&world, with_launcher()).await;
        let expected = match obstacle {
            Obstacle::GrantInstead => Verdict::Yes,
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

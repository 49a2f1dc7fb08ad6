//! One part of a request that fails is one part: an image, a Region or a target. The others end as
//! in the same world without it, and the run names what is missing.

mod breaks;
mod property;
mod reached;
mod stage;

use ami_share::report::Conclusion;
use ami_share::request::KeyAccessMode;
use ami_share::{Report, Sharer};

use self::breaks::Broken;
use self::stage::{Mode, Stage};
use super::support::*;

/// What breaks, and a code that a share must name; `None` where a revoke is not concerned.
const SHARE: &[(Broken, &str)] = &[
    (Broken::ImageGone, "image.not-found"),
    (Broken::ImageDisabled, "image.disabled"),
    (Broken::ImageFailed, "image.failed"),
    (Broken::ImagePending, "deadline"),
    (Broken::ImageUnread, "access.denied"),
    (Broken::ImageUnreadable, "aws.unreadable"),
    (Broken::RegionOff, "region.off"),
    (Broken::RegionUnreachable, "endpoint.unreachable"),
    (Broken::RegionWithoutKey, "key.not-found"),
    (Broken::RegionKeyDisabled, "key.disabled"),
    (Broken::RegionPutRefused, "key.policy-refused"),
    (Broken::TargetWithoutRole, "role.not-assumable"),
    (Broken::TargetWithoutKey, "target.key-unusable"),
    (Broken::TargetKeyDisabled, "target.key-unusable"),
    (Broken::TargetRegionOff, "region.not-enabled"),
    (Broken::TargetCopyRegionOff, "region.not-enabled"),
    (Broken::TargetRefused, "aws.refused"),
    (Broken::TargetMayNotCopy, "access.denied"),
    (Broken::TargetHidesImages, "image.not-found"),
];

const REVOKE: &[(Broken, &str)] = &[
    (Broken::ImageUnread, "access.denied"),
    (Broken::ImageUnreadable, "aws.unreadable"),
    (Broken::ImageKept, "access.denied"),
    (Broken::RegionUnreachable, "endpoint.unreachable"),
    (Broken::RegionPolicyUnread, "access.denied"),
    (Broken::RegionPutRefused, "key.policy-refused"),
    (Broken::TargetWithoutRole, "role.not-assumable"),
    (Broken::TargetRefused, "aws.refused"),
];

fn check_named(report: &Report, broken: Broken, code: &str) {
    let codes = list_codes(report);
    assert!(codes.contains(&code), "{broken:?}: {codes:?}");
    assert!(!report.errors.is_empty(), "{broken:?}");
}

#[tokio::test(start_paused = true)]
async fn share_serves_every_part_that_does_not_depend_on_the_broken_one() {
    for access in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        for &(broken, code) in SHARE {
            if access == KeyAccessMode::Grants && broken == Broken::RegionPutRefused {
                continue;
            }
            let stage = Stage::new(access, true);
            stage.break_parts(&[broken]);
            let report = stage.fail(Mode::Share).await;
            check_named(&report, broken, code);
            stage.check_ends(Mode::Share, &[broken]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_serves_every_part_that_does_not_depend_on_the_broken_one() {
    for access in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        for &(broken, code) in REVOKE {
            let by_policy = matches!(
                broken,
                Broken::RegionPutRefused | Broken::RegionPolicyUnread
            );
            if access == KeyAccessMode::Grants && by_policy {
                continue;
            }
            let stage = Stage::new(access, false);
            stage.succeed(Mode::Share).await;
            stage.break_parts(&[broken]);
            let report = stage.fail(Mode::Revoke).await;
            check_named(&report, broken, code);
            stage.check_ends(Mode::Revoke, &[broken]).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn plan_names_broken_part_and_plans_the_others() {
    for &(broken, code) in SHARE {
        // What only a change or a wait meets is not known to a preview.
        if broken.shows_late() {
            continue;
        }
        for copies in [true, false] {
            if broken.is_of_copies() && !copies {
                continue;
            }
            let stage = Stage::new(KeyAccessMode::Policy, copies);
            stage.break_parts(&[broken]);
            let sharer = Sharer::new(&stage.world.config(A));
            let plan = sharer.preview(&stage.request(Mode::Share)).await.unwrap();
            let report = Report::of_plan(&plan);
            check_named(&report, broken, code);
            assert!(report.changed, "{broken:?}");
            assert_eq!(plan.refusals().count(), 0, "{broken:?}");
            assert!(plan.launch_permissions().count() >= 2, "{broken:?}");
            assert!(stage.world.count_changes().is_empty(), "{broken:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn verify_judges_every_part_that_does_not_depend_on_the_broken_one() {
    for &(broken, code) in SHARE {
        if broken.shows_late() {
            continue;
        }
        let stage = Stage::new(KeyAccessMode::Policy, false);
        stage.succeed(Mode::Share).await;
        stage.break_parts(&[broken]);
        let sharer = Sharer::new(&stage.world.config(A));
        let Ok(report) = sharer.verify(&stage.request(Mode::Share)).await else {
            panic!("{broken:?} leaves nothing to verify")
        };
        if !broken.is_of_copies() {
            check_named(&report, broken, code);
        }
        for verification in &report.verifications {
            let source = stage.name_of(verification.source.ami.as_ref());
            let (region, account) = (verification.region.as_ref(), verification.account.as_ref());
            if !broken.breaks(source, region, account) {
                let conclusion = verification.conclusion;
                assert_eq!(
                    conclusion,
                    Conclusion::NoObstacleFound,
                    "{broken:?}: {verification:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn request_of_which_nothing_is_left_is_refused_before_any_change() {
    for (broken, code) in [
        (Broken::ImageDisabled, "image.disabled"),
        (Broken::TargetWithoutKey, "target.key-unusable"),
        (Broken::TargetKeyDisabled, "target.key-unusable"),
    ] {
        let stage = Stage::of_one_part();
        stage.break_parts(&[broken]);
        let report = stage.fail(Mode::Share).await;
        assert_eq!(list_codes(&report), [code, "plan.refused"]);
        assert!(stage.world.count_changes().is_empty(), "{broken:?}");
    }
}

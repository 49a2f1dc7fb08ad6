//! In a world with any broken parts, every other part ends as in the same world without them.

use ami_share::request::KeyAccessMode;
use proptest::prelude::*;

use super::breaks::Broken;
use super::stage::{Mode, Stage};
use crate::support::*;

/// Ways to break that need nothing of each other.
const TO_SHARE: &[Broken] = &[
    Broken::ImageGone,
    Broken::ImageDisabled,
    Broken::ImagePending,
    Broken::ImageUnread,
    Broken::RegionOff,
    Broken::RegionUnreachable,
    Broken::RegionWithoutKey,
    Broken::RegionKeyDisabled,
    Broken::HomeUnreachable,
    Broken::TargetWithoutRole,
    Broken::TargetWithoutKey,
    Broken::TargetRegionOff,
    Broken::TargetCopyRegionOff,
    Broken::TargetRefused,
    Broken::TargetMayNotCopy,
    Broken::TargetHidesImages,
];

const TO_REVOKE: &[Broken] = &[
    Broken::ImageUnread,
    Broken::ImageKept,
    Broken::RegionUnreachable,
    Broken::HomeUnreachable,
    Broken::TargetWithoutRole,
    Broken::TargetRefused,
];

fn broken_parts(ways: &'static [Broken]) -> impl Strategy<Value = Vec<Broken>> {
    prop::sample::subsequence(ways, 1..=3)
}

fn check(access: KeyAccessMode, mode: Mode, broken: &[Broken]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let stage = Stage::new(access, mode == Mode::Share);
        if mode == Mode::Revoke {
            stage.succeed(Mode::Share).await;
        }
        stage.break_parts(broken);
        let report = stage.fail(mode).await;
        stage.check_ends(mode, broken).await;
        prop_assert!(!list_codes(&report).is_empty());
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn parts_that_are_left_end_as_without_the_broken_ones(
        broken in broken_parts(TO_SHARE),
        grants in any::<bool>(),
    ) {
        let access = if grants { KeyAccessMode::Grants } else { KeyAccessMode::Policy };
        check(access, Mode::Share, &broken)?;
    }

    #[test]
    fn parts_that_are_left_are_revoked_as_without_the_broken_ones(
        broken in broken_parts(TO_REVOKE),
        grants in any::<bool>(),
    ) {
        let access = if grants { KeyAccessMode::Grants } else { KeyAccessMode::Policy };
        check(access, Mode::Revoke, &broken)?;
    }
}

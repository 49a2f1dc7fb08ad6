//! Somebody shares an image again while it is revoked: the revoke does not say that nobody has it.

use std::time::Duration;

use ami_share::Report;

use super::*;

const MODIFY: &str = "ec2:ModifyImageAttribute";

#[derive(Clone, Copy, Debug)]
pub(crate) enum Beside {
    Nothing,
    /// Somebody shares the image again right after the revoke has taken it.
    SharesAgain,
    /// The same with an account that the revoke does not name.
    SharesWithOther,
    /// AWS shows for so many seconds what was so before.
    OldAnswers(f64),
}

pub(crate) async fn revoke_beside(mode: KeyAccessMode, beside: Beside) -> Report {
    let mut world = World::new();
    let request = |world: &World| world.build_request(&["golden"]).key_access(mode);
    world.share(request(&world)).await;
    if let Beside::OldAnswers(seconds) = beside {
        let effect = json!({ "stale": { "seconds": seconds } });
        let fault = json!({ "operation": "ec2:DescribeImageAttribute", "effect": effect });
        world = world.with_fault(fault);
        // What the share has given is in every answer by now.
        tokio::time::advance(Duration::from_secs_f64(seconds)).await;
    }
    let shared_with = match beside {
        Beside::SharesAgain => B,
        Beside::SharesWithOther => THIRD_ACCOUNT,
        Beside::Nothing | Beside::OldAnswers(_) => "",
    };
    let before = world.count_changes()[MODIFY];
    let share_again = async {
        if shared_with.is_empty() {
            return;
        }
        while world.count_changes()[MODIFY] == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let id = world.image_id("golden");
        world.sim.edit(|state| {
            let image = state.images.get_mut(&id).unwrap();
            image.launch_permissions.insert(shared_with.to_owned());
        });
    };
    let revoke = world.share(into_revoke(request(&world)));
    let (report, ()) = futures::future::join(revoke, share_again).await;
    report
}

#[tokio::test(start_paused = true)]
async fn image_that_is_shared_again_is_no_silent_success() {
    let table = [
        (Beside::Nothing, false),
        (Beside::SharesAgain, true),
        (Beside::SharesWithOther, false),
        (Beside::OldAnswers(0.5), false),
    ];
    for mode in [
        KeyAccessMode::Policy,
        KeyAccessMode::Grants,
        KeyAccessMode::None,
    ] {
        for (beside, is_said) in table {
            let report = revoke_beside(mode, beside).await;
            let mut found = report.findings.iter();
            let found = found.find(|finding| finding.code.as_str() == "revoke.shared-again");
            assert_eq!(found.is_some(), is_said, "{mode:?}, {beside:?}: {report:?}");
            if let Some(finding) = found {
                assert!(finding.message.contains(B), "{finding:?}");
            }
        }
    }
}

/// Whatever else of the revoke fails, who has the image again is said.
#[tokio::test(start_paused = true)]
async fn image_that_is_shared_again_is_told_where_the_key_is_kept() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let denied = deny_calls("kms:PutKeyPolicy", "AccessDeniedException", "no");
    let world = world.with_fault(denied);
    let before = world.count_changes()[MODIFY];
    let share_again = async {
        while world.count_changes()[MODIFY] == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        world.edit_image(&world.image_id("golden"), |image| {
            image.launch_permissions.insert(B.to_owned());
        });
    };
    let revoke = world.try_share(into_revoke(world.build_request(&["golden"])));
    let (report, ()) = futures::future::join(revoke, share_again).await;
    let report = report.unwrap_err();
    let mut codes = report.findings.iter().map(|finding| finding.code.as_str());
    assert!(
        codes.any(|code| code == "revoke.shared-again"),
        "{report:?}"
    );
}

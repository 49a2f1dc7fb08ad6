//! Keys of another account, without a role there: nothing of them is known from here.

use ami_share::request::{KeyAccessMode, Revoke};
use ami_share::{Report, Sharer};

use crate::grants::with_foreign_key;
use crate::support::*;

/// What it says of the key's other ways.
fn other_ways(report: &Report) -> Vec<String> {
    let findings = report.findings.iter();
    let findings = findings.filter(|finding| finding.code.as_str() == "revoke.other-way");
    findings.map(ToString::to_string).collect()
}

/// R3.1.2
#[tokio::test(start_paused = true)]
async fn revoke_says_that_access_to_a_key_it_cannot_read_is_unknown() {
    for mode in [
        KeyAccessMode::Policy,
        KeyAccessMode::Grants,
        KeyAccessMode::None,
    ] {
        for all in [false, true] {
            let what = format!("{mode:?}, {all}");
            let (world, role) = with_foreign_key();
            let role = || role.parse().unwrap();
            let given = match mode {
                KeyAccessMode::None => KeyAccessMode::Policy,
                mode => mode,
            };
            let share = world.build_request(&["golden"]).key_access(given);
            world.share(share.key_role(role())).await;

            let targets: &[&str] = if all { &[] } else { &[B] };
            let request = || world.build_request_for(&["golden"], targets);
            let revoke = || {
                let revoke = Revoke {
                    all,
                    ..Revoke::default()
                };
                request().key_access(mode).revoke(revoke)
            };
            // The second run finds nothing to revoke, and knows as little.
            for nth in [1, 2] {
                let told = other_ways(&world.share(revoke()).await);
                assert_eq!(told.len(), 1, "{what}, {nth}: {told:?}");
                let who = if all && nth == 2 { "others" } else { B };
                let role = if mode == KeyAccessMode::None {
                    ""
                } else {
                    "`key-role`"
                };
                for words in [who, "only account 444444444444 can read it", role] {
                    assert!(told[0].contains(words), "{what}, {nth}: {}", told[0]);
                }
            }
            if mode == KeyAccessMode::None {
                continue;
            }
            let told = other_ways(&world.share(revoke().key_role(role())).await);
            assert!(told.is_empty(), "{what}: {told:?}");
            assert!(
                !world.read_golden_policy().contains("AmiShareUse"),
                "{what}"
            );
        }
    }
}

/// A verification changes nothing, so it is not refused for what it may not change.
#[tokio::test(start_paused = true)]
async fn verify_checks_an_image_whose_key_it_may_not_change() {
    let (world, role) = with_foreign_key();
    let request = || world.build_request(&["golden"]);
    world.share(request().key_role(role.parse().unwrap())).await;
    let report = Sharer::new(&world.config(A))
        .verify(&request().build().unwrap())
        .await
        .unwrap();
    assert_eq!(list_codes(&report), Vec::<&str>::new());
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!(report.verifications.len(), 1);
}

//! An account in the key policy that was closed since. KMS refuses the whole document, whoever is
//! added to it or removed from it, and does not say whom it means (R3.2.4).

use ami_share::{Error, Report};

use super::*;

const CLOSED: &str = "999999999999";
const D: &str = "444444444444";

/// Whose statement names the closed account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedBy {
    ThisTool,
    AnAllow,
    ADeny,
}

fn close(world: &World) {
    let closed = |world: &mut ami_share_sim::world::World| {
        world.nonexistent_accounts.insert(CLOSED.to_owned())
    };
    assert!(world.sim.edit(closed));
}

/// D has access, and a statement names an account that is closed.
async fn build_world(named_by: NamedBy) -> World {
    let world = World::new();
    let request = |targets: &[&str]| world.build_request_for(&["golden"], targets);
    let effect = match named_by {
        NamedBy::ThisTool => {
            world.share(request(&[D, CLOSED])).await;
            close(&world);
            return world;
        }
        NamedBy::AnAllow => "Allow",
        NamedBy::ADeny => "Deny",
    };
    world.share(request(&[D])).await;
    world.edit_statements(&world.key_arn("golden"), |statements| {
        statements.push(json!({
            "Sid": "Partners",
            "Effect": effect,
            "Principal": { "AWS": [root("555555555555"), root(CLOSED)] },
            "Action": "kms:Encrypt",
            "Resource": "*",
        }));
    });
    close(&world);
    world
}

fn find_error(report: &Report) -> &Error {
    let mut errors = report.errors.iter();
    let found = errors.find(|error| error.code.as_str() == "key.invalid-principals");
    assert!(found.is_some(), "{:?}", report.errors);
    found.unwrap()
}

/// The closed account is suspected, with its statement, and no target is called invalid.
fn check_suspect(report: &Report, named_by: NamedBy, context: &str) {
    let error = find_error(report);
    let statement = match named_by {
        NamedBy::ThisTool => "AmiShareUse: ",
        _ => "Partners: ",
    };
    let message = &error.message;
    let suspects = message.split(statement).nth(1).unwrap_or_default();
    assert!(suspects.contains(CLOSED), "{context}: {error}");
    assert!(!message.contains("calls these"), "{context}: {error}");
    assert!(error.remedy.contains("mode: revoke"), "{context}: {error}");
    let aws = error.aws.as_ref().unwrap();
    assert_eq!(aws.code, "MalformedPolicyDocumentException", "{context}");
}

#[tokio::test(start_paused = true)]
async fn closed_account_of_any_statement_is_suspected_and_no_target_is_blamed() {
    for named_by in [NamedBy::ThisTool, NamedBy::AnAllow, NamedBy::ADeny] {
        for targets in [vec![B], vec![B, C], vec![B, D], vec![B, CLOSED]] {
            let context = format!("{named_by:?}: {targets:?}");
            // Elsewhere it is a target that nothing is shared with yet.
            if targets.contains(&CLOSED) && named_by != NamedBy::ThisTool {
                continue;
            }
            let world = build_world(named_by).await;
            let request = world.build_request_for(&["golden"], &targets);
            let report = world.try_share(request).await.unwrap_err();
            check_suspect(&report, named_by, &context);
        }
        let world = build_world(named_by).await;
        let request = world.build_request_for(&["golden"], &[D]);
        let report = world.try_share(into_revoke(request)).await.unwrap_err();
        check_suspect(&report, named_by, "revoke");
    }
}

#[tokio::test(start_paused = true)]
async fn closed_target_is_named_and_the_others_have_access() {
    let world = World::new();
    close(&world);
    let request = world.build_request_for(&["golden"], &[B, CLOSED]);
    let report = world.try_share(request).await.unwrap_err();
    let error = find_error(&report);
    let says = format!("invalid principals: {CLOSED}; the others have access");
    assert!(error.message.contains(&says), "{error}");

    let world = World::new();
    close(&world);
    let request = world.build_request_for(&["golden"], &[CLOSED]);
    let report = world.try_share(request).await.unwrap_err();
    let error = find_error(&report).to_string();
    assert!(error.contains(CLOSED), "{error}");
    assert!(!error.contains("have access"), "{error}");
}

/// What the error advises helps.
#[tokio::test(start_paused = true)]
async fn revoke_of_closed_account_lets_others_be_added() {
    let world = build_world(NamedBy::ThisTool).await;
    let request = world.build_request_for(&["golden"], &[CLOSED]);
    let report = world.share(into_revoke(request)).await;
    assert_eq!(report.errors, []);
    let report = world.share(world.build_request(&["golden"])).await;
    assert_eq!(report.errors, []);
}

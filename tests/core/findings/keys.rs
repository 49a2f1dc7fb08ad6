//! Findings about keys and how targets get access to them.

use Severity::{Refuse, Warn};
use ami_share::diagnostic::Severity;
use ami_share::request::{KeyAccessMode, KeyScope};
use ami_share_sim::world::{Key, KeyState, World as State};

use super::{Seen, under_golden};
use crate::support::*;

pub(super) async fn collect(seen: &mut Seen) {
    let managed = &["managed"];
    seen.expect_of_request(("key.aws-managed", Refuse), managed, |request| request)
        .await;
    seen.expect_of_request(("key.aws-managed", Refuse), &["plain"], |request| {
        request.kms_key("alias/aws/ebs".parse().unwrap())
    })
    .await;
    states(seen).await;
    let rsa = |state: &mut State, arn: &str| "RSA_2048".clone_into(&mut key(state, arn).spec);
    seen.expect(("key.unusable", Refuse), &["plain"], rsa, under_golden)
        .await;
    seen.expect_of_golden(("key.foreign", Refuse), move_to_foreign_key)
        .await;
    let golden = &["golden"];
    seen.expect_of_request(("key.access-unmanaged", Warn), golden, |request| {
        request.key_access(KeyAccessMode::None)
    })
    .await;
    name_taken(seen).await;
    image_gone(seen).await;
    seen.expect_of_request(("grants.redelegable", Warn), golden, |request| {
        let request = request.key_access(KeyAccessMode::Grants);
        request.key_scope(KeyScope::Direct)
    })
    .await;
}

/// A grant of somebody else with the name of ours.
async fn name_taken(seen: &mut Seen) {
    let world = World::new();
    let request = || {
        let request = world.build_request(&["golden"]);
        request.key_access(KeyAccessMode::Grants)
    };
    world.share(request()).await;
    let golden = world.key_arn("golden");
    world.edit_key(&golden, |key| key.grants[0].operations.truncate(1));
    seen.record(&world.plan(request()).await.findings);
}

/// A revoke of an image that does not exist.
async fn image_gone(seen: &mut Seen) {
    let world = World::new();
    let request = world.build_request(&["golden"]);
    let request = request.image("ami-0aaaaaaaaaaaaaaaa".parse().unwrap());
    seen.record(&world.plan(into_revoke(request)).await.findings);
}

/// Keys that cannot be used, of the image itself and of its copy.
async fn states(seen: &mut Seen) {
    for (code, unusable) in [
        ("key.disabled", KeyState::Disabled),
        ("key.pending-deletion", KeyState::PendingDeletion),
        ("key.unusable", KeyState::PendingImport),
        ("key.unusable", KeyState::Unavailable),
        ("key.unusable", KeyState::Creating),
    ] {
        let change = |state: &mut State, arn: &str| key(state, arn).state = unusable;
        seen.expect_of_golden((code, Refuse), change).await;
        seen.expect((code, Refuse), &["plain"], change, under_golden)
            .await;
    }
}

fn key<'a>(state: &'a mut State, arn: &str) -> &'a mut Key {
    state.keys.get_mut(arn).unwrap()
}

/// Moves the snapshots under a key to a key of B.
fn move_to_foreign_key(state: &mut State, arn: &str) {
    let mut foreign = Key::new(
        B,
        "us-east-1",
        "theirs",
        &Key::default_policy(B, "us-east-1"),
    );
    foreign.grants.clear();
    for snapshot in state.snapshots.values_mut() {
        if snapshot.key.as_deref() == Some(arn) {
            snapshot.key = Some(foreign.arn.clone());
        }
    }
    state.keys.insert(foreign.arn.clone(), foreign);
}

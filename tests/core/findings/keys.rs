//! Findings about keys and how targets get access to them.

use Severity::{Refuse, Warn};
use ami_share::diagnostic::Severity;
use ami_share::request::KeyAccessMode;
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
    seen.expect_of_request(("grants.redelegable", Warn), golden, |request| {
        request.key_access(KeyAccessMode::Grants)
    })
    .await;
}

/// Keys that cannot be used, of the image itself and of its copy.
async fn states(seen: &mut Seen) {
    for (code, unusable) in [
        ("key.disabled", KeyState::Disabled),
        ("key.pending-deletion", KeyState::PendingDeletion),
        ("key.unusable", KeyState::PendingImport),
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

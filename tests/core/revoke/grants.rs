//! Grants that a target made with the access that it had.

use std::time::Duration;

use super::*;

fn build_direct_request(world: &World) -> ShareRequestBuilder {
    world.build_request(&["golden"]).key_scope(KeyScope::Direct)
}

/// B lets its role use the key.
fn add_grant_of_b(world: &World) {
    let launcher = format!("arn:aws:iam::{B}:role/launcher");
    let grant = build_grant("handed-on", B, &launcher);
    world.edit_key(&world.key_arn("golden"), |key| key.grants.push(grant));
}

#[tokio::test(start_paused = true)]
async fn revoke_ends_grants_made_by_target() {
    let world = World::new();
    world.share(build_direct_request(&world)).await;
    add_grant_of_b(&world);
    let revoke = into_revoke(world.build_request(&["golden"]));
    world.share(revoke).await;
    assert!(!world.has_grants("golden"));
}

#[tokio::test(start_paused = true)]
async fn revoke_ends_grants_made_by_target_meanwhile() {
    let world = World::new();
    world.share(build_direct_request(&world)).await;
    let from = world.list_actions(0).len();
    // Between the read of the policy and the put that ends the access.
    let grant_late = async {
        loop {
            tokio::time::sleep(Duration::from_millis(1)).await;
            let actions = world.list_actions(from);
            let mut made = actions.iter();
            let is_revoked = made.any(|action| action == "ec2:ModifyImageAttribute");
            let has_read = actions
                .last()
                .is_some_and(|last| last == "kms:GetKeyPolicy");
            if is_revoked && has_read {
                return add_grant_of_b(&world);
            }
        }
    };
    let revoke = world.share(into_revoke(world.build_request(&["golden"])));
    futures::future::join(revoke, grant_late).await;
    let actions = world.list_actions(from);
    assert!(actions.contains(&"kms:RevokeGrant".to_owned()));
    assert!(!world.has_grants("golden"));
}

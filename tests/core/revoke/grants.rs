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

/// Statements of the key's administrators let B make grants, or only use the key. The first kind of
/// grant is B's own affair, and the report names it.
#[tokio::test(start_paused = true)]
async fn revoke_spares_grants_that_target_made_by_access_of_its_own() {
    let of_b = format!("arn:aws:iam::{B}:role/aws-service-role/autoscaling.amazonaws.com/Role");
    let of_c = "arn:aws:iam::300000000000:root".to_owned();
    for (actions, is_spared) in [
        (json!("kms:*"), true),
        (json!(["kms:CreateGrant", "kms:Decrypt"]), true),
        (json!("kms:Decrypt"), false),
        (json!(null), false),
    ] {
        for grantee in [&of_b, &of_c] {
            let case = format!("{actions}, {grantee}");
            let world = World::new();
            let golden = world.key_arn("golden");
            if !actions.is_null() {
                let statement = json!({
                    "Sid": "Partner",
                    "Effect": "Allow",
                    "Principal": { "AWS": format!("arn:aws:iam::{B}:root") },
                    "Action": actions,
                    "Resource": "*",
                });
                world.edit_statements(&golden, |all| all.push(statement));
            }
            let before = world.list_access();
            world.share(build_direct_request(&world)).await;
            world.edit_key(&golden, |key| {
                key.grants.push(build_grant("theirs", B, grantee));
            });
            let report = world.share(into_revoke(build_direct_request(&world))).await;
            assert_eq!(world.has_grants("golden"), is_spared, "{case}");
            let mut findings = report.findings.iter();
            let is_named = findings.any(|finding| {
                finding.code.as_str() == "revoke.other-way" && finding.message.contains("theirs")
            });
            assert_eq!(is_named, is_spared, "{case}: {:?}", report.findings);
            world.edit_key(&golden, |key| key.grants.clear());
            assert_eq!(world.list_access(), before, "{case}");
        }
    }
}

/// What this tool had B grant to its service-linked roles goes, whoever else lets B use the key.
#[tokio::test(start_paused = true)]
async fn revoke_ends_own_grants_of_service_roles_in_any_case() {
    let world = World::generate(2, 1, 1, 1);
    let key = world.key_arn("key-1");
    let statement = json!({
        "Sid": "Partner",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{B}:root") },
        "Action": "kms:*",
        "Resource": "*",
    });
    world.edit_statements(&key, |all| all.push(statement));
    world
        .allow_actions(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
        .await;
    let request = || {
        let service = "autoscaling.amazonaws.com".to_owned();
        let options = with_target_role().service_linked_roles([service]);
        world.build_request(&["image-1"]).target_options(options)
    };
    world.share(request()).await;
    assert!(world.has_grants("key-1"));
    world.share(into_revoke(request())).await;
    assert!(!world.has_grants("key-1"));
}

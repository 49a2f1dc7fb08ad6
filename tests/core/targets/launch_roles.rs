//! Roles in targets that shall launch, and roles of services.

use serde_json::json;

use super::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";

#[tokio::test(start_paused = true)]
async fn launch_role_gets_inline_policy_and_loses_it_on_revoke() {
    let world = World::generate(2, 1, 1, 1);
    world
        .allow_actions(B, "consumer", &["ec2:*", "iam:*"])
        .await;
    world.edit_role(B, "launcher", |role| role.inline.clear());
    let key = world.key_arn(B_KEY);
    let own_key = json!({ "Effect": "Allow", "Action": "kms:*", "Resource": key });
    let ec2 = json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    let policy = json!({ "Statement": [own_key, ec2] });
    world.put_role_policy(B, "launcher", "own", &policy).await;
    let launch = async || {
        let image_id = world.image_id("image-1");
        world.launch_as_role(B, "launcher", &image_id).await
    };

    let plain = build_request(&world, TargetOptions::default());
    world.share(plain).await;
    assert_eq!(launch().await, "terminated", "R3.1.1: both policies count");
    let request = || {
        let options = with_target_role().launch_roles(["launcher".to_owned()]);
        build_request(&world, options)
    };
    let report = world.share(request()).await;
    assert!(report.targets[0].roles.contains("launcher"));
    assert_eq!(launch().await, "running");
    let again = world.share(request()).await;
    assert!(!again.changed, "a policy with the same text is left alone");

    // What somebody wrote in its place is replaced.
    let names = world.edit_role(B, "launcher", |role| {
        role.inline.keys().cloned().collect::<Vec<String>>()
    });
    let ours = names.iter().find(|name| *name != "own").unwrap();
    world.put_role_policy(B, "launcher", ours, &policy).await;
    assert!(world.share(request()).await.changed);
    assert_eq!(launch().await, "running");

    world.share(into_revoke(request())).await;
    let policies = world.edit_role(B, "launcher", |role| role.inline.len());
    assert_eq!(policies, 1, "only the policy from before is left");
}

#[tokio::test(start_paused = true)]
async fn auto_scaling_launches_with_grant_made_in_target() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = World::generate(2, 1, 1, 1);
        world
            .allow_actions(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
            .await;
        let launch = async || {
            let image_id = world.image_id("image-1");
            world.launch_as_service(B, AUTO_SCALING, &image_id).await
        };
        let plain = build_request(&world, with_target_role());
        world.share(plain.key_access(mode)).await;
        world.create_service_linked_role(B, AUTO_SCALING).await;
        assert_eq!(launch().await, "terminated", "{mode:?}");

        let request = || {
            let options = with_target_role().service_linked_roles([AUTO_SCALING.to_owned()]);
            build_request(&world, options).key_access(mode)
        };
        world.share(request()).await;
        assert_eq!(launch().await, "running", "{mode:?}: R4.11");
        let again = world.share(request()).await;
        assert!(!again.changed, "{mode:?}: the grant is recognized");

        world.terminate_instances_of(B).await;
        world.share(request().revoke(Revoke::default())).await;
        assert!(
            !world.has_grants("key-1"),
            "{mode:?}: A revokes the grant that B made"
        );
    }
}

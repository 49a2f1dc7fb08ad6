//! Key policies in each version of the language.

use super::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";

/// Policy variables work in one version of the language only. In the others, roles of services are
/// named account by account, and the version stays.
#[tokio::test(start_paused = true)]
async fn roles_of_services_are_named_as_the_version_of_the_policy_allows() {
    for version in [json!("2012-10-17"), json!("2008-10-17"), Value::Null] {
        let world = World::generate(3, 1, 1, 1);
        world
            .allow_actions(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
            .await;
        let key = world.key_arn("key-1");
        world.edit_key(&key, |key| set_version(&mut key.policies[0].1, &version));
        let before: Value = serde_json::from_str(&world.read_key_policy("key-1")).unwrap();
        let request = || {
            let options = with_target_role().service_linked_roles([AUTO_SCALING.to_owned()]);
            world.build_request(&["image-1"]).target_options(options)
        };
        let report = world.share(request()).await;
        assert_eq!(report.errors, [], "{version}");
        let launched = world
            .launch_as_service(B, AUTO_SCALING, &world.image_id("image-1"))
            .await;
        assert_eq!(launched, "running", "{version}");

        let policy: Value = serde_json::from_str(&world.read_key_policy("key-1")).unwrap();
        assert_eq!(policy.get("Version"), before.get("Version"));
        let has_variable = policy.to_string().contains("${aws:PrincipalAccount}");
        assert_eq!(has_variable, version == "2012-10-17");
        let changes = world.count_changes();
        assert!(!world.share(request()).await.changed, "{version}");
        assert_eq!(world.count_changes(), changes, "{version}");

        world.terminate_instances_of(B).await;
        let keys_in_use = Revoke {
            keys_in_use: true,
            ..Revoke::default()
        };
        world.share(request().revoke(keys_in_use)).await;
        let after: Value = serde_json::from_str(&world.read_key_policy("key-1")).unwrap();
        assert_eq!(after, before, "{version}");
    }
}

/// A statement with a variable that an earlier version wrote into such a policy has no effect. It
/// is ours, and becomes one that has.
#[tokio::test(start_paused = true)]
async fn statement_with_variable_is_mended_in_policy_of_2008() {
    let world = World::generate(3, 1, 1, 1);
    world
        .allow_actions(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
        .await;
    let key = world.key_arn("key-1");
    let request = || {
        let options = with_target_role().service_linked_roles([AUTO_SCALING.to_owned()]);
        world.build_request(&["image-1"]).target_options(options)
    };
    world.share(request()).await;
    world.edit_key(&key, |key| {
        let text = &mut key.policies.last_mut().unwrap().1;
        set_version(text, &json!("2008-10-17"));
        key.grants.clear();
    });
    let report = world.share(request()).await;
    assert_eq!(report.errors, []);
    let policy = world.read_key_policy("key-1");
    assert!(!policy.contains("${"), "{policy}");
    assert_eq!(policy.matches("AmiShareServiceLinkedRoles").count(), 1);
    let launched = world
        .launch_as_service(B, AUTO_SCALING, &world.image_id("image-1"))
        .await;
    assert_eq!(launched, "running");
}

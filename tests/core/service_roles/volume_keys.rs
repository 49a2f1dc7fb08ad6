//! The key of new volumes in a target, which services' launches meet beside that of the image.

use ami_share_sim::KeySpec;
use serde_json::json;

use super::*;

/// The key of new volumes of B. Copies are under another.
const VOLUMES: &str = "volumes";

/// The image has a device that is encrypted and made of no snapshot.
async fn build_world_with_blank_device(is_encrypted: bool) -> World {
    let mut scenario = generate_scenario(2, 2, 1, 1);
    scenario.images[0].volumes = vec![is_encrypted.then(|| "key-1".to_owned())];
    scenario.keys.push(KeySpec {
        name: VOLUMES.to_owned(),
        account: B.to_owned(),
        ..KeySpec::default()
    });
    let world = World::from_scenario(scenario);
    world.edit_image(&world.image_id("image-1"), |image| {
        let mut blank = image.mappings[0].clone();
        "/dev/sdz".clone_into(&mut blank.device);
        blank.snapshot = None;
        blank.size = Some(8);
        blank.encrypted = true;
        image.mappings.push(blank);
    });
    world.set_default_key(B, "us-east-1", VOLUMES);
    world
        .allow_actions(B, "consumer", &["ec2:*", "kms:*", "iam:*"])
        .await;
    world.create_service_linked_role(B, AUTO_SCALING).await;
    world
}

#[tokio::test(start_paused = true)]
async fn service_role_gets_grant_on_default_key_for_blank_encrypted_device() {
    for (is_encrypted, copies) in [(false, false), (true, false), (false, true), (true, true)] {
        let case = format!("encrypted: {is_encrypted}, copies: {copies}");
        let world = build_world_with_blank_device(is_encrypted).await;
        let request = || {
            let mut options = with_auto_scaling();
            if copies {
                options = options.kms_key(format!("alias/{OWN_KEY}").parse().unwrap());
            }
            build_request(&world, &["image-1"], options)
        };
        world.share(request()).await;
        let image_id = world.find_image_of(B).unwrap_or(world.image_id("image-1"));
        let launched = world.launch_as_service(B, AUTO_SCALING, &image_id).await;
        assert_eq!(launched, "running", "{case}");
        assert!(!world.share(request()).await.changed, "{case}");

        // The grant on that key was needed.
        world.terminate_instances_of(B).await;
        world.edit_key(&world.key_arn(VOLUMES), |key| key.grants.clear());
        let launched = world.launch_as_service(B, AUTO_SCALING, &image_id).await;
        assert_ne!(launched, "running", "{case}");
    }
}

/// What of the key of new volumes is not read leaves the role without a grant on that key alone,
/// and the plan names it.
#[tokio::test(start_paused = true)]
async fn unread_default_key_leaves_grants_on_image_key() {
    for action in [
        "ec2:GetEbsEncryptionByDefault",
        "ec2:GetEbsDefaultKmsKeyId",
        "kms:DescribeKey",
        "kms:ListGrants",
    ] {
        let world = build_world_with_blank_device(true).await;
        let volumes = world.key_arn(VOLUMES);
        let resource = if action.starts_with("kms") {
            volumes.as_str()
        } else {
            "*"
        };
        let deny = json!({ "Effect": "Deny", "Action": action, "Resource": resource });
        let policy = json!({ "Version": "2012-10-17", "Statement": [deny] });
        world.put_role_policy(B, "consumer", "deny", &policy).await;
        // Verification says that this role cannot launch, and that is so.
        let options = with_auto_scaling().verify(Verify::None);
        let report = world
            .share(build_request(&world, &["image-1"], options))
            .await;
        let mut findings = report.findings.iter();
        let unread = findings.find(|finding| finding.code.as_str() == "target.key-unread");
        let unread = unread.unwrap_or_else(|| panic!("{action}: {:?}", report.findings));
        assert!(unread.message.contains(ROLE), "{action}: {unread}");
        assert!(unread.message.contains(action), "{action}: {unread}");
        let has_grant = |key: &str| {
            let end = format!("/{ROLE}");
            world.edit_key(&world.key_arn(key), |key| {
                let mut grants = key.grants.iter();
                grants.any(|grant| grant.grantee.arn.ends_with(&end))
            })
        };
        assert!(has_grant("key-1"), "{action}");
        assert!(!has_grant(VOLUMES), "{action}");
        assert_eq!(report.errors, [], "{action}");
    }
}

//! What could not be read may be what allows a launch, or what ends it: it is unknown, never
//! absent.

use serde_json::Value;

use super::service_roles::{create_service_roles, services_of};
use super::*;

const DENIED: (&str, &str) = ("UnauthorizedOperation", "You are not authorized.");

fn deny(operation: &str) -> Value {
    deny_calls(operation, DENIED.0, DENIED.1)
}

/// The default EBS key of B is its own.
fn set_own_default_key(world: &World) {
    world.set_default_key(B, "us-east-1", "own-222222222222");
}

/// A role of a service that launches by grants only, of keys whose policies leave the decision to
/// the policies of the account.
#[tokio::test(start_paused = true)]
async fn unread_grants_of_service_role_are_unknown() {
    let world = build_shared_world().await;
    set_own_default_key(&world);
    let roles = create_service_roles(&world, 1).await;
    let options = |roles: TargetOptions| roles.service_linked_roles(services_of(1));
    world
        .share(build_request(&world, options(with_target_role())))
        .await;
    let image_id = world.image_id("image-1");
    let launched = world.launch_as_service_role(B, &roles[0], &image_id).await;
    assert_eq!(launched, "running");

    let deny = json!({ "Effect": "Deny", "Action": "kms:ListGrants", "Resource": "*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [deny] });
    world.put_role_policy(B, "consumer", "deny", &policy).await;
    let verification = verify(&world, options(with_launcher())).await;
    let verdict = find_verdict(&verification, CheckName::ServiceRoles);
    assert_eq!(verdict, Some(Verdict::Unknown), "{verification:?}");
    let detail = find_detail(&verification, CheckName::ServiceRoles);
    assert!(detail.contains("kms:ListGrants"), "{detail}");
    let conclusion = verification.conclusion;
    assert_eq!(conclusion, Conclusion::NoObstacleFound, "{verification:?}");
}

/// A launcher without a policy for keys, which has grants of its own account.
#[tokio::test(start_paused = true)]
async fn unread_grants_of_launcher_are_unknown() {
    let world = build_shared_world().await;
    world.share(build_request(&world, with_target_role())).await;
    world.edit_role(B, LAUNCHER, |role| role.inline.clear());
    world.allow_actions(B, LAUNCHER, &["ec2:*"]).await;
    let key = world.key_arn("key-1");
    grant_launch(&world, &key);
    let image_id = world.image_id("image-1");
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    assert_eq!(launched, "running");

    let world = world.with_fault(deny("kms:ListGrants"));
    let verification = verify(&world, with_launcher()).await;
    let verdict = find_verdict(&verification, CheckName::LauncherIam);
    assert_eq!(verdict, Some(Verdict::Unknown), "{verification:?}");
    let detail = find_detail(&verification, CheckName::LauncherIam);
    assert!(detail.contains("kms:ListGrants"), "{detail}");
}

/// B grants the launcher what a launch asks of a key.
fn grant_launch(world: &World, key: &str) {
    let operations = [
        "DescribeKey",
        "CreateGrant",
        "Decrypt",
        "ReEncryptFrom",
        "ReEncryptTo",
        "GenerateDataKeyWithoutPlaintext",
    ];
    let grantee = world.edit_role(B, LAUNCHER, |role| ami_share_sim::world::Grantee {
        arn: role.arn.clone(),
        unique_id: Some(role.unique_id.clone()),
    });
    let mut grant = build_grant("of-launcher", B, &grantee.arn);
    grant.grantee = grantee;
    grant.operations = operations.map(str::to_owned).to_vec();
    world.edit_key(key, |key| key.grants.push(grant));
}

/// What is not known of the key of new volumes is not known of those who use it.
#[tokio::test(start_paused = true)]
async fn unread_default_key_is_unknown_for_every_launcher() {
    let (key, setting) = ("ec2:GetEbsDefaultKmsKeyId", "ec2:GetEbsEncryptionByDefault");
    for (kind, operation, fault) in [
        (ImageKind::Shared, key, deny(key)),
        (ImageKind::Shared, key, answer_without(key, "kmsKeyId")),
        (ImageKind::Unencrypted, setting, deny(setting)),
        (
            ImageKind::Unencrypted,
            setting,
            answer_without(setting, "ebsEncryptionByDefault"),
        ),
    ] {
        let world = build_world(kind, false).await;
        create_service_roles(&world, 1).await;
        let options = |roles: TargetOptions| roles.service_linked_roles(services_of(1));
        world
            .share(build_request(&world, options(with_target_role())))
            .await;
        let world = world.with_fault(fault);
        let verification = verify(&world, options(with_launcher())).await;
        for name in [
            CheckName::DefaultKey,
            CheckName::LauncherIam,
            CheckName::ServiceRoles,
        ] {
            let verdict = find_verdict(&verification, name);
            assert_eq!(verdict, Some(Verdict::Unknown), "{name}: {verification:?}");
            let detail = find_detail(&verification, name);
            assert!(detail.contains(operation), "{name}: {detail}");
        }
    }
}

/// With which suffix KMS names EC2 outside of `amazonaws.com` is not documented: what depends on it
/// is unknown, what does not is known.
#[tokio::test(start_paused = true)]
async fn suffix_of_service_is_unknown_where_it_is_not_documented() {
    let condition =
        |operator: &str, services: Value| json!({ operator: { "kms:ViaService": services } });
    let both = json!(["ec2.*.amazonaws.com", "ec2.*.amazonaws.com.cn"]);
    for (condition, region, expected) in [
        (
            condition("StringNotLike", json!("ec2.*.amazonaws.com")),
            "cn-north-1",
            Verdict::Unknown,
        ),
        (
            condition("StringNotLike", json!("ec2.*.amazonaws.com")),
            "us-gov-west-1",
            Verdict::Yes,
        ),
        (
            condition("StringLike", json!("ec2.*.cn")),
            "cn-north-1",
            Verdict::Unknown,
        ),
        (
            condition("StringNotLike", both.clone()),
            "cn-north-1",
            Verdict::Yes,
        ),
        (condition("StringLike", both), "cn-north-1", Verdict::No),
        (
            condition("StringNotLike", json!("ec2.*")),
            "eusc-de-east-1",
            Verdict::Yes,
        ),
    ] {
        let kind = ImageKind::Shared;
        let world = build_world_in(region, Options::default(), kind, false).await;
        world.share(build_request(&world, with_target_role())).await;
        let deny = json!({
            "Effect": "Deny",
            "Action": "kms:Decrypt",
            "Resource": "*",
            "Condition": condition,
        });
        let mut of_key = deny.clone();
        of_key["Principal"] = json!({ "AWS": "*" });
        let key = world.key_arn("key-1");
        world.edit_statements(&key, |statements| statements.push(of_key));
        let policy = json!({ "Version": "2012-10-17", "Statement": [deny] });
        world.put_role_policy(B, LAUNCHER, "deny", &policy).await;
        let verification = verify(&world, with_launcher()).await;
        for name in [CheckName::KeyAccess, CheckName::LauncherIam] {
            let verdict = find_verdict(&verification, name);
            assert_eq!(
                verdict,
                Some(expected),
                "{policy}: {name}: {verification:?}"
            );
        }
    }
}

/// The instance decrypts its volumes by a role of its own, which a key policy may deny.
#[tokio::test(start_paused = true)]
async fn key_policy_that_denies_role_of_instance_is_found() {
    let role = format!("arn:aws:iam::{B}:role/aws:ec2-infrastructure");
    for (condition, expected, ends) in [
        (
            json!({ "ArnNotLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/launcher" } }),
            Verdict::No,
            "terminated",
        ),
        (
            json!({
                "ArnNotLike": { "aws:PrincipalArn": ["arn:aws:iam::*:role/launcher", role] }
            }),
            Verdict::Yes,
            "running",
        ),
        (
            json!({ "Bool": { "aws:ViaAWSService": "false" } }),
            Verdict::Unknown,
            "terminated",
        ),
        (
            json!({ "StringNotEquals": { "aws:SourceVpc": "vpc-1" } }),
            Verdict::No,
            "terminated",
        ),
        (
            json!({ "DateLessThan": { "aws:CurrentTime": "2020-01-01T00:00:00Z" } }),
            Verdict::Unknown,
            "running",
        ),
    ] {
        for kind in [ImageKind::Shared, ImageKind::TargetCopy] {
            let world = build_world(kind, false).await;
            set_own_default_key(&world);
            let options = |roles: TargetOptions| match kind {
                ImageKind::TargetCopy => roles.kms_key("alias/own-222222222222".parse().unwrap()),
                _ => roles,
            };
            let request = build_request(&world, options(with_target_role()));
            world.share(request).await;
            let deny = json!({
                "Effect": "Deny",
                "Principal": { "AWS": "*" },
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": condition,
            });
            let key = world.key_arn("own-222222222222");
            world.edit_statements(&key, |statements| statements.push(deny.clone()));
            let own_copy = world.find_image_of(B);
            let image_id = own_copy.unwrap_or_else(|| world.image_id("image-1"));
            let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
            assert_eq!(launched, ends, "{kind:?}: {deny}");
            let name = match kind {
                ImageKind::TargetCopy => CheckName::KeyAccess,
                _ => CheckName::DefaultKey,
            };
            let verification = verify(&world, options(with_launcher())).await;
            let verdict = find_verdict(&verification, name);
            assert_eq!(
                verdict,
                Some(expected),
                "{kind:?}: {deny}: {verification:?}"
            );
        }
    }
}

/// Answers of a policy simulation that lack something, or say something new.
const SIMULATIONS: [(&str, Option<&str>); 8] = [
    ("EvaluationResults", None),
    ("EvaluationResults/member", None),
    // Fewer results than were asked for.
    ("EvalActionName", Some("kms:Decrypt")),
    ("EvalActionName", Some("kms:Encrypt")),
    ("EvalResourceName", Some("*")),
    ("EvalResourceDecision", Some("perhaps")),
    ("EvalResourceDecision", None),
    ("EvalDecisionDetails", None),
];

#[tokio::test(start_paused = true)]
async fn simulation_that_is_not_understood_is_unknown() {
    for (path, value) in SIMULATIONS {
        let world = build_shared_world().await;
        world.share(build_request(&world, with_target_role())).await;
        let answer = json!({ "path": path, "value": value });
        let operation = "iam:SimulatePrincipalPolicy";
        let world = world.with_fault(json!({
            "operation": operation,
            "effect": { "answer": answer },
        }));
        let verification = verify(&world, with_launcher()).await;
        let verdict = find_verdict(&verification, CheckName::LauncherIam);
        assert_eq!(verdict, Some(Verdict::Unknown), "{path}: {verification:?}");
        let conclusion = verification.conclusion;
        assert_eq!(
            conclusion,
            Conclusion::NoObstacleFound,
            "{path}: {verification:?}"
        );
    }
}

/// Settings of Allowed AMIs that cannot be read, while they hide the image.
#[tokio::test(start_paused = true)]
async fn allowed_images_that_are_not_understood_are_unknown() {
    for (path, value) in [("state", None), ("state", Some("sometimes"))] {
        let world = build_shared_world().await;
        world.share(build_request(&world, with_target_role())).await;
        world.allow_images(B, "enabled", json!([{ "names": ["golden-*"] }]));
        let answer = json!({ "path": path, "value": value });
        let world = world.with_fault(json!({
            "operation": "ec2:GetAllowedImagesSettings",
            "effect": { "answer": answer },
        }));
        let verification = verify(&world, with_launcher()).await;
        let verdict = find_verdict(&verification, CheckName::AllowedImages);
        assert_eq!(verdict, Some(Verdict::Unknown), "{path}: {verification:?}");
    }
}

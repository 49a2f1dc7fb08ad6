//! Roles that launch have a path, and sessions do not say it.

use std::fs;
use std::path::Path;

use ami_share_sim::Scenario;
use serde_json::{Value, json};

use super::*;

/// The launcher's path is `/apps/`, and the default EBS key of B lets exactly that role use it.
async fn build_world_with_path() -> World {
    let world = build_shared_world().await;
    let arn = format!("arn:aws:iam::{B}:role/apps/{LAUNCHER}");
    world.edit_role(B, LAUNCHER, |role| {
        "/apps/".clone_into(&mut role.path);
        role.arn.clone_from(&arn);
    });
    let key = world.key_arn("own-222222222222");
    set_policy(&world, &key, only_for(&arn)).await;
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let call = ec2.modify_ebs_default_kms_key_id();
    call.kms_key_id(&key).send().await.unwrap();
    world
}

/// Statements of a key that only one principal may use.
fn only_for(principal: &str) -> Value {
    let administrators = json!({
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{B}:root") },
        "Action": ["kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants", "kms:PutKeyPolicy"],
        "Resource": "*",
    });
    let user = json!({
        "Effect": "Allow",
        "Principal": { "AWS": principal },
        "Action": "kms:*",
        "Resource": "*",
    });
    json!([administrators, user])
}

async fn set_policy(world: &World, key: &str, statements: Value) {
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    let kms = aws_sdk_kms::Client::new(&world.config(B));
    let put = kms.put_key_policy().key_id(key);
    put.policy(policy.to_string()).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn launch_role_given_by_name_is_checked_with_its_path() {
    for name in [LAUNCHER, "apps/launcher", "other/launcher"] {
        let world = build_world_with_path().await;
        let options = with_target_role().launch_roles([name.to_owned()]);
        world.share(build_request(&world, with_target_role())).await;
        let verification = verify(&world, options).await;
        assert_eq!(verification.conclusion, Conclusion::NoObstacleFound);
        for name in [CheckName::LauncherIam, CheckName::DefaultKey] {
            let verdict = find_verdict(&verification, name);
            assert_eq!(verdict, Some(Verdict::Yes), "{verification:?}");
        }
        let image_id = world.image_id("image-1");
        let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
        assert_eq!(launched, "running");
    }
}

/// The same name without its path is another principal, in key policies too.
#[tokio::test(start_paused = true)]
async fn key_policy_that_names_role_without_its_path_blocks() {
    let world = build_world_with_path().await;
    world.share(build_request(&world, with_target_role())).await;
    let key = world.key_arn("own-222222222222");
    let statements = only_for(&format!("arn:aws:iam::{B}:role/consumer"));
    set_policy(&world, &key, statements).await;
    let verification = verify(&world, with_launcher()).await;
    let verdict = find_verdict(&verification, CheckName::DefaultKey);
    assert_eq!(verdict, Some(Verdict::No), "{verification:?}");
    let detail = find_detail(&verification, CheckName::DefaultKey);
    assert!(detail.contains("role/apps/launcher"), "{detail}");
}

#[tokio::test(start_paused = true)]
async fn launch_role_whose_arn_cannot_be_read_is_unknown() {
    let world = build_world_with_path().await;
    world.share(build_request(&world, with_target_role())).await;
    let deny = json!({ "Effect": "Deny", "Action": "iam:GetRole", "Resource": "*" });
    let policy = json!({ "Version": "2012-10-17", "Statement": [deny] });
    world.put_role_policy(B, "consumer", "deny", &policy).await;
    let verification = verify(&world, with_launcher()).await;
    assert_eq!(verification.conclusion, Conclusion::NoObstacleFound);
    let verdict = find_verdict(&verification, CheckName::LauncherIam);
    assert_eq!(verdict, Some(Verdict::Unknown), "{verification:?}");
    let detail = find_detail(&verification, CheckName::LauncherIam);
    assert!(detail.contains("iam:GetRole"), "{detail}");

    // The role is gone since.
    let world = build_world_with_path().await;
    world.share(build_request(&world, with_target_role())).await;
    world.remove_role(B, LAUNCHER);
    let verification = verify(&world, with_launcher()).await;
    let verdict = find_verdict(&verification, CheckName::LauncherIam);
    assert_eq!(verdict, Some(Verdict::No), "{verification:?}");
}

/// The source's own permissions are those of the role behind its session, which has a path too.
#[tokio::test(start_paused = true)]
async fn role_with_path_behind_source_session_is_checked() {
    let world = build_shared_world().await;
    world.edit_role(A, "publisher", |role| {
        "/ci/".clone_into(&mut role.path);
        role.arn = format!("arn:aws:iam::{A}:role/ci/publisher");
        role.inline.clear();
    });
    let actions = ["ec2:*", "kms:*", "iam:*", "sts:*"];
    world.allow_actions(A, "publisher", &actions).await;
    let config = world.assume_role(A, "publisher", None).await;
    let request = build_request(&world, TargetOptions::default());
    let request = request.build().unwrap();
    let report = Sharer::new(&config).verify(&request).await.unwrap();
    let verification = &report.verifications[0];
    let mut checks = verification.checks.iter();
    let of_key = checks.find(|check| check.detail.contains("kms:PutKeyPolicy"));
    assert_eq!(of_key.unwrap().verdict, Verdict::Yes, "{verification:?}");
}

/// A situation that was reported: the request names a role with a path by its name.
#[tokio::test(start_paused = true)]
#[ignore = "needs the corpus of reported cases, which is not part of the repository"]
async fn reported_role_with_path_is_no_obstacle() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/field");
    let text = fs::read_to_string(folder.join("11-role-with-path.json")).unwrap();
    let world = World::from_scenario(Scenario::parse(&text).unwrap());
    let iam = aws_sdk_iam::Client::new(&world.config(B));
    let trust = json!({
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{B}:root") },
        "Action": "sts:AssumeRole",
    });
    let trust = json!({ "Version": "2012-10-17", "Statement": [trust] });
    let create = iam.create_role().path("/apps/").role_name(LAUNCHER);
    let create = create.assume_role_policy_document(trust.to_string());
    let created = create.send().await.unwrap();
    let arn = created.role().unwrap().arn().to_owned();
    world.allow_actions(B, LAUNCHER, &["ec2:*", "kms:*"]).await;
    world.edit_statements(&world.key_arn("volumes"), |statements| {
        let user = only_for(&arn)[1].clone();
        statements.push(user);
    });

    let options = TargetOptions::default()
        .role("consumer".parse().unwrap())
        .launch_roles([LAUNCHER.to_owned()]);
    let request = world.build_request(&["golden"]).target_options(options);
    let report = world.share(request).await;
    let verification = &report.verifications[0];
    assert_eq!(
        verification.conclusion,
        Conclusion::NoObstacleFound,
        "{verification:?}"
    );
    let image_id = world.image_id("golden");
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    assert_eq!(launched, "running");
}

/// Conditions of service control policies cannot be read, and IAM does not say that there are any:
/// a denial is unknown, and named.
#[tokio::test(start_paused = true)]
async fn denial_by_service_control_policy_is_unknown_and_named() {
    let tokens = json!({ "StringNotEquals": { "ec2:MetadataHttpTokens": "required" } });
    let other_region = json!({ "StringNotEquals": { "aws:RequestedRegion": "us-east-1" } });
    let this_region = json!({ "StringEquals": { "aws:RequestedRegion": "us-east-1" } });
    let without_tag = json!({ "Null": { "aws:RequestTag/Owner": "true" } });
    let types = json!({ "StringNotLike": { "ec2:InstanceType": ["t3.*", "m7i.*"] } });
    let with_tls = json!({ "Bool": { "aws:SecureTransport": "true" } });
    let without_tls = json!({ "Bool": { "aws:SecureTransport": "false" } });
    let by_service = json!({ "Bool": { "aws:PrincipalIsAWSService": "true" } });
    let by_role = json!({ "Bool": { "aws:PrincipalIsAWSService": "false" } });
    for (condition, expected) in [
        (with_tls, Verdict::Unknown),
        (without_tls, Verdict::Yes),
        (by_service, Verdict::Yes),
        (by_role, Verdict::Unknown),
        (tokens, Verdict::Unknown),
        (other_region, Verdict::Yes),
        (this_region, Verdict::Unknown),
        (without_tag, Verdict::Unknown),
        (types, Verdict::Unknown),
        (json!({}), Verdict::Unknown),
    ] {
        let world = build_shared_world().await;
        world.share(build_request(&world, with_target_role())).await;
        let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        let instances = "arn:aws:ec2:*:*:instance/*";
        let mut deny =
            json!({ "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": instances });
        deny["Condition"] = condition.clone();
        let policy = json!({ "Version": "2012-10-17", "Statement": [allow, deny] });
        world.set_control(B, &policy);
        let verification = verify(&world, with_launcher()).await;
        let verdict = find_verdict(&verification, CheckName::LauncherIam);
        assert_eq!(verdict, Some(expected), "{condition}: {verification:?}");
        let conclusion = verification.conclusion;
        assert_eq!(conclusion, Conclusion::NoObstacleFound, "{condition}");
        let detail = find_detail(&verification, CheckName::LauncherIam);
        let is_named = detail.contains("a service control policy");
        assert_eq!(is_named, expected == Verdict::Unknown, "{detail}");
    }
}

/// A service control policy may rest on what a launch chooses, or on where it comes from: where
/// usual values of that decide it, it is unknown. What is known of an image decides it.
#[tokio::test(start_paused = true)]
async fn condition_that_some_launches_meet_is_unknown() {
    let launch = "ec2:RunInstances";
    let state = |value: &str| json!({ "StringEquals": { "ec2:ResourceTag/State": value } });
    let anywhere = json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/0" } });
    let by_vpn = json!({ "IpAddress": { "aws:SourceIp": "10.0.0.0/8" } });
    let without_mfa = json!({ "Bool": { "aws:MultiFactorAuthPresent": "false" } });
    let unencrypted = json!({ "Bool": { "ec2:Encrypted": "false" } });
    let by_type = json!({ "StringLike": { "ec2:InstanceType": "t3.*" } });
    let public = json!({ "Bool": { "ec2:AssociatePublicIpAddress": "true" } });
    let of_origin = json!({ "StringEquals": { "kms:KeyOrigin": "AWS_KMS" } });
    let of_account = json!({ "StringEquals": { "aws:PrincipalAccount": A } });
    for (action, kind, condition, expected) in [
        (launch, "instance", anywhere.clone(), Verdict::Unknown),
        (launch, "image", by_vpn, Verdict::Unknown),
        (launch, "subnet", without_mfa.clone(), Verdict::Unknown),
        (launch, "volume", unencrypted, Verdict::Unknown),
        (launch, "instance", by_type, Verdict::Unknown),
        (launch, "network-interface", public, Verdict::Unknown),
        (launch, "image", state("blocked"), Verdict::Unknown),
        (launch, "image", state("good"), Verdict::Yes),
        (launch, "instance", of_account, Verdict::Yes),
        ("kms:Decrypt", "key", anywhere, Verdict::Unknown),
        ("kms:CreateGrant", "key", without_mfa, Verdict::Unknown),
        ("kms:*", "key", of_origin, Verdict::Unknown),
    ] {
        let world = build_shared_world().await;
        world.share(build_request(&world, with_target_role())).await;
        let image_id = world.image_id("image-1");
        world.sim.edit(|world| {
            let image = world.images.get_mut(&image_id).unwrap();
            let tags = image.tags.entry(B.to_owned()).or_default();
            tags.insert("State".to_owned(), "blocked".to_owned());
        });
        let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        let resource = format!("arn:aws:*:*:*:{kind}/*");
        let deny = json!({
            "Effect": "Deny",
            "Action": action,
            "Resource": resource,
            "Condition": condition,
        });
        let policy = json!({ "Version": "2012-10-17", "Statement": [allow, deny] });
        world.set_control(B, &policy);
        let verification = verify(&world, with_launcher()).await;
        let verdict = find_verdict(&verification, CheckName::LauncherIam);
        assert_eq!(verdict, Some(expected), "{deny}: {verification:?}");
        assert_eq!(
            verification.conclusion,
            Conclusion::NoObstacleFound,
            "{deny}"
        );
    }
}

/// A boundary is named where it is what stops a launch.
#[tokio::test(start_paused = true)]
async fn permissions_boundary_is_named() {
    let world = build_shared_world().await;
    world.share(build_request(&world, with_target_role())).await;
    let allow = json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    world.set_boundary(
        B,
        LAUNCHER,
        &json!({ "Version": "2012-10-17", "Statement": [allow] }),
    );
    let verification = verify(&world, with_launcher()).await;
    assert_eq!(verification.conclusion, Conclusion::Blocked);
    let detail = find_detail(&verification, CheckName::LauncherIam);
    assert!(detail.contains("permissions boundary"), "{detail}");
    let launched = world
        .launch_as_role(B, LAUNCHER, &world.image_id("image-1"))
        .await;
    assert_ne!(launched, "running");
}

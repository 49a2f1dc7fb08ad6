//! What launchers may do that a check cannot be sure of: it is unknown, never "blocked".

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use serde_json::Value;

use super::obstacles::{OWN_KEY, Obstacle, is_ours};
use super::*;

fn document(statements: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn allow(action: &str, resource: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": action, "Resource": resource })
}

/// Checks that a check is unknown and nothing is blocked, and that the detail names something.
fn assert_unknown(verification: &Verification, name: CheckName, word: &str) {
    let verdict = find_verdict(verification, name);
    assert_eq!(verdict, Some(Verdict::Unknown), "{verification:?}");
    let conclusion = verification.conclusion;
    assert_eq!(conclusion, Conclusion::NoObstacleFound, "{verification:?}");
    let detail = find_detail(verification, name);
    assert!(detail.contains(word), "{detail}");
}

/// A policy may let roles launch in some subnets, and with some security groups.
#[tokio::test(start_paused = true)]
async fn launcher_limited_to_some_subnets_is_not_blocked() {
    for limited in ["subnet", "security-group"] {
        let world = build_shared_world().await;
        world.share(build_request(&world, with_target_role())).await;
        let admin = aws_sdk_ec2::Client::new(&world.config(B));
        let shown = admin.describe_subnets().send().await.unwrap();
        let subnet = shown.subnets()[0].subnet_id().unwrap().to_owned();
        let call = admin.create_security_group().group_name("launchers");
        let call = call.description("launchers");
        let call = call.set_vpc_id(shown.subnets()[0].vpc_id().map(str::to_owned));
        let created = call.send().await.unwrap();
        let group = created.group_id().unwrap().to_owned();
        let mut resources = vec!["arn:aws:ec2:*::image/*".to_owned()];
        for kind in [
            "instance",
            "volume",
            "network-interface",
            "subnet",
            "security-group",
        ] {
            let id = match (kind == limited, kind) {
                (true, "subnet") => subnet.as_str(),
                (true, _) => group.as_str(),
                _ => "*",
            };
            resources.push(format!("arn:aws:ec2:us-east-1:{B}:{kind}/{id}"));
        }
        let statements = json!([
            allow("ec2:RunInstances", &json!(resources)),
            allow("kms:*", &json!("*")),
        ]);
        world.edit_role(B, LAUNCHER, |role| role.inline.clear());
        let policy = document(&statements);
        world.put_role_policy(B, LAUNCHER, "launch", &policy).await;

        let verification = verify(&world, with_launcher()).await;
        assert_unknown(&verification, CheckName::LauncherIam, limited);
        let config = world.assume_role(B, LAUNCHER, None).await;
        let ec2 = aws_sdk_ec2::Client::new(&config);
        let call = ec2.run_instances().image_id(world.image_id("image-1"));
        let call = call.min_count(1).max_count(1).subnet_id(&subnet);
        call.security_group_ids(&group).send().await.unwrap();
    }
}

/// A launch with the tag that a service control policy asks for runs.
#[tokio::test(start_paused = true)]
async fn service_control_policy_that_asks_for_tag_does_not_block() {
    let world = build_shared_world().await;
    world.share(build_request(&world, with_target_role())).await;
    let deny = json!({
        "Effect": "Deny",
        "Action": "ec2:RunInstances",
        "Resource": "arn:aws:ec2:*:*:instance/*",
        "Condition": { "Null": { "aws:RequestTag/Owner": "true" } },
    });
    world.set_control(B, &document(&json!([allow("*", &json!("*")), deny])));
    let verification = verify(&world, with_launcher()).await;
    assert_unknown(
        &verification,
        CheckName::LauncherIam,
        "service control policy",
    );

    world.allow_actions(B, LAUNCHER, &["ec2:*", "kms:*"]).await;
    let config = world.assume_role(B, LAUNCHER, None).await;
    let ec2 = aws_sdk_ec2::Client::new(&config);
    let tag = Tag::builder().key("Owner").value("team").build();
    let tags = TagSpecification::builder().resource_type(ResourceType::Instance);
    let call = ec2.run_instances().image_id(world.image_id("image-1"));
    let call = call.min_count(1).max_count(1);
    let call = call.tag_specifications(tags.tags(tag).build());
    call.send().await.unwrap();
}

/// A grant to the session that launches.
#[tokio::test(start_paused = true)]
async fn grant_to_session_of_launcher_is_unknown() {
    let world = build_shared_world().await;
    world.share(build_request(&world, with_target_role())).await;
    let key = world.key_arn("key-1");
    world.edit_statements(&key, |all| all.retain(|statement| !is_ours(statement)));
    let id = world.edit_role(B, LAUNCHER, |role| role.unique_id.clone());
    let session = format!("arn:aws:sts::{B}:assumed-role/{LAUNCHER}/test");
    let mut grant = build_grant("session", A, &session);
    grant.grantee.unique_id = Some(format!("{id}:test"));
    let operations = ["DescribeKey", "CreateGrant", "Decrypt", "ReEncryptFrom"];
    grant.operations = operations.map(str::to_owned).to_vec();
    world.edit_key(&key, |key| key.grants.push(grant));
    let verification = verify(&world, with_launcher()).await;
    assert_unknown(&verification, CheckName::KeyAccess, &session);
}

/// The policy of a key of B lets everybody in B use it, and so does that of `aws/ebs`: whether a
/// boundary limits that is not documented.
#[tokio::test(start_paused = true)]
async fn boundary_is_unknown_for_what_keys_allow_everybody() {
    for own_key in [true, false] {
        let world = build_shared_world().await;
        world.share(build_request(&world, with_target_role())).await;
        if own_key {
            Obstacle::DefaultKey.apply(&world).await;
            let everybody = json!({
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": "kms:*",
                "Resource": "*",
                "Condition": { "StringEquals": { "kms:CallerAccount": B } },
            });
            world.edit_statements(&world.key_arn(OWN_KEY), |all| all.push(everybody));
        }
        let keys_of_a = json!(format!("arn:aws:kms:*:{A}:key/*"));
        let statements = json!([allow("ec2:*", &json!("*")), allow("kms:*", &keys_of_a)]);
        world.set_boundary(B, LAUNCHER, &document(&statements));
        let verification = verify(&world, with_launcher()).await;
        assert_unknown(
            &verification,
            CheckName::LauncherIam,
            "permissions boundary",
        );
    }
}

/// A policy of the launcher denies the use of `aws/ebs` by its ARN.
#[tokio::test(start_paused = true)]
async fn deny_of_aws_ebs_by_its_arn_blocks() {
    let world = build_shared_world().await;
    world.share(build_request(&world, with_target_role())).await;
    let kms = aws_sdk_kms::Client::new(&world.config(B));
    let described = kms.describe_key().key_id("alias/aws/ebs").send().await;
    let described = described.unwrap();
    let key = described.key_metadata().unwrap().arn().unwrap();
    let deny = json!({ "Effect": "Deny", "Action": "kms:*", "Resource": key });
    let policy = document(&json!([deny]));
    world.put_role_policy(B, LAUNCHER, "deny", &policy).await;
    let verification = verify(&world, with_launcher()).await;
    let verdict = find_verdict(&verification, CheckName::LauncherIam);
    assert_eq!(verdict, Some(Verdict::No), "{verification:?}");
    let image_id = world.image_id("image-1");
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    assert_ne!(launched, "running");
}

/// The policy of the source's key: who may put it.
#[tokio::test(start_paused = true)]
async fn key_policy_that_names_publisher_needs_no_identity_policy() {
    let statement = |effect: &str, condition: Value| {
        json!({
            "Effect": effect,
            "Principal": { "AWS": format!("arn:aws:iam::{A}:role/publisher") },
            "Action": "kms:PutKeyPolicy",
            "Resource": "*",
            "Condition": condition,
        })
    };
    let endpoint = json!({ "StringEquals": { "aws:SourceVpce": "vpce-1" } });
    let readers = ["kms:Get*", "kms:Describe*", "kms:List*"];
    for (statement, expected) in [
        (statement("Allow", json!({})), Verdict::Yes),
        (statement("Allow", endpoint.clone()), Verdict::Unknown),
        (statement("Deny", endpoint), Verdict::Unknown),
        (statement("Deny", json!({})), Verdict::No),
    ] {
        // The account may leave all to identity policies, and those of the publisher let it read.
        for delegated in [json!(readers), json!("kms:*")] {
            let world = build_shared_world().await;
            let key = world.key_arn("key-1");
            let delegates = json!({
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{A}:root") },
                "Action": delegated,
                "Resource": "*",
            });
            world.edit_statements(&key, |all| *all = vec![delegates, statement.clone()]);
            world.edit_role(A, "publisher", |role| role.inline.clear());
            let mut actions = vec!["ec2:*", "iam:*", "sts:*"];
            actions.extend(readers);
            world.allow_actions(A, "publisher", &actions).await;
            let config = world.assume_role(A, "publisher", None).await;
            let request = build_request(&world, TargetOptions::default());
            let request = request.build().unwrap();
            let report = Sharer::new(&config).verify(&request).await.unwrap();
            let verification = &report.verifications[0];
            let mut checks = verification.checks.iter();
            let of_key = checks.find(|check| check.detail.contains("kms:PutKeyPolicy"));
            let verdict = of_key.map(|check| check.verdict);
            let text = format!("{delegated} {statement}: {verification:?}");
            assert_eq!(verdict, Some(expected), "{text}");
        }
    }
}

/// Only the role that verifies is wanting: its error is reported, and says nothing of launches.
#[tokio::test(start_paused = true)]
async fn target_that_cannot_be_read_is_unknown_and_an_error() {
    for (kind, action) in [
        (ImageKind::Shared, "ec2:DescribeImages"),
        (ImageKind::Shared, "sts:AssumeRole"),
        (ImageKind::TargetCopy, "ec2:DescribeSnapshots"),
        (ImageKind::TargetCopy, "kms:DescribeKey"),
    ] {
        let world = build_world(kind, false).await;
        let key = format!("alias/{OWN_KEY}").parse().unwrap();
        let with_role = match kind {
            ImageKind::TargetCopy => with_target_role().kms_key(key),
            _ => with_target_role(),
        };
        world.share(build_request(&world, with_role.clone())).await;
        let mut options = with_role.launch_roles([LAUNCHER.to_owned()]);
        if action == "sts:AssumeRole" {
            options = options.external_id("wrong");
        } else {
            let deny = json!({ "Effect": "Deny", "Action": action, "Resource": "*" });
            let policy = document(&json!([deny]));
            world.put_role_policy(B, "consumer", "deny", &policy).await;
        }
        let request = build_request(&world, options).build().unwrap();
        let sharer = Sharer::new(&world.config(A));
        let report = sharer.verify(&request).await.unwrap();
        assert!(!report.errors.is_empty(), "{action}: {report:?}");
        for verification in &report.verifications {
            let conclusion = verification.conclusion;
            let text = format!("{action}: {verification:?}");
            assert_eq!(conclusion, Conclusion::NoObstacleFound, "{text}");
        }
        let image = world.find_image_of(B);
        let image = image.unwrap_or_else(|| world.image_id("image-1"));
        let launched = world.launch_as_role(B, LAUNCHER, &image).await;
        assert_eq!(launched, "running", "{action}");
    }
}

/// What others let the target do makes its launch run, whatever the source may change.
#[tokio::test(start_paused = true)]
async fn source_that_may_change_nothing_is_no_obstacle_to_who_has_access() {
    let world = build_shared_world().await;
    world.share(build_request(&world, with_target_role())).await;
    let key = world.key_arn("key-1");
    world.edit_statements(&key, |all| {
        all.retain(|statement| !statement.to_string().contains("AmiShare"));
        all.push(json!({
            "Sid": "Theirs",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{B}:root") },
            "Action": "kms:*",
            "Resource": "*",
        }));
        all.push(json!({
            "Sid": "Frozen",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "kms:PutKeyPolicy",
            "Resource": "*",
        }));
    });
    let verification = verify(&world, with_launcher()).await;
    let conclusion = verification.conclusion;
    assert_eq!(conclusion, Conclusion::NoObstacleFound, "{verification:?}");
    let image_id = world.image_id("image-1");
    assert_eq!(
        world.launch_as_role(B, LAUNCHER, &image_id).await,
        "running"
    );
}

//! Launches in a target, and verifying that it can launch.

use std::time::Duration;

use ami_share::Sharer;
use ami_share::report::{Check, CheckName, Conclusion, Verdict, Verification};
use ami_share::request::{LaunchWith, TargetOptions, Verify};
use ami_share_sim::world::{Policy, Role};
use aws_sdk_ec2::types::{AllowedImagesSettingsEnabledState, ImageCriterionRequest};
use aws_sdk_kms::types::GrantOperation;
use serde_json::json;

use super::in_source::build_home_request;
use super::in_target::{build_request, with_own_key, without_verify};
use super::stage::{CONSUMER, LAUNCHER, Stage};
use crate::support::*;

/// B's own key.
const OWN_KEY: &str = "own-222222222222";

/// Volumes are encrypted with `aws/ebs`, which needs no permission, and then with a key of the
/// target.
pub(super) async fn launch(stage: Stage) -> Result<(), String> {
    let (world, image_id) = (&stage.world, stage.world.image_id("image-1"));
    world.share(build_home_request(&stage)).await;
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    check_launch(&stage, launched).await?;
    set_default_key(world).await;
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    check_launch(&stage, launched).await
}

/// Makes B's own key its default EBS key; returns its ARN.
async fn set_default_key(world: &World) -> String {
    let key = world.key_arn(OWN_KEY);
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let call = ec2.modify_ebs_default_kms_key_id();
    call.kms_key_id(&key).send().await.unwrap();
    key
}

/// If the launch failed, the error is what `mode: verify` says with a role that may do everything.
pub(super) async fn check_launch(stage: &Stage, launched: String) -> Result<(), String> {
    if launched == "running" {
        return Ok(());
    }
    open_target_role(&stage.world);
    let options = without_verify().verify(Verify::Permissions);
    let options = options.launch_roles([LAUNCHER.to_owned()]);
    let request = build_request(stage, options).build().unwrap();
    let sharer = Sharer::new(&stage.world.config(A));
    let report = sharer.verify(&request).await.unwrap();
    let verification = &report.verifications[0];
    assert_eq!(
        verification.conclusion,
        Conclusion::Blocked,
        "the launch ended as {launched}, so an obstacle must be found"
    );
    let checks = verification.checks.iter();
    Err(join_checks(
        checks.filter(|check| check.verdict == Verdict::No),
    ))
}

fn join_checks<'a>(checks: impl Iterator<Item = &'a Check>) -> String {
    let texts = checks.map(|check| format!("{}: {}", check.name, check.detail));
    texts.collect::<Vec<_>>().join("; ")
}

/// Lets everybody in A assume the role in B, which may do everything; returns the role as it was.
fn open_target_role(world: &World) -> Role {
    let parse =
        |document: serde_json::Value| Policy::parse(&document.to_string(), Duration::ZERO).unwrap();
    let assume =
        json!({ "Effect": "Allow", "Principal": { "AWS": A }, "Action": "sts:AssumeRole" });
    let everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let policy = parse(json!({ "Statement": everything }));
    world.edit_role(B, CONSUMER, |role| {
        let before = role.clone();
        role.trust = parse(json!({ "Statement": assume }));
        role.inline = [("everything".to_owned(), policy)].into();
        before
    })
}

/// Every check says yes: of the shared image, of an own copy, with a default key that only a grant
/// gives access to, and of an unencrypted image; and a check finds the setting that hides an image.
pub(super) async fn verify(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    let with_launcher = || {
        let options = without_verify().verify(Verify::Permissions);
        options.launch_roles([LAUNCHER.to_owned()])
    };
    let role = open_target_role(world);
    world.share(build_request(&stage, with_own_key())).await;
    world.edit_role(B, CONSUMER, |open| *open = role);

    let before = world.count_changes();
    expect_verdict(&stage, with_launcher(), Verdict::Yes, None).await?;
    let own_key = format!("alias/{OWN_KEY}").parse().unwrap();
    let with_copy = with_launcher().kms_key(own_key);
    expect_verdict(&stage, with_copy, Verdict::Yes, None).await?;
    assert_eq!(world.count_changes(), before);
    limit_default_key_to_grant(world).await;
    expect_verdict(&stage, with_launcher(), Verdict::Yes, None).await?;
    world.sim.edit(|state| {
        for snapshot in state.snapshots.values_mut() {
            if snapshot.owner == A {
                snapshot.key = None;
            }
        }
    });
    expect_verdict(&stage, with_launcher(), Verdict::Yes, None).await?;
    hide_foreign_images(world).await;
    let hidden = Some(CheckName::AllowedImages);
    expect_verdict(&stage, with_launcher(), Verdict::No, hidden).await
}

/// Verifies as the publisher; every check, or the named one, must have this verdict.
async fn expect_verdict(
    stage: &Stage,
    options: TargetOptions,
    verdict: Verdict,
    name: Option<CheckName>,
) -> Result<(), String> {
    let request = build_request(stage, options).build().unwrap();
    let verified = stage.build_sharer().await.verify(&request).await;
    let report = verified.map_err(|errors| errors.to_string())?;
    // What a target could not be asked while planning is not among the checks.
    let errors = report.plan.errors.iter();
    let mut problems: Vec<String> = errors.map(ToString::to_string).collect();
    for check in report.verifications.iter().flat_map(|one| &one.checks) {
        let is_meant = name.is_none_or(|name| name == check.name);
        if is_meant && check.verdict != verdict {
            problems.push(format!("{}: {}", check.name, check.detail));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems.join("; "))
    }
}

/// Makes a key the default one of B whose policy lets no launcher use it, and gives the launcher a
/// grant.
async fn limit_default_key_to_grant(world: &World) {
    let key = set_default_key(world).await;
    let kms = aws_sdk_kms::Client::new(&world.config(B));
    let operations = [
        "DescribeKey",
        "CreateGrant",
        "ReEncryptTo",
        "GenerateDataKeyWithoutPlaintext",
    ];
    let operations = operations.map(GrantOperation::from).to_vec();
    let launcher = format!("arn:aws:iam::{B}:role/{LAUNCHER}");
    let grant = kms.create_grant().key_id(&key).grantee_principal(launcher);
    let grant = grant.set_operations(Some(operations));
    grant.send().await.unwrap();

    let actions = [
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
        "kms:ListGrants",
        "kms:PutKeyPolicy",
    ];
    let admin = json!({
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{B}:root") },
        "Action": actions,
        "Resource": "*",
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [admin] });
    let put = kms.put_key_policy().key_id(&key);
    put.policy(policy.to_string()).send().await.unwrap();
}

/// Hides images of all other accounts from B.
async fn hide_foreign_images(world: &World) {
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let enable = ec2.enable_allowed_images_settings();
    let enabled = AllowedImagesSettingsEnabledState::Enabled;
    let enable = enable.allowed_images_settings_state(enabled);
    enable.send().await.unwrap();
    let other = ImageCriterionRequest::builder().image_providers("300000000000");
    let replace = ec2.replace_image_criteria_in_allowed_images_settings();
    let replace = replace.image_criteria(other.build());
    replace.send().await.unwrap();
}

/// A real instance runs in a named subnet: the role in the target launches it, and may do so.
pub(super) async fn verify_by_launch(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    let launcher = world.edit_role(B, LAUNCHER, |role| role.attached.clone());
    world.edit_role(B, CONSUMER, |role| role.attached.extend(launcher));
    world.share(build_home_request(&stage)).await;
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let subnets = ec2.describe_subnets().send().await.unwrap();
    for subnet in [subnets.subnets()[0].subnet_id(), None] {
        let launch_with = LaunchWith {
            subnet: subnet.map(str::to_owned),
            ..LaunchWith::default()
        };
        let options = without_verify().verify(Verify::Launch);
        let request = build_request(&stage, options.launch_with(launch_with));
        let request = request.build().unwrap();
        let verified = stage.build_sharer().await.verify(&request).await;
        let report = verified.map_err(|errors| errors.to_string())?;
        let verification: &Verification = &report.verifications[0];
        if verification.conclusion != Conclusion::Launched {
            return Err(join_checks(verification.checks.iter()));
        }
        if let Some(error) = report.errors.first() {
            return Err(error.to_string());
        }
        let groups_left = world.sim.edit(|state| state.security_groups.len());
        assert_eq!(groups_left, 0);
    }
    Ok(())
}

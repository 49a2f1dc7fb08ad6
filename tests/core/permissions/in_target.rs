//! Tasks in a target account.

use std::time::Duration;

use ami_share::diagnostic::{Finding, FindingCode};
use ami_share::request::{DeprecateAt, KeyAccessMode, ShareRequestBuilder, TargetOptions, Verify};
use serde_json::json;

use super::in_source::build_home_request;
use super::stage::{LAUNCH_POLICY, LAUNCHER, Stage};
use super::verifying::check_launch;
use crate::launch_templates::{ID, OLD, put_template};
use crate::support::*;

const SERVICE: &str = "autoscaling.amazonaws.com";

pub(super) fn without_verify() -> TargetOptions {
    with_target_role().run_name("run 7").verify(Verify::None)
}

pub(super) fn with_own_key() -> TargetOptions {
    without_verify().kms_key("alias/own-222222222222".parse().unwrap())
}

fn with_launcher() -> TargetOptions {
    without_verify().launch_roles([LAUNCHER.to_owned()])
}

/// Without tags in the target, which have a case of their own.
pub(super) fn build_request(stage: &Stage, options: TargetOptions) -> ShareRequestBuilder {
    build_home_request(stage)
        .copy_image_tags(false)
        .target_options(options)
}

/// Replaces and removes a copy that failed.
pub(super) async fn copy(stage: Stage) -> Result<(), String> {
    let world = stage.world.with_fault(fail_first_copy("internal error"));
    let stage = Stage { world, ..stage };
    let request = || build_request(&stage, with_own_key()).tag("team", "web");
    stage.run_into_fault(request()).await;
    let report = stage.run(request()).await?;
    let copy = report.targets[0].copies[0].image.to_string();
    assert_eq!(stage.world.launch_as_b(&copy).await, "running");
    Ok(())
}

/// Deprecates and protects the image and the target's copy.
pub(super) async fn copy_and_release(stage: Stage) -> Result<(), String> {
    let request = build_request(&stage, with_own_key());
    let nine_years = Duration::from_hours(24 * 365 * 9);
    let request = request
        .deprecate_at(DeprecateAt::AfterCreation(nine_years))
        .deregistration_protection(true);
    stage.run(request).await.map(drop)
}

/// Copies an image whose key policy already has the statements.
pub(super) async fn copy_without_key(stage: Stage) -> Result<(), String> {
    let request = build_request(&stage, with_own_key());
    let request = request.key_access(KeyAccessMode::None);
    stage.run(request).await.map(drop)
}

/// Revokes the access to the source after the copy.
pub(super) async fn copy_and_unshare(stage: Stage) -> Result<(), String> {
    let before = stage.world.list_access_of(A);
    let options = with_own_key().unshare_after_copy(true);
    stage.run(build_request(&stage, options)).await?;
    assert_eq!(stage.world.list_access_of(A), before);
    Ok(())
}

pub(super) async fn tag(stage: Stage) -> Result<(), String> {
    let request = build_request(&stage, without_verify());
    let request = request.copy_image_tags(true).tag("team", "web");
    stage.run(request).await.map(drop)
}

pub(super) async fn publish_parameter(stage: Stage) -> Result<(), String> {
    let request = build_request(&stage, without_verify());
    let request = request.publish_ssm_parameter("/golden/{account-alias}/{name}");
    stage.run(request).await.map(drop)
}

pub(super) async fn update_launch_template(stage: Stage) -> Result<(), String> {
    put_template(&stage.world, B, ID, "web", OLD);
    let options = without_verify().launch_templates(["web".to_owned()]);
    let request = build_request(&stage, options.set_default_version(true));
    let report = stage.run(request).await?;
    assert_eq!(report.launch_templates[0].current.version, 2);
    Ok(())
}

/// A role without policies launches with the managed policy, and no longer after a revoke.
pub(super) async fn attach_launch_policy(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    world.edit_role(B, LAUNCHER, |role| role.attached.clear());
    let image_id = world.image_id("image-1");
    let request = || {
        let policy = LAUNCH_POLICY.parse().unwrap();
        build_request(&stage, with_launcher().launch_policy(policy))
    };
    stage.run(request()).await?;
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    check_launch(&stage, launched).await?;
    let report = stage.run(into_revoke(request())).await?;
    let mut findings = report.findings.iter();
    let needed = |it: &&Finding| it.code == FindingCode::LaunchRolePolicyNeeded;
    if let Some(finding) = findings.find(needed) {
        return Err(finding.to_string());
    }
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    assert_eq!(launched, "UnauthorizedOperation");
    Ok(())
}

/// Revokes a key that nothing of the target is encrypted with; the run fails if that could not be
/// seen.
pub(super) async fn revoke(stage: Stage) -> Result<(), String> {
    stage.world.share(build_home_request(&stage)).await;
    let request = build_request(&stage, without_verify());
    stage.run(into_revoke(request)).await.map(drop)
}

/// Lets the launcher run instances with keys of its own account.
async fn put_own_policy(world: &World) {
    let own = json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    let policy = json!({ "Statement": [own] });
    world.put_role_policy(B, LAUNCHER, "own", &policy).await;
}

/// A role that may launch with its own account's keys may also use the shared one.
pub(super) async fn put_launch_policy(stage: Stage) -> Result<(), String> {
    put_own_policy(&stage.world).await;
    let request = || build_request(&stage, with_launcher());
    stage.run(request()).await?;
    let image_id = stage.world.image_id("image-1");
    let launched = stage.world.launch_as_role(B, LAUNCHER, &image_id).await;
    assert_eq!(launched, "running");
    let again = stage.run(request()).await?;
    assert!(!again.changed);
    stage.run(into_revoke(request())).await.map(drop)
}

/// A service launches with its role, which had to be created. New volumes are under a key of the
/// target.
pub(super) async fn let_service_launch(stage: Stage) -> Result<(), String> {
    stage
        .world
        .set_default_key(B, "us-east-1", "own-222222222222");
    let request = || {
        let options = without_verify().service_linked_roles([SERVICE.to_owned()]);
        build_request(&stage, options)
    };
    stage.run(request()).await?;
    let image_id = stage.world.image_id("image-1");
    let launched = stage.world.launch_as_service(B, SERVICE, &image_id).await;
    assert_eq!(launched, "running");
    let again = stage.run(request()).await?;
    assert!(!again.changed);
    Ok(())
}

/// The same for the target's own copy, under its own key.
pub(super) async fn let_service_launch_copies(stage: Stage) -> Result<(), String> {
    let request = || {
        let options = with_own_key().service_linked_roles([SERVICE.to_owned()]);
        build_request(&stage, options)
    };
    let report = stage.run(request()).await?;
    let copy = report.targets[0].copies[0].image.to_string();
    let launched = stage.world.launch_as_service(B, SERVICE, &copy).await;
    assert_eq!(launched, "running");
    let again = stage.run(request()).await?;
    assert!(!again.changed);
    Ok(())
}

/// Plans everything that the other cases do in the target.
pub(super) async fn plan(stage: Stage) -> Result<(), String> {
    put_own_policy(&stage.world).await;
    put_template(&stage.world, B, ID, "web", OLD);
    let before = stage.world.count_changes();
    let options = with_own_key()
        .launch_templates(["web".to_owned()])
        .launch_roles([LAUNCHER.to_owned()])
        .service_linked_roles([SERVICE.to_owned()]);
    let request = |options| {
        let request = build_request(&stage, options);
        request.publish_ssm_parameter("/golden/{account-alias}/{name}")
    };
    stage.plan_fully(request(options.clone())).await?;
    let with_policy = options.launch_policy(LAUNCH_POLICY.parse().unwrap());
    stage.plan(request(with_policy)).await?;
    assert_eq!(stage.world.count_changes(), before);
    Ok(())
}

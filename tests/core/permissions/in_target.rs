//! What is done in targets, each with the policies for it.

use std::time::Duration;

use ami_share::report::{CheckName, Conclusion, Verdict};
use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, TargetOptions, Verify};
use ami_share_sim::world::{Policy, Role};

use super::in_source::at_home;
use super::stage::{CONSUMER, LAUNCH_POLICY, LAUNCHER, Stage};
use crate::support::*;

const SERVICE: &str = "autoscaling.amazonaws.com";

fn by_role() -> TargetOptions {
    let wanted = TargetOptions::default()
        .role(CONSUMER.parse().unwrap())
        .external_id("example")
        .run_name("run 7");
    wanted.verify(Verify::None)
}

fn copying() -> TargetOptions {
    by_role().kms_key("alias/own-222222222222".parse().unwrap())
}

fn with(stage: &Stage, wanted: TargetOptions) -> ShareRequestBuilder {
    // Tags in targets are a case of their own.
    at_home(stage).copy_tags(false).target_options(wanted)
}

/// A copy that failed is replaced and removed.
pub(super) async fn copy(stage: Stage) -> Result<(), String> {
    let fail = r#"{"operation":"ec2:CopyImage","call":1,"effect":{"fail-copy":{"message":"internal error"}}}"#;
    let stage = Stage {
        world: stage.world.with(fail),
        ..stage
    };
    stage
        .run_in_vain(with(&stage, copying()).tag("team", "web"))
        .await;
    let report = stage
        .run(with(&stage, copying()).tag("team", "web"))
        .await?;
    let own = report.targets[0].copies[0].image.to_string();
    assert_eq!(stage.world.launch(&own).await, "running");
    Ok(())
}

/// The same with statements of the key policy that somebody else put.
pub(super) async fn copy_with_keys_in_code(stage: Stage) -> Result<(), String> {
    stage
        .run(with(&stage, copying()).key_access(KeyAccessMode::None))
        .await
        .map(drop)
}

/// What was lent for the copy is taken back.
pub(super) async fn lend(stage: Stage) -> Result<(), String> {
    let before = stage.world.access_of(A);
    stage
        .run(with(&stage, copying().keep_shared(false)))
        .await?;
    assert_eq!(stage.world.access_of(A), before);
    Ok(())
}

pub(super) async fn tag(stage: Stage) -> Result<(), String> {
    stage
        .run(with(&stage, by_role()).copy_tags(true).tag("team", "web"))
        .await
        .map(drop)
}

pub(super) async fn publish(stage: Stage) -> Result<(), String> {
    stage
        .run(with(&stage, by_role()).publish_ssm_parameter("/golden/{name}"))
        .await
        .map(drop)
}

/// A role that had nothing launches by the managed policy, and does so no more when it is taken
/// back.
pub(super) async fn attach(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    world.sim.edit(|state| {
        state
            .accounts
            .get_mut(B)
            .unwrap()
            .roles
            .get_mut(LAUNCHER)
            .unwrap()
            .attached
            .clear()
    });
    let (image, wanted) = (
        world.image("image-1"),
        by_role().launch_roles([LAUNCHER.to_owned()]),
    );
    let wanted = wanted.launch_policy(LAUNCH_POLICY.parse().unwrap());
    stage.run(with(&stage, wanted.clone())).await?;
    launched(&stage, world.launch_by(B, LAUNCHER, &image).await).await?;
    stage
        .run(with(&stage, wanted).revoke(Revoke::default()))
        .await?;
    assert_eq!(
        world.launch_by(B, LAUNCHER, &image).await,
        "UnauthorizedOperation"
    );
    Ok(())
}

/// A key with nothing of the target under it goes; where that could not be seen, the run fails.
pub(super) async fn revoke(stage: Stage) -> Result<(), String> {
    stage.world.share(at_home(&stage)).await;
    stage
        .run(with(&stage, by_role()).revoke(Revoke::default()))
        .await
        .map(drop)
}

/// A role that may run instances under keys of its own account gets the use of the shared one.
pub(super) async fn inline(stage: Stage) -> Result<(), String> {
    let (world, image) = (&stage.world, stage.world.image("image-1"));
    let own = serde_json::json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    world
        .put_role_policy(
            B,
            LAUNCHER,
            "own",
            &serde_json::json!({ "Statement": [own] }),
        )
        .await;
    let wanted = by_role().launch_roles([LAUNCHER.to_owned()]);
    stage.run(with(&stage, wanted.clone())).await?;
    assert_eq!(world.launch_by(B, LAUNCHER, &image).await, "running");
    let again = stage.run(with(&stage, wanted.clone())).await?;
    assert!(!again.changed);
    stage
        .run(with(&stage, wanted).revoke(Revoke::default()))
        .await
        .map(drop)
}

/// A service launches by its role, which had to be made.
pub(super) async fn services(stage: Stage) -> Result<(), String> {
    let wanted = by_role().service_linked_roles([SERVICE.to_owned()]);
    stage.run(with(&stage, wanted.clone())).await?;
    let image = stage.world.image("image-1");
    assert_eq!(
        stage.world.launch_by_service(B, SERVICE, &image).await,
        "running"
    );
    let again = stage.run(with(&stage, wanted)).await?;
    assert!(!again.changed);
    Ok(())
}

/// The same of a copy of the target's own, under its own key.
pub(super) async fn services_of_copies(stage: Stage) -> Result<(), String> {
    let wanted = copying().service_linked_roles([SERVICE.to_owned()]);
    let report = stage.run(with(&stage, wanted.clone())).await?;
    let own = report.targets[0].copies[0].image.to_string();
    assert_eq!(
        stage.world.launch_by_service(B, SERVICE, &own).await,
        "running"
    );
    let again = stage.run(with(&stage, wanted)).await?;
    assert!(!again.changed);
    Ok(())
}

/// A plan looks at everything in the target that any of these change.
pub(super) async fn look(stage: Stage) -> Result<(), String> {
    let own = serde_json::json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    stage
        .world
        .put_role_policy(
            B,
            LAUNCHER,
            "own",
            &serde_json::json!({ "Statement": [own] }),
        )
        .await;
    let before = stage.world.changes();
    let all = copying()
        .launch_roles([LAUNCHER.to_owned()])
        .service_linked_roles([SERVICE.to_owned()]);
    let request = |wanted| with(&stage, wanted).publish_ssm_parameter("/golden/{name}");
    stage.plan(request(all.clone())).await?;
    stage
        .plan(request(all.launch_policy(LAUNCH_POLICY.parse().unwrap())))
        .await?;
    assert_eq!(stage.world.changes(), before);
    Ok(())
}

/// Volumes end up under `aws/ebs`, which asks nothing of IAM, and under a key of the target.
pub(super) async fn launch(stage: Stage) -> Result<(), String> {
    let (world, image) = (&stage.world, stage.world.image("image-1"));
    world.share(at_home(&stage)).await;
    launched(&stage, world.launch_by(B, LAUNCHER, &image).await).await?;
    own_default(world).await;
    launched(&stage, world.launch_by(B, LAUNCHER, &image).await).await
}

async fn own_default(world: &World) -> String {
    let default = world.key("own-222222222222");
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    ec2.modify_ebs_default_kms_key_id()
        .kms_key_id(&default)
        .send()
        .await
        .unwrap();
    default
}

/// Nothing where an instance ran; else what `mode: verify` says, asked by those who may see
/// everything.
pub(super) async fn launched(stage: &Stage, end: String) -> Result<(), String> {
    if end == "running" {
        return Ok(());
    }
    open(&stage.world);
    let wanted = by_role()
        .verify(Verify::Permissions)
        .launch_roles([LAUNCHER.to_owned()]);
    let request = with(stage, wanted).build().unwrap();
    let report = ami_share::Sharer::new(&stage.world.config(A))
        .verify(&request)
        .await
        .unwrap();
    let found = &report.verifications[0];
    assert_eq!(
        found.conclusion,
        Conclusion::Blocked,
        "it ended as {end}, so it is not to be found free of obstacles"
    );
    let no = found
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::No);
    Err(no
        .map(|check| format!("{}: {}", check.name, check.detail))
        .collect::<Vec<_>>()
        .join("; "))
}

/// Lets everybody in A act as the role in B, which may do everything; returns the role as it was.
fn open(world: &World) -> Role {
    let parse = |text: &str| Policy::parse(text, Duration::ZERO).unwrap();
    let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}}"#;
    let everything = parse(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#);
    world.sim.edit(|state| {
        let role = state
            .accounts
            .get_mut(B)
            .unwrap()
            .roles
            .get_mut(CONSUMER)
            .unwrap();
        let inline = [("everything".to_owned(), everything)].into();
        std::mem::replace(
            role,
            Role {
                trust: parse(trust),
                inline,
                ..role.clone()
            },
        )
    })
}

/// Every check says yes: of the shared image, of an own copy, of a default key that only a grant
/// opens, and of an image that is not encrypted; and what hides an image is found.
pub(super) async fn verify(stage: Stage) -> Result<(), String> {
    let (world, launching) = (&stage.world, by_role().launch_roles([LAUNCHER.to_owned()]));
    let verifying = || launching.clone().verify(Verify::Permissions);
    let closed = open(world);
    world.share(with(&stage, copying())).await;
    world.sim.edit(|state| {
        state
            .accounts
            .get_mut(B)
            .unwrap()
            .roles
            .insert(CONSUMER.to_owned(), closed)
    });
    let before = world.changes();
    only(&stage, verifying(), Verdict::Yes, None).await?;
    only(
        &stage,
        verifying().kms_key("alias/own-222222222222".parse().unwrap()),
        Verdict::Yes,
        None,
    )
    .await?;
    assert_eq!(world.changes(), before);
    only_by_grant(world).await;
    only(&stage, verifying(), Verdict::Yes, None).await?;
    world.sim.edit(|state| {
        let own = state
            .snapshots
            .values_mut()
            .filter(|snapshot| snapshot.owner == A);
        own.for_each(|snapshot| snapshot.key = None);
    });
    only(&stage, verifying(), Verdict::Yes, None).await?;
    hide(world).await;
    only(
        &stage,
        verifying(),
        Verdict::No,
        Some(CheckName::AllowedImages),
    )
    .await
}

/// Verifies as the publisher; every check, or the one that is named, must say so.
async fn only(
    stage: &Stage,
    wanted: TargetOptions,
    verdict: Verdict,
    name: Option<CheckName>,
) -> Result<(), String> {
    let request = with(stage, wanted).build().unwrap();
    let report = stage
        .sharer()
        .await
        .verify(&request)
        .await
        .map_err(|errors| errors.to_string())?;
    // What a target could not be asked while planning is not among the checks.
    let mut others: Vec<String> = report.plan.errors.iter().map(ToString::to_string).collect();
    let checks = report.verifications.iter().flat_map(|found| &found.checks);
    let of_name = checks.filter(|check| name.is_none_or(|name| name == check.name));
    let other = of_name.filter(|check| check.verdict != verdict);
    others.extend(other.map(|check| format!("{}: {}", check.name, check.detail)));
    if others.is_empty() {
        Ok(())
    } else {
        Err(others.join("; "))
    }
}

/// Makes a key the default one of B whose policy lets nobody use it, and gives the launcher a
/// grant.
async fn only_by_grant(world: &World) {
    let default = own_default(world).await;
    let (kms, launcher) = (
        aws_sdk_kms::Client::new(&world.config(B)),
        format!("arn:aws:iam::{B}:role/{LAUNCHER}"),
    );
    let operations = [
        "DescribeKey",
        "CreateGrant",
        "ReEncryptTo",
        "GenerateDataKeyWithoutPlaintext",
    ];
    let operations = operations
        .map(aws_sdk_kms::types::GrantOperation::from)
        .into();
    let grant = kms
        .create_grant()
        .key_id(&default)
        .grantee_principal(launcher)
        .set_operations(Some(operations));
    grant.send().await.unwrap();
    let root = serde_json::json!({ "AWS": format!("arn:aws:iam::{B}:root") });
    let look = [
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
        "kms:ListGrants",
        "kms:PutKeyPolicy",
    ];
    let admin = serde_json::json!({ "Effect": "Allow", "Principal": root, "Action": look, "Resource": "*" });
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": [admin] }).to_string();
    kms.put_key_policy()
        .key_id(&default)
        .policy(policy)
        .send()
        .await
        .unwrap();
}

/// Lets B see images of nobody but itself.
async fn hide(world: &World) {
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let state = aws_sdk_ec2::types::AllowedImagesSettingsEnabledState::Enabled;
    ec2.enable_allowed_images_settings()
        .allowed_images_settings_state(state)
        .send()
        .await
        .unwrap();
    let nobody = aws_sdk_ec2::types::ImageCriterionRequest::builder()
        .image_providers("300000000000")
        .build();
    ec2.replace_image_criteria_in_allowed_images_settings()
        .image_criteria(nobody)
        .send()
        .await
        .unwrap();
}

/// A real instance runs in a subnet that is named, as the role in the target, which may launch too.
pub(super) async fn verify_by_launch(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    world.sim.edit(|state| {
        let roles = &mut state.accounts.get_mut(B).unwrap().roles;
        let launcher = roles[LAUNCHER].attached.clone();
        roles.get_mut(CONSUMER).unwrap().attached.extend(launcher);
    });
    world.share(at_home(&stage)).await;
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let subnets = ec2.describe_subnets().send().await.unwrap();
    let subnet = subnets.subnets()[0].subnet_id().map(str::to_owned);
    let launch = ami_share::request::LaunchWith {
        subnet,
        ..Default::default()
    };
    let wanted = by_role().verify(Verify::Launch).launch_with(launch);
    let report = stage
        .sharer()
        .await
        .verify(&with(&stage, wanted).build().unwrap())
        .await;
    let report = report.map_err(|errors| errors.to_string())?;
    let found = &report.verifications[0];
    let left = world.sim.edit(|state| state.security_groups.len());
    if found.conclusion == Conclusion::Launched && left == 0 {
        return Ok(());
    }
    Err(found
        .checks
        .iter()
        .map(|check| format!("{}: {}", check.name, check.detail))
        .collect::<Vec<_>>()
        .join("; "))
}

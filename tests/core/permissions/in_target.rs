//! What is done in targets, each with the policies for it.

use ami_share::{InTargets, Revoke, ShareRequestBuilder, Sum, Verdict, Verify};

use super::in_source::at_home;
use super::stage::{CONSUMER, LAUNCH_POLICY, LAUNCHER, Stage};
use crate::support::*;

const SERVICE: &str = "autoscaling.amazonaws.com";

fn by_role() -> InTargets {
    let wanted = InTargets::default().role(CONSUMER.parse().unwrap()).external_id("example").run_name("run 7");
    wanted.verify(Verify::None)
}

fn copying() -> InTargets {
    by_role().kms_key("alias/own-222222222222".parse().unwrap())
}

fn with(stage: &Stage, wanted: InTargets) -> ShareRequestBuilder {
    // Tags in targets are a case of their own.
    at_home(stage).copy_tags(false).in_targets(wanted)
}

/// A copy that failed is replaced and removed.
pub(super) async fn copy(stage: Stage) -> Result<(), String> {
    let fail = r#"{"operation":"ec2:CopyImage","call":1,"effect":{"fail-copy":{"message":"internal error"}}}"#;
    let stage = Stage { world: stage.world.with(fail), ..stage };
    stage.run_in_vain(with(&stage, copying()).tag("team", "web")).await;
    let report = stage.run(with(&stage, copying()).tag("team", "web")).await?;
    let own = report.targets[0].copies[0].image.to_string();
    assert_eq!(stage.world.launch(&own).await, "running");
    Ok(())
}

/// What was lent for the copy is taken back.
pub(super) async fn lend(stage: Stage) -> Result<(), String> {
    let before = stage.world.access_of(A);
    stage.run(with(&stage, copying().keep_shared(false))).await?;
    assert_eq!(stage.world.access_of(A), before);
    Ok(())
}

pub(super) async fn tag(stage: Stage) -> Result<(), String> {
    stage.run(with(&stage, by_role()).copy_tags(true).tag("team", "web")).await.map(drop)
}

pub(super) async fn publish(stage: Stage) -> Result<(), String> {
    stage.run(with(&stage, by_role()).publish_ssm_parameter("/golden/{name}")).await.map(drop)
}

/// A role that had nothing launches by the managed policy, and does so no more when it is taken back.
pub(super) async fn attach(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    world.sim.edit(|state| state.accounts.get_mut(B).unwrap().roles.get_mut(LAUNCHER).unwrap().attached.clear());
    let (image, wanted) = (world.image("image-1"), by_role().launch_roles([LAUNCHER.to_owned()]));
    let wanted = wanted.launch_policy(LAUNCH_POLICY.parse().unwrap());
    stage.run(with(&stage, wanted.clone())).await?;
    launched(&stage, world.launch_by(B, LAUNCHER, &image).await).await?;
    stage.run(with(&stage, wanted).revoke(Revoke::default())).await?;
    assert_eq!(world.launch_by(B, LAUNCHER, &image).await, "UnauthorizedOperation");
    Ok(())
}

/// A role that may run instances under keys of its own account gets the use of the shared one.
pub(super) async fn inline(stage: Stage) -> Result<(), String> {
    let (world, image) = (&stage.world, stage.world.image("image-1"));
    let own = serde_json::json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" });
    world.put_role_policy(B, LAUNCHER, "own", &serde_json::json!({ "Statement": [own] })).await;
    let wanted = by_role().launch_roles([LAUNCHER.to_owned()]);
    stage.run(with(&stage, wanted.clone())).await?;
    assert_eq!(world.launch_by(B, LAUNCHER, &image).await, "running");
    let again = stage.run(with(&stage, wanted.clone())).await?;
    assert!(!again.changed);
    stage.run(with(&stage, wanted).revoke(Revoke::default())).await.map(drop)
}

/// A service launches by its role, which had to be made.
pub(super) async fn services(stage: Stage) -> Result<(), String> {
    let wanted = by_role().service_linked_roles([SERVICE.to_owned()]);
    stage.run(with(&stage, wanted.clone())).await?;
    let image = stage.world.image("image-1");
    assert_eq!(stage.world.launch_by_service(B, SERVICE, &image).await, "running");
    let again = stage.run(with(&stage, wanted)).await?;
    assert!(!again.changed);
    Ok(())
}

/// A plan looks at everything in the target that any of these change.
pub(super) async fn look(stage: Stage) -> Result<(), String> {
    let before = stage.world.changes();
    let all = copying().launch_roles([LAUNCHER.to_owned()]).service_linked_roles([SERVICE.to_owned()]);
    let request = |wanted| with(&stage, wanted).publish_ssm_parameter("/golden/{name}");
    stage.plan(request(all.clone())).await?;
    stage.plan(request(all.launch_policy(LAUNCH_POLICY.parse().unwrap()))).await?;
    assert_eq!(stage.world.changes(), before);
    Ok(())
}

/// Both the shared image and an own copy are launched.
pub(super) async fn launch(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    world.share(at_home(&stage)).await;
    let end = world.launch_by(B, LAUNCHER, &world.image("image-1")).await;
    launched(&stage, end).await
}

/// Nothing where an instance ran; else what `mode: verify` says, asked by those who may see everything.
pub(super) async fn launched(stage: &Stage, end: String) -> Result<(), String> {
    if end == "running" {
        return Ok(());
    }
    stage.world.allow(B, CONSUMER, &["ec2:*", "kms:*", "iam:*"]).await;
    stage.world.sim.edit(|state| {
        let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}}"#;
        let trust = ami_share_sim::world::Policy::parse(trust, std::time::Duration::ZERO).unwrap();
        state.accounts.get_mut(B).unwrap().roles.get_mut(CONSUMER).unwrap().trust = trust;
    });
    let wanted = by_role().verify(Verify::Permissions).launch_roles([LAUNCHER.to_owned()]);
    let request = with(stage, wanted).build().unwrap();
    let report = ami_share::Sharer::new(&stage.world.config(A)).verify(&request).await.unwrap();
    let found = &report.verifications[0];
    assert_eq!(found.sum, Sum::Blocked, "it ended as {end}, so it is not to be found free of obstacles");
    let no = found.checks.iter().filter(|check| check.verdict == Verdict::No);
    Err(no.map(|check| format!("{}: {}", check.name, check.detail)).collect::<Vec<_>>().join("; "))
}

/// Every check says yes, or what it could not read.
pub(super) async fn verify(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    let default = world.key("own-222222222222");
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    ec2.modify_ebs_default_kms_key_id().kms_key_id(&default).send().await.unwrap();
    world.share(at_home(&stage)).await;
    let wanted = by_role().verify(Verify::Permissions).launch_roles([LAUNCHER.to_owned()]);
    let request = with(&stage, wanted).build().unwrap();
    let before = world.changes();
    let report = stage.sharer().await.verify(&request).await.map_err(|errors| errors.to_string())?;
    assert_eq!(world.changes(), before);
    let checks = report.verifications.iter().flat_map(|found| &found.checks);
    let others = checks.filter(|check| check.verdict != Verdict::Yes);
    let others: Vec<String> = others.map(|check| format!("{}: {}", check.name, check.detail)).collect();
    if others.is_empty() { Ok(()) } else { Err(others.join("; ")) }
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
    let launch = ami_share::LaunchWith { subnet, ..Default::default() };
    let wanted = by_role().verify(Verify::Launch).launch_with(launch);
    let report = stage.sharer().await.verify(&with(&stage, wanted).build().unwrap()).await;
    let report = report.map_err(|errors| errors.to_string())?;
    let found = &report.verifications[0];
    let left = world.sim.edit(|state| state.security_groups.len());
    if found.sum == Sum::Launched && left == 0 {
        return Ok(());
    }
    Err(found.checks.iter().map(|check| format!("{}: {}", check.name, check.detail)).collect::<Vec<_>>().join("; "))
}

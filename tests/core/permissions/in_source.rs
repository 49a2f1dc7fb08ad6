//! Tasks in the source account.

use std::time::Duration;

use ami_share::request::{
    DeprecateAt, ExpandOrganizations, KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots,
    TagsToShare, TargetOptions, Unlisted, Verify,
};
use ami_share::{Principal, Sharer};
use ami_share_sim::world::Policy;

use super::stage::Stage;
use super::verifying::check_launch;
use crate::support::*;

const SECOND_REGION: &str = "eu-west-1";

/// Shares `image-1` with B in its home Region.
pub(super) fn build_home_request(stage: &Stage) -> ShareRequestBuilder {
    let mode = if stage.by_grants {
        KeyAccessMode::Grants
    } else {
        KeyAccessMode::Policy
    };
    let request = stage.world.build_request(&["image-1"]);
    request
        .key_access(mode)
        .target_options(TargetOptions::default().verify(Verify::None))
}

/// The same, and by a copy in another Region.
fn build_two_region_request(stage: &Stage) -> ShareRequestBuilder {
    let key = |name: &str| stage.world.key_arn(name).parse().unwrap();
    build_home_request(stage)
        .copy_to_regions([SECOND_REGION.parse().unwrap()])
        .kms_key_in("us-east-1".parse().unwrap(), key("key-1"))
        .kms_key_in(SECOND_REGION.parse().unwrap(), key("key-eu-west-1"))
}

/// Replaces and removes a copy that failed, and launches both images.
pub(super) async fn share(stage: Stage) -> Result<(), String> {
    let world = stage.world.with_fault(fail_first_copy("internal error"));
    let stage = Stage { world, ..stage };
    stage.run_into_fault(build_two_region_request(&stage)).await;
    let report = stage.run(build_two_region_request(&stage)).await?;
    assert_eq!(report.images.len(), 2);
    for image in &report.images {
        let (region, id) = (image.region.as_ref(), image.image.as_ref().unwrap());
        let launched = stage.world.launch_in(B, region, id.as_ref()).await;
        assert_eq!(launched, "running", "{region}");
    }
    let again = stage.run(build_two_region_request(&stage)).await?;
    assert!(!again.changed);
    Ok(())
}

pub(super) async fn share_with_organizations(stage: Stage) -> Result<(), String> {
    for principals in [vec![ORGANIZATION], vec![UNIT], vec![ORGANIZATION, UNIT, B]] {
        let request = stage.world.build_request_for(&["image-1"], &principals);
        stage.run(request).await?;
    }
    let image_id = stage.world.image_id("image-1");
    assert_eq!(stage.world.launch_as_b(&image_id).await, "running");
    Ok(())
}

/// Lists the accounts of an organization and of a unit with the publisher's own policies.
pub(super) async fn share_with_members(stage: Stage) -> Result<(), String> {
    for principal in [ORGANIZATION, UNIT] {
        let request = stage.world.build_request_for(&["image-1"], &[principal]);
        let expand = ExpandOrganizations::default();
        let report = stage.run(request.expand_organizations(expand)).await?;
        assert!(report.plan.targets.contains(&B.parse().unwrap()));
    }
    Ok(())
}

/// Lists them as a role of the management account.
pub(super) async fn share_with_members_by_role(stage: Stage) -> Result<(), String> {
    const MANAGER: &str = "999999999999";
    let trust = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{A}"}},"Action":"sts:AssumeRole"}}}}"#
    );
    let arn = format!("arn:aws:iam::{MANAGER}:role/organization-reader");
    stage.world.sim.edit(|state| {
        let mut role = state.accounts[A].roles["administrator"].clone();
        role.arn.clone_from(&arn);
        role.trust = Policy::parse(&trust, Duration::ZERO).unwrap();
        let manager = state.accounts.entry(MANAGER.to_owned()).or_default();
        manager.roles.insert("organization-reader".to_owned(), role);
        let organization = state.organization.as_mut().unwrap();
        MANAGER.clone_into(&mut organization.management);
    });
    let organization = ORGANIZATION.replace(A, MANAGER);
    let request = stage
        .world
        .build_request_for(&["image-1"], &[&organization])
        .expand_organizations(ExpandOrganizations {
            role: Some(arn.parse().unwrap()),
            ..ExpandOrganizations::default()
        });
    stage.run(request).await.map(drop)
}

pub(super) async fn share_snapshots(stage: Stage) -> Result<(), String> {
    let request = build_home_request(&stage);
    let request = request.share_snapshots(ShareSnapshots::Always);
    stage.run(request).await.map(drop)
}

pub(super) async fn publish_parameter(stage: Stage) -> Result<(), String> {
    let request = build_home_request(&stage);
    let request = request.publish_ssm_parameter("/golden/{account-alias}/{name}");
    stage.run(request).await.map(drop)
}

pub(super) async fn share_tags(stage: Stage) -> Result<(), String> {
    let image_id = stage.world.image_id("image-1");
    stage.world.edit_image(&image_id, |image| {
        let tags = image.tags.entry(A.to_owned()).or_default();
        tags.insert("team".to_owned(), "web".to_owned());
    });
    let request = build_home_request(&stage).share_tags(TagsToShare::All);
    stage.run(request).await.map(drop)
}

pub(super) async fn attach_watermark(stage: Stage) -> Result<(), String> {
    let request = build_home_request(&stage).watermark("approved");
    stage.run(request).await.map(drop)
}

pub(super) async fn deprecate_and_protect(stage: Stage) -> Result<(), String> {
    let nine_years = Duration::from_hours(24 * 365 * 9);
    let request = build_home_request(&stage)
        .deprecate_at(DeprecateAt::AfterCreation(nine_years))
        .deregistration_protection(true);
    stage.run(request).await.map(drop)
}

/// Plans everything that the other cases do.
pub(super) async fn plan(stage: Stage) -> Result<(), String> {
    let before = stage.world.count_changes();
    let request = build_two_region_request(&stage)
        .share_snapshots(ShareSnapshots::Always)
        .unlisted(Unlisted::Revoke)
        .publish_ssm_parameter("/golden/{account-alias}/{name}");
    stage.plan(request).await?;
    assert_eq!(stage.world.count_changes(), before);
    dry_run_of_unlisted(&stage).await
}

/// A dry run that would take an image from somebody, and finds a report on who uses it.
async fn dry_run_of_unlisted(stage: &Stage) -> Result<(), String> {
    let other: Principal = "300000000000".parse().unwrap();
    let request = build_home_request(stage).targets([other]);
    stage.world.share(request).await;
    let request = build_home_request(stage).unlisted(Unlisted::Revoke);
    dry_run_with_usage(stage, request).await?;
    stage.world.share(build_two_region_request(stage)).await;
    let revoke = Revoke {
        copies: true,
        ..Revoke::default()
    };
    let request = build_two_region_request(stage).revoke(revoke);
    dry_run_with_usage(stage, request).await
}

async fn dry_run_with_usage(stage: &Stage, request: ShareRequestBuilder) -> Result<(), String> {
    let request = request.build().unwrap();
    let owner = Sharer::new(&stage.world.config(A));
    owner.usage(&request).await.unwrap();
    let plan = stage.build_sharer().await.preview(&request).await;
    let plan = plan.map_err(|errors| errors.to_string())?;
    let mut findings = plan.findings.iter();
    match findings.find(|finding| finding.code.as_str() == "image.use-unknown") {
        Some(finding) => Err(finding.message.clone()),
        None => Ok(()),
    }
}

/// Reads who uses an image.
pub(super) async fn usage(stage: Stage) -> Result<(), String> {
    let request = stage.world.build_request(&["image-1"]).build().unwrap();
    let read = stage.build_sharer().await.usage(&request).await;
    let report = read.map_err(|errors| errors.to_string())?;
    if let Some(error) = report.errors.first() {
        return Err(error.to_string());
    }
    assert_eq!(report.usage.len(), 1);
    Ok(())
}

/// Revokes what was shared by the key policy and by grants.
pub(super) async fn revoke(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    let before = world.list_access();
    let request = build_two_region_request(&stage);
    world
        .share(request.share_snapshots(ShareSnapshots::Always))
        .await;
    let request = build_two_region_request(&stage);
    world.share(request.key_access(KeyAccessMode::Grants)).await;
    let request = build_two_region_request(&stage);
    stage.run(into_revoke(request)).await?;
    let image_id = world.image_id("image-1");
    assert_eq!(world.launch_as_b(&image_id).await, "AuthFailure");
    let after = world.list_access();
    for kind in ["policies", "grants"] {
        assert_eq!(after[kind], before[kind]);
    }
    Ok(())
}

pub(super) async fn revoke_copies(stage: Stage) -> Result<(), String> {
    stage.world.share(build_two_region_request(&stage)).await;
    let revoke = Revoke {
        copies: true,
        ..Revoke::default()
    };
    let request = build_two_region_request(&stage).revoke(revoke);
    let report = stage.run(request).await?;
    let mut findings = report.findings.iter();
    let keeps_copy = |code: &str| code.starts_with("copy.") || code == "image.use-unknown";
    let finding = findings.find(|finding| keeps_copy(finding.code.as_str()));
    if let Some(finding) = finding {
        return Err(finding.to_string());
    }
    assert_eq!(report.removed.len(), 1);
    Ok(())
}

/// Revokes the access of an account that is no longer listed.
pub(super) async fn revoke_unlisted(stage: Stage) -> Result<(), String> {
    let other: Principal = "300000000000".parse().unwrap();
    let request = build_home_request(&stage).targets([other]);
    stage.world.share(request).await;
    let request = build_home_request(&stage).unlisted(Unlisted::Revoke);
    let report = stage.run(request).await?;
    assert_eq!(report.images[0].removed.len(), 1);
    Ok(())
}

/// Shares an image whose key policy already has the statements, and launches it.
pub(super) async fn share_without_key(stage: Stage) -> Result<(), String> {
    let request = build_home_request(&stage).key_access(KeyAccessMode::None);
    stage.run(request).await?;
    let image_id = stage.world.image_id("image-1");
    let launched = stage.world.launch_as_b(&image_id).await;
    check_launch(&stage, launched).await
}

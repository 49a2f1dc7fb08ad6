//! What is done in the source account, each with the policies for it.

use ami_share::request::{
    DeprecateAt, KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots, TargetOptions,
    Unlisted, Verify,
};
use ami_share::{Principal, ShareRequest};

use super::stage::Stage;
use crate::support::*;
use crate::table::{Values, json::example};

const ELSEWHERE: &str = "eu-west-1";

/// Shares `image-1` with B, at home and by a copy in another Region.
pub(super) fn everywhere(stage: &Stage) -> ShareRequestBuilder {
    let (world, mode) = (
        &stage.world,
        if stage.by_grants {
            KeyAccessMode::Grants
        } else {
            KeyAccessMode::Policy
        },
    );
    let there = ELSEWHERE.parse().unwrap();
    world
        .request(&["image-1"])
        .key_access(mode)
        .copy_to_regions([ELSEWHERE.parse().unwrap()])
        .kms_key_in(
            "us-east-1".parse().unwrap(),
            world.key("key-1").parse().unwrap(),
        )
        .kms_key_in(there, world.key("key-eu-west-1").parse().unwrap())
        .target_options(TargetOptions::default().verify(Verify::None))
}

/// The same at home only.
pub(super) fn at_home(stage: &Stage) -> ShareRequestBuilder {
    let mode = if stage.by_grants {
        KeyAccessMode::Grants
    } else {
        KeyAccessMode::Policy
    };
    stage
        .world
        .request(&["image-1"])
        .key_access(mode)
        .target_options(TargetOptions::default().verify(Verify::None))
}

/// A copy that failed is replaced and removed; both images are launched.
pub(super) async fn share(stage: Stage) -> Result<(), String> {
    let fail = r#"{"operation":"ec2:CopyImage","call":1,"effect":{"fail-copy":{"message":"internal error"}}}"#;
    let stage = Stage {
        world: stage.world.with(fail),
        ..stage
    };
    stage.run_in_vain(everywhere(&stage)).await;
    let report = stage.run(everywhere(&stage)).await?;
    assert_eq!(report.images.len(), 2);
    for image in &report.images {
        let (region, id) = (image.region.as_ref(), image.image.as_ref().unwrap());
        assert_eq!(
            stage.world.launch_as(B, region, id.as_ref()).await,
            "running",
            "{region}"
        );
    }
    let again = stage.run(everywhere(&stage)).await?;
    assert!(!again.changed);
    Ok(())
}

pub(super) async fn organizations(stage: Stage) -> Result<(), String> {
    let one = |values| example(values).remove(0).parse::<Principal>().unwrap();
    let (organization, unit) = (one(Values::Organizations), one(Values::OrganizationalUnits));
    let image = stage.world.image("image-1");
    for wanted in [
        vec![organization.clone()],
        vec![unit.clone()],
        vec![organization, unit, B.parse().unwrap()],
    ] {
        let request = ShareRequest::builder()
            .region("us-east-1".parse().unwrap())
            .image(image.parse().unwrap());
        stage.run(request.targets(wanted)).await?;
    }
    assert_eq!(stage.world.launch(&image).await, "running");
    Ok(())
}

pub(super) async fn snapshots(stage: Stage) -> Result<(), String> {
    stage
        .run(at_home(&stage).share_snapshots(ShareSnapshots::Always))
        .await
        .map(drop)
}

pub(super) async fn publish(stage: Stage) -> Result<(), String> {
    stage
        .run(at_home(&stage).publish_ssm_parameter("/golden/{name}"))
        .await
        .map(drop)
}

pub(super) async fn release(stage: Stage) -> Result<(), String> {
    let nine_years = std::time::Duration::from_hours(24 * 365 * 9);
    let request = at_home(&stage).deprecate_at(DeprecateAt::AfterCreation(nine_years));
    stage
        .run(request.deregistration_protection(true))
        .await
        .map(drop)
}

/// A plan looks at everything that any of these change.
pub(super) async fn look(stage: Stage) -> Result<(), String> {
    let before = stage.world.changes();
    let request = everywhere(&stage)
        .share_snapshots(ShareSnapshots::Always)
        .unlisted(Unlisted::Revoke);
    stage
        .plan(request.publish_ssm_parameter("/golden/{name}"))
        .await?;
    assert_eq!(stage.world.changes(), before);
    Ok(())
}

/// What was shared in both ways is taken back.
pub(super) async fn revoke(stage: Stage) -> Result<(), String> {
    let owner = &stage.world;
    let before = owner.access();
    owner
        .share(everywhere(&stage).share_snapshots(ShareSnapshots::Always))
        .await;
    owner
        .share(everywhere(&stage).key_access(KeyAccessMode::Grants))
        .await;
    stage
        .run(everywhere(&stage).revoke(Revoke::default()))
        .await?;
    assert_eq!(owner.launch(&owner.image("image-1")).await, "AuthFailure");
    let after = owner.access();
    assert_eq!(
        (&after["policies"], &after["grants"]),
        (&before["policies"], &before["grants"])
    );
    Ok(())
}

pub(super) async fn remove_copies(stage: Stage) -> Result<(), String> {
    stage.world.share(everywhere(&stage)).await;
    let remove = Revoke {
        remove_copies: true,
        ..Revoke::default()
    };
    let report = stage.run(everywhere(&stage).revoke(remove)).await?;
    if let Some(finding) = report
        .findings
        .iter()
        .find(|finding| finding.code.as_str().starts_with("copy."))
    {
        return Err(finding.to_string());
    }
    assert_eq!(report.removed.len(), 1);
    Ok(())
}

/// Somebody who is not listed any more loses access.
pub(super) async fn unlist(stage: Stage) -> Result<(), String> {
    stage
        .world
        .share(at_home(&stage).target_account("300000000000".parse().unwrap()))
        .await;
    let report = stage
        .run(at_home(&stage).unlisted(Unlisted::Revoke))
        .await?;
    assert_eq!(report.images[0].removed.len(), 1);
    Ok(())
}

/// With the statements put by somebody else, the image is shared and launched.
pub(super) async fn keys_in_code(stage: Stage) -> Result<(), String> {
    let (world, image) = (&stage.world, stage.world.image("image-1"));
    stage
        .run(at_home(&stage).key_access(KeyAccessMode::None))
        .await?;
    super::in_target::launched(&stage, world.launch(&image).await).await
}

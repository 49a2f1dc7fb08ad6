//! Retires images as the publisher.

use std::time::Duration;

use ami_share::request::{Retire, ShareRequestBuilder, ShareSnapshots};
use ami_share::{Finding, Sharer};

use super::stage::Stage;
use crate::support::*;

const DAY: Duration = Duration::from_hours(24);

/// Deprecates an image, and disables it later.
pub(super) async fn retire(stage: Stage) -> Result<(), String> {
    go_through(&stage, 2).await?;
    let image = stage.world.image_id("image-1");
    assert_ne!(stage.world.launch_as_b(&image).await, "running");
    Ok(())
}

/// Deregisters it even later.
pub(super) async fn deregister(stage: Stage) -> Result<(), String> {
    go_through(&stage, 3).await?;
    let state = stage.world.sim.state();
    let image = &state["images"][&stage.world.image_id("image-1")];
    assert_eq!(image["state"], "deregistered");
    Ok(())
}

/// Plans each step of a retirement, which its owner carries out.
pub(super) async fn plan(stage: Stage) -> Result<(), String> {
    let world = &stage.world;
    prepare(world).await;
    let owner = Sharer::new(&world.config(A));
    for is_done in [false, false, true] {
        let usage = world.build_request(&["image-1"]).build().unwrap();
        owner.usage(&usage).await.unwrap();
        let before = world.count_changes();
        let plan = stage.plan(build_request(world, true)).await?;
        assert_eq!(world.count_changes(), before);
        if let Some(kept) = plan.findings.iter().find(|it| is_incomplete(it)) {
            return Err(kept.to_string());
        }
        assert!(is_done || !plan.steps.is_empty(), "{plan:?}");
        world.share(build_request(world, true)).await;
        tokio::time::advance(DAY * 15).await;
    }
    Ok(())
}

async fn go_through(stage: &Stage, steps: u32) -> Result<(), String> {
    let world = &stage.world;
    prepare(world).await;
    for _ in 0..steps {
        let report = stage.run(build_request(world, steps == 3)).await?;
        if let Some(finding) = report.findings.iter().find(|it| is_incomplete(it)) {
            return Err(finding.to_string());
        }
        tokio::time::advance(DAY * 15).await;
    }
    Ok(())
}

/// Whether a finding says that something was not known, so that an image goes no further.
fn is_incomplete(finding: &Finding) -> bool {
    ["retire.use-unknown", "retire.snapshot-left"].contains(&finding.code.as_str())
}

/// An old image of a group, which is shared.
async fn prepare(world: &World) {
    world.edit_image(&world.image_id("image-1"), |image| {
        let tags = image.tags.entry(A.to_owned()).or_default();
        tags.insert("Product".to_owned(), "web".to_owned());
        // Somebody has enabled it again.
        let moment = "2020-01-01T00:00:00Z".to_owned();
        tags.insert("ami-share:disabled".to_owned(), moment);
    });
    let request = world.build_request(&["image-1"]);
    world
        .share(request.share_snapshots(ShareSnapshots::Always))
        .await;
    tokio::time::advance(DAY * 2).await;
}

fn build_request(world: &World, deregister: bool) -> ShareRequestBuilder {
    let retire = Retire {
        tags: [("Product".to_owned(), "web".to_owned())].into(),
        keep_younger: Some(DAY),
        deregister,
        ..Retire::default()
    };
    ami_share::ShareRequest::builder()
        .region(world.region().parse().unwrap())
        .publish_ssm_parameter("/golden/web")
        .retire(retire)
}

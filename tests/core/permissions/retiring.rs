//! Retires images as the publisher.

use std::time::Duration;

use ami_share::request::{Retire, ShareSnapshots};

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

async fn go_through(stage: &Stage, steps: u32) -> Result<(), String> {
    let world = &stage.world;
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
    for _ in 0..steps {
        let retire = Retire {
            tags: [("Product".to_owned(), "web".to_owned())].into(),
            keep_younger: Some(DAY),
            deregister: steps == 3,
            ..Retire::default()
        };
        let request = ami_share::ShareRequest::builder()
            .region(world.region().parse().unwrap())
            .publish_ssm_parameter("/golden/web")
            .retire(retire);
        let report = stage.run(request).await?;
        let mut findings = report.findings.iter();
        let is_incomplete =
            |code: &str| ["retire.use-unknown", "retire.snapshot-left"].contains(&code);
        if let Some(finding) = findings.find(|it| is_incomplete(it.code.as_str())) {
            return Err(finding.to_string());
        }
        tokio::time::advance(DAY * 15).await;
    }
    Ok(())
}

//! Errors because of what happens during a run.

use std::time::Duration;

use ami_share::{Error, Sharer};
use ami_share_sim::world::{ImageState, KeyState};
use serde_json::json;

use super::run;
use crate::expected::newcomers;
use crate::image_usage::reports::error_of_failed_report;
use crate::support::*;

pub(super) async fn errors() -> Vec<Error> {
    let mut errors = contended().await;
    errors.extend(slow_reads().await);
    errors.extend(disabled_image().await);
    errors.extend(disabled_key().await);
    errors.extend(error_of_failed_report().await);
    errors.extend(newcomers::errors().await);
    errors
}

/// A share that adds what another run keeps removing.
async fn contended() -> Vec<Error> {
    let world = World::new();
    tokio::select! {
        errors = run(&world, A, world.build_request(&["golden"])) => errors,
        () = world.keep_removing_access() => unreachable!("it removes for ever"),
    }
}

/// No read of the key policy is ever young enough for a put.
async fn slow_reads() -> Vec<Error> {
    let delay = json!({ "operation": "kms:GetKeyPolicy", "effect": { "delay": { "seconds": 4 } } });
    let world = World::new().with_fault(delay);
    run(&world, A, world.build_request(&["golden"])).await
}

/// SSM answers, and does not write because the image cannot be used any more.
async fn disabled_image() -> Vec<Error> {
    let world = World::new();
    let request = world.build_request(&["golden"]);
    let plan = world
        .plan(request.publish_ssm_parameter("/images/{name}"))
        .await;
    let golden = world.image_id("golden");
    let disabling = async {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if world
                .count_changes()
                .contains_key("ec2:ModifyImageAttribute")
            {
                world.edit_image(&golden, |image| image.state = ImageState::Disabled);
            }
        }
    };
    let sharer = Sharer::new(&world.config(A));
    tokio::select! {
        ended = sharer.apply(&plan) => ended.unwrap_err().report.errors,
        () = disabling => unreachable!("it disables for ever"),
    }
}

/// A key that somebody disables while the run waits for its policy.
async fn disabled_key() -> Vec<Error> {
    let world = World::new();
    let disabling = async {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if world.has_called("kms:PutKeyPolicy") {
                let key = world.key_arn("golden");
                world.edit_key(&key, |key| key.state = KeyState::Disabled);
            }
        }
    };
    tokio::select! {
        errors = run(&world, A, world.build_request(&["golden"])) => errors,
        () = disabling => unreachable!("it disables for ever"),
    }
}

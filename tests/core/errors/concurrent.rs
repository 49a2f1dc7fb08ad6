//! Errors because of what happens during a run.

use std::time::Duration;

use ami_share::request::Verify;
use ami_share::{Error, Sharer};
use ami_share_sim::Options;
use ami_share_sim::world::{ImageState, KeyState};
use serde_json::json;

use super::run;
use crate::expected::newcomers;
use crate::findings::targets::build_admin_scenario;
use crate::image_usage::reports::error_of_failed_report;
use crate::support::*;

pub(super) async fn errors() -> Vec<Error> {
    let mut errors = contended().await;
    errors.extend(slow_reads().await);
    errors.extend(disabled_image().await);
    errors.extend(refused_parameter().await);
    errors.extend(taken_permission().await);
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

/// An image that somebody disables once it is shared, and SSM does not write any more.
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

/// SSM in the target does not know the image for longer than AWS needs to share it.
async fn refused_parameter() -> Vec<Error> {
    let mut options = Options::default();
    options.delays.sharing = Duration::from_hours(1);
    let world = World::with_options(build_admin_scenario(|_| ()), options);
    let request = world
        .build_request(&["golden"])
        .publish_ssm_parameter("/images/golden")
        .target_options(with_target_role().verify(Verify::None));
    run(&world, A, request).await
}

/// A launch permission that somebody takes as soon as it is given.
async fn taken_permission() -> Vec<Error> {
    let world = World::new();
    let golden = world.image_id("golden");
    let taking = async {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if world.has_called("ec2:ModifyImageAttribute") {
                world.edit_image(&golden, |image| image.launch_permissions.clear());
            }
        }
    };
    tokio::select! {
        errors = run(&world, A, world.build_request(&["golden"])) => errors,
        () = taking => unreachable!("it takes for ever"),
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

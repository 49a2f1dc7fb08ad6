//! Errors because of what happens during a run.

use std::time::Duration;

use ami_share::{Error, Sharer};
use ami_share_sim::world::ImageState;

use super::run;
use crate::support::*;

pub(super) async fn errors() -> Vec<Error> {
    let mut errors = contended().await;
    errors.extend(image_that_vanishes().await);
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

/// SSM answers, and does not write because the image no longer exists.
async fn image_that_vanishes() -> Vec<Error> {
    let world = World::new();
    let request = world.build_request(&["golden"]);
    let plan = world
        .plan(request.publish_ssm_parameter("/images/{name}"))
        .await;
    let golden = world.image_id("golden");
    let deregister = async {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if world
                .count_changes()
                .contains_key("ec2:ModifyImageAttribute")
            {
                world.edit_image(&golden, |image| image.state = ImageState::Deregistered);
            }
        }
    };
    let sharer = Sharer::new(&world.config(A));
    tokio::select! {
        ended = sharer.apply(&plan) => ended.unwrap_err().report.errors,
        () = deregister => unreachable!("it deregisters for ever"),
    }
}

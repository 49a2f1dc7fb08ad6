//! Errors because of what happens during a run.

use std::time::Duration;

use ami_share::Sharer;
use ami_share::diagnostic::Code;
use ami_share_sim::world::ImageState;

use super::{list_error_codes, run};
use crate::support::*;

pub(super) async fn errors() -> Vec<Code> {
    let mut codes = contended().await;
    codes.extend(image_that_vanishes().await);
    codes
}

/// A share that adds what another run keeps removing.
async fn contended() -> Vec<Code> {
    let world = World::new();
    tokio::select! {
        codes = run(&world, A, world.build_request(&["golden"])) => codes,
        () = world.keep_removing_access() => unreachable!("it removes for ever"),
    }
}

/// SSM answers, and does not write because the image no longer exists.
async fn image_that_vanishes() -> Vec<Code> {
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
        ended = sharer.apply(&plan) => list_error_codes(&ended.unwrap_err().report),
        () = deregister => unreachable!("it deregisters for ever"),
    }
}

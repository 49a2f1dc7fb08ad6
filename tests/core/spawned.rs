//! Every future of a sharer can be spawned, also on a runtime of several threads, and its errors
//! fit the boxed errors of other programs.

use std::time::Duration;

use ami_share::aws_config::SdkConfig;
use ami_share::request::{ShareRequestBuilder, Timing};
use ami_share::{Plan, Report, ShareRequest, Sharer};
use ami_share_sim::{Options, Scenario};

use super::support::*;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn plan(config: SdkConfig, request: ShareRequest) -> Result<Plan, BoxError> {
    Ok(Sharer::new(&config).plan(&request).await?)
}

async fn preview(config: SdkConfig, request: ShareRequest) -> Result<Plan, BoxError> {
    Ok(Sharer::new(&config).preview(&request).await?)
}

async fn verify(config: SdkConfig, request: ShareRequest) -> Result<Report, BoxError> {
    Ok(Sharer::new(&config).verify(&request).await?)
}

/// Shares or revokes, as the request says.
async fn carry_out(config: SdkConfig, request: ShareRequest) -> Result<Report, BoxError> {
    let sharer = Sharer::new(&config);
    let plan = sharer.plan(&request).await?;
    Ok(sharer.apply(&plan).await?)
}

/// Everything that a request can be asked for, with a role in the target.
fn build_request(world: &World) -> ShareRequestBuilder {
    let options = with_target_role().run_name("run 7");
    world.build_request(&["golden"]).target_options(options)
}

#[tokio::test(start_paused = true)]
async fn plan_can_be_spawned() {
    let world = World::new();
    let request = build_request(&world).build().unwrap();
    let spawned = tokio::spawn(plan(world.config(A), request));
    assert!(spawned.await.unwrap().unwrap().changes());
}

#[tokio::test(start_paused = true)]
async fn preview_can_be_spawned() {
    let world = World::new();
    let request = build_request(&world).build().unwrap();
    let spawned = tokio::spawn(preview(world.config(A), request));
    assert!(spawned.await.unwrap().unwrap().changes());
}

#[tokio::test(start_paused = true)]
async fn share_and_revoke_can_be_spawned() {
    let world = World::new();
    let golden = world.image_id("golden");
    let share = world.build_request(&["golden"]).build().unwrap();
    let spawned = tokio::spawn(carry_out(world.config(A), share));
    assert!(spawned.await.unwrap().unwrap().changed);
    assert_eq!(world.launch_as_b(&golden).await, "running");

    world.terminate_instances_of(B).await;
    let revoke = into_revoke(world.build_request(&["golden"]));
    let revoke = revoke.build().unwrap();
    let spawned = tokio::spawn(carry_out(world.config(A), revoke));
    assert!(spawned.await.unwrap().unwrap().changed);
    assert_eq!(world.launch_as_b(&golden).await, "AuthFailure");
}

#[tokio::test(start_paused = true)]
async fn verify_can_be_spawned() {
    let world = World::new();
    let request = build_request(&world).build().unwrap();
    let spawned = tokio::spawn(verify(world.config(A), request));
    assert_eq!(spawned.await.unwrap().unwrap().verifications.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn errors_of_spawned_runs_are_boxed() {
    let world = World::new();
    let request = || build_request(&world).build().unwrap();
    let spawned = tokio::spawn(plan(world.config("nobody"), request()));
    let error: BoxError = spawned.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("credentials.invalid"), "{error}");
    let refused = world.build_request(&["managed"]).build().unwrap();
    let spawned = tokio::spawn(carry_out(world.config(A), refused));
    let error: BoxError = spawned.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("plan.refused"), "{error}");
}

/// The clock is real here, so the waits are short.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn share_runs_on_several_threads() {
    let options = Options {
        latency: Duration::from_millis(1),
        ..Options::default()
    };
    let world = World::with_options(Scenario::two_accounts(), options);
    let timing = Timing {
        timeout: Duration::from_mins(1),
        poll: (Duration::from_millis(10), Duration::from_millis(50)),
        settle: Duration::from_millis(100),
    };
    let request = world.build_request(&["golden"]).timing(timing);
    let request = request.build().unwrap();
    let spawned = tokio::spawn(carry_out(world.config(A), request));
    assert!(spawned.await.unwrap().unwrap().changed);
    let golden = world.image_id("golden");
    assert_eq!(world.launch_as_b(&golden).await, "running");
}

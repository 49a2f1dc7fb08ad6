//! `verify: launch`: what it concludes of each reason, and that nothing of it stays.

mod beside;
mod images;
mod reasons;
mod ways_out;

use std::time::Duration;

use ami_share::Report;
use ami_share::request::LaunchWith;
use ami_share_sim::world::{Instance, Launching};

use super::*;

const REGION: &str = "us-east-1";
/// Longer than a run waits before it takes for abandoned what another one made.
const LATER: Duration = Duration::from_mins(20);

fn launching() -> TargetOptions {
    with_target_role().verify(Verify::Launch)
}

/// A world in which the image is shared with B, and a launch there takes some time.
async fn build_launch_world(kind: ImageKind) -> World {
    let world = build_world(kind, false).await;
    edit_launching(&world, |launching| {
        launching.start_time = Duration::from_secs(10);
        launching.shutdown_time = Duration::from_secs(30);
    });
    world.share(build_request(&world, with_target_role())).await;
    world
}

/// Changes what B can launch.
fn edit_launching(world: &World, change: impl FnOnce(&mut Launching)) {
    world.sim.edit(|state| {
        let account = state.accounts.get_mut(B).unwrap();
        change(account.launching.entry(REGION.to_owned()).or_default());
    });
}

/// Verifies by a launch; the one verification, and the report.
async fn verify_by_launch(world: &World, request: ShareRequestBuilder) -> (Verification, Report) {
    let sharer = Sharer::new(&world.config(A));
    let report = sharer.verify(&request.build().unwrap()).await.unwrap();
    (report.verifications[0].clone(), report)
}

/// What test launches left in B: instances that are not terminated, security groups, and volumes.
fn count_left(world: &World) -> (usize, usize, usize) {
    world.sim.state();
    world.sim.edit(|state| {
        let instances = state.instances.values();
        let alive = |instance: &&Instance| instance.state != "terminated";
        (
            instances.filter(alive).count(),
            state.security_groups.len(),
            state.volumes.len(),
        )
    })
}

const NOTHING: (usize, usize, usize) = (0, 0, 0);

/// Denies actions to the role that verifies.
async fn deny_to_role(world: &World, actions: &[&str]) {
    let deny = json!({ "Effect": "Deny", "Action": actions, "Resource": "*" });
    let policy = json!({ "Statement": [deny] });
    world.put_role_policy(B, "consumer", "deny", &policy).await;
}

//! What another run overwrites in a key policy is put again, also where reads are out of date.

use std::time::Duration;

use ami_share::{Report, ShareRequest, Sharer};
use ami_share_sim::{Options, Scenario};
use serde_json::{Value, json};

use super::support::*;

const PUT: &str = "kms:PutKeyPolicy";
const READ: &str = "kms:GetKeyPolicy";
const SHARE: &str = "ec2:ModifyImageAttribute";

/// An account beside B.
const OTHER: &str = "300000000000";

/// How long a call takes on an ordinary network.
const ORDINARY: Duration = Duration::from_millis(50);

/// A bit less than what reads may be out of date by.
const STALE: f64 = 0.95;

fn build_world(targets: u64, latency: Duration) -> World {
    let options = Options {
        latency,
        ..Options::default()
    };
    World::with_options(Scenario::with_targets(targets), options)
}

/// Every read of a key policy is out of date by so much.
fn with_stale_reads(world: World, seconds: f64) -> World {
    let effect = json!({ "stale": { "seconds": seconds } });
    world.with_fault(json!({ "operation": READ, "effect": effect }))
}

/// Waits until an operation was called.
async fn until_called(world: &World, action: &str) {
    while !world.has_called(action) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A run by a process of its own, which begins after a while.
async fn run_after(world: &World, seconds: f64, request: ShareRequest) -> Result<Report, Report> {
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let sharer = Sharer::new(&world.config(A));
    let plan = sharer.plan(&request).await.unwrap();
    let applied = Box::pin(sharer.apply(&plan)).await;
    applied.map_err(|incomplete| incomplete.report)
}

fn build_share(world: &World, target: &str) -> ShareRequest {
    let request = world.build_request_for(&["golden"], &[target]);
    request.build().unwrap()
}

fn build_revoke(world: &World, target: &str) -> ShareRequest {
    let request = world.build_request_for(&["golden"], &[target]);
    into_revoke(request).build().unwrap()
}

/// Moments in quarters of a second, for another run to begin while a policy settles and after.
fn moments() -> impl Iterator<Item = f64> {
    (0_u32..32).map(|quarters| f64::from(quarters) / 4.0)
}

#[tokio::test(start_paused = true)]
async fn image_is_launchable_within_a_second_and_the_run_over_within_six() {
    let world = build_world(399, ORDINARY);
    let targets = (0..399_u64).map(|n| (300_000_000_000 + n).to_string());
    let targets = targets.map(|id| id.parse().unwrap());
    let request = world.build_request(&["golden"]).target_accounts(targets);
    let launchable = async {
        until_called(&world, SHARE).await;
        world.elapsed()
    };
    let (_, launchable) = futures::future::join(world.share(request), launchable).await;
    let over = world.elapsed();
    assert!(launchable <= Duration::from_secs(1), "{launchable:?}");
    assert!(over <= Duration::from_secs(6), "{over:?}");
    assert!(over >= Duration::from_secs(5), "it looks again: {over:?}");

    // A run that changes no key policy waits for nothing.
    let request = world.build_request(&["golden"]);
    let began = world.elapsed();
    world.share(request).await;
    assert!(world.elapsed() - began <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn key_is_written_before_launch_permission() {
    for latency in [20, 50, 700] {
        let world = build_world(0, Duration::from_millis(latency));
        world.share(world.build_request(&["golden"])).await;
        let actions = world.list_actions(0);
        let first = |action: &str| actions.iter().position(|called| called == action);
        assert!(first(PUT) < first(SHARE), "{actions:?}");
        assert!(first(PUT).is_some(), "{actions:?}");
    }
}

/// What the watch of one run finds is missing, whenever the other run has read and put.
/// Whether two shares on one key, the second of which begins later, both succeed and both last.
async fn keeps_both(world: &World, later: f64) -> bool {
    let (first, second) = futures::future::join(
        run_after(world, 0.0, build_share(world, B)),
        run_after(world, later, build_share(world, OTHER)),
    )
    .await;
    let policy = world.read_golden_policy();
    let has_both = policy.contains(B) && policy.contains(OTHER);
    first.is_ok() && second.is_ok() && has_both
}

#[tokio::test(start_paused = true)]
async fn no_statement_is_lost_within_the_bounds_of_reads_and_puts() {
    let mut lost = Vec::new();
    for (latency, stale) in [(20, 0.0), (20, STALE), (700, STALE), (1_400, STALE)] {
        for moment in moments() {
            let world = build_world(1, Duration::from_millis(latency));
            let world = with_stale_reads(world, stale);
            if !keeps_both(&world, moment).await {
                lost.push(format!("{latency} ms, {stale} s old, {moment} s later"));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// A slow put of another run, made from a read before ours, lands as late as it may.
#[tokio::test(start_paused = true)]
async fn late_put_of_another_run_is_found_after_settle() {
    let mut lost = Vec::new();
    for tenths in 0_u32..20 {
        let slow = f64::from(tenths) / 10.0;
        for moment in [0.0, 0.02, 0.1, 0.3, 0.9] {
            let world = build_world(1, Duration::from_millis(20));
            let world = with_stale_reads(world, STALE).with_fault(delay_call(PUT, 2, slow));
            if !keeps_both(&world, moment).await {
                lost.push(format!("put of {slow} s, {moment} s later"));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// A revoke that begins once its share is launchable leaves nothing, however old its reads are
/// within the bound, or fails.
#[tokio::test(start_paused = true)]
async fn revoke_after_its_share_leaves_no_key_access_by_reads_that_are_out_of_date() {
    let mut wrong = Vec::new();
    for stale in [0.0, 0.5, STALE] {
        for moment in moments() {
            let world = with_stale_reads(build_world(0, ORDINARY), stale);
            let revoking = async {
                until_called(&world, SHARE).await;
                run_after(&world, moment, build_revoke(&world, B)).await
            };
            let sharing = run_after(&world, 0.0, build_share(&world, B));
            let (shared, revoked) = futures::future::join(sharing, revoking).await;
            let has_key = world.read_golden_policy().contains(B);
            if revoked.is_ok() && has_key {
                let shared = shared.is_ok();
                wrong.push(format!("{stale} s old, {moment} s later, shared {shared}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One read of a revoke is out of date, whichever it is: of the plan, or right before the change.
#[tokio::test(start_paused = true)]
async fn revoke_with_one_old_read_removes_what_it_should() {
    for call in 1..=2 {
        let world = World::new();
        world.share(world.build_request(&["golden"])).await;
        let made = world.count_calls()[READ];
        let stale = json!({ "stale": { "seconds": 60 } });
        let old: Value = json!({ "operation": READ, "call": made + call, "effect": stale });
        let world = world.with_fault(old);
        world
            .share(into_revoke(world.build_request(&["golden"])))
            .await;
        assert!(!world.read_golden_policy().contains(B), "read {call}");
        // Nothing is there any more that a look could miss.
        let began = world.elapsed();
        world
            .share(into_revoke(world.build_request(&["golden"])))
            .await;
        assert!(world.elapsed() - began <= Duration::from_secs(1));
    }
}

/// A share with somebody else that read before a revoke's put, and puts after it, brings back what
/// was revoked. The revoke looks again, and removes it.
#[tokio::test(start_paused = true)]
async fn revoke_removes_again_what_a_late_put_brings_back() {
    let mut wrong = Vec::new();
    for late in [1, 2] {
        for moment in [0.0, 0.02, 0.1, 0.3] {
            let world = build_world(1, ORDINARY);
            run_after(&world, 0.0, build_share(&world, B))
                .await
                .unwrap();
            let world = world.with_fault(delay_call(PUT, late, 1.5));
            let (shared, revoked) = futures::future::join(
                run_after(&world, moment, build_share(&world, OTHER)),
                run_after(&world, 0.0, build_revoke(&world, B)),
            )
            .await;
            let policy = world.read_golden_policy();
            let is_right = !policy.contains(B) && policy.contains(OTHER);
            if shared.is_err() || revoked.is_err() || !is_right {
                wrong.push(format!("put {late} is late, share {moment} s later"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

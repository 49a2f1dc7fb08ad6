//! Slow networks: every call takes its time. Each way to share and to revoke works, nothing is lost
//! beside another run, and where a key policy cannot be changed safely the run says so.

use std::time::Duration;

use ami_share::Sharer;
use ami_share_sim::{Options, Scenario};
use serde_json::json;

use super::lost::{WAYS, describe_end};
use super::support::*;

const LATENCIES: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_millis(800),
    Duration::from_millis(2_500),
];

#[tokio::test(start_paused = true)]
async fn slow_network_changes_no_end() {
    let mut wrong = Vec::new();
    for way in WAYS {
        let world = way.prepare().await;
        world.share(way.request(&world)).await;
        let expected = describe_end(&world);
        for latency in LATENCIES {
            let world = way.prepare_with(latency).await;
            let row = format!("{way:?} at {} ms", latency.as_millis());
            match world.try_share(way.request(&world)).await {
                Err(report) => wrong.push(format!("{row}: {:?}", report.errors.first())),
                Ok(_) if describe_end(&world) != expected => {
                    wrong.push(format!("{row}: {}, not {expected}", describe_end(&world)));
                }
                Ok(_) => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A world with so many targets, in which every call takes a time.
fn build_slow_world(latency: Duration, targets: u64) -> World {
    let options = Options {
        latency,
        ..Options::default()
    };
    World::with_options(Scenario::with_targets(targets), options)
}

#[tokio::test(start_paused = true)]
async fn slow_runs_on_one_key_lose_no_target() {
    for latency in LATENCIES {
        let world = build_slow_world(latency, 4);
        let mut runs = Vec::new();
        for n in 0..4_u64 {
            let target = (300_000_000_000 + n).to_string();
            let request = world.build_request_for(&["golden"], &[&target]);
            let sharer = Sharer::new(&world.config(A));
            let world = &world;
            runs.push(async move {
                // The others are between their read and their put.
                tokio::time::sleep(Duration::from_millis(700 * n)).await;
                let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
                sharer.apply(&plan).await.unwrap();
                assert!(world.elapsed() < Duration::from_mins(10));
                target
            });
        }
        let targets = futures::future::join_all(runs).await;
        let policy = world.read_golden_policy();
        for target in targets {
            assert!(policy.contains(&target), "{target} is lost at {latency:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn policy_that_is_read_too_slowly_is_not_put_and_the_run_says_so() {
    for (seconds, is_put) in [(2.2, true), (3.3, true), (3.7, false), (4.5, false)] {
        let delay = json!({ "delay": { "seconds": seconds } });
        let fault = json!({ "operation": "kms:GetKeyPolicy", "effect": delay });
        let world = World::new().with_fault(fault);
        let ended = world.try_share(world.build_request(&["golden"])).await;
        assert_eq!(ended.is_ok(), is_put, "{seconds}");
        assert_eq!(world.has_called("kms:PutKeyPolicy"), is_put, "{seconds}");
        if let Err(report) = ended {
            let codes: Vec<_> = report
                .errors
                .iter()
                .map(|error| error.code.as_str())
                .collect();
            assert_eq!(codes, ["key.policy-slow"], "{seconds}");
        }
        assert!(world.elapsed() < Duration::from_mins(5), "{seconds}");
    }
}

//! Slow networks: every call takes its time. Each way to share and to revoke works, nothing is lost
//! beside another run, and where a key policy cannot be changed safely the run says so.

use std::time::Duration;

use ami_share::Sharer;
use ami_share::diagnostic::Code;
use ami_share_sim::{Options, Scenario};
use serde_json::json;

use super::lost::{WAYS, Way, describe_end};
use super::support::*;

/// Networks over which a key policy can be changed.
const LATENCIES: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_millis(800),
    Duration::from_millis(1_400),
];

/// One over which it cannot.
const TOO_SLOW: Duration = Duration::from_millis(2_500);

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

/// Whoever changes no key policy can take any time.
#[tokio::test(start_paused = true)]
async fn very_slow_network_changes_grants_and_says_why_it_changes_no_key_policy() {
    let mut wrong = Vec::new();
    for way in WAYS {
        let by_grants = [Way::Grants, Way::ServiceRolesByGrants, Way::RevokeGrants].contains(&way);
        if way.is_revoke() && !by_grants {
            // There is nothing to revoke: nothing could be shared.
            continue;
        }
        let world = way.prepare().await;
        world.share(way.request(&world)).await;
        let expected = describe_end(&world);
        let world = way.prepare_with(TOO_SLOW).await;
        let ended = world.try_share(way.request(&world)).await;
        let codes = match &ended {
            Err(report) => report.errors.iter().map(|error| error.code).collect(),
            Ok(_) => Vec::new(),
        };
        let is_right = if by_grants {
            ended.is_ok() && describe_end(&world) == expected
        } else {
            codes.first() == Some(&Code::KeyPolicySlow)
                && !world.has_called("kms:PutKeyPolicy")
                && !world.has_called("ec2:ModifyImageAttribute")
        };
        if !is_right {
            wrong.push(format!("{way:?}: {codes:?}"));
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
    for (seconds, is_put) in [
        (0.9, true),
        (1.4, true),
        (1.6, false),
        (2.2, false),
        (4.5, false),
    ] {
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

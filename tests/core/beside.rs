//! A share beside a revoke for the same target: in the end the target is in or out, never half, where both say "done".

use std::time::Duration;

use ami_share::{KeyAccessMode, Report, Revoke, ShareRequestBuilder};
use proptest::prelude::*;

use super::support::*;

const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";

/// By policy, by grants, and with an organization.
const WAYS: [(KeyAccessMode, &str); 3] =
    [(KeyAccessMode::Policy, B), (KeyAccessMode::Grants, B), (KeyAccessMode::Policy, ORGANIZATION)];

type Way = (KeyAccessMode, &'static str);

fn request(world: &World, (mode, target): Way) -> ShareRequestBuilder {
    ami_share::ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image(world.image("image-1").parse().unwrap())
        .targets([target.parse().unwrap()])
        .key_access(mode)
}

async fn share(world: &World, way: Way) -> Result<Report, Report> {
    world.try_share(request(world, way)).await
}

async fn revoke(world: &World, way: Way) -> Result<Report, Report> {
    world.try_share(request(world, way).revoke(Revoke::default())).await
}

/// Whether the target can launch, and whether it can use the key.
fn held(world: &World) -> (bool, bool) {
    let access = world.access();
    let launch = access["images"][&world.image("image-1")][0].as_array().is_some_and(|list| !list.is_empty());
    (launch, world.policy_of("key-1").contains("AmiShare") || !access["grants"].as_array().unwrap().is_empty())
}

fn check(world: &World, done: &[&Result<Report, Report>], what: &str) {
    let (launch, key) = held(world);
    if done.iter().all(|run| run.is_ok()) {
        assert_eq!(launch, key, "{what}: launch permission {launch}, key access {key}");
    }
}

/// Runs `first` for so many calls, then `second` as a whole, then the rest of `first`.
async fn within<F, S>(world: &World, calls: usize, first: F, second: S) -> (F::Output, S::Output)
where
    F: Future,
    S: Future,
{
    let mut first = std::pin::pin!(first);
    let from = world.sim.journal().len();
    let made = async {
        while world.sim.journal().len() < from + calls {
            tokio::task::yield_now().await;
            tokio::time::advance(Duration::from_millis(10)).await;
        }
    };
    let early = tokio::select! { ended = &mut first => Some(ended), () = made => None };
    let second = second.await;
    let first = match early {
        Some(ended) => ended,
        None => first.await,
    };
    (first, second)
}

#[tokio::test(start_paused = true)]
async fn one_within_the_other_after_every_call() {
    for way in WAYS {
        for shared_before in [false, true] {
            for calls in 0..24 {
                for share_first in [true, false] {
                    let world = World::generated(2, 1, 1, 1);
                    if shared_before {
                        share(&world, way).await.unwrap();
                    }
                    let (one, other) = if share_first {
                        within(&world, calls, share(&world, way), revoke(&world, way)).await
                    } else {
                        within(&world, calls, revoke(&world, way), share(&world, way)).await
                    };
                    let what = format!(
                        "{way:?}, shared before: {shared_before}, share first: {share_first}, after call {calls}"
                    );
                    check(&world, &[&one, &other], &what);
                }
            }
        }
    }
}

/// Calls that are slow, as they come: an operation, which call of it, and by how many tenths of a second.
fn slow() -> impl Strategy<Value = Vec<(&'static str, u32, u32)>> {
    let operation = prop::sample::select(vec![
        "kms:GetKeyPolicy",
        "kms:PutKeyPolicy",
        "kms:CreateGrant",
        "kms:RevokeGrant",
        "kms:ListGrants",
        "ec2:ModifyImageAttribute",
        "ec2:DescribeImageAttribute",
    ]);
    prop::collection::vec((operation, 1_u32..8, 0_u32..45), 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn side_by_side_with_slow_calls(
        slow in slow(),
        way in prop::sample::select(WAYS.to_vec()),
        shared_before in any::<bool>(),
        head_start in 0_u64..60_000,
        share_first in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::generated(2, 1, 1, 1);
            if shared_before {
                share(&world, way).await.unwrap();
            }
            for (operation, call, tenths) in &slow {
                let seconds = f64::from(*tenths) / 10.0;
                let fault = serde_json::json!({ "operation": operation, "call": call, "effect": { "delay": { "seconds": seconds } } });
                world.sim.fault(serde_json::from_value(fault).unwrap());
            }
            let late = |first: bool| Duration::from_millis(if first { 0 } else { head_start });
            let sharing = async {
                tokio::time::sleep(late(share_first)).await;
                share(&world, way).await
            };
            let revoking = async {
                tokio::time::sleep(late(!share_first)).await;
                revoke(&world, way).await
            };
            let (one, other) = futures::future::join(sharing, revoking).await;
            check(&world, &[&one, &other], &format!("{way:?} {slow:?} {head_start}"));
        });
    }
}

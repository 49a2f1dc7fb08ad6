//! A share beside a revoke for the same target: in the end the target is in or out, never half, where both say "done".

#![expect(clippy::print_stdout, reason = "the number of orders is told")]

use std::time::Duration;

use ami_share::{KeyAccessMode, Report, Revoke, ShareRequest, ShareRequestBuilder, Sharer, Timing};
use ami_share_sim::{Options, Scenario, Sim, Size};
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::interleave::{Gate, Search};
use super::support::*;

const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";

type Way = (KeyAccessMode, &'static str);

const BY_POLICY: Way = (KeyAccessMode::Policy, B);
const BY_GRANTS: Way = (KeyAccessMode::Grants, B);
const WITH_ORGANIZATION: Way = (KeyAccessMode::Policy, ORGANIZATION);

/// How often, at most, a run that changes a policy is held back while the other one waits for it to settle. With two, as
/// a nightly search may have it, everything takes about ten times as long.
fn holds() -> usize {
    option_env!("AMI_SHARE_HOLDS").map_or(1, |holds| holds.parse().unwrap())
}

/// Two images under one key.
fn world() -> World {
    let mut scenario = Scenario::generate(Size { accounts: 2, regions: 1, images: 2, snapshots: 1 }).unwrap();
    let volumes = scenario.images[0].volumes.clone();
    scenario.images[1].volumes = volumes;
    World { sim: Sim::new(scenario, Options::default()) }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn request(world: &World, (mode, target): Way, image: &str) -> ShareRequestBuilder {
    ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image(world.image(image).parse().unwrap())
        .targets([target.parse().unwrap()])
        .key_access(mode)
        .timing(Timing { jitter: false, ..Timing::default() })
}

async fn run(sharer: &Sharer, request: ShareRequestBuilder) -> Result<Report, Report> {
    let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
    sharer.apply(&plan).await.map_err(|incomplete| incomplete.report)
}

/// Where both are done, whoever can launch an image can use its key, and nobody else can.
fn check(world: &World, (mode, _): Way, done: &[&Result<Report, Report>], what: impl Fn() -> String) {
    if done.iter().any(|run| run.is_err()) {
        return;
    }
    let access = world.access();
    let images = ["image-1", "image-2"].map(|name| world.image(name));
    let launch = images.each_ref().map(|image| !access["images"][image][0].as_array().unwrap().is_empty());
    if mode == KeyAccessMode::Grants {
        let names = access["grants"].to_string();
        assert_eq!(launch, images.map(|image| names.contains(&image)), "{}", what());
    } else {
        // One statement serves both images.
        let named = world.policy_of("key-1").contains("AmiShare");
        assert_eq!(launch.contains(&true), named, "{}", what());
    }
}

/// A share of one image beside a revoke of the same or another one.
#[derive(Clone, Copy, Debug)]
struct Pair {
    way: Way,
    /// Whether the image that is taken back was shared before.
    shared_before: bool,
    shares: &'static str,
    revokes: &'static str,
}

const fn pair(way: Way, shared_before: bool, shares: &'static str) -> Pair {
    Pair { way, shared_before, shares, revokes: "image-1" }
}

const PAIRS: [Pair; 8] = [
    pair(BY_POLICY, false, "image-1"),
    pair(BY_POLICY, true, "image-1"),
    pair(BY_GRANTS, false, "image-1"),
    pair(BY_GRANTS, true, "image-1"),
    pair(WITH_ORGANIZATION, false, "image-1"),
    pair(WITH_ORGANIZATION, true, "image-1"),
    // The other image's key is the same, so its access must last.
    pair(BY_POLICY, true, "image-2"),
    pair(BY_GRANTS, true, "image-2"),
];

impl Pair {
    /// Runs both along a path; says whether it came to an end that was not known.
    fn follow(self, search: &mut Search) -> bool {
        runtime().block_on(async {
            let (world, way) = (world(), self.way);
            if self.shared_before {
                world.share(request(&world, way, self.revokes)).await;
            }
            let key = if way == BY_GRANTS { "grants" } else { "policy" }.to_owned();
            let gate = Gate::over([key, world.image(self.shares), world.image(self.revokes)]);
            let [sharer, revoker] = [0, 1].map(|n| Sharer::new(&gate.before(n, &world.config(A))));
            let sharing = gate.run(0, run(&sharer, request(&world, way, self.shares)));
            let revoking = gate.run(1, run(&revoker, request(&world, way, self.revokes).revoke(Revoke::default())));
            let both = Box::pin(futures::future::join(sharing, revoking));
            let ended = search.follow(&gate, || world.access().to_string(), both).await;
            if let Some((one, other)) = &ended {
                check(&world, way, &[one, other], || format!("{self:?}, {:#?}", search.told()));
            }
            ended.is_some()
        })
    }

    /// Runs both in every order that makes a difference; how many those are.
    fn in_every_order(self, holds: usize) -> usize {
        let (mut search, mut paths, mut orders) = (Search::of_all(holds), 0, 0);
        loop {
            paths += 1;
            orders += usize::from(self.follow(&mut search));
            if !search.next() {
                println!("{self:?}: {orders} orders, {paths} paths, {} of them lost", search.lost);
                return orders;
            }
        }
    }
}

fn in_every_order(pairs: impl Fn(&Pair) -> bool, holds: usize) {
    for pair in PAIRS.into_iter().filter(pairs) {
        assert!(pair.in_every_order(holds) > 10, "{pair:?}");
    }
}

#[test]
fn by_grants_in_every_order() {
    in_every_order(|pair| pair.way == BY_GRANTS, usize::MAX);
}

#[test]
fn by_policy_for_the_first_time_in_every_order() {
    in_every_order(|pair| pair.way != BY_GRANTS && !pair.shared_before, holds());
}

#[test]
#[ignore = "takes minutes; .ci/run runs it"]
fn by_policy_once_more_in_every_order() {
    in_every_order(|pair| pair.way != BY_GRANTS && pair.shared_before, holds());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn in_orders_at_random(pair in prop::sample::select(PAIRS.to_vec()), path in prop::collection::vec(0_usize..4, 60)) {
        pair.follow(&mut Search::along(path));
    }
}

#[test]
fn an_image_that_is_shared_while_another_one_is_taken_back_keeps_its_key() {
    // The share as a whole, between the revoke's plan and its put: it found the key in order, and puts nothing.
    let path = [vec![1; 5], vec![0; 60]].concat();
    assert!(pair(BY_POLICY, true, "image-2").follow(&mut Search::along(path)));
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
        way in prop::sample::select(vec![BY_POLICY, BY_GRANTS, WITH_ORGANIZATION]),
        shared_before in any::<bool>(),
        head_start in 0_u64..60_000,
        share_first in any::<bool>(),
    ) {
        runtime().block_on(async {
            let world = world();
            if shared_before {
                world.share(request(&world, way, "image-1")).await;
            }
            for (operation, call, tenths) in &slow {
                let seconds = f64::from(*tenths) / 10.0;
                let fault = serde_json::json!({ "operation": operation, "call": call, "effect": { "delay": { "seconds": seconds } } });
                world.sim.fault(serde_json::from_value(fault).unwrap());
            }
            let late = |first: bool| Duration::from_millis(if first { 0 } else { head_start });
            let sharing = async {
                tokio::time::sleep(late(share_first)).await;
                world.try_share(request(&world, way, "image-1")).await
            };
            let revoking = async {
                tokio::time::sleep(late(!share_first)).await;
                world.try_share(request(&world, way, "image-1").revoke(Revoke::default())).await
            };
            let (one, other) = futures::future::join(sharing, revoking).await;
            check(&world, way, &[&one, &other], || format!("{way:?} {slow:?} {head_start}"));
        });
    }
}

//! A share beside a revoke for the same target: in the end the target is in or out, never half,
//! where both say "done".

#![expect(clippy::print_stdout, reason = "the number of orders is told")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots};
use ami_share::{Report, ShareRequest, Sharer};
use ami_share_sim::{Options, Scenario, Sim, Size};
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::gate::Gate;
use super::search::Search;
use super::support::*;

const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";

/// When the worlds begin, after 1970: the same in each, so that answers are the same.
const BEGAN: Duration = Duration::from_hours(24 * 365 * 56);

type Way = (KeyAccessMode, &'static str);

const BY_POLICY: Way = (KeyAccessMode::Policy, B);
const BY_GRANTS: Way = (KeyAccessMode::Grants, B);
/// The key is left alone, so that the search has an end.
const KEY_ASIDE: Way = (KeyAccessMode::None, B);
const WITH_ORGANIZATION: Way = (KeyAccessMode::Policy, ORGANIZATION);

/// How often, at most, a run that changes a policy is held back while the other one waits for it to
/// settle. With two, as a nightly search may have it, everything takes about ten times as long.
fn holds() -> usize {
    option_env!("AMI_SHARE_HOLDS").map_or(1, |holds| holds.parse().unwrap())
}

/// Two images under one key; or one under none, to be copied under that key.
fn world(also: Also) -> World {
    let mut scenario = Scenario::generate(Size {
        accounts: 2,
        regions: 1,
        images: 2,
        snapshots: 1,
    })
    .unwrap();
    let volumes = scenario.images[0].volumes.clone();
    scenario.images[1].volumes = volumes;
    if also == Also::Copies {
        scenario.images[0]
            .volumes
            .iter_mut()
            .for_each(|key| *key = None);
    }
    World {
        sim: Sim::new(
            scenario,
            Options {
                began: SystemTime::UNIX_EPOCH + BEGAN,
                ..Options::default()
            },
        ),
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

fn request(world: &World, (mode, target): Way, image: &str) -> ShareRequestBuilder {
    ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image(world.image(image).parse().unwrap())
        .targets([target.parse().unwrap()])
        .key_access(mode)
}

async fn run(sharer: &Sharer, request: ShareRequestBuilder) -> Result<Report, Report> {
    let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
    sharer
        .apply(&plan)
        .await
        .map_err(|incomplete| incomplete.report)
}

/// Where both are done, whoever can launch an image can use its key, and its snapshots where those
/// are shared; and nobody else can.
fn check(
    world: &World,
    (mode, _): Way,
    also: Also,
    done: &[&Result<Report, Report>],
    what: impl Fn() -> String,
) {
    if done.iter().any(|run| run.is_err()) {
        return;
    }
    let (state, access) = (world.sim.state(), world.access());
    let images = state["images"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, image)| image["owner"] == A);
    let launch: BTreeMap<&String, bool> = images
        .map(|(id, image)| {
            let shared = !access["images"][id][0].as_array().unwrap().is_empty();
            (id, image["state"] == "available" && shared)
        })
        .collect();
    if mode == KeyAccessMode::Grants {
        let names = access["grants"].to_string();
        let named = launch.keys().map(|id| (*id, names.contains(*id))).collect();
        assert_eq!(launch, named, "{}", what());
    } else if mode == KeyAccessMode::Policy {
        // One statement serves all images.
        let named = world.policy_of("key-1").contains("AmiShare");
        assert_eq!(launch.values().any(|launch| *launch), named, "{}", what());
    }
    if also == Also::Snapshots {
        let snapshots = access["snapshots"].as_object().unwrap().values();
        let made = snapshots
            .filter(|of| !of[0].as_array().unwrap().is_empty())
            .count();
        assert_eq!(
            launch.values().filter(|launch| **launch).count(),
            made,
            "{}",
            what()
        );
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
    also: Also,
}

/// What is shared with an image, or shared of it, and taken back too.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Also {
    Nothing,
    Snapshots,
    Copies,
}

const fn pair(way: Way, shared_before: bool, shares: &'static str) -> Pair {
    Pair {
        way,
        shared_before,
        shares,
        revokes: "image-1",
        also: Also::Nothing,
    }
}

const fn with(also: Also, way: Way, shared_before: bool) -> Pair {
    Pair {
        also,
        ..pair(way, shared_before, "image-1")
    }
}

const PAIRS: [Pair; 13] = [
    pair(BY_POLICY, false, "image-1"),
    pair(BY_POLICY, true, "image-1"),
    pair(BY_GRANTS, false, "image-1"),
    pair(BY_GRANTS, true, "image-1"),
    pair(WITH_ORGANIZATION, false, "image-1"),
    pair(WITH_ORGANIZATION, true, "image-1"),
    // The other image's key is the same, so its access must last.
    pair(BY_POLICY, true, "image-2"),
    pair(BY_GRANTS, true, "image-2"),
    pair(BY_POLICY, false, "image-2"),
    pair(WITH_ORGANIZATION, true, "image-2"),
    with(Also::Snapshots, KEY_ASIDE, false),
    with(Also::Snapshots, KEY_ASIDE, true),
    // The copy is there, for the share to adopt and the revoke to remove.
    with(Also::Copies, BY_GRANTS, true),
];

impl Pair {
    /// Runs both along a path; what they came to, where that was not known: who was done, and who
    /// has access.
    fn follow(self, search: &mut Search) -> Option<String> {
        runtime().block_on(async {
            let (world, way) = (world(self.also), self.way);
            if self.shared_before {
                world.share(self.shared(&world, self.revokes)).await;
            }
            let key = if way == BY_GRANTS { "grants" } else { "policy" }.to_owned();
            let contended = match self.also {
                Also::Nothing => vec![key, world.image(self.shares), world.image(self.revokes)],
                Also::Snapshots => vec![key, world.image("image-1"), "snapshots".to_owned()],
                Also::Copies => [key]
                    .into_iter()
                    .chain(world.copies().into_keys())
                    .collect(),
            };
            let gate = Gate::over(contended);
            let [sharer, revoker] =
                [0, 1].map(|n| Sharer::new(&gate.before(n, &world.config(A))).without_jitter());
            let sharing = gate.run(0, run(&sharer, self.shared(&world, self.shares)));
            let revoking = gate.run(1, run(&revoker, self.revoked(&world)));
            let both = Box::pin(futures::future::join(sharing, revoking));
            let ended = search
                .follow(&gate, || world.access().to_string(), both)
                .await;
            ended.map(|(one, other)| {
                check(&world, way, self.also, &[&one, &other], || {
                    format!("{self:?}, {:#?}", search.told())
                });
                format!("{} {} {}", one.is_ok(), other.is_ok(), world.access())
            })
        })
    }

    /// The request that takes back.
    fn revoked(self, world: &World) -> ShareRequestBuilder {
        let remove_copies = self.also == Also::Copies;
        request(world, self.way, self.revokes).revoke(Revoke {
            remove_copies,
            ..Revoke::default()
        })
    }

    /// The request that shares.
    fn shared(self, world: &World, image: &str) -> ShareRequestBuilder {
        let request = request(world, self.way, image);
        match self.also {
            Also::Nothing => request,
            Also::Snapshots => request.share_snapshots(ShareSnapshots::Always),
            Also::Copies => request.kms_key(world.key("key-1").parse().unwrap()),
        }
    }

    /// Runs both in every order that makes a difference; what they came to.
    fn in_every_order(self, mut search: Search) -> Vec<String> {
        let (mut paths, mut ends) = (0, Vec::new());
        loop {
            paths += 1;
            ends.extend(self.follow(&mut search));
            if !search.next() {
                println!(
                    "{self:?}: {} orders, {paths} paths, {} of them lost",
                    ends.len(),
                    search.lost
                );
                return ends;
            }
        }
    }
}

fn in_every_order(pairs: impl Fn(&Pair) -> bool, holds: usize) {
    for pair in PAIRS.into_iter().filter(pairs) {
        let ends = pair.in_every_order(Search::of_all(holds));
        assert!(
            ends.len() > 10 && ends.iter().any(|end| end.starts_with("true true")),
            "{pair:?}"
        );
    }
}

#[test]
fn what_is_known_and_left_out_comes_to_no_other_end() {
    for pair in [false, true].map(|before| with(Also::Snapshots, KEY_ASIDE, before)) {
        let [short, long] =
            [Search::of_all(1), Search::of_all(1).with_known_states()].map(|search| {
                let ends = pair.in_every_order(search);
                (ends.len(), BTreeSet::from_iter(ends))
            });
        assert_eq!(short.1, long.1, "{pair:?}");
        assert!(
            short.0 < long.0 && short.1.len() > 1,
            "{pair:?}: {} of {} orders",
            short.0,
            long.0
        );
    }
}

#[test]
fn by_grants_in_every_order() {
    in_every_order(
        |pair| pair.way == BY_GRANTS && pair.also == Also::Nothing,
        usize::MAX,
    );
}

#[test]
fn snapshots_in_every_order() {
    in_every_order(|pair| pair.also == Also::Snapshots, usize::MAX);
}

#[test]
fn copies_in_every_order() {
    in_every_order(|pair| pair.also == Also::Copies, usize::MAX);
}

#[test]
fn by_policy_for_the_first_time_in_every_order() {
    in_every_order(
        |pair| pair.way.0 == KeyAccessMode::Policy && !pair.shared_before,
        holds(),
    );
}

#[test]
#[ignore = "takes minutes; .ci/run runs it"]
fn by_policy_once_more_in_every_order() {
    in_every_order(
        |pair| pair.way.0 == KeyAccessMode::Policy && pair.shared_before,
        holds(),
    );
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
    // The share as a whole, between the revoke's plan and its put: it found the key in order, and
    // puts nothing.
    let path = [vec![1; 5], vec![0; 60]].concat();
    assert!(
        pair(BY_POLICY, true, "image-2")
            .follow(&mut Search::along(path))
            .is_some()
    );
}

/// Any share beside any revoke. Snapshots cannot be shared with an organization (R2.15).
fn pairs() -> impl Strategy<Value = Pair> {
    let ways = prop::sample::select(vec![BY_POLICY, BY_GRANTS, WITH_ORGANIZATION]);
    let also = prop::sample::select(vec![Also::Nothing, Also::Snapshots, Also::Copies]);
    (ways, also, any::<bool>(), any::<bool>()).prop_map(|(way, also, shared_before, other)| {
        let also = if way == WITH_ORGANIZATION && also == Also::Snapshots {
            Also::Nothing
        } else {
            also
        };
        let shares = if other && also != Also::Copies {
            "image-2"
        } else {
            "image-1"
        };
        Pair {
            also,
            ..pair(way, shared_before, shares)
        }
    })
}

/// Calls that are slow, as they come: an operation, which call of it, and by how many tenths of a
/// second.
fn slow() -> impl Strategy<Value = Vec<(&'static str, u32, u32)>> {
    let operation = prop::sample::select(vec![
        "kms:GetKeyPolicy",
        "kms:PutKeyPolicy",
        "kms:CreateGrant",
        "kms:RevokeGrant",
        "kms:ListGrants",
        "ec2:ModifyImageAttribute",
        "ec2:DescribeImageAttribute",
        "ec2:ModifySnapshotAttribute",
        "ec2:DeregisterImage",
    ]);
    prop::collection::vec((operation, 1_u32..8, 0_u32..45), 0..10)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn side_by_side_with_slow_calls(
        slow in slow(),
        pair in pairs(),
        head_start in 0_u64..60_000,
        share_first in any::<bool>(),
    ) {
        runtime().block_on(async {
            let world = world(pair.also);
            if pair.shared_before {
                world.share(pair.shared(&world, pair.revokes)).await;
            }
            for (operation, call, tenths) in &slow {
                let seconds = f64::from(*tenths) / 10.0;
                let fault = serde_json::json!({ "operation": operation, "call": call, "effect": { "delay": { "seconds": seconds } } });
                world.sim.fault(serde_json::from_value(fault).unwrap());
            }
            let late = |first: bool| Duration::from_millis(if first { 0 } else { head_start });
            let sharing = async {
                tokio::time::sleep(late(share_first)).await;
                world.try_share(pair.shared(&world, pair.shares)).await
            };
            let revoking = async {
                tokio::time::sleep(late(!share_first)).await;
                world.try_share(pair.revoked(&world)).await
            };
            let (one, other) = futures::future::join(sharing, revoking).await;
            check(&world, pair.way, pair.also, &[&one, &other], || format!("{pair:?} {slow:?} \
                {head_start}"));
        });
    }
}

//! A share of one image and a concurrent revoke of the same or another one.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots};
use ami_share::{Report, Sharer};
use ami_share_sim::{Options, Scenario};
use tokio::runtime::{Builder, Runtime};

use super::gate::{Defect, Gate};
use super::scenarios::support::*;
use super::search::Search;

/// When the worlds begin, after 1970: the same in each, so that answers are the same.
const BEGAN: Duration = Duration::from_hours(24 * 365 * 56);

thread_local! {
    /// Worlds in which an image is shared: to share it takes as long as to follow a path.
    static SHARED: RefCell<BTreeMap<String, Scenario>> = RefCell::default();
}

/// How a target gets access, and which target.
pub(super) type Way = (KeyAccessMode, &'static str);

/// A second target.
const C: &str = "300000000000";

pub(super) const BY_POLICY: Way = (KeyAccessMode::Policy, B);
pub(super) const BY_GRANTS: Way = (KeyAccessMode::Grants, B);
/// The key is left alone, so that the search has an end.
pub(super) const KEY_ASIDE: Way = (KeyAccessMode::None, B);
pub(super) const WITH_ORGANIZATION: Way = (KeyAccessMode::Policy, ORGANIZATION);

/// What is shared with an image, or of an image, and revoked with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Also {
    Nothing,
    Snapshots,
    Copies,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) way: Way,
    /// Whether the image that is revoked was shared before.
    pub(super) shared_before: bool,
    /// The image that is shared.
    pub(super) shares: &'static str,
    /// The image that is revoked.
    pub(super) revokes: &'static str,
    /// The target from which it is revoked.
    pub(super) revokes_from: &'static str,
    pub(super) also: Also,
    /// A mistake that the share makes.
    pub(super) defect: Option<Defect>,
}

impl Pair {
    pub(super) const fn new(way: Way, shared_before: bool, shares: &'static str) -> Self {
        Self {
            way,
            shared_before,
            shares,
            revokes: "image-1",
            revokes_from: way.1,
            also: Also::Nothing,
            defect: None,
        }
    }

    /// An image that is shared with one target and revoked from another. Neither run looks at the
    /// other's target, so only who watches what it has put sees that it is overwritten.
    pub(super) const fn of_two_targets() -> Self {
        Self {
            revokes_from: B,
            ..Self::new((KeyAccessMode::Policy, C), true, "image-1")
        }
    }

    pub(super) const fn with(also: Also, way: Way, shared_before: bool) -> Self {
        Self {
            also,
            ..Self::new(way, shared_before, "image-1")
        }
    }

    /// The world before both runs: two images under one key; with copies, one under no key, to be
    /// copied under that key.
    pub(super) async fn build_world(self) -> World {
        let is_simple = self.way.0 == KeyAccessMode::Policy && self.also == Also::Nothing;
        if !self.shared_before {
            return build_world(self.build_scenario());
        }
        if !is_simple {
            return self.build_shared_world().await;
        }
        let name = format!("{self:?}");
        let known = SHARED.with_borrow(|known| known.get(&name).cloned());
        if let Some(scenario) = known {
            return build_world(scenario);
        }
        let scenario = self.build_shared_scenario().await;
        SHARED.with_borrow_mut(|known| known.insert(name, scenario.clone()));
        build_world(scenario)
    }

    fn build_scenario(self) -> Scenario {
        let mut scenario = generate_scenario(3, 1, 2, 1);
        let volumes = scenario.images[0].volumes.clone();
        scenario.images[1].volumes = volumes;
        if self.also == Also::Copies {
            scenario.images[0].volumes.fill(None);
        }
        scenario
    }

    /// A world in which a run has shared the image that is revoked.
    async fn build_shared_world(self) -> World {
        let world = build_world(self.build_scenario());
        let request = self.build_request(&world, self.revokes, self.revokes_from);
        world.share(request).await;
        world
    }

    /// The same as a scenario, by what the run has changed.
    async fn build_shared_scenario(self) -> Scenario {
        let world = self.build_shared_world().await;
        let mut scenario = self.build_scenario();
        let key = scenario.keys.iter_mut().find(|key| key.name == "key-1");
        let policy = serde_json::from_str(&world.read_key_policy("key-1"));
        key.unwrap().policy = Some(policy.unwrap());
        let mut images = scenario.images.iter_mut();
        let image = images.find(|image| image.name == self.revokes).unwrap();
        image.shared_with.push(self.revokes_from.to_owned());
        assert_eq!(
            build_world(scenario.clone()).list_access(),
            world.list_access()
        );
        scenario
    }

    pub(super) fn build_share(self, world: &World) -> ShareRequestBuilder {
        self.build_request(world, self.shares, self.way.1)
    }

    fn build_request(self, world: &World, image: &str, target: &str) -> ShareRequestBuilder {
        let request = world
            .build_request_for(&[image], &[target])
            .key_access(self.way.0);
        match self.also {
            Also::Nothing => request,
            Also::Snapshots => request.share_snapshots(ShareSnapshots::Always),
            Also::Copies => request.kms_key(world.key_arn("key-1").parse().unwrap()),
        }
    }

    pub(super) fn build_revoke(self, world: &World) -> ShareRequestBuilder {
        world
            .build_request_for(&[self.revokes], &[self.revokes_from])
            .key_access(self.way.0)
            .revoke(Revoke {
                copies: self.also == Also::Copies,
                ..Revoke::default()
            })
    }

    /// The parts of the world that both runs read or change.
    fn list_contended(self, world: &World) -> Vec<String> {
        let by_grants = self.way == BY_GRANTS;
        let key = if by_grants { "grants" } else { "policy" }.to_owned();
        match self.also {
            Also::Nothing => {
                let (shared, revoked) = (world.image_id(self.shares), world.image_id(self.revokes));
                vec![key, shared, revoked]
            }
            Also::Snapshots => vec![key, world.image_id("image-1"), "snapshots".to_owned()],
            Also::Copies => {
                let copies = world.list_copies().into_keys();
                [key].into_iter().chain(copies).collect()
            }
        }
    }

    /// Carries both out along a path; returns the end of the path if it has a new one: which run
    /// succeeded, and who has access. An error says what is wrong with it.
    pub(super) fn follow(self, search: &mut Search) -> Result<Option<String>, String> {
        build_runtime().block_on(async {
            let world = self.build_world().await;
            let gate = Gate::new(
                self.list_contended(&world),
                name_in_policy(self.way.1),
                self.defect,
            );
            let [sharer, revoker] = [0, 1].map(|run| {
                let config = gate.gate_calls(run, &world.config(A));
                Sharer::new(&config).without_jitter()
            });
            let sharing = carry_out(&sharer, self.build_share(&world));
            let revoking = carry_out(&revoker, self.build_revoke(&world));
            let both = Box::pin(futures::future::join(
                gate.track_run(0, sharing),
                gate.track_run(1, revoking),
            ));
            let state = || world.list_access().to_string();
            let ended = search.follow(&gate, state, both).await;
            let path = || format!("{self:?}, {:#?}", search.describe_path());
            if self.way.0 == KeyAccessMode::Policy && gate.has_early_permission() {
                return Err(format!("launch permission before the key: {}", path()));
            }
            let Some((shared, revoked)) = ended else {
                return Ok(None);
            };
            let ends = (shared.is_ok(), revoked.is_ok());
            if ends == (true, true) {
                self.check(&world)
                    .map_err(|problem| format!("{problem}: {}", path()))?;
            }
            Ok(Some(format!(
                "{} {} {}",
                ends.0,
                ends.1,
                world.list_access()
            )))
        })
    }

    /// Where both runs succeeded, exactly those who can launch an image can use its key, and its
    /// snapshots if those are shared.
    pub(super) fn check(self, world: &World) -> Result<(), String> {
        let (state, access) = (world.sim.state(), world.list_access());
        let mut can_launch = BTreeMap::new();
        for (id, image) in state["images"].as_object().unwrap() {
            if image["owner"] == A {
                let is_shared = !access["images"][id][0].as_array().unwrap().is_empty();
                can_launch.insert(id, image["state"] == "available" && is_shared);
            }
        }
        if self.way.0 == KeyAccessMode::Grants {
            let names = access["grants"].to_string();
            let has_grant: BTreeMap<&String, bool> = can_launch
                .keys()
                .map(|id| (*id, names.contains(*id)))
                .collect();
            if can_launch != has_grant {
                return Err(format!("launch {can_launch:?}, grants {has_grant:?}"));
            }
        } else if self.way.0 == KeyAccessMode::Policy {
            // One statement serves all images.
            let policy = world.read_key_policy("key-1");
            for target in [self.way.1, self.revokes_from] {
                let shared_with = |id: &&String| access["images"][id].to_string().contains(target);
                let can = |(id, can): (&&String, &bool)| *can && shared_with(id);
                let can_launch = can_launch.iter().any(can);
                let has_statement = policy.contains(name_in_policy(target));
                if has_statement != can_launch {
                    return Err(format!(
                        "{target}: launch {can_launch}, statement {has_statement}"
                    ));
                }
            }
        }
        if self.also == Also::Snapshots {
            let snapshots = access["snapshots"].as_object().unwrap().values();
            let is_shared = |shared: &&serde_json::Value| !shared[0].as_array().unwrap().is_empty();
            let shared = snapshots.filter(is_shared).count();
            if shared != can_launch.values().filter(|can| **can).count() {
                return Err(format!("launch {can_launch:?}, {shared} snapshots"));
            }
        }
        Ok(())
    }
}

/// How a key policy names a target.
fn name_in_policy(target: &'static str) -> &'static str {
    target.rsplit('/').next().unwrap()
}

fn build_world(scenario: Scenario) -> World {
    let options = Options {
        began: SystemTime::UNIX_EPOCH + BEGAN,
        ..Options::default()
    };
    World::with_options(scenario, options)
}

pub(super) fn build_runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

async fn carry_out(sharer: &Sharer, request: ShareRequestBuilder) -> Result<Report, Report> {
    let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
    sharer
        .apply(&plan)
        .await
        .map_err(|incomplete| incomplete.report)
}

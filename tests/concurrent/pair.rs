//! A share of one image and a concurrent revoke of the same or another one.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots};
use ami_share::{Report, Sharer};
use ami_share_sim::Options;
use tokio::runtime::{Builder, Runtime};

use super::gate::Gate;
use super::scenarios::support::*;
use super::search::Search;

/// When the worlds begin, after 1970: the same in each, so that answers are the same.
const BEGAN: Duration = Duration::from_hours(24 * 365 * 56);

/// How a target gets access, and which target.
pub(super) type Way = (KeyAccessMode, &'static str);

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
    pub(super) also: Also,
}

impl Pair {
    pub(super) const fn new(way: Way, shared_before: bool, shares: &'static str) -> Self {
        Self {
            way,
            shared_before,
            shares,
            revokes: "image-1",
            also: Also::Nothing,
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
        let mut scenario = generate_scenario(2, 1, 2, 1);
        let volumes = scenario.images[0].volumes.clone();
        scenario.images[1].volumes = volumes;
        if self.also == Also::Copies {
            scenario.images[0].volumes.fill(None);
        }
        let options = Options {
            began: SystemTime::UNIX_EPOCH + BEGAN,
            ..Options::default()
        };
        let world = World::with_options(scenario, options);
        if self.shared_before {
            world.share(self.build_share(&world, self.revokes)).await;
        }
        world
    }

    pub(super) fn build_share(self, world: &World, image: &str) -> ShareRequestBuilder {
        let (mode, target) = self.way;
        let request = world
            .build_request_for(&[image], &[target])
            .key_access(mode);
        match self.also {
            Also::Nothing => request,
            Also::Snapshots => request.share_snapshots(ShareSnapshots::Always),
            Also::Copies => request.kms_key(world.key_arn("key-1").parse().unwrap()),
        }
    }

    pub(super) fn build_revoke(self, world: &World) -> ShareRequestBuilder {
        let (mode, target) = self.way;
        world
            .build_request_for(&[self.revokes], &[target])
            .key_access(mode)
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
    /// succeeded, and who has access.
    pub(super) fn follow(self, search: &mut Search) -> Option<String> {
        build_runtime().block_on(async {
            let world = self.build_world().await;
            let gate = Gate::new(self.list_contended(&world));
            let [sharer, revoker] = [0, 1].map(|run| {
                let config = gate.gate_calls(run, &world.config(A));
                Sharer::new(&config).without_jitter()
            });
            let sharing = carry_out(&sharer, self.build_share(&world, self.shares));
            let revoking = carry_out(&revoker, self.build_revoke(&world));
            let both = Box::pin(futures::future::join(
                gate.track_run(0, sharing),
                gate.track_run(1, revoking),
            ));
            let state = || world.list_access().to_string();
            let (shared, revoked) = search.follow(&gate, state, both).await?;
            self.check(&world, [&shared, &revoked], || {
                format!("{self:?}, {:#?}", search.describe_path())
            });
            let ends = (shared.is_ok(), revoked.is_ok());
            Some(format!("{} {} {}", ends.0, ends.1, world.list_access()))
        })
    }

    /// If both runs succeeded, exactly those who can launch an image can use its key, and its
    /// snapshots if those are shared.
    pub(super) fn check(
        self,
        world: &World,
        runs: [&Result<Report, Report>; 2],
        context: impl Fn() -> String,
    ) {
        if runs.iter().any(|run| run.is_err()) {
            return;
        }
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
            assert_eq!(can_launch, has_grant, "{}", context());
        } else if self.way.0 == KeyAccessMode::Policy {
            // One statement serves all images.
            let has_statement = world.read_key_policy("key-1").contains("AmiShare");
            let any = can_launch.values().any(|can| *can);
            assert_eq!(any, has_statement, "{}", context());
        }
        if self.also == Also::Snapshots {
            let snapshots = access["snapshots"].as_object().unwrap().values();
            let is_shared = |shared: &&serde_json::Value| !shared[0].as_array().unwrap().is_empty();
            let launchable = can_launch.values().filter(|can| **can).count();
            assert_eq!(
                launchable,
                snapshots.filter(is_shared).count(),
                "{}",
                context()
            );
        }
    }
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

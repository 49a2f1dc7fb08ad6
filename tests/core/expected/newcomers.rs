//! Who gains access between an approved plan and its run: nobody approved that they lose it.

use ami_share::diagnostic::Code;
use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots, Unlisted};
use ami_share::{Error, Plan, Principal, Sharer};
use serde_json::Value;

use crate::groups::into_groups;
use crate::support::*;

const C: &str = "300000000000";
const D: &str = "300000000001";
const NEWCOMER: &str = "300000000002";

/// A run that takes from more than those whom the request lists. C loses access in each.
#[derive(Clone, Copy, Debug)]
enum Way {
    RevokeAll,
    Unlisted,
    UnlistedOfGroups,
}

/// What the newcomer has when the plan is carried out.
#[derive(Clone, Copy, Debug)]
enum Gain {
    Everything,
    /// The snapshots and the key.
    Snapshots,
    Key,
}

const WAYS: [Way; 3] = [Way::RevokeAll, Way::Unlisted, Way::UnlistedOfGroups];
const GAINS: [Gain; 3] = [Gain::Everything, Gain::Snapshots, Gain::Key];
const MODES: [KeyAccessMode; 2] = [KeyAccessMode::Policy, KeyAccessMode::Grants];

fn request(world: &World, mode: KeyAccessMode, accounts: &[&str]) -> ShareRequestBuilder {
    let request = world.build_request_for(&["image-1"], accounts);
    let request = request.share_snapshots(ShareSnapshots::Always);
    request.key_access(mode)
}

/// How somebody has approved a plan.
#[derive(Clone, Copy, Debug)]
enum Approved {
    /// The run expects its digest.
    ByDigest,
    /// They were shown the very plan that is carried out.
    Seen,
}

impl Way {
    /// The plan, which somebody has approved or not.
    async fn plan(self, world: &World, mode: KeyAccessMode, approved: Option<Approved>) -> Plan {
        let first = self.plan_once(world, mode, None).await;
        let plan = match approved {
            None => return first,
            Some(Approved::ByDigest) => self.plan_once(world, mode, Some(first.digest())).await,
            Some(Approved::Seen) => first.clone().approved(),
        };
        assert!(plan.refusals().next().is_none());
        assert_eq!(plan.digest(), first.digest());
        plan
    }

    async fn plan_once(
        self,
        world: &World,
        mode: KeyAccessMode,
        expected: Option<ami_share::id::PlanDigest>,
    ) -> Plan {
        let sharer = Sharer::new(&world.config(A));
        let unlisted = |accounts: &[&str]| {
            let request = request(world, mode, accounts).unlisted(Unlisted::Revoke);
            request.revoke_in_use(true)
        };
        let one = match self {
            Self::RevokeAll => request(world, mode, &[])
                .revoke(Revoke {
                    all: true,
                    ..Revoke::default()
                })
                .revoke_in_use(true),
            Self::Unlisted => unlisted(&[B, D]),
            Self::UnlistedOfGroups => {
                let groups = into_groups(vec![("one", unlisted(&[B])), ("two", unlisted(&[D]))]);
                let planned = sharer.plan_groups(&groups, expected.as_ref()).await;
                return planned.unwrap();
            }
        };
        let one = match expected {
            Some(digest) => one.expect_plan(digest),
            None => one,
        };
        sharer.plan(&one.build().unwrap()).await.unwrap()
    }
}

impl Gain {
    /// Another run shares with the newcomer, and somebody takes some of that.
    async fn give(self, world: &World, mode: KeyAccessMode) {
        world.share(request(world, mode, &[NEWCOMER])).await;
        if !matches!(self, Self::Everything) {
            let image = world.image_id("image-1");
            world.edit_image(&image, |image| image.launch_permissions.remove(NEWCOMER));
        }
        if matches!(self, Self::Key) {
            world.sim.edit(|state| {
                for snapshot in state.snapshots.values_mut() {
                    snapshot.create_volume_permissions.remove(NEWCOMER);
                }
            });
        }
    }
}

/// Who has access to the image and its key.
fn list_access(world: &World) -> Value {
    let mut access = world.list_access_of(A);
    access["policies"] = world.read_key_policy("key-1").into();
    access
}

async fn carry_out(
    way: Way,
    mode: KeyAccessMode,
    gain: Gain,
    approved: Option<Approved>,
) -> Vec<Error> {
    let world = World::generate(5, 1, 1, 1);
    world.share(request(&world, mode, &[B, C, D])).await;
    let plan = way.plan(&world, mode, approved).await;
    gain.give(&world, mode).await;
    let before = list_access(&world);
    let applied = Sharer::new(&world.config(A)).apply(&plan).await;
    let errors = applied.err().map(|incomplete| incomplete.report.errors);

    let what = format!("{way:?} {mode:?} {gain:?} {approved:?}: {errors:?}");
    let after = list_access(&world);
    for (kind, access) in after.as_object().unwrap() {
        assert!(!access.to_string().contains(C), "{kind} of C: {what}");
        let had = before[kind].to_string().contains(NEWCOMER);
        let has = access.to_string().contains(NEWCOMER);
        assert_eq!(
            has,
            had && approved.is_some(),
            "{kind} of the newcomer: {what}"
        );
        if matches!(way, Way::RevokeAll) {
            assert!(!access.to_string().contains(B), "{kind} of B: {what}");
        }
    }
    errors.unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn approved_plan_takes_nothing_from_newcomers_and_says_who_stays() {
    for way in WAYS {
        for mode in MODES {
            for gain in GAINS {
                let what = format!("{way:?} {mode:?} {gain:?}");
                for approved in [Approved::ByDigest, Approved::Seen] {
                    let errors = carry_out(way, mode, gain, Some(approved)).await;
                    assert!(!errors.is_empty(), "{what}");
                    for error in &errors {
                        assert_eq!(error.code, Code::PlanNewcomers, "{what}: {error}");
                        assert!(error.message.contains(NEWCOMER), "{what}: {error}");
                    }
                }
                let errors = carry_out(way, mode, gain, None).await;
                assert!(errors.is_empty(), "{what}: {errors:?}");
            }
        }
    }
}

/// Whom the request lists loses access also if they gained it only now.
#[tokio::test(start_paused = true)]
async fn approved_plan_takes_from_those_whom_the_request_lists() {
    for mode in MODES {
        let world = World::generate(5, 1, 1, 1);
        world.share(request(&world, mode, &[B])).await;
        let revoke = || into_revoke(request(&world, mode, &[B, NEWCOMER])).revoke_in_use(true);
        let digest = world.plan(revoke()).await.digest();
        let plan = world.plan(revoke().expect_plan(digest)).await;
        world.share(request(&world, mode, &[NEWCOMER])).await;
        let report = Sharer::new(&world.config(A)).apply(&plan).await.unwrap();
        assert!(report.changed);
        let principal: Principal = NEWCOMER.parse().unwrap();
        assert!(report.images[0].removed.contains(&principal));
        assert!(!list_access(&world).to_string().contains(NEWCOMER));
    }
}

pub(crate) async fn errors() -> Vec<Error> {
    let mode = KeyAccessMode::Policy;
    carry_out(
        Way::RevokeAll,
        mode,
        Gain::Everything,
        Some(Approved::ByDigest),
    )
    .await
}

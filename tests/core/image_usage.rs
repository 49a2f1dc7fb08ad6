//! Images that others use, as AWS reports it to their owner: nothing takes them away unasked.

mod meanwhile;
mod property;
pub(super) mod reports;
mod unknown;

use ami_share::request::{Revoke, ShareRequestBuilder, Unlisted};
use ami_share::{Plan, Sharer};
use ami_share_sim::world::Instance;

use super::support::*;

const C: &str = "300000000000";
const D: &str = "300000000001";
const ASKS: &str = "ec2:CreateImageUsageReport";

/// Instances of an account that run so long that reports count them.
pub(super) fn use_image(world: &World, account: &str, image_id: &str, count: usize) {
    world.sim.edit(|state| {
        for number in 0..count {
            let instance = Instance {
                id: format!("i-{account}-{image_id}-{number}"),
                image: image_id.to_owned(),
                owner: account.to_owned(),
                region: state.images[image_id].region.clone(),
                state: "running",
                ..Instance::default()
            };
            state.instances.insert(instance.id.clone(), instance);
        }
    });
}

/// The message of a finding; blank if the plan has none of this code.
fn message(plan: &Plan, code: &str) -> String {
    let finding = plan.findings.iter().find(|it| it.code.as_str() == code);
    finding.map(|it| it.message.clone()).unwrap_or_default()
}

/// A way to take an image from B.
#[derive(Clone, Copy, Debug)]
enum Way {
    Named,
    Everybody,
    Unlisted,
    Copy,
}

impl Way {
    fn share(self, world: &World) -> ShareRequestBuilder {
        match self {
            Self::Named | Self::Everybody => world.build_request(&["image-1"]),
            Self::Unlisted => world.build_request_for(&["image-1"], &[B, C]),
            Self::Copy => {
                let key = world.key_arn("key-2").parse().unwrap();
                world.build_request(&["image-1"]).kms_key(key)
            }
        }
    }

    fn take(self, world: &World) -> ShareRequestBuilder {
        let share = self.share(world);
        match self {
            Self::Named => into_revoke(share),
            Self::Everybody => world.build_request_for(&["image-1"], &[]).revoke(Revoke {
                all: true,
                ..Revoke::default()
            }),
            Self::Unlisted => {
                let others = world.build_request_for(&["image-1"], &[C]);
                others.unlisted(Unlisted::Revoke)
            }
            Self::Copy => share.revoke(Revoke {
                copies: true,
                ..Revoke::default()
            }),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn image_in_use_stops_every_way_of_taking_it() {
    for way in [Way::Named, Way::Everybody, Way::Unlisted, Way::Copy] {
        let world = World::generate(4, 1, 2, 1);
        let report = world.share(way.share(&world)).await;
        let image_id = report.images[0].image.as_ref().unwrap().to_string();
        use_image(&world, B, &image_id, 2);
        let before = world.count_changes();
        let plan = world.plan(way.take(&world)).await;
        let said = message(&plan, "image.in-use");
        assert!(
            said.contains("222222222222 (2 instances)"),
            "{way:?}: {said}"
        );
        let sharer = Sharer::new(&world.config(A));
        let refused = sharer.apply(&plan).await.unwrap_err();
        assert!(list_codes(&refused.report).contains(&"plan.refused"));
        assert_eq!(world.count_changes(), before, "{way:?}");

        let asked = world.list_actions(0).len();
        let request = way.take(&world).revoke_in_use(true);
        let taken = world.share(request).await;
        // The source and a copy of it are rows of their own.
        let removed = taken.images.iter().map(|image| image.removed.len());
        assert_eq!(removed.sum::<usize>(), 1, "{way:?}");
        let mut since = world.list_actions(asked).into_iter();
        assert!(!since.any(|action| action.contains("Usage")), "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn image_that_others_use_is_taken_from_those_who_do_not() {
    let world = World::generate(4, 1, 1, 1);
    let request = || world.build_request_for(&["image-1"], &[B, C]);
    world.share(request()).await;
    use_image(&world, C, &world.image_id("image-1"), 1);
    let revoke = || into_revoke(world.build_request(&["image-1"]));
    let report = world.share(revoke()).await;
    assert_eq!(report.images[0].removed.len(), 1);
    assert_eq!(list_codes(&report), ["key.use-unknown"]);

    // Nothing is taken by the second run, so that nothing is asked.
    let before = world.list_actions(0).len();
    assert!(!world.share(revoke()).await.changed);
    assert!(!world.list_actions(before).contains(&ASKS.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn organization_keeps_image_that_a_possible_member_uses() {
    let world = World::generate(4, 1, 1, 1);
    world
        .share(world.build_request_for(&["image-1"], &[ORGANIZATION]))
        .await;
    use_image(&world, B, &world.image_id("image-1"), 1);
    let request = || into_revoke(world.build_request_for(&["image-1"], &[ORGANIZATION]));
    let said = message(&world.plan(request()).await, "image.in-use");
    assert!(said.contains("222222222222 (1 instance)"), "{said}");

    // What B has by itself stays.
    world.share(world.build_request(&["image-1"])).await;
    assert_eq!(message(&world.plan(request()).await, "image.in-use"), "");
}

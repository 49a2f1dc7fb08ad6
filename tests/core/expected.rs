//! A run that expects the digest of an approved plan: it carries out exactly that, or nothing.

pub(crate) mod newcomers;
pub(crate) mod replaced;

use std::time::Duration;

use ami_share::id::PlanDigest;
use ami_share::request::{KeyAccessMode, ShareRequestBuilder, Timing};
use ami_share::{Plan, Sharer};
use ami_share_sim::world::Image;
use serde_json::{Value, json};

use super::support::*;

const C: &str = "333333333333";

/// A way to share or revoke.
#[derive(Clone, Copy, Debug)]
enum Way {
    Policy,
    Grants,
    Copy,
    InTargets,
    Revoke,
}

const WAYS: [Way; 5] = [
    Way::Policy,
    Way::Grants,
    Way::Copy,
    Way::InTargets,
    Way::Revoke,
];

impl Way {
    async fn set_up(self) -> World {
        let world = World::new();
        if matches!(self, Self::Revoke) {
            world.share(world.build_request(&["golden"])).await;
        }
        world
    }

    fn request(self, world: &World) -> ShareRequestBuilder {
        let request = world.build_request(match self {
            Self::Policy | Self::Grants => &["golden", "plain"],
            Self::Copy => &["plain"],
            Self::InTargets | Self::Revoke => &["golden"],
        });
        match self {
            Self::Policy => request.publish_ssm_parameter("/images/{name}"),
            Self::Grants => request.key_access(KeyAccessMode::Grants),
            Self::Copy => request.kms_key("alias/golden".parse().unwrap()),
            Self::InTargets => request.target_options(with_target_role()),
            Self::Revoke => into_revoke(request),
        }
    }
}

/// What changes in the world after the dry run.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Another account may launch the image.
    Unlisted,
    /// The target loses, or has already, the launch permission.
    Listed,
    /// Another statement is in the key policy.
    Statement,
    /// KMS gives back the same policy in another order, and lists of one as text.
    Order,
    /// The image has another tag.
    Tag,
    /// Something else in the account.
    Unrelated,
}

const CHANGES: [Change; 6] = [
    Change::Unlisted,
    Change::Listed,
    Change::Statement,
    Change::Order,
    Change::Tag,
    Change::Unrelated,
];

impl Change {
    fn make(self, world: &World) {
        for name in ["golden", "plain"] {
            let image = world.image_id(name);
            match self {
                Self::Unlisted => world.edit_image(&image, |image| {
                    image.launch_permissions.insert(C.to_owned());
                }),
                Self::Listed => world.edit_image(&image, |image| {
                    if !image.launch_permissions.remove(B) {
                        image.launch_permissions.insert(B.to_owned());
                    }
                }),
                Self::Tag => world.edit_image(&image, |image| {
                    let tags = image.tags.entry(A.to_owned()).or_default();
                    tags.insert("Owner".to_owned(), "somebody".to_owned());
                }),
                Self::Statement | Self::Order | Self::Unrelated => {}
            }
        }
        match self {
            Self::Statement => edit_policy(world, add_statement),
            Self::Order => edit_policy(world, reorder),
            Self::Unrelated => world.sim.edit(|state| {
                let id = "ami-0bbbbbbbbbbbbbbbb".to_owned();
                let image = state.images[&world.image_id("managed")].clone();
                state.images.insert(id.clone(), Image { id, ..image });
            }),
            Self::Unlisted | Self::Listed | Self::Tag => {}
        }
    }
}

fn edit_policy(world: &World, edit: impl FnOnce(&mut Value)) {
    world.edit_key(&world.key_arn("golden"), |key| {
        let (at, text) = key.policies.last().unwrap().clone();
        let mut policy = serde_json::from_str(&text).unwrap();
        edit(&mut policy);
        key.policies.push((at, policy.to_string()));
    });
}

fn add_statement(policy: &mut Value) {
    let foreign = json!({
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{A}:root") },
        "Action": "kms:TagResource",
        "Resource": "*",
    });
    policy["Statement"].as_array_mut().unwrap().push(foreign);
}

/// Actions in the opposite order, and lists of one as text, in every statement.
fn reorder(policy: &mut Value) {
    for statement in policy["Statement"].as_array_mut().unwrap() {
        let Value::Array(actions) = &mut statement["Action"] else {
            continue;
        };
        actions.reverse();
        if let [only] = actions.as_slice() {
            statement["Action"] = only.clone();
        }
    }
}

/// The steps as the report has them, for comparison: whatever differs there, a person would see.
fn steps(plan: &Plan) -> String {
    serde_json::to_string(&plan.steps).unwrap()
}

#[tokio::test(start_paused = true)]
async fn plan_of_the_same_world_and_request_has_the_same_digest() {
    for way in WAYS {
        let world = way.set_up().await;
        let first = world.plan(way.request(&world)).await;
        assert!(!first.steps.is_empty());
        tokio::time::advance(Duration::from_hours(30)).await;
        let timing = Timing {
            timeout: Duration::from_mins(9),
            ..Timing::default()
        };
        let again = way.request(&world).timing(timing).max_concurrency(3);
        let again = world.plan(again).await;
        assert_eq!(again.digest(), first.digest(), "{way:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn order_of_images_does_not_change_the_digest() {
    let world = World::new();
    let one = world.plan(world.build_request(&["golden", "plain"])).await;
    let other = world.plan(world.build_request(&["plain", "golden"])).await;
    assert_eq!(one.digest(), other.digest());
    let less = world.plan(world.build_request(&["golden"])).await;
    assert_ne!(one.digest(), less.digest());
}

#[tokio::test(start_paused = true)]
async fn expected_plan_is_carried_out_and_any_other_refused() {
    let mut refused = 0;
    for way in WAYS {
        for change in CHANGES {
            let world = way.set_up().await;
            let approved = world.plan(way.request(&world)).await;
            change.make(&world);
            let now = world.plan(way.request(&world)).await;
            // The order of a list in a policy is all that a person may see and not mean.
            let is_same = steps(&now) == steps(&approved) || matches!(change, Change::Order);
            refused += usize::from(!is_same);
            check(
                &world,
                way,
                &approved.digest(),
                is_same,
                &format!("{way:?} {change:?}"),
            )
            .await;
        }
    }
    assert!(refused > 12, "{refused}");
}

async fn check(world: &World, way: Way, approved: &PlanDigest, is_same: bool, what: &str) {
    let before = world.count_changes();
    // Through its text, as a workflow hands it on.
    let digest = approved.to_string().parse().unwrap();
    let request = way.request(world).expect_plan(digest).build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    let plan = sharer.plan(&request).await.unwrap();
    let codes: Vec<&str> = plan
        .refusals()
        .map(|finding| finding.code.as_str())
        .collect();
    let applied = sharer.apply(&plan).await;
    if is_same {
        assert!(codes.is_empty(), "{what}: {codes:?}");
        let report = applied.unwrap();
        assert_eq!(report.plan.digest(), *approved, "{what}");
        assert!(report.changed && world.count_changes() != before, "{what}");
    } else {
        assert_eq!(codes, ["plan.not-expected"], "{what}");
        assert!(
            applied.is_err() && world.count_changes() == before,
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn refusal_says_what_differs() {
    let world = World::new();
    let approved = world.plan(world.build_request(&["golden"])).await.digest();
    Change::Unlisted.make(&world);
    let request = world
        .build_request(&["golden"])
        .expect_plan(approved.clone());
    let message = find_message(&world.plan(request).await);
    let golden = world.image_id("golden");
    assert!(
        message.contains(&format!("launch-permission {golden}")),
        "{message}"
    );
    assert!(message.contains("1 of the expected steps"), "{message}");
    assert!(!message.contains("the request is another"), "{message}");

    let other = world.build_request(&["plain"]).expect_plan(approved);
    let message = find_message(&world.plan(other).await);
    assert!(message.contains("the request is another"), "{message}");
}

fn find_message(plan: &Plan) -> String {
    let mut refusals = plan.refusals();
    refusals.next().unwrap().message.clone()
}

//! The digest of a plan stands for it: in the same world it stays the same, and what was approved
//! by it is carried out, exactly, or nothing is.

use std::time::Duration;

use ami_share::request::ShareRequestBuilder;
use ami_share::{Plan, Sharer};
use ami_share_sim::world::Image;
use proptest::prelude::*;
use serde_json::json;

use super::case::{Case, cases};
use super::{expected, run};
use crate::support::*;

const OTHER: &str = "300000000003";

/// One change of the world between the approval and the run.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    /// Another account may launch the image.
    Stranger,
    /// The target may launch it, or may no longer.
    Target,
    /// The target may create volumes from its snapshot.
    Snapshot,
    /// The key policy has one more statement.
    Statement,
    /// The key policy has one less.
    LessStatements,
    /// The key has one more grant.
    Grant,
    /// The key has none of its grants.
    LessGrants,
    Tag,
    Description,
    /// Something that the request does not concern.
    Elsewhere,
}

const CHANGES: [Change; 11] = [
    Change::Nothing,
    Change::Stranger,
    Change::Target,
    Change::Snapshot,
    Change::Statement,
    Change::LessStatements,
    Change::Grant,
    Change::LessGrants,
    Change::Tag,
    Change::Description,
    Change::Elsewhere,
];

impl Change {
    fn make(self, world: &World) {
        let (image_id, key) = (world.image_id("image-1"), world.key_arn("key-1"));
        match self {
            Self::Nothing => {}
            Self::Stranger => world.edit_image(&image_id, |image| {
                image.launch_permissions.insert(OTHER.to_owned());
            }),
            Self::Target => world.edit_image(&image_id, |image| {
                if !image.launch_permissions.remove(B) {
                    image.launch_permissions.insert(B.to_owned());
                }
            }),
            Self::Snapshot => world.sim.edit(|state| {
                let mappings = &state.images[&image_id].mappings;
                let id = mappings.iter().find_map(|mapping| mapping.snapshot.clone());
                let snapshot = state.snapshots.get_mut(&id.unwrap()).unwrap();
                snapshot.create_volume_permissions.insert(B.to_owned());
            }),
            Self::Statement => world.edit_statements(&key, |statements| {
                let user = format!("arn:aws:iam::{A}:root");
                statements.push(json!({
                    "Sid": "Later", "Effect": "Allow", "Principal": { "AWS": user },
                    "Action": "kms:TagResource", "Resource": "*",
                }));
            }),
            Self::LessStatements => world.edit_statements(&key, |statements| {
                if statements.len() > 1 {
                    statements.pop();
                }
            }),
            Self::Grant => world.edit_key(&key, |key| {
                let root = format!("arn:aws:iam::{OTHER}:root");
                key.grants.push(build_grant("later", A, &root));
            }),
            Self::LessGrants => world.edit_key(&key, |key| key.grants.clear()),
            Self::Tag => world.edit_image(&image_id, |image| {
                let tags = image.tags.entry(A.to_owned()).or_default();
                tags.insert("Owner".to_owned(), "somebody".to_owned());
            }),
            Self::Description => world.edit_image(&image_id, |image| {
                "another".clone_into(&mut image.description);
            }),
            Self::Elsewhere => world.sim.edit(|state| {
                let id = "ami-0bbbbbbbbbbbbbbbb".to_owned();
                let image = Image {
                    id: id.clone(),
                    name: "elsewhere".to_owned(),
                    mappings: Vec::new(),
                    ..state.images[&image_id].clone()
                };
                state.images.insert(id, image);
            }),
        }
    }
}

/// The steps as a person sees them.
fn steps(plan: &Plan) -> String {
    serde_json::to_string(&plan.steps).unwrap()
}

async fn check(case: Case, change: Change, revokes: bool) {
    let world = case.build_world();
    let adapt = |request: ShareRequestBuilder| {
        if revokes {
            into_revoke(request)
        } else {
            request
        }
    };
    if revokes {
        world.share(case.build_request(&world)).await;
    }
    // 1. The dry run that is approved. It has the same digest later, and in another order.
    let request = || adapt(case.build_request(&world));
    let dry_run = request().build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    let approved = sharer.preview(&dry_run).await.unwrap();
    let digest = approved.digest();
    tokio::time::advance(Duration::from_hours(30)).await;
    let turned = adapt(case.build_request_of(&world, (1..=case.asked).rev()));
    assert_eq!(world.plan(turned).await.digest(), digest);

    // 2. Something changes, and then the run comes.
    change.make(&world);
    let now = world.plan(request()).await;
    let is_same = steps(&now) == steps(&approved);
    assert_eq!(now.digest() == digest, is_same, "{:?}", now.steps);
    let before = world.count_changes();
    let expecting = request().expect_plan(digest.to_string().parse().unwrap());
    let ended = world.try_share(expecting).await;
    if is_same {
        let report = ended.unwrap();
        let (made, planned) = (
            expected::count_changes_since(&world, &before),
            expected::count_changes(&world, &approved),
        );
        assert_eq!(made, planned, "exactly what was approved");
        expected::check_principals(&approved, &report);
        assert_eq!(report.plan.digest(), digest);
    } else {
        let codes = ended.unwrap_err();
        assert!(list_codes(&codes).contains(&"plan.not-expected"));
        assert_eq!(world.count_changes(), before, "nothing is changed");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn approved_plan_is_carried_out_exactly_or_nothing_is(
        case in cases(),
        change in prop::sample::select(CHANGES.to_vec()),
        revokes in any::<bool>(),
    ) {
        run(check(case, change, revokes));
    }
}

//! Plan, share, plan, revoke, of random requests in random worlds: the plan lists what is done, a
//! second run does nothing, and a revoke restores the state before the share.

mod case;
mod digest;
mod expected;

use ami_share::Report;
use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use self::case::{Case, cases};
use super::support::*;

/// Carries a request out, and checks the result against its plan.
async fn carry_out(world: &World, request: impl Fn() -> ShareRequestBuilder) -> Report {
    let (before, access) = (world.count_changes(), world.list_access());
    let plan = world.plan(request()).await;
    assert_eq!(world.count_changes(), before, "a plan changes nothing");
    assert_eq!(world.list_access(), access, "a plan changes nothing");
    assert!(plan.refusals().next().is_none(), "{:?}", plan.findings);
    let report = world.share(request()).await;
    assert_eq!(
        expected::count_changes_since(world, &before),
        expected::count_changes(world, &plan),
        "the plan lists exactly what is done"
    );
    assert_eq!(report.changed, plan.changes());
    expected::check_principals(&plan, &report);
    expected::check_policies(world, &plan);
    let before = world.count_changes();
    let again = world.plan(request()).await;
    let steps = &again.steps;
    assert!(!again.changes(), "the second plan is empty: {steps:?}");
    assert!(!world.share(request()).await.changed);
    assert_eq!(
        world.count_changes(),
        before,
        "the second run makes no changing call (P2)"
    );
    report
}

/// The access to resources that existed before. Nobody may have access to copies made since.
fn list_access_to_old(world: &World, before: &Value) -> Value {
    let mut access = world.list_access();
    for kind in ["images", "snapshots"] {
        access[kind].as_object_mut().unwrap().retain(|id, shared| {
            let is_old = before[kind].get(id).is_some();
            let is_private = shared == &json!([[]]) || shared == &json!([{}]);
            assert!(is_old || is_private, "{id} is shared: {shared}");
            is_old
        });
    }
    access
}

/// How many grants are named after an image.
fn count_grants_of_image(access: &Value, image_id: &str) -> usize {
    let names = access["grants"].as_array().unwrap().iter();
    names
        .filter(|name| name.to_string().contains(image_id))
        .count()
}

async fn check_round_trip(case: Case) {
    let world = case.build_world();
    let before = world.list_access();
    let request = || case.build_request(&world);
    let report = carry_out(&world, request).await;
    for image in &report.images {
        assert_eq!(image.principals.len(), case.targets.len());
    }
    assert_ne!(world.list_access(), before);
    carry_out(&world, || request().revoke(Revoke::default())).await;
    assert_eq!(list_access_to_old(&world, &before), before);
}

async fn check_two_images_on_one_key(case: Case) {
    let case = Case {
        images: vec![vec![1], vec![1, 1]],
        copies: false,
        regions: false,
        stranger: false,
        ..case
    };
    let world = case.build_world();
    let before = world.list_access();
    world.share(case.build_request_of(&world, [1, 2])).await;
    let both = world.list_access();
    let revoke = |n: usize| into_revoke(case.build_request_of(&world, [n]));

    let report = carry_out(&world, || revoke(1)).await;
    let second = world.list_access();
    let is_kept = list_codes(&report).contains(&"key.still-used");
    let by_policy = case.mode == KeyAccessMode::Policy;
    assert_eq!(is_kept, by_policy, "each grant is for one image");
    assert_eq!(second["policies"], both["policies"]);
    let (one, other) = (world.image_id("image-1"), world.image_id("image-2"));
    assert_eq!(second["images"][&one], before["images"][&one]);
    assert_eq!(second["images"][&other], both["images"][&other]);
    assert_eq!(count_grants_of_image(&second, &one), 0);
    let of_other = count_grants_of_image(&both, &other);
    assert_eq!(count_grants_of_image(&second, &other), of_other);
    if case.targets.contains(B) {
        assert_eq!(world.launch_as_b(&other).await, "running");
        // The instance is terminated, and its grants with it.
        world.sim.edit(|state| {
            for key in state.keys.values_mut() {
                key.grants.retain(|grant| grant.instance.is_none());
            }
        });
    }
    carry_out(&world, || revoke(2)).await;
    assert_eq!(list_access_to_old(&world, &before), before);
}

fn run(future: impl Future<Output = ()>) {
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn revoke_restores_random_worlds_before_share(case in cases()) {
        run(check_round_trip(case));
    }

    #[test]
    fn key_access_lasts_until_second_image_is_revoked(case in cases()) {
        run(check_two_images_on_one_key(case));
    }
}

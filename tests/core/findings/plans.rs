//! Findings of plans in worlds that differ in more than one thing.

use ami_share::request::KeyAccessMode;
use ami_share::{Plan, Sharer};
use ami_share_sim::RegionSpec;

use super::Seen;
use crate::support::*;

pub(super) async fn collect(seen: &mut Seen) {
    // A run would wait for the image with credentials that may expire before it is available.
    let world = World::with_slow_copies();
    let sharer = Sharer::new(&world.assume_role(A, "administrator", None).await);
    let request = world.build_request(&["building"]).build().unwrap();
    let plan = sharer.preview(&request).await.unwrap();
    let codes = list_finding_codes(&plan);
    assert_eq!(codes, ["credentials.may-expire", "image.pending"]);
    seen.record(&plan.findings);

    let mut scenario = generate_scenario(2, 1, 1, 1);
    scenario.regions.push(RegionSpec {
        name: "ap-east-1".to_owned(),
        opt_in: true,
    });
    let world = World::from_scenario(scenario);
    let request = world
        .build_request(&["image-1"])
        .copy_to_regions(["ap-east-1".parse().unwrap()])
        .kms_key("alias/key-1".parse().unwrap());
    seen.record(&world.plan(request).await.findings);

    let world = World::new();
    let other = world.plan(world.build_request(&["plain"])).await.digest();
    let request = world.build_request(&["golden"]).expect_plan(other);
    seen.record(&world.plan(request).await.findings);

    let world = World::new();
    let launcher = format!("arn:aws:iam::{A}:role/launcher");
    let grants = (0..50_000).map(|n| build_grant(&format!("grant-{n}"), A, &launcher));
    world.edit_key(&world.key_arn("golden"), |key| key.grants.extend(grants));
    let request = world.build_request(&["golden"]);
    let plan = world.plan(request.key_access(KeyAccessMode::Grants)).await;
    let codes = list_finding_codes(&plan);
    assert_eq!(
        codes,
        ["grants.direct", "grants.redelegable", "grants.too-many"]
    );
    seen.record(&plan.findings);
}

fn list_finding_codes(plan: &Plan) -> Vec<&'static str> {
    let findings = plan.findings.iter();
    findings.map(|finding| finding.code.as_str()).collect()
}

//! Keys that something of a target is still encrypted with: a revoke keeps them if it can see that.

mod seen_in_target;

use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, TargetOptions};
use aws_sdk_ec2::types::{BlockDeviceMapping, EbsBlockDevice};

use super::support::*;

/// The request that revokes key access even if the key is in use.
fn into_forced_revoke(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.revoke(Revoke {
        keys_in_use: true,
        ..Revoke::default()
    })
}

/// Whether B can use the key `golden`.
fn has_key(world: &World) -> bool {
    world.read_golden_policy().contains("AmiShareUse")
}

/// Starts an instance of B whose volume is under the shared key itself: EC2 has grants on it.
pub(super) async fn launch_under_key(world: &World, image: &str, key: &str) {
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let ebs = EbsBlockDevice::builder()
        .encrypted(true)
        .kms_key_id(world.key_arn(key));
    let mapping = BlockDeviceMapping::builder()
        .device_name("/dev/xvda")
        .ebs(ebs.build());
    let call = ec2.run_instances().image_id(world.image_id(image));
    let call = call.min_count(1).max_count(1);
    let call = call.block_device_mappings(mapping.build());
    call.send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn revoke_keeps_key_with_running_instance() {
    let world = World::new();
    let request = || world.build_request(&["golden"]);
    world.share(request()).await;
    launch_under_key(&world, "golden", "golden").await;
    let ended = world.try_share(into_revoke(request())).await;
    assert_eq!(list_codes(&ended.unwrap_err()), ["key.in-use-by-target"]);
    assert!(has_key(&world));
    assert_eq!(
        world.launch_as_b(&world.image_id("golden")).await,
        "AuthFailure",
        "launch permission is gone all the same"
    );
    world.share(into_forced_revoke(request())).await;
    assert!(!has_key(&world));
}

#[tokio::test(start_paused = true)]
async fn revoke_of_organization_keeps_key_used_by_member() {
    let world = World::generate(3, 1, 1, 1);
    let request = || world.build_request_for(&["image-1"], &[ORGANIZATION]);
    world.share(request()).await;
    launch_under_key(&world, "image-1", "key-1").await;
    let report = world.try_share(into_revoke(request())).await.unwrap_err();
    assert_eq!(list_codes(&report), ["key.in-use-by-target"]);
    let message = &report.errors[0].message;
    assert!(message.contains("may belong there"), "{message}");

    // If B has its own access that stays, the instance does not need the organization's.
    world.share(world.build_request(&["image-1"])).await;
    let report = world.share(into_revoke(request())).await;
    assert_eq!(list_codes(&report), ["key.use-unknown"]);
    let policy = world.read_key_policy("key-1");
    assert!(policy.contains(B) && !policy.contains("o-example123"));
}

#[tokio::test(start_paused = true)]
async fn revoke_of_unit_ignores_instances_that_organization_may_cover() {
    let world = World::generate(3, 1, 1, 1);
    let both = world.build_request_for(&["image-1"], &[ORGANIZATION, UNIT]);
    world.share(both).await;
    launch_under_key(&world, "image-1", "key-1").await;
    let unit = world.build_request_for(&["image-1"], &[UNIT]);
    let report = world.share(into_revoke(unit)).await;
    let codes = list_codes(&report);
    assert!(!codes.contains(&"key.in-use-by-target"), "{codes:?}");
}

#[tokio::test(start_paused = true)]
async fn target_with_nothing_under_key_loses_it() {
    let world = World::new();
    let request = || world.build_request(&["golden"]);
    world.share(request()).await;
    let launched = world.launch_as_b(&world.image_id("golden")).await;
    assert_eq!(launched, "running", "under a key of its own");
    let revoke = into_revoke(request()).target_options(with_target_role());
    let report = world.share(revoke).await;
    assert_eq!(list_codes(&report), [""; 0]);
    assert!(!has_key(&world));
}

#[tokio::test(start_paused = true)]
async fn revoke_does_not_inspect_targets_when_no_key_is_revoked() {
    let world = World::new().with_fault(deny_describe_volumes());
    world.share(world.build_request(&["plain"])).await;
    for (what, image, mode) in [
        ("nothing is encrypted", "plain", KeyAccessMode::Policy),
        ("it was never shared", "golden", KeyAccessMode::Policy),
        ("the key is left alone", "golden", KeyAccessMode::None),
    ] {
        let request = world.build_request(&[image]).key_access(mode);
        let request = request.target_options(with_target_role());
        let report = world.share(into_revoke(request)).await;
        assert!(
            !list_codes(&report).contains(&"key.in-use-by-target"),
            "{what}"
        );
        assert!(!world.has_called("ec2:DescribeVolumes"), "{what}");
    }
}

fn deny_describe_volumes() -> serde_json::Value {
    deny_calls(
        "ec2:DescribeVolumes",
        "UnauthorizedOperation",
        "You are not authorized to perform this operation.",
    )
}

//! Keys that something of a target is still under: kept, as far as anybody can see it.

use ami_share::{Revoke, ShareRequestBuilder};
use ami_share_sim::world::{Shared, Snapshot};

use super::support::*;

fn revoked(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.revoke(Revoke::default())
}

fn forced(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.revoke(Revoke { force_key: true, ..Revoke::default() })
}

/// Whether B can use the key `golden`.
fn has_key(world: &World) -> bool {
    world.policy().contains("AmiShareUse")
}

/// An instance whose volume is under the shared key itself: EC2 holds grants on it.
async fn launch_under(world: &World) {
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let ebs = aws_sdk_ec2::types::EbsBlockDevice::builder().encrypted(true).kms_key_id(world.key("golden")).build();
    let mapping = aws_sdk_ec2::types::BlockDeviceMapping::builder().device_name("/dev/xvda").ebs(ebs).build();
    let launch = ec2.run_instances().image_id(world.image("golden")).min_count(1).max_count(1);
    launch.block_device_mappings(mapping).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_instances_run_on_is_kept_and_said() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    let image = world.image("golden");
    launch_under(&world).await;
    let report = world.try_share(revoked(world.request(&["golden"]))).await.unwrap_err();
    assert_eq!(codes(&report), ["key.in-use-by-target"]);
    assert!(has_key(&world));
    assert_eq!(world.launch(&image).await, "AuthFailure", "launch permission is gone all the same");
    world.share(forced(world.request(&["golden"]))).await;
    assert!(!has_key(&world));
}

/// Takes away what A could see of B's instance: EC2's grants on the key. Its volume is detached, so to say.
async fn detached_under(world: &World) -> String {
    launch_under(world).await;
    let golden = world.key("golden");
    world.sim.edit(|state| {
        state.keys.get_mut(&golden).unwrap().grants.clear();
        state.instances.values().next().unwrap().volumes[0].id.clone()
    })
}

/// A snapshot of B under A's key.
fn snapshot_under(world: &World) -> String {
    let golden = world.key("golden");
    world.sim.edit(|state| {
        let shared = state.snapshots.values().find(|snapshot| snapshot.key.as_ref() == Some(&golden)).unwrap();
        let (id, owner) = ("snap-00000000000000b0b".to_owned(), B.to_owned());
        let own = Snapshot { id, owner, create_volume_permissions: Shared::default(), ..shared.clone() };
        state.snapshots.insert(own.id.clone(), own.clone());
        own.id
    })
}

#[tokio::test(start_paused = true)]
async fn what_only_the_target_can_see_keeps_the_key_where_a_role_there_may_look() {
    for volume in [true, false] {
        let world = World::new();
        world.share(world.request(&["golden"])).await;
        let id = if volume { detached_under(&world).await } else { snapshot_under(&world) };
        let request = || world.request(&["golden"]).in_targets(by_role());
        let report = world.try_share(revoked(request())).await.unwrap_err();
        assert_eq!(codes(&report), ["key.in-use-by-target"]);
        assert!(report.errors[0].message.contains(&id), "{}", report.errors[0]);
        assert!(has_key(&world));
        let from = world.actions(0).len();
        world.share(forced(request())).await;
        assert!(!has_key(&world));
        assert!(!world.actions(from).contains(&"ec2:DescribeVolumes".to_owned()), "it would change nothing");
        // What is gone is not kept again.
        assert_eq!(codes(&world.share(revoked(request())).await), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_may_look_it_goes_and_that_is_said() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    detached_under(&world).await;
    let report = world.share(revoked(world.request(&["golden"]))).await;
    assert_eq!(codes(&report), ["key.use-unknown"]);
    assert!(report.findings[0].message.contains(B), "{}", report.findings[0]);
    assert!(!has_key(&world));
}

#[tokio::test(start_paused = true)]
async fn a_target_with_nothing_under_the_key_loses_it() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    assert_eq!(world.launch(&world.image("golden")).await, "running", "under a key of its own");
    let report = world.share(revoked(world.request(&["golden"])).in_targets(by_role())).await;
    assert_eq!(codes(&report), [""; 0]);
    assert!(!has_key(&world));
}

#[tokio::test(start_paused = true)]
async fn a_target_cannot_keep_a_key_by_denying_the_look() {
    let denied = r#"{"operation":"ec2:DescribeVolumes","effect":{"error":{"code":"UnauthorizedOperation","message":"You are not authorized to perform this operation.","status":403}}}"#;
    let world = World::new().with(denied);
    world.share(world.request(&["golden"])).await;
    let report = world.try_share(revoked(world.request(&["golden"])).in_targets(by_role())).await.unwrap_err();
    assert_eq!(codes(&report), ["key.use-unknown", "access.denied"]);
    assert!(!has_key(&world));
}

//! Keys that something of a target is still under: kept, as far as anybody can see it.

use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, TargetOptions};
use ami_share_sim::world::{Shared, Snapshot};
use ami_share_sim::{Scenario, Size};

use super::support::*;

const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";

const UNIT: &str = "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111";

fn revoked(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.revoke(Revoke::default())
}

fn forced(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.revoke(Revoke {
        force_key: true,
        ..Revoke::default()
    })
}

/// Whether B can use the key `golden`.
fn has_key(world: &World) -> bool {
    world.policy().contains("AmiShareUse")
}

/// An instance whose volume is under the shared key itself: EC2 holds grants on it.
async fn launch_under(world: &World, image: &str, key: &str) {
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let ebs = aws_sdk_ec2::types::EbsBlockDevice::builder()
        .encrypted(true)
        .kms_key_id(world.key(key))
        .build();
    let mapping = aws_sdk_ec2::types::BlockDeviceMapping::builder()
        .device_name("/dev/xvda")
        .ebs(ebs)
        .build();
    let launch = ec2
        .run_instances()
        .image_id(world.image(image))
        .min_count(1)
        .max_count(1);
    launch.block_device_mappings(mapping).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_key_that_instances_run_on_is_kept_and_said() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    let image = world.image("golden");
    launch_under(&world, "golden", "golden").await;
    let report = world
        .try_share(revoked(world.request(&["golden"])))
        .await
        .unwrap_err();
    assert_eq!(codes(&report), ["key.in-use-by-target"]);
    assert!(has_key(&world));
    assert_eq!(
        world.launch(&image).await,
        "AuthFailure",
        "launch permission is gone all the same"
    );
    world.share(forced(world.request(&["golden"]))).await;
    assert!(!has_key(&world));
}

/// Takes away what A could see of B's instance: EC2's grants on the key. Its volume is detached, so
/// to say.
async fn detached_under(world: &World) -> String {
    launch_under(world, "golden", "golden").await;
    let golden = world.key("golden");
    world.sim.edit(|state| {
        state.keys.get_mut(&golden).unwrap().grants.clear();
        state.instances.values().next().unwrap().volumes[0]
            .id
            .clone()
    })
}

/// A snapshot of B under A's key.
fn snapshot_under(world: &World, key: &str) -> String {
    let golden = world.key(key);
    world.sim.edit(|state| {
        let shared = state
            .snapshots
            .values()
            .find(|snapshot| snapshot.key.as_ref() == Some(&golden))
            .unwrap();
        let (id, owner) = ("snap-00000000000000b0b".to_owned(), B.to_owned());
        let own = Snapshot {
            id,
            owner,
            create_volume_permissions: Shared::default(),
            ..shared.clone()
        };
        state.snapshots.insert(own.id.clone(), own.clone());
        own.id
    })
}

#[tokio::test(start_paused = true)]
async fn what_only_the_target_can_see_keeps_the_key_where_a_role_there_may_look() {
    for volume in [true, false] {
        let world = World::new();
        world.share(world.request(&["golden"])).await;
        let id = if volume {
            detached_under(&world).await
        } else {
            snapshot_under(&world, "golden")
        };
        let request = || world.request(&["golden"]).target_options(by_role());
        let report = world.try_share(revoked(request())).await.unwrap_err();
        assert_eq!(codes(&report), ["key.in-use-by-target"]);
        assert!(
            report.errors[0].message.contains(&id),
            "{}",
            report.errors[0]
        );
        assert!(has_key(&world));
        let from = world.actions(0).len();
        world.share(forced(request())).await;
        assert!(!has_key(&world));
        assert!(
            !world
                .actions(from)
                .contains(&"ec2:DescribeVolumes".to_owned()),
            "it would change nothing"
        );
        // What is gone is not kept again.
        assert_eq!(codes(&world.share(revoked(request())).await), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_copy_stays_by_which_a_key_in_use_is_found_again() {
    let world = World::new();
    world.share(world.copying(&["plain"])).await;
    snapshot_under(&world, "golden");
    let revoke = |force_key| {
        let request = world.request(&["plain"]).target_options(by_role());
        request.revoke(Revoke {
            remove_copies: true,
            force_key,
            ..Revoke::default()
        })
    };
    let report = world.try_share(revoke(false)).await.unwrap_err();
    assert_eq!(codes(&report), ["key.in-use-by-target"]);
    assert!(report.removed.is_empty());
    world.share(revoke(true)).await;
    assert!(!has_key(&world) && world.copies().values().all(|state| state == "deregistered"));
}

#[tokio::test(start_paused = true)]
async fn an_organization_loses_a_key_on_which_accounts_run_that_another_one_may_let_in() {
    let world = World::generated(3, 1, 1, 1);
    world
        .share(world.to(&["image-1"], &[ORGANIZATION, UNIT]))
        .await;
    launch_under(&world, "image-1", "key-1").await;
    let report = world.share(revoked(world.to(&["image-1"], &[UNIT]))).await;
    assert!(
        !codes(&report).contains(&"key.in-use-by-target"),
        "{:?}",
        codes(&report)
    );
}

#[tokio::test(start_paused = true)]
async fn where_nobody_may_look_it_goes_and_that_is_said() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    detached_under(&world).await;
    let report = world.share(revoked(world.request(&["golden"]))).await;
    assert_eq!(codes(&report), ["key.use-unknown"]);
    assert!(
        report.findings[0].message.contains(B),
        "{}",
        report.findings[0]
    );
    assert!(!has_key(&world));
}

#[tokio::test(start_paused = true)]
async fn a_target_with_nothing_under_the_key_loses_it() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    assert_eq!(
        world.launch(&world.image("golden")).await,
        "running",
        "under a key of its own"
    );
    let report = world
        .share(revoked(world.request(&["golden"])).target_options(by_role()))
        .await;
    assert_eq!(codes(&report), [""; 0]);
    assert!(!has_key(&world));
}

/// Two images under one key, of which the second is shared with an organization by hand.
async fn beside_an_organization() -> World {
    let mut scenario = Scenario::generate(Size {
        accounts: 2,
        regions: 2,
        images: 2,
        snapshots: 1,
    })
    .unwrap();
    let volumes = scenario.images[0].volumes.clone();
    scenario.images[1].volumes = volumes;
    let world = World::of(scenario);
    let by_hand = world
        .to(&["image-2"], &[ORGANIZATION])
        .key_access(KeyAccessMode::None);
    world.share(by_hand).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_ends_is_spared_too_where_another_image_is_shared_with_an_organization() {
    for sees in [true, false] {
        let world = beside_an_organization().await;
        let request = || {
            world
                .request(&["image-1"])
                .key_access(KeyAccessMode::Grants)
        };
        world.share(request()).await;
        snapshot_under(&world, "key-1");
        if sees {
            let report = world
                .try_share(revoked(request().target_options(by_role())))
                .await
                .unwrap_err();
            assert_eq!(codes(&report), ["key.in-use-by-target"]);
            assert!(has_grants(&world, "key-1"));
        } else {
            let report = world.share(revoked(request())).await;
            assert_eq!(
                codes(&report),
                ["key.use-unknown"],
                "B's grant is gone, and it has no other way to the key"
            );
            assert!(!has_grants(&world, "key-1"));
        }
    }
}

fn has_grants(world: &World, key: &str) -> bool {
    let key = world.key(key);
    world.sim.edit(|state| !state.keys[&key].grants.is_empty())
}

#[tokio::test(start_paused = true)]
async fn accounts_of_an_organization_may_run_on_the_key() {
    let world = World::generated(3, 1, 1, 1);
    let request = || world.to(&["image-1"], &[ORGANIZATION]);
    world.share(request()).await;
    launch_under(&world, "image-1", "key-1").await;
    let report = world.try_share(revoked(request())).await.unwrap_err();
    assert_eq!(codes(&report), ["key.in-use-by-target"]);
    assert!(
        report.errors[0].message.contains("may belong there"),
        "{}",
        report.errors[0]
    );
    // Where B has access of its own that stays, it is not for the organization.
    world.share(world.to(&["image-1"], &[B])).await;
    let report = world.share(revoked(request())).await;
    assert_eq!(codes(&report), ["key.use-unknown"]);
    assert!(
        world.policy_of("key-1").contains(B) && !world.policy_of("key-1").contains("o-example123")
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_taken_needs_no_look_and_is_in_nobodys_way() {
    let world = World::new().with(DENIED);
    world.share(world.request(&["plain"])).await;
    for (what, image, mode) in [
        ("nothing is encrypted", "plain", KeyAccessMode::Policy),
        ("it was never shared", "golden", KeyAccessMode::Policy),
        ("the key is left alone", "golden", KeyAccessMode::None),
    ] {
        let request = revoked(
            world
                .request(&[image])
                .key_access(mode)
                .target_options(by_role()),
        );
        let report = world.share(request).await;
        assert!(!codes(&report).contains(&"key.in-use-by-target"), "{what}");
        assert!(
            !world.actions(0).contains(&"ec2:DescribeVolumes".to_owned()),
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_grant_made_by_hand_is_not_ours_to_take_and_keeps_no_revoke_from_being_done() {
    let by_hand = ami_share_sim::world::Grant {
        id: "by-hand".to_owned(),
        name: Some("by-hand".to_owned()),
        issuing_account: A.to_owned(),
        grantee: ami_share_sim::world::Grantee {
            arn: format!("arn:aws:iam::{B}:root"),
            unique_id: None,
        },
        operations: vec!["Decrypt".to_owned()],
        ..Default::default()
    };
    let world = World::new();
    let golden = world.key("golden");
    world
        .sim
        .edit(|state| state.keys.get_mut(&golden).unwrap().grants.push(by_hand));
    snapshot_under(&world, "golden");
    for wanted in [TargetOptions::default(), by_role()] {
        let request = world
            .request(&["golden"])
            .key_access(KeyAccessMode::Grants)
            .target_options(wanted);
        assert_eq!(codes(&world.share(revoked(request)).await), [""; 0]);
        assert!(has_grants(&world, "golden"));
    }
    assert!(
        world.actions(0).contains(&"ec2:DescribeVolumes".to_owned()),
        "the role there looked"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_seen_counts_though_something_else_could_not_be_looked_at() {
    let volumes = DENIED;
    let policies = r#"{"operation":"iam:ListRolePolicies","effect":{"error":{"code":"AccessDenied","message":"User: x is not authorized to perform: iam:ListRolePolicies","status":403}}}"#;
    for fault in [volumes, policies] {
        let world = World::new().with(fault);
        world.share(world.request(&["golden"])).await;
        let id = snapshot_under(&world, "golden");
        let role = by_role().launch_roles(["launcher".to_owned()]);
        let report = world
            .try_share(revoked(world.request(&["golden"]).target_options(role)))
            .await
            .unwrap_err();
        assert!(
            codes(&report).contains(&"key.in-use-by-target"),
            "{:?}",
            codes(&report)
        );
        assert!(
            codes(&report).contains(&"access.denied"),
            "{:?}",
            codes(&report)
        );
        assert!(
            report
                .errors
                .iter()
                .any(|error| error.message.contains(&id))
        );
        assert!(has_key(&world));
    }
}

const DENIED: &str = r#"{"operation":"ec2:DescribeVolumes","effect":{"error":{"code":"UnauthorizedOperation","message":"You are not authorized to perform this operation.","status":403}}}"#;

#[tokio::test(start_paused = true)]
async fn a_target_cannot_keep_a_key_by_denying_the_look() {
    let world = World::new().with(DENIED);
    world.share(world.request(&["golden"])).await;
    let report = world
        .try_share(revoked(world.request(&["golden"])).target_options(by_role()))
        .await
        .unwrap_err();
    assert_eq!(codes(&report), ["key.use-unknown", "access.denied"]);
    assert!(!has_key(&world));
}

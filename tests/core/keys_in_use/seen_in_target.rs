//! Volumes and snapshots of a target that only a role there can see.

use ami_share_sim::world::{Shared, Snapshot};

use super::*;

/// Starts an instance of B and removes the grants by which A could see it, as if its volume was
/// detached; returns the ID of the volume.
async fn add_detached_volume(world: &World) -> String {
    launch_under_key(world, "golden", "golden").await;
    world.edit_key(&world.key_arn("golden"), |key| key.grants.clear());
    world.sim.edit(|state| {
        let instance = state.instances.values().next().unwrap();
        instance.volumes[0].id.clone()
    })
}

/// Adds a snapshot of B under A's key; returns its ID.
fn add_snapshot(world: &World, key: &str) -> String {
    let key = world.key_arn(key);
    let id = "snap-00000000000000b0b".to_owned();
    world.sim.edit(|state| {
        let mut snapshots = state.snapshots.values();
        let shared = snapshots.find(|snapshot| snapshot.key.as_ref() == Some(&key));
        let own = Snapshot {
            id: id.clone(),
            owner: B.to_owned(),
            create_volume_permissions: Shared::default(),
            ..shared.unwrap().clone()
        };
        state.snapshots.insert(id.clone(), own);
    });
    id
}

#[tokio::test(start_paused = true)]
async fn revoke_keeps_key_with_detached_volume_or_snapshot() {
    for is_volume in [true, false] {
        let world = World::new();
        world.share(world.build_request(&["golden"])).await;
        let id = if is_volume {
            add_detached_volume(&world).await
        } else {
            add_snapshot(&world, "golden")
        };
        let request = || {
            let request = world.build_request(&["golden"]);
            request.target_options(with_target_role())
        };
        let report = world.try_share(into_revoke(request())).await.unwrap_err();
        assert_eq!(list_codes(&report), ["key.in-use-by-target"]);
        let error = &report.errors[0];
        assert!(error.message.contains(&id), "{error}");
        assert!(has_key(&world));

        let from = world.list_actions(0).len();
        world.share(into_forced_revoke(request())).await;
        assert!(!has_key(&world));
        let inspects = world
            .list_actions(from)
            .contains(&"ec2:DescribeVolumes".to_owned());
        assert!(!inspects, "it would change nothing");
        // Access that is gone is not kept again.
        let report = world.share(into_revoke(request())).await;
        assert_eq!(list_codes(&report), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_copies_keeps_copy_whose_key_is_in_use() {
    let world = World::new();
    world.share(world.build_copy_request(&["plain"])).await;
    add_snapshot(&world, "golden");
    let revoke = |keys_in_use| {
        let request = world.build_request(&["plain"]);
        let request = request.target_options(with_target_role());
        request.revoke(Revoke {
            copies: true,
            keys_in_use,
            ..Revoke::default()
        })
    };
    // The next run finds the key again by the copy.
    let report = world.try_share(revoke(false)).await.unwrap_err();
    assert_eq!(list_codes(&report), ["key.in-use-by-target"]);
    assert!(report.removed.is_empty());
    world.share(revoke(true)).await;
    assert!(!has_key(&world));
    let copies = world.list_copies();
    assert!(copies.values().all(|state| state == "deregistered"));
}

#[tokio::test(start_paused = true)]
async fn revoke_without_target_role_takes_key_with_finding() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    add_detached_volume(&world).await;
    let revoke = into_revoke(world.build_request(&["golden"]));
    let report = world.share(revoke).await;
    assert_eq!(list_codes(&report), ["key.use-unknown"]);
    let finding = &report.findings[0];
    assert!(finding.message.contains(B), "{finding}");
    assert!(!has_key(&world));
}

/// Two images under one key, of which the second is shared with an organization by hand.
async fn with_organization_share() -> World {
    let mut scenario = generate_scenario(2, 2, 2, 1);
    let volumes = scenario.images[0].volumes.clone();
    scenario.images[1].volumes = volumes;
    let world = World::from_scenario(scenario);
    let by_hand = world
        .build_request_for(&["image-2"], &[ORGANIZATION])
        .key_access(KeyAccessMode::None);
    world.share(by_hand).await;
    world
}

#[tokio::test(start_paused = true)]
async fn revoke_keeps_grant_in_use_although_organization_has_another_image() {
    for inspects in [true, false] {
        let world = with_organization_share().await;
        let request = || {
            let request = world.build_request(&["image-1"]);
            request.key_access(KeyAccessMode::Grants)
        };
        world.share(request()).await;
        add_snapshot(&world, "key-1");
        if inspects {
            let revoke = into_revoke(request()).target_options(with_target_role());
            let report = world.try_share(revoke).await.unwrap_err();
            assert_eq!(list_codes(&report), ["key.in-use-by-target"]);
        } else {
            let report = world.share(into_revoke(request())).await;
            let codes = list_codes(&report);
            assert_eq!(codes, ["key.use-unknown"], "B has no other way to the key");
        }
        assert_eq!(world.has_grants("key-1"), inspects);
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_names_grant_made_by_hand_and_leaves_it() {
    let world = World::new();
    let mut by_hand = build_grant("by-hand", A, &format!("arn:aws:iam::{B}:root"));
    by_hand.name = Some("by-hand".to_owned());
    world.edit_key(&world.key_arn("golden"), |key| key.grants.push(by_hand));
    add_snapshot(&world, "golden");
    for options in [TargetOptions::default(), with_target_role()] {
        let request = world.build_request(&["golden"]);
        let request = request.key_access(KeyAccessMode::Grants);
        let revoke = into_revoke(request).target_options(options);
        let report = world.share(revoke).await;
        assert_eq!(list_codes(&report), ["revoke.other-way"]);
        assert!(world.has_grants("golden"));
    }
    assert!(
        world.has_called("ec2:DescribeVolumes"),
        "the role in the target looked for volumes"
    );
}

#[tokio::test(start_paused = true)]
async fn revoke_keeps_key_in_use_although_another_read_was_denied() {
    let policies = deny_calls(
        "iam:ListRolePolicies",
        "AccessDenied",
        "User: x is not authorized to perform: iam:ListRolePolicies",
    );
    for fault in [deny_describe_volumes(), policies] {
        let world = World::new().with_fault(fault);
        world.share(world.build_request(&["golden"])).await;
        let id = add_snapshot(&world, "golden");
        let options = with_target_role().launch_roles(["launcher".to_owned()]);
        let request = world.build_request(&["golden"]).target_options(options);
        let report = world.try_share(into_revoke(request)).await.unwrap_err();
        let codes = list_codes(&report);
        assert!(codes.contains(&"key.in-use-by-target"), "{codes:?}");
        assert!(codes.contains(&"access.denied"), "{codes:?}");
        let names_snapshot = |error: &ami_share::Error| error.message.contains(&id);
        assert!(report.errors.iter().any(names_snapshot));
        assert!(has_key(&world));
    }
}

#[tokio::test(start_paused = true)]
async fn target_cannot_keep_key_by_denying_describe_volumes() {
    let world = World::new().with_fault(deny_describe_volumes());
    world.share(world.build_request(&["golden"])).await;
    let revoke = into_revoke(world.build_request(&["golden"]));
    let ended = world
        .try_share(revoke.target_options(with_target_role()))
        .await;
    let codes = list_codes(&ended.unwrap_err());
    assert_eq!(codes, ["key.use-unknown", "access.denied"]);
    assert!(!has_key(&world));
}

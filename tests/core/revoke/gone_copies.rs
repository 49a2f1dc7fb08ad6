//! Copies that are gone, or of which AWS does not show all, while the key still lets targets in.

use aws_sdk_ec2::config::Region;

use super::*;

const MODES: [KeyAccessMode; 2] = [KeyAccessMode::Policy, KeyAccessMode::Grants];

/// Deregisters an image of A, and deletes its snapshots.
async fn remove_image(world: &World, id: &str, region: &str) {
    let config = world.config(A).to_builder();
    let config = config.region(Region::new(region.to_owned())).build();
    let ec2 = aws_sdk_ec2::Client::new(&config);
    let snapshots = list_snapshots(world, id);
    ec2.deregister_image().image_id(id).send().await.unwrap();
    for snapshot in snapshots {
        let call = ec2.delete_snapshot().snapshot_id(snapshot);
        call.send().await.unwrap();
    }
}

fn list_snapshots(world: &World, id: &str) -> Vec<String> {
    world.edit_image(id, |image| {
        let mappings = image.mappings.iter();
        mappings
            .filter_map(|mapping| mapping.snapshot.clone())
            .collect()
    })
}

fn find_copy(world: &World) -> String {
    world.list_copies().keys().next().unwrap().clone()
}

fn with_mode(request: ShareRequestBuilder, mode: KeyAccessMode) -> ShareRequestBuilder {
    let request = request.key_access(mode);
    match mode {
        KeyAccessMode::Grants => request.key_scope(KeyScope::Direct),
        _ => request,
    }
}

fn build_request(world: &World, mode: KeyAccessMode) -> ShareRequestBuilder {
    with_mode(world.build_copy_request(&["plain"]), mode)
}

/// The key's policy, and the names of its grants.
fn key_access(world: &World, key: &str) -> (String, Vec<Option<String>>) {
    world.edit_key(&world.key_arn(key), |key| {
        let names = key.grants.iter().map(|grant| grant.name.clone());
        (key.policy().to_owned(), names.collect())
    })
}

fn says_key_was_looked_at(report: &ami_share::Report, key: &str) -> bool {
    let mut findings = report.findings.iter();
    findings.any(|finding| {
        finding.code.as_str() == "image.gone"
            && (finding.resource == key || finding.message.contains(key))
    })
}

#[tokio::test(start_paused = true)]
async fn revoke_looks_at_named_key_when_copy_is_gone() {
    for mode in MODES {
        for source_too in [false, true] {
            let case = format!("{mode:?}, source too: {source_too}");
            let world = World::new();
            let before = key_access(&world, "golden");
            world.share(build_request(&world, mode)).await;
            remove_image(&world, &find_copy(&world), "us-east-1").await;
            if source_too {
                remove_image(&world, &world.image_id("plain"), "us-east-1").await;
            }
            let revoke = || into_revoke(build_request(&world, mode));
            let report = world.share(revoke()).await;
            assert!(report.changed, "{case}");
            assert_eq!(key_access(&world, "golden"), before, "{case}");
            assert!(
                says_key_was_looked_at(&report, &world.key_arn("golden")),
                "{case}"
            );
            let again = world.share(revoke()).await;
            assert!(!again.changed, "{case}");
            assert!(
                says_key_was_looked_at(&again, &world.key_arn("golden")),
                "{case}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_looks_at_named_key_of_each_region() {
    for mode in MODES {
        let world = World::generate(2, 2, 1, 1);
        let keys = ["key-1", "key-eu-west-1"];
        let before = keys.map(|key| key_access(&world, key));
        let request = || {
            let request = with_mode(world.build_request(&["image-1"]), mode);
            let copied = request.copy_to_regions(["eu-west-1".parse().unwrap()]);
            let [home, away] = keys.map(|key| world.key_arn(key).parse().unwrap());
            copied
                .kms_key_in("us-east-1".parse().unwrap(), home)
                .kms_key_in("eu-west-1".parse().unwrap(), away)
        };
        let report = world.share(request()).await;
        for image in &report.images {
            let id = image.image.as_ref().unwrap();
            remove_image(&world, id.as_ref(), image.region.as_ref()).await;
        }
        let report = world.share(into_revoke(request())).await;
        assert_eq!(keys.map(|key| key_access(&world, key)), before, "{mode:?}");
        for key in keys {
            assert!(
                says_key_was_looked_at(&report, &world.key_arn(key)),
                "{mode:?}: {key}"
            );
        }
    }
}

/// A copy that exists needs no such finding.
#[tokio::test(start_paused = true)]
async fn revoke_of_living_copy_calls_nothing_gone() {
    let world = World::new();
    let request = || build_request(&world, KeyAccessMode::Policy);
    world.share(request()).await;
    let report = world.share(into_revoke(request())).await;
    assert!(!list_codes(&report).contains(&"image.gone"));
}

/// The key of a snapshot that AWS does not show is not known, unless the request names it.
#[tokio::test(start_paused = true)]
async fn revoke_refuses_image_whose_snapshot_is_hidden() {
    let golden = || "alias/golden".parse().unwrap();
    for mode in MODES {
        for copies in [false, true] {
            let case = format!("{mode:?}, copies: {copies}");
            let world = World::new();
            let before = key_access(&world, "golden");
            let image = if copies { "plain" } else { "golden" };
            let request = || with_mode(world.build_request(&[image]), mode);
            let share = if copies {
                request().kms_key(golden())
            } else {
                request()
            };
            world.share(share).await;
            let shared = key_access(&world, "golden");
            assert_ne!(shared, before, "{case}");
            let id = if copies {
                find_copy(&world)
            } else {
                world.image_id(image)
            };
            let snapshots = list_snapshots(&world, &id);
            let hidden = world
                .sim
                .edit(|state| state.snapshots.remove(&snapshots[0]));

            let report = world.try_share(into_revoke(request())).await.unwrap_err();
            assert!(
                list_codes(&report).contains(&"image.snapshot-missing"),
                "{case}"
            );
            assert!(!report.changed, "{case}");
            assert_eq!(key_access(&world, "golden"), shared, "{case}");

            // Named, or shown again, it is looked at.
            let named = into_revoke(request().kms_key(golden()));
            let plan = world.plan(named).await;
            let changed: Vec<_> = plan
                .key_access_removals()
                .map(|remove| remove.key.to_string())
                .collect();
            assert!(changed.contains(&world.key_arn("golden")), "{case}");
            world.sim.edit(|state| {
                state
                    .snapshots
                    .insert(snapshots[0].clone(), hidden.unwrap())
            });
            world.share(into_revoke(request())).await;
            assert_eq!(key_access(&world, "golden"), before, "{case}");
        }
    }
}

/// Unlisted principals lose the key of a copy that went, whether another is made or not.
#[tokio::test(start_paused = true)]
async fn unlisted_lose_key_of_copy_that_is_gone() {
    const C: &str = "300000000000";
    for mode in MODES {
        let world = World::new();
        world.share(build_request(&world, mode)).await;
        assert!(names_account(&key_access(&world, "golden"), B), "{mode:?}");
        remove_image(&world, &find_copy(&world), "us-east-1").await;
        let request = world.build_request_for(&["plain"], &[C]);
        let request = with_mode(request.kms_key("alias/golden".parse().unwrap()), mode);
        let report = world.share(request.unlisted(Unlisted::Revoke)).await;
        let access = key_access(&world, "golden");
        assert!(!names_account(&access, B), "{mode:?}: {access:?}");
        assert!(names_account(&access, C), "{mode:?}: {access:?}");
        let copy = report.images[0].image.as_ref().unwrap();
        assert_ne!(world.launch_as_b(copy.as_ref()).await, "running");
    }
}

fn names_account((policy, grants): &(String, Vec<Option<String>>), account: &str) -> bool {
    let mut grants = grants.iter().flatten();
    policy.contains(account) || grants.any(|name| name.ends_with(account))
}

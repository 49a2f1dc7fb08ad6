//! Images that were deregistered since they were shared: what is left of them on keys.

use ami_share::Finding;
use ami_share_sim::world::Grant;

use super::*;

const MODES: [KeyAccessMode; 2] = [KeyAccessMode::Policy, KeyAccessMode::Grants];

/// `image-1` and `image-2` are under one key, and their snapshots are described as AWS does.
fn build_world() -> World {
    let mut scenario = generate_scenario(3, 1, 2, 1);
    for image in &mut scenario.images {
        image.volumes = vec![Some("key-1".to_owned())];
    }
    let world = World::from_scenario(scenario);
    world.sim.edit(|state| {
        for image in state.images.values() {
            let snapshot = image.mappings[0].snapshot.as_ref().unwrap();
            let snapshot = state.snapshots.get_mut(snapshot).unwrap();
            snapshot.description = format!(
                "Created by CreateImage(i-0123456789abcdef0) for {}",
                image.id
            );
        }
    });
    world
}

async fn deregister(world: &World, image: &str) {
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let call = ec2.deregister_image().image_id(world.image_id(image));
    call.send().await.unwrap();
}

fn build_request(world: &World, images: &[&str], mode: KeyAccessMode) -> ShareRequestBuilder {
    let request = world.build_request_for(images, &[B]).key_access(mode);
    request.share_snapshots(ShareSnapshots::Never)
}

/// The policy and the grants of the key.
fn key_access(world: &World) -> (String, Vec<Option<String>>) {
    world.edit_key(&world.key_arn("key-1"), |key| {
        let names = key.grants.iter().map(|grant| grant.name.clone());
        (key.policy().to_owned(), names.collect())
    })
}

fn find_gone(findings: &[Finding]) -> Option<&Finding> {
    let mut findings = findings.iter();
    findings.find(|finding| finding.code.as_str() == "image.gone")
}

#[tokio::test(start_paused = true)]
async fn image_that_is_gone_does_not_stop_revoke_of_another() {
    for mode in MODES {
        let world = build_world();
        let before = key_access(&world);
        let both = || build_request(&world, &["image-1", "image-2"], mode);
        world.share(both()).await;
        deregister(&world, "image-1").await;
        let report = world.share(into_revoke(both())).await;
        assert!(find_gone(&report.findings).is_some(), "{mode:?}");
        let launched = world.launch_as_b(&world.image_id("image-2")).await;
        assert_ne!(launched, "running", "{mode:?}");
        assert_eq!(key_access(&world), before, "{mode:?}");
        assert!(!world.share(into_revoke(both())).await.changed, "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn key_of_last_image_is_found_by_its_snapshots_or_by_name() {
    for mode in MODES {
        for (described, named) in [(true, false), (false, true), (false, false)] {
            let case = format!("{mode:?}, described: {described}, named: {named}");
            let world = build_world();
            let before = key_access(&world);
            let request = || build_request(&world, &["image-1"], mode);
            world.share(request()).await;
            let shared = key_access(&world);
            deregister(&world, "image-1").await;
            if !described {
                world.sim.edit(|state| {
                    for snapshot in state.snapshots.values_mut() {
                        snapshot.description.clear();
                    }
                });
            }
            let mut revoke = into_revoke(request());
            if named {
                revoke = revoke.kms_key("alias/key-1".parse().unwrap());
            }
            let report = world.share(revoke).await;
            let gone = find_gone(&report.findings).unwrap();
            let is_found = described || named;
            let key = world.key_arn("key-1");
            assert_eq!(gone.message.contains(&key), is_found, "{case}: {gone}");
            let expected = if is_found { before } else { shared };
            assert_eq!(key_access(&world), expected, "{case}");
        }
    }
}

/// A second image under the key is shared with B, by a run of its own.
#[tokio::test(start_paused = true)]
async fn key_that_another_image_needs_is_kept_when_image_is_gone() {
    for mode in MODES {
        let world = build_world();
        for image in ["image-1", "image-2"] {
            world.share(build_request(&world, &[image], mode)).await;
        }
        deregister(&world, "image-1").await;
        let revoke = build_request(&world, &["image-1"], mode);
        world.share(into_revoke(revoke)).await;
        let launched = world.launch_as_b(&world.image_id("image-2")).await;
        assert_eq!(launched, "running", "{mode:?}");
        let names = key_access(&world).1;
        let dead = world.image_id("image-1");
        let mut names = names.iter().flatten();
        assert!(!names.any(|name| name.contains(&dead)), "{mode:?}");
    }
}

/// Grants of images that nobody names any more are found by their own names, of the accounts that
/// lose access. Those of another account's images are not ours.
#[tokio::test(start_paused = true)]
async fn grants_of_gone_images_go_with_those_of_living_ones() {
    const C: &str = "300000000000";
    let world = build_world();
    for image in ["image-1", "image-2"] {
        let request = world.build_request_for(&[image], &[B, C]);
        world.share(request.key_access(KeyAccessMode::Grants)).await;
    }
    deregister(&world, "image-1").await;
    let key = world.key_arn("key-1");
    let theirs = world.edit_key(&key, |key| {
        let own = key.grants[0].clone();
        let image = world.image_id("image-1");
        let name = own.name.as_ref().unwrap().replace(A, "333333333333");
        let name = name.replace(&image, "ami-0aaaaaaaaaaaaaaaa");
        let theirs = Grant {
            id: "theirs".to_owned(),
            name: Some(name),
            ..own
        };
        key.grants.push(theirs.clone());
        theirs
    });
    let revoke = build_request(&world, &["image-2"], KeyAccessMode::Grants);
    world.share(into_revoke(revoke)).await;
    let names = key_access(&world).1;
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.contains(&theirs.name));
    let mut others = names.iter().flatten();
    let is_kept = |name: &String| name.ends_with(C) || Some(name) == theirs.name.as_ref();
    assert!(others.all(is_kept), "{names:?}");
}

/// Earlier versions gave grants other names, without the account of the image.
fn give_former_names(world: &World) {
    world.edit_key(&world.key_arn("key-1"), |key| {
        for grant in &mut key.grants {
            let name = grant.name.as_ref().unwrap();
            let former = name.replace(&format!("ami-share-2-{A}-"), "ami-share-1-");
            assert_ne!(name, &former);
            grant.name = Some(former);
        }
    });
}

#[tokio::test(start_paused = true)]
async fn grants_with_former_names_are_recognized_and_go() {
    const C: &str = "300000000000";
    let world = build_world();
    let request = |image: &str, principals: &[&str]| {
        let request = world.build_request_for(&[image], principals);
        request.key_access(KeyAccessMode::Grants)
    };
    for image in ["image-1", "image-2"] {
        world.share(request(image, &[B, C])).await;
    }
    give_former_names(&world);
    for image in ["image-1", "image-2"] {
        let again = world.share(request(image, &[B, C])).await;
        assert!(!again.changed, "{image}");
    }
    deregister(&world, "image-1").await;
    world.share(into_revoke(request("image-2", &[B]))).await;
    let names = key_access(&world).1;
    let mut names = names.iter().flatten();
    assert!(names.all(|name| name.ends_with(C)), "{names:?}");
    assert_eq!(key_access(&world).1.len(), 2, "those of C");
}

/// A former name says no account: the key's own gave it, and so may mean an image of its own.
#[tokio::test(start_paused = true)]
async fn former_name_on_key_of_another_account_is_not_ours() {
    let (world, role) = super::super::grants::with_foreign_key();
    let request = || {
        let request = world.build_request(&["golden"]);
        let request = request.key_access(KeyAccessMode::Grants);
        request.key_role(role.parse().unwrap())
    };
    world.share(request()).await;
    let golden = world.key_arn("golden");
    for (id, start, image) in [
        ("theirs", "ami-share-1".to_owned(), "ami-0aaaaaaaaaaaaaaaa"),
        ("ours", format!("ami-share-2-{A}"), "ami-0bbbbbbbbbbbbbbbb"),
    ] {
        world.edit_key(&golden, |key| {
            let name = format!("{start}-us-east-1-{image}-{B}");
            let grant = Grant {
                id: id.to_owned(),
                name: Some(name),
                ..key.grants[0].clone()
            };
            key.grants.push(grant);
        });
    }
    world.share(into_revoke(request())).await;
    let left = world.edit_key(&golden, |key| key.grants.clone());
    let left: Vec<&str> = left.iter().map(|grant| grant.id.as_str()).collect();
    assert_eq!(left, ["theirs"]);
}

/// A key that a run only looked at is not called revoked.
#[tokio::test(start_paused = true)]
async fn finding_of_gone_image_says_what_was_looked_at() {
    let world = build_world();
    let request = build_request(&world, &["image-1"], KeyAccessMode::Policy);
    world.share(request).await;
    deregister(&world, "image-1").await;
    let key = world.key_arn("key-1");
    for (run, is_changed) in [("first", true), ("second", false)] {
        let request = build_request(&world, &["image-1"], KeyAccessMode::Policy);
        let report = world.share(into_revoke(request)).await;
        assert_eq!(report.changed, is_changed, "{run}");
        let gone = find_gone(&report.findings).unwrap();
        assert!(gone.message.contains(&key), "{run}: {gone}");
        assert!(!gone.message.contains("revoked"), "{run}: {gone}");
    }
    // Nobody looked at the key.
    let request = build_request(&world, &["image-1"], KeyAccessMode::None);
    let plan = world.plan(into_revoke(request)).await;
    let gone = find_gone(&plan.findings).unwrap();
    assert!(gone.message.contains("no key was looked at"), "{gone}");
}

/// The source still exists; its copy and the copy's snapshots do not.
#[tokio::test(start_paused = true)]
async fn key_of_copy_that_is_gone_is_found_by_its_name() {
    for mode in MODES {
        let world = World::new();
        let key = world.key_arn("golden");
        let access = || {
            world.edit_key(&key, |key| {
                let grants = key.grants.iter().map(|grant| grant.name.clone());
                (key.policy().to_owned(), grants.collect::<Vec<_>>())
            })
        };
        let before = access();
        let request = || world.build_copy_request(&["plain"]).key_access(mode);
        let report = world.share(request()).await;
        let copy = report.images[0].image.clone().unwrap();
        let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
        let call = ec2.deregister_image().image_id(copy.as_ref());
        let call = call.delete_associated_snapshots(true);
        call.send().await.unwrap();
        world.share(into_revoke(request())).await;
        assert_eq!(access(), before, "{mode:?}");
    }
}

//! Images that a tag calls copies of this tool.

use ami_share::request::{Revoke, ShareRequestBuilder};
use ami_share::{Report, Sharer};
use ami_share_sim::world::{Shared, Snapshot};

use super::super::support::*;
use super::OTHER;

fn revoke_copies(request: ShareRequestBuilder) -> ShareRequestBuilder {
    let key = "alias/golden".parse().unwrap();
    request.kms_key(key).revoke(Revoke {
        all: true,
        copies: true,
        ..Revoke::default()
    })
}

/// Copies the image `plain` by hand as A, under the key of the tool's copies, and shares it with B.
async fn copy_by_hand(world: &World, name: &str, tags: &[(&str, &str)]) -> String {
    use aws_sdk_ec2::types::{
        LaunchPermission, LaunchPermissionModifications, ResourceType, Tag, TagSpecification,
    };

    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let mut specification = TagSpecification::builder().resource_type(ResourceType::Image);
    for (key, value) in tags {
        specification = specification.tags(Tag::builder().key(*key).value(*value).build());
    }
    let copied = ec2
        .copy_image()
        .name(name)
        .source_image_id(world.image_id("plain"))
        .source_region(world.region())
        .encrypted(true)
        .kms_key_id("alias/golden")
        .tag_specifications(specification.build())
        .send();
    let id = copied.await.unwrap().image_id.unwrap();
    tokio::time::sleep(std::time::Duration::from_hours(2)).await;
    let b = LaunchPermission::builder().user_id(B).build();
    let permission = LaunchPermissionModifications::builder().add(b).build();
    let shared = ec2.modify_image_attribute().image_id(&id);
    shared.launch_permission(permission).send().await.unwrap();
    id
}

#[tokio::test(start_paused = true)]
async fn revoke_leaves_copies_that_this_tool_did_not_make() {
    let world = World::new();
    let report = world.share(world.build_copy_request(&["plain"])).await;
    let ours = report.images[0].image.clone().unwrap().to_string();
    let (source, request) = world.edit_image(&ours, |image| {
        let tags = &image.tags[A];
        (
            tags["ami-share:source"].clone(),
            tags["ami-share:request"].clone(),
        )
    });
    let forged = "0".repeat(64);
    let table = [
        ("source alone", vec![("ami-share:source", source.as_str())]),
        (
            "forged request",
            vec![
                ("ami-share:source", &source),
                ("ami-share:request", &forged),
            ],
        ),
        (
            "request of another copy",
            vec![
                ("ami-share:source", &source),
                ("ami-share:request", &request),
            ],
        ),
    ];
    let mut by_hand = Vec::new();
    for (name, tags) in &table {
        by_hand.push((*name, copy_by_hand(&world, name, tags).await));
    }
    let revoke = revoke_copies(world.build_request_for(&["plain"], &[]));
    let report = world.share(revoke).await;
    assert_eq!(report.removed, [ours]);
    for (name, id) in by_hand {
        let named = report.findings.iter().filter(|found| found.resource == id);
        let codes: Vec<&str> = named.map(|found| found.code.as_str()).collect();
        assert_eq!(codes, ["copy.not-ours"], "{name}");
        let mut named = report.findings.iter().filter(|found| found.resource == id);
        let message = &named.next().unwrap().message;
        assert!(
            message.ends_with(&format!("it is still shared with {B}")),
            "{message}"
        );
        // Whoever has it keeps its key too.
        assert_eq!(world.launch_as_b(&id).await, "running", "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_keeps_copy_whose_snapshots_others_use() {
    // When somebody is given the snapshots: before the plan, or after it.
    for before_plan in [true, false] {
        let world = World::new();
        let report = world.share(world.build_copy_request(&["plain"])).await;
        let ours = report.images[0].image.clone().unwrap().to_string();
        let give = || {
            world.sim.edit(|state| {
                for mapping in &state.images[&ours].mappings {
                    let Some(id) = &mapping.snapshot else {
                        continue;
                    };
                    let snapshot = state.snapshots.get_mut(id).unwrap();
                    snapshot.create_volume_permissions.insert(OTHER.to_owned());
                }
            });
        };
        if before_plan {
            give();
        }
        // The request names those that lose access, and the other account is none of them.
        let request = world.build_request(&["plain"]).revoke(Revoke {
            copies: true,
            ..Revoke::default()
        });
        let sharer = Sharer::new(&world.config(A));
        let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
        if !before_plan {
            give();
        }
        let report = sharer.apply(&plan).await.unwrap();
        assert!(
            list_codes(&report).contains(&"copy.still-shared"),
            "{report:?}"
        );
        assert!(report.removed.is_empty());
    }
}

/// The shared copy of a report's only image.
fn copy_in(report: &Report) -> String {
    report.images[0].image.clone().unwrap().to_string()
}

/// The images that a report calls somebody else's.
fn list_not_ours(report: &Report) -> Vec<&str> {
    let mut resources = Vec::new();
    for finding in &report.findings {
        if finding.code.as_str() == "copy.not-ours" {
            resources.push(finding.resource.as_str());
        }
    }
    resources
}

#[tokio::test(start_paused = true)]
async fn copy_of_one_image_is_no_doubtful_copy_of_another() {
    let world = World::new();
    world.share(world.build_copy_request(&["plain"])).await;
    let report = world
        .share(world.build_copy_request(&["managed", "plain"]))
        .await;
    assert!(list_not_ours(&report).is_empty(), "{:?}", report.findings);
}

/// A revoke would leave it, so that a share must not use it.
#[tokio::test(start_paused = true)]
async fn copy_by_hand_with_our_tags_is_not_used() {
    let world = World::new();
    let request = || world.build_copy_request(&["plain"]);
    let ours = copy_in(&world.share(request()).await);
    let tags = world.edit_image(&ours, |image| image.tags[A].clone());
    let tags: Vec<(&str, &str)> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let by_hand = copy_by_hand(&world, "by hand", &tags).await;
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    ec2.deregister_image().image_id(&ours).send().await.unwrap();
    let report = world.share(request()).await;
    let copy = copy_in(&report);
    assert!(copy != ours && copy != by_hand);
    assert_eq!(list_not_ours(&report), [by_hand]);
}

/// AWS calls the name of such a copy a duplicate, and it is so long that it is cut.
#[tokio::test(start_paused = true)]
async fn copy_with_cut_name_is_ours_to_those_who_know_its_name() {
    let message = "AMI name is already in use";
    let duplicate = fail_first_call("ec2:CopyImage", "InvalidAMIName.Duplicate", message);
    let world = World::new().with_fault(duplicate);
    let image_id = world.image_id("plain");
    world.edit_image(&image_id, |image| image.name = "n".repeat(128));
    let request = || world.build_copy_request(&["plain"]);
    let report = world.share(request()).await;
    let cut = copy_in(&report);
    let name = world.edit_image(&cut, |image| image.name.clone());
    assert!(name.len() == 128 && name != "n".repeat(128), "{name}");
    let report = world.share(request()).await;
    assert_eq!(
        (copy_in(&report), list_not_ours(&report)),
        (cut.clone(), Vec::new())
    );

    // Another name makes another copy, and it says so.
    let report = world.share(request().copy_name("other")).await;
    let other = copy_in(&report);
    assert_ne!(other, cut);
    assert_eq!(list_not_ours(&report), [&cut]);

    let revoke = || revoke_copies(world.build_request_for(&["plain"], &[]));
    let report = world.share(revoke().copy_name("other")).await;
    assert_eq!(report.removed, [other]);
    assert_eq!(list_not_ours(&report), [&cut]);
    assert_eq!(world.launch_as_b(&cut).await, "running");
    world.terminate_instances_of(B).await;
    let report = world.share(revoke()).await;
    assert_eq!(
        (&report.removed[..], list_not_ours(&report)),
        (&[cut][..], Vec::new())
    );
}

/// Its tag has another form than that of this version.
#[tokio::test(start_paused = true)]
async fn copy_of_another_version_is_not_made_again_or_removed_without_a_word() {
    let world = World::new();
    let request = || world.build_copy_request(&["plain"]);
    let copy = copy_in(&world.share(request()).await);
    world.edit_image(&copy, |image| {
        let tags = image.tags.get_mut(A).unwrap();
        tags.insert("ami-share:request".to_owned(), "f".repeat(64));
    });
    let plan = world.plan(request()).await;
    let made = plan.copies().filter(|step| step.adopt.is_none());
    assert_eq!(made.count(), 1);
    let mut findings = plan.findings.iter();
    let finding = findings.find(|finding| finding.code.as_str() == "copy.not-ours");
    assert!(finding.unwrap().message.contains("another copy is made"));
    let revoke = revoke_copies(world.build_request_for(&["plain"], &[]));
    let report = world.share(revoke).await;
    assert_eq!(list_not_ours(&report), [&copy]);
    assert!(report.removed.is_empty());
    assert_eq!(world.launch_as_b(&copy).await, "running");
}

/// A tag of a snapshot alone says of no key that copies were under it.
#[tokio::test(start_paused = true)]
async fn forged_tag_of_snapshot_takes_no_key_away() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let (golden, plain) = (world.image_id("golden"), world.image_id("plain"));
    world.sim.edit(|state| {
        let source = format!("us-east-1/{plain}");
        let snapshots: Vec<String> = state.images[&golden]
            .mappings
            .iter()
            .filter_map(|mapping| mapping.snapshot.clone())
            .collect();
        let forged = Snapshot {
            id: "snap-0fffffffffffffff0".to_owned(),
            tags: [(
                A.to_owned(),
                [("ami-share:source".to_owned(), source)].into(),
            )]
            .into(),
            description: "nightly backup".to_owned(),
            ..state.snapshots[&snapshots[0]].clone()
        };
        state.snapshots.insert(forged.id.clone(), forged);
        // Nothing else is shared under the key any more, but its statement stays.
        state.images.get_mut(&golden).unwrap().launch_permissions = Shared::default();
    });
    let before = world.read_golden_policy();
    let request = world.build_request(&["plain"]).revoke(Revoke::default());
    world.share(request).await;
    assert_eq!(world.read_golden_policy(), before);
}

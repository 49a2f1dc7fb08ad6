//! Copies: one for each request, whatever happens on the way.

use std::time::Duration;

use ami_share::request::KeyAccessMode;
use ami_share::{AmiId, Sharer};
use ami_share_sim::world::{Image, ImageState, Snapshot};
use ami_share_sim::{Options, Scenario};
use serde_json::json;

use super::support::*;

const INTERNAL_ERROR: &str = "Copy image failed with an internal error";

/// Shares a copy of `plain` and returns its ID.
async fn share_copy(world: &World) -> AmiId {
    let report = world.share(world.build_copy_request(&["plain"])).await;
    report.images[0].image.clone().unwrap()
}

#[tokio::test(start_paused = true)]
async fn copy_image_with_lost_answer_makes_one_image() {
    for effect in ["lost-answer", "drop"] {
        let world = World::new().with_fault(affect_call("ec2:CopyImage", 1, effect));
        let copy = share_copy(&world).await.to_string();
        let copies: Vec<(String, String)> = world.list_copies().into_iter().collect();
        assert_eq!(copies, [(copy.clone(), "available".to_owned())], "{effect}");
        assert_eq!(world.launch_as_b(&copy).await, "running");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_copy_ends_run_and_is_removed_after_its_replacement() {
    let world = World::new().with_fault(fail_first_copy(INTERNAL_ERROR));
    let request = || world.build_copy_request(&["plain"]);
    let started = world.elapsed();
    let report = world.try_share(request()).await.unwrap_err();
    assert_eq!(list_codes(&report), ["copy.failed"]);
    let message = report.errors[0].to_string();
    assert!(message.contains(INTERNAL_ERROR), "{message}");
    assert!((world.elapsed() - started).as_secs() < 30);
    let failed = world.list_copies();
    assert_eq!(failed.values().collect::<Vec<_>>(), ["failed"]);
    assert_eq!(
        world.launch_as_b(&world.image_id("plain")).await,
        "AuthFailure"
    );

    let snapshots = world.count_snapshots();
    let report = world.share(request()).await;
    let id = failed.keys().next().unwrap();
    assert_eq!(report.removed, std::slice::from_ref(id));
    let copies = world.list_copies();
    assert_eq!((copies.len(), copies[id].as_str()), (2, "deregistered"));
    assert_eq!(
        world.count_snapshots(),
        snapshots,
        "the snapshot of the failed copy is gone, that of the new one exists"
    );
    // The failed image was removed after the new one was available.
    let copy = report.images[0].image.as_ref().unwrap();
    assert_eq!(world.launch_as_b(copy.as_ref()).await, "running");
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn failed_snapshot_that_an_image_uses_stays() {
    let world = World::new().with_fault(fail_first_copy(INTERNAL_ERROR));
    let request = || world.build_copy_request(&["plain"]);
    world.try_share(request()).await.unwrap_err();
    let id = world.list_copies().into_keys().next().unwrap();
    let snapshots: Vec<String> = world.sim.edit(|state| {
        let mut other = state.images.remove(&id).unwrap();
        let snapshots = other.snapshot_ids().map(str::to_owned).collect();
        "ami-00000000000000001".clone_into(&mut other.id);
        "by-hand".clone_into(&mut other.name);
        other.state = ImageState::Available;
        state.images.insert(other.id.clone(), other);
        snapshots
    });
    let report = world.share(request()).await;
    assert!(!list_codes(&report).contains(&"copy.not-cleaned"));
    assert!(report.removed.is_empty(), "{:?}", report.removed);
    for id in snapshots {
        let stays = world.sim.edit(|state| state.snapshots.contains_key(&id));
        assert!(stays, "{id}");
    }
    assert!(!world.has_called("ec2:DeleteSnapshot"));
}

#[tokio::test(start_paused = true)]
async fn failed_copy_stays_until_its_replacement_is_available() {
    let mut fault = fail_first_copy(INTERNAL_ERROR);
    fault.as_object_mut().unwrap().remove("call");
    let world = World::new().with_fault(fault);
    for attempts in 1..=3 {
        let request = world.build_copy_request(&["plain"]);
        world.try_share(request).await.unwrap_err();
        let states: Vec<String> = world.list_copies().into_values().collect();
        assert_eq!(states, vec!["failed"; attempts]);
    }
}

#[tokio::test(start_paused = true)]
async fn deregistered_copy_is_made_again() {
    let world = World::new();
    let first = share_copy(&world).await;
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let call = ec2.deregister_image().image_id(first.as_ref());
    call.send().await.unwrap();
    let second = share_copy(&world).await;
    assert_ne!(first, second);
    assert_eq!(world.launch_as_b(second.as_ref()).await, "running");
}

#[tokio::test(start_paused = true)]
async fn concurrent_runs_make_one_copy() {
    let world = World::new();
    let (one, other) = futures::future::join(share_copy(&world), share_copy(&world)).await;
    assert_eq!(one, other);
    assert_eq!(world.list_copies().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_2_run_with_other_tags_adopts_existing_copy() {
    let world = World::new();
    let with_tags = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let request = world.build_copy_request(&["plain"]);
        world.share(request.tag("more", "tags")).await
    };
    let (copy, report) = futures::future::join(share_copy(&world), with_tags).await;
    assert_eq!(report.images[0].image, Some(copy));
    assert_eq!(world.list_copies().len(), 1);
    let mismatch = Some("IdempotentParameterMismatch");
    let journal = world.sim.journal();
    assert!(journal.iter().any(|call| call.code.as_deref() == mismatch));
}

#[tokio::test(start_paused = true)]
async fn copy_that_was_deregistered_is_replaced_soon_by_one_with_other_tags() {
    for with_snapshots in [false, true] {
        let world = World::new();
        let copy = share_copy(&world).await;
        let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
        let call = ec2.deregister_image().image_id(copy.as_ref());
        let call = call.delete_associated_snapshots(with_snapshots);
        call.send().await.unwrap();
        let started = world.elapsed();
        let request = world.build_copy_request(&["plain"]);
        let report = world.share(request.tag("more", "tags")).await;
        assert_ne!(report.images[0].image, Some(copy));
        let seconds = (world.elapsed() - started).as_secs();
        assert!(seconds < 120, "{seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_1_7_copy_that_is_not_visible_yet_is_awaited() {
    let options = Options {
        invisible: Duration::from_secs(90),
        ..Options::default()
    };
    let world = World::with_options(Scenario::two_accounts(), options);
    tokio::time::advance(Duration::from_secs(1)).await;
    let copy = share_copy(&world).await;
    assert_eq!(world.launch_as_b(copy.as_ref()).await, "running");
    assert_eq!(world.list_copies().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn duplicate_copy_name_gets_digest_and_finding() {
    let world = World::new().with_fault(fail_first_call(
        "ec2:CopyImage",
        "InvalidAMIName.Duplicate",
        "AMI name plain is already in use by AMI ami-1a2b3c4d",
    ));
    let report = world.share(world.build_copy_request(&["plain"])).await;
    assert_eq!(list_codes(&report), ["copy.name-taken"]);
    let again = world.share(world.build_copy_request(&["plain"])).await;
    assert!(!again.changed);
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_10_copy_waits_until_the_copy_queue_has_room() {
    let world = World::new().with_fault(fail_first_call(
        "ec2:CopyImage",
        "ResourceLimitExceeded",
        "You have exceeded the maximum number of concurrent snapshot copies",
    ));
    let report = world.share(world.build_copy_request(&["plain"])).await;
    assert!(report.images[0].copied);
}

/// An image that has the tag of a copy and is none: anybody may set a tag.
#[tokio::test(start_paused = true)]
async fn image_with_forged_request_tag_is_neither_adopted_nor_removed() {
    type Spoil = fn(&mut Image, &mut Snapshot);
    const OTHER_KEY: &str =
        "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let spoils: [(&str, Spoil); 4] = [
        ("another source", |image, _| {
            image.source = Some(("ami-1a2b3c4d".to_owned(), "us-east-1".to_owned()));
        }),
        ("no source", |image, _| image.source = None),
        ("another key", |_, snapshot| {
            snapshot.key = Some(OTHER_KEY.to_owned());
        }),
        ("another destination", |_, snapshot| {
            let other = "Copied for DestinationAmi ami-1a2b3c4d from SourceAmi";
            snapshot.description = other.to_owned();
        }),
    ];
    for (what, spoil) in spoils {
        let world = World::new();
        let first = share_copy(&world).await;
        world.sim.edit(|state| {
            let image = state.images.get_mut(first.as_ref()).unwrap();
            let snapshot = image.mappings[0].snapshot.clone().unwrap();
            spoil(image, state.snapshots.get_mut(&snapshot).unwrap());
            // So that AWS does not answer the token with it.
            state.tokens.clear();
        });
        let second = share_copy(&world).await;
        assert_ne!(first, second, "{what}");
        let state = &world.list_copies()[first.as_ref()];
        assert_eq!(state, "available", "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn oldest_of_duplicate_copies_is_used() {
    let world = World::new();
    let first = share_copy(&world).await;
    tokio::time::advance(Duration::from_mins(1)).await;
    world.sim.edit(|state| state.tokens.clear());
    world.edit_image(first.as_ref(), |image| image.tags.clear());
    let second = share_copy(&world).await;
    let tags = world.edit_image(second.as_ref(), |image| image.tags.clone());
    world.edit_image(first.as_ref(), |image| image.tags = tags);
    let report = world.share(world.build_copy_request(&["plain"])).await;
    assert_eq!(report.images[0].image, Some(first));
    assert_eq!(list_codes(&report), ["copy.duplicate"]);
}

#[tokio::test(start_paused = true)]
async fn deadline_error_names_the_awaited_image() {
    let world = World::with_slow_copies();
    let request = world.build_copy_request(&["plain"]);
    let ended = world.try_share(request.timing(with_timeout(600))).await;
    let report = ended.unwrap_err();
    assert_eq!(list_codes(&report), ["deadline"]);
    let copy = world.list_copies().into_keys().next().unwrap();
    let plain = world.image_id("plain");
    let awaited = format!("{copy} in us-east-1 to be available, as the copy of {plain}");
    let message = report.errors[0].to_string();
    assert!(message.contains(&awaited), "{message}");
    assert_eq!(world.elapsed().as_secs(), 600);

    // The same while it waits for a source.
    let sharer = Sharer::new(&world.config(A));
    let request = world.build_request(&["building"]);
    let request = request.timing(with_timeout(60)).build().unwrap();
    let message = sharer.plan(&request).await.unwrap_err().to_string();
    let building = world.image_id("building");
    assert!(
        message.contains(&building) && message.contains(", 1"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_describe_call_serves_every_awaited_image() {
    let world = World::with_slow_copies();
    let count_describes = || world.count_calls()["ec2:DescribeImages"];
    share_copy(&world).await;
    let one = count_describes();
    let names = ["managed", "plain", "building"];
    world.share(world.build_copy_request(&names)).await;
    let three = count_describes() - one;
    assert!(three < one + 20, "{one} for one, {three} for three");
    assert!(one < 80, "at most about one a minute: {one} in an hour");
}

/// Whatever AWS answers after that, such as to credentials that have just expired.
#[tokio::test(start_paused = true)]
async fn copy_that_is_under_way_is_a_change_of_a_run_that_fails() {
    let mut ends = Vec::new();
    for call in 1..12 {
        let error = json!({ "status": 403, "code": "UnauthorizedOperation", "message": "no" });
        let effect = json!({ "error": error });
        let operation = "ec2:DescribeImages";
        let fault = json!({ "operation": operation, "call": call, "effect": effect });
        let world = World::new().with_fault(fault);
        let sharer = Sharer::new(&world.config(A));
        // Nothing else is changed at the same time.
        let request = world.build_copy_request(&["plain"]);
        let request = request.key_access(KeyAccessMode::None).build().unwrap();
        let Ok(plan) = sharer.plan(&request).await else {
            continue;
        };
        let applied = sharer.apply(&plan).await;
        let report = applied.unwrap_or_else(|incomplete| incomplete.report);
        let is_made = !world.list_copies().is_empty();
        assert_eq!(report.changed, is_made, "{call}: {:?}", report.errors);
        ends.push((is_made, report.errors.is_empty()));
    }
    assert!(ends.contains(&(true, false)), "{ends:?}");
}

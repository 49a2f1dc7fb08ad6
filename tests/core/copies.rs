//! Copies: one for each request, whatever happens on the way.

use ami_share::Sharer;
use ami_share_sim::Scenario;

use super::support::*;

const FAIL_FIRST: &str = r#"{"operation":"ec2:CopyImage","call":1,"effect":{"fail-copy":{"message":"Copy image failed with an internal error"}}}"#;

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_copy_image_makes_one_image() {
    for effect in ["lost-answer", "drop"] {
        let world = World::new().with(&format!(
            r#"{{"operation":"ec2:CopyImage","call":1,"effect":"{effect}"}}"#
        ));
        let report = world.share(world.copying(&["plain"])).await;
        let copy = report.images[0].image.as_ref().unwrap().to_string();
        assert_eq!(
            world.copies().into_iter().collect::<Vec<_>>(),
            [(copy.clone(), "available".to_owned())],
            "{effect}"
        );
        assert_eq!(world.launch(&copy).await, "running");
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_fails_ends_the_run_at_once_and_is_removed_once_its_replacement_stands() {
    let world = World::new().with(FAIL_FIRST);
    let started = world.sim.clock().now();
    let report = world
        .try_share(world.copying(&["plain"]))
        .await
        .unwrap_err();
    assert_eq!(codes(&report), ["copy.failed"]);
    let said = report.errors[0].to_string();
    assert!(
        said.contains("Copy image failed with an internal error"),
        "{said}"
    );
    assert!(
        world
            .sim
            .clock()
            .now()
            .checked_sub(started)
            .unwrap()
            .as_secs()
            < 30
    );
    let failed = world.copies();
    assert_eq!(failed.values().collect::<Vec<_>>(), ["failed"]);
    assert_eq!(world.launch(&world.image("plain")).await, "AuthFailure");

    let snapshots = world.snapshots();
    let report = world.share(world.copying(&["plain"])).await;
    let id = failed.keys().next().unwrap();
    assert_eq!(report.removed, std::slice::from_ref(id));
    let copies = world.copies();
    assert_eq!((copies.len(), copies[id].as_str()), (2, "deregistered"));
    assert_eq!(
        world.snapshots(),
        snapshots,
        "the failed copy's snapshot went, the new one came"
    );
    // The failed image was removed after the new one was available.
    assert_eq!(
        world
            .launch(report.images[0].image.as_ref().unwrap().as_ref())
            .await,
        "running"
    );
    assert!(!world.share(world.copying(&["plain"])).await.changed);
}

#[tokio::test(start_paused = true)]
async fn a_failed_copy_stays_while_its_replacement_does_not_stand() {
    let world = World::new().with(&FAIL_FIRST.replace(r#""call":1,"#, ""));
    for attempts in 1..=3 {
        world
            .try_share(world.copying(&["plain"]))
            .await
            .unwrap_err();
        assert_eq!(
            world.copies().into_values().collect::<Vec<_>>(),
            vec!["failed"; attempts]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_was_deregistered_is_made_again() {
    let world = World::new();
    let first = world.share(world.copying(&["plain"])).await.images[0]
        .image
        .clone()
        .unwrap();
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    ec2.deregister_image()
        .image_id(first.as_ref())
        .send()
        .await
        .unwrap();
    let second = world.share(world.copying(&["plain"])).await.images[0]
        .image
        .clone()
        .unwrap();
    assert_ne!(first, second);
    assert_eq!(world.launch(second.as_ref()).await, "running");
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_make_one_copy() {
    let world = World::new();
    let (one, other) = futures::future::join(
        world.share(world.copying(&["plain"])),
        world.share(world.copying(&["plain"])),
    )
    .await;
    assert_eq!(one.images[0].image, other.images[0].image);
    assert_eq!(world.copies().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_2_a_run_with_other_tags_adopts_the_copy_of_the_first() {
    let world = World::new();
    let request = || world.copying(&["plain"]);
    let tagged = async {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        world.share(request().tag("more", "tags")).await
    };
    let (one, other) = futures::future::join(world.share(request()), tagged).await;
    assert_eq!(one.images[0].image, other.images[0].image);
    assert_eq!(world.copies().len(), 1);
    assert!(
        world
            .sim
            .journal()
            .iter()
            .any(|entry| entry.code.as_deref() == Some("IdempotentParameterMismatch"))
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_1_7_an_id_that_is_not_known_yet_is_awaited() {
    let options = ami_share_sim::Options {
        invisible: std::time::Duration::from_secs(90),
        ..Default::default()
    };
    let world = World {
        sim: ami_share_sim::Sim::new(Scenario::two_accounts(), options),
    };
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    let report = world.share(world.copying(&["plain"])).await;
    assert_eq!(
        world
            .launch(report.images[0].image.as_ref().unwrap().as_ref())
            .await,
        "running"
    );
    assert_eq!(world.copies().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_name_gets_a_digest_and_a_finding() {
    let duplicate = r#"{"operation":"ec2:CopyImage","call":1,"effect":{"error":{"status":400,"code":"InvalidAMIName.Duplicate","message":"AMI name plain is already in use by AMI ami-1a2b3c4d"}}}"#;
    let world = World::new().with(duplicate);
    let report = world.share(world.copying(&["plain"])).await;
    assert_eq!(codes(&report), ["copy.name-taken"]);
    assert!(!world.share(world.copying(&["plain"])).await.changed);
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_10_a_full_queue_of_copies_is_waited_out() {
    let full = r#"{"operation":"ec2:CopyImage","call":1,"effect":{"error":{"status":400,"code":"ResourceLimitExceeded","message":"You have exceeded the maximum number of concurrent snapshot copies"}}}"#;
    let world = World::new().with(full);
    assert!(world.share(world.copying(&["plain"])).await.images[0].copied);
}

/// An image that carries the mark of a copy and is none: anybody may set a tag.
#[tokio::test(start_paused = true)]
async fn what_only_carries_our_tag_is_neither_adopted_nor_removed() {
    type Spoil = fn(&mut ami_share_sim::world::Image, &mut ami_share_sim::world::Snapshot);
    let spoils: [(&str, Spoil); 5] = [
        ("another source", |image, _| {
            image.source = Some(("ami-1a2b3c4d".to_owned(), "us-east-1".to_owned()));
        }),
        ("no source", |image, _| image.source = None),
        ("another key", |_, snapshot| {
            snapshot.key = Some(
                "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                    .to_owned(),
            );
        }),
        ("another destination", |_, snapshot| {
            snapshot.description =
                "Copied for DestinationAmi ami-1a2b3c4d from SourceAmi".to_owned();
        }),
        ("fewer volumes", |image, _| image.mappings.truncate(0)),
    ];
    for (what, spoil) in spoils {
        let world = World::new();
        let first = world.share(world.copying(&["plain"])).await.images[0]
            .image
            .clone()
            .unwrap();
        world.sim.edit(|world| {
            let image = world.images.get_mut(first.as_ref()).unwrap();
            let snapshot = image.mappings[0].snapshot.clone().unwrap();
            spoil(image, world.snapshots.get_mut(&snapshot).unwrap());
            // So that AWS does not answer the token with it.
            world.tokens.clear();
        });
        let second = world.share(world.copying(&["plain"])).await.images[0]
            .image
            .clone()
            .unwrap();
        assert_ne!(first, second, "{what}");
        assert_eq!(world.copies()[first.as_ref()], "available", "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_copies_the_oldest_is_used() {
    let world = World::new();
    let first = world.share(world.copying(&["plain"])).await.images[0]
        .image
        .clone()
        .unwrap();
    tokio::time::advance(std::time::Duration::from_mins(1)).await;
    world.sim.edit(|world| {
        world.tokens.clear();
        world.images.get_mut(first.as_ref()).unwrap().tags.clear();
    });
    let second = world.share(world.copying(&["plain"])).await.images[0]
        .image
        .clone()
        .unwrap();
    world.sim.edit(|world| {
        let tags = world.images[second.as_ref()].tags.clone();
        world.images.get_mut(first.as_ref()).unwrap().tags = tags;
    });
    let report = world.share(world.copying(&["plain"])).await;
    assert_eq!(report.images[0].image.as_ref(), Some(&first));
    assert_eq!(codes(&report), ["copy.duplicate"]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_wait_and_says_what_was_awaited() {
    let world = World::slow();
    let report = world
        .try_share(world.copying(&["plain"]).timing(timing(600)))
        .await
        .unwrap_err();
    assert_eq!(codes(&report), ["deadline"]);
    let copy = world.copies().into_keys().next().unwrap();
    let said = report.errors[0].to_string();
    assert!(
        said.contains(&format!(
            "{copy} to be available, as the copy of {}",
            world.image("plain")
        )),
        "{said}"
    );
    assert_eq!(world.sim.clock().now().as_secs(), 600);
    // The same while it waits for a source.
    let sharer = Sharer::new(&world.config(A));
    let errors = sharer
        .plan(
            &world
                .request(&["building"])
                .timing(timing(60))
                .build()
                .unwrap(),
        )
        .await
        .unwrap_err();
    let said = errors.to_string();
    assert!(
        said.contains(&world.image("building")) && said.contains(", 1"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn one_look_serves_all_that_is_awaited() {
    let world = World::slow();
    let looks = |world: &World, from: usize| {
        world
            .actions(from)
            .iter()
            .filter(|action| *action == "ec2:DescribeImages")
            .count()
    };
    world.share(world.copying(&["plain"])).await;
    let one = looks(&world, 0);
    let from = world.sim.journal().len();
    world
        .share(world.copying(&["managed", "plain", "building"]))
        .await;
    assert!(
        looks(&world, from) < one + 20,
        "{one} for one, {} for three",
        looks(&world, from)
    );
    assert!(
        one < 80,
        "at most about one a minute: {one} looks in an hour"
    );
}

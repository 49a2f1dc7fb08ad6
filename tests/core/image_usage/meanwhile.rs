//! Who gains access, or loses only the key, is asked about as well; and one report that is late
//! hides nothing of the others.

use std::time::Duration;

use ami_share_sim::{Delays, Options, Scenario};

use super::*;

/// A world in which reports take so many minutes.
fn with_late_reports(minutes: u64) -> World {
    let options = Options {
        delays: Delays {
            usage_reports: Duration::from_mins(minutes),
            ..Delays::default()
        },
        ..Options::default()
    };
    let scenario: Scenario = generate_scenario(4, 1, 2, 1);
    World::with_options(scenario, options)
}

fn give(world: &World, image_id: &str, account: &str) {
    world.edit_image(image_id, |image| {
        image.launch_permissions.insert(account.to_owned());
    });
}

fn has(world: &World, image_id: &str, account: &str) -> bool {
    world.edit_image(image_id, |image| image.launch_permissions.contains(account))
}

/// D gains access while the report is awaited.
#[tokio::test(start_paused = true)]
async fn who_gains_access_while_a_report_is_awaited_keeps_what_it_uses() {
    for everybody in [true, false] {
        for uses in [true, false] {
            let what = format!("everybody {everybody}, uses {uses}");
            let world = with_late_reports(10);
            let image = world.image_id("image-1");
            world
                .share(world.build_request_for(&["image-1"], &[B, C]))
                .await;
            if uses {
                use_image(&world, D, &image, 2);
            }
            let request = if everybody {
                world.build_request_for(&["image-1"], &[]).revoke(Revoke {
                    all: true,
                    ..Revoke::default()
                })
            } else {
                let keeping = world.build_request_for(&["image-1"], &[B]);
                keeping.unlisted(Unlisted::Revoke)
            };
            let meanwhile = async {
                tokio::time::sleep(Duration::from_mins(2)).await;
                give(&world, &image, D);
            };
            let (report, ()) = tokio::join!(world.share(request), meanwhile);
            assert!(!has(&world, &image, C), "{what}");
            assert_eq!(has(&world, &image, D), uses, "{what}");
            let mut findings = report.findings.iter();
            let told = findings.find(|it| it.code.as_str() == "image.in-use");
            let told = told.map(|it| it.message.as_str()).unwrap_or_default();
            assert_eq!(
                told.contains("300000000001 (2 instances)"),
                uses,
                "{what}: {told}"
            );
        }
    }
}

/// B can launch the image no more by itself, but has its key.
#[tokio::test(start_paused = true)]
async fn who_loses_only_the_key_is_asked_about() {
    for uses in [true, false] {
        let world = World::generate(4, 1, 1, 1);
        let image = world.image_id("image-1");
        world.share(world.build_request(&["image-1"])).await;
        world.edit_image(&image, |image| image.launch_permissions.clear());
        if uses {
            use_image(&world, B, &image, 1);
        }
        let plan = world
            .plan(into_revoke(world.build_request(&["image-1"])))
            .await;
        let said = message(&plan, "image.in-use");
        assert_eq!(said.contains("222222222222 (1 instance)"), uses, "{said}");
        assert!(world.has_called(ASKS));
    }
}

#[tokio::test(start_paused = true)]
async fn report_that_is_late_hides_nothing_of_the_others() {
    let world = with_late_reports(30);
    let images = ["image-1", "image-2"];
    world.share(world.build_request(&images)).await;
    use_image(&world, B, &world.image_id("image-1"), 2);
    let sharer = Sharer::new(&world.config(A));
    let first = world.build_request(&["image-1"]).build().unwrap();
    sharer.usage(&first).await.unwrap();

    // The report on the first image is there, and that on the second comes too late.
    let both = || world.build_request(&images).timing(with_timeout(600));
    let read = sharer.usage(&both().build().unwrap()).await.unwrap();
    assert_eq!(read.usage.len(), 1);
    assert_eq!(read.usage[0].accounts[0].count, 2);
    assert!(read.is_past_deadline());
    let plan = world.plan(into_revoke(both())).await;
    assert!(message(&plan, "image.in-use").contains("2 instances"));
}

/// What only has the tags of a copy is somebody else's.
#[tokio::test(start_paused = true)]
async fn usage_leaves_out_what_only_has_the_tag_of_a_copy() {
    let world = World::generate(2, 1, 2, 1);
    let key = world.key_arn("key-2").parse().unwrap();
    let copying = || world.build_request(&["image-1"]).kms_key(key);
    let report = world.share(copying()).await;
    let copy = report.images[0].image.as_ref().unwrap().to_string();
    let forged = world.image_id("image-2");
    let tags = world.edit_image(&copy, |image| image.tags[A].clone());
    world.edit_image(&forged, |image| {
        image.tags.insert(A.to_owned(), tags);
    });
    let request = world.build_request(&["image-1"]).build().unwrap();
    let report = Sharer::new(&world.config(A)).usage(&request).await.unwrap();
    let listed: Vec<&str> = report.usage.iter().map(|it| it.image.as_ref()).collect();
    assert!(
        listed.contains(&copy.as_str()) && !listed.contains(&forged.as_str()),
        "{listed:?}"
    );
    assert_eq!(list_codes(&report), ["copy.not-ours"]);
}

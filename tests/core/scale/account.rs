//! An account that has made an image a night under one key: what a run asks does not grow with it.

use std::collections::BTreeMap;

use ami_share::request::ShareRequestBuilder;
use ami_share::{ShareRequest, Sharer};

use super::*;

/// Whom the other images under the key are shared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    Nobody,
    /// Each with every target.
    Everybody,
    /// Each with one target: the first few with the first few.
    OneEach,
}

/// `golden` and as many others under its key, each of one volume, and targets.
fn build_world(images: usize, targets: &[String], others: Others) -> World {
    let mut scenario = Scenario::with_targets(targets.len() as u64);
    let golden = scenario.images[0].clone();
    for n in 1..images {
        let mut image = golden.clone();
        image.name = format!("night-{n}");
        image.volumes.truncate(1);
        scenario.images.push(image);
    }
    let world = World::from_scenario(scenario);
    let golden = world.image_id("golden");
    world.sim.edit(|state| {
        let nights = state.images.values_mut();
        let nights = nights.filter(|image| image.id != golden && image.name.contains("night-"));
        for (n, image) in nights.enumerate() {
            let recipients = match others {
                Others::Nobody => &[],
                Others::Everybody => targets,
                Others::OneEach => targets.get(n..=n).unwrap_or_default(),
            };
            for account in recipients {
                image.launch_permissions.insert(account.clone());
            }
        }
    });
    world
}

/// How many calls each mode takes, in the order of the modes.
async fn count_modes(images: usize, targets: &[String], others: Others) -> [usize; 4] {
    let world = build_world(images, targets, others);
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let request = || world.build_request_for(&["golden"], &targets);
    let mut counts = [0; 4];
    let mut before = 0;
    for (index, count) in counts.iter_mut().enumerate() {
        run_mode(&world, MODES[index], request()).await;
        let calls = world.list_actions(before);
        *count = calls.len();
        before += calls.len();
    }
    counts
}

const MODES: [&str; 4] = ["dry run", "share", "verify", "revoke"];

async fn run_mode(world: &World, mode: &str, request: ShareRequestBuilder) {
    match mode {
        "dry run" => _ = world.plan(request).await,
        "share" => _ = world.share(request).await,
        "verify" => {
            let request: ShareRequest = request.build().unwrap();
            let sharer = Sharer::new(&world.config(A));
            sharer.verify(&request).await.unwrap();
        }
        _ => {
            let report = world.share(into_revoke(request)).await;
            assert_eq!(report.images[0].removed.len(), report.plan.targets.len());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_of_each_mode_do_not_grow_with_images_under_the_key() {
    let mut revokes = BTreeMap::new();
    println!("images, targets, others: {MODES:?}");
    for images in [1, 9, 500, 5_000] {
        for count in [1, 10] {
            for others in [Others::Nobody, Others::Everybody, Others::OneEach] {
                if images == 5_000 && others != Others::Nobody {
                    // It takes long, and asks what is asked among 500.
                    continue;
                }
                let targets: Vec<String> = (0..count)
                    .map(|n| (300_000_000_000_u64 + n).to_string())
                    .collect();
                let counts = count_modes(images, &targets, others).await;
                println!("{images}, {count}, {others:?}: {counts:?}");
                let [dry_run, share, verify, revoke] = counts;
                for (mode, calls) in [("dry run", dry_run), ("share", share), ("verify", verify)] {
                    assert!(calls <= 20, "{mode}, {images}, {others:?}: {calls}");
                }
                // Of these, 4 ask who uses the image, and two whether somebody has shared it again.
                // Few images under a key are each asked with whom they are shared.
                let most = match images {
                    1..=9 => 46,
                    10..=500 => 40,
                    _ => 40 + 15,
                };
                assert!(revoke <= most, "{images}, {count}, {others:?}: {revoke}");
                revokes.insert((images, count, others == Others::Nobody), revoke);
            }
        }
    }
    for count in [1, 10] {
        let more = revokes[&(5_000, count, true)] - revokes[&(500, count, true)];
        assert!(more <= 15, "{more} more calls for 5,000 images");
    }
}

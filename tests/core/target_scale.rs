//! Copies in many targets at once: never more than the quota, and hardly slower than it allows.

use std::collections::BTreeMap;
use std::time::Duration;

use ami_share::request::ShareRequestBuilder;
use ami_share::{Region, Report};
use ami_share_sim::Options;

use super::support::*;

const REGIONS: [&str; 4] = ["us-east-1", "eu-west-1", "us-west-2", "eu-central-1"];
const COPY_TIME: Duration = Duration::from_mins(10);
/// Snapshots that AWS copies concurrently to one account and Region.
const QUOTA: usize = 20;
const VOLUMES: usize = 3;

/// A world in which every target has a key with the same alias in every Region, and every tenth
/// target lacks the role; with the IDs of the targets.
fn build_world(targets: usize, images: usize) -> (World, Vec<String>) {
    let mut scenario = generate_scenario(targets + 1, REGIONS.len(), images, VOLUMES);
    for image in &mut scenario.images {
        image.volumes = vec![Some("key-1".to_owned()); VOLUMES];
    }
    let options = Options {
        latency: Duration::from_millis(20),
        copy_time: COPY_TIME,
        quotas: true,
        ..Options::default()
    };
    let world = World::with_options(scenario, options);
    world.alias_own_keys();
    let accounts = world.sim.facts().accounts.keys();
    let targets: Vec<String> = accounts.filter(|id| *id != A).cloned().collect();
    for target in targets.iter().step_by(10) {
        world.remove_role(target, "consumer");
    }
    (world, targets)
}

fn build_request(world: &World, targets: &[String], images: usize) -> ShareRequestBuilder {
    let region = |name: &str| name.parse::<Region>().unwrap();
    let key = |name: &str| world.key_arn(name).parse().unwrap();
    let names: Vec<String> = (1..=images).map(|n| format!("image-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    let mut request = world
        .build_request_for(&names, &targets)
        .copy_to_regions(REGIONS[1..].iter().map(|name| region(name)))
        .kms_key_in(region(REGIONS[0]), key("key-1"))
        .target_options(with_target_role().kms_key("alias/own".parse().unwrap()));
    for name in &REGIONS[1..] {
        request = request.kms_key_in(region(name), key(&format!("key-{name}")));
    }
    request.timing(with_timeout(24 * 3_600))
}

/// How a share went.
struct Outcome {
    report: Report,
    /// How many snapshots were ever being copied to one account and Region at once.
    most_concurrent: usize,
    took: Duration,
}

async fn share(world: &World, request: ShareRequestBuilder) -> Outcome {
    let started = tokio::time::Instant::now();
    let (Ok(report) | Err(report)) = world.try_share(request).await;
    Outcome {
        report,
        took: started.elapsed(),
        most_concurrent: count_most_concurrent(world),
    }
}

fn count_most_concurrent(world: &World) -> usize {
    // When one copy ends at the moment at which another begins, the end sorts first.
    let mut moments: BTreeMap<(String, String), Vec<(Duration, i64)>> = BTreeMap::new();
    world.sim.edit(|state| {
        for snapshot in state.snapshots.values() {
            if snapshot.copied_from.is_some() {
                let place = (snapshot.owner.clone(), snapshot.region.clone());
                let (began, ended) = (snapshot.created, snapshot.completed.unwrap());
                let moments = moments.entry(place).or_default();
                moments.extend([(began, 1), (ended, -1)]);
            }
        }
    });
    let mut most = 0;
    for mut moments in moments.into_values() {
        moments.sort_unstable();
        let mut running = 0;
        for (_, change) in moments {
            running += change;
            most = most.max(running);
        }
    }
    usize::try_from(most).unwrap()
}

fn count_available_copies(report: &Report) -> usize {
    let copies = report.targets.iter().flat_map(|target| &target.copies);
    copies.filter(|copy| copy.available).count()
}

/// The shortest possible time: as many whole images at once as fit the quota, first in A and then
/// in the targets.
fn shortest_time(images: usize) -> Duration {
    let concurrent = QUOTA / VOLUMES;
    let rounds = u32::try_from(images.div_ceil(concurrent)).unwrap();
    // A target begins with its first copies when A's first copies are available.
    COPY_TIME * (rounds + 1)
}

#[tokio::test(start_paused = true)]
async fn copies_of_fifty_targets_in_four_regions_stay_within_quota() {
    println!("{}", check_copies_of_targets(50).await);
}

#[tokio::test(start_paused = true)]
#[ignore = "takes minutes: ten times as many targets"]
async fn copies_of_five_hundred_targets_in_four_regions_stay_within_quota() {
    println!("{}", check_copies_of_targets(500).await);
}

/// Checks the copies, and says how it went.
async fn check_copies_of_targets(targets: usize) -> String {
    let (world, targets) = build_world(targets, 1);
    let outcome = share(&world, build_request(&world, &targets, 1)).await;
    let report = &outcome.report;
    let unreachable = targets.len() / 10;
    let codes = list_codes(report);
    assert_eq!(report.errors.len(), unreachable, "a tenth: {codes:?}");
    for error in &report.errors {
        assert_eq!(error.code.as_str(), "role.not-assumable");
    }
    let reached = targets.len() - unreachable;
    assert_eq!(count_available_copies(report), reached * 4);
    let (most, took) = (outcome.most_concurrent, outcome.took);
    let ratio = took.as_secs_f64() / shortest_time(1).as_secs_f64();
    let calls = world.count_calls();
    assert!(most <= QUOTA && ratio <= 1.15, "{most}, {ratio}");
    format!("{took:?}, {ratio:.3} of the shortest, at most {most} snapshots at once: {calls:?}")
}

#[tokio::test(start_paused = true)]
async fn copies_of_many_images_queue_within_quota() {
    let images = 13;
    let (world, targets) = build_world(2, images);
    let request = build_request(&world, &targets[1..], images);
    let outcome = share(&world, request).await;
    assert_eq!(outcome.report.errors, []);
    assert_eq!(count_available_copies(&outcome.report), 4 * images);
    let limit = Some("ResourceLimitExceeded");
    let journal = world.sim.journal();
    let calls = journal.iter();
    let limited = calls.filter(|call| call.code.as_deref() == limit).count();
    let (most, took) = (outcome.most_concurrent, outcome.took);
    let ratio = took.as_secs_f64() / shortest_time(images).as_secs_f64();
    println!("{took:?}, {ratio:.3} of the shortest, at most {most} at once, {limited} refused");
    let is_good = most <= QUOTA && ratio <= 1.15 && limited == 0;
    assert!(is_good, "{most}, {ratio}, {limited}");
}

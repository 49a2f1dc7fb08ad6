//! Copies in many targets at once: never over the quota, and hardly slower than it allows.

use std::collections::BTreeMap;
use std::time::Duration;

use ami_share::request::ShareRequestBuilder;
use ami_share::{Region, Report, ShareRequest};
use ami_share_sim::{Options, Scenario, Sim, Size};

use super::support::*;

const REGIONS: [&str; 4] = ["us-east-1", "eu-west-1", "us-west-2", "eu-central-1"];
const COPY_TIME: Duration = Duration::from_mins(10);
const QUOTA: usize = 20;

/// Every target has a key of the same name in every Region; the role is missing in each tenth.
fn world(targets: usize, images: usize) -> (World, Vec<String>) {
    let size = Size {
        accounts: targets + 1,
        regions: REGIONS.len(),
        images,
        snapshots: 3,
    };
    let mut scenario = Scenario::generate(size).unwrap();
    for image in &mut scenario.images {
        image.volumes = vec![Some("key-1".to_owned()); 3];
    }
    let options = Options {
        latency: Duration::from_millis(20),
        copy_time: COPY_TIME,
        quotas: true,
        ..Options::default()
    };
    let world = World {
        sim: Sim::new(scenario, options),
    };
    let accounts: Vec<String> = world
        .sim
        .facts()
        .accounts
        .keys()
        .filter(|id| *id != A)
        .cloned()
        .collect();
    world.name_own_keys();
    world.sim.edit(|state| {
        for account in accounts.iter().step_by(10) {
            state
                .accounts
                .get_mut(account)
                .unwrap()
                .roles
                .remove("consumer");
        }
    });
    (world, accounts)
}

fn request(world: &World, accounts: &[String], images: usize) -> ShareRequestBuilder {
    let region = |name: &str| name.parse::<Region>().unwrap();
    let names: Vec<String> = (1..=images).map(|n| format!("image-{n}")).collect();
    let wanted = by_role();
    let mut request = ShareRequest::builder()
        .region(region(REGIONS[0]))
        .images(names.iter().map(|name| world.image(name).parse().unwrap()))
        .target_accounts(accounts.iter().map(|id| id.parse().unwrap()))
        .copy_to_regions(REGIONS[1..].iter().map(|name| region(name)))
        .kms_key_in(region(REGIONS[0]), world.key("key-1").parse().unwrap())
        .target_options(wanted.kms_key("alias/own".parse().unwrap()));
    for name in &REGIONS[1..] {
        request = request.kms_key_in(
            region(name),
            world.key(&format!("key-{name}")).parse().unwrap(),
        );
    }
    request.timing(timing(24 * 3_600))
}

/// Shares, and says how many snapshots were ever being copied to one account and Region at once,
/// and how long all took.
async fn shared(world: &World, request: ShareRequestBuilder) -> (Report, usize, Duration) {
    let since = tokio::time::Instant::now();
    let report = world
        .try_share(request)
        .await
        .unwrap_or_else(|report| report);
    let took = since.elapsed();
    // Where one ends at the moment at which another begins, the end comes first.
    let mut moments: BTreeMap<(String, String), Vec<(Duration, i64)>> = BTreeMap::new();
    world.sim.edit(|state| {
        for copy in state
            .snapshots
            .values()
            .filter(|of| of.copied_from.is_some())
        {
            let at = moments
                .entry((copy.owner.clone(), copy.region.clone()))
                .or_default();
            at.extend([(copy.created, 1), (copy.completed.unwrap(), -1)]);
        }
    });
    let most = moments.into_values().map(|mut moments| {
        moments.sort_unstable();
        let running = moments.iter().scan(0, |running, (_, more)| {
            *running += more;
            Some(*running)
        });
        running.max().unwrap_or_default()
    });
    (
        report,
        usize::try_from(most.max().unwrap_or_default()).unwrap(),
        took,
    )
}

/// How often each operation was called.
fn calls(world: &World) -> BTreeMap<String, usize> {
    let mut calls = BTreeMap::new();
    world
        .actions(0)
        .into_iter()
        .for_each(|action| *calls.entry(action).or_default() += 1);
    calls
}

/// The best there is: as many whole images at once as fit the quota, first in A and then in the
/// targets.
fn best(images: usize) -> Duration {
    let at_once = QUOTA / 3;
    let rounds = u32::try_from(images.div_ceil(at_once)).unwrap();
    // A's copies and those of targets: a target begins with the first when A's first are done.
    COPY_TIME * (rounds + 1)
}

#[tokio::test(start_paused = true)]
async fn fifty_targets_in_four_regions_copy_three_volumes_each() {
    let (world, accounts) = world(50, 1);
    let (report, most, took) = shared(&world, request(&world, &accounts, 1)).await;
    assert_eq!(
        report.errors.len(),
        5,
        "a tenth cannot be reached: {:?}",
        codes(&report)
    );
    assert!(
        report
            .errors
            .iter()
            .all(|error| error.code.as_str() == "role.not-assumable")
    );
    let copies: usize = report
        .targets
        .iter()
        .map(|target| target.copies.iter().filter(|copy| copy.available).count())
        .sum();
    assert_eq!(copies, 45 * 4);
    let ratio = took.as_secs_f64() / best(1).as_secs_f64();
    println!(
        "50 targets, 4 Regions, 3 volumes: {took:?}, {ratio:.3} of the best, at most {most} \
         snapshots at once"
    );
    println!("{} calls: {:?}", world.actions(0).len(), calls(&world));
    assert!(most <= QUOTA && ratio <= 1.15, "{most}, {ratio}");
}

#[tokio::test(start_paused = true)]
async fn many_images_queue_under_the_quota() {
    let images = 13;
    let (world, accounts) = world(2, images);
    let (report, most, took) = shared(&world, request(&world, &accounts[1..], images)).await;
    assert_eq!(report.errors, []);
    let copies: usize = report
        .targets
        .iter()
        .map(|target| target.copies.iter().filter(|copy| copy.available).count())
        .sum();
    assert_eq!(copies, 4 * images);
    let limited = world
        .sim
        .journal()
        .iter()
        .filter(|e| e.code.as_deref() == Some("ResourceLimitExceeded"))
        .count();
    let ratio = took.as_secs_f64() / best(images).as_secs_f64();
    println!(
        "{images} images, 1 target, 4 Regions: {took:?}, {ratio:.3} of the best, at most {most} at \
         once, {limited} refused"
    );
    assert!(
        most <= QUOTA && ratio <= 1.15 && limited == 0,
        "{most}, {ratio}, {limited}"
    );
}

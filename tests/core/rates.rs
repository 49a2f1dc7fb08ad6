//! AWS's documented rates (R6.1, R6.3): calls keep to them, little time is lost by it, and where
//! AWS throttles all the same the run goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ami_share::report::Event;
use ami_share::request::{KeyAccessMode, ShareRequestBuilder, ShareSnapshots};
use ami_share::{AccountId, Sharer};
use ami_share_sim::{Options, Scenario};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::findings::targets::with_admin_role;
use super::support::*;

const LATENCY: Duration = Duration::from_millis(20);
const COPY_TIME: Duration = Duration::from_mins(5);
/// What a share takes that no rate shortens: its chain of calls, and until a put has settled.
const CHAIN: Duration = Duration::from_secs(12);
/// Burst and calls a second of what the runs below call most.
const RATES: &[(&str, f64, f64)] = &[
    ("ec2:CopyImage", 100.0, 1.0),
    ("ec2:DescribeImageAttribute", 100.0, 20.0),
    ("ec2:DescribeImages", 100.0, 20.0),
    ("ec2:DescribeSnapshotAttribute", 100.0, 20.0),
    ("ec2:ModifyImageAttribute", 100.0, 5.0),
    ("ec2:ModifySnapshotAttribute", 100.0, 5.0),
    ("kms:CreateGrant", 50.0, 50.0),
    ("kms:ListGrants", 100.0, 100.0),
    ("kms:RevokeGrant", 50.0, 50.0),
];

fn build_world(scenario: Scenario) -> World {
    let options = Options {
        latency: LATENCY,
        copy_time: COPY_TIME,
        throttling: true,
        ..Options::default()
    };
    let world = World::with_options(scenario, options);
    world.alias_own_keys();
    world
}

/// What a run took, and what it called.
struct Measured {
    seconds: f64,
    calls: usize,
    throttled: usize,
    /// How long the calls take at least at AWS's rates: those of one account and Region that follow
    /// each other as a run's do, first the reads of the plan and then the changes.
    least: f64,
}

async fn measure(world: &World, run: impl Future) -> Measured {
    let (from, began) = (world.sim.journal().len(), Instant::now());
    run.await;
    let journal = world.sim.journal();
    let mut counts: BTreeMap<(&str, &str, &str), f64> = BTreeMap::new();
    let mut throttled = 0;
    for entry in &journal[from..] {
        let key = (&*entry.account, &*entry.region, &*entry.action);
        *counts.entry(key).or_default() += 1.0;
        let code = entry.code.as_deref().unwrap_or_default();
        let is_throttled = matches!(code, "RequestLimitExceeded" | "ThrottlingException");
        throttled += usize::from(is_throttled);
    }
    let (mut reads, mut changes) = (0.0_f64, 0.0_f64);
    for ((_, _, called), count) in counts {
        for (action, burst, per_second) in RATES {
            let is_read = action.contains(":Describe") || action.contains(":List");
            let of_kind = if is_read { &mut reads } else { &mut changes };
            if called == *action {
                *of_kind = of_kind.max((count - burst) / per_second);
            }
        }
    }
    Measured {
        seconds: began.elapsed().as_secs_f64(),
        calls: journal.len() - from,
        throttled,
        least: reads + changes,
    }
}

/// Shares and revokes, and holds both against the rates.
#[expect(clippy::print_stdout, reason = "figures for whoever asks for them")]
async fn check(
    name: &str,
    scenario: Scenario,
    copying: Duration,
    build: impl Fn(&World) -> ShareRequestBuilder,
) {
    let world = build_world(scenario);
    for (mode, request, alone) in [
        ("share", build(&world), CHAIN + copying),
        ("revoke", into_revoke(build(&world)), CHAIN),
    ] {
        // Full buckets, as a run finds them that nobody else was before.
        tokio::time::advance(Duration::from_mins(5)).await;
        let measured = measure(&world, world.share(request)).await;
        let Measured { seconds, least, .. } = measured;
        let (calls, throttled) = (measured.calls, measured.throttled);
        println!(
            "{name}, {mode}: {calls} calls, {throttled} throttled, {seconds:.1} s, at the rates at \
             least {least:.1} s"
        );
        assert!(throttled * 50 <= calls, "{name}, {mode}: {throttled}");
        let best = least + alone.as_secs_f64();
        assert!(seconds <= 1.2 * best, "{name}, {mode}: {seconds:.1} s");
    }
}

fn list_targets(count: u64) -> impl Iterator<Item = AccountId> {
    (0..count).map(|n| (300_000_000_000 + n).to_string().parse().unwrap())
}

async fn check_grants(targets: u64) {
    let name = format!("{targets} accounts by grants");
    let scenario = Scenario::with_targets(targets);
    check(&name, scenario, Duration::ZERO, |world| {
        let request = world.build_request(&["golden"]);
        let request = request.key_access(KeyAccessMode::Grants);
        request.target_accounts(list_targets(targets))
    })
    .await;
}

async fn check_images(images: usize) {
    let mut scenario = generate_scenario(3, 1, images, 3);
    for image in &mut scenario.images {
        image.volumes = vec![Some("key-1".to_owned()); 3];
    }
    let name = format!("{images} images of 3 volumes");
    check(&name, scenario, Duration::ZERO, |world| {
        let names: Vec<String> = (1..=images).map(|n| format!("image-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let request = world.build_request(&names);
        request.share_snapshots(ShareSnapshots::Always)
    })
    .await;
}

async fn check_copies(targets: usize) {
    let mut scenario = generate_scenario(targets + 1, 2, 1, 1);
    for image in &mut scenario.images {
        image.volumes = vec![Some("key-1".to_owned())];
    }
    let name = format!("{targets} targets, copies in 2 Regions");
    // The copy into the second Region comes first.
    check(&name, scenario, 2 * COPY_TIME, |world| {
        let facts = world.sim.facts();
        let mut targets: Vec<&str> = facts.accounts.keys().map(String::as_str).collect();
        targets.retain(|id| *id != A);
        let key = |name: &str| world.key_arn(name).parse().unwrap();
        world
            .build_request_for(&["image-1"], &targets)
            .key_access(KeyAccessMode::Grants)
            .copy_to_regions(["eu-west-1".parse().unwrap()])
            .kms_key_in("us-east-1".parse().unwrap(), key("key-1"))
            .kms_key_in("eu-west-1".parse().unwrap(), key("key-eu-west-1"))
            .target_options(with_target_role().kms_key("alias/own".parse().unwrap()))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn calls_keep_to_the_rates_and_lose_little_time() {
    check_grants(200).await;
    check_images(45).await;
    check_copies(20).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes a minute"]
async fn thousand_grants_are_made_and_taken_at_the_rate_of_kms() {
    check_grants(1_000).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes a minute"]
async fn hundred_and_fifty_images_are_shared_at_the_rate_of_ec2() {
    check_images(150).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "takes a minute"]
async fn copies_of_two_hundred_targets_keep_to_the_rates() {
    check_copies(200).await;
}

/// Others of the account call too, so that AWS throttles what keeps to its rates.
#[tokio::test(start_paused = true)]
async fn run_outlasts_throttling_and_tells_of_it() {
    for operation in [
        "kms:PutKeyPolicy",
        "kms:GetKeyPolicy",
        "ec2:ModifyImageAttribute",
        "ec2:DescribeImages",
        "iam:GetRole",
    ] {
        let world = with_admin_role(|_| ());
        for call in 1..=12 {
            let fault = affect_call(operation, call, "throttle");
            world.sim.fault(serde_json::from_value(fault).unwrap());
        }
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let sharer = Sharer::new(&world.config(A)).with_events(move |event: &Event| {
            if let Event::Waiting(waiting) = event {
                let aws = waiting.aws.as_ref().map(ToString::to_string);
                heard.lock().push(aws.unwrap_or_default());
            }
        });
        let options = with_target_role().launch_roles(["launcher".to_owned()]);
        let request = world.build_request(&["golden"]).target_options(options);
        let request = request.build().unwrap();
        let plan = sharer.plan(&request).await.unwrap();
        sharer.apply(&plan).await.unwrap();
        let told = told.lock();
        let codes = ["RequestLimitExceeded", "Throttling"];
        let is_told = told
            .iter()
            .any(|aws| codes.iter().any(|code| aws.contains(code)));
        assert!(is_told, "{operation}: {told:?}");
    }
}

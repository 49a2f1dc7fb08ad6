//! Many runs at once on one key: how long until all are over, how many puts that takes, and that no
//! statement is lost. And how long a target can see an image whose key it cannot use (P1), where a
//! share and a revoke for it run side by side.

use std::time::Duration;

use ami_share::Sharer;
use ami_share_sim::{Options, Scenario};
use futures::future;

use super::support::*;

/// An ordinary network.
const ORDINARY: Duration = Duration::from_millis(50);

fn build_world(targets: usize, latency: Duration) -> World {
    let options = Options {
        latency,
        ..Options::default()
    };
    World::with_options(Scenario::with_targets(targets as u64), options)
}

#[expect(clippy::print_stdout, reason = "figures are read by people")]
fn print(figures: &str) {
    println!("{figures}");
}

/// So many shares of one image, each by a process of its own with a target of its own, begin at
/// once. All are over in time, and no statement is lost.
async fn check_crowd(runs: usize, latency: u64, seconds: f64) {
    let world = build_world(runs, Duration::from_millis(latency));
    let targets: Vec<String> = (0..runs as u64)
        .map(|n| (300_000_000_000 + n).to_string())
        .collect();
    let sharing = targets.iter().map(|target| {
        let request = world.build_request_for(&["golden"], &[target]);
        let (request, sharer) = (request.build().unwrap(), Sharer::new(&world.config(A)));
        Box::pin(async move {
            let plan = sharer.plan(&request).await.unwrap();
            sharer.apply(&plan).await.unwrap()
        })
    });
    future::join_all(sharing).await;
    let (over, policy) = (world.elapsed(), world.read_golden_policy());
    let lost = targets.iter().filter(|target| !policy.contains(*target));
    let (lost, puts) = (lost.count(), world.count_changes()["kms:PutKeyPolicy"]);
    let over = over.as_secs_f64();
    print(&format!(
        "{runs} runs at {latency} ms: over after {over:.1} s, {puts} puts, {lost} lost"
    ));
    assert_eq!(lost, 0, "{policy}");
    assert!(over <= seconds, "{over} s");
}

#[tokio::test(start_paused = true)]
async fn crowd_of_16_is_over_in_time_and_loses_nothing() {
    check_crowd(16, 20, 40.0).await;
    check_crowd(16, 200, 80.0).await;
}

#[tokio::test(start_paused = true)]
async fn crowd_of_32_is_over_in_time_and_loses_nothing() {
    check_crowd(32, 20, 60.0).await;
    check_crowd(32, 200, 120.0).await;
}

#[tokio::test(start_paused = true)]
async fn crowd_of_64_is_over_in_time_and_loses_nothing() {
    check_crowd(64, 20, 90.0).await;
    check_crowd(64, 200, 180.0).await;
}

/// Whether B sees the image and cannot use its key.
fn shows_useless_image(world: &World) -> bool {
    let (image, key) = (world.image_id("golden"), world.key_arn("golden"));
    world.sim.edit(|world| {
        let permissions = format!("{:?}", world.images[&image].launch_permissions);
        permissions.contains(B) && !world.keys[&key].policy().contains(B)
    })
}

/// The longest moment in which it is so, while a share and a later revoke go on.
async fn measure_gap(shared_before: bool, later: Duration) -> Duration {
    const STEP: Duration = Duration::from_millis(5);
    let world = build_world(0, ORDINARY);
    if shared_before {
        world.share(world.build_request(&["golden"])).await;
    }
    let run = async |after: Duration, revokes: bool| {
        tokio::time::sleep(after).await;
        let request = world.build_request(&["golden"]);
        let request = if revokes {
            into_revoke(request)
        } else {
            request
        };
        let sharer = Sharer::new(&world.config(A));
        let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
        let _ = Box::pin(sharer.apply(&plan)).await;
    };
    // Whichever of the two begins.
    let second = Duration::from_secs(1);
    let runs = future::join(run(second, false), run(later, true));
    let watching = async {
        let (mut longest, mut current) = (Duration::ZERO, Duration::ZERO);
        let mut runs = std::pin::pin!(runs);
        loop {
            tokio::select! {
                biased;
                _ = &mut runs => return longest,
                () = tokio::time::sleep(STEP) => {}
            }
            current = if shows_useless_image(&world) {
                current + STEP
            } else {
                Duration::ZERO
            };
            longest = longest.max(current);
        }
    };
    watching.await
}

/// Promise P1, as far as two runs that do not know each other can keep it.
#[tokio::test(start_paused = true)]
async fn image_without_key_is_seen_for_a_second_at_most_beside_a_revoke() {
    let mut longest = (Duration::ZERO, false, Duration::ZERO);
    for shared_before in [false, true] {
        for step in 0..80_u32 {
            let later = Duration::from_millis(25) * step;
            let gap = measure_gap(shared_before, later).await;
            longest = longest.max((gap, shared_before, later));
        }
    }
    print(&format!("an image without a key for {longest:?}"));
    assert!(longest.0 <= Duration::from_secs(1), "{longest:?}");
}

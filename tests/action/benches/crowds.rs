//! Many processes at once on one key: how long until all are over, how many puts of its policy that
//! takes, and whether a statement is lost. And a share beside a revoke of the same target: how long
//! the target sees an image whose key it cannot use.

use std::process::Child;
use std::time::{Duration, Instant};

use ami_share_sim::{Options, Scenario, Sim};
use tokio::time;

use super::process::command;
use super::world::World;

/// How often the simulated AWS is looked at.
const STEP: Duration = Duration::from_millis(2);
const B: &str = "300000000000";

fn begin(world: &World, inputs: &[(&'static str, &str)]) -> Child {
    let mut all = vec![("INPUT_AMI-ID", world.image.clone())];
    all.extend(
        inputs
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    command(&world.endpoint, world.keys(), &all)
        .spawn()
        .unwrap()
}

/// Waits until all processes are over, and counts those that failed.
async fn until_over(mut running: Vec<Child>, mut look: impl FnMut()) -> usize {
    let mut failed = 0;
    while !running.is_empty() {
        look();
        running.retain_mut(|child| match child.try_wait().unwrap() {
            Some(status) => {
                failed += usize::from(!status.success());
                false
            }
            None => true,
        });
        time::sleep(STEP).await;
    }
    failed
}

fn policy(sim: &Sim) -> String {
    let key = sim.facts().keys["golden"].clone();
    sim.edit(|world| world.keys[&key].policy().to_owned())
}

/// So many shares with a target each begin at once.
async fn crowd(runs: u64, latency: Duration) {
    let options = Options {
        latency,
        ..Options::default()
    };
    let world = World::serve(Scenario::with_targets(runs), options).await;
    let targets: Vec<String> = (0..runs)
        .map(|n| (300_000_000_000 + n).to_string())
        .collect();
    let began = Instant::now();
    let share = |target: &String| begin(&world, &[("INPUT_TARGET-ACCOUNTS", target)]);
    let failed = until_over(targets.iter().map(share).collect(), || {}).await;
    let over = began.elapsed().as_secs_f64();
    let policy = policy(&world.sim);
    let lost = targets.iter().filter(|target| !policy.contains(*target));
    let journal = world.sim.journal();
    let mut puts = journal.iter();
    let puts = puts
        .by_ref()
        .filter(|call| call.action == "kms:PutKeyPolicy");
    println!(
        "{runs:>6} {:>10} {over:>10.1} {:>8} {:>8} {failed:>8}",
        latency.as_millis(),
        puts.count(),
        lost.count()
    );
}

/// Whether B sees the image, and whether the policy lets it use the key.
fn sees(world: &World) -> (bool, bool) {
    let image = world.image.clone();
    let permissions = world
        .sim
        .edit(|state| state.images[&image].launch_permissions.contains(B));
    (permissions, policy(&world.sim).contains(B))
}

/// The longest time for which B sees the image without its key, while a share and a revoke of B go
/// on, of which the revoke begins so much later.
async fn gap(later: Duration, latency: Duration) -> Duration {
    let options = Options {
        latency,
        ..Options::default()
    };
    let world = World::serve(Scenario::with_targets(1), options).await;
    let inputs = [("INPUT_TARGET-ACCOUNTS", B)];
    let mut running = vec![begin(&world, &inputs)];
    time::sleep(later).await;
    running.push(begin(&world, &[inputs[0], ("INPUT_MODE", "revoke")]));
    let (mut since, mut longest) = (None, Duration::ZERO);
    until_over(running, || match sees(&world) {
        (true, false) => {
            let since = since.get_or_insert_with(Instant::now);
            longest = longest.max(since.elapsed());
        }
        _ => since = None,
    })
    .await;
    longest
}

/// A row for each crowd, and the longest gap of many.
pub(super) async fn print() {
    println!("\nshares of one key at once, each a process");
    println!(
        "{:>6} {:>10} {:>10} {:>8} {:>8} {:>8}",
        "runs", "ms a call", "over, s", "puts", "lost", "failed"
    );
    for latency in [20, 200].map(Duration::from_millis) {
        for runs in [16, 32, 64] {
            crowd(runs, latency).await;
        }
    }
    let mut longest = Duration::ZERO;
    for step in 0..20 {
        let later = Duration::from_millis(50) * step;
        longest = longest.max(gap(later, Duration::from_millis(50)).await);
    }
    println!(
        "a share beside a revoke, 20 moments, 50 ms a call: image without key for {} ms at most",
        longest.as_millis()
    );
}

//! The same share by several clients side by side, as far as `PATH` has them.

use std::time::{Duration, Instant};

use ami_share_sim::{Options, Scenario};

use super::clients::{CLIENTS, Client, Place, list_targets};
use super::process::{measure, median, to_first_call};
use super::world::World;
use super::{LATENCY, RUNS};

const TARGETS: u64 = 400;
/// A loop over accounts takes as much longer as there are more, so it has few.
const TARGETS_OF_LOOP: u64 = 20;
const SHARES: usize = 3;

fn targets_of(client: Client) -> u64 {
    match client {
        Client::AwsCliLoop => TARGETS_OF_LOOP,
        _ => TARGETS,
    }
}

/// What a whole share took, in seconds and MB.
struct Shared {
    /// When the last target had launch permission, and the key with it where the client gives it.
    launchable: f64,
    over: f64,
    memory: f64,
}

/// A whole share, in a world of its own.
async fn share(client: Client) -> Shared {
    let options = Options {
        latency: LATENCY,
        ..Options::default()
    };
    let world = World::serve(Scenario::with_targets(targets_of(client)), options).await;
    let place = Place::of(&world, targets_of(client));
    let began = Instant::now();
    let sharing = async {
        let mut memory = 0.0_f64;
        for step in client.steps(&place) {
            memory = memory.max(measure(step).await.memory);
        }
        (began.elapsed(), memory)
    };
    let launchable = async {
        while !is_launchable(&world, &place, client) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    };
    let ((over, memory), launchable) = tokio::join!(sharing, launchable);
    Shared {
        launchable: launchable.as_secs_f64(),
        over: over.as_secs_f64(),
        memory,
    }
}

fn is_launchable(world: &World, place: &Place, client: Client) -> bool {
    world.sim.edit(|state| {
        let launchers = &state.images[&place.image].launch_permissions;
        let policy = state.keys[&place.key].policy();
        let has_key = |target: &String| client == Client::Ansible || policy.contains(target);
        let mut targets = place.targets.iter();
        targets.all(|target| launchers.contains(target) && has_key(target))
    })
}

/// From the start of a client to its first call.
fn start(client: Client) -> Duration {
    let begin = |endpoint: &str| {
        let place = Place {
            endpoint: endpoint.to_owned(),
            key_id: "AKIAEXAMPLE".to_owned(),
            secret: "secret".to_owned(),
            image: "ami-1a2b3c4d".to_owned(),
            key: "alias/golden".to_owned(),
            targets: list_targets(1),
        };
        client.steps(&place).swap_remove(0)
    };
    let starts = (0..RUNS).map(|_| to_first_call(begin)).collect();
    median(starts)
}

/// A row for each client, at default settings.
pub(super) async fn print() {
    println!(
        "\none image, {TARGETS} targets ({TARGETS_OF_LOOP} in a loop), {LATENCY:?} a call, default \
         settings; medians of {SHARES}"
    );
    println!(
        "{:>18} {:>24} {:>14} {:>10} {:>12}",
        "client", "start to first call, ms", "launchable, s", "over, s", "memory, MB"
    );
    for client in CLIENTS {
        let name = client.name();
        if !client.is_installed() {
            println!("{name:>18} is not installed: skipped");
            continue;
        }
        let starting = tokio::task::spawn_blocking(move || start(client));
        let start = starting.await.unwrap().as_secs_f64() * 1e3;
        let mut shares = Vec::new();
        for _ in 0..SHARES {
            shares.push(share(client).await);
        }
        let of = |figure: fn(&Shared) -> f64| median(shares.iter().map(figure).collect());
        let (launchable, over) = (of(|share| share.launchable), of(|share| share.over));
        let memory = of(|share| share.memory);
        println!("{name:>18} {start:>24.1} {launchable:>14.2} {over:>10.2} {memory:>12.1}");
    }
}

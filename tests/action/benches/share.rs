//! What a share costs: the size of the binary, from its start to its first call, its memory, its
//! time over that of the calls that wait for each other, that of copies in many targets and of
//! many processes at once, and the same of other clients. `docs/PERFORMANCE.md` keeps the figures.
//!
//! `cargo bench --package ami-share-action`, and the same with `--profile dist` for what a release
//! has, on a machine that does nothing else. A word after `--`, such as `peers`, runs that part
//! alone: `size`, `growth`, `peers`, `crowds` or `copies`. `AMI_SHARE_BINARY` names another
//! binary to measure.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures"
)]

mod clients;
mod copies;
mod crowds;
mod growth;
mod peers;
mod process;
mod world;

use std::time::Duration;

use ami_share_sim::{Options, Scenario};

use process::{Cost, binary, command, measure, median, to_first_call};
use world::World;

const A: &str = "111111111111";
const LATENCY: Duration = Duration::from_millis(50);
const RUNS: usize = 11;

#[tokio::main(worker_threads = 2)]
async fn main() {
    // `cargo test --benches` only wants to know that it compiles.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let parts = ["size", "growth", "peers", "crowds", "copies"];
    let asked: Vec<String> = std::env::args()
        .filter(|part| parts.contains(&&**part))
        .collect();
    let is_asked = |part: &str| asked.is_empty() || asked.iter().any(|other| other == part);
    if is_asked("size") {
        size().await;
    }
    if is_asked("growth") {
        growth::print().await;
    }
    if is_asked("peers") {
        peers::print().await;
    }
    if is_asked("crowds") {
        crowds::print().await;
    }
    if is_asked("copies") {
        copies::print().await;
    }
}

/// The size of the binary, and what a dry run costs.
async fn size() {
    let size = std::fs::metadata(binary());
    let size = size.unwrap().len() / 1_000;
    println!("binary: {}.{:02} MB", size / 1_000, size % 1_000 / 10);
    let arguments = [
        ("INPUT_AMI-ID", "ami-1a2b3c4d".to_owned()),
        ("INPUT_TARGET-ACCOUNTS", "222222222222".to_owned()),
    ];
    let begin = move |endpoint: &str| command(endpoint, ("AKIAEXAMPLE", "secret"), &arguments);
    let starting = tokio::task::spawn_blocking(move || {
        let starts = (0..RUNS).map(|_| to_first_call(&begin)).collect();
        median::<Duration>(starts)
    });
    println!(
        "start to first call: {:.1} ms (median of {RUNS})",
        starting.await.unwrap().as_secs_f64() * 1e3
    );
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(dry_run().await);
    }
    println!(
        "whole dry run: {:.1} ms, {:.1} MB (medians of {RUNS})",
        median(runs.iter().map(|run| run.wall.as_secs_f64()).collect()) * 1e3,
        median(runs.iter().map(|run| run.memory).collect())
    );
}

/// A whole dry run, on a simulated AWS that answers at once.
async fn dry_run() -> Cost {
    let world = World::serve(Scenario::two_accounts(), Options::default()).await;
    let inputs = [
        ("INPUT_AMI-ID", world.image.clone()),
        ("INPUT_TARGET-ACCOUNTS", "222222222222".to_owned()),
        ("INPUT_DRY-RUN", "true".to_owned()),
    ];
    measure(command(&world.endpoint, world.keys(), &inputs)).await
}

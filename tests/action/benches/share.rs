//! What a share costs: the size of the binary, from its start to its first call, its memory, its
//! time over that of the calls that wait for each other, that of copies in many targets, and the
//! same of other clients. `docs/PERFORMANCE.md` keeps the figures.
//!
//! `cargo bench --package ami-share-action`, and the same with `--profile dist` for what a release
//! has, on a machine that does nothing else. A word after `--`, such as `peers`, runs that part
//! alone: `size`, `growth`, `peers` or `copies`. `AMI_SHARE_BINARY` names another binary to measure.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its figures"
)]

mod copies;
mod peers;

use std::ffi::OsString;
use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ami_share_sim::loopback::Server;
use ami_share_sim::{Options, Scenario, Sim};

const A: &str = "111111111111";
const LATENCY: Duration = Duration::from_millis(50);
const SETTLE: Duration = Duration::from_secs(1);
const RUNS: usize = 11;

/// The calls of a share of one image by policy that cannot be made before the one above is
/// answered. The launch permissions that the plan needs are read while the snapshots are, so that
/// call is not among them.
const CHAIN: [&str; 11] = [
    // The account of the credentials is needed for everything else.
    "sts:GetCallerIdentity",
    "ec2:DescribeImages",
    // Of the image.
    "ec2:DescribeSnapshots",
    // Of the snapshots. The policy of an AWS managed key cannot be read, so the key comes first.
    "kms:DescribeKey",
    "kms:GetKeyPolicy",
    // Right before the change (promise P5).
    "kms:GetKeyPolicy",
    "kms:PutKeyPolicy",
    // Not before the key can be used (promise P1), and right before the change.
    "ec2:DescribeImageAttribute",
    "ec2:ModifyImageAttribute",
    // Whether a revoke beside it has removed the key meanwhile.
    "kms:GetKeyPolicy",
    // Whether it has lasted, after `settle`.
    "kms:GetKeyPolicy",
];

/// The binary that is measured: that of this build, or another one.
#[expect(
    clippy::disallowed_methods,
    reason = "the variable is set by the person who measures another binary"
)]
fn binary() -> OsString {
    let other = std::env::var_os("AMI_SHARE_BINARY");
    other.unwrap_or_else(|| env!("CARGO_BIN_EXE_ami-share").into())
}

/// The binary as a step on GitHub runs it, with nothing else in its environment.
fn command(endpoint: &str, key: (&str, &str), inputs: &[(&str, String)]) -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", key.0)
        .env("AWS_SECRET_ACCESS_KEY", key.1)
        .env("AWS_REGION", "us-east-1")
        .env("GITHUB_ACTIONS", "true")
        .envs(inputs.iter().map(|(name, value)| (*name, value)))
        .stdout(Stdio::null());
    command
}

fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|one, other| one.partial_cmp(other).unwrap());
    values[values.len() / 2]
}

/// From the start of a process to the first byte of its first call, which it makes to an endpoint.
fn to_first_call(command: impl Fn(&str) -> Command) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let mut command = command(&endpoint);
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.read_exact(&mut [0]).unwrap();
    let took = began.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    took
}

/// Waits for the process, and reads again and again how much memory it has had at most, in MB of
/// 1,000 kB.
fn memory(child: &mut Child) -> f64 {
    let path = format!("/proc/{}/status", child.id());
    let mut most = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
        most = kib.map_or(most, |kib| most.max(kib * 1.024 / 1_000.0));
        std::thread::park_timeout(Duration::from_millis(2));
    }
    most
}

/// What a run of the binary took.
struct Cost {
    wall: Duration,
    memory: f64,
}

/// Runs the binary to its end, which must be a good one.
async fn measure(mut command: Command) -> Cost {
    let measuring = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let memory = memory(&mut child);
        let cost = Cost {
            wall: began.elapsed(),
            memory,
        };
        (cost, child.wait().unwrap())
    });
    let (cost, status) = measuring.await.unwrap();
    assert!(status.success(), "{status}");
    cost
}

/// A whole dry run, on a simulated AWS that answers at once.
async fn dry_run() -> Cost {
    let sim = Sim::two_accounts(Options::default());
    let server = Server::bind(sim.clone(), ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let endpoint = format!("http://{}", server.address().unwrap());
    let serving = tokio::spawn(server.run());
    let inputs = [
        ("INPUT_AMI-ID", sim.facts().images["golden"].clone()),
        ("INPUT_TARGET-ACCOUNTS", "222222222222".to_owned()),
        ("INPUT_DRY-RUN", "true".to_owned()),
    ];
    let key = &sim.facts().accounts[A];
    let key = (key.access_key_id.as_str(), key.secret_access_key.as_str());
    let cost = measure(command(&endpoint, key, &inputs)).await;
    serving.abort();
    cost
}

struct Share {
    calls: usize,
    cost: Cost,
}

/// Shares `golden` with this many accounts, by policy or by grants, in a new world.
async fn share(targets: u64, mode: &str) -> Share {
    let options = Options {
        latency: LATENCY,
        ..Options::default()
    };
    let sim = Sim::new(Scenario::with_targets(targets), options);
    let server = Server::bind(sim.clone(), ([127, 0, 0, 1], 0).into())
        .await
        .unwrap();
    let endpoint = format!("http://{}", server.address().unwrap());
    let serving = tokio::spawn(server.run());
    let accounts: Vec<String> = (0..targets)
        .map(|n| format!("{}", 300_000_000_000 + n))
        .collect();
    let inputs = [
        ("INPUT_AMI-ID", sim.facts().images["golden"].clone()),
        ("INPUT_TARGET-ACCOUNTS", accounts.join(",")),
        ("INPUT_KEY-ACCESS", mode.to_owned()),
        (
            "INPUT_SETTLE",
            humantime::format_duration(SETTLE).to_string(),
        ),
    ];
    let key = &sim.facts().accounts[A];
    let command = command(
        &endpoint,
        (&key.access_key_id, &key.secret_access_key),
        &inputs,
    );
    let cost = measure(command).await;
    serving.abort();
    let calls: Vec<String> = sim
        .journal()
        .into_iter()
        .map(|entry| entry.action)
        .collect();
    if mode == "policy" {
        let mut concurrent = calls.clone();
        for call in CHAIN {
            let place = concurrent.iter().position(|known| known == call);
            assert!(place.is_some(), "{call} is not among {calls:?}");
            concurrent.remove(place.unwrap());
        }
        assert_eq!(
            concurrent,
            ["ec2:DescribeImageAttribute"],
            "the chain is no longer as it is written down here"
        );
    }
    Share {
        calls: calls.len(),
        cost,
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    // `cargo test --benches` only wants to know that it compiles.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let parts = ["size", "growth", "peers", "copies"];
    let asked: Vec<String> = std::env::args()
        .filter(|part| parts.contains(&&**part))
        .collect();
    let is_asked = |part: &str| asked.is_empty() || asked.iter().any(|other| other == part);
    if is_asked("size") {
        size().await;
    }
    if is_asked("growth") {
        growth().await;
    }
    if is_asked("peers") {
        peers::print().await;
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

/// How time and memory grow with the number of targets.
async fn growth() {
    println!("{LATENCY:?} a call; times without the {SETTLE:?} of settle");
    println!(
        "{:>8} {:>8} {:>8} {:>10} {:>12} {:>10}",
        "targets", "by", "calls", "time, s", "over chain", "memory, MB"
    );
    for (targets, mode) in [
        (1, "policy"),
        (10, "policy"),
        (100, "policy"),
        (400, "policy"),
        (1, "grants"),
        (400, "grants"),
        (1_000, "grants"),
    ] {
        let (mut walls, mut memories, mut calls) = (Vec::new(), Vec::new(), 0);
        for _ in 0..3 {
            let share = share(targets, mode).await;
            let settle = if mode == "policy" {
                SETTLE
            } else {
                Duration::ZERO
            };
            walls.push((share.cost.wall - settle).as_secs_f64());
            memories.push(share.cost.memory);
            calls = share.calls;
        }
        let wall = median(walls);
        let over = match mode {
            "policy" => format!(
                "{:.2}",
                wall / LATENCY.as_secs_f64() / f64::from(u8::try_from(CHAIN.len()).unwrap())
            ),
            _ => String::new(),
        };
        println!(
            "{targets:>8} {mode:>8} {calls:>8} {wall:>10.2} {over:>12} {:>10.1}",
            median(memories)
        );
    }
}

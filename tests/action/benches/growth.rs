//! How time and memory grow with the number of targets, over that of the calls that wait for each
//! other.

use std::time::Duration;

use ami_share_sim::{Options, Scenario};

use super::LATENCY;
use super::process::{Cost, command, measure, median};
use super::world::World;

const SETTLE: Duration = Duration::from_secs(1);

/// The calls of a share of one image by policy that cannot be made before the one above is
/// answered. Two calls are not among them: the launch permissions that the plan needs are read
/// while the snapshots are, and the last look at the key makes none wait.
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
    let world = World::serve(Scenario::with_targets(targets), options).await;
    let accounts: Vec<String> = (0..targets)
        .map(|n| format!("{}", 300_000_000_000 + n))
        .collect();
    let inputs = [
        ("INPUT_AMI-ID", world.image.clone()),
        ("INPUT_TARGET-ACCOUNTS", accounts.join(",")),
        ("INPUT_KEY-ACCESS", mode.to_owned()),
        (
            "INPUT_SETTLE",
            humantime::format_duration(SETTLE).to_string(),
        ),
    ];
    let cost = measure(command(&world.endpoint, world.keys(), &inputs)).await;
    let journal = world.sim.journal().into_iter();
    let calls: Vec<String> = journal.map(|entry| entry.action).collect();
    if mode == "policy" {
        let mut concurrent = calls.clone();
        for call in CHAIN {
            let place = concurrent.iter().position(|known| known == call);
            assert!(place.is_some(), "{call} is not among {calls:?}");
            concurrent.remove(place.unwrap());
        }
        assert_eq!(
            concurrent,
            ["ec2:DescribeImageAttribute", "kms:DescribeKey"],
            "the chain is no longer as it is written down here"
        );
    }
    Share {
        calls: calls.len(),
        cost,
    }
}

/// How time and memory grow with the number of targets.
pub(super) async fn print() {
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

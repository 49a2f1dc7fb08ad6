//! Copies of one image in many targets, in four Regions of each.

use std::time::Duration;

use ami_share_sim::{Options, Scenario, Sim, Size};

use super::process::{command, measure};
use super::world::World;
use super::{A, LATENCY};

const TARGETS: usize = 500;
const REGIONS: [&str; 4] = ["us-east-1", "eu-west-1", "us-west-2", "eu-central-1"];
/// Shorter than AWS's copies: the longer they take, the less the rest counts.
const COPY_TIME: Duration = Duration::from_mins(5);

/// The image is under a key of its own in each Region, and so are the targets' copies.
fn build_world() -> Sim {
    let mut scenario = Scenario::generate(Size {
        accounts: TARGETS + 1,
        regions: REGIONS.len(),
        images: 1,
        snapshots: 1,
    })
    .unwrap();
    scenario.images[0].volumes = vec![Some("key-1".to_owned())];
    let options = Options {
        latency: LATENCY,
        copy_time: COPY_TIME,
        ..Options::default()
    };
    let sim = Sim::new(scenario, options);
    sim.edit(|world| {
        for key in world.keys.values() {
            if key.account != A && !key.aws_managed {
                let (account, region) = (key.account.clone(), key.region.clone());
                let alias = (account, region, "alias/own".to_owned());
                world.aliases.insert(alias, key.arn.clone());
            }
        }
    });
    sim
}

fn list_inputs(sim: &Sim) -> Vec<(&'static str, String)> {
    let facts = sim.facts();
    let accounts: Vec<&str> = facts
        .accounts
        .keys()
        .map(String::as_str)
        .filter(|id| *id != A)
        .collect();
    let mut keys = format!("us-east-1={}", facts.keys["key-1"]);
    for region in &REGIONS[1..] {
        keys += &format!(" {region}={}", facts.keys[&format!("key-{region}")]);
    }
    vec![
        ("INPUT_AMI-ID", facts.images["image-1"].clone()),
        ("INPUT_TARGET-ACCOUNTS", accounts.join(",")),
        ("INPUT_COPY-TO-REGIONS", REGIONS[1..].join(",")),
        ("INPUT_KMS-KEY-ID", keys),
        ("INPUT_TARGET-ROLE", "consumer".to_owned()),
        ("INPUT_TARGET-EXTERNAL-ID", "example".to_owned()),
        ("INPUT_TARGET-KMS-KEY-ID", "alias/own".to_owned()),
    ]
}

/// One run, and how much longer it took than the copies that wait for each other: those in the
/// source account, then those in the targets.
pub(super) async fn print() {
    let sim = build_world();
    let world = World::of(sim, "image-1").await;
    let inputs = list_inputs(&world.sim);
    let cost = measure(command(&world.endpoint, world.keys(), &inputs)).await;
    let shortest = 2 * COPY_TIME;
    println!(
        "{TARGETS} targets x {} Regions of copies: {:.0} s, {:.3} of the shortest, {:.1} MB, {} calls",
        REGIONS.len(),
        cost.wall.as_secs_f64(),
        cost.wall.as_secs_f64() / shortest.as_secs_f64(),
        cost.memory,
        world.sim.journal().len()
    );
}

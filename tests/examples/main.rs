//! The Rust programs of `examples/rust`, unchanged, on a simulated AWS.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

#[path = "../../examples/rust/own_events.rs"]
#[expect(dead_code, reason = "its main reads the command line")]
mod own_events;
#[path = "../../examples/rust/plan_only.rs"]
#[expect(dead_code, reason = "its main reads the command line")]
mod plan_only;
#[path = "../../examples/rust/share_one.rs"]
#[expect(dead_code, reason = "its main reads the command line")]
mod share_one;

use ami_share_sim::{Options, Sim};

const A: &str = "111111111111";
const B: &str = "222222222222";
const REGION: &str = "us-east-1";
const KEY: &str = "alias/golden";

/// Launches as B; returns how the instance ended, or the error code.
async fn launch_as_b(sim: &Sim, image_id: &str) -> String {
    let ec2 = aws_sdk_ec2::Client::new(&sim.sdk_config(B));
    let launched = match ec2
        .run_instances()
        .image_id(image_id)
        .min_count(1)
        .max_count(1)
        .send()
        .await
    {
        Ok(launched) => launched,
        Err(error) => return error.into_service_error().meta().code().unwrap().to_owned(),
    };
    let id = launched.instances()[0].instance_id().unwrap();
    let shown = ec2
        .describe_instances()
        .instance_ids(id)
        .send()
        .await
        .unwrap();
    shown.reservations()[0].instances()[0]
        .state()
        .unwrap()
        .name()
        .unwrap()
        .to_string()
}

fn list_actions(sim: &Sim) -> Vec<String> {
    sim.journal()
        .into_iter()
        .map(|entry| entry.action)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn share_one_lets_account_launch_and_second_run_changes_nothing() {
    let sim = Sim::two_accounts(Options::default());
    let (config, golden) = (sim.sdk_config(A), sim.facts().images["golden"].clone());
    assert_eq!(launch_as_b(&sim, &golden).await, "AuthFailure");
    assert!(
        share_one::share(&config, REGION, &golden, B)
            .await
            .unwrap()
            .changed
    );
    assert_eq!(launch_as_b(&sim, &golden).await, "running");
    assert!(
        !share_one::share(&config, REGION, &golden, B)
            .await
            .unwrap()
            .changed
    );
}

#[tokio::test(start_paused = true)]
async fn share_one_reports_invalid_and_refused_requests() {
    let sim = Sim::two_accounts(Options::default());
    let (config, managed) = (sim.sdk_config(A), sim.facts().images["managed"].clone());
    let wrong = share_one::share(&config, REGION, "ami-xyz", B)
        .await
        .unwrap_err()
        .to_string();
    assert!(wrong.contains("`ami-xyz` is not an AMI ID"), "{wrong}");
    assert!(sim.journal().is_empty());
    let refused = share_one::share(&config, REGION, &managed, B)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("key.aws-managed") && refused.contains("nobody can share"),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn plan_only_lists_steps_and_changes_nothing() {
    let sim = Sim::two_accounts(Options::default());
    let (config, golden, plain) = (
        sim.sdk_config(A),
        sim.facts().images["golden"].clone(),
        sim.facts().images["plain"].clone(),
    );
    let key = &sim.facts().keys["golden"];
    let before = sim.state();

    let plan = plan_only::plan(&config, REGION, &plain, B, KEY)
        .await
        .unwrap();
    let expected = [
        format!("copy {plain} in {REGION} under {key}"),
        format!("let {B} use {key}"),
        format!("let {B} launch the image"),
    ];
    assert_eq!(plan_only::describe(&plan), expected.join("\n"));
    assert_eq!(sim.state(), before);

    share_one::share(&config, REGION, &golden, B).await.unwrap();
    let plan = plan_only::plan(&config, REGION, &golden, B, KEY)
        .await
        .unwrap();
    assert_eq!(plan_only::describe(&plan), "nothing to do");
}

#[tokio::test(start_paused = true)]
async fn own_events_writes_every_change_in_order() {
    let sim = Sim::two_accounts(Options::default());
    let (config, building) = (sim.sdk_config(A), sim.facts().images["building"].clone());
    let mut log = Vec::new();
    own_events::share(&config, REGION, &building, B, &mut log)
        .await
        .unwrap();
    let log = String::from_utf8(log).unwrap();
    let events: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[0], "waiting", "the image is still being made: {log}");
    let changes: Vec<&str> = kinds
        .into_iter()
        .filter(|kind| ["key-policy-put", "launch-permission-added"].contains(kind))
        .collect();
    assert_eq!(changes, ["key-policy-put", "launch-permission-added"]);
    let calls = list_actions(&sim);
    let changing = calls.iter().filter(|action| {
        ["kms:PutKeyPolicy", "ec2:ModifyImageAttribute"].contains(&action.as_str())
    });
    assert_eq!(changing.count(), changes.len(), "{calls:?}");
}

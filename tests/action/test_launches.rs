//! `verify: launch`, seen from outside: exit statuses, and what a signal leaves.

use std::process::Command;
use std::time::{Duration, Instant};

use ami_share_sim::{LaunchingSpec, Options, Scenario, Sim};

use super::support::*;

/// Two accounts of which B can launch in this way.
async fn set_stage(launching: LaunchingSpec) -> Stage {
    let mut scenario = Scenario::two_accounts();
    scenario.accounts[1].launching = launching;
    Stage::of(Sim::new(scenario, Options::default())).await
}

fn inputs(image: &str) -> Vec<(&str, &str)> {
    vec![
        ("INPUT_AMI-ID", image),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_TARGET-ROLE", "consumer"),
        ("INPUT_TARGET-EXTERNAL-ID", "example"),
        ("INPUT_VERIFY", "launch"),
    ]
}

/// The instances that are not terminated, and the security groups.
fn count_left(stage: &Stage) -> (usize, usize) {
    stage.sim.state();
    stage.sim.edit(|state| {
        let instances = state.instances.values();
        let alive = instances.filter(|instance| instance.state != "terminated");
        (alive.count(), state.security_groups.len())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn launch_that_could_not_be_tested_fails_no_run() {
    let table: [LaunchingSpec; 4] = [
        LaunchingSpec {
            no_default_vpc: true,
            ..LaunchingSpec::default()
        },
        LaunchingSpec {
            vcpus: Some(0),
            ..LaunchingSpec::default()
        },
        LaunchingSpec {
            ends_with: Some("Server.InternalError: Internal error on launch".to_owned()),
            ..LaunchingSpec::default()
        },
        LaunchingSpec::default(),
    ];
    for launching in table {
        let stage = set_stage(launching.clone()).await;
        let golden = stage.image("golden");
        for mode in ["share", "verify"] {
            let mut inputs = inputs(&golden);
            inputs.push(("INPUT_MODE", mode));
            let run = stage.run_on_github(&inputs);
            assert_eq!(run.status, 0, "{launching:?}, {mode}: {}", run.log);
            let untested = run.outputs["report"].contains("could not be tested");
            assert_eq!(untested, launching != LaunchingSpec::default(), "{mode}");
            assert_eq!(count_left(&stage), (0, 0), "{launching:?}, {mode}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn launch_without_access_to_the_key_is_exit_1() {
    let stage = set_stage(LaunchingSpec::default()).await;
    let golden = stage.image("golden");
    stage.run_on_github(&inputs(&golden));
    stage.sim.edit(|state| {
        for key in state.keys.values_mut() {
            key.state = ami_share_sim::world::KeyState::Disabled;
        }
    });
    let mut inputs = inputs(&golden);
    inputs.push(("INPUT_MODE", "verify"));
    let run = stage.run_on_github(&inputs);
    assert_eq!(run.status, 1, "{}", run.log);
    assert!(run.log.contains("blocked"), "{}", run.log);
}

/// SIGHUP; or, if whoever started the tests had it ignored, which programs inherit, SIGTERM.
#[cfg(unix)]
fn find_hangup() -> &'static str {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let is_ignored =
        ignored.is_some_and(|mask| mask.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']));
    if is_ignored { "-TERM" } else { "-HUP" }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn signal_ends_the_instance_and_the_log_names_it() {
    // A shutdown of EC2 takes longer than the run may take to write its files.
    for (mode, signal, shutdown_seconds) in [
        ("share", "-TERM", 1),
        ("verify", find_hangup(), 1),
        ("share", find_hangup(), 8),
        ("verify", "-INT", 8),
    ] {
        let stage = set_stage(LaunchingSpec {
            start_seconds: 3600,
            shutdown_seconds,
            ..LaunchingSpec::default()
        })
        .await;
        let golden = stage.image("golden");
        let report_path = stage.path("report.json").display().to_string();
        let mut inputs = inputs(&golden);
        inputs.push(("INPUT_MODE", mode));
        inputs.push(("INPUT_REPORT-PATH", &report_path));
        if mode == "verify" {
            let none = ("INPUT_VERIFY", "none");
            let share: Vec<_> = inputs[..4].iter().copied().chain([none]).collect();
            assert_eq!(stage.run_on_github(&share).status, 0);
        }
        let child = stage.spawn_on_github(&inputs);
        let begun = Instant::now();
        let instance = loop {
            let launched = stage
                .sim
                .edit(|state| state.instances.keys().next().cloned());
            if let Some(instance) = launched {
                break instance;
            }
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "nothing was launched"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        // Now the run knows of it.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let id = child.id().to_string();
        let killed = Command::new("kill").args([signal, &id]).status();
        assert!(killed.unwrap().success());
        let run = stage.ended(child.wait_with_output().unwrap());
        assert_eq!(run.status, 130, "{}", run.log);
        let says = format!("{instance} in us-east-1 of {B}");
        let named = run.log.matches(&says).count();
        assert!(named >= 2, "its start and its end: {}", run.log);
        assert_eq!(count_left(&stage), (0, 0), "{mode} {signal}: {}", run.log);
        assert!(!run.log.contains("verify.left-behind"), "{}", run.log);
        let report = std::fs::read_to_string(&report_path).unwrap();
        assert!(!report.contains("verify.left-behind"), "{report}");
        if mode == "share" {
            assert!(run.outputs["report"].contains(&instance));
            assert!(report.contains(&instance), "{report}");
        }
    }
}

//! Where a run would say the same many times, it says it once, with a count.

use std::time::Duration;

use ami_share_action::Exit;
use ami_share_sim::{KeySpec, Options, Scenario, Sim};
use futures::FutureExt as _;
use serde_json::json;

use super::support::*;
use super::truths::{run, run_until};

#[tokio::test(start_paused = true)]
async fn many_copies_are_one_line_of_progress() {
    let options = Options {
        copy_time: Duration::from_mins(10),
        ..Options::default()
    };
    let regions = [
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "eu-north-1",
        "us-west-1",
        "us-west-2",
    ];
    let mut scenario = Scenario::two_accounts();
    let mut keys = "us-east-1=alias/golden".to_owned();
    for region in regions {
        keys += &format!(" {region}=alias/in-{region}");
        scenario.keys.push(KeySpec {
            name: format!("in-{region}"),
            account: A.to_owned(),
            region: Some(region.to_owned()),
            ..KeySpec::default()
        });
    }
    let sim = Sim::new(scenario, options);
    let regions = regions.join(" ");
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", B),
        ("COPY_TO_REGIONS", regions.as_str()),
        ("KMS_KEY_ID", keys.as_str()),
    ];
    let said = run(&sim, &inputs).await;
    assert_eq!(said.exit, Exit::Done, "{}", said.log);
    let progress = said.log.lines().filter(|line| line.contains(" copies: "));
    let progress: Vec<&str> = progress.collect();
    assert!((5..30).contains(&progress.len()), "{}", said.log);
    let mut all = progress.iter();
    assert!(
        all.all(|line| line.starts_with("6 copies: ")),
        "{progress:?}"
    );
    let is_measured =
        |line: &&str| line.contains("0 done, slowest ") && line.ends_with(" min left");
    assert!(progress.iter().any(is_measured), "{progress:?}");
    let single = said
        .log
        .lines()
        .filter(|line| line.contains("as the copy of"));
    assert_eq!(single.count(), 0, "{}", said.log);
}

#[tokio::test(start_paused = true)]
async fn same_answer_of_many_targets_is_one_line() {
    let sim = Sim::new(Scenario::with_targets(58), Options::default());
    let targets: Vec<String> = (0..58)
        .map(|n| (300_000_000_000_u64 + n).to_string())
        .collect();
    let targets = targets.join(" ");
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", targets.as_str()),
    ];
    let verify = [inputs.as_slice(), &[("MODE", "verify")]].concat();
    for inputs in [inputs.as_slice(), &verify] {
        let said = run(&sim, inputs).await;
        assert_eq!(said.exit, Exit::Done, "{}", said.log);
        assert!(said.log.lines().count() < 15, "{}", said.log);
        assert!(!said.log.contains(":key/") || said.log.matches(":key/").count() == 1);
    }
    let said = run(&sim, &verify).await;
    let is_it = |line: &&str| {
        line.starts_with("no obstacle found to 58 accounts (") && line.contains(") launching ami-")
    };
    assert_eq!(said.log.lines().filter(is_it).count(), 1, "{}", said.log);
}

/// The lines of calls to AWS, without their level.
fn calls<'a>(log: &'a str, level: &str) -> Vec<&'a str> {
    log.lines()
        .filter_map(|line| line.strip_prefix(level))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn run_that_is_not_debugged_has_no_line_for_calls() {
    let sim = Sim::new(Scenario::two_accounts(), Options::default());
    for value in ["", "0", "false"] {
        let inputs = [
            ("AMI_ID", "{golden}"),
            ("TARGET_ACCOUNTS", B),
            ("RUNNER_DEBUG", value),
        ];
        let said = run(&sim, &inputs).await;
        assert_eq!(calls(&said.log, "debug: "), [""; 0], "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn debugged_run_has_a_line_for_each_call() {
    let sim = Sim::new(Scenario::two_accounts(), Options::default());
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", B),
        ("RUNNER_DEBUG", "1"),
    ];
    let said = run(&sim, &inputs).await;
    assert_eq!(said.exit, Exit::Done, "{}", said.log);
    let lines = calls(&said.log, "debug: ");
    assert_eq!(lines.len(), sim.journal().len(), "{lines:#?}");
    let put = lines
        .iter()
        .find(|line| line.starts_with("kms:PutKeyPolicy "));
    let put = put.unwrap();
    assert!(
        put.starts_with("kms:PutKeyPolicy in 111111111111, us-east-1: 200, ")
            && put.ends_with(" ms"),
        "{put}"
    );
}

#[tokio::test(start_paused = true)]
async fn debugged_run_says_how_aws_refused_and_masks_accounts() {
    let sim = Sim::new(Scenario::two_accounts(), Options::default());
    let error = json!({ "status": 400, "code": "AccessDeniedException", "message": "no" });
    let fault = json!({ "operation": "kms:PutKeyPolicy", "effect": { "error": error } });
    sim.fault(serde_json::from_value(fault).unwrap());
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", B),
        ("MASK_ACCOUNT_IDS", "true"),
        ("RUNNER_DEBUG", "1"),
        ("GITHUB_ACTIONS", "true"),
    ];
    let said = run(&sim, &inputs).await;
    let lines = calls(&said.log, "::debug::");
    let refused = "kms:PutKeyPolicy in ********1111, us-east-1: 400 AccessDeniedException, ";
    let is_told = lines.iter().any(|line| line.starts_with(refused));
    assert!(is_told, "{lines:#?}");
    assert!(lines.iter().all(|line| !line.contains(A)), "{lines:#?}");
}

#[tokio::test(start_paused = true)]
async fn cancelled_run_tells_what_was_checked_until_then() {
    let sim = Sim::new(Scenario::with_targets(2), Options::default());
    let slow = r#"{"operation":"ssm:PutParameter","effect":{"delay":{"seconds":600}}}"#;
    sim.fault(serde_json::from_str(slow).unwrap());
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", "300000000000 300000000001"),
        ("PUBLISH_SSM_PARAMETER", "/golden/{name}"),
        ("DEREGISTRATION_PROTECTION", "true"),
        ("MODE", "share"),
        ("TARGET_ROLE", "consumer"),
        ("TARGET_EXTERNAL_ID", "example"),
    ];
    let cancelled = tokio::time::sleep(Duration::from_secs(40)).boxed();
    let said = run_until(&sim, &inputs, cancelled).await;
    assert_eq!(said.exit, Exit::Cancelled, "{}", said.log);
    // Before what came later, so that even a run that is killed has written it.
    let mut lines = said.log.lines();
    let checked = lines.position(|line| line.contains("launching ami-"));
    let is_later = |line: &str| line.starts_with("deregistration protection is on for ami-");
    assert!(checked.is_some() && lines.any(is_later), "{}", said.log);
}

/// Blocked launches become errors in the end, and a run that is told to stop has no such end.
#[tokio::test(start_paused = true)]
async fn cancelled_verification_tells_which_launches_are_blocked() {
    let sim = Sim::new(Scenario::with_targets(2), Options::default());
    let slow = json!({
        "operation": "sts:AssumeRole",
        "naming": "300000000001",
        "effect": { "delay": { "seconds": 600 } }
    });
    sim.fault(serde_json::from_value(slow).unwrap());
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("ami-share.yml");
    let groups = "target-role: consumer\n\
                  target-external-id: example\n\
                  groups:\n\
                  - {name: one, target-accounts: ['300000000000']}\n\
                  - {name: two, target-accounts: ['300000000001']}\n";
    std::fs::write(&file, groups).unwrap();
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("MODE", "verify"),
        ("CONFIG_FILE", file.to_str().unwrap()),
    ];
    let cancelled = tokio::time::sleep(Duration::from_secs(40)).boxed();
    let said = run_until(&sim, &inputs, cancelled).await;
    assert_eq!(said.exit, Exit::Cancelled, "{}", said.log);
    let told = said.log.matches("cannot launch ami-").count();
    assert_eq!(told, 1, "{}", said.log);
}

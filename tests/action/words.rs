//! What runs say, in one file for a reader to judge: `tests/action/words.txt` has the log of each
//! kind of run. `UPDATE_WORDS=1 cargo test -p ami-share-action words` writes it anew.

use std::path::Path;
use std::time::Duration;

use ami_share_sim::{KeySpec, Options, Scenario, Sim};
use serde_json::json;

use super::truths::run;
use super::{places, support::*};

const GOLDEN: (&str, &str) = ("AMI_ID", "{golden}");
const TO_B: (&str, &str) = ("TARGET_ACCOUNTS", B);
const DRY_RUN: (&str, &str) = ("DRY_RUN", "true");
const REVOKE: (&str, &str) = ("MODE", "revoke");
const VERIFY: (&str, &str) = ("MODE", "verify");
const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";
const DEBUG: (&str, &str) = ("RUNNER_DEBUG", "1");

/// Runs one after the other in one world, each under its title.
type Runs<'a> = &'a [(&'a str, &'a [(&'a str, &'a str)])];

/// The log without what is different in each run: waits have pauses of random length, so that
/// progress and the IDs of new copies differ; calls take some time.
fn without_chance(log: &str) -> String {
    let mut text = String::new();
    for line in log.lines().filter(|line| !line.starts_with("waiting for ")) {
        text += &without_ids(&without_ids(line, "ami-"), "i-");
        text.push('\n');
    }
    without_times(&text)
}

/// The line with a dot for each ID of this kind.
fn without_ids(line: &str, prefix: &str) -> String {
    let mut parts = line.split(prefix);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        let id = if part.len() - rest.len() == 17 {
            "…"
        } else {
            &part[..part.len() - rest.len()]
        };
        text += &format!("{prefix}{id}{rest}");
    }
    text
}

/// The text with a dot for each number of milliseconds.
fn without_times(log: &str) -> String {
    let mut text = String::new();
    for line in log.lines() {
        let call = line.strip_suffix(" ms");
        let call = call.map(|call| call.trim_end_matches(|c: char| c.is_ascii_digit()));
        match call {
            Some(call) => text += &format!("{call}… ms\n"),
            None => text += &format!("{line}\n"),
        }
    }
    text.replace(", 0 % (", " (").replace(", 1 % (", " (")
}

async fn logs(sim: &Sim, runs: Runs<'_>) -> String {
    let mut text = String::new();
    for (title, inputs) in runs {
        let said = run(sim, inputs).await;
        text += &format!("## {title}\n\n{}\n", without_chance(&said.log));
    }
    text
}

fn two_accounts() -> Sim {
    Sim::new(Scenario::two_accounts(), Options::default())
}

async fn of_one_image() -> String {
    let key_of_others = [GOLDEN, TO_B, ("KEY_ACCESS", "none")];
    let copy = [("AMI_ID", "{plain}"), TO_B, ("KMS_KEY_ID", "alias/golden")];
    let runs: Runs<'_> = &[
        ("dry run", &[GOLDEN, TO_B, DRY_RUN]),
        ("dry run, debugged", &[GOLDEN, TO_B, DRY_RUN, DEBUG]),
        ("share", &[GOLDEN, TO_B]),
        ("share again", &[GOLDEN, TO_B]),
        ("verify", &[GOLDEN, TO_B, VERIFY]),
        ("dry run of a revoke", &[GOLDEN, TO_B, REVOKE, DRY_RUN]),
        ("revoke", &[GOLDEN, TO_B, REVOKE]),
        ("revoke again", &[GOLDEN, TO_B, REVOKE]),
        ("share without the key", &key_of_others),
        ("share by grants", &[GOLDEN, TO_B, ("KEY_ACCESS", "grants")]),
        ("share a copy", &copy),
        ("refused", &[("AMI_ID", "{managed}"), TO_B]),
        ("bad input", &[("AMI_ID", "x"), TO_B]),
        (
            "one image of two is not there",
            &[("AMI_ID", "{golden} ami-ffffffff"), TO_B],
        ),
    ];
    let text = logs(&two_accounts(), runs).await;

    let options = Options {
        copy_time: Duration::from_hours(1),
        ..Options::default()
    };
    let sim = Sim::new(Scenario::two_accounts(), options);
    let slow = [copy.as_slice(), &[("TIMEOUT", "1m")]].concat();
    text + &logs(&sim, &[("deadline", &slow)]).await
}

/// Kinds of targets, and of what is done beside sharing.
async fn of_other_kinds() -> String {
    let organization = ("TARGET_ORGANIZATIONS", ORGANIZATION);
    let runs: Runs<'_> = &[
        (
            "one image of two is pending",
            &[("AMI_ID", "{golden} {building}"), TO_B, DRY_RUN],
        ),
        (
            "dry run of an unencrypted image",
            &[("AMI_ID", "{plain}"), TO_B, DRY_RUN],
        ),
        ("organization", &[GOLDEN, organization]),
        ("verify of an organization", &[GOLDEN, organization, VERIFY]),
        ("account beside the organization", &[GOLDEN, TO_B]),
        (
            "unlisted principals lose access",
            &[GOLDEN, TO_B, ("UNLISTED", "revoke")],
        ),
        (
            "parameter, deprecation, protection",
            &[
                GOLDEN,
                TO_B,
                ("PUBLISH_SSM_PARAMETER", "/golden/{name}"),
                ("DEPRECATE_AT", "2030-12-31"),
                ("DEREGISTRATION_PROTECTION", "true"),
            ],
        ),
        (
            "revoke from everybody",
            &[GOLDEN, REVOKE, ("REVOKE_ALL", "true")],
        ),
    ];
    let text = logs(&two_accounts(), runs).await;

    let sim = two_accounts();
    deny(&sim, "ec2:DescribeImageAttribute", None);
    deny(&sim, "kms:GetKeyPolicy", None);
    text + &logs(
        &sim,
        &[("nothing could be checked", &[GOLDEN, TO_B, VERIFY])],
    )
    .await
}

/// AWS refuses every call of an operation, in one Region or in all.
fn deny(sim: &Sim, operation: &str, region: Option<&str>) {
    let effect = json!({
        "error": { "status": 400, "code": "AccessDeniedException", "message": "no" },
    });
    let fault = json!({ "operation": operation, "region": region, "effect": effect });
    sim.fault(serde_json::from_value(fault).unwrap());
}

async fn of_regions() -> String {
    let mut scenario = Scenario::two_accounts();
    scenario.keys.push(KeySpec {
        name: "in-europe".to_owned(),
        account: A.to_owned(),
        region: Some("eu-west-1".to_owned()),
        ..KeySpec::default()
    });
    let sim = Sim::new(scenario, Options::default());
    deny(&sim, "kms:PutKeyPolicy", Some("eu-west-1"));
    let inputs = [
        GOLDEN,
        TO_B,
        ("COPY_TO_REGIONS", "eu-west-1"),
        (
            "KMS_KEY_ID",
            "us-east-1=alias/golden eu-west-1=alias/in-europe",
        ),
    ];
    logs(&sim, &[("one Region of two fails", &inputs)]).await
}

async fn of_targets() -> String {
    let role = ("TARGET_ROLE", "consumer");
    let external_id = ("TARGET_EXTERNAL_ID", "example");
    let image = ("AMI_ID", "{image-1}");
    let own_key = ("TARGET_KMS_KEY_ID", "alias/own-222222222222");
    let own_copies = [
        image,
        TO_B,
        role,
        external_id,
        own_key,
        ("UNSHARE_AFTER_COPY", "true"),
    ];
    let runs: Runs<'_> = &[("copies of targets", &own_copies)];
    let mut text = logs(&places::build_world(), runs).await;
    let launches = [
        image,
        TO_B,
        role,
        external_id,
        ("TARGET_LAUNCH_ROLES", "launcher"),
        ("TARGET_SERVICE_LINKED_ROLES", "autoscaling.amazonaws.com"),
        ("VERIFY", "launch"),
    ];
    let sim = places::build_world();
    text += &logs(&sim, &[("launch roles, and a real launch", &launches)]).await;
    let sim = places::build_world_with(Options {
        copy_time: Duration::from_hours(1),
        ..Options::default()
    });
    let slow = [own_copies.as_slice(), &[("TIMEOUT", "1m")]].concat();
    text += &logs(&sim, &[("deadline of copies of targets", &slow)]).await;

    let sim = Sim::new(Scenario::with_targets(58), Options::default());
    let targets: Vec<String> = (0..58)
        .map(|n| (300_000_000_000_u64 + n).to_string())
        .collect();
    let targets = targets.join(" ");
    let runs: Runs<'_> = &[(
        "58 equal errors",
        &[GOLDEN, ("TARGET_ACCOUNTS", &targets), role],
    )];
    text + &logs(&sim, runs).await
}

#[tokio::test(start_paused = true)]
async fn reference_has_the_log_of_each_kind_of_run() {
    let logs =
        of_one_image().await + &of_other_kinds().await + &of_regions().await + &of_targets().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/action/words.txt");
    if is_set("UPDATE_WORDS") {
        std::fs::write(&path, &logs).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == logs, "UPDATE_WORDS=1 writes it anew:\n{logs}");
}

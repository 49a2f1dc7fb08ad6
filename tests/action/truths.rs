//! What a run says is so: nothing that it does not know, and nothing that is over.

mod access;
mod endings;
mod plans;

use std::ffi::OsString;
use std::time::Duration;

use ami_share_action::{Exit, Sinks};
use ami_share_sim::{Options, Scenario, Sim};
use futures::FutureExt as _;
use futures::future::{self, BoxFuture};
use serde_json::json;

use super::{places, support::*};

const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";

/// A name and a value.
type Input<'a> = (&'a str, &'a str);

/// An image of which the target makes a copy under its own key.
const OWN_COPY: &[Input<'_>] = &[
    ("AMI_ID", "{image-1}"),
    ("TARGET_ACCOUNTS", B),
    ("TARGET_ROLE", "consumer"),
    ("TARGET_EXTERNAL_ID", "example"),
    ("TARGET_KMS_KEY_ID", "alias/own-222222222222"),
];

/// What a run wrote.
pub(super) struct Said {
    pub(super) exit: Exit,
    pub(super) log: String,
    pub(super) summary: String,
    changed: String,
}

impl Said {
    /// The last line of the log.
    fn last(&self) -> &str {
        self.log.lines().last().unwrap()
    }

    #[track_caller]
    fn check_last(&self, words: &str) {
        assert!(self.last().contains(words), "{}", self.last());
    }
}

/// Runs the step, in which `{golden}` and the like stand for images. What is no input is a variable
/// of the runner.
pub(super) async fn run(sim: &Sim, inputs: &[(&str, &str)]) -> Said {
    run_until(sim, inputs, future::pending().boxed()).await
}

/// The same, of a run that is told to stop at some time.
pub(super) async fn run_until(
    sim: &Sim,
    inputs: &[(&str, &str)],
    cancelled: BoxFuture<'static, ()>,
) -> Said {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut env: Vec<(OsString, OsString)> = vec![
        ("AWS_REGION".into(), "us-east-1".into()),
        ("GITHUB_STEP_SUMMARY".into(), path("summary").into()),
        ("GITHUB_OUTPUT".into(), path("outputs").into()),
    ];
    for (name, value) in inputs {
        let mut value = (*value).to_owned();
        for (image, id) in &sim.facts().images {
            value = value.replace(&format!("{{{image}}}"), id);
        }
        let is_input = !name.starts_with("RUNNER_") && !name.starts_with("GITHUB_");
        let prefix = if is_input { "INPUT_" } else { "" };
        env.push((format!("{prefix}{name}").into(), value.into()));
    }
    let log = Shared::default();
    let sinks = Sinks {
        aws: Some(sim.sdk_config(A)),
        cancelled,
        ..Sinks::new(log.clone())
    };
    let exit = ami_share_action::run(env, sinks).await;
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
    let said = Said {
        exit,
        log: log.text(),
        summary: read("summary"),
        changed: outputs(&read("outputs"))
            .remove("changed")
            .unwrap_or_default(),
    };
    says_no_more_than_it_knows(&said);
    said
}

/// What holds of every run: a last line with counts, which is the summary's title too, and no
/// ability that nobody tried.
fn says_no_more_than_it_knows(said: &Said) {
    let last = said.last();
    assert!(last.starts_with("ami-share: "), "{last}");
    assert!(
        last.contains(|c: char| c.is_ascii_digit())
            || matches!(said.exit, Exit::Failed | Exit::Cancelled),
        "{last}"
    );
    let title = said.summary.lines().next().unwrap_or_default();
    let title = title.trim_start_matches("### ").replace('\\', "");
    let title = title.replace("<code>", "`").replace("</code>", "`");
    assert!(last.starts_with(&title), "{last}\n{title}");
    for line in said.log.lines().chain(said.summary.lines()) {
        assert!(line.matches("What to do").count() < 2, "{line}");
    }
    for text in [&said.log, &said.summary] {
        let known = text
            .replace("cannot launch", "")
            .replace("can launch {", "")
            .replace("What to do", "\nWhat to do");
        for line in known.lines().filter(|line| !line.starts_with("What to do")) {
            let checks = ["whether", "warning: ", "error: "];
            let is_checked = checks.iter().any(|word| line.contains(word)) || line.contains("**");
            for claim in [
                "can launch",
                "can use",
                "can now",
                "nobody can",
                "is copied to",
            ] {
                assert!(is_checked || !line.contains(claim), "{line}");
            }
        }
    }
}

fn two_accounts() -> Sim {
    Sim::new(Scenario::two_accounts(), Options::default())
}

#[tokio::test(start_paused = true)]
async fn share_without_keys_says_who_must_add_what() {
    let sim = two_accounts();
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", B),
        ("KEY_ACCESS", "none"),
    ];
    for _ in 0..2 {
        let said = run(&sim, &inputs).await;
        said.check_last("access to their keys is left to others");
        said.check_last("`key-policy-statements`");
        for text in [&said.log, &said.summary] {
            assert!(
                text.contains("kms:ReEncrypt") && text.contains("AmiShareUse"),
                "{text}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn share_says_what_is_left_to_do_in_targets() {
    let sim = two_accounts();
    let share = [("AMI_ID", "{golden}"), ("TARGET_ACCOUNTS", B)];
    let said = run(&sim, &share).await;
    said.check_last("shared 1 image with 1 target in 1 Region");
    said.check_last("`iam-policy`");
    assert!(
        said.summary.contains("need to launch</summary>"),
        "{}",
        said.summary
    );
    // Roles that the run allows need nothing more.
    let roles = [
        ("TARGET_ROLE", "consumer"),
        ("TARGET_EXTERNAL_ID", "example"),
        ("TARGET_LAUNCH_ROLES", "launcher"),
    ];
    let said = run(&sim, &[share.as_slice(), &roles].concat()).await;
    assert!(!said.log.contains("`iam-policy`"), "{}", said.log);
}

#[tokio::test(start_paused = true)]
async fn launch_of_image_that_is_not_there_is_not_known() {
    let sim = two_accounts();
    let inputs = [
        ("AMI_ID", "{plain}"),
        ("KMS_KEY_ID", "alias/golden"),
        ("TARGET_ACCOUNTS", B),
        ("MODE", "verify"),
    ];
    let said = run(&sim, &inputs).await;
    assert!(!said.log.contains("no obstacle found to"), "{}", said.log);
    assert!(
        !said.last().contains("no obstacle found"),
        "{}",
        said.last()
    );
    assert!(
        !said.summary.contains("| no obstacle found |"),
        "{}",
        said.summary
    );
}

#[tokio::test(start_paused = true)]
async fn access_that_was_given_and_taken_again_is_lost() {
    let sim = places::build_world();
    let said = run(
        &sim,
        &[OWN_COPY, &[("UNSHARE_AFTER_COPY", "true")]].concat(),
    )
    .await;
    assert_eq!(said.exit, Exit::Done, "{}", said.log);
    assert!(said.log.contains("\ncopying ami-"), "{}", said.log);
    said.check_last("made copies of 1 image in 1 target account in 1 Region");
    said.check_last("the temporary access to the source is revoked");
    assert!(!said.last().contains("shared "), "{}", said.last());
    // Nobody launches with the shared key any more.
    assert!(!said.last().contains("`iam-policy`"), "{}", said.last());
    assert!(
        !said.summary.contains("need to launch</summary>"),
        "{}",
        said.summary
    );
    assert!(
        !said.summary.contains("|got launch permission|"),
        "{}",
        said.summary
    );
    assert!(
        said.summary.contains("|lost launch permission|"),
        "{}",
        said.summary
    );
    assert!(
        !said.summary.contains("|got key access|"),
        "{}",
        said.summary
    );
    assert!(
        said.summary.contains("|lost key access|"),
        "{}",
        said.summary
    );
    for what in ["is written", "is removed"] {
        let record = said.log.lines().filter(|line| {
            line.starts_with("the record of temporary access") && line.ends_with(what)
        });
        assert_eq!(record.count(), 1, "{}", said.log);
    }
}

#[tokio::test(start_paused = true)]
async fn principal_that_keeps_a_key_is_shown_with_it() {
    let mut scenario = Scenario::two_accounts();
    let mut second = scenario.images[0].clone();
    "second".clone_into(&mut second.name);
    scenario.images.push(second);
    let sim = Sim::new(scenario, Options::default());
    let both = [("AMI_ID", "{golden} {second}"), ("TARGET_ACCOUNTS", B)];
    assert_eq!(run(&sim, &both).await.exit, Exit::Done);
    let one = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", B),
        ("MODE", "revoke"),
    ];
    for dry_run in ["true", "false"] {
        let said = run(&sim, &[one.as_slice(), &[("DRY_RUN", dry_run)]].concat()).await;
        assert!(said.log.contains("key.still-used"), "{}", said.log);
        let row = said
            .summary
            .lines()
            .skip_while(|line| !line.contains("| key access |"));
        let row = row.into_iter().nth(2).unwrap();
        assert!(row.contains(B), "{row}");
        assert!(
            dry_run == "true" || said.last().contains("keeps key access"),
            "{}",
            said.last()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn organization_that_has_access_is_somebody() {
    let sim = places::build_world();
    let organization = [
        ("AMI_ID", "{image-1}"),
        ("TARGET_ORGANIZATIONS", ORGANIZATION),
    ];
    assert_eq!(run(&sim, &organization).await.exit, Exit::Done);
    let copies = [
        ("AMI_ID", "{image-1}"),
        ("TARGET_ACCOUNTS", B),
        ("TARGET_ROLE", "consumer"),
        ("TARGET_EXTERNAL_ID", "example"),
        ("TARGET_KMS_KEY_ID", "alias/own-222222222222"),
        ("UNSHARE_AFTER_COPY", "true"),
    ];
    run(&sim, &copies).await;
    let said = run(&sim, &[copies.as_slice(), &[("DRY_RUN", "true")]].concat()).await;
    assert!(!said.log.contains("nobody"), "{}", said.log);
}

#[tokio::test(start_paused = true)]
async fn run_that_shared_nothing_says_so() {
    let sim = two_accounts();
    let error = json!({ "status": 400, "code": "AccessDeniedException", "message": "no" });
    let fault = json!({ "operation": "kms:PutKeyPolicy", "effect": { "error": error } });
    sim.fault(serde_json::from_value(fault).unwrap());
    let said = run(&sim, &[("AMI_ID", "{golden}"), ("TARGET_ACCOUNTS", B)]).await;
    assert_eq!(said.exit, Exit::Failed);
    said.check_last("this run shared no image");
    said.check_last("access.denied");
    said.check_last("Run again");
    assert!(!said.summary.contains("not everything"), "{}", said.summary);
}

#[tokio::test(start_paused = true)]
async fn same_error_in_many_accounts_is_one() {
    let sim = Sim::new(Scenario::with_targets(58), Options::default());
    let targets: Vec<String> = (0..58)
        .map(|n| format!("{:012}", 300_000_000_000_u64 + n))
        .collect();
    let targets = targets.join(" ");
    let inputs = [
        ("AMI_ID", "{golden}"),
        ("TARGET_ACCOUNTS", targets.as_str()),
        ("TARGET_ROLE", "consumer"),
    ];
    let said = run(&sim, &inputs).await;
    assert_eq!(said.exit, Exit::Failed);
    let errors = said.log.lines().filter(|line| line.starts_with("error: "));
    let errors: Vec<&str> = errors.collect();
    assert_eq!(errors.len(), 2, "{errors:#?}");
    assert!(errors[1].contains("the same 57 more times"), "{errors:#?}");
    assert_eq!(said.summary.matches("- **").count(), 1, "{}", said.summary);
    said.check_last("58 errors");
    said.check_last("58 accounts");
    // The likeliest cause is among those that are named.
    assert!(errors[0].contains("`target-external-id`"), "{errors:#?}");
}

#[tokio::test(start_paused = true)]
async fn deadline_names_the_account_of_what_was_awaited() {
    let sim = places::build_world_with(Options {
        copy_time: Duration::from_hours(1),
        ..Options::default()
    });
    let said = run(&sim, &[OWN_COPY, &[("TIMEOUT", "1m")]].concat()).await;
    assert_eq!(said.exit, Exit::Deadline, "{}", said.log);
    let error = said.log.lines().find(|line| line.starts_with("error: "));
    let error = error.unwrap();
    assert!(error.contains("account 222222222222"), "{error}");
    assert!(!error.contains(A), "{error}");
    said.check_last("deadline in 222222222222");
}

//! How else a run ends: each exit status, with a message that says what to do.

use std::time::{Duration, Instant};

use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn image_under_an_aws_managed_key_is_refused() {
    let stage = Stage::set(1).await;
    let run = stage.run_on_github(&[
        ("INPUT_AMI-ID", &stage.image("managed")),
        ("INPUT_TARGET-ACCOUNTS", B),
    ]);
    assert_eq!(run.status, 3);
    assert!(
        run.log.contains("::error title=key.aws-managed::"),
        "{}",
        run.log
    );
    assert!(run.log.contains("kms-key-id"));
    assert_eq!(run.outputs["changed"], "false");
    assert!(stage.changes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_of_a_refused_plan_is_exit_3() {
    let stage = Stage::set(1).await;
    let run = stage.run_on_github(&[
        ("INPUT_AMI-ID", &stage.image("managed")),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_DRY-RUN", "true"),
    ]);
    assert_eq!(run.status, 3);
    assert!(run.log.contains("the plan is refused"), "{}", run.log);
    assert!(stage.changes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_of_which_a_part_is_missing_is_exit_1() {
    let stage = Stage::set(1).await;
    let golden = stage.image("golden");
    let both = format!("{golden} ami-1a2b3c4d");
    let share = [
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
    ];
    assert_eq!(stage.run_on_github(&share).status, 0);
    let run = stage.run_on_github(&[
        ("INPUT_AMI-ID", &both),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_DRY-RUN", "true"),
    ]);
    assert_eq!(run.status, 1);
    let annotation = "::error title=image.not-found::";
    assert!(run.log.contains(annotation), "{}", run.log);
    assert!(run.summary.contains("image.not-found"), "{}", run.summary);
    assert!(run.outputs["report"].contains("image.not-found"));
    assert_eq!(run.outputs["changed"], "true", "nobody could look");
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_that_cannot_be_made_is_exit_1_with_a_remedy() {
    let stage = Stage::set(1).await;
    let golden = stage.image("golden");
    let table = [
        (
            vec![
                ("INPUT_AMI-ID", golden.as_str()),
                ("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN"),
            ],
            "credentials.invalid",
            "renew the credentials",
        ),
        (
            vec![
                ("INPUT_AMI-ID", golden.as_str()),
                ("INPUT_KMS-KEY-ID", "alias/none"),
            ],
            "key.not-found",
            "alias/none",
        ),
        (
            vec![
                ("INPUT_AMI-ID", golden.as_str()),
                ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ],
            "endpoint.unreachable",
            "AWS_ENDPOINT_URL",
        ),
        (
            vec![("INPUT_AMI-ID", "ami-1a2b3c4d")],
            "image.not-found",
            "ami-1a2b3c4d",
        ),
    ];
    for (mut inputs, code, remedy) in table {
        inputs.push(("INPUT_TARGET-ACCOUNTS", B));
        let run = stage.run_on_github(&inputs);
        assert_eq!(run.status, 1, "{}", run.log);
        assert!(
            run.log.contains(&format!("::error title={code}::")) && run.log.contains(remedy),
            "{}",
            run.log
        );
        assert_eq!(run.outputs["changed"], "false");
        assert!(run.outputs["report"].contains(code));
    }
    // No credentials at all.
    let mut command = stage.command(&[("INPUT_AMI-ID", &golden), ("INPUT_TARGET-ACCOUNTS", B)]);
    let output = command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .output()
        .unwrap();
    let run = stage.ended(output);
    assert_eq!(run.status, 1);
    assert!(run.log.contains("credentials.invalid"), "{}", run.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadline_is_exit_4_and_says_what_was_awaited() {
    let stage = Stage::set(3600).await;
    let run = stage.run_on_github(&[
        ("INPUT_AMI-ID", &stage.image("plain")),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_KMS-KEY-ID", "alias/golden"),
        ("INPUT_TIMEOUT", "2s"),
    ]);
    assert_eq!(run.status, 4, "{}", run.log);
    assert!(
        run.log.contains("to be available, as the copy of"),
        "{}",
        run.log
    );
    assert_eq!(run.outputs["changed"], "true");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn signal_ends_the_run_at_once_with_a_report() {
    for signal in ["-INT", "-TERM"] {
        let stage = Stage::set(3600).await;
        let child = stage.spawn_on_github(&[
            ("INPUT_AMI-ID", &stage.image("plain")),
            ("INPUT_TARGET-ACCOUNTS", B),
            ("INPUT_KMS-KEY-ID", "alias/golden"),
        ]);
        // A second poll after the copy shows that the run knows of it.
        let begun = Instant::now();
        let polls = |stage: &Stage| {
            let actions: Vec<String> = stage
                .sim
                .journal()
                .into_iter()
                .map(|entry| entry.action)
                .collect();
            let copied = actions.iter().position(|action| action == "ec2:CopyImage");
            copied.is_some_and(|at| {
                actions[at..]
                    .iter()
                    .filter(|action| *action == "ec2:DescribeSnapshots")
                    .count()
                    > 1
            })
        };
        while !polls(&stage) {
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "the copy never started"
            );
            tokio::task::yield_now().await;
        }
        let id = child.id().to_string();
        assert!(
            std::process::Command::new("kill")
                .args([signal, &id])
                .status()
                .unwrap()
                .success()
        );
        let run = stage.ended(child.wait_with_output().unwrap());
        assert_eq!(run.status, 130, "{}", run.log);
        let report: serde_json::Value = serde_json::from_str(&run.outputs["report"]).unwrap();
        assert_eq!(
            (&report["ended"], &report["changed"]),
            (&"cancelled".into(), &true.into())
        );
        assert!(report["images"][0]["image"].is_string(), "{report}");
        assert!(run.summary.contains("cancelled"));
    }
}

//! Shares, and what a step leaves behind.

use std::time::Duration;

use ami_share_sim::{Options, Scenario, Sim, Size};
use serde_json::{Value, json};

use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn share_leaves_its_outputs_and_a_second_run_changes_nothing() {
    let stage = Stage::set(1).await;
    let golden = stage.image("golden");
    let inputs = [
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
    ];
    let run = stage.run_on_github(&inputs);
    assert_eq!(run.status, 0, "{}", run.log);
    let names: Vec<&str> = run.outputs.keys().map(String::as_str).collect();
    let mut expected: Vec<&str> = ami_share_action::OUTPUTS
        .iter()
        .map(|(name, _)| *name)
        .collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    let parsed = |name: &str| serde_json::from_str::<Value>(&run.outputs[name]).unwrap();
    assert_eq!(
        (
            run.outputs["ami-id"].as_str(),
            run.outputs["changed"].as_str()
        ),
        (golden.as_str(), "true")
    );
    assert_eq!(parsed("ami-ids"), json!({ B: { "us-east-1": [golden] } }));
    assert_eq!(
        [&run.outputs["name"], &run.outputs["architecture"]],
        ["golden", "x86_64"]
    );
    let row = json!({
        "target": B,
        "region": "us-east-1",
        "ami-id": golden,
        "name": "golden",
        "architecture": "x86_64",
    });
    assert_eq!(parsed("matrix"), json!([row]));
    assert_eq!(
        [parsed("own-copies"), parsed("previous")],
        [json!({}), json!({})]
    );
    assert_eq!(run.outputs["markdown"].trim_end(), run.summary.trim_end());
    assert_eq!(run.outputs["kms-key-arn"], stage.sim.facts().keys["golden"]);
    assert_eq!(
        (&parsed("report")["version"], &parsed("report")["ended"]),
        (&json!(1), &json!("done"))
    );
    assert_eq!(parsed("key-policy-statements")[0]["Sid"], "AmiShareUse");
    assert_eq!(
        parsed("iam-policy")["Statement"][0]["Resource"][0],
        stage.sim.facts().keys["golden"].as_str()
    );
    assert!(
        run.summary.contains(&format!(
            "| us-east-1 | [<code>{golden}</code>](https://us-east-1.console.aws.amazon.com/ec2/\
             home?region=us-east-1#ImageDetails:imageId={golden}) | no | {B} | {B} | – | – |"
        )),
        "{}",
        run.summary
    );
    assert!(
        run.log
            .contains("Plan for account 111111111111 in us-east-1\n  ~ "),
        "{}",
        run.log
    );
    let before = stage.changes();
    let again = stage.run_on_github(&inputs);
    assert_eq!(
        (again.status, again.outputs["changed"].as_str()),
        (0, "false")
    );
    assert!(again.log.contains("already shared"));
    assert_eq!(stage.changes(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn run_without_github_writes_plain_lines_and_the_report() {
    let stage = Stage::set(4).await;
    let images = format!(
        "us-east-1:{},{}",
        stage.image("plain"),
        stage.image("managed")
    );
    let path = stage.path("report.json");
    let run = stage.run(&[
        ("INPUT_AMI_ID", &images),
        ("INPUT_TARGET_ACCOUNTS", B),
        ("INPUT_KMS_KEY_ID", "alias/golden"),
        ("INPUT_TAGS", "team=a\nstage=release"),
        ("INPUT_REPORT_PATH", path.to_str().unwrap()),
    ]);
    assert_eq!(run.status, 0, "{}", run.log);
    let commands = run
        .log
        .lines()
        .filter(|line| line.starts_with("::"))
        .count();
    assert_eq!(commands, 0, "{}", run.log);
    assert!(
        run.log.contains("waiting for ami-") && run.log.contains(" %, 2s so far"),
        "{}",
        run.log
    );
    let report: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(report["images"].as_array().unwrap().len(), 2);
    assert_eq!(report["images"][0]["copied"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_of_a_share_changes_nothing_and_does_not_wait() {
    let stage = Stage::set(3600).await;
    let golden = stage.image("golden");
    let inputs = [
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_DRY-RUN", "true"),
    ];
    let run = stage.run_on_github(&inputs);
    assert_eq!((run.status, run.outputs["changed"].as_str()), (0, "true"));
    assert!(
        run.log.contains(&format!(
            "+ launch permission of {golden} in us-east-1 for {B}"
        )),
        "{}",
        run.log
    );
    let run = stage.run_on_github(&[
        inputs[0],
        inputs[1],
        inputs[2],
        ("INPUT_UNLISTED", "revoke"),
    ]);
    assert!(
        run.log.contains("0 to remove") && !run.log.contains("nobody"),
        "{}",
        run.log
    );
    let building = stage.image("building");
    let run = stage.run_on_github(&[
        ("INPUT_AMI-ID", &building),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_DRY-RUN", "true"),
    ]);
    assert_eq!(run.status, 0);
    assert!(
        run.log.contains("::warning title=image.pending::"),
        "{}",
        run.log
    );
    assert!(stage.changes().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn dry_run_of_a_revoke_changes_nothing() {
    let stage = Stage::set(1).await;
    let golden = stage.image("golden");
    let share = [
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
    ];
    let revoke = [share[0], share[1], ("INPUT_MODE", "revoke")];
    let dry_run = [revoke[0], revoke[1], revoke[2], ("INPUT_DRY-RUN", "true")];
    let run = stage.run_on_github(&dry_run);
    assert_eq!((run.status, run.outputs["changed"].as_str()), (0, "false"));
    assert!(run.log.contains("nothing to revoke"), "{}", run.log);
    assert_eq!(stage.run_on_github(&share).status, 0);

    let before = stage.changes();
    let run = stage.run_on_github(&dry_run);
    assert_eq!((run.status, run.outputs["changed"].as_str()), (0, "true"));
    for line in [
        format!("- launch permission of {golden} in us-east-1 from {B}"),
        "Run without `dry-run` to carry it out".to_owned(),
    ] {
        assert!(run.log.contains(&line), "{line}: {}", run.log);
    }
    assert!(run.summary.contains("dry run, nothing was changed"));
    assert_eq!(stage.changes(), before);

    let run = stage.run_on_github(&revoke);
    assert_eq!((run.status, run.outputs["changed"].as_str()), (0, "true"));
    let again = stage.run_on_github(&revoke);
    assert_eq!(
        (again.status, again.outputs["changed"].as_str()),
        (0, "false")
    );
    assert!(again.log.contains("nothing to revoke"), "{}", again.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn unencrypted_image_needs_no_policy() {
    let stage = Stage::set(1).await;
    let run = stage.run_on_github(&[
        ("INPUT_AMI-ID", &stage.image("plain")),
        ("INPUT_TARGET-ACCOUNTS", B),
    ]);
    assert_eq!(run.status, 0, "{}", run.log);
    assert_eq!(
        (
            run.outputs["iam-policy"].as_str(),
            run.outputs["kms-key-arn"].as_str()
        ),
        ("", "")
    );
    assert_eq!(stage.changes(), ["ec2:ModifyImageAttribute"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn account_ids_are_masked_if_asked() {
    let stage = Stage::set(1).await;
    let golden = stage.image("golden");
    let inputs = [
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_MASK-ACCOUNT-IDS", "true"),
    ];
    let run = stage.run_on_github(&inputs);
    assert_eq!(run.status, 0, "{}", run.log);
    for account in [A, B] {
        assert_eq!(
            run.log.matches(account).count(),
            1,
            "only in its add-mask: {}",
            run.log
        );
        assert!(run.log.contains(&format!("::add-mask::{account}")));
    }
    // Where there is no plan, too.
    let missing = [("INPUT_AMI-ID", "ami-1a2b3c4d"), inputs[1], inputs[2]];
    let run = stage.run_on_github(&missing);
    assert_eq!(
        (run.status, run.log.matches(A).count()),
        (1, 1),
        "{}",
        run.log
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn target_that_copies_launches_its_own_copy() {
    let scenario = Scenario::generate(Size {
        accounts: 2,
        regions: 1,
        images: 1,
        snapshots: 1,
    })
    .unwrap();
    let stage = Stage::of(Sim::new(
        scenario,
        Options {
            copy_time: Duration::from_secs(1),
            ..Options::default()
        },
    ))
    .await;
    let shared = stage.image("image-1");
    let inputs = |dry_run| {
        [
            ("INPUT_DRY-RUN", dry_run),
            ("INPUT_AMI-ID", shared.as_str()),
            ("INPUT_TARGET-ACCOUNTS", B),
            ("INPUT_TARGET-ROLE", "consumer"),
            ("INPUT_TARGET-EXTERNAL-ID", "example"),
            ("INPUT_TARGET-KMS-KEY-ID", "alias/own-222222222222"),
            ("INPUT_UNSHARE-AFTER-COPY", "true"),
        ]
    };
    let run = stage.run_on_github(&inputs("false"));
    assert_eq!(run.status, 0, "{}", run.log);
    let own = stage.sim.edit(|world| {
        world
            .images
            .values()
            .find(|image| image.owner == B)
            .unwrap()
            .id
            .clone()
    });
    for run in [
        run,
        stage.run_on_github(&inputs("false")),
        stage.run_on_github(&inputs("true")),
    ] {
        for name in ["ami-ids", "own-copies"] {
            let listed: Value = serde_json::from_str(&run.outputs[name]).unwrap();
            let expected = json!({ B: { "us-east-1": [own] } });
            assert_eq!(listed, expected, "{name}: {}", run.log);
        }
        let rows: Value = serde_json::from_str(&run.outputs["matrix"]).unwrap();
        let (target, image) = (&rows[0]["target"], &rows[0]["ami-id"]);
        assert_eq!((target, image), (&json!(B), &json!(own)), "{rows}");
    }
}

/// More inputs of a run.
type Inputs = &'static [(&'static str, &'static str)];

#[tokio::test(flavor = "multi_thread")]
async fn ami_id_is_empty_unless_image_is_shared() {
    let stage = Stage::set(1).await;
    let golden = stage.image("golden");
    let table: [(Inputs, i32, bool); 8] = [
        (&[("INPUT_DRY-RUN", "true")], 0, false),
        (&[("INPUT_REQUIRE-IMAGE-TAGS", "approved=yes")], 3, false),
        (&[("INPUT_MODE", "verify")], 1, false),
        (&[], 0, true),
        (&[("INPUT_DRY-RUN", "true")], 0, true),
        (&[("INPUT_REQUIRE-IMAGE-TAGS", "approved=yes")], 3, false),
        (&[("INPUT_ALLOWED-ACCOUNT-IDS", B)], 3, false),
        (&[("INPUT_MODE", "revoke")], 0, false),
    ];
    for (more, status, is_shared) in table {
        let mut inputs = vec![
            ("INPUT_AMI-ID", golden.as_str()),
            ("INPUT_TARGET-ACCOUNTS", B),
        ];
        inputs.extend(more);
        let run = stage.run_on_github(&inputs);
        assert_eq!(run.status, status, "{more:?}: {}", run.log);
        let expected = if is_shared { golden.as_str() } else { "" };
        assert_eq!(run.outputs["ami-id"], expected, "{more:?}");
    }
}

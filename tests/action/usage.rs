//! Who uses an image, seen from outside: the table alone, and what it stops.

use ami_share_sim::world::Instance;
use serde_json::json;

use super::support::*;

/// B uses `golden`, which is shared with it.
async fn set_stage() -> (Stage, String) {
    let stage = Stage::set(1).await;
    let golden = stage.image("golden");
    let share = [
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
    ];
    assert_eq!(stage.run(&share).status, 0);
    use_golden(&stage, &golden, B, &["i-1", "i-2"]);
    (stage, golden)
}

/// Instances of an account run on an image.
fn use_golden(stage: &Stage, image: &str, account: &str, ids: &[&str]) {
    stage.sim.edit(|state| {
        for id in ids {
            let instance = Instance {
                id: (*id).to_owned(),
                image: image.to_owned(),
                owner: account.to_owned(),
                region: "us-east-1".to_owned(),
                state: "running",
                ..Instance::default()
            };
            state.instances.insert(instance.id.clone(), instance);
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_prints_the_table_alone_and_changes_nothing() {
    let (stage, golden) = set_stage().await;
    let before = stage.changes();
    let run = stage.run_on_github(&[("INPUT_AMI-ID", &golden), ("INPUT_MODE", "usage")]);
    assert_eq!(run.status, 0, "{}", run.log);
    let mut rows = run.log.lines().map(str::split_whitespace);
    let row: Vec<&str> = rows
        .find(|row| row.clone().next() == Some(golden.as_str()))
        .unwrap_or_else(|| panic!("{}", run.log))
        .collect();
    assert_eq!(row[1..5], ["us-east-1", B, "ec2:Instance", "2"]);
    for words in ["last 24 hours", "1 image looked at, 1 in use by 1 account"] {
        assert!(run.log.contains(words), "{words}: {}", run.log);
    }
    assert!(!run.log.contains("Plan for account"), "{}", run.log);
    assert!(
        run.summary.contains("| ec2:Instance | 2 |"),
        "{}",
        run.summary
    );
    let report: serde_json::Value = serde_json::from_str(&run.outputs["report"]).unwrap();
    assert_eq!(report["usage"][0]["accounts"][0]["count"], 2);
    assert_eq!(run.outputs["changed"], "false");
    assert_eq!(stage.changes(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_of_an_unused_image_says_so() {
    let stage = Stage::set(1).await;
    let plain = stage.image("plain");
    let masked = [
        ("INPUT_AMI-ID", plain.as_str()),
        ("INPUT_MODE", "usage"),
        ("INPUT_MASK-ACCOUNT-IDS", "true"),
    ];
    let run = stage.run(&masked);
    assert_eq!(run.status, 0, "{}", run.log);
    assert!(run.log.contains("in use by no account"), "{}", run.log);
    assert!(!run.log.contains(A), "{}", run.log);

    // Copies are looked for in other Regions, and no key is needed for that.
    let mut elsewhere = masked.to_vec();
    elsewhere.push(("INPUT_COPY-TO-REGIONS", "eu-west-1"));
    let run = stage.run(&elsewhere);
    assert_eq!(run.status, 0, "{}", run.log);
}

/// What could not be read is not said to be unused, and a report that is full hides others.
#[tokio::test(flavor = "multi_thread")]
async fn usage_claims_no_more_than_it_knows() {
    let (stage, golden) = set_stage().await;
    let usage = [("INPUT_AMI-ID", golden.as_str()), ("INPUT_MODE", "usage")];
    for number in 0..200_u64 {
        let account = format!("{number:012}");
        use_golden(&stage, &golden, &account, &[&format!("i-{number}")]);
    }
    let run = stage.run(&usage);
    assert_eq!(run.status, 0, "{}", run.log);
    let words = "at least 1 in use by at least 200 accounts";
    assert!(run.log.contains(words), "{}", run.log);

    let error = json!({ "status": 403, "code": "UnauthorizedOperation", "message": "no" });
    let operation = "ec2:DescribeImageUsageReportEntries";
    let fault = json!({ "operation": operation, "effect": { "error": error } });
    stage.sim.fault(serde_json::from_value(fault).unwrap());
    let run = stage.run(&usage);
    assert_eq!(run.status, 1, "{}", run.log);
    for words in ["none known to be in use", "not everything could be read"] {
        assert!(run.log.contains(words), "{words}: {}", run.log);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revoke_of_an_image_in_use_is_refused_unless_told_otherwise() {
    let (stage, golden) = set_stage().await;
    let before = stage.changes();
    let revoke = [
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_MODE", "revoke"),
    ];
    let run = stage.run_on_github(&revoke);
    assert_eq!(run.status, 3, "{}", run.log);
    assert!(run.log.contains("title=image.in-use::"), "{}", run.log);
    assert!(
        run.log.contains("222222222222 (2 instances)"),
        "{}",
        run.log
    );
    assert_eq!(stage.changes(), before);
    let mut told = revoke.to_vec();
    told.push(("INPUT_REVOKE-IN-USE", "true"));
    let run = stage.run_on_github(&told);
    assert_eq!(run.status, 0, "{}", run.log);
    assert!(stage.changes().len() > before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_that_do_not_fit_are_refused_before_aws_is_called() {
    let stage = Stage::set(1).await;
    let plain = stage.image("plain");
    let table: [(&str, &[(&str, &str)]); 4] = [
        (
            "dry-run: ",
            &[("INPUT_MODE", "usage"), ("INPUT_DRY-RUN", "true")],
        ),
        (
            "expect-plan: ",
            &[("INPUT_MODE", "usage"), ("INPUT_EXPECT-PLAN", "x")],
        ),
        ("revoke-in-use: ", &[("INPUT_REVOKE-IN-USE", "true")]),
        ("watermark: ", &[("INPUT_WATERMARK", "a:b")]),
    ];
    for (expected, more) in table {
        let mut inputs = vec![("INPUT_AMI-ID", plain.as_str())];
        inputs.push(("INPUT_TARGET-ACCOUNTS", B));
        inputs.extend(more);
        let run = stage.run(&inputs);
        assert_eq!(run.status, 2, "{expected}: {}", run.log);
        assert!(run.log.contains(expected), "{expected}: {}", run.log);
    }
    assert!(stage.sim.journal().is_empty());
}

/// A digest stands for a plan that a later run can carry out.
#[tokio::test(flavor = "multi_thread")]
async fn only_modes_that_change_something_have_a_digest() {
    let (stage, golden) = set_stage().await;
    for (mode, dry_run, has_digest) in [
        ("share", "true", true),
        ("share", "false", true),
        ("verify", "false", false),
        ("usage", "false", false),
        ("revoke", "true", true),
    ] {
        let path = stage.path("report.json");
        let mut inputs = vec![
            ("INPUT_AMI-ID", golden.as_str()),
            ("INPUT_MODE", mode),
            ("INPUT_DRY-RUN", dry_run),
            ("INPUT_REPORT-PATH", path.to_str().unwrap()),
            ("INPUT_REVOKE-IN-USE", "true"),
        ];
        inputs.retain(|(name, _)| *name != "INPUT_REVOKE-IN-USE" || mode == "revoke");
        if mode != "usage" {
            inputs.push(("INPUT_TARGET-ACCOUNTS", B));
        }
        let run = stage.run_on_github(&inputs);
        assert!(
            run.outputs.contains_key("plan-digest"),
            "{mode}: {}",
            run.log
        );
        assert_eq!(
            run.outputs["plan-digest"].starts_with("v1:"),
            has_digest,
            "{mode}"
        );
        assert_eq!(run.outputs["plan-digest"].is_empty(), !has_digest, "{mode}");
        let report = std::fs::read_to_string(&path).unwrap();
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let outputs = report["outputs"].as_object().unwrap();
        assert_eq!(outputs.contains_key("plan-digest"), has_digest, "{mode}");
    }
}

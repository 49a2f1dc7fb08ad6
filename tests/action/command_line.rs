//! The command line: every input is a flag, and a flag is what its variable is.

use std::cell::Cell;
use std::process::Command;

use ami_share_action::{Form, INPUTS};
use proptest::prelude::*;

use crate::support::*;

fn ami_share(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ami-share"));
    let output = command.args(arguments).env_clear().output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// The text without its line breaks, which depend on the width.
fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn help_lists_every_input_under_its_group() {
    for command in ["share", "revoke", "verify", ""] {
        let arguments: Vec<&str> = [command, "--help"]
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect();
        let (status, help, _) = ami_share(&arguments);
        assert_eq!(status, 0);
        assert!(
            help.lines().all(|line| line.chars().count() <= 100),
            "{help}"
        );
        assert!(help.lines().count() < 240, "{} lines", help.lines().count());
        assert_eq!(
            help.lines()
                .filter(|line| line.starts_with("  ami-share "))
                .count(),
            2,
            "two examples: {help}"
        );
        let mut headings = help.lines().filter_map(|line| line.strip_suffix(':'));
        let help = in_one_line(&help);
        let mut group = None;
        for input in INPUTS {
            if group.replace(input.group) != Some(input.group) {
                assert!(
                    headings.any(|heading| heading == input.group.title()),
                    "{help}"
                );
            }
            if input.name == "mode" && !command.is_empty() {
                assert!(!help.contains("--mode"), "the command is the mode: {help}");
                continue;
            }
            assert!(
                help.contains(&format!("--{}", input.name)),
                "{}",
                input.name
            );
            assert!(help.contains(&in_one_line(input.help)), "{}", input.name);
            for (word, value) in [("default", input.default), ("example", input.example)] {
                let text = in_one_line(&format!("[{word}: {value}]"));
                assert!(value.is_empty() || help.contains(&text), "{}", input.name);
            }
        }
    }
    let version = concat!("ami-share ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(
        ami_share(&["--version"]),
        (0, version.to_owned(), String::new())
    );
}

#[test]
fn wrong_arguments_are_bad_input_that_says_what_is_meant() {
    let table: &[(&[&str], &str)] = &[
        (&["--ami-id"], "a value is required for '--ami-id <LIST>'"),
        (&["share", "--ami-ids=x"], "'--ami-id'"),
        (&["share", "--kms-key", "alias/a"], "'--kms-key-id'"),
        (
            &["share", "--keep-shared=false"],
            "is now called `unshare-after-copy`",
        ),
        (&["shar"], "'share'"),
        (&["share", "ami-1a2b3c4d"], "unexpected argument"),
        (&["share", "--dry-run", "false"], "unexpected argument"),
        (&["share", "--mode=revoke"], "unexpected argument"),
        (
            &["share", "--timeout=1h", "--timeout=2h"],
            "cannot be used multiple times",
        ),
        // A variable of a shell that is not set.
        (&["share", "--expect-plan="], "`--expect-plan` has no value"),
        (
            &["share", "--dry-run=", "--ami-id=x"],
            "`--dry-run` has no value",
        ),
        (
            &["--allowed-account-ids", " "],
            "`--allowed-account-ids` has no value",
        ),
        (
            &["share", "--require-image-tags", ""],
            "`--require-image-tags` has no value",
        ),
        (
            &["revoke", "--exclude-accounts=", "--exclude-accounts= "],
            "`--exclude-accounts` has no value",
        ),
        (&["completions", "tcl"], "bash"),
        (&["share", "::error::x\n::error::y"], "\\::error::y"),
    ];
    for (arguments, expected) in table {
        let (status, out, error) = ami_share(arguments);
        assert_eq!((status, out.as_str()), (2, ""), "{arguments:?}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}

#[test]
fn completions_know_every_flag() {
    for shell in ["bash", "zsh", "fish"] {
        let (status, script, error) = ami_share(&["completions", shell]);
        assert_eq!((status, error.as_str()), (0, ""));
        for input in INPUTS {
            assert!(script.contains(input.name), "{shell}: {}", input.name);
        }
    }
}

/// A run of the binary with these inputs, each as a flag or as a variable.
fn plan(stage: &Stage, inputs: &[(&str, String)], as_flags: bool, replaced: bool) -> String {
    let mut command = stage.command(&[]);
    for (name, value) in inputs {
        let variable = format!("INPUT_{}", name.to_uppercase());
        if !as_flags {
            command.env(variable, value);
        } else if *name == "mode" {
            command.arg(value);
        }
    }
    for (name, value) in inputs
        .iter()
        .filter(|(name, _)| as_flags && *name != "mode")
    {
        // A flag wins over the variable, unless it is blank.
        if replaced && !value.trim().is_empty() {
            command.env(
                format!("INPUT_{}", name.to_uppercase().replace('-', "_")),
                "wrong",
            );
        }
        command.arg(format!("--{name}={value}"));
    }
    let output = command.output().unwrap();
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// Any value of an input, good or bad.
fn value(name: &'static str, form: Form, image: String) -> BoxedStrategy<String> {
    let words = prop::sample::select(vec![
        "",
        " ",
        "policy",
        "grants",
        "none",
        "direct",
        "via-ec2",
        "revoke",
        "keep",
        "auto",
        "45m",
        "90s",
        "alias/golden",
        "eu-west-1",
        "us-east-1=alias/golden",
        "a=b",
        "stage=x\nteam=y",
        "222222222222",
        "[\"222222222222\"]",
        "--yes",
        "x y",
        "{name}-{region}",
        "é",
        "1",
        "2h",
    ]);
    match (name, form) {
        ("mode", _) => prop::sample::select(vec!["share", "revoke", "verify"])
            .prop_map(str::to_owned)
            .boxed(),
        ("dry-run", _) => Just("true".to_owned()).boxed(),
        ("ami-id", _) => Just(image).boxed(),
        ("target-accounts", _) => Just(B.to_owned()).boxed(),
        (_, Form::Boolean) => prop::sample::select(vec!["true", "false", "maybe"])
            .prop_map(str::to_owned)
            .boxed(),
        // Blank, these are bad input as flags and unset as variables.
        ("allowed-account-ids" | "exclude-accounts" | "expect-plan" | "require-image-tags", _) => {
            words
                .prop_filter("blank", |word| !word.trim().is_empty())
                .prop_map(str::to_owned)
                .boxed()
        }
        _ => words.prop_map(str::to_owned).boxed(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inputs_make_the_same_run_as_flags_and_as_variables() {
    let stage = Stage::set(1).await;
    let image = stage.image("golden");
    let plans = Cell::new(0);
    let others: Vec<_> = INPUTS
        .iter()
        .filter(|input| {
            // Of a file there is one, and time is not part of a plan.
            !["report-path", "timeout", "settle", "poll-interval"].contains(&input.name)
        })
        .collect();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let needed = ["mode", "dry-run", "ami-id", "target-accounts"];
    let strategy = prop::sample::subsequence(others, 0..5).prop_flat_map(move |mut chosen| {
        for name in needed {
            if chosen.iter().all(|input| input.name != name) {
                chosen.extend(INPUTS.iter().find(|input| input.name == name));
            }
        }
        let values: Vec<_> = chosen
            .into_iter()
            .map(|input| {
                (
                    Just(input.name),
                    value(input.name, input.form, image.clone()),
                )
            })
            .collect();
        (values, any::<bool>())
    });
    runner
        .run(&strategy, |(inputs, replaced)| {
            let by_variables = plan(&stage, &inputs, false, false);
            let by_flags = plan(&stage, &inputs, true, replaced);
            plans.set(plans.get() + usize::from(by_variables.contains("Plan for account")));
            prop_assert_eq!(by_variables, by_flags);
            Ok(())
        })
        .unwrap();
    // About one in seven has one, as most random inputs are bad.
    assert!(plans.get() > 0, "no run had a plan");
    assert!(stage.changes().is_empty(), "{:?}", stage.changes());
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_the_report_and_nothing_else_on_standard_output() {
    let stage = Stage::set(1).await;
    let image = stage.image("golden");
    let mut command = stage.command(&[]);
    command.args(["share", "--json", "--dry-run", "--ami-id", &image]);
    let output = command.args(["--target-accounts", B]).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ended"], "done");
    assert_eq!(report["changed"], true);
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(log.contains("Plan for account"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn list_may_be_given_flag_by_flag() {
    let stage = Stage::set(1).await;
    let image = stage.image("golden");
    let mut command = stage.command(&[]);
    command.args(["share", "--dry-run", "--json", "--ami-id", &image]);
    for account in [B, "333333333333"] {
        command.args(["--target-accounts", account]);
    }
    let report: serde_json::Value =
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let targets = &report["plan"]["targets"];
    assert_eq!(targets, &serde_json::json!([B, "333333333333"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_go_to_standard_error_outside_github() {
    let stage = Stage::set(1).await;
    for on_github in [false, true] {
        let mut command = stage.command(&[("INPUT_AMI-ID", "ami-ffffffff")]);
        if on_github {
            command.env("GITHUB_ACTIONS", "true");
        }
        let output = command.env("INPUT_TARGET-ACCOUNTS", B).output().unwrap();
        let (out, errors) = (
            String::from_utf8(output.stdout).unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        );
        assert_eq!(
            errors.contains("image.not-found") || errors.contains("image.failed"),
            !on_github
        );
        let last = out.lines().last().unwrap();
        assert!(last.starts_with("ami-share: "), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_input_outside_github_is_bad_input() {
    let stage = Stage::set(1).await;
    let image = stage.image("golden");
    for name in ["INPUT_KMS_KEY", "INPUT_DRYRUN", "INPUT_ANYTHING"] {
        let inputs = [
            ("INPUT_AMI-ID", image.as_str()),
            ("INPUT_TARGET-ACCOUNTS", B),
            (name, "x"),
        ];
        assert_eq!(stage.run(&inputs).status, 2, "{name}");
    }
    assert!(stage.changes().is_empty());
}

#[cfg(target_os = "linux")]
mod terminal;

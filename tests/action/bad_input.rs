//! Wrong inputs: all of them are reported at once, and AWS is not called.

use std::ffi::OsString;
use std::path::PathBuf;

use ami_share_action::{Exit, Sinks};

use super::support::*;

#[tokio::test(flavor = "multi_thread")]
async fn problems_are_one_error_each_and_aws_is_not_called() {
    let stage = Stage::set(1).await;
    let tags: String = (0..51).map(|n| format!("k{n}=v\n")).collect();
    let run = stage.run_on_github(&[
        ("INPUT_MODE", "share!"),
        ("INPUT_AMI-ID", "ami-xyz"),
        ("INPUT_TARGET-ACCOUNTS", "11111111111 all"),
        ("INPUT_TIMEOUT", "soon"),
        ("INPUT_SETTLE", "1s"),
        ("INPUT_COPY-IMAGE-TAGS", "yes"),
        ("INPUT_COPY-NAME", "{nme}"),
        ("INPUT_TAGS", &tags),
        ("INPUT_REQUIRE-IMAGE-TAGS", "no equals"),
        ("INPUT_KMS-KEY-ID", "golden"),
        ("INPUT_KEY-SCOPE", "a"),
        ("INPUT_KEY_SCOPE", "b"),
        ("INPUT_TARGET-ACCOUNT", "222222222222"),
        ("INPUT_MAX-CONCURRENCY", "many"),
        ("INPUT_SOMEBODY-ELSES", "x"),
        ("AWS_REGION", ""),
    ]);
    assert_eq!(run.status, 2);
    assert!(stage.sim.journal().is_empty());
    // GitHub shows ten annotations of a kind: the last of them holds the rest, a line each.
    let annotations = run
        .log
        .lines()
        .filter_map(|line| line.strip_prefix("::error title=")?.split_once("::"));
    let annotations: Vec<(&str, &str)> = annotations.collect();
    assert_eq!(annotations.len(), 10, "{}", run.log);
    assert_eq!(annotations[9].0, "6 more");
    for (input, message) in &annotations[..9] {
        assert!(message.starts_with(&format!("{input}: ")), "{message}");
    }
    let messages = annotations
        .iter()
        .flat_map(|(_, message)| message.split("%0A"));
    let mut inputs: Vec<&str> = messages
        .map(|message| message.split_once(": ").unwrap().0)
        .collect();
    inputs.sort_unstable();
    let expected = [
        "ami-id",
        "aws-region",
        "copy-image-tags",
        "copy-name",
        "key-scope",
        "key-scope",
        "kms-key-id",
        "max-concurrency",
        "mode",
        "require-image-tags",
        "tags",
        "target-account",
        "target-accounts",
        "target-accounts",
        "timeout",
    ];
    assert_eq!(inputs, expected, "{}", run.log);
    assert_eq!(
        run.log
            .matches("::warning title=INPUT_SOMEBODY-ELSES::")
            .count(),
        1
    );
    for value in [
        "`share!`",
        "`ami-xyz`",
        "`11111111111`",
        "`all`",
        "`soon`",
        "`yes`",
        "`no equals`",
        "`golden`",
        "`many`",
    ] {
        assert!(run.log.contains(value), "{value} is not named: {}", run.log);
        let value = value.trim_matches('`').replace('!', "\\!");
        let code = format!("<code>{value}</code>");
        assert!(run.summary.contains(&code), "{code}: {}", run.summary);
    }
    let title = "### ami-share: bad input, 15 problems: AWS was not called\n";
    assert!(run.summary.starts_with(title), "{}", run.summary);
    let bullets = run.summary.lines();
    let bullets = bullets.filter_map(|line| line.strip_prefix("- **")?.split_once("** "));
    let mut inputs: Vec<&str> = bullets.map(|(input, _)| input).collect();
    inputs.sort_unstable();
    assert_eq!(inputs, expected, "{}", run.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn summary_of_wrong_inputs_leads_to_the_inputs_and_hides_accounts() {
    let stage = Stage::set(1).await;
    let run = stage.run_on_github(&[
        ("INPUT_AMI-ID", "<b>@team/x</b>"),
        ("INPUT_TARGET-ACCOUNTS", "222222222222:root"),
        ("INPUT_MASK-ACCOUNT-IDS", "true"),
        ("GITHUB_ACTION_REPOSITORY", "owner/ami-share"),
        ("GITHUB_ACTION_REF", "v1"),
    ]);
    assert_eq!(run.status, 2, "{}", run.log);
    let link = "[every input](https://github.com/owner/ami-share/blob/v1/README.md#inputs)";
    assert!(run.summary.contains(link), "{}", run.summary);
    for text in ["<b>", B] {
        assert!(!run.summary.contains(text), "{text}: {}", run.summary);
    }
    // Many problems are counted.
    let wrong: Vec<String> = (100..160).map(|n| n.to_string()).collect();
    let run = stage.run_on_github(&[("INPUT_TARGET-ACCOUNTS", &wrong.join(" "))]);
    let bullets = run.summary.matches("\n- **").count();
    assert_eq!(bullets, 50, "{}", run.summary);
    assert!(run.summary.contains("more problem"), "{}", run.summary);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_name_of_an_input_is_refused_with_the_new_one() {
    let stage = Stage::set(1).await;
    let run = stage.run_on_github(&[
        ("INPUT_AMI-ID", &stage.image("golden")),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_MODE", "plan"),
        ("INPUT_COPY_TAGS", "false"),
    ]);
    assert_eq!(run.status, 2);
    for message in [
        "mode: `plan` is now `dry-run: true`",
        "copy-tags: is now called `copy-image-tags`",
    ] {
        assert!(run.log.contains(message), "{message}: {}", run.log);
    }
    assert!(stage.sim.journal().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn report_path_that_cannot_be_written_is_refused_at_once() {
    let stage = Stage::set(1).await;
    let path = stage.path("no/such/folder/report.json");
    let golden = stage.image("golden");
    let inputs = [
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
        ("INPUT_REPORT-PATH", path.to_str().unwrap()),
    ];
    let run = stage.run_on_github(&inputs);
    assert_eq!(run.status, 2, "{}", run.log);
    assert!(run.log.contains("::error title=report-path::"));
    assert!(stage.sim.journal().is_empty());
}

/// Runs in process, for what a shell cannot pass on.
async fn run(env: Vec<(&str, OsString)>) -> (Exit, String) {
    let out = Shared::default();
    let sim = ami_share_sim::Sim::two_accounts(ami_share_sim::Options::default());
    let sinks = Sinks {
        aws: Some(sim.sdk_config(A)),
        ..Sinks::new(out.clone())
    };
    let exit = ami_share_action::run(
        env.into_iter().map(|(name, value)| (name.into(), value)),
        sinks,
    )
    .await;
    assert!(sim.journal().is_empty());
    (exit, out.text())
}

#[tokio::test]
async fn huge_value_is_an_error() {
    for input in ami_share_action::INPUTS {
        let name = format!("INPUT_{}", input.name.to_uppercase());
        let (exit, log) = run(vec![(&name, "x".repeat(1 << 20).into())]).await;
        assert_eq!(exit, Exit::BadInput, "{name}");
        assert!(
            log.len() < 2_000,
            "the log does not repeat the value: {} bytes",
            log.len()
        );
        assert!(log.contains(input.name), "{log}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn value_that_is_no_text_is_an_error() {
    use std::os::unix::ffi::OsStringExt as _;
    for input in ami_share_action::INPUTS {
        let name = format!("INPUT_{}", input.name.to_uppercase());
        let (exit, log) = run(vec![(&name, OsString::from_vec(vec![b'a', 0xff]))]).await;
        assert_eq!(exit, Exit::BadInput, "{name}");
        assert!(
            log.contains(&format!("{}: the value is not UTF-8 text", input.name)),
            "{log}"
        );
    }
    // A variable that is no input may hold anything.
    let odd = OsString::from_vec(vec![0xff, 0xfe]);
    let (exit, log) = run(vec![("OTHER", odd)]).await;
    assert_eq!(exit, Exit::BadInput);
    assert!(!log.contains("UTF-8"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_report_does_not_stay_and_no_link_or_pipe_is_written() {
    let stage = Stage::set(1).await;
    let (report, link, pipe) = (
        stage.path("report.json"),
        stage.path("link"),
        stage.path("pipe"),
    );
    std::fs::write(&report, "old").unwrap();
    std::os::unix::fs::symlink(&report, &link).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [&link, &pipe] {
        let run = stage.run(&[("INPUT_REPORT-PATH", path.to_str().unwrap())]);
        assert_eq!(run.status, 2, "{}", run.log);
        assert!(run.log.contains("report-path"), "{}", run.log);
    }
    let run = stage.run(&[("INPUT_PACKER-MANIFEST", pipe.to_str().unwrap())]);
    assert!(run.log.contains("no regular file"), "{}", run.log);
    assert_eq!(std::fs::read_to_string(&report).unwrap(), "old");
    // Other inputs are missing, and the old report goes all the same.
    let run = stage.run(&[("INPUT_REPORT-PATH", report.to_str().unwrap())]);
    assert_eq!(run.status, 2, "{}", run.log);
    assert!(!report.exists());
}

/// The next steps learn what was done from the outputs alone.
#[tokio::test(flavor = "multi_thread")]
async fn outputs_that_cannot_be_written_are_told_before_anything_is_done() {
    let stage = Stage::set(1).await;
    let golden = stage.image("golden");
    let inputs = [
        ("INPUT_AMI-ID", golden.as_str()),
        ("INPUT_TARGET-ACCOUNTS", B),
    ];
    let (folder, link) = (stage.path("folder"), stage.path("link"));
    std::fs::create_dir(&folder).unwrap();
    std::os::unix::fs::symlink(stage.path("output"), &link).unwrap();
    let none = folder.join("none/output");
    // Without a file, the run goes on, and says that nobody learns of it.
    for (path, status, told) in [
        (Some(none), 2, "::error title=GITHUB_OUTPUT::"),
        (Some(folder), 2, "::error title=GITHUB_OUTPUT::"),
        (Some(link), 2, "::error title=GITHUB_OUTPUT::"),
        (Some(PathBuf::new()), 0, "::warning title=GITHUB_OUTPUT::"),
        (None, 0, "::warning title=GITHUB_OUTPUT::"),
    ] {
        let mut env = inputs.to_vec();
        env.push(("GITHUB_ACTIONS", "true"));
        let file = path.as_ref().map(|path| path.to_str().unwrap());
        env.extend(file.map(|file| ("GITHUB_OUTPUT", file)));
        let run = stage.run(&env);
        assert_eq!(run.status, status, "{file:?}: {}", run.log);
        assert!(run.log.contains(told), "{file:?}: {}", run.log);
        let is_called = !stage.sim.journal().is_empty();
        assert_eq!(is_called, status == 0, "{file:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_that_nobody_reads_does_not_hold_the_run() {
    let stage = Stage::set(1).await;
    // Far more than a pipe holds.
    let wrong = "123 ".repeat(5_000);
    let env = [("INPUT_TARGET-ACCOUNTS", wrong.as_str())];
    let mut child = stage.command(&env).spawn().unwrap();
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap());
    assert_eq!(ended.await.unwrap().code(), Some(2));
}

/// A file of one megabyte can be wrong in as many places as it has lines.
#[tokio::test(flavor = "multi_thread")]
async fn many_problems_are_counted_and_one_cause_is_one_problem() {
    let stage = Stage::set(1).await;
    let mut unknown = "ami-id: ami-1a2b3c4d\n".to_owned();
    for number in 0..90_000 {
        unknown += &format!("k{number}: x\n");
    }
    let mut groups = "ami-id: ami-1a2b3c4d\ngroups:\n".to_owned();
    for number in 0..100 {
        groups +=
            &format!("- name: g{number}\n  target-accounts: [{B}]\n  tags: {{x: {number}}}\n");
    }
    for (file, problem, times, words) in [
        (unknown, "no such setting", 1_000, "89000 more"),
        (
            groups,
            "too, with another",
            1,
            "(so it is in 98 more groups)",
        ),
    ] {
        let path = stage.path("ami-share.yml").display().to_string();
        std::fs::write(&path, file).unwrap();
        let run = stage.run_on_github(&[("INPUT_CONFIG-FILE", &path), ("AWS_REGION", "us-east-1")]);
        assert_eq!(run.status, 2, "{}", run.log);
        assert_eq!(run.log.matches(problem).count(), times, "{words}");
        assert!(run.log.contains(words), "{words}");
        assert!(run.log.len() < 200_000, "{}", run.log.len());
    }
}

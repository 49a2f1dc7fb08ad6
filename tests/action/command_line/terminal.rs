//! At a terminal, which `script` gives to the program.

use std::io::Write as _;
use std::process::Stdio;

use super::*;

/// Runs the binary at a terminal, where somebody types this; the status and what is shown.
fn at_terminal(stage: &Stage, arguments: &str, typed: &str, ci: bool) -> (i32, String) {
    let binary = stage.command(&[]);
    let line = format!("{} {arguments}", binary.get_program().display());
    let mut command = Command::new("script");
    command
        .args([
            "--quiet",
            "--return",
            "--echo",
            "never",
            "--command",
            &line,
            "/dev/null",
        ])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm");
    for (name, value) in binary.get_envs() {
        if let Some(value) = value {
            command.env(name.to_string_lossy().replace('-', "_"), value);
        }
    }
    if ci {
        command.env("CI", "true");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(typed.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn person_at_a_terminal_is_asked_before_changes() {
    let stage = Stage::set(1).await;
    let image = stage.image("golden");
    let share = format!("share --ami-id {image} --target-accounts {B}");

    let (status, shown) = at_terminal(&stage, &share, "no\n", false);
    assert_eq!(status, 130, "{shown}");
    assert!(
        shown.contains("Do this?") && shown.contains("nothing was changed"),
        "{shown}"
    );
    assert!(stage.changes().is_empty());
    // Neither a dry run nor a CI is asked.
    let dry = format!("{share} --dry-run");
    let (status, shown) = at_terminal(&stage, &dry, "", false);
    assert!(status == 0 && !shown.contains("Do this?"), "{shown}");

    let (status, shown) = at_terminal(&stage, &share, "yes\n", false);
    assert_eq!(status, 0, "{shown}");
    assert!(!stage.changes().is_empty());
    // Nor is anybody if there is nothing to change.
    let (status, shown) = at_terminal(&stage, &share, "", false);
    assert!(status == 0 && !shown.contains("Do this?"), "{shown}");
}

/// A verification changes nothing, but instances cost something.
#[tokio::test(flavor = "multi_thread")]
async fn person_at_a_terminal_is_asked_before_instances_start() {
    let stage = Stage::set(1).await;
    let image = stage.image("golden");
    let share = format!("share --ami-id {image} --target-accounts {B} --yes");
    let (status, shown) = at_terminal(&stage, &share, "", false);
    assert_eq!(status, 0, "{shown}");

    let verify = format!(
        "verify --ami-id {image} --target-accounts {B} --target-role consumer \
                          --target-external-id example"
    );
    let (_, shown) = at_terminal(&stage, &verify, "", false);
    assert!(!shown.contains("Do this?"), "{shown}");
    let launch = format!("{verify} --verify launch");
    let (status, shown) = at_terminal(&stage, &launch, "no\n", false);
    assert_eq!(status, 130, "{shown}");
    assert!(shown.contains("starts a real instance"), "{shown}");
    let starts = || {
        let calls = stage.sim.journal().into_iter();
        calls
            .filter(|call| call.action == "ec2:RunInstances")
            .count()
    };
    assert_eq!(starts(), 0, "{shown}");
    let (_, shown) = at_terminal(&stage, &launch, "yes\n", false);
    assert!(starts() > 0, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_asked_in_ci_or_with_yes() {
    for (more, ci) in [("--yes", false), ("", true)] {
        let stage = Stage::set(1).await;
        let image = stage.image("golden");
        let share = format!("share --ami-id {image} --target-accounts {B} {more}");
        let (status, shown) = at_terminal(&stage, &share, "", ci);
        assert!(status == 0 && !shown.contains("Do this?"), "{shown}");
        assert!(!stage.changes().is_empty());
    }
}

/// How wide a terminal is that does not say.
const COLUMNS: usize = 80;

/// What a terminal shows after all of it was written, without the ends of full rows.
fn screen(written: &str) -> String {
    let mut rows: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut rest = written.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => row += 1,
            '\r' => column = 0,
            '\u{1b}' => {
                let (mut number, mut end) = (String::new(), None);
                for c in rest.by_ref() {
                    if c.is_ascii_alphabetic() {
                        end = Some(c);
                        break;
                    }
                    number.push(c);
                }
                let number = number.trim_start_matches('[');
                match end.unwrap_or_default() {
                    'A' => row -= number.parse::<usize>().unwrap_or(1).min(row),
                    'B' => row += number.parse::<usize>().unwrap_or(1),
                    'K' => rows[row].truncate(if number == "2" { 0 } else { column }),
                    'J' => {
                        rows.truncate(row + 1);
                        rows[row].truncate(column);
                    }
                    _ => {}
                }
            }
            c => {
                if column == COLUMNS {
                    (row, column) = (row + 1, 0);
                    rows.resize(rows.len().max(row + 1), Vec::new());
                }
                let line = &mut rows[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = c;
                column += 1;
            }
        }
        rows.resize(rows.len().max(row + 1), Vec::new());
    }
    let mut shown = String::new();
    for row in rows {
        shown.extend(&row);
        if row.len() < COLUMNS {
            shown.push('\n');
        }
    }
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_at_a_terminal_hides_no_line_and_leaves_nothing() {
    let stage = Stage::set(2).await;
    let images = format!("{} {}", stage.image("plain"), stage.image("managed"));
    let share =
        format!("share --ami-id '{images}' --kms-key-id alias/golden --target-accounts {B} --yes");
    let (status, written) = at_terminal(&stage, &share, "", false);
    assert_eq!(status, 0, "{written}");
    assert!(
        written.contains("[=") && written.contains(" %"),
        "{written}"
    );
    let shown = screen(&written);
    assert!(written.contains("copying to us-east-1"), "{written}");
    for words in [
        "copying ami-",
        "copied ami-",
        "confirmed: launch permission of",
    ] {
        assert_eq!(shown.matches(words).count(), 2, "{words}: {shown}");
    }
    for words in ["to be available", "copying to", "[="] {
        assert!(!shown.contains(words), "{words}: {shown}");
    }
}

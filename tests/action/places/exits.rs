//! One run in process, and everything that it wrote.

use std::ffi::OsString;

use ami_share::aws_config::SdkConfig;
use ami_share_action::{Exit, OUTPUTS, Sinks};

use super::markdown;
use super::payloads::{FORGED_ACCOUNT, MARK};
use super::runners::{foreign_commands, is_hidden};
use crate::support::*;

/// A name of an input, or of another variable, and its value.
pub(super) type Variable = (String, String);

/// How a run writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) on_github: bool,
    pub(super) masks_accounts: bool,
}

/// Every way that differs in what is written.
pub(super) const WAYS: [Way; 3] = [
    Way {
        on_github: true,
        masks_accounts: false,
    },
    Way {
        on_github: false,
        masks_accounts: true,
    },
    Way {
        on_github: true,
        masks_accounts: true,
    },
];

/// What a run wrote.
#[derive(Debug)]
pub(super) struct Exits {
    pub(super) exit: Exit,
    pub(super) log: String,
    pub(super) summary: String,
    pub(super) outputs: String,
    pub(super) report: String,
    way: Way,
}

pub(super) async fn run(config: SdkConfig, variables: &[Variable], way: Way) -> Exits {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut env = vec![
        ("AWS_REGION".to_owned(), "us-east-1".to_owned()),
        ("GITHUB_OUTPUT".to_owned(), path("outputs")),
        ("GITHUB_STEP_SUMMARY".to_owned(), path("summary")),
        ("INPUT_REPORT_PATH".to_owned(), path("report")),
        ("RUNNER_DEBUG".to_owned(), "1".to_owned()),
    ];
    if way.on_github {
        env.push(("GITHUB_ACTIONS".to_owned(), "true".to_owned()));
    }
    if way.masks_accounts {
        env.push(("INPUT_MASK_ACCOUNT_IDS".to_owned(), "true".to_owned()));
    }
    // What is given twice is given by the test.
    for variable in variables {
        env.retain(|(name, _)| *name != variable.0);
        env.push(variable.clone());
    }
    let log = Shared::default();
    let sinks = Sinks {
        aws: Some(config),
        ..Sinks::new(log.clone())
    };
    let env = env
        .into_iter()
        .map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let exit = ami_share_action::run(env, sinks).await;
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
    Exits {
        exit,
        log: log.text(),
        summary: read("summary"),
        outputs: read("outputs"),
        report: read("report"),
        way,
    }
}

impl Exits {
    /// The exits that have a text.
    pub(super) fn with(&self, text: &str) -> Vec<&'static str> {
        let all = [
            ("log", &self.log),
            ("summary", &self.summary),
            ("outputs", &self.outputs),
            ("report", &self.report),
        ];
        let with = all
            .into_iter()
            .filter(|(_, written)| written.contains(text));
        with.map(|(name, _)| name).collect()
    }

    /// Whether something that others wrote came out.
    pub(super) fn has_mark(&self) -> bool {
        !self.with(MARK).is_empty()
    }

    /// What somebody could take for a command, for Markdown or for an output of ours.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = markdown::problems(&self.summary);
        for command in foreign_commands(&self.log) {
            problems.push(format!("log: {command:?}"));
        }
        // Later steps print outputs and the report.
        for (exit, text) in [("outputs", &self.outputs), ("report", &self.report)] {
            for command in foreign_commands(text) {
                problems.push(format!("{exit}: {command:?}"));
            }
        }
        if self.log.lines().any(|line| line.chars().count() > 50_000) {
            problems.push("log: a line without an end".to_owned());
        }
        if self.summary.len() > 1 << 20 {
            problems.push(format!("summary: {} bytes", self.summary.len()));
        }
        problems.extend(self.problems_of_outputs());
        if self.way.masks_accounts {
            problems.extend(self.whole_account_ids());
        }
        problems
    }

    fn problems_of_outputs(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, value) in outputs(&self.outputs) {
            let is_json = serde_json::from_str::<serde_json::Value>(&value).is_ok();
            let may_be_empty = value.is_empty();
            let is_right = match name.as_str() {
                "ami-id" | "kms-key-arn" | "name" | "architecture" => !value.chars().any(is_hidden),
                "markdown" => {
                    problems.extend(markdown::problems(&value));
                    value.chars().count() <= 60_000
                }
                "plan-digest" => may_be_empty || value.parse::<ami_share::id::PlanDigest>().is_ok(),
                "iam-policy" => is_json || may_be_empty,
                _ => is_json,
            };
            if !is_right || OUTPUTS.iter().all(|(known, _)| *known != name) {
                problems.push(format!("output {name}: {value}"));
            }
        }
        let is_report = serde_json::from_str::<serde_json::Value>(&self.report).is_ok();
        if !self.report.is_empty() && !is_report {
            problems.push(format!("report: {}", self.report));
        }
        problems
    }

    /// Account IDs that are not masked; GitHub is told of some, and masks them itself.
    fn whole_account_ids(&self) -> Vec<String> {
        let markdown = outputs(&self.outputs).remove("markdown");
        let markdown = markdown.unwrap_or_default();
        let lines = self.log.lines().chain(self.summary.lines());
        let lines = lines.chain(markdown.lines());
        let lines = lines.filter(|line| !line.starts_with("::add-mask::"));
        let has_account = |line: &&str| [A, B, FORGED_ACCOUNT].iter().any(|id| line.contains(id));
        lines.filter(has_account).map(str::to_owned).collect()
    }
}

/// Runs each job in a thread with a paused clock of its own.
pub(super) fn in_threads<J: Send, T: Send>(
    jobs: Vec<J>,
    run: impl AsyncFn(J) -> T + Sync,
) -> Vec<T> {
    let run = &run;
    std::thread::scope(|scope| {
        let started: Vec<_> = jobs
            .into_iter()
            .map(|job| {
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread()
                        .enable_all()
                        .start_paused(true)
                        .build()
                        .unwrap();
                    runtime.block_on(run(job))
                })
            })
            .collect();
        started.into_iter().map(|job| job.join().unwrap()).collect()
    })
}

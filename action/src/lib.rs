//! The step of ami-share: inputs from the environment, a share, and what CI systems read of it.

mod exit;
mod help;
mod inputs;
mod output;
mod process;
mod runner;
mod settings;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use ami_share::aws_config::SdkConfig;
use futures::future::{self, BoxFuture, Either};

pub use exit::Exit;
pub use inputs::{INPUTS, Input};
use output::log::{Level, Log, Style};
use output::outcome::Outcome;
use output::summary;
pub use output::{OUTPUTS, report_schema};
pub use process::process;
use runner::StepRun;
use settings::Settings;

/// Where a run writes to, and what ends it.
pub struct Sinks {
    /// The log.
    pub out: Box<dyn Write + Send>,
    /// Whether somebody watches the log at a terminal: then progress is shown live.
    pub terminal: bool,
    /// Ends the run at once when it is ready.
    pub cancelled: BoxFuture<'static, ()>,
    /// The SDK's configuration; without one it is loaded from the process's environment.
    pub aws: Option<SdkConfig>,
}

impl std::fmt::Debug for Sinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sinks").finish_non_exhaustive()
    }
}

/// Runs the step with the inputs of `env`.
pub async fn run(env: impl IntoIterator<Item = (OsString, OsString)>, sinks: Sinks) -> Exit {
    let env: Vec<(OsString, OsString)> = env.into_iter().collect();
    let variable = |name: &str| {
        env.iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
            .filter(|value| !value.is_empty())
    };
    let style = if variable("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        Style::GitHub
    } else if sinks.terminal {
        Style::Terminal(variable("NO_COLOR").is_none())
    } else {
        Style::Plain
    };
    let log = Arc::new(Log::new(sinks.out, style));
    let Some(settings) = settings(&env, &log) else {
        return Exit::BadInput;
    };

    let config = match sinks.aws {
        Some(config) => config,
        None => ami_share::load_config().await,
    };
    let step = StepRun::new(Arc::clone(&log));
    let work = Box::pin(step.run(&settings, &config));
    let exit = match future::select(work, sinks.cancelled).await {
        Either::Left((exit, _)) => exit,
        Either::Right(((), _)) => {
            step.end();
            let message = "the run was told to stop; what is said above was done, and the next run \
                           goes on from there";
            log.annotate(Level::Error, "cancelled", message);
            Exit::Cancelled
        }
    };
    let files = Files {
        outputs: variable("GITHUB_OUTPUT").map(Path::new),
        summary: variable("GITHUB_STEP_SUMMARY").map(Path::new),
        report: settings.report_path.as_deref(),
    };
    let left = leave(&files, &step.outcome(), exit, &log);
    if left || exit != Exit::Done {
        exit
    } else {
        Exit::Failed
    }
}

/// Reads the inputs; every problem is one error.
fn settings(env: &[(OsString, OsString)], log: &Log) -> Option<Settings> {
    let read = inputs::read(env);
    for name in &read.unknown {
        log.annotate(
            Level::Warning,
            name,
            "this is no input of ami-share; it is left to whoever set it",
        );
    }
    let mut parsed = settings::parse(&read.raw, read.problems);
    if let Ok(settings) = &parsed
        && let Some(path) = &settings.report_path
        && let Err(error) = output::append(path)
    {
        let message = format!("`{}` cannot be written: {error}", path.display());
        parsed = Err(vec![inputs::Problem::new("report-path", message)]);
    }
    match parsed {
        Ok(settings) => {
            if settings.mask_account_ids {
                settings
                    .request
                    .targets()
                    .iter()
                    .for_each(|target| log.mask(&target.to_string()));
                log.annotate(
                    Level::Warning,
                    "mask-account-ids",
                    "GitHub blanks every output that holds a masked account ID",
                );
            }
            Some(settings)
        }
        Err(problems) => {
            let said = |problem: inputs::Problem| {
                let text = format!("{}: {}", problem.input, problem.message);
                (problem.input, text)
            };
            log.annotate_all(
                Level::Error,
                &problems.into_iter().map(said).collect::<Vec<_>>(),
            );
            None
        }
    }
}

struct Files<'a> {
    outputs: Option<&'a Path>,
    summary: Option<&'a Path>,
    report: Option<&'a Path>,
}

/// Writes what the step leaves behind; says whether all of it could be written.
fn leave(files: &Files<'_>, outcome: &Outcome, exit: Exit, log: &Log) -> bool {
    let report = output::report(outcome, exit);
    let written = [
        files.outputs.map(|path| {
            (
                path,
                output::write_outputs(path, &output::values(outcome, &report)),
            )
        }),
        files.summary.map(|path| {
            (
                path,
                output::write_summary(path, &summary::markdown(outcome, exit)),
            )
        }),
        files
            .report
            .map(|path| (path, output::write_report(path, &report))),
    ];
    let mut all = true;
    for (path, result) in written.into_iter().flatten() {
        if let Err(error) = result {
            all = false;
            let message = format!("{} could not be written: {error}", path.display());
            log.annotate(Level::Error, "output", &message);
        }
    }
    all
}

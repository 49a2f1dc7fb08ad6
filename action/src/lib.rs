//! The step of ami-share: inputs from the environment, a share, and what CI systems read of it.

mod aws_variables;
mod blank;
mod command_line;
mod exit;
mod files;
mod inputs;
mod output;
mod process;
mod runner;
mod settings;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ami_share::aws_config::SdkConfig;
use ami_share::{ShareRequest, Sharer};
use futures::FutureExt as _;
use futures::future::{self, BoxFuture, Either};
use tokio::time::{Instant, timeout};

use inputs::{Problem, variable};
use output::Files;
use output::ending::Ending;
use output::log::{Level, Log, Style};
use output::pages::Pages;
use runner::Runner;
use settings::Settings;

pub use blank::restart_without_blank_variables;
pub use exit::Exit;
pub use inputs::{Form, Group, INPUTS, Input};
pub use output::{OUTPUTS, report_schema};
pub use process::process;
pub use settings::config_file::schema as config_file_schema;

/// How long a run that was told to stop may still take to end its test instances before it writes
/// its files: CI systems give little more before they kill it.
const CANCEL_GRACE: Duration = Duration::from_secs(5);
/// How long it goes on afterwards, unless it is killed: AWS deletes no security group whose
/// instance is still shutting down, which takes a minute.
const CLEAN_UP_GRACE: Duration = Duration::from_mins(2);

/// Where GitHub reads the outputs of a step.
const OUTPUTS_FILE: &str = "GITHUB_OUTPUT";

/// The variables that name files which CI systems read: a report in one of them would be read as
/// something else.
const CI_FILES: [&str; 5] = [
    "GITHUB_ENV",
    OUTPUTS_FILE,
    "GITHUB_PATH",
    "GITHUB_STATE",
    "GITHUB_STEP_SUMMARY",
];

/// Where a run writes to, and what ends it.
pub struct Sinks {
    /// The log.
    pub out: Box<dyn Write + Send>,
    /// Where errors go outside GitHub; without it they are in the log as well.
    pub errors: Option<Box<dyn Write + Send>>,
    /// Where the report goes at the end, as JSON.
    pub report: Option<Box<dyn Write + Send>>,
    /// Whether somebody watches the log at a terminal: then progress is shown live.
    pub terminal: bool,
    /// Whether somebody agrees to what a plan changes, who is asked when this is awaited; without
    /// it nobody is asked.
    pub confirm: Option<BoxFuture<'static, bool>>,
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

impl Sinks {
    /// Writes the log here, and has the SDK's configuration from the process's environment.
    /// Nobody watches, nobody is asked, and nothing ends the run.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self {
            out: Box::new(out),
            errors: None,
            report: None,
            terminal: false,
            confirm: None,
            cancelled: future::pending().boxed(),
            aws: None,
        }
    }
}

/// Runs the step with the inputs of `env`.
pub async fn run(env: impl IntoIterator<Item = (OsString, OsString)>, sinks: Sinks) -> Exit {
    let began = Instant::now();
    let env: Vec<(OsString, OsString)> = env.into_iter().collect();
    let style = style_of(&env, sinks.terminal);
    let log = Arc::new(Log::new(sinks.out, sinks.errors, style));

    // Every problem of the inputs is reported before AWS is called.
    let problems = aws_variables::check(&env);
    let region = if sinks.aws.is_none() && problems.is_empty() {
        Box::pin(inputs::region_of_profile()).await
    } else {
        None
    };
    let settings = match read_settings(&env, region, problems, &log) {
        Ok(settings) => settings,
        Err(problems) => return end_with_problems(&env, &log, &problems),
    };
    mask_targets(&settings, sinks.report.is_some(), &log);
    let config = match load_config(sinks.aws).await {
        Ok(config) => config,
        Err(problem) => return end_with_problems(&env, &log, &[problem]),
    };
    let config = match &settings.role {
        Some(role) => role.configure(&config, &settings.request),
        None => config,
    };

    let runner = Runner::new(Arc::clone(&log), is_debugged(&env));
    let sharer = runner.build_sharer(&config);
    let work = Box::pin(runner.run(&settings, &sharer, sinks.confirm));
    let work = runner.traced(work);
    let (exit, cleaning_up) = match future::select(work, sinks.cancelled).await {
        Either::Left((exit, _)) => (exit, None),
        Either::Right(((), work)) => {
            drop(work);
            (Exit::Cancelled, cancel(&log, &runner, &sharer).await)
        }
    };

    // The files are written even of a run that was interrupted.
    let mut files = files_of(&env, &settings, sinks.report, began);
    let mut errors = files.write(&runner.outcome(), exit, settings.mode);
    if let Some(ending) = cleaning_up {
        ending.await;
        errors.extend(files.rewrite_report(&runner.outcome(), exit));
    }
    for error in &errors {
        log.annotate(Level::Error, "output", &format!("{error:#}"));
    }
    if runner.outcome().has_codes() {
        log.line(&format!("what each code means: {}", files.pages.findings()));
    }
    log.line(&Ending::of(&runner.outcome(), exit, settings.mode).line());
    if exit == Exit::Done && !errors.is_empty() {
        return Exit::Failed;
    }
    exit
}

/// Ends a run that was told to stop; returns what is still under way if that takes longer than the
/// files can wait.
async fn cancel<'a>(log: &Log, runner: &Runner, sharer: &'a Sharer) -> Option<BoxFuture<'a, ()>> {
    runner.cut_events_off();
    let mut ending = runner
        .traced(sharer.end_test_launches(CLEAN_UP_GRACE))
        .boxed();
    let is_ended = timeout(CANCEL_GRACE, &mut ending).await.is_ok();
    let message = "the run was told to stop; the log says what was done until then, and the next \
                   run continues from there";
    log.annotate(Level::Error, "cancelled", message);
    (!is_ended).then_some(ending)
}

fn style_of(env: &[(OsString, OsString)], terminal: bool) -> Style {
    if variable(env, "GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        Style::GitHub
    } else if terminal {
        Style::Terminal(variable(env, "NO_COLOR").is_none())
    } else {
        Style::Plain
    }
}

/// Whether the log shall have each call to AWS: GitHub sets the variable for a job that is run
/// again "with debug logging".
fn is_debugged(env: &[(OsString, OsString)]) -> bool {
    variable(env, "RUNNER_DEBUG").is_some_and(|value| value == "1")
}

/// The SDK's configuration.
async fn load_config(given: Option<SdkConfig>) -> Result<SdkConfig, Problem> {
    if let Some(config) = given {
        return Ok(config);
    }
    let loaded = Box::pin(ami_share::load_config()).await;
    loaded.map_err(|error| Problem::new(error.name, error.reason))
}

fn files_of<'a>(
    env: &'a [(OsString, OsString)],
    settings: &'a Settings,
    printed: Option<Box<dyn Write + Send>>,
    began: Instant,
) -> Files<'a> {
    Files {
        outputs: variable(env, OUTPUTS_FILE).map(Path::new),
        summary: variable(env, "GITHUB_STEP_SUMMARY").map(Path::new),
        report: settings.report_path.as_deref(),
        printed,
        masks_accounts: settings.mask_account_ids,
        began,
        pages: pages(env),
    }
}

fn pages(env: &[(OsString, OsString)]) -> Pages {
    Pages::of(|name| variable(env, name)?.to_str())
}

/// Reads the inputs, and makes sure that the report can be written. `region` is the one of AMIs if
/// neither an input nor a variable names one.
fn read_settings(
    env: &[(OsString, OsString)],
    region: Option<String>,
    mut problems: Vec<Problem>,
    log: &Log,
) -> Result<Settings, Vec<Problem>> {
    let mut read = inputs::read(env);
    read.raw.aws_region = read.raw.aws_region.or(region);
    // Before anything of the inputs is written. A word that is no choice may mean `true`.
    let masks_accounts = read.raw.mask_account_ids().text;
    if masks_accounts.is_some_and(|choice| choice != "false") {
        log.mask_account_ids();
    }
    for name in &read.unknown {
        let message = "not an input of ami-share, so it is ignored";
        log.annotate(Level::Warning, name, message);
    }
    problems.extend(read.problems);
    if let Some(path) = &read.raw.report_path {
        for name in CI_FILES {
            if variable(env, name).is_some_and(|file| file == path.as_str()) {
                let message = format!("`{path}` is the file of {name}: give another one");
                return Err(vec![Problem::new("report-path", message)]);
            }
        }
    }
    // An old report must not stay to be read as this run's, even if an input is wrong.
    if let Some(path) = &read.raw.report_path
        && let Err(error) = files::prepare(path.as_ref())
    {
        problems.push(Problem::new("report-path", format!("{error:#}")));
    }
    // The next steps know of this one by its outputs alone.
    match variable(env, OUTPUTS_FILE) {
        Some(path) => {
            if let Err(error) = files::check_appendable(path.as_ref()) {
                problems.push(Problem::new(OUTPUTS_FILE, format!("{error:#}")));
            }
        }
        None if variable(env, "GITHUB_ACTIONS").is_some() => {
            let message = "is not set, so this step has no outputs: a container must pass it on, \
                           with its file";
            log.annotate(Level::Warning, OUTPUTS_FILE, message);
        }
        None => {}
    }
    settings::parse(&read.raw, problems)
}

/// A file of a megabyte can be wrong in a hundred thousand places, and nobody reads them all.
const MOST_PROBLEMS: usize = 1_000;

/// Writes to the log and the summary what is wrong with the inputs.
fn end_with_problems(env: &[(OsString, OsString)], log: &Log, problems: &[Problem]) -> Exit {
    let ending = Ending::of_bad_input(problems.len());
    let mut messages = Vec::new();
    for Problem { input, message } in problems.iter().take(MOST_PROBLEMS) {
        messages.push((input.clone(), format!("{input}: {message}")));
    }
    log.annotate_all(Level::Error, &messages);
    if let Some(rest @ 1..) = problems.len().checked_sub(MOST_PROBLEMS) {
        log.line(&format!("and {rest} more: mend these first"));
    }
    if let Some(path) = variable(env, "GITHUB_STEP_SUMMARY").map(Path::new) {
        let masks_accounts = log.masks_account_ids();
        let written = output::write_bad_input(path, problems, &pages(env), masks_accounts);
        if let Err(error) = written {
            log.annotate(Level::Error, "output", &format!("{error:#}"));
        }
    }
    log.line(&ending.line());
    Exit::BadInput
}

/// Has GitHub hide the targets' account IDs in later steps, if account IDs are hidden.
fn mask_targets(settings: &Settings, prints_report: bool, log: &Log) {
    if !settings.mask_account_ids {
        return;
    }
    let requests = settings.requests().into_iter();
    for target in requests.flat_map(ShareRequest::targets) {
        if let Some(account) = target.account() {
            log.mask_in_later_steps(account.as_ref());
        }
    }
    let message = "GitHub blanks every output that holds a masked account ID";
    log.annotate(Level::Warning, "mask-account-ids", message);
    if prints_report {
        let message = "the report of `--json` has account IDs in clear: keep standard output out \
                       of logs, such as by `> report.json`";
        log.annotate(Level::Warning, "mask-account-ids", message);
    }
}

#[cfg(test)]
#[path = "../../tests/fuzz/action.rs"]
mod fuzz;

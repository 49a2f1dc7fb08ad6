//! The step of ami-share: inputs from the environment, a share, and what CI systems read of it.

mod command;
mod input;
mod output;
mod process;
mod render;
mod settings;

use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use ami_share::aws_config::SdkConfig;
use ami_share::{Code, Error, Event, EventSink as _, Plan, Report, Sharer};
use futures::future::{self, BoxFuture, Either};

use command::{Level, Log, Style};
pub use input::{INPUTS, Input};
pub use output::OUTPUTS;
use settings::{Mode, Settings};

/// Where a run writes to, and what ends it.
pub struct Sinks {
    /// The log.
    pub out: Box<dyn Write + Send>,
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

/// How a run ended; the number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All was done.
    Done = 0,
    /// A step failed.
    Failed = 1,
    /// An input is wrong; AWS was not called.
    BadInput = 2,
    /// The plan refuses.
    Refused = 3,
    /// The deadline passed.
    Deadline = 4,
    /// It was told to stop.
    Cancelled = 130,
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
    let lines = render::Lines::new(Arc::clone(&log));
    let told = Arc::new(Told {
        report: Mutex::default(),
        lines,
    });
    let work = Box::pin(execute(&settings, &config, &log, &told));
    let (exit, applied) = match future::select(work, sinks.cancelled).await {
        Either::Left((ended, _)) => ended,
        Either::Right(((), _)) => {
            log.annotate(
                Level::Error,
                "cancelled",
                "the run was told to stop; what is said above was done, and the next run goes on from there",
            );
            (Exit::Cancelled, true)
        }
    };
    let Some(report) = told.report() else {
        return exit;
    };
    let files = Files {
        outputs: variable("GITHUB_OUTPUT").map(Path::new),
        summary: variable("GITHUB_STEP_SUMMARY").map(Path::new),
        report: settings.report_path.as_deref(),
    };
    if leave(&files, &report, applied, &log) || exit != Exit::Done {
        exit
    } else {
        Exit::Failed
    }
}

/// What the events told so far, so that a run that is cut off can be reported.
struct Told {
    report: Mutex<Option<Report>>,
    lines: render::Lines,
}

impl Told {
    fn report(&self) -> Option<Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn event(&self, event: &Event) {
        if let Some(report) = self.report.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            report.record(event);
        }
        self.lines.event(event);
    }

    fn begin(&self, report: Report) {
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
    }
}

/// Reads the inputs; every problem is one error.
fn settings(env: &[(OsString, OsString)], log: &Log) -> Option<Settings> {
    let read = input::read(env);
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
        parsed = Err(vec![input::Problem::new("report-path", message)]);
    }
    match parsed {
        Ok(settings) => {
            if settings.mask_account_ids {
                settings
                    .request
                    .targets()
                    .iter()
                    .for_each(|account| log.mask(account.as_ref()));
                log.annotate(
                    Level::Warning,
                    "mask-account-ids",
                    "GitHub blanks every output that holds a masked account ID",
                );
            }
            Some(settings)
        }
        Err(problems) => {
            for problem in problems {
                log.annotate(
                    Level::Error,
                    &problem.input,
                    &format!("{}: {}", problem.input, problem.message),
                );
            }
            None
        }
    }
}

/// Plans, and in `mode: share` carries the plan out. Says whether it did the latter.
async fn execute(settings: &Settings, config: &SdkConfig, log: &Log, told: &Arc<Told>) -> (Exit, bool) {
    let sink = Arc::clone(told);
    let sharer = Sharer::new(config).with_events(move |event: &Event| sink.event(event));
    let planned = match settings.mode {
        Mode::Share => sharer.plan(&settings.request).await,
        Mode::Plan => sharer.preview(&settings.request).await,
    };
    match planned {
        Ok(plan) => carry_out(settings, &sharer, &plan, log, told).await,
        Err(errors) => {
            for error in &errors {
                log.annotate(Level::Error, error.code.as_str(), &error.to_string());
            }
            (failed(errors.iter()), false)
        }
    }
}

async fn carry_out(settings: &Settings, sharer: &Sharer, plan: &Plan, log: &Log, told: &Told) -> (Exit, bool) {
    if settings.mask_account_ids {
        log.mask(plan.account.as_ref());
    }
    log.group(
        &format!("Plan for account {} in {}", plan.account, plan.region),
        &render::plan(plan),
    );
    plan.findings.iter().for_each(|finding| render::finding(log, finding));
    let refused = plan.refusals().next().is_some();
    if refused || settings.mode == Mode::Plan {
        told.begin(Report::of_plan(plan));
        log.line(if plan.changes() {
            "this plan would change something"
        } else {
            "nothing would be changed"
        });
        return (if refused { Exit::Refused } else { Exit::Done }, false);
    }
    told.begin(Report::begin(plan));
    match sharer.apply(plan).await {
        Ok(report) => {
            log.line(if report.changed {
                "shared"
            } else {
                "already shared: nothing was changed"
            });
            (Exit::Done, true)
        }
        Err(incomplete) => (failed(incomplete.report.errors.iter()), true),
    }
}

fn failed<'a>(mut errors: impl Iterator<Item = &'a Error>) -> Exit {
    if errors.any(|error| error.code == Code::Deadline) {
        Exit::Deadline
    } else {
        Exit::Failed
    }
}

struct Files<'a> {
    outputs: Option<&'a Path>,
    summary: Option<&'a Path>,
    report: Option<&'a Path>,
}

/// Writes what the step leaves behind; says whether all of it could be written.
fn leave(files: &Files<'_>, report: &Report, applied: bool, log: &Log) -> bool {
    let written = [
        files
            .outputs
            .map(|path| (path, output::write_outputs(path, &output::values(report)))),
        files
            .summary
            .map(|path| (path, output::write_summary(path, &render::summary(report, applied)))),
        files.report.map(|path| (path, output::write_report(path, report))),
    ];
    let mut all = true;
    for (path, result) in written.into_iter().flatten() {
        if let Err(error) = result {
            all = false;
            log.annotate(
                Level::Error,
                "output",
                &format!("{} could not be written: {error}", path.display()),
            );
        }
    }
    all
}

/// What `--help` and `--version` print; nothing where the arguments ask for a run.
///
/// # Errors
/// Where an argument is unknown: inputs come from the environment.
pub fn answer(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<String>, String> {
    let arguments: Vec<String> = arguments
        .into_iter()
        .skip(1)
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    match arguments.first().map(String::as_str) {
        None => Ok(None),
        Some("--version" | "-V") => Ok(Some(format!("ami-share-action {}", env!("CARGO_PKG_VERSION")))),
        Some("--help" | "-h") => Ok(Some(help())),
        Some(other) => Err(format!(
            "`{other}` is not an argument: inputs come from the environment, see --help"
        )),
    }
}

fn help() -> String {
    let mut text = "Shares encrypted AMIs with other AWS accounts.\n\nEach input is the environment variable INPUT_<NAME>, in capitals, with `-` or `_`:\n".to_owned();
    for Input { name, default, help } in INPUTS {
        let default = if default.is_empty() {
            String::new()
        } else {
            format!(" [default: {default}]")
        };
        text.push_str(&format!("\n  {name}{default}\n      {help}\n"));
    }
    text.push_str(
        "\nExit status: 0 done; 1 a step failed; 2 bad input; 3 the plan refuses; 4 deadline; 130 cancelled.",
    );
    text
}

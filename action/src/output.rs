//! Everything that a run writes: the log while it runs, and the outputs, the step summary and the
//! report at its end.

pub(crate) mod calls;
mod diagram;
pub(crate) mod ending;
pub(crate) mod events;
mod harmless_json;
mod image_steps;
pub(crate) mod key_name;
pub(crate) mod kinds;
pub(crate) mod log;
pub(crate) mod outcome;
pub(crate) mod pages;
pub(crate) mod plan_text;
mod principal_name;
mod progress;
mod report;
mod retirement;
mod summary;
pub(crate) mod text;
pub(crate) mod usage;
mod values;
pub(crate) mod verification;
mod waits;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use rand::Rng as _;
use rand::distributions::Alphanumeric;
use tokio::time::Instant;

use self::harmless_json::HarmlessJson;
use self::outcome::Outcome;
use self::pages::Pages;
use self::summary::About;
use crate::exit::Exit;
use crate::files;
use crate::inputs::Problem;
use crate::settings::Mode;

pub use report::report_schema;
pub use values::OUTPUTS;

/// The longest comment of a pull request, in characters. GitHub takes some more, so that a workflow
/// can add to it.
const LONGEST_COMMENT: usize = 60_000;

/// The files that a run writes at its end.
pub(crate) struct Files<'a> {
    /// Where GitHub reads the outputs.
    pub(crate) outputs: Option<&'a Path>,
    /// Where GitHub reads the step summary.
    pub(crate) summary: Option<&'a Path>,
    /// The report that the user asked for, as a file.
    pub(crate) report: Option<&'a Path>,
    /// Where the report is printed.
    pub(crate) printed: Option<Box<dyn Write + Send>>,
    /// Whether the summary hides account IDs; outputs and the report never do.
    pub(crate) masks_accounts: bool,
    /// When the run began.
    pub(crate) began: Instant,
    /// What the summary links to.
    pub(crate) pages: Pages,
}

impl Files<'_> {
    /// Writes every file, and returns why some could not be written.
    pub(crate) fn write(
        &mut self,
        outcome: &Outcome,
        exit: Exit,
        mode: Mode,
    ) -> Vec<anyhow::Error> {
        let about = About {
            took: self.began.elapsed(),
            pages: &self.pages,
        };
        let summary = summary::markdown(outcome, exit, mode, &about);
        let comment = summary.short_text(self.masks_accounts, LONGEST_COMMENT);
        let (mut values, report) = values_and_report(outcome, exit, comment);
        let whole_reports = [
            self.report.map(|path| write_report(path, &report)),
            self.printed.take().map(|out| print_report(out, &report)),
        ];
        // The report of a thousand targets is large, so it is shortened in place.
        values.push(("report", values::report(report)));
        let results = [
            self.outputs.map(|path| write_outputs(path, &values)),
            self.summary
                .map(|path| files::append(path, &summary.whole_text(self.masks_accounts))),
        ];
        let results = results.into_iter().chain(whole_reports);
        results.flatten().filter_map(Result::err).collect()
    }

    /// Writes the report anew, of a run that went on after its end. The other files only grow.
    pub(crate) fn rewrite_report(&self, outcome: &Outcome, exit: Exit) -> Option<anyhow::Error> {
        let (_, report) = values_and_report(outcome, exit, String::new());
        self.report
            .and_then(|path| write_report(path, &report).err())
    }
}

/// Writes the summary of a run whose inputs are wrong.
pub(crate) fn write_bad_input(
    path: &Path,
    problems: &[Problem],
    pages: &Pages,
    masks_accounts: bool,
) -> anyhow::Result<()> {
    let summary = summary::bad_input(problems, pages);
    files::append(path, &summary.whole_text(masks_accounts))
}

/// The outputs but the report, and the report as a file, which has them too.
fn values_and_report(
    outcome: &Outcome,
    exit: Exit,
    comment: String,
) -> (Vec<(&'static str, String)>, report::Members) {
    let mut report = report::members(outcome, exit);
    let values = values::of(outcome, comment);
    report.insert(values::OF_REPORT.to_owned(), values::in_report(&values));
    (values, report)
}

fn write_outputs(path: &Path, values: &[(&'static str, String)]) -> anyhow::Result<()> {
    let mut text = String::new();
    for (name, value) in values {
        // A delimiter that no value can know, or a value could end itself and begin another output.
        let delimiter: String = rand::thread_rng()
            .sample_iter(Alphanumeric)
            .take(32)
            .map(char::from)
            .collect();
        text += &format!("{name}<<{delimiter}\n{value}\n{delimiter}\n");
    }
    files::append(path, &text)
}

fn write_report(path: &Path, report: &report::Members) -> anyhow::Result<()> {
    files::replace(path, |file| write_json(file, report))
}

fn print_report(mut out: Box<dyn Write + Send>, report: &report::Members) -> anyhow::Result<()> {
    write_json(&mut out, report)?;
    Ok(out.flush()?)
}

fn write_json(out: &mut dyn Write, report: &report::Members) -> io::Result<()> {
    let mut out = HarmlessJson::new(BufWriter::new(out));
    serde_json::to_writer_pretty(&mut out, report)?;
    out.write_all(b"\n")?;
    out.flush()
}

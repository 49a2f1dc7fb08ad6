//! Live progress at a terminal: a line for each thing that is awaited, below the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ami_share::Waiting;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// The bars; without a terminal there are none.
pub(crate) struct Bars {
    all: Option<MultiProgress>,
    of: Mutex<BTreeMap<String, ProgressBar>>,
}

impl Bars {
    pub(crate) fn new(terminal: bool) -> Self {
        Self { all: terminal.then(MultiProgress::new), of: Mutex::default() }
    }

    /// Shows how far something is; says whether there is anything to show it on.
    pub(crate) fn show(&self, resource: &str, what: &str, waiting: &Waiting) -> bool {
        let Some(all) = &self.all else { return false };
        let mut bars = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bars.entry(resource.to_owned()).or_insert_with(|| all.add(new(waiting.percent.is_some())));
        bar.set_message(format!("{resource} {what}"));
        bar.set_position(waiting.percent.unwrap_or_default().into());
        // The SDK's calls and our pauses leave the terminal alone for seconds; the clock on the line must go on.
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        true
    }

    /// Takes away the lines of what a line of the log says has come.
    pub(crate) fn done(&self, line: &str) {
        let mut bars = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        bars.retain(|resource, bar| {
            let done = line.contains(resource.as_str());
            if done {
                bar.finish_and_clear();
            }
            !done
        });
    }

    /// Takes all of them away.
    pub(crate) fn clear(&self) {
        let mut bars = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *bars).into_values().for_each(|bar| bar.finish_and_clear());
    }

    /// Writes to the log, above the lines.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        match &self.all {
            Some(all) => all.suspend(write),
            None => write(),
        }
    }
}

fn new(measured: bool) -> ProgressBar {
    let template = if measured {
        "{spinner} [{bar:24}] {pos:>3} % {elapsed} {wide_msg}"
    } else {
        "{spinner} {elapsed} {wide_msg}"
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(100).with_style(style.progress_chars("=> "))
}

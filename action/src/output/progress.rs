//! Live progress at a terminal: a line for each thing that is awaited, below the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ami_share::report::Waiting;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// So many lines are shown; whatever else is awaited is counted.
const MOST: usize = 8;

/// The bars; without a terminal that can show them there are none.
pub(crate) struct Bars {
    all: Option<MultiProgress>,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    bars: BTreeMap<String, ProgressBar>,
    /// What is awaited and has no line, and the line that counts it.
    more: BTreeSet<String>,
    count: Option<ProgressBar>,
}

impl Bars {
    pub(crate) fn new(terminal: bool) -> Self {
        let all = terminal
            .then(MultiProgress::new)
            .filter(|all| !all.is_hidden());
        Self {
            all,
            shown: Mutex::default(),
        }
    }

    /// Shows how far something is; says whether there is anything to show it on.
    pub(crate) fn show(&self, resource: &str, what: &str, waiting: &Waiting) -> bool {
        let Some(all) = &self.all else { return false };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if !shown.bars.contains_key(resource) && shown.bars.len() == MOST {
            shown.more.insert(resource.to_owned());
            shown.count(all);
            return true;
        }
        if shown.more.remove(resource) {
            shown.count(all);
        }
        let count = shown.count.clone();
        let bar = shown.bars.entry(resource.to_owned()).or_insert_with(|| {
            let bar = new(waiting.percent.is_some());
            match count {
                Some(count) => all.insert_before(&count, bar),
                None => all.add(bar),
            }
        });
        bar.set_message(format!("{} {what}", short(resource)));
        bar.set_position(waiting.percent.unwrap_or_default().into());
        // The SDK's calls and our pauses leave the terminal alone for seconds; the clock on the
        // line must go on.
        bar.enable_steady_tick(Duration::from_millis(200));
        true
    }

    /// Takes away the lines of what a line of the log says has come.
    pub(crate) fn done(&self, line: &str) {
        let Some(all) = &self.all else { return };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.bars.retain(|resource, bar| {
            let done = line.contains(resource.as_str());
            if done {
                bar.finish_and_clear();
            }
            !done
        });
        shown
            .more
            .retain(|resource| !line.contains(resource.as_str()));
        shown.count(all);
    }

    /// Takes all of them away.
    pub(crate) fn clear(&self) {
        let shown = std::mem::take(&mut *self.shown.lock().unwrap_or_else(PoisonError::into_inner));
        shown
            .bars
            .into_values()
            .chain(shown.count)
            .for_each(|bar| bar.finish_and_clear());
    }

    /// Writes to the log, above the lines.
    pub(crate) fn suspend(&self, write: impl FnOnce()) {
        match &self.all {
            Some(all) => all.suspend(write),
            None => write(),
        }
    }
}

impl Shown {
    /// The line that counts what has none, last of all.
    fn count(&mut self, all: &MultiProgress) {
        if self.more.is_empty() {
            if let Some(count) = self.count.take() {
                count.finish_and_clear();
            }
            return;
        }
        let count = self.count.get_or_insert_with(|| {
            all.add(ProgressBar::new_spinner().with_style(style("  {msg}")))
        });
        count.set_message(format!("… and {} more", self.more.len()));
    }
}

/// An ARN by what tells it from others, so that the line has room for what is awaited.
fn short(resource: &str) -> &str {
    if resource.starts_with("arn:") {
        resource.rsplit(':').next().unwrap_or(resource)
    } else {
        resource
    }
}

fn new(measured: bool) -> ProgressBar {
    let style = style(if measured {
        "{spinner} [{bar:24}] {pos:>3} % {elapsed:>4} {wide_msg}"
    } else {
        "{spinner} {elapsed:>37} {wide_msg}"
    });
    ProgressBar::new(100).with_style(style.progress_chars("=> "))
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

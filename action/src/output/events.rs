//! Events of a run, as they happen: lines in the log, and at a terminal progress bars below it.

mod describe;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ami_share::diagnostic::Severity;
use ami_share::report::Waiting;
use ami_share::{Error, Event, EventSink, Finding};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::log::{Level, Log};
use super::progress::ProgressBars;
use super::verification;

/// How often the log repeats that a run still waits for the same thing.
const REPEAT_AFTER: Duration = Duration::from_secs(30);

/// Writes each event to the log.
pub(crate) struct EventLog {
    log: Arc<Log>,
    bars: ProgressBars,
    /// When the log last said that the run waits for a resource.
    last_said: Mutex<BTreeMap<String, Instant>>,
}

impl EventLog {
    pub(crate) fn new(log: Arc<Log>) -> Self {
        let bars = ProgressBars::new(log.is_terminal());
        Self {
            log,
            bars,
            last_said: Mutex::default(),
        }
    }

    /// Removes the progress bars; what is written afterwards stays.
    pub(crate) fn clear_progress(&self) {
        self.bars.clear();
    }

    fn waiting(&self, waiting: &Waiting) {
        let resource = self.log.clean(&waiting.resource);
        let what = self.log.clean(&waiting.what);
        if self.bars.show(&resource, &what, waiting.percent) || !self.is_due(&waiting.resource) {
            return;
        }
        let percent = match waiting.percent {
            Some(percent) => format!(", {percent} %"),
            None => String::new(),
        };
        let aws = match &waiting.aws {
            Some(aws) => format!(" (AWS says {aws})"),
            None => String::new(),
        };
        let elapsed = humantime::format_duration(Duration::from_secs(waiting.elapsed.as_secs()));
        self.log.line(&format!(
            "waiting for {resource} {what}{percent}, {elapsed} so far{aws}"
        ));
    }

    /// Whether the log shall say again that the run waits for a resource.
    fn is_due(&self, resource: &str) -> bool {
        let now = Instant::now();
        let mut last_said = self.last_said.lock();
        if let Some(last) = last_said.get(resource)
            && now.duration_since(*last) < REPEAT_AFTER
        {
            return false;
        }
        last_said.insert(resource.to_owned(), now);
        true
    }
}

impl EventSink for EventLog {
    fn event(&self, event: &Event) {
        let log = &self.log;
        match event {
            Event::Waiting(waiting) => self.waiting(waiting),
            Event::Found(finding) => self.bars.suspend(|| log_finding(log, finding)),
            Event::Failed(error) => self.bars.suspend(|| log_error(log, error)),
            Event::Verified(verification) => {
                let line = verification::line(verification);
                self.bars.suspend(|| log.line(&line));
            }
            other => {
                if let Some(line) = describe::describe(other) {
                    self.bars.finish(&line);
                    self.bars.suspend(|| log.line(&line));
                }
            }
        }
    }
}

/// Writes a finding as an annotation.
pub(crate) fn log_finding(log: &Log, finding: &Finding) {
    let level = if finding.severity == Severity::Refuse {
        Level::Error
    } else {
        Level::Warning
    };
    log.annotate(level, finding.code.as_str(), &finding.to_string());
}

/// Writes an error as an annotation.
pub(crate) fn log_error(log: &Log, error: &Error) {
    log.annotate(Level::Error, error.code.as_str(), &error.to_string());
}

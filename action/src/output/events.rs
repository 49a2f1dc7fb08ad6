//! Events of a run, as they happen: lines in the log, and at a terminal progress bars below it.

mod describe;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ami_share::report::Waiting;
use ami_share::{Event, EventSink};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::kinds::{Kind, Said};
use super::log::Log;
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
    /// The errors and findings so far, each kind once.
    said: Mutex<Vec<Kind>>,
}

impl EventLog {
    pub(crate) fn new(log: Arc<Log>) -> Self {
        let bars = ProgressBars::new(log.is_terminal());
        Self {
            log,
            bars,
            last_said: Mutex::default(),
            said: Mutex::default(),
        }
    }

    /// Writes a message, unless it only says again what another said of somewhere else.
    fn say(&self, said: Said) {
        let mut said_before = self.said.lock();
        let known = said_before.iter_mut();
        if let Some(kind) = known.into_iter().find(|kind| kind.first.kind == said.kind) {
            kind.others.push(said.place);
            return;
        }
        self.bars.suspend(|| said.log(&self.log));
        said_before.push(Kind::new(said));
    }

    /// Writes where else messages are true that were written once.
    pub(crate) fn end(&self) {
        self.bars.clear();
        for kind in self.said.lock().drain(..) {
            kind.log_others(&self.log);
        }
    }

    fn waiting(&self, waiting: &Waiting) {
        let resource = self.log.clean(&waiting.resource);
        let what = self.log.clean(&waiting.what);
        if self.bars.show(&resource, &what, waiting.percent) || !self.is_due(&resource, &what) {
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

    /// Whether the log shall say again what the run waits for a resource to be.
    fn is_due(&self, resource: &str, what: &str) -> bool {
        let now = Instant::now();
        let wait = format!("{resource} {what}");
        let mut last_said = self.last_said.lock();
        if let Some(last) = last_said.get(&wait)
            && now.duration_since(*last) < REPEAT_AFTER
        {
            return false;
        }
        last_said.insert(wait, now);
        true
    }
}

impl EventSink for EventLog {
    fn event(&self, event: &Event) {
        let log = &self.log;
        match event {
            Event::Waiting(waiting) => self.waiting(waiting),
            Event::Found(finding) => self.say(Said::finding(finding)),
            Event::Failed(error) => self.say(Said::error(error)),
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

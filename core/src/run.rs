//! What every part of one run shares: the account, the events and what is awaited.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{self, Instant};

use crate::accounts::Account;
use crate::error::{Code, Error};
use crate::event::{Event, EventSink, Waiting};
use crate::report::Report;
use crate::request::Timing;
use crate::wait::Awaited;
use crate::watch::Watcher;

pub(crate) struct Run<'a> {
    pub(crate) account: Account,
    pub(crate) timing: &'a Timing,
    pub(crate) watcher: Watcher,
    awaited: Awaited,
    events: &'a dyn EventSink,
    report: Mutex<Option<Report>>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(account: Account, timing: &'a Timing, events: &'a dyn EventSink, report: Option<Report>) -> Self {
        Self {
            account,
            timing,
            events,
            watcher: Watcher::default(),
            awaited: Awaited::default(),
            report: Mutex::new(report),
        }
    }

    /// Tells the caller, and adds to the report.
    pub(crate) fn emit(&self, event: &Event) {
        if let Some(report) = self.report.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            report.record(event);
        }
        self.events.event(event);
    }

    /// The sum of what was emitted.
    pub(crate) fn into_report(self) -> Option<Report> {
        self.report.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that something is awaited, then waits `pause`.
    pub(crate) async fn wait(&self, resource: impl ToString, what: &str, since: Instant, pause: Duration) {
        let resource = resource.to_string();
        self.say_waiting(&resource, what, None, since, pause);
        time::sleep(pause).await;
        self.awaited.done(&resource);
    }

    /// Says that something is awaited until [`Self::came`].
    pub(crate) fn say_waiting(&self, resource: &str, what: &str, percent: Option<u8>, since: Instant, pause: Duration) {
        let elapsed = since.elapsed();
        let progress = percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
        self.awaited.set(resource, format!("{what}{progress}"));
        self.emit(&Event::Waiting(Waiting {
            resource: resource.to_owned(),
            what: what.to_owned(),
            percent,
            elapsed,
            next_look: pause,
        }));
    }

    /// Something awaited came.
    pub(crate) fn came(&self, resource: impl ToString) {
        self.awaited.done(&resource.to_string());
    }

    /// The error of a run whose deadline passed.
    pub(crate) fn deadline_error(&self) -> Error {
        let awaited = self.awaited.list();
        let awaited = if awaited.is_empty() { "an answer from AWS".to_owned() } else { awaited.join("; ") };
        Error::new(
            Code::Deadline,
            format!("the run's deadline passed while it still awaited: {awaited}"),
            "run again, and it goes on from here; or raise `timeout`",
        )
        .at(&self.account.place.account, &self.account.place.region)
    }
}

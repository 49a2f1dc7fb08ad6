//! How far a run is: its events, its report, and what it waits for.

use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{self, Instant};

use super::absence::Absences;
use super::effect::Changes;
use super::wait::{Awaited, PollBackoff, Wait, scattered, varied};
use crate::diagnostic::{AwsAnswer, Code, Error};
use crate::id::{AccountId, AmiId, Region, SourceImage};
use crate::plan::Plan;
use crate::report::{Event, EventSink, Report, Waiting};

/// Tells the caller what happens, adds it to the report, and knows what the run waits for.
pub(crate) struct Progress<'a> {
    /// The source account, for errors.
    account: AccountId,
    events: &'a dyn EventSink,
    report: Mutex<Option<Report>>,
    awaited: Awaited,
    /// What the run has changed, which AWS may not have put into effect yet.
    pub(crate) changes: Changes,
    /// Images that AWS does not show at the moment.
    pub(crate) absences: Absences,
    /// Whether pauses vary at random.
    jitter: bool,
}

impl<'a> Progress<'a> {
    /// The progress of a run that adds its events to `report`, if there is one.
    pub(crate) fn new(
        account: &AccountId,
        events: &'a dyn EventSink,
        report: Option<Report>,
        jitter: bool,
    ) -> Self {
        Self {
            account: account.clone(),
            events,
            report: Mutex::new(report),
            awaited: Awaited::default(),
            changes: Changes::default(),
            absences: Absences::default(),
            jitter,
        }
    }

    /// Tells the caller, and adds to the report. What several parts of a run fail of is told
    /// once.
    pub(crate) fn emit(&self, event: &Event) {
        if let Some(report) = self.report.lock().as_mut() {
            if let Event::Failed(error) = event
                && report.errors.contains(error)
            {
                return;
            }
            report.record(event);
        }
        self.events.event(event);
    }

    /// The value; an error is emitted, and what depends on the value cannot be done.
    pub(crate) fn report_error<T>(&self, result: Result<T, Error>) -> Option<T> {
        result
            .map_err(|error| self.emit(&Event::Failed(error)))
            .ok()
    }

    /// Whether the run has failed so about a resource.
    pub(crate) fn has_failed(&self, code: Code, resource: impl ToString) -> bool {
        let (report, resource) = (self.report.lock(), resource.to_string());
        let errors = report.iter().flat_map(|report| &report.errors);
        errors
            .into_iter()
            .any(|error| error.code == code && error.resource.as_ref() == Some(&resource))
    }

    /// Whether anything has failed in the run.
    pub(crate) fn has_any_error(&self) -> bool {
        let report = self.report.lock();
        report
            .as_ref()
            .is_some_and(|report| !report.errors.is_empty())
    }

    /// The outcome of carrying out a plan: everything that was emitted.
    pub(crate) fn into_report(self, plan: &Plan) -> Report {
        let report = self.report.into_inner();
        report.unwrap_or_else(|| Report::begin(plan))
    }

    /// What this run shares of an image in a Region, once that exists.
    pub(super) fn image_of(&self, source: &SourceImage, region: &Region) -> Option<AmiId> {
        let report = self.report.lock();
        let images = report.iter().flat_map(|report| &report.images);
        let mut same = images.filter(|image| (&image.source, &image.region) == (source, region));
        same.next()?.image.clone()
    }

    /// A target's copy of a shared image, made or adopted by this run.
    pub(super) fn target_copy(&self, account: &AccountId, source: &SourceImage) -> Option<AmiId> {
        let report = self.report.lock();
        let target = report
            .as_ref()?
            .targets
            .iter()
            .find(|target| &target.account == account)?;
        let copy = target.copies.iter().find(|copy| &copy.source == source)?;
        Some(copy.image.clone())
    }

    /// The pauses between looks at something awaited, between a shortest and a longest one.
    pub(crate) fn poll_backoff(&self, range: (Duration, Duration)) -> PollBackoff {
        PollBackoff::new(range, self.jitter)
    }

    /// A pause that varies by a tenth, so that concurrent runs drift apart.
    pub(crate) fn varied(&self, pause: Duration) -> Duration {
        varied(pause, self.jitter)
    }

    /// A random pause up to a longest one, so that concurrent runs do not collide again.
    pub(crate) fn scattered(&self, longest: Duration) -> Duration {
        scattered(longest, self.jitter)
    }

    /// Reports that something is awaited, then waits `pause`.
    pub(crate) async fn wait(
        &self,
        resource: impl ToString,
        what: &str,
        since: Instant,
        pause: Duration,
    ) {
        self.wait_for(Waiting::new(resource, what, since, pause))
            .await;
    }

    /// Waits `pause` before a call is made again that AWS refused, and keeps AWS's words.
    pub(crate) async fn wait_out(
        &self,
        error: &Error,
        resource: impl ToString,
        what: &str,
        since: Instant,
        pause: Duration,
    ) {
        let mut waiting = Waiting::new(resource, what, since, pause);
        waiting.account.clone_from(&error.account);
        waiting.aws.clone_from(&error.aws);
        self.wait_for(waiting).await;
    }

    /// Reports a wait, waits until it is looked at next, and takes it for over.
    pub(crate) async fn wait_for(&self, waiting: Waiting) {
        let (resource, pause) = (waiting.resource.clone(), waiting.next_look);
        self.report_waiting(waiting);
        time::sleep(pause).await;
        self.awaited.done(&resource);
    }

    /// Reports that something is awaited, until [`Self::arrived`].
    pub(crate) fn report_waiting(&self, waiting: Waiting) {
        let progress = match waiting.percent {
            Some(percent) => format!(", {percent} %"),
            None => String::new(),
        };
        let wait = Wait {
            what: format!("{}{progress}", waiting.what),
            account: waiting.account.clone(),
            region: waiting.region.clone(),
            aws: waiting.aws.clone(),
        };
        self.awaited.set(&waiting.resource, wait);
        self.emit(&Event::Waiting(waiting));
    }

    /// Something awaited is there.
    pub(crate) fn arrived(&self, resource: impl ToString) {
        self.awaited.done(&resource.to_string());
    }

    /// The error of a run whose deadline passed: what it still waited for.
    pub(crate) fn deadline_error(&self) -> Error {
        let awaited = self.awaited.list();
        let mut answers: Vec<AwsAnswer> = Vec::new();
        let mut accounts = BTreeSet::new();
        for (_, wait) in &awaited {
            answers.extend(wait.aws.clone().filter(|answer| !answers.contains(answer)));
            accounts.insert(wait.account.as_ref().unwrap_or(&self.account));
        }
        // One answer stands at the end of the error; of several, each beside what it belongs to.
        // Accounts likewise.
        let (many_answers, many_accounts) = (answers.len() > 1, accounts.len() > 1);
        let mut list = Vec::new();
        for (resource, wait) in &awaited {
            let account = wait.account.as_ref().unwrap_or(&self.account);
            let place = match (&wait.region, many_accounts) {
                (Some(region), true) => format!(" in {region} of {account}"),
                (Some(region), false) => format!(" in {region}"),
                (None, true) => format!(" in {account}"),
                (None, false) => String::new(),
            };
            let words = match wait.aws.as_ref().filter(|_| many_answers) {
                Some(aws) => format!(" (AWS said: {aws})"),
                None => String::new(),
            };
            list.push(format!("{resource}{place} {}{words}", wait.what));
        }
        if list.is_empty() {
            list.push("an answer from AWS".to_owned());
        }
        let message = format!(
            "the run's deadline passed while it still awaited: {}",
            list.join("; ")
        );
        let account = accounts.first().copied().filter(|_| !many_accounts);
        let mut error =
            Error::new(Code::Deadline, message).in_account(account.unwrap_or(&self.account));
        error.aws = answers.pop().filter(|_| !many_answers);
        error
    }
}

//! What every part of one run shares: the accounts, the events and what is awaited.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{self, Instant};

use crate::accounts::{Account, Site};
use crate::error::{Code, Error};
use crate::event::{Event, EventSink, Waiting};
use crate::id::{AccountId, AmiId, KeyArn, Region, SourceImage};
use crate::plan::{Shared, TargetCopy};
use crate::report::{Report, SharedImage};
use crate::request::Timing;
use crate::wait::{Awaited, Pace};

/// The target accounts, by a role there: each reached, or why not.
pub(crate) type Targets = BTreeMap<AccountId, Result<Account, Error>>;

pub(crate) struct Run<'a> {
    pub(crate) account: Account,
    /// Who may change keys that another account owns.
    key_role: Option<Account>,
    targets: Targets,
    pub(crate) timing: &'a Timing,
    awaited: Awaited,
    events: &'a dyn EventSink,
    report: Mutex<Option<Report>>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        account: Account,
        key_role: Option<Account>,
        targets: Targets,
        timing: &'a Timing,
        events: &'a dyn EventSink,
        report: Option<Report>,
    ) -> Self {
        Self {
            account,
            key_role,
            targets,
            timing,
            events,
            awaited: Awaited::default(),
            report: Mutex::new(report),
        }
    }

    /// The pauses between looks at something awaited.
    pub(crate) fn pace(&self, range: (Duration, Duration)) -> Pace {
        Pace::new(range, self.timing.jitter)
    }

    /// The source account in a Region.
    pub(crate) fn site(&self, region: &Region) -> Arc<Site> {
        self.account.site(region)
    }

    /// Whoever may change the key: its own account, by `key-role` where that is another one.
    pub(crate) fn key_site(&self, key: &KeyArn) -> Arc<Site> {
        let role = self
            .key_role
            .as_ref()
            .filter(|role| &role.identity.account == key.account());
        role.unwrap_or(&self.account).site(key.region())
    }

    /// The target accounts.
    pub(crate) fn targets(&self) -> &Targets {
        &self.targets
    }

    /// A target account in a Region, where it was reached.
    pub(crate) fn target_site(&self, account: &AccountId, region: &Region) -> Option<Arc<Site>> {
        self.targets
            .get(account)?
            .as_ref()
            .ok()
            .map(|target| target.site(region))
    }

    /// The source account or a target, in a Region.
    pub(crate) fn site_of(&self, account: &AccountId, region: &Region) -> Option<Arc<Site>> {
        if account == &self.account.identity.account {
            Some(self.site(region))
        } else {
            self.target_site(account, region)
        }
    }

    /// Tells the caller, and adds to the report.
    pub(crate) fn emit(&self, event: &Event) {
        if let Some(report) = self
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            report.record(event);
        }
        self.events.event(event);
    }

    /// What is shared of an image of the request: known from the plan, or made by this run.
    pub(crate) fn shared_as(&self, shared: &Shared) -> Option<AmiId> {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |of: &&SharedImage| (&of.source, &of.region) == (&shared.source, &shared.region);
        let made = report
            .as_ref()
            .and_then(|report| report.images.iter().find(same)?.image.clone());
        made.or_else(|| shared.existing().cloned())
    }

    /// A target's own copy: known from the plan, or made by this run.
    pub(crate) fn own_copy(&self, copy: &TargetCopy) -> Option<AmiId> {
        let source = SourceImage {
            region: copy.shared.region.clone(),
            ami: self.shared_as(&copy.shared)?,
        };
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let target = report
            .as_ref()
            .and_then(|report| report.targets.iter().find(|of| of.account == copy.account));
        let made = target.and_then(|target| target.copies.iter().find(|of| of.source == source));
        made.map(|of| of.image.clone())
            .or_else(|| copy.adopt.clone())
    }

    /// The sum of what was emitted.
    pub(crate) fn into_report(self) -> Option<Report> {
        self.report
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that something is awaited, then waits `pause`.
    pub(crate) async fn wait(
        &self,
        resource: impl ToString,
        what: &str,
        since: Instant,
        pause: Duration,
    ) {
        let resource = resource.to_string();
        self.say_waiting(&resource, what, None, since, pause);
        time::sleep(pause).await;
        self.awaited.done(&resource);
    }

    /// Says that something is awaited until [`Self::came`].
    pub(crate) fn say_waiting(
        &self,
        resource: &str,
        what: &str,
        percent: Option<u8>,
        since: Instant,
        pause: Duration,
    ) {
        let elapsed = since.elapsed();
        let progress = percent
            .map(|percent| format!(", {percent} %"))
            .unwrap_or_default();
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
        let awaited = if awaited.is_empty() {
            "an answer from AWS".to_owned()
        } else {
            awaited.join("; ")
        };
        Error::new(
            Code::Deadline,
            format!("the run's deadline passed while it still awaited: {awaited}"),
        )
        .in_account(&self.account.identity.account)
    }
}

//! One run: plan, and unless it is a dry run, carry the plan out; or verify.

use std::sync::Arc;

use ami_share::aws_config::SdkConfig;
use ami_share::report::{Conclusion, Verification};
use ami_share::{Errors, Event, EventSink as _, Plan, Region, Report, Sharer};
use futures::future::{self, BoxFuture};
use parking_lot::Mutex;
use tracing::Dispatch;
use tracing::instrument::{WithDispatch, WithSubscriber as _};
use tracing::subscriber::NoSubscriber;

use crate::exit::Exit;
use crate::output::calls::CallLog;
use crate::output::ending::{count, leaves_keys_to_others};
use crate::output::events::EventLog;
use crate::output::key_name::KeyNames;
use crate::output::kinds::{self, Said};
use crate::output::log::Log;
use crate::output::outcome::Outcome;
use crate::output::{plan_text, usage};
use crate::settings::{Mode, Settings};

/// The names of more keys are folded.
const MANY_KEYS: usize = 12;

/// Runs the step. Its outcome can be asked for at any time, because the run may be interrupted.
pub(crate) struct Runner {
    log: Arc<Log>,
    events: Arc<EventLog>,
    /// Shared with who reads it, since a report of a thousand targets is large.
    outcome: Mutex<Arc<Outcome>>,
    /// The reports of groups, while their plans are carried out; none without groups.
    groups: Mutex<Vec<Report>>,
    /// Takes the library's events of calls to AWS; nothing does unless the run is debugged.
    calls: Dispatch,
    /// With one subscriber alone, `tracing` asks only that of the thread which meets an event
    /// first, and a program with several threads may have none there.
    _second: Dispatch,
}

impl Runner {
    /// `is_debugged` is whether the log gets a line for each call to AWS.
    pub(crate) fn new(log: Arc<Log>, is_debugged: bool) -> Arc<Self> {
        let events = Arc::new(EventLog::new(Arc::clone(&log)));
        let (calls, second) = if is_debugged {
            let calls = Dispatch::new(CallLog::new(&events));
            (calls, Dispatch::new(NoSubscriber::default()))
        } else {
            (Dispatch::none(), Dispatch::none())
        };
        Arc::new(Self {
            log,
            events,
            outcome: Mutex::new(Arc::new(Outcome::Unplanned(Vec::new()))),
            groups: Mutex::default(),
            calls,
            _second: second,
        })
    }

    /// What the run came to so far.
    pub(crate) fn outcome(&self) -> Arc<Outcome> {
        let groups = self.groups.lock();
        let outcome = Arc::clone(&self.outcome.lock());
        match &*outcome {
            Outcome::Applied(report) if !groups.is_empty() => {
                let whole = Report::together(&report.plan, groups.clone());
                Arc::new(Outcome::Applied(Box::new(whole)))
            }
            _ => outcome,
        }
    }

    /// The future, whose calls to AWS are in the log if the run is debugged.
    pub(crate) fn traced<F: Future>(&self, future: F) -> WithDispatch<F> {
        future.with_subscriber(self.calls.clone())
    }

    /// Ends what is shown live, and writes what was kept back of it.
    pub(crate) fn end_events(&self) {
        self.events.end();
    }

    /// Ends it for a run that was told to stop: what would have become an error is a line.
    pub(crate) fn cut_events_off(&self) {
        self.events.tell_blocked();
        self.events.end();
    }

    /// A sharer whose events come to this runner.
    pub(crate) fn build_sharer(self: &Arc<Self>, config: &SdkConfig) -> Sharer {
        let runner = Arc::clone(self);
        Sharer::new(config).with_events(move |event: &Event| runner.take(event))
    }

    /// Plans, and does what was asked for; `confirm` is whether somebody agrees to the changes.
    pub(crate) async fn run(
        self: &Arc<Self>,
        settings: &Settings,
        sharer: &Sharer,
        confirm: Option<BoxFuture<'static, bool>>,
    ) -> Exit {
        let (request, groups) = (&settings.request, &settings.groups);
        if settings.mode == Mode::Verify {
            if settings.launches
                && let Some(confirm) = confirm
            {
                self.log.line(
                    "This starts a real instance in each target, and terminates it. Do this? Only \
                     `yes` is a yes:",
                );
                if !confirm.await {
                    return Exit::Cancelled;
                }
            }
            self.events.leave_out_blocked();
            let verified = if groups.is_empty() {
                sharer.verify(request).await
            } else {
                sharer.verify_groups(groups).await
            };
            self.end_events();
            return match verified {
                Ok(report) => self.verified(settings, report),
                Err(errors) => self.unplanned(settings, &errors),
            };
        }
        if settings.mode == Mode::Usage {
            let read = if groups.is_empty() {
                sharer.usage(request).await
            } else {
                sharer.usage_of_groups(groups).await
            };
            self.end_events();
            return match read {
                Ok(report) => self.used(settings, report),
                Err(errors) => self.unplanned(settings, &errors),
            };
        }
        let expected = settings.expected.as_ref();
        let planned = match (groups.is_empty(), settings.dry_run) {
            (true, true) => sharer.preview(request).await,
            (true, false) => sharer.plan(request).await,
            (false, true) => sharer.preview_groups(groups, expected).await,
            (false, false) => sharer.plan_groups(groups, expected).await,
        };
        self.end_events();
        match planned {
            Ok(plan) => self.planned(settings, sharer, &plan, confirm).await,
            Err(errors) => self.unplanned(settings, &errors),
        }
    }

    /// Keeps in the report what happened, and writes it to the log.
    fn take(&self, event: &Event) {
        match Arc::make_mut(&mut self.outcome.lock()) {
            Outcome::Applied(report) => report.record(event),
            Outcome::Unplanned(errors) => {
                if let Event::Failed(error) = event {
                    errors.push(error.clone());
                }
            }
            Outcome::Planned(_) | Outcome::Verified(_) | Outcome::Used(_) => {}
        }
        self.events.event(event);
    }

    fn set(&self, outcome: Outcome) {
        *self.outcome.lock() = Arc::new(outcome);
    }

    fn unplanned(&self, settings: &Settings, errors: &Errors) -> Exit {
        for error in errors {
            if let Some(account) = &error.account
                && settings.mask_account_ids
            {
                self.log.mask_in_later_steps(account.as_ref());
            }
        }
        kinds::log_all(&self.log, errors.iter().map(Said::error));
        self.set(Outcome::Unplanned(errors.iter().cloned().collect()));
        Exit::of_errors(errors.iter())
    }

    /// `mode: verify`: the run fails if a launch is blocked, or could not be checked.
    fn verified(&self, settings: &Settings, report: Report) -> Exit {
        let log = &self.log;
        self.mask_accounts(settings, &report.plan);
        kinds::log_all(log, report.findings.iter().map(Said::finding));
        let blocked: Vec<&Verification> = report
            .verifications
            .iter()
            .filter(|verification| verification.conclusion == Conclusion::Blocked)
            .collect();
        kinds::log_all(log, blocked.iter().map(|blocked| Said::blocked(blocked)));
        let exit = if !report.errors.is_empty() {
            Exit::of_errors(report.errors.iter())
        } else if !blocked.is_empty() {
            Exit::Failed
        } else if is_refused(&report.plan) {
            Exit::Refused
        } else {
            Exit::Done
        };
        self.set(Outcome::Verified(Box::new(report)));
        exit
    }

    /// `mode: usage`: the run fails if anything could not be read.
    fn used(&self, settings: &Settings, report: Report) -> Exit {
        let log = &self.log;
        self.mask_accounts(settings, &report.plan);
        kinds::log_all(log, report.findings.iter().map(Said::finding));
        if !report.usage.is_empty() {
            for line in usage::lines(&report) {
                log.line(&line);
            }
        }
        let exit = if !report.errors.is_empty() {
            Exit::of_errors(report.errors.iter())
        } else if is_refused(&report.plan) {
            Exit::Refused
        } else {
            Exit::Done
        };
        self.set(Outcome::Used(Box::new(report)));
        exit
    }

    /// Shows the plan, and carries it out unless it is a dry run or refused.
    async fn planned(
        self: &Arc<Self>,
        settings: &Settings,
        sharer: &Sharer,
        plan: &Plan,
        confirm: Option<BoxFuture<'static, bool>>,
    ) -> Exit {
        self.mask_accounts(settings, plan);
        // Whoever is to approve the plan sees the statements; else its words say enough.
        self.show(plan, settings.dry_run || confirm.is_some());
        if settings.dry_run {
            self.set(Outcome::Planned(Box::new(Report::of_plan(plan))));
            kinds::log_all(&self.log, plan.errors.iter().map(Said::error));
            return if is_refused(plan) {
                Exit::Refused
            } else if plan.errors.is_empty() {
                Exit::Done
            } else {
                Exit::of_errors(plan.errors.iter())
            };
        }
        // The report of a share must not say that something was changed, as that of a dry run says
        // what would be.
        let untouched = || Outcome::Planned(Box::new(Report::begin(plan)));
        if is_refused(plan) {
            self.set(untouched());
            return Exit::Refused;
        }
        if let Some(confirm) = confirm
            && plan.may_change()
        {
            self.set(untouched());
            let [add, change, remove] = plan_text::sums(plan);
            self.log.line(&format!(
                "{add} to add, {change} to change, {remove} to remove. Do this? Only `yes` is a \
                 yes:"
            ));
            if !confirm.await {
                return Exit::Cancelled;
            }
            // Others may share while the question stands.
            let approved = plan.clone().approved();
            return self.carry_out(sharer, &approved).await;
        }
        self.carry_out(sharer, plan).await
    }

    /// Writes the plan to the log; the statements of key policies where they are folded, or if the
    /// plan is to be approved.
    fn show(&self, plan: &Plan, is_to_approve: bool) {
        let log = &self.log;
        let regions: Vec<&str> = plan.regions.iter().map(Region::as_ref).collect();
        let (account, regions) = (&plan.account, regions.join(", "));
        let keys = KeyNames::of(plan);
        let lines = plan_text::lines(plan);
        let how = if is_refused(plan) {
            ", refused: none of this is done"
        } else {
            plan_text::no_changes(plan, &lines)
        };
        log.line(&format!("Plan for account {account} in {regions}{how}"));
        let lines: Vec<String> = lines.iter().map(|line| keys.shorten(line)).collect();
        log.changes(&lines);
        let names = keys.iter().filter(|(name, arn)| name != arn);
        let names: Vec<String> = names
            .map(|(name, arn)| format!("{name} is {arn}"))
            .collect();
        if names.len() > MANY_KEYS {
            log.group(&count(names.len(), "key"), &names);
        } else {
            log.changes(&names);
        }
        for (title, lines) in plan_text::policy_changes(plan) {
            let title = keys.shorten(&title);
            if is_to_approve {
                log.group(&title, &lines);
            } else {
                log.fold(&title, &lines);
            }
        }
        if leaves_keys_to_others(plan) {
            let (title, lines) = plan_text::statements(plan);
            log.group(title, &lines);
        }
        self.events.know_plan(keys, &plan.account);
        kinds::log_all(log, plan.findings.iter().map(Said::finding));
    }

    async fn carry_out(self: &Arc<Self>, sharer: &Sharer, plan: &Plan) -> Exit {
        let begun = plan.groups.iter().map(|group| Report::begin(&group.plan));
        *self.groups.lock() = begun.collect();
        self.set(Outcome::Applied(Box::new(Report::begin(plan))));
        let errors = if plan.groups.is_empty() {
            let applied = sharer.apply(plan).await;
            applied.err().map(|incomplete| incomplete.report.errors)
        } else {
            self.carry_out_groups(sharer, plan).await;
            self.outcome().report().map(|report| report.errors.clone())
        };
        self.end_events();
        match errors {
            Some(errors) if !errors.is_empty() => Exit::of_errors(errors.iter()),
            _ => Exit::Done,
        }
    }

    /// Carries out the plans of groups at the same time; the events of each come to its report.
    async fn carry_out_groups(self: &Arc<Self>, sharer: &Sharer, plan: &Plan) {
        let missing = plan.errors_of_missing_groups();
        kinds::log_all(&self.log, missing.map(Said::error));
        let mut applying = Vec::new();
        for (index, group) in plan.groups.iter().enumerate() {
            let runner = Arc::clone(self);
            let sharer = sharer.sibling(move |event: &Event| {
                if let Some(report) = runner.groups.lock().get_mut(index) {
                    report.record(event);
                }
                runner.events.event(event);
            });
            applying.push(async move {
                // What it came to is in its report.
                let _ = Box::pin(sharer.apply(&group.plan)).await;
            });
        }
        future::join_all(applying).await;
    }

    /// The targets are masked before the run; the source account and those of organizations are
    /// known only now.
    fn mask_accounts(&self, settings: &Settings, plan: &Plan) {
        if settings.mask_account_ids {
            self.log.mask_in_later_steps(plan.account.as_ref());
            let listed = plan.organizations.iter();
            for account in listed.flat_map(|listed| &listed.accounts) {
                self.log.mask_in_later_steps(account.as_ref());
            }
        }
    }
}

fn is_refused(plan: &Plan) -> bool {
    plan.refusals().next().is_some()
}

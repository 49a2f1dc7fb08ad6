//! One run: plan, and unless that was all that was asked for, carry the plan out.

use std::sync::{Arc, Mutex, PoisonError};

use ami_share::aws_config::SdkConfig;
use ami_share::report::{Conclusion, Verdict};
use ami_share::{Errors, Event, EventSink as _, Plan, Report, Sharer};

use crate::exit::Exit;
use crate::output::events::{self, Lines};
use crate::output::log::{Level, Log};
use crate::output::outcome::Outcome;
use crate::output::plan_text;
use crate::output::verification;
use crate::settings::{Mode, Settings};

/// Runs one step. Its outcome can be asked for at any time, for it may be cut off.
pub(crate) struct StepRun {
    log: Arc<Log>,
    lines: Lines,
    outcome: Mutex<Outcome>,
}

impl StepRun {
    pub(crate) fn new(log: Arc<Log>) -> Arc<Self> {
        let lines = Lines::new(Arc::clone(&log));
        Arc::new(Self {
            log,
            lines,
            outcome: Mutex::new(Outcome::Unplanned(Vec::new())),
        })
    }

    /// What the run came to so far.
    pub(crate) fn outcome(&self) -> Outcome {
        self.outcome
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes the progress away from a terminal; what is written after it stays.
    pub(crate) fn end(&self) {
        self.lines.end();
    }

    fn set(&self, outcome: Outcome) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
    }

    fn event(&self, event: &Event) {
        if let Outcome::Applied(report) =
            &mut *self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
        {
            report.record(event);
        }
        self.lines.event(event);
    }

    pub(crate) async fn run(self: &Arc<Self>, settings: &Settings, config: &SdkConfig) -> Exit {
        let sink = Arc::clone(self);
        let sharer = Sharer::new(config).with_events(move |event: &Event| sink.event(event));
        if settings.mode == Mode::Verify {
            return match sharer.verify(&settings.request).await {
                Ok(report) => self.verified(settings, report),
                Err(errors) => self.unplanned(settings, &errors),
            };
        }
        let planned = match settings.mode {
            Mode::Share | Mode::Revoke => sharer.plan(&settings.request).await,
            Mode::Plan | Mode::Verify => sharer.preview(&settings.request).await,
        };
        self.end();
        match planned {
            Ok(plan) => self.carry_out(settings, &sharer, &plan).await,
            Err(errors) => self.unplanned(settings, &errors),
        }
    }

    fn unplanned(&self, settings: &Settings, errors: &Errors) -> Exit {
        for error in errors {
            if let Some(account) = error.account.as_ref().filter(|_| settings.mask_account_ids) {
                self.log.mask(account.as_ref());
            }
            self.log
                .annotate(Level::Error, error.code.as_str(), &error.to_string());
        }
        self.set(Outcome::Unplanned(errors.iter().cloned().collect()));
        Exit::of(errors.iter())
    }

    /// `mode: verify`: what stands against a launch is what the run fails for.
    fn verified(&self, settings: &Settings, report: Report) -> Exit {
        let log = &self.log;
        if settings.mask_account_ids {
            log.mask(report.plan.account.as_ref());
        }
        report
            .findings
            .iter()
            .for_each(|finding| events::finding(log, finding));
        for found in report
            .verifications
            .iter()
            .filter(|found| found.sum == Conclusion::Blocked)
        {
            let failed = found
                .checks
                .iter()
                .filter(|check| check.verdict == Verdict::No);
            let why: Vec<&str> = failed.map(|check| check.detail.as_str()).collect();
            log.annotate(
                Level::Error,
                "verify.blocked",
                &format!("{}: {}", verification::line(found), why.join("; ")),
            );
        }
        let refused = report.plan.refusals().next().is_some();
        let unseen = !report.errors.is_empty();
        let blocked = unseen
            || report
                .verifications
                .iter()
                .any(|found| found.sum == Conclusion::Blocked);
        log.line(match (blocked, refused) {
            (true, _) if unseen => "something could not be looked at",
            (true, _) => "blocked",
            (_, true) => "the plan is refused",
            _ => "nothing that was looked at stands against a launch",
        });
        self.set(Outcome::Verified(Box::new(report)));
        if blocked {
            Exit::Failed
        } else if refused {
            Exit::Refused
        } else {
            Exit::Done
        }
    }

    async fn carry_out(&self, settings: &Settings, sharer: &Sharer, plan: &Plan) -> Exit {
        let log = &self.log;
        if settings.mask_account_ids {
            log.mask(plan.account.as_ref());
        }
        log.group(
            &format!("Plan for account {} in {}", plan.account, regions(plan)),
            &plan_text::lines(plan),
        );
        plan.findings
            .iter()
            .for_each(|finding| events::finding(log, finding));
        let refused = plan.refusals().next().is_some();
        if refused {
            // Nothing was changed, so the report of a share must not say that anything was.
            let only_planned = settings.mode == Mode::Plan;
            let report = if only_planned {
                Report::of_plan(plan)
            } else {
                Report::begin(plan)
            };
            self.set(Outcome::Planned(Box::new(report)));
            log.line(if only_planned {
                "the plan is refused"
            } else {
                "the plan is refused: nothing was changed"
            });
            return Exit::Refused;
        }
        if settings.mode == Mode::Plan {
            self.set(Outcome::Planned(Box::new(Report::of_plan(plan))));
            log.line(&plan_text::verdict(plan));
            return Exit::Done;
        }
        self.set(Outcome::Applied(Box::new(Report::begin(plan))));
        let applied = sharer.apply(plan).await;
        self.end();
        match (applied, settings.mode) {
            (Ok(report), Mode::Revoke) => {
                log.line(if report.changed {
                    "taken back"
                } else {
                    "nothing to take back: nothing was changed"
                });
                Exit::Done
            }
            (Ok(report), _) => {
                log.line(if report.changed {
                    "shared"
                } else {
                    "already shared: nothing was changed"
                });
                Exit::Done
            }
            (Err(incomplete), _) => Exit::of(incomplete.report.errors.iter()),
        }
    }
}

fn regions(plan: &Plan) -> String {
    plan.regions
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

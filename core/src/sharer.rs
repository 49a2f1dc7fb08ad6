//! The way in: [`Sharer`].

use std::sync::Arc;

use aws_config::SdkConfig;
use futures::future;
use tokio::time::{self, Instant};

use crate::accounts::Account;
use crate::apply;
use crate::error::{Code, Error, Errors};
use crate::event::{Event, EventSink};
use crate::finding::{Finding, FindingCode};
use crate::key_access::KeyLocks;
use crate::observe;
use crate::plan::{self, Plan};
use crate::report::{Incomplete, Report};
use crate::request::ShareRequest;
use crate::run::Run;

/// Plans and carries out shares from one source account, the account of its configuration's credentials.
///
/// Dropping a future of it stops the run at once; nothing goes on in the background, and the next run goes on from what
/// was done. A `Sharer` may serve many requests at the same time.
pub struct Sharer {
    config: SdkConfig,
    events: Arc<dyn EventSink>,
    locks: KeyLocks,
}

impl std::fmt::Debug for Sharer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sharer").finish_non_exhaustive()
    }
}

impl Sharer {
    /// A sharer with the credentials, HTTP client and clock of `config`; Region, retries and timeouts are its own.
    pub fn new(config: &SdkConfig) -> Self {
        Self { config: config.clone(), events: Arc::new(|_: &Event| {}), locks: KeyLocks::default() }
    }

    /// Sends the events of every run to `sink`.
    #[must_use]
    pub fn with_events(mut self, sink: impl EventSink + 'static) -> Self {
        self.events = Arc::new(sink);
        self
    }

    /// Waits until the images are available, and says what sharing them takes. Reads only: `sts:GetCallerIdentity`,
    /// `ec2:DescribeImages`, `ec2:DescribeSnapshots`, `ec2:DescribeImageAttribute`, `kms:DescribeKey`,
    /// `kms:GetKeyPolicy`.
    ///
    /// # Errors
    /// Everything that kept it from a plan: images that AWS does not know, denied calls, the deadline. Pitfalls are no
    /// errors but [findings](Plan::findings).
    pub async fn plan(&self, request: &ShareRequest) -> Result<Plan, Errors> {
        Box::pin(self.make_plan(request, true)).await
    }

    /// As [`plan`](Self::plan), but waits for no image: what can be said now, with the finding `image.pending` for
    /// each that is still being made.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn preview(&self, request: &ShareRequest) -> Result<Plan, Errors> {
        Box::pin(self.make_plan(request, false)).await
    }

    async fn make_plan(&self, request: &ShareRequest, wait: bool) -> Result<Plan, Errors> {
        let deadline = Instant::now() + request.timing.timeout;
        let connect = Account::connect(&self.config, &request.region, request.max_concurrency);
        let account = time::timeout_at(deadline, connect).await.unwrap_or_else(|_| Err(no_answer()))?;
        if let Some(finding) = not_allowed(request, &account) {
            return Ok(Plan::refused(request, &account.place, finding, deadline));
        }
        let run = Run::new(account, &request.timing, &*self.events, None);
        let inventory = time::timeout_at(deadline, observe::observe(&run, request, wait))
            .await
            .unwrap_or_else(|_| Err(run.deadline_error().into()))?;
        Ok(plan::make(request, &inventory, deadline))
    }

    /// Carries out a plan, before the deadline that began with it.
    ///
    /// # Errors
    /// [`Incomplete`] where anything failed, where a finding refuses the plan, or where an image of it is still
    /// pending; its report says what was done all the same.
    pub async fn apply(&self, plan: &Plan) -> Result<Report, Box<Incomplete>> {
        // On the heap, as plans are made: the futures of all SDK calls together are large.
        Box::pin(self.carry_out(plan)).await
    }

    async fn carry_out(&self, plan: &Plan) -> Result<Report, Box<Incomplete>> {
        let begun = Report::begin(plan);
        if let Some(error) = refusal(plan) {
            return Err(incomplete(begun, error, &*self.events));
        }
        let connect = Account::connect(&self.config, &plan.region, plan.max_concurrency);
        let account = match time::timeout_at(plan.deadline, connect).await.unwrap_or_else(|_| Err(no_answer())) {
            Ok(account) if account.place.account == plan.account => account,
            Ok(account) => return Err(incomplete(begun, other_account(plan, &account), &*self.events)),
            Err(error) => return Err(incomplete(begun, error, &*self.events)),
        };
        let run = Run::new(account, &plan.timing, &*self.events, Some(begun));
        let work = Box::pin(async {
            let apply = std::pin::pin!(apply::apply(&run, &self.locks, plan));
            let look = std::pin::pin!(run.watcher.look(&run));
            future::select(apply, look).await;
        });
        if time::timeout_at(plan.deadline, work).await.is_err() {
            run.emit(&Event::Failed(run.deadline_error()));
        }
        let report = run.into_report().unwrap_or_else(|| Report::begin(plan));
        if report.errors.is_empty() { Ok(report) } else { Err(Box::new(Incomplete { report })) }
    }
}

fn not_allowed(request: &ShareRequest, account: &Account) -> Option<Finding> {
    let id = &account.place.account;
    let allowed = &request.allowed_accounts;
    (!allowed.is_empty() && !allowed.contains(id)).then(|| {
        let names: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        Finding::refuse(
            FindingCode::AccountNotAllowed,
            id,
            format!(
                "the credentials belong to account {id}, and `allowed-account-ids` allows only {}",
                names.join(", ")
            ),
            "give this step the credentials of an allowed account",
        )
    })
}

fn refusal(plan: &Plan) -> Option<Error> {
    let refusals: Vec<String> =
        plan.refusals().map(|finding| format!("{} {}", finding.code, finding.resource)).collect();
    let pending = plan.findings.iter().any(|finding| finding.code == FindingCode::ImagePending);
    let (message, remedy) = if !refusals.is_empty() {
        (format!("the plan is refused: {}", refusals.join(", ")), "see each finding for what to do")
    } else if pending {
        (
            "the plan was made while images were pending".to_owned(),
            "plan again with `Sharer::plan`, which waits for them",
        )
    } else {
        return None;
    };
    Some(Error::new(Code::PlanRefused, message, remedy).at(&plan.account, &plan.region))
}

fn other_account(plan: &Plan, account: &Account) -> Error {
    let (planned, now) = (&plan.account, &account.place.account);
    Error::new(
        Code::Credentials,
        format!("the plan was made in account {planned}, and the credentials are now those of {now}"),
        "apply a plan with the credentials that made it",
    )
    .at(now, &plan.region)
}

fn no_answer() -> Error {
    Error::new(
        Code::Deadline,
        "the run's deadline passed before STS answered",
        "check the proxy settings and, where one is set, AWS_ENDPOINT_URL; or raise `timeout`",
    )
}

fn incomplete(mut report: Report, error: Error, events: &dyn EventSink) -> Box<Incomplete> {
    let event = Event::Failed(error);
    report.record(&event);
    events.event(&event);
    Box::new(Incomplete { report })
}

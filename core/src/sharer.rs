//! The way in: [`Sharer`].

use std::sync::Arc;

use aws_config::SdkConfig;
use tokio::sync::OnceCell;
use tokio::time::{self, Instant};

use crate::accounts::{self, Account};
use crate::apply;
use crate::aws::Identity;
use crate::error::{Code, Error, Errors};
use crate::event::{Event, EventSink};
use crate::finding::{Finding, FindingCode};
use crate::id::{AccountId, Principal, Region, RoleArn};
use crate::key_access::KeyLocks;
use crate::observe;
use crate::plan::{self, Plan};
use crate::report::{Incomplete, Report};
use crate::request::ShareRequest;
use crate::roles::{Role, Roles};
use crate::run::Run;
use crate::targets;
use crate::verify;

/// Plans and carries out shares from one source account, the account of its configuration's
/// credentials.
///
/// Dropping a future of it stops the run at once; nothing goes on in the background, and the next
/// run goes on from what was done. A `Sharer` may serve many requests at the same time.
pub struct Sharer {
    config: SdkConfig,
    /// Whose credentials they are: asked once, for they stay those of one account.
    identity: OnceCell<Identity>,
    roles: Roles,
    events: Arc<dyn EventSink>,
    locks: KeyLocks,
}

impl std::fmt::Debug for Sharer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sharer").finish_non_exhaustive()
    }
}

impl Sharer {
    /// A sharer with the credentials, HTTP client and clock of `config`; Region, retries and
    /// timeouts are its own.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            config: accounts::configured(config),
            identity: OnceCell::new(),
            roles: Roles::default(),
            events: Arc::new(|_: &Event| {}),
            locks: KeyLocks::default(),
        }
    }

    /// Sends the events of every run to `sink`.
    #[must_use]
    pub fn with_events(mut self, sink: impl EventSink + 'static) -> Self {
        self.events = Arc::new(sink);
        self
    }

    /// Waits until the images are available, and says what sharing them, or taking them back,
    /// takes. Reads only: `sts:GetCallerIdentity`, `ec2:DescribeImages`, `ec2:DescribeSnapshots`,
    /// `ec2:DescribeImageAttribute`, `kms:DescribeKey`, `kms:GetKeyPolicy`; with several Regions
    /// `ec2:DescribeRegions`, with grants and revoking `kms:ListGrants`, with snapshots and
    /// revoking `ec2:DescribeSnapshotAttribute`, with a parameter `ssm:GetParameter`, with
    /// `key-role` `sts:AssumeRole`. With a role in targets, by that role what is to be done there;
    /// revoking, `ec2:DescribeVolumes` and `ec2:DescribeSnapshots`.
    ///
    /// # Errors
    /// Everything that kept it from a plan: images that AWS does not know, denied calls, the
    /// deadline. Pitfalls are no errors but [findings](Plan::findings).
    pub async fn plan(&self, request: &ShareRequest) -> Result<Plan, Errors> {
        Box::pin(self.make_plan(request, true)).await
    }

    /// As [`plan`](Self::plan), but waits for no image: what can be said now, with the finding
    /// `image.pending` for each that is still being made.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn preview(&self, request: &ShareRequest) -> Result<Plan, Errors> {
        Box::pin(self.make_plan(request, false)).await
    }

    async fn make_plan(&self, request: &ShareRequest, wait: bool) -> Result<Plan, Errors> {
        let options = &request.options;
        let deadline = Instant::now() + options.timing.timeout;
        let home = request.images.first().map(|image| &image.region);
        let connect = self.connect(home, options.key_role.as_ref(), options.max_concurrency);
        let (account, key_role) = time::timeout_at(deadline, connect)
            .await
            .unwrap_or_else(|_| Err(no_answer()))?;
        if let Some(finding) = not_allowed(request, &account.identity.account) {
            return Ok(Plan::refused(
                request,
                &account.identity.account,
                finding,
                deadline,
            ));
        }
        let reached = targets::reach(
            &self.roles,
            &account,
            home,
            &options.in_targets,
            plan::accounts(request),
        );
        let targets = time::timeout_at(deadline, reached)
            .await
            .unwrap_or_default();
        let run = Run::new(
            account,
            key_role,
            targets,
            &options.timing,
            &*self.events,
            None,
        );
        let inventory = time::timeout_at(deadline, Box::pin(observe::observe(&run, request, wait)))
            .await
            .unwrap_or_else(|_| Err(run.deadline_error().into()))?;
        Ok(plan::make(request, &inventory, deadline))
    }

    /// Looks whether targets can launch what the request shares, and changes nothing; with
    /// [`Verify::Launch`](crate::Verify::Launch) it starts a real instance in each target and
    /// terminates it. Of what is in targets nothing is known without a role there.
    ///
    /// # Errors
    /// As [`plan`](Self::plan). That something stands against a launch is no error but part of the
    /// report.
    pub async fn verify(&self, request: &ShareRequest) -> Result<Report, Errors> {
        Box::pin(self.look(request)).await
    }

    async fn look(&self, request: &ShareRequest) -> Result<Report, Errors> {
        let plan = self.preview(request).await?;
        let mut report = Report {
            changed: false,
            ..Report::begin(&plan)
        };
        let home = plan.images.first().map(|image| &image.region);
        let (account, key_role) = self
            .connect(home, plan.key_role.as_ref(), plan.max_concurrency)
            .await?;
        let accounts = plan.targets.iter().filter_map(Principal::account).collect();
        let targets = targets::reach(&self.roles, &account, home, &plan.in_targets, accounts).await;
        let run = Run::new(
            account,
            key_role,
            targets,
            &plan.timing,
            &*self.events,
            None,
        );
        let looked = async { Ok(Box::pin(verify::all(&run, &plan, false)).await) };
        let found = time::timeout_at(plan.deadline, looked).await;
        for error in &plan.errors {
            let event = Event::Failed(error.clone());
            report.record(&event);
            run.emit(&event);
        }
        for found in found.unwrap_or_else(|_| Err(run.deadline_error()))? {
            let event = Event::Verified(found);
            report.record(&event);
            run.emit(&event);
        }
        Ok(report)
    }

    /// The account of the credentials, and that of the role for keys.
    async fn connect(
        &self,
        region: Option<&Region>,
        key_role: Option<&RoleArn>,
        max_concurrency: usize,
    ) -> Result<(Account, Option<Account>), Error> {
        let region = region.ok_or_else(no_answer)?;
        let identity = self
            .identity
            .get_or_try_init(|| accounts::identity(&self.config, region))
            .await?;
        let account = Account::new(&self.config, identity, max_concurrency);
        let key_role = match key_role {
            Some(arn) => {
                let (arn, region, session) =
                    (arn.clone(), region.clone(), "ami-share-keys".to_owned());
                self.roles
                    .assume(
                        &account,
                        &Role {
                            arn,
                            region,
                            session,
                            external_id: None,
                        },
                    )
                    .await
            }
            None => None,
        };
        Ok((account, key_role))
    }

    /// Carries out a plan, before the deadline that began with it.
    ///
    /// # Errors
    /// [`Incomplete`] where anything failed, where a finding refuses the plan, or where an image of
    /// it is still pending; its report says what was done all the same.
    pub async fn apply(&self, plan: &Plan) -> Result<Report, Box<Incomplete>> {
        // On the heap, as plans are made: the futures of all SDK calls together are large.
        Box::pin(self.carry_out(plan)).await
    }

    async fn carry_out(&self, plan: &Plan) -> Result<Report, Box<Incomplete>> {
        let begun = Report::begin(plan);
        if let Some(error) = refusal(plan) {
            return Err(incomplete(begun, error, &*self.events));
        }
        let home = plan.images.first().map(|image| &image.region);
        let connect = self.connect(home, plan.key_role.as_ref(), plan.max_concurrency);
        let connected = time::timeout_at(plan.deadline, connect)
            .await
            .unwrap_or_else(|_| Err(no_answer()));
        let (account, key_role) = match connected {
            Ok((account, key_role)) if account.identity.account == plan.account => {
                (account, key_role)
            }
            Ok((account, _)) => {
                return Err(incomplete(
                    begun,
                    other_account(plan, &account),
                    &*self.events,
                ));
            }
            Err(error) => return Err(incomplete(begun, error, &*self.events)),
        };
        let accounts = plan.targets.iter().filter_map(Principal::account).collect();
        let reached = targets::reach(&self.roles, &account, home, &plan.in_targets, accounts);
        let targets = time::timeout_at(plan.deadline, reached)
            .await
            .unwrap_or_default();
        let run = Run::new(
            account,
            key_role,
            targets,
            &plan.timing,
            &*self.events,
            Some(begun),
        );
        let work = Box::pin(apply::apply(&run, &self.locks, plan));
        if time::timeout_at(plan.deadline, work).await.is_err() {
            run.emit(&Event::Failed(run.deadline_error()));
        }
        let report = run.into_report().unwrap_or_else(|| Report::begin(plan));
        if report.errors.is_empty() {
            Ok(report)
        } else {
            Err(Box::new(Incomplete { report }))
        }
    }
}

fn not_allowed(request: &ShareRequest, id: &AccountId) -> Option<Finding> {
    let allowed = &request.options.allowed_accounts;
    (!allowed.is_empty() && !allowed.contains(id)).then(|| {
        let names: Vec<String> = allowed.iter().map(ToString::to_string).collect();
        Finding::refuse(
            FindingCode::AccountNotAllowed,
            id,
            format!(
                "the credentials belong to account {id}, and `allowed-account-ids` allows only {}",
                names.join(", ")
            ),
        )
    })
}

fn refusal(plan: &Plan) -> Option<Error> {
    let said =
        |finding: &Finding| format!("{} {}: {}", finding.code, finding.resource, finding.message);
    let refusals: Vec<String> = plan.refusals().map(said).collect();
    let pending = plan
        .findings
        .iter()
        .any(|finding| finding.code == FindingCode::ImagePending);
    let message = if !refusals.is_empty() {
        format!("the plan is refused: {}", refusals.join("; "))
    } else if pending {
        "the plan was made while images were pending; `Sharer::plan` waits for them".to_owned()
    } else {
        return None;
    };
    Some(Error::new(Code::PlanRefused, message).in_account(&plan.account))
}

fn other_account(plan: &Plan, account: &Account) -> Error {
    let (planned, now) = (&plan.account, &account.identity.account);
    Error::new(
        Code::Credentials,
        format!(
            "the plan was made in account {planned}, and the credentials are now those of {now}"
        ),
    )
    .remedy("apply a plan with the credentials that made it")
    .in_account(now)
}

fn no_answer() -> Error {
    Error::new(
        Code::Deadline,
        "the run's deadline passed before STS answered",
    )
    .remedy("check the proxy settings and, where one is set, AWS_ENDPOINT_URL; or raise `timeout`")
}

fn incomplete(mut report: Report, error: Error, events: &dyn EventSink) -> Box<Incomplete> {
    let event = Event::Failed(error);
    report.record(&event);
    events.event(&event);
    Box::new(Incomplete { report })
}

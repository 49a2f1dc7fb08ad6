//! The way in: [`Sharer`].

mod errors;
mod groups;
mod organizations;
mod planning;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use futures::future;
use tokio::sync::OnceCell;
use tokio::time::{self, Instant};

use crate::apply::{self, keys::KeyLocks};
use crate::aws::answers::Secrets;
use crate::aws::clients::{self, Account};
use crate::aws::pace::Paces;
use crate::aws::pin::AccountPin;
use crate::aws::roles::{Role, Roles};
use crate::aws::{Identity, config};
use crate::diagnostic::{Code, Error, Errors, Finding, FindingCode};
use crate::id::AccountId;
use crate::limits::CLEAN_UP_AFTER_DEADLINE;
use crate::plan::Plan;
use crate::report::{Event, EventSink, Incomplete, Report};
use crate::request::ShareRequest;
use crate::run::test_launches::TestLaunches;
use crate::run::{Progress, Run, targets};
use crate::verify;

use self::errors::{no_answer, other_account, refusal};
use self::planning::Purpose;

/// Plans and carries out shares from one source account, the account of its configuration's
/// credentials.
///
/// Dropping a future of it stops the run at once; nothing continues in the background, and the next
/// run continues from what was done. A `Sharer` can serve many requests at the same time, and its
/// futures can be spawned.
pub struct Sharer {
    config: SdkConfig,
    /// What no error repeats, of every request so far.
    secrets: Secrets,
    /// Who the credentials belong to: asked once, as they stay those of one account.
    identity: Arc<OnceCell<Identity>>,
    /// How fast each account may call what.
    paces: Arc<Paces>,
    /// Holds credentials that renew themselves to that account.
    pin: AccountPin,
    roles: Arc<Roles>,
    events: Arc<dyn EventSink>,
    locks: Arc<KeyLocks>,
    /// What is left of test launches whose run was cut off.
    test_launches: Arc<TestLaunches>,
    /// Whether pauses vary at random, so that concurrent runs drift apart.
    jitter: bool,
}

impl std::fmt::Debug for Sharer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sharer").finish_non_exhaustive()
    }
}

impl Sharer {
    /// A sharer with the credentials, HTTP client and clock of `config`. Its retries and timeouts
    /// apply if they were set; those that were not are this library's own. Its Region is not used:
    /// a request names the Regions.
    pub fn new(config: &SdkConfig) -> Self {
        let (pin, secrets) = (AccountPin::default(), Secrets::default());
        Self {
            config: pin.hold(&config::with_defaults(config, &secrets)),
            secrets,
            paces: Arc::default(),
            pin,
            identity: Arc::default(),
            roles: Arc::default(),
            events: Arc::new(|_: &Event| {}),
            locks: Arc::default(),
            test_launches: Arc::default(),
            jitter: true,
        }
    }

    /// Sends the events of every run to `sink`.
    #[must_use]
    pub fn with_events(mut self, sink: impl EventSink + 'static) -> Self {
        self.events = Arc::new(sink);
        self
    }

    /// A sharer with the same credentials, sessions and pace, whose events go to `sink`.
    #[must_use]
    pub fn sibling(&self, sink: impl EventSink + 'static) -> Self {
        Self {
            config: self.config.clone(),
            secrets: self.secrets.clone(),
            identity: Arc::clone(&self.identity),
            paces: Arc::clone(&self.paces),
            pin: self.pin.clone(),
            roles: Arc::clone(&self.roles),
            events: Arc::new(sink),
            locks: Arc::clone(&self.locks),
            test_launches: Arc::clone(&self.test_launches),
            jitter: self.jitter,
        }
    }

    /// Pauses without chance, for tests that must see the same run twice.
    #[cfg(test)]
    pub(crate) fn without_jitter(mut self) -> Self {
        self.jitter = false;
        self
    }

    /// Waits until the images are available, and plans how to share them or how to revoke that.
    ///
    /// Reads only: `sts:GetCallerIdentity`, `ec2:DescribeImages`, `ec2:DescribeSnapshots`,
    /// `ec2:DescribeImageAttribute`, `kms:DescribeKey`, `kms:GetKeyPolicy`; with several Regions
    /// `ec2:DescribeRegions`, with grants and when revoking `kms:ListGrants`, with snapshots and
    /// when revoking `ec2:DescribeSnapshotAttribute`, with a parameter `ssm:GetParameter`, with
    /// `key-role` `sts:AssumeRole`. With a role in targets, also what is to be done there, as that
    /// role, and `ec2:GetAllowedImagesSettings` if targets are verified; when revoking,
    /// `ec2:DescribeVolumes` and `ec2:DescribeSnapshots`. With
    /// [`expand_organizations`](crate::request::ShareRequestBuilder::expand_organizations), first
    /// the accounts of organizations (`organizations:DescribeOrganization`,
    /// `organizations:ListAccounts`, `organizations:ListAccountsForParent`,
    /// `organizations:ListOrganizationalUnitsForParent`).
    ///
    /// Where somebody would lose an image, it also reads AWS's reports on who uses it
    /// (`ec2:DescribeImageUsageReports`, `ec2:DescribeImageUsageReportEntries`), and asks for one
    /// that is missing (`ec2:CreateImageUsageReport`), which AWS keeps for 30 days.
    ///
    /// # Errors
    /// Everything that made planning impossible: images that AWS does not know, denied calls, the
    /// deadline. If something is left to plan all the same, they are the plan's
    /// [errors](Plan::errors). Problems of the plan itself are not errors but
    /// [findings](Plan::findings).
    pub async fn plan(&self, request: &ShareRequest) -> Result<Plan, Errors> {
        Box::pin(self.make_plan(request, Purpose::Run)).await
    }

    /// Plans like [`plan`](Self::plan), but does not wait for images: what can be said now, with
    /// the finding `image.pending` for each image that is still being made, and asks for no report
    /// on who uses an image.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub async fn preview(&self, request: &ShareRequest) -> Result<Plan, Errors> {
        Box::pin(self.make_plan(request, Purpose::DryRun)).await
    }

    /// Checks whether targets can launch what the request shares, and changes nothing; with
    /// [`Verify::Launch`](crate::request::Verify::Launch) it starts a real instance in each target
    /// and terminates it. Without a role in the targets, nothing is known of what is there.
    /// With one, instances are terminated that test launches of runs that are gone left there
    /// (`ec2:DescribeInstances`, `ec2:TerminateInstances`).
    ///
    /// # Errors
    /// As [`plan`](Self::plan). That something prevents a launch, and that the deadline passed
    /// while targets were checked, are not errors but parts of the report.
    pub async fn verify(&self, request: &ShareRequest) -> Result<Report, Errors> {
        Box::pin(self.verify_now(request)).await
    }

    async fn verify_now(&self, request: &ShareRequest) -> Result<Report, Errors> {
        let mut plan = Box::pin(self.make_plan(&request.to_verify(), Purpose::Verify)).await?;
        plan.findings.extend(no_account(&plan));
        let not_allowed = |finding: &Finding| finding.code == FindingCode::AccountNotAllowed;
        if plan.refusals().any(not_allowed) {
            // Not even a role in a target is assumed with these credentials.
            return Ok(Report::begin(&plan));
        }
        let source = self.connect(request, plan.deadline).await?;
        let report = Some(Report::begin(&plan));
        let run = self
            .start(source, &plan.request, plan.deadline, report)
            .await?;
        for error in &plan.errors {
            run.progress.emit(&Event::Failed(error.clone()));
        }
        let verifying = Box::pin(async {
            let sweeping = verify::sweep(&run, &plan);
            future::join(verify::verify(&run, &plan, false), sweeping).await
        });
        match time::timeout_at(plan.deadline, run.telling(verifying)).await {
            Ok((verifications, ())) => {
                for verification in verifications {
                    run.progress.emit(&Event::Verified(verification));
                }
                if Instant::now() >= plan.deadline {
                    end_at_deadline(&run).await;
                }
            }
            Err(_elapsed) => end_at_deadline(&run).await,
        }
        Ok(run.progress.into_report(&plan))
    }

    /// Carries out a plan, before the deadline that began with it.
    ///
    /// # Errors
    /// [`Incomplete`] if anything failed, if a finding refuses the plan, or if an image of it is
    /// still pending; its report says what was done all the same.
    pub async fn apply(&self, plan: &Plan) -> Result<Report, Box<Incomplete>> {
        Box::pin(self.carry_out(plan)).await
    }

    async fn carry_out(&self, plan: &Plan) -> Result<Report, Box<Incomplete>> {
        if plan.groups.is_empty() {
            return Box::pin(self.apply_one(plan)).await;
        }
        match refusal(plan) {
            Some(error) => Err(self.incomplete(Report::begin(plan), error)),
            None => self.apply_groups(plan).await,
        }
    }

    async fn apply_one(&self, plan: &Plan) -> Result<Report, Box<Incomplete>> {
        let not_begun = |error| Err(self.incomplete(Report::begin(plan), error));
        if let Some(error) = refusal(plan) {
            return not_begun(error);
        }
        let source = match self.connect(&plan.request, plan.deadline).await {
            Ok(source) if source.identity.account == plan.account => source,
            Ok(source) => return not_begun(other_account(plan, &source)),
            Err(error) => return not_begun(error),
        };
        let report = Some(Report::begin(plan));
        let run = match self
            .start(source, &plan.request, plan.deadline, report)
            .await
        {
            Ok(run) => run,
            Err(error) => return not_begun(error),
        };
        let applying = Box::pin(apply::apply(&run, &self.locks, plan));
        let applying = run.telling(applying);
        if time::timeout_at(plan.deadline, applying).await.is_err() {
            end_at_deadline(&run).await;
        }
        let report = run.progress.into_report(plan);
        if report.errors.is_empty() {
            Ok(report)
        } else {
            Err(Box::new(Incomplete { report }))
        }
    }

    /// Removes what the test launches of dropped futures left in targets, such as those of a run
    /// that was cancelled: terminates their instances, and deletes their security groups. What is
    /// still there after `grace` is an event with the error `verify.left-behind`.
    pub async fn end_test_launches(&self, grace: Duration) {
        let Some(identity) = self.identity.get() else {
            return;
        };
        let progress = Progress::new(&identity.account, &*self.events, None, self.jitter);
        verify::remove_left(&self.test_launches, &progress, grace).await;
    }

    /// The account of the credentials (`sts:GetCallerIdentity`).
    async fn connect(&self, request: &ShareRequest, deadline: Instant) -> Result<Account, Error> {
        if let Some(id) = &request.options.in_targets.external_id {
            self.secrets.add(id);
        }
        let asking = self.identity.get_or_try_init(|| self.identify(request));
        let known = time::timeout_at(deadline, asking)
            .await
            .unwrap_or_else(|_| Err(no_answer()))?;
        let region = known.accepted_in.as_ref();
        self.pin
            .pin(&known.account, region.unwrap_or(request.home()));
        let max_concurrency = request.options.max_concurrency;
        Ok(Account::new(
            &self.config,
            known,
            max_concurrency,
            &self.paces,
        ))
    }

    /// Asks the STS of each Region of the request until one answers: a Region that cannot be
    /// reached does not stop the others.
    async fn identify(&self, request: &ShareRequest) -> Result<Identity, Error> {
        let home = request.home();
        let mut answer = clients::identity(&self.config, home).await;
        for region in request.regions() {
            let is_unreachable = answer
                .as_ref()
                .is_err_and(|error| error.code == Code::EndpointUnreachable);
            if !is_unreachable {
                break;
            }
            if &region != home
                && let Ok(identity) = clients::identity(&self.config, &region).await
            {
                answer = Ok(identity);
            }
        }
        answer
    }

    /// A run in the source account, with the role for keys and the targets that could be reached
    /// (`sts:AssumeRole`).
    async fn start<'a>(
        &'a self,
        source: Account,
        request: &'a ShareRequest,
        deadline: Instant,
        report: Option<Report>,
    ) -> Result<Run<'a>, Error> {
        let (home, options) = (request.home(), &request.options);
        let key_role = match &options.key_role {
            Some(arn) => {
                let role = Role {
                    arn: arn.clone(),
                    region: home.clone(),
                    session: "ami-share-keys".to_owned(),
                    external_id: None,
                    input: "key-role",
                };
                self.roles.assume(&source, &role)
            }
            None => None,
        };
        let reaching = targets::reach(&self.roles, &source, request);
        let targets = time::timeout_at(deadline, reaching)
            .await
            .map_err(|_elapsed| no_answer())?;
        let progress = Progress::new(&source.identity.account, &*self.events, report, self.jitter);
        let run = Run::new(source, key_role, targets, &options.timing, progress);
        Ok(run.with_test_launches(&self.test_launches))
    }

    fn incomplete(&self, mut report: Report, error: Error) -> Box<Incomplete> {
        let event = Event::Failed(error);
        report.record(&event);
        self.events.event(&event);
        Box::new(Incomplete { report })
    }
}

/// Reports what the deadline cut off, and removes what test launches have left.
async fn end_at_deadline(run: &Run<'_>) {
    let error = run.progress.deadline_error();
    run.progress.emit(&Event::Failed(error));
    let grace = CLEAN_UP_AFTER_DEADLINE;
    Box::pin(verify::remove_left(
        &run.test_launches,
        &run.progress,
        grace,
    ))
    .await;
}

fn not_allowed(request: &ShareRequest, account: &AccountId) -> Option<Finding> {
    let allowed = request.options.allowed_accounts.as_ref()?;
    if allowed.contains(account) {
        return None;
    }
    let names: Vec<&str> = allowed.iter().map(AsRef::as_ref).collect();
    let message = format!(
        "the credentials belong to account {account}, and `allowed-account-ids` allows only {}",
        names.join(", ")
    );
    Some(Finding::refuse(
        FindingCode::AccountNotAllowed,
        account,
        message,
    ))
}

/// That AWS does not say which accounts an organization has, where nothing else is a target.
fn no_account(plan: &Plan) -> Option<Finding> {
    let target = plan.targets.first()?;
    if plan.targets.iter().any(|target| target.account().is_some()) {
        return None;
    }
    let message = "no target is an account, so nothing was verified: which accounts belong to an \
                   organization is not known from here";
    Some(Finding::warn(FindingCode::VerifyNoAccount, target, message))
}

#[cfg(test)]
mod tests;

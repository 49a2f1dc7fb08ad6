//! Whether targets can launch, as far as that can be told: each check says yes, no or unknown, and
//! never more than it looked at (promise P9).

mod judge;
mod keys;
mod launch;
pub(crate) mod matcher;
mod policy;
mod read;
mod source;

use std::time::Duration;

use futures::future;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use crate::error::{Code, Error, codes};
use crate::id::{AccountId, AmiId, Region, SourceImage};
use crate::plan::Plan;
use crate::request::Verify;
use crate::run::Run;

codes! {
    /// What is looked at.
    CheckName {
        /// The role in the target can be assumed.
        Role => "role",
        /// There is an image to launch: the shared one, or the target's own copy.
        Image => "image",
        /// The owner's list of launch permissions names the target.
        LaunchPermission => "launch-permission",
        /// The target sees the image.
        Visible => "visible",
        /// Allowed AMIs in the target let images of this owner through (R7.3).
        AllowedImages => "allowed-amis",
        /// The target may make volumes of the snapshots, where it is to copy (R2.14).
        Snapshots => "snapshots",
        /// Every key of the image works.
        KeyState => "key-state",
        /// The keys' policies or grants let the launcher use them.
        KeyAccess => "key-access",
        /// The launcher's identity policies allow the launch.
        LauncherIam => "launcher-iam",
        /// The key that new volumes are encrypted under can be used (R4.2).
        DefaultKey => "default-key",
        /// Services' roles have their grants (R4.11).
        ServiceRoles => "service-linked-roles",
        /// A real instance ran.
        Launch => "launch",
        /// The source account's own permission for what the plan would do.
        Source => "source-permissions",
    }
}

/// The answer of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is so.
    Yes,
    /// It is not, and a launch fails for it.
    No,
    /// It was not, or could not be, looked at.
    Unknown,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Check {
    /// What was looked at.
    pub name: CheckName,
    /// What came of it.
    pub verdict: Verdict,
    /// What was seen; of a no, what to put right for a yes.
    pub detail: String,
}

/// The sum of the checks of one image in one target; never more than they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sum {
    /// A real instance ran.
    Launched,
    /// Nothing that was looked at stands against a launch; see the checks for what was not.
    NoObstacleFound,
    /// Something stands against it.
    Blocked,
}

/// Whether one target can launch one image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Verification {
    /// The target.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
    /// The image that the request named.
    pub source: SourceImage,
    /// What the target launches: the shared image, or its own copy.
    pub image: Option<AmiId>,
    /// The sum.
    pub sum: Sum,
    /// Each check.
    pub checks: Vec<Check>,
}

/// How long what was changed may take to be in effect before a no is final (R3.2.7, R2.21).
const PROPAGATED: Duration = Duration::from_mins(1);

/// Looks at every target and image of a plan. Where the run has `just_shared`, a no is asked again
/// for a while.
pub(crate) async fn all(run: &Run<'_>, plan: &Plan, just_shared: bool) -> Vec<Verification> {
    let (mut pace, since) = (
        run.pace((Duration::from_secs(2), Duration::from_secs(15))),
        Instant::now(),
    );
    let mut found = loop {
        let evidence = Box::pin(read::all(run, plan)).await;
        let found = judge::all(plan, &evidence);
        let may_pass = found.iter().any(Verification::may_pass);
        if !may_pass || !just_shared || since.elapsed() >= PROPAGATED {
            break found;
        }
        run.wait("targets", "to be able to launch", since, pace.next())
            .await;
    };
    if !just_shared {
        Box::pin(source::check(run, plan, &mut found)).await;
    }
    if plan.in_targets.verify == Verify::Launch {
        let launches = found
            .iter_mut()
            .map(|target| Box::pin(launch::verify(run, plan, target)));
        future::join_all(launches).await;
    }
    found
}

impl Verification {
    pub(crate) fn new(
        account: &AccountId,
        region: &Region,
        source: &SourceImage,
        image: Option<AmiId>,
        checks: Vec<Check>,
    ) -> Self {
        let (account, region, source) = (account.clone(), region.clone(), source.clone());
        let sum = sum(&checks);
        Self {
            account,
            region,
            source,
            image,
            sum,
            checks,
        }
    }

    /// The error of a target that cannot launch.
    pub(crate) fn error(&self) -> Error {
        let failed: Vec<&Check> = self
            .checks
            .iter()
            .filter(|check| check.verdict == Verdict::No)
            .collect();
        let names: Vec<&str> = failed.iter().map(|check| check.name.as_str()).collect();
        let details: Vec<&str> = failed.iter().map(|check| check.detail.as_str()).collect();
        let what = self
            .image
            .as_ref()
            .map_or_else(|| self.source.to_string(), ToString::to_string);
        let message = format!(
            "{} cannot launch {what}: {}",
            self.account,
            names.join(", ")
        );
        Error::new(Code::VerifyBlocked, message)
            .remedy(details.join("; "))
            .at(&self.account, &self.region)
            .on(what)
    }

    /// Whether what blocks it may be nothing but that a change is not in effect yet. A role that
    /// cannot be assumed and an image that is not there stay so.
    fn may_pass(&self) -> bool {
        let stays = |check: &Check| {
            check.verdict == Verdict::No && matches!(check.name, CheckName::Role | CheckName::Image)
        };
        self.sum == Sum::Blocked && !self.checks.iter().any(stays)
    }

    /// Adds a check.
    pub(crate) fn push(&mut self, check: Check) {
        self.checks.push(check);
        self.sum = sum(&self.checks);
    }
}

fn sum(checks: &[Check]) -> Sum {
    if checks.iter().any(|check| check.verdict == Verdict::No) {
        Sum::Blocked
    } else if checks
        .iter()
        .any(|check| check.name == CheckName::Launch && check.verdict == Verdict::Yes)
    {
        Sum::Launched
    } else {
        Sum::NoObstacleFound
    }
}

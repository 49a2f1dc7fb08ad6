//! Whether targets can launch, as values: each check says yes, no or unknown.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::code::codes;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, AmiId, Region, SourceImage};

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
pub enum Conclusion {
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
    pub conclusion: Conclusion,
    /// Each check.
    pub checks: Vec<Check>,
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
        let conclusion = conclude(&checks);
        Self {
            account,
            region,
            source,
            image,
            conclusion,
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
    pub(crate) fn may_pass(&self) -> bool {
        let stays = |check: &Check| {
            check.verdict == Verdict::No && matches!(check.name, CheckName::Role | CheckName::Image)
        };
        self.conclusion == Conclusion::Blocked && !self.checks.iter().any(stays)
    }

    /// Adds a check.
    pub(crate) fn push(&mut self, check: Check) {
        self.checks.push(check);
        self.conclusion = conclude(&self.checks);
    }
}

fn conclude(checks: &[Check]) -> Conclusion {
    if checks.iter().any(|check| check.verdict == Verdict::No) {
        Conclusion::Blocked
    } else if checks
        .iter()
        .any(|check| check.name == CheckName::Launch && check.verdict == Verdict::Yes)
    {
        Conclusion::Launched
    } else {
        Conclusion::NoObstacleFound
    }
}

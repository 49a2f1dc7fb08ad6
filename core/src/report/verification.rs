//! The result of `verify`: whether each target can launch each image, check by check.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::code::codes;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, AmiId, Region, SourceImage};

codes! {
    /// What a check is about.
    CheckName {
        /// The role in the target can be assumed.
        Role => "role",
        /// There is an image to launch: the shared one, or the target's own copy.
        Image => "image",
        /// The owner's list of launch permissions names the target.
        LaunchPermission => "launch-permission",
        /// The target sees the image.
        Visible => "visible",
        /// Allowed AMIs in the target do not hide images of this owner.
        AllowedImages => "allowed-amis",
        /// The target can make volumes of the snapshots, if it is to copy.
        Snapshots => "snapshots",
        /// Every key of the image is enabled.
        KeyState => "key-state",
        /// The policies or grants of the keys let the launcher use them.
        KeyAccess => "key-access",
        /// The launcher's identity policies allow the launch.
        LauncherIam => "launcher-iam",
        /// The launcher can use the key that new volumes are encrypted under.
        DefaultKey => "default-key",
        /// The service-linked roles have their grants.
        ServiceRoles => "service-linked-roles",
        /// A real instance runs.
        Launch => "launch",
        /// The source account may do what the plan would do.
        Source => "source-permissions",
    }
}

/// The answer of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is so.
    Yes,
    /// It is not, and launches fail because of it.
    No,
    /// It was not checked, or could not be.
    Unknown,
}

/// One check, and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Check {
    /// What was checked.
    pub name: CheckName,
    /// The answer.
    pub verdict: Verdict,
    /// What the answer rests on; for a no, what to do about it.
    pub detail: String,
}

/// The conclusion from the checks of one image in one target; never more than they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Conclusion {
    /// A real instance ran.
    Launched,
    /// No check says no; some may be unknown.
    NoObstacleFound,
    /// A check says no: a launch fails.
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
    /// The conclusion.
    pub conclusion: Conclusion,
    /// The checks.
    pub checks: Vec<Check>,
}

/// Where the detail of a check goes on with what to do.
const WHAT_TO_DO: &str = ". What to do: ";

impl Check {
    pub(crate) fn yes(name: CheckName, detail: impl Into<String>) -> Self {
        Self::new(name, Verdict::Yes, detail)
    }

    pub(crate) fn no(name: CheckName, detail: impl Into<String>) -> Self {
        Self::new(name, Verdict::No, detail)
    }

    pub(crate) fn unknown(name: CheckName, detail: impl Into<String>) -> Self {
        Self::new(name, Verdict::Unknown, detail)
    }

    /// A check of something that could not be read.
    pub(crate) fn unread(name: CheckName, error: &Error) -> Self {
        Self::unknown(name, format!("it could not be read: {error}"))
    }

    fn new(name: CheckName, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self {
            name,
            verdict,
            detail: detail.into(),
        }
    }
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

    /// Why a target cannot launch, by every check that failed, and what to do about all of them.
    pub fn failures(&self) -> String {
        let (mut reasons, mut remedies) = (Vec::new(), Vec::new());
        for check in self.causes() {
            match check.detail.split_once(WHAT_TO_DO) {
                Some((reason, remedy)) => {
                    reasons.push(reason);
                    remedies.push(remedy);
                }
                None => reasons.push(&check.detail),
            }
        }
        remedies.dedup();
        let mut text = reasons.join("; ");
        if !remedies.is_empty() {
            text += WHAT_TO_DO;
            text += &remedies.join("; ");
        }
        text
    }

    /// The error of a target that cannot launch.
    pub(crate) fn error(&self) -> Error {
        let (mut names, mut details) = (Vec::new(), Vec::new());
        for check in self.causes() {
            names.push(check.name.as_str());
            // The error says before them that they are what to do.
            details.push(check.detail.replacen(WHAT_TO_DO, ": ", 1));
        }
        let image = match &self.image {
            Some(image) => image.to_string(),
            None => self.source.to_string(),
        };
        let (account, names) = (&self.account, names.join(", "));
        let message = format!("{account} cannot launch {image}: {names}");
        Error::new(Code::VerifyBlocked, message)
            .remedy(details.join("; "))
            .at(account, &self.region)
            .on(image)
    }

    /// The checks that say no, without one that only follows from another: a target does not see
    /// what is not shared with it, or what is hidden from it.
    fn causes(&self) -> impl Iterator<Item = &Check> {
        let is_unseen = [CheckName::LaunchPermission, CheckName::AllowedImages]
            .into_iter()
            .any(|name| self.says_no(name));
        self.checks.iter().filter(move |check| {
            let follows = is_unseen && check.name == CheckName::Visible;
            check.verdict == Verdict::No && !follows
        })
    }

    /// Whether it may be blocked only because a change is not in effect yet. An image that does not
    /// exist is no such change, nor is a setting that hides it.
    pub(crate) fn may_pass(&self) -> bool {
        let is_final = self.says_no(CheckName::Image) || self.says_no(CheckName::AllowedImages);
        self.conclusion == Conclusion::Blocked && !is_final
    }

    /// Whether a check says yes.
    pub(crate) fn says_yes(&self, name: CheckName) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|check| check.name == name && check.verdict == Verdict::Yes)
    }

    /// Whether a check says no.
    pub(crate) fn says_no(&self, name: CheckName) -> bool {
        let mut checks = self.checks.iter();
        checks.any(|check| check.name == name && check.verdict == Verdict::No)
    }

    /// Adds a check.
    pub(crate) fn push(&mut self, check: Check) {
        self.checks.push(check);
        self.conclusion = conclude(&self.checks);
    }
}

fn conclude(checks: &[Check]) -> Conclusion {
    let mut launched = false;
    for check in checks {
        match check.verdict {
            Verdict::No => return Conclusion::Blocked,
            Verdict::Yes => launched |= check.name == CheckName::Launch,
            Verdict::Unknown => {}
        }
    }
    if launched {
        Conclusion::Launched
    } else {
        Conclusion::NoObstacleFound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_from_another_check_is_no_cause() {
        let source: SourceImage = SourceImage {
            region: "us-east-1".parse().unwrap(),
            ami: "ami-1a2b3c4d".parse().unwrap(),
        };
        let (account, region) = ("222222222222".parse().unwrap(), source.region.clone());
        let unseen = || Check::no(CheckName::Visible, "it is not seen");
        for cause in [CheckName::AllowedImages, CheckName::LaunchPermission] {
            let checks = vec![Check::no(cause, "the cause"), unseen()];
            let blocked = Verification::new(&account, &region, &source, None, checks);
            assert_eq!(blocked.failures(), "the cause");
            assert!(!blocked.error().to_string().contains("it is not seen"));
            assert_eq!(blocked.may_pass(), cause == CheckName::LaunchPermission);
        }
        let blocked = Verification::new(&account, &region, &source, None, vec![unseen()]);
        assert_eq!(blocked.failures(), "it is not seen");
    }

    #[test]
    fn what_to_do_is_said_once_of_all_checks_that_failed() {
        let source = SourceImage {
            region: "us-east-1".parse().unwrap(),
            ami: "ami-1a2b3c4d".parse().unwrap(),
        };
        let checks = vec![
            Check::no(CheckName::Image, "it is hidden. What to do: show it"),
            Check::no(CheckName::KeyAccess, "no statement"),
            Check::yes(CheckName::LaunchPermission, "there. What to do: nothing"),
            Check::no(
                CheckName::Launch,
                "denied. What to do: allow it. AWS said: no",
            ),
        ];
        let (account, region) = (
            "222222222222".parse().unwrap(),
            "us-east-1".parse().unwrap(),
        );
        let blocked = Verification::new(&account, &region, &source, None, checks);
        let expected = "it is hidden; no statement; denied. What to do: show it; allow it. AWS \
                        said: no";
        assert_eq!(blocked.failures(), expected);
        let error = blocked.error().to_string();
        assert_eq!(error.matches("What to do").count(), 1, "{error}");
        for words in ["it is hidden: show it", "no statement", "denied: allow it"] {
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}

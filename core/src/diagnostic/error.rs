//! What went wrong: a stable code, where it happened, what AWS said, and what to do about it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::code::remedied;
use crate::id::{AccountId, Region};

remedied! {
    /// The kind of an [`Error`].
    Code {
        /// A policy refuses the call.
        AccessDenied => "access.denied":
            "allow the action to the caller, in the policy that the message names";
        /// AWS returned an error for which this tool has no code.
        AwsRefused => "aws.refused":
            "see AWS's answer; the request ID finds the call in CloudTrail";
        /// AWS answered with an error of its own (HTTP status 500 and above), and may have done
        /// what was asked or not.
        AwsUnavailable => "aws.unavailable":
            "run again: what was done stays done. If it stays so, see AWS's health dashboard";
        /// AWS answered with something that this version does not understand.
        AwsUnexpected => "aws.unexpected":
            "run again; if it stays so, look for a newer version, and check AWS_ENDPOINT_URL if \
             it is set";
        /// A value in AWS's answer is missing, or has a form that this version does not know. It
        /// is not taken for absent, so nothing that depends on it is done.
        AwsUnreadable => "aws.unreadable":
            "look for a newer version of this tool, and report the value that the message shows. \
             Until then leave out the image or the target that it belongs to. If AWS_ENDPOINT_URL \
             is set, check that AWS answers there";
        /// A copy failed.
        CopyFailed => "copy.failed":
            "run again: the next run makes a new copy, and removes the failed one when the new \
             copy is available";
        /// No credentials were found, or they are expired, unknown to AWS, or those of another
        /// account.
        Credentials => "credentials.invalid":
            "renew the credentials: assume the role again right before this step, and pass the \
             session token together with the access key";
        /// The run's deadline passed.
        Deadline => "deadline":
            "run again, and it continues from here; or raise `timeout`";
        /// The endpoint could not be reached, or did not answer in time.
        EndpointUnreachable => "endpoint.unreachable":
            "check the Region, the proxy settings and, if it is set, AWS_ENDPOINT_URL";
        /// Somebody disabled an image during the run, which takes every permission to launch it.
        ImageDisabled => "image.disabled-meanwhile":
            "find out who disabled it (CloudTrail, `DisableImage`), enable it with \
             `aws ec2 enable-image`, and run again";
        /// AWS does not know the image, or does not show it to this account.
        ImageNotFound => "image.not-found":
            "check the AMI ID, its Region and the account of the credentials";
        /// AWS could not make a report on who uses an image, or has no fresh one for a dry run.
        NoUsageReport => "image.no-usage-report":
            "run again; AWS makes a new report on the usage of the image then";
        /// KMS rejected principals in the key policy as invalid.
        KeyInvalidPrincipals => "key.invalid-principals":
            "check that the rejected accounts exist and are not closed";
        /// Instances, volumes or snapshots of a target use the key, so the target keeps its access.
        KeyInUseByTarget => "key.in-use-by-target":
            "let the target re-encrypt its volumes and snapshots with its own key, then run again. \
             Or run `mode: revoke` with `revoke-keys-in-use`: running instances keep running, but \
             once stopped they cannot start again";
        /// Another run removes the access to a key that this one adds.
        KeyPolicyContended => "key.policy-contended":
            "find the run that revokes these targets, and let only one of the two run";
        /// KMS does not accept the key policy.
        KeyPolicyRefused => "key.policy-refused":
            "see KMS's answer, and repair what it names in the policy of the key";
        /// The policy of a key was read too slowly to be changed safely beside other runs.
        KeyPolicySlow => "key.policy-slow":
            "run this where KMS answers within 1.5 s, such as in a runner nearer to the key's \
             Region, or set `key-access: grants`, which changes no key policy";
        /// AWS does not know the key.
        KeyNotFound => "key.not-found":
            "make the alias in that Region and account, or give each Region a key that it has in \
             `kms-key-id`: `us-east-1=alias/a eu-west-1=alias/b`";
        /// A key was disabled, or is to be deleted, since the plan was made.
        KeyUnusable => "key.disabled-meanwhile":
            "find out who disabled it (CloudTrail, `DisableKey`, `ScheduleKeyDeletion`), enable it \
             or cancel its deletion, then run again";
        /// A launch template was deleted since the plan was made.
        LaunchTemplateGone => "launch-template.gone":
            "find out who deleted it (CloudTrail, `DeleteLaunchTemplate`), and take it out of \
             `target-launch-templates`, or create it again and run again";
        /// An SSM parameter that the request takes an image from does not exist, or holds no AMI
        /// ID. Nothing is done then, for it is not known what was asked for.
        ParameterWithoutImage => "parameter.without-image":
            "check the name, the Region and the account of the parameter; publish an image in it \
             with `publish-ssm-parameter`, or give the AMI ID as `ami-id`";
        /// A finding refuses a part of the request, which is left out; the others are done.
        PartLeftOut => "part.left-out":
            "see the finding for what to do, then run again";
        /// Somebody takes the permission for an image or its snapshots that this run gives.
        PermissionContended => "permission.contended":
            "find out who takes it (CloudTrail, `ModifyImageAttribute`, \
             `ModifySnapshotAttribute`), and let only one of the two run";
        /// Somebody gained access after the plan was made that `expect-plan` asks for, and keeps
        /// it.
        PlanNewcomers => "plan.newcomers":
            "look at a new dry run; if they are to lose it too, have its digest approved, and run \
             with that";
        /// Somebody changed a parameter or a launch template after the plan was made, and it was
        /// left as it is: `expect-plan` replaces only what that plan names.
        PlanOutdated => "plan.outdated":
            "look at a new dry run, and run again: with `expect-plan`, by its digest";
        /// The plan has findings that refuse it.
        PlanRefused => "plan.refused":
            "see each finding for what to do; if images were pending, plan again";
        /// The Region is not turned on for the account: AWS does not know its credentials there.
        RegionOff => "region.not-enabled":
            "turn the Region on in the account's settings, or leave it out of this run. If it is \
             on, the session is of STS's global endpoint, which such Regions do not take: take \
             the credentials from a Region's own endpoint";
        /// A role in a target cannot be assumed.
        RoleNotAssumable => "role.not-assumable":
            "create the role, let it trust the caller (`sts:AssumeRole`, with the external ID if \
             one is set), and allow the caller to assume it";
        /// IAM refused the inline policy: it would exceed the role's quota, or the role cannot be
        /// changed.
        RolePolicyRefused => "role.policy-refused":
            "set `target-launch-policy`: a managed policy of the target is then attached, and no \
             inline policy is written. Or remove inline policies that the role no longer needs";
        /// SSM did not accept an image for a parameter, or the parameter came to hold something
        /// else during the run.
        ParameterRefused => "parameter.refused":
            "allow ssm:PutParameter and ec2:DescribeImages to the caller: SSM checks the image \
             with that identity";
        /// A quota of the account is used up.
        Quota => "quota.exceeded":
            "remove what is no longer needed, or ask AWS to raise the quota that its message names";
        /// Something that a test launch made in a target could not be removed.
        TestLaunchLeft => "verify.left-behind":
            "terminate the instance and delete the security group that the message names: an \
             instance costs money until it is terminated. A later run that reaches the target with \
             the same role does so too";
        /// A check found that a target cannot launch.
        VerifyBlocked => "verify.blocked":
            "see each failed check in the report: it says what to repair";
        /// AWS kept throttling until the last retry.
        Throttled => "aws.throttled":
            "run again later, or lower `max-concurrency`: all callers in the account share one \
             rate \
             limit for each API";
    }
}

/// What AWS itself said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AwsAnswer {
    /// AWS's error code.
    pub code: String,
    /// AWS's error message.
    pub message: String,
    /// The request ID, which AWS Support and CloudTrail use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// More than AWS says of any error, an encoded authorization message included.
const LONGEST_CODE: usize = 200;
const LONGEST_MESSAGE: usize = 16_384;

impl AwsAnswer {
    /// AWS's words, cut off where they are longer than AWS's are.
    pub(crate) fn new(code: &str, message: &str, request_id: Option<String>) -> Self {
        let cut = |text: &str, longest| match text.char_indices().nth(longest) {
            Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
            None => text.to_owned(),
        };
        Self {
            code: cut(code, LONGEST_CODE),
            message: cut(message, LONGEST_MESSAGE),
            request_id,
        }
    }
}

/// Without a full stop, which the sentence around it brings.
impl fmt::Display for AwsAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.message.trim().trim_end_matches('.');
        write!(f, "{}: {words}", self.code)
    }
}

/// One thing that went wrong, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, thiserror::Error)]
#[non_exhaustive]
pub struct Error {
    /// What kind of error this is.
    pub code: Code,
    /// What happened.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The account in which it happened, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The Region in which it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// The ID or ARN of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The call, as IAM names it: `ec2:CopyImage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    /// What AWS said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsAnswer>,
}

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            remedy: code.remedy().to_owned(),
            account: None,
            region: None,
            resource: None,
            action: None,
            aws: None,
        }
    }

    /// Replaces the code's general remedy with a more specific one.
    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: remedy.into(),
            ..self
        }
    }

    pub(crate) fn at(mut self, account: &AccountId, region: &Region) -> Self {
        self.account = Some(account.clone());
        self.region = Some(region.clone());
        self
    }

    pub(crate) fn in_account(mut self, account: &AccountId) -> Self {
        self.account = Some(account.clone());
        self
    }

    pub(crate) fn on(mut self, resource: impl fmt::Display) -> Self {
        self.resource = Some(resource.to_string());
        self
    }

    /// What happened, where, and what AWS said: for a text that says itself what to do.
    pub(crate) fn without_remedy(&self) -> String {
        let mut text = self.happened();
        if let Some(aws) = &self.aws {
            text += &format!(". AWS said: {aws}");
        }
        text
    }

    /// The code, what happened, and where.
    fn happened(&self) -> String {
        let mut place: Vec<String> = Vec::new();
        // What the message says already is not repeated.
        let is_new = |part: &&str| !self.message.contains(*part);
        let action = self.action.filter(|action| !self.remedy.contains(action));
        place.extend(action.filter(is_new).map(str::to_owned));
        place.extend(self.resource.as_deref().filter(is_new).map(str::to_owned));
        let account = self.account.as_ref().map(AsRef::<str>::as_ref);
        place.extend(
            account
                .filter(is_new)
                .map(|account| format!("account {account}")),
        );
        // A role is the same in every Region.
        let is_regional = self.code != Code::RoleNotAssumable;
        let region = self.region.as_ref().filter(|_| is_regional);
        let region = region.map(AsRef::<str>::as_ref);
        place.extend(region.filter(is_new).map(str::to_owned));
        let place = match place.as_slice() {
            [] => String::new(),
            place => format!(" ({})", place.join(", ")),
        };
        format!("{}: {}{place}", self.code, self.message)
    }

    /// Whether AWS's own code is one of these.
    pub(crate) fn is_aws(&self, codes: &[&str]) -> bool {
        self.aws
            .as_ref()
            .is_some_and(|aws| codes.contains(&aws.code.as_str()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // AWS's words may be very long, so they are last.
        write!(f, "{}. What to do: {}", self.happened(), self.remedy)?;
        if let Some(aws) = &self.aws {
            write!(f, ". AWS said: {aws}")?;
        }
        Ok(())
    }
}

/// Everything that stopped a plan; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors(Vec<Error>);

impl Errors {
    /// `Err` with these errors, or `Ok` if there are none.
    pub(crate) fn fail_if_any(errors: Vec<Error>) -> Result<(), Self> {
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Self(errors))
        }
    }

    /// These errors.
    pub(crate) fn of(errors: &[Error]) -> Self {
        Self(errors.to_vec())
    }

    pub(crate) fn as_slice(&self) -> &[Error] {
        &self.0
    }

    /// Each error.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a Errors {
    type Item = &'a Error;
    type IntoIter = std::slice::Iter<'a, Error>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

impl Serialize for Errors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_aws_are_whole_unless_longer_than_aws_has_any() {
        let whole = AwsAnswer::new("AccessDenied", &"é".repeat(LONGEST_MESSAGE), None);
        assert_eq!(whole.code, "AccessDenied");
        assert_eq!(whole.message.chars().count(), LONGEST_MESSAGE);
        let (code, message) = ("c".repeat(1_000), "é".repeat(LONGEST_MESSAGE + 1));
        let cut = AwsAnswer::new(&code, &message, None);
        assert_eq!(cut.code.chars().count(), LONGEST_CODE + 1);
        assert_eq!(cut.message.chars().count(), LONGEST_MESSAGE + 1);
        assert!(cut.message.ends_with('…'));
    }
}

//! What a test launch shows. A no is only what shows that the share is wrong; whatever else stands
//! in the way could not be tested, and says which input mends it.

use crate::diagnostic::{AwsAnswer, Code, Error};
use crate::id::AmiId;
use crate::report::{Check, CheckName};
use crate::run::effect::{self, ChangeKind};

const NAME: CheckName = CheckName::Launch;

/// How a test launch went.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The instance ran.
    Ran(String),
    /// EC2 ended it before it ran.
    Ended(End),
    /// AWS refused a call, or did not answer.
    Refused(Error),
    /// The target does not see the image.
    Invisible(AmiId),
    /// No subnet is given, and there is no default VPC.
    NoDefaultVpc,
    /// No instance type fits, in the zone if one is given.
    NoType(Option<String>),
    /// The security group has rules.
    OpenGroup,
    /// The instance was pending for too long.
    TookTooLong,
}

impl Outcome {
    /// The kinds of changes that explain it as long as they are not in effect.
    pub(super) fn kinds_behind(&self) -> &'static [ChangeKind] {
        match self {
            Self::Ended(end) if end.is_about_keys() => &[
                ChangeKind::KeyPolicy,
                ChangeKind::Grants,
                ChangeKind::FoundKeyAccess,
                ChangeKind::RolePolicy,
            ],
            Self::Refused(error) => effect::kinds_behind(error),
            Self::Invisible(_) => &[ChangeKind::Sharing, ChangeKind::FoundSharing],
            _ => &[],
        }
    }

    /// What AWS said.
    pub(super) fn answer(&self) -> Option<AwsAnswer> {
        match self {
            Self::Ended(end) => Some(AwsAnswer {
                code: end.code.clone(),
                message: end.words.clone(),
                request_id: None,
            }),
            Self::Refused(error) => error.aws.clone(),
            _ => None,
        }
    }
}

/// The end of an instance that did not run.
#[derive(Debug)]
pub(super) struct End {
    pub(super) instance: String,
    /// The code of AWS's reason, and its words.
    pub(super) code: String,
    pub(super) words: String,
    /// Whether the launch used any key.
    pub(super) needs_keys: bool,
}

impl End {
    /// Whether a key may be what ended it. AWS says no more of some launches that KMS refused
    /// (R4.5).
    fn is_about_keys(&self) -> bool {
        self.code.starts_with("Client.InvalidKMSKey")
            || self.code == "Client.InternalError" && self.needs_keys
    }
}

/// AWS's codes for an image that the caller cannot launch.
const INVISIBLE: &[&str] = &["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"];
/// EC2 answers it for an image that is not shared, and for unknown credentials (R4.10).
const NOT_AUTHORIZED: (&str, &str) = ("AuthFailure", "Not authorized for images");
/// Codes after which EC2 may have done what it was asked for.
const UNCERTAIN: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "ServiceUnavailable",
    "Unavailable",
];
/// Codes that are about the instance type or its zone (R7.28).
const ABOUT_TYPE: &[&str] = &[
    "InsufficientHostCapacity",
    "InsufficientInstanceCapacity",
    "InvalidInstanceType",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "Unsupported",
    "UnsupportedOperation",
    "VcpuLimitExceeded",
];

const GIVE_SUBNET: &str = "give a subnet as `verify-subnet-id`: one for all, or one for each \
    account and Region, as in `222222222222/eu-west-1=subnet-1a2b3c4d`";
const GIVE_TYPE: &str = "give an instance type that the image, the account and the Availability \
    Zone allow as `verify-instance-type`, or a subnet in another zone as `verify-subnet-id`";
const GIVE_TAGS: &str = "give the tags that the organization asks for as `tags`: everything that \
    the test makes has them";
const RUN_AGAIN: &str = "run again, or give another type as `verify-instance-type`";

/// What to do about AWS's codes.
const REMEDIES: &[(&[&str], &str)] = &[
    (
        &[
            "DefaultVpcDoesNotExist",
            "InsufficientFreeAddressesInSubnet",
            "InvalidSubnet",
            "InvalidSubnetID.Malformed",
            "InvalidSubnetID.NotFound",
            "InvalidVpcID.NotFound",
            "MissingInput",
            "VPCIdNotSpecified",
            "VPCResourceNotSpecified",
        ],
        GIVE_SUBNET,
    ),
    (
        &["InstanceLimitExceeded", "VcpuLimitExceeded"],
        "have the quota for running instances raised in the target, or give a type of another \
         family as `verify-instance-type`",
    ),
    (ABOUT_TYPE, GIVE_TYPE),
    (&["TagPolicyViolation", "TagLimitExceeded"], GIVE_TAGS),
    (
        &[
            "NetworkInterfaceLimitExceeded",
            "ResourceLimitExceeded",
            "SecurityGroupLimitExceeded",
            "VolumeLimitExceeded",
        ],
        "have the quota that AWS names raised in the target, or remove what is not needed there",
    ),
    (
        &["Blocked", "PendingVerification"],
        "have AWS Support clear the target account",
    ),
];

/// Who launched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tester<'a> {
    pub(super) arn: &'a str,
    /// Whether others launch later, who may do so and use the keys: then it says nothing of the
    /// share that this one may not.
    pub(super) is_stand_in: bool,
}

/// The check that follows from the outcome.
pub(super) fn judge(outcome: &Outcome, tester: Tester<'_>) -> Check {
    let launcher = tester.arn;
    match outcome {
        Outcome::Ran(id) => Check::yes(NAME, format!("{id} ran, launched as {launcher}")),
        Outcome::Ended(end) => judge_end(end, tester),
        Outcome::Refused(error) if is_about_key(error) => judge_key(&error.to_string(), tester),
        Outcome::Refused(error) => judge_error(error, tester),
        Outcome::Invisible(id) => Check::no(
            NAME,
            format!("the target does not see {id}: see the other checks for what hides it"),
        ),
        Outcome::NoDefaultVpc => untested("there is no default VPC in the target", GIVE_SUBNET),
        Outcome::NoType(None) => untested(
            "no small instance type of the Region fits the image",
            GIVE_TYPE,
        ),
        Outcome::NoType(Some(zone)) => {
            let why = format!("no small instance type of {zone} fits the image");
            untested(&why, GIVE_TYPE)
        }
        Outcome::OpenGroup => untested(
            "the security group of the test got rules that this run did not make",
            "exempt groups with the tag `ami-share:verify` from the tool that adds rules",
        ),
        Outcome::TookTooLong => untested("no instance ran within 10 minutes", RUN_AGAIN),
    }
}

/// The check of an image that its owner's side does not show any more, or could not.
pub(super) fn judge_lost(error: &Error, tester: Tester<'_>) -> Check {
    match error.code {
        Code::ImageNotFound | Code::ImageDisabled => Check::no(NAME, error.to_string()),
        _ => judge_error(error, tester),
    }
}

fn judge_end(end: &End, tester: Tester<'_>) -> Check {
    let launcher = tester.arn;
    let (id, words) = (&end.instance, &end.words);
    let ended = format!("{id} did not run: {words}");
    match end.code.as_str() {
        // It ran, and its own system shut it down.
        "Client.InstanceInitiatedShutdown" => {
            Check::yes(NAME, format!("{id} ran, launched as {launcher}"))
        }
        _ if end.is_about_keys() => judge_key(&ended, tester),
        "Client.UserInitiatedShutdown" => untested(&ended, "find who terminated it, and run again"),
        "Client.VolumeLimitExceeded" => untested(
            &ended,
            "have the quota for EBS volumes raised in the target",
        ),
        code if code.starts_with("Client.InvalidSnapshot") => untested(
            &ended,
            "see which of the image's snapshots is gone: without it nobody can launch the image, \
             and it must be built anew",
        ),
        _ => untested(&ended, RUN_AGAIN),
    }
}

fn judge_key(ended: &str, tester: Tester<'_>) -> Check {
    let launcher = tester.arn;
    if tester.is_stand_in {
        let why = format!("{ended}. {launcher} may not use a key of the launch");
        return untested(&why, &allow_tester(tester, "the keys of the image"));
    }
    let detail = format!(
        "{ended}. A key of the launch is disabled, or {launcher} may not use it: see the checks of \
         keys, and allow the launcher what a launch asks of them. If it was allowed only minutes \
         ago, verify again: AWS may take longer than the five minutes that it documents"
    );
    Check::no(NAME, detail)
}

/// What lets a stand-in test.
fn allow_tester(tester: Tester<'_>, what: &str) -> String {
    format!(
        "allow {} {what} too, as the roles that launch may, or go by the checks of these roles",
        tester.arn
    )
}

fn judge_error(error: &Error, tester: Tester<'_>) -> Check {
    if is_of_this_test(error) {
        let why = error.to_string();
        return untested(&why, &format!("{GIVE_TYPE}; or {GIVE_TAGS}"));
    }
    if is_denial(error) && tester.is_stand_in {
        let what = format!("`{}`", denied_action(error));
        return untested(&error.message, &allow_tester(tester, &what));
    }
    if is_invisible(error) || is_denial(error) {
        let mut detail = error.to_string();
        if detail.contains("service control policy") {
            detail = format!("{detail}. If the organization asks for tags, {GIVE_TAGS}");
        }
        return Check::no(NAME, detail);
    }
    let why = match &error.aws {
        Some(aws) => format!("{}. AWS said: {aws}", error.message),
        None => error.message.clone(),
    };
    untested(&why, &remedy(error))
}

/// Whether AWS does not show the target the image.
fn is_invisible(error: &Error) -> bool {
    let Some(aws) = &error.aws else {
        return false;
    };
    let (code, words) = NOT_AUTHORIZED;
    INVISIBLE.contains(&aws.code.as_str()) || aws.code == code && aws.message.contains(words)
}

/// Whether the launch itself, or the use of a key, is denied.
fn is_denial(error: &Error) -> bool {
    let denied = denied_action(error);
    let (not_authorized, _) = NOT_AUTHORIZED;
    !error.is_aws(&[not_authorized])
        && error.code == Code::AccessDenied
        && (denied == "ec2:RunInstances" || denied.starts_with("kms:"))
}

/// Whether a deny is about what this test launches, such as its instance type, its tags or its
/// network: others launch otherwise. A launch is authorized for each resource, and the image and
/// its snapshots are what is shared.
fn is_of_this_test(error: &Error) -> bool {
    let message = error.aws.as_ref().map_or("", |aws| aws.message.as_str());
    let resource = message.split(" on resource: ").nth(1);
    let resource = resource.and_then(|rest| rest.split_whitespace().next());
    let Some(kind) = resource.and_then(|arn| arn.splitn(6, ':').nth(5)) else {
        return false;
    };
    let is_shared = ["image/", "snapshot/"]
        .iter()
        .any(|prefix| kind.starts_with(prefix));
    denied_action(error) == "ec2:RunInstances" && message.contains("explicit deny") && !is_shared
}

/// The action that was denied, which may be one that the call implies.
fn denied_action(error: &Error) -> &str {
    let message = error.aws.as_ref().map_or("", |aws| aws.message.as_str());
    let named = message.split("not authorized to perform: ").nth(1);
    let named = named.and_then(|rest| rest.split_whitespace().next());
    named.or(error.action).unwrap_or_default()
}

fn remedy(error: &Error) -> String {
    if error.code == Code::AccessDenied {
        let action = denied_action(error);
        return format!(
            "allow `{action}` to the role in the target, as the policy `verifier-launch` of \
             docs/IAM.md does. If a policy asks for tags, {GIVE_TAGS}"
        );
    }
    for (codes, remedy) in REMEDIES {
        if error.is_aws(codes) {
            return (*remedy).to_owned();
        }
    }
    error.remedy.clone()
}

fn untested(why: &str, remedy: &str) -> Check {
    Check::unknown(
        NAME,
        format!("could not be tested: {why}. What to do: {remedy}"),
    )
}

/// Whether AWS has certainly not done what it was asked for.
pub(super) fn is_final(error: &Error) -> bool {
    error.aws.is_some() && !error.is_aws(UNCERTAIN)
}

/// Whether another instance type may be launched all the same.
pub(super) fn is_about_type(error: &Error) -> bool {
    error.is_aws(ABOUT_TYPE) && !is_about_key(error)
}

/// Whether EC2 refuses a key of the launch: it answers the code of any bad value (R1.5.5, R1.5.6).
fn is_about_key(error: &Error) -> bool {
    let aws = error.aws.as_ref();
    aws.is_some_and(|aws| aws.code == "InvalidParameterValue" && aws.message.contains(" keyId "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::AwsAnswer;
    use crate::report::Verdict;

    #[test]
    fn key_that_ec2_refuses_is_no_matter_of_the_instance_type() {
        let key = "arn:aws:kms:us-east-1:111111111111:key/60ffbecc-6a79-2ec0-96ea-76fb242a3dfd";
        for (message, is_about_key) in [
            (format!("The specified keyId {key} is disabled"), true),
            (format!("The specified keyId {key} is invalid"), true),
            (
                "Invalid value 't9.nano' for InstanceType.".to_owned(),
                false,
            ),
        ] {
            let mut error = Error::new(Code::AwsRefused, "refused");
            error.aws = Some(AwsAnswer::new("InvalidParameterValue", &message, None));
            assert_eq!(is_about_type(&error), !is_about_key, "{message}");
            let tester = Tester {
                arn: "launcher",
                is_stand_in: false,
            };
            let check = judge(&Outcome::Refused(error), tester);
            let is_no = check.verdict == Verdict::No;
            assert_eq!(is_no, is_about_key, "{}", check.detail);
        }
    }
}

//! STS: the identity of credentials, and why a role cannot be assumed.

use super::explain::{self, Denial};
use super::{Caller, Identity};
use crate::diagnostic::{AwsAnswer, Code, Error};
use crate::id::{Region, RoleArn};

const ASSUME_ROLE: &str = "sts:AssumeRole";
const CALLER_IDENTITY: &str = "sts:GetCallerIdentity";

/// The account and principal behind the credentials (`sts:GetCallerIdentity`, which needs no
/// permission, R5.6).
pub(crate) async fn caller_identity(
    client: &aws_sdk_sts::Client,
    caller: &Caller,
) -> Result<Identity, Error> {
    let answer = caller
        .send(CALLER_IDENTITY, None, || {
            client.get_caller_identity().send()
        })
        .await?;
    let account = answer.account().and_then(|account| account.parse().ok());
    match (account, answer.arn()) {
        (Some(account), Some(arn)) => Ok(Identity {
            account,
            arn: arn.to_owned(),
            accepted_in: Some(caller.region.clone()),
        }),
        _ => Err(Error::new(
            Code::AwsUnexpected,
            "STS did not say which account the credentials belong to",
        )
        .remedy("check AWS_ENDPOINT_URL, if it is set: what answers there is not STS")),
    }
}

/// Our error for a call that was to be made with a role's session, if it failed because the role
/// cannot be assumed; any other error as it is.
pub(crate) fn explain_role(
    error: Error,
    caller: &Identity,
    role: &RoleArn,
    external_id: &str,
) -> Error {
    let (Some(account), Some(region)) = (role.account(), error.region.clone()) else {
        return error;
    };
    let Some(aws) = error.aws.clone() else {
        return error.at(&account, &region);
    };
    if aws.message.contains(ASSUME_ROLE) {
        return not_assumable(caller, role, external_id, Some(aws)).at(&account, &region);
    }
    let explained = match error.action {
        Some(ASSUME_ROLE) if explain::refuses_credentials(&aws) => {
            return refused_caller(caller, &region, aws).on(role);
        }
        // STS has given these credentials a moment ago, so they are valid elsewhere (R7.26).
        Some(CALLER_IDENTITY) if explain::are_credentials_unknown(&aws) => {
            let mut off = explain::region_off(CALLER_IDENTITY, Some(&account), &region);
            (off.action, off.aws) = (Some(CALLER_IDENTITY), Some(aws));
            off
        }
        // Some other reason, such as a session that is asked to be too long (R5.3).
        _ if error.code == Code::Credentials => Error {
            remedy: format!("see what STS said, and correct the role {role}"),
            ..error.on(role)
        },
        _ => error,
    };
    explained.at(&account, &region)
}

/// STS does not accept the credentials that a role was to be assumed with.
fn refused_caller(caller: &Identity, region: &Region, aws: AwsAnswer) -> Error {
    let is_elsewhere = caller.accepted_in.as_ref() != Some(region);
    let mut error = if is_elsewhere && explain::are_credentials_unknown(&aws) {
        explain::region_off(ASSUME_ROLE, Some(&caller.account), region)
    } else {
        let message = format!(
            "AWS does not accept the credentials of account {} for {ASSUME_ROLE}",
            caller.account
        );
        Error::new(Code::Credentials, message)
    };
    (error.action, error.aws) = (Some(ASSUME_ROLE), Some(aws));
    error.at(&caller.account, region)
}

/// The error of a role that cannot be assumed. If AWS does not tell the reasons apart (R5.1), the
/// remedy names all of them. `external_id` says what its trust policy must have of one.
pub(crate) fn not_assumable(
    caller: &Identity,
    role: &RoleArn,
    external_id: &str,
    answer: Option<AwsAnswer>,
) -> Error {
    // Trust policies name the role behind a session, not the session.
    let principal = describe_principal(&caller.arn);
    let denial = Denial {
        principal: &principal,
        action: ASSUME_ROLE,
        resource: role.as_ref(),
    };
    let by_words = answer
        .as_ref()
        .and_then(|aws| denial.named_policy(&aws.message));
    let all = || {
        format!(
            "`aws iam get-role --role-name NAME` there must show it, trusting {principal} or its \
             account{external_id}"
        )
    };
    let message = format!("{role} cannot be assumed");
    let mut error = Error::new(Code::RoleNotAssumable, message)
        .remedy(by_words.unwrap_or_else(all))
        .on(role);
    error.action = Some(ASSUME_ROLE);
    error.aws = answer;
    error
}

/// The name of the role of a session's ARN; its path, a session's ARN does not hold.
pub(crate) fn role_name_of(session: &str) -> Option<&str> {
    let (_, rest) = session.split_once(":assumed-role/")?;
    rest.split('/').next()
}

/// A principal as policies name it: the role behind a session, by its name, because its ARN may
/// have a path.
pub(super) fn describe_principal(arn: &str) -> String {
    match (role_name_of(arn), arn.split(':').nth(4)) {
        (Some(name), Some(account)) => format!("role `{name}` of account {account}"),
        _ => arn.to_owned(),
    }
}

//! STS: the identity of credentials, and why a role cannot be assumed.

use super::{Caller, Identity};
use crate::diagnostic::{AwsAnswer, Code, Error};
use crate::id::RoleArn;

/// The account and principal behind the credentials (`sts:GetCallerIdentity`, which needs no
/// permission, R5.6).
pub(crate) async fn caller_identity(
    client: &aws_sdk_sts::Client,
    caller: &Caller,
) -> Result<Identity, Error> {
    const ACTION: &str = "sts:GetCallerIdentity";
    let answer = caller
        .send(ACTION, None, client.get_caller_identity().send())
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
    external_id: bool,
) -> Error {
    let (Some(account), region) = (role.account(), error.region.clone()) else {
        return error;
    };
    let denial = error
        .aws
        .clone()
        .filter(|aws| aws.message.contains("sts:AssumeRole"));
    let mut explained = match (denial, error.code) {
        (Some(denial), _) => not_assumable(caller, role, external_id, Some(denial)),
        // Some other reason, such as a session that is asked to be too long (R5.3).
        (None, Code::Credentials) => Error {
            resource: Some(role.to_string()),
            remedy: format!("see what STS said, and correct the role {role}"),
            ..error
        },
        (None, _) => error,
    };
    (explained.account, explained.region) = (Some(account), region);
    explained
}

/// The error of a role that cannot be assumed. AWS does not tell the reasons apart (R5.1), so the
/// remedy names all of them.
pub(crate) fn not_assumable(
    caller: &Identity,
    role: &RoleArn,
    external_id: bool,
    answer: Option<AwsAnswer>,
) -> Error {
    // Trust policies name the role behind a session, not the session.
    let principal = describe_principal(&caller.arn);
    let condition = if external_id {
        ", if `StringEquals` `sts:ExternalId` is the given `target-external-id`"
    } else {
        ""
    };
    let remedy = format!(
        "AWS does not say which of these is missing: the role must exist; its trust policy must \
         allow `sts:AssumeRole` to {principal}{condition}; and an identity policy of {principal} \
         must allow `sts:AssumeRole` on {role}"
    );
    let message = format!("{principal} may not assume {role}");
    let mut error = Error::new(Code::RoleNotAssumable, message)
        .remedy(remedy)
        .on(role);
    error.action = Some("sts:AssumeRole");
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

//! No credentials for a call: none were found, or the role that they come from was not assumed.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::codes::{STS_OFF, THROTTLING};
use super::{Call, answer_of, remedies, unreachable};
use crate::diagnostic::{AwsAnswer, Code, Error};

/// The error of a provider of credentials among the causes of an error.
pub(super) fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a CredentialsError> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// What this tool itself found wrong with credentials.
pub(super) fn found_by_us(missing: &CredentialsError) -> Option<&Error> {
    causes(missing).find_map(|cause| cause.downcast_ref())
}

/// What STS said of a role that was to be assumed.
enum Refusal {
    /// The action, and the answer to it.
    Answer(&'static str, AwsAnswer),
    /// STS is in trouble, or cannot be reached.
    NoAnswer,
}

pub(super) fn explain(call: &Call<'_>, missing: &CredentialsError) -> Error {
    let action = call.action;
    let sts = causes(missing).find_map(|cause| {
        refusal::<AssumeRoleError>("sts:AssumeRole", cause).or_else(|| {
            let action = "sts:AssumeRoleWithWebIdentity";
            refusal::<AssumeRoleWithWebIdentityError>(action, cause)
        })
    });
    match sts {
        Some(Refusal::NoAnswer) => unreachable(
            action,
            "STS did not answer when a role was to be assumed for it",
        ),
        Some(Refusal::Answer(of_sts, aws)) => {
            let message = format!("{action} could not be sent: STS gave no credentials for it");
            let code = match aws.code.as_str() {
                STS_OFF => Code::RegionOff,
                code if THROTTLING.contains(&code) => Code::Throttled,
                _ => Code::Credentials,
            };
            let remedy = match remedies::remedy(of_sts, &aws) {
                Some(remedy) => remedy,
                None if code == Code::Throttled => code.remedy(),
                None => "see what STS said, and correct the role or the credentials that assume it",
            };
            let mut error = Error::new(code, message).remedy(remedy);
            (error.action, error.aws) = (Some(of_sts), Some(aws));
            error
        }
        None => none_found(action, missing),
    }
}

/// What one cause says of STS; `None` if it is no error of this call to STS.
fn refusal<E>(action: &'static str, cause: &(dyn StdError + 'static)) -> Option<Refusal>
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    let error: &SdkError<E, HttpResponse> = cause.downcast_ref()?;
    Some(match error {
        SdkError::ServiceError(service) if service.raw().status().is_server_error() => {
            Refusal::NoAnswer
        }
        SdkError::ServiceError(service) => {
            Refusal::Answer(action, answer_of(service.err().meta(), service.raw()))
        }
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Refusal::NoAnswer,
        // Its own credentials may be missing: a later cause says so.
        _ if find(error).is_some() => return None,
        _ => Refusal::NoAnswer,
    })
}

/// No source of credentials has any, or the one that is set up failed.
fn none_found(action: &str, missing: &CredentialsError) -> Error {
    let causes: Vec<String> = causes(missing).map(ToString::to_string).collect();
    let why = causes.join(": ");
    let error = |what: &str| {
        let message = format!("{action} could not be sent: {what}");
        Error::new(Code::Credentials, message)
    };
    // A feature of the SDK that is left out, such as SSO, or the sign-in of `aws login`.
    if why.contains("cargo feature") {
        return error("no credentials were found").remedy(
            "the profile signs in by SSO or `aws login`, which this tool does not do by itself: \
             run `eval \"$(aws configure export-credentials --format env)\"` first, or let the \
             profile have `credential_process = aws configure export-credentials --profile NAME`",
        );
    }
    if let Some(profile) = missing_profile(&why) {
        let what = format!("there is no profile `{profile}` in the files of AWS's configuration");
        return error(&what).remedy(
            "check AWS_PROFILE, a `source_profile` and, where they are set, AWS_CONFIG_FILE and \
             AWS_SHARED_CREDENTIALS_FILE; in the former, the section is `[profile NAME]`",
        );
    }
    let is_none = matches!(missing, CredentialsError::CredentialsNotLoaded(_));
    if is_none {
        return error("no credentials were found").remedy(
            "on GitHub set `role-to-assume: arn:aws:iam::ACCOUNT:role/NAME`, and `id-token: write` \
             in `permissions`; elsewhere AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY",
        );
    }
    // A source that is set up, such as the `credential_process` of a profile.
    let how = describe_failure(&why);
    error(&format!("the source of its credentials failed{how}")).remedy(
        "run that source by hand, such as the `credential_process` of the profile, and correct \
         it: what it says is not shown here, since it may hold secrets",
    )
}

/// How a source of credentials failed, without anything that it printed.
fn describe_failure(why: &str) -> String {
    if let Some((_, rest)) = why.split_once("exit status: ") {
        let status: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return format!(" with exit status {status}");
    }
    if why.contains("parse") {
        return ": what it printed is no credentials".to_owned();
    }
    String::new()
}

/// The profile that the SDK does not find, by its words.
fn missing_profile(why: &str) -> Option<&str> {
    let (before, _) = why.split_once("` was not defined")?;
    let (_, profile) = before.rsplit_once("profile `")?;
    Some(profile)
}

/// An error and its causes.
pub(in crate::aws) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

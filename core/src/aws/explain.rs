//! Explains an error of the SDK: who was denied what, where, and what to do about it (promise P7).

mod codes;
mod credentials;
mod denial;
mod remedies;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::{ErrorMetadata, ProvideErrorMetadata};

pub(super) use codes::{LIMIT_EXCEEDED, THROTTLING, are_credentials_unknown, refuses_credentials};
pub(super) use credentials::causes;
pub(super) use denial::Denial;
pub(super) use remedies::remedy as known_remedy;

use super::Caller;
use super::answers::NoAnswer;
use crate::diagnostic::{AwsAnswer, Code, Error};
use crate::id::{AccountId, Region};

/// A call that failed.
struct Call<'a> {
    caller: &'a Caller,
    /// The action, as IAM names it.
    action: &'static str,
    resource: Option<&'a str>,
}

/// Our error for an error of the SDK.
pub(crate) fn explain_error<E>(
    caller: &Caller,
    action: &'static str,
    resource: Option<&str>,
    error: &SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let call = Call {
        caller,
        action,
        resource,
    };
    let account = caller.identity.as_ref();
    let account = account.map(|identity| identity.account.clone());
    // What was found wrong with the credentials is no answer to this call, which was not sent.
    if let Some(found) = credentials::find(error).and_then(credentials::found_by_us) {
        let mut found = found.clone();
        found.account = found.account.or(account);
        found.region = found.region.or(Some(caller.region.clone()));
        return found;
    }
    let mut explained = match error {
        // The call succeeded, and the SDK does not understand the answer.
        SdkError::ServiceError(service) if service.raw().status().is_success() => {
            let message = format!("the answer to {action} cannot be read: {}", cause(error));
            Error::new(Code::AwsUnreadable, message)
        }
        // Something between here and AWS has answered.
        SdkError::ServiceError(service) if service.err().meta().code().is_none() => {
            let status = service.raw().status().as_u16();
            unexpected(
                action,
                &format!("HTTP status {status} without a code of AWS"),
            )
        }
        SdkError::ServiceError(service) => {
            let aws = answer_of(service.err().meta(), service.raw());
            let mut explained = explain_answer(&call, &aws);
            let is_server_error = service.raw().status().is_server_error();
            if is_server_error && explained.code == Code::AwsRefused {
                let message = format!("AWS was in trouble when {action} was called");
                explained = Error::new(Code::AwsUnavailable, message);
            }
            explained.aws = Some(aws);
            explained
        }
        SdkError::TimeoutError(_) => unreachable(action, "no answer came in time"),
        SdkError::ResponseError(_) => unreachable(action, "the answer could not be read"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() || failure.is_io() => {
            unreachable(action, &cause(error))
        }
        // The SDK looks for credentials before it sends a call, so that their absence shows as a
        // failure to build or send it.
        _ => match (credentials::find(error), find_no_answer(error)) {
            (Some(missing), _) => credentials::explain(&call, missing),
            (None, Some(no_answer)) if no_answer.is_unreadable => {
                let message = format!("the answer to {action} cannot be read: {}", no_answer.why);
                Error::new(Code::AwsUnreadable, message)
            }
            (None, Some(no_answer)) => unexpected(action, &no_answer.to_string()),
            (None, None) => unreachable(action, &cause(error)),
        },
    };
    explained.account = account;
    explained.region = Some(caller.region.clone());
    explained.resource = explained.resource.or_else(|| resource.map(str::to_owned));
    explained.action = explained.action.or(Some(action));
    explained
}

/// What AWS said, in its own words.
fn answer_of(meta: &ErrorMetadata, response: &HttpResponse) -> AwsAnswer {
    let code = meta.code().unwrap_or("(no code)");
    let message = meta.message().unwrap_or("(no message)");
    AwsAnswer::new(code, message, request_id(response))
}

fn explain_answer(call: &Call<'_>, aws: &AwsAnswer) -> Error {
    let action = call.action;
    let code = codes::code_of(call, aws);
    let message = match code {
        Code::AccessDenied if aws.code == codes::AUTH_FAILURE => return not_authorized(call, aws),
        Code::AccessDenied => {
            let denied = denial::explain(call, &aws.message);
            return match remedies::remedy(action, aws) {
                Some(remedy) => denied.remedy(remedy),
                None => denied,
            };
        }
        Code::RegionOff if aws.code == codes::STS_OFF => {
            format!(
                "STS is turned off in {} for the account",
                call.caller.region
            )
        }
        Code::RegionOff => {
            let identity = call.caller.identity.as_ref();
            let account = identity.map(|identity| &identity.account);
            return region_off(action, account, &call.caller.region);
        }
        Code::Credentials => match &call.caller.identity {
            Some(identity) => format!(
                "AWS does not accept the credentials of account {} for {action}",
                identity.account
            ),
            None => format!("AWS does not accept the credentials for {action}"),
        },
        Code::KeyPolicyRefused if aws.code == codes::LIMIT_EXCEEDED => {
            "with the statements of this run the key policy is larger than KMS takes".to_owned()
        }
        Code::KeyPolicyRefused => {
            "KMS does not take the key policy with the statements of this run in it".to_owned()
        }
        Code::Throttled => format!("AWS went on throttling {action}"),
        Code::Quota => format!("{action} would exceed a quota of the account"),
        Code::ImageNotFound => {
            format!("{action}: AWS does not know the image, or it cannot be used in its state")
        }
        Code::KeyNotFound => format!("{action}: KMS does not know the key"),
        _ => format!("AWS refused {action}"),
    };
    let error = Error::new(code, message);
    match remedies::remedy(action, aws) {
        Some(remedy) => error.remedy(remedy),
        None => error,
    }
}

/// EC2 answers `AuthFailure` also for what is not the caller's; of which kind, its words tell.
fn not_authorized(call: &Call<'_>, aws: &AwsAnswer) -> Error {
    let action = call.action;
    // To launch, an account need not own an image (R4.10).
    if aws.message.contains("Not authorized for images") {
        let message = format!("{action}: the image is not shared with the account of the caller");
        return Error::new(Code::AccessDenied, message).remedy(
            "share the image with the account; if it was, find who has removed the launch \
             permission since",
        );
    }
    let message = format!(
        "{action} is not for the account of the credentials: the resource belongs to another one"
    );
    Error::new(Code::AccessDenied, message).remedy(
        "use credentials of the account that owns it; no policy of another account can allow this",
    )
}

/// AWS has accepted the credentials elsewhere, and does not know them here.
pub(super) fn region_off(action: &str, account: Option<&AccountId>, region: &Region) -> Error {
    let account = match account {
        Some(account) => format!("account {account}"),
        None => "the account".to_owned(),
    };
    let message = format!(
        "AWS does not know the credentials of {account} in {region} for {action}, although it \
         accepts them elsewhere: the Region is most likely not turned on for {account}"
    );
    Error::new(Code::RegionOff, message)
}

/// Why what came in answer to a call is not AWS's answer.
fn find_no_answer<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a NoAnswer> {
    credentials::causes(error).find_map(|cause| cause.downcast_ref())
}

fn unexpected(action: &str, why: &str) -> Error {
    let message = format!("what came in answer to {action} is not AWS's answer: {why}");
    Error::new(Code::AwsUnexpected, message)
}

fn unreachable(action: &str, why: &str) -> Error {
    let message = format!("{action} got no answer from AWS: {why}");
    Error::new(Code::EndpointUnreachable, message)
}

/// The chain of causes of an error, without the SDK's debug texts: they repeat the request, or a
/// URL with what is secret in it.
pub(super) fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut chain = Vec::new();
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        let is_debug_text = text.contains('{') || text.contains("://");
        if !is_debug_text && chain.last() != Some(&text) {
            chain.push(text);
        }
        next = error.source();
    }
    if chain.is_empty() {
        chain.push("the SDK gives no reason".to_owned());
    }
    chain.join(": ")
}

/// The ID by which AWS's support finds the call.
fn request_id(response: &HttpResponse) -> Option<String> {
    let headers = response.headers();
    let id = headers
        .get("x-amzn-requestid")
        .or_else(|| headers.get("x-amz-request-id"));
    id.map(str::to_owned)
}

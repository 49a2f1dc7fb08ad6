//! Explains an error of the SDK: who was denied what, where, and what to do about it (promise P7).

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::Caller;
use crate::diagnostic::{AwsAnswer, Code, Error};

/// Our code for each of AWS's, whatever the call. [`code_of`] knows the exceptions.
const CODES: &[(Code, &[&str])] = &[
    (
        Code::AccessDenied,
        &[
            "UnauthorizedOperation",
            "AccessDeniedException",
            "AccessDenied",
        ],
    ),
    (
        Code::Credentials,
        &[
            "ExpiredToken",
            "ExpiredTokenException",
            "IncompleteSignature",
            "InvalidClientTokenId",
            "MissingAuthenticationToken",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ],
    ),
    (
        Code::Throttled,
        &[
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "EC2ThrottledException",
        ],
    ),
    (
        Code::Quota,
        &["ResourceLimitExceeded", "LimitExceededException"],
    ),
    (
        Code::KeyNotFound,
        &["NotFoundException", "InvalidArnException"],
    ),
];
/// What KMS answers to a key policy that it does not take (R3.2.2 to R3.2.6).
const KEY_POLICY_REFUSED: &[&str] = &[
    "MalformedPolicyDocumentException",
    "LimitExceededException",
    "ValidationException",
];
/// KMS answers it to a policy that is too large, and to one grant too many.
pub(super) const LIMIT_EXCEEDED: &str = "LimitExceededException";
/// EC2 answers it both for unknown credentials and for resources of another account (R2.5).
const AUTH_FAILURE: &str = "AuthFailure";

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
    let mut explained = match error {
        // The call succeeded, and the SDK does not understand the answer.
        SdkError::ServiceError(service) if service.raw().status().is_success() => {
            let message = format!("the answer to {action} cannot be read: {}", cause(error));
            Error::new(Code::AwsUnreadable, message)
        }
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let aws = AwsAnswer {
                code: meta.code().unwrap_or("(no code)").to_owned(),
                message: meta.message().unwrap_or("(no message)").to_owned(),
                request_id: request_id(service.raw()),
            };
            let mut explained = explain_answer(&call, &aws);
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
        _ if cause(error).to_lowercase().contains("credentials") => {
            no_credentials(action, &cause(error))
        }
        _ => unreachable(action, &cause(error)),
    };
    let identity = caller.identity.as_ref();
    explained.account = identity.map(|identity| identity.account.clone());
    explained.region = Some(caller.region.clone());
    explained.resource = explained.resource.or_else(|| resource.map(str::to_owned));
    explained.action = Some(action);
    explained
}

fn explain_answer(call: &Call<'_>, aws: &AwsAnswer) -> Error {
    let action = call.action;
    let code = code_of(action, aws);
    let message = match code {
        Code::AccessDenied if aws.code == AUTH_FAILURE => return owned_by_another(action),
        Code::AccessDenied => return denied(call, &aws.message),
        Code::Credentials => {
            format!("AWS does not accept the credentials of the source account for {action}")
        }
        Code::KeyPolicyRefused if aws.code == LIMIT_EXCEEDED => return policy_too_large(),
        Code::Quota if action == "kms:CreateGrant" => return too_many_grants(),
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
    Error::new(code, message)
}

/// Our code for an answer of AWS.
fn code_of(action: &str, aws: &AwsAnswer) -> Code {
    let aws_code = aws.code.as_str();
    if aws_code == AUTH_FAILURE {
        // Only the message tells the two cases apart.
        return if aws.message.contains("credentials") {
            Code::Credentials
        } else {
            Code::AccessDenied
        };
    }
    if action == "kms:PutKeyPolicy" && KEY_POLICY_REFUSED.contains(&aws_code) {
        return Code::KeyPolicyRefused;
    }
    if aws_code.starts_with("InvalidAMIID") {
        return Code::ImageNotFound;
    }
    for (code, aws_codes) in CODES {
        if aws_codes.contains(&aws_code) {
            return *code;
        }
    }
    Code::AwsRefused
}

fn policy_too_large() -> Error {
    let message = "with the statements of this run the key policy is larger than KMS takes";
    Error::new(Code::KeyPolicyRefused, message).remedy(
        "set `key-access: grants`, share with organizational units instead of single accounts, or \
         remove statements that nobody needs from the key policy",
    )
}

fn too_many_grants() -> Error {
    Error::new(
        Code::Quota,
        "the key has as many grants as KMS allows for one key",
    )
    .remedy(
        "revoke grants that nobody needs, set `key-access: policy`, or have AWS raise the quota \
         \"Grants per KMS key\"",
    )
}

fn owned_by_another(action: &str) -> Error {
    let message = format!(
        "{action} is not for the account of the credentials: the resource belongs to another one"
    );
    Error::new(Code::AccessDenied, message).remedy(
        "use credentials of the account that owns it; no policy of another account can allow this",
    )
}

/// A refusal by a policy: which principal may not do what, on what, and which policy is to be
/// changed, if AWS's message tells.
fn denied(call: &Call<'_>, message: &str) -> Error {
    let identity = call.caller.identity.as_ref();
    let principal = text_between(message, "User: ", ' ')
        .or(identity.map(|identity| identity.arn.as_str()))
        .unwrap_or("the caller");
    // A call can be denied because of an action that it implies, as ec2:CreateTags in CopyImage.
    let action = text_between(message, "not authorized to perform: ", ' ').unwrap_or(call.action);
    let resource = text_between(message, "on resource: ", ' ')
        .or(call.resource)
        .unwrap_or("*");

    let remedy = if message.contains("explicit deny") {
        let policy = text_between(message, "explicit deny in ", '\0').unwrap_or("a policy");
        let policy = policy.split(" Encoded").next().unwrap_or(policy);
        let policy = policy.trim_end_matches('.');
        format!("remove the deny of `{action}` from {policy}, or exempt {principal} from it")
    } else if message.contains("no resource-based policy") {
        format!(
            "add a statement to the key policy of {resource} that allows `{action}` to \
             {principal}, or that delegates to the account's IAM"
        )
    } else if message.contains("no session policy") {
        format!("allow `{action}` in the session policy that {principal} was assumed with")
    } else if message.contains("service control policy") {
        format!("have `{action}` allowed by the organization's service control policies")
    } else {
        format!("allow `{action}` on `{resource}` in an identity policy of {principal}")
    };
    let message = format!("{principal} may not perform {action} on {resource}");
    Error::new(Code::AccessDenied, message)
        .remedy(remedy)
        .on(resource)
}

/// What a message says after `start` and before `end`; `None` if that is nothing.
fn text_between<'a>(message: &'a str, start: &str, end: char) -> Option<&'a str> {
    let (_, rest) = message.split_once(start)?;
    let text = rest.split(end).next()?.trim();
    (!text.is_empty()).then_some(text)
}

fn no_credentials(action: &str, why: &str) -> Error {
    let message = format!("{action} could not be sent: {why}");
    Error::new(Code::Credentials, message).remedy(
        "give credentials of the source account: a role assumed by an earlier step, or \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    )
}

fn unreachable(action: &str, why: &str) -> Error {
    let message = format!("{action} got no answer from AWS: {why}");
    Error::new(Code::EndpointUnreachable, message)
}

/// The chain of causes of an error. The error's own text repeats the whole request.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut chain = Vec::new();
    let mut next = error.source();
    while let Some(error) = next {
        let text = error.to_string();
        if chain.last() != Some(&text) {
            chain.push(text);
        }
        next = error.source();
    }
    if chain.is_empty() {
        DisplayErrorContext(error).to_string()
    } else {
        chain.join(": ")
    }
}

/// The ID by which AWS's support finds the call.
fn request_id(response: &HttpResponse) -> Option<String> {
    let headers = response.headers();
    let id = headers
        .get("x-amzn-requestid")
        .or_else(|| headers.get("x-amz-request-id"));
    id.map(str::to_owned)
}

//! From an SDK error to one that says who was denied what, where, and what to do (promise P7).

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::Caller;
use crate::diagnostic::{AwsAnswer, Code, Error};

const DENIED: &[&str] = &[
    "UnauthorizedOperation",
    "AccessDeniedException",
    "AccessDenied",
];
/// What KMS answers to a policy that it does not take (R3.2.2 to R3.2.6).
const POLICY_REFUSED: &[&str] = &[
    "MalformedPolicyDocumentException",
    "LimitExceededException",
    "ValidationException",
];
const CREDENTIALS: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "MissingAuthenticationToken",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];
const THROTTLED: &[&str] = &[
    "RequestLimitExceeded",
    "Throttling",
    "ThrottlingException",
    "EC2ThrottledException",
];
const QUOTA: &[&str] = &["ResourceLimitExceeded", "LimitExceededException"];

pub(crate) fn sdk_error<E>(
    caller: &Caller,
    action: &'static str,
    resource: Option<&str>,
    error: &SdkError<E, HttpResponse>,
) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let mut explained = match error {
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let aws = AwsAnswer {
                code: meta.code().unwrap_or("(no code)").to_owned(),
                message: meta.message().unwrap_or("(no message)").to_owned(),
                request_id: request_id(service.raw()),
            };
            let mut explained = service_error(caller, action, resource, &aws);
            explained.aws = Some(aws);
            explained
        }
        SdkError::TimeoutError(_) => unreachable(action, "no answer came in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() || failure.is_io() => {
            unreachable(action, &cause(error))
        }
        SdkError::ResponseError(_) => unreachable(action, "the answer could not be read"),
        // Credentials are resolved before the call is sent, so their absence shows as a failure to
        // build or send it.
        _ if cause(error).to_lowercase().contains("credentials") => Error::new(
            Code::Credentials,
            format!("{action} could not be sent: {}", cause(error)),
        )
        .remedy(
            "give credentials of \
                the source account: a role assumed by an earlier step, or AWS_ACCESS_KEY_ID and \
                AWS_SECRET_ACCESS_KEY",
        ),
        _ => unreachable(action, &cause(error)),
    };
    explained.account = caller
        .identity
        .as_ref()
        .map(|identity| identity.account.clone());
    explained.region = Some(caller.region.clone());
    explained.resource = explained.resource.or_else(|| resource.map(str::to_owned));
    explained.action = Some(action);
    explained
}

fn service_error(
    caller: &Caller,
    action: &'static str,
    resource: Option<&str>,
    aws: &AwsAnswer,
) -> Error {
    let code = aws.code.as_str();
    // EC2 uses AuthFailure for unknown keys as well as for resources of others.
    let unknown_key = code == "AuthFailure" && aws.message.contains("credentials");
    if CREDENTIALS.contains(&code) && (code != "AuthFailure" || unknown_key) {
        return Error::new(
            Code::Credentials,
            format!("AWS does not accept the credentials of the source account for {action}"),
        );
    }
    if code == "AuthFailure" {
        return Error::new(
            Code::AccessDenied,
            format!(
                "{action} is not for the account of the credentials: the resource belongs to \
                     another one"
            ),
        )
        .remedy(
            "use credentials of the account that owns it; no policy of another account can \
                 allow this (R2.5)",
        );
    }
    if action == "kms:PutKeyPolicy" && POLICY_REFUSED.contains(&code) {
        return Error::new(
            Code::KeyPolicyRefused,
            "KMS does not take the key policy with the statements of this run in it",
        );
    }
    if DENIED.contains(&code) {
        return denied(caller, action, resource, aws);
    }
    if THROTTLED.contains(&code) {
        return Error::new(Code::Throttled, format!("AWS went on throttling {action}"));
    }
    if QUOTA.contains(&code) {
        return Error::new(
            Code::Quota,
            format!("{action} would exceed a quota of the account"),
        );
    }
    if code.starts_with("InvalidAMIID") {
        return Error::new(
            Code::ImageNotFound,
            format!("{action}: AWS does not know the image, or it cannot be used in its state"),
        );
    }
    if code == "NotFoundException" || code == "InvalidArnException" {
        return Error::new(
            Code::KeyNotFound,
            format!("{action}: KMS does not know the key"),
        );
    }
    Error::new(Code::AwsRefused, format!("AWS refused {action}"))
}

/// Who, what, on what, and which policy: AWS's message names the kind of policy where it tells at
/// all.
fn denied(caller: &Caller, action: &'static str, resource: Option<&str>, aws: &AwsAnswer) -> Error {
    let message = &aws.message;
    let between = |from: &str, to: char| {
        let (_, rest) = message.split_once(from)?;
        rest.split(to)
            .next()
            .map(str::trim)
            .filter(|text| !text.is_empty())
    };
    let who = between("User: ", ' ').or(caller
        .identity
        .as_ref()
        .map(|identity| identity.arn.as_str()));
    let who = who.unwrap_or("the caller").to_owned();
    // A call can be denied for an action that it implies, such as ec2:CreateTags in CopyImage.
    let what = between("not authorized to perform: ", ' ')
        .unwrap_or(action)
        .to_owned();
    let on = between("on resource: ", ' ')
        .or(resource)
        .unwrap_or("*")
        .to_owned();
    let remedy = if message.contains("explicit deny") {
        let policy = between("explicit deny in ", '\0').unwrap_or("a policy");
        let policy = policy
            .split(" Encoded")
            .next()
            .unwrap_or(policy)
            .trim_end_matches('.');
        format!("remove the deny of `{what}` from {policy}, or exempt {who} from it")
    } else if message.contains("no resource-based policy") {
        format!(
            "add a statement to the key policy of {on} that allows `{what}` to {who}, or that \
             delegates to the account's IAM"
        )
    } else if message.contains("no session policy") {
        format!("allow `{what}` in the session policy that {who} was assumed with")
    } else if message.contains("service control policy") {
        format!("have `{what}` allowed by the organization's service control policies")
    } else {
        format!("allow `{what}` on `{on}` in an identity policy of {who}")
    };
    let mut error = Error::new(
        Code::AccessDenied,
        format!("{who} may not perform {what} on {on}"),
    )
    .remedy(remedy);
    error.resource = Some(on);
    error
}

fn unreachable(action: &str, why: &str) -> Error {
    Error::new(
        Code::EndpointUnreachable,
        format!("{action} got no answer from AWS: {why}"),
    )
}

fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    // The chain says what failed; the context behind it repeats the whole request.
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

fn request_id(response: &HttpResponse) -> Option<String> {
    let headers = response.headers();
    headers
        .get("x-amzn-requestid")
        .or_else(|| headers.get("x-amz-request-id"))
        .map(str::to_owned)
}

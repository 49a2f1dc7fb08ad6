//! Our code for an answer of AWS.

use super::Call;
use crate::diagnostic::{AwsAnswer, Code};

/// EC2 answers it both for unknown credentials and for resources of another account (R2.5).
pub(super) const AUTH_FAILURE: &str = "AuthFailure";
/// KMS answers it to a policy that is too large, and to one grant too many.
pub(in crate::aws) const LIMIT_EXCEEDED: &str = "LimitExceededException";

/// STS answers it in a Region that is turned off in its settings (R5.5).
pub(super) const STS_OFF: &str = "RegionDisabledException";

/// By which codes AWS throttles (R6.2, R6.4, R6.5).
pub(in crate::aws) const THROTTLING: &[&str] = &[
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

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
    (Code::Throttled, THROTTLING),
    (
        Code::Quota,
        &[
            "ResourceLimitExceeded",
            "LimitExceededException",
            "LimitExceeded",
        ],
    ),
    (
        Code::KeyNotFound,
        &["NotFoundException", "InvalidArnException"],
    ),
    (Code::RegionOff, &[STS_OFF]),
];
/// What AWS answers to credentials that it does not know. It does not know those of an account in a
/// Region that is not turned on for it (R5.5, R7.26).
const UNKNOWN_CREDENTIALS: &[&str] = &[
    AUTH_FAILURE,
    "InvalidClientTokenId",
    "UnrecognizedClientException",
];
/// What KMS answers to a key policy that it does not take (R3.2.2 to R3.2.6).
const KEY_POLICY_REFUSED: &[&str] = &[
    "MalformedPolicyDocumentException",
    "LimitExceededException",
    "ValidationException",
];

/// Whether AWS does not know the credentials of a call, or not in its Region.
pub(in crate::aws) fn are_credentials_unknown(aws: &AwsAnswer) -> bool {
    UNKNOWN_CREDENTIALS.contains(&aws.code.as_str())
}

/// Whether AWS does not accept the credentials of a call to STS.
pub(in crate::aws) fn refuses_credentials(aws: &AwsAnswer) -> bool {
    by_answer("", aws) == Code::Credentials
}

/// Our code for an answer of AWS.
pub(super) fn code_of(call: &Call<'_>, aws: &AwsAnswer) -> Code {
    let code = by_answer(call.action, aws);
    let known_elsewhere = call.caller.is_accepted_elsewhere();
    if code == Code::Credentials && are_credentials_unknown(aws) && known_elsewhere {
        return Code::RegionOff;
    }
    code
}

fn by_answer(action: &str, aws: &AwsAnswer) -> Code {
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
    // The ARN is that of the grantee, not of the key.
    if action == "kms:CreateGrant" && aws_code == "InvalidArnException" {
        return Code::AwsRefused;
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

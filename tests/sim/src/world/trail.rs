//! The calls of EC2 to KMS, as CloudTrail would show them.

use serde::Serialize;
use serde_json::Value;

/// One call to KMS that EC2 made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrailEvent {
    /// Such as `kms:CreateGrant`.
    pub action: String,
    /// The principal: the ARN of the caller, or the name of the service.
    pub principal: String,
    /// The service that called with the identity of a caller.
    pub invoked_by: Option<String>,
    /// The key's ARN.
    pub key: String,
    /// The parameters that matter here.
    pub parameters: Value,
    /// The error code, if it failed.
    pub code: Option<String>,
    /// The error message.
    pub message: Option<String>,
}

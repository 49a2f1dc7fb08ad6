//! What EC2 asks KMS for on somebody's behalf: the events that CloudTrail would deliver.

use serde::Serialize;
use serde_json::Value;

/// One call to KMS that EC2 made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrailEvent {
    /// Such as `kms:CreateGrant`.
    pub action: String,
    /// Whose identity it had: an ARN, or the service's own.
    pub principal: String,
    /// The service that called, where it forwarded somebody's identity.
    pub invoked_by: Option<String>,
    /// The key's ARN.
    pub key: String,
    /// The parameters, as far as they matter.
    pub parameters: Value,
    /// The error code, of one that failed.
    pub code: Option<String>,
    /// The error message.
    pub message: Option<String>,
}

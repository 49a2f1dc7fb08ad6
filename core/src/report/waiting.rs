//! What a run waits for.

use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::Instant;

use crate::diagnostic::AwsAnswer;
use crate::id::{AccountId, Region};

/// Something that the run waits for, and how far it is.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Waiting {
    /// The ID or ARN of what is awaited.
    pub resource: String,
    /// Its account, if that is known to be another one than the source account, or may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Its Region, if that may be another one than that of the source image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// What the run waits for it to be, in words.
    pub what: String,
    /// Percent, if AWS reports it.
    pub percent: Option<u8>,
    /// How long the run has waited, in seconds.
    #[serde(rename = "elapsed_seconds", serialize_with = "seconds")]
    pub elapsed: Duration,
    /// When it is checked next, in seconds from now.
    #[serde(rename = "next_look_seconds", serialize_with = "seconds")]
    pub next_look: Duration,
    /// What AWS said, if the run waits until AWS no longer says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsAnswer>,
}

impl Waiting {
    pub(crate) fn new(
        resource: impl ToString,
        what: &str,
        since: Instant,
        next_look: Duration,
    ) -> Self {
        Self {
            resource: resource.to_string(),
            account: None,
            region: None,
            what: what.to_owned(),
            percent: None,
            elapsed: since.elapsed(),
            next_look,
            aws: None,
        }
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_secs())
}

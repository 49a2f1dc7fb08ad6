//! How the simulation behaves in time and under load.

use std::time::{Duration, SystemTime};

use schemars::JsonSchema;
use serde::Deserialize;

/// How the simulation behaves in time and under load.
#[derive(Clone, Debug)]
pub struct Options {
    /// The wall time at which the simulation begins.
    pub began: SystemTime,
    /// How long every call takes.
    pub latency: Duration,
    /// How long copies and building images take.
    pub copy_time: Duration,
    /// How long EC2 does not know a new image (R1.1.7).
    pub invisible: Duration,
    /// How long changes take to be in force.
    pub delays: Delays,
    /// Whether calls are throttled, by token buckets of the documented sizes (R6.1, R6.3).
    pub throttling: bool,
    /// Whether AWS's adjustable quotas hold (R1.7).
    pub quotas: bool,
    /// Whether every list comes in pages of which the first is empty and the others have one item
    /// (R7.30).
    pub short_pages: bool,
    /// What `kms:ViaService` ends in, if that is not the partition's own suffix. AWS does not
    /// document it.
    pub service_suffix: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            began: SystemTime::now(),
            latency: Duration::ZERO,
            copy_time: Duration::from_secs(3),
            invisible: Duration::ZERO,
            delays: Delays::default(),
            throttling: false,
            quotas: false,
            short_pages: false,
            service_suffix: None,
        }
    }
}

/// How long changes take to be in force, each in seconds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Delays {
    /// New grants, which take up to five minutes in AWS. A grant token is effective at once.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub grants: Duration,
    /// Changed key policies.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub key_policies: Duration,
    /// Sharing of images and snapshots, for search, launch and copy. Describing one by its ID shows
    /// it at once.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub sharing: Duration,
    /// Policies of roles, and new roles as principals.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub iam: Duration,
    /// New images, which EC2 does not know at first.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub new_images: Duration,
    /// Reports on the usage of an image, which are pending at first.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub usage_reports: Duration,
    /// What such reports count: instances and launch templates that are newer are not in them.
    /// AWS's are a day behind, and so are those of `serve` unless this says otherwise.
    #[serde(deserialize_with = "some_seconds")]
    #[schemars(with = "f64")]
    pub usage: Option<Duration>,
}

fn some_seconds<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    seconds(deserializer).map(Some)
}

fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    duration(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// The longest time that a user can ask for. It is added to moments, which must not overflow.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// Checks a time that a user gave, in seconds.
pub(crate) fn duration(seconds: f64) -> Result<Duration, String> {
    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if duration > LONGEST {
        Err(format!("{seconds} seconds are more than a hundred years"))
    } else {
        Ok(duration)
    }
}

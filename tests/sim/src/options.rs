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
    /// How long EC2 may not know a new image (R1.1.7).
    pub invisible: Duration,
    /// How long changes take to be in force.
    pub delays: Delays,
    /// Whether calls are throttled, by token buckets of the documented sizes (R6.1, R6.3).
    pub throttling: bool,
    /// Whether AWS's adjustable quotas hold (R1.7).
    pub quotas: bool,
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
        }
    }
}

/// How long changes take to be in force, each in seconds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Delays {
    /// New grants (R3.3.7: up to five minutes). A grant token bridges it.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub grants: Duration,
    /// Changed key policies (R3.2.7).
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub key_policies: Duration,
    /// Sharing of images and snapshots: search, launch and copy; a look by ID sees it at once
    /// (R2.21).
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub sharing: Duration,
    /// Policies of roles, and new roles as principals (R5.8, R3.2.4).
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub iam: Duration,
    /// New images: EC2 may not know them (R1.1.7).
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64")]
    pub new_images: Duration,
}

fn seconds<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    duration(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// As long as anybody may ask for: moments are added to, and must not run over.
const LONGEST: Duration = Duration::from_hours(100 * 366 * 24);

/// A time that a user gave, in seconds.
pub(crate) fn duration(seconds: f64) -> Result<Duration, String> {
    let duration = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    if duration > LONGEST {
        Err(format!("{seconds} seconds are more than a hundred years"))
    } else {
        Ok(duration)
    }
}

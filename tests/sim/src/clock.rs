//! The time of the simulated AWS. It is tokio's, so that a test can pause it and move it.

use std::time::{Duration, SystemTime};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

/// Counts from the start of the simulation.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    wall: SystemTime,
}

impl Clock {
    /// A clock that starts now, and shows `wall` now.
    pub fn start(wall: SystemTime) -> Self {
        Self {
            start: Instant::now(),
            wall,
        }
    }

    /// The time since the start. It is never zero: what a scenario has is older than everything
    /// that a call makes, even if the clock is paused.
    pub fn now(&self) -> Duration {
        self.start.elapsed() + Duration::from_millis(1)
    }

    /// The wall time of a moment.
    pub fn wall(&self, at: Duration) -> SystemTime {
        self.wall + at
    }

    /// The wall time of a moment as AWS writes it.
    pub fn text(&self, at: Duration) -> String {
        let date = OffsetDateTime::from(self.wall(at)).replace_nanosecond(0);
        date.ok()
            .and_then(|date| date.format(&Rfc3339).ok())
            .map_or_else(String::new, |text| text.replace('Z', ".000Z"))
    }

    /// The wall time of a moment in seconds since 1970, as KMS writes it.
    pub fn epoch(&self, at: Duration) -> f64 {
        self.wall(at)
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64().round())
    }

    /// This clock for SDK clients.
    pub fn time_source(&self) -> SharedTimeSource {
        SharedTimeSource::new(self.clone())
    }
}

impl TimeSource for Clock {
    fn now(&self) -> SystemTime {
        self.wall(self.start.elapsed())
    }
}

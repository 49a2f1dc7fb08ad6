//! When to look again: growing pauses with jitter, or what progress predicts, between a floor and a
//! ceiling.

use std::collections::BTreeMap;
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use parking_lot::Mutex;

use crate::diagnostic::AwsAnswer;
use crate::id::{AccountId, Region};

/// The pauses between looks at one thing.
#[derive(Debug)]
pub(crate) struct PollBackoff {
    backoff: ExponentialBackoff,
    floor: Duration,
    ceiling: Duration,
    jitter: bool,
}

impl PollBackoff {
    /// Pauses between a floor and a ceiling, which vary by a tenth with jitter.
    pub(crate) fn new((floor, ceiling): (Duration, Duration), jitter: bool) -> Self {
        Self {
            backoff: growing(floor, ceiling, jitter),
            floor,
            ceiling,
            jitter,
        }
    }

    /// The next pause if no progress is known.
    pub(crate) fn next(&mut self) -> Duration {
        self.backoff
            .next_backoff()
            .unwrap_or(self.ceiling)
            .clamp(self.floor, self.ceiling)
    }

    /// The next pause for something that took `elapsed` for its first `percent`: until about when
    /// it should be done. `None` if that cannot be said yet.
    pub(crate) fn predict(&self, percent: u8, elapsed: Duration) -> Option<Duration> {
        if percent == 0 || elapsed.is_zero() {
            return None;
        }
        let left = u32::from(100_u8.saturating_sub(percent));
        let remaining = elapsed.saturating_mul(left) / u32::from(percent);
        let pause = varied(remaining.clamp(self.floor, self.ceiling), self.jitter);
        Some(pause.clamp(self.floor, self.ceiling))
    }
}

/// A duration that varies by a tenth with jitter, so that concurrent runs drift apart.
pub(super) fn varied(duration: Duration, jitter: bool) -> Duration {
    growing(duration, duration, jitter)
        .next_backoff()
        .unwrap_or(duration)
}

/// A random duration up to a longest one, so that concurrent runs that collided do not collide
/// again; none without jitter.
pub(super) fn scattered(longest: Duration, jitter: bool) -> Duration {
    if !jitter || longest.is_zero() {
        return Duration::ZERO;
    }
    let half = longest / 2;
    let mut backoff = ExponentialBackoff {
        randomization_factor: 1.0,
        ..growing(half, half, jitter)
    };
    backoff.next_backoff().unwrap_or(half)
}

fn growing(first: Duration, ceiling: Duration, jitter: bool) -> ExponentialBackoff {
    ExponentialBackoff {
        current_interval: first,
        initial_interval: first,
        randomization_factor: if jitter { 0.1 } else { 0.0 },
        multiplier: 1.5,
        max_interval: ceiling,
        // The run's deadline ends waits, never a count or a clock of their own (promise P6).
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    }
}

/// What the run waits for at this moment, so that a deadline can say what it cut off.
#[derive(Debug, Default)]
pub(super) struct Awaited(Mutex<BTreeMap<String, Wait>>);

/// One thing that is awaited.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    pub(super) what: String,
    /// The account that it is in, if that may be another one than the source account.
    pub(super) account: Option<AccountId>,
    /// Its Region, if that is known.
    pub(super) region: Option<Region>,
    /// What AWS said, if an error of it is waited out.
    pub(super) aws: Option<AwsAnswer>,
}

impl Awaited {
    pub(super) fn set(&self, resource: &str, wait: Wait) {
        self.0.lock().insert(resource.to_owned(), wait);
    }

    pub(super) fn done(&self, resource: &str) {
        self.0.lock().remove(resource);
    }

    /// Each thing with what is awaited of it.
    pub(super) fn list(&self) -> Vec<(String, Wait)> {
        let awaited = self.0.lock();
        let mut list = Vec::new();
        for (resource, wait) in &*awaited {
            list.push((resource.clone(), wait.clone()));
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(1));

    #[test]
    fn pauses_grow_from_the_floor_to_the_ceiling() {
        let mut backoff = PollBackoff::new(POLL, true);
        let pauses: Vec<Duration> = (0..20).map(|_| backoff.next()).collect();
        assert!(
            pauses.iter().all(|pause| (POLL.0..=POLL.1).contains(pause)),
            "{pauses:?}"
        );
        assert!(
            pauses[0] < Duration::from_secs(6) && pauses[19] > Duration::from_secs(53),
            "{pauses:?}"
        );
    }

    #[test]
    fn progress_predicts_the_next_look_within_the_bounds() {
        let seconds = Duration::from_secs;
        // percent, elapsed, lowest and highest allowed
        let table = [
            (50, 30, 27, 33),
            (99, 30, 5, 6),
            (10, 60, 53, 60),
            (100, 60, 5, 6),
        ];
        for (percent, elapsed, low, high) in table {
            let pause = PollBackoff::new(POLL, true)
                .predict(percent, seconds(elapsed))
                .unwrap();
            assert!(
                (seconds(low)..=seconds(high)).contains(&pause),
                "{percent} % after {elapsed} s: {pause:?}"
            );
        }
        assert_eq!(PollBackoff::new(POLL, true).predict(0, seconds(30)), None);
    }

    #[test]
    fn pauses_repeat_without_jitter() {
        let pauses = || {
            let mut backoff = PollBackoff::new(POLL, false);
            [(); 3].map(|()| backoff.next())
        };
        assert_eq!(pauses(), [5_000, 7_500, 11_250].map(Duration::from_millis));
        assert_eq!(pauses(), pauses());
        assert_eq!(varied(POLL.1, false), POLL.1);
    }
}

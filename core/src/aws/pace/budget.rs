//! How many calls of one operation are left, as AWS counts them.

use std::time::Duration;

use tokio::time::Instant;

use crate::limits::rates::Rate;

/// How much of AWS's rate is taken: clocks and connections are not even.
const MARGIN: f64 = 0.95;
/// The rate of an operation that AWS throttles and documents no rate of.
const GUESS: Rate = Rate {
    burst: 1.0,
    per_second: 2.0,
};
/// The smallest part of a rate that is left of it, however often AWS throttles.
const LEAST: f64 = 0.02;
/// How long it takes from the smallest part to the whole rate, if AWS throttles no more.
const RECOVERY: Duration = Duration::from_mins(1);
/// The first and the longest pause before a call that AWS throttled is made again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(20));

/// The calls that are left.
#[derive(Debug)]
pub(super) struct Budget {
    /// `None` while nothing limits the calls.
    rate: Option<Rate>,
    documented: Option<Rate>,
    tokens: f64,
    /// The part of the rate that AWS seems to give: others of the account call too.
    share: f64,
    updated: Instant,
    slowed: Option<Instant>,
}

impl Budget {
    pub(super) fn new(documented: Option<Rate>, now: Instant) -> Self {
        Self {
            rate: documented,
            documented,
            tokens: documented.map_or(0.0, full),
            share: 1.0,
            updated: now,
            slowed: None,
        }
    }

    /// Takes a call; if none is left, how long until there may be one.
    pub(super) fn take(&mut self, now: Instant) -> Option<Duration> {
        self.refill(now);
        let rate = self.rate?;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return None;
        }
        Some(self.until(1.0, rate))
    }

    /// Whether it is as it was in the beginning, and so need not be kept.
    pub(super) fn is_whole(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.share >= 1.0 && self.rate.is_none_or(|rate| self.tokens >= full(rate))
    }

    /// Halves the rate, once a second at most: the calls of one moment are throttled together.
    /// Returns how long the call waits that was throttled for the `nth` time.
    pub(super) fn slow_down(&mut self, now: Instant, nth: u32) -> Duration {
        self.refill(now);
        let rate = *self.rate.get_or_insert(GUESS);
        let just_slowed = |slowed: Instant| now.duration_since(slowed) < Duration::from_secs(1);
        if !self.slowed.is_some_and(just_slowed) {
            self.share = (self.share / 2.0).max(LEAST);
            self.slowed = Some(now);
            self.tokens = self.tokens.min(0.0);
        }
        // The call that is made again takes the next token, and others wait behind it.
        self.tokens -= 1.0;
        let (first, longest) = PAUSES;
        let growing = first.saturating_mul(1 << nth.clamp(1, 7)) / 2;
        self.until(0.0, rate).max(growing).min(longest)
    }

    fn until(&self, tokens: f64, rate: Rate) -> Duration {
        let seconds = (tokens - self.tokens) / (rate.per_second * MARGIN * self.share);
        // Time goes on by that much, however little is missing.
        let least = Duration::from_millis(1);
        Duration::try_from_secs_f64(seconds).map_or(least, |pause| pause.max(least))
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.updated).as_secs_f64();
        self.updated = now;
        let Some(rate) = self.rate else {
            return;
        };
        let gained = elapsed * rate.per_second * MARGIN * self.share;
        self.tokens = (self.tokens + gained).min((rate.burst * MARGIN).max(1.0));
        self.share = (self.share + elapsed / RECOVERY.as_secs_f64()).min(1.0);
        if self.share >= 1.0 {
            self.rate = self.documented;
        }
    }
}

/// The calls that are left before the first one.
fn full(rate: Rate) -> f64 {
    (rate.burst * MARGIN).floor().max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        burst: 100.0,
        per_second: 5.0,
    };

    /// How many calls go through in a time, if each waits its turn.
    fn count(budget: &mut Budget, begin: Instant, seconds: u64) -> usize {
        let (mut now, mut calls) = (begin, 0);
        while now.duration_since(begin) < Duration::from_secs(seconds) {
            match budget.take(now) {
                None => calls += 1,
                Some(pause) => now += pause + Duration::from_millis(1),
            }
        }
        calls
    }

    #[test]
    fn calls_keep_within_the_rate_and_use_most_of_it() {
        let begin = Instant::now();
        let calls = count(&mut Budget::new(Some(RATE), begin), begin, 60);
        assert!((370..=400).contains(&calls), "{calls}");
    }

    /// Rounding leaves less than a call now and then.
    #[test]
    fn pause_is_never_nothing() {
        let begin = Instant::now();
        let mut budget = Budget::new(Some(RATE), begin);
        budget.tokens = 1.0 - 1e-12;
        let pause = budget.take(begin).unwrap();
        assert!(pause >= Duration::from_millis(1), "{pause:?}");
    }

    #[test]
    fn undocumented_rate_is_unlimited_until_throttled_and_again_later() {
        let begin = Instant::now();
        let mut budget = Budget::new(None, begin);
        for _ in 0..1_000 {
            assert_eq!(budget.take(begin), None);
        }
        budget.slow_down(begin, 1);
        assert!(budget.take(begin).is_some());
        let calls = count(&mut budget, begin, 20);
        assert!((10..=40).contains(&calls), "{calls}");
        let later = begin + 2 * RECOVERY;
        for _ in 0..1_000 {
            assert_eq!(budget.take(later), None);
        }
    }

    #[test]
    fn throttled_calls_line_up_and_wait_longer_each_time() {
        let begin = Instant::now();
        let mut budget = Budget::new(Some(RATE), begin);
        let mut last = Duration::ZERO;
        for nth in 1..=8 {
            let pause = budget.slow_down(begin, nth);
            assert!(pause >= last && pause <= PAUSES.1, "{nth}: {pause:?}");
            last = pause;
        }
        assert_eq!(last, PAUSES.1);
    }
}

//! The pace of calls: how fast each account may call each operation in each Region. Calls wait for
//! their turn at the rates that AWS documents, and slower where AWS throttles all the same.

mod budget;
mod throttled;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Mutex as Queue, Notify};
use tokio::time::{self, Instant};

use self::budget::Budget;
pub(super) use self::throttled::RetryThrottled;
use crate::diagnostic::AwsAnswer;
use crate::id::AccountRegion;
use crate::limits::rates::rate_of;

/// The paces of all accounts and Regions that a program calls.
#[derive(Debug, Default)]
pub(crate) struct Paces {
    of_places: Mutex<BTreeMap<AccountRegion, Arc<Pace>>>,
    told: Arc<Told>,
}

/// The pace of one account's calls in one Region.
#[derive(Debug)]
pub(crate) struct Pace {
    place: AccountRegion,
    turns: Mutex<BTreeMap<String, Arc<Turns>>>,
    told: Arc<Told>,
}

/// Whose turn it is to call one operation: whoever came first.
#[derive(Debug)]
struct Turns {
    queue: Queue<()>,
    budget: Mutex<Budget>,
}

/// That AWS is in trouble with calls, for whoever tells of it.
#[derive(Debug, Default)]
struct Told {
    last: Mutex<Option<Trouble>>,
    news: Notify,
}

/// A call that AWS throttles, or answers with an error of its own, and that is made again.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) action: String,
    pub(crate) place: AccountRegion,
    pub(crate) aws: AwsAnswer,
}

impl Paces {
    pub(crate) fn of(&self, place: &AccountRegion) -> Arc<Pace> {
        let mut of_places = self.of_places.lock();
        let pace = of_places.entry(place.clone()).or_insert_with(|| {
            Arc::new(Pace {
                place: place.clone(),
                turns: Mutex::default(),
                told: Arc::clone(&self.told),
            })
        });
        Arc::clone(pace)
    }

    /// With what AWS is in trouble, once it is.
    pub(crate) async fn trouble(&self) -> Trouble {
        loop {
            if let Some(trouble) = self.told.last.lock().take() {
                return trouble;
            }
            self.told.news.notified().await;
        }
    }
}

impl Pace {
    /// Waits until the account may call an operation.
    pub(crate) async fn turn(&self, action: &str) {
        let turns = self.turns(action);
        let _first = turns.queue.lock().await;
        loop {
            let missing = turns.budget.lock().take(Instant::now());
            match missing {
                None => return,
                Some(pause) => time::sleep(pause).await,
            }
        }
    }

    /// Tells of a call that is made again.
    fn tell(&self, action: &str, aws: AwsAnswer) {
        *self.told.last.lock() = Some(Trouble {
            action: action.to_owned(),
            place: self.place.clone(),
            aws,
        });
        self.told.news.notify_one();
    }

    /// Slows down, since AWS throttled a call; returns when it may be made again. `nth` counts how
    /// often AWS has throttled this call.
    fn throttled(&self, action: &str, nth: u32) -> Duration {
        let turns = self.turns(action);
        let mut budget = turns.budget.lock();
        budget.slow_down(Instant::now(), nth)
    }

    fn turns(&self, action: &str) -> Arc<Turns> {
        let mut all = self.turns.lock();
        if let Some(turns) = all.get(action) {
            return Arc::clone(turns);
        }
        // A thousand targets call a dozen operations each, one after the other.
        let now = Instant::now();
        all.retain(|_, turns| {
            let is_waited_for = Arc::strong_count(turns) > 1;
            is_waited_for || !turns.budget.lock().is_whole(now)
        });
        let turns = Arc::new(Turns {
            queue: Queue::default(),
            budget: Mutex::new(Budget::new(rate_of(action), now)),
        });
        all.insert(action.to_owned(), Arc::clone(&turns));
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_what_differs_from_the_documented_rate_is_kept() {
        let place = AccountRegion {
            account: "111111111111".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        };
        let pace = Paces::default().of(&place);
        let kept = || pace.turns.lock().keys().cloned().collect::<Vec<_>>();
        pace.turn("kms:CreateGrant").await;
        pace.throttled("iam:GetRole", 1);
        pace.turn("kms:DescribeKey").await;
        let called = ["iam:GetRole", "kms:CreateGrant", "kms:DescribeKey"];
        assert_eq!(kept(), called, "a call that was just made counts");

        time::advance(Duration::from_secs(5)).await;
        pace.turn("kms:ListGrants").await;
        assert_eq!(kept(), ["iam:GetRole", "kms:ListGrants"]);

        time::advance(Duration::from_mins(2)).await;
        let waits = pace.turns("kms:ListGrants");
        pace.turn("kms:GetKeyPolicy").await;
        assert_eq!(kept(), ["kms:GetKeyPolicy", "kms:ListGrants"]);
        drop(waits);
    }
}

//! Events of a run, as they happen: lines in the log, and at a terminal progress bars below it.

mod alike;
mod describe;
mod same;

use std::collections::BTreeSet;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ami_share::diagnostic::Code;
use ami_share::report::{Conclusion, Verification, Waiting};
use ami_share::{AccountId, Error, Event, EventSink};
use parking_lot::Mutex;
use tokio::time::Instant;

use self::same::Same;
use super::key_name::KeyNames;
use super::kinds::{Kind, Said};
use super::log::Log;
use super::progress::ProgressBars;
use super::waits::Waits;

/// This many lines that differ only in details are written; of more there is one.
const MOST_ALIKE: usize = 3;
/// How long a line is kept back for others of its kind: a run that is killed has not written it.
const HELD: Duration = Duration::from_secs(3);

/// Events that are alike, for one line.
struct Held {
    since: Instant,
    events: Vec<Same>,
}

impl Held {
    fn is_like(&self, event: &Same) -> bool {
        self.events
            .first()
            .is_some_and(|first| first.is_like(event))
    }
}

/// Writes each event to the log.
pub(crate) struct EventLog {
    log: Arc<Log>,
    bars: ProgressBars,
    waits: Mutex<Waits>,
    /// What is kept back, in the order of the first of each kind.
    held: Mutex<Vec<Held>>,
    /// The errors and findings so far, each kind once.
    said: Mutex<Vec<Kind>>,
    /// The targets and images of errors that say that a launch is blocked.
    blocked: Mutex<BTreeSet<(String, String)>>,
    /// Whether all blocked launches become errors in the end.
    leaves_out_blocked: AtomicBool,
    /// The blocked launches that were left out.
    left_out: Mutex<Vec<Verification>>,
    /// How the log calls keys.
    keys: Mutex<KeyNames>,
}

impl EventLog {
    pub(crate) fn new(log: Arc<Log>) -> Self {
        let bars = ProgressBars::new(log.is_terminal());
        Self {
            log,
            bars,
            waits: Mutex::default(),
            held: Mutex::default(),
            said: Mutex::default(),
            blocked: Mutex::default(),
            leaves_out_blocked: AtomicBool::new(false),
            left_out: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// Writes no line of blocked launches, each of which becomes an error in the end.
    pub(crate) fn leave_out_blocked(&self) {
        self.leaves_out_blocked.store(true, Ordering::Relaxed);
    }

    /// Writes the lines of blocked launches that were left out: the run is told to stop, and no
    /// error comes.
    pub(crate) fn tell_blocked(&self) {
        for verification in mem::take(&mut *self.left_out.lock()) {
            self.hold(same::of_verification(&verification));
        }
    }

    /// Calls keys so from now on, and names no source account.
    pub(crate) fn know_plan(&self, names: KeyNames, account: &AccountId) {
        *self.keys.lock() = names;
        self.waits.lock().know_source(account);
    }

    /// The text with each key by its name.
    pub(crate) fn shorten_keys(&self, text: &str) -> String {
        self.keys.lock().shorten(text)
    }

    /// Writes a line for those who look for a fault.
    pub(crate) fn debug(&self, text: &str) {
        self.bars.suspend(|| self.log.debug(text));
    }

    /// Writes a message, unless it only says again what another said of somewhere else.
    fn say(&self, said: Said) {
        let mut said_before = self.said.lock();
        let mut known = said_before.iter_mut();
        if let Some(kind) = known.find(|kind| kind.first.kind == said.kind) {
            kind.add(said);
            return;
        }
        // Checks come all at once, and what is alike of them stays together.
        let is_check = said.code == Code::VerifyBlocked.as_str();
        if !(is_check && self.holds_checks(true)) {
            self.write_held();
        }
        self.bars.suspend(|| said.log(&self.log));
        said_before.push(Kind::new(said));
    }

    /// Writes what was kept until all of it is known: lines of what is alike, and where else
    /// messages are true that were written once.
    pub(crate) fn end(&self) {
        self.bars.clear();
        self.write_held();
        for kind in self.said.lock().drain(..) {
            kind.log_others(&self.log);
        }
    }

    fn waiting(&self, waiting: &Waiting) {
        let mut waiting = waiting.clone();
        waiting.resource = self.shorten_keys(&waiting.resource);
        let (line, bar) = {
            let mut waits = self.waits.lock();
            (waits.add(&waiting), waits.bar(&waiting))
        };
        let is_shown = self.bars.show(&bar, |text| self.log.clean(text));
        if let Some(line) = line.filter(|_| !is_shown) {
            self.write_held();
            self.log.line(&line);
        }
    }

    fn failed(&self, error: &Error) {
        if error.code == Code::VerifyBlocked
            && let (Some(account), Some(image)) = (&error.account, &error.resource)
        {
            let mut blocked = self.blocked.lock();
            blocked.insert((account.to_string(), image.clone()));
        }
        self.say(Said::error(error));
    }

    /// Keeps what was checked of a target, unless an error says the same.
    fn verified(&self, verification: &Verification) {
        let resource = match &verification.image {
            Some(image) => image.to_string(),
            None => verification.source.to_string(),
        };
        let place = (verification.account.to_string(), resource);
        let is_blocked = verification.conclusion == Conclusion::Blocked;
        if is_blocked && self.leaves_out_blocked.load(Ordering::Relaxed) {
            self.left_out.lock().push(verification.clone());
        } else if !is_blocked || !self.blocked.lock().contains(&place) {
            self.hold(same::of_verification(verification));
        }
    }

    /// Whether checks are kept back, or something else is.
    fn holds_checks(&self, is_check: bool) -> bool {
        let held = self.held.lock();
        let mut events = held.iter().flat_map(|held| &held.events);
        events
            .next()
            .is_some_and(|event| event.is_check == is_check)
    }

    /// Keeps an event for a line with others that are alike.
    fn hold(&self, event: Same) {
        if self.holds_checks(!event.is_check) {
            self.write_held();
        }
        let mut held = self.held.lock();
        let mut known = held.iter_mut();
        match known.find(|known| known.is_like(&event)) {
            Some(known) => known.events.push(event),
            None => held.push(Held {
                since: Instant::now(),
                events: vec![event],
            }),
        }
    }

    fn write_old(&self) {
        let oldest = self.held.lock().first().map(|held| held.since);
        if oldest.is_some_and(|since| since.elapsed() >= HELD) {
            self.write_held();
        }
    }

    fn write_held(&self) {
        let held = std::mem::take(&mut *self.held.lock());
        for Held { events, .. } in held {
            let said = same::say(&events, MOST_ALIKE);
            self.bars.suspend(|| {
                for line in &said.lines {
                    self.log.line(&self.shorten_keys(line));
                }
                if let Some((title, lines)) = &said.whole {
                    self.log.fold(title, lines);
                }
            });
        }
    }
}

impl EventSink for EventLog {
    fn event(&self, event: &Event) {
        self.write_old();
        match event {
            Event::Waiting(waiting) => self.waiting(waiting),
            Event::Found(finding) => self.say(Said::finding(finding)),
            Event::Failed(error) => self.failed(error),
            Event::Verified(verification) => self.verified(verification),
            other => {
                self.waits.lock().note(other);
                if let Some(event) = alike::of(other) {
                    self.bars.finish(&self.shorten_keys(&event.line()));
                    self.hold(event);
                } else if let Some(line) = describe::describe(other) {
                    let line = self.shorten_keys(&line);
                    self.bars.finish(&line);
                    self.write_held();
                    self.bars.suspend(|| self.log.line(&line));
                }
            }
        }
    }
}

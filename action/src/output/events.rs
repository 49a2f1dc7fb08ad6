//! Events of a run, as they happen: lines in the log, and at a terminal progress bars below it.

mod describe;

use std::sync::Arc;

use ami_share::diagnostic::Code;
use ami_share::report::{Verification, Waiting};
use ami_share::{Event, EventSink};
use parking_lot::Mutex;

use super::ending::count;
use super::key_name::KeyNames;
use super::kinds::{Kind, Said};
use super::log::Log;
use super::progress::ProgressBars;
use super::verification;
use super::waits::{self, Waits};

/// A line names this many targets; more are counted.
const NAMED_TARGETS: usize = 3;

/// What was checked of some targets with the same answer.
struct Verified {
    /// The line without the targets.
    line: String,
    first: Verification,
    accounts: Vec<String>,
}

/// Writes each event to the log.
pub(crate) struct EventLog {
    log: Arc<Log>,
    bars: ProgressBars,
    waits: Mutex<Waits>,
    /// What was checked of targets so far.
    verified: Mutex<Vec<Verified>>,
    /// The errors and findings so far, each kind once.
    said: Mutex<Vec<Kind>>,
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
            verified: Mutex::default(),
            said: Mutex::default(),
            keys: Mutex::default(),
        }
    }

    /// Calls keys so from now on.
    pub(crate) fn name_keys(&self, names: KeyNames) {
        *self.keys.lock() = names;
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
        let known = said_before.iter_mut();
        if let Some(kind) = known.into_iter().find(|kind| kind.first.kind == said.kind) {
            kind.others.push(said.place);
            return;
        }
        self.bars.suspend(|| said.log(&self.log));
        said_before.push(Kind::new(said));
    }

    /// Writes what was kept until all of it is known: which targets were checked, and where else
    /// messages are true that were written once.
    pub(crate) fn end(&self) {
        self.bars.clear();
        self.log_verified();
        for kind in self.said.lock().drain(..) {
            kind.log_others(&self.log);
        }
    }

    fn waiting(&self, waiting: &Waiting) {
        let mut waiting = waiting.clone();
        waiting.resource = self.shorten_keys(&waiting.resource);
        let mut waits = self.waits.lock();
        let line = waits.add(&waiting);
        let resource = self.log.clean(&waiting.resource);
        let what = self.log.clean(&waiting.what);
        let left = waits::time_left(waiting.percent, waiting.elapsed);
        let is_shown = self.bars.show(&resource, &what, waiting.percent, left);
        if let Some(line) = line.filter(|_| !is_shown) {
            self.log.line(&line);
        }
    }

    /// Keeps what was checked of a target: the log says the same of many targets in one line.
    fn verified(&self, verification: &Verification) {
        let line = verification::line_of(verification, "…");
        let account = verification.account.to_string();
        let mut verified = self.verified.lock();
        match verified.iter_mut().find(|known| known.line == line) {
            Some(known) => known.accounts.push(account),
            None => verified.push(Verified {
                line,
                first: verification.clone(),
                accounts: vec![account],
            }),
        }
    }

    fn log_verified(&self) {
        for Verified {
            first, accounts, ..
        } in self.verified.lock().drain(..)
        {
            if accounts.len() <= NAMED_TARGETS {
                let line = verification::line_of(&first, &accounts.join(", "));
                self.bars.suspend(|| self.log.line(&line));
                continue;
            }
            let many = count(accounts.len(), "account");
            let line = verification::line_of(&first, &many);
            self.bars.suspend(|| {
                self.log.line(&line);
                self.log.fold(&many, &accounts);
            });
        }
    }
}

impl EventSink for EventLog {
    fn event(&self, event: &Event) {
        let log = &self.log;
        // What is checked comes all at once. It is written before what comes next, so that a run
        // that is killed has written it.
        let is_check = match event {
            Event::Verified(_) => true,
            Event::Failed(error) => error.code == Code::VerifyBlocked,
            _ => false,
        };
        if !is_check {
            self.log_verified();
        }
        match event {
            Event::Waiting(waiting) => self.waiting(waiting),
            Event::Found(finding) => self.say(Said::finding(finding)),
            Event::Failed(error) => self.say(Said::error(error)),
            Event::Verified(verification) => self.verified(verification),
            other => {
                self.waits.lock().note(other);
                if let Some(line) = describe::describe(other) {
                    let line = self.shorten_keys(&line);
                    self.bars.finish(&line);
                    self.bars.suspend(|| log.line(&line));
                }
            }
        }
    }
}

//! What a run waits for, in few lines: many copies are one line.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ami_share::report::Waiting;
use ami_share::{AccountId, Event};
use tokio::time::Instant;

/// How often the log repeats that a run still waits for the same thing.
const REPEAT_AFTER: Duration = Duration::from_secs(30);
/// This many copies have a line each; more are one.
const SINGLE_COPIES: usize = 3;
/// The words of what is awaited of a copy.
const COPY: &str = "as the copy of";
/// A copy that has just begun has no line: how many begin with it is not known yet.
const JUST_BEGUN: Duration = Duration::from_secs(2);

/// What a run waits for, and how far it is.
#[derive(Default)]
pub(crate) struct Waits {
    /// The copies that are not available yet.
    copies: BTreeMap<String, Waiting>,
    /// The copies that were begun.
    begun: BTreeSet<String>,
    /// How many copies came to be available.
    done: usize,
    /// When the log last told of a wait, or by the blank name of all copies.
    last_said: BTreeMap<String, Instant>,
    /// The source account, which lines do not name.
    source: Option<AccountId>,
}

/// What a terminal shows while something is awaited.
pub(crate) struct Bar {
    pub(crate) resource: String,
    /// Before the progress, if that can be told.
    pub(crate) title: Option<String>,
    pub(crate) percent: Option<u8>,
    pub(crate) message: String,
}

impl Waits {
    /// Knows the source account from now on.
    pub(crate) fn know_source(&mut self, account: &AccountId) {
        self.source = Some(account.clone());
    }

    /// What a terminal shows of a wait: `copying to eu-west-1 [===>  ] 27 %`, and the time left.
    pub(crate) fn bar(&self, waiting: &Waiting) -> Bar {
        let left = time_left(waiting.percent, waiting.elapsed);
        let (title, message) = match &waiting.region {
            Some(region) if waiting.what.contains(COPY) => {
                let whose = self.owner(waiting);
                let title = format!("copying to {region:<14}{whose}");
                (Some(title), left.unwrap_or_default())
            }
            _ => {
                // The end of a long message is not seen.
                let left = left.map(|left| format!("{left}: ")).unwrap_or_default();
                let message = format!("{left}{} {}", short(&waiting.resource), waiting.what);
                (None, message)
            }
        };
        Bar {
            resource: waiting.resource.clone(),
            title,
            percent: waiting.percent,
            message,
        }
    }

    /// The account of what is awaited, unless it is the source account.
    fn owner(&self, waiting: &Waiting) -> String {
        match &waiting.account {
            Some(account) if Some(account) != self.source.as_ref() => format!(" of {account}"),
            _ => String::new(),
        }
    }

    /// Takes what the run waits for; returns a line if the log shall have one now.
    pub(crate) fn add(&mut self, waiting: &Waiting) -> Option<String> {
        if !waiting.what.contains(COPY) {
            return self.line_of_one(waiting);
        }
        self.copies
            .insert(waiting.resource.clone(), waiting.clone());
        if waiting.elapsed < JUST_BEGUN {
            return None;
        }
        // Copies wait for their turn before AWS shows how far they are.
        let all = self.begun.len().max(self.copies.len() + self.done);
        if all <= SINGLE_COPIES {
            return self.line_of_one(waiting);
        }
        self.is_due("").then(|| self.line_of_copies(all))
    }

    fn line_of_one(&mut self, waiting: &Waiting) -> Option<String> {
        let Waiting { resource, what, .. } = waiting;
        let is_due = self.is_due(&format!("{resource} {what}"));
        is_due.then(|| line(waiting, &self.owner(waiting)))
    }

    /// Takes what happened: a copy that is available is no longer awaited.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::CopyStarted { copy, .. } | Event::CopyAdopted { copy, .. } => {
                self.begun.insert(copy.to_string());
            }
            Event::CopyAvailable { copy, .. } => {
                let was_awaited = self.copies.remove(copy.as_ref()).is_some();
                self.done += usize::from(was_awaited || self.begun.contains(copy.as_ref()));
            }
            _ => {}
        }
    }

    fn is_due(&mut self, name: &str) -> bool {
        let now = Instant::now();
        let last = self.last_said.get(name);
        let is_due = last.is_none_or(|last| now.duration_since(*last) >= REPEAT_AFTER);
        if is_due {
            self.last_said.insert(name.to_owned(), now);
        }
        is_due
    }

    /// `58 copies: 12 done, slowest 31 %, about 4 min left`.
    fn line_of_copies(&self, all: usize) -> String {
        let mut line = format!("{all} copies: {} done", self.done);
        let percent = |copy: &&Waiting| copy.percent.unwrap_or_default();
        if let Some(slowest) = self.copies.values().min_by_key(percent) {
            line += &format!(", slowest {} %", percent(&slowest));
            if let Some(left) = time_left(slowest.percent, slowest.elapsed) {
                line += &format!(", {left}");
            }
        }
        line
    }
}

fn line(waiting: &Waiting, owner: &str) -> String {
    let Waiting { resource, what, .. } = waiting;
    let place = waiting.region.as_ref();
    let place = place.map(|region| format!(" in {region}{owner}"));
    let mut text = format!("waiting for {resource}{} {what}", place.unwrap_or_default());
    if let Some(percent) = waiting.percent {
        text += &format!(", {percent} %");
    }
    let elapsed = Duration::from_secs(waiting.elapsed.as_secs());
    if !elapsed.is_zero() {
        text += &format!(", {} so far", humantime::format_duration(elapsed));
    }
    if let Some(left) = time_left(waiting.percent, waiting.elapsed) {
        text += &format!(", {left}");
    }
    if let Some(aws) = &waiting.aws {
        text += &format!(" (AWS says {aws})");
    }
    text
}

/// The last part of an ARN, which tells it from others and leaves room for the rest of the line.
fn short(resource: &str) -> &str {
    if resource.starts_with("arn:") {
        resource.rsplit(':').next().unwrap_or(resource)
    } else {
        resource
    }
}

/// `about 4 min left`, if progress goes on as until now; `None` if too little is known to say so.
pub(crate) fn time_left(percent: Option<u8>, elapsed: Duration) -> Option<String> {
    let (percent, elapsed) = (u64::from(percent?), elapsed.as_secs());
    if !(1..100).contains(&percent) || elapsed == 0 {
        return None;
    }
    let left = elapsed * (100 - percent) / percent;
    Some(match left.div_ceil(60) {
        0 | 1 if left < 50 => "less than 1 min left".to_owned(),
        0 | 1 => "about 1 min left".to_owned(),
        minutes if minutes < 120 => format!("about {minutes} min left"),
        minutes => format!("about {} h left", minutes.div_ceil(60)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_follows_from_progress_alone() {
        let table = [
            (None, 60, None),
            (Some(0), 60, None),
            (Some(100), 60, None),
            (Some(50), 0, None),
            (Some(99), 60, Some("less than 1 min left")),
            (Some(50), 55, Some("about 1 min left")),
            (Some(20), 60, Some("about 4 min left")),
            (Some(1), 600, Some("about 17 h left")),
            (Some(50), 119 * 60, Some("about 119 min left")),
            (Some(50), 120 * 60, Some("about 2 h left")),
        ];
        for (percent, elapsed, text) in table {
            let left = time_left(percent, Duration::from_secs(elapsed));
            assert_eq!(left.as_deref(), text, "{percent:?} in {elapsed} s");
        }
    }
}

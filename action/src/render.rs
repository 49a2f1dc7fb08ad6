//! Events and plans in words.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ami_share::{Event, EventSink, Finding, Plan, Severity, Step, Subject, Waiting};
use tokio::time::Instant;

use crate::command::{Level, Log};

/// How often the log says that the same thing is still awaited.
const EVERY: Duration = Duration::from_secs(30);

/// Writes each event to the log as it happens.
pub(crate) struct Lines {
    log: Arc<Log>,
    said: Mutex<BTreeMap<String, Instant>>,
}

impl Lines {
    pub(crate) fn new(log: Arc<Log>) -> Self {
        Self { log, said: Mutex::default() }
    }

    fn waiting(&self, waiting: &Waiting) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if said.get(&waiting.resource).is_some_and(|last| now.duration_since(*last) < EVERY) {
            return;
        }
        said.insert(waiting.resource.clone(), now);
        let percent = waiting.percent.map(|percent| format!(", {percent} %")).unwrap_or_default();
        let elapsed = humantime::format_duration(Duration::from_secs(waiting.elapsed.as_secs()));
        self.log.line(&format!("waiting for {} {}{percent}, {elapsed} so far", waiting.resource, waiting.what));
    }
}

impl EventSink for Lines {
    fn event(&self, event: &Event) {
        let log = &*self.log;
        match event {
            Event::Waiting(waiting) => self.waiting(waiting),
            Event::CopyStarted { source, copy } => log.line(&format!("{source} is copied to {copy}")),
            Event::CopyAdopted { source, copy } => log.line(&format!("{copy} is already the copy of {source}")),
            Event::CopyAvailable { source, copy } => log.line(&format!("{copy}, the copy of {source}, is available")),
            Event::KeyPolicyPut { key, added, .. } => {
                log.line(&format!("the policy of {key} now lets {} use it", accounts(added)));
            }
            Event::KeyAccessHeld { key, accounts: held } => log.line(&format!("{} can use {key}", accounts(held))),
            Event::LaunchPermissionAdded { image, added, .. } => {
                log.line(&format!("{image} is now shared with {}", accounts(added)));
            }
            Event::LaunchPermissionHeld { image, accounts: held, .. } => {
                log.line(&format!("{} can launch {image}", accounts(held)));
            }
            Event::LeftoverRemoved { resource } => log.line(&format!("{resource}, left by a failed copy, is removed")),
            Event::Found(found) => finding(log, found),
            Event::Failed(error) => log.annotate(Level::Error, error.code.as_str(), &error.to_string()),
            _ => {}
        }
    }
}

/// A few account IDs by name, many by their number.
fn accounts<'a, T: ToString + 'a>(of: impl IntoIterator<Item = &'a T>) -> String {
    let names: Vec<String> = of.into_iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "no account".to_owned(),
        few if few.len() <= 10 => few.join(", "),
        many => format!("{}, … and {} more", many[..9].join(", "), many.len() - 9),
    }
}

/// A finding as an annotation.
pub(crate) fn finding(log: &Log, finding: &Finding) {
    let level = if finding.severity == Severity::Refuse { Level::Error } else { Level::Warning };
    log.annotate(level, finding.code.as_str(), &finding.to_string());
}

/// The plan, a line a step.
pub(crate) fn plan(plan: &Plan) -> Vec<String> {
    let line = |step: &Step| match step {
        Step::Copy(copy) => {
            let what = match &copy.adopt {
                Some(id) => format!("= {} is already copied: {id}", copy.source),
                None => format!("+ copy {} as `{}` under {}", copy.source, copy.name, copy.key),
            };
            let left = copy.leftovers.images.len() + copy.leftovers.snapshots.len();
            if left == 0 { what } else { format!("{what}; then - remove {left} that failed copies left") }
        }
        Step::KeyAccess(access) if access.missing.is_empty() => {
            format!("= {} can already use {}", accounts(&access.accounts), access.key)
        }
        Step::KeyAccess(access) => format!("+ let {} use {}", accounts(&access.missing), access.key),
        Step::LaunchPermission(launch) => {
            let image = match &launch.image {
                Subject::CopyOf(source) => format!("the copy of {source}"),
                _ => launch.source.to_string(),
            };
            let unlisted = match launch.unlisted.len() {
                0 => String::new(),
                _ => format!("; {} not listed and kept", accounts(&launch.unlisted)),
            };
            if launch.missing.is_empty() {
                format!("= {} can already launch {image}{unlisted}", accounts(&launch.accounts))
            } else {
                format!("+ let {} launch {image}{unlisted}", accounts(&launch.missing))
            }
        }
        _ => String::new(),
    };
    plan.steps.iter().map(line).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_accounts_are_a_number() {
        let ids: Vec<u32> = (1..=12).collect();
        assert_eq!(accounts(&ids), "1, 2, 3, 4, 5, 6, 7, 8, 9, … and 3 more");
        assert_eq!(accounts(&ids[..2]), "1, 2");
    }
}

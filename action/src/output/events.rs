//! Events in words: lines in a log, and at a terminal progress bars above which the lines scroll.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ami_share::diagnostic::Severity;
use ami_share::report::Waiting;
use ami_share::{Event, EventSink, Finding};
use tokio::time::Instant;

use crate::output::log::{Level, Log};
use crate::output::progress::Bars;
use crate::output::verification;

/// How often the log says that the same thing is still awaited.
const EVERY: Duration = Duration::from_secs(30);

/// Writes each event to the log as it happens.
pub(crate) struct Lines {
    log: Arc<Log>,
    said: Mutex<BTreeMap<String, Instant>>,
    bars: Bars,
}

impl Lines {
    pub(crate) fn new(log: Arc<Log>) -> Self {
        let bars = Bars::new(log.is_terminal());
        Self {
            log,
            said: Mutex::default(),
            bars,
        }
    }

    /// Nothing is under way any more.
    pub(crate) fn end(&self) {
        self.bars.clear();
    }

    fn waiting(&self, waiting: &Waiting) {
        let (resource, what) = (
            self.log.hide(&waiting.resource),
            self.log.hide(&waiting.what),
        );
        if self.bars.show(&resource, &what, waiting) {
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if said
            .get(&waiting.resource)
            .is_some_and(|last| now.duration_since(*last) < EVERY)
        {
            return;
        }
        said.insert(waiting.resource.clone(), now);
        let percent = waiting
            .percent
            .map(|percent| format!(", {percent} %"))
            .unwrap_or_default();
        let elapsed = humantime::format_duration(Duration::from_secs(waiting.elapsed.as_secs()));
        self.log.line(&format!(
            "waiting for {} {}{percent}, {elapsed} so far",
            waiting.resource, waiting.what
        ));
    }
}

impl EventSink for Lines {
    fn event(&self, event: &Event) {
        let log = &*self.log;
        match event {
            Event::Waiting(waiting) => self.waiting(waiting),
            Event::Found(found) => self.bars.suspend(|| finding(log, found)),
            Event::Verified(found) => {
                let line = verification::line(found);
                self.bars.suspend(|| log.line(&line));
            }
            Event::Failed(error) => {
                self.bars.suspend(|| {
                    log.annotate(Level::Error, error.code.as_str(), &error.to_string())
                });
            }
            other => {
                if let Some(line) = words(other) {
                    self.bars.done(&line);
                    self.bars.suspend(|| log.line(&line));
                }
            }
        }
    }
}

/// What happened, in a line.
fn words(event: &Event) -> Option<String> {
    Some(match event {
        Event::CopyStarted {
            source,
            region,
            copy,
            account,
        } => {
            format!("{source} is copied to {copy} in {region} of {account}")
        }
        Event::CopyAdopted {
            source,
            region,
            copy,
            account,
        } => {
            format!("{copy} in {region} of {account} is already the copy of {source}")
        }
        Event::CopyAvailable {
            source,
            region,
            copy,
            account,
        } => {
            format!("{copy} in {region} of {account}, the copy of {source}, is available")
        }
        Event::KeyPolicyPut { key, removed, .. } if !removed.is_empty() => {
            format!(
                "the policy of {key} no longer lets {} use it",
                several(removed)
            )
        }
        Event::KeyPolicyPut { key, added, .. } => {
            format!("the policy of {key} now lets {} use it", several(added))
        }
        Event::KeyAccessHeld { key, principals } => {
            format!("{} can use {key}", several(principals))
        }
        Event::GrantsCreated { key, image, added } => {
            format!(
                "{} have grants of {key} for {image} now; they can take five minutes to be \
                 effective (R3.3.7)",
                several(added)
            )
        }
        Event::GrantsRevoked { key, grantees } => {
            format!("grants of {key} are revoked: {}", several(grantees))
        }
        Event::SnapshotPermissionAdded { snapshot, added } => {
            format!("{} can make volumes of {snapshot} now", several(added))
        }
        Event::SnapshotPermissionRemoved { snapshot, removed } => {
            format!(
                "{} can no longer make volumes of {snapshot}",
                several(removed)
            )
        }
        Event::LaunchPermissionAdded { image, added, .. } => {
            format!("{image} is now shared with {}", several(added))
        }
        Event::LaunchPermissionHeld {
            image, principals, ..
        } => {
            format!("{} can launch {image}", several(principals))
        }
        Event::LaunchPermissionRemoved { image, removed, .. } => {
            format!("{image} is no longer shared with {}", several(removed))
        }
        Event::Deprecated { image, at } => format!("{image} is deprecated at {at}"),
        Event::Protected { image } => format!("{image} is protected from deregistration"),
        Event::Published {
            account,
            name,
            image,
        } => format!("the parameter {name} of {account} names {image} now"),
        Event::Tagged { account, image } => format!("{image} carries its tags in {account} now"),
        Event::RoleAllowed {
            account,
            role,
            policy,
        } => {
            format!("the role {role} of {account} may launch now, by the policy {policy}")
        }
        Event::RoleDisallowed {
            account,
            role,
            policy,
        } => {
            format!("the role {role} of {account} no longer has the policy {policy}")
        }
        Event::ServiceRoleGranted { account, role, key } => {
            format!(
                "{role} of {account} has a grant of {key} now; it can take five minutes to be \
                 effective (R3.3.7)"
            )
        }
        Event::TemporaryAccessRecorded { image } => {
            format!("the tags of {image} say who is lent it")
        }
        Event::CopyRemoved { image } => format!("the copy {image} is removed"),
        Event::LeftoverRemoved { resource } => {
            format!("{resource}, left by a failed copy, is removed")
        }
        _ => return None,
    })
}

/// A few by name, many by their number.
pub(crate) fn several<'a, T: ToString + 'a>(of: impl IntoIterator<Item = &'a T>) -> String {
    let names: Vec<String> = of.into_iter().map(ToString::to_string).collect();
    match names.as_slice() {
        [] => "nobody".to_owned(),
        few if few.len() <= 10 => few.join(", "),
        many => format!("{}, … and {} more", many[..9].join(", "), many.len() - 9),
    }
}

/// A finding as an annotation.
pub(crate) fn finding(log: &Log, finding: &Finding) {
    let level = if finding.severity == Severity::Refuse {
        Level::Error
    } else {
        Level::Warning
    };
    log.annotate(level, finding.code.as_str(), &finding.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_accounts_are_a_number() {
        let ids: Vec<u32> = (1..=12).collect();
        assert_eq!(several(&ids), "1, 2, 3, 4, 5, 6, 7, 8, 9, … and 3 more");
        assert_eq!(several(&ids[..2]), "1, 2");
    }
}

//! The passing of time.

use std::time::Duration;

use super::{Fate, ImageState, KeyState, Snapshot, World};

/// What is pending, by ID, and when the first of it ends.
#[derive(Debug, Default)]
pub(super) struct Pending {
    images: Vec<String>,
    snapshots: Vec<String>,
    first_end: Option<Duration>,
}

impl World {
    /// Forgets what is pending. Call it after a change of what is pending.
    pub fn touch(&mut self) {
        self.pending = None;
    }

    /// Brings everything that is pending to its state at `now`.
    pub fn advance(&mut self, now: Duration) {
        // A call must not visit every image of a large world, nor all that is pending there.
        let pending = self.pending.take().unwrap_or_else(|| self.find_pending());
        let is_due = pending.first_end.is_some_and(|end| now >= end);
        if is_due {
            for id in &pending.images {
                self.advance_image(id, now);
            }
            for id in &pending.snapshots {
                self.advance_snapshot(id, now);
            }
            self.pending = Some(self.find_pending());
        } else {
            self.pending = Some(pending);
        }
        self.settle_keys(now);
        self.advance_instances(now);
        self.settle_activities(now);
    }

    /// Enables the keys whose state has passed.
    fn settle_keys(&mut self, now: Duration) {
        for arn in std::mem::take(&mut self.settling) {
            let Some(key) = self.keys.get_mut(&arn) else {
                continue;
            };
            if key.settles.take_if(|at| now >= *at).is_some() {
                if matches!(key.state, KeyState::Creating | KeyState::Updating) {
                    key.state = KeyState::Enabled;
                }
            } else {
                self.settling.push(arn);
            }
        }
    }

    fn find_pending(&self) -> Pending {
        let mut pending = Pending::default();
        let mut ends = Vec::new();
        for image in self.images.values() {
            if let Some(fate) = &image.fate {
                pending.images.push(image.id.clone());
                ends.push(fate.at);
            }
        }
        for snapshot in self.snapshots.values() {
            if let Some(fate) = &snapshot.fate {
                pending.snapshots.push(snapshot.id.clone());
                ends.push(fate.at);
            }
        }
        pending.first_end = ends.into_iter().min();
        pending
    }

    fn advance_image(&mut self, id: &str, now: Duration) {
        let Some(image) = self.images.get_mut(id) else {
            return;
        };
        let Some(fate) = image.fate.take_if(|fate| now >= fate.at) else {
            return;
        };
        // An image that was deregistered while it was pending stays deregistered (R1.1.3).
        if image.state == ImageState::Pending {
            image.settled = fate.at;
            image.state = if fate.failure.is_some() {
                fate.fails_as
            } else {
                ImageState::Available
            };
            image.state_reason = fate.failure.map(|(of_image, _)| of_image);
        }
    }

    fn advance_snapshot(&mut self, id: &str, now: Duration) {
        let Some(snapshot) = self.snapshots.get_mut(id) else {
            return;
        };
        let Some(fate) = snapshot.fate.take_if(|fate| now >= fate.at) else {
            return;
        };
        match fate.failure {
            None => {
                (snapshot.state, snapshot.progress) = ("completed", 100);
                (snapshot.completed, snapshot.unknown) = (Some(fate.at), false);
                snapshot.state_message = None;
            }
            Some((_, of_snapshot)) => {
                (snapshot.state, snapshot.progress) = ("error", 0);
                snapshot.state_message = Some(of_snapshot);
                // Of a source that was not read, nothing becomes known (recorded).
                snapshot.unknown &= snapshot.size == 0;
            }
        }
    }
}

impl Snapshot {
    /// How much of it is there, in percent.
    pub fn progress_at(&self, now: Duration) -> u8 {
        let pending = self.fate.as_ref();
        pending.map_or(self.progress, |fate| progress(fate, now))
    }
}

fn progress(fate: &Fate, now: Duration) -> u8 {
    if fate.failure.is_some() {
        return 0;
    }
    let (done, whole) = (
        now.saturating_sub(fate.from).as_millis(),
        fate.at.saturating_sub(fate.from).as_millis(),
    );
    u8::try_from((done * 100).checked_div(whole).unwrap_or(100).min(99)).unwrap_or(99)
}

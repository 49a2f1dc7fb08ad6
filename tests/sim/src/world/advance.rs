//! The passing of time.

use std::time::Duration;

use super::{Fate, ImageState, World};

impl World {
    /// Brings everything that is pending to where it is at `now`.
    pub fn advance(&mut self, now: Duration) {
        for image in self.images.values_mut() {
            let Some(fate) = image.fate.clone() else { continue };
            for id in image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()) {
                if let Some(snapshot) = self.snapshots.get_mut(id)
                    && snapshot.fate.is_some()
                {
                    snapshot.progress = progress(&fate, now);
                }
            }
            if now < fate.at {
                continue;
            }
            image.fate = None;
            // One that was deregistered while it was pending stays gone (R1.1.3).
            if image.state == ImageState::Pending {
                image.state = if fate.failure.is_some() { ImageState::Failed } else { ImageState::Available };
                image.state_reason = fate.failure.map(|(of_image, _)| of_image);
            }
        }
        for snapshot in self.snapshots.values_mut() {
            let Some(fate) = snapshot.fate.take_if(|fate| now >= fate.at) else {
                continue;
            };
            match fate.failure {
                None => (snapshot.state, snapshot.progress) = ("completed", 100),
                Some((_, of_snapshot)) => {
                    (snapshot.state, snapshot.progress) = ("error", 0);
                    snapshot.state_message = Some(of_snapshot);
                }
            }
        }
    }
}

fn progress(fate: &Fate, now: Duration) -> u8 {
    if fate.failure.is_some() {
        return 0;
    }
    let (done, whole) = (now.saturating_sub(fate.from).as_millis(), fate.at.saturating_sub(fate.from).as_millis());
    u8::try_from((done * 100).checked_div(whole).unwrap_or(100).min(99)).unwrap_or(99)
}

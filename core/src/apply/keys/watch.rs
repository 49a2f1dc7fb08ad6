//! Watches the access that a run gives to a key, while the run goes on: another run may overwrite
//! the policy, or revoke the access.
//!
//! A look is due when an image under the key has become launchable, `settle` after a put, and soon
//! after a put that repeats another: what collides with it does so at once. A revoke puts the
//! policy and then looks at launch permissions; a share writes the launch permission and then looks
//! at the policy. So one of both sees the other, whatever the order, and what is missing is there
//! again some calls later (P1).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio::time::{self, Instant};

use super::policy::PutPolicy;
use super::{Granted, limit, oldest_read, settling};
use crate::apply::{Apply, LaunchableImage};
use crate::diagnostic::Error;
use crate::id::Principal;
use crate::plan::KeyAccess;
use crate::report::Waiting;

/// How often statements that another run did not overwrite but remove are put again, before that
/// run wins.
const CONTENDED_PUTS: u32 = 2;

/// The pause between two looks of which each follows an image that has become launchable.
const BETWEEN_IMAGES: Duration = Duration::from_secs(1);

/// The longest pause before a put that follows collisions.
const LONGEST_SCATTER: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Present,
    Missing,
    Lost,
}

/// Whether a key policy has what this run gave, as far as the run has seen. Images under the key
/// are shared only while it has (P1).
#[derive(Clone, Debug)]
pub(in crate::apply) struct KeyState(Arc<watch::Sender<State>>);

impl Default for KeyState {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(State::Present)))
    }
}

impl KeyState {
    fn is_present(&self) -> bool {
        *self.0.borrow() == State::Present
    }

    /// Waits until the policy has it; `false` if it is lost.
    async fn until_present(&self) -> bool {
        let mut state = self.0.subscribe();
        let known = state.wait_for(|state| *state != State::Missing).await;
        known.is_ok_and(|state| *state == State::Present)
    }
}

/// Waits until all keys have what this run gave; `false` if that of one is lost.
pub(in crate::apply) async fn until_all_present(keys: &[KeyState]) -> bool {
    while let Some(missing) = keys.iter().find(|key| !key.is_present()) {
        if !missing.until_present().await {
            return false;
        }
    }
    true
}

/// Access to one key that is watched.
struct Watch<'a, 'b> {
    access: KeyAccess,
    state: &'a KeyState,
    /// The images under the key that are launchable by now.
    images: Vec<LaunchableImage<'b>>,
    /// When looks are due.
    looks: Vec<Instant>,
    looked: Option<Instant>,
    /// The last put, if there was one, and whether it has settled.
    put: Option<PutPolicy>,
    is_settled: bool,
    /// The pause after a put.
    settle: Duration,
    /// How old a read may be.
    outdated: Duration,
    /// How often the statements were overwritten, and how often they were removed.
    collisions: u32,
    removals: u32,
    /// Whose access was given again.
    restored: BTreeSet<Principal>,
}

impl Apply<'_> {
    /// Makes sure that access lasts, until all images under the key are shared and the policy has
    /// settled. What is missing is put again, unless an image that is launchable by then is no
    /// longer shared: then another run revokes, and wins.
    pub(in crate::apply) async fn keep_key_access<'b>(
        &self,
        access: &KeyAccess,
        granted: &Granted,
        state: &KeyState,
        sharing: impl Stream<Item = Option<LaunchableImage<'b>>> + Unpin,
    ) -> Result<(), Error> {
        let settle = self.run.timing.settle;
        let mut watch = Watch {
            access: limit(access, &granted.principals),
            state,
            images: Vec::new(),
            looks: Vec::new(),
            looked: None,
            put: None,
            is_settled: true,
            settle,
            outdated: oldest_read(settle),
            collisions: 0,
            removals: 0,
            restored: BTreeSet::new(),
        };
        if let Some(put) = &granted.put {
            watch.note_put(put.at, granted.put.clone());
        }
        let kept = self.watch(watch, sharing).await;
        state.0.send_replace(match kept {
            Ok(()) => State::Present,
            Err(_) => State::Lost,
        });
        self.progress().arrived(&access.key);
        kept
    }

    async fn watch<'b>(
        &self,
        mut watch: Watch<'_, 'b>,
        mut sharing: impl Stream<Item = Option<LaunchableImage<'b>>> + Unpin,
    ) -> Result<(), Error> {
        let since = Instant::now();
        let mut is_sharing = true;
        loop {
            // 1. Wait for the next look that is due, and for images.
            let due = watch.looks.iter().min().copied();
            if due.is_none() && !is_sharing {
                break;
            }
            if let Some(due) = due.filter(|due| *due > Instant::now() && !is_sharing) {
                let pause = due - Instant::now();
                let what = settling(watch.settle);
                let waiting = Waiting::new(&watch.access.key, &what, since, pause);
                self.progress().report_waiting(waiting);
            }
            tokio::select! {
                biased;
                shared = sharing.next(), if is_sharing => {
                    match shared {
                        Some(Some(image)) => watch.add_image(image),
                        Some(None) => {}
                        None => is_sharing = false,
                    }
                    continue;
                }
                () = time::sleep_until(due.unwrap_or(since)), if due.is_some() => {}
            }

            // 2. Look. Whatever was due until now is seen.
            let now = Instant::now();
            watch.looks.retain(|at| *at > now);
            watch.looked = Some(now);
            let (missing, text) = self.find_missing_statements(&watch.access).await?;
            if !missing.is_empty() && watch.may_be_outdated(now, &text) {
                continue;
            }
            if !missing.is_empty() {
                watch.state.0.send_replace(State::Missing);
                self.restore_statements(&mut watch, missing, &text).await?;
                watch.state.0.send_replace(State::Present);
            } else if watch.looks.is_empty() {
                watch.is_settled = true;
            }
        }
        // Access that was given again for an image that another run revoked meanwhile is useless.
        self.check_still_shared(&watch, &watch.restored).await
    }

    /// Puts statements again that are missing.
    async fn restore_statements(
        &self,
        watch: &mut Watch<'_, '_>,
        missing: BTreeSet<Principal>,
        text: &str,
    ) -> Result<(), Error> {
        // 1. Whether another run revokes, or overwrote the put.
        self.check_still_shared(watch, &missing).await?;
        if watch.images.is_empty() {
            // A run that revokes does not wait longer each time, and so wins.
            watch.settle = self.progress().varied(watch.settle.saturating_mul(2));
        } else if watch.was_removed(text) {
            if watch.removals == CONTENDED_PUTS {
                return Err(self.contended(&watch.access.key));
            }
            watch.removals += 1;
        } else {
            // Runs that collided scatter, the wider the more often they do.
            watch.collisions += 1;
            let took = watch.put.as_ref().map_or(Duration::ZERO, |put| put.took);
            let longest = took.saturating_mul(2_u32.saturating_pow(watch.collisions));
            let pause = longest.min(LONGEST_SCATTER);
            time::sleep(self.progress().scattered(pause)).await;
        }

        // 2. Put it again, and look soon.
        let again = self.give_key_access(&watch.access).await?;
        if !again.refused.principals.is_empty() {
            return Err(self.invalid_principals(&watch.access, &again.refused).await);
        }
        watch.restored.extend(missing);
        // If another run has put the statements, somebody may still overwrite that.
        let at = again.put.as_ref().map_or_else(Instant::now, |put| put.at);
        let put = again.put.or_else(|| watch.put.take());
        watch.note_put(at, put);
        Ok(())
    }

    /// Fails if an image is no longer shared with these.
    async fn check_still_shared(
        &self,
        watch: &Watch<'_, '_>,
        principals: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let images: Vec<&LaunchableImage<'_>> = watch.images.iter().collect();
        let still = principals.is_empty() || self.are_still_shared(&images, principals).await?;
        still
            .then_some(())
            .ok_or_else(|| self.contended(&watch.access.key))
    }
}

impl<'b> Watch<'_, 'b> {
    /// A look is due, so that a revoke beside it is seen.
    fn add_image(&mut self, image: LaunchableImage<'b>) {
        self.images.push(image);
        let now = Instant::now();
        let due = self
            .looked
            .map_or(now, |looked| now.max(looked + BETWEEN_IMAGES));
        self.looks.push(due);
    }

    /// Looks are due after a put has settled, and sooner if a target may be shown an image.
    fn note_put(&mut self, at: Instant, put: Option<PutPolicy>) {
        self.looks.push(at + self.settle);
        if !self.images.is_empty() {
            let took = put.as_ref().map_or(Duration::ZERO, |put| put.took);
            self.looks.push(at + took);
        }
        self.put = put;
        self.is_settled = false;
    }

    /// Whether a look that shows the policy before the last put may only be out of date. Then one
    /// that cannot be is due.
    fn may_be_outdated(&mut self, now: Instant, text: &str) -> bool {
        let put = self.put.as_ref().filter(|put| put.replaced == text);
        let until = put
            .map(|put| put.at + self.outdated)
            .filter(|until| now < *until);
        self.looks.extend(until);
        until.is_some()
    }

    /// Whether the statements that are missing in a policy were removed, and not overwritten by a
    /// put that was under way beside the last one.
    fn was_removed(&self, text: &str) -> bool {
        let is_as_before = self.put.as_ref().is_some_and(|put| put.replaced == text);
        self.is_settled || is_as_before
    }
}

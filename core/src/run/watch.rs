//! Waits for images: one `DescribeImages` for all that a run awaits in an account and Region.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{self, Instant};

use super::Progress;
use super::absence::{self, ById};
use super::wait::PollBackoff;
use crate::aws::ec2::Ec2;
use crate::diagnostic::Error;
use crate::id::{AmiId, SnapshotId};
use crate::inventory::{Image, ImageState};
use crate::limits::NEW_ID_INVISIBLE;
use crate::report::Waiting;

/// The longest pause after a look that did not show an awaited image.
const ABSENT_PAUSE: Duration = Duration::from_secs(10);

/// How long newly awaited images are gathered into one look.
const GATHER: Duration = Duration::from_millis(100);

/// The images that a run awaits in one account and Region.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    awaited: Mutex<BTreeMap<AmiId, Awaited>>,
    more: Notify,
}

#[derive(Debug)]
struct Awaited {
    what: String,
    since: Instant,
    /// Boxed, because it is large and thousands are awaited.
    last_seen: Option<Box<Image>>,
    answer: oneshot::Sender<Result<Option<Image>, Error>>,
}

/// What is known of an awaited image before this look.
struct Known {
    what: String,
    since: Instant,
    last_seen: Option<Box<Image>>,
}

impl Watcher {
    /// The image once it is no longer pending: available, failed or deregistered; `None` if AWS
    /// never showed it. [`Self::watch`] must run at the same time.
    pub(super) async fn settled(
        &self,
        id: &AmiId,
        what: impl Into<String>,
    ) -> Result<Option<Image>, Error> {
        let (answer, settled) = oneshot::channel();
        let awaited = Awaited {
            what: what.into(),
            since: Instant::now(),
            last_seen: None,
            answer,
        };
        self.awaited.lock().insert(id.clone(), awaited);
        self.more.notify_one();
        settled.await.unwrap_or(Ok(None))
    }

    /// Polls all awaited images; never ends by itself.
    pub(super) async fn watch(
        &self,
        progress: &Progress<'_>,
        ec2: &Ec2,
        poll: (Duration, Duration),
    ) {
        let mut backoff = progress.poll_backoff(poll);
        loop {
            if self.awaited.lock().is_empty() {
                self.more.notified().await;
                time::sleep(GATHER).await;
                backoff = progress.poll_backoff(poll);
            }
            // This look covers everything registered so far; only later arrivals trigger another.
            let _ = self.more.notified().now_or_never();
            let ids: BTreeSet<AmiId> = self.awaited.lock().keys().cloned().collect();
            // Boxed, because most of the time this only waits.
            let look = Box::pin(self.look(progress, ec2, &ids, &mut backoff));
            let pause = match look.await {
                Ok(pause) => pause,
                Err(error) => {
                    for id in &ids {
                        self.answer(progress, id, Err(error.clone()));
                    }
                    continue;
                }
            };
            // A newly awaited image may be available already, so the next look does not wait out
            // the pause; images that arrive together are gathered into one look.
            tokio::select! {
                () = time::sleep(pause) => {}
                () = self.more.notified() => time::sleep(GATHER).await,
            }
        }
    }

    /// One look: answers the futures that wait for what has settled, and returns when to look
    /// again.
    async fn look(
        &self,
        progress: &Progress<'_>,
        ec2: &Ec2,
        ids: &BTreeSet<AmiId>,
        backoff: &mut PollBackoff,
    ) -> Result<Duration, Error> {
        let mut images = BTreeMap::new();
        for image in ec2.images(ids).await? {
            images.insert(image.id.clone(), image);
        }
        let percent_of = copied_percent(ec2, &images).await?;

        let growing = backoff.next();
        let mut shortest = growing;
        for id in ids {
            let image = images.remove(id);
            if image.is_some() {
                progress.absences.note(id, true);
            }
            if image
                .as_ref()
                .is_some_and(|image| image.state != ImageState::Pending)
            {
                self.answer(progress, id, Ok(image));
                continue;
            }
            let Some(known) = self.remember(id, image.as_ref()) else {
                continue;
            };
            let since = known.since;
            if image.is_none() {
                if self.is_gone(progress, ec2, id, &known).await? {
                    continue;
                }
                shortest = shortest.min(ABSENT_PAUSE);
            }
            let percent = image.and_then(|image| percent(&image, &percent_of));
            let predicted = percent.and_then(|percent| backoff.predict(percent, since.elapsed()));
            let pause = predicted.unwrap_or(growing);
            let mut waiting = Waiting::new(id, &known.what, since, pause);
            let identity = ec2.caller.identity.as_ref();
            waiting.account = identity.map(|identity| identity.account.clone());
            waiting.region = Some(ec2.caller.region.clone());
            waiting.percent = percent;
            progress.report_waiting(waiting);
            shortest = shortest.min(pause);
        }
        Ok(shortest)
    }

    /// Whether an image that this look did not show is gone, which it is if looks by its ID do not
    /// show it for a while either. One that was never seen may not be known yet, for longer.
    async fn is_gone(
        &self,
        progress: &Progress<'_>,
        ec2: &Ec2,
        id: &AmiId,
        known: &Known,
    ) -> Result<bool, Error> {
        let by_id = absence::look_by_id(ec2, id).await?;
        let is_shown = matches!(by_id, ById::Shown(_));
        let is_absent = progress.absences.note(id, is_shown);
        let gone = match (&known.last_seen, by_id) {
            (_, ById::Shown(_)) => return Ok(false),
            (Some(last), _) if is_absent => Some(Image {
                state: ImageState::Deregistered,
                ..Image::clone(last)
            }),
            (None, ById::Gone) if is_absent => None,
            (None, ById::Unknown) if known.since.elapsed() >= NEW_ID_INVISIBLE => None,
            _ => return Ok(false),
        };
        self.answer(progress, id, Ok(gone));
        Ok(true)
    }

    /// Remembers how an awaited image was seen last; `None` if nobody awaits it any more.
    fn remember(&self, id: &AmiId, image: Option<&Image>) -> Option<Known> {
        let mut awaited = self.awaited.lock();
        let entry = awaited.get_mut(id)?;
        if let Some(image) = image {
            entry.last_seen = Some(Box::new(image.clone()));
        }
        Some(Known {
            what: entry.what.clone(),
            since: entry.since,
            last_seen: entry.last_seen.clone(),
        })
    }

    fn answer(&self, progress: &Progress<'_>, id: &AmiId, answer: Result<Option<Image>, Error>) {
        progress.arrived(id);
        if let Some(awaited) = self.awaited.lock().remove(id) {
            // The waiting future may have been dropped.
            let _ = awaited.answer.send(answer);
        }
    }
}

/// How far the snapshots of the pending images are, in percent.
async fn copied_percent(
    ec2: &Ec2,
    images: &BTreeMap<AmiId, Image>,
) -> Result<BTreeMap<SnapshotId, u8>, Error> {
    let pending = images
        .values()
        .filter(|image| image.state == ImageState::Pending);
    let ids: BTreeSet<SnapshotId> = pending.flat_map(Image::snapshots).cloned().collect();
    let mut percent_of = BTreeMap::new();
    if ids.is_empty() {
        return Ok(percent_of);
    }
    for snapshot in ec2.snapshots(&ids).await? {
        if let Some(progress) = snapshot.progress {
            percent_of.insert(snapshot.id, progress);
        }
    }
    Ok(percent_of)
}

/// The progress of an image is that of its slowest snapshot.
fn percent(image: &Image, percent_of: &BTreeMap<SnapshotId, u8>) -> Option<u8> {
    let snapshots = image.snapshots();
    snapshots.filter_map(|id| percent_of.get(id)).min().copied()
}

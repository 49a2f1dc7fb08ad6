//! Waits for images: one `DescribeImages` for all that a run awaits in a Region.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::sync::{Notify, oneshot};
use tokio::time::{self, Instant};

use crate::aws::ec2::Ec2;
use crate::error::Error;
use crate::id::{AmiId, SnapshotId};
use crate::inventory::{Image, ImageState};
use crate::run::Run;
use crate::wait::Pace;

/// How long AWS may not know a new ID (R1.1.7) before the image counts as gone.
pub(crate) const INVISIBLE: Duration = Duration::from_mins(10);

/// How long newly awaited images are gathered into one look.
const GATHER: Duration = Duration::from_millis(100);

/// The images that a run awaits in one Region.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    awaited: Mutex<BTreeMap<AmiId, Awaited>>,
    more: Notify,
}

#[derive(Debug)]
struct Awaited {
    what: String,
    since: Instant,
    last_seen: Option<Image>,
    answer: oneshot::Sender<Result<Option<Image>, Error>>,
}

impl Watcher {
    /// The image once it is no longer pending: available, failed, or deregistered; nothing where
    /// AWS never showed it. [`Self::look`] must run beside it.
    pub(crate) async fn settled(
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
        self.lock().insert(id.clone(), awaited);
        self.more.notify_one();
        settled.await.unwrap_or(Ok(None))
    }

    /// Looks at all awaited images, again and again; never ends by itself.
    pub(crate) async fn look(&self, run: &Run<'_>, ec2: &Ec2) {
        let mut pace = run.pace(run.timing.poll);
        loop {
            if self.lock().is_empty() {
                self.more.notified().await;
                time::sleep(GATHER).await;
                pace = run.pace(run.timing.poll);
            }
            // Whoever came until now is in this look; only who comes later asks for one more.
            let _ = self.more.notified().now_or_never();
            let ids: BTreeSet<AmiId> = self.lock().keys().cloned().collect();
            let pause = match self.look_once(run, ec2, &ids, &mut pace).await {
                Ok(pause) => pause,
                Err(error) => {
                    for id in &ids {
                        self.answer(run, id, Err(error.clone()));
                    }
                    continue;
                }
            };
            // A newly awaited image may be available already, so it is looked at without waiting
            // out the pause; but once for all that come together.
            tokio::select! {
                () = time::sleep(pause) => {}
                () = self.more.notified() => time::sleep(GATHER).await,
            }
        }
    }

    /// One look: answers those who wait for what has settled, and returns when to look again.
    async fn look_once(
        &self,
        run: &Run<'_>,
        ec2: &Ec2,
        ids: &BTreeSet<AmiId>,
        pace: &mut Pace,
    ) -> Result<Duration, Error> {
        let images = ec2.images(ids).await?;
        let mut seen: BTreeMap<AmiId, Image> = images
            .into_iter()
            .map(|image| (image.id.clone(), image))
            .collect();
        let pending: Vec<&Image> = seen
            .values()
            .filter(|image| image.state == ImageState::Pending)
            .collect();
        let snapshots: BTreeSet<SnapshotId> = pending
            .iter()
            .flat_map(|image| image.snapshots().cloned())
            .collect();
        let progress = progress(ec2, &snapshots).await?;

        let growing = pace.next();
        let mut shortest = growing;
        for id in ids {
            let image = seen.remove(id);
            if image
                .as_ref()
                .is_some_and(|image| image.state != ImageState::Pending)
            {
                self.answer(run, id, Ok(image));
                continue;
            }
            let Some((what, since, was_seen)) = self.remember(id, image.as_ref()) else {
                continue;
            };
            if image.is_none() && self.is_gone(run, ec2, id, since, was_seen).await? {
                continue;
            }
            let percent = image.and_then(|image| percent(&image, &progress));
            let pause = percent
                .and_then(|percent| pace.predict(percent, since.elapsed()))
                .unwrap_or(growing);
            run.say_waiting(id.as_ref(), &what, percent, since, pause);
            shortest = shortest.min(pause);
        }
        Ok(shortest)
    }

    /// An image that was seen and is no longer shown may be deregistered; one that was never seen
    /// is awaited a while.
    async fn is_gone(
        &self,
        run: &Run<'_>,
        ec2: &Ec2,
        id: &AmiId,
        since: Instant,
        seen: Option<Image>,
    ) -> Result<bool, Error> {
        match (ec2.image(id).await, seen) {
            // AWS answers with nothing, not with an error, for an ID that once existed (R1.6).
            (Ok(None), Some(last)) => {
                self.answer(
                    run,
                    id,
                    Ok(Some(Image {
                        state: ImageState::Deregistered,
                        ..last
                    })),
                );
                Ok(true)
            }
            (Err(error), _)
                if !error.is_aws(&["InvalidAMIID.NotFound", "InvalidAMIID.Unavailable"]) =>
            {
                Err(error)
            }
            (_, None) if since.elapsed() >= INVISIBLE => {
                self.answer(run, id, Ok(None));
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn remember(
        &self,
        id: &AmiId,
        image: Option<&Image>,
    ) -> Option<(String, Instant, Option<Image>)> {
        let mut awaited = self.lock();
        let entry = awaited.get_mut(id)?;
        if let Some(image) = image {
            entry.last_seen = Some(image.clone());
        }
        Some((entry.what.clone(), entry.since, entry.last_seen.clone()))
    }

    fn answer(&self, run: &Run<'_>, id: &AmiId, answer: Result<Option<Image>, Error>) {
        run.came(id);
        if let Some(awaited) = self.lock().remove(id) {
            // Whoever waited may have been dropped.
            let _ = awaited.answer.send(answer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AmiId, Awaited>> {
        self.awaited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn progress(
    ec2: &Ec2,
    ids: &BTreeSet<SnapshotId>,
) -> Result<BTreeMap<SnapshotId, u8>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let snapshots = ec2.snapshots(ids).await?;
    Ok(snapshots
        .into_iter()
        .filter_map(|snapshot| Some((snapshot.id, snapshot.progress?)))
        .collect())
}

/// An image is as far as the slowest of its snapshots.
fn percent(image: &Image, progress: &BTreeMap<SnapshotId, u8>) -> Option<u8> {
    image
        .snapshots()
        .filter_map(|id| progress.get(id))
        .min()
        .copied()
}

//! Whether an image is gone that was there: one look may be out of date, several in a row are not.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::wait::PollBackoff;
use super::{Progress, Run};
use crate::aws::clients::RegionClients;
use crate::aws::ec2::Ec2;
use crate::diagnostic::{Code, Error};
use crate::id::AmiId;
use crate::inventory::{Image, ImageState};
use crate::limits::IMAGE_ABSENT;

/// The shortest and the longest pause between looks for an image.
const POLL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// Since when looks of a run do not show images. All that wait for the same image share that, so
/// that it is waited for once.
#[derive(Debug, Default)]
pub(crate) struct Absences(Mutex<BTreeMap<AmiId, Instant>>);

impl Absences {
    /// Notes a look; returns whether the image is gone.
    pub(super) fn note(&self, id: &AmiId, is_shown: bool) -> bool {
        let mut absent_since = self.0.lock();
        if is_shown {
            absent_since.remove(id);
            return false;
        }
        let since = absent_since.entry(id.clone()).or_insert_with(Instant::now);
        since.elapsed() >= IMAGE_ABSENT
    }

    /// Whether looks have not shown the image for so long that it is gone.
    pub(crate) fn is_gone(&self, id: &AmiId) -> bool {
        let absent_since = self.0.lock();
        let since = absent_since.get(id);
        since.is_some_and(|since| since.elapsed() >= IMAGE_ABSENT)
    }

    /// The image if a look by its ID shows it.
    async fn find(&self, owner: &Ec2, id: &AmiId) -> Result<Option<Image>, Error> {
        let shown = match look_by_id(owner, id).await? {
            ById::Shown(image) => Some(*image),
            ById::Gone | ById::Unknown => None,
        };
        if self.note(id, shown.is_some()) {
            return Err(gone(owner, id));
        }
        Ok(shown)
    }
}

/// Something that is done with an image again, because EC2 may not know the image everywhere yet.
pub(crate) struct UntilKnown<'r> {
    progress: &'r Progress<'r>,
    owner: &'r RegionClients,
    id: &'r AmiId,
    backoff: PollBackoff,
    since: Instant,
}

impl UntilKnown<'_> {
    /// Waits before the next try; fails if the image is gone or disabled (`ec2:DescribeImages`).
    pub(crate) async fn wait_out(&mut self, error: &Error) -> Result<(), Error> {
        let absences = &self.progress.absences;
        let found = absences.find(&self.owner.ec2, self.id).await?;
        refuse_disabled(&self.owner.ec2, found.as_ref())?;
        let pause = self.backoff.next();
        let what = "to be known everywhere in EC2";
        self.progress
            .wait_out(error, self.id, what, self.since, pause)
            .await;
        Ok(())
    }
}

impl Run<'_> {
    /// For something that is done with an image, which its owner may have made a moment ago.
    pub(crate) fn until_known<'r>(
        &'r self,
        owner: &'r RegionClients,
        id: &'r AmiId,
    ) -> UntilKnown<'r> {
        UntilKnown {
            progress: &self.progress,
            owner,
            id,
            backoff: self.progress.poll_backoff(self.timing.poll),
            since: Instant::now(),
        }
    }

    /// Looks for an image as its owner; fails if it is gone or disabled (`ec2:DescribeImages`).
    pub(crate) async fn check_usable(
        &self,
        owner: &RegionClients,
        id: &AmiId,
    ) -> Result<(), Error> {
        let found = self.progress.absences.find(&owner.ec2, id).await?;
        refuse_disabled(&owner.ec2, found.as_ref())
    }

    /// The same of an image that one look may not show.
    pub(crate) async fn usable_image(
        &self,
        owner: &RegionClients,
        id: &AmiId,
    ) -> Result<Image, Error> {
        let image = self.present_image(owner, id).await?;
        refuse_disabled(&owner.ec2, Some(&image))?;
        Ok(image)
    }

    /// An image that exists, as its owner sees it: one look may not show it. Fails if it is gone
    /// (`ec2:DescribeImages`).
    pub(crate) async fn present_image(
        &self,
        owner: &RegionClients,
        id: &AmiId,
    ) -> Result<Image, Error> {
        let mut backoff = self.progress.poll_backoff(POLL);
        let since = Instant::now();
        loop {
            let shown = owner.ec2.images([id]).await?.into_iter().next();
            let found = match shown {
                None => self.progress.absences.find(&owner.ec2, id).await?,
                shown => shown,
            };
            if let Some(image) = found {
                return Ok(image);
            }
            let pause = backoff.next();
            self.progress
                .wait(id, "to be shown by AWS", since, pause)
                .await;
        }
    }
}

/// What EC2 says of an image that is asked for by its ID.
#[derive(Debug)]
pub(super) enum ById {
    Shown(Box<Image>),
    /// It existed once (R1.6).
    Gone,
    /// EC2 does not know it, or not yet.
    Unknown,
}

/// Asks for an image by its ID, as its owner (`ec2:DescribeImages`).
pub(super) async fn look_by_id(owner: &Ec2, id: &AmiId) -> Result<ById, Error> {
    match owner.image(id).await {
        Ok(Some(image)) if image.state != ImageState::Deregistered => {
            Ok(ById::Shown(Box::new(image)))
        }
        Ok(_) => Ok(ById::Gone),
        Err(error) if error.is_aws(&["InvalidAMIID.Unavailable"]) => Ok(ById::Gone),
        Err(error) if error.is_aws(&["InvalidAMIID.NotFound"]) => Ok(ById::Unknown),
        Err(error) => Err(error),
    }
}

/// Fails for a disabled image: nobody can be given it, however long one waits (R2.16).
fn refuse_disabled(owner: &Ec2, image: Option<&Image>) -> Result<(), Error> {
    match image {
        Some(image) if image.state == ImageState::Disabled => {
            let message = format!("{} was disabled during the run", image.id);
            Err(lost(Code::ImageDisabled, owner, &image.id, message))
        }
        _ => Ok(()),
    }
}

fn gone(owner: &Ec2, id: &AmiId) -> Error {
    let message = format!("{id} was deregistered during the run: AWS does not show it any more");
    lost(Code::ImageNotFound, owner, id, message)
        .remedy("find out who deregistered it (CloudTrail, `DeregisterImage`), and build it again")
}

fn lost(code: Code, owner: &Ec2, id: &AmiId, message: String) -> Error {
    let mut error = Error::new(code, message).on(id);
    error.region = Some(owner.caller.region.clone());
    let identity = owner.caller.identity.as_ref();
    error.account = identity.map(|identity| identity.account.clone());
    error
}

//! Images and snapshots: those that the request names, and our copies of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future;
use tokio::time::Instant;

use super::pending::{self, Patience};
use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::{AmiId, SnapshotId, SourceImage};
use crate::inventory::{Failure, Image, Part, RegionInventory, Snapshot};
use crate::limits::NAMED_IMAGE_INVISIBLE;
use crate::request::ShareRequest;
use crate::run::Run;
use crate::tags;

/// The shortest and longest pause between looks for an image that the user named.
const NAMED_IMAGE_POLL: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));

/// The images that the user named in this Region, and a failure for each that cannot be read or
/// does not show in time. If access is revoked, one that does not show is gone, and no failure.
/// With patience, pending images are awaited.
pub(super) async fn read_named_images(
    run: &Run<'_>,
    clients: &RegionClients,
    request: &ShareRequest,
    patience: Option<&Patience>,
) -> Result<(BTreeMap<AmiId, Image>, Vec<Failure>), Error> {
    let mut ids = BTreeSet::new();
    for image in &request.images {
        if image.region == clients.location.region {
            ids.insert(&image.ami);
        }
    }
    if ids.is_empty() {
        return Ok((BTreeMap::new(), Vec::new()));
    }
    let mut read = await_shown_images(run, clients, &ids).await?;
    if request.options.revoke.is_none() {
        for id in ids {
            if !read.contains_key(id) {
                read.insert(id.clone(), Err(unknown_image(clients, id)));
            }
        }
    }
    if let Some(patience) = patience {
        pending::await_images(run, clients, patience, &mut read).await;
    }
    let (mut images, mut failures) = (BTreeMap::new(), Vec::new());
    for (id, image) in read {
        match image {
            Ok(image) => _ = images.insert(id, image),
            Err(error) => failures.push(failed_image(clients, &id, error)),
        }
    }
    Ok((images, failures))
}

/// The images that AWS shows by now, each read or not.
async fn await_shown_images(
    run: &Run<'_>,
    clients: &RegionClients,
    ids: &BTreeSet<&AmiId>,
) -> Result<BTreeMap<AmiId, Result<Image, Error>>, Error> {
    let since = Instant::now();
    let mut backoff = run.progress.poll_backoff(NAMED_IMAGE_POLL);
    loop {
        let images = clients.ec2.each_image(ids.iter().copied()).await?;
        let mut missing = ids.clone();
        missing.retain(|id| !images.contains_key(*id));
        let Some(first) = missing.first() else {
            return Ok(images);
        };
        let pause = backoff.next();
        if since.elapsed() + pause > NAMED_IMAGE_INVISIBLE {
            return Ok(images);
        }
        run.progress
            .wait(first, "to be shown by AWS", since, pause)
            .await;
    }
}

fn unknown_image(clients: &RegionClients, id: &AmiId) -> Error {
    let (location, arn) = (&clients.location, &clients.identity.arn);
    let message = format!("{arn} may not see {id}, or it does not exist");
    let remedy = format!(
        "`aws ec2 describe-images --owners self --image-ids {id}` must show it: correct `ami-id`, \
         `aws-region` or credentials"
    );
    Error::new(Code::ImageNotFound, message)
        .remedy(remedy)
        .at(&location.account, &location.region)
        .on(id)
}

/// An image in the Region of these clients that could not be read.
pub(super) fn failed_image(clients: &RegionClients, id: &AmiId, error: Error) -> Failure {
    let region = clients.location.region.clone();
    Failure::new(Part::Image(region, id.clone()), error)
}

/// Our copies in a Region, of images of the request, and their snapshots. Read if the request
/// copies, or may remove copies.
pub(super) async fn read_own_copies(
    clients: &RegionClients,
    request: &ShareRequest,
) -> Result<(Vec<Image>, BTreeMap<SnapshotId, Snapshot>), Error> {
    let options = &request.options;
    let copies = options.keys.in_region(&clients.location.region).is_some();
    if !copies && options.revoke.is_none() {
        return Ok((Vec::new(), BTreeMap::new()));
    }
    let sources = request.images.iter().map(SourceImage::tag).collect();
    read_copies_of(clients, sources).await
}

/// Own images and snapshots of a Region that carry our tag with one of these sources.
pub(super) async fn read_copies_of(
    clients: &RegionClients,
    sources: Vec<String>,
) -> Result<(Vec<Image>, BTreeMap<SnapshotId, Snapshot>), Error> {
    let ec2 = &clients.ec2;
    let images = ec2.own_images_tagged(tags::SOURCE, sources.clone());
    let snapshots = ec2.own_snapshots_tagged(tags::SOURCE, sources);
    let (images, snapshots) = future::try_join(images, snapshots).await?;
    Ok((images, snapshots_by_id(snapshots)))
}

/// The snapshots behind the images and copies that are not known yet, and the images that AWS
/// contradicts itself about.
pub(super) async fn read_snapshots(
    clients: &RegionClients,
    region: &RegionInventory,
) -> Result<(BTreeMap<SnapshotId, Snapshot>, Vec<Failure>), Error> {
    let images = region.images.values().chain(&region.copies);
    let mut unknown: BTreeSet<&SnapshotId> = images.flat_map(Image::snapshots).collect();
    unknown.retain(|id| !region.snapshots.contains_key(*id));
    let snapshots = snapshots_by_id(clients.ec2.snapshots(unknown).await?);
    let mut failures = Vec::new();
    for image in region.images.values().chain(&region.copies) {
        for known in [&region.snapshots, &snapshots] {
            if let Err(error) = clients.ec2.check_encryption(image, known) {
                failures.push(failed_image(clients, &image.id, error));
            }
        }
    }
    Ok((snapshots, failures))
}

pub(super) fn images_by_id(images: impl IntoIterator<Item = Image>) -> BTreeMap<AmiId, Image> {
    let images = images.into_iter();
    images.map(|image| (image.id.clone(), image)).collect()
}

fn snapshots_by_id(snapshots: Vec<Snapshot>) -> BTreeMap<SnapshotId, Snapshot> {
    let snapshots = snapshots.into_iter();
    snapshots
        .map(|snapshot| (snapshot.id.clone(), snapshot))
        .collect()
}

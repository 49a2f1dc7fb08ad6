//! Images and snapshots: those that the request names, and our copies of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future;
use tokio::time::Instant;

use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error, Errors};
use crate::id::{AmiId, SnapshotId};
use crate::inventory::{Image, ImageState, RegionInventory, Snapshot};
use crate::request::ShareRequest;
use crate::run::Run;
use crate::tags;

/// How long an image that the user named may be unknown to AWS: it was made by an earlier step,
/// perhaps a second ago.
const NAMED: Duration = Duration::from_secs(15);

/// The images that the user named in this Region; an error for each that does not show in time.
/// With `wait`, those that are pending are awaited.
pub(super) async fn named(
    run: &Run<'_>,
    clients: &RegionClients,
    request: &ShareRequest,
    wait: bool,
) -> Result<BTreeMap<AmiId, Image>, Errors> {
    let of_region = request
        .images
        .iter()
        .filter(|image| image.region == clients.location.region);
    let ids: BTreeSet<&AmiId> = of_region.map(|image| &image.ami).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut images = shown(run, clients, &ids).await?;
    if wait {
        Box::pin(await_pending(run, clients, &mut images)).await?;
    }
    Ok(images)
}

async fn shown(
    run: &Run<'_>,
    clients: &RegionClients,
    ids: &BTreeSet<&AmiId>,
) -> Result<BTreeMap<AmiId, Image>, Errors> {
    let since = Instant::now();
    let mut backoff = run
        .progress
        .poll_backoff((Duration::from_secs(1), Duration::from_secs(5)));
    loop {
        let found = clients.ec2.images(ids.iter().copied()).await?;
        let found: BTreeMap<AmiId, Image> = found
            .into_iter()
            .map(|image| (image.id.clone(), image))
            .collect();
        let missing: Vec<&AmiId> = ids
            .iter()
            .copied()
            .filter(|id| !found.contains_key(*id))
            .collect();
        let Some(first) = missing.first() else {
            return Ok(found);
        };
        let pause = backoff.next();
        if since.elapsed() + pause > NAMED {
            Errors::from_vec(missing.iter().map(|id| not_found(clients, id)).collect())?;
        }
        run.progress
            .wait(first, "to be shown by AWS", since, pause)
            .await;
    }
}

fn not_found(clients: &RegionClients, id: &AmiId) -> Error {
    let location = &clients.location;
    Error::new(
        Code::ImageNotFound,
        format!(
            "{} may not see {id}, or it does not exist",
            clients.identity.arn
        ),
    )
    .remedy(format!(
        "check that {id} is an image in {} that account {} owns",
        location.region, location.account
    ))
    .at(&location.account, &location.region)
    .on(id)
}

async fn await_pending(
    run: &Run<'_>,
    clients: &RegionClients,
    images: &mut BTreeMap<AmiId, Image>,
) -> Result<(), Errors> {
    let pending: Vec<AmiId> = images
        .values()
        .filter(|image| image.state == ImageState::Pending)
        .map(|image| image.id.clone())
        .collect();
    if pending.is_empty() {
        return Ok(());
    }
    let settled = future::try_join_all(
        pending
            .iter()
            .map(|id| run.settled_image(clients, id, "to be available")),
    );
    tokio::select! {
        settled = settled => {
            for image in settled?.into_iter().flatten() {
                images.insert(image.id.clone(), image);
            }
        }
        () = run.watch(vec![run.source_clients(&clients.location.region)]) => {}
    }
    Ok(())
}

/// Own images and snapshots of this Region that carry our tag with one of these sources.
pub(super) async fn copies(
    clients: &RegionClients,
    sources: Vec<String>,
    there: &mut RegionInventory,
) -> Result<(), Error> {
    let (images, snapshots) = Box::pin(future::try_join(
        clients.ec2.own_images_tagged(tags::SOURCE, sources.clone()),
        clients.ec2.own_snapshots_tagged(tags::SOURCE, sources),
    ))
    .await?;
    there.copies = images;
    there.snapshots.extend(
        snapshots
            .into_iter()
            .map(|snapshot| (snapshot.id.clone(), snapshot)),
    );
    Ok(())
}

/// The snapshots behind the images and copies that are not known yet.
pub(super) async fn snapshots(
    clients: &RegionClients,
    there: &RegionInventory,
) -> Result<BTreeMap<SnapshotId, Snapshot>, Error> {
    let images = there.images.values().chain(&there.copies);
    let unknown: BTreeSet<_> = images
        .flat_map(Image::snapshots)
        .filter(|id| !there.snapshots.contains_key(*id))
        .cloned()
        .collect();
    let found = clients.ec2.snapshots(&unknown).await?;
    Ok(found
        .into_iter()
        .map(|snapshot| (snapshot.id.clone(), snapshot))
        .collect())
}

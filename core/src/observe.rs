//! Reads what AWS says now, in every Region of the request side by side.

mod images;
mod key_usage;
mod keys;
mod shared_resources;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use futures::future;

use crate::aws::clients::RegionClients;
use crate::diagnostic::{Error, Errors};
use crate::id::AccountRegion;
use crate::id::{AmiId, Principal, Region, SnapshotId, SourceImage};
use crate::inventory::{Image, ImageState, Inventory, RegionInventory};
use crate::request::name::is_parameter_name;
use crate::request::{ShareRequest, Unlisted};
use crate::run::Run;

pub(crate) use shared_resources::shared_under;

/// The inventory that a plan of `request` is made from. With `wait`, images that are pending are
/// awaited.
pub(crate) async fn observe(
    run: &Run<'_>,
    request: &ShareRequest,
    wait: bool,
) -> Result<Inventory, Errors> {
    let regions = request.regions();
    let mut inventory = Inventory {
        account: run.source.identity.account.clone(),
        now: now(),
        regions: BTreeMap::new(),
        disabled_regions: off(run, request, &regions).await?,
        fixed_session: run.source.has_fixed_session().await,
        targets: BTreeMap::new(),
        key_usage: BTreeMap::new(),
    };
    if !inventory.disabled_regions.is_empty() {
        return Ok(inventory);
    }
    let clients_of_regions: Vec<_> = regions
        .iter()
        .map(|region| run.source_clients(region))
        .collect();
    let named = future::join_all(
        clients_of_regions
            .iter()
            .map(|clients| images::named(run, clients, request, wait)),
    )
    .await;
    let named = all(named)?;
    let read = clients_of_regions
        .iter()
        .zip(named)
        .map(|(clients, images)| region(run, clients, request, images));
    let read = all(future::join_all(read).await)?;
    inventory.regions = read
        .into_iter()
        .map(|there| (there.location.region.clone(), there))
        .collect();
    let held = clients_of_regions.iter().map(|clients| async {
        Ok(parameters(
            clients,
            parameter_names(request, &inventory, &clients.location),
        )
        .await?)
    });
    let held = all(future::join_all(held).await)?;
    for (there, held) in inventory.regions.values_mut().zip(held) {
        there.parameters = held;
    }
    inventory.targets = Box::pin(targets::read(run, request, &inventory)).await;
    inventory.key_usage = Box::pin(key_usage::read(run, request, &inventory)).await;
    Ok(inventory)
}

fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Every result, or every error.
fn all<T>(results: Vec<Result<T, Errors>>) -> Result<Vec<T>, Errors> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => good.push(value),
            Err(errors) => bad.extend(errors.iter().cloned()),
        }
    }
    Errors::from_vec(bad).map(|()| good)
}

/// The Regions that the account has not turned on, as the first image's Region knows them. That one
/// says so itself when it is called.
async fn off(
    run: &Run<'_>,
    request: &ShareRequest,
    regions: &BTreeSet<Region>,
) -> Result<BTreeSet<Region>, Error> {
    match request.images.first() {
        Some(first) if regions.len() > 1 => {
            run.source_clients(&first.region)
                .ec2
                .regions_off(regions)
                .await
        }
        _ => Ok(BTreeSet::new()),
    }
}

/// Everything of one Region beside its named images.
async fn region(
    run: &Run<'_>,
    clients: &RegionClients,
    request: &ShareRequest,
    images: BTreeMap<AmiId, Image>,
) -> Result<RegionInventory, Errors> {
    let mut there = RegionInventory {
        images,
        ..RegionInventory::new(clients.location.clone())
    };
    let gives_back = request.options.target_options.unshare_after_copy;
    let revokes = request.options.revoke.is_some()
        || request.options.unlisted == Unlisted::Revoke
        || gives_back;
    let key = request
        .options
        .keys
        .in_region(&clients.location.region)
        .filter(|_| request.options.revoke.is_none());
    let has_copies = key.is_some() || request.options.revoke.is_some();
    let destination = async {
        match key {
            Some(key) => clients.kms.describe_key(key.as_ref()).await.map(Some),
            None => Ok(None),
        }
    };
    let sources = request.images.iter().map(SourceImage::tag).collect();
    let copies = async {
        if has_copies {
            images::copies(clients, sources, &mut there).await
        } else {
            Ok(())
        }
    };
    let (destination, ()) = Box::pin(future::try_join(destination, copies)).await?;
    there.destination_key = destination.as_ref().map(|key| key.arn.clone());
    there
        .keys
        .extend(destination.map(|key| (key.arn.clone(), key)));
    // Who may launch the images is asked beside their snapshots; keys and all else are known only
    // from those.
    let launchers = launch_permissions(clients, &there);
    let (snapshots, launchers) =
        future::try_join(images::snapshots(clients, &there), launchers).await?;
    there.launch_permissions = launchers;
    there.snapshots.extend(snapshots);
    let makers = async {
        if revokes || request.options.shares_snapshots() {
            snapshot_permissions(clients, &there).await
        } else {
            Ok(BTreeMap::new())
        }
    };
    let others = async {
        if revokes {
            shared_resources::read(clients, &there).await
        } else {
            Ok(Vec::new())
        }
    };
    let (keys, makers, others) = Box::pin(future::try_join3(
        keys::read(run, clients, request, &there),
        makers,
        others,
    ))
    .await?;
    (
        there.keys,
        there.snapshot_permissions,
        there.shared_resources,
    ) = (keys, makers, others);
    Ok(there)
}

/// Who may launch the images, and the copies that may be adopted. Only the owner may ask (R2.5).
async fn launch_permissions(
    clients: &RegionClients,
    there: &RegionInventory,
) -> Result<BTreeMap<AmiId, BTreeSet<Principal>>, Error> {
    let own = there
        .images
        .values()
        .chain(&there.copies)
        .filter(|image| image.owner == there.location.account.as_ref());
    let images = own.filter(|image| image.state == ImageState::Available);
    let read = images.map(|image| async {
        Ok::<_, Error>((
            image.id.clone(),
            clients.ec2.launch_permissions(&image.id).await?,
        ))
    });
    Ok(future::try_join_all(read).await?.into_iter().collect())
}

/// Who may make volumes of the snapshots of the images and copies.
async fn snapshot_permissions(
    clients: &RegionClients,
    there: &RegionInventory,
) -> Result<BTreeMap<SnapshotId, BTreeSet<Principal>>, Error> {
    let own = there
        .images
        .values()
        .chain(&there.copies)
        .filter(|image| image.owner == there.location.account.as_ref());
    let ids: BTreeSet<_> = own
        .flat_map(Image::snapshots)
        .filter(|id| there.snapshots.contains_key(*id))
        .collect();
    let read = ids.into_iter().map(|id| async {
        Ok::<_, Error>((id.clone(), clients.ec2.snapshot_permissions(id).await?))
    });
    Ok(future::try_join_all(read).await?.into_iter().collect())
}

/// What the SSM parameters hold that the images, or their copies in this Region, are published in.
async fn parameters(
    clients: &RegionClients,
    names: BTreeSet<String>,
) -> Result<BTreeMap<String, String>, Error> {
    let read = names.into_iter().map(|name| async {
        let value = clients.ssm.parameter(&name).await?;
        Ok::<_, Error>(value.map(|value| (name, value)))
    });
    Ok(future::try_join_all(read)
        .await?
        .into_iter()
        .flatten()
        .collect())
}

fn parameter_names(
    request: &ShareRequest,
    inventory: &Inventory,
    location: &AccountRegion,
) -> BTreeSet<String> {
    let Some(template) = request
        .parameter
        .as_ref()
        .filter(|_| request.options.revoke.is_none())
    else {
        return BTreeSet::new();
    };
    let shared_here = request
        .images
        .iter()
        .filter(|image| request.regions_of(image).contains(&location.region));
    let names = shared_here
        .filter_map(|named| inventory.source(named))
        .map(|image| template.fill(&image.name_parts(location)));
    names.filter(|name| is_parameter_name(name)).collect()
}

//! Reads what AWS says now, in all Regions of the request at once.

mod gone;
mod images;
mod key_usage;
mod keys;
mod permissions;
mod shared_resources;
mod ssm_parameters;
mod targets;

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::diagnostic::{Error, Errors};
use crate::id::{AmiId, Region};
use crate::inventory::{Image, Inventory, Key, RegionInventory};
use crate::request::{ShareRequest, Unlisted};
use crate::run::Run;

pub(crate) use shared_resources::find_shared_under;

/// The inventory that a plan of `request` is made from. With `wait`, pending images are awaited.
pub(crate) async fn observe(
    run: &Run<'_>,
    request: &ShareRequest,
    wait: bool,
) -> Result<Inventory, Errors> {
    let regions = request.regions();

    // 1. In a Region that is not enabled, every call fails, so nothing else is read then.
    let mut inventory = Inventory {
        account: run.source.identity.account.clone(),
        now: run.source.now(),
        regions: BTreeMap::new(),
        disabled_regions: find_disabled_regions(run, request, &regions).await?,
        fixed_session: run.source.has_fixed_session().await,
        targets: BTreeMap::new(),
        key_usage: BTreeMap::new(),
    };
    if !inventory.disabled_regions.is_empty() {
        return Ok(inventory);
    }
    let mut clients_of_regions = Vec::new();
    for region in &regions {
        clients_of_regions.push(run.source_clients(region));
    }

    // 2. The named images of all Regions come before anything else is read, so that nobody waits
    //    for other reads to learn of a wrong ID.
    let mut reading = Vec::new();
    for clients in &clients_of_regions {
        reading.push(images::read_named_images(run, clients, request, wait));
    }
    let images_of_regions = values_or_errors(future::join_all(reading).await)?;

    // 3. Everything else, Region by Region.
    let mut reading = Vec::new();
    for (clients, images) in clients_of_regions.iter().zip(images_of_regions) {
        reading.push(read_region(run, clients, request, images));
    }
    for region in values_or_errors(future::join_all(reading).await)? {
        let name = region.location.region.clone();
        inventory.regions.insert(name, region);
    }

    // 4. The name of a parameter depends on images of other Regions.
    let mut reading = Vec::new();
    for clients in &clients_of_regions {
        reading.push(ssm_parameters::read(clients, request, &inventory));
    }
    let parameters_of_regions = values_or_errors(future::join_all(reading).await)?;
    for (region, parameters) in inventory.regions.values_mut().zip(parameters_of_regions) {
        region.parameters = parameters;
    }

    // 5. Targets show what is shared with them, and what they have under keys that they are to
    //    lose.
    inventory.targets = targets::read_targets(run, request, &inventory).await;
    inventory.key_usage = key_usage::read_key_usage(run, request, &inventory).await;
    Ok(inventory)
}

/// Every value, or every error.
fn values_or_errors<T, E: Into<Errors>>(results: Vec<Result<T, E>>) -> Result<Vec<T>, Errors> {
    let (mut values, mut all_errors) = (Vec::new(), Vec::new());
    for result in results {
        match result.map_err(Into::into) {
            Ok(value) => values.push(value),
            Err(errors) => all_errors.extend(errors.iter().cloned()),
        }
    }
    Errors::fail_if_any(all_errors)?;
    Ok(values)
}

/// The Regions that are not enabled for the account, asked in the first image's Region. If that one
/// is not enabled, the call itself says so.
async fn find_disabled_regions(
    run: &Run<'_>,
    request: &ShareRequest,
    regions: &BTreeSet<Region>,
) -> Result<BTreeSet<Region>, Error> {
    let Some(first) = request.images.first() else {
        return Ok(BTreeSet::new());
    };
    if regions.len() < 2 {
        return Ok(BTreeSet::new());
    }
    let clients = run.source_clients(&first.region);
    clients.ec2.regions_off(regions).await
}

/// Everything of one Region of the source account but its named images.
async fn read_region(
    run: &Run<'_>,
    clients: &RegionClients,
    request: &ShareRequest,
    images: BTreeMap<AmiId, Image>,
) -> Result<RegionInventory, Errors> {
    let mut region = RegionInventory::new(clients.location.clone());
    region.images = images;
    region.gone = gone::named_images(request, &region);

    // 1. The key that copies are made with, and the copies that exist.
    let destination = read_destination_key(clients, request);
    let copies = images::read_own_copies(clients, request);
    let (destination, (copies, snapshots)) = future::try_join(destination, copies).await?;
    if let Some(key) = destination {
        region.destination_key = Some(key.arn.clone());
        region.keys.insert(key.arn.clone(), key);
    }
    (region.copies, region.snapshots) = (copies, snapshots);

    // 2. Who may launch the images, and the snapshots behind them.
    let snapshots = images::read_snapshots(clients, &region);
    let launchers = permissions::read_launch_permissions(clients, &region);
    let (snapshots, launchers) = future::try_join(snapshots, launchers).await?;
    region.snapshots.extend(snapshots);
    region.launch_permissions = launchers;
    if request.options.revoke.is_some() {
        region.keys_of_gone = gone::read_keys(clients, request, &region).await?;
    }

    // 3. What only the snapshots tell: their keys, and what else is shared under those. That
    //    matters where a key may be revoked.
    let keys = keys::read_keys(run, clients, request, &region);
    let permissions = async {
        if may_revoke(request) || request.options.shares_snapshots() {
            permissions::read_snapshot_permissions(clients, &region).await
        } else {
            Ok(BTreeMap::new())
        }
    };
    let others = async {
        if may_revoke(request) {
            shared_resources::read_other_shares(clients, &region).await
        } else {
            Ok(Vec::new())
        }
    };
    let (keys, permissions, others) = future::try_join3(keys, permissions, others).await?;
    region.keys = keys;
    region.snapshot_permissions = permissions;
    region.shared_resources = others;
    if may_revoke(request) {
        let in_grants = gone::read_images_in_grants(clients, &region).await?;
        region.gone.extend(in_grants);
    }
    Ok(region)
}

/// Whether anybody may lose access by a run of this request.
fn may_revoke(request: &ShareRequest) -> bool {
    let options = &request.options;
    options.revoke.is_some()
        || options.unlisted == Unlisted::Revoke
        || options.in_targets.unshare_after_copy
}

/// The key that copies in a Region are made with.
async fn read_destination_key(
    clients: &RegionClients,
    request: &ShareRequest,
) -> Result<Option<Key>, Error> {
    let options = &request.options;
    match options.keys.in_region(&clients.location.region) {
        Some(key) if options.revoke.is_none() => {
            let key = clients.kms.describe_key(key.as_ref()).await?;
            Ok(Some(key))
        }
        _ => Ok(None),
    }
}

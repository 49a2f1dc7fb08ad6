//! Reads what AWS says now, in all Regions of the request at once.

mod gone;
mod image_parameters;
mod image_usage;
mod images;
mod key_usage;
mod keys;
mod launch_templates;
mod organizations;
mod other_launches;
mod pending;
mod permissions;
mod retirement;
mod shared_resources;
mod ssm_parameters;
mod targets;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future;

use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error, Errors};
use crate::id::{AmiId, Region};
use crate::inventory::{Failure, Image, Inventory, Key, Part, RegionInventory};
use crate::request::{ShareRequest, Unlisted};
use crate::run::Run;

use self::pending::Patience;
pub(crate) use image_parameters::resolve_images;
pub(crate) use image_usage::{Asking, find_images, read_image_usage};
pub(crate) use organizations::list_members;
pub(crate) use retirement::observe_retirement;
pub(crate) use shared_resources::{Known, Loss, find_other_shares};

/// The inventory that a plan of `request` is made from. With `wait`, pending images are awaited.
/// A part that cannot be read is a failure in it, and the others are read all the same.
pub(crate) async fn observe(
    run: &Run<'_>,
    request: &ShareRequest,
    wait: bool,
) -> Result<Inventory, Errors> {
    let regions = request.regions();
    let mut inventory = Inventory::new(&run.source.identity.account, run.source.now());
    inventory.disabled_regions = find_disabled_regions(run, request, &regions).await?;
    inventory.fixed_session = run.source.has_fixed_session().await;

    // 1. In a Region that is not enabled, every call fails.
    let mut clients_of_regions = Vec::new();
    for region in &(&regions - &inventory.disabled_regions) {
        clients_of_regions.push(run.source_clients(region));
    }

    // 2. The named images of all Regions come before anything else is read, so that nobody waits
    //    for other reads to learn of a wrong ID.
    let patience = wait.then(|| Patience::of(run));
    let mut reading = Vec::new();
    for clients in &clients_of_regions {
        let patience = patience.as_ref();
        reading.push(images::read_named_images(run, clients, request, patience));
    }
    let read = future::join_all(reading).await;
    let images_of_regions = inventory.keep_read(&mut clients_of_regions, read);

    // 3. Everything else, Region by Region.
    let mut reading = Vec::new();
    for (clients, images) in clients_of_regions.iter().zip(images_of_regions) {
        reading.push(read_region(run, clients, request, images));
    }
    let read = future::join_all(reading).await;
    let mut alias = None;
    if request.needs_aliases() {
        alias = run
            .source_clients(request.home())
            .iam
            .account_alias()
            .await?;
    }
    for mut region in inventory.keep_read(&mut clients_of_regions, read) {
        region.alias.clone_from(&alias);
        let name = region.location.region.clone();
        inventory.regions.insert(name, region);
    }

    // 4. The name of a parameter depends on images of other Regions.
    let mut reading = Vec::new();
    for (clients, region) in clients_of_regions.iter().zip(inventory.regions.values()) {
        reading.push(ssm_parameters::read(clients, request, &inventory, region));
    }
    let parameters_of_regions = future::join_all(reading).await;
    for (region, (parameters, failures)) in
        inventory.regions.values_mut().zip(parameters_of_regions)
    {
        region.parameters = parameters;
        region.failures.extend(failures);
    }

    // 5. Targets show what is shared with them, and what they have under keys that they are to
    //    lose.
    inventory.targets = targets::read_targets(run, request, &inventory).await;
    inventory.key_usage = key_usage::read_key_usage(run, request, &inventory).await;
    inventory.other_launches = other_launches::read_other_launches(run, request, &inventory).await;
    Ok(inventory)
}

impl Inventory {
    /// What could be read of Regions. Those of which nothing could be read are failures, and their
    /// clients are dropped.
    fn keep_read<T>(
        &mut self,
        clients_of_regions: &mut Vec<Arc<RegionClients>>,
        read: Vec<Result<T, Error>>,
    ) -> Vec<T> {
        let (mut clients_kept, mut values) = (Vec::new(), Vec::new());
        for (clients, result) in clients_of_regions.drain(..).zip(read) {
            match result {
                Ok(value) => {
                    clients_kept.push(clients);
                    values.push(value);
                }
                Err(error) => {
                    let part = Part::Region(clients.location.region.clone());
                    self.failures.push(Failure::new(part, error));
                }
            }
        }
        *clients_of_regions = clients_kept;
        values
    }
}

/// The Regions that are not enabled for the account, as the first Region that answers says. If none
/// does, nothing can be read.
async fn find_disabled_regions(
    run: &Run<'_>,
    request: &ShareRequest,
    regions: &BTreeSet<Region>,
) -> Result<BTreeSet<Region>, Error> {
    if regions.len() < 2 {
        return Ok(BTreeSet::new());
    }
    let home = request.home();
    let mut answer = run.source_clients(home).ec2.regions_off(regions).await;
    for region in regions {
        if answer.is_ok() {
            break;
        }
        if region != home
            && let Ok(disabled) = run.source_clients(region).ec2.regions_off(regions).await
        {
            answer = Ok(disabled);
        }
    }
    answer
}

/// Everything of one Region of the source account but its named images.
async fn read_region(
    run: &Run<'_>,
    clients: &RegionClients,
    request: &ShareRequest,
    (images, failures): (BTreeMap<AmiId, Image>, Vec<Failure>),
) -> Result<RegionInventory, Error> {
    let mut region = RegionInventory::new(clients.location.clone());
    region.images = images;
    region.failures = failures;
    region.gone = gone::named_images(request, &region);

    // 1. The key that copies are made with, or were, and the copies that exist. Without that key
    //    nothing is shared here, but images of here are copied to other Regions.
    let key = read_key_of_copies(clients, request);
    let copies = images::read_own_copies(clients, request);
    let (key, copies) = future::join(key, copies).await;
    let revokes = request.options.revoke.is_some();
    match key {
        Ok(Some(key)) => {
            let named = Some(key.arn.clone());
            if revokes {
                region.named_key = named;
            } else {
                region.destination_key = named;
            }
            region.keys.insert(key.arn.clone(), key);
        }
        Ok(None) => {}
        Err(error) if revokes => return Err(error),
        Err(error) => {
            let part = Part::Region(clients.location.region.clone());
            region.failures.push(Failure::new(part, error));
        }
    }
    (region.copies, region.snapshots) = copies?;

    // 2. Who may launch the images, and the snapshots behind them.
    let snapshots = images::read_snapshots(clients, &region);
    let launchers = permissions::read_launch_permissions(clients, &region);
    let (snapshots, (launchers, failures)) = future::join(snapshots, launchers).await;
    let (snapshots, unreadable) = snapshots?;
    region.snapshots.extend(snapshots);
    region.launch_permissions = launchers;
    region.failures.extend(failures);
    region.failures.extend(unreadable);
    if request.options.revoke.is_some() {
        region.keys_of_gone = gone::read_keys(clients, &region).await?;
    }

    // 3. What only the snapshots tell: their keys.
    let keys = keys::read_keys(run, request, &region);
    let permissions = async {
        if may_revoke(request) || request.options.shares_snapshots() {
            permissions::read_snapshot_permissions(clients, &region).await
        } else {
            (BTreeMap::new(), Vec::new())
        }
    };
    let (keys, permissions) = future::join(keys, permissions).await;
    let ((keys, unread_keys), (permissions, unread_images)) = (keys, permissions);
    region.keys = keys;
    region.snapshot_permissions = permissions;
    region.failures.extend(unread_keys);
    region.failures.extend(unread_images);

    // 4. Where a key may be revoked: what else is shared with those who may lose it.
    if may_revoke(request) {
        let others = shared_resources::read_other_shares(clients, request, &region);
        let in_grants = gone::read_images_in_grants(clients, &region);
        let (others, in_grants) = future::join(others, in_grants).await;
        region.gone.extend(in_grants?);
        match others {
            Ok(others) => {
                region.shared_resources = others.resources;
                region.keys_with_unasked_images = others.unasked;
            }
            Err(error) => {
                let part = Part::OtherShares(clients.location.region.clone());
                region.failures.push(Failure::new(part, error));
            }
        }
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

/// The key that copies in a Region are made with. When access is revoked, it may be gone as they
/// may.
async fn read_key_of_copies(
    clients: &RegionClients,
    request: &ShareRequest,
) -> Result<Option<Key>, Error> {
    let options = &request.options;
    let Some(key) = options.keys.in_region(&clients.location.region) else {
        return Ok(None);
    };
    match clients.kms.describe_key(key.as_ref()).await {
        Err(error) if error.code == Code::KeyNotFound && options.revoke.is_some() => Ok(None),
        described => described.map(Some),
    }
}

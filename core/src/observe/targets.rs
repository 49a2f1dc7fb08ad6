//! Target accounts, as the role there sees them: read where something is to be done there.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::images;
use crate::aws::clients::{Account, RegionClients};
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, SourceImage};
use crate::inventory::{Inventory, RegionInventory, RolePolicies, Target};
use crate::request::ShareRequest;
use crate::run::Run;

/// Every target that was reached, side by side; why one could not be seen stands in its place.
pub(super) async fn read(
    run: &Run<'_>,
    request: &ShareRequest,
    inventory: &Inventory,
) -> BTreeMap<AccountId, Result<Target, Error>> {
    let read = run.targets.iter().map(|(account, reached)| async move {
        let target = match reached {
            Ok(reached) => Box::pin(target(reached, request, inventory)).await,
            Err(error) => Err(error.clone()),
        };
        (account.clone(), target)
    });
    future::join_all(read).await.into_iter().collect()
}

async fn target(
    reached: &Account,
    request: &ShareRequest,
    inventory: &Inventory,
) -> Result<Target, Error> {
    let regions = inventory.regions.values().map(|source| {
        let clients = reached.in_region(&source.location.region);
        async move {
            Ok::<_, Error>((
                source.location.region.clone(),
                region(&clients, request, inventory, source).await?,
            ))
        }
    });
    let regions: BTreeMap<_, _> = Box::pin(future::try_join_all(regions))
        .await?
        .into_iter()
        .collect();
    let mut target = Target {
        regions,
        ..Target::default()
    };
    let Some(first) = inventory.regions.keys().next() else {
        return Ok(target);
    };
    let (iam, wanted) = (
        &reached.in_region(first).iam,
        &request.options.target_options,
    );
    for role in &wanted.launch_roles {
        let name = role.rsplit('/').next().unwrap_or(role);
        let policies = if wanted.launch_policy.is_some() {
            let attached = iam.attached_policies(name).await?;
            attached.map(|arns| RolePolicies {
                attached: arns.into_iter().collect(),
                ..RolePolicies::default()
            })
        } else {
            let inline = iam.inline_policies(name).await?;
            inline.map(|inline| RolePolicies {
                inline,
                ..RolePolicies::default()
            })
        };
        target.roles.insert(name.to_owned(), policies);
    }
    for service in wanted
        .services
        .iter()
        .filter(|_| request.options.revoke.is_none())
    {
        target
            .services
            .insert(service.clone(), iam.service_linked_roles(service).await?);
    }
    Ok(target)
}

/// One Region of a target, beside the source account's of the same name.
async fn region(
    clients: &RegionClients,
    request: &ShareRequest,
    inventory: &Inventory,
    source: &RegionInventory,
) -> Result<RegionInventory, Error> {
    let mut there = RegionInventory::new(clients.location.clone());
    let (options, wanted) = (&request.options, &request.options.target_options);
    if options.revoke.is_some() {
        return Ok(there);
    }
    let shared: BTreeSet<&AmiId> = source
        .images
        .keys()
        .chain(source.copies.iter().map(|copy| &copy.id))
        .collect();
    if let Some(key) = wanted.keys.in_region(&clients.location.region) {
        let mut key = clients.kms.describe_key(key.as_ref()).await?;
        if !wanted.services.is_empty() {
            key.grants = Some(clients.kms.grants(&key.arn).await?);
        }
        there.destination_key = Some(key.arn.clone());
        there.keys.insert(key.arn.clone(), key);
        let of = |ami: &AmiId| {
            SourceImage {
                region: clients.location.region.clone(),
                ami: ami.clone(),
            }
            .tag()
        };
        images::copies(
            clients,
            shared.iter().copied().map(of).collect(),
            &mut there,
        )
        .await?;
        let snapshots = images::snapshots(clients, &there).await?;
        there.snapshots.extend(snapshots);
    } else if options.copy_image_tags || !options.tags.is_empty() {
        let seen = clients.ec2.images(shared.iter().copied()).await?;
        there.images = seen
            .into_iter()
            .map(|image| (image.id.clone(), image))
            .collect();
    }
    there.parameters = super::parameters(
        clients,
        super::parameter_names(request, inventory, &clients.location),
    )
    .await?;
    Ok(there)
}

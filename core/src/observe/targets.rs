//! Reads target accounts through the role in each, if the request does anything there.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::{images, launch_templates, ssm_parameters};
use crate::aws::clients::{Account, RegionClients};
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, AccountRegion, AmiId, KeyArn, SourceImage};
use crate::inventory::{
    Failure, Image, Inventory, Key, Part, RegionInventory, RolePolicies, Target, VolumeKey,
};
use crate::policy::key_policy::KeyPolicy;
use crate::request::{ShareRequest, Verify};
use crate::run::Run;
use crate::run::together::join_some;

/// Every target, or why it could not be read.
pub(super) async fn read_targets(
    run: &Run<'_>,
    request: &ShareRequest,
    inventory: &Inventory,
) -> BTreeMap<AccountId, Result<Target, Error>> {
    let mut reading = Vec::new();
    for (account, reached) in &run.targets {
        reading.push(async move {
            let target = match reached {
                Ok(reached) => Box::pin(read_target(reached, request, inventory)).await,
                Err(error) => Err(error.clone()),
            };
            (account.clone(), target)
        });
    }
    let targets = join_some(reading).await;
    targets.into_iter().collect()
}

/// What could be read of a target. Without its alias, no name that has it is known.
async fn read_target(
    reached: &Account,
    request: &ShareRequest,
    inventory: &Inventory,
) -> Result<Target, Error> {
    let account = &reached.identity.account;
    // 1. What it has in each Region.
    let alias = read_alias(reached, request, inventory).await?;
    let mut reading = Vec::new();
    for source in inventory.regions.values() {
        let mut region = RegionInventory::new(AccountRegion {
            account: account.clone(),
            region: source.location.region.clone(),
        });
        region.alias.clone_from(&alias);
        reading.push(async move {
            let name = source.location.region.clone();
            let region = read_enabled_region(reached, request, inventory, source, region).await;
            (name, region)
        });
    }
    let mut target = Target::default();
    for (name, region) in future::join_all(reading).await {
        match region {
            Ok(mut region) => {
                target.failures.append(&mut region.failures);
                target.regions.insert(name, region);
            }
            Err(error) => {
                let part = Part::TargetRegion(account.clone(), name);
                target.failures.push(Failure::new(part, error));
            }
        }
    }

    // 2. Its roles. IAM is the same in every Region.
    let Some(first) = inventory.regions.keys().next() else {
        return Ok(target);
    };
    let clients = reached.in_region(reached.identity.accepted_in.as_ref().unwrap_or(first));
    let options = &request.options.in_targets;
    for name in options.launch_role_names() {
        match read_role(&clients, request, name).await {
            Ok(policies) => _ = target.roles.insert(name.to_owned(), policies),
            Err(error) => {
                let part = Part::LaunchRole(account.clone(), name.to_owned());
                target.failures.push(Failure::new(part, error));
            }
        }
    }
    if request.options.revoke.is_none() {
        for service in &options.services {
            match clients.iam.service_linked_roles(service).await {
                Ok(roles) => _ = target.services.insert(service.clone(), roles),
                Err(error) => {
                    let part = Part::ServiceRoles(account.clone(), service.clone());
                    target.failures.push(Failure::new(part, error));
                }
            }
        }
    }
    Ok(target)
}

/// The alias of a target, if names depend on it.
async fn read_alias(
    reached: &Account,
    request: &ShareRequest,
    inventory: &Inventory,
) -> Result<Option<String>, Error> {
    match inventory.regions.keys().next() {
        Some(first) if request.needs_aliases() && request.options.revoke.is_none() => {
            let region = reached.identity.accepted_in.as_ref().unwrap_or(first);
            reached.in_region(region).iam.account_alias().await
        }
        _ => Ok(None),
    }
}

/// The policies of a role, of the kind that the request uses; `None` if there is no such role.
async fn read_role(
    clients: &RegionClients,
    request: &ShareRequest,
    name: &str,
) -> Result<Option<RolePolicies>, Error> {
    let mut policies = RolePolicies::default();
    if request.options.in_targets.launch_policy.is_some() {
        let Some(attached) = clients.iam.attached_policies(name).await? else {
            return Ok(None);
        };
        policies.attached = attached.into_iter().collect();
    } else {
        let Some(inline) = clients.iam.inline_policies(name).await? else {
            return Ok(None);
        };
        policies.inline = inline;
    }
    Ok(Some(policies))
}

/// One Region of a target, which must be turned on there, even if nothing of it needs to be read.
async fn read_enabled_region(
    reached: &Account,
    request: &ShareRequest,
    inventory: &Inventory,
    source: &RegionInventory,
    mut region: RegionInventory,
) -> Result<RegionInventory, Error> {
    let name = &source.location.region;
    let clients = reached.in_region(name);
    read_region(&clients, request, inventory, source, &mut region).await?;
    let options = &request.options;
    let is_known = reached.identity.accepted_in.as_ref() == Some(name);
    if options.revoke.is_none() && options.in_targets.verify == Verify::None && !is_known {
        reached.check_region(name).await?;
    }
    Ok(region)
}

/// What is read of one Region of a target; `source` is the same Region of the source account.
async fn read_region(
    clients: &RegionClients,
    request: &ShareRequest,
    inventory: &Inventory,
    source: &RegionInventory,
    region: &mut RegionInventory,
) -> Result<(), Error> {
    let options = &request.options;
    if options.revoke.is_some() {
        return Ok(());
    }
    let copies = source.copies.iter().map(|copy| &copy.id);
    let shared: BTreeSet<&AmiId> = source.images.keys().chain(copies).collect();
    let key = options.in_targets.keys.in_region(&clients.location.region);
    if let Some(key) = &key {
        read_copies(clients, request, key.as_ref(), &shared, region).await?;
    } else if options.copy_image_tags || !options.tags.is_empty() {
        let images = clients.ec2.images(shared.iter().copied()).await?;
        region.images = images::images_by_id(images);
    }
    if !options.in_targets.services.is_empty() && (key.is_none() || any_makes_volumes(inventory)) {
        region.volume_key = match read_volume_key(clients, &mut region.keys).await {
            Err(error) if error.code == Code::AwsUnreadable => return Err(error),
            // The role may lack the permission. The image's key gets its grants all the same.
            read => read.transpose(),
        };
    }
    let (parameters, failures) = ssm_parameters::read(clients, request, inventory, region).await;
    region.parameters = parameters;
    region.failures.extend(failures);
    let (templates, failures) = launch_templates::read(clients, request, inventory, region).await;
    region.launch_templates = templates;
    region.failures.extend(failures);
    if options.in_targets.verify != Verify::None {
        region.allowed_images = match clients.ec2.allowed_images().await {
            Err(error) if [Code::AwsUnreadable, Code::RegionOff].contains(&error.code) => {
                return Err(error);
            }
            // The role may lack the permission. Verification says so then.
            settings => settings.ok(),
        };
    }
    Ok(())
}

/// Whether an own copy of an image has volumes that are made of no snapshot, and so come under the
/// key of new volumes too.
fn any_makes_volumes(inventory: &Inventory) -> bool {
    let regions = inventory.regions.values();
    let mut images = regions.flat_map(|region| region.images.values().chain(&region.copies));
    images.any(Image::makes_encrypted_volumes)
}

/// The key that a target copies with, and its copies of the shared images.
async fn read_copies(
    clients: &RegionClients,
    request: &ShareRequest,
    key: &str,
    shared: &BTreeSet<&AmiId>,
    region: &mut RegionInventory,
) -> Result<(), Error> {
    let mut key = clients.kms.describe_key(key).await?;
    if !request.options.in_targets.services.is_empty() {
        read_access(clients, &mut key).await?;
    }
    region.destination_key = Some(key.arn.clone());
    region.keys.insert(key.arn.clone(), key);
    let mut sources = Vec::new();
    for image_id in shared {
        let source = SourceImage {
            region: clients.location.region.clone(),
            ami: (*image_id).clone(),
        };
        sources.push(source.tag());
    }
    let (copies, snapshots) = images::read_copies_of(clients, sources).await?;
    (region.copies, region.snapshots) = (copies, snapshots);
    let (snapshots, failures) = images::read_snapshots(clients, region).await?;
    region.snapshots.extend(snapshots);
    match failures.into_iter().next() {
        Some(failure) => Err(failure.error),
        None => Ok(()),
    }
}

/// Who can use a key of the target: by grants, and by its policy, which the role may not be allowed
/// to read. An AWS managed key takes no grants.
async fn read_access(clients: &RegionClients, key: &mut Key) -> Result<(), Error> {
    if key.aws_managed {
        return Ok(());
    }
    let grants = clients.kms.grants(&key.arn);
    let (grants, policy) = future::join(grants, clients.kms.key_policy(&key.arn)).await;
    key.policy = Some(match policy {
        Ok(text) => KeyPolicy::parse(&text).map_err(|error| error.to_string()),
        Err(error) => Err(error.without_remedy()),
    });
    key.grants = Some(grants?);
    Ok(())
}

/// The key of new volumes, which service-linked roles need too (R7.29); it joins `keys`.
async fn read_volume_key(
    clients: &RegionClients,
    keys: &mut BTreeMap<KeyArn, Key>,
) -> Result<Option<VolumeKey>, Error> {
    let by_default = clients.ec2.encrypts_by_default().await?;
    let name = clients.ec2.default_key().await?;
    // Every principal of the account can use `aws/ebs`.
    if name.ends_with("alias/aws/ebs") {
        return Ok(None);
    }
    let mut key = match clients.kms.describe_key(&name).await {
        // Nobody launches with it. Verification says so.
        Err(error) if error.code == Code::KeyNotFound => return Ok(None),
        described => described?,
    };
    let unread_grants = match read_access(clients, &mut key).await {
        Err(error) if error.code == Code::AwsUnreadable => return Err(error),
        read => read.err(),
    };
    let volume_key = VolumeKey {
        key: key.arn.clone(),
        by_default,
        unread_grants,
    };
    keys.insert(key.arn.clone(), key);
    Ok(Some(volume_key))
}

//! What targets have encrypted under keys that they are to lose, as the role there sees it.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::Account;
use crate::id::{AccountId, KeyArn, Region};
use crate::inventory::{Inventory, TargetKeyUsage};
use crate::request::ShareRequest;
use crate::run::Run;
use crate::run::together::join_some;

/// Reads it in each target that was reached. Where some of it cannot be read, the rest counts all
/// the same.
pub(super) async fn read_key_usage(
    run: &Run<'_>,
    request: &ShareRequest,
    inventory: &Inventory,
) -> BTreeMap<AccountId, TargetKeyUsage> {
    if !request.options.spares_keys_in_use() {
        return BTreeMap::new();
    }
    let mut keys = Vec::new();
    for region in inventory.regions.values() {
        for key in region.keys.values() {
            keys.push((&key.arn, key.accounts_with_access()));
        }
    }
    let mut reading = Vec::new();
    for (account, reached) in &run.targets {
        if let Ok(reached) = reached {
            let mut of_account = BTreeSet::new();
            for (key, users) in &keys {
                if users.contains(account) {
                    of_account.insert(*key);
                }
            }
            reading.push(read_target(account, reached, of_account));
        }
    }
    join_some(reading).await.into_iter().collect()
}

/// What a target has under keys that it can use.
async fn read_target(
    account: &AccountId,
    reached: &Account,
    keys: BTreeSet<&KeyArn>,
) -> (AccountId, TargetKeyUsage) {
    let regions: BTreeSet<&Region> = keys.iter().map(|key| key.region()).collect();
    let mut reading = Vec::new();
    for region in regions {
        reading.push(read_region(reached, region, &keys));
    }
    let mut usage = TargetKeyUsage::default();
    for of_region in future::join_all(reading).await {
        // A key belongs to one Region.
        usage.volumes.extend(of_region.volumes);
        usage.errors.extend(of_region.errors);
    }
    (account.clone(), usage)
}

async fn read_region(
    reached: &Account,
    region: &Region,
    keys: &BTreeSet<&KeyArn>,
) -> TargetKeyUsage {
    let mut usage = TargetKeyUsage::default();
    let clients = reached.in_region(region);
    let volumes = clients.ec2.own_encrypted_volumes();
    let snapshots = clients.ec2.own_encrypted_snapshots();
    let (volumes, snapshots) = future::join(volumes, snapshots).await;
    match volumes {
        Ok(volumes) => add_resources(&mut usage, keys, volumes),
        Err(error) => usage.errors.push(error),
    }
    match snapshots {
        Ok(snapshots) => {
            let snapshots = snapshots.into_iter();
            let with_key =
                snapshots.filter_map(|snapshot| Some((snapshot.key?, snapshot.id.to_string())));
            add_resources(&mut usage, keys, with_key);
        }
        Err(error) => usage.errors.push(error),
    }
    usage
}

/// Adds volumes or snapshots, that are encrypted with one of these keys. Each comes with its key.
fn add_resources(
    usage: &mut TargetKeyUsage,
    keys: &BTreeSet<&KeyArn>,
    resources: impl IntoIterator<Item = (KeyArn, String)>,
) {
    for (key, id) in resources {
        if keys.contains(&key) {
            usage.volumes.entry(key).or_default().insert(id);
        }
    }
}

//! What targets have under keys that they are to lose, as the role there sees it.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::Account;
use crate::id::{AccountId, KeyArn};
use crate::inventory::{Inventory, RegionInventory, TargetKeyUsage};
use crate::request::ShareRequest;
use crate::run::Run;

/// Looks in each target that was reached. Where some of it cannot be seen, the rest counts all the
/// same.
pub(super) async fn read(
    run: &Run<'_>,
    request: &ShareRequest,
    inventory: &Inventory,
) -> BTreeMap<AccountId, TargetKeyUsage> {
    if !request.options.spares_keys_in_use() {
        return BTreeMap::new();
    }
    let reached = run
        .targets
        .iter()
        .filter_map(|(account, reached)| Some((account, reached.as_ref().ok()?)));
    let looks = reached.map(|(account, reached)| async move {
        let regions = inventory
            .regions
            .values()
            .map(|there| region(reached, account, there));
        (account.clone(), merged(future::join_all(regions).await))
    });
    future::join_all(looks).await.into_iter().collect()
}

async fn region(reached: &Account, account: &AccountId, there: &RegionInventory) -> TargetKeyUsage {
    let keys: BTreeSet<&KeyArn> = there
        .keys
        .values()
        .filter(|key| key.grants_access_to(account))
        .map(|key| &key.arn)
        .collect();
    let mut seen = TargetKeyUsage::default();
    if keys.is_empty() {
        return seen;
    }
    let ec2 = &reached.in_region(&there.location.region).ec2;
    let volumes = ec2.own_encrypted_volumes();
    let (volumes, snapshots) = Box::pin(future::join(volumes, ec2.own_encrypted_snapshots())).await;
    let snapshots = snapshots.map(|snapshots| {
        snapshots
            .into_iter()
            .filter_map(|snapshot| Some((snapshot.key?, snapshot.id.to_string())))
            .collect::<Vec<_>>()
    });
    for found in [volumes, snapshots] {
        match found {
            Ok(found) => {
                for (key, id) in found.into_iter().filter(|(key, _)| keys.contains(key)) {
                    seen.volumes.entry(key).or_default().insert(id);
                }
            }
            Err(error) => seen.errors.push(error),
        }
    }
    seen
}

fn merged(regions: Vec<TargetKeyUsage>) -> TargetKeyUsage {
    regions
        .into_iter()
        .fold(TargetKeyUsage::default(), |mut all, one| {
            // A key is of one Region.
            all.volumes.extend(one.volumes);
            all.errors.extend(one.errors);
            all
        })
}

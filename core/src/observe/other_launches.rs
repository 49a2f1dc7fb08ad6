//! What targets launch besides the images of a revoke, with the policy that it would detach from
//! their launch roles.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::{Account, RegionClients};
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId};
use crate::inventory::{ImageState, Inventory, OtherLaunches, RegionInventory};
use crate::limits::FILTER_VALUES;
use crate::request::ShareRequest;
use crate::run::Run;
use crate::run::together::join_some;
use crate::tags;

/// Reads it for each target with a role that has the policy.
pub(super) async fn read_other_launches(
    run: &Run<'_>,
    request: &ShareRequest,
    inventory: &Inventory,
) -> BTreeMap<AccountId, OtherLaunches> {
    let mut launches = BTreeMap::new();
    if request.options.revoke.is_none() {
        return launches;
    }
    for (account, target) in inventory.reached_targets() {
        let policy = request.launch_policy_in(account);
        let mut roles = target.roles.values().flatten();
        if policy.is_some_and(|policy| roles.any(|role| role.attached.contains(&policy))) {
            launches.insert(account.clone(), OtherLaunches::default());
        }
    }

    // 1. What the source account shares with them.
    let accounts: Vec<AccountId> = launches.keys().cloned().collect();
    let mut reading = Vec::new();
    for region in inventory.regions.values() {
        let clients = run.source_clients(&region.location.region);
        for accounts in accounts.chunks(FILTER_VALUES) {
            let clients = clients.clone();
            reading.push(async move { list_shared(&clients, region, accounts).await });
        }
    }
    for (account, shared) in join_some(reading).await.into_iter().flatten() {
        let of_account = launches.entry(account).or_default();
        match shared {
            Ok(shared) => of_account.shared.extend(shared),
            Err(error) => of_account.errors.push(error),
        }
    }

    // 2. Their own copies. One thing that needs the policy is enough.
    let mut reading = Vec::new();
    for (account, launches) in &mut launches {
        if launches.shared.is_empty()
            && let Some(Ok(reached)) = run.targets.get(account)
        {
            reading.push(read_copies(reached, inventory, launches));
        }
    }
    join_some(reading).await;
    launches
}

/// The images in a Region that are shared with each of these accounts, except those of the run.
/// One call answers for all of them if nothing is.
async fn list_shared(
    clients: &RegionClients,
    region: &RegionInventory,
    accounts: &[AccountId],
) -> Vec<(AccountId, Result<BTreeSet<AmiId>, Error>)> {
    let all = find_shared(clients, region, accounts).await;
    let is_settled = accounts.len() == 1 || !all.as_ref().is_ok_and(|found| !found.is_empty());
    let mut asking = Vec::new();
    for account in accounts {
        let all = all.clone();
        asking.push(async move {
            let shared = if is_settled {
                all
            } else {
                find_shared(clients, region, std::slice::from_ref(account)).await
            };
            (account.clone(), shared)
        });
    }
    future::join_all(asking).await
}

/// The first images that are shared with any of these accounts, or with the organization that they
/// may belong to (R2.25), except those of the run.
async fn find_shared(
    clients: &RegionClients,
    region: &RegionInventory,
    accounts: &[AccountId],
) -> Result<BTreeSet<AmiId>, Error> {
    let mut users: Vec<String> = accounts.iter().map(ToString::to_string).collect();
    users.push("self".to_owned());
    let mut pages = clients.ec2.own_images_shared_with(users);
    let mut found = BTreeSet::new();
    while found.is_empty()
        && let Some(mut images) = pages.next().await?
    {
        images.retain(|image| region.image(&image.id).is_none());
        found.extend(images.into_iter().map(|image| image.id));
    }
    Ok(found)
}

/// The copies in a target that this tool made.
async fn read_copies(reached: &Account, inventory: &Inventory, launches: &mut OtherLaunches) {
    let mut reading = Vec::new();
    for region in inventory.regions.keys() {
        let clients = reached.in_region(region);
        reading.push(async move { clients.ec2.own_images_with_tag(tags::SOURCE).await });
    }
    for copies in future::join_all(reading).await {
        match copies {
            Ok(mut copies) => {
                copies.retain(|copy| copy.state == ImageState::Available);
                launches
                    .copies
                    .extend(copies.into_iter().map(|copy| copy.id));
            }
            Err(error) => launches.errors.push(error),
        }
    }
}

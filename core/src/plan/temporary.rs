//! With `unshare-after-copy`: what is lent to targets until their copies stand.

use std::collections::BTreeSet;

use super::key_use::{needs, runs_on};
use super::step::target::{ForgetTemporaryAccess, ReclaimAccess, TargetCopy, TemporaryKeyAccess};
use super::step::{Grants, KeyAccess, LaunchPermission, Step};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AccountId, Principal};
use crate::inventory::{Image, Inventory, RegionInventory};
use crate::limits::TAGS_PER_RESOURCE;
use crate::policy::key_policy::PolicyPrincipal;
use crate::request::ShareRequest;
use crate::tags::temporary::{self, TemporaryAccess, TemporaryAccounts};

/// With `unshare-after-copy`: what each image lends, and takes back once the copies stand.
pub(super) fn give_back(
    request: &ShareRequest,
    inventory: &Inventory,
    launches: &[LaunchPermission],
    steps: &[Step],
    copies: &[TargetCopy],
    findings: &mut Vec<Finding>,
) -> Vec<ReclaimAccess> {
    if !request.options.target_options.unshare_after_copy {
        return Vec::new();
    }
    launches
        .iter()
        .map(|launch| give_back_of(inventory, launch, steps, copies, findings))
        .collect()
}

/// Without `unshare-after-copy`: what was lent to targets by an earlier run, and is theirs for good
/// now.
pub(super) fn kept(
    request: &ShareRequest,
    inventory: &Inventory,
    launches: &[LaunchPermission],
) -> Vec<Step> {
    if request.options.target_options.unshare_after_copy {
        return Vec::new();
    }
    let ended = launches.iter().filter_map(|launch| {
        let there = inventory.regions.get(&launch.shared.region)?;
        let image = there.image(launch.shared.image.as_ref()?)?;
        end_loan(there, image, |account| {
            launch
                .principals
                .contains(&Principal::Account(account.clone()))
        })
    });
    ended.map(Step::ForgetTemporaryAccess).collect()
}

/// The end of what an image lends to some; nothing where it lends them nothing.
pub(super) fn end_loan(
    there: &RegionInventory,
    image: &Image,
    whose: impl Fn(&AccountId) -> bool,
) -> Option<ForgetTemporaryAccess> {
    let accounts: BTreeSet<AccountId> = temporary::loans(&image.tags)
        .into_values()
        .flatten()
        .filter(whose)
        .collect();
    let (region, image) = (there.location.region.clone(), image.id.clone());
    (!accounts.is_empty()).then_some(ForgetTemporaryAccess {
        region,
        image,
        accounts,
    })
}

fn give_back_of(
    inventory: &Inventory,
    launch: &LaunchPermission,
    steps: &[Step],
    copies: &[TargetCopy],
    findings: &mut Vec<Finding>,
) -> ReclaimAccess {
    let shared = &launch.shared;
    let accounts: BTreeSet<AccountId> = copies
        .iter()
        .filter(|copy| &copy.shared == shared)
        .map(|copy| copy.account.clone())
        .collect();
    let there = inventory.regions.get(&shared.region);
    let image = shared.image.as_ref().and_then(|id| there?.image(id));
    let lends = loans(launch, steps, &accounts);
    let lent = image
        .map(|image| temporary::loans(&image.tags))
        .unwrap_or_default();
    let owed = lent.values().any(|lent| !lent.is_disjoint(&accounts));
    let more = temporary::tags(&lends).len();
    if image.is_some_and(|image| image.tags.len() + more > TAGS_PER_RESOURCE) {
        findings.push(Finding::refuse(
            FindingCode::TemporaryAccessTooManyTags,
            &shared.source.ami,
            format!(
                "`unshare-after-copy` notes in {more} tags of the image who is lent it, and it can \
                 have {} in all",
                TAGS_PER_RESOURCE
            ),
        ));
    }
    let keys = launch.keys.iter().map(|arn| {
        let key = there.and_then(|there| there.keys.get(arn));
        let grants = key
            .and_then(|key| key.grants.as_deref())
            .unwrap_or_default();
        let others = there
            .map(|there| there.others.as_slice())
            .unwrap_or_default();
        let of_key = others.iter().filter(|other| other.keys.contains(arn));
        let keeps = |holder: &PolicyPrincipal| {
            of_key.clone().any(|other| needs(other, holder)) || runs_on(grants, holder)
        };
        let kept = accounts
            .iter()
            .cloned()
            .map(PolicyPrincipal::Account)
            .filter(keeps)
            .collect();
        let reads = (
            key.is_some_and(|key| key.policy.is_some()),
            key.is_some_and(|key| key.grants.is_some()),
        );
        (arn.clone(), TemporaryKeyAccess { kept, reads })
    });
    ReclaimAccess {
        shared: shared.clone(),
        lent: owed || !lends.is_empty(),
        lends,
        keys: keys.collect(),
        accounts,
    }
}

/// What this run lends of an image: what these accounts do not have yet.
fn loans(
    launch: &LaunchPermission,
    steps: &[Step],
    accounts: &BTreeSet<AccountId>,
) -> TemporaryAccounts {
    let of = |principals: &BTreeSet<Principal>| -> BTreeSet<AccountId> {
        principals
            .iter()
            .filter_map(Principal::account)
            .filter(|account| accounts.contains(*account))
            .cloned()
            .collect()
    };
    let mut loans = TemporaryAccounts::from([(TemporaryAccess::Launch, of(&launch.missing))]);
    for step in steps {
        let (loan, more) = match step {
            Step::SnapshotPermission(share) if share.shared == launch.shared => {
                let missing: BTreeSet<AccountId> = if share.shared.image.as_ref().is_some() {
                    share.missing.values().flatten().cloned().collect()
                } else {
                    share.accounts.clone()
                };
                (TemporaryAccess::Snapshots, &missing & accounts)
            }
            Step::KeyAccess(KeyAccess { key, missing, .. }) if launch.keys.contains(key) => {
                (TemporaryAccess::Keys, of(missing))
            }
            Step::Grants(Grants {
                shared, missing, ..
            }) if shared == &launch.shared => (TemporaryAccess::Keys, missing & accounts),
            _ => continue,
        };
        loans.entry(loan).or_default().extend(more);
    }
    loans.retain(|_, accounts| !accounts.is_empty());
    loans
}

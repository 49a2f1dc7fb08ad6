//! Reclaims temporary access: a target that makes its own copy loses the access to the source once
//! that copy is available.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::{Apply, AvailableCopies, LaunchableImage};
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region};
use crate::inventory::Image;
use crate::plan::{ReclaimAccess, Removal, RemoveKeyAccess};
use crate::policy::key_policy::PolicyPrincipal;
use crate::tags::temporary::{self, TemporaryAccess, TemporaryAccounts};

/// An image whose permissions were reclaimed.
struct ReclaimedImage<'a> {
    step: &'a ReclaimAccess,
    image: Image,
    /// The targets whose copies are available.
    targets: BTreeSet<AccountId>,
    /// The temporary access that these had.
    access: TemporaryAccounts,
}

impl Apply<'_> {
    /// Reclaims access from the targets whose copies are available.
    pub(super) async fn reclaim_access(
        &self,
        images: &[LaunchableImage<'_>],
        available: &AvailableCopies,
    ) {
        // 1. Launch permissions and snapshots of each image.
        let steps: Vec<&ReclaimAccess> = self.plan.reclaims().filter(|step| step.needed).collect();
        let mut reclaiming = Vec::new();
        for step in &steps {
            let Some(image) = images.iter().find(|image| image.shared() == &step.shared) else {
                continue;
            };
            let image_id = &image.image_id;
            let mut targets = step.accounts.clone();
            targets.retain(|account| available.contains(&(account.clone(), image_id.clone())));
            reclaiming.push(async move {
                let reclaimed = self.reclaim_permissions(step, image_id, targets).await;
                self.progress().report_error(reclaimed)
            });
        }
        let reclaimed = future::join_all(reclaiming).await;
        let mut reclaimed: Vec<ReclaimedImage<'_>> = reclaimed.into_iter().flatten().collect();

        // 2. The keys, of which each may serve several images.
        let revocable = revocable_keys(&steps, &reclaimed);
        for image in &mut reclaimed {
            // An account that keeps a key stays recorded, so that a later run reclaims it.
            let keys = &image.step.keys;
            if let Some(accounts) = image.access.get_mut(&TemporaryAccess::Keys) {
                accounts
                    .retain(|account| keys.keys().all(|key| revocable[key].is_lost_by(account)));
            }
        }
        let all_revoked = self.reclaim_keys(&revocable, &steps, &reclaimed).await;

        // 3. The record is deleted last, so that the next run continues a run that is cut off (P4).
        if all_revoked {
            for image in &reclaimed {
                let forgotten = self.remove_record(image).await;
                self.progress().report_error(forgotten);
            }
        }
    }

    /// Removes the launch permission and snapshot permissions that the targets had for a time.
    async fn reclaim_permissions<'a>(
        &self,
        step: &'a ReclaimAccess,
        image_id: &AmiId,
        targets: BTreeSet<AccountId>,
    ) -> Result<ReclaimedImage<'a>, Error> {
        let shared = &step.shared;
        let clients = self.run.source_clients(&shared.region);
        let ec2 = &clients.ec2;
        let image = self.run.present_image(&clients, image_id).await?;
        let mut access = temporary::from_tags(&image.tags);
        // AWS may not show yet what this run recorded.
        for (kind, accounts) in &step.given {
            let recorded = access.entry(*kind).or_default();
            recorded.extend(accounts.iter().cloned());
        }
        for accounts in access.values_mut() {
            accounts.retain(|account| targets.contains(account));
        }

        let launchers = ec2.launch_permissions(image_id).await?;
        if access.values().any(|accounts| !accounts.is_empty()) {
            self.warn_of_remaining(image_id, &launchers, &BTreeSet::new());
        }
        // One look may be out of date: what this run gave is removed in any case.
        let given = |kind| given_to(step, kind, &targets);
        let temporary = &only_temporary(launchers, &access, TemporaryAccess::Launch)
            | &given(TemporaryAccess::Launch);
        self.remove_launch_permission(&shared.source, &shared.region, image_id, temporary)
            .await?;
        for snapshot in image.snapshots() {
            let current = ec2.snapshot_permissions(snapshot).await?;
            let temporary = &only_temporary(current, &access, TemporaryAccess::Snapshots)
                | &given(TemporaryAccess::Snapshots);
            self.remove_snapshot_permission(ec2, snapshot, &temporary)
                .await?;
        }
        Ok(ReclaimedImage {
            step,
            image,
            targets,
            access,
        })
    }

    /// Revokes the use of keys; returns whether nothing failed.
    async fn reclaim_keys(
        &self,
        revocable: &BTreeMap<&KeyArn, Revocable>,
        steps: &[&ReclaimAccess],
        reclaimed: &[ReclaimedImage<'_>],
    ) -> bool {
        let mut all_revoked = true;
        for (key, Revocable { accounts, kept }) in revocable {
            let images: Vec<(&Region, &AmiId)> = reclaimed
                .iter()
                .filter(|image| image.step.keys.contains_key(*key))
                .map(|image| (&image.step.shared.region, &image.image.id))
                .collect();
            let mut with_key = steps.iter().filter_map(|step| step.keys.get(*key));
            let reads = with_key.next().map(|key| key.reads).unwrap_or_default();
            let removal = Removal::These(super::as_principals(accounts));
            let under = images
                .iter()
                .map(|(region, image_id)| ((*region).clone(), (*image_id).clone()))
                .collect();
            // Who keeps a key for something else loses the grants for these images all the same.
            let is_kept = accounts == kept;
            if accounts.is_empty() || (is_kept && !reads.grants) {
                continue;
            }
            let mut remove = RemoveKeyAccess::new((*key).clone(), removal, under, reads);
            remove.kept = kept.iter().cloned().map(PolicyPrincipal::Account).collect();
            remove.expected = !is_kept;
            let revoked = self.revoke_key_access(&remove, &images).await;
            all_revoked &= self.progress().report_error(revoked).is_some();
        }
        all_revoked
    }

    async fn remove_record(&self, reclaimed: &ReclaimedImage<'_>) -> Result<(), Error> {
        let region = &reclaimed.step.shared.region;
        let mut tags = reclaimed.image.tags.clone();
        tags.extend(temporary::to_tags(&reclaimed.step.given));
        self.untag_temporary_access(region, &reclaimed.image.id, &tags, &reclaimed.access)
            .await
    }
}

/// Those of the targets to which this run gave a kind of access for a time.
fn given_to(
    step: &ReclaimAccess,
    kind: TemporaryAccess,
    targets: &BTreeSet<AccountId>,
) -> BTreeSet<Principal> {
    match step.given.get(&kind) {
        Some(given) => super::as_principals(&(given & targets)),
        None => BTreeSet::new(),
    }
}

/// Those of the principals who have a kind of access for a time.
fn only_temporary(
    mut principals: BTreeSet<Principal>,
    access: &TemporaryAccounts,
    kind: TemporaryAccess,
) -> BTreeSet<Principal> {
    let accounts = access.get(&kind);
    principals.retain(|principal| {
        principal
            .account()
            .zip(accounts)
            .is_some_and(|(account, accounts)| accounts.contains(account))
    });
    principals
}

/// The accounts that have a key for a time, and copy no image under it any more.
struct Revocable {
    accounts: BTreeSet<AccountId>,
    /// Those of them that need it for something else.
    kept: BTreeSet<AccountId>,
}

impl Revocable {
    fn is_lost_by(&self, account: &AccountId) -> bool {
        self.accounts.contains(account) && !self.kept.contains(account)
    }
}

/// Who has each key for a time, and copies no image under it any more.
fn revocable_keys<'a>(
    steps: &[&'a ReclaimAccess],
    reclaimed: &[ReclaimedImage<'_>],
) -> BTreeMap<&'a KeyArn, Revocable> {
    let mut revocable = BTreeMap::new();
    for key in steps.iter().flat_map(|step| step.keys.keys()) {
        let mut accounts = BTreeSet::new();
        for image in reclaimed {
            if image.step.keys.contains_key(key) {
                let temporary = image.access.get(&TemporaryAccess::Keys);
                accounts.extend(temporary.into_iter().flatten().cloned());
            }
        }
        accounts.retain(|account| !still_copies(account, key, steps, reclaimed));
        let mut kept = accounts.clone();
        kept.retain(|account| needs_otherwise(account, key, steps));
        revocable.insert(key, Revocable { accounts, kept });
    }
    revocable
}

/// Whether an account has another image under a key still to copy.
fn still_copies(
    account: &AccountId,
    key: &KeyArn,
    steps: &[&ReclaimAccess],
    reclaimed: &[ReclaimedImage<'_>],
) -> bool {
    let mut steps = steps.iter();
    steps.any(|step| {
        let is_copied = |image: &ReclaimedImage<'_>| {
            image.step.shared == step.shared && image.targets.contains(account)
        };
        let is_given = step.keys.contains_key(key) && step.accounts.contains(account);
        is_given && !reclaimed.iter().any(is_copied)
    })
}

/// Whether an account needs a key for something that it is not given for a time.
fn needs_otherwise(account: &AccountId, key: &KeyArn, steps: &[&ReclaimAccess]) -> bool {
    let principal = PolicyPrincipal::Account(account.clone());
    let mut steps = steps.iter().filter(|step| step.accounts.contains(account));
    steps.any(|step| {
        let temporary = step.keys.get(key);
        temporary.is_some_and(|temporary| temporary.kept.contains(&principal))
    })
}

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
                accounts.retain(|account| keys.keys().all(|key| revocable[key].contains(account)));
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
        revocable: &BTreeMap<&KeyArn, BTreeSet<AccountId>>,
        steps: &[&ReclaimAccess],
        reclaimed: &[ReclaimedImage<'_>],
    ) -> bool {
        let mut all_revoked = true;
        for (key, accounts) in revocable {
            if accounts.is_empty() {
                continue;
            }
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
            let mut remove = RemoveKeyAccess::new((*key).clone(), removal, under, reads);
            remove.expected = true;
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

/// The accounts that have each key for a time, and need it for nothing else any more.
fn revocable_keys<'a>(
    steps: &[&'a ReclaimAccess],
    reclaimed: &[ReclaimedImage<'_>],
) -> BTreeMap<&'a KeyArn, BTreeSet<AccountId>> {
    let mut revocable = BTreeMap::new();
    for key in steps.iter().flat_map(|step| step.keys.keys()) {
        let mut accounts = BTreeSet::new();
        for image in reclaimed {
            if image.step.keys.contains_key(key) {
                let temporary = image.access.get(&TemporaryAccess::Keys);
                accounts.extend(temporary.into_iter().flatten().cloned());
            }
        }
        accounts.retain(|account| !still_needs_key(account, key, steps, reclaimed));
        revocable.insert(key, accounts);
    }
    revocable
}

/// Whether an account must keep a key: to copy another image under it, or for something else.
fn still_needs_key(
    account: &AccountId,
    key: &KeyArn,
    steps: &[&ReclaimAccess],
    reclaimed: &[ReclaimedImage<'_>],
) -> bool {
    for step in steps {
        let Some(temporary) = step.keys.get(key) else {
            continue;
        };
        if !step.accounts.contains(account) {
            continue;
        }
        let is_copied = reclaimed
            .iter()
            .any(|image| image.step.shared == step.shared && image.targets.contains(account));
        let principal = PolicyPrincipal::Account(account.clone());
        if !is_copied || temporary.kept.contains(&principal) {
            return true;
        }
    }
    false
}

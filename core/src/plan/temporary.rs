//! Access that targets have only until their own copies are available.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::Planner;
use super::share::ShareSteps;
use super::step::{
    ForgetTemporaryAccess, KeyReads, LaunchPermission, ReclaimAccess, RemovePermissions,
    SharedImage, TemporaryKeyAccess,
};
use crate::diagnostic::FindingCode;
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region};
use crate::inventory::{Image, Key, Part, RegionInventory, SharedResource};
use crate::limits::TAGS_PER_RESOURCE;
use crate::policy::key_policy::PolicyPrincipal;
use crate::tags::temporary::{self, TemporaryAccess, TemporaryAccounts};

impl Planner<'_> {
    /// The temporary access of each shared image.
    pub(super) fn plan_reclaims(&mut self, steps: &ShareSteps) -> Vec<ReclaimAccess> {
        let mut reclaims = Vec::new();
        for launch in &steps.launches {
            let shared = &launch.shared;
            self.begin(Part::ImageIn(shared.source.clone(), shared.region.clone()));
            reclaims.push(self.plan_reclaim(launch, steps));
        }
        self.end_part();
        reclaims
    }

    fn plan_reclaim(&mut self, launch: &LaunchPermission, steps: &ShareSteps) -> ReclaimAccess {
        let shared = &launch.shared;
        let copies = steps.target_copies.iter();
        let copies = copies.filter(|copy| &copy.shared == shared);
        let accounts: BTreeSet<AccountId> = copies.map(|copy| copy.account.clone()).collect();

        // What this run gives, and what the image's tags record from earlier runs.
        let given = access_given(launch, steps, &accounts);
        let mut needed = !given.is_empty();
        if let Some(image) = self.existing_image(shared) {
            self.check_temporary_tags(image, shared, &given);
            let recorded = temporary::from_tags(&image.tags);
            needed |= recorded.values().any(|some| !some.is_disjoint(&accounts));
        }

        let mut keys = BTreeMap::new();
        for key in &launch.keys {
            let recorded = self.recorded_key_users(shared, &accounts);
            let others = self.other_shared_resources(key, &shared_images(steps));
            let access = self.temporary_key_access(key, &accounts, &recorded, &others);
            keys.insert(key.clone(), access);
        }
        ReclaimAccess {
            shared: shared.clone(),
            accounts,
            needed,
            given,
            keys,
        }
    }

    /// Warns of tags that look like records of temporary access, and that this tool did not write.
    pub(super) fn check_records(&mut self, image: &Image) {
        for key in temporary::unknown_records(&image.tags) {
            let message = format!(
                "the tag `{key}` has the name of a record of temporary access, and this tool did \
                 not write it so; whatever it names keeps its access"
            );
            let code = FindingCode::TemporaryAccessUnread;
            self.warn(code, &image.id, message);
        }
    }

    /// Whether the image has room for the tags that record temporary access.
    fn check_temporary_tags(
        &mut self,
        image: &Image,
        shared: &SharedImage,
        given: &TemporaryAccounts,
    ) {
        let more = temporary::to_tags(given).len();
        if image.tags.len() + more > TAGS_PER_RESOURCE {
            let message = format!(
                "`unshare-after-copy` records temporary access in {more} more tags of the image, \
                 and it can have {TAGS_PER_RESOURCE} in all"
            );
            let code = FindingCode::TemporaryAccessTooManyTags;
            self.refuse(code, &shared.source.ami, message);
        }
    }

    /// Those of the accounts that earlier runs gave the keys of an image for a time.
    fn recorded_key_users(
        &self,
        shared: &SharedImage,
        accounts: &BTreeSet<AccountId>,
    ) -> BTreeSet<AccountId> {
        let image = self.existing_image(shared);
        let recorded = image.map(|image| temporary::from_tags(&image.tags));
        let recorded = recorded.and_then(|mut recorded| recorded.remove(&TemporaryAccess::Keys));
        &recorded.unwrap_or_default() & accounts
    }

    /// Which accounts keep a key because something else needs it, and whether its policy is written
    /// for those of the `recorded` that do not.
    fn temporary_key_access(
        &self,
        arn: &KeyArn,
        accounts: &BTreeSet<AccountId>,
        recorded: &BTreeSet<AccountId>,
        others: &[SharedResource],
    ) -> TemporaryKeyAccess {
        let key = self.inventory.key(arn);
        let with_instances = key.map(Key::accounts_with_instances).unwrap_or_default();
        let mut kept = BTreeSet::new();
        for account in accounts {
            let principal = PolicyPrincipal::Account(account.clone());
            let mut others = others.iter();
            if others.any(|resource| resource.may_be_used_by(&principal))
                || with_instances.contains(account)
            {
                kept.insert(principal);
            }
        }
        let reads = key.map(|key| KeyReads::of(key, &self.request.options));
        let reads = reads.unwrap_or_default();
        let named = key.map(Key::granted_principals).unwrap_or_default();
        let mut recorded = recorded.iter().cloned().map(PolicyPrincipal::Account);
        let loses = |principal| named.contains(&principal) && !kept.contains(&principal);
        let writes_policy = reads.policy && recorded.any(loses);
        TemporaryKeyAccess {
            kept,
            reads,
            writes_policy,
        }
    }

    /// What an earlier run gave temporarily and this run makes permanent.
    pub(super) fn plan_permanent_access(
        &self,
        launches: &[LaunchPermission],
    ) -> Vec<ForgetTemporaryAccess> {
        let mut forgets = Vec::new();
        for launch in launches {
            let shared = &launch.shared;
            if let Some(region) = self.inventory.regions.get(&shared.region)
                && let Some(image) = self.existing_image(shared)
            {
                let mut accounts = recorded_accounts(image);
                accounts.retain(|account| {
                    let principal = Principal::Account(account.clone());
                    launch.principals.contains(&principal)
                });
                forgets.extend(forget(region, image, accounts));
            }
        }
        forgets
    }

    /// The records of temporary access that end because the access is revoked.
    pub(super) fn plan_forgets(
        &self,
        permissions: &[RemovePermissions],
    ) -> Vec<ForgetTemporaryAccess> {
        let mut forgets = Vec::new();
        for remove in permissions {
            if let Some(region) = self.inventory.regions.get(&remove.region)
                && let Some(image) = region.image(&remove.image)
            {
                let mut accounts = recorded_accounts(image);
                accounts.retain(|account| {
                    let principal = Principal::Account(account.clone());
                    remove.removal.includes(&principal)
                });
                forgets.extend(forget(region, image, accounts));
            }
        }
        forgets
    }
}

/// The images that a run shares, as far as they exist.
fn shared_images(steps: &ShareSteps) -> BTreeSet<(Region, AmiId)> {
    let mut images = BTreeSet::new();
    for launch in &steps.launches {
        let shared = &launch.shared;
        images.extend(shared.image.clone().map(|id| (shared.region.clone(), id)));
    }
    images
}

/// The accounts that have temporary access of any kind, as the tags of the image record.
fn recorded_accounts(image: &Image) -> BTreeSet<AccountId> {
    let recorded = temporary::from_tags(&image.tags);
    recorded.into_values().flatten().collect()
}

fn forget(
    region: &RegionInventory,
    image: &Image,
    accounts: BTreeSet<AccountId>,
) -> Option<ForgetTemporaryAccess> {
    if accounts.is_empty() {
        return None;
    }
    Some(ForgetTemporaryAccess {
        region: region.location.region.clone(),
        image: image.id.clone(),
        accounts,
    })
}

/// The access to an image that this run gives to accounts: what they do not have yet.
fn access_given(
    launch: &LaunchPermission,
    steps: &ShareSteps,
    accounts: &BTreeSet<AccountId>,
) -> TemporaryAccounts {
    let shared = &launch.shared;
    let (mut snapshots, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for permission in &steps.snapshots {
        if &permission.shared != shared {
            continue;
        }
        if shared.image.is_some() {
            snapshots.extend(permission.missing.values().flatten().cloned());
        } else {
            // The snapshots of a copy that does not exist yet are unknown: nobody has them.
            snapshots.extend(permission.accounts.iter().cloned());
        }
    }
    for access in &steps.key_accesses {
        if launch.keys.contains(&access.key) {
            keys.extend(accounts_of(&access.missing));
        }
    }
    for grants in &steps.grants {
        if &grants.shared == shared {
            keys.extend(grants.missing.iter().cloned());
        }
    }
    let mut given = TemporaryAccounts::new();
    for (kind, missing) in [
        (TemporaryAccess::Launch, accounts_of(&launch.missing)),
        (TemporaryAccess::Snapshots, snapshots),
        (TemporaryAccess::Keys, keys),
    ] {
        let missing = &missing & accounts;
        if !missing.is_empty() {
            given.insert(kind, missing);
        }
    }
    given
}

fn accounts_of(principals: &BTreeSet<Principal>) -> BTreeSet<AccountId> {
    let accounts = principals.iter().filter_map(Principal::account);
    accounts.cloned().collect()
}

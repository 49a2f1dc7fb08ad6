//! What still needs a key that a principal is to lose.

use std::collections::BTreeSet;

use super::planner::Planner;
use super::step::{KeyUsage, Removal};
use crate::diagnostic::names::first_names;
use crate::diagnostic::{Code, Finding, FindingCode};
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region};
use crate::inventory::{Image, ImageState, Key, Part, RegionInventory, SharedResource};
use crate::policy::key_policy::PolicyPrincipal;

impl Planner<'_> {
    /// What else is shared under a key than the images that lose permissions: by images that the
    /// request does not name, by those of it that are left out, and by what only a tag calls a
    /// copy. Of what could not be read, nobody knows whom it is shared with, so it counts for
    /// everybody.
    pub(super) fn other_shared_resources(
        &self,
        key: &KeyArn,
        losing: &BTreeSet<(Region, AmiId)>,
    ) -> Vec<SharedResource> {
        let others = self.inventory.other_shared_resources(key);
        let mut resources: Vec<SharedResource> = others.cloned().collect();
        let Some(region) = self.inventory.regions.get(key.region()) else {
            return resources;
        };
        for image in region.images.values().chain(&region.copies) {
            let place = (key.region().clone(), image.id.clone());
            if region.keys_of(image).contains(key) && !losing.contains(&place) {
                resources.extend(self.resources_of(region, image, key));
            }
        }
        for failure in &region.failures {
            match &failure.part {
                // One that does not exist needs no key.
                Part::Image(_, id)
                    if region.image(id).is_none() && failure.error.code != Code::ImageNotFound =>
                {
                    resources.push(self.resource_under(key, id, None));
                }
                Part::OtherShares(_) => {
                    let what = "what else the account shares";
                    resources.push(self.resource_under(key, what, None));
                }
                _ => {}
            }
        }
        resources
    }

    /// An image that keeps its permissions, and its snapshots.
    fn resources_of(
        &self,
        region: &RegionInventory,
        image: &Image,
        key: &KeyArn,
    ) -> Vec<SharedResource> {
        let mut resources = Vec::new();
        // Nobody can launch an image that is not available.
        if image.state == ImageState::Available
            || self.is_left_out(region, image, &region.keys_of(image))
        {
            let shared_with = region.launch_permissions.get(&image.id);
            resources.push(self.resource_under(key, &image.id, shared_with));
        }
        for id in image.snapshots() {
            if let Some(shared_with) = region.snapshot_permissions.get(id) {
                resources.push(self.resource_under(key, id, Some(shared_with)));
            }
        }
        resources
    }

    fn resource_under(
        &self,
        key: &KeyArn,
        id: impl ToString,
        shared_with: Option<&BTreeSet<Principal>>,
    ) -> SharedResource {
        let everybody = || {
            let mut principals = self.targets.clone();
            principals.insert(Principal::Public);
            principals
        };
        SharedResource {
            id: id.to_string(),
            keys: BTreeSet::from([key.clone()]),
            is_known: shared_with.is_some(),
            shared_with: shared_with.cloned().unwrap_or_else(everybody),
        }
    }

    /// What the principal uses the key for; `None` if nothing, or if it could not be checked.
    pub(super) fn key_usage(
        &self,
        key: &Key,
        with_instances: &BTreeSet<AccountId>,
        principal: &PolicyPrincipal,
        removal: &Removal,
    ) -> Option<KeyUsage> {
        let (instances, volumes) = match principal {
            PolicyPrincipal::Account(account) => {
                let usage = self.inventory.key_usage.get(account);
                let volumes = usage.and_then(|usage| usage.volumes.get(&key.arn));
                let volumes = volumes.cloned().unwrap_or_default();
                (with_instances.contains(account), volumes)
            }
            PolicyPrincipal::Organization(_) | PolicyPrincipal::Unit(_) => {
                let mut accounts = with_instances.clone();
                self.retain_possible_members(key, removal, &mut accounts);
                let instances = !accounts.is_empty();
                (instances, BTreeSet::new())
            }
        };
        let is_used = instances || !volumes.is_empty();
        is_used.then_some(KeyUsage { instances, volumes })
    }

    /// Of accounts whose instances use a key, those that may do so as members of an organization.
    /// AWS does not say which accounts belong to one, so every account counts that does not keep
    /// access.
    fn retain_possible_members(
        &self,
        key: &Key,
        removal: &Removal,
        accounts: &mut BTreeSet<AccountId>,
    ) {
        for other in key.granted_principals() {
            let is_account = matches!(other, PolicyPrincipal::Account(_));
            // The instances may belong to this other organization, which keeps access.
            if !is_account && !removal.includes_policy_principal(&other) {
                accounts.clear();
            }
        }
        let with_access = key.accounts_with_access();
        accounts.retain(|account| {
            let principal = Principal::Account(account.clone());
            let keeps_access = account == key.arn.account()
                || account == &self.inventory.account
                || (with_access.contains(account) && !removal.includes(&principal))
                || key.others_let_attach(account);
            !keeps_access
        });
    }

    /// Warns of what was not looked at before principals lose the key: their volumes and snapshots,
    /// which nobody could list, and what is shared with an organization of theirs.
    pub(super) fn warn_of_unknown_usage(&mut self, key: &KeyArn, losing: &[&PolicyPrincipal]) {
        let mut unknown = Vec::new();
        let mut unlisted = losing.to_vec();
        unlisted.retain(|principal| !self.has_complete_usage(principal));
        if !unlisted.is_empty() {
            unknown.push(format!(
                "whether volumes or snapshots of {} are under this key is not known",
                first_names(unlisted)
            ));
        }
        let region = self.inventory.regions.get(key.region());
        if !losing.is_empty()
            && region.is_some_and(|region| region.keys_with_unasked_images.contains(key))
        {
            unknown.push(format!(
                "whether an organization of {} may launch another image under this key was not \
                 asked, for there are many and no statement lets an organization use the key",
                first_names(losing)
            ));
        }
        if !unknown.is_empty() {
            self.warn(FindingCode::KeyUseUnknown, key, unknown.join("; "));
        }
    }

    fn has_complete_usage(&self, principal: &PolicyPrincipal) -> bool {
        let PolicyPrincipal::Account(account) = principal else {
            return false;
        };
        let usage = self.inventory.key_usage.get(account);
        usage.is_some_and(|usage| usage.errors.is_empty())
    }
}

/// The finding of a principal that keeps a key because something else under it is shared.
pub(crate) fn key_still_used(key: &KeyArn, principal: &PolicyPrincipal, other: &str) -> Finding {
    let message = format!(
        "{principal} keeps access to this key: {other}, which is encrypted under it, is shared \
         with it or with an organization"
    );
    Finding::warn(FindingCode::KeyStillUsed, key, message)
}

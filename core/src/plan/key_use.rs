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
        principal: &PolicyPrincipal,
        removal: &Removal,
    ) -> Option<KeyUsage> {
        let (instances, volumes) = match principal {
            PolicyPrincipal::Account(account) => {
                let usage = self.inventory.key_usage.get(account);
                let volumes = usage.and_then(|usage| usage.volumes.get(&key.arn));
                let volumes = volumes.cloned().unwrap_or_default();
                (key.has_instances_of(account), volumes)
            }
            PolicyPrincipal::Organization(_) | PolicyPrincipal::Unit(_) => {
                let instances = self.may_have_instances_of_members(key, removal);
                (instances, BTreeSet::new())
            }
        };
        let is_used = instances || !volumes.is_empty();
        is_used.then_some(KeyUsage { instances, volumes })
    }

    /// Whether instances of an organization's accounts may use the key. AWS does not say which
    /// accounts belong to an organization, so every account counts that does not keep access.
    fn may_have_instances_of_members(&self, key: &Key, removal: &Removal) -> bool {
        for other in key.granted_principals() {
            let is_account = matches!(other, PolicyPrincipal::Account(_));
            // The instances may belong to this other organization, which keeps access.
            if !is_account && !removal.includes_policy_principal(&other) {
                return false;
            }
        }
        let mut grants = key.known_grants().iter();
        grants.any(|grant| {
            let issuer = grant.issuer_account();
            grant.is_held_by_service()
                && issuer.is_some_and(|account| !self.keeps_key(key, &account, removal))
        })
    }

    /// Whether an account keeps access to the key, whatever organization it belongs to.
    fn keeps_key(&self, key: &Key, account: &AccountId, removal: &Removal) -> bool {
        let principal = Principal::Account(account.clone());
        account == key.arn.account()
            || account == &self.inventory.account
            || key.others_let_attach(account)
            || (key.grants_access_to(account) && !removal.includes(&principal))
    }

    /// Warns of principals that lose the key although nobody could list their volumes and
    /// snapshots.
    pub(super) fn warn_of_unknown_usage(&mut self, key: &KeyArn, losing: &[&PolicyPrincipal]) {
        let mut unknown = losing.to_vec();
        unknown.retain(|principal| !self.has_complete_usage(principal));
        if !unknown.is_empty() {
            let message = format!(
                "whether volumes or snapshots of {} are under this key is not known",
                first_names(unknown)
            );
            self.warn(FindingCode::KeyUseUnknown, key, message);
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

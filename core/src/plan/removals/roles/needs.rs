//! What needs the managed policy of launch roles once a revoke is done. What is not known may need
//! it.

use std::collections::BTreeSet;

use crate::diagnostic::names::first_names;
use crate::id::{AccountId, KeyArn, Principal, Region};
use crate::inventory::{Image, ImageState, RegionInventory};
use crate::plan::planner::Planner;
use crate::plan::step::RemovePermissions;

impl Planner<'_> {
    /// What an account may launch with the policy after the revoke, in words.
    pub(super) fn who_needs_launch_policy(
        &self,
        account: &AccountId,
        kept_keys: &[&KeyArn],
        permissions: &[RemovePermissions],
    ) -> Option<String> {
        let other = self.inventory.other_launches.get(account);
        let mut shared: BTreeSet<_> = other.into_iter().flat_map(|it| &it.shared).collect();
        let mut unread = BTreeSet::new();
        for region in self.inventory.regions.values() {
            for image in region.images.values().chain(&region.copies) {
                match may_launch(account, region, image, permissions) {
                    Some(true) => _ = shared.insert(&image.id),
                    Some(false) => {}
                    None => _ = unread.insert(format!("who may launch {}", image.id)),
                }
            }
        }
        if !shared.is_empty() {
            let images = first_names(shared);
            return Some(format!(
                "{images} may still be shared with it, and is launched with it"
            ));
        }
        if let Some(key) = kept_keys.first() {
            return Some(format!("it keeps {key}, which is used with it"));
        }
        if let Some(other) = other
            && !other.copies.is_empty()
        {
            let copies = first_names(&other.copies);
            return Some(format!("its own copies are launched with it: {copies}"));
        }
        let of_regions = self.unread_regions();
        unread.extend(of_regions.map(|region| format!("what is shared in {region}")));
        let errors = other.into_iter().flat_map(|other| &other.errors);
        unread.extend(errors.map(|error| error.without_remedy()));
        let unread = first_names(unread);
        (!unread.is_empty()).then(|| format!("whether something needs it is unknown: {unread}"))
    }

    /// The Regions of the run of which nothing could be read.
    fn unread_regions(&self) -> impl Iterator<Item = Region> {
        let mut regions = &self.request.regions() - &self.inventory.disabled_regions;
        regions.retain(|region| !self.inventory.regions.contains_key(region));
        regions.into_iter()
    }
}

/// Whether an account may launch an image of the run after the revoke: itself, or as one of an
/// organization. `None` if that is not known.
fn may_launch(
    account: &AccountId,
    region: &RegionInventory,
    image: &Image,
    permissions: &[RemovePermissions],
) -> Option<bool> {
    if image.state != ImageState::Available {
        return Some(false);
    }
    let granted = region.launch_permissions.get(&image.id)?;
    let mut removals = permissions.iter();
    let removal = removals.find(|remove| remove.image == image.id);
    let mut stays = granted
        .iter()
        .filter(|principal| !removal.is_some_and(|remove| remove.principals.contains(*principal)));
    Some(stays.any(|principal| match principal {
        Principal::Account(stays) => stays == account,
        _ => true,
    }))
}

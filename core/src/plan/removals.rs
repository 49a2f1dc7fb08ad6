//! What is revoked, and what stays because something else needs it.

mod copies;
mod former_members;
mod gone;
mod keys;
mod other_ways;
mod roles;

use std::collections::{BTreeMap, BTreeSet};

use self::copies::is_under_key_in_use;
use super::planner::Planner;
use super::step::{LaunchPermission, Removal, RemovePermissions, Step};
use crate::id::{Principal, SourceImage};
use crate::inventory::{Image, RegionInventory};

impl Planner<'_> {
    /// The steps that revoke access to each image and to the copies that this tool made of it.
    pub(super) fn plan_revoke(&mut self) -> Vec<Step> {
        let options = self.request.options.revoke.unwrap_or_default();
        let removal = if options.all {
            Removal::Everybody
        } else {
            Removal::These(self.targets.clone())
        };

        self.check_revoked_images();

        // 1. Permissions of images and copies; the copies themselves, if the request asks for that.
        let (mut permissions, mut copies) = (Vec::new(), Vec::new());
        for source in &self.request.images {
            for region in self.inventory.regions.values() {
                if let Some(image) = region.images.get(&source.ami)
                    && source.region == region.location.region
                    && !self.is_left_out(region, image, &region.keys_of(image))
                {
                    if let Some(granted) = region.launch_permissions.get(&image.id) {
                        self.check_public(&image.id, granted);
                    }
                    self.check_hidden_snapshots(region, image);
                    self.check_records(image);
                    permissions.push(permissions_to_remove(region, source, image, &removal));
                }
                for copy in self.find_copies(source, region) {
                    self.check_hidden_snapshots(region, copy);
                    self.check_records(copy);
                    let remove = permissions_to_remove(region, source, copy, &removal);
                    if options.copies {
                        copies.extend(self.plan_copy_removal(region, &remove));
                    }
                    permissions.push(remove);
                }
            }
        }

        // 2. The keys, and what depends on them in targets.
        let keys = self.plan_key_removals(&permissions, &BTreeSet::new(), &removal);
        self.check_gone_images(&keys);
        self.check_named_keys(&permissions, &keys);
        self.check_remaining_launchers(&permissions);
        self.check_former_members(&permissions, &keys);
        self.check_image_usage(&permissions, &keys, &mut copies);
        self.check_stale_principals_of_removals(&keys);
        let forgets = self.plan_forgets(&permissions);
        let roles = self.plan_role_policy_removals(&permissions, &keys, &removal);

        // 3. A copy stays while its key is in use: a later run finds the key by the copy only.
        copies.retain(|copy| !is_under_key_in_use(copy, &permissions, &keys));

        let mut steps = Vec::new();
        steps.extend(permissions.into_iter().map(Step::RemovePermissions));
        steps.extend(keys.into_iter().map(Step::RemoveKeyAccess));
        steps.extend(forgets.into_iter().map(Step::ForgetTemporaryAccess));
        steps.extend(roles.into_iter().map(Step::RemoveRolePolicy));
        steps.extend(copies.into_iter().map(Step::RemoveCopy));
        steps
    }

    /// The steps of a share that revoke the access of principals which the request does not list.
    pub(super) fn plan_unlisted_removals(&mut self, launches: &[LaunchPermission]) -> Vec<Step> {
        let mut listed = &self.targets | &self.request.options.listed_elsewhere;
        listed.insert(Principal::Account(self.inventory.account.clone()));
        let removal = Removal::AllBut(listed);

        let mut permissions = Vec::new();
        for launch in launches {
            let shared = &launch.shared;
            if let Some(region) = self.inventory.regions.get(&shared.region)
                && let Some(image) = self.existing_image(shared)
            {
                let remove = permissions_to_remove(region, &shared.source, image, &removal);
                permissions.push(remove);
            }
        }
        // A copy may be gone or not made yet, while the unlisted have its key.
        let shared_under = launches.iter().flat_map(|launch| &launch.keys).collect();
        let keys = self.plan_key_removals(&permissions, &shared_under, &removal);
        self.check_remaining_launchers(&permissions);
        self.check_image_usage(&permissions, &keys, &mut Vec::new());
        let forgets = self.plan_forgets(&permissions);

        let mut steps = Vec::new();
        steps.extend(permissions.into_iter().map(Step::RemovePermissions));
        steps.extend(keys.into_iter().map(Step::RemoveKeyAccess));
        steps.extend(forgets.into_iter().map(Step::ForgetTemporaryAccess));
        steps
    }
}

/// The permissions of an image that principals lose, if they have them.
pub(super) fn permissions_to_remove(
    region: &RegionInventory,
    source: &SourceImage,
    image: &Image,
    removal: &Removal,
) -> RemovePermissions {
    let granted = region.launch_permissions.get(&image.id);
    let (mut principals, mut remaining) = (BTreeSet::new(), BTreeSet::new());
    for principal in granted.into_iter().flatten() {
        if removal.includes(principal) {
            principals.insert(principal.clone());
        } else if principal.account().is_none() {
            remaining.insert(principal.clone());
        }
    }
    let mut snapshots = BTreeMap::new();
    for id in image.snapshots() {
        if let Some(granted) = region.snapshot_permissions.get(id) {
            let mut losing = granted.clone();
            losing.retain(|principal| removal.includes(principal));
            snapshots.insert(id.clone(), losing);
        }
    }
    RemovePermissions {
        source: source.clone(),
        region: region.location.region.clone(),
        image: image.id.clone(),
        keys: region.keys_of(image),
        removal: removal.clone(),
        principals,
        snapshots,
        remaining,
        name: image.name.clone(),
        launchers: granted.cloned(),
    }
}

//! What is revoked, and what stays because something else needs it.

mod gone;
mod keys;
mod other_ways;
mod roles;

use std::collections::{BTreeMap, BTreeSet};

use super::adopt;
use super::planner::Planner;
use super::step::{
    LaunchPermission, Removal, RemoveCopy, RemoveKeyAccess, RemovePermissions, Step,
};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AmiId, Principal, SourceImage};
use crate::inventory::{Image, RegionInventory};

pub(crate) use other_ways::image_still_shared;

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
                    permissions.push(permissions_to_remove(region, source, image, &removal));
                }
                for copy in copies_of(source, region) {
                    if self.is_left_out(region, copy, &region.keys_of(copy)) {
                        continue;
                    }
                    self.check_hidden_snapshots(region, copy);
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
        self.check_stale_principals_of_removals(&keys);
        let forgets = self.plan_forgets(&permissions);
        let roles = self.plan_role_policy_removals(&keys);

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
        let mut listed = self.targets.clone();
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
        let forgets = self.plan_forgets(&permissions);

        let mut steps = Vec::new();
        steps.extend(permissions.into_iter().map(Step::RemovePermissions));
        steps.extend(keys.into_iter().map(Step::RemoveKeyAccess));
        steps.extend(forgets.into_iter().map(Step::ForgetTemporaryAccess));
        steps
    }

    /// The removal of a copy, unless principals that are not revoked can still launch it.
    fn plan_copy_removal(
        &mut self,
        region: &RegionInventory,
        remove: &RemovePermissions,
    ) -> Option<RemoveCopy> {
        let granted = region.launch_permissions.get(&remove.image);
        let others = &granted.cloned().unwrap_or_default() - &remove.principals;
        if !others.is_empty() {
            self.add(copy_still_shared(&remove.image, &remove.source, &others));
            return None;
        }
        Some(RemoveCopy {
            source: remove.source.clone(),
            region: remove.region.clone(),
            image: remove.image.clone(),
        })
    }
}

/// The copies in a Region that this tool made of an image.
fn copies_of<'a>(
    source: &SourceImage,
    region: &'a RegionInventory,
) -> impl Iterator<Item = &'a Image> {
    let copies = region.copies.iter();
    copies.filter(move |copy| adopt::is_copy_of(copy, source, &region.location))
}

/// The permissions of an image that principals lose, if they have them.
fn permissions_to_remove(
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
    }
}

/// Whether somebody keeps a key of the copy because it is in use.
fn is_under_key_in_use(
    copy: &RemoveCopy,
    permissions: &[RemovePermissions],
    keys: &[RemoveKeyAccess],
) -> bool {
    let mut in_use = keys.iter().filter(|remove| !remove.in_use.is_empty());
    let Some(permission) = permissions.iter().find(|remove| remove.image == copy.image) else {
        return false;
    };
    in_use.any(|remove| permission.keys.contains(&remove.key))
}

/// The finding of a copy that is not removed because it is still shared.
pub(crate) fn copy_still_shared(
    copy: &AmiId,
    source: &SourceImage,
    with: &BTreeSet<Principal>,
) -> Finding {
    let names: Vec<String> = with.iter().map(ToString::to_string).collect();
    let message = format!(
        "this copy of {source} is still shared with {}, so it is kept",
        names.join(", ")
    );
    Finding::warn(FindingCode::CopyStillShared, copy, message)
}

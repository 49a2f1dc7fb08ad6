//! Copies that a revoke finds: those of this tool, whose permissions it removes, and if the request
//! asks for that, the copies themselves.

use crate::diagnostic::FindingCode;
use crate::diagnostic::names::first_names;
use crate::id::SourceImage;
use crate::inventory::{Image, ImageState, RegionInventory};
use crate::plan::own_copy;
use crate::plan::planner::Planner;
use crate::plan::remains::Remains;
use crate::plan::step::{RemoveCopy, RemoveKeyAccess, RemovePermissions};

impl Planner<'_> {
    /// The copies in a Region that this tool made of an image, without those that are left out.
    /// Others that only have the tag of a copy are somebody else's, and stay as they are.
    pub(super) fn find_copies<'b>(
        &mut self,
        source: &SourceImage,
        region: &'b RegionInventory,
    ) -> Vec<&'b Image> {
        let mut copies = Vec::new();
        for (image, doubt) in own_copy::called_copies(self.request, self.inventory, source, region)
        {
            if self.is_left_out(region, image, &region.keys_of(image)) {
                continue;
            }
            let Some(doubt) = doubt else {
                copies.push(image);
                continue;
            };
            let launchers = region.launch_permissions.get(&image.id);
            let launchers = launchers.filter(|launchers| !launchers.is_empty());
            let access = launchers.map(|launchers| {
                let names = first_names(launchers);
                format!("; it is still shared with {names}")
            });
            let so = format!("stays as it is{}", access.unwrap_or_default());
            let finding = own_copy::not_ours(image, source, doubt, &so);
            self.say_remains(Remains::NotOurs(image.id.clone(), finding));
        }
        copies
    }

    /// The removal of a copy, unless principals that are not revoked can still launch it or use its
    /// snapshots, or it is protected.
    pub(super) fn plan_copy_removal(
        &mut self,
        region: &RegionInventory,
        remove: &RemovePermissions,
    ) -> Option<RemoveCopy> {
        let granted = region.launch_permissions.get(&remove.image);
        let mut others = &granted.cloned().unwrap_or_default() - &remove.principals;
        for (snapshot, losing) in &remove.snapshots {
            let granted = region.snapshot_permissions.get(snapshot);
            others.extend(&granted.cloned().unwrap_or_default() - losing);
        }
        if !others.is_empty() {
            self.say_remains(Remains::Copy {
                copy: remove.image.clone(),
                source: remove.source.clone(),
                with: others,
            });
            return None;
        }
        let copy = region.image(&remove.image);
        let state = copy.map(|copy| &copy.state);
        if copy.is_some_and(|copy| copy.deregistration_protected) {
            let message = format!(
                "this copy of {} is protected from being deregistered, so it is kept",
                remove.source
            );
            self.warn(FindingCode::CopyProtected, &remove.image, message);
            return None;
        }
        Some(RemoveCopy {
            source: remove.source.clone(),
            region: remove.region.clone(),
            image: remove.image.clone(),
            is_unfinished: matches!(state, Some(ImageState::Pending | ImageState::Failed(_))),
        })
    }
}

/// Whether somebody keeps a key of the copy because it is in use.
pub(super) fn is_under_key_in_use(
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

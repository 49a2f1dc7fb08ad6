//! Images and copies of which AWS shows nothing, or not all, when access is revoked: which keys
//! they were under must be known, or those who lose them keep the keys.

use std::collections::BTreeSet;

use crate::diagnostic::FindingCode;
use crate::diagnostic::names::first_names;
use crate::id::{KeyArn, SourceImage};
use crate::inventory::{Image, ImageState, Part, RegionInventory};
use crate::plan::planner::Planner;
use crate::plan::step::{RemoveKeyAccess, RemovePermissions};

impl Planner<'_> {
    /// Warns of images that do not exist: which keys were looked at, and what may be left.
    pub(super) fn check_gone_images(&mut self, keys: &[RemoveKeyAccess]) {
        for image in &self.request.images {
            let Some(region) = self.inventory.regions.get(&image.region) else {
                continue;
            };
            if !region.gone.contains(&image.ami) {
                continue;
            }
            let mut looked_at: BTreeSet<_> = keys.iter().map(|remove| &remove.key).collect();
            looked_at.retain(|key| key.region() == &image.region);
            let looked_at = if looked_at.is_empty() {
                "which key it was under is not known, so no key was looked at".to_owned()
            } else {
                format!(
                    "what is left of it was looked for on these keys: {}",
                    first_names(&looked_at)
                )
            };
            let message = format!(
                "account {} has no such image in {} any more, so nobody can launch it; {looked_at}",
                region.location.account, image.region
            );
            self.warn(FindingCode::ImageGone, &image.ami, message);
        }
    }

    /// Leaves out an image whose snapshots AWS does not show: the key of each is not known, and
    /// those who lose the image would keep it. A key that the request names is looked at in any
    /// case.
    pub(in crate::plan) fn check_hidden_snapshots(
        &mut self,
        region: &RegionInventory,
        image: &Image,
    ) {
        let may_be_shared = matches!(image.state, ImageState::Available | ImageState::Disabled);
        if !may_be_shared || region.named_key.is_some() {
            return;
        }
        self.begin(Part::Image(
            region.location.region.clone(),
            image.id.clone(),
        ));
        for id in image.snapshots() {
            if !region.snapshots.contains_key(id) {
                let message = format!(
                    "AWS does not show this snapshot of {}, so which key it is under is not known, \
                     and access to that would stay; if you know it, name it as `kms-key-id`",
                    image.id
                );
                self.refuse(FindingCode::ImageSnapshotMissing, id, message);
            }
        }
        self.end_part();
    }

    /// Warns where nothing of an image is under the key that the request names: a copy may be gone,
    /// and those who could launch it still have its key.
    pub(super) fn check_named_keys(
        &mut self,
        permissions: &[RemovePermissions],
        keys: &[RemoveKeyAccess],
    ) {
        for source in &self.request.images {
            for region in self.request.regions_of(source) {
                let Some(inventory) = self.inventory.regions.get(&region) else {
                    continue;
                };
                let Some(key) = &inventory.named_key else {
                    continue;
                };
                let is_known = source.region == region && inventory.gone.contains(&source.ami);
                let is_looked_at = keys.iter().any(|remove| &remove.key == key);
                if is_known || !is_looked_at || is_under(key, source, permissions) {
                    continue;
                }
                let message = format!(
                    "neither {source} nor a copy of it in {region} is under this key, which the \
                     request names; access that is left of one was looked for on the key"
                );
                self.warn(FindingCode::ImageGone, key, message);
            }
        }
    }
}

/// Whether an image, or a copy of it in the key's Region, is under a key.
fn is_under(key: &KeyArn, source: &SourceImage, permissions: &[RemovePermissions]) -> bool {
    let mut of_source = permissions.iter().filter(|remove| &remove.source == source);
    of_source.any(|remove| remove.keys.contains(key))
}

//! Who is to launch an image, and to create volumes from its snapshots.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::Planner;
use super::step::{LaunchPermission, SharedImage, SnapshotPermission};
use crate::diagnostic::FindingCode;
use crate::diagnostic::names::first_names;
use crate::id::{AmiId, KeyArn, Principal};
use crate::inventory::{Image, RegionInventory};
use crate::limits::LAUNCH_PERMISSIONS_PER_IMAGE;
use crate::request::Unlisted;

impl Planner<'_> {
    /// Launch permission of `source`, or of its copy, for `principals`, which need these keys. All
    /// of them are targets. Accounts that have the permission of their organization get no other.
    pub(super) fn plan_launch_permission(
        &mut self,
        source: &Image,
        shared: &SharedImage,
        keys: BTreeSet<KeyArn>,
        principals: &BTreeSet<Principal>,
    ) -> LaunchPermission {
        let image_id = shared.image.as_ref();
        let region = self.inventory.regions.get(&shared.region);
        let granted = region.zip(image_id);
        let granted = granted.and_then(|(region, id)| region.launch_permissions.get(id));
        let granted = granted.cloned().unwrap_or_default();
        let principals = &(principals - &self.request.covered_accounts());
        if let Some(id) = image_id {
            self.check_public(id, &granted);
            self.check_excluded(id, &granted);
        }
        let missing = principals - &granted;
        let total = granted.len() + missing.len();
        if !missing.is_empty() && total > LAUNCH_PERMISSIONS_PER_IMAGE {
            // R1.7
            let message = format!(
                "in {} the image would be shared with {total} accounts and organizations, and \
                 without a raised quota AWS allows {LAUNCH_PERMISSIONS_PER_IMAGE}",
                shared.region
            );
            self.warn(FindingCode::ImageManyTargets, &shared.source.ami, message);
        }
        let mut unlisted = &granted - &self.targets;
        unlisted = &unlisted - &self.request.options.listed_elsewhere;
        unlisted.remove(&Principal::Account(self.inventory.account.clone()));
        let image = self.existing_image(shared);
        LaunchPermission {
            shared: shared.clone(),
            name: image.map(|image| image.name.clone()),
            architecture: source.architecture.clone(),
            keys,
            missing,
            unlisted,
            principals: principals.clone(),
        }
    }

    /// Whether the accounts of an organization are known, and are targets themselves.
    fn is_listed(&self, principal: &Principal) -> bool {
        let mut listed = self.request.listed_organizations().iter();
        listed.any(|listed| listed.organization == *principal)
    }

    /// Warns of an organization or unit that can launch an image as a whole, from an earlier share,
    /// where accounts are to be left out.
    fn check_excluded(&mut self, id: &AmiId, granted: &BTreeSet<Principal>) {
        let Some(excluded) = self.request.excluded_accounts() else {
            return;
        };
        let options = &self.request.options;
        let is_revoked = options.unlisted == Unlisted::Revoke;
        let mut wide = granted.clone();
        wide.retain(|one| {
            let stays = !is_revoked || options.listed_elsewhere.contains(one);
            one.organization().is_some() && stays
        });
        if !wide.is_empty() {
            let message = format!(
                "the image is shared with {} as a whole, so accounts that belong there can launch \
                 it, also those that are to be left out: {}",
                first_names(&wide),
                first_names(excluded)
            );
            self.warn(FindingCode::OrganizationSharedBefore, id, message);
        }
    }

    /// Warns of an image that everybody can launch.
    pub(super) fn check_public(&mut self, id: &AmiId, granted: &BTreeSet<Principal>) {
        if granted.contains(&Principal::Public) {
            let message =
                "everybody can launch this image, also accounts that it is not shared with";
            self.warn(FindingCode::ImagePublic, id, message);
        }
    }

    /// Permission to create volumes from the image's snapshots, if the request asks for it. Only
    /// accounts can have it (R2.15).
    pub(super) fn plan_snapshot_permission(
        &mut self,
        region: &RegionInventory,
        shared: &SharedImage,
        principals: &BTreeSet<Principal>,
    ) -> Option<SnapshotPermission> {
        if !self.request.options.shares_snapshots() {
            return None;
        }
        let mut accounts = BTreeSet::new();
        let mut organizations = Vec::new();
        for principal in principals {
            if let Principal::Account(account) = principal {
                accounts.insert(account.clone());
            } else if principal.organization().is_some() && !self.is_listed(principal) {
                organizations.push(principal.to_string());
            }
        }
        if !organizations.is_empty() {
            let message = format!(
                "snapshots cannot be shared with {}, so its accounts can launch the image but not \
                 copy it",
                organizations.join(", ")
            );
            self.warn(
                FindingCode::SnapshotOrganization,
                &shared.source.ami,
                message,
            );
        }
        let mut missing = BTreeMap::new();
        let image = shared.image.as_ref().and_then(|id| region.image(id));
        for snapshot in image.into_iter().flat_map(|image| image.snapshots()) {
            let mut lacking = accounts.clone();
            let granted = region.snapshot_permissions.get(snapshot);
            for account in granted.into_iter().flatten().filter_map(Principal::account) {
                lacking.remove(account);
            }
            if !lacking.is_empty() {
                missing.insert(snapshot.clone(), lacking);
            }
        }
        Some(SnapshotPermission {
            shared: shared.clone(),
            accounts,
            missing,
        })
    }
}

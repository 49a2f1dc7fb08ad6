//! Who shall be able to launch an image, and to make volumes of its snapshots.

use std::collections::{BTreeMap, BTreeSet};

use super::step::{LaunchPermission, SharedImage, SnapshotPermission, Step};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AccountId, AmiId, KeyArn, Principal};
use crate::inventory::RegionInventory;
use crate::limits::LAUNCH_PERMISSIONS_PER_IMAGE;
use crate::request::ShareRequest;

pub(super) fn launch(
    account: &AccountId,
    there: &RegionInventory,
    shared: &SharedImage,
    keys: BTreeSet<KeyArn>,
    targets: &BTreeSet<Principal>,
    listed: &BTreeSet<Principal>,
    findings: &mut Vec<Finding>,
) -> LaunchPermission {
    let held = shared
        .image
        .as_ref()
        .and_then(|id| there.launch_permissions.get(id))
        .cloned()
        .unwrap_or_default();
    let unlisted = held
        .difference(listed)
        .filter(|principal| principal.account() != Some(account));
    let missing: BTreeSet<Principal> = targets.difference(&held).cloned().collect();
    let together = held.len() + missing.len();
    if !missing.is_empty() && together > LAUNCH_PERMISSIONS_PER_IMAGE {
        findings.push(Finding::warn(
            FindingCode::ImageManyTargets,
            &shared.source.ami,
            format!(
                "in {} the image would be shared with {together} accounts and organizations, and \
                 without a raised quota AWS allows {LAUNCH_PERMISSIONS_PER_IMAGE} (R1.7)",
                shared.region
            ),
        ));
    }
    LaunchPermission {
        shared: shared.clone(),
        keys,
        missing,
        unlisted: unlisted.cloned().collect(),
        principals: targets.clone(),
    }
}

/// Snapshot permissions, where they are asked for. They are for accounts only (R2.15).
pub(super) fn snapshots(
    request: &ShareRequest,
    there: &RegionInventory,
    shared: &SharedImage,
    targets: &BTreeSet<Principal>,
    findings: &mut Vec<Finding>,
) -> Option<Step> {
    if !request.options.shares_snapshots() {
        return None;
    }
    let accounts: BTreeSet<AccountId> = targets
        .iter()
        .filter_map(Principal::account)
        .cloned()
        .collect();
    let organizations: Vec<String> = targets
        .iter()
        .filter(|target| target.organization().is_some())
        .map(ToString::to_string)
        .collect();
    if !organizations.is_empty() {
        findings.push(Finding::warn(
            FindingCode::SnapshotOrganization,
            &shared.source.ami,
            format!(
                "snapshots cannot be shared with {} (R2.15), so its accounts can launch the image \
                 but not copy it",
                organizations.join(", ")
            ),
        ));
    }
    let image = shared.image.as_ref().and_then(|id| find(there, id));
    let mut missing = BTreeMap::new();
    for snapshot in image.into_iter().flat_map(|image| image.snapshots()) {
        let held = there.snapshot_permissions.get(snapshot);
        let holds = |account: &&AccountId| {
            held.is_some_and(|held| held.contains(&Principal::Account((*account).clone())))
        };
        let lacking: BTreeSet<AccountId> = accounts
            .iter()
            .filter(|account| !holds(account))
            .cloned()
            .collect();
        if !lacking.is_empty() {
            missing.insert(snapshot.clone(), lacking);
        }
    }
    Some(Step::SnapshotPermission(SnapshotPermission {
        shared: shared.clone(),
        accounts,
        missing,
    }))
}

fn find<'a>(there: &'a RegionInventory, id: &AmiId) -> Option<&'a crate::inventory::Image> {
    there
        .images
        .get(id)
        .or_else(|| there.copies.iter().find(|copy| &copy.id == id))
}

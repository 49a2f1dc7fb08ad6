//! Checks the permissions of a shared image, and whether the target sees it.

use std::collections::BTreeSet;

use super::ImageInTarget;
use crate::id::{AmiId, Principal};
use crate::plan::Step;
use crate::report::{Check, CheckName};
use crate::verify::evidence::{SharedImageEvidence, TargetEvidence};

/// The launch permission: for the account, or for an organization that it may belong to.
pub(super) fn check_launch_permission(
    image: ImageInTarget<'_>,
    image_id: &AmiId,
    shared: &SharedImageEvidence,
) -> Check {
    let (name, account) = (CheckName::LaunchPermission, image.account);
    if names_account(image, &shared.launch_permissions) {
        return Check::yes(name, format!("{image_id} is shared with {account}"));
    }
    let is_visible = image
        .target_evidence()
        .map(|target| target.image(image_id).is_some());
    match (is_shared_widely(shared), is_visible) {
        (true, Some(true)) => Check::yes(
            name,
            format!("{image_id} is shared with an organization, and the target sees it"),
        ),
        (true, None) => Check::unknown(
            name,
            format!(
                "{image_id} is shared with an organization; whether {account} belongs to it was \
                 not checked"
            ),
        ),
        _ => Check::no(
            name,
            format!("{image_id} is not shared with {account}: add launch permission"),
        ),
    }
}

/// Whether the target sees the image.
pub(super) fn check_visible(
    image: ImageInTarget<'_>,
    image_id: &AmiId,
    shared: &SharedImageEvidence,
    target: &TargetEvidence,
) -> Check {
    let (name, account) = (CheckName::Visible, image.account);
    if target.image(image_id).is_some() {
        Check::yes(name, format!("{account} sees {image_id}"))
    } else if names_account(image, &shared.launch_permissions) {
        let detail = format!(
            "{account} does not see {image_id}, which is shared with it: look whether Allowed AMIs \
             there hide it; if it was shared only minutes ago, verify again"
        );
        Check::no(name, detail)
    } else {
        let detail = format!("{account} does not see {image_id}: see launch permission");
        Check::no(name, detail)
    }
}

/// The permission to make volumes of the snapshots, which a target needs that copies; a launch does
/// not (R2.14).
pub(super) fn check_snapshots(
    image: ImageInTarget<'_>,
    shared: &SharedImageEvidence,
) -> Option<Check> {
    let is_planned = image.plan.steps.iter().any(|step| match step {
        Step::SnapshotPermission(permission) => permission.accounts.contains(image.account),
        _ => false,
    });
    if !is_planned {
        return None;
    }
    let mut missing = Vec::new();
    for (snapshot, principals) in &shared.snapshot_permissions {
        if !names_account(image, principals) && !principals.contains(&Principal::Public) {
            missing.push(snapshot.as_str());
        }
    }
    let (name, account) = (CheckName::Snapshots, image.account);
    let mut copies = image.plan.target_copies();
    if !missing.is_empty() && !copies.any(|copy| copy.account == *account) {
        return None;
    }
    Some(if missing.is_empty() {
        let count = shared.snapshot_permissions.len();
        Check::yes(name, format!("{count} snapshots are shared"))
    } else {
        let missing = missing.join(", ");
        Check::no(
            name,
            format!("not shared with {account}, so it cannot copy: {missing}"),
        )
    })
}

fn names_account(image: ImageInTarget<'_>, principals: &BTreeSet<Principal>) -> bool {
    principals.contains(&Principal::Account(image.account.clone()))
}

/// Whether the image is shared with more than single accounts.
fn is_shared_widely(shared: &SharedImageEvidence) -> bool {
    let mut principals = shared.launch_permissions.iter();
    principals.any(|principal| principal.account().is_none())
}

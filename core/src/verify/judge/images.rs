//! Judges an image: the one that is shared, or the target's own copy of it.

use super::ImageInTarget;
use super::allowed_images::check_allowed_images;
use super::instance_role::check_instance_role;
use super::key_operations::{check_key_access, operations_on_image_keys, operations_on_own_keys};
use super::keys::{VolumeKey, check_default_key, check_key_state};
use super::launchers::check_launcher_iam;
use super::permissions::{check_launch_permission, check_snapshots, check_visible};
use super::service_roles::check_service_roles;
use crate::diagnostic::Error;
use crate::id::AmiId;
use crate::inventory::{Image, ImageState, Snapshot};
use crate::report::{Check, CheckName, Verification};
use crate::verify::evidence::{SharedImageEvidence, TargetEvidence};

/// Every check of one image in one target.
pub(super) fn judge_image(image: ImageInTarget<'_>) -> Verification {
    let mut checks = vec![check_role(image.target())];
    let launched = if image.planned_copy().is_some() {
        judge_own_copy(image, &mut checks)
    } else if let Some(error) = error_hiding_copy(image) {
        checks.push(Check::unknown(
            CheckName::Image,
            format!("whether the target has its own copy could not be checked: {error}"),
        ));
        None
    } else if let Some((image_id, shared)) = image.shared_image() {
        judge_shared_image(image, image_id, shared, &mut checks);
        Some(image_id.clone())
    } else {
        let detail = "there is no image to launch yet: run `mode: share`";
        checks.push(Check::no(CheckName::Image, detail));
        None
    };
    let (source, region) = (image.source(), image.region());
    Verification::new(image.account, region, source, launched, checks)
}

/// The error for which it is unknown whether a target that is to copy has done so.
fn error_hiding_copy(image: ImageInTarget<'_>) -> Option<&Error> {
    if !image.plan.request.options.in_targets.copies() {
        return None;
    }
    let mut errors = image.plan.errors.iter();
    errors.find(|error| error.account.as_ref() == Some(image.account))
}

fn check_role(target: Option<&Result<TargetEvidence, Error>>) -> Check {
    let name = CheckName::Role;
    match target {
        None => Check::unknown(
            name,
            "no `target-role` is given, so nothing in the target is checked",
        ),
        Some(Ok(_)) => Check::yes(name, "the role in the target was assumed"),
        // That the launchers cannot launch does not follow.
        Some(Err(error)) => Check::unread(name, error),
    }
}

/// The checks of a shared image: it needs permissions and keys of the source account.
fn judge_shared_image(
    image: ImageInTarget<'_>,
    image_id: &AmiId,
    shared: &Result<SharedImageEvidence, Error>,
    checks: &mut Vec<Check>,
) {
    let shared = match shared {
        Ok(shared) => shared,
        Err(error) => {
            checks.push(Check::yes(CheckName::Image, image_id.to_string()));
            for name in [
                CheckName::LaunchPermission,
                CheckName::KeyState,
                CheckName::KeyAccess,
            ] {
                checks.push(Check::unread(name, error));
            }
            return;
        }
    };
    checks.push(check_state(
        &shared.image,
        &shared.snapshots,
        "",
        "build it again",
    ));
    let target = image.target_evidence();

    // 1. The target may launch the image, sees it, and may read its snapshots.
    checks.push(check_launch_permission(image, image_id, shared));
    if let Some(target) = target {
        checks.push(check_allowed_images(image, image_id, shared, target));
        checks.push(check_visible(image, image_id, shared, target));
    }
    checks.extend(check_snapshots(image, shared));

    // 2. The keys of the image let the launchers use them.
    checks.push(check_key_state(&shared.keys));
    let launchers = image.launchers();
    let mut operations = operations_on_image_keys(&shared.keys);
    let name = CheckName::KeyAccess;
    checks.push(check_key_access(name, &operations, &launchers));

    // 3. The launchers may launch, and use the keys of the image and of the new volumes.
    let Some(target) = target else {
        for name in [CheckName::LauncherIam, CheckName::DefaultKey] {
            let detail = "no role in the target was assumed, so nothing there was checked";
            checks.push(Check::unknown(name, detail));
        }
        return;
    };
    let volume_key = VolumeKey::of_shared(shared, target);
    operations.extend(volume_key.operations());
    checks.push(check_launcher_iam(image, image_id, &operations, volume_key));
    checks.push(check_default_key(image, volume_key, &launchers));
    checks.extend(check_service_roles(image, &operations, target, volume_key));
}

/// The checks of a target's own copy, which needs nothing of the source any more (R4.13).
fn judge_own_copy(image: ImageInTarget<'_>, checks: &mut Vec<Check>) -> Option<AmiId> {
    if let Some(Err(error)) = image.target() {
        checks.push(Check::unread(CheckName::Image, error));
        return None;
    }
    let target = image.target_evidence();
    let copy = target.and_then(|target| Some((target, target.image(image.own_copy()?)?)));
    let Some((target, copy)) = copy else {
        if let Some(id) = image.own_copy() {
            let detail = format!("AWS does not show {id}, the target's own copy, at the moment");
            checks.push(Check::unknown(CheckName::Image, detail));
            return Some(id.clone());
        }
        let detail = "the target has no copy of its own yet: `mode: share` makes one";
        checks.push(Check::no(CheckName::Image, detail));
        return None;
    };
    let snapshots = target.own_snapshots.get(&copy.id);
    let snapshots = snapshots.map(Vec::as_slice).unwrap_or_default();
    let again = "`mode: share` makes a new one";
    checks.push(check_state(copy, snapshots, ", its own copy,", again));

    let keys = target.own_keys.get(&copy.id);
    let keys = keys.map(Vec::as_slice).unwrap_or_default();
    checks.push(check_key_state(keys));
    let mut operations = operations_on_own_keys(keys);
    let launchers = image.launchers();
    let name = CheckName::KeyAccess;
    let check = check_key_access(name, &operations, &launchers);
    checks.push(check_instance_role(check, image.account, keys));

    let volume_key = VolumeKey::of_own(copy, target);
    operations.extend(volume_key.operations());
    checks.push(check_launcher_iam(image, &copy.id, &operations, volume_key));
    if !matches!(volume_key, VolumeKey::None) {
        checks.push(check_default_key(image, volume_key, &launchers));
    }
    checks.extend(check_service_roles(image, &operations, target, volume_key));
    Some(copy.id.clone())
}

/// Whether the image can be used as it is: EC2 launches no image that is disabled, or whose
/// snapshots are archived (R7.31). `again` is how to make it anew.
fn check_state(image: &Image, snapshots: &[Snapshot], what: &str, again: &str) -> Check {
    let (name, id) = (CheckName::Image, &image.id);
    let mut archived = Vec::new();
    for snapshot in snapshots.iter().filter(|snapshot| snapshot.archived) {
        archived.push(snapshot.id.as_ref());
    }
    let restore = format!("restore {} (RestoreSnapshotTier)", archived.join(", "));
    let problem = match &image.state {
        ImageState::Available if archived.is_empty() => {
            return Check::yes(name, format!("{id}{what} is available"));
        }
        ImageState::Available => format!("has archived snapshots: {restore}"),
        ImageState::Disabled if archived.is_empty() => {
            "is disabled: enable it (EnableImage), and run `mode: share` again".to_owned()
        }
        ImageState::Disabled => format!(
            "is disabled: {restore}, then enable it (EnableImage), and run `mode: share` again"
        ),
        ImageState::Pending => "is still being made: wait for it".to_owned(),
        ImageState::Failed(state) => format!("is in state `{state}`: {again}"),
        ImageState::Deregistered => format!("is deregistered: {again}"),
    };
    Check::no(name, format!("{id}{what} {problem}"))
}

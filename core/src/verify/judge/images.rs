//! Judges an image: the one that is shared, or the target's own copy of it.

use super::ImageInTarget;
use super::key_operations::{check_key_access, operations_on_image_keys, operations_on_own_keys};
use super::keys::{check_default_key, check_key_state, check_service_grants};
use super::launchers::check_launcher_iam;
use super::permissions::{
    check_allowed_images, check_launch_permission, check_snapshots, check_visible,
};
use crate::diagnostic::Error;
use crate::id::AmiId;
use crate::inventory::ImageState;
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
        Some(Err(error)) => Check::no(name, error.to_string()),
    }
}

/// The checks of a shared image: it needs permissions and keys of the source account.
fn judge_shared_image(
    image: ImageInTarget<'_>,
    image_id: &AmiId,
    shared: &Result<SharedImageEvidence, Error>,
    checks: &mut Vec<Check>,
) {
    checks.push(Check::yes(CheckName::Image, image_id.to_string()));
    let shared = match shared {
        Ok(shared) => shared,
        Err(error) => {
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
    let target = image.target_evidence();

    // 1. The target may launch the image, sees it, and may read its snapshots.
    checks.push(check_launch_permission(image, image_id, shared));
    if let Some(target) = target {
        checks.push(check_allowed_images(image, image_id, shared, target));
        checks.push(check_visible(image, image_id, target));
    }
    checks.extend(check_snapshots(image, shared));

    // 2. The keys of the image let the launchers use them.
    checks.push(check_key_state(&shared.keys));
    let launchers = image.launchers();
    let mut operations = operations_on_image_keys(&shared.keys);
    let name = CheckName::KeyAccess;
    checks.push(check_key_access(
        name,
        &operations,
        &launchers,
        image.region(),
    ));

    // 3. The launchers may launch, and use the keys of the image and of the new volumes.
    let Some(target) = target else {
        for name in [CheckName::LauncherIam, CheckName::DefaultKey] {
            let detail = "no role in the target was assumed, so nothing there was checked";
            checks.push(Check::unknown(name, detail));
        }
        return;
    };
    let (default_key, on_default_key) = check_default_key(image, shared, target, &launchers);
    operations.extend(on_default_key);
    checks.push(check_launcher_iam(image, image_id, &operations, target));
    checks.push(default_key);
    checks.extend(check_service_grants(image, &shared.keys));
}

/// The checks of a target's own copy, which needs nothing of the source any more (R4.13).
fn judge_own_copy(image: ImageInTarget<'_>, checks: &mut Vec<Check>) -> Option<AmiId> {
    let name = CheckName::Image;
    let target = image.target_evidence();
    let copy = target.and_then(|target| Some((target, target.images.get(image.own_copy()?)?)));
    let Some((target, copy)) = copy else {
        let detail = "the target has no copy of its own yet: run `mode: share`";
        checks.push(Check::no(name, detail));
        return None;
    };
    checks.push(if copy.state == ImageState::Available {
        Check::yes(name, format!("{}, its own copy", copy.id))
    } else {
        let id = &copy.id;
        Check::no(
            name,
            format!("its own copy {id} is not available: wait for it, or run `mode: share`"),
        )
    });

    let keys = target.own_keys.get(&copy.id);
    let keys = keys.map(Vec::as_slice).unwrap_or_default();
    checks.push(check_key_state(keys));
    let operations = operations_on_own_keys(keys);
    let name = CheckName::KeyAccess;
    checks.push(check_key_access(
        name,
        &operations,
        &image.launchers(),
        image.region(),
    ));
    checks.push(check_launcher_iam(image, &copy.id, &operations, target));
    checks.extend(check_service_grants(image, keys));
    Some(copy.id.clone())
}

//! Changes of the launch permission of an image, and what refuses them (R2).

use super::permission_change::{Item, PermissionChange};
use super::sharing::settings_of;
use super::{dry_run, ids, return_true};
use crate::services::Request;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{Image, World};

/// One call names at most this many recipients (R6.8).
const MOST_RECIPIENTS: usize = 10_000;
/// Quotas, each of which can be raised (R1.7).
const SHARES_OF_IMAGE: usize = 1_000;
const PUBLIC_IMAGES: usize = 5;

pub(super) fn share(
    world: &mut World,
    query: &Query,
    id: &str,
    change: &PermissionChange,
    request: &Request<'_>,
) -> Outcome {
    let image = ids::own_image(world, id, request)?;
    check_form(change)?;
    check_keys(world, image, change)?;
    if change.makes_public() {
        check_public(world, image, request)?;
    }
    check_quota(image, change, request)?;
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        // Adding a name that is there and removing one that is not both succeed (R2.3).
        for item in &change.add {
            image.launch_permissions.add(item.name.clone(), request.now);
        }
        for item in &change.remove {
            image.launch_permissions.remove(&item.name);
        }
    }
    Ok(return_true())
}

fn check_form(change: &PermissionChange) -> Result<(), Fail> {
    if change.is_empty() {
        // As for snapshots, of which it is recorded.
        let message = "No operation specified for launchPermission attribute.";
        return Err(Fail::bad("InvalidParameterCombination", message));
    }
    if let Some(Item { kind, name }) = change.items().find(|item| !item.is_well_formed()) {
        let kind = match kind.as_str() {
            "UserId" => "userId",
            "Group" => "UserGroup",
            other => other,
        };
        // EC2's message has a blank before the closing quote (R2.17).
        let message = format!("Invalid attribute item value \"{name} \" for {kind} item type.");
        return Err(Fail::bad("InvalidAMIAttributeItemValue", message));
    }
    if change.items().count() > MOST_RECIPIENTS {
        let message = "You can specify at most 10000 account IDs in one request.";
        return Err(Fail::invalid_value(message));
    }
    Ok(())
}

/// An image under an AWS managed key cannot be shared (R2.9).
fn check_keys(world: &World, image: &Image, change: &PermissionChange) -> Result<(), Fail> {
    let to_others = change.add.iter().any(|item| item.name != image.owner);
    for key in world.keys_of(image) {
        let aws_managed = world.keys.get(key).is_some_and(|key| key.aws_managed);
        if to_others && aws_managed {
            let message = "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify \
                           another snapshot.";
            return Err(Fail::bad("InvalidParameter", message));
        }
    }
    Ok(())
}

/// An image cannot be public if it is encrypted (R2.11), of the Marketplace (R2.12), has a
/// watermark (R7.13), is blocked by the account (R2.13), or is one more than the quota (R1.7).
fn check_public(world: &World, image: &Image, request: &Request<'_>) -> Result<(), Fail> {
    if !world.keys_of(image).is_empty() {
        let message = "Encrypted snapshots can't be shared publicly. Specify another snapshot.";
        return Err(Fail::bad("UnsupportedOperation", message));
    }
    if !image.product_codes.is_empty() {
        // AWS's words are not known.
        let message = "Images with product codes cannot be made public.";
        return Err(Fail::bad("UnsupportedOperation", message));
    }
    if !image.watermarks.is_empty() {
        // AWS's words are not known.
        let message = "Images with watermarks cannot be made public.";
        return Err(Fail::bad("UnsupportedOperation", message));
    }
    if settings_of(world, request).is_some_and(|settings| settings.block_public_images) {
        let message = "You can't publicly share this image because block public access for AMIs is \
                       enabled for this account. To publicly share the image, you must call the \
                       DisableImageBlockPublicAccess API.";
        return Err(Fail::bad("OperationNotPermitted", message));
    }
    let is_public = |other: &&Image| {
        other.owner == image.owner && other.region == image.region && other.is_public()
    };
    let public_images = world.images.values().filter(is_public).count();
    if request.options.quotas && public_images >= PUBLIC_IMAGES {
        let message = "You have reached your quota of 5 for the number of public images allowed in \
                       this Region. Deregister unused public images or make them private, or \
                       request an increase in your public AMIs quota.";
        return Err(Fail::bad("ResourceLimitExceeded", message));
    }
    Ok(())
}

fn check_quota(
    image: &Image,
    change: &PermissionChange,
    request: &Request<'_>,
) -> Result<(), Fail> {
    let permissions = &image.launch_permissions;
    let is_new = |item: &&Item| !permissions.contains(&item.name);
    let added = change.add.iter().filter(is_new).count();
    if request.options.quotas && permissions.len() + added > SHARES_OF_IMAGE {
        // The code is not known (R1.7): this is that of the quota on public images.
        let message = "You have reached your quota of 1000 for the number of entities that an \
                       image can be shared with.";
        return Err(Fail::bad("ResourceLimitExceeded", message));
    }
    Ok(())
}

//! Attributes of images, of which launch permission matters most (R2).

use super::authorize::{authorize, authorize_image, image_resource};
use super::permission_change::{Item, PermissionChange};
use super::sharing::settings_of;
use super::{dry_run, ids, lifecycle, return_true};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, World};

/// Attributes that every image has, and that are empty here.
const EMPTY: [&str; 7] = [
    "bootMode",
    "kernel",
    "lastLaunchedTime",
    "ramdisk",
    "sriovNetSupport",
    "tpmSupport",
    "uefiData",
];
/// One call names at most this many recipients (R6.8).
const MOST_RECIPIENTS: usize = 10_000;
/// Quotas, each of which can be raised (R1.7).
const SHARES_OF_IMAGE: usize = 1_000;
const PUBLIC_IMAGES: usize = 5;

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    let attribute = query.need("Attribute")?;
    authorize_image(world, id, "ec2:DescribeImageAttribute", request)?;
    let image = ids::own_image(world, id, request)?;
    dry_run(query)?;
    let answer = match attribute {
        "launchPermission" => launch_permission(image),
        "description" => {
            let text = Some(image.description.as_str()).filter(|text| !text.is_empty());
            value_element("description", text)
        }
        "imdsSupport" => value_element("imdsSupport", image.imds_support.as_deref()),
        "deregistrationProtection" => {
            let protection = lifecycle::protection(image, request);
            value_element("deregistrationProtection", Some(protection))
        }
        "productCodes" => product_codes(image),
        // Deprecated, and closed to every caller (R2.5).
        "blockDeviceMapping" => {
            let message = "Unauthorized attempt to access restricted resource";
            return Err(Fail::bad("AuthFailure", message));
        }
        other => match EMPTY.iter().find(|name| **name == other) {
            Some(name) => Element::new(*name),
            None => return Err(invalid_request()),
        },
    };
    Ok(Body::Xml(vec![Element::of("imageId", id), answer]))
}

fn value_element(name: &'static str, value: Option<&str>) -> Element {
    Element::new(name).children(Element::optional("value", value))
}

fn launch_permission(image: &Image) -> Element {
    let mut items = Vec::new();
    for name in image.launch_permissions.iter() {
        let kind = match name {
            "all" => "group",
            arn if arn.contains(":organization/") => "organizationArn",
            arn if arn.contains(":ou/") => "organizationalUnitArn",
            _ => "userId",
        };
        items.push(vec![Element::of(kind, name)]);
    }
    Element::list("launchPermission", items)
}

/// The product codes of an image, all of the Marketplace.
pub(super) fn product_codes(image: &Image) -> Element {
    let mut items = Vec::new();
    for code in &image.product_codes {
        items.push(vec![
            Element::of("productCode", code),
            Element::of("type", "marketplace"),
        ]);
    }
    Element::list("productCodes", items)
}

/// The answer to an attribute that EC2 does not know.
pub(super) fn invalid_request() -> Fail {
    Fail::bad("InvalidRequest", "The request received was invalid.")
}

pub(super) fn modify(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    let mut change = PermissionChange::modern(query, "LaunchPermission");
    if change.is_empty() {
        change = PermissionChange::legacy(query).unwrap_or_default();
    }
    let recipients = if world.hides_recipients_of_images {
        Context::new()
    } else {
        change.context()
    };
    let image = image_resource(world, request.region, id, request);
    authorize(request, "ec2:ModifyImageAttribute", &[image], &recipients)?;
    let image = ids::own_image(world, id, request)?;
    ids::check_available(image)?;
    match changed_attributes(query).as_slice() {
        [] => {
            let message = "No attributes specified.";
            Err(Fail::bad("InvalidParameterCombination", message))
        }
        ["description"] => set_description(world, query, id),
        ["imdsSupport"] => set_imds_support(world, query, id),
        ["launchPermission"] => share(world, query, id, &change, request),
        several => {
            let message = format!(
                "Fields for multiple attribute types specified: {}",
                several.join(", ")
            );
            Err(Fail::bad("InvalidParameterCombination", message))
        }
    }
}

/// The attributes that a request changes. It may change only one (R2.19).
fn changed_attributes(query: &Query) -> Vec<&'static str> {
    let mut changed = Vec::new();
    for name in ["description", "imdsSupport", "launchPermission"] {
        let modern = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        if query.has(&modern) || query.get("Attribute") == Some(name) {
            changed.push(name);
        }
    }
    changed
}

fn set_description(world: &mut World, query: &Query, id: &str) -> Outcome {
    let text = query.get("Description.Value").or(query.get("Value"));
    let text = text.unwrap_or_default();
    if text.is_empty() {
        let message = "The request must contain the parameter description";
        return Err(Fail::bad("MissingParameter", message));
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        text.clone_into(&mut image.description);
    }
    Ok(return_true())
}

fn set_imds_support(world: &mut World, query: &Query, id: &str) -> Outcome {
    if query.get("ImdsSupport.Value").or(query.get("Value")) != Some("v2.0") {
        let message = "The request must contain the parameter imdsSupport with value v2.0";
        return Err(Fail::bad("MissingParameter", message));
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        image.imds_support = Some("v2.0".to_owned());
    }
    Ok(return_true())
}

fn share(
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

/// An image cannot be public if it is encrypted (R2.11), of the Marketplace (R2.12), blocked by the
/// account (R2.13), or one more than the quota (R1.7).
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

/// Removes every launch permission, the public one too. No other attribute can be reset (R2.6).
pub(super) fn reset(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (id, attribute) = (query.need("ImageId")?, query.need("Attribute")?);
    authorize_image(world, id, "ec2:ResetImageAttribute", request)?;
    let image = ids::own_image(world, id, request)?;
    ids::check_available(image)?;
    if attribute != "launchPermission" {
        return Err(invalid_request());
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        image.launch_permissions.clear();
    }
    Ok(return_true())
}

/// Lets a recipient remove itself from the accounts that are named; it keeps what an organization
/// or a public image gives it (R2.6). EC2's answer to an account that is not named is not known:
/// here it is not authorized.
pub(super) fn cancel(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    authorize_image(world, id, "ec2:CancelImageLaunchPermission", request)?;
    let image = ids::image(world, id, request)?;
    ids::check_available(image)?;
    if !image.launch_permissions.contains(request.account()) {
        let message = format!("Not authorized for image:{id}");
        return Err(Fail::bad("AuthFailure", message));
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        image.launch_permissions.remove(request.account());
    }
    Ok(return_true())
}

//! Attributes of images, of which launch permission matters most (R2).

use super::authorize::{authorize, authorize_image, image_resource};
use super::permission_change::PermissionChange;
use super::{dry_run, ids, image_sharing, lifecycle, return_true};
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

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    let attribute = query.need("Attribute")?;
    authorize_image(world, id, "ec2:DescribeImageAttribute", request)?;
    let image = ids::own_image(world, id, request)?;
    dry_run(query)?;
    let answer = match attribute {
        "launchPermission" => launch_permission(image, request),
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

fn launch_permission(image: &Image, request: &Request<'_>) -> Element {
    let mut items = Vec::new();
    for name in image.launch_permissions.iter_at(request.read_as_of()) {
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
    let image = image_resource(world, request.region, id, request);
    // AWS has no condition key for the recipients of an image (R2.22).
    authorize(
        request,
        "ec2:ModifyImageAttribute",
        &[image],
        &Context::new(),
    )?;
    let image = ids::own_image(world, id, request)?;
    ids::check_available(image)?;
    match changed_attributes(query).as_slice() {
        [] => {
            let message = "No attributes specified.";
            Err(Fail::bad("InvalidParameterCombination", message))
        }
        ["description"] => set_description(world, query, id),
        ["imdsSupport"] => set_imds_support(world, query, id),
        ["launchPermission"] => image_sharing::share(world, query, id, &change, request),
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

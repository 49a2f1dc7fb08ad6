//! Attributes of images, launch permission above all (R2).

use super::change::Change;
use super::{authorize, done, dry_run, ids, image_on, settings_of};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, World};

/// Attributes that every image has and that say nothing here.
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
    authorize(
        request,
        "ec2:DescribeImageAttribute",
        &[image_on(world, request.region, id, request)],
        &Context::new(),
    )?;
    let image = ids::own_image(world, id, request)?;
    dry_run(query)?;
    let value = |name: &'static str, value: Option<&str>| {
        let element = Element::new(name);
        value.map_or(element.clone(), |value| element.text("value", value))
    };
    let answer = match attribute {
        "launchPermission" => Element::list("launchPermission", permissions(image)),
        "description" => value(
            "description",
            Some(image.description.as_str()).filter(|text| !text.is_empty()),
        ),
        "imdsSupport" => value("imdsSupport", image.imds_support.as_deref()),
        "deregistrationProtection" => value(
            "deregistrationProtection",
            Some(super::lifecycle::protection(image, request)),
        ),
        "productCodes" => Element::list(
            "productCodes",
            image.product_codes.iter().map(|code| {
                vec![
                    Element::of("productCode", code),
                    Element::of("type", "marketplace"),
                ]
            }),
        ),
        // Deprecated, and closed to everybody (R2.5).
        "blockDeviceMapping" => {
            return Err(Fail::bad(
                "AuthFailure",
                "Unauthorized attempt to access restricted resource",
            ));
        }
        other => match EMPTY.iter().find(|name| **name == other) {
            Some(name) => Element::new(*name),
            None => return Err(invalid()),
        },
    };
    Ok(Body::Xml(vec![Element::of("imageId", id), answer]))
}

fn permissions(image: &Image) -> impl Iterator<Item = Vec<Element>> {
    let kind = |who: &str| match who {
        "all" => "group",
        arn if arn.contains(":organization/") => "organizationArn",
        arn if arn.contains(":ou/") => "organizationalUnitArn",
        _ => "userId",
    };
    image
        .launch_permissions
        .iter()
        .map(move |who| vec![Element::of(kind(who), who)])
}

pub(super) fn invalid() -> Fail {
    Fail::bad("InvalidRequest", "The request received was invalid.")
}

pub(super) fn modify(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("ImageId")?;
    let change =
        Some(Change::modern(query, "LaunchPermission")).filter(|change| !change.is_empty());
    let change = change.or_else(|| Change::legacy(query)).unwrap_or_default();
    let recipients = if world.hides_recipients_of_images {
        Context::new()
    } else {
        change.context()
    };
    authorize(
        request,
        "ec2:ModifyImageAttribute",
        &[image_on(world, request.region, id, request)],
        &recipients,
    )?;
    let image = ids::own_image(world, id, request)?;
    if let Some(fail) = ids::unavailable(image) {
        return Err(fail);
    }
    match kinds(query).as_slice() {
        [] => Err(Fail::bad(
            "InvalidParameterCombination",
            "No attributes specified.",
        )),
        ["description"] => describe_anew(world, query, id),
        ["imdsSupport"] => require_new_metadata(world, query, id),
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

/// The kinds of attribute that a request changes; only one may be (R2.19).
fn kinds(query: &Query) -> Vec<&'static str> {
    ["description", "imdsSupport", "launchPermission"]
        .into_iter()
        .filter(|name| {
            let modern = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
            query.has(&modern) || query.get("Attribute") == Some(name)
        })
        .collect()
}

fn describe_anew(world: &mut World, query: &Query, id: &str) -> Outcome {
    let text = query
        .get("Description.Value")
        .or(query.get("Value"))
        .unwrap_or_default();
    if text.is_empty() {
        return Err(Fail::bad(
            "MissingParameter",
            "The request must contain the parameter description",
        ));
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        text.clone_into(&mut image.description);
    }
    Ok(done())
}

fn require_new_metadata(world: &mut World, query: &Query, id: &str) -> Outcome {
    if query.get("ImdsSupport.Value").or(query.get("Value")) != Some("v2.0") {
        let message = "The request must contain the parameter imdsSupport with value v2.0";
        return Err(Fail::bad("MissingParameter", message));
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        image.imds_support = Some("v2.0".to_owned());
    }
    Ok(done())
}

fn share(
    world: &mut World,
    query: &Query,
    id: &str,
    change: &Change,
    request: &Request<'_>,
) -> Outcome {
    let image = ids::own_image(world, id, request)?;
    if change.is_empty() {
        // As of snapshots (recorded of them).
        let message = "No operation specified for launchPermission attribute.";
        return Err(Fail::bad("InvalidParameterCombination", message));
    }
    if let Some(item) = change.items().find(|item| !item.is_well_formed()) {
        // EC2's message has a blank before the closing quote (R2.17).
        let kind = match item.kind.as_str() {
            "UserId" => "userId",
            "Group" => "UserGroup",
            other => other,
        };
        let message = format!(
            "Invalid attribute item value \"{} \" for {kind} item type.",
            item.name
        );
        return Err(Fail::bad("InvalidAMIAttributeItemValue", message));
    }
    if change.items().count() > 10_000 {
        let message = "You can specify at most 10000 account IDs in one request.";
        return Err(Fail::bad("InvalidParameterValue", message));
    }
    let keys: Vec<&str> = image
        .mappings
        .iter()
        .filter_map(|mapping| {
            world
                .snapshots
                .get(mapping.snapshot.as_ref()?)?
                .key
                .as_deref()
        })
        .collect();
    let to_others = change.add.iter().any(|item| item.name != image.owner);
    if to_others
        && keys
            .iter()
            .any(|key| world.keys.get(*key).is_some_and(|key| key.aws_managed))
    {
        let message = "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify \
                       another snapshot.";
        return Err(Fail::bad("InvalidParameter", message));
    }
    if change.add.iter().any(|item| item.name == "all") {
        may_be_public(world, image, &keys, request)?;
    }
    let added = change
        .add
        .iter()
        .filter(|item| !image.launch_permissions.contains(&item.name))
        .count();
    if request.options.quotas && image.launch_permissions.len() + added > 1_000 {
        // The code is not known (R1.7): that of the quota on public images.
        let message = "You have reached your quota of 1000 for the number of entities that an \
                       image can be shared with.";
        return Err(Fail::bad("ResourceLimitExceeded", message));
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        // Adding what is there and removing what is not succeed (R2.3).
        for item in &change.add {
            image.launch_permissions.add(item.name.clone(), request.now);
        }
        for item in &change.remove {
            image.launch_permissions.remove(&item.name);
        }
    }
    Ok(done())
}

/// Nothing encrypted can be public (R2.11), nothing of the Marketplace (R2.12), nothing where the
/// account blocks it (R2.13), and no more than the quota (R1.7).
fn may_be_public(
    world: &World,
    image: &Image,
    keys: &[&str],
    request: &Request<'_>,
) -> Result<(), Fail> {
    if !keys.is_empty() {
        let message = "Encrypted snapshots can't be shared publicly. Specify another snapshot.";
        return Err(Fail::bad("UnsupportedOperation", message));
    }
    if !image.product_codes.is_empty() {
        // AWS's words are not known.
        return Err(Fail::bad(
            "UnsupportedOperation",
            "Images with product codes cannot be made public.",
        ));
    }
    if settings_of(world, request.account(), request.region)
        .is_some_and(|settings| settings.block_public_images)
    {
        let message = "You can't publicly share this image because block public access for AMIs is \
                       enabled for this account. To publicly share the image, you must call the \
                       DisableImageBlockPublicAccess API.";
        return Err(Fail::bad("OperationNotPermitted", message));
    }
    let is_public = |other: &&Image| {
        other.owner == image.owner
            && other.region == image.region
            && other.launch_permissions.contains("all")
    };
    if request.options.quotas && world.images.values().filter(is_public).count() >= 5 {
        let message = "You have reached your quota of 5 for the number of public images allowed in \
                       this Region. Deregister unused public images or make them private, or \
                       request an increase in your public AMIs quota.";
        return Err(Fail::bad("ResourceLimitExceeded", message));
    }
    Ok(())
}

/// Takes everybody out, the public too; no other attribute can be reset (R2.6).
pub(super) fn reset(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (id, attribute) = (query.need("ImageId")?, query.need("Attribute")?);
    authorize(
        request,
        "ec2:ResetImageAttribute",
        &[image_on(world, request.region, id, request)],
        &Context::new(),
    )?;
    let image = ids::own_image(world, id, request)?;
    if let Some(fail) = ids::unavailable(image) {
        return Err(fail);
    }
    if attribute != "launchPermission" {
        return Err(invalid());
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        image.launch_permissions.clear();
    }
    Ok(done())
}

/// By it a recipient takes itself out of the accounts that are named; what comes through an
/// organization or from the public stays (R2.6). What EC2 says to an account that is not named is
/// not known: here, that the image is none of its own.
pub(super) fn cancel(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (id, account) = (query.need("ImageId")?, request.account().to_owned());
    let action = "ec2:CancelImageLaunchPermission";
    authorize(
        request,
        action,
        &[image_on(world, request.region, id, request)],
        &Context::new(),
    )?;
    let image = ids::image(world, id, request)?;
    if let Some(fail) = ids::unavailable(image) {
        return Err(fail);
    }
    if !image.launch_permissions.contains(&account) {
        return Err(Fail::bad(
            "AuthFailure",
            format!("Not authorized for image:{id}"),
        ));
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(id) {
        image.launch_permissions.remove(&account);
    }
    Ok(done())
}

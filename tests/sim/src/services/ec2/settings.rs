//! The settings of a whole Region of an account: encryption by default, block public access.

use super::authorize::authorize_all;
use super::{allowed_images, dry_run, unknown_action};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Settings, World};

pub(super) fn call(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "GetEbsEncryptionByDefault" => get_encryption(world, query, request),
        "EnableEbsEncryptionByDefault" | "DisableEbsEncryptionByDefault" => {
            set_encryption(world, operation, query, request)
        }
        "GetEbsDefaultKmsKeyId" | "ModifyEbsDefaultKmsKeyId" | "ResetEbsDefaultKmsKeyId" => {
            default_key(world, operation, query, request)
        }
        "GetImageBlockPublicAccessState" => get_image_block(world, query, request),
        "EnableImageBlockPublicAccess" | "DisableImageBlockPublicAccess" => {
            set_image_block(world, operation, query, request)
        }
        "GetSnapshotBlockPublicAccessState" => get_snapshot_block(world, query, request),
        "EnableSnapshotBlockPublicAccess" | "DisableSnapshotBlockPublicAccess" => {
            set_snapshot_block(world, operation, query, request)
        }
        "GetAllowedImagesSettings" => allowed_images::get(world, query, request),
        "EnableAllowedImagesSettings" => allowed_images::enable(world, query, request),
        "DisableAllowedImagesSettings" => allowed_images::disable(world, query, request),
        "ReplaceImageCriteriaInAllowedImagesSettings" => {
            allowed_images::replace_criteria(world, query, request)
        }
        other => Err(unknown_action(other)),
    }
}

/// Asks IAM, and ends a dry run.
pub(super) fn authorize(query: &Query, request: &Request<'_>, operation: &str) -> Result<(), Fail> {
    authorize_all(request, &format!("ec2:{operation}"))?;
    dry_run(query)
}

pub(super) fn settings<'a>(world: &'a mut World, request: &Request<'_>) -> &'a mut Settings {
    let account = request.account().to_owned();
    let account = world.accounts.entry(account).or_default();
    let region = request.region.to_owned();
    account.settings.entry(region).or_default()
}

/// A parameter that has to be one of these.
pub(super) fn one_of(
    query: &Query,
    name: &str,
    values: &[&'static str],
) -> Result<&'static str, Fail> {
    let text = query.need(name)?;
    let known = values.iter().find(|value| **value == text);
    known.copied().ok_or_else(|| {
        let message = format!("The value of {name} is not valid.");
        Fail::invalid_value(message)
    })
}

fn get_encryption(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(query, request, "GetEbsEncryptionByDefault")?;
    let encrypts = settings(world, request).encryption_by_default;
    Ok(encryption_answer(encrypts))
}

fn set_encryption(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    authorize(query, request, operation)?;
    let encrypts = operation == "EnableEbsEncryptionByDefault";
    settings(world, request).encryption_by_default = encrypts;
    Ok(encryption_answer(encrypts))
}

fn encryption_answer(encrypts: bool) -> Body {
    Body::Xml(vec![Element::of("ebsEncryptionByDefault", encrypts)])
}

/// The default key. The answer is the alias of AWS's own if none was chosen (R1.3.5).
fn default_key(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    authorize(query, request, operation)?;
    let mut chosen = None;
    if operation == "ModifyEbsDefaultKmsKeyId" {
        let name = query.need("KmsKeyId")?;
        chosen = world.find_key(name, request.account(), request.region);
        if chosen.is_none() {
            let message = format!("The specified keyId {name} is invalid");
            return Err(Fail::invalid_value(message));
        }
    }
    let account = request.account().to_owned();
    let keys = &mut world.accounts.entry(account).or_default().default_ebs_keys;
    if let Some(key) = chosen {
        keys.insert(request.region.to_owned(), key);
    } else if operation == "ResetEbsDefaultKmsKeyId" {
        keys.remove(request.region);
    }
    let key = keys.get(request.region);
    let key = key.map_or("alias/aws/ebs", String::as_str);
    Ok(Body::Xml(vec![Element::of("kmsKeyId", key)]))
}

fn get_image_block(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(query, request, "GetImageBlockPublicAccessState")?;
    let blocks = settings(world, request).block_public_images;
    Ok(image_block_answer(blocks))
}

/// Block public access for images (R2.13).
fn set_image_block(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    authorize(query, request, operation)?;
    let blocks = operation == "EnableImageBlockPublicAccess";
    if blocks {
        one_of(query, "ImageBlockPublicAccessState", &["block-new-sharing"])?;
    }
    settings(world, request).block_public_images = blocks;
    Ok(image_block_answer(blocks))
}

fn image_block_answer(blocks: bool) -> Body {
    let state = if blocks {
        "block-new-sharing"
    } else {
        "unblocked"
    };
    Body::Xml(vec![Element::of("imageBlockPublicAccessState", state)])
}

fn get_snapshot_block(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(query, request, "GetSnapshotBlockPublicAccessState")?;
    let state = settings(world, request).block_public_snapshots;
    Ok(Body::Xml(vec![
        snapshot_block_state(state),
        Element::of("managedBy", "account"),
    ]))
}

/// Block public access for snapshots (R2.13).
fn set_snapshot_block(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    authorize(query, request, operation)?;
    let mut state = None;
    if operation == "EnableSnapshotBlockPublicAccess" {
        let states = ["block-all-sharing", "block-new-sharing"];
        state = Some(one_of(query, "State", &states)?);
    }
    settings(world, request).block_public_snapshots = state;
    Ok(Body::Xml(vec![snapshot_block_state(state)]))
}

fn snapshot_block_state(state: Option<&str>) -> Element {
    Element::of("state", state.unwrap_or("unblocked"))
}

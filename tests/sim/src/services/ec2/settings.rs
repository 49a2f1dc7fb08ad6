//! The settings of a whole Region of an account: encryption by default, block public access,
//! Allowed AMIs.

use super::authorize::authorize_all;
use super::{dry_run, return_true, unknown_action};
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
        "GetAllowedImagesSettings" => get_allowed_images(world, query, request),
        "EnableAllowedImagesSettings" => enable_allowed_images(world, query, request),
        "DisableAllowedImagesSettings" => disable_allowed_images(world, query, request),
        "ReplaceImageCriteriaInAllowedImagesSettings" => replace_criteria(world, query, request),
        other => Err(unknown_action(other)),
    }
}

/// Asks IAM, and ends a dry run.
fn authorize(query: &Query, request: &Request<'_>, operation: &str) -> Result<(), Fail> {
    authorize_all(request, &format!("ec2:{operation}"))?;
    dry_run(query)
}

fn settings<'a>(world: &'a mut World, request: &Request<'_>) -> &'a mut Settings {
    let account = request.account().to_owned();
    let account = world.accounts.entry(account).or_default();
    let region = request.region.to_owned();
    account.settings.entry(region).or_default()
}

/// A parameter that has to be one of these.
fn one_of(query: &Query, name: &str, values: &[&'static str]) -> Result<&'static str, Fail> {
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

fn get_allowed_images(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(query, request, "GetAllowedImagesSettings")?;
    let allowed = &settings(world, request).allowed_images;
    let mut criteria = Vec::new();
    for providers in &allowed.providers {
        let mut provider_set = Element::new("imageProviderSet");
        for provider in providers {
            provider_set = provider_set.text("item", provider);
        }
        criteria.push(vec![provider_set]);
    }
    Ok(Body::Xml(vec![
        Element::of("state", allowed.state.unwrap_or("disabled")),
        Element::list("imageCriterionSet", criteria),
        Element::of("managedBy", "account"),
    ]))
}

fn enable_allowed_images(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(query, request, "EnableAllowedImagesSettings")?;
    let name = "AllowedImagesSettingsState";
    let state = one_of(query, name, &["enabled", "audit-mode"])?;
    settings(world, request).allowed_images.state = Some(state);
    Ok(allowed_images_state(state))
}

fn disable_allowed_images(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(query, request, "DisableAllowedImagesSettings")?;
    settings(world, request).allowed_images.state = None;
    Ok(allowed_images_state("disabled"))
}

fn allowed_images_state(state: &str) -> Body {
    Body::Xml(vec![Element::of("allowedImagesSettingsState", state)])
}

/// At most 10 criteria of at most 200 providers (R7.3). Other kinds of criteria are not simulated.
fn replace_criteria(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(
        query,
        request,
        "ReplaceImageCriteriaInAllowedImagesSettings",
    )?;
    let mut criteria: Vec<Vec<String>> = Vec::new();
    for criterion in query.members("ImageCriterion") {
        let mut names = criterion.pairs().map(|(name, _)| name);
        if names.any(|name| !name.starts_with("ImageProvider.")) {
            let message = "Only criteria of providers are simulated.";
            return Err(Fail::bad("UnsupportedOperation", message));
        }
        let providers = criterion.list("ImageProvider");
        criteria.push(providers.into_iter().map(str::to_owned).collect());
    }
    if criteria.len() > 10 || criteria.iter().any(|providers| providers.len() > 200) {
        return Err(Fail::invalid_value("Too many criteria or providers."));
    }
    settings(world, request).allowed_images.providers = criteria;
    Ok(return_true())
}

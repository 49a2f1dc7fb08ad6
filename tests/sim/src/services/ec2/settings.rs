//! The settings of a whole Region of an account: encryption by default, block public access,
//! Allowed AMIs.

use super::authorize::authorize_all;
use super::{dry_run, return_true, unknown_action};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Settings, World};

type Operation = fn(&mut World, &Query, &Request<'_>) -> Outcome;

pub(super) fn call(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    let answer: Operation = match operation {
        "GetEbsEncryptionByDefault" => get_encryption,
        "EnableEbsEncryptionByDefault" => enable_encryption,
        "DisableEbsEncryptionByDefault" => disable_encryption,
        "GetEbsDefaultKmsKeyId" => get_default_key,
        "ModifyEbsDefaultKmsKeyId" => modify_default_key,
        "ResetEbsDefaultKmsKeyId" => reset_default_key,
        "GetImageBlockPublicAccessState" => get_image_block,
        "EnableImageBlockPublicAccess" => enable_image_block,
        "DisableImageBlockPublicAccess" => disable_image_block,
        "GetSnapshotBlockPublicAccessState" => get_snapshot_block,
        "EnableSnapshotBlockPublicAccess" => enable_snapshot_block,
        "DisableSnapshotBlockPublicAccess" => disable_snapshot_block,
        "GetAllowedImagesSettings" => get_allowed_images,
        "EnableAllowedImagesSettings" => enable_allowed_images,
        "DisableAllowedImagesSettings" => disable_allowed_images,
        "ReplaceImageCriteriaInAllowedImagesSettings" => replace_criteria,
        other => return Err(unknown_action(other)),
    };
    authorize_all(request, &format!("ec2:{operation}"))?;
    dry_run(query)?;
    answer(world, query, request)
}

fn settings<'a>(world: &'a mut World, request: &Request<'_>) -> &'a mut Settings {
    let account = request.account().to_owned();
    let account = world.accounts.entry(account).or_default();
    account
        .settings
        .entry(request.region.to_owned())
        .or_default()
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

fn get_encryption(world: &mut World, _: &Query, request: &Request<'_>) -> Outcome {
    let encrypts = settings(world, request).encryption_by_default;
    Ok(Body::Xml(vec![Element::of(
        "ebsEncryptionByDefault",
        encrypts,
    )]))
}

fn enable_encryption(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    settings(world, request).encryption_by_default = true;
    get_encryption(world, query, request)
}

fn disable_encryption(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    settings(world, request).encryption_by_default = false;
    get_encryption(world, query, request)
}

/// The default key, or the alias of AWS's own if none was chosen (R1.3.5).
fn get_default_key(world: &mut World, _: &Query, request: &Request<'_>) -> Outcome {
    let account = world.accounts.get(request.account());
    let key = account.and_then(|account| account.default_ebs_keys.get(request.region));
    let key = key.map_or("alias/aws/ebs", String::as_str);
    Ok(Body::Xml(vec![Element::of("kmsKeyId", key)]))
}

fn modify_default_key(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("KmsKeyId")?;
    let Some(key) = world.find_key(name, request.account(), request.region) else {
        let message = format!("The specified keyId {name} is invalid");
        return Err(Fail::invalid_value(message));
    };
    if let Some(account) = world.accounts.get_mut(request.account()) {
        let region = request.region.to_owned();
        account.default_ebs_keys.insert(region, key);
    }
    get_default_key(world, query, request)
}

fn reset_default_key(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    if let Some(account) = world.accounts.get_mut(request.account()) {
        account.default_ebs_keys.remove(request.region);
    }
    get_default_key(world, query, request)
}

fn get_image_block(world: &mut World, _: &Query, request: &Request<'_>) -> Outcome {
    let state = if settings(world, request).block_public_images {
        "block-new-sharing"
    } else {
        "unblocked"
    };
    let state = Element::of("imageBlockPublicAccessState", state);
    Ok(Body::Xml(vec![state]))
}

fn enable_image_block(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    one_of(query, "ImageBlockPublicAccessState", &["block-new-sharing"])?;
    settings(world, request).block_public_images = true;
    get_image_block(world, query, request)
}

fn disable_image_block(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    settings(world, request).block_public_images = false;
    get_image_block(world, query, request)
}

fn snapshot_block_state(settings: &Settings) -> Element {
    let state = settings.block_public_snapshots.unwrap_or("unblocked");
    Element::of("state", state)
}

fn get_snapshot_block(world: &mut World, _: &Query, request: &Request<'_>) -> Outcome {
    let state = snapshot_block_state(settings(world, request));
    Ok(Body::Xml(vec![state, Element::of("managedBy", "account")]))
}

fn enable_snapshot_block(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let states = ["block-all-sharing", "block-new-sharing"];
    let state = one_of(query, "State", &states)?;
    let settings = settings(world, request);
    settings.block_public_snapshots = Some(state);
    Ok(Body::Xml(vec![snapshot_block_state(settings)]))
}

fn disable_snapshot_block(world: &mut World, _: &Query, request: &Request<'_>) -> Outcome {
    let settings = settings(world, request);
    settings.block_public_snapshots = None;
    Ok(Body::Xml(vec![snapshot_block_state(settings)]))
}

fn get_allowed_images(world: &mut World, _: &Query, request: &Request<'_>) -> Outcome {
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
    let name = "AllowedImagesSettingsState";
    let state = one_of(query, name, &["enabled", "audit-mode"])?;
    settings(world, request).allowed_images.state = Some(state);
    Ok(allowed_images_state(state))
}

fn disable_allowed_images(world: &mut World, _: &Query, request: &Request<'_>) -> Outcome {
    settings(world, request).allowed_images.state = None;
    Ok(allowed_images_state("disabled"))
}

fn allowed_images_state(state: &str) -> Body {
    Body::Xml(vec![Element::of("allowedImagesSettingsState", state)])
}

/// At most 10 criteria of at most 200 providers (R7.3). Other kinds of criteria are not simulated.
fn replace_criteria(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
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

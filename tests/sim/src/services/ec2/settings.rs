//! What EC2 has for a whole Region of an account: encryption by default, block public access,
//! Allowed AMIs.

use super::{authorize_all, dry_run, unknown};
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
    let answer: fn(&mut World, &Query, &Request<'_>) -> Result<Vec<Element>, Fail> = match operation
    {
        "GetEbsEncryptionByDefault" => |world, _, request| Ok(encryption(of(world, request))),
        "EnableEbsEncryptionByDefault" => |world, _, request| {
            of(world, request).encryption_by_default = true;
            Ok(encryption(of(world, request)))
        },
        "DisableEbsEncryptionByDefault" => |world, _, request| {
            of(world, request).encryption_by_default = false;
            Ok(encryption(of(world, request)))
        },
        "GetEbsDefaultKmsKeyId" => |world, _, request| Ok(default_key(world, request)),
        "ModifyEbsDefaultKmsKeyId" => modify_default_key,
        "ResetEbsDefaultKmsKeyId" => |world, _, request| {
            if let Some(account) = world.accounts.get_mut(request.account()) {
                account.default_ebs_keys.remove(request.region);
            }
            Ok(default_key(world, request))
        },
        "GetImageBlockPublicAccessState" => {
            |world, _, request| Ok(block_images(of(world, request)))
        }
        "EnableImageBlockPublicAccess" => |world, query, request| {
            if query.need("ImageBlockPublicAccessState")? != "block-new-sharing" {
                return Err(wrong("ImageBlockPublicAccessState"));
            }
            of(world, request).block_public_images = true;
            Ok(block_images(of(world, request)))
        },
        "DisableImageBlockPublicAccess" => |world, _, request| {
            of(world, request).block_public_images = false;
            Ok(block_images(of(world, request)))
        },
        "GetSnapshotBlockPublicAccessState" => {
            |world, _, request| Ok(block_snapshots(of(world, request), true))
        }
        "EnableSnapshotBlockPublicAccess" => |world, query, request| {
            let state = match query.need("State")? {
                "block-all-sharing" => "block-all-sharing",
                "block-new-sharing" => "block-new-sharing",
                _ => return Err(wrong("State")),
            };
            of(world, request).block_public_snapshots = Some(state);
            Ok(block_snapshots(of(world, request), false))
        },
        "DisableSnapshotBlockPublicAccess" => |world, _, request| {
            of(world, request).block_public_snapshots = None;
            Ok(block_snapshots(of(world, request), false))
        },
        "GetAllowedImagesSettings" => |world, _, request| Ok(allowed_images(of(world, request))),
        "EnableAllowedImagesSettings" => |world, query, request| {
            let state = match query.need("AllowedImagesSettingsState")? {
                "enabled" => "enabled",
                "audit-mode" => "audit-mode",
                _ => return Err(wrong("AllowedImagesSettingsState")),
            };
            of(world, request).allowed_images.state = Some(state);
            Ok(vec![Element::of("allowedImagesSettingsState", state)])
        },
        "DisableAllowedImagesSettings" => |world, _, request| {
            of(world, request).allowed_images.state = None;
            Ok(vec![Element::of("allowedImagesSettingsState", "disabled")])
        },
        "ReplaceImageCriteriaInAllowedImagesSettings" => replace_criteria,
        other => return Err(unknown(other)),
    };
    authorize_all(request, &format!("ec2:{operation}"))?;
    dry_run(query)?;
    Ok(Body::Xml(answer(world, query, request)?))
}

fn of<'a>(world: &'a mut World, request: &Request<'_>) -> &'a mut Settings {
    let account = world
        .accounts
        .entry(request.account().to_owned())
        .or_default();
    account
        .settings
        .entry(request.region.to_owned())
        .or_default()
}

fn wrong(name: &str) -> Fail {
    Fail::bad(
        "InvalidParameterValue",
        format!("The value of {name} is not valid."),
    )
}

fn encryption(settings: &Settings) -> Vec<Element> {
    vec![Element::of(
        "ebsEncryptionByDefault",
        settings.encryption_by_default,
    )]
}

/// The alias where no key was chosen (R1.3.5).
fn default_key(world: &World, request: &Request<'_>) -> Vec<Element> {
    let set = world
        .accounts
        .get(request.account())
        .and_then(|account| account.default_ebs_keys.get(request.region));
    vec![Element::of(
        "kmsKeyId",
        set.map_or("alias/aws/ebs", String::as_str),
    )]
}

fn modify_default_key(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
) -> Result<Vec<Element>, Fail> {
    let named = query.need("KmsKeyId")?;
    let key = world.find_key(named, request.account(), request.region);
    let key = key.ok_or_else(|| {
        Fail::bad(
            "InvalidParameterValue",
            format!("The specified keyId {named} is invalid"),
        )
    })?;
    if let Some(account) = world.accounts.get_mut(request.account()) {
        account
            .default_ebs_keys
            .insert(request.region.to_owned(), key);
    }
    Ok(default_key(world, request))
}

fn block_images(settings: &Settings) -> Vec<Element> {
    let state = if settings.block_public_images {
        "block-new-sharing"
    } else {
        "unblocked"
    };
    vec![Element::of("imageBlockPublicAccessState", state)]
}

fn block_snapshots(settings: &Settings, whole: bool) -> Vec<Element> {
    let state = Element::of(
        "state",
        settings.block_public_snapshots.unwrap_or("unblocked"),
    );
    [state]
        .into_iter()
        .chain(whole.then(|| Element::of("managedBy", "account")))
        .collect()
}

fn allowed_images(settings: &Settings) -> Vec<Element> {
    let allowed = &settings.allowed_images;
    let criteria = allowed.providers.iter().map(|providers| {
        let items = providers
            .iter()
            .map(|provider| Element::of("item", provider));
        vec![Element::new("imageProviderSet").children(items)]
    });
    vec![
        Element::of("state", allowed.state.unwrap_or("disabled")),
        Element::list("imageCriterionSet", criteria),
        Element::of("managedBy", "account"),
    ]
}

/// At most 10 criteria of at most 200 providers (R7.3); other kinds of criteria are not simulated.
fn replace_criteria(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
) -> Result<Vec<Element>, Fail> {
    let mut providers = Vec::new();
    for criterion in query.members("ImageCriterion") {
        if criterion
            .pairs()
            .any(|(name, _)| !name.starts_with("ImageProvider."))
        {
            return Err(Fail::bad(
                "UnsupportedOperation",
                "Only criteria of providers are simulated.",
            ));
        }
        providers.push(
            criterion
                .list("ImageProvider")
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        );
    }
    if providers.len() > 10 || providers.iter().any(|of| of.len() > 200) {
        return Err(Fail::bad(
            "InvalidParameterValue",
            "Too many criteria or providers.",
        ));
    }
    of(world, request).allowed_images.providers = providers;
    Ok(vec![Element::of("return", true)])
}

//! What EC2 has for a whole Region of an account: encryption by default, block public access,
//! Allowed AMIs.

use super::{authorize_all, dry_run, unknown};
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Settings, World};

pub(super) fn call(world: &mut World, operation: &str, query: &Query, ask: &Ask<'_>) -> Outcome {
    let answer: fn(&mut World, &Query, &Ask<'_>) -> Result<Vec<Element>, Fail> = match operation {
        "GetEbsEncryptionByDefault" => |world, _, ask| Ok(encryption(of(world, ask))),
        "EnableEbsEncryptionByDefault" => |world, _, ask| {
            of(world, ask).encryption_by_default = true;
            Ok(encryption(of(world, ask)))
        },
        "DisableEbsEncryptionByDefault" => |world, _, ask| {
            of(world, ask).encryption_by_default = false;
            Ok(encryption(of(world, ask)))
        },
        "GetEbsDefaultKmsKeyId" => |world, _, ask| Ok(default_key(world, ask)),
        "ModifyEbsDefaultKmsKeyId" => modify_default_key,
        "ResetEbsDefaultKmsKeyId" => |world, _, ask| {
            if let Some(account) = world.accounts.get_mut(ask.account()) {
                account.default_ebs_keys.remove(ask.region);
            }
            Ok(default_key(world, ask))
        },
        "GetImageBlockPublicAccessState" => |world, _, ask| Ok(block_images(of(world, ask))),
        "EnableImageBlockPublicAccess" => |world, query, ask| {
            if query.need("ImageBlockPublicAccessState")? != "block-new-sharing" {
                return Err(wrong("ImageBlockPublicAccessState"));
            }
            of(world, ask).block_public_images = true;
            Ok(block_images(of(world, ask)))
        },
        "DisableImageBlockPublicAccess" => |world, _, ask| {
            of(world, ask).block_public_images = false;
            Ok(block_images(of(world, ask)))
        },
        "GetSnapshotBlockPublicAccessState" => {
            |world, _, ask| Ok(block_snapshots(of(world, ask), true))
        }
        "EnableSnapshotBlockPublicAccess" => |world, query, ask| {
            let state = match query.need("State")? {
                "block-all-sharing" => "block-all-sharing",
                "block-new-sharing" => "block-new-sharing",
                _ => return Err(wrong("State")),
            };
            of(world, ask).block_public_snapshots = Some(state);
            Ok(block_snapshots(of(world, ask), false))
        },
        "DisableSnapshotBlockPublicAccess" => |world, _, ask| {
            of(world, ask).block_public_snapshots = None;
            Ok(block_snapshots(of(world, ask), false))
        },
        "GetAllowedImagesSettings" => |world, _, ask| Ok(allowed_images(of(world, ask))),
        "EnableAllowedImagesSettings" => |world, query, ask| {
            let state = match query.need("AllowedImagesSettingsState")? {
                "enabled" => "enabled",
                "audit-mode" => "audit-mode",
                _ => return Err(wrong("AllowedImagesSettingsState")),
            };
            of(world, ask).allowed_images.state = Some(state);
            Ok(vec![Element::of("allowedImagesSettingsState", state)])
        },
        "DisableAllowedImagesSettings" => |world, _, ask| {
            of(world, ask).allowed_images.state = None;
            Ok(vec![Element::of("allowedImagesSettingsState", "disabled")])
        },
        "ReplaceImageCriteriaInAllowedImagesSettings" => replace_criteria,
        other => return Err(unknown(other)),
    };
    authorize_all(ask, &format!("ec2:{operation}"))?;
    dry_run(query)?;
    Ok(Body::Xml(answer(world, query, ask)?))
}

fn of<'a>(world: &'a mut World, ask: &Ask<'_>) -> &'a mut Settings {
    let account = world.accounts.entry(ask.account().to_owned()).or_default();
    account.settings.entry(ask.region.to_owned()).or_default()
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
fn default_key(world: &World, ask: &Ask<'_>) -> Vec<Element> {
    let set = world
        .accounts
        .get(ask.account())
        .and_then(|account| account.default_ebs_keys.get(ask.region));
    vec![Element::of(
        "kmsKeyId",
        set.map_or("alias/aws/ebs", String::as_str),
    )]
}

fn modify_default_key(
    world: &mut World,
    query: &Query,
    ask: &Ask<'_>,
) -> Result<Vec<Element>, Fail> {
    let named = query.need("KmsKeyId")?;
    let key = world.find_key(named, ask.account(), ask.region);
    let key = key.ok_or_else(|| {
        Fail::bad(
            "InvalidParameterValue",
            format!("The specified keyId {named} is invalid"),
        )
    })?;
    if let Some(account) = world.accounts.get_mut(ask.account()) {
        account.default_ebs_keys.insert(ask.region.to_owned(), key);
    }
    Ok(default_key(world, ask))
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
fn replace_criteria(world: &mut World, query: &Query, ask: &Ask<'_>) -> Result<Vec<Element>, Fail> {
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
    of(world, ask).allowed_images.providers = providers;
    Ok(vec![Element::of("return", true)])
}

//! CopyImage (R1.2 to R1.5).

use super::tags::Tagging;
use super::{authorize, copy_keys, dry_run, ids, image_on, may_copy, may_launch, snapshot_on};
use crate::auth;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Fate, Image, ImageState, Mapping, Protection, Shared, Snapshot, World};

const NOT_ACCESSIBLE: &str = "Given key ID is not accessible";

pub(super) fn copy_image(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (source_id, source_region) = (query.need("SourceImageId")?, query.need("SourceRegion")?);
    let name = query
        .get("Name")
        .ok_or_else(|| Fail::bad("MissingParameter", "missing required parameter: Name"))?;
    let tags = Tagging::read(query, &["image", "snapshot"])?;
    super::regions::check(world, source_region)?;
    let snapshots: Vec<String> = world
        .images
        .get(source_id)
        .map(snapshots_of)
        .unwrap_or_default();
    let mut resources = vec![image_on(world, source_region, source_id, request)];
    resources.extend(
        snapshots
            .iter()
            .map(|id| snapshot_on(world, source_region, id, request)),
    );
    authorize(request, "ec2:CopyImage", &resources, &Context::new())?;
    tags.authorize(request, "CopyImage")?;
    if let Some(answer) = replay(world, query, request)? {
        return Ok(answer);
    }
    check_name(name)?;
    let encrypted = query.flag("Encrypted")?;
    let key = query.filled("KmsKeyId");
    if key.is_some() && encrypted != Some(true) {
        let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(Fail::bad("InvalidParameterDependency", message));
    }
    let minutes = completion_minutes(query, "SnapshotCopyCompletionDurationMinutes")?;
    let source = readable(world, source_id, source_region, request)?.clone();
    if encrypted == Some(false)
        && let Some(id) = snapshots
            .iter()
            .find(|id| world.snapshots.get(*id).is_some_and(|of| of.key.is_some()))
    {
        let message = format!(
            "Snapshot {id} is encrypted. Creating an unencrypted copy from an encrypted snapshot \
             is not supported."
        );
        return Err(Fail::bad("InvalidRequest", message));
    }
    dry_run(query)?;
    quotas(world, request, snapshots.len())?;
    let id = make(world, query, request, &source, tags, minutes)?;
    remember(world, query, request, &id);
    Ok(answer(&id))
}

/// Makes the image and its snapshots, all pending, with the end that KMS lets them have.
fn make(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    source: &Image,
    tags: Tagging,
    completion_minutes: Option<u32>,
) -> Result<String, Fail> {
    let (encrypted, key) = (query.flag("Encrypted")?, query.filled("KmsKeyId"));
    let account = request.account().to_owned();
    let copy_tags = query.flag("CopyImageTags")? == Some(true);
    let mut passed_on = source
        .tags
        .get(&account)
        .filter(|_| copy_tags)
        .cloned()
        .unwrap_or_default();
    if copy_tags && source.owner != account {
        // Of others' tags only those that are meant for sharing come along (R1.2.6, R7.14).
        let shared = source.tags.get(&source.owner).into_iter().flatten();
        passed_on.extend(
            shared
                .filter(|(key, _)| key.starts_with("ec2:SharedTag/"))
                .map(|(k, v)| (k.clone(), v.clone())),
        );
    }
    let id = world.new_id("ami");
    let from = request.now;
    let mut failure = request
        .fail_copy
        .clone()
        .map(|(message, _)| (message, "Copy failed".to_owned()));
    let mut mappings = Vec::new();
    for mapping in &source.mappings {
        let Some(original) = mapping
            .snapshot
            .as_ref()
            .and_then(|id| world.snapshots.get(id))
            .cloned()
        else {
            mappings.push(mapping.clone());
            continue;
        };
        let copy_id = world.new_id("snap");
        let (destination, refused) =
            destination_key(world, &original, encrypted, key, request, &copy_id);
        failure = failure.or(refused);
        let copy = Snapshot {
            id: copy_id,
            owner: account.clone(),
            region: request.region.to_owned(),
            state: "pending",
            state_message: None,
            progress: 0,
            // Of a copied snapshot the volume means nothing (R1.2.4).
            volume: "vol-ffffffff".to_owned(),
            key: destination,
            description: format!(
                "Copied for DestinationAmi {id} from SourceAmi {} for SourceSnapshot {}. Task \
                 created on {}.",
                source.id,
                original.id,
                grouped(request)
            ),
            created: from,
            completed: None,
            fate: None,
            completion_minutes,
            copied_from: Some((original.region.clone(), original.id.clone())),
            tags: [(account.clone(), tags.snapshot.clone())].into(),
            create_volume_permissions: Shared::default(),
            ..original
        };
        mappings.push(Mapping {
            snapshot: Some(copy.id.clone()),
            ..mapping.clone()
        });
        world.snapshots.insert(copy.id.clone(), copy);
    }
    let after = if failure.is_some() {
        request.copy_time / 4
    } else {
        request.copy_time
    };
    let fails_as = request
        .fail_copy
        .as_ref()
        .map_or(ImageState::Failed, |(_, state)| *state);
    let fate = Fate {
        failure,
        fails_as,
        ..Fate::success(from, after)
    };
    for id in mappings
        .iter()
        .filter_map(|mapping| mapping.snapshot.as_ref())
    {
        if let Some(snapshot) = world.snapshots.get_mut(id) {
            snapshot.fate = Some(fate.clone());
        }
    }
    let image = Image {
        id: id.clone(),
        name: query.need("Name")?.to_owned(),
        description: query.get("Description").unwrap_or_default().to_owned(),
        owner: account.clone(),
        region: request.region.to_owned(),
        state: ImageState::Pending,
        state_reason: None,
        created: from,
        fate: Some(fate),
        mappings,
        tags: [(account, passed_on.into_iter().chain(tags.image).collect())].into(),
        // Neither permissions nor, by default, tags are copied (R1.2.5).
        launch_permissions: Shared::default(),
        source: Some((source.id.clone(), source.region.clone())),
        source_instance: None,
        // Nor what is set on the one image (R1.2.7).
        deprecation_time: None,
        deprecated_at: None,
        protection: Protection::Off,
        ..source.clone()
    };
    world.images.insert(id.clone(), image);
    world.touch();
    Ok(id)
}

/// How many copies may run at once to one Region (R1.5.10, R1.7).
pub(super) fn quotas(world: &World, request: &Request<'_>, snapshots: usize) -> Result<(), Fail> {
    if !request.options.quotas {
        return Ok(());
    }
    let here = |owner: &str, region: &str| owner == request.account() && region == request.region;
    let running = world
        .snapshots
        .values()
        .filter(|of| of.copied_from.is_some() && of.fate.is_some());
    let running = running.filter(|of| here(&of.owner, &of.region)).count();
    if running + snapshots > 20 {
        let message =
            "Too many snapshot copies in progress. The limit is 20 for this destination region.";
        return Err(Fail::bad("ResourceLimitExceeded", message));
    }
    let images = world
        .images
        .values()
        .filter(|image| image.source.is_some() && image.fate.is_some());
    if images
        .filter(|image| here(&image.owner, &image.region))
        .count()
        >= 300
    {
        return Err(Fail::bad(
            "ResourceLimitExceeded",
            "Too many AMI copies in progress for this destination region.",
        ));
    }
    Ok(())
}

/// The minutes of a time-based copy (R7.5).
pub(super) fn completion_minutes(query: &Query, name: &str) -> Result<Option<u32>, Fail> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    let minutes = text
        .parse()
        .ok()
        .filter(|minutes: &u32| (15..=2880).contains(minutes) && minutes.is_multiple_of(15));
    minutes.map(Some).ok_or_else(|| {
        let message = format!(
            "'{text}' is not a valid value for completion duration. Specify a value between 15 and \
             2880 minutes, in 15 minute increments only"
        );
        Fail::bad("InvalidParameterValue", message)
    })
}

fn answer(id: &str) -> Body {
    Body::Xml(vec![Element::of("imageId", id)])
}

fn snapshots_of(image: &Image) -> Vec<String> {
    image
        .mappings
        .iter()
        .filter_map(|mapping| mapping.snapshot.clone())
        .collect()
}

/// The same token with the same parameters answers the same image, dead or alive (R1.2.2).
fn replay(world: &World, query: &Query, request: &Request<'_>) -> Result<Option<Body>, Fail> {
    let Some(token) = query.get("ClientToken") else {
        return Ok(None);
    };
    if token.len() > 64 {
        return Err(Fail::bad(
            "InvalidParameterValue",
            "The client token has more than 64 characters",
        ));
    }
    match world.tokens.get(&place(token, request)) {
        None => Ok(None),
        Some((parameters, id)) if *parameters == parameters_of(query) => Ok(Some(answer(id))),
        Some(_) => {
            let message =
                "The request uses the same client token as a previous, but non-identical request.";
            Err(Fail::bad("IdempotentParameterMismatch", message))
        }
    }
}

fn remember(world: &mut World, query: &Query, request: &Request<'_>, id: &str) {
    if let Some(token) = query.get("ClientToken") {
        world
            .tokens
            .insert(place(token, request), (parameters_of(query), id.to_owned()));
    }
}

fn place(token: &str, request: &Request<'_>) -> (String, String, String) {
    (
        request.account().to_owned(),
        request.region.to_owned(),
        token.to_owned(),
    )
}

fn parameters_of(query: &Query) -> String {
    query
        .pairs()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect()
}

pub(super) fn check_name(name: &str) -> Result<(), Fail> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let message = "AMI names must be between 3 and 128 characters long, and may contain letters, \
                   numbers, '(', ')', '.', '-', '/' and '_'";
    Err(Fail::bad("InvalidAMIName.Malformed", message))
}

/// The source, if the caller may read it: the image and the storage behind it (R1.5.1, R1.5.13 to
/// R1.5.15).
fn readable<'a>(
    world: &'a World,
    id: &str,
    region: &str,
    request: &Request<'_>,
) -> Result<&'a Image, Fail> {
    ids::check_image(id)?;
    let account = request.account();
    let as_of = request.shared_as_of();
    let seen = |image: &&Image| image.region == region && may_launch(world, image, request, as_of);
    let source = world.images.get(id).filter(seen);
    // Unknown for an image that is not shared at all: the stricter reading is that it does not
    // exist.
    let source = source.ok_or_else(|| ids::image_not_found(id))?;
    if let Some(fail) = ids::unavailable(source) {
        return Err(fail);
    }
    if source.owner != account {
        let shared = snapshots_of(source).iter().all(|id| {
            world
                .snapshots
                .get(id)
                .is_some_and(|of| may_copy(of, account, as_of))
        });
        if !shared {
            return Err(Fail::bad(
                "InvalidRequest",
                "You do not have permission to access the storage of this ami",
            ));
        }
        if !source.product_codes.is_empty() {
            let message = "Images from AWS Marketplace cannot be copied to another AWS account.";
            return Err(Fail::bad("InvalidRequest", message));
        }
    }
    Ok(source)
}

/// The key of one copied snapshot, and why the copy will fail, where KMS does not play along (R1.3,
/// R1.5.2, R1.5.3).
fn destination_key(
    world: &mut World,
    original: &Snapshot,
    encrypted: Option<bool>,
    named: Option<&str>,
    request: &Request<'_>,
    copy: &str,
) -> (Option<String>, Option<(String, String)>) {
    let account = request.account();
    let by_default = super::settings_of(world, account, request.region)
        .is_some_and(|own| own.encryption_by_default);
    let arn = match named {
        Some(named) => {
            if let Some(arn) = world
                .find_key(named, account, request.region)
                .filter(|arn| usable_here(world, arn, request))
            {
                Some(arn)
            } else {
                let why = format!("The specified keyId {named} is invalid");
                return (
                    None,
                    Some((format!("AMI snapshot copy failed with error: {why}"), why)),
                );
            }
        }
        None if encrypted == Some(true) => world.default_ebs_key(account, request.region),
        None => match &original.key {
            // Own snapshots keep their key within the Region; of others, and elsewhere, the default
            // key is taken.
            Some(key) if original.owner == account && original.region == request.region => {
                Some(key.clone())
            }
            Some(_) => world.default_ebs_key(account, request.region),
            None if by_default => world.default_ebs_key(account, request.region),
            None => None,
        },
    };
    let refused = arn
        .as_ref()
        .is_some_and(|arn| !kms_allows(world, original, arn, request, copy));
    let failure = refused.then(|| {
        let of_image = format!(
            "AMI snapshot copy failed with error: {NOT_ACCESSIBLE}. You must \
                                have DescribeKey permissions on the default CMK"
        );
        (of_image, NOT_ACCESSIBLE.to_owned())
    });
    (arn, failure)
}

/// Symmetric, enabled, in this Region (R1.3.6).
pub(super) fn usable_here(world: &World, arn: &str, request: &Request<'_>) -> bool {
    world.keys.get(arn).is_some_and(|key| {
        key.region == request.region && key.spec == "SYMMETRIC_DEFAULT" && auth::usable(key).is_ok()
    })
}

/// Whether KMS plays along: with everything that AWS publishes, unless the scenario wants what was
/// recorded only.
fn kms_allows(
    world: &mut World,
    original: &Snapshot,
    destination: &str,
    request: &Request<'_>,
    copy: &str,
) -> bool {
    let keys = original.key.iter().map(String::as_str).chain([destination]);
    let published = |world: &World| {
        keys.clone()
            .all(|key| copy_keys::permitted(world, request, key, &copy_keys::PUBLISHED))
    };
    if !world.copies_as_recorded {
        // An encrypted source touches the caller's default key too (R1.4.4).
        let default = original
            .key
            .as_ref()
            .and_then(|_| world.default_ebs_key(request.account(), request.region));
        let describe =
            |key: &String| copy_keys::permitted(world, request, key, &["kms:DescribeKey"]);
        if !published(world) || !default.iter().all(describe) {
            return false;
        }
    }
    let describe = copy_keys::Step::new("kms:DescribeKey", destination, copy);
    copy_keys::forward(world, request, &describe).is_ok()
        && copy_keys::copy(world, request, original, destination, copy)
}

/// The time in milliseconds, with commas, as it stands in descriptions (R1.2.10).
fn grouped(request: &Request<'_>) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds since 1970 are a small positive number"
    )]
    let digits = ((request.clock.epoch(request.now) * 1000.0) as u64).to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

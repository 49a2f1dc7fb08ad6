//! CopyImage (R1.2 to R1.5).

use std::collections::BTreeSet;

use super::{authorize, dry_run, ids, image_arn, may_copy, may_launch, snapshot_arn, tags};
use crate::auth;
use crate::policy::Context;
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Fate, Image, ImageState, Mapping, Snapshot, World};

/// What AWS publishes for both keys of a copy (R1.4.2).
const PUBLISHED: [&str; 6] = [
    "kms:DescribeKey",
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];
/// What was recorded of the source's and the destination's key (R1.4.5).
const RECORDED_SOURCE: [&str; 1] = ["kms:CreateGrant"];
const RECORDED_DESTINATION: [&str; 3] = ["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"];

const NOT_ACCESSIBLE: &str = "Given key ID is not accessible";

pub(super) fn copy_image(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let (source_id, source_region) = (query.need("SourceImageId")?, query.need("SourceRegion")?);
    let name = query.get("Name").ok_or_else(|| Fail::bad("MissingParameter", "missing required parameter: Name"))?;
    let tags = Tagging::read(query)?;
    let snapshots: Vec<String> = world.images.get(source_id).map(snapshots_of).unwrap_or_default();
    let mut resources = vec![image_arn(source_region, source_id)];
    resources.extend(snapshots.iter().map(|id| snapshot_arn(source_region, id)));
    authorize(ask, "ec2:CopyImage", &resources, &Context::new())?;
    tags.authorize(ask)?;
    if let Some(answer) = replay(world, query, ask)? {
        return Ok(answer);
    }
    check_name(name)?;
    let encrypted = query.flag("Encrypted")?;
    let key = query.get("KmsKeyId");
    if key.is_some() && encrypted != Some(true) {
        let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(Fail::bad("InvalidParameterDependency", message));
    }
    let source = readable(world, source_id, source_region, ask)?.clone();
    if encrypted == Some(false)
        && let Some(id) = snapshots.iter().find(|id| world.snapshots.get(*id).is_some_and(|of| of.key.is_some()))
    {
        let message = format!(
            "Snapshot {id} is encrypted. Creating an unencrypted copy from an encrypted snapshot is not supported."
        );
        return Err(Fail::bad("InvalidRequest", message));
    }
    dry_run(query)?;
    let id = make(world, query, ask, &source, tags)?;
    remember(world, query, ask, &id);
    Ok(answer(&id))
}

/// Makes the image and its snapshots, all pending, with the end that KMS lets them have.
fn make(world: &mut World, query: &Query, ask: &Ask<'_>, source: &Image, tags: Tagging) -> Result<String, Fail> {
    let (encrypted, key) = (query.flag("Encrypted")?, query.get("KmsKeyId"));
    let account = ask.who.facts.account.clone();
    let copy_tags = query.flag("CopyImageTags")? == Some(true);
    let passed_on = source.tags.get(&account).filter(|_| copy_tags).cloned().unwrap_or_default();
    let id = format!("ami-{}", world.issue(17));
    let (from, whole) = (ask.now, ask.options.copy_time);
    let mut failure = ask.fail_copy.clone().map(|message| (message, "Copy failed".to_owned()));
    let mut mappings = Vec::new();
    for mapping in &source.mappings {
        let Some(original) = mapping.snapshot.as_ref().and_then(|id| world.snapshots.get(id)).cloned() else {
            mappings.push(mapping.clone());
            continue;
        };
        let (destination, refused) = destination_key(world, &original, encrypted, key, ask);
        failure = failure.or(refused);
        let copy = Snapshot {
            id: format!("snap-{}", world.issue(17)),
            owner: account.clone(),
            region: ask.region.to_owned(),
            state: "pending",
            state_message: None,
            progress: 0,
            // Of a copied snapshot the volume means nothing (R1.2.4).
            volume: "vol-ffffffff".to_owned(),
            key: destination,
            description: format!(
                "Copied for DestinationAmi {id} from SourceAmi {} for SourceSnapshot {}. Task created on {}.",
                source.id,
                original.id,
                grouped(ask)
            ),
            created: from,
            fate: None,
            tags: [(account.clone(), tags.snapshot.clone())].into(),
            create_volume_permissions: BTreeSet::new(),
            ..original
        };
        mappings.push(Mapping { snapshot: Some(copy.id.clone()), ..mapping.clone() });
        world.snapshots.insert(copy.id.clone(), copy);
    }
    let at = if failure.is_some() { from + whole / 4 } else { from + whole };
    let fate = Fate { from, at, failure };
    for id in mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()) {
        if let Some(snapshot) = world.snapshots.get_mut(id) {
            snapshot.fate = Some(fate.clone());
        }
    }
    let image = Image {
        id: id.clone(),
        name: query.need("Name")?.to_owned(),
        description: query.get("Description").unwrap_or_default().to_owned(),
        owner: account.clone(),
        region: ask.region.to_owned(),
        state: ImageState::Pending,
        state_reason: None,
        created: from,
        fate: Some(fate),
        mappings,
        tags: [(account, passed_on.into_iter().chain(tags.image).collect())].into(),
        // Neither permissions nor, by default, tags are copied (R1.2.5).
        launch_permissions: BTreeSet::new(),
        source: Some((source.id.clone(), source.region.clone())),
        ..source.clone()
    };
    world.images.insert(id.clone(), image);
    Ok(id)
}

fn answer(id: &str) -> Body {
    Body::Xml(vec![Element::of("imageId", id)])
}

fn snapshots_of(image: &Image) -> Vec<String> {
    image.mappings.iter().filter_map(|mapping| mapping.snapshot.clone()).collect()
}

/// The tags of the image and of its snapshots, set in the call itself (R1.2.6).
#[derive(Default)]
struct Tagging {
    image: tags::Tags,
    snapshot: tags::Tags,
}

impl Tagging {
    fn read(query: &Query) -> Result<Self, Fail> {
        let mut tagging = Self::default();
        for specification in query.members("TagSpecification") {
            match specification.need("ResourceType")? {
                "image" => tagging.image = tags::read(&specification)?,
                "snapshot" => tagging.snapshot = tags::read(&specification)?,
                other => {
                    let message = format!("'{other}' is not a valid taggable resource type for this operation.");
                    return Err(Fail::bad("InvalidParameterValue", message));
                }
            }
        }
        Ok(tagging)
    }

    fn authorize(&self, ask: &Ask<'_>) -> Result<(), Fail> {
        for (tags, arn) in [(&self.image, image_arn(ask.region, "*")), (&self.snapshot, snapshot_arn(ask.region, "*"))]
        {
            if !tags.is_empty() {
                authorize(ask, "ec2:CreateTags", &[arn], &tags::context(tags, Some("CopyImage")))?;
            }
        }
        Ok(())
    }
}

/// The same token with the same parameters answers the same image, dead or alive (R1.2.2).
fn replay(world: &World, query: &Query, ask: &Ask<'_>) -> Result<Option<Body>, Fail> {
    let Some(token) = query.get("ClientToken") else {
        return Ok(None);
    };
    if token.len() > 64 {
        return Err(Fail::bad("InvalidParameterValue", "The client token has more than 64 characters"));
    }
    match world.tokens.get(&place(token, ask)) {
        None => Ok(None),
        Some((parameters, id)) if *parameters == parameters_of(query) => Ok(Some(answer(id))),
        Some(_) => {
            let message = "The request uses the same client token as a previous, but non-identical request.";
            Err(Fail::bad("IdempotentParameterMismatch", message))
        }
    }
}

fn remember(world: &mut World, query: &Query, ask: &Ask<'_>, id: &str) {
    if let Some(token) = query.get("ClientToken") {
        world.tokens.insert(place(token, ask), (parameters_of(query), id.to_owned()));
    }
}

fn place(token: &str, ask: &Ask<'_>) -> (String, String, String) {
    (ask.who.facts.account.clone(), ask.region.to_owned(), token.to_owned())
}

fn parameters_of(query: &Query) -> String {
    query.pairs().map(|(name, value)| format!("{name}={value}\n")).collect()
}

fn check_name(name: &str) -> Result<(), Fail> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
    if (3..=128).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    let message = "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'";
    Err(Fail::bad("InvalidAMIName.Malformed", message))
}

/// The source, if the caller may read it: the image and the storage behind it (R1.5.1, R1.5.13 to R1.5.15).
fn readable<'a>(world: &'a World, id: &str, region: &str, ask: &Ask<'_>) -> Result<&'a Image, Fail> {
    ids::check_image(id)?;
    let account = &ask.who.facts.account;
    let source = world.images.get(id).filter(|image| image.region == region && may_launch(image, account));
    // Unknown for an image that is not shared at all: the stricter reading is that it does not exist.
    let source = source.ok_or_else(|| ids::image_not_found(id))?;
    if let Some(fail) = ids::unavailable(source) {
        return Err(fail);
    }
    if source.owner != *account {
        let shared =
            snapshots_of(source).iter().all(|id| world.snapshots.get(id).is_some_and(|of| may_copy(of, account)));
        if !shared {
            return Err(Fail::bad("InvalidRequest", "You do not have permission to access the storage of this ami"));
        }
        if !source.product_codes.is_empty() {
            let message = "Images from AWS Marketplace cannot be copied to another AWS account.";
            return Err(Fail::bad("InvalidRequest", message));
        }
    }
    Ok(source)
}

/// The key of one copied snapshot, and why the copy will fail, where KMS does not play along (R1.3, R1.5.2, R1.5.3).
fn destination_key(
    world: &mut World,
    original: &Snapshot,
    encrypted: Option<bool>,
    named: Option<&str>,
    ask: &Ask<'_>,
) -> (Option<String>, Option<(String, String)>) {
    let account = &ask.who.facts.account;
    let arn = match named {
        Some(named) => {
            if let Some(arn) = world.find_key(named, account, ask.region).filter(|arn| usable_here(world, arn, ask)) {
                Some(arn)
            } else {
                let why = format!("The specified keyId {named} is invalid");
                return (None, Some((format!("AMI snapshot copy failed with error: {why}"), why)));
            }
        }
        None if encrypted == Some(true) => world.default_ebs_key(account, ask.region),
        None => match &original.key {
            // Own snapshots keep their key within the Region; of others, and elsewhere, the default key is taken.
            Some(key) if original.owner == *account && original.region == ask.region => Some(key.clone()),
            Some(_) => world.default_ebs_key(account, ask.region),
            None => None,
        },
    };
    let refused = arn.as_ref().is_some_and(|arn| !kms_allows(world, original, arn, ask));
    let failure = refused.then(|| {
        let of_image = format!("AMI snapshot copy failed with error: {NOT_ACCESSIBLE}. You must have DescribeKey permissions on the default CMK");
        (of_image, NOT_ACCESSIBLE.to_owned())
    });
    (arn, failure)
}

/// Symmetric, enabled, in this Region (R1.3.6).
fn usable_here(world: &World, arn: &str, ask: &Ask<'_>) -> bool {
    world
        .keys
        .get(arn)
        .is_some_and(|key| key.region == ask.region && key.spec == "SYMMETRIC_DEFAULT" && auth::usable(key).is_ok())
}

fn kms_allows(world: &World, original: &Snapshot, destination: &str, ask: &Ask<'_>) -> bool {
    let (source, target): (&[&str], &[&str]) =
        if world.copies_as_recorded { (&RECORDED_SOURCE, &RECORDED_DESTINATION) } else { (&PUBLISHED, &PUBLISHED) };
    let allows = |arn: &String, actions: &[&str], region: &str| {
        world.keys.get(arn).is_some_and(|key| auth::via_ec2(ask.who, actions, key, region).is_ok())
    };
    original.key.iter().all(|key| allows(key, source, &original.region))
        && allows(&destination.to_owned(), target, ask.region)
}

/// The time in milliseconds, with commas, as it stands in descriptions (R1.2.10).
fn grouped(ask: &Ask<'_>) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds since 1970 are a small positive number"
    )]
    let digits = ((ask.clock.epoch(ask.now) * 1000.0) as u64).to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}

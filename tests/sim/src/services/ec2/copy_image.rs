//! CopyImage (R1.2 to R1.5).

use std::time::Duration;

use super::authorize::{authorize, image_resource, snapshot_resource};
use super::client_token::ClientToken;
use super::copies::{check_quotas, completion_minutes, copy_fate};
use super::copy_destination::{self, Encryption};
use super::sharing::{may_copy, may_launch};
use super::tags::{self, Tagging};
use super::{dry_run, ids, image_answer, image_names, regions, snapshot_tier};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{Image, ImageState, Mapping, Protection, Shared, Snapshot, Tags, World};

pub(super) fn copy_image(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    // 1. What is needed to ask for permission.
    let (source_id, source_region) = (query.need("SourceImageId")?, query.need("SourceRegion")?);
    let Some(name) = query.get("Name") else {
        let message = "missing required parameter: Name";
        return Err(Fail::bad("MissingParameter", message));
    };
    let tags = Tagging::read(query, &["image", "snapshot"])?;
    regions::check(world, source_region)?;
    authorize_copy(world, source_id, source_region, request)?;
    tags.authorize(request, "CopyImage")?;

    // 2. A request that was answered before is answered again (R1.2.2).
    let token = read_token(query, request)?;
    if let Some(token) = &token
        && let Some(id) = token.recall(world)?
    {
        return Ok(image_answer(id));
    }

    // 3. The parameters, and the source.
    image_names::check(name)?;
    let encryption = Encryption::read(query)?;
    let completion_minutes = completion_minutes(query, "SnapshotCopyCompletionDurationMinutes")?;
    let source = readable_source(world, source_id, source_region, request)?.clone();
    if encryption.encrypted == Some(false) {
        check_unencrypted(world, &source)?;
    }
    dry_run(query)?;
    check_quotas(world, request, source.snapshot_ids().count())?;

    // 4. The copy, which KMS can let fail later only.
    let copy = ImageCopy {
        query,
        request,
        source,
        tags,
        encryption,
        completion_minutes,
    };
    let id = copy.make(world)?;
    if let Some(token) = token {
        token.remember(world, &id);
    }
    Ok(image_answer(&id))
}

/// Asks IAM for the image and each of its snapshots (R1.4.1).
fn authorize_copy(
    world: &World,
    source_id: &str,
    source_region: &str,
    request: &Request<'_>,
) -> Result<(), Fail> {
    let mut resources = vec![image_resource(world, source_region, source_id, request)];
    if let Some(source) = world.images.get(source_id) {
        for id in source.snapshot_ids() {
            resources.push(snapshot_resource(world, source_region, id, request));
        }
    }
    authorize(request, "ec2:CopyImage", &resources, &Context::new())
}

fn read_token(query: &Query, request: &Request<'_>) -> Result<Option<ClientToken>, Fail> {
    let Some(token) = query.get("ClientToken") else {
        return Ok(None);
    };
    if token.len() > 64 {
        let message = "The client token has more than 64 characters";
        return Err(Fail::invalid_value(message));
    }
    Ok(Some(ClientToken::new(token.to_owned(), query, request)))
}

/// The source, if the caller may read the image and the snapshots behind it (R1.5.1, R1.5.13 to
/// R1.5.15).
fn readable_source<'a>(
    world: &'a World,
    id: &str,
    region: &str,
    request: &Request<'_>,
) -> Result<&'a Image, Fail> {
    ids::check_image(id)?;
    let as_of = request.shared_as_of();
    let image = world.images.get(id).filter(|image| image.region == region);
    // AWS's answer for an image that is not shared is not known. The stricter reading is that the
    // image does not exist.
    let source = match image {
        Some(image) if may_launch(world, image, request, as_of) => image,
        _ => return Err(ids::image_not_found(id)),
    };
    ids::check_available(source)?;
    snapshot_tier::check_restored(world, source)?;
    if source.owner == request.account() {
        return Ok(source);
    }
    let shared = source.snapshot_ids().all(|id| {
        let snapshot = world.snapshots.get(id);
        snapshot.is_some_and(|snapshot| may_copy(snapshot, request.account(), as_of))
    });
    if !shared {
        let message = "You do not have permission to access the storage of this ami";
        return Err(Fail::bad("InvalidRequest", message));
    }
    if !source.product_codes.is_empty() {
        let message = "Images from AWS Marketplace cannot be copied to another AWS account.";
        return Err(Fail::bad("InvalidRequest", message));
    }
    Ok(source)
}

/// An encrypted snapshot has no unencrypted copy (R1.3.2).
fn check_unencrypted(world: &World, source: &Image) -> Result<(), Fail> {
    for id in source.snapshot_ids() {
        let snapshot = world.snapshots.get(id);
        if snapshot.is_some_and(|snapshot| snapshot.key.is_some()) {
            let message = format!(
                "Snapshot {id} is encrypted. Creating an unencrypted copy from an encrypted \
                 snapshot is not supported."
            );
            return Err(Fail::bad("InvalidRequest", message));
        }
    }
    Ok(())
}

/// A copy that all checks have passed.
struct ImageCopy<'a> {
    query: &'a Query,
    request: &'a Request<'a>,
    source: Image,
    tags: Tagging,
    encryption: Encryption<'a>,
    completion_minutes: Option<u32>,
}

impl ImageCopy<'_> {
    /// Makes the image and its snapshots, all pending, and decides how they end. Returns the
    /// image's ID.
    fn make(&self, world: &mut World) -> Result<String, Fail> {
        let tags = self.image_tags()?;
        let id = world.new_id("ami");
        let (mappings, refused) = self.copy_snapshots(world, &id);

        // A fault that was ordered wins over what KMS refused. All snapshots share the end.
        let ordered = self.request.fail_copy.clone();
        let failure = match &ordered {
            Some((message, _)) => Some((message.clone(), "Copy failed".to_owned())),
            None => refused,
        };
        let mut fate = copy_fate(failure, self.request);
        if let Some((_, state)) = ordered {
            fate.fails_as = state;
        }
        for mapping in &mappings {
            if let Some(id) = &mapping.snapshot
                && let Some(snapshot) = world.snapshots.get_mut(id)
            {
                snapshot.fate = Some(fate.clone());
            }
        }

        let account = self.request.account().to_owned();
        let image = Image {
            id: id.clone(),
            name: self.query.need("Name")?.to_owned(),
            description: self.query.get("Description").unwrap_or_default().to_owned(),
            owner: account.clone(),
            region: self.request.region.to_owned(),
            state: ImageState::Pending,
            state_reason: None,
            created: self.request.now,
            settled: Duration::ZERO,
            fate: Some(fate),
            mappings,
            tags: [(account, tags)].into(),
            // Launch permissions are not copied (R1.2.5).
            launch_permissions: Shared::default(),
            source: Some((self.source.id.clone(), self.source.region.clone())),
            source_instance: None,
            // Neither are the settings of the one image (R1.2.7).
            deprecation_time: None,
            deprecated_at: None,
            protection: Protection::Off,
            // Watermarks go with a copy, the scan of another image does not (R7.13).
            scan: None,
            ..self.source.clone()
        };
        world.images.insert(id.clone(), image);
        world.touch();
        Ok(id)
    }

    /// The tags of the request, and on request those that the caller sees on the source (R1.2.5,
    /// R1.2.6).
    fn image_tags(&self) -> Result<Tags, Fail> {
        let mut tags = Tags::new();
        if self.query.flag("CopyImageTags")? == Some(true) {
            let source = &self.source;
            tags = tags::visible(&source.tags, &source.owner, self.request.account());
        }
        tags.extend(self.tags.image.clone());
        Ok(tags)
    }

    /// Copies the snapshots. Returns the block device mapping of the copy, and why the copy will
    /// fail.
    fn copy_snapshots(
        &self,
        world: &mut World,
        image_id: &str,
    ) -> (Vec<Mapping>, Option<(String, String)>) {
        let (mut mappings, mut failure) = (Vec::new(), None);
        for mapping in &self.source.mappings {
            let original = mapping.snapshot.as_ref();
            let original = original.and_then(|id| world.snapshots.get(id)).cloned();
            let Some(original) = original else {
                // Devices without a snapshot stay in the mapping (R1.2.4).
                mappings.push(mapping.clone());
                continue;
            };
            let copy_id = world.new_id("snap");
            let destination =
                copy_destination::choose(world, &original, self.encryption, &copy_id, self.request);
            failure = failure.or(destination.failure);
            let copy = self.snapshot_copy(original, copy_id, destination.key, image_id);
            mappings.push(Mapping {
                snapshot: Some(copy.id.clone()),
                ..mapping.clone()
            });
            world.snapshots.insert(copy.id.clone(), copy);
        }
        (mappings, failure)
    }

    fn snapshot_copy(
        &self,
        original: Snapshot,
        id: String,
        key: Option<String>,
        image_id: &str,
    ) -> Snapshot {
        let account = self.request.account().to_owned();
        let description = format!(
            "Copied for DestinationAmi {image_id} from SourceAmi {} for SourceSnapshot {}. Task \
             created on {}.",
            self.source.id,
            original.id,
            grouped_milliseconds(self.request)
        );
        Snapshot {
            id,
            owner: account.clone(),
            region: self.request.region.to_owned(),
            state: "pending",
            state_message: None,
            progress: 0,
            volume: Snapshot::NO_VOLUME.to_owned(),
            key,
            description,
            created: self.request.now,
            completed: None,
            fate: None,
            completion_minutes: self.completion_minutes,
            copied_from: Some((original.region.clone(), original.id.clone())),
            tags: [(account, self.tags.snapshot.clone())].into(),
            create_volume_permissions: Shared::default(),
            ..original
        }
    }
}

/// The time in milliseconds with commas, as descriptions show it (R1.2.10).
fn grouped_milliseconds(request: &Request<'_>) -> String {
    let digits = format!("{:.0}", request.clock.epoch(request.now) * 1000.0);
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

//! CopySnapshot (R1.3.4, R1.4.5, R1.5.4 to R1.5.12): what is wrong with the source shows only
//! later.

use super::authorize::{authorize, new_snapshot, snapshot_resource};
use super::copies::{check_quotas, completion_minutes, copy_fate, key_without_encryption};
use super::kms_calls::{self, KmsCall};
use super::sharing::{encrypts_by_default, may_copy};
use super::tags::{self, Tagging};
use super::{dry_run, ids, regions};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{KeyState, Shared, Snapshot, World};

pub(super) fn copy_snapshot(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    // 1. What is needed to ask for permission.
    let source = query.need("SourceSnapshotId")?;
    if !ids::is_snapshot(source) {
        return Err(Fail::invalid_value("The specified snapshotId is invalid"));
    }
    let Some(source_region) = query.get("SourceRegion") else {
        // This is EC2's answer to a missing Region (recorded, without the status).
        let message = "An internal error has occurred";
        return Err(Fail::new(500, "InternalError", message));
    };
    regions::check(world, source_region)?;
    let completion_minutes = completion_minutes(query, "CompletionDurationMinutes")?;
    let tags = Tagging::read(query, &["snapshot"])?;
    let resources = [
        new_snapshot(request),
        snapshot_resource(world, source_region, source, request),
    ];
    authorize(request, "ec2:CopySnapshot", &resources, &Context::new())?;
    tags.authorize(request, "CopySnapshot")?;
    dry_run(query)?;

    // 2. The parameters. A key that is named is checked now (R1.5.4 to R1.5.6).
    check_region(query, request)?;
    check_presigned_url(query, source, request)?;
    let named_key = named_key(world, query, request)?;
    check_quotas(world, request, 1)?;

    // 3. The copy, which its source and KMS can let fail later only.
    let copy = SnapshotCopy {
        query,
        request,
        source_region,
        source,
        named_key,
        tags,
        completion_minutes,
    };
    let (id, tags) = copy.make(world);
    let mut answer = vec![Element::of("snapshotId", id)];
    answer.extend(tags);
    Ok(Body::Xml(answer))
}

fn check_region(query: &Query, request: &Request<'_>) -> Result<(), Fail> {
    let here = request.region;
    match query.get("DestinationRegion") {
        Some(region) if region != here => {
            let message =
                format!("DestinationRegion '{region}' does not match the current region ({here}).");
            Err(Fail::invalid_value(message))
        }
        _ => Ok(()),
    }
}

/// Between Regions, clients sign a URL for the source, which must mean the same copy. Its
/// signature is not checked.
fn check_presigned_url(query: &Query, source: &str, request: &Request<'_>) -> Result<(), Fail> {
    let Some(text) = query.filled("PresignedUrl") else {
        return Ok(());
    };
    let url = match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        _ => {
            let message = "The protocol in PresignedUrl should be http or https";
            return Err(Fail::invalid_value(message));
        }
    };
    if let Some(other) = url_parameter(&url, "SourceSnapshotId")
        && other != source
    {
        let message = format!(
            "The source snapshot specified in PresignedUrl '{other}' does not match the source \
             snapshot in the request: '{source}'"
        );
        return Err(Fail::invalid_value(message));
    }
    if let Some(region) = url_parameter(&url, "DestinationRegion")
        && region != request.region
    {
        let message =
            format!("The destination region specified in PresignedUrl: '{region}' is incorrect");
        return Err(Fail::invalid_value(message));
    }
    Ok(())
}

fn url_parameter(url: &url::Url, name: &str) -> Option<String> {
    let (_, value) = url.query_pairs().find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

/// The destination's key, if the request names or asks for one. `DescribeKey` on it happens
/// within the call (R1.4.8).
fn named_key(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
) -> Result<Option<String>, Fail> {
    let encrypted = query.flag("Encrypted")? == Some(true);
    let Some(name) = query.get("KmsKeyId") else {
        if encrypted {
            return Ok(world.default_ebs_key(request.account(), request.region));
        }
        return Ok(None);
    };
    if !encrypted {
        return Err(key_without_encryption());
    }
    let refused = |why: &str| Fail::invalid_value(format!("The specified keyId {name} is {why}"));
    let Some(arn) = world.find_key(name, request.account(), request.region) else {
        return Err(refused("invalid"));
    };
    let source = query.get("SourceSnapshotId").unwrap_or_default();
    let describe = KmsCall::new("kms:DescribeKey", &arn, source);
    if kms_calls::forward(world, request, &describe).is_err() {
        // The blank at the end is AWS's.
        let message = format!("Not authorized to use key {arn} ");
        return Err(Fail::new(403, "AuthFailure", message));
    }
    match world.keys.get(&arn) {
        Some(key) if key.region != request.region => Err(refused("invalid")),
        Some(key) if key.spec != "SYMMETRIC_DEFAULT" => Err(refused("invalid")),
        Some(key) if key.state == KeyState::Disabled => Err(refused("disabled")),
        Some(key) if key.state != KeyState::Enabled => Err(refused("invalid")),
        _ => Ok(Some(arn)),
    }
}

/// A copy that all checks have passed.
struct SnapshotCopy<'a> {
    query: &'a Query,
    request: &'a Request<'a>,
    source_region: &'a str,
    source: &'a str,
    named_key: Option<String>,
    tags: Tagging,
    completion_minutes: Option<u32>,
}

impl SnapshotCopy<'_> {
    /// Makes the copy, pending, and decides how it ends. Returns its ID, and its tags as the answer
    /// shows them.
    fn make(self, world: &mut World) -> (String, Option<Element>) {
        let id = world.new_id("snap");
        let account = self.request.account();
        let original = self.readable_source(world);
        let key = self.key(world, original.as_ref());
        let failure = self.failure(world, original.as_ref(), key.as_deref(), &id);
        // Nothing is known of a source that was not read.
        let is_read = original.as_ref().is_some_and(|of| of.state == "completed");
        let size = original.map_or(0, |of| if is_read { of.size } else { 0 });
        let shown_tags = tags::render(&self.tags.snapshot);
        let snapshot = Snapshot {
            id: id.clone(),
            owner: account.to_owned(),
            region: self.request.region.to_owned(),
            state: "pending",
            state_message: Some("Metadata not updated".to_owned()),
            progress: 0,
            volume: Snapshot::NO_VOLUME.to_owned(),
            unknown: true,
            size,
            key,
            description: self.query.get("Description").unwrap_or_default().to_owned(),
            created: self.request.now,
            completed: None,
            fate: Some(copy_fate(failure, self.request)),
            completion_minutes: self.completion_minutes,
            copied_from: Some((self.source_region.to_owned(), self.source.to_owned())),
            archived: false,
            lock: None,
            tags: [(account.to_owned(), self.tags.snapshot)].into(),
            create_volume_permissions: Shared::default(),
        };
        world.snapshots.insert(id.clone(), snapshot);
        world.touch();
        (id, shown_tags)
    }

    fn readable_source(&self, world: &World) -> Option<Snapshot> {
        let snapshot = world.snapshots.get(self.source)?;
        let as_of = self.request.shared_as_of();
        let readable = snapshot.region == self.source_region
            && may_copy(snapshot, self.request.account(), as_of);
        readable.then(|| snapshot.clone())
    }

    /// The key of the copy. If none is named, the copy of an encrypted snapshot is under the
    /// default key, whichever key the source is under (R1.3.4).
    fn key(&self, world: &mut World, original: Option<&Snapshot>) -> Option<String> {
        if self.named_key.is_some() {
            return self.named_key.clone();
        }
        let encrypted = original.is_some_and(|of| of.key.is_some());
        if encrypted || encrypts_by_default(world, self.request) {
            return world.default_ebs_key(self.request.account(), self.request.region);
        }
        None
    }

    /// Why the copy will fail: of the image and of the snapshot, which is the same here.
    fn failure(
        &self,
        world: &mut World,
        original: Option<&Snapshot>,
        key: Option<&str>,
        id: &str,
    ) -> Option<(String, String)> {
        let reason = match original {
            None => Some("Source snapshot is not found"),
            Some(of) if of.state != "completed" => Some("Source snapshot is not complete"),
            Some(of) if of.archived => Some("Source snapshot is archived"),
            Some(of) => match key {
                Some(key) if !self.kms_allows(world, of, key, id) => {
                    Some("Given key ID is not accessible")
                }
                _ => None,
            },
        };
        let ordered = self.request.fail_copy.as_ref();
        let reason = reason.map(str::to_owned);
        let reason = reason.or_else(|| ordered.map(|(message, _)| message.clone()))?;
        Some((reason.clone(), reason))
    }

    fn kms_allows(&self, world: &mut World, source: &Snapshot, key: &str, id: &str) -> bool {
        // The default key needs DescribeKey as well (R1.4.4). The call itself has asked for it on a
        // key that was named (R1.5.4).
        if self.query.get("KmsKeyId").is_none() {
            let describe = KmsCall::new("kms:DescribeKey", key, id);
            if kms_calls::forward(world, self.request, &describe).is_err() {
                return false;
            }
        }
        kms_calls::copy(world, self.request, source, key, id).is_ok()
    }
}

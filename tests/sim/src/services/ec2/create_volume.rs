//! `CreateVolume` and `DeleteVolume`. A volume whose keys the caller may not use has an ID for a
//! moment, and then never was (R4.18).

use super::authorize::{account_resource, authorize, set_owner, snapshot_resource};
use super::kms_calls::is_permitted;
use super::sharing::may_copy;
use super::tags::{self, Tagging};
use super::{dry_run, ids, return_true, volumes};
use crate::auth::Resource;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{LooseVolume, Snapshot, Volume, World};

/// What is asked of the key of a snapshot, and of the key of the volume (recorded).
const SOURCE: [&str; 1] = ["kms:ReEncryptFrom"];
const VOLUME: [&str; 3] = [
    "kms:ReEncryptTo",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:CreateGrant",
];

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let zone = query.need("AvailabilityZone")?;
    let tags = Tagging::read(query, &["volume"])?.others;
    let snapshot_id = query.filled("SnapshotId");
    let volume = new_volume(snapshot_id, request);
    let mut resources = Vec::new();
    resources.extend(snapshot_id.map(|id| snapshot_resource(world, request.region, id, request)));
    resources.push(volume.clone());
    authorize(request, "ec2:CreateVolume", &resources, &Context::new())?;
    if !tags.is_empty() {
        let context = tags::context(&tags, Some("CreateVolume"));
        authorize(request, "ec2:CreateTags", &[volume], &context)?;
    }
    let snapshot = match snapshot_id {
        Some(id) => Some(visible_snapshot(world, id, request)?),
        None => None,
    };
    let key = read_key(world, query, snapshot.as_ref(), request)?;
    dry_run(query)?;
    let size = query.get("Size").and_then(|size| size.parse().ok());
    let size = size.or(snapshot.as_ref().map(|snapshot| snapshot.size));
    let Some(size) = size else {
        let message = "The request must contain the parameter size or snapshotId";
        return Err(Fail::bad("MissingParameter", message));
    };
    let loose = LooseVolume {
        volume: Volume {
            id: world.new_id("vol"),
            device: String::new(),
            snapshot: snapshot_id.unwrap_or_default().to_owned(),
            key,
            size,
            delete_on_termination: false,
        },
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        zone: zone.to_owned(),
        kind: query.get("VolumeType").unwrap_or("gp2").to_owned(),
        created: request.now,
        tags,
    };
    let answer = volumes::render_loose(&loose, "creating", request);
    let source = snapshot.and_then(|snapshot| snapshot.key);
    if kms_allows(world, source.as_deref(), &loose.volume, request) {
        world.volumes.insert(loose.volume.id.clone(), loose);
    }
    Ok(Body::Xml(answer))
}

fn new_volume(snapshot: Option<&str>, request: &Request<'_>) -> Resource {
    let mut volume = account_resource("volume/*", request);
    set_owner(&mut volume, request.account());
    volume.set("aws:ResourceBeingCreated", "true");
    volume.set("ec2:VolumeID", "*");
    if let Some(id) = snapshot {
        let arn = format!("arn:aws:ec2:{}::snapshot/{id}", request.region);
        volume.set("ec2:ParentSnapshot", &arn);
    }
    volume
}

fn visible_snapshot(world: &World, id: &str, request: &Request<'_>) -> Result<Snapshot, Fail> {
    ids::check_snapshot(id)?;
    let snapshot = world.snapshots.get(id).filter(|snapshot| {
        let is_visible = may_copy(snapshot, request.account(), request.shared_as_of());
        is_visible && snapshot.region == request.region
    });
    let snapshot = snapshot.ok_or_else(|| ids::snapshot_not_found(id))?;
    if snapshot.state != "completed" {
        let message = format!("Snapshot {id} is not completed.");
        return Err(Fail::bad("IncorrectState", message));
    }
    Ok(snapshot.clone())
}

/// The key of the volume: the one that the request names; of an own snapshot that one's; else the
/// caller's default key (R4.2).
fn read_key(
    world: &mut World,
    query: &Query,
    snapshot: Option<&Snapshot>,
    request: &Request<'_>,
) -> Result<Option<String>, Fail> {
    let account = request.account();
    let encrypted = query.flag("Encrypted")?;
    if let Some(name) = query.filled("KmsKeyId") {
        if encrypted != Some(true) {
            let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
            return Err(Fail::bad("InvalidParameterDependency", message));
        }
        let key = world.find_key(name, account, request.region);
        return key
            .map(Some)
            .ok_or_else(|| Fail::invalid_value(format!("The specified keyId {name} is invalid")));
    }
    let settings = world
        .accounts
        .get(account)
        .and_then(|of| of.settings.get(request.region));
    let by_default = settings.is_some_and(|settings| settings.encryption_by_default);
    Ok(
        match snapshot.and_then(|snapshot| Some((snapshot, snapshot.key.as_ref()?))) {
            Some((snapshot, key)) if snapshot.owner == account => Some(key.clone()),
            None if encrypted != Some(true) && !by_default => None,
            _ => world.default_ebs_key(account, request.region),
        },
    )
}

fn kms_allows(world: &World, source: Option<&str>, volume: &Volume, request: &Request<'_>) -> bool {
    source.is_none_or(|key| is_permitted(world, request, key, &SOURCE))
        && volume
            .key
            .as_ref()
            .is_none_or(|key| is_permitted(world, request, key, &VOLUME))
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("VolumeId")?;
    let volume = account_resource(&format!("volume/{id}"), request);
    authorize(request, "ec2:DeleteVolume", &[volume], &Context::new())?;
    volumes::own_volume(world, id, request)?;
    dry_run(query)?;
    if world.volumes.remove(id).is_none() {
        let message = format!("Volume {id} is currently attached to an instance");
        return Err(Fail::bad("VolumeInUse", message));
    }
    Ok(return_true())
}

//! CreateImage and CreateSnapshot: of what an instance runs on. Neither asks anything of KMS
//! (R1.4.7).

use super::tags::Tagging;
use super::{authorize, copy, dry_run, instances, new_on, register, snapshots};
use crate::auth::On;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Outcome, Query};
use crate::world::{Fate, Image, ImageState, Mapping, Protection, Shared, Snapshot, Volume, World};

pub(super) fn create_image(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (instance_id, name) = (query.need("InstanceId")?, query.need("Name")?);
    let tags = Tagging::read(query, &["image", "snapshot"])?;
    let on = [
        On::arn(format!(
            "arn:aws:ec2:{}:{}:instance/{instance_id}",
            request.region,
            request.account()
        )),
        new_on("image", request),
        new_on("snapshot", request),
    ];
    authorize(request, "ec2:CreateImage", &on, &Context::new())?;
    tags.authorize(request, "CreateImage")?;
    copy::check_name(name)?;
    let instance = instances::owned(world, instance_id, request)?.clone();
    register::unique(world, name, request)?;
    dry_run(query)?;
    let id = world.new_id("ami");
    let mut mappings = Vec::new();
    for volume in &instance.volumes {
        let description = format!("Created by CreateImage({instance_id}) for {id}");
        let snapshot = snapshot_of(world, volume, description, tags.snapshot.clone(), request);
        mappings.push(Mapping::of_snapshot(volume.device.clone(), snapshot, "gp3"));
    }
    let origin = world.images.get(&instance.image);
    let image = Image {
        id: id.clone(),
        name: name.to_owned(),
        description: query.get("Description").unwrap_or_default().to_owned(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        state: ImageState::Pending,
        state_reason: None,
        created: request.now,
        fate: Some(fate(request)),
        root_device: mappings
            .first()
            .map(|mapping| mapping.device.clone())
            .unwrap_or_default(),
        mappings,
        root_device_type: "ebs".to_owned(),
        // They stay with what is made of a Marketplace image (R1.5.15).
        product_codes: origin
            .map(|image| image.product_codes.clone())
            .unwrap_or_default(),
        tags: [(request.account().to_owned(), tags.image)].into(),
        launch_permissions: Shared::default(),
        source: origin.map(|image| (image.id.clone(), image.region.clone())),
        source_instance: Some(instance_id.to_owned()),
        architecture: origin
            .map_or_else(|| "x86_64".to_owned(), |image| image.architecture.clone()),
        imds_support: origin.and_then(|image| image.imds_support.clone()),
        deprecation_time: None,
        deprecated_at: None,
        protection: Protection::Off,
    };
    world.images.insert(id.clone(), image);
    world.touch();
    Ok(Body::Xml(vec![Element::of("imageId", id)]))
}

pub(super) fn create_snapshot(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let volume_id = query.need("VolumeId")?;
    let tags = Tagging::read(query, &["snapshot"])?;
    let volume_on = On::arn(format!(
        "arn:aws:ec2:{}:{}:volume/{volume_id}",
        request.region,
        request.account()
    ));
    authorize(
        request,
        "ec2:CreateSnapshot",
        &[volume_on, new_on("snapshot", request)],
        &Context::new(),
    )?;
    tags.authorize(request, "CreateSnapshot")?;
    let volume = instances::volume(world, volume_id, request)?.clone();
    dry_run(query)?;
    let description = query.get("Description").unwrap_or_default().to_owned();
    let id = snapshot_of(world, &volume, description, tags.snapshot, request);
    world.touch();
    let shown = world
        .snapshots
        .get(&id)
        .map(|snapshot| snapshots::render(snapshot, request))
        .unwrap_or_default();
    Ok(Body::Xml(shown))
}

fn fate(request: &Request<'_>) -> Fate {
    Fate::success(request.now, request.copy_time)
}

/// A snapshot of a volume is under the volume's key, and its data key is the volume's (R1.4.7).
fn snapshot_of(
    world: &mut World,
    volume: &Volume,
    description: String,
    tags: super::tags::Tags,
    request: &Request<'_>,
) -> String {
    let id = world.new_id("snap");
    let snapshot = Snapshot {
        id: id.clone(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        state: "pending",
        volume: volume.id.clone(),
        size: volume.size,
        key: volume.key.clone(),
        description,
        created: request.now,
        fate: Some(fate(request)),
        tags: [(request.account().to_owned(), tags)].into(),
        ..Snapshot::default()
    };
    world.snapshots.insert(id.clone(), snapshot);
    id
}

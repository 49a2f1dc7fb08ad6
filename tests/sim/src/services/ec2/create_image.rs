//! CreateImage and CreateSnapshot: of the volumes of an instance. Neither asks anything of KMS
//! (R1.4.7).

use super::authorize::{account_resource, authorize, new_image, new_snapshot};
use super::tags::Tagging;
use super::{dry_run, image_answer, image_names, instances, snapshots, volumes};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Body, Outcome, Query};
use crate::world::{Fate, Image, ImageState, Instance, Mapping, Snapshot, Tags, Volume, World};

pub(super) fn create_image(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (instance_id, name) = (query.need("InstanceId")?, query.need("Name")?);
    let tags = Tagging::read(query, &["image", "snapshot"])?;
    let resources = [
        account_resource(&format!("instance/{instance_id}"), request),
        new_image(request),
        new_snapshot(request),
    ];
    authorize(request, "ec2:CreateImage", &resources, &Context::new())?;
    tags.authorize(request, "CreateImage")?;
    image_names::check(name)?;
    let instance = instances::own_instance(world, instance_id, request)?.clone();
    image_names::check_unique(world, name, request)?;
    dry_run(query)?;
    let id = world.new_id("ami");
    let mut mappings = Vec::new();
    for volume in &instance.volumes {
        let description = format!("Created by CreateImage({instance_id}) for {id}");
        let snapshot = make_snapshot(world, volume, description, tags.snapshot.clone(), request);
        mappings.push(Mapping::of_snapshot(volume.device.clone(), snapshot, "gp3"));
    }
    let mut image = image_of(world, &instance, request);
    image.id.clone_from(&id);
    name.clone_into(&mut image.name);
    let description = query.get("Description").unwrap_or_default();
    description.clone_into(&mut image.description);
    image.tags = [(request.account().to_owned(), tags.image)].into();
    if let Some(root) = mappings.first() {
        image.root_device.clone_from(&root.device);
    }
    image.mappings = mappings;
    world.images.insert(id.clone(), image);
    world.touch();
    Ok(image_answer(&id))
}

/// An image of an instance, with what it keeps of the image that the instance was launched from.
fn image_of(world: &World, instance: &Instance, request: &Request<'_>) -> Image {
    let mut image = Image {
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        state: ImageState::Pending,
        created: request.now,
        fate: Some(fate(request)),
        root_device_type: "ebs".to_owned(),
        source_instance: Some(instance.id.clone()),
        architecture: "x86_64".to_owned(),
        ..Image::default()
    };
    if let Some(origin) = world.images.get(&instance.image) {
        // Product codes stay with every image that is made of a Marketplace image (R1.5.15).
        image.product_codes.clone_from(&origin.product_codes);
        image.source = Some((origin.id.clone(), origin.region.clone()));
        image.architecture.clone_from(&origin.architecture);
        image.imds_support.clone_from(&origin.imds_support);
        image.hardware.clone_from(&origin.hardware);
    }
    image
}

pub(super) fn create_snapshot(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let volume_id = query.need("VolumeId")?;
    let tags = Tagging::read(query, &["snapshot"])?;
    let resources = [
        account_resource(&format!("volume/{volume_id}"), request),
        new_snapshot(request),
    ];
    authorize(request, "ec2:CreateSnapshot", &resources, &Context::new())?;
    tags.authorize(request, "CreateSnapshot")?;
    let volume = volumes::own_volume(world, volume_id, request)?.clone();
    dry_run(query)?;
    let description = query.get("Description").unwrap_or_default().to_owned();
    let id = make_snapshot(world, &volume, description, tags.snapshot, request);
    world.touch();
    let snapshot = world.snapshots.get(&id);
    let shown = snapshot.map(|snapshot| snapshots::render_new(snapshot, request));
    Ok(Body::Xml(shown.unwrap_or_default()))
}

fn fate(request: &Request<'_>) -> Fate {
    Fate::success(request.now, request.copy_time)
}

/// Makes a snapshot of a volume. It is under the volume's key, with the volume's data key (R1.4.7).
fn make_snapshot(
    world: &mut World,
    volume: &Volume,
    description: String,
    tags: Tags,
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

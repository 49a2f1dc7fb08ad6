//! RegisterImage: an image of snapshots that are there (R1.6).

use super::tags::Tagging;
use super::{authorize, copy, dry_run, new_on, snapshot_on};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, ImageState, Mapping, Protection, Shared, World};

pub(super) fn register_image(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("Name")?;
    let devices = query.members("BlockDeviceMapping");
    let tags = Tagging::read(query, &["image"])?;
    let snapshots: Vec<&str> = devices
        .iter()
        .filter_map(|device| device.get("Ebs.SnapshotId"))
        .collect();
    let mut on = vec![new_on("image", request)];
    on.extend(
        snapshots
            .iter()
            .map(|id| snapshot_on(world, request.region, id, request)),
    );
    authorize(request, "ec2:RegisterImage", &on, &Context::new())?;
    tags.authorize(request, "RegisterImage")?;
    copy::check_name(name)?;
    let root = query.get("RootDeviceName").unwrap_or("/dev/sda1");
    let mappings = devices
        .iter()
        .map(|device| mapping(world, device, request))
        .collect::<Result<Vec<_>, Fail>>()?;
    if !mappings
        .iter()
        .any(|mapping| mapping.device == root && mapping.snapshot.is_some())
    {
        return Err(Fail::bad(
            "InvalidBlockDeviceMapping",
            "No root snapshot specified in device mapping.",
        ));
    }
    unique(world, name, request)?;
    dry_run(query)?;
    let id = world.new_id("ami");
    let image = Image {
        id: id.clone(),
        name: name.to_owned(),
        description: query.get("Description").unwrap_or_default().to_owned(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        // Of snapshots that are there nothing is left to be made (recorded).
        state: ImageState::Available,
        state_reason: None,
        created: request.now,
        fate: None,
        mappings,
        root_device_type: "ebs".to_owned(),
        product_codes: Vec::new(),
        tags: [(request.account().to_owned(), tags.image)].into(),
        launch_permissions: Shared::default(),
        source: None,
        source_instance: None,
        architecture: query.get("Architecture").unwrap_or("i386").to_owned(),
        root_device: root.to_owned(),
        imds_support: query.get("ImdsSupport").map(str::to_owned),
        deprecation_time: None,
        deprecated_at: None,
        protection: Protection::Off,
    };
    world.images.insert(id.clone(), image);
    Ok(Body::Xml(vec![Element::of("imageId", id)]))
}

fn mapping(world: &World, device: &Query, request: &Request<'_>) -> Result<Mapping, Fail> {
    let name = device.get("DeviceName").unwrap_or_default().to_owned();
    if let Some(ephemeral) = device.get("VirtualName") {
        return Ok(Mapping::ephemeral(name, ephemeral.to_owned()));
    }
    let Some(id) = device.get("Ebs.SnapshotId") else {
        let size = device
            .get("Ebs.VolumeSize")
            .and_then(|size| size.parse().ok());
        return Ok(Mapping {
            snapshot: None,
            size,
            ..Mapping::of_snapshot(name, String::new(), "gp2")
        });
    };
    let snapshot = world
        .snapshots
        .get(id)
        .filter(|of| of.region == request.region)
        .ok_or_else(|| {
            Fail::bad(
                "InvalidSnapshotID.NotFound",
                format!("The snapshot ID '{id}' does not exist"),
            )
        })?;
    if snapshot.owner != request.account() {
        // Shared or not: it must be copied before an image can be made of it (R1.6).
        let account = request.account();
        let message =
            format!("Invalid value '{id}' for snapshotId. Snapshot does not belong to {account}");
        return Err(Fail::bad("InvalidParameterValue", message));
    }
    if device.get("Ebs.Encrypted").is_some() {
        let message = "Parameter encrypted is invalid. You cannot specify the encrypted flag if \
                       specifying a snapshot id in a block device mapping.";
        return Err(Fail::bad("InvalidParameter", message));
    }
    let kind = device.get("Ebs.VolumeType").unwrap_or("gp2");
    let delete_on_termination = device.flag("Ebs.DeleteOnTermination")?.unwrap_or(true);
    Ok(Mapping {
        delete_on_termination,
        ..Mapping::of_snapshot(name, id.to_owned(), kind)
    })
}

/// RegisterImage and CreateImage take no name twice, CopyImage does (R1.2.8).
pub(super) fn unique(world: &World, name: &str, request: &Request<'_>) -> Result<(), Fail> {
    let same = |image: &&Image| {
        image.owner == request.account()
            && image.region == request.region
            && image.name == name
            && !matches!(image.state, ImageState::Deregistered | ImageState::Failed)
    };
    match world.images.values().find(same) {
        None => Ok(()),
        Some(other) => {
            let message = format!("AMI name {name} is already in use by AMI {}", other.id);
            Err(Fail::bad("InvalidAMIName.Duplicate", message))
        }
    }
}

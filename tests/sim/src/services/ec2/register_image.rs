//! RegisterImage: an image of existing snapshots (R1.6).

use super::authorize::{authorize, new_image, snapshot_resource};
use super::tags::Tagging;
use super::{dry_run, image_answer, image_names};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{Hardware, Image, ImageState, Mapping, World};

pub(super) fn register_image(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("Name")?;
    let devices = query.members("BlockDeviceMapping");
    let tags = Tagging::read(query, &["image"])?;
    let mut resources = vec![new_image(request)];
    for device in &devices {
        if let Some(id) = device.get("Ebs.SnapshotId") {
            resources.push(snapshot_resource(world, request.region, id, request));
        }
    }
    authorize(request, "ec2:RegisterImage", &resources, &Context::new())?;
    tags.authorize(request, "RegisterImage")?;
    image_names::check(name)?;
    let root_device = query.get("RootDeviceName").unwrap_or("/dev/sda1");
    let mappings = read_mappings(world, &devices, root_device, request)?;
    image_names::check_unique(world, name, request)?;
    dry_run(query)?;
    let id = world.new_id("ami");
    let image = Image {
        id: id.clone(),
        name: name.to_owned(),
        description: query.get("Description").unwrap_or_default().to_owned(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        // Its snapshots exist already, so that nothing is pending (recorded).
        state: ImageState::Available,
        created: request.now,
        mappings,
        root_device_type: "ebs".to_owned(),
        tags: [(request.account().to_owned(), tags.image)].into(),
        architecture: query.get("Architecture").unwrap_or("i386").to_owned(),
        root_device: root_device.to_owned(),
        hardware: read_hardware(query)?,
        imds_support: query.get("ImdsSupport").map(str::to_owned),
        ..Image::default()
    };
    world.images.insert(id.clone(), image);
    Ok(image_answer(&id))
}

/// What the image needs of a machine. Without a word it is for the first instance types (API).
fn read_hardware(query: &Query) -> Result<Hardware, Fail> {
    let virtualization = query.get("VirtualizationType").unwrap_or("paravirtual");
    Ok(Hardware {
        ena: query.flag("EnaSupport")? == Some(true),
        boot_mode: query.get("BootMode").map(str::to_owned),
        virtualization: virtualization.to_owned(),
        tpm: query.get("TpmSupport").map(str::to_owned),
        ..Hardware::default()
    })
}

fn read_mappings(
    world: &World,
    devices: &[Query],
    root_device: &str,
    request: &Request<'_>,
) -> Result<Vec<Mapping>, Fail> {
    let (mut mappings, mut has_root) = (Vec::new(), false);
    for device in devices {
        let mapping = read_mapping(world, device, request)?;
        has_root |= mapping.device == root_device && mapping.snapshot.is_some();
        mappings.push(mapping);
    }
    if !has_root {
        let message = "No root snapshot specified in device mapping.";
        return Err(Fail::bad("InvalidBlockDeviceMapping", message));
    }
    Ok(mappings)
}

fn read_mapping(world: &World, device: &Query, request: &Request<'_>) -> Result<Mapping, Fail> {
    let name = device.get("DeviceName").unwrap_or_default().to_owned();
    if let Some(ephemeral) = device.get("VirtualName") {
        return Ok(Mapping::ephemeral(name, ephemeral.to_owned()));
    }
    let Some(id) = device.get("Ebs.SnapshotId") else {
        let size = device.get("Ebs.VolumeSize");
        let size = size.and_then(|size| size.parse().ok()).unwrap_or(8);
        let stays = device.flag("Ebs.DeleteOnTermination")? == Some(false);
        return Ok(Mapping {
            volume_type: device.get("Ebs.VolumeType").unwrap_or("gp2").to_owned(),
            encrypted: device.flag("Ebs.Encrypted")? == Some(true),
            ..Mapping::empty(name, size, !stays)
        });
    };
    check_snapshot(world, id, request)?;
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

/// Checks that a snapshot is the caller's. A shared one must be copied before an image can be made
/// of it (R1.6).
fn check_snapshot(world: &World, id: &str, request: &Request<'_>) -> Result<(), Fail> {
    let account = request.account();
    match world.snapshots.get(id) {
        Some(snapshot) if snapshot.region == request.region => {
            if snapshot.owner == account {
                return Ok(());
            }
            let message = format!(
                "Invalid value '{id}' for snapshotId. Snapshot does not belong to {account}"
            );
            Err(Fail::invalid_value(message))
        }
        _ => {
            let message = format!("The snapshot ID '{id}' does not exist");
            Err(Fail::bad("InvalidSnapshotID.NotFound", message))
        }
    }
}

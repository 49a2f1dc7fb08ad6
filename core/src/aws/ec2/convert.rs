//! Converts the SDK's types, in which everything is optional, to ours.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{self as sdk, ImageState as SdkState, StorageTier};

use super::allowed_images::{convert_scan, convert_watermark};
use crate::aws::unreadable::{Unreadable, present, read, read_if_present};
use crate::inventory::{BootMode, EmptyVolume, Hardware, Image, ImageState, Mapping, Snapshot};

pub(super) const KMS_KEY_ID: &str = "KmsKeyId";

pub(super) fn convert_image(image: &sdk::Image) -> Result<Image, Unreadable> {
    let id = image.image_id().unwrap_or("an image");
    convert_known_image(image).map_err(|unreadable| unreadable.of(id))
}

fn convert_known_image(image: &sdk::Image) -> Result<Image, Unreadable> {
    let reason = image.state_reason();
    let reason = reason.and_then(|reason| reason.message().or(reason.code()));
    let protection = image.deregistration_protection();
    let product_codes = image.product_codes().iter();
    let watermarks = image.image_watermarks().iter();
    let source = image.source_image_id().zip(image.source_image_region());
    let mut mappings = Vec::new();
    for mapping in image.block_device_mappings() {
        mappings.push(convert_mapping(mapping)?);
    }
    let converted = Image {
        id: read("ImageId", image.image_id())?,
        name: image.name().unwrap_or_default().to_owned(),
        description: image.description().unwrap_or_default().to_owned(),
        owner: present("OwnerId", image.owner_id())?.to_owned(),
        state: convert_state(image.state())?,
        state_reason: reason.map(str::to_owned),
        root_device_type: convert_root_device_type(image)?.to_owned(),
        creation_date: image.creation_date().unwrap_or_default().to_owned(),
        deprecation_time: image.deprecation_time().map(str::to_owned),
        deregistration_protected: protection.is_some_and(|state| state.starts_with("enabled")),
        architecture: image
            .architecture()
            .map(|kind| kind.as_str())
            .unwrap_or_default()
            .to_owned(),
        hardware: convert_hardware(image),
        mappings,
        product_codes: product_codes
            .map(|code| code.product_code_id().unwrap_or("(no code)").to_owned())
            .collect(),
        tags: convert_tags(image.tags())?,
        source: source.map(|(id, region)| (id.to_owned(), region.to_owned())),
        source_instance: image.source_instance_id().map(str::to_owned),
        watermarks: watermarks.map(convert_watermark).collect(),
        scan: image.scan_results().map(convert_scan),
        allowed: image.image_allowed(),
    };
    check_root_device(&converted, image.root_device_name())?;
    Ok(converted)
}

fn convert_root_device_type(image: &sdk::Image) -> Result<&str, Unreadable> {
    const MEMBER: &str = "RootDeviceType";
    match image.root_device_type() {
        Some(known @ (sdk::DeviceType::Ebs | sdk::DeviceType::InstanceStore)) => Ok(known.as_str()),
        Some(other) => Err(Unreadable::unknown(MEMBER, other.as_str())),
        None if image.state() == Some(&SdkState::Available) => Err(Unreadable::missing(MEMBER)),
        // An image that is being made, or has failed, may not have devices yet.
        None => Ok(""),
    }
}

/// Checks that the root device of an available image is made of a snapshot, unless the image is
/// backed by instance store. Some images call their root device by another name than its mapping.
fn check_root_device(image: &Image, name: Option<&str>) -> Result<(), Unreadable> {
    let is_backed_by_ebs = image.root_device_type == sdk::DeviceType::Ebs.as_str();
    if image.state != ImageState::Available || !is_backed_by_ebs {
        return Ok(());
    }
    let mut mappings = image.mappings.iter();
    let root = mappings.find(|mapping| name.is_some() && mapping.device.as_deref() == name);
    let has_snapshot = match root {
        Some(root) => root.snapshot.is_some(),
        None => image.snapshots().next().is_some(),
    };
    if has_snapshot {
        Ok(())
    } else {
        Err(Unreadable::missing("SnapshotId"))
    }
}

fn convert_hardware(image: &sdk::Image) -> Hardware {
    let kind = image.virtualization_type();
    let specification = image.instance_type_specification();
    let patterns = |items: &[sdk::InstanceTypeItem]| {
        let patterns = items.iter().filter_map(|item| item.instance_type());
        patterns.map(str::to_owned).collect()
    };
    Hardware {
        // An image that does not say so is one of before ENA.
        ena: image.ena_support() == Some(true),
        boot_mode: match image.boot_mode() {
            Some(sdk::BootModeValues::Uefi) => Some(BootMode::Uefi),
            Some(sdk::BootModeValues::LegacyBios) => Some(BootMode::Legacy),
            _ => None,
        },
        virtualization: kind.map(|kind| kind.as_str().to_owned()),
        tpm: image.tpm_support().is_some(),
        supported: specification
            .map_or_else(Vec::new, |of| patterns(of.supported_instance_types())),
        unsupported: specification
            .map_or_else(Vec::new, |of| patterns(of.unsupported_instance_types())),
    }
}

fn convert_mapping(mapping: &sdk::BlockDeviceMapping) -> Result<Mapping, Unreadable> {
    let ebs = mapping.ebs();
    let is_something = ebs.is_some() || mapping.virtual_name().is_some();
    if !is_something && mapping.no_device().is_none() {
        return Err(Unreadable::missing("Ebs"));
    }
    let snapshot = ebs.and_then(|ebs| ebs.snapshot_id());
    Ok(Mapping {
        snapshot: read_if_present("SnapshotId", snapshot)?,
        device: mapping.device_name().map(str::to_owned),
        is_encrypted: ebs.and_then(|ebs| ebs.encrypted()) == Some(true),
        empty_volume: ebs.filter(|_| snapshot.is_none()).and_then(|ebs| {
            Some(EmptyVolume {
                size: ebs.volume_size()?,
                kind: ebs.volume_type().map(|kind| kind.as_str().to_owned()),
            })
        }),
    })
}

/// Every state that can still become `available` counts as pending (R1.1.1).
fn convert_state(state: Option<&SdkState>) -> Result<ImageState, Unreadable> {
    match present("State", state)? {
        SdkState::Available => Ok(ImageState::Available),
        SdkState::Disabled => Ok(ImageState::Disabled),
        SdkState::Deregistered => Ok(ImageState::Deregistered),
        SdkState::Pending | SdkState::Transient => Ok(ImageState::Pending),
        failed @ (SdkState::Failed | SdkState::Error | SdkState::Invalid) => {
            Ok(ImageState::Failed(failed.as_str().to_owned()))
        }
        other => Err(Unreadable::unknown("State", other.as_str())),
    }
}

pub(super) fn convert_snapshot(snapshot: &sdk::Snapshot) -> Result<Snapshot, Unreadable> {
    let id = snapshot.snapshot_id().unwrap_or("a snapshot");
    convert_known_snapshot(snapshot).map_err(|unreadable| unreadable.of(id))
}

fn convert_known_snapshot(snapshot: &sdk::Snapshot) -> Result<Snapshot, Unreadable> {
    let state = present("State", snapshot.state())?.as_str();
    let is_encrypted = present("Encrypted", snapshot.encrypted())?;
    let key = read_if_present(KMS_KEY_ID, snapshot.kms_key_id())?;
    match &key {
        // A copy that is being made, or has failed, may not have its key yet.
        None if is_encrypted && !matches!(state, "pending" | "error") => {
            return Err(Unreadable::missing(KMS_KEY_ID));
        }
        Some(_) if !is_encrypted => return Err(Unreadable::unknown("Encrypted", is_encrypted)),
        _ => {}
    }
    Ok(Snapshot {
        id: read("SnapshotId", snapshot.snapshot_id())?,
        state: state.to_owned(),
        state_message: snapshot
            .state_message()
            .filter(|message| !message.is_empty())
            .map(str::to_owned),
        progress: snapshot
            .progress()
            .and_then(|progress| progress.trim_end_matches('%').parse().ok()),
        is_encrypted,
        key,
        archived: is_archived(snapshot)?,
        description: snapshot.description().unwrap_or_default().to_owned(),
        tags: convert_tags(snapshot.tags())?,
    })
}

/// A snapshot that does not name its tier is in the only one that there was at first.
fn is_archived(snapshot: &sdk::Snapshot) -> Result<bool, Unreadable> {
    match snapshot.storage_tier() {
        Some(StorageTier::Archive) => Ok(true),
        Some(StorageTier::Standard) | None => Ok(false),
        Some(other) => Err(Unreadable::unknown("StorageTier", other.as_str())),
    }
}

pub(super) fn convert_tags(tags: &[sdk::Tag]) -> Result<BTreeMap<String, String>, Unreadable> {
    let mut converted = BTreeMap::new();
    for tag in tags {
        let key = present("Key", tag.key())?.to_owned();
        converted.insert(key, tag.value().unwrap_or_default().to_owned());
    }
    Ok(converted)
}

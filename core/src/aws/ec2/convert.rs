//! Converts the SDK's types, in which everything is optional, to ours.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{self as sdk, ImageState as SdkState, StorageTier};

use super::allowed_images::{convert_scan, convert_watermark};
use crate::inventory::{Image, ImageState, Mapping, Snapshot};

/// `None` if the ID is missing or cannot be parsed.
pub(super) fn convert_image(image: &sdk::Image) -> Option<Image> {
    let reason = image.state_reason();
    let reason = reason.and_then(|reason| reason.message().or(reason.code()));
    let protection = image.deregistration_protection();
    let mappings = image.block_device_mappings().iter();
    let product_codes = image.product_codes().iter();
    let watermarks = image.image_watermarks().iter();
    let source = image.source_image_id().zip(image.source_image_region());
    Some(Image {
        id: image.image_id()?.parse().ok()?,
        name: image.name().unwrap_or_default().to_owned(),
        owner: image.owner_id().unwrap_or_default().to_owned(),
        state: convert_state(image.state()),
        state_reason: reason.map(str::to_owned),
        root_device_type: image
            .root_device_type()
            .map(|kind| kind.as_str())
            .unwrap_or_default()
            .to_owned(),
        creation_date: image.creation_date().unwrap_or_default().to_owned(),
        deprecation_time: image.deprecation_time().map(str::to_owned),
        deregistration_protected: protection.is_some_and(|state| state.starts_with("enabled")),
        architecture: image
            .architecture()
            .map(|kind| kind.as_str())
            .unwrap_or_default()
            .to_owned(),
        mappings: mappings.map(convert_mapping).collect(),
        product_codes: product_codes
            .filter_map(|code| code.product_code_id().map(str::to_owned))
            .collect(),
        tags: convert_tags(image.tags()),
        source: source.map(|(id, region)| (id.to_owned(), region.to_owned())),
        source_instance: image.source_instance_id().map(str::to_owned),
        watermarks: watermarks.map(convert_watermark).collect(),
        scan: image.scan_results().map(convert_scan),
        allowed: image.image_allowed(),
    })
}

fn convert_mapping(mapping: &sdk::BlockDeviceMapping) -> Mapping {
    let snapshot = mapping.ebs().and_then(|ebs| ebs.snapshot_id());
    Mapping {
        snapshot: snapshot.and_then(|id| id.parse().ok()),
        device: mapping.device_name().map(str::to_owned),
    }
}

/// Every state that can still become `available` counts as pending (R1.1.1).
fn convert_state(state: Option<&SdkState>) -> ImageState {
    match state {
        Some(SdkState::Available) => ImageState::Available,
        Some(SdkState::Disabled) => ImageState::Disabled,
        Some(SdkState::Deregistered) => ImageState::Deregistered,
        Some(failed @ (SdkState::Failed | SdkState::Error | SdkState::Invalid)) => {
            ImageState::Failed(failed.as_str().to_owned())
        }
        _ => ImageState::Pending,
    }
}

/// `None` if the ID is missing or cannot be parsed.
pub(super) fn convert_snapshot(snapshot: &sdk::Snapshot) -> Option<Snapshot> {
    Some(Snapshot {
        id: snapshot.snapshot_id()?.parse().ok()?,
        state: snapshot
            .state()
            .map(|state| state.as_str())
            .unwrap_or_default()
            .to_owned(),
        state_message: snapshot
            .state_message()
            .filter(|message| !message.is_empty())
            .map(str::to_owned),
        progress: snapshot
            .progress()
            .and_then(|progress| progress.trim_end_matches('%').parse().ok()),
        key: snapshot.kms_key_id().and_then(|key| key.parse().ok()),
        archived: snapshot.storage_tier() == Some(&StorageTier::Archive),
        description: snapshot.description().unwrap_or_default().to_owned(),
        tags: convert_tags(snapshot.tags()),
    })
}

fn convert_tags(tags: &[sdk::Tag]) -> BTreeMap<String, String> {
    let mut converted = BTreeMap::new();
    for tag in tags {
        if let Some(key) = tag.key() {
            converted.insert(key.to_owned(), tag.value().unwrap_or_default().to_owned());
        }
    }
    converted
}

//! From the SDK's types, in which everything is optional, to ours.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{self as sdk, ImageState as SdkState};

use crate::inventory::{Image, ImageState, Mapping, Snapshot};

/// `None` for an answer without an ID that we can read.
pub(super) fn image(image: &sdk::Image) -> Option<Image> {
    let mapping = |mapping: &sdk::BlockDeviceMapping| {
        let snapshot = mapping
            .ebs()
            .and_then(|ebs| ebs.snapshot_id()?.parse().ok());
        Mapping {
            snapshot,
            device: mapping.device_name().map(str::to_owned),
        }
    };
    Some(Image {
        id: image.image_id()?.parse().ok()?,
        name: image.name().unwrap_or_default().to_owned(),
        owner: image.owner_id().unwrap_or_default().to_owned(),
        state: state(image.state()),
        state_reason: image
            .state_reason()
            .and_then(|reason| reason.message().or(reason.code()))
            .map(str::to_owned),
        root_device_type: image
            .root_device_type()
            .map(|kind| kind.as_str())
            .unwrap_or_default()
            .to_owned(),
        creation_date: image.creation_date().unwrap_or_default().to_owned(),
        deprecation_time: image.deprecation_time().map(str::to_owned),
        deregistration_protected: image
            .deregistration_protection()
            .is_some_and(|state| state.starts_with("enabled")),
        architecture: image
            .architecture()
            .map(|kind| kind.as_str())
            .unwrap_or_default()
            .to_owned(),
        mappings: image.block_device_mappings().iter().map(mapping).collect(),
        product_codes: image
            .product_codes()
            .iter()
            .filter_map(|code| code.product_code_id().map(str::to_owned))
            .collect(),
        tags: tags(image.tags()),
        source: image
            .source_image_id()
            .zip(image.source_image_region())
            .map(|(id, region)| (id.to_owned(), region.to_owned())),
        source_instance: image.source_instance_id().map(str::to_owned),
    })
}

/// Every state that can still become `available` counts as pending (R1.1.1).
fn state(state: Option<&SdkState>) -> ImageState {
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

/// `None` for an answer without an ID that we can read.
pub(super) fn snapshot(snapshot: &sdk::Snapshot) -> Option<Snapshot> {
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
        description: snapshot.description().unwrap_or_default().to_owned(),
        tags: tags(snapshot.tags()),
    })
}

fn tags(tags: &[sdk::Tag]) -> BTreeMap<String, String> {
    let pair = |tag: &sdk::Tag| {
        Some((
            tag.key()?.to_owned(),
            tag.value().unwrap_or_default().to_owned(),
        ))
    };
    tags.iter().filter_map(pair).collect()
}

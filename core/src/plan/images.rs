//! Findings about the images themselves.

use crate::diagnostic::{Finding, FindingCode};
use crate::inventory::{Image, ImageState, RegionInventory};
use crate::request::ShareRequest;

pub(super) fn findings(
    request: &ShareRequest,
    inventory: &RegionInventory,
    image: &Image,
    now: i64,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let account = &inventory.location.account;
    if image.owner != account.as_ref() {
        findings.push(Finding::refuse(
            FindingCode::ImageNotOwned,
            &image.id,
            format!(
                "the image belongs to account {}, and only its owner can share it (R2.5)",
                image.owner
            ),
        ));
        // Its tags and snapshots are not shown to us, so nothing more can be said.
        return findings;
    }
    findings.extend(state(image));
    for (key, value) in &request.options.require_image_tags {
        if image.tags.get(key) != Some(value) {
            findings.push(Finding::refuse(
                FindingCode::ImageTagMissing,
                &image.id,
                format!("the image does not carry the tag `{key}={value}` that `require-image-tags` asks for"),
            ));
        }
    }
    if !image.product_codes.is_empty() {
        findings.push(Finding::warn(
            FindingCode::ImageProductCode,
            &image.id,
            format!(
                "the image carries the product code {}",
                image.product_codes.join(", ")
            ),
        ));
    }
    if let Some(at) = image
        .deprecation_time
        .as_ref()
        .filter(|at| super::lifecycle::is_past(at, now))
    {
        findings.push(Finding::warn(
            FindingCode::ImageDeprecated,
            &image.id,
            format!(
                "the image is deprecated since {at}: it can be shared and launched, but \
                     targets do not find it by searching"
            ),
        ));
    }
    if image.state == ImageState::Available {
        findings.extend(volumes(inventory, image));
    }
    findings
}

fn state(image: &Image) -> Option<Finding> {
    let reason = image
        .state_reason
        .as_deref()
        .unwrap_or("AWS gives no reason");
    match &image.state {
        ImageState::Available => None,
        ImageState::Pending => Some(Finding::warn(
            FindingCode::ImagePending,
            &image.id,
            "the image is still being made, so its volumes and keys cannot be judged yet",
        )),
        ImageState::Failed(state) => Some(Finding::refuse(
            FindingCode::ImageFailed,
            &image.id,
            format!("the image is in state `{state}` and will never be available: {reason}"),
        )),
        ImageState::Disabled => Some(Finding::refuse(
            FindingCode::ImageDisabled,
            &image.id,
            "the image is disabled, and a disabled image can be neither shared nor copied (R2.16)",
        )),
        ImageState::Deregistered => Some(Finding::refuse(
            FindingCode::ImageFailed,
            &image.id,
            "the image is deregistered",
        )),
    }
}

fn volumes(inventory: &RegionInventory, image: &Image) -> Vec<Finding> {
    if image.root_device_type == "instance-store" || image.snapshots().next().is_none() {
        let message = "the image is backed by instance store: it has no snapshot, so there is \
                       nothing to encrypt";
        return vec![if inventory.destination.is_some() {
            Finding::refuse(FindingCode::ImageInstanceStore, &image.id, message)
        } else {
            Finding::warn(FindingCode::ImageInstanceStore, &image.id, message)
        }];
    }
    let missing = image
        .snapshots()
        .filter(|id| !inventory.snapshots.contains_key(id));
    missing
        .map(|id| {
            Finding::refuse(
                FindingCode::ImageSnapshotMissing,
                id,
                format!(
                    "AWS does not show this snapshot of {}, so nobody can launch the image",
                    image.id
                ),
            )
        })
        .collect()
}

//! Findings about the images of the request.

use super::lifecycle;
use super::planner::Planner;
use crate::diagnostic::{Finding, FindingCode};
use crate::id::AccountId;
use crate::inventory::{Image, ImageState, RegionInventory};
use crate::request::ShareRequest;

/// What forbids to do anything with an image, whatever the mode: it is another account's, or not
/// the one that the user means.
pub(super) fn refuse_image(
    request: &ShareRequest,
    account: &AccountId,
    image: &Image,
) -> Vec<Finding> {
    if image.owner != account.as_ref() {
        // R2.5
        let message = format!("the image belongs to account {}", image.owner);
        // AWS does not show its tags to other accounts.
        return vec![Finding::refuse(
            FindingCode::ImageNotOwned,
            &image.id,
            message,
        )];
    }
    let mut refusals = Vec::new();
    for (key, value) in &request.options.require_image_tags {
        if image.tags.get(key) != Some(value) {
            let message = format!(
                "the image does not carry the tag `{key}={value}` that `require-image-tags` asks \
                 for"
            );
            let code = FindingCode::ImageTagMissing;
            refusals.push(Finding::refuse(code, &image.id, message));
        }
    }
    refusals
}

/// What forbids to share an image: the same, and a state in which it cannot be shared.
pub(crate) fn refuse_share(
    request: &ShareRequest,
    account: &AccountId,
    image: &Image,
) -> Vec<Finding> {
    let mut refusals = refuse_image(request, account, image);
    refusals.extend(refuse_state(image));
    refusals
}

fn refuse_state(image: &Image) -> Option<Finding> {
    let (code, message) = match &image.state {
        ImageState::Available | ImageState::Pending => return None,
        ImageState::Failed(state) => {
            let reason = image.state_reason.as_deref();
            let reason = reason.unwrap_or("AWS gives no reason");
            let message =
                format!("the image is in state `{state}` and will never be available: {reason}");
            (FindingCode::ImageFailed, message)
        }
        // R2.16
        ImageState::Disabled => {
            let message = "the image is disabled, and a disabled image can be neither shared nor \
                           copied";
            (FindingCode::ImageDisabled, message.to_owned())
        }
        ImageState::Deregistered => {
            let message = "the image is deregistered";
            (FindingCode::ImageFailed, message.to_owned())
        }
    };
    Some(Finding::refuse(code, &image.id, message))
}

impl Planner<'_> {
    /// Checks whether access to the images that the request names may be revoked. What a gone image
    /// was like, nobody can tell any more.
    pub(super) fn check_revoked_images(&mut self) {
        for source in &self.request.images {
            let Some(region) = self.inventory.regions.get(&source.region) else {
                continue;
            };
            if let Some(image) = region.images.get(&source.ami) {
                for refusal in refuse_image(self.request, &region.location.account, image) {
                    self.add(refusal);
                }
            } else if !self.request.options.require_image_tags.is_empty() {
                self.refuse(
                    FindingCode::ImageTagMissing,
                    &source.ami,
                    "the image does not exist any more, so nothing tells whether it carried the \
                     tags that `require-image-tags` asks for; leave that input out if you mean it",
                );
            }
        }
    }

    /// Checks whether an image can be shared, and is the one that the user means.
    pub(super) fn check_image(&mut self, region: &RegionInventory, image: &Image) {
        let account = &region.location.account;
        if image.owner != account.as_ref() {
            for refusal in refuse_image(self.request, account, image) {
                self.add_to_part(refusal);
            }
            return;
        }
        self.check_archived_snapshots(region, image);
        if image.state == ImageState::Pending {
            self.warn(
                FindingCode::ImagePending,
                &image.id,
                "the image is still being made, so its volumes and keys cannot be judged yet",
            );
        }
        if let Some(refusal) = refuse_state(image) {
            self.add_to_part(refusal);
        }
        // Whoever made the request may have named images that are not theirs, so a missing tag
        // refuses the whole run.
        for refusal in refuse_image(self.request, account, image) {
            self.add(refusal);
        }
        if !image.product_codes.is_empty() {
            let codes = image.product_codes.join(", ");
            let code = FindingCode::ImageProductCode;
            let message = format!("the image carries the product code {codes}");
            if self.request.options.in_targets.copies() {
                // R1.5.15
                let message = format!("{message}, so no target can copy it");
                self.refuse(code, &image.id, message);
            } else {
                self.warn(code, &image.id, message);
            }
        }
        if let Some(at) = &image.deprecation_time
            && lifecycle::is_past(at, self.inventory.now)
        {
            let message = format!(
                "the image is deprecated since {at}: it can be shared and launched, but targets do \
                 not find it by searching"
            );
            self.warn(FindingCode::ImageDeprecated, &image.id, message);
        }
        if image.state == ImageState::Available {
            self.check_image_volumes(region, image);
        }
    }

    /// Archived snapshots come before the state of the image: a disabled image is enabled only once
    /// they are restored (R7.31).
    ///
    /// This holds for copies as for images. A target's own copy concerns that target alone.
    pub(super) fn check_archived_snapshots(&mut self, region: &RegionInventory, image: &Image) {
        let code = FindingCode::ImageSnapshotArchived;
        for id in image.snapshots() {
            let snapshot = region.snapshots.get(id);
            if !snapshot.is_some_and(|snapshot| snapshot.archived) {
                continue;
            }
            let message = format!(
                "this snapshot of {} is archived, so nobody can launch or copy the image",
                image.id
            );
            let account = &region.location.account;
            if account == &self.inventory.account {
                self.refuse(code, id, message);
            } else {
                let message = format!("{message}, a copy of target {account}");
                self.warn(code, id, message);
            }
        }
    }

    fn check_image_volumes(&mut self, region: &RegionInventory, image: &Image) {
        if image.root_device_type == "instance-store" || image.snapshots().next().is_none() {
            let code = FindingCode::ImageInstanceStore;
            let message = "the image is backed by instance store: it has no snapshot, so there is \
                           nothing to encrypt";
            // Such an image can be shared, but not copied under a key.
            if region.destination_key.is_some() {
                self.refuse(code, &image.id, message);
            } else {
                self.warn(code, &image.id, message);
            }
            return;
        }
        for id in image.snapshots() {
            if !region.snapshots.contains_key(id) {
                let message = format!(
                    "AWS does not show this snapshot of {}, so nobody can launch the image",
                    image.id
                );
                self.refuse(FindingCode::ImageSnapshotMissing, id, message);
            }
        }
    }
}

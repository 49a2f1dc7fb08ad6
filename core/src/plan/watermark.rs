//! The watermark of a shared image, by which targets can allow it (R7.13).

use super::planner::Planner;
use super::step::{SharedImage, Watermark};
use crate::diagnostic::FindingCode;
use crate::id::Principal;
use crate::inventory::{Image, RegionInventory};
use crate::limits::WATERMARKS_PER_IMAGE;

impl Planner<'_> {
    /// The watermark that the request asks for; `None` if it asks for none. A copy that does not
    /// exist yet will have those of its source.
    pub(super) fn plan_watermark(
        &mut self,
        region: &RegionInventory,
        source: &Image,
        shared: &SharedImage,
    ) -> Option<Watermark> {
        let watermark = self.requested_watermark()?;
        let existing = self.existing_image(shared);
        let image = existing.unwrap_or(source);
        let current = &image.watermarks;
        let in_effect = current.iter().any(|current| current.key == watermark);
        if !in_effect && current.len() >= WATERMARKS_PER_IMAGE {
            let mut names: Vec<&str> = Vec::new();
            for current in current {
                names.push(&current.key);
            }
            let message = format!(
                "it has {} watermarks, as many as an image can have: {}",
                current.len(),
                names.join(", ")
            );
            self.refuse(FindingCode::ImageNoWatermark, &image.id, message);
        }
        // A copy that is yet to be made is not public, whatever its source is.
        let granted = existing.and_then(|image| region.launch_permissions.get(&image.id));
        let is_public = granted.is_some_and(|granted| granted.contains(&Principal::Public));
        if !in_effect && is_public {
            let message = "everybody can launch it, and AWS gives a public image no watermark";
            self.refuse(FindingCode::ImageNoWatermark, &image.id, message);
        }
        Some(Watermark {
            shared: shared.clone(),
            watermark,
            in_effect,
        })
    }

    /// The watermark as images show it: AWS puts the owner before its name.
    pub(super) fn requested_watermark(&self) -> Option<String> {
        let name = self.request.options.watermark.as_ref()?;
        Some(format!("{}:{name}", self.inventory.account))
    }
}

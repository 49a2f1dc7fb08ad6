//! Findings about Allowed AMIs of targets, which can hide a shared image (R7.3).

use std::collections::BTreeMap;

use super::lifecycle::{deprecation_moment, rfc3339};
use super::planner::Planner;
use super::step::{CopyImage, SharedImage, Step, TargetCopy};
use crate::diagnostic::FindingCode;
use crate::id::AccountId;
use crate::inventory::{
    AllowedImages, AllowedImagesState, Image, ImageAllowed, Watermark, seconds,
};

impl Planner<'_> {
    /// Whether targets whose setting could be read hide the image as it will be after the run, now
    /// or once it is deprecated. Returns who hides it now, and why.
    pub(super) fn check_allowed_images(
        &mut self,
        source: &Image,
        copy: Option<&CopyImage>,
        shared: &SharedImage,
        lifecycle: &[Step],
    ) -> BTreeMap<AccountId, String> {
        let image = self.image_after_run(source, copy, shared, lifecycle);
        let (mut messages, mut hiding) = (Vec::new(), BTreeMap::new());
        for (account, target) in self.inventory.reached_targets() {
            let region = target.regions.get(&shared.region);
            if let Some(allowed) = region.and_then(|region| region.allowed_images.as_ref()) {
                let now = self.inventory.now;
                messages.extend(describe_hiding(account, allowed, &image, now));
                hiding.extend(allowed.hides(&image, now).map(|why| (account.clone(), why)));
            }
        }
        for message in messages {
            self.warn(FindingCode::TargetHidesImage, &shared.source.ami, message);
        }
        hiding
    }

    /// The shared image; if it is a copy that does not exist yet, as it will be made.
    fn image_after_run(
        &self,
        source: &Image,
        copy: Option<&CopyImage>,
        shared: &SharedImage,
        lifecycle: &[Step],
    ) -> Image {
        let mut image = match (self.existing_image(shared), copy) {
            (Some(existing), _) => existing.clone(),
            (None, None) => source.clone(),
            (None, Some(copy)) => Image {
                name: copy.name.clone(),
                creation_date: rfc3339(self.inventory.now),
                deprecation_time: None,
                // A copy keeps the watermarks of its source, and was not scanned itself (R7.13).
                scan: None,
                ..source.clone()
            },
        };
        if let Some(key) = self.requested_watermark()
            && !image
                .watermarks
                .iter()
                .any(|watermark| watermark.key == key)
        {
            image.watermarks.push(Watermark {
                key,
                region: shared.region.to_string(),
                source_created: seconds(&image.creation_date),
                created: Some(self.inventory.now),
            });
        }
        for step in lifecycle {
            if let Step::Deprecate(deprecate) = step {
                let moment = deprecation_moment(deprecate.when, &image.creation_date);
                image.deprecation_time = moment.map(rfc3339);
            }
        }
        image
    }
}

/// Notes in the steps of targets that they hide the image.
pub(super) fn note_hiding(
    steps: &mut [Step],
    copies: &mut [TargetCopy],
    hiding: &BTreeMap<AccountId, String>,
) {
    for step in steps {
        if let Step::TagShared(tag) = step {
            tag.hidden = hiding.get(&tag.account).cloned();
        }
    }
    for copy in copies {
        copy.hidden = hiding.get(&copy.account).cloned();
    }
}

/// Why the setting of a target hides the image, if it does so now or will.
fn describe_hiding(
    account: &AccountId,
    allowed: &AllowedImages,
    image: &Image,
    now: i64,
) -> Option<String> {
    if allowed.state != AllowedImagesState::Enabled {
        return None;
    }
    match allowed.judge(image, now) {
        ImageAllowed::No(why) => Some(format!(
            "Allowed AMIs of target {account} hide the image from it: {why}"
        )),
        ImageAllowed::Unknown(_) => None,
        ImageAllowed::Yes => {
            let date = image.deprecation_time.as_ref()?;
            let days = allowed.days_after_deprecation(image, now)?;
            let end = seconds(date)?.checked_add(i64::from(days) * 24 * 60 * 60)?;
            let end = rfc3339(end);
            Some(format!(
                "the image is deprecated at {date}, and Allowed AMIs of target {account} hide \
                 images that have been deprecated for more than {days} days: from {end} on nobody \
                 there can launch it, so give it a later `deprecate-at`"
            ))
        }
    }
}

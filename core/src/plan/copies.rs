//! Which images are copied, and which copies exist already.

use std::collections::BTreeMap;

use super::adopt::{self, Candidate};
use super::own_copy;
use super::planner::Planner;
use super::step::CopyImage;
use crate::diagnostic::FindingCode;
use crate::id::{Region, SourceImage};
use crate::inventory::{Image, ImageState, KeyState, RegionInventory};
use crate::limits::{AMI_NAME_CHARACTERS, CONCURRENT_SNAPSHOT_COPIES, TAGS_PER_RESOURCE};
use crate::request::name;
use crate::tags;

impl Planner<'_> {
    /// The copy of an image that a Region needs; `None` if the image itself is shared there.
    pub(super) fn plan_copy(
        &mut self,
        source: &SourceImage,
        image: &Image,
        region: &RegionInventory,
    ) -> Option<CopyImage> {
        let location = &region.location;
        let key = region.destination_key.clone()?;
        if source.region == location.region && region.is_fully_encrypted_with(image, &key) {
            return None;
        }
        let name = self.request.copy_name.fill(&image.name_parts(region));
        let tags = self.tags_of_copy(image);
        let mut copy = CopyImage::new(source.clone(), location, key, name, &tags);
        copy.description = self.description_of_copy(image);
        copy.completion = self.request.options.copy_completion_minutes();
        copy.volumes = image.snapshots().count();
        self.check_copy(&copy);
        self.adopt_copy(&mut copy, region);
        let adopted = copy.adopt.as_ref().and_then(|id| region.image(id));
        match adopted {
            Some(adopted) => self.check_archived_snapshots(region, adopted),
            None => self.check_source_keys(source, image),
        }
        let existing = copy.adopt.as_ref().and_then(|id| region.image(id));
        self.check_lifecycle_of_copy(image, &copy, existing);
        Some(copy)
    }

    /// Warns if a copy, which may exist, lacks the deprecation date or the protection of its image,
    /// and this run does not set that: AWS does not copy them (R1.2.7, R7.32).
    pub(super) fn check_lifecycle_of_copy(
        &mut self,
        image: &Image,
        copy: &CopyImage,
        existing: Option<&Image>,
    ) {
        let options = &self.request.options;
        let is_deprecated = |image: &Image| image.deprecation_time.is_some();
        let mut lost = Vec::new();
        if let Some(at) = &image.deprecation_time
            && options.deprecate_at.is_none()
            && !existing.is_some_and(is_deprecated)
        {
            lost.push(format!("deprecated at {at}"));
        }
        if image.deregistration_protected
            && !options.deregistration_protection
            && !existing.is_some_and(|copy| copy.deregistration_protected)
        {
            lost.push("protected from deregistration".to_owned());
        }
        if !lost.is_empty() {
            let message = format!(
                "{} is {}, and its copy of account {} in {} is not",
                image.id,
                lost.join(" and "),
                copy.account,
                copy.region
            );
            self.warn(FindingCode::CopyLifecycleLost, &copy.source, message);
        }
    }

    /// The description of a copy of the image: AWS does not say whether it keeps that (R7.32).
    pub(super) fn description_of_copy(&self, image: &Image) -> String {
        let given = self.request.options.copy_description.as_ref();
        given.unwrap_or(&image.description).clone()
    }

    /// The tags of a copy of the image, without the marks of this tool.
    pub(super) fn tags_of_copy(&self, image: &Image) -> BTreeMap<String, String> {
        let options = &self.request.options;
        let source = options.copy_image_tags.then_some(&image.tags);
        tags::passed_on(source, &options.tags)
    }

    /// Whether AWS takes the name and the tags of the copy.
    pub(super) fn check_copy(&mut self, copy: &CopyImage) {
        if !name::is_ami_name(&copy.name) {
            let why = name::missing_value(&copy.name).unwrap_or_else(|| {
                let (least, most) = (AMI_NAME_CHARACTERS.start(), AMI_NAME_CHARACTERS.end());
                format!("AWS does not take that: {least} to {most} characters")
            });
            let message = format!("the copy would be named `{}`, but {why}", copy.name);
            self.refuse(FindingCode::CopyNameInvalid, &copy.source, message);
        }
        if copy.tags.len() > TAGS_PER_RESOURCE {
            let message = format!(
                "the copy would have {} tags, two of them marks of this tool; a resource can have \
                 {TAGS_PER_RESOURCE}",
                copy.tags.len(),
            );
            self.refuse(FindingCode::CopyTooManyTags, &copy.source, message);
        }
    }

    /// Fills in what exists already: the copy itself, and what failed copies left.
    pub(super) fn adopt_copy(&mut self, copy: &mut CopyImage, region: &RegionInventory) {
        let (mut adoptable, mut unproven) = (Vec::new(), Vec::new());
        for image in &region.copies {
            if !adopt::has_identity(image, &copy.identity) {
                unproven.extend(doubt_usable(image, copy, region).map(|doubt| (image, doubt)));
                continue;
            }
            match adopt::judge(image, &region.snapshots, copy, &region.location) {
                Candidate::Adoptable => adoptable.push(image),
                Candidate::Failed => copy.leftovers.images.push(image.id.clone()),
                Candidate::Disabled => self.warn(
                    FindingCode::CopyDisabled,
                    &image.id,
                    format!(
                        "this copy of {} is disabled, so it is not used and another is made",
                        copy.source
                    ),
                ),
                Candidate::Unrelated => {
                    unproven.push((
                        image,
                        "AWS does not show it as that copy of this name and key",
                    ));
                }
            }
        }
        // Concurrent runs must choose the same copy: the oldest.
        adoptable.sort_by_key(|image| (&image.creation_date, &image.id));
        if let [oldest, duplicates @ ..] = adoptable.as_slice() {
            copy.adopt = Some(oldest.id.clone());
            copy.available = oldest.state == ImageState::Available;
            for duplicate in duplicates {
                let message = format!(
                    "this is another copy of {}; the one that is used is {}",
                    copy.source, oldest.id
                );
                self.warn(FindingCode::CopyDuplicate, &duplicate.id, message);
            }
        }
        copy.leftovers.snapshots = adopt::failed_snapshots(region, &copy.identity);
        if copy.adopt.is_none() {
            for (image, doubt) in unproven {
                let message = format!(
                    "a tag calls this image a copy of {}, but {doubt}; so it counts as somebody \
                     else's: it is not used, and another copy is made",
                    copy.source
                );
                self.warn(FindingCode::CopyNotOurs, &image.id, message);
            }
        }
    }

    /// Whether the keys of the source work: copying decrypts under them (R3.4).
    fn check_source_keys(&mut self, source: &SourceImage, image: &Image) {
        let Some(home) = self.inventory.regions.get(&source.region) else {
            return;
        };
        for arn in home.keys_of(image) {
            let (code, state) = match home.keys.get(&arn).map(|key| &key.state) {
                Some(KeyState::Disabled) => (FindingCode::KeyDisabled, "disabled"),
                Some(KeyState::PendingDeletion) => {
                    (FindingCode::KeyPendingDeletion, "pending deletion")
                }
                _ => continue,
            };
            let message = format!(
                "{} is encrypted under this key, which is {state}, so it cannot be copied",
                image.id
            );
            self.refuse(code, &arn, message);
        }
    }

    /// Warns of more copies than AWS makes at the same time into a Region (R1.5.10).
    pub(super) fn check_copy_queue(&mut self, copies: &[CopyImage]) {
        let mut volumes: BTreeMap<(&Region, &Region), usize> = BTreeMap::new();
        for copy in copies.iter().filter(|copy| copy.adopt.is_none()) {
            let route = (&copy.source.region, &copy.region);
            *volumes.entry(route).or_default() += copy.volumes;
        }
        for ((from, to), volumes) in volumes {
            if volumes > CONCURRENT_SNAPSHOT_COPIES {
                let message = format!(
                    "{volumes} volumes are copied from {from} to here, and AWS copies \
                     {CONCURRENT_SNAPSHOT_COPIES} at once: the others wait"
                );
                self.warn(FindingCode::CopyQueued, to, message);
            }
        }
    }
}

/// Why an image that may be another copy of the same source may be none of this tool.
fn doubt_usable(image: &Image, copy: &CopyImage, region: &RegionInventory) -> Option<&'static str> {
    let is_usable = !matches!(
        image.state,
        ImageState::Failed(_) | ImageState::Deregistered
    );
    if !is_usable || !own_copy::is_called_copy_of(image, &copy.source) {
        return None;
    }
    own_copy::doubt(image, &copy.source, region, Some(&copy.name))
}

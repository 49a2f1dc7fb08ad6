//! What is shared, image by image and Region by Region, and the order of its steps.

use std::collections::BTreeSet;

use super::allowed_images::note_hiding;
use super::planner::Planner;
use super::step::{
    CopyImage, ForgetTemporaryAccess, Grants, KeyAccess, LaunchPermission, ReclaimAccess,
    ShareTags, SharedImage, SnapshotPermission, Step, TargetCopy, Watermark,
};
use crate::diagnostic::FindingCode;
use crate::id::SourceImage;
use crate::inventory::{Image, ImageState, Part, RegionInventory};
use crate::request::Unlisted;

/// The steps of a share that later steps are planned from.
#[derive(Default)]
pub(super) struct ShareSteps {
    pub(super) copies: Vec<CopyImage>,
    /// Key access is either by policies or by grants.
    pub(super) key_accesses: Vec<KeyAccess>,
    pub(super) grants: Vec<Grants>,
    pub(super) snapshots: Vec<SnapshotPermission>,
    pub(super) shared_tags: Vec<ShareTags>,
    pub(super) watermarks: Vec<Watermark>,
    pub(super) launches: Vec<LaunchPermission>,
    pub(super) target_copies: Vec<TargetCopy>,
    /// What is done with an image once it is shared.
    pub(super) follow_ups: Vec<Step>,
}

impl Planner<'_> {
    /// The steps that share every image of the request.
    pub(super) fn plan_share(&mut self) -> Vec<Step> {
        // 1. Which image is shared in each Region, with whom, and what follows from that.
        let mut steps = ShareSteps::default();
        for source in &self.request.images {
            self.plan_image(source, &mut steps);
        }
        self.end_part();
        self.check_copy_queue(&steps.copies);

        // 2. The keys: one key may serve several images.
        self.plan_key_access(&mut steps);
        self.check_parameters(&steps.follow_ups);
        self.check_launch_templates(&steps.follow_ups);

        // 3. Access of principals that the request does not list.
        let mut removals = Vec::new();
        if self.request.options.unlisted == Unlisted::Revoke {
            removals = self.plan_unlisted_removals(&steps.launches);
        }

        // 4. Access of targets that copy: it ends with their copies, or becomes permanent.
        let (mut reclaims, mut forgets) = (Vec::new(), Vec::new());
        if self.request.options.in_targets.unshare_after_copy {
            reclaims = self.plan_reclaims(&steps);
        } else {
            forgets = self.plan_permanent_access(&steps.launches);
        }

        // 5. Roles in targets.
        let roles = self.plan_roles(&steps);

        // 6. Limits of keys, and policies that KMS would not take back, whatever step writes them.
        self.check_grant_counts(&steps.grants, &roles);
        self.check_stale_principals_of_share(&steps, &reclaims, &removals);

        steps.in_order(roles, reclaims, forgets, removals)
    }

    /// One image in each Region that it is shared in.
    fn plan_image(&mut self, source: &SourceImage, steps: &mut ShareSteps) {
        let Some(home) = self.inventory.regions.get(&source.region) else {
            return;
        };
        let Some(image) = home.images.get(&source.ami) else {
            return;
        };
        if !self.begin(Part::Image(source.region.clone(), source.ami.clone())) {
            return;
        }
        self.check_image(home, image);
        // The volumes and keys of a pending image are not known yet.
        if image.state != ImageState::Available {
            self.awaits_image |= image.state == ImageState::Pending;
            return;
        }
        let launches = steps.launches.len();
        for region in self.request.regions_of(source) {
            if let Some(region) = self.inventory.regions.get(&region) {
                self.plan_image_in(region, source, image, steps);
            }
        }
        if !self.request.options.share_source && steps.launches.len() == launches {
            self.begin(Part::Image(source.region.clone(), source.ami.clone()));
            self.refuse(
                FindingCode::ImageNotCopied,
                &source.ami,
                "no Region gets a copy of the image, and the image itself is not to be shared",
            );
        }
    }

    /// One image in one Region.
    fn plan_image_in(
        &mut self,
        region: &RegionInventory,
        source: &SourceImage,
        image: &Image,
        steps: &mut ShareSteps,
    ) {
        let name = &region.location.region;
        if self.is_broken(&Part::Region(name.clone()))
            || !self.begin(Part::ImageIn(source.clone(), name.clone()))
        {
            return;
        }
        // 1. The image itself is shared, or a copy of it under the key of the request. Targets need
        //    the keys of what they launch.
        let copy = self.plan_copy(source, image, region);
        if copy.is_none() && !self.request.options.share_source {
            return;
        }
        let (image_id, keys) = match &copy {
            None => (Some(image.id.clone()), region.keys_of(image)),
            Some(copy) => (copy.adopt.clone(), BTreeSet::from([copy.key.clone()])),
        };
        if self.has_broken(region, image_id.as_ref(), &keys) {
            return;
        }
        let shared = SharedImage {
            source: source.clone(),
            region: region.location.region.clone(),
            image: image_id,
        };

        // 2. The copies of targets. With temporary access, a target whose copy is available gets
        //    no access any more.
        let mut target_copies = self.plan_target_copies(image, &shared);
        let principals = self.principals_in_need(&shared, &target_copies);

        // 3. Access to the shared image.
        if let Some(image) = self.existing_image(&shared) {
            self.check_records(image);
        }
        let snapshots = self.plan_snapshot_permission(region, &shared, &principals);
        let tags = self.plan_tags_to_share(image, copy.as_ref(), &shared);
        let watermark = self.plan_watermark(region, image, &shared);
        let launch = self.plan_launch_permission(image, &shared, keys, &principals);

        // 4. What is done once it is shared, in the source account and in targets.
        let lifecycle = self.plan_lifecycle(region, image, &shared);
        let mut in_targets = self.plan_tags_and_names(image, &shared, &target_copies);
        let hiding = self.check_allowed_images(image, copy.as_ref(), &shared, &lifecycle);
        note_hiding(&mut in_targets, &mut target_copies, &hiding);

        steps.copies.extend(copy);
        steps.snapshots.extend(snapshots);
        steps.shared_tags.extend(tags);
        steps.watermarks.extend(watermark);
        steps.launches.push(launch);
        steps.target_copies.extend(target_copies);
        steps.follow_ups.extend(lifecycle);
        steps.follow_ups.extend(in_targets);
    }
}

impl ShareSteps {
    /// All steps in the order in which a run depends on them: targets can use the keys of an image
    /// before they see it (P1), and access is removed last.
    fn in_order(
        self,
        roles: Vec<Step>,
        reclaims: Vec<ReclaimAccess>,
        forgets: Vec<ForgetTemporaryAccess>,
        removals: Vec<Step>,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        steps.extend(self.copies.into_iter().map(Step::Copy));
        steps.extend(self.key_accesses.into_iter().map(Step::KeyAccess));
        steps.extend(self.grants.into_iter().map(Step::Grants));
        steps.extend(self.snapshots.into_iter().map(Step::SnapshotPermission));
        steps.extend(self.shared_tags.into_iter().map(Step::ShareTags));
        steps.extend(self.watermarks.into_iter().map(Step::Watermark));
        steps.extend(self.launches.into_iter().map(Step::LaunchPermission));
        steps.extend(self.target_copies.into_iter().map(Step::TargetCopy));
        steps.extend(roles);
        steps.extend(self.follow_ups);
        steps.extend(reclaims.into_iter().map(Step::ReclaimAccess));
        steps.extend(forgets.into_iter().map(Step::ForgetTemporaryAccess));
        steps.extend(removals);
        steps
    }
}

//! What is done in target accounts, by the role there: own copies, tags, what names the image.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::Planner;
use super::step::{Leftovers, SharedImage, Step, TagShared, TargetCopy};
use crate::diagnostic::FindingCode;
use crate::id::{AccountId, KeyArn, Principal};
use crate::inventory::{Image, Key, Part, RegionInventory};
use crate::tags;

impl Planner<'_> {
    /// The copies that targets make of a shared image.
    pub(super) fn plan_target_copies(
        &mut self,
        source: &Image,
        shared: &SharedImage,
    ) -> Vec<TargetCopy> {
        let mut copies = Vec::new();
        for (account, target) in self.inventory.reached_targets() {
            let Some(region) = target.regions.get(&shared.region) else {
                continue;
            };
            let arn = region.destination_key.as_ref();
            let Some(key) = arn.and_then(|arn| region.keys.get(arn)) else {
                continue;
            };
            // A key that cannot be used concerns this target alone.
            let part = Part::TargetRegion(account.clone(), shared.region.clone());
            if !self.begin(part) {
                continue;
            }
            self.check_target_key(key);
            self.begin(Part::ImageIn(shared.source.clone(), shared.region.clone()));
            if source.snapshots().next().is_some() {
                copies.push(self.plan_target_copy(region, &key.arn, source, shared));
            }
        }
        copies
    }

    /// The copy that a target makes under a key of its own.
    fn plan_target_copy(
        &mut self,
        region: &RegionInventory,
        key: &KeyArn,
        source: &Image,
        shared: &SharedImage,
    ) -> TargetCopy {
        let name_parts = source.name_parts(region);
        let mut target_copy = TargetCopy {
            account: region.location.account.clone(),
            shared: shared.clone(),
            key: key.clone(),
            name: self.request.copy_name.fill(&name_parts),
            description: self.description_of_copy(source),
            adopt: None,
            available: false,
            leftovers: Leftovers::default(),
            tags: self.tags_in_target(source),
            hidden: None,
            completion: self.request.options.copy_completion_minutes(),
            volumes: source.snapshots().count(),
        };
        // If the shared image does not exist yet, there is nothing to adopt; the name and the tags
        // of its copy are the same as those of a copy of the source.
        let image_id = shared.image.as_ref().unwrap_or(&source.id);
        let mut copy = target_copy.to_copy_image(image_id);
        let lacks_alias = region.alias.is_none() && self.request.copy_name.needs_alias();
        if lacks_alias {
            let account = region.location.account.clone();
            self.begin(Part::TargetRegion(account, shared.region.clone()));
        }
        self.check_copy(&copy);
        self.begin(Part::ImageIn(shared.source.clone(), shared.region.clone()));
        if shared.image.is_some() {
            self.adopt_copy(&mut copy, region);
            let adopted = copy.adopt.as_ref().and_then(|id| region.image(id));
            if let Some(adopted) = adopted {
                let account = region.location.account.clone();
                self.begin(Part::TargetRegion(account, shared.region.clone()));
                self.check_archived_snapshots(region, adopted);
                self.begin(Part::ImageIn(shared.source.clone(), shared.region.clone()));
            }
            target_copy.available = copy.available;
            target_copy.adopt.clone_from(&copy.adopt);
            target_copy.leftovers = copy.leftovers.clone();
        }
        let existing = copy.adopt.as_ref().and_then(|id| region.image(id));
        self.check_lifecycle_of_copy(source, &copy, existing);
        target_copy
    }

    /// Whether a target's key can encrypt a copy.
    fn check_target_key(&mut self, key: &Key) {
        let problem = match key.state.problem() {
            Some(problem) => problem,
            // R1.3.6
            None if !key.symmetric => {
                "is no symmetric encryption key, and EBS takes no other".to_owned()
            }
            None => return,
        };
        let account = key.arn.account();
        let message =
            format!("this key of target {account} {problem}, so no copy can be made under it");
        self.refuse(FindingCode::TargetKeyUnusable, &key.arn, message);
    }

    /// The targets that need the shared image. With temporary access, those whose own copies are
    /// available do not, nor those that cannot copy now because something of them could not be
    /// read, or is refused.
    pub(super) fn principals_in_need(
        &self,
        shared: &SharedImage,
        copies: &[TargetCopy],
    ) -> BTreeSet<Principal> {
        let mut principals = self.targets.clone();
        if !self.request.options.in_targets.unshare_after_copy {
            return principals;
        }
        for copy in copies.iter().filter(|copy| copy.available) {
            principals.remove(&Principal::Account(copy.account.clone()));
        }
        for (account, target) in &self.inventory.targets {
            let part = Part::TargetRegion(account.clone(), shared.region.clone());
            if target.is_err() || self.is_broken(&part) {
                principals.remove(&Principal::Account(account.clone()));
            }
        }
        principals
    }

    /// What names the image in each target, its parameter and its launch templates, and the tags of
    /// the shared image in targets that do not copy.
    pub(super) fn plan_tags_and_names(
        &mut self,
        source: &Image,
        shared: &SharedImage,
        copies: &[TargetCopy],
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        for (account, target) in self.inventory.reached_targets() {
            let Some(region) = target.regions.get(&shared.region) else {
                continue;
            };
            if self.is_broken(&Part::TargetRegion(account.clone(), shared.region.clone())) {
                continue;
            }
            let copy = copies.iter().find(|copy| &copy.account == account);
            let launched = if let Some(copy) = copy {
                let own = copy.adopt.as_ref().and_then(|id| region.image(id));
                steps.extend(self.plan_release(account, own, shared));
                copy.adopt.clone()
            } else {
                let tags = self.plan_shared_tags(account, region, source, shared);
                steps.extend(tags.map(Step::TagShared));
                shared.image.clone()
            };
            let publish = self.plan_parameter(region, source, shared, launched.clone());
            steps.extend(publish.map(Step::Publish));
            let updates = self.plan_launch_templates(region, source, shared, launched.as_ref());
            steps.extend(updates.into_iter().map(Step::UpdateLaunchTemplate));
        }
        steps
    }

    /// The tags that a target gives to a shared image or to its own copy: only the owner of an
    /// image writes those that recipients see. Whether a copy may have them is not known (R7.14).
    fn tags_in_target(&self, source: &Image) -> BTreeMap<String, String> {
        let mut tags = self.tags_of_copy(source);
        tags.retain(|key, _| !tags::is_shared(key));
        tags
    }

    /// The tags of the shared image in a target; `None` if it is to have none, or if its owner
    /// shares tags.
    fn plan_shared_tags(
        &self,
        account: &AccountId,
        region: &RegionInventory,
        source: &Image,
        shared: &SharedImage,
    ) -> Option<TagShared> {
        let tags = self.tags_in_target(source);
        if tags.is_empty() || self.request.options.share_tags.is_some() {
            return None;
        }
        let image = shared.image.as_ref().and_then(|id| region.images.get(id));
        let current = image.map(|image| image.tags.clone()).unwrap_or_default();
        let mut missing = BTreeMap::new();
        for (key, value) in tags {
            if current.get(&key) != Some(&value) {
                missing.insert(key, value);
            }
        }
        Some(TagShared {
            account: account.clone(),
            shared: shared.clone(),
            missing,
            hidden: None,
        })
    }
}

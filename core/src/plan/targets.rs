//! What is done in target accounts, by the role there: own copies, tags, parameters.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::Planner;
use super::step::{Leftovers, SharedImage, Step, TagShared, TargetCopy};
use crate::diagnostic::{Error, FindingCode};
use crate::id::{AccountId, KeyArn, Principal};
use crate::inventory::{Image, ImageState, Key, KeyState, RegionInventory};

impl Planner<'_> {
    /// The copies that targets make of a shared image.
    pub(super) fn plan_target_copies(
        &mut self,
        source: &Image,
        shared: &SharedImage,
    ) -> Vec<TargetCopy> {
        let mut copies = Vec::new();
        for (_, target) in self.inventory.reached_targets() {
            let Some(region) = target.regions.get(&shared.region) else {
                continue;
            };
            let arn = region.destination_key.as_ref();
            let Some(key) = arn.and_then(|arn| region.keys.get(arn)) else {
                continue;
            };
            self.check_target_key(key);
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
        let name_parts = source.name_parts(&region.location);
        let mut target_copy = TargetCopy {
            account: region.location.account.clone(),
            shared: shared.clone(),
            key: key.clone(),
            name: self.request.copy_name.fill(&name_parts),
            adopt: None,
            available: false,
            leftovers: Leftovers::default(),
            tags: self.tags_of_copy(source),
            completion: self.request.options.copy_completion_minutes(),
            volumes: source.snapshots().count(),
        };
        // If the shared image does not exist yet, there is nothing to adopt; the name and the tags
        // of its copy are the same as those of a copy of the source.
        let image_id = shared.image.as_ref().unwrap_or(&source.id);
        let mut copy = target_copy.to_copy_image(image_id);
        self.check_copy(&copy);
        if shared.image.is_some() {
            self.adopt_copy(&mut copy, region);
            let adopted = copy.adopt.as_ref().and_then(|id| region.image(id));
            target_copy.available =
                adopted.is_some_and(|image| image.state == ImageState::Available);
            if let Some(adopted) = adopted {
                self.check_archived_snapshots(region, adopted);
            }
            target_copy.adopt = copy.adopt;
            target_copy.leftovers = copy.leftovers;
        }
        target_copy
    }

    /// Whether a target's key can encrypt a copy.
    fn check_target_key(&mut self, key: &Key) {
        let problem = match &key.state {
            KeyState::Disabled => "is disabled".to_owned(),
            KeyState::PendingDeletion => "is pending deletion".to_owned(),
            KeyState::Other(state) => format!("is in state `{state}`"),
            // R1.3.6
            _ if !key.symmetric => {
                "is no symmetric encryption key, and EBS takes no other".to_owned()
            }
            _ => return,
        };
        let account = key.arn.account();
        let message =
            format!("this key of target {account} {problem}, so no copy can be made under it");
        self.refuse(FindingCode::TargetKeyUnusable, &key.arn, message);
    }

    /// Refuses a target's key that AWS does not know.
    pub(super) fn refuse_missing_key(&mut self, error: &Error) {
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        let account = text(error.account.as_ref().map(AsRef::as_ref));
        let region = text(error.region.as_ref().map(AsRef::as_ref));
        let message = format!(
            "target {account} has no such key in {region}, so no copy can be made under it"
        );
        let key = text(error.resource.as_deref());
        self.refuse(FindingCode::TargetKeyUnusable, key, message);
    }

    /// The targets that need the shared image. With temporary access, those whose own copies are
    /// available do not, nor those that were not reached and so cannot copy now.
    pub(super) fn principals_in_need(&self, copies: &[TargetCopy]) -> BTreeSet<Principal> {
        let mut principals = self.targets.clone();
        if !self.request.options.in_targets.unshare_after_copy {
            return principals;
        }
        for copy in copies.iter().filter(|copy| copy.available) {
            principals.remove(&Principal::Account(copy.account.clone()));
        }
        for (account, target) in &self.inventory.targets {
            if target.is_err() {
                principals.remove(&Principal::Account(account.clone()));
            }
        }
        principals
    }

    /// The parameter in each target, and the tags of the shared image in targets that do not copy.
    pub(super) fn plan_tags_and_parameters(
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
            let copy = copies.iter().find(|copy| &copy.account == account);
            let launched = if let Some(copy) = copy {
                copy.adopt.clone()
            } else {
                let tags = self.plan_shared_tags(account, region, source, shared);
                steps.extend(tags.map(Step::TagShared));
                shared.image.clone()
            };
            let publish = self.plan_parameter(region, source, shared, launched);
            steps.extend(publish.map(Step::Publish));
        }
        steps
    }

    /// The tags of the shared image in a target; `None` if it is to have none.
    fn plan_shared_tags(
        &self,
        account: &AccountId,
        region: &RegionInventory,
        source: &Image,
        shared: &SharedImage,
    ) -> Option<TagShared> {
        let tags = self.tags_of_copy(source);
        if tags.is_empty() {
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
        })
    }
}

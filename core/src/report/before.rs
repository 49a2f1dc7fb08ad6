//! How a report begins: with the state that the plan found.

use std::collections::BTreeSet;

use super::Report;
use crate::id::Principal;
use crate::plan::{LaunchPermission, RemoveKeyAccess, RemovePermissions, SharedImage, Step};
use crate::policy::key_policy::PolicyPrincipal;

impl Report {
    /// Adds what a step says of the state before it.
    pub(super) fn record_state_before(&mut self, step: &Step) {
        match step {
            Step::LaunchPermission(launch) => {
                let image = self.image(&launch.shared.source, &launch.shared.region);
                image.image.clone_from(&launch.shared.image);
                image.principals = &launch.principals - &launch.missing;
                image.unlisted.clone_from(&launch.unlisted);
                let name = self.name_to_launch(launch);
                let is_available = self.is_available(&launch.shared);
                let image = self.image(&launch.shared.source, &launch.shared.region);
                image.name = name;
                image.architecture = Some(launch.architecture.clone());
                image.permission_read = true;
                image.available = is_available;
                self.record_shared_tags(&launch.shared);
            }
            Step::Watermark(watermark)
                if watermark.in_effect && watermark.shared.image.is_some() =>
            {
                let image = self.image(&watermark.shared.source, &watermark.shared.region);
                image.watermark = Some(watermark.watermark.clone());
            }
            Step::Publish(publish) => {
                let current = publish.current.clone();
                self.parameter(publish).holds = current;
            }
            Step::UpdateLaunchTemplate(update) => {
                self.launch_template(update).version = update.version;
            }
            Step::RemovePermissions(remove) => self.record_launchers(remove),
            Step::KeyAccess(access) => {
                let key = self.key(&access.key);
                key.principals = &access.principals - &access.missing;
                let unlisted = access.unlisted.iter().map(ToString::to_string);
                key.unlisted = unlisted.collect();
            }
            Step::Grants(grants) => {
                let granted = &grants.accounts - &grants.missing;
                let principals = granted.into_iter().map(Principal::Account);
                self.key(&grants.key).principals.extend(principals);
            }
            Step::RemoveKeyAccess(remove) => self.record_holders(remove),
            _ => {}
        }
    }

    /// Adds who has launch permission of an image that some are to lose.
    fn record_launchers(&mut self, remove: &RemovePermissions) {
        let (account, targets) = (self.plan.account.clone(), self.plan.targets.clone());
        let image = self.image_with_id(&remove.source, &remove.region, &remove.image);
        image.name.get_or_insert_with(|| remove.name.clone());
        // A share has said already who has it.
        if image.permission_read {
            return;
        }
        let Some(launchers) = &remove.launchers else {
            return;
        };
        let own = Principal::Account(account);
        image.principals = launchers & &targets;
        image.unlisted = launchers - &targets;
        image.unlisted.remove(&own);
        image.permission_read = true;
        // Only of these it is read.
        image.available = true;
    }

    /// Adds who has access to a key that some are to lose.
    fn record_holders(&mut self, remove: &RemoveKeyAccess) {
        let targets = self.plan.targets.clone();
        let key = self.key(&remove.key);
        let mut others = remove.holders.clone();
        for target in targets {
            if PolicyPrincipal::of(&target).is_some_and(|it| others.remove(&it)) {
                key.principals.insert(target);
            }
        }
        key.unlisted.extend(others.iter().map(ToString::to_string));
    }

    /// The name of a shared image, or the one that its copy is to have.
    fn name_to_launch(&self, launch: &LaunchPermission) -> Option<String> {
        let mut copies = self.plan.copies();
        let copy = copies.find(|copy| {
            (&copy.source, &copy.region) == (&launch.shared.source, &launch.shared.region)
        });
        let planned = copy.map(|copy| copy.name.clone());
        launch.name.clone().or(planned)
    }

    /// Whether a shared image is available before the run.
    fn is_available(&self, shared: &SharedImage) -> bool {
        let copy = self.plan.copy_of(&shared.source, &shared.region);
        shared.image.is_some() && copy.is_none_or(|copy| copy.available)
    }

    /// Adds the tags that recipients see before the run.
    fn record_shared_tags(&mut self, shared: &SharedImage) {
        let mut keys = BTreeSet::new();
        if let Some(share) = self.plan.tags_to_share(shared) {
            let present = share.tags.keys();
            keys.extend(
                present
                    .filter(|key| !share.missing.contains_key(*key))
                    .cloned(),
            );
        }
        self.image(&shared.source, &shared.region).shared_tags = keys;
    }
}

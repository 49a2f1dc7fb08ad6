//! How a report grows: from the state that a plan found, then by each event of the run.

use std::collections::BTreeSet;

use super::{
    CopyReport, Event, ImageReport, KeyReport, LaunchTemplateReport, ParameterReport, Report,
    TargetReport, TestInstance,
};
use crate::id::{AccountId, KeyArn, Principal, Region, SourceImage};
use crate::plan::{
    ImageOfVersion, LaunchPermission, Publish, SharedImage, Step, UpdateLaunchTemplate,
};

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
                let image = self.image(&launch.shared.source, &launch.shared.region);
                image.name = name;
                image.architecture = Some(launch.architecture.clone());
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
            Step::RemovePermissions(remove) => {
                let image = self.image(&remove.source, &remove.region);
                image.image.get_or_insert_with(|| remove.image.clone());
            }
            Step::KeyAccess(access) => {
                self.key(&access.key).principals = &access.principals - &access.missing;
            }
            Step::Grants(grants) => {
                let granted = &grants.accounts - &grants.missing;
                let principals = granted.into_iter().map(Principal::Account);
                self.key(&grants.key).principals.extend(principals);
            }
            Step::RemoveKeyAccess(remove) => {
                self.key(&remove.key);
            }
            _ => {}
        }
    }

    /// Adds what an event says.
    pub fn record(&mut self, event: &Event) {
        self.changed |= event.changed_something();
        self.record_copy(event);
        self.record_key_access(event);
        self.record_launch_permission(event);
        self.record_retirement(event);
        match event {
            Event::CopyRemoved { image } => self.removed.push(image.to_string()),
            Event::LeftoverRemoved { resource } => self.removed.push(resource.clone()),
            Event::Published { name, .. } => {
                self.published.push(name.clone());
                self.record_parameter(event);
            }
            Event::LaunchTemplateVersionMade { .. } | Event::DefaultVersionSet { .. } => {
                self.record_launch_template(event);
            }
            Event::Verified(verification) => self.verifications.push(verification.clone()),
            Event::Found(finding) => self.findings.push(finding.clone()),
            Event::Failed(error) => self.errors.push(error.clone()),
            Event::RoleAllowed { account, role, .. }
            | Event::ServiceRoleGranted { account, role, .. } => {
                self.target(account).roles.insert(role.clone());
            }
            Event::TagsShared {
                source,
                region,
                keys,
                ..
            } => {
                let image = self.image(source, region);
                image.shared_tags.extend(keys.iter().cloned());
            }
            Event::Watermarked {
                source,
                region,
                watermark,
                ..
            } => {
                let image = self.image(source, region);
                image.watermark = Some(watermark.clone());
            }
            Event::Tagged { account, image } => {
                self.target(account).tagged.insert(image.clone());
            }
            _ => self.record_test_instance(event),
        }
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

    fn record_parameter(&mut self, event: &Event) {
        let Event::Published {
            account,
            region,
            name,
            image,
            previous,
        } = event
        else {
            return;
        };
        for parameter in &mut self.parameters {
            let place = (&parameter.account, &parameter.region, &parameter.name);
            if place == (account, region, name) {
                parameter.holds = Some(image.clone());
                parameter.previous.clone_from(previous);
            }
        }
    }

    /// A new version is the newest one; whether launches get it depends on what the plan asks for.
    fn record_launch_template(&mut self, event: &Event) {
        let (Event::LaunchTemplateVersionMade {
            account,
            region,
            template: id,
            version,
            image,
            previous,
            ..
        }
        | Event::DefaultVersionSet {
            account,
            region,
            template: id,
            version,
            image,
            previous,
            ..
        }) = event
        else {
            return;
        };
        let is_default = matches!(event, Event::DefaultVersionSet { .. });
        let mut planned = self.plan.launch_templates();
        let sets_default = planned.any(|update| &update.template == id && update.set_default);
        for template in &mut self.launch_templates {
            let place = (&template.account, &template.region, &template.template);
            if place != (account, region, id) {
                continue;
            }
            template.version = Some(*version);
            if is_default || !sets_default {
                template.current = ImageOfVersion::new(*version, Some(image.clone()));
                template.previous = Some(previous.clone());
            }
        }
    }

    fn record_test_instance(&mut self, event: &Event) {
        let (account, region, id, is_terminated) = match event {
            Event::TestInstanceStarted {
                account,
                region,
                instance,
                ..
            } => (account, region, instance, false),
            Event::TestInstanceTerminated {
                account,
                region,
                instance,
                ..
            } => (account, region, instance, true),
            _ => return,
        };
        let test = entry(
            &mut self.test_instances,
            |test| &test.instance == id,
            || TestInstance {
                account: account.clone(),
                region: region.clone(),
                instance: id.clone(),
                terminated: false,
                abandoned: false,
            },
        );
        test.terminated |= is_terminated;
        if let Event::TestInstanceTerminated { is_abandoned, .. } = event {
            test.abandoned |= is_abandoned;
        }
    }

    /// A copy in the source account counts as a shared image; one in a target, as the target's.
    fn record_copy(&mut self, event: &Event) {
        let (Event::CopyStarted {
            account,
            source,
            region,
            copy,
        }
        | Event::CopyAdopted {
            account,
            source,
            region,
            copy,
        }
        | Event::CopyAvailable {
            account,
            source,
            region,
            copy,
        }) = event
        else {
            return;
        };
        let started = matches!(event, Event::CopyStarted { .. });
        if *account == self.plan.account {
            let image = self.image(source, region);
            image.image = Some(copy.clone());
            image.copied |= started;
        } else {
            let own = self.target_copy(account, source, region);
            own.image = copy.clone();
            own.copied |= started;
            own.available |= matches!(event, Event::CopyAvailable { .. });
        }
    }

    fn record_key_access(&mut self, event: &Event) {
        match event {
            Event::KeyPolicyPut {
                key,
                added,
                removed,
                replaced,
            } => {
                let key = self.key(key);
                key.principals
                    .retain(|principal| !removed.contains(&principal.to_string()));
                key.added.extend(added.iter().cloned());
                key.removed.extend(removed.iter().cloned());
                key.replaced_policies.push(replaced.clone());
            }
            Event::KeyAccessConfirmed { key, principals } => {
                let names: BTreeSet<String> = principals.iter().map(ToString::to_string).collect();
                let key = self.key(key);
                key.added.retain(|added| names.contains(added));
                key.principals.extend(principals.iter().cloned());
            }
            Event::GrantsCreated { key, added, .. } => {
                let key = self.key(key);
                for account in added {
                    key.added.insert(account.to_string());
                    key.principals.insert(Principal::Account(account.clone()));
                }
            }
            Event::GrantsRevoked { key, grantees } => {
                self.key(key).removed.extend(grantees.iter().cloned());
            }
            _ => {}
        }
    }

    fn record_launch_permission(&mut self, event: &Event) {
        match event {
            Event::LaunchPermissionAdded {
                source,
                region,
                added,
                ..
            } => self
                .image(source, region)
                .added
                .extend(added.iter().cloned()),
            Event::LaunchPermissionConfirmed {
                source,
                region,
                image,
                principals,
            } => {
                let shared = self.image(source, region);
                shared.image = Some(image.clone());
                shared.principals.clone_from(principals);
            }
            Event::LaunchPermissionRemoved {
                source,
                region,
                removed,
                ..
            } => {
                let shared = self.image(source, region);
                shared.removed.extend(removed.iter().cloned());
                for list in [&mut shared.principals, &mut shared.unlisted] {
                    list.retain(|principal| !removed.contains(principal));
                }
            }
            _ => {}
        }
    }

    fn image(&mut self, source: &SourceImage, region: &Region) -> &mut ImageReport {
        entry(
            &mut self.images,
            |image| (&image.source, &image.region) == (source, region),
            || ImageReport {
                source: source.clone(),
                region: region.clone(),
                image: None,
                name: None,
                architecture: None,
                copied: false,
                principals: BTreeSet::new(),
                added: BTreeSet::new(),
                removed: BTreeSet::new(),
                unlisted: BTreeSet::new(),
                shared_tags: BTreeSet::new(),
                watermark: None,
            },
        )
    }

    pub(super) fn parameter(&mut self, publish: &Publish) -> &mut ParameterReport {
        let (account, region) = (&publish.account, &publish.shared.region);
        entry(
            &mut self.parameters,
            |parameter| {
                let place = (&parameter.account, &parameter.region, &parameter.name);
                place == (account, region, &publish.name)
            },
            || ParameterReport {
                account: account.clone(),
                region: region.clone(),
                name: publish.name.clone(),
                holds: None,
                previous: None,
            },
        )
    }

    pub(super) fn launch_template(
        &mut self,
        update: &UpdateLaunchTemplate,
    ) -> &mut LaunchTemplateReport {
        let (account, region) = (&update.account, &update.shared.region);
        entry(
            &mut self.launch_templates,
            |template| {
                let place = (&template.account, &template.region, &template.template);
                place == (account, region, &update.template)
            },
            || LaunchTemplateReport {
                account: account.clone(),
                region: region.clone(),
                template: update.template.clone(),
                name: update.name.clone(),
                current: update.current.clone(),
                version: None,
                previous: None,
            },
        )
    }

    fn key(&mut self, arn: &KeyArn) -> &mut KeyReport {
        entry(
            &mut self.keys,
            |key| &key.key == arn,
            || KeyReport {
                key: arn.clone(),
                principals: BTreeSet::new(),
                added: BTreeSet::new(),
                removed: BTreeSet::new(),
                replaced_policies: Vec::new(),
            },
        )
    }

    fn target(&mut self, account: &AccountId) -> &mut TargetReport {
        entry(
            &mut self.targets,
            |target| &target.account == account,
            || TargetReport {
                account: account.clone(),
                copies: Vec::new(),
                tagged: BTreeSet::new(),
                roles: BTreeSet::new(),
            },
        )
    }

    fn target_copy(
        &mut self,
        account: &AccountId,
        source: &SourceImage,
        region: &Region,
    ) -> &mut CopyReport {
        entry(
            &mut self.target(account).copies,
            |copy| (&copy.source, &copy.region) == (source, region),
            || CopyReport {
                source: source.clone(),
                region: region.clone(),
                image: source.ami.clone(),
                copied: false,
                available: false,
            },
        )
    }
}

/// The entry of a list, added at the end if there is none.
fn entry<T>(list: &mut Vec<T>, is_it: impl Fn(&T) -> bool, new: impl FnOnce() -> T) -> &mut T {
    let index = list.iter().position(is_it).unwrap_or(list.len());
    if index == list.len() {
        list.push(new());
    }
    &mut list[index]
}

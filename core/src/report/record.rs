//! How a report grows by each event of the run.

use std::collections::BTreeSet;

use super::{
    CopyReport, Event, ImageReport, KeyReport, LaunchTemplateReport, ParameterReport, Report,
    TargetReport, TestInstance,
};
use crate::id::{AccountId, AmiId, KeyArn, Region, SourceImage};
use crate::plan::{ImageOfVersion, Publish, UpdateLaunchTemplate};

impl Report {
    /// Adds what an event says.
    pub fn record(&mut self, event: &Event) {
        self.changed |= event.changed_something();
        self.record_copy(event);
        self.record_key_access(event);
        self.record_launch_permission(event);
        self.record_retirement(event);
        match event {
            Event::CopyRemoved { image } => {
                self.removed.push(image.to_string());
                let mut images = self.images.iter_mut();
                if let Some(shared) = images.find(|it| it.image.as_ref() == Some(image)) {
                    shared.available = false;
                }
            }
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
            template.image = Some(image.clone());
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
            image.available =
                matches!(event, Event::CopyAvailable { .. }) || image.available && !started;
        } else {
            let own = self.target_copy(account, source, region);
            own.image = copy.clone();
            own.copied |= started;
            own.available |= matches!(event, Event::CopyAvailable { .. });
        }
    }

    pub(super) fn image(&mut self, source: &SourceImage, region: &Region) -> &mut ImageReport {
        self.image_that(source, region, |_| true)
    }

    /// The image with this ID: a revoke may find several of one source in a Region.
    pub(super) fn image_with_id(
        &mut self,
        source: &SourceImage,
        region: &Region,
        id: &AmiId,
    ) -> &mut ImageReport {
        let image = self.image_that(source, region, |it| {
            it.image.as_ref().is_none_or(|it| it == id)
        });
        image.image.get_or_insert_with(|| id.clone());
        image
    }

    fn image_that(
        &mut self,
        source: &SourceImage,
        region: &Region,
        is_it: impl Fn(&ImageReport) -> bool,
    ) -> &mut ImageReport {
        entry(
            &mut self.images,
            |image| (&image.source, &image.region) == (source, region) && is_it(image),
            || ImageReport {
                source: source.clone(),
                region: region.clone(),
                groups: BTreeSet::new(),
                image: None,
                name: None,
                architecture: None,
                copied: false,
                available: false,
                permission_read: false,
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
                is_default: update.set_default,
                image: update.image.clone(),
                version: None,
                previous: None,
            },
        )
    }

    pub(super) fn key(&mut self, arn: &KeyArn) -> &mut KeyReport {
        entry(
            &mut self.keys,
            |key| &key.key == arn,
            || KeyReport {
                key: arn.clone(),
                principals: BTreeSet::new(),
                unlisted: BTreeSet::new(),
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

//! One report of several groups, each of which has a report of its own.

use super::{
    ImageReport, ImageUsage, KeyReport, LaunchTemplateReport, ParameterReport, Report, TargetReport,
};
use crate::plan::{Plan, add_new};

impl Report {
    /// The report of a plan of groups, made of theirs, which are in the order of the groups.
    pub fn together(plan: &Plan, reports: Vec<Self>) -> Self {
        let mut whole = Self {
            findings: plan.findings.clone(),
            ..Self::begin(&plan.without_steps())
        };
        whole.plan = plan.clone();
        for (number, mut report) in reports.into_iter().enumerate() {
            if let Some(group) = plan.groups.get(number) {
                for image in &mut report.images {
                    image.groups.insert(group.name.clone());
                }
            }
            whole.add(report);
        }
        for error in plan.errors_of_missing_groups() {
            add_new(&mut whole.errors, std::slice::from_ref(error));
        }
        whole
    }

    /// Adds what a group's report says. It names every member, so that none is forgotten.
    fn add(&mut self, report: Self) {
        let Self {
            version: _,
            changed,
            images,
            keys,
            targets,
            verifications,
            usage,
            test_instances,
            removed,
            published,
            parameters,
            launch_templates,
            retired,
            findings,
            errors,
            plan: _,
        } = report;
        self.changed |= changed;
        images.into_iter().for_each(|it| self.add_image(it));
        keys.into_iter().for_each(|it| self.add_key(it));
        targets.into_iter().for_each(|it| self.add_target(it));
        self.verifications.extend(verifications);
        usage.into_iter().for_each(|it| self.add_usage(it));
        self.test_instances.extend(test_instances);
        add_new(&mut self.removed, &removed);
        add_new(&mut self.retired, &retired);
        add_new(&mut self.published, &published);
        parameters.into_iter().for_each(|it| self.add_parameter(it));
        for template in launch_templates {
            self.add_launch_template(template);
        }
        add_new(&mut self.findings, &findings);
        add_new(&mut self.errors, &errors);
    }

    /// Groups may share one image, each with its own targets.
    fn add_image(&mut self, image: ImageReport) {
        let known = self.images.iter().position(|it| self.is_same(it, &image));
        let Some(known) = known.and_then(|place| self.images.get_mut(place)) else {
            self.images.push(image);
            return;
        };
        let ImageReport {
            source: _,
            region: _,
            groups,
            image: _,
            name,
            architecture,
            copied,
            available,
            permission_read,
            principals,
            added,
            removed,
            unlisted,
            shared_tags,
            watermark,
        } = image;
        known.name = known.name.take().or(name);
        known.architecture = known.architecture.take().or(architecture);
        known.groups.extend(groups);
        known.copied |= copied;
        known.available |= available;
        known.permission_read |= permission_read;
        known.principals.extend(principals);
        known.added.extend(added);
        known.removed.extend(removed);
        known.unlisted.extend(unlisted);
        known.shared_tags.extend(shared_tags);
        known.watermark = known.watermark.take().or(watermark);
    }

    /// Whether two groups share one image: the same one, or a copy that is not made yet and is the
    /// same copy.
    fn is_same(&self, one: &ImageReport, other: &ImageReport) -> bool {
        if (&one.source, &one.region) != (&other.source, &other.region) {
            return false;
        }
        match (&one.image, &other.image) {
            (Some(one), Some(other)) => one == other,
            (None, None) => {
                let identity = self.identity_of(one);
                identity.is_some() && identity == self.identity_of(other)
            }
            _ => false,
        }
    }

    /// The identity of the copy that an image is to be, as its group plans it.
    fn identity_of(&self, image: &ImageReport) -> Option<&str> {
        let group = image.groups.first()?;
        let mut groups = self.plan.groups.iter();
        let group = groups.find(|planned| &planned.name == group)?;
        let copy = group.plan.copy_of(&image.source, &image.region)?;
        Some(&copy.identity)
    }

    fn add_key(&mut self, key: KeyReport) {
        let Some(known) = self.keys.iter_mut().find(|it| it.key == key.key) else {
            self.keys.push(key);
            return;
        };
        let KeyReport {
            key: _,
            principals,
            unlisted,
            added,
            removed,
            replaced_policies,
        } = key;
        known.principals.extend(principals);
        known.unlisted.extend(unlisted);
        known.added.extend(added);
        known.removed.extend(removed);
        known.replaced_policies.extend(replaced_policies);
    }

    fn add_target(&mut self, target: TargetReport) {
        let mut targets = self.targets.iter_mut();
        let Some(known) = targets.find(|it| it.account == target.account) else {
            self.targets.push(target);
            return;
        };
        let TargetReport {
            account: _,
            copies,
            tagged,
            roles,
        } = target;
        known.copies.extend(copies);
        known.tagged.extend(tagged);
        known.roles.extend(roles);
    }

    /// Groups may ask about one image.
    fn add_usage(&mut self, usage: ImageUsage) {
        let place = |it: &ImageUsage| (it.region.clone(), it.image.clone());
        if !self.usage.iter().any(|it| place(it) == place(&usage)) {
            self.usage.push(usage);
        }
    }

    /// Groups may name one parameter of the source account, with the same image.
    fn add_parameter(&mut self, parameter: ParameterReport) {
        let ParameterReport {
            account,
            region,
            name,
            holds,
            previous,
        } = &parameter;
        let mut parameters = self.parameters.iter_mut();
        let known =
            parameters.find(|it| (&it.account, &it.region, &it.name) == (account, region, name));
        let Some(known) = known else {
            self.parameters.push(parameter);
            return;
        };
        known.holds = holds.clone().or(known.holds.take());
        known.previous = known.previous.take().or(previous.clone());
    }

    /// Groups may name one launch template, with the same image: what one of them changed counts.
    fn add_launch_template(&mut self, template: LaunchTemplateReport) {
        let place = |it: &LaunchTemplateReport| {
            let (account, region) = (it.account.clone(), it.region.clone());
            (account, region, it.template.clone())
        };
        let mut templates = self.launch_templates.iter_mut();
        match templates.find(|it| place(it) == place(&template)) {
            None => self.launch_templates.push(template),
            Some(known) if known.previous.is_none() => *known = template,
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;

//! One report of several groups, each of which has a report of its own.

use super::{ImageReport, KeyReport, LaunchTemplateReport, ParameterReport, Report, TargetReport};
use crate::plan::{Plan, add_new};

impl Report {
    /// The report of a plan of groups, made of theirs, which are in the order of the groups.
    pub fn together(plan: &Plan, reports: Vec<Self>) -> Self {
        let mut whole = Self {
            findings: plan.findings.clone(),
            ..Self::begin(&plan.without_steps())
        };
        whole.plan = plan.clone();
        for report in reports {
            whole.changed |= report.changed;
            report.images.into_iter().for_each(|it| whole.add_image(it));
            report.keys.into_iter().for_each(|it| whole.add_key(it));
            report
                .targets
                .into_iter()
                .for_each(|it| whole.add_target(it));
            for parameter in report.parameters {
                whole.add_parameter(parameter);
            }
            for template in report.launch_templates {
                whole.add_launch_template(template);
            }
            whole.verifications.extend(report.verifications);
            whole.test_instances.extend(report.test_instances);
            for usage in report.usage {
                let image = (&usage.region, &usage.image);
                if !whole
                    .usage
                    .iter()
                    .any(|it| (&it.region, &it.image) == image)
                {
                    whole.usage.push(usage);
                }
            }
            add_new(&mut whole.removed, &report.removed);
            add_new(&mut whole.retired, &report.retired);
            add_new(&mut whole.published, &report.published);
            add_new(&mut whole.findings, &report.findings);
            add_new(&mut whole.errors, &report.errors);
        }
        for error in plan.errors_of_missing_groups() {
            add_new(&mut whole.errors, std::slice::from_ref(error));
        }
        whole
    }

    /// Groups may share one image, each with its own targets.
    fn add_image(&mut self, image: ImageReport) {
        let place = |it: &ImageReport| (it.source.clone(), it.region.clone(), it.image.clone());
        let mut known = self.images.iter_mut();
        match known.find(|it| it.image.is_some() && place(it) == place(&image)) {
            None => self.images.push(image),
            Some(known) => {
                known.copied |= image.copied;
                known.principals.extend(image.principals);
                known.added.extend(image.added);
                known.removed.extend(image.removed);
                known.unlisted.extend(image.unlisted);
                known.shared_tags.extend(image.shared_tags);
                known.watermark = known.watermark.take().or(image.watermark);
            }
        }
    }

    fn add_key(&mut self, key: KeyReport) {
        let mut known = self.keys.iter_mut();
        match known.find(|it| it.key == key.key) {
            None => self.keys.push(key),
            Some(known) => {
                known.principals.extend(key.principals);
                known.added.extend(key.added);
                known.removed.extend(key.removed);
                known.replaced_policies.extend(key.replaced_policies);
            }
        }
    }

    fn add_target(&mut self, target: TargetReport) {
        let mut known = self.targets.iter_mut();
        match known.find(|it| it.account == target.account) {
            None => self.targets.push(target),
            Some(known) => {
                known.copies.extend(target.copies);
                known.tagged.extend(target.tagged);
                known.roles.extend(target.roles);
            }
        }
    }

    /// Groups may name one parameter of the source account, with the same image.
    fn add_parameter(&mut self, parameter: ParameterReport) {
        let place = |it: &ParameterReport| {
            let ParameterReport {
                account,
                region,
                name,
                ..
            } = it;
            (account.clone(), region.clone(), name.clone())
        };
        let mut known = self.parameters.iter_mut();
        match known.find(|it| place(it) == place(&parameter)) {
            None => self.parameters.push(parameter),
            Some(known) => {
                known.holds = parameter.holds.or(known.holds.take());
                known.previous = known.previous.take().or(parameter.previous);
            }
        }
    }

    /// Groups may name one launch template, with the same image: what one of them changed counts.
    fn add_launch_template(&mut self, template: LaunchTemplateReport) {
        let place = |it: &LaunchTemplateReport| {
            let (account, region) = (it.account.clone(), it.region.clone());
            (account, region, it.template.clone())
        };
        let mut known = self.launch_templates.iter_mut();
        match known.find(|it| place(it) == place(&template)) {
            None => self.launch_templates.push(template),
            Some(known) if known.previous.is_none() => *known = template,
            Some(_) => {}
        }
    }
}

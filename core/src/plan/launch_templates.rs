//! The launch templates of targets that get a version with a shared image.

use std::collections::{BTreeMap, BTreeSet};

use super::planner::Planner;
use super::step::{ImageOfVersion, SharedImage, Step, UpdateLaunchTemplate};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AccountId, AccountRegion, AmiId};
use crate::inventory::{
    Image, LaunchTemplate, Part, RegionInventory, TemplateChange, TemplateVersion, is_template_id,
};
use crate::request::name::missing_value;

impl Planner<'_> {
    /// The launch templates of a target that are to have a version with `image`: the shared image,
    /// or the target's own copy of it. Their names are made from the source.
    pub(super) fn plan_launch_templates(
        &mut self,
        region: &RegionInventory,
        source: &Image,
        shared: &SharedImage,
        image: Option<&AmiId>,
    ) -> Vec<UpdateLaunchTemplate> {
        let options = &self.request.options.in_targets;
        let set_default = options.set_default_version;
        let (mut updates, mut known) = (Vec::new(), BTreeSet::new());
        for name in options.launch_templates_for(&source.name_parts(region)) {
            let part = Part::LaunchTemplate(region.location.clone(), name.clone());
            if self.is_broken(&part) {
                continue;
            }
            let Some(Some(template)) = region.launch_templates.get(&name) else {
                if !self.may_be_elsewhere(&name) {
                    let finding = missing_template(&name, &region.location);
                    self.refuse_part(part, finding);
                }
                continue;
            };
            if let Some(finding) = resolving_template(template, &region.location) {
                self.add(finding);
                continue;
            }
            // The request may have it by its ID and by its name.
            if known.insert(&template.id) {
                let account = region.location.account.clone();
                updates.push(plan_update(account, template, shared, image, set_default));
            }
        }
        updates
    }

    /// Whether a launch template that is not here is that of another target or Region, or may be.
    /// Only IDs are: a name is looked for everywhere.
    fn may_be_elsewhere(&self, id: &str) -> bool {
        if !is_template_id(id) {
            return false;
        }
        for target in self.inventory.targets.values() {
            let Ok(target) = target else { return true };
            for name in self.inventory.regions.keys() {
                let Some(region) = target.regions.get(name) else {
                    return true;
                };
                let part = Part::LaunchTemplate(region.location.clone(), id.to_owned());
                let is_there = match region.launch_templates.get(id) {
                    Some(template) => template.is_some(),
                    // It could not be read, or no image is shared in this Region.
                    None => self.is_broken(&part),
                };
                if is_there {
                    return true;
                }
            }
        }
        false
    }

    /// Whether each launch template gets one image only: of two, the newest version would have the
    /// one that came last.
    pub(super) fn check_launch_templates(&mut self, steps: &[Step]) {
        let mut sources = BTreeMap::new();
        for step in steps {
            let Step::UpdateLaunchTemplate(update) = step else {
                continue;
            };
            let template = (&update.account, &update.shared.region, &update.template);
            let source = &update.shared.source;
            if let Some(other) = sources.insert(template, source) {
                let message = format!(
                    "{other} and {source} would both be written into this launch template of {}",
                    update.account
                );
                self.refuse_run(FindingCode::LaunchTemplateAmbiguous, &update.name, message);
            }
        }
    }
}

fn plan_update(
    account: AccountId,
    template: &LaunchTemplate,
    shared: &SharedImage,
    image: Option<&AmiId>,
    set_default: bool,
) -> UpdateLaunchTemplate {
    let change = image.map(|image| template.change_to(image, set_default));
    let version = match change {
        Some(TemplateChange::Nothing(version) | TemplateChange::SetDefault(version)) => {
            Some(version)
        }
        Some(TemplateChange::NewVersion) | None => None,
    };
    UpdateLaunchTemplate {
        account,
        shared: shared.clone(),
        image: image.cloned(),
        template: template.id.clone(),
        name: template.name.clone(),
        made_from: template.default.number,
        version,
        set_default,
        current: image_of(template.replaced(set_default)),
        in_effect: matches!(change, Some(TemplateChange::Nothing(_))),
    }
}

/// A version with the image that it names.
pub(crate) fn image_of(version: &TemplateVersion) -> ImageOfVersion {
    ImageOfVersion::new(version.number, version.image_id())
}

/// The finding of a launch template that takes its image from a parameter.
pub(crate) fn resolving_template(
    template: &LaunchTemplate,
    location: &AccountRegion,
) -> Option<Finding> {
    let parameter = template.resolved_parameter()?;
    let message = format!(
        "this launch template of {} in {} takes its image from a parameter ({parameter}), so it \
         was left as it is",
        location.account, location.region
    );
    let code = FindingCode::LaunchTemplateResolvesParameter;
    Some(Finding::warn(code, &template.name, message))
}

/// The finding of a launch template that does not exist.
fn missing_template(name: &str, location: &AccountRegion) -> Finding {
    let message = if is_template_id(name) {
        "no target has this launch template in a Region of the run".to_owned()
    } else if let Some(missing) = missing_value(name) {
        format!("this is no name of a launch template, for {missing}")
    } else {
        format!(
            "target {} has no launch template of this name in {}",
            location.account, location.region
        )
    };
    Finding::refuse(FindingCode::LaunchTemplateNotFound, name, message)
}

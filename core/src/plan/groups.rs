//! Groups of targets with settings of their own: a plan for each, and one that stands for all.

mod agreement;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::remains::Removed;
use super::{Plan, SharedImage, Steps};
use crate::diagnostic::{Error, Finding, FindingCode};
use crate::id::{AccountId, KeyArn, PlanDigest, Principal};

/// A group of targets, and what is done for it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct PlannedGroup {
    /// Its name.
    pub name: String,
    /// Its targets.
    pub targets: BTreeSet<Principal>,
    /// What is done for it; its steps are among those of the whole plan.
    #[serde(skip)]
    pub plan: Plan,
}

impl PlannedGroup {
    /// A group with the plan that was made for it.
    pub fn new(name: impl Into<String>, plan: Plan) -> Self {
        Self {
            name: name.into(),
            targets: plan.targets.clone(),
            plan,
        }
    }
}

impl Plan {
    /// The plan of several groups, each planned by itself; `None` without a group. It has every
    /// step, finding and error of theirs, and a finding that refuses one group refuses all: nothing
    /// of them is changed then. The groups' requests must list each other's targets
    /// ([`listed_elsewhere`](crate::request::ShareRequestBuilder::listed_elsewhere)).
    ///
    /// With `expected`, it refuses unless it has that digest.
    pub fn together(mut groups: Vec<PlannedGroup>, expected: Option<&PlanDigest>) -> Option<Self> {
        correct_remains(&mut groups);
        let first = groups.first()?;
        let mut whole = Self {
            steps: Steps::default(),
            ..first.plan.clone()
        };
        let (mut steps, mut known) = (Vec::new(), BTreeSet::new());
        for PlannedGroup { plan, .. } in &groups {
            whole.regions.extend(plan.regions.iter().cloned());
            whole.targets.extend(plan.targets.iter().cloned());
            add_new(&mut whole.images, &plan.images);
            add_new(&mut whole.organizations, &plan.organizations);
            add_new(&mut whole.findings, &plan.findings);
            add_new(&mut whole.errors, &plan.errors);
            add_new(&mut whole.kept, &plan.kept);
            whole
                .keys_with_variables
                .extend(plan.keys_with_variables.iter().cloned());
            let key_aliases = Arc::make_mut(&mut whole.key_aliases);
            key_aliases.extend((*plan.key_aliases).clone());
            // Groups with the same key share one copy.
            for step in &plan.steps {
                if known.insert(serde_json::to_string(step).unwrap_or_default()) {
                    steps.push(step.clone());
                }
            }
        }
        whole.steps = steps.into();
        // Each group is carried out by itself, and takes nothing that was not approved.
        for group in &mut groups {
            group.plan.request.options.expected_plan = expected.cloned();
        }
        whole.groups = groups;
        whole.check_expanded_groups();
        if !whole.request.options.verify_only {
            whole.check_names_of_groups();
        }
        whole.check_agreement_of_groups();
        whole.request.options.expected_plan = expected.cloned();
        Some(whole.checked_against_expected())
    }

    /// Why groups are missing in it: they could not be planned.
    pub fn errors_of_missing_groups(&self) -> impl Iterator<Item = &Error> {
        let has_groups = !self.groups.is_empty();
        let errors = self.errors.iter().filter(move |_| has_groups);
        errors.filter(move |error| {
            let mut groups = self.groups.iter();
            !groups.any(|group| group.plan.errors.contains(error))
        })
    }

    /// What an organization holds is known only once it is listed, so no other group knows those
    /// targets: with `unlisted: revoke` it would take access from them.
    fn check_expanded_groups(&mut self) {
        let mut groups = self.groups.iter();
        let expanded = groups.find(|group| {
            let options = &group.plan.request.options;
            options.expand_organizations.is_some()
        });
        if let Some(group) = expanded.filter(|_| self.groups.len() > 1) {
            let message = "this group takes organizations for their accounts, and other groups \
                           may list the same accounts";
            let code = FindingCode::OrganizationInGroups;
            let finding = Finding::refuse(code, &group.name, message);
            add_new(&mut self.findings, &[finding]);
        }
    }

    /// One parameter cannot name the images of two groups, nor can one launch template.
    fn check_names_of_groups(&mut self) {
        let mut written = BTreeMap::new();
        let mut findings = Vec::new();
        for group in &self.groups {
            for place in group.plan.places_of_images() {
                let (code, account, name, shared) = place;
                let image = group.plan.image_made_for(account, shared);
                let place = (code, account, &shared.region, name);
                let Some((other, its)) = written.insert(place, (&group.name, image)) else {
                    continue;
                };
                if its != image {
                    let message = format!(
                        "the groups {other} and {} would write different images into it",
                        group.name
                    );
                    findings.push(Finding::refuse(code, name, message));
                }
            }
        }
        add_new(&mut self.findings, &findings);
    }

    /// What names an image for others, each with the finding of one that would name two: the
    /// account, the name there, and the image.
    fn places_of_images(
        &self,
    ) -> impl Iterator<Item = (FindingCode, &AccountId, &String, &SharedImage)> {
        let parameters = self.publications().map(|publish| {
            let code = FindingCode::ParameterAmbiguous;
            (code, &publish.account, &publish.name, &publish.shared)
        });
        let templates = self.launch_templates().map(|update| {
            let code = FindingCode::LaunchTemplateAmbiguous;
            (code, &update.account, &update.name, &update.shared)
        });
        parameters.chain(templates)
    }

    /// What an account launches of a shared image: which copy it is, and the account's own copy of
    /// that.
    fn image_made_for<'a>(
        &'a self,
        account: &AccountId,
        shared: &'a SharedImage,
    ) -> (&'a SharedImage, [Option<(&'a KeyArn, &'a String)>; 2]) {
        let copy = self.copy_of(&shared.source, &shared.region);
        let own = self.target_copy_of(account, shared);
        let copy = copy.map(|copy| (&copy.key, &copy.name));
        let own = own.map(|own| (&own.key, &own.name));
        (shared, [copy, own])
    }
}

/// Corrects what each group says stays: another group may remove it.
fn correct_remains(groups: &mut [PlannedGroup]) {
    let removed = Removed::by(groups.iter().map(|group| &group.plan));
    let mut corrected = Vec::new();
    for group in &*groups {
        let mut findings = group.plan.findings.clone();
        for remains in &group.plan.remains {
            let said = remains.finding();
            let now = remains.clone().beside(&removed).map(|it| it.finding());
            if now.as_ref() != Some(&said) {
                findings.retain(|finding| *finding != said);
                findings.extend(now);
            }
        }
        corrected.push(findings);
    }
    for (group, findings) in groups.iter_mut().zip(corrected) {
        group.plan.findings = findings;
    }
}

/// Adds the members that are not there yet.
pub(crate) fn add_new<T: Clone + PartialEq>(all: &mut Vec<T>, more: &[T]) {
    for one in more {
        if !all.contains(one) {
            all.push(one.clone());
        }
    }
}

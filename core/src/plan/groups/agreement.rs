//! Groups that want one thing in two ways: that two of them share it shows in their plans.

use std::collections::{BTreeMap, BTreeSet};

use super::{PlannedGroup, add_new};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{KeyArn, Principal, Region, SourceImage};
use crate::plan::Plan;
use crate::request::{Contradiction, GroupShares, find_contradictions};

/// What groups may share.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Shared<'a> {
    /// An image of the request in a Region, itself or as the copy of that identity.
    Image(&'a SourceImage, &'a Region, Option<&'a str>),
    /// The policy of a key.
    Policy(&'a KeyArn),
}

impl Plan {
    /// Refuses groups that contradict each other: the end would depend on which of them came last.
    pub(super) fn check_agreement_of_groups(&mut self) {
        let shares: Vec<_> = self.groups.iter().map(PlannedGroup::shares).collect();
        let mut contradictions = find_contradictions(&shares);
        drop(shares);
        contradictions.extend(self.find_defaults_that_differ());
        // Each is one thing to mend, however many groups differ from the first.
        let mut of_input: BTreeMap<_, Vec<Contradiction>> = BTreeMap::new();
        for contradiction in contradictions {
            let (first, target) = (contradiction.groups.0, contradiction.target.clone());
            let about = (first, contradiction.input, target);
            of_input.entry(about).or_default().push(contradiction);
        }
        let findings = of_input.values();
        let findings = findings.filter_map(|same| self.refuse_contradiction(same));
        let findings: Vec<_> = findings.collect();
        add_new(&mut self.findings, &findings);
    }

    /// Launch templates that one group gives a new default version, and another does not: groups
    /// may have one by its name and by its ID.
    fn find_defaults_that_differ(&self) -> Vec<Contradiction> {
        let (mut updates, mut found) = (BTreeMap::new(), Vec::new());
        for (number, group) in self.groups.iter().enumerate() {
            for update in group.plan.launch_templates() {
                let template = (&update.account, &update.shared.region, &update.template);
                let first = *updates
                    .entry(template)
                    .or_insert((number, update.set_default));
                if first.1 != update.set_default {
                    found.push(Contradiction {
                        groups: (first.0, number),
                        input: "set-default-version",
                        target: Some(Principal::Account(update.account.clone())),
                    });
                }
            }
        }
        found
    }

    /// Refuses groups that differ from one in an input, about one target or about none.
    fn refuse_contradiction(&self, same: &[Contradiction]) -> Option<Finding> {
        let contradiction = same.first()?;
        let (one, other) = contradiction.groups;
        let differing: BTreeSet<_> = same.iter().map(|it| it.groups.1).collect();
        let others = match differing.len() - 1 {
            0 => String::new(),
            1 => " (so it is in 1 more group)".to_owned(),
            more => format!(" (so it is in {more} more groups)"),
        };
        let (one, other) = (self.groups.get(one)?, self.groups.get(other)?);
        let (input, one) = (contradiction.input, &one.name);
        let differs = format!("with another `{input}`{others}");
        let message = match &contradiction.target {
            Some(target) => format!("{target} is in group `{one}` too, {differs}"),
            None if input == "drop-stale-principals" => {
                format!("group `{one}` writes the policy of the same key, {differs}")
            }
            None => format!("group `{one}` shares the same image, {differs}"),
        };
        let code = FindingCode::GroupsContradict;
        Some(Finding::refuse(code, &other.name, message))
    }
}

impl PlannedGroup {
    /// What it shares, for a comparison with other groups.
    fn shares(&self) -> GroupShares<'_, Shared<'_>> {
        let plan = &self.plan;
        let mut copies = BTreeMap::new();
        for copy in plan.copies() {
            copies.insert((&copy.source, &copy.region), copy.identity.as_str());
        }
        let mut images = BTreeMap::new();
        for launch in plan.launch_permissions() {
            let (source, region) = (&launch.shared.source, &launch.shared.region);
            let copy = copies.get(&(source, region)).copied();
            images.insert(Shared::Image(source, region, copy), copy.is_some());
        }
        let written = plan.key_accesses().map(|access| &access.key);
        let removed = plan
            .key_access_removals()
            .filter(|remove| remove.reads.policy);
        let policies = written.chain(removed.map(|remove| &remove.key));
        GroupShares {
            request: &plan.request,
            targets: &plan.targets,
            images,
            policies: policies.map(Shared::Policy).collect::<BTreeSet<_>>(),
        }
    }
}

//! What is left out of a plan: parts that could not be read, or that findings refuse. The others
//! are planned as if these were not in the request.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::Plan;
use super::planner::{Draft, draft};
use crate::diagnostic::{Code, Error, Errors, Finding, FindingCode, Severity};
use crate::id::{KeyArn, KeyRef, Principal};
use crate::inventory::{Failure, Inventory, Part};
use crate::policy::key_policy::KeyPolicy;
use crate::request::ShareRequest;

/// The parts of a request that are left out, and why.
#[derive(Default)]
struct LeftOut {
    parts: BTreeSet<Part>,
    /// Parts that a finding refuses.
    refused: Vec<(Part, Finding)>,
    /// Why parts could not be read.
    errors: Vec<Error>,
}

/// Makes the plan of a request that an inventory was read for.
///
/// # Errors
/// What could not be read, if nothing is left to plan.
pub(crate) fn make(
    request: &ShareRequest,
    inventory: &Inventory,
    deadline: Instant,
) -> Result<Plan, Errors> {
    let plan = Plan {
        keys_with_variables: keys_with_variables(inventory),
        key_aliases: key_aliases(request, inventory).into(),
        ..Plan::empty(request, &inventory.account, deadline)
    };

    // 1. What could not be read is left out.
    let mut left_out = LeftOut::unread(inventory);

    // 2. So is what a finding refuses: the rest is planned again, until nothing of it is refused.
    let first = draft(request, inventory, &plan.targets, &left_out.parts);
    let mut rest = first.clone();
    while left_out.add_refused_parts(&rest) {
        rest = draft(request, inventory, &plan.targets, &left_out.parts);
    }

    // 3. If the run as a whole is refused, or nothing is left of it, it is not carried out.
    let is_useless = !rest.has_images || left_out.has_every_target(&plan, inventory);
    if rest.is_refused() || (is_useless && !left_out.refused.is_empty()) {
        let refused = Plan {
            findings: left_out.refusals(&first, rest),
            errors: left_out.errors,
            steps: first.steps.into(),
            ..plan
        };
        return Ok(refused.checked_against_expected());
    }
    if !rest.has_images {
        Errors::fail_if_any(left_out.errors.clone())?;
    }

    // 4. What is left is carried out, and the run fails in the end for what is not.
    let (mut findings, errors) = left_out.into_findings_and_errors();
    findings.extend(rest.findings.into_iter().map(|(_, finding)| finding));
    let made = Plan {
        findings,
        errors,
        steps: rest.steps.into(),
        kept: rest.kept,
        remains: rest.remains,
        ..plan
    };
    Ok(made.checked_against_expected())
}

impl LeftOut {
    /// The parts that could not be read.
    fn unread(inventory: &Inventory) -> Self {
        let mut left_out = Self::default();
        let regions = inventory.regions.values();
        let of_source = inventory
            .failures
            .iter()
            .chain(regions.flat_map(|region| &region.failures));
        for failure in of_source {
            left_out.add_failure(failure);
        }
        for target in inventory.targets.values() {
            match target {
                Ok(target) => target
                    .failures
                    .iter()
                    .for_each(|it| left_out.add_failure(it)),
                Err(error) => left_out.add_error(error),
            }
        }
        for usage in inventory.key_usage.values() {
            usage
                .errors
                .iter()
                .for_each(|error| left_out.add_error(error));
        }
        left_out
    }

    fn add_failure(&mut self, failure: &Failure) {
        let Failure { part, error } = failure;
        // Another request helps against a target's key that does not exist, and nothing else.
        if error.code == Code::KeyNotFound && part.target().is_some() {
            let finding = missing_target_key(error);
            self.refused.push((part.clone(), finding));
        } else {
            self.add_error(error);
        }
        self.parts.insert(part.clone());
    }

    /// One call may fail for several parts.
    fn add_error(&mut self, error: &Error) {
        if !self.errors.contains(error) {
            self.errors.push(error.clone());
        }
    }

    /// Adds the parts that the findings of a draft refuse; returns whether there are new ones.
    fn add_refused_parts(&mut self, draft: &Draft) -> bool {
        let mut is_new = false;
        for (part, finding) in draft.refusals() {
            if let Some(part) = part {
                is_new |= self.parts.insert(part.clone());
                self.refused.push((part.clone(), finding.clone()));
            }
        }
        is_new
    }

    /// Whether every target is left out, in every Region, although the run reaches targets.
    fn has_every_target(&self, plan: &Plan, inventory: &Inventory) -> bool {
        if plan.targets.is_empty() || inventory.targets.is_empty() {
            return false;
        }
        plan.targets.iter().all(|principal| {
            let target = principal
                .account()
                .and_then(|account| inventory.targets.get(account));
            match (principal, target) {
                (Principal::Account(_), Some(Err(_))) => true,
                (Principal::Account(account), Some(Ok(_))) => {
                    let mut regions = inventory.regions.keys();
                    let region = |region| Part::TargetRegion(account.clone(), region);
                    let mut parts = self
                        .parts
                        .iter()
                        .filter(|part| part.target() == Some(account));
                    parts.any(|part| matches!(part, Part::LaunchRole(..)))
                        || regions.all(|name| self.parts.contains(&region(name.clone())))
                }
                _ => false,
            }
        })
    }

    /// The findings of a plan that is refused: those of the first draft, in which nothing that is
    /// refused was left out, and what refuses the rest.
    fn refusals(&self, first: &Draft, rest: Draft) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let first = first.findings.iter().map(|(_, finding)| finding.clone());
        let parts = self.refused.iter().map(|(_, finding)| finding.clone());
        let rest = rest.findings.into_iter().map(|(_, finding)| finding);
        for finding in first.chain(parts).chain(rest) {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        findings
    }

    /// What is said of the parts that are left out, if others are carried out.
    fn into_findings_and_errors(self) -> (Vec<Finding>, Vec<Error>) {
        let (mut findings, mut errors) = (Vec::new(), self.errors);
        for (part, finding) in self.refused {
            let finding = Finding {
                severity: Severity::LeaveOut,
                ..finding
            };
            if !findings.contains(&finding) {
                errors.push(part_left_out(&part, &finding));
                findings.push(finding);
            }
        }
        (findings, errors)
    }
}

/// The error by which a run fails that leaves out a part.
fn part_left_out(part: &Part, finding: &Finding) -> Error {
    let message = format!("left out because of {}: {}", finding.code, finding.message);
    let mut error = Error::new(Code::PartLeftOut, message)
        .remedy(&finding.remedy)
        .on(&finding.resource);
    error.account = part.target().cloned();
    error.region = part.region().cloned();
    error
}

/// The finding of a target's key that AWS does not know.
fn missing_target_key(error: &Error) -> Finding {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let account = text(error.account.as_ref().map(AsRef::as_ref));
    let region = text(error.region.as_ref().map(AsRef::as_ref));
    let message =
        format!("target {account} has no such key in {region}, so no copy can be made under it");
    let key = text(error.resource.as_deref());
    Finding::refuse(FindingCode::TargetKeyUnusable, key, message)
}

/// The keys in whose policies policy variables work.
fn keys_with_variables(inventory: &Inventory) -> BTreeSet<KeyArn> {
    let mut keys = BTreeSet::new();
    for region in inventory.regions.values() {
        for key in region.keys.values() {
            if key.readable_policy().is_some_and(KeyPolicy::has_variables) {
                keys.insert(key.arn.clone());
            }
        }
    }
    keys
}

/// The aliases by which the request names keys, its own and those of targets.
fn key_aliases(request: &ShareRequest, inventory: &Inventory) -> BTreeMap<KeyArn, String> {
    let own = inventory
        .regions
        .iter()
        .map(|it| (it, &request.options.keys));
    let of_targets = inventory
        .reached_targets()
        .flat_map(|(_, target)| &target.regions);
    let of_targets = of_targets.map(|it| (it, &request.options.in_targets.keys));
    let mut aliases = BTreeMap::new();
    for ((region, read), keys) in own.chain(of_targets) {
        let given = keys.in_region(region);
        let key = read.destination_key.as_ref().or(read.named_key.as_ref());
        if let (Some(key), Some(alias)) = (key, given.as_ref().and_then(KeyRef::alias)) {
            aliases.insert(key.clone(), alias.to_owned());
        }
    }
    aliases
}

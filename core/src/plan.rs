//! From a request and an inventory to a [`Plan`]: pure, so that `mode: plan` prints the very value that `apply`
//! carries out.

mod copies;
mod images;
mod keys;

use std::collections::BTreeSet;

use serde::Serialize;
use tokio::time::Instant;

use crate::finding::{Finding, FindingCode, Severity};
use crate::id::{AccountId, AmiId, KeyArn, Region};
use crate::inventory::{Image, ImageState, Inventory, Place};
use crate::key_policy;
use crate::request::{KeyScope, ShareRequest, Timing};

pub use copies::{CopyImage, Leftovers};

/// What a run will do, and what stands against it. Steps are intents, not recorded calls: `apply` looks at what it
/// changes right before it changes it, and does nothing where the intent already holds.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The source account.
    pub account: AccountId,
    /// The Region of the images.
    pub region: Region,
    /// The accounts to share with, the source account left out.
    pub targets: BTreeSet<AccountId>,
    /// The intents, in the order of promise P1: copies, key access, launch permission.
    pub steps: Vec<Step>,
    /// The pitfalls that were found.
    pub findings: Vec<Finding>,
    #[serde(skip)]
    pub(crate) timing: Timing,
    #[serde(skip)]
    pub(crate) max_concurrency: usize,
    #[serde(skip)]
    pub(crate) deadline: Instant,
}

/// One intent.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Step {
    /// A copy of an image under the request's key exists and is available.
    Copy(CopyImage),
    /// Accounts can use a key.
    KeyAccess(KeyAccess),
    /// Accounts can launch an image.
    LaunchPermission(LaunchPermission),
}

/// Accounts can use a key, by statements of ours in its policy.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct KeyAccess {
    /// The key.
    pub key: KeyArn,
    /// How they may use it.
    pub scope: KeyScope,
    /// All accounts that shall have access.
    pub accounts: BTreeSet<AccountId>,
    /// Those of them that do not have it yet.
    pub missing: BTreeSet<AccountId>,
}

/// Accounts can launch an image.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct LaunchPermission {
    /// The image that the request named.
    pub source: AmiId,
    /// The image that is shared: the source itself, or its copy.
    pub image: Subject,
    /// The keys that targets need for it; their access is written first (P1).
    pub keys: BTreeSet<KeyArn>,
    /// All accounts that shall have launch permission.
    pub accounts: BTreeSet<AccountId>,
    /// Those of them that do not have it yet.
    pub missing: BTreeSet<AccountId>,
    /// Who has launch permission without being asked for; it is kept.
    pub unlisted: BTreeSet<String>,
}

/// An image that may not exist yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Subject {
    /// An image that exists.
    Existing(AmiId),
    /// What the [`Step::Copy`] of this source makes or adopts.
    CopyOf(AmiId),
}

impl Plan {
    /// Whether carrying it out would change anything.
    pub fn changes(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Copy(copy) => copy.adopt.is_none() || !copy.leftovers.is_empty(),
            Step::KeyAccess(access) => !access.missing.is_empty(),
            Step::LaunchPermission(launch) => !launch.missing.is_empty(),
        })
    }

    /// The findings that refuse the plan.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Refuse)
    }

    /// The keys that targets need.
    pub fn keys(&self) -> BTreeSet<&KeyArn> {
        self.launch_permissions().flat_map(|launch| &launch.keys).collect()
    }

    /// The intents of launch permission.
    pub fn launch_permissions(&self) -> impl Iterator<Item = &LaunchPermission> {
        self.steps.iter().filter_map(|step| match step {
            Step::LaunchPermission(launch) => Some(launch),
            _ => None,
        })
    }

    /// The statements that each key policy needs, for those who keep it in code.
    pub fn key_policy_statements(&self) -> Vec<serde_json::Value> {
        let scope = self.steps.iter().find_map(|step| match step {
            Step::KeyAccess(access) => Some(access.scope),
            _ => None,
        });
        scope.map(|scope| key_policy::statements(self.region.partition(), scope, &self.targets)).unwrap_or_default()
    }

    /// A plan without steps that a finding refuses.
    pub(crate) fn refused(request: &ShareRequest, place: &Place, finding: Finding, deadline: Instant) -> Self {
        Self::with(request, place, deadline, BTreeSet::new(), Vec::new(), vec![finding])
    }

    fn with(
        request: &ShareRequest,
        place: &Place,
        deadline: Instant,
        targets: BTreeSet<AccountId>,
        steps: Vec<Step>,
        findings: Vec<Finding>,
    ) -> Self {
        Self {
            account: place.account.clone(),
            region: place.region.clone(),
            targets,
            steps,
            findings,
            timing: request.timing.clone(),
            max_concurrency: request.max_concurrency,
            deadline,
        }
    }
}

/// Makes the plan.
pub(crate) fn make(request: &ShareRequest, inventory: &Inventory, deadline: Instant) -> Plan {
    let mut findings = general_findings(request, inventory);
    let mut targets = request.targets.clone();
    targets.remove(&inventory.place.account);

    let (mut copies, mut launches) = (Vec::new(), Vec::new());
    for image in request.images.iter().filter_map(|id| inventory.images.get(id)) {
        findings.extend(images::findings(request, inventory, image));
        // Of an image that is still pending, neither volumes nor keys are known yet.
        if image.state != ImageState::Available {
            continue;
        }
        let copy = copies::plan(request, inventory, image, &mut findings);
        launches.push(launch_permission(inventory, image, copy.as_ref(), &targets));
        copies.extend(copy);
    }
    let accesses = keys::plan(request, inventory, &copies, &launches, &targets, &mut findings);

    let steps = copies
        .into_iter()
        .map(Step::Copy)
        .chain(accesses.into_iter().map(Step::KeyAccess))
        .chain(launches.into_iter().map(Step::LaunchPermission))
        .collect();
    Plan::with(request, &inventory.place, deadline, targets, steps, findings)
}

fn general_findings(request: &ShareRequest, inventory: &Inventory) -> Vec<Finding> {
    let mut findings = Vec::new();
    let account = &inventory.place.account;
    if request.targets.contains(account) {
        findings.push(Finding::warn(
            FindingCode::TargetIsSource,
            account,
            "this target is the source account itself, which needs no sharing",
            "remove it from `target-accounts`; the other targets are served",
        ));
    }
    if request.timing.settle < Timing::SAFE_SETTLE {
        findings.push(Finding::warn(
            FindingCode::TimingSettleShort,
            "settle",
            "a key policy is watched for less than 8 s after a change, so a run beside this one may overwrite it unseen",
            "leave `settle` at its default, or run again where several runs change one key",
        ));
    }
    findings
}

fn launch_permission(
    inventory: &Inventory,
    source: &Image,
    copy: Option<&CopyImage>,
    targets: &BTreeSet<AccountId>,
) -> LaunchPermission {
    let existing = copy.map_or(Some(&source.id), |copy| copy.adopt.as_ref());
    let held = existing.and_then(|id| inventory.launch_permissions.get(id)).cloned().unwrap_or_default();
    let unlisted =
        held.accounts.iter().filter(|account| !targets.contains(account) && **account != inventory.place.account);
    LaunchPermission {
        source: source.id.clone(),
        image: copy.map_or(Subject::Existing(source.id.clone()), |_| Subject::CopyOf(source.id.clone())),
        keys: copy.map_or_else(|| inventory.keys_of(source), |copy| BTreeSet::from([copy.key.clone()])),
        accounts: targets.clone(),
        missing: targets.difference(&held.accounts).cloned().collect(),
        unlisted: unlisted.map(ToString::to_string).chain(held.others.clone()).collect(),
    }
}

#[cfg(test)]
mod tests;

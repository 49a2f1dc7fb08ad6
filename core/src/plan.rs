//! From a request and an inventory to a [`Plan`]: pure, so that `mode: plan` prints the very value
//! that `apply` carries out.

mod accessors;
pub(crate) mod adopt;
mod copies;
mod general;
mod images;
mod key_use;
mod keys;
mod launch_roles;
mod lifecycle;
mod names;
mod permissions;
mod removals;
mod step;
mod targets;
mod temporary;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;

use crate::diagnostic::{Code, Error, Finding, Severity};
use crate::id::{AccountId, KeyArn, Partition, Principal, Region, SourceImage};
use crate::inventory::{Image, ImageState, Inventory, RegionInventory};
use crate::policy::key_policy;
use crate::policy::launch_policy;
use crate::request::{ShareRequest, Unlisted, Verify};

pub use crate::policy::key_policy::{KeyPermissions, PolicyPrincipal};
pub(crate) use key_use::still_used;
pub(crate) use lifecycle::{deprecation_moment, rfc3339};
pub(crate) use names::{grant_name, parent_grant_name, service_grant_name};
pub(crate) use removals::still_shared;
pub use step::{
    CopyImage, Deprecate, ForgetTemporaryAccess, Grants, KeyAccess, KeyUsage, LaunchPermission,
    LaunchRole, Leftovers, PolicyChange, Protect, Publish, ReclaimAccess, Removal, RemoveCopy,
    RemoveKeyAccess, RemovePermissions, RemoveRolePolicy, RolePolicy, ServiceRole, SharedImage,
    SnapshotPermission, Step, TagShared, TargetCopy,
};

/// What a run will do, and what stands against it. Steps are intents, not recorded calls: `apply`
/// looks at what it changes right before it changes it, and does nothing where the intent already
/// holds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct Plan {
    /// The source account.
    pub account: AccountId,
    /// The Regions of the run.
    pub regions: BTreeSet<Region>,
    /// The images that the request named, in its order.
    pub images: Vec<SourceImage>,
    /// Those to share with, or to take access from; the source account left out.
    pub targets: BTreeSet<Principal>,
    /// The intents, in order.
    pub steps: Vec<Step>,
    /// The pitfalls that were found.
    pub findings: Vec<Finding>,
    /// What could not be seen of targets: nothing is done there, and the run fails in the end.
    pub errors: Vec<Error>,
    /// What was asked for.
    #[serde(skip)]
    pub(crate) request: ShareRequest,
    #[serde(skip)]
    pub(crate) deadline: Instant,
}

impl Plan {
    /// What a target's launchers need in IAM beside `ec2:RunInstances`: the use of the shared keys,
    /// only through EC2 (R4.1). Their own default EBS key, under which volumes end up (R4.2), needs
    /// the same if it is a customer managed one. `None` if no image is encrypted.
    pub fn launch_policy(&self) -> Option<serde_json::Value> {
        let keys: Vec<&str> = self.keys().into_iter().map(AsRef::as_ref).collect();
        (!keys.is_empty()).then(|| launch_policy::document(self.partition(), &keys))
    }

    /// Whether carrying it out would change anything.
    pub fn changes(&self) -> bool {
        self.steps.iter().any(Step::changes)
    }

    /// The findings that refuse the plan.
    pub fn refusals(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Refuse)
    }

    /// The keys that targets need.
    pub fn keys(&self) -> BTreeSet<&KeyArn> {
        self.launch_permissions()
            .flat_map(|launch| &launch.keys)
            .collect()
    }

    /// The intents of launch permission.
    pub fn launch_permissions(&self) -> impl Iterator<Item = &LaunchPermission> {
        self.steps.iter().filter_map(|step| match step {
            Step::LaunchPermission(launch) => Some(launch),
            _ => None,
        })
    }

    /// The ARNs of the roles that launch in a target, as far as they are known: those that were
    /// named, or else the role that is assumed there, where that launches.
    pub(crate) fn launchers(&self, account: &AccountId) -> Vec<String> {
        let (partition, wanted) = (self.partition(), &self.request.options.target_options);
        if wanted.launch_roles.is_empty() {
            let role = wanted
                .role
                .as_ref()
                .filter(|_| wanted.verify == Verify::Launch);
            let role = role.and_then(|role| role.in_account(partition, account));
            return role.into_iter().map(|role| role.to_string()).collect();
        }
        wanted
            .launch_roles
            .iter()
            .map(|name| format!("arn:{partition}:iam::{account}:role/{name}"))
            .collect()
    }

    /// The intents of targets' own copies.
    pub fn target_copies(&self) -> impl Iterator<Item = &TargetCopy> {
        self.steps.iter().filter_map(|step| match step {
            Step::TargetCopy(copy) => Some(copy),
            _ => None,
        })
    }

    /// The statements that the policies of the keys need, for those who keep them in code: equal
    /// ones once.
    pub fn key_policy_statements(&self) -> Vec<serde_json::Value> {
        let holders: BTreeSet<PolicyPrincipal> = self
            .targets
            .iter()
            .filter_map(PolicyPrincipal::of)
            .collect();
        let mut statements = Vec::new();
        for statement in self
            .keys()
            .into_iter()
            .flat_map(|key| key_policy::statements(key, self.request.key_permissions(), &holders))
        {
            if !statements.contains(&statement) {
                statements.push(statement);
            }
        }
        statements
    }

    /// The partition of every Region of the run.
    pub(crate) fn partition(&self) -> Partition {
        self.regions
            .first()
            .map_or(Partition::Aws, Region::partition)
    }

    /// A plan without steps that a finding refuses.
    pub(crate) fn refused(
        request: &ShareRequest,
        account: &AccountId,
        finding: Finding,
        deadline: Instant,
    ) -> Self {
        Self::with(request, account, deadline, Vec::new(), vec![finding])
    }

    fn with(
        request: &ShareRequest,
        account: &AccountId,
        deadline: Instant,
        steps: Vec<Step>,
        findings: Vec<Finding>,
    ) -> Self {
        Self {
            account: account.clone(),
            regions: request.regions(),
            images: request.images.clone(),
            targets: targets(request, account),
            steps,
            findings,
            errors: Vec::new(),
            request: request.clone(),
            deadline,
        }
    }
}

/// Those to share with; the source account needs no sharing.
fn targets(request: &ShareRequest, account: &AccountId) -> BTreeSet<Principal> {
    request
        .options
        .targets
        .iter()
        .filter(|target| target.account() != Some(account))
        .cloned()
        .collect()
}

/// Makes the plan.
pub(crate) fn make(request: &ShareRequest, inventory: &Inventory, deadline: Instant) -> Plan {
    let mut findings = general::findings(request, inventory);
    let steps = if !inventory.off.is_empty() {
        Vec::new()
    } else if request.options.revoke.is_some() {
        removals::revoke(request, inventory, &mut findings)
    } else {
        share(request, inventory, &mut findings)
    };
    let unseen = inventory
        .targets
        .values()
        .filter_map(|target| target.as_ref().err())
        .cloned();
    let unseen = unseen.chain(
        inventory
            .uses
            .values()
            .flat_map(|found| found.unseen.clone()),
    );
    let (missing, errors): (Vec<Error>, Vec<Error>) =
        unseen.partition(|error| error.code == Code::KeyNotFound);
    findings.extend(missing.iter().map(targets::missing_key));
    Plan {
        errors,
        ..Plan::with(request, &inventory.account, deadline, steps, findings)
    }
}

fn share(request: &ShareRequest, inventory: &Inventory, findings: &mut Vec<Finding>) -> Vec<Step> {
    let targets = targets(request, &inventory.account);
    let mut all = Shares::default();
    for named in &request.images {
        let Some((home, image)) = inventory
            .regions
            .get(&named.region)
            .zip(inventory.source(named))
        else {
            continue;
        };
        findings.extend(images::findings(request, home, image, inventory.now));
        // Of an image that is still pending, neither volumes nor keys are known yet.
        if image.state != ImageState::Available {
            continue;
        }
        for there in request
            .regions_of(named)
            .iter()
            .filter_map(|region| inventory.regions.get(region))
        {
            share_in(
                request,
                inventory,
                (named, image),
                there,
                &targets,
                &mut all,
                findings,
            );
        }
    }
    copies::queued(&all.copies, findings);
    let keys = keys::plan(request, inventory, &all, findings);
    lifecycle::ambiguous_parameters(&all.others, findings);
    let mut removals = Vec::new();
    if request.options.unlisted == Unlisted::Revoke {
        removals = removals::unlisted(request, inventory, &all.launches, &targets, findings);
    }
    let (permissions, later): (Vec<Step>, Vec<Step>) = all
        .others
        .into_iter()
        .partition(|step| matches!(step, Step::SnapshotPermission(_)));
    let lending: Vec<Step> = keys.iter().chain(&permissions).cloned().collect();
    let give_back = temporary::give_back(
        request,
        inventory,
        &all.launches,
        &lending,
        &all.target_copies,
        findings,
    );
    let kept = temporary::kept(request, inventory, &all.launches);
    let roles = launch_roles::roles(
        request,
        inventory,
        &all.launches,
        &all.target_copies,
        findings,
    );
    let copies = all.copies.into_iter().map(Step::Copy);
    let launches = all.launches.into_iter().map(Step::LaunchPermission);
    let target_copies = all.target_copies.into_iter().map(Step::TargetCopy);
    let give_back = give_back.into_iter().map(Step::ReclaimAccess);
    let gives = copies
        .chain(keys)
        .chain(permissions)
        .chain(launches)
        .chain(target_copies)
        .chain(roles)
        .chain(later);
    gives.chain(give_back).chain(kept).chain(removals).collect()
}

/// What sharing takes, beside access to keys.
#[derive(Default)]
struct Shares {
    copies: Vec<CopyImage>,
    launches: Vec<LaunchPermission>,
    target_copies: Vec<TargetCopy>,
    others: Vec<Step>,
}

/// One image in one Region.
fn share_in(
    request: &ShareRequest,
    inventory: &Inventory,
    source: (&SourceImage, &Image),
    there: &RegionInventory,
    targets: &BTreeSet<Principal>,
    all: &mut Shares,
    findings: &mut Vec<Finding>,
) {
    let copy = copies::plan(request, inventory, source, there, findings);
    let image = match &copy {
        None => Some(source.1.id.clone()),
        Some(copy) => copy.adopt.clone(),
    };
    let shared = SharedImage {
        source: source.0.clone(),
        region: there.location.region.clone(),
        image,
    };
    let keys = copy.as_ref().map_or_else(
        || there.keys_of(source.1),
        |copy| BTreeSet::from([copy.key.clone()]),
    );
    let target_copies = targets::copies(request, inventory, source.1, &shared, findings);
    let done = targets::done(request, inventory, &target_copies);
    let needs = |target: &&Principal| {
        target
            .account()
            .is_none_or(|account| !done.contains(account))
    };
    let listed = targets;
    let targets: BTreeSet<Principal> = listed.iter().filter(needs).cloned().collect();
    all.others.extend(permissions::snapshots(
        request, there, &shared, &targets, findings,
    ));
    all.launches.push(permissions::launch(
        &inventory.account,
        there,
        &shared,
        keys,
        &targets,
        listed,
        findings,
    ));
    all.others.extend(lifecycle::plan(
        request, inventory, there, source.1, &shared, findings,
    ));
    all.others.extend(targets::images(
        request,
        inventory,
        source.1,
        &shared,
        &target_copies,
        findings,
    ));
    all.copies.extend(copy);
    all.target_copies.extend(target_copies);
}

#[cfg(test)]
mod tests;

//! From a request and an inventory to a plan: pure, without calls and without a clock.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::Plan;
use super::step::{
    CopyImage, ForgetTemporaryAccess, Grants, KeyAccess, LaunchPermission, ReclaimAccess,
    SharedImage, SnapshotPermission, Step, TargetCopy,
};
use crate::diagnostic::{Code, Error, Finding, FindingCode};
use crate::id::{KeyArn, Principal, SourceImage};
use crate::inventory::{Image, ImageState, Inventory, RegionInventory};
use crate::policy::key_policy::KeyPolicy;
use crate::request::{ShareRequest, Unlisted};

/// Makes one plan. Each file of this room adds the methods of its subject: `plan_…` make steps,
/// `check_…` make findings.
pub(super) struct Planner<'a> {
    pub(super) request: &'a ShareRequest,
    pub(super) inventory: &'a Inventory,
    /// The principals of the request, without the source account.
    pub(super) targets: BTreeSet<Principal>,
    /// Added to by `refuse` and `warn` only.
    findings: Vec<Finding>,
}

/// The steps of a share that later steps are planned from.
#[derive(Default)]
pub(super) struct ShareSteps {
    pub(super) copies: Vec<CopyImage>,
    /// Key access is either by policies or by grants.
    pub(super) key_accesses: Vec<KeyAccess>,
    pub(super) grants: Vec<Grants>,
    pub(super) snapshots: Vec<SnapshotPermission>,
    pub(super) launches: Vec<LaunchPermission>,
    pub(super) target_copies: Vec<TargetCopy>,
    /// What is done with an image once it is shared.
    pub(super) follow_ups: Vec<Step>,
}

/// Makes the plan of a request that an inventory was read for.
pub(crate) fn make(request: &ShareRequest, inventory: &Inventory, deadline: Instant) -> Plan {
    let plan = Plan::empty(request, &inventory.account, deadline);
    let mut planner = Planner {
        request,
        inventory,
        targets: plan.targets.clone(),
        findings: Vec::new(),
    };

    // 1. Findings about the whole run come first, because they explain the others.
    planner.check_run();

    // 2. The steps. If a Region is disabled, nothing was read that steps could be made from.
    let steps = if !inventory.disabled_regions.is_empty() {
        Vec::new()
    } else if request.options.revoke.is_some() {
        planner.plan_revoke()
    } else {
        planner.plan_share()
    };

    // 3. What could not be read in targets. The other targets are served all the same.
    let errors = planner.check_unreached();

    Plan {
        steps,
        findings: planner.findings,
        errors,
        keys_with_variables: keys_with_variables(inventory),
        ..plan
    }
}

/// The keys in whose policies policy variables work.
fn keys_with_variables(inventory: &Inventory) -> BTreeSet<KeyArn> {
    let mut keys = BTreeSet::new();
    for key in inventory
        .regions
        .values()
        .flat_map(|region| region.keys.values())
    {
        if key.readable_policy().is_some_and(KeyPolicy::has_variables) {
            keys.insert(key.arn.clone());
        }
    }
    keys
}

impl<'a> Planner<'a> {
    /// Adds a finding that refuses the plan.
    pub(super) fn refuse(
        &mut self,
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
    ) {
        self.findings.push(Finding::refuse(code, resource, message));
    }

    /// Adds a finding that does not stop the plan.
    pub(super) fn warn(
        &mut self,
        code: FindingCode,
        resource: impl ToString,
        message: impl Into<String>,
    ) {
        self.findings.push(Finding::warn(code, resource, message));
    }

    /// Adds a finding that other rooms report too.
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// What is known of a shared image; `None` if it is a copy that does not exist yet.
    pub(super) fn existing_image(&self, shared: &SharedImage) -> Option<&'a Image> {
        let region = self.inventory.regions.get(&shared.region)?;
        region.image(shared.image.as_ref()?)
    }

    /// The steps that share every image of the request.
    fn plan_share(&mut self) -> Vec<Step> {
        // 1. Which image is shared in each Region, with whom, and what follows from that.
        let mut steps = ShareSteps::default();
        for source in &self.request.images {
            self.plan_image(source, &mut steps);
        }
        self.check_copy_queue(&steps.copies);

        // 2. The keys: one key may serve several images.
        self.plan_key_access(&mut steps);
        self.check_parameters(&steps.follow_ups);

        // 3. Access of principals that the request does not list.
        let mut removals = Vec::new();
        if self.request.options.unlisted == Unlisted::Revoke {
            removals = self.plan_unlisted_removals(&steps.launches);
        }

        // 4. Access of targets that copy: it ends with their copies, or becomes permanent.
        let (mut reclaims, mut forgets) = (Vec::new(), Vec::new());
        if self.request.options.in_targets.unshare_after_copy {
            reclaims = self.plan_reclaims(&steps);
        } else {
            forgets = self.plan_permanent_access(&steps.launches);
        }

        // 5. Roles in targets.
        let roles = self.plan_roles(&steps);

        // 6. Limits of keys, and policies that KMS would not take back, whatever step writes them.
        self.check_grant_counts(&steps.grants, &roles);
        self.check_stale_principals_of_share(&steps, &reclaims, &removals);

        steps.in_order(roles, reclaims, forgets, removals)
    }

    /// One image in each Region that it is shared in.
    fn plan_image(&mut self, source: &SourceImage, steps: &mut ShareSteps) {
        let Some(home) = self.inventory.regions.get(&source.region) else {
            return;
        };
        let Some(image) = home.images.get(&source.ami) else {
            return;
        };
        self.check_image(home, image);
        // The volumes and keys of a pending image are not known yet.
        if image.state != ImageState::Available {
            return;
        }
        for region in self.request.regions_of(source) {
            if let Some(region) = self.inventory.regions.get(&region) {
                self.plan_image_in(region, source, image, steps);
            }
        }
    }

    /// One image in one Region.
    fn plan_image_in(
        &mut self,
        region: &RegionInventory,
        source: &SourceImage,
        image: &Image,
        steps: &mut ShareSteps,
    ) {
        // 1. The image itself is shared, or a copy of it under the key of the request. Targets need
        //    the keys of what they launch.
        let copy = self.plan_copy(source, image, region);
        let (image_id, keys) = match &copy {
            None => (Some(image.id.clone()), region.keys_of(image)),
            Some(copy) => (copy.adopt.clone(), BTreeSet::from([copy.key.clone()])),
        };
        let shared = SharedImage {
            source: source.clone(),
            region: region.location.region.clone(),
            image: image_id,
        };

        // 2. The copies of targets. With temporary access, a target whose copy is available gets
        //    no access any more.
        let target_copies = self.plan_target_copies(image, &shared);
        let principals = self.principals_in_need(&target_copies);

        // 3. Access to the shared image.
        let snapshots = self.plan_snapshot_permission(region, &shared, &principals);
        let launch = self.plan_launch_permission(region, &shared, keys, &principals);

        // 4. What is done once it is shared, in the source account and in targets.
        let lifecycle = self.plan_lifecycle(region, image, &shared);
        let in_targets = self.plan_tags_and_parameters(image, &shared, &target_copies);
        self.check_allowed_images(image, copy.as_ref(), &shared, &lifecycle);

        steps.copies.extend(copy);
        steps.snapshots.extend(snapshots);
        steps.launches.push(launch);
        steps.target_copies.extend(target_copies);
        steps.follow_ups.extend(lifecycle);
        steps.follow_ups.extend(in_targets);
    }

    /// The errors of targets that could not be read. A key that does not exist is a finding
    /// instead, because only another request helps.
    fn check_unreached(&mut self) -> Vec<Error> {
        let mut errors = Vec::new();
        let targets = self.inventory.targets.values();
        let unreached = targets.filter_map(|target| target.as_ref().err());
        let usages = self.inventory.key_usage.values();
        for error in unreached.chain(usages.flat_map(|usage| &usage.errors)) {
            if error.code == Code::KeyNotFound {
                self.refuse_missing_key(error);
            } else {
                errors.push(error.clone());
            }
        }
        errors
    }
}

impl ShareSteps {
    /// All steps in the order in which a run depends on them: targets can use the keys of an image
    /// before they see it (P1), and access is removed last.
    fn in_order(
        self,
        roles: Vec<Step>,
        reclaims: Vec<ReclaimAccess>,
        forgets: Vec<ForgetTemporaryAccess>,
        removals: Vec<Step>,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        steps.extend(self.copies.into_iter().map(Step::Copy));
        steps.extend(self.key_accesses.into_iter().map(Step::KeyAccess));
        steps.extend(self.grants.into_iter().map(Step::Grants));
        steps.extend(self.snapshots.into_iter().map(Step::SnapshotPermission));
        steps.extend(self.launches.into_iter().map(Step::LaunchPermission));
        steps.extend(self.target_copies.into_iter().map(Step::TargetCopy));
        steps.extend(roles);
        steps.extend(self.follow_ups);
        steps.extend(reclaims.into_iter().map(Step::ReclaimAccess));
        steps.extend(forgets.into_iter().map(Step::ForgetTemporaryAccess));
        steps.extend(removals);
        steps
    }
}

//! Judges the evidence: the checks of each image in each target. Pure.

mod allowed_images;
mod group;
mod images;
mod instance_role;
mod key_operations;
mod keys;
mod launchers;
mod permissions;
mod service_roles;

use super::evidence::{Evidence, SharedImageEvidence, Target, TargetEvidence};
use crate::diagnostic::{Error, FindingCode};
use crate::id::{AccountId, AmiId, Region, SourceImage};
use crate::plan::{LaunchPermission, Plan, TargetCopy};
use crate::policy::evaluate::Caller;
use crate::report::{Check, CheckName, Verification};

/// Judges every image of the plan in a target account.
pub(super) fn judge_target(
    plan: &Plan,
    evidence: &Evidence,
    account: &AccountId,
    target: &Target,
) -> Vec<Verification> {
    let mut verifications = Vec::new();
    for launch in plan.launch_permissions() {
        let image = ImageInTarget {
            plan,
            evidence,
            account,
            target,
            launch,
        };
        verifications.push(images::judge_image(image));
    }
    verifications.extend(judge_pending_images(plan, account));
    verifications
}

/// The images of which nothing could be planned because they are still being made.
fn judge_pending_images(plan: &Plan, account: &AccountId) -> Vec<Verification> {
    let mut verifications = Vec::new();
    for source in &plan.images {
        let mut findings = plan.findings.iter();
        let is_pending = findings.any(|finding| {
            finding.code == FindingCode::ImagePending && finding.resource == source.ami.as_ref()
        });
        if is_pending {
            let detail = format!("{} is still being made: wait for it", source.ami);
            let checks = vec![Check::no(CheckName::Image, detail)];
            let region = &source.region;
            verifications.push(Verification::new(account, region, source, None, checks));
        }
    }
    verifications
}

/// One image of the request in one target account and Region, and what is known of it there.
#[derive(Clone, Copy)]
struct ImageInTarget<'a> {
    plan: &'a Plan,
    evidence: &'a Evidence,
    account: &'a AccountId,
    target: &'a Target,
    launch: &'a LaunchPermission,
}

impl<'a> ImageInTarget<'a> {
    fn source(&self) -> &'a SourceImage {
        &self.launch.shared.source
    }

    fn region(&self) -> &'a Region {
        &self.launch.shared.region
    }

    /// The target, or why it was not reached; `None` without a role in targets.
    fn target(&self) -> Option<&'a Result<TargetEvidence, Error>> {
        self.target.get(self.region())
    }

    /// The target, if it was reached and read.
    fn target_evidence(&self) -> Option<&'a TargetEvidence> {
        self.target()?.as_ref().ok()
    }

    /// What is shared of the image, if that exists.
    fn shared_image(&self) -> Option<&'a (AmiId, Result<SharedImageEvidence, Error>)> {
        let location = (self.source().clone(), self.region().clone());
        self.evidence.shared_images.get(&location)
    }

    /// The copy that the plan makes in the target, if it makes one.
    fn planned_copy(&self) -> Option<&'a TargetCopy> {
        let mut copies = self.plan.target_copies();
        copies.find(|copy| &copy.account == self.account && copy.shared == self.launch.shared)
    }

    /// The target's copy, if that exists.
    fn own_copy(&self) -> Option<&'a AmiId> {
        let (source, region) = (self.source().clone(), self.region().clone());
        let location = (self.account.clone(), source, region);
        self.evidence.own_copies.get(&location)
    }

    /// The principals that launch: the roles that are known to, or else the account as a whole.
    fn launchers(&self) -> Vec<Caller> {
        let mut arns = Vec::new();
        for launcher in self
            .target_evidence()
            .into_iter()
            .flat_map(|target| &target.launchers)
        {
            arns.extend(launcher.known_arn().map(str::to_owned));
        }
        if arns.is_empty() {
            arns.push(self.region().partition().account_root(self.account));
        }
        let caller = |arn| Caller {
            account: self.account.clone(),
            arn,
        };
        arns.into_iter().map(caller).collect()
    }
}

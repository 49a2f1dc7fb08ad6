//! Findings about the run as a whole.

use super::planner::Planner;
use super::step::Step;
use crate::diagnostic::FindingCode;
use crate::id::Principal;
use crate::inventory::{ImageState, Part};
use crate::limits::LAUNCHING_SERVICES;
use crate::request::{KeyAccessMode, Timing};

impl Planner<'_> {
    /// Checks what concerns no image in particular.
    pub(super) fn check_run(&mut self) {
        let (account, options) = (&self.inventory.account, &self.request.options);
        for region in &self.inventory.disabled_regions {
            if !self.begin(Part::Region(region.clone())) {
                continue;
            }
            let message = format!(
                "this Region is not enabled for account {account}, so nothing can be shared there"
            );
            self.refuse(FindingCode::RegionOff, region, message);
        }
        self.end_part();
        if options
            .targets
            .contains(&Principal::Account(account.clone()))
        {
            let message = if options.targets.len() == 1 {
                "the only target is the source account itself, so nothing is shared with anybody"
            } else {
                "this target is the source account itself, which needs no sharing"
            };
            self.warn(FindingCode::TargetIsSource, account, message);
        }
        if options.revoke.is_none() && options.key_access == KeyAccessMode::Grants {
            // A grant has no condition for the service that a call comes through (R3.3.3).
            if options.key_scope.is_none() {
                self.warn(
                    FindingCode::GrantsDirect,
                    "key-access",
                    "with grants, targets can also call KMS directly, and decrypt whatever is \
                     encrypted under the key: grants cannot keep `key-scope: via-ec2`",
                );
            }
            // R3.3.9
            self.warn(
                FindingCode::GrantsRedelegable,
                "key-access",
                "a grant that lets a target launch lets it make grants too, and so hand its access \
                 on to others",
            );
        }
        if options.revoke.is_none() {
            self.check_services();
        }
        if self.inventory.fixed_session && self.may_wait() {
            // R5.7
            self.warn(
                FindingCode::CredentialsMayExpire,
                "credentials",
                "the run waits for images or copies with session credentials that cannot be \
                 renewed and may end before it",
            );
        }
    }

    /// Warns of too short a look at key policies that a run writes.
    pub(super) fn check_settle(&mut self, steps: &[Step]) {
        let writes = |step: &Step| match step {
            Step::KeyAccess(access) => access.policy.is_some(),
            Step::RemoveKeyAccess(remove) => remove.policy.is_some(),
            _ => false,
        };
        if self.request.options.timing.settle < Timing::SAFE_SETTLE && steps.iter().any(writes) {
            self.warn(
                FindingCode::TimingSettleShort,
                "settle",
                "a key policy is watched for less than 4 s after a change, so a concurrent run \
                 may overwrite it unseen",
            );
        }
    }

    /// Whether the services are known to launch instances: a wrong name helps nobody.
    fn check_services(&mut self) {
        for service in &self.request.options.in_targets.services {
            if !LAUNCHING_SERVICES.contains(&service.as_str()) {
                let message = format!(
                    "this service is not known to launch instances by a role of its own; known \
                     are {}",
                    LAUNCHING_SERVICES.join(", ")
                );
                self.warn(FindingCode::ServiceUnknown, service, message);
            }
        }
    }

    /// Whether the run may wait for long: for pending images, or for copies.
    fn may_wait(&self) -> bool {
        if self.request.options.revoke.is_some() {
            return false;
        }
        self.inventory.regions.values().any(|region| {
            let mut images = region.images.values();
            let copies = region.destination_key.is_some() && region.copies.is_empty();
            copies || images.any(|image| image.state == ImageState::Pending)
        })
    }
}

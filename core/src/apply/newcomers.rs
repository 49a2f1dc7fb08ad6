//! Principals that gain access after a plan to revoke it was made: nobody has asked yet whether
//! they use the image, and nobody who approved the plan has seen them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::Apply;
use crate::diagnostic::names::first_names;
use crate::diagnostic::{Code, Error, Finding, FindingCode};
use crate::id::{Principal, Region};
use crate::observe::{self, Asking};
use crate::plan::{self, Removal, RemovePermissions};
use crate::report::Event;

impl Apply<'_> {
    /// Those who have a permission now that the approved plan does not take: it was made when they
    /// had none, and the request does not list them.
    pub(super) fn find_newcomers(
        &self,
        step: &RemovePermissions,
        current: &BTreeSet<Principal>,
        planned: &BTreeSet<Principal>,
    ) -> BTreeSet<Principal> {
        if !self.plan.is_approved() || matches!(step.removal, Removal::These(_)) {
            return BTreeSet::new();
        }
        let mut newcomers = current - planned;
        newcomers.retain(|principal| step.removal.includes(principal));
        newcomers
    }

    /// Fails for those who keep access to something because the approved plan does not know them.
    pub(super) fn report_newcomers<P: ToString>(
        &self,
        region: &Region,
        resource: impl Display,
        newcomers: &BTreeSet<P>,
    ) {
        // A key may be revoked twice.
        let is_told = self.progress().has_failed(Code::PlanNewcomers, &resource);
        if newcomers.is_empty() || is_told {
            return;
        }
        let message = format!(
            "{} gained access to {resource} after the plan was made, and an approved plan takes \
             only what it names: they keep it",
            first_names(newcomers.iter().map(P::to_string)),
        );
        let error = Error::new(Code::PlanNewcomers, message)
            .at(&self.run.source.identity.account, region)
            .on(resource);
        self.progress().emit(&Event::Failed(error));
    }

    /// Those of the current launchers who are to lose the image, whom the plan has not seen, and
    /// who use it, as AWS reports. They keep it, and the run says so. Where their use is not known,
    /// they lose it as others do.
    pub(super) async fn find_newcomers_in_use(
        &self,
        step: &RemovePermissions,
        current: &BTreeSet<Principal>,
    ) -> BTreeSet<Principal> {
        let mut newcomers = current - &step.principals;
        newcomers.retain(|principal| step.removal.includes(principal));
        newcomers = &newcomers - &self.find_newcomers(step, current, &step.principals);
        if newcomers.is_empty() || self.plan.request.options.revoke_in_use {
            return BTreeSet::new();
        }
        let image = (step.region.clone(), step.image.clone());
        let asking = Asking {
            for_new_report: true,
            until: self.plan.deadline,
        };
        let images = [(image.clone(), false)];
        let mut read = observe::read_image_usage(self.run, images, asking).await;
        let usage = match read.remove(&image) {
            Some(Ok(usage)) => usage,
            Some(Err(unknown)) => {
                let finding = plan::image_use_unknown(&step.image, &unknown.error, false);
                self.progress().emit(&Event::Found(finding));
                // A retirement takes nothing of which it is not known that nobody uses it.
                let is_kept = self.plan.request.options.retire.is_some();
                return if is_kept { newcomers } else { BTreeSet::new() };
            }
            None => return BTreeSet::new(),
        };
        let users = plan::users_among(&usage, &newcomers, current);
        if users.is_empty() {
            if usage.is_full() {
                let finding = plan::full_report(&step.image, &usage);
                self.progress().emit(&Event::Found(finding));
            }
            return BTreeSet::new();
        }
        let message = format!(
            "it was shared again after the plan was made, and stays so: {}",
            plan::describe_use(&usage, &users, &BTreeMap::new())
        );
        let finding = Finding::warn(FindingCode::ImageInUse, &step.image, message);
        self.progress().emit(&Event::Found(finding));
        // An organization may be how any of the users can launch the image.
        newcomers.retain(|one| one.account().is_none_or(|id| users.contains_key(id)));
        newcomers
    }
}

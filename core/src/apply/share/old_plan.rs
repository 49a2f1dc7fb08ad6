//! A plan may be old when its images are shared, and they others than it was made for.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::apply::Apply;
use crate::diagnostic::{Code, Error};
use crate::id::{AmiId, KeyArn, Principal};
use crate::plan::{self, LaunchPermission};
use crate::policy::key_policy::KeyPolicy;
use crate::request::KeyAccessMode;

/// The age from which the sources of a plan are looked at again before they are shared.
const OLD_PLAN: Duration = Duration::from_mins(1);

impl Apply<'_> {
    /// Whether so much time has passed that the images of the plan may be others now.
    pub(super) fn is_plan_old(&self) -> bool {
        let remaining = self.plan.deadline.saturating_duration_since(Instant::now());
        self.plan.request.timing().timeout.saturating_sub(remaining) > OLD_PLAN
    }

    /// Fails if a shared image, or a key of it, is not what the plan was made for.
    pub(super) async fn check_again(
        &self,
        launch: &LaunchPermission,
        image_id: &AmiId,
    ) -> Result<(), Error> {
        self.check_source_again(launch, image_id).await?;
        self.check_keys_again(launch).await
    }

    /// Fails if the source of a shared image lost what the plan was allowed for: its owner, its
    /// state or its required tags.
    async fn check_source_again(
        &self,
        launch: &LaunchPermission,
        image_id: &AmiId,
    ) -> Result<(), Error> {
        let source = &launch.shared.source;
        let clients = self.run.source_clients(&source.region);
        let image = self.run.present_image(&clients, &source.ami).await?;
        let account = &self.plan.account;
        let refusals = plan::refuse_share(&self.plan.request, account, &image);
        let Some(first) = refusals.first() else {
            return Ok(());
        };
        let message = format!(
            "{image_id} was not shared: {source} has changed since the plan was made: {}",
            first.message
        );
        Err(Error::new(Code::PlanRefused, message)
            .remedy(first.remedy.clone())
            .at(account, &source.region)
            .on(source))
    }

    /// Fails if a key of a shared image cannot be used any more, or its policy denies that.
    async fn check_keys_again(&self, launch: &LaunchPermission) -> Result<(), Error> {
        for key in &launch.keys {
            let state = self.run.read_key(key).await?.state;
            if let Some(problem) = state.problem() {
                return Err(self.unusable_key(key, &problem));
            }
            match self.read_policy(key).await {
                Ok((_, policy)) => self.check_denials(key, &policy, &launch.principals)?,
                // The plan has warned if it could not read the policy either.
                Err(_) if self.plan.request.options.key_access != KeyAccessMode::Policy => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Fails if a key policy surely denies the use of the key to principals that get it: a deny
    /// beats every statement and every grant.
    pub(in crate::apply) fn check_denials(
        &self,
        key: &KeyArn,
        policy: &KeyPolicy,
        principals: &BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let Some(denial) = plan::certain_denial(policy, key, principals) else {
            return Ok(());
        };
        let message = format!(
            "{key} has changed since the plan was made: {}",
            denial.message
        );
        Err(Error::new(Code::PlanRefused, message)
            .remedy(denial.remedy)
            .at(&self.run.source.identity.account, key.region())
            .on(key))
    }
}

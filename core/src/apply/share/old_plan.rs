//! A plan may be old when its images are shared, and they others than it was made for.

use std::time::Duration;

use tokio::time::Instant;

use crate::apply::Apply;
use crate::diagnostic::{Code, Error};
use crate::id::AmiId;
use crate::plan::{self, LaunchPermission};

/// The age from which the sources of a plan are looked at again before they are shared.
const OLD_PLAN: Duration = Duration::from_mins(1);

impl Apply<'_> {
    /// Whether so much time has passed that the images of the plan may be others now.
    pub(super) fn is_plan_old(&self) -> bool {
        let remaining = self.plan.deadline.saturating_duration_since(Instant::now());
        self.plan.request.timing().timeout.saturating_sub(remaining) > OLD_PLAN
    }

    /// Fails if the source of a shared image lost what the plan was allowed for: its owner, its
    /// state or its required tags.
    pub(super) async fn check_source_again(
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
}

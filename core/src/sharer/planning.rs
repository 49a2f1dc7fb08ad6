//! Makes a plan: reads what AWS says now and then, if somebody would lose an image, who uses it.

use std::borrow::Cow;

use tokio::time::{self, Instant};

use super::errors::no_answer;
use super::{Sharer, not_allowed};
use crate::diagnostic::{Code, Error, Errors};
use crate::inventory::Inventory;
use crate::observe::{self, Asking};
use crate::plan::{self, Plan};
use crate::request::ShareRequest;

/// What a plan is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To be carried out.
    Run,
    /// To say what a run would do now: it waits for nothing and asks AWS to make nothing.
    DryRun,
    /// To check what it would share. Who loses what does not matter.
    Verify,
}

impl Sharer {
    /// Reads what AWS says now, and plans.
    pub(super) async fn make_plan(
        &self,
        request: &ShareRequest,
        purpose: Purpose,
    ) -> Result<Plan, Errors> {
        let deadline = Instant::now() + request.timing().timeout;
        let source = self.connect(request, deadline).await?;
        let account = &source.identity.account;
        if let Some(finding) = not_allowed(request, account) {
            return Ok(Plan::refused(request, account, finding, deadline));
        }
        let expanding = self.expand_organizations(&source, request);
        let expanded = time::timeout_at(deadline, expanding)
            .await
            .map_err(|_elapsed| no_answer())??;
        let request = match expanded {
            Ok(request) => request,
            Err(finding) => return Ok(Plan::refused(request, account, finding, deadline)),
        };
        let request = request.as_ref();
        let run = self.start(source, request, deadline, None).await?;
        let asking = Asking {
            for_new_report: purpose == Purpose::Run,
            until: deadline,
        };
        let observing = run.telling(Box::pin(async {
            if let Some(retire) = &request.options.retire {
                let observed = observe::observe_retirement(&run, request, retire, asking);
                let (request, inventory) = observed.await?;
                return Ok((Cow::Owned(request), inventory));
            }
            let request = observe::resolve_images(&run, request).await?;
            let waits = purpose == Purpose::Run;
            let inventory = observe::observe(&run, &request, waits).await?;
            Ok::<_, Errors>((request, inventory))
        }));
        let Ok(observed) = time::timeout_at(deadline, observing).await else {
            return Err(run.progress.deadline_error().into());
        };
        let (request, mut inventory) = observed?;
        let plan = plan::make(&request, &inventory, deadline)?;

        // Who uses images matters only for those that somebody would lose.
        let images = plan.images_to_take();
        if images.is_empty() || purpose == Purpose::Verify {
            return Ok(plan);
        }
        let reading = Box::pin(observe::read_image_usage(&run, images, asking));
        inventory.image_usage = run.telling(reading).await;
        let too_late = find_late(&inventory);
        let plan = plan::make(&request, &inventory, deadline)?;
        match too_late {
            // Images of which it is known that they are in use say more.
            Some(error) if plan.refusals().next().is_none() => Err(error.remedy(LATE).into()),
            _ => Ok(plan),
        }
    }
}

const LATE: &str = "run again, and it continues from here; or raise `timeout`; or set \
                    `revoke-in-use` if access must end although the image may be in use";

/// That the deadline passed before the use of an image was known.
fn find_late(inventory: &Inventory) -> Option<Error> {
    let usage = inventory.image_usage.values();
    let mut errors = usage.filter_map(|usage| Some(&usage.as_ref().err()?.error));
    errors.find(|error| error.code == Code::Deadline).cloned()
}

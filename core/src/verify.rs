//! Whether targets can launch, as far as that can be told: each check says yes, no or unknown, and
//! never more than it looked at (promise P9).

mod judge;
mod keys;
mod launch;
mod read;
mod source;

use std::time::Duration;

use futures::future;
use tokio::time::Instant;

use crate::limits::PERMISSION_PROPAGATION;
use crate::plan::Plan;
use crate::report::Verification;
use crate::request::Verify;
use crate::run::Run;

/// Looks at every target and image of a plan. Where the run has `just_shared`, a no is asked again
/// for a while.
pub(crate) async fn verify(run: &Run<'_>, plan: &Plan, just_shared: bool) -> Vec<Verification> {
    let (mut backoff, since) = (
        run.progress
            .poll_backoff((Duration::from_secs(2), Duration::from_secs(15))),
        Instant::now(),
    );
    let mut found = loop {
        let evidence = Box::pin(read::all(run, plan)).await;
        let found = judge::all(plan, &evidence);
        let may_pass = found.iter().any(Verification::may_pass);
        if !may_pass || !just_shared || since.elapsed() >= PERMISSION_PROPAGATION {
            break found;
        }
        run.progress
            .wait("targets", "to be able to launch", since, backoff.next())
            .await;
    };
    if !just_shared {
        Box::pin(source::check(run, plan, &mut found)).await;
    }
    if plan.request.options.target_options.verify == Verify::Launch {
        let launches = found
            .iter_mut()
            .map(|target| Box::pin(launch::verify(run, plan, target)));
        future::join_all(launches).await;
    }
    found
}

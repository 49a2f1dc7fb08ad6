//! Carries out a plan: what gives access first, then what takes it away. A branch that fails stops
//! only what depends on it.

mod give_back;
mod in_targets;
mod lifecycle;
mod permissions;
mod revoke;
mod share;

use futures::future;

use crate::error::Error;
use crate::event::Event;
use crate::key_access::KeyLocks;
use crate::plan::Plan;
use crate::run::Run;

/// Carries out every step.
pub(crate) async fn apply(run: &Run<'_>, locks: &KeyLocks, plan: &Plan) {
    // On the heap, as all that holds many calls.
    let work = Box::pin(async {
        share::all(run, locks, plan).await;
        revoke::all(run, locks, plan).await;
    });
    plan.errors
        .iter()
        .for_each(|error| run.emit(&Event::Failed(error.clone())));
    let mut sites: Vec<_> = plan.regions.iter().map(|region| run.site(region)).collect();
    sites.extend(
        plan.target_copies()
            .filter_map(|copy| run.target_site(&copy.account, &copy.shared.region)),
    );
    let looks = sites
        .iter()
        .map(|site| Box::pin(site.watcher.look(run, &site.ec2)));
    future::select(work, Box::pin(future::join_all(looks))).await;
}

/// Tells an error where there is one.
fn said<T>(run: &Run<'_>, result: Result<T, Error>) -> Option<T> {
    result.map_err(|error| run.emit(&Event::Failed(error))).ok()
}

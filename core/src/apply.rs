//! Carries out a plan: what gives access first, then what takes it away. A branch that fails stops
//! only what depends on it.

mod copies;
pub(crate) mod keys;
mod lifecycle;
mod permissions;
mod reclaim;
mod revoke;
mod share;
mod targets;

use futures::future;

use self::keys::KeyLocks;
use crate::plan::Plan;
use crate::report::Event;
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
        .for_each(|error| run.progress.emit(&Event::Failed(error.clone())));
    let mut clients: Vec<_> = plan
        .regions
        .iter()
        .map(|region| run.source_clients(region))
        .collect();
    clients.extend(
        plan.target_copies()
            .filter_map(|copy| run.target_clients(&copy.account, &copy.shared.region)),
    );
    future::select(work, Box::pin(run.watch(clients))).await;
}

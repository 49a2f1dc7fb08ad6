//! Carries out a plan: what gives access first, then what takes it away. A branch that fails stops
//! only what depends on it.

mod blocked;
mod confirm;
mod copies;
mod halves;
mod key_removal;
pub(crate) mod keys;
mod lifecycle;
mod meanwhile;
mod newcomers;
mod permissions;
mod reclaim;
mod retirement;
mod revoke;
mod served;
mod share;
mod shared_again;
mod targets;
mod temporary_tags;

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future;
use tokio::time::Instant;

use self::keys::KeyLocks;
use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, Principal, Region};
use crate::inventory::Image;
use crate::plan::{LaunchPermission, Plan, SharedImage};
use crate::report::Event;
use crate::run::{Progress, Run};
use crate::verify;

/// Carries out every step of a plan; what happens is emitted.
pub(crate) async fn apply(run: &Run<'_>, locks: &KeyLocks, plan: &Plan) {
    let apply = Apply { run, locks, plan };
    // What the plan could not see of targets fails the run, whatever else succeeds.
    for error in &plan.errors {
        run.progress.emit(&Event::Failed(error.clone()));
    }
    let work = async {
        let shared = apply.share().await;
        let changed = apply.find_changed().await;
        let remaining = apply.revoke(changed).await;
        apply.retire(&remaining).await;
        apply.confirm_launch_permissions(&shared).await;
    };
    // Whatever the run does, it ends test instances that runs before it left in its targets.
    let work = future::join(work, verify::sweep(run, plan));
    let watch = run.watch(apply.clients_with_copies());
    future::select(work.boxed(), watch.boxed()).await;
}

/// A plan that is being carried out.
pub(crate) struct Apply<'a> {
    run: &'a Run<'a>,
    locks: &'a KeyLocks,
    plan: &'a Plan,
}

/// An image whose launch permission is written: the source itself, or its copy.
#[derive(Clone)]
struct LaunchableImage<'a> {
    launch: &'a LaunchPermission,
    image_id: AmiId,
    /// Those whom it is shared with: the principals of the step, without those that AWS refuses.
    principals: BTreeSet<Principal>,
    /// Accounts that have launch permission by their organization, and everything else themselves.
    covered: BTreeSet<Principal>,
    /// When that was seen.
    since: Instant,
}

/// Which targets have an available copy, each with the image that it copied.
type AvailableCopies = BTreeSet<(AccountId, AmiId)>;

impl<'a> LaunchableImage<'a> {
    fn shared(&self) -> &'a SharedImage {
        &self.launch.shared
    }

    /// Everybody whom it is shared with, by themselves or by their organization.
    fn everybody(&self) -> BTreeSet<Principal> {
        &self.principals | &self.covered
    }
}

impl<'a> Apply<'a> {
    fn progress(&self) -> &'a Progress<'a> {
        &self.run.progress
    }

    /// Wherever copies are made, and so may be awaited.
    fn clients_with_copies(&self) -> Vec<Arc<RegionClients>> {
        let mut clients = Vec::new();
        for region in &self.plan.regions {
            clients.push(self.run.source_clients(region));
        }
        for copy in self.plan.target_copies() {
            let region = &copy.shared.region;
            clients.extend(self.run.target_clients(&copy.account, region));
        }
        clients
    }

    /// An image of the source account as AWS shows it now; fails if it is gone
    /// (`ec2:DescribeImages`).
    async fn find_image(&self, region: &Region, image_id: &AmiId) -> Result<Image, Error> {
        let clients = self.run.source_clients(region);
        self.run.present_image(&clients, image_id).await
    }
}

/// Accounts as the principals that permissions name.
fn as_principals(accounts: &BTreeSet<AccountId>) -> BTreeSet<Principal> {
    accounts.iter().cloned().map(Principal::Account).collect()
}

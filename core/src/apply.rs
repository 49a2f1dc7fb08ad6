//! Carries out a plan. Copies and key access go on side by side; an image is shared once both stand for it, and at the
//! end every key is looked at once more. A branch that fails stops only what depends on it.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::future::{self, BoxFuture, Shared};
use tokio::time::Instant;

use crate::copy;
use crate::error::Error;
use crate::event::Event;
use crate::id::{AccountId, AmiId, KeyArn};
use crate::key_access::{self, Granted, KeyLocks};
use crate::plan::{CopyImage, KeyAccess, LaunchPermission, Plan, Step, Subject};
use crate::run::Run;
use crate::wait::Pace;

/// Key access is awaited by every image under the key. `None`: it failed, and that has been said.
type Access<'a> = Shared<BoxFuture<'a, Option<Granted>>>;

/// Carries out every step.
pub(crate) async fn apply(run: &Run<'_>, locks: &KeyLocks, plan: &Plan) {
    let mut copies: BTreeMap<&AmiId, &CopyImage> = BTreeMap::new();
    let mut accesses: BTreeMap<&KeyArn, (&KeyAccess, Access<'_>)> = BTreeMap::new();
    for step in &plan.steps {
        match step {
            Step::Copy(copy) => {
                copies.insert(&copy.source, copy);
            }
            Step::KeyAccess(access) => {
                let granted = key_access(run, locks, access).boxed().shared();
                accesses.insert(&access.key, (access, granted));
            }
            Step::LaunchPermission(_) => {}
        }
    }
    let images = plan.launch_permissions().map(|launch| share(run, launch, &copies, &accesses));
    let keys = accesses.values().map(|(_, granted)| granted.clone());
    future::join(future::join_all(images), future::join_all(keys)).await;

    let confirmations = accesses.values().map(|(access, granted)| async move {
        if let Some(granted) = granted.clone().await {
            said(run, key_access::confirm(run, locks, access, &granted).await);
        }
    });
    future::join_all(confirmations).await;
}

/// Tells an error where there is one.
fn said<T>(run: &Run<'_>, result: Result<T, Error>) -> Option<T> {
    result.map_err(|error| run.emit(&Event::Failed(error))).ok()
}

async fn key_access(run: &Run<'_>, locks: &KeyLocks, access: &KeyAccess) -> Option<Granted> {
    let granted = said(run, key_access::ensure(run, locks, access).await)?;
    if !granted.refused.is_empty() {
        run.emit(&Event::Failed(key_access::refusal(run, access, &granted.refused)));
    }
    Some(granted)
}

/// One image, from its copy to its launch permission.
async fn share(
    run: &Run<'_>,
    launch: &LaunchPermission,
    copies: &BTreeMap<&AmiId, &CopyImage>,
    accesses: &BTreeMap<&KeyArn, (&KeyAccess, Access<'_>)>,
) {
    let image = async {
        match &launch.image {
            Subject::Existing(image) => Some(image.clone()),
            Subject::CopyOf(source) => said(run, Box::pin(copy::ensure(run, copies.get(source)?)).await),
        }
    };
    let keys = launch.keys.iter().filter_map(|key| accesses.get(key)).map(|(_, granted)| granted.clone());
    let (image, keys) = future::join(image, future::join_all(keys)).await;
    let (Some(image), Some(keys)) = (image, keys.into_iter().collect::<Option<Vec<Granted>>>()) else {
        return;
    };
    // Promise P1: nobody is shown an image whose key they cannot use.
    let accounts = keys.iter().fold(launch.accounts.clone(), |accounts, key| &accounts & &key.accounts);
    said(run, Box::pin(launch_permission(run, &launch.source, &image, &accounts)).await);
}

async fn launch_permission(
    run: &Run<'_>,
    source: &AmiId,
    image: &AmiId,
    accounts: &BTreeSet<AccountId>,
) -> Result<(), Error> {
    let ec2 = &run.account.ec2;
    let mut pace = Pace::new(run.timing.poll);
    let since = Instant::now();
    loop {
        let held = ec2.launch_permissions(image).await?.accounts;
        let missing: BTreeSet<AccountId> = accounts.difference(&held).cloned().collect();
        if missing.is_empty() {
            break;
        }
        match ec2.add_launch_permissions(image, &missing).await {
            Ok(()) => {
                run.emit(&Event::LaunchPermissionAdded {
                    source: source.clone(),
                    image: image.clone(),
                    added: missing,
                });
                break;
            }
            // A copy that has just become available may still count as pending elsewhere in EC2 (R2.8); the SDK does
            // not try that again (R6.6).
            Err(error) if error.is_aws(&["InvalidAMIID.Unavailable", "IncorrectState"]) => {
                run.wait(image, "to be ready for launch permission", since, pace.next()).await;
            }
            Err(error) => return Err(error),
        }
    }
    let (source, image, accounts) = (source.clone(), image.clone(), accounts.clone());
    run.emit(&Event::LaunchPermissionHeld { source, image, accounts });
    Ok(())
}

//! Lets principals use a key by editing its policy, or takes that back, beside other runs that do
//! the same (promise P5).
//!
//! KMS has no compare-and-set. A put is sent within 2 s of the read that it was made from and takes
//! at most 5 s, so whoever read before our put has put within 7 s; looking again after that shows
//! whether our statements lived.

mod grants;
mod policy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::diagnostic::{Code, Error};
use crate::id::{KeyArn, Principal};
use crate::plan::{KeyAccess, RemoveKeyAccess};
use crate::policy::key_policy::PolicyPrincipal;
use crate::report::Event;
use crate::run::Run;

pub(crate) use grants::{confirm_grants, create_grants, ensure_grants, revoke_grants};

/// How often statements that had settled and were then taken away are put again, before whoever
/// removes them wins.
const CONTENDED_PUTS: u32 = 2;

/// One lock per key: runs of one process never race with each other.
#[derive(Debug, Default)]
pub(crate) struct KeyLocks(Mutex<BTreeMap<KeyArn, Arc<tokio::sync::Mutex<()>>>>);

impl KeyLocks {
    pub(crate) fn of(&self, key: &KeyArn) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock();
        Arc::clone(locks.entry(key.clone()).or_default())
    }
}

/// What became of the intent: who has access, and whom KMS calls invalid.
#[derive(Clone, Debug, Default)]
pub(crate) struct Granted {
    pub(crate) principals: BTreeSet<Principal>,
    pub(crate) refused: BTreeSet<Principal>,
}

/// Makes sure that the principals have access, and that it lasts. Where nothing is missing, nothing
/// is awaited.
pub(crate) async fn ensure(
    run: &Run<'_>,
    locks: &KeyLocks,
    access: &KeyAccess,
) -> Result<Granted, Error> {
    let mut refused = BTreeSet::new();
    let mut pause = run.timing.settle;
    let since = Instant::now();
    while policy::missing(run, locks, access, &mut refused).await? {
        run.progress.wait(&access.key, SETTLE, since, pause).await;
        // Whoever takes away does not wait longer each time, and so wins.
        pause = run.progress.varied(pause.saturating_mul(2));
    }
    let principals: BTreeSet<Principal> = access.principals.difference(&refused).cloned().collect();
    run.progress.emit(&Event::KeyAccessConfirmed {
        key: access.key.clone(),
        principals: principals.clone(),
    });
    Ok(Granted {
        principals,
        refused,
    })
}

const SETTLE: &str = "to keep the new key policy, in case another run overwrites it";

/// Looks once more, after the launch permissions are written: statements that are gone by now were
/// taken away. Where the launch permission is gone as well (`still_shared`), somebody revokes, and
/// has their way.
pub(crate) async fn confirm(
    run: &Run<'_>,
    locks: &KeyLocks,
    access: &KeyAccess,
    granted: &Granted,
    still_shared: impl AsyncFn(&BTreeSet<Principal>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let access = KeyAccess {
        principals: granted.principals.clone(),
        ..access.clone()
    };
    let mut again = BTreeSet::new();
    for puts_left in (0..=CONTENDED_PUTS).rev() {
        let gone = policy::lacking(run, &access).await?;
        if gone.is_empty() {
            // Put again meanwhile for an image that was removed, it would be for nothing.
            let stands = again.is_empty() || still_shared(&again).await?;
            return if stands {
                Ok(())
            } else {
                Err(contended(run, &access.key))
            };
        }
        if puts_left == 0 || !still_shared(&gone).await? {
            break;
        }
        ensure(run, locks, &access).await?;
        again.extend(gone);
    }
    Err(contended(run, &access.key))
}

/// The error of whoever adds what another run takes away.
pub(crate) fn contended(run: &Run<'_>, key: &KeyArn) -> Error {
    Error::new(
        Code::KeyPolicyContended,
        format!("another run takes away the access to {key} that this one adds"),
    )
    .at(&run.source.identity.account, key.region())
    .on(key)
}

/// The error that names whom KMS refused.
pub(crate) fn refusal(run: &Run<'_>, access: &KeyAccess, refused: &BTreeSet<Principal>) -> Error {
    let names: Vec<String> = refused.iter().map(ToString::to_string).collect();
    let all = refused.len() > 1 && *refused == access.principals;
    let other = if all {
        ", or the key policy holds another principal that no longer exists"
    } else {
        ""
    };
    Error::new(
        Code::KeyInvalidPrincipals,
        format!(
            "KMS calls these accounts invalid principals: {}{other} (R3.2.4)",
            names.join(", ")
        ),
    )
    .at(&run.source.identity.account, access.key.region())
    .on(&access.key)
}

/// Takes access by statements of ours away, makes sure that it stays away, and returns who had it.
pub(crate) async fn remove(
    run: &Run<'_>,
    locks: &KeyLocks,
    remove: &RemoveKeyAccess,
) -> Result<BTreeSet<PolicyPrincipal>, Error> {
    let since = Instant::now();
    let mut gone = BTreeSet::new();
    while policy::present(run, locks, remove, &mut gone).await? {
        run.progress
            .wait(&remove.key, SETTLE, since, run.timing.settle)
            .await;
    }
    Ok(gone)
}

/// Those of the principals that a statement of ours names.
pub(crate) fn named<'a>(
    principals: impl IntoIterator<Item = &'a Principal>,
    holders: &BTreeSet<PolicyPrincipal>,
) -> BTreeSet<Principal> {
    let named = |principal: &&Principal| {
        PolicyPrincipal::of(principal).is_some_and(|holder| holders.contains(&holder))
    };
    principals.into_iter().filter(named).cloned().collect()
}

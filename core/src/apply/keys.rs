//! Lets principals use a key by editing its policy, or revokes that, while other runs may do the
//! same (promise P5).
//!
//! KMS has no compare-and-set. A put takes effect within 3 s of the start of the read that it was
//! made from, or is given up. So every run that read the policy before our put has put within 3 s
//! of it, and a look after `settle` shows whether our statements survived. A share goes on
//! meanwhile (`watch.rs`). Over a slow network the read takes more of these 3 s, and leaves less to
//! the put.
//!
//! A read may be out of date, and enters twice: the other run's before our put, and our look. So
//! the look finds everything if no read is older than half of what `settle` exceeds these 3 s by.

mod grants;
mod invalid;
mod policy;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use self::policy::{Outcome, PutPolicy};
pub(super) use self::watch::{KeyState, until_all_present};
use super::Apply;
use crate::diagnostic::{AwsAnswer, Code, Error};
use crate::id::{AmiId, KeyArn, Principal, Region};
use crate::limits::KEY_POLICY_CHANGE;
use crate::plan::{KeyAccess, RemoveKeyAccess};
use crate::policy::key_policy::PolicyPrincipal;
use crate::report::Event;
use crate::run::effect::ChangeKind;

const UNANSWERED: &str = "to show whether it was changed: KMS has not said so";
const EXPECTED: &str = "to show a statement that it should have: one look may be out of date";

/// One lock per key: runs of one process never race with each other. It holds how many puts in a
/// row KMS has left unanswered.
#[derive(Debug, Default)]
pub(crate) struct KeyLocks(Mutex<BTreeMap<KeyArn, Arc<tokio::sync::Mutex<u32>>>>);

impl KeyLocks {
    fn of(&self, key: &KeyArn) -> Arc<tokio::sync::Mutex<u32>> {
        let mut locks = self.0.lock();
        Arc::clone(locks.entry(key.clone()).or_default())
    }
}

/// What became of the intent: who has access, and whom KMS calls invalid.
#[derive(Clone, Debug, Default)]
pub(super) struct Granted {
    pub(super) principals: BTreeSet<Principal>,
    pub(super) refused: Refused,
    /// How this run has put it into the policy; `None` if it was there.
    put: Option<PutPolicy>,
}

/// Whom KMS calls invalid, and its words.
#[derive(Clone, Debug, Default)]
pub(super) struct Refused {
    pub(super) principals: BTreeSet<Principal>,
    /// Whether KMS took the policy with others added: then everybody else in it exists.
    others_accepted: bool,
    answer: Option<AwsAnswer>,
}

impl Apply<'_> {
    /// Lets the principals use a key, and returns once its policy has their statements. Where it
    /// did not have them, [`Self::keep_key_access`] makes sure that they last.
    pub(super) async fn give_key_access(&self, access: &KeyAccess) -> Result<Granted, Error> {
        let mut refused = Refused::default();
        let since = Instant::now();
        let put = loop {
            match self.add_statements(access, &mut refused).await? {
                Outcome::Unchanged => break None,
                Outcome::Put(put) => break Some(put),
                // The next look tells.
                Outcome::Unknown => {
                    let pause = self.run.timing.settle;
                    self.progress()
                        .wait(&access.key, UNANSWERED, since, pause)
                        .await;
                }
            }
        };
        let principals = &access.principals - &refused.principals;
        // This run has given it, or one beside it since the plan was made.
        let changes = &self.progress().changes;
        let given = access.missing.intersection(&principals);
        changes.note(ChangeKind::KeyPolicy, &access.key, given);
        Ok(Granted {
            principals,
            refused,
            put,
        })
    }

    /// Reports who can use a key, once that was confirmed.
    pub(super) fn report_key_access(&self, access: &KeyAccess, principals: BTreeSet<Principal>) {
        self.progress().emit(&Event::KeyAccessConfirmed {
            key: access.key.clone(),
            principals,
        });
    }

    /// Removes our statements, makes sure that they stay away, and returns whom they named. Whoever
    /// can launch one of the `images` again gets them back (P1).
    pub(super) async fn remove_key_statements(
        &self,
        remove: &RemoveKeyAccess,
        images: &[(&Region, &AmiId)],
    ) -> Result<BTreeSet<PolicyPrincipal>, Error> {
        let since = Instant::now();
        let settle = self.run.timing.settle;
        let mut step = remove.clone();
        let (mut removed, mut newcomers) = (BTreeSet::new(), BTreeSet::new());
        let mut is_expected = remove.expected;
        loop {
            let is_changed = self
                .remove_statements(&step, &mut removed, &mut newcomers)
                .await?;
            if is_changed {
                let back = self.give_back(remove, images, &removed).await?;
                step.launchers = &remove.launchers | &back;
            }
            let (what, pause) = match (is_changed, is_expected) {
                (true, _) => (settling(settle), settle),
                (false, true) => (EXPECTED.to_owned(), oldest_read(settle)),
                (false, false) => {
                    self.report_newcomers(remove.key.region(), &remove.key, &newcomers);
                    return Ok(removed);
                }
            };
            is_expected = false;
            self.progress().wait(&remove.key, &what, since, pause).await;
            // One look at launch permissions may be out of date, so that who got the key back by it
            // loses it again.
            if step.launchers != remove.launchers {
                let back = self.find_launchers(images, &removed).await?;
                let back: BTreeSet<_> = back.iter().filter_map(PolicyPrincipal::of).collect();
                step.launchers = &remove.launchers | &back;
            }
        }
    }

    /// The error of a run that adds what another run revokes.
    fn contended(&self, key: &KeyArn) -> Error {
        let message = format!("another run revokes the access to {key} that this one adds");
        Error::new(Code::KeyPolicyContended, message)
            .at(&self.run.source.identity.account, key.region())
            .on(key)
    }
}

/// What is awaited after a key policy was put, and for how long.
fn settling(settle: Duration) -> String {
    let seconds = settle.as_millis().div_ceil(1000);
    format!("to keep the new key policy for {seconds} s, in case another run overwrites it")
}

/// How old a read may be where a run settles so long.
pub(super) fn oldest_read(settle: Duration) -> Duration {
    settle.saturating_sub(KEY_POLICY_CHANGE) / 2
}

/// Access to a key for these principals only.
fn limit(access: &KeyAccess, principals: &BTreeSet<Principal>) -> KeyAccess {
    KeyAccess {
        principals: principals.clone(),
        ..access.clone()
    }
}

/// Those of the principals that `statements` name.
pub(super) fn named_principals(
    principals: &BTreeSet<Principal>,
    statements: &BTreeSet<PolicyPrincipal>,
) -> BTreeSet<Principal> {
    let mut named = principals.clone();
    named.retain(|principal| {
        PolicyPrincipal::of(principal).is_some_and(|principal| statements.contains(&principal))
    });
    named
}

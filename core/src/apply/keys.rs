//! Lets principals use a key by editing its policy, or revokes that, while other runs may do the
//! same (promise P5).
//!
//! KMS has no compare-and-set. A put takes effect within 3 s of the start of the read that it was
//! made from, or is given up. So every run that read the policy before our put has put within 3 s
//! of it, and a look after `settle` shows whether our statements survived. Over a slow network the
//! read takes more of these 3 s, and leaves less to the put.
//!
//! A read may be out of date, and enters twice: the other run's before our put, and our look. So
//! the look finds everything if no read is older than half of what `settle` exceeds these 3 s by.

mod grants;
mod invalid;
mod policy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Apply, LaunchableImage};
use crate::diagnostic::{AwsAnswer, Code, Error};
use crate::id::{KeyArn, Principal};
use crate::limits::KEY_POLICY_CHANGE;
use crate::plan::{KeyAccess, RemoveKeyAccess};
use crate::policy::key_policy::PolicyPrincipal;
use crate::report::Event;
use crate::run::effect::ChangeKind;

/// How often statements that had settled and were then removed are put again, before the run that
/// removes them wins.
const CONTENDED_PUTS: u32 = 2;

const SETTLE: &str = "to keep the new key policy, in case another run overwrites it";
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
    /// Makes sure that the principals have access, and that it lasts. If nothing is missing, there
    /// is no wait.
    pub(super) async fn ensure_key_access(&self, access: &KeyAccess) -> Result<Granted, Error> {
        let mut refused = Refused::default();
        let mut pause = self.run.timing.settle;
        let since = Instant::now();
        while self.add_statements(access, &mut refused).await? {
            self.progress()
                .wait(&access.key, SETTLE, since, pause)
                .await;
            // A run that revokes does not wait longer each time, and so wins.
            pause = self.progress().varied(pause.saturating_mul(2));
        }
        let principals = &access.principals - &refused.principals;
        // This run has given it, or one beside it since the plan was made.
        let changes = &self.progress().changes;
        let given = access.missing.intersection(&principals);
        changes.note(ChangeKind::KeyPolicy, &access.key, given);
        self.progress().emit(&Event::KeyAccessConfirmed {
            key: access.key.clone(),
            principals: principals.clone(),
        });
        Ok(Granted {
            principals,
            refused,
        })
    }

    /// Looks once more, after the launch permissions of the `images` under the key are written:
    /// another run has removed the statements that are gone by now. If the launch permissions are
    /// gone as well, that run revokes, and wins.
    pub(super) async fn confirm_key_access(
        &self,
        access: &KeyAccess,
        granted: &Granted,
        images: &[&LaunchableImage<'_>],
    ) -> Result<(), Error> {
        let access = KeyAccess {
            principals: granted.principals.clone(),
            ..access.clone()
        };
        let mut restored = BTreeSet::new();
        for puts_left in (0..=CONTENDED_PUTS).rev() {
            let gone = self.find_missing_statements(&access).await?;
            if gone.is_empty() {
                // Access that was restored for an image that another run revoked meanwhile would be
                // useless.
                if restored.is_empty() || self.are_still_shared(images, &restored).await? {
                    return Ok(());
                }
                break;
            }
            if puts_left == 0 || !self.are_still_shared(images, &gone).await? {
                break;
            }
            self.ensure_key_access(&access).await?;
            restored.extend(gone);
        }
        Err(self.contended(&access.key))
    }

    /// Removes our statements, makes sure that they stay away, and returns whom they named.
    pub(super) async fn remove_key_statements(
        &self,
        remove: &RemoveKeyAccess,
    ) -> Result<BTreeSet<PolicyPrincipal>, Error> {
        let since = Instant::now();
        let settle = self.run.timing.settle;
        let mut removed = BTreeSet::new();
        let mut is_expected = remove.expected;
        loop {
            let is_changed = self.remove_statements(remove, &mut removed).await?;
            let (what, pause) = match (is_changed, is_expected) {
                (true, _) => (SETTLE, settle),
                (false, true) => (EXPECTED, settle.saturating_sub(KEY_POLICY_CHANGE) / 2),
                (false, false) => return Ok(removed),
            };
            is_expected = false;
            self.progress().wait(&remove.key, what, since, pause).await;
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

//! One change of a key policy: read, edit, put.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::{Refused, named_principals};
use crate::apply::Apply;
use crate::apply::halves::Halves;
use crate::aws::kms::Put;
use crate::diagnostic::{Code, Error};
use crate::id::{KeyArn, Principal};
use crate::limits::{KEY_POLICY_CHANGE, KEY_POLICY_PUT, SHORTEST_KEY_POLICY_PUT};
use crate::plan::{KeyAccess, RemoveKeyAccess};
use crate::policy::key_policy::{KeyPolicy, PolicyError, PolicyPrincipal};
use crate::report::Event;

/// How long a run goes on to read a policy over a network that is too slow for a put.
const SLOW_READS: Duration = Duration::from_secs(30);

/// After how many puts in a row that KMS does not answer the run gives the key up.
const UNANSWERED_PUTS: u32 = 5;

const THROTTLED: &str = "to be changed: KMS throttles the account";

/// What is to change in a key policy, whatever the policy says when it is read.
enum Edit<'a> {
    /// Access is added for those of these who lack it.
    Add(&'a KeyAccess, BTreeSet<Principal>),
    /// Access is removed; whom a policy named is added to the first set, and to the second who
    /// keeps access because the approved plan does not know them.
    Remove(
        &'a RemoveKeyAccess,
        &'a mut BTreeSet<PolicyPrincipal>,
        &'a mut BTreeSet<PolicyPrincipal>,
    ),
}

/// A policy after an edit, and whose access changes by it.
struct Edited {
    policy: KeyPolicy,
    added: BTreeSet<String>,
    removed: BTreeSet<String>,
}

/// What became of a change.
pub(super) enum Outcome {
    /// The policy was so already.
    Unchanged,
    /// KMS has put the new policy.
    Put(PutPolicy),
    /// KMS has not said whether it has.
    Unknown,
}

/// A policy that KMS has put.
#[derive(Clone, Debug)]
pub(super) struct PutPolicy {
    /// The policy before.
    pub(super) replaced: String,
    /// When KMS had answered.
    pub(super) at: Instant,
    /// How long the read and the put took: a put of another run that is as fast and overwrites this
    /// one comes no later after it.
    pub(super) took: Duration,
}

impl Outcome {
    /// What became of this change and a later one.
    fn and(self, later: Self) -> Self {
        match (self, later) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (first, Self::Unchanged) => first,
            (_, put) => put,
        }
    }
}

impl Edit<'_> {
    fn key(&self) -> &KeyArn {
        match self {
            Self::Add(access, _) => &access.key,
            Self::Remove(remove, ..) => &remove.key,
        }
    }

    fn apply(&mut self, policy: &KeyPolicy) -> Result<Edited, PolicyError> {
        match self {
            Self::Add(access, batch) => {
                let missing = &missing_principals(access, policy) & batch;
                let principals = missing.iter().filter_map(PolicyPrincipal::of).collect();
                Ok(Edited {
                    policy: policy.with_access(&access.key, &access.access, &principals)?,
                    added: missing.iter().map(ToString::to_string).collect(),
                    removed: BTreeSet::new(),
                })
            }
            Self::Remove(remove, removed, newcomers) => {
                let mut present = policy.granted_principals(&remove.key).into_owned();
                newcomers.extend(remove.newcomers_among(present.iter().cloned()));
                present.retain(|principal| remove.revokes_from(principal));
                removed.extend(present.iter().cloned());
                Ok(Edited {
                    policy: policy.without_access(&remove.key, &present)?,
                    added: BTreeSet::new(),
                    removed: present.iter().map(ToString::to_string).collect(),
                })
            }
        }
    }
}

impl Apply<'_> {
    /// Adds the statements that are missing. Adds to `refused` whom KMS calls invalid.
    pub(super) async fn add_statements(
        &self,
        access: &KeyAccess,
        refused: &mut Refused,
    ) -> Result<Outcome, Error> {
        let lock = self.locks.of(&access.key);
        let mut unanswered = lock.lock().await;
        let mut outcome = Outcome::Unchanged;
        let mut halves = Halves::of(&(&access.principals - &refused.principals));
        while let Some(batch) = halves.next() {
            let edit = Edit::Add(access, batch.iter().cloned().collect());
            match self.edit_policy(edit, &mut unanswered).await {
                Ok(edited) => {
                    refused.others_accepted |= matches!(edited, Outcome::Put(_));
                    outcome = outcome.and(edited);
                }
                // KMS does not say which principal it means (R3.2.4).
                Err(error) if !batch.is_empty() && is_about_principals(&error) => {
                    halves.split(&batch, error);
                }
                Err(error) => return Err(error),
            }
        }
        for (principal, error) in halves.refused {
            refused.principals.insert(principal);
            refused.answer = error.aws;
        }
        Ok(outcome)
    }

    /// Removes our statements; returns whether there were any, and adds whom they named to
    /// `removed`, and to `newcomers` who keeps theirs because the approved plan does not know them.
    pub(super) async fn remove_statements(
        &self,
        remove: &RemoveKeyAccess,
        removed: &mut BTreeSet<PolicyPrincipal>,
        newcomers: &mut BTreeSet<PolicyPrincipal>,
    ) -> Result<bool, Error> {
        let lock = self.locks.of(&remove.key);
        let mut unanswered = lock.lock().await;
        let edit = Edit::Remove(remove, removed, newcomers);
        match self.edit_policy(edit, &mut unanswered).await {
            Err(error) if is_about_principals(&error) => {
                Err(self.invalid_remaining(&remove.key, removed, error).await)
            }
            edited => Ok(!matches!(edited?, Outcome::Unchanged)),
        }
    }

    /// Those who lack access now, and the policy.
    pub(super) async fn find_missing_statements(
        &self,
        access: &KeyAccess,
    ) -> Result<(BTreeSet<Principal>, String), Error> {
        let (text, policy) = self.read_policy(&access.key).await?;
        self.check_denials(&access.key, &policy, &access.principals)?;
        Ok((missing_principals(access, &policy), text))
    }

    /// Reads, edits and puts a policy.
    async fn edit_policy(
        &self,
        mut edit: Edit<'_>,
        unanswered: &mut u32,
    ) -> Result<Outcome, Error> {
        let key = edit.key().clone();
        let mut backoff = self.progress().poll_backoff(self.run.timing.poll);
        let since = Instant::now();
        let mut slow_since = None;
        loop {
            let kms = &self.run.key_clients(&key).kms;
            kms.turn_to_put().await;
            let read_at = Instant::now();
            let (replaced, policy) = self.read_policy(&key).await?;
            if let Edit::Add(access, _) = &edit {
                self.check_denials(&key, &policy, &access.principals)?;
            }
            let edited = edit
                .apply(&self.plan.request.writable_policy(&policy))
                .map_err(|error| self.refused_policy(&key, &error))?;
            if edited.added.is_empty() && edited.removed.is_empty() {
                return Ok(Outcome::Unchanged);
            }
            let took = read_at.elapsed();
            let within = KEY_POLICY_CHANGE.saturating_sub(took).min(KEY_POLICY_PUT);
            if within < SHORTEST_KEY_POLICY_PUT {
                if slow_since.get_or_insert(read_at).elapsed() > SLOW_READS {
                    return Err(self.slow_read(&key, took));
                }
                continue;
            }
            slow_since = None;
            let text = edited.policy.text();
            match kms.put_key_policy(&key, &text, within).await {
                Ok(put) => {
                    let is_known = count_unanswered(put, unanswered)?;
                    self.progress().emit(&Event::KeyPolicyPut {
                        key,
                        added: edited.added,
                        removed: edited.removed,
                        replaced: replaced.clone(),
                    });
                    let put = PutPolicy {
                        replaced,
                        at: Instant::now(),
                        took: read_at.elapsed(),
                    };
                    let known = is_known.then_some(Outcome::Put(put));
                    return Ok(known.unwrap_or(Outcome::Unknown));
                }
                Err(error) if error.code == Code::Throttled => {
                    let pause = backoff.next();
                    self.progress()
                        .wait_out(&error, &key, THROTTLED, since, pause)
                        .await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(in crate::apply) async fn read_policy(
        &self,
        key: &KeyArn,
    ) -> Result<(String, KeyPolicy), Error> {
        let text = self.run.key_clients(key).kms.key_policy(key).await?;
        match KeyPolicy::parse(&text) {
            Ok(policy) => Ok((text, policy)),
            Err(error) => {
                let message = format!("the policy of {key} cannot be read as one: {error}");
                let error = Error::new(Code::AwsUnreadable, message)
                    .remedy("look at the policy of the key, and put a valid document")
                    .at(&self.run.source.identity.account, key.region())
                    .on(key);
                Err(error)
            }
        }
    }

    /// The error of a network over which no read is ever young enough for a put.
    fn slow_read(&self, key: &KeyArn, took: Duration) -> Error {
        let message = format!(
            "the policy of {key} was not changed: to read it took {:.1} s, again and again, and a \
             put that comes more than {} s after its read can undo what another run has written",
            took.as_secs_f64(),
            KEY_POLICY_CHANGE.as_secs(),
        );
        Error::new(Code::KeyPolicySlow, message)
            .at(&self.run.source.identity.account, key.region())
            .on(key)
    }

    fn refused_policy(&self, key: &KeyArn, why: &impl ToString) -> Error {
        let why = why.to_string();
        let message = format!("the policy of {key} cannot be changed as it must be: {why}");
        Error::new(Code::KeyPolicyRefused, message)
            .remedy("change the key policy by hand as the message says, or use another key")
            .at(&self.run.source.identity.account, key.region())
            .on(key)
    }
}

/// Counts the puts in a row of which KMS did not say what became of them; returns whether it said
/// so of this one. After some, its answer is the error.
fn count_unanswered(put: Put, unanswered: &mut u32) -> Result<bool, Error> {
    match put {
        Put::Done => *unanswered = 0,
        Put::Unknown(error) if *unanswered >= UNANSWERED_PUTS => {
            *unanswered = 0;
            return Err(*error);
        }
        Put::Unknown(_) => *unanswered += 1,
    }
    Ok(*unanswered == 0)
}

/// Those of the step's principals who lack access by a policy.
fn missing_principals(access: &KeyAccess, policy: &KeyPolicy) -> BTreeSet<Principal> {
    let current = policy.principals_with_access(&access.key, &access.access);
    &access.principals - &named_principals(&access.principals, &current)
}

/// Whether KMS refused a principal; the refusal of a lockout has the same code (R3.2.5).
fn is_about_principals(error: &Error) -> bool {
    error.is_aws(&["MalformedPolicyDocumentException"])
        && error
            .aws
            .as_ref()
            .is_some_and(|aws| aws.message.contains("principal"))
}

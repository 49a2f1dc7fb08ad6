//! One change of a key policy: read, merge, put.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::{KeyLocks, named};
use crate::aws::kms::Put;
use crate::diagnostic::{Code, Error};
use crate::id::{KeyArn, Principal};
use crate::limits::KEY_POLICY_BYTES;
use crate::plan::{KeyAccess, RemoveKeyAccess};
use crate::policy::key_policy::{KeyPolicy, PolicyError, PolicyPrincipal};
use crate::report::Event;
use crate::run::Run;

/// How old a read may be when the put made from it is sent.
const FRESH: Duration = Duration::from_secs(2);

/// Puts what is missing; says whether anything was.
pub(super) async fn missing(
    run: &Run<'_>,
    locks: &KeyLocks,
    access: &KeyAccess,
    refused: &mut BTreeSet<Principal>,
) -> Result<bool, Error> {
    let lock = locks.of(&access.key);
    let _only_us = lock.lock().await;
    let mut put = false;
    // KMS refuses a whole document for one invalid principal (R3.2.4): halve until those are named,
    // put the rest.
    let mut batches = vec![
        access
            .principals
            .difference(refused)
            .cloned()
            .collect::<Vec<_>>(),
    ];
    while let Some(batch) = batches.pop() {
        let of_batch: BTreeSet<Principal> = batch.iter().cloned().collect();
        let added = |policy: &KeyPolicy| {
            let missing = lacks(access, policy)
                .intersection(&of_batch)
                .cloned()
                .collect::<BTreeSet<_>>();
            let holders = missing.iter().filter_map(PolicyPrincipal::of).collect();
            Ok((
                policy.with_access(&access.key, &access.access, &holders)?,
                missing,
            ))
        };
        match put_changed(run, &access.key, true, added).await {
            Ok(done) => put |= done,
            Err(error) if is_invalid_principals(&error) => match batch.as_slice() {
                [] => return Err(error),
                [one] => {
                    refused.insert(one.clone());
                }
                many => {
                    let (left, right) = many.split_at(many.len() / 2);
                    batches.extend([right.to_vec(), left.to_vec()]);
                }
            },
            Err(error) => return Err(error),
        }
    }
    Ok(put)
}

/// Puts the policy without what is to be gone; says whether any of it was there, and adds that to
/// `gone`.
pub(super) async fn present(
    run: &Run<'_>,
    locks: &KeyLocks,
    remove: &RemoveKeyAccess,
    gone: &mut BTreeSet<PolicyPrincipal>,
) -> Result<bool, Error> {
    let key = &remove.key;
    let lock = locks.of(key);
    let _only_us = lock.lock().await;
    let removed = |policy: &KeyPolicy| {
        let here: BTreeSet<PolicyPrincipal> = policy
            .granted_principals(key)
            .into_iter()
            .filter(|holder| remove.revokes_from(holder))
            .collect();
        gone.extend(here.iter().cloned());
        Ok((policy.without_access(key, &here)?, here))
    };
    put_changed(run, key, false, removed).await
}

/// Who lacks access now.
pub(super) async fn lacking(
    run: &Run<'_>,
    access: &KeyAccess,
) -> Result<BTreeSet<Principal>, Error> {
    Ok(lacks(access, &read(run, &access.key).await?.1))
}

fn lacks(access: &KeyAccess, policy: &KeyPolicy) -> BTreeSet<Principal> {
    let held = named(
        &access.principals,
        &policy.principals_with_access(&access.key, &access.access),
    );
    access.principals.difference(&held).cloned().collect()
}

/// Read, merge, put; says whether the change changed anything.
async fn put_changed<W: ToString>(
    run: &Run<'_>,
    key: &KeyArn,
    adds: bool,
    mut change: impl FnMut(&KeyPolicy) -> Result<(KeyPolicy, BTreeSet<W>), PolicyError>,
) -> Result<bool, Error> {
    let mut backoff = run.progress.poll_backoff(run.timing.poll);
    let since = Instant::now();
    loop {
        let read_at = Instant::now();
        let (text, policy) = read(run, key).await?;
        let (changed, whom) = change(&policy).map_err(|error| refused(run, key, &error))?;
        if whom.is_empty() {
            return Ok(false);
        }
        if adds && changed.size() > KEY_POLICY_BYTES {
            let error = format!(
                "it would have {} bytes, and KMS takes {} (R3.2.2)",
                changed.size(),
                KEY_POLICY_BYTES
            );
            return Err(refused(run, key, &error));
        }
        if read_at.elapsed() > FRESH {
            continue;
        }
        match run
            .key_clients(key)
            .kms
            .put_key_policy(key, &changed.text())
            .await
        {
            Ok(Put::Done | Put::Unknown) => {
                let whom: BTreeSet<String> = whom.iter().map(ToString::to_string).collect();
                let (added, removed) = if adds {
                    (whom, BTreeSet::new())
                } else {
                    (BTreeSet::new(), whom)
                };
                run.progress.emit(&Event::KeyPolicyPut {
                    key: key.clone(),
                    added,
                    removed,
                    replaced: text,
                });
                return Ok(true);
            }
            Err(error) if error.code == Code::Throttled => {
                run.progress
                    .wait(
                        key,
                        "to be changed: KMS throttles the account",
                        since,
                        backoff.next(),
                    )
                    .await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn read(run: &Run<'_>, key: &KeyArn) -> Result<(String, KeyPolicy), Error> {
    let text = run.key_clients(key).kms.key_policy(key).await?;
    let policy = KeyPolicy::parse(&text).map_err(|error| {
        Error::new(
            Code::AwsUnexpected,
            format!("the policy of {key} cannot be read as one: {error}"),
        )
        .remedy("look at the policy of the key, and put a valid document")
        .at(&run.source.identity.account, key.region())
        .on(key)
    })?;
    Ok((text, policy))
}

/// The lockout refusal carries the same code (R3.2.5).
fn is_invalid_principals(error: &Error) -> bool {
    error.is_aws(&["MalformedPolicyDocumentException"])
        && error
            .aws
            .as_ref()
            .is_some_and(|aws| aws.message.contains("principal"))
}

fn refused(run: &Run<'_>, key: &KeyArn, why: &impl ToString) -> Error {
    Error::new(
        Code::KeyPolicyRefused,
        format!(
            "the policy of {key} cannot be changed as it must be: {}",
            why.to_string()
        ),
    )
    .remedy("change the key policy by hand as the message says, or use another key")
    .at(&run.source.identity.account, key.region())
    .on(key)
}

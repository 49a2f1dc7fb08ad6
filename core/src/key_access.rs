//! Lets accounts use a key by editing its policy, beside other runs that do the same (promise P5).
//!
//! KMS has no compare-and-set. A put is sent within 2 s of the read that it was made from and takes at most 5 s, so
//! whoever read before our put has put within 7 s; looking again after that shows whether our statements lived.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::aws::kms::Put;
use crate::error::{Code, Error};
use crate::event::Event;
use crate::id::{AccountId, KeyArn};
use crate::key_policy::KeyPolicy;
use crate::plan::KeyAccess;
use crate::run::Run;
use crate::wait::{Pace, jittered};

/// How old a read may be when the put made from it is sent.
const FRESH: Duration = Duration::from_secs(2);
/// How often statements that had settled and were then taken away are put again, before whoever removes them wins.
const CONTENDED_PUTS: u32 = 2;

/// One lock per key: runs of one process never race with each other.
#[derive(Debug, Default)]
pub(crate) struct KeyLocks(Mutex<BTreeMap<KeyArn, Arc<tokio::sync::Mutex<()>>>>);

impl KeyLocks {
    fn of(&self, key: &KeyArn) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(key.clone()).or_default())
    }
}

/// What became of the intent: who has access, and whom KMS calls invalid.
#[derive(Clone, Debug, Default)]
pub(crate) struct Granted {
    pub(crate) accounts: BTreeSet<AccountId>,
    pub(crate) refused: BTreeSet<AccountId>,
}

/// Makes sure that the accounts have access, and that it lasts. Where nothing is missing, nothing is awaited.
pub(crate) async fn ensure(run: &Run<'_>, locks: &KeyLocks, access: &KeyAccess) -> Result<Granted, Error> {
    let mut refused = BTreeSet::new();
    let mut pause = run.timing.settle;
    let since = Instant::now();
    while put_missing(run, locks, access, &mut refused).await? {
        let what = "to keep the new key policy, in case another run overwrites it";
        run.wait(&access.key, what, since, pause).await;
        pause = jittered(pause.saturating_mul(2));
    }
    let accounts: BTreeSet<AccountId> = access.accounts.difference(&refused).cloned().collect();
    run.emit(&Event::KeyAccessHeld { key: access.key.clone(), accounts: accounts.clone() });
    Ok(Granted { accounts, refused })
}

/// Looks once more, after the launch permissions are written: statements that are gone by now were taken away.
pub(crate) async fn confirm(
    run: &Run<'_>,
    locks: &KeyLocks,
    access: &KeyAccess,
    granted: &Granted,
) -> Result<(), Error> {
    let access = KeyAccess { accounts: granted.accounts.clone(), ..access.clone() };
    for puts_left in (0..=CONTENDED_PUTS).rev() {
        let policy = read(run, &access.key).await?.1;
        if missing(run, &access, &policy).is_empty() {
            return Ok(());
        }
        if puts_left > 0 {
            ensure(run, locks, &access).await?;
        }
    }
    Err(Error::new(
        Code::KeyPolicyContended,
        format!("another run takes away the access to {} that this one adds", access.key),
        "find out which run revokes these accounts, and let only one of them have its way",
    )
    .at(&run.account.place.account, &run.account.place.region)
    .on(&access.key))
}

/// The error that names whom KMS refused.
pub(crate) fn refusal(run: &Run<'_>, access: &KeyAccess, refused: &BTreeSet<AccountId>) -> Error {
    let names: Vec<String> = refused.iter().map(ToString::to_string).collect();
    let all = refused.len() > 1 && *refused == access.accounts;
    let other = if all { ", or the key policy holds another principal that no longer exists" } else { "" };
    Error::new(
        Code::KeyInvalidPrincipals,
        format!("KMS calls these accounts invalid principals: {}{other} (R3.2.4)", names.join(", ")),
        "check that the accounts exist and are not closed; the others were served",
    )
    .at(&run.account.place.account, &run.account.place.region)
    .on(&access.key)
}

/// Puts what is missing; says whether anything was.
async fn put_missing(
    run: &Run<'_>,
    locks: &KeyLocks,
    access: &KeyAccess,
    refused: &mut BTreeSet<AccountId>,
) -> Result<bool, Error> {
    let lock = locks.of(&access.key);
    let _only_us = lock.lock().await;
    let mut put = false;
    // KMS refuses a whole document for one invalid principal (R3.2.4): halve until those are named, put the rest.
    let mut batches = vec![access.accounts.difference(refused).cloned().collect::<Vec<_>>()];
    while let Some(batch) = batches.pop() {
        match put_batch(run, access, &batch.iter().cloned().collect()).await {
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

/// Read, merge, put; says whether anything was missing.
async fn put_batch(run: &Run<'_>, access: &KeyAccess, accounts: &BTreeSet<AccountId>) -> Result<bool, Error> {
    let mut pace = Pace::new(run.timing.poll);
    let since = Instant::now();
    loop {
        let read_at = Instant::now();
        let (text, policy) = read(run, &access.key).await?;
        let missing: BTreeSet<AccountId> = missing(run, access, &policy).intersection(accounts).cloned().collect();
        if missing.is_empty() {
            return Ok(false);
        }
        let partition = run.account.place.partition();
        let merged =
            policy.grant(partition, access.scope, &missing).map_err(|error| refused_policy(run, access, &error))?;
        if merged.size() > KeyPolicy::LIMIT {
            let error = format!("it would have {} bytes, and KMS takes {} (R3.2.2)", merged.size(), KeyPolicy::LIMIT);
            return Err(refused_policy(run, access, &error));
        }
        if read_at.elapsed() > FRESH {
            continue;
        }
        match run.account.kms.put_key_policy(&access.key, &merged.text()).await {
            Ok(Put::Done | Put::Unknown) => {
                run.emit(&Event::KeyPolicyPut { key: access.key.clone(), added: missing, replaced: text });
                return Ok(true);
            }
            Err(error) if error.code == Code::Throttled => {
                run.wait(&access.key, "to be changed: KMS throttles the account", since, pace.next()).await;
            }
            Err(error) => return Err(error),
        }
    }
}

async fn read(run: &Run<'_>, key: &KeyArn) -> Result<(String, KeyPolicy), Error> {
    let text = run.account.kms.key_policy(key).await?;
    let policy = KeyPolicy::parse(&text).map_err(|error| {
        Error::new(
            Code::AwsUnexpected,
            format!("the policy of {key} cannot be read as one: {error}"),
            "look at the policy of the key, and put a valid document",
        )
        .at(&run.account.place.account, &run.account.place.region)
        .on(key)
    })?;
    Ok((text, policy))
}

fn missing(run: &Run<'_>, access: &KeyAccess, policy: &KeyPolicy) -> BTreeSet<AccountId> {
    let held = policy.access(run.account.place.partition(), access.scope);
    access.accounts.difference(&held).cloned().collect()
}

/// The lockout refusal carries the same code (R3.2.5).
fn is_invalid_principals(error: &Error) -> bool {
    error.is_aws(&["MalformedPolicyDocumentException"])
        && error.aws.as_ref().is_some_and(|aws| aws.message.contains("principal"))
}

fn refused_policy(run: &Run<'_>, access: &KeyAccess, why: &impl ToString) -> Error {
    Error::new(
        Code::KeyPolicyRefused,
        format!("the policy of {} cannot take the new accounts: {}", access.key, why.to_string()),
        "change the key policy by hand as the message says, or use another key",
    )
    .at(&run.account.place.account, &run.account.place.region)
    .on(&access.key)
}

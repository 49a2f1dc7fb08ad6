//! Keys: their state, and who can use them, if the plan may change that.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::KeyArn;
use crate::inventory::{Failure, Key, Part, RamPolicy, RegionInventory};
use crate::policy::key_policy::KeyPolicy;
use crate::request::{KeyAccessMode, ShareRequest};
use crate::run::Run;

/// Every key of the images, and the policies or grants of those that targets need, or lose; and the
/// keys of which that could not be read, with the images under them.
pub(super) async fn read_keys(
    run: &Run<'_>,
    request: &ShareRequest,
    region: &RegionInventory,
) -> (BTreeMap<KeyArn, Key>, Vec<Failure>) {
    let mut failures = Vec::new();
    // 1. The state of every key.
    let arns = keys_of_images(request, region);
    let mut keys = region.keys.clone();
    let mut reading = Vec::new();
    for arn in &arns {
        if !keys.contains_key(arn) {
            reading.push(async move { (arn, run.read_key(arn).await) });
        }
    }
    for (arn, key) in future::join_all(reading).await {
        match key {
            // A key that is gone too gives nobody anything.
            Err(error) if error.code == Code::KeyNotFound && is_only_of_gone(region, arn) => {}
            Ok(key) => _ = keys.insert(arn.clone(), key),
            Err(error) => failures.extend(failed_key(region, arn, &error)),
        }
    }

    // 2. The access to those that are shared. With a key for copies it is that one: images wholly
    //    under it are shared themselves, by the same key.
    let options = &request.options;
    let shared = match &region.destination_key {
        Some(destination) => BTreeSet::from([destination.clone()]),
        // The images of here are only copied to other Regions.
        None if !options.share_source && options.revoke.is_none() => BTreeSet::new(),
        None => arns,
    };
    let account = &region.location.account;
    let mut reading = Vec::new();
    for key in keys.values() {
        let can_change = request.options.can_change_key(account, &key.arn);
        if shared.contains(&key.arn) && !key.aws_managed && can_change {
            let (arn, reading_access) = (key.arn.clone(), read_access(run, request, key.clone()));
            reading.push(async { (arn, reading_access.await) });
        }
    }
    for (arn, key) in future::join_all(reading).await {
        match key {
            Ok(key) => _ = keys.insert(arn, key),
            Err(error) => failures.push(Failure::new(Part::Key(arn), error)),
        }
    }
    (keys, failures)
}

/// A key that could not be described: images under it can be neither shared nor copied.
fn failed_key(region: &RegionInventory, key: &KeyArn, error: &Error) -> Vec<Failure> {
    let mut failures = vec![Failure::new(Part::Key(key.clone()), error.clone())];
    for image in region.images.values() {
        if region.keys_of(image).contains(key) {
            let part = Part::Image(region.location.region.clone(), image.id.clone());
            failures.push(Failure::new(part, error.clone()));
        }
    }
    failures
}

/// Whether only images that are gone may have been under a key.
fn is_only_of_gone(region: &RegionInventory, key: &KeyArn) -> bool {
    let mut images = region.images.values().chain(&region.copies);
    region.keys_of_gone.contains(key) && !images.any(|image| region.keys_of(image).contains(key))
}

/// The keys of the images, and of their copies if those may be revoked.
fn keys_of_images(request: &ShareRequest, region: &RegionInventory) -> BTreeSet<KeyArn> {
    let mut keys = BTreeSet::new();
    for image in region.images.values() {
        keys.extend(region.keys_of(image));
    }
    if request.options.revoke.is_some() {
        for copy in &region.copies {
            keys.extend(region.keys_of(copy));
        }
        keys.extend(region.keys_of_gone.iter().cloned());
    }
    keys
}

/// The key with its policy, its grants, or both, as the request requires.
async fn read_access(run: &Run<'_>, request: &ShareRequest, key: Key) -> Result<Key, Error> {
    let clients = run.key_clients(&key.arn);
    let is_own = key.arn.account() == &clients.location.account;
    let policy = read_policy(request, &clients, &key.arn);
    let grants = async {
        if !reads_grants(request) {
            return Ok(None);
        }
        match clients.kms.grants(&key.arn).await {
            // They are only looked at, and the caller may not be allowed to.
            Err(error)
                if request.options.key_access == KeyAccessMode::None
                    && error.code != Code::AwsUnreadable =>
            {
                Ok(None)
            }
            grants => grants.map(Some),
        }
    };
    // Who loses a key must not keep it through AWS RAM without a word.
    let ram_policy = async {
        if !super::may_revoke(request) || !is_own {
            return RamPolicy::NotRead;
        }
        RamPolicy::of(clients.kms.ram_policy(&key.arn).await)
    };
    let (policy, grants, ram_policy) = future::join3(policy, grants, ram_policy).await;
    let (policy, grants) = (policy?, grants?);
    Ok(Key {
        policy,
        ram_policy,
        grants,
        ..key
    })
}

/// The policy of a key: to change it, or else to know whether it denies targets. In that case, a
/// policy that cannot be read does not end the run.
async fn read_policy(
    request: &ShareRequest,
    clients: &RegionClients,
    key: &KeyArn,
) -> Result<Option<Result<KeyPolicy, String>>, Error> {
    let options = &request.options;
    let is_own = key.account() == &clients.location.account;
    let must_read = options.can_change_key_policy(is_own);
    if !must_read && options.revoke.is_some() && options.key_access != KeyAccessMode::None {
        return Ok(None);
    }
    if !must_read && !is_own {
        // R3.1.2
        let owner = key.account();
        return Ok(Some(Err(format!("only account {owner} can read it"))));
    }
    match clients.kms.key_policy(key).await {
        Ok(text) => {
            let policy = KeyPolicy::parse(&text).map_err(|error| error.to_string());
            Ok(Some(policy))
        }
        Err(error) if must_read => Err(error),
        Err(error) => Ok(Some(Err(error.without_remedy()))),
    }
}

fn reads_grants(request: &ShareRequest) -> bool {
    let options = &request.options;
    let target_options = &options.in_targets;
    // Grants for roles of services are made in targets, and seen here; those of copies are on the
    // targets' own keys.
    let for_services = !target_options.services.is_empty() && !target_options.copies();
    match options.key_access {
        KeyAccessMode::Grants => true,
        KeyAccessMode::Policy => super::may_revoke(request) || for_services,
        // By them, those who lose an image keep its key.
        KeyAccessMode::None => for_services || super::may_revoke(request),
    }
}

//! Keys: their state, and who can use them as far as the plan may change that.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::KeyArn;
use crate::inventory::{Grant, Key, KeyState, RegionInventory};
use crate::policy::key_policy::KeyPolicy;
use crate::request::{KeyAccessMode, ShareRequest, Unlisted};
use crate::run::Run;

/// Every key of the images, and the policies or grants of those that targets need, or lose.
pub(super) async fn read(
    run: &Run<'_>,
    clients: &RegionClients,
    request: &ShareRequest,
    there: &RegionInventory,
) -> Result<BTreeMap<KeyArn, Key>, Error> {
    let revoke = request.options.revoke.is_some();
    let of_copies = there.copies.iter().filter(|_| revoke);
    let images = there.images.values().chain(of_copies);
    let arns: BTreeSet<KeyArn> = images.flat_map(|image| there.keys_of(image)).collect();
    let mut keys = there.keys.clone();
    let unknown = arns.iter().filter(|arn| !keys.contains_key(*arn));
    let found = future::try_join_all(unknown.map(|arn| describe(run, clients, arn))).await?;
    keys.extend(found.into_iter().map(|key| (key.arn.clone(), key)));

    let shared: BTreeSet<KeyArn> = match &there.destination_key {
        // Images already wholly under it are shared themselves, by the same key.
        Some(destination) => BTreeSet::from([destination.clone()]),
        None => arns,
    };
    let account = &there.location.account;
    let editable = keys.values().filter(|key| {
        shared.contains(&key.arn)
            && !key.aws_managed
            && request.options.can_change_key(account, &key.arn)
    });
    let read = future::try_join_all(editable.map(|key| access(run, request, key))).await?;
    for (arn, policy, grants) in read {
        if let Some(key) = keys.get_mut(&arn) {
            (key.policy, key.grants) = (policy, grants);
        }
    }
    Ok(keys)
}

type Access = (
    KeyArn,
    Option<Result<KeyPolicy, String>>,
    Option<Vec<Grant>>,
);

/// The policy of a key, its grants, or both where access is taken back.
async fn access(run: &Run<'_>, request: &ShareRequest, key: &Key) -> Result<Access, Error> {
    let options = &request.options;
    let (mode, clients) = (options.key_access, run.key_clients(&key.arn));
    let target_options = &options.target_options;
    // Grants of service-linked roles are made in targets, and seen here; those of copies are on
    // targets' own keys.
    let services = !target_options.services.is_empty() && !target_options.copies();
    let takes =
        options.unlisted == Unlisted::Revoke || target_options.unshare_after_copy || services;
    let own = key.arn.account() == &clients.location.account;
    let reads_policy = match mode {
        KeyAccessMode::Policy => true,
        KeyAccessMode::Grants => options.revoke.is_some() && own,
        KeyAccessMode::None => false,
    };
    let reads_grants = mode == KeyAccessMode::Grants
        || (mode != KeyAccessMode::None && (options.revoke.is_some() || takes));
    let policy = async {
        if !reads_policy {
            return Ok(None);
        }
        let text = clients.kms.key_policy(&key.arn).await?;
        Ok::<_, Error>(Some(
            KeyPolicy::parse(&text).map_err(|error| error.to_string()),
        ))
    };
    let grants = async {
        if reads_grants {
            clients.kms.grants(&key.arn).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let (policy, grants) = future::try_join(policy, grants).await?;
    Ok((key.arn.clone(), policy, grants))
}

/// A key of another account may not let us look at it; that it is foreign is known from its ARN.
async fn describe(run: &Run<'_>, clients: &RegionClients, arn: &KeyArn) -> Result<Key, Error> {
    let foreign = arn.account() != &clients.location.account;
    match run.key_clients(arn).kms.describe_key(arn.as_ref()).await {
        Err(error) if foreign && matches!(error.code, Code::AccessDenied | Code::KeyNotFound) => {
            Ok(Key {
                arn: arn.clone(),
                aws_managed: false,
                state: KeyState::Unseen,
                symmetric: true,
                description: String::new(),
                policy: None,
                grants: None,
            })
        }
        described => described,
    }
}

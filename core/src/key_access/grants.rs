//! Access to a key by grants: one for each image and account, found again by its name.

use std::collections::BTreeSet;

use futures::future;

use super::contended;
use crate::error::Error;
use crate::event::Event;
use crate::id::{AccountId, AmiId, KeyArn};
use crate::plan::{Grants, RemoveKeyAccess, grant_name};
use crate::run::Run;

/// Makes the grants that are missing for an image. A repeat makes none: a grant of the same name is the same (R3.3.4).
pub(crate) async fn ensure_grants(run: &Run<'_>, grants: &Grants, image: &AmiId) -> Result<(), Error> {
    let missing = if grants.shared.existing() == Some(image) { &grants.missing } else { &grants.accounts };
    create(run, &grants.key, grants, image, missing).await
}

async fn create(
    run: &Run<'_>,
    key: &KeyArn,
    grants: &Grants,
    image: &AmiId,
    missing: &BTreeSet<AccountId>,
) -> Result<(), Error> {
    let site = run.key_site(key);
    let made = missing.iter().map(|account| {
        let (site, name) = (&site, grant_name(&grants.shared.region, image, account));
        async move { site.kms.create_grant(key, account, &name).await }
    });
    future::try_join_all(made).await?;
    if !missing.is_empty() {
        run.emit(&Event::GrantsCreated { key: key.clone(), image: image.clone(), added: missing.clone() });
    }
    Ok(())
}

/// Looks once more, after the launch permission is written: grants that are gone by now were revoked. Where the launch
/// permission is gone as well, somebody revokes, and has their way.
pub(crate) async fn confirm_grants(
    run: &Run<'_>,
    grants: &Grants,
    image: &AmiId,
    still_shared: impl AsyncFn(&BTreeSet<AccountId>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let site = run.key_site(&grants.key);
    for tries_left in (0..=1).rev() {
        let names: BTreeSet<String> = site.kms.grants(&grants.key).await?.into_iter().map(|grant| grant.name).collect();
        let held = |account: &&AccountId| names.contains(&grant_name(&grants.shared.region, image, account));
        let gone: BTreeSet<AccountId> = grants.accounts.iter().filter(|account| !held(account)).cloned().collect();
        if gone.is_empty() {
            return Ok(());
        }
        if tries_left == 0 || !still_shared(&gone).await? {
            break;
        }
        create(run, &grants.key, grants, image, &gone).await?;
    }
    Err(contended(run, &grants.key))
}

/// Ends grants, and says which.
pub(crate) async fn revoke_grants(run: &Run<'_>, remove: &RemoveKeyAccess) -> Result<(), Error> {
    let site = run.key_site(&remove.key);
    let ended = remove.grants.keys().map(|id| site.kms.revoke_grant(&remove.key, id));
    future::try_join_all(ended).await?;
    if !remove.grants.is_empty() {
        let grantees = remove.grants.values().cloned().collect();
        run.emit(&Event::GrantsRevoked { key: remove.key.clone(), grantees });
    }
    Ok(())
}

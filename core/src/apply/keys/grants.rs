//! Access to a key by grants: one for each image and account, found again by its name.

use std::collections::BTreeSet;

use futures::future;

use super::contended;
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, KeyArn, Region};
use crate::plan::{Grants, RemoveKeyAccess, grant_name};
use crate::report::Event;
use crate::run::Run;

/// Makes the grants that are missing for an image. A repeat makes none: a grant of the same name is
/// the same (R3.3.4).
pub(crate) async fn ensure_grants(
    run: &Run<'_>,
    grants: &Grants,
    image: &AmiId,
) -> Result<(), Error> {
    let missing = if grants.shared.image.as_ref() == Some(image) {
        &grants.missing
    } else {
        &grants.accounts
    };
    create_grants(run, &grants.key, &grants.shared.region, image, missing).await
}

/// Makes grants for an image.
pub(crate) async fn create_grants(
    run: &Run<'_>,
    key: &KeyArn,
    region: &Region,
    image: &AmiId,
    missing: &BTreeSet<AccountId>,
) -> Result<(), Error> {
    let clients = run.key_clients(key);
    let made = missing.iter().map(|account| {
        let (clients, name) = (&clients, grant_name(region, image, account));
        async move { clients.kms.create_grant(key, account, &name).await }
    });
    future::try_join_all(made).await?;
    if !missing.is_empty() {
        run.progress.emit(&Event::GrantsCreated {
            key: key.clone(),
            image: image.clone(),
            added: missing.clone(),
        });
    }
    Ok(())
}

/// Looks once more, after the launch permissions are written: grants that are gone by now were
/// revoked. Where the launch permission is gone as well, somebody revokes, and has their way. One
/// list of a key's grants serves all images under it.
pub(crate) async fn confirm_grants(
    run: &Run<'_>,
    key: &KeyArn,
    images: &[(&Grants, &AmiId)],
    still_shared: impl AsyncFn(&Grants, &BTreeSet<AccountId>) -> Result<bool, Error>,
) -> Result<(), Error> {
    let clients = run.key_clients(key);
    let mut again = BTreeSet::new();
    for tries_left in (0..=1).rev() {
        let names: BTreeSet<String> = clients
            .kms
            .grants(key)
            .await?
            .into_iter()
            .map(|grant| grant.name)
            .collect();
        let mut lasted = true;
        for (grants, image) in images {
            let region = &grants.shared.region;
            let held = |account: &&AccountId| names.contains(&grant_name(region, image, account));
            let gone: BTreeSet<AccountId> = grants
                .accounts
                .iter()
                .filter(|account| !held(account))
                .cloned()
                .collect();
            if gone.is_empty() {
                // Made again meanwhile for an image that was removed, they would be for nothing.
                if again.contains(image) && !still_shared(grants, &grants.accounts).await? {
                    return Err(contended(run, key));
                }
                continue;
            }
            if tries_left == 0 || !still_shared(grants, &gone).await? {
                return Err(contended(run, key));
            }
            create_grants(run, key, region, image, &gone).await?;
            again.insert(*image);
            lasted = false;
        }
        if lasted {
            break;
        }
    }
    Ok(())
}

/// Ends the grants that are there now, and returns the names of those. Then looks once more: until
/// its access ended, a target could make others.
pub(crate) async fn revoke_grants(
    run: &Run<'_>,
    remove: &RemoveKeyAccess,
) -> Result<BTreeSet<String>, Error> {
    let clients = run.key_clients(&remove.key);
    let mut ended = BTreeSet::new();
    for _ in 0..2 {
        let grants = clients.kms.grants(&remove.key).await?;
        let ending = remove.grants_to_revoke(&grants);
        if ending.is_empty() {
            break;
        }
        future::try_join_all(
            ending
                .keys()
                .map(|id| clients.kms.revoke_grant(&remove.key, id)),
        )
        .await?;
        ended.extend(
            grants
                .into_iter()
                .filter(|grant| ending.contains_key(&grant.id))
                .map(|grant| grant.name),
        );
        let grantees = ending.into_values().collect();
        run.progress.emit(&Event::GrantsRevoked {
            key: remove.key.clone(),
            grantees,
        });
    }
    Ok(ended)
}

//! Access to a key by grants: one for each image and account, found again by its name.

use std::collections::BTreeSet;

use futures::future;

use crate::apply::{Apply, LaunchableImage, as_principals};
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, KeyArn, Region};
use crate::plan::{Grants, RemoveKeyAccess, grant_name};
use crate::report::Event;

impl Apply<'_> {
    /// Makes the grants that are missing for an image. Repeating it creates no second grant,
    /// because KMS returns the existing grant of that name (R3.3.4).
    pub(in crate::apply) async fn ensure_grants(
        &self,
        grants: &Grants,
        image_id: &AmiId,
    ) -> Result<(), Error> {
        let existed_when_planned = grants.shared.image.as_ref() == Some(image_id);
        let missing = if existed_when_planned {
            &grants.missing
        } else {
            &grants.accounts
        };
        self.create_grants(&grants.key, &grants.shared.region, image_id, missing)
            .await
    }

    /// Makes a grant for an image to each account.
    pub(in crate::apply) async fn create_grants(
        &self,
        key: &KeyArn,
        region: &Region,
        image_id: &AmiId,
        accounts: &BTreeSet<AccountId>,
    ) -> Result<(), Error> {
        if accounts.is_empty() {
            return Ok(());
        }
        let kms = &self.run.key_clients(key).kms;
        let mut creating = Vec::new();
        for account in accounts {
            let name = grant_name(region, image_id, account);
            creating.push(async move { kms.create_grant(key, account, &name).await });
        }
        future::try_join_all(creating).await?;
        self.progress().emit(&Event::GrantsCreated {
            key: key.clone(),
            image: image_id.clone(),
            added: accounts.clone(),
        });
        Ok(())
    }

    /// Lists the grants again after the launch permissions are added. Another run revoked every
    /// grant that is missing now. If the launch permission is missing too, this fails; otherwise
    /// the grant is created again. The grants of a key are listed once for all `images`.
    pub(in crate::apply) async fn confirm_grants(
        &self,
        key: &KeyArn,
        images: &[(&Grants, &LaunchableImage<'_>)],
    ) -> Result<(), Error> {
        let mut restored = BTreeSet::new();
        for is_last_try in [false, true] {
            let names = self.list_grant_names(key).await?;
            let mut all_exist = true;
            for (grants, image) in images {
                let gone = accounts_without_grant(grants, &image.image_id, &names);
                if gone.is_empty() {
                    // Another run may have removed the launch permission since the grants were
                    // created again.
                    let accounts = as_principals(&grants.accounts);
                    if restored.contains(&image.image_id)
                        && !self.are_still_shared(&[image], &accounts).await?
                    {
                        return Err(self.contended(key));
                    }
                    continue;
                }
                let accounts = as_principals(&gone);
                if is_last_try || !self.are_still_shared(&[image], &accounts).await? {
                    return Err(self.contended(key));
                }
                let region = &grants.shared.region;
                self.create_grants(key, region, &image.image_id, &gone)
                    .await?;
                restored.insert(&image.image_id);
                all_exist = false;
            }
            if all_exist {
                break;
            }
        }
        Ok(())
    }

    async fn list_grant_names(&self, key: &KeyArn) -> Result<BTreeSet<String>, Error> {
        let grants = self.run.key_clients(key).kms.grants(key).await?;
        Ok(grants.into_iter().map(|grant| grant.name).collect())
    }

    /// Revokes the grants that exist now, and returns their names. Then lists them again, because a
    /// target could create grants until its access was revoked.
    pub(in crate::apply) async fn revoke_grants(
        &self,
        remove: &RemoveKeyAccess,
    ) -> Result<BTreeSet<String>, Error> {
        let kms = &self.run.key_clients(&remove.key).kms;
        let mut revoked = BTreeSet::new();
        for _ in 0..2 {
            let grants = kms.grants(&remove.key).await?;
            let grantee_by_grant_id = remove.grants_to_revoke(&grants);
            if grantee_by_grant_id.is_empty() {
                break;
            }
            let mut revoking = Vec::new();
            for id in grantee_by_grant_id.keys() {
                revoking.push(kms.revoke_grant(&remove.key, id));
            }
            future::try_join_all(revoking).await?;
            for grant in grants {
                if grantee_by_grant_id.contains_key(&grant.id) {
                    revoked.insert(grant.name);
                }
            }
            self.progress().emit(&Event::GrantsRevoked {
                key: remove.key.clone(),
                grantees: grantee_by_grant_id.into_values().collect(),
            });
        }
        Ok(revoked)
    }
}

/// The accounts whose grant for an image is not among these names.
fn accounts_without_grant(
    grants: &Grants,
    image_id: &AmiId,
    names: &BTreeSet<String>,
) -> BTreeSet<AccountId> {
    let mut missing = grants.accounts.clone();
    missing.retain(|account| {
        let name = grant_name(&grants.shared.region, image_id, account);
        !names.contains(&name)
    });
    missing
}

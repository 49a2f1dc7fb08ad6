//! Access to a key by grants: one for each image and account, found again by its name.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::apply::{Apply, LaunchableImage, as_principals};
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region};
use crate::inventory::Grant;
use crate::plan::{Grants, ImageGrantName, OwnGrant, RemoveKeyAccess};
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
        if existed_when_planned {
            return self
                .create_grants(&grants.key, image_id, &grants.names)
                .await;
        }
        let mut names = BTreeMap::new();
        for account in &grants.accounts {
            let name = self.image_grant_name(&grants.shared.region, image_id, account);
            names.insert(account.clone(), name.to_string());
        }
        self.create_grants(&grants.key, image_id, &names).await
    }

    /// Makes a grant for an image to each account, by these names.
    pub(in crate::apply) async fn create_grants(
        &self,
        key: &KeyArn,
        image_id: &AmiId,
        names: &BTreeMap<AccountId, String>,
    ) -> Result<(), Error> {
        if names.is_empty() {
            return Ok(());
        }
        let kms = &self.run.key_clients(key).kms;
        let mut creating = Vec::new();
        for (account, name) in names {
            creating.push(kms.create_grant(key, account, name));
        }
        future::try_join_all(creating).await?;
        self.progress().emit(&Event::GrantsCreated {
            key: key.clone(),
            image: image_id.clone(),
            added: names.keys().cloned().collect(),
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
            let existing = self.run.key_clients(key).kms.grants(key).await?;
            let mut all_exist = true;
            for (grants, image) in images {
                let gone = self.missing_grants(grants, &image.image_id, &existing);
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
                let accounts = as_principals(&gone.keys().cloned().collect());
                if is_last_try || !self.are_still_shared(&[image], &accounts).await? {
                    return Err(self.contended(key));
                }
                self.create_grants(key, &image.image_id, &gone).await?;
                restored.insert(&image.image_id);
                all_exist = false;
            }
            if all_exist {
                break;
            }
        }
        Ok(())
    }

    /// The accounts whose grant for an image is not among these, with the name that each is to get.
    fn missing_grants(
        &self,
        grants: &Grants,
        image_id: &AmiId,
        existing: &[Grant],
    ) -> BTreeMap<AccountId, String> {
        let mut missing = BTreeMap::new();
        for account in &grants.accounts {
            let name = self.image_grant_name(&grants.shared.region, image_id, account);
            let grant = OwnGrant::for_image(&grants.key, name);
            if !grant.exists_in(existing) {
                missing.insert(account.clone(), grant.free_name(existing));
            }
        }
        missing
    }

    fn image_grant_name(
        &self,
        region: &Region,
        image_id: &AmiId,
        account: &AccountId,
    ) -> ImageGrantName {
        ImageGrantName {
            source: Some(self.plan.account.clone()),
            region: region.clone(),
            image: image_id.clone(),
            account: account.clone(),
        }
    }

    /// Revokes the grants that exist now, and returns them. Then lists them again, because a target
    /// could create grants until its access was revoked.
    pub(in crate::apply) async fn revoke_grants(
        &self,
        remove: &RemoveKeyAccess,
    ) -> Result<Vec<Grant>, Error> {
        let kms = &self.run.key_clients(&remove.key).kms;
        let mut revoked = Vec::new();
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
                    revoked.push(grant);
                }
            }
            self.progress().emit(&Event::GrantsRevoked {
                key: remove.key.clone(),
                grantees: grantee_by_grant_id.into_values().collect(),
            });
        }
        Ok(revoked)
    }

    /// Makes grants again that were revoked for an image which these accounts can launch.
    pub(in crate::apply) async fn restore_grants(
        &self,
        key: &KeyArn,
        (region, image_id): (&Region, &AmiId),
        launchers: &BTreeSet<Principal>,
        revoked: &[Grant],
    ) -> Result<(), Error> {
        let mut names = BTreeMap::new();
        for account in launchers.iter().filter_map(Principal::account) {
            let name = self.image_grant_name(region, image_id, account);
            let grant = OwnGrant::for_image(key, name);
            if let Some(revoked) = revoked.iter().find(|revoked| grant.is(revoked)) {
                names.insert(account.clone(), revoked.name.clone());
            }
        }
        self.create_grants(key, image_id, &names).await
    }
}

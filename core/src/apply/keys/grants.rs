//! Access to a key by grants: one for each image and account, found again by its name.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use crate::apply::{Apply, LaunchableImage, as_principals};
use crate::aws::kms::Kms;
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region};
use crate::inventory::Grant;
use crate::limits::PERMISSION_PROPAGATION;
use crate::plan::{Grants, ImageGrantName, OwnGrant, RemoveKeyAccess};
use crate::report::Event;
use crate::run::effect::ChangeKind;
use crate::run::together::join_some;

const STILL_LISTED: &str = "to list its revoked grants no more";

impl Apply<'_> {
    /// Makes the grants that are missing for an image; returns the accounts that got none.
    /// Repeating it creates no second grant, because KMS returns the existing grant of that name
    /// (R3.3.4).
    pub(in crate::apply) async fn ensure_grants(
        &self,
        grants: &Grants,
        image_id: &AmiId,
    ) -> Result<BTreeSet<Principal>, Error> {
        let existed_when_planned = grants.shared.image.as_ref() == Some(image_id);
        let mut names = grants.names.clone();
        if !existed_when_planned {
            names.clear();
            for account in &grants.accounts {
                let name = self.image_grant_name(&grants.shared.region, image_id, account);
                names.insert(account.clone(), name.to_string());
            }
        }
        let errors = self.create_each_grant(&grants.key, image_id, &names).await;
        if errors.len() == grants.accounts.len()
            && let Some((_, error)) = errors.first_key_value()
        {
            // It is not about one account.
            return Err(error.clone());
        }
        for (account, error) in &errors {
            let message = format!("{} for account {account}", error.message);
            let error = Error {
                message,
                ..error.clone()
            };
            self.progress().emit(&Event::Failed(error));
        }
        Ok(as_principals(&errors.into_keys().collect()))
    }

    /// Makes a grant for an image to each account, by these names.
    pub(in crate::apply) async fn create_grants(
        &self,
        key: &KeyArn,
        image_id: &AmiId,
        names: &BTreeMap<AccountId, String>,
    ) -> Result<(), Error> {
        let errors = self.create_each_grant(key, image_id, names).await;
        match errors.into_values().next() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Makes a grant for an image to each account, by these names; returns the errors.
    async fn create_each_grant(
        &self,
        key: &KeyArn,
        image_id: &AmiId,
        names: &BTreeMap<AccountId, String>,
    ) -> BTreeMap<AccountId, Error> {
        let kms = &self.run.key_clients(key).kms;
        let mut creating = Vec::new();
        for (account, name) in names {
            creating.push(async move { (account, kms.create_grant(key, account, name).await) });
        }
        let (mut added, mut errors) = (BTreeSet::new(), BTreeMap::new());
        for (account, created) in join_some(creating).await {
            match created {
                Ok(()) => _ = added.insert(account.clone()),
                Err(error) => _ = errors.insert(account.clone(), error),
            }
        }
        if !added.is_empty() {
            let changes = &self.progress().changes;
            changes.note(ChangeKind::Grants, key, &as_principals(&added));
            self.progress().emit(&Event::GrantsCreated {
                key: key.clone(),
                image: image_id.clone(),
                added,
            });
        }
        errors
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
                let mut gone = self.missing_grants(grants, &image.image_id, &existing);
                gone.retain(|account, _| {
                    let principal = Principal::Account(account.clone());
                    image.everybody().contains(&principal)
                });
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
        let mut revoked: Vec<Grant> = Vec::new();
        let mut backoff = self.progress().poll_backoff(self.run.timing.poll);
        let since = Instant::now();
        let mut rounds_left = 2;
        loop {
            let grants = kms.grants(&remove.key).await?;
            let grantee_by_grant_id = remove.grants_to_revoke(&grants);
            let mut new = grantee_by_grant_id.clone();
            for grant in &revoked {
                new.remove(&grant.id);
            }
            if grantee_by_grant_id.is_empty() || !new.is_empty() && rounds_left == 0 {
                let holders = remove.accounts_with_grants(&grants);
                let newcomers = remove.newcomers_among(holders);
                self.report_newcomers(remove.key.region(), &remove.key, &newcomers);
                return Ok(revoked);
            }
            if new.is_empty() {
                // KMS may list for a while what is revoked (R3.3.10).
                if since.elapsed() >= PERMISSION_PROPAGATION {
                    return Err(still_listed(kms, &remove.key, grantee_by_grant_id.keys()));
                }
                let pause = backoff.next();
                self.progress()
                    .wait(&remove.key, STILL_LISTED, since, pause)
                    .await;
                continue;
            }
            rounds_left -= 1;
            let mut revoking = Vec::new();
            for id in new.keys() {
                revoking.push(kms.revoke_grant(&remove.key, id));
            }
            let each = join_some(revoking).await;
            each.into_iter().collect::<Result<(), Error>>()?;
            for grant in grants {
                if new.contains_key(&grant.id) {
                    revoked.push(grant);
                }
            }
            self.progress().emit(&Event::GrantsRevoked {
                key: remove.key.clone(),
                grantees: new.into_values().collect(),
            });
        }
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

/// The error of grants that KMS still lists after it has revoked them.
fn still_listed<'a>(kms: &Kms, key: &KeyArn, ids: impl Iterator<Item = &'a String>) -> Error {
    let ids: Vec<&str> = ids.map(String::as_str).collect();
    let message = format!(
        "KMS said that grants were revoked, and still lists them: {}",
        ids.join(", ")
    );
    kms.caller.unexpected(key, message)
}

//! Revokes access, in the opposite order of giving it: launch permission, snapshots, keys, copies.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use super::Apply;
use super::copies::explain_kept_snapshot;
use crate::diagnostic::{Code, Error, Finding, FindingCode};
use crate::id::{AmiId, KeyArn, Principal, Region};
use crate::inventory::{Image, ImageState};
use crate::plan::{self, KeyUsage, RemoveCopy, RemoveKeyAccess, RemovePermissions};
use crate::policy::key_policy::PolicyPrincipal;
use crate::report::Event;

impl Apply<'_> {
    /// Carries out every step that takes access away, but from these images. Returns them, and
    /// those that somebody may still have access to because a step failed.
    pub(super) async fn revoke(&self, untouched: BTreeSet<AmiId>) -> BTreeSet<AmiId> {
        let images: Vec<&RemovePermissions> = self.plan.permission_removals().collect();
        let keys: Vec<&RemoveKeyAccess> = self.plan.key_access_removals().collect();

        // 1. Permissions go first: an account that can launch an image must be able to use its key
        //    (P1). So whatever depends on an image that failed here remains.
        let (mut failed, launchers) = self.remove_all_permissions(&images, &untouched).await;

        // 2. What targets still run on keys is an error, but stops nothing else.
        for step in &keys {
            for (principal, usage) in &step.in_use {
                let error = self.key_in_use(&step.key, principal, usage);
                self.progress().emit(&Event::Failed(error));
            }
        }

        // 3. Keys go before copies: a run that is cut off finds a key again only by the images
        //    under it (P4).
        let mut keys = keep_launchers(keys, &images, &launchers);
        for key in &mut keys {
            key.only_known = self.plan.is_approved();
        }
        let failed_keys = self.revoke_keys(&keys, &images, &failed).await;
        let removed_copies = self.remove_copies(&failed).await;

        // 4. Another run may have shared a copy just before it was removed, and given access to its
        //    key for that: those keys are revoked once more, now that nothing needs that (P5).
        let (removed, remaining): (Vec<&RemovePermissions>, Vec<_>) = images
            .iter()
            .partition(|step| removed_copies.contains(&step.image));
        let mut freed_keys = keys;
        freed_keys.retain(|key| removed.iter().any(|image| image.keys.contains(&key.key)));
        for key in &mut freed_keys {
            key.expected = false;
        }
        self.revoke_keys(&freed_keys, &remaining, &failed).await;

        // 5. The record of temporary access is deleted after that access, so that a run that is cut
        //    off is continued by the next one (P4).
        let mut revoked: BTreeSet<&AmiId> = images.iter().map(|step| &step.image).collect();
        revoked.retain(|image_id| !failed.contains(image_id));
        self.forget_temporary_access(&revoked).await;

        // 6. Roles need their policies no more.
        self.remove_role_policies().await;

        // 7. Somebody may have shared an image again meanwhile.
        let mut remaining = images.clone();
        remaining
            .retain(|step| !failed.contains(&step.image) && !removed_copies.contains(&step.image));
        let shared_again = self.warn_of_shared_again(&remaining, &launchers).await;

        // 8. What is left of the access to an image.
        for step in &images {
            let is_launched = launchers
                .get(&step.image)
                .is_some_and(|kept| !kept.is_empty());
            if is_launched || !step.keys.is_disjoint(&failed_keys) {
                failed.insert(&step.image);
            }
        }
        failed.extend(shared_again);
        failed.into_iter().cloned().collect()
    }

    /// Removes launch and snapshot permissions; returns the images where that failed, and who can
    /// still launch others because AWS refused to change their permission.
    async fn remove_all_permissions<'a>(
        &self,
        images: &[&'a RemovePermissions],
        untouched: &BTreeSet<AmiId>,
    ) -> (
        BTreeSet<&'a AmiId>,
        BTreeMap<&'a AmiId, BTreeSet<Principal>>,
    ) {
        let (mut failed, mut launchers) = (BTreeSet::new(), BTreeMap::new());
        let mut removing = Vec::new();
        for step in images {
            if untouched.contains(&step.image) {
                failed.insert(&step.image);
                continue;
            }
            removing.push(async move {
                let removed = self.remove_permissions(step).await;
                (&step.image, self.progress().report_error(removed))
            });
        }
        for (image_id, kept) in future::join_all(removing).await {
            match kept {
                Some(kept) => _ = launchers.insert(image_id, kept),
                None => _ = failed.insert(image_id),
            }
        }
        (failed, launchers)
    }

    /// Revokes the use of keys, but for those of an image that failed; returns the keys that were
    /// not revoked.
    async fn revoke_keys(
        &self,
        keys: &[RemoveKeyAccess],
        images: &[&RemovePermissions],
        failed: &BTreeSet<&AmiId>,
    ) -> BTreeSet<KeyArn> {
        let mut remaining = BTreeSet::new();
        let mut revoking = Vec::new();
        for step in keys {
            let under: Vec<(&Region, &AmiId)> = images
                .iter()
                .filter(|image| image.keys.contains(&step.key))
                .map(|image| (&image.region, &image.image))
                .collect();
            if under.iter().any(|(_, image_id)| failed.contains(image_id)) {
                remaining.insert(step.key.clone());
                continue;
            }
            revoking.push(async move {
                let revoked = self.revoke_key_access(step, &under).await;
                let is_revoked = self.progress().report_error(revoked).is_some();
                (!is_revoked).then(|| step.key.clone())
            });
        }
        remaining.extend(future::join_all(revoking).await.into_iter().flatten());
        remaining
    }

    /// Removes copies; returns those that are gone.
    async fn remove_copies(&self, failed: &BTreeSet<&AmiId>) -> BTreeSet<&AmiId> {
        let mut removing = Vec::new();
        for step in self.plan.copy_removals() {
            if failed.contains(&step.image) {
                continue;
            }
            removing.push(async move {
                let removed = self.remove_copy(step).await;
                let is_removed = self.progress().report_error(removed) == Some(true);
                is_removed.then_some(&step.image)
            });
        }
        let removed = future::join_all(removing).await;
        removed.into_iter().flatten().collect()
    }

    /// Removes a copy, unless another run shared it again meanwhile; returns whether it is gone.
    async fn remove_copy(&self, step: &RemoveCopy) -> Result<bool, Error> {
        let clients = self.run.source_clients(&step.region);
        let mut others = self.launchers_of(&step.region, &step.image).await?;
        let image = clients.ec2.image(&step.image).await?;
        for snapshot in image.iter().flat_map(Image::snapshots) {
            // AWS deletes them with the image.
            let read = clients.ec2.snapshot_permissions(snapshot).await;
            others.extend(self.unless_gone(&step.region, &step.image, read).await?);
        }
        if !others.is_empty() {
            let finding = plan::copy_still_shared(&step.image, &step.source, &others);
            self.progress().emit(&Event::Found(finding));
            return Ok(false);
        }
        let is_available = image.is_some_and(|image| image.state == ImageState::Available);
        if step.is_unfinished && is_available && self.keeps_finished_copy(step) {
            return Ok(false);
        }
        let kept_snapshots = clients.ec2.deregister_image(&step.image).await?;
        self.progress().emit(&Event::CopyRemoved {
            image: step.image.clone(),
        });
        for (snapshot, why) in kept_snapshots {
            let why = explain_kept_snapshot(&clients, &why);
            let message = format!("it belonged to the copy {}, and {why}", step.image);
            let finding = Finding::warn(FindingCode::CopyNotCleaned, snapshot, message);
            self.progress().emit(&Event::Found(finding));
        }
        Ok(true)
    }

    /// Whether to keep a copy that nobody could use when the plan was made, and that is available
    /// by now.
    fn keeps_finished_copy(&self, step: &RemoveCopy) -> bool {
        let is_kept = !self.plan.request.options.revoke_in_use;
        if is_kept {
            let message = "this copy became available after the plan was made, so that its use is \
                           not known; it is kept, because nobody can bring it back";
            let code = FindingCode::ImageUsageUnknown;
            let finding = Finding::warn(code, &step.image, message);
            self.progress().emit(&Event::Found(finding));
        }
        is_kept
    }

    fn key_in_use(&self, key: &KeyArn, principal: &PolicyPrincipal, usage: &KeyUsage) -> Error {
        let message = match principal {
            PolicyPrincipal::Account(account) => {
                format!("account {account} keeps access to {key}: of that account, {usage}")
            }
            wide => {
                format!("{wide} keeps access to {key}: of accounts that may belong there, {usage}")
            }
        };
        Error::new(Code::KeyInUseByTarget, message)
            .at(&self.run.source.identity.account, key.region())
            .on(key)
    }
}

/// The removals, without those who can still launch an image under the key (P1).
fn keep_launchers(
    keys: Vec<&RemoveKeyAccess>,
    images: &[&RemovePermissions],
    launchers: &BTreeMap<&AmiId, BTreeSet<Principal>>,
) -> Vec<RemoveKeyAccess> {
    let mut removals = Vec::new();
    for key in keys {
        let mut remove = key.clone();
        for image in images {
            if image.keys.contains(&key.key) {
                let kept = launchers.get(&image.image).into_iter().flatten();
                remove
                    .launchers
                    .extend(kept.filter_map(PolicyPrincipal::of));
            }
        }
        removals.push(remove);
    }
    removals
}

//! Revokes the use of one key, and lets those keep it whom another run gave a new reason to.

use std::collections::BTreeSet;

use futures::stream;

use super::Apply;
use super::keys::{KeyState, named_principals};
use crate::diagnostic::Error;
use crate::id::{AmiId, Principal, Region};
use crate::observe::{self, Known, Loss};
use crate::plan::{self, KeyAccess, RemoveKeyAccess};
use crate::policy::key_policy::PolicyPrincipal;
use crate::report::Event;

impl Apply<'_> {
    /// Revokes the use of a key, of which `images` are those of the plan under it that remain.
    pub(super) async fn revoke_key_access(
        &self,
        remove: &RemoveKeyAccess,
        images: &[(&Region, &AmiId)],
    ) -> Result<(), Error> {
        let readable = remove.reads;

        // 1. The statements go first: by them, a target may make grants of its own.
        let mut removed = BTreeSet::new();
        if readable.policy {
            removed = self.remove_key_statements(remove, images).await?;
        }
        let mut revoked_grants = Vec::new();
        if readable.grants {
            revoked_grants = self.revoke_grants(remove).await?;
        }

        // 2. Another run may have shared an image again meanwhile: an account that can launch it
        //    must be able to use its key (P1, P5).
        let mut restored = BTreeSet::new();
        for (region, image_id) in images {
            let launchers = self.launchers_of(region, image_id).await?;
            restored.extend(named_principals(&launchers, &removed));
            self.restore_grants(&remove.key, (region, image_id), &launchers, &revoked_grants)
                .await?;
        }

        // 3. So it is for whatever else under the key was shared since the plan was made.
        if !removed.is_empty() && !remove.forced {
            let needed = self.find_new_need(remove, images, &removed).await?;
            restored.extend(needed);
        }
        if !restored.is_empty() {
            self.restore_key_access(remove, restored).await?;
        }

        Ok(())
    }

    /// Those of the `removed` who can launch one of the images again.
    pub(super) async fn find_launchers(
        &self,
        images: &[(&Region, &AmiId)],
        removed: &BTreeSet<PolicyPrincipal>,
    ) -> Result<BTreeSet<Principal>, Error> {
        let mut found = BTreeSet::new();
        for (region, image_id) in images {
            let launchers = self.launchers_of(region, image_id).await?;
            found.extend(named_principals(&launchers, removed));
        }
        Ok(found)
    }

    /// Gives a key back at once to those who can launch one of the images again: a share beside
    /// this run has written the launch permission since this run removed it. Returns them.
    pub(super) async fn give_back(
        &self,
        remove: &RemoveKeyAccess,
        images: &[(&Region, &AmiId)],
        removed: &BTreeSet<PolicyPrincipal>,
    ) -> Result<BTreeSet<PolicyPrincipal>, Error> {
        let back = self.find_launchers(images, removed).await?;
        if !back.is_empty() {
            self.give_key_access(&self.access_to_restore(remove, &back))
                .await?;
        }
        Ok(back.iter().filter_map(PolicyPrincipal::of).collect())
    }

    /// Those of the `removed` with whom something else under the key is shared by now.
    async fn find_new_need(
        &self,
        remove: &RemoveKeyAccess,
        images: &[(&Region, &AmiId)],
        removed: &BTreeSet<PolicyPrincipal>,
    ) -> Result<BTreeSet<Principal>, Error> {
        let mut known = Known::default();
        known
            .images
            .extend(images.iter().map(|(_, image_id)| *image_id));
        for step in self.plan.permission_removals() {
            if known.images.contains(&step.image) {
                known.snapshots.extend(step.snapshots.keys());
            }
        }
        let losses = removed.iter();
        let losses = losses.map(|principal| Loss::new(&remove.key, principal));
        let clients = self.run.source_clients(remove.key.region());
        let others = observe::find_other_shares(&clients, losses.collect(), known).await?;
        let mut needed = BTreeSet::new();
        for other in others.resources {
            for principal in named_principals(&other.shared_with, removed) {
                if let Some(named) = PolicyPrincipal::of(&principal) {
                    let finding = plan::key_still_used(&remove.key, &named, &other.id);
                    self.progress().emit(&Event::Found(finding));
                }
                needed.insert(principal);
            }
        }
        Ok(needed)
    }

    async fn restore_key_access(
        &self,
        remove: &RemoveKeyAccess,
        principals: BTreeSet<Principal>,
    ) -> Result<(), Error> {
        let access = self.access_to_restore(remove, &principals);
        let granted = self.give_key_access(&access).await?;
        let state = KeyState::default();
        self.keep_key_access(&access, &granted, &state, stream::empty())
            .await?;
        self.report_key_access(&access, granted.principals);
        Ok(())
    }

    /// The access of these principals, as a step that gives it.
    fn access_to_restore(
        &self,
        remove: &RemoveKeyAccess,
        principals: &BTreeSet<Principal>,
    ) -> KeyAccess {
        KeyAccess {
            key: remove.key.clone(),
            access: self.plan.request.key_permissions(),
            missing: principals.clone(),
            principals: principals.clone(),
            unlisted: BTreeSet::new(),
            policy: None,
        }
    }
}

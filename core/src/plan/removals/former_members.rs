//! Accounts that keep access which they may have got as members of an organization: it loses its
//! access, and no list has them any more. Who gave them what is not known, so they keep it.

use std::collections::BTreeSet;

use crate::diagnostic::FindingCode;
use crate::diagnostic::names::first_names;
use crate::id::{AccountId, Principal};
use crate::plan::own_grant::OwnGrant;
use crate::plan::planner::Planner;
use crate::plan::step::{Removal, RemoveKeyAccess, RemovePermissions};

impl Planner<'_> {
    /// Warns of accounts that keep access to an image or by grants for it, where organizations lose
    /// theirs and are listed.
    pub(super) fn check_former_members(
        &mut self,
        permissions: &[RemovePermissions],
        keys: &[RemoveKeyAccess],
    ) {
        if self.request.listed_organizations().is_empty() {
            return;
        }
        for remove in permissions {
            let mut ways = Vec::new();
            for (way, accounts) in [
                ("launch permission", self.launchers_left(remove)),
                (
                    "permission for its snapshots",
                    self.snapshot_users_left(remove),
                ),
                ("grants of this tool", self.grantees_left(remove, keys)),
            ] {
                if !accounts.is_empty() {
                    ways.push(format!("{way}: {}", first_names(accounts)));
                }
            }
            if !ways.is_empty() {
                let message = format!(
                    "these accounts are in no list of the organizations, so they keep what they \
                     have: {}",
                    ways.join("; ")
                );
                self.warn(FindingCode::RevokeNotListed, &remove.image, message);
            }
        }
    }

    fn launchers_left(&self, remove: &RemovePermissions) -> BTreeSet<AccountId> {
        let region = self.inventory.regions.get(&remove.region);
        let granted = region.and_then(|region| region.launch_permissions.get(&remove.image));
        self.not_listed(granted.into_iter().flatten(), &remove.removal)
    }

    fn snapshot_users_left(&self, remove: &RemovePermissions) -> BTreeSet<AccountId> {
        let region = self.inventory.regions.get(&remove.region);
        let permissions = region.map(|region| &region.snapshot_permissions);
        let mut granted = BTreeSet::new();
        for snapshot in remove.snapshots.keys() {
            let of_snapshot = permissions.and_then(|permissions| permissions.get(snapshot));
            granted.extend(of_snapshot.into_iter().flatten());
        }
        self.not_listed(granted, &remove.removal)
    }

    fn grantees_left(
        &self,
        remove: &RemovePermissions,
        keys: &[RemoveKeyAccess],
    ) -> BTreeSet<AccountId> {
        let mut grantees = BTreeSet::new();
        for step in keys.iter().filter(|step| remove.keys.contains(&step.key)) {
            let Some(key) = self.inventory.key(&step.key) else {
                continue;
            };
            for grant in key.known_grants() {
                if OwnGrant::is_for_image(&step.key, grant, &remove.region, &remove.image) {
                    grantees.extend(grant.grantee_account().map(Principal::Account));
                }
            }
        }
        self.not_listed(&grantees, &remove.removal)
    }

    /// The accounts that neither lose access nor are left out by the request itself.
    fn not_listed<'p>(
        &self,
        granted: impl IntoIterator<Item = &'p Principal>,
        removal: &Removal,
    ) -> BTreeSet<AccountId> {
        let mut accounts = BTreeSet::new();
        for principal in granted {
            let is_elsewhere = self.request.options.listed_elsewhere.contains(principal);
            if !removal.includes(principal) && !is_elsewhere {
                accounts.extend(principal.account().cloned());
            }
        }
        accounts.remove(&self.inventory.account);
        if let Some(excluded) = self.request.excluded_accounts() {
            accounts = &accounts - excluded;
        }
        accounts
    }
}

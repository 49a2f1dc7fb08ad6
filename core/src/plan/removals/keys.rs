//! Access to keys that principals lose, and who keeps it because something needs the key.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::FindingCode;
use crate::id::KeyArn;
use crate::inventory::Key;
use crate::plan::key_use::key_still_used;
use crate::plan::planner::Planner;
use crate::plan::step::{KeyReads, PolicyChange, Removal, RemoveKeyAccess, RemovePermissions};
use crate::policy::key_policy::PolicyPrincipal;

impl Planner<'_> {
    /// Access to each key of these images. An AWS managed key, or a key that this run may not
    /// change, has neither policy nor grants here, and gives nobody anything.
    pub(super) fn plan_key_removals(
        &mut self,
        permissions: &[RemovePermissions],
        removal: &Removal,
    ) -> Vec<RemoveKeyAccess> {
        let mut images_by_key: BTreeMap<&KeyArn, BTreeSet<_>> = BTreeMap::new();
        for remove in permissions {
            for key in &remove.keys {
                let image = (remove.region.clone(), remove.image.clone());
                images_by_key.entry(key).or_default().insert(image);
            }
        }
        let forced = self.request.options.revoke.unwrap_or_default().keys_in_use;
        let mut removals = Vec::new();
        for (arn, images) in images_by_key {
            if let Some(key) = self.inventory.key(arn)
                && (key.policy.is_some() || key.grants.is_some())
            {
                let reads = KeyReads::of(key);
                let mut remove = RemoveKeyAccess::new(arn.clone(), removal.clone(), images, reads);
                remove.forced = forced;
                self.plan_key_removal(key, &mut remove);
                removals.push(remove);
            }
        }
        removals
    }

    /// Fills in who keeps the key, and what changes for those who lose it.
    fn plan_key_removal(&mut self, key: &Key, remove: &mut RemoveKeyAccess) {
        // 1. Who is to lose the key: those that have access by this tool, and those that the
        //    request lists, who may have access in other ways.
        let granted = principals_with_access(key, remove);
        let mut losing = granted.clone();
        if let Removal::These(principals) = &remove.removal {
            losing.extend(principals.iter().filter_map(PolicyPrincipal::of));
        }

        // 2. Who keeps it.
        if !remove.forced {
            self.keep_needed_access(key, &losing, &granted, remove);
        }

        // 3. What this tool cannot remove.
        for principal in &losing {
            if remove.revokes_from(principal) {
                self.check_other_statements(key, principal);
            }
        }

        // 4. What changes: statements first, because a target may make grants by its statement.
        let mut principals = key.granted_principals();
        principals.retain(|principal| remove.revokes_from(principal));
        remove.policy = policy_change(key, &principals);
        remove.principals = principals;
        remove.grants = remove.grants_to_revoke(key.known_grants());
    }

    /// Marks those that keep the key: something else under it is shared with them, or they use it
    /// for instances, volumes or snapshots.
    fn keep_needed_access(
        &mut self,
        key: &Key,
        losing: &BTreeSet<PolicyPrincipal>,
        granted: &BTreeSet<PolicyPrincipal>,
        remove: &mut RemoveKeyAccess,
    ) {
        let named = key.granted_principals();
        let covered = principals_with_other_grants(key, remove);
        let mut unused = Vec::new();
        for principal in losing {
            let mut others = self.inventory.other_shared_resources(&key.arn);
            let needed_for = others.find(|resource| resource.may_be_used_by(principal));
            if needed_for.is_some() {
                remove.kept.insert(principal.clone());
            }
            if let Some(resource) = needed_for
                && named.contains(principal)
            {
                self.add(key_still_used(&key.arn, principal, &resource.id));
                // The statement stays, so nothing that they use is affected.
                continue;
            }
            if !granted.contains(principal) || covered.contains(principal) {
                continue;
            }
            match self.key_usage(key, principal, &remove.removal) {
                Some(usage) => {
                    remove.in_use.insert(principal.clone(), usage);
                }
                None => unused.push(principal),
            }
        }
        self.warn_of_unknown_usage(&key.arn, &unused);
    }

    /// Warns of a statement that this tool did not write and that names the account too.
    fn check_other_statements(&mut self, key: &Key, principal: &PolicyPrincipal) {
        if let PolicyPrincipal::Account(account) = principal
            && let Some(sid) = key.foreign_statement(account)
        {
            let message = format!(
                "account {account} is named by another statement of the key policy too: {sid}"
            );
            self.warn(FindingCode::RevokeOtherWay, &key.arn, message);
        }
    }
}

/// The principals that are to lose access and have it: by statements or by grants of this tool.
fn principals_with_access(key: &Key, remove: &RemoveKeyAccess) -> BTreeSet<PolicyPrincipal> {
    let mut principals = key.granted_principals();
    principals.retain(|principal| remove.removal.includes_policy_principal(principal));
    for grant in key.known_grants() {
        if remove.is_own_grant(grant) {
            principals.extend(grant.grantee_account().map(PolicyPrincipal::Account));
        }
    }
    principals
}

/// The accounts that can attach volumes by a grant which is not revoked, and so lose nothing.
fn principals_with_other_grants(key: &Key, remove: &RemoveKeyAccess) -> BTreeSet<PolicyPrincipal> {
    let revoked = remove.grants_to_revoke(key.known_grants());
    let mut principals = BTreeSet::new();
    for grant in key.known_grants() {
        if grant.allows_attaching() && !revoked.contains_key(&grant.id) {
            principals.extend(grant.grantee_account().map(PolicyPrincipal::Account));
        }
    }
    principals
}

/// The key policy without these principals; `None` if nothing of it changes.
fn policy_change(key: &Key, principals: &BTreeSet<PolicyPrincipal>) -> Option<PolicyChange> {
    let policy = key.readable_policy()?;
    if principals.is_empty() {
        return None;
    }
    let after = policy.without_access(&key.arn, principals).ok()?;
    Some(PolicyChange {
        before: policy.text(),
        after: after.text(),
    })
}

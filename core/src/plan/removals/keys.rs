//! Access to keys that principals lose, and who keeps it because something needs the key.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::FindingCode;
use crate::diagnostic::names::first_names;
use crate::id::{AccountId, KeyArn};
use crate::inventory::{Key, RamPolicy};
use crate::plan::key_use::key_still_used;
use crate::plan::names::is_grant_name;
use crate::plan::planner::Planner;
use crate::plan::step::{KeyReads, PolicyChange, Removal, RemoveKeyAccess, RemovePermissions};
use crate::policy::key_policy::{KeyPolicy, PolicyPrincipal};

impl Planner<'_> {
    /// Access to each key of these images, and of those that are gone. An AWS managed key, or a key
    /// that this run may not change, has neither policy nor grants here, and gives nobody anything.
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
        for region in self.inventory.regions.values() {
            for key in &region.keys_of_gone {
                images_by_key.entry(key).or_default();
            }
        }
        // A key may have grants for any image that is gone.
        for (key, images) in &mut images_by_key {
            if let Some(region) = self.inventory.regions.get(key.region()) {
                let gone = region.gone.iter().cloned();
                images.extend(gone.map(|image| (region.location.region.clone(), image)));
            }
        }
        let forced = self.request.options.revoke.unwrap_or_default().keys_in_use;
        let mut removals = Vec::new();
        for (arn, images) in images_by_key {
            let Some(key) = self.inventory.key(arn) else {
                continue;
            };
            let reads = KeyReads::of(key, &self.request.options);
            if let Some(Err(problem)) = &key.policy
                && reads.policy
            {
                // Nobody's access can be removed from it, so nobody loses launch permission alone.
                self.refuse_unreadable(arn, problem);
            } else if reads.policy || reads.grants {
                let mut key = key.clone();
                if !reads.policy {
                    key.policy = None;
                }
                let mut remove = RemoveKeyAccess::new(arn.clone(), removal.clone(), images, reads);
                remove.forced = forced;
                self.plan_key_removal(&key, &mut remove);
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
        self.check_ram_policy(key, &losing, remove);

        self.check_other_grants(key, &losing, remove);

        // 4. What changes: statements first, because a target may make grants by its statement.
        let mut principals = key.granted_principals();
        principals.retain(|principal| remove.revokes_from(principal));
        if !principals.is_empty()
            && let Some(policy) = key.readable_policy()
        {
            self.check_stale_principals(key, policy, true);
            remove.policy = self.policy_without(key, policy, &principals);
        }
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

    /// The key policy without these principals.
    fn policy_without(
        &self,
        key: &Key,
        policy: &KeyPolicy,
        principals: &BTreeSet<PolicyPrincipal>,
    ) -> Option<PolicyChange> {
        let after = self.request.writable_policy(policy);
        let after = after.without_access(&key.arn, principals).ok()?;
        Some(PolicyChange {
            before: policy.text(),
            after: after.text(),
        })
    }

    /// Warns of a statement that this tool did not write and by which the principal may use the
    /// key.
    fn check_other_statements(&mut self, key: &Key, principal: &PolicyPrincipal) {
        if let Some(sid) = key.foreign_statement(principal) {
            let who = match principal {
                PolicyPrincipal::Account(account) => format!("account {account}"),
                PolicyPrincipal::Organization(text) | PolicyPrincipal::Unit(text) => text.clone(),
            };
            let message = format!(
                "another statement of the key policy lets {who} use the key too, or may do so: \
                 {sid}"
            );
            self.warn(FindingCode::RevokeOtherWay, &key.arn, message);
        }
    }

    /// Warns of grants that have names of this tool, were not made by it, and let an account use
    /// the key too.
    fn check_other_grants(
        &mut self,
        key: &Key,
        losing: &BTreeSet<PolicyPrincipal>,
        remove: &RemoveKeyAccess,
    ) {
        let revoked = remove.grants_to_revoke(key.known_grants());
        let mut others: BTreeMap<PolicyPrincipal, Vec<&str>> = BTreeMap::new();
        for grant in key.known_grants() {
            let account = grant.grantee.split(':').nth(4);
            let account = account.and_then(|account| account.parse().ok());
            if let Some(principal) = account.map(PolicyPrincipal::Account)
                && is_grant_name(&grant.name)
                && losing.contains(&principal)
                && remove.revokes_from(&principal)
                && !revoked.contains_key(&grant.id)
                && !grant.is_held_by_service()
            {
                others.entry(principal).or_default().push(&grant.id);
            }
        }
        for (principal, grants) in others {
            let message = format!(
                "{principal} can use the key by grants that this tool did not make too: {}",
                first_names(grants)
            );
            self.warn(FindingCode::RevokeOtherWay, &key.arn, message);
        }
    }
}

impl Planner<'_> {
    /// Warns of AWS RAM, through which those who lose the key may keep it.
    fn check_ram_policy(
        &mut self,
        key: &Key,
        losing: &BTreeSet<PolicyPrincipal>,
        remove: &RemoveKeyAccess,
    ) {
        let policy = match &key.ram_policy {
            RamPolicy::NotRead | RamPolicy::None => return,
            RamPolicy::Some(policy) => policy,
            RamPolicy::Unknown(problem) => {
                let message = format!(
                    "whether AWS RAM shares the key too is unknown, for its policy `AWS_RAM` could \
                     not be read: {problem}"
                );
                self.warn(FindingCode::RevokeOtherWay, &key.arn, message);
                return;
            }
        };
        for principal in losing {
            let PolicyPrincipal::Account(account) = principal else {
                continue;
            };
            if remove.revokes_from(principal) && names_account(policy, key, account) {
                let message = format!(
                    "account {account} can use the key through AWS RAM too: remove it from the \
                     resource share"
                );
                self.warn(FindingCode::RevokeOtherWay, &key.arn, message);
            }
        }
    }
}

/// Whether a policy of AWS RAM allows the account something, or anybody whom its conditions fit.
fn names_account(policy: &KeyPolicy, key: &Key, account: &AccountId) -> bool {
    let statements = policy.foreign_statements(&key.arn);
    let mut names = statements.iter().flat_map(|(_, principals)| principals);
    names.any(|name| name == "*" || name.split(':').any(|part| part == account.as_ref()))
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

//! Access to keys that principals lose, and who keeps it because something needs the key.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::FindingCode;
use crate::diagnostic::names::first_names;
use crate::id::{AccountId, KeyArn, Principal};
use crate::inventory::{Grant, Key, Part};
use crate::plan::key_use::key_still_used;
use crate::plan::own_grant::OwnGrant;
use crate::plan::planner::Planner;
use crate::plan::step::{KeyReads, PolicyChange, Removal, RemoveKeyAccess, RemovePermissions};
use crate::policy::key_policy::{KeyPolicy, PolicyPrincipal};

impl Planner<'_> {
    /// Access to each key of these images, of what the run shares, and of images that are gone. An
    /// AWS managed key gives nobody anything. Of a key that this run may not change, it is only
    /// told who keeps access, or that this is unknown.
    pub(in crate::plan) fn plan_key_removals(
        &mut self,
        permissions: &[RemovePermissions],
        shared_under: &BTreeSet<&KeyArn>,
        removal: &Removal,
    ) -> Vec<RemoveKeyAccess> {
        let mut images_by_key: BTreeMap<&KeyArn, BTreeSet<_>> = BTreeMap::new();
        for key in shared_under {
            images_by_key.entry(key).or_default();
        }
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
            if !self.begin(Part::Key(arn.clone())) {
                continue;
            }
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
                let mut remove = RemoveKeyAccess::new(arn.clone(), removal.clone(), images, reads);
                remove.forced = forced;
                remove.holders = holders(key, reads);
                remove.own_access = accounts_with_own_access(key, removal);
                let losing = self.losing_with_permissions(arn, permissions);
                self.plan_key_removal(key, losing.clone(), &mut remove);
                remove.expected = expects_statements(&remove, &losing);
                removals.push(remove);
            } else if !key.aws_managed {
                let losing = self.losing_with_permissions(arn, permissions);
                self.check_kept_access(key, losing, removal);
            }
        }
        self.end_part();
        removals
    }

    /// Those that lose launch permission of an image under the key, or permission for its
    /// snapshots, who may have access to the key in ways that this tool knows nothing of.
    fn losing_with_permissions(
        &self,
        key: &KeyArn,
        permissions: &[RemovePermissions],
    ) -> BTreeSet<PolicyPrincipal> {
        let mut losing = BTreeSet::new();
        for remove in permissions {
            if remove.keys.contains(key) {
                let of_snapshots = remove.snapshots.values().flatten();
                let all = remove.principals.iter().chain(of_snapshots);
                losing.extend(all.filter_map(PolicyPrincipal::of));
            }
        }
        for account in [key.account(), &self.inventory.account] {
            losing.remove(&PolicyPrincipal::Account(account.clone()));
        }
        losing
    }

    /// Warns of all that lets those who lose an image keep its key, of which this run changes
    /// nothing.
    fn check_kept_access(
        &mut self,
        key: &Key,
        mut losing: BTreeSet<PolicyPrincipal>,
        removal: &Removal,
    ) {
        let (images, reads) = (BTreeSet::new(), KeyReads::default());
        let remove = RemoveKeyAccess::new(key.arn.clone(), removal.clone(), images, reads);
        let mut named = key.granted_principals();
        named.retain(|principal| removal.includes_policy_principal(principal));
        losing.extend(named);
        if let Removal::These(principals) = removal {
            losing.extend(principals.iter().filter_map(PolicyPrincipal::of));
        }
        if losing.is_empty() && *removal == Removal::Everybody {
            self.check_unknown_users(key);
        }
        self.check_other_ways(key, &losing, &remove);
    }

    /// Fills in who keeps the key, and what changes for those who lose it.
    fn plan_key_removal(
        &mut self,
        key: &Key,
        mut losing: BTreeSet<PolicyPrincipal>,
        remove: &mut RemoveKeyAccess,
    ) {
        // 1. Who is to lose the key: those that have access by this tool, and those that the
        //    request lists or that lose permissions, who may have access in other ways.
        let mut named = key.granted_principals();
        named.retain(|principal| remove.removal.includes_policy_principal(principal));
        let mut granted = principals_with_grants(key, remove);
        losing.extend(named.iter().chain(&granted).cloned());
        if remove.reads.policy {
            granted.extend(named);
        }
        if let Removal::These(principals) = &remove.removal {
            losing.extend(principals.iter().filter_map(PolicyPrincipal::of));
        }

        // 2. Who keeps it.
        if !remove.forced {
            self.keep_needed_access(key, &losing, &granted, remove);
        }

        // 3. What this run does not remove.
        losing.retain(|principal| remove.revokes_from(principal));
        self.check_other_ways(key, &losing, remove);

        // 4. What changes: statements first, because a target may make grants by its statement.
        if remove.reads.policy
            && let Some(policy) = key.readable_policy()
        {
            let mut principals = key.granted_principals();
            principals.retain(|principal| remove.revokes_from(principal));
            if !principals.is_empty() {
                remove.policy = self.policy_without(key, policy, &principals);
            }
            remove.principals = principals;
        }
        remove.grants = remove.grants_to_revoke(key.known_grants());
        let grants = key.known_grants().iter();
        let revoked = grants.filter(|grant| remove.grants.contains_key(&grant.id));
        let issuers = revoked.filter_map(Grant::issuer_account);
        remove.known = issuers.map(PolicyPrincipal::Account).collect();
        remove.known.extend(remove.holders.iter().cloned());
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
        let mut covered = principals_with_other_grants(key, remove);
        if !remove.reads.policy {
            // This run does not change their statements.
            covered.extend(named.iter().cloned());
        }
        let others = self.other_shared_resources(&key.arn, &remove.images);
        let with_instances = key.accounts_with_instances();
        let (mut unused, mut unknown) = (Vec::new(), BTreeSet::new());
        for principal in losing {
            let mut others = others.iter();
            let needed_for = others.find(|resource| resource.may_be_used_by(principal));
            if let Some(resource) = needed_for.filter(|resource| !resource.is_known) {
                remove.kept.insert(principal.clone());
                unknown.insert(&resource.id);
                continue;
            }
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
            match self.key_usage(key, &with_instances, principal, &remove.removal) {
                Some(usage) => {
                    remove.in_use.insert(principal.clone(), usage);
                }
                None => unused.push(principal),
            }
        }
        self.warn_of_unknown_usage(&key.arn, &unused);
        if !unknown.is_empty() {
            let message = format!(
                "whether {} needs this key is not known, so nobody loses it",
                first_names(unknown)
            );
            self.warn(FindingCode::KeyUseUnknown, &key.arn, message);
        }
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
}

/// Whether some of those who lose access should have it by statements, since a run that shares an
/// image writes its key first (P1).
fn expects_statements(remove: &RemoveKeyAccess, losing: &BTreeSet<PolicyPrincipal>) -> bool {
    let mut losing = losing.iter();
    let loses_image = losing.any(|principal| remove.revokes_from(principal));
    !remove.principals.is_empty() || loses_image && remove.grants.is_empty()
}

/// The accounts that may make grants by statements of others: those that have made some, and those
/// that the request lists, which may make some at any time.
fn accounts_with_own_access(key: &Key, removal: &Removal) -> BTreeSet<AccountId> {
    let grants = key.known_grants().iter();
    let mut accounts: BTreeSet<_> = grants.filter_map(Grant::issuer_account).collect();
    if let Removal::These(principals) = removal {
        accounts.extend(principals.iter().filter_map(Principal::account).cloned());
    }
    accounts.retain(|account| key.others_let_attach(account));
    accounts
}

/// All that have access by statements or grants of this tool, as far as the run reads these.
fn holders(key: &Key, reads: KeyReads) -> BTreeSet<PolicyPrincipal> {
    let mut holders = BTreeSet::new();
    if reads.policy {
        holders.extend(key.granted_principals());
    }
    if reads.grants {
        let grants = key.known_grants().iter();
        let own = grants.filter(|grant| OwnGrant::includes(&key.arn, grant));
        let accounts = own.filter_map(Grant::grantee_account);
        holders.extend(accounts.map(PolicyPrincipal::Account));
    }
    holders
}

/// The principals that are to lose access and have it by grants of this tool.
fn principals_with_grants(key: &Key, remove: &RemoveKeyAccess) -> BTreeSet<PolicyPrincipal> {
    let mut principals = BTreeSet::new();
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

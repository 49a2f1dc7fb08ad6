//! Ways that remain to those who lose access: what this tool did not make, and what this run may
//! not change. Each is named, and nothing of it is touched.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::FindingCode;
use crate::inventory::{Grant, Key, RamPolicy};
use crate::plan::own_grant::OwnGrant;
use crate::plan::planner::Planner;
use crate::plan::remains::{Remains, describe};
use crate::plan::step::{Removal, RemoveKeyAccess, RemovePermissions};
use crate::policy::key_policy::PolicyPrincipal;
use crate::request::KeyAccessMode;

const CODE: FindingCode = FindingCode::RevokeOtherWay;

impl Planner<'_> {
    /// Warns of ways by which those who lose a key may use it all the same.
    pub(super) fn check_other_ways(
        &mut self,
        key: &Key,
        losing: &BTreeSet<PolicyPrincipal>,
        remove: &RemoveKeyAccess,
    ) {
        if losing.is_empty() {
            return;
        }
        for principal in losing {
            self.check_other_statements(key, principal);
        }
        if !remove.reads.policy {
            self.check_kept_statements(key, losing);
        }
        self.check_ram_policy(key, losing);
        self.check_other_grants(key, losing, remove);
    }

    /// Warns of a statement that this tool did not write and by which the principal may use the
    /// key.
    fn check_other_statements(&mut self, key: &Key, principal: &PolicyPrincipal) {
        if let Some(sid) = key.foreign_statement(principal) {
            let who = describe(principal);
            let message = format!(
                "another statement of the key policy lets {who} use the key too, or may do so: \
                 {sid}"
            );
            self.warn(CODE, &key.arn, message);
        }
    }

    /// Warns of statements of this tool in a policy that this run does not change, and of a policy
    /// that could not be read.
    fn check_kept_statements(&mut self, key: &Key, losing: &BTreeSet<PolicyPrincipal>) {
        if let Some(problem) = self.unread_policy(key) {
            self.say_remains(Remains::Policy(key.arn.clone(), losing.clone(), problem));
            return;
        }
        let named = &key.granted_principals() & losing;
        if !named.is_empty() {
            self.say_remains(Remains::Statements(key.arn.clone(), named));
        }
    }

    /// Warns of a key of which everybody shall lose the use, and of which nobody is known.
    pub(super) fn check_unknown_users(&mut self, key: &Key) {
        if let Some(problem) = self.unread_policy(key) {
            let message =
                format!("whether the key policy lets others use the key is unknown: {problem}");
            self.warn(CODE, &key.arn, message);
        }
    }

    /// Why the policy of a key is not known.
    fn unread_policy(&self, key: &Key) -> Option<String> {
        match &key.policy {
            Some(Ok(_)) => None,
            Some(Err(problem)) => Some(problem.clone()),
            // R3.1.2
            None if key.arn.account() != &self.inventory.account => {
                let owner = key.arn.account();
                Some(format!(
                    "only account {owner} can read it: give `key-role`, a role there"
                ))
            }
            None => Some("it was not read".to_owned()),
        }
    }

    /// Warns of AWS RAM, through which those who lose the key may keep it.
    fn check_ram_policy(&mut self, key: &Key, losing: &BTreeSet<PolicyPrincipal>) {
        let policy = match &key.ram_policy {
            RamPolicy::NotRead | RamPolicy::None => return,
            RamPolicy::Some(policy) => policy,
            RamPolicy::Unknown(problem) => {
                let message = format!(
                    "whether AWS RAM shares the key too is unknown, for its policy `AWS_RAM` could \
                     not be read: {problem}"
                );
                self.warn(CODE, &key.arn, message);
                return;
            }
        };
        for principal in losing {
            if key.foreign_statement_of(policy, principal).is_some() {
                let who = describe(principal);
                let message = format!(
                    "{who} can use the key through AWS RAM too, or may do so: remove it from the \
                     resource share"
                );
                self.warn(CODE, &key.arn, message);
            }
        }
    }

    /// Warns of grants that are not revoked and let those who lose the key use it, whatever they
    /// are called.
    fn check_other_grants(
        &mut self,
        key: &Key,
        losing: &BTreeSet<PolicyPrincipal>,
        remove: &RemoveKeyAccess,
    ) {
        if key.grants.is_none() && self.request.options.key_access == KeyAccessMode::None {
            self.say_remains(Remains::UnreadGrants(key.arn.clone(), losing.clone()));
        }
        let revoked = if remove.reads.grants {
            remove.grants_to_revoke(key.known_grants())
        } else {
            BTreeMap::new()
        };
        let mut others: BTreeMap<&PolicyPrincipal, BTreeSet<String>> = BTreeMap::new();
        for grant in key.known_grants() {
            let remains = !revoked.contains_key(&grant.id) && !grant.is_held_by_service();
            if remains
                && grant.discloses_data()
                && let Some(principal) = self
                    .holder_of(key, grant, losing)
                    .or_else(|| issuer_of(grant, losing))
            {
                let of_principal = others.entry(principal).or_default();
                of_principal.insert(grant.id.clone());
            }
        }
        for (principal, grants) in others {
            let remains = Remains::Grants(key.arn.clone(), principal.clone(), grants);
            self.say_remains(remains);
        }
    }

    /// Who of those who lose a key has a grant. Which accounts belong to an organization is not
    /// known, but a grant of this tool was meant for its account alone.
    fn holder_of<'p>(
        &self,
        key: &Key,
        grant: &Grant,
        losing: &'p BTreeSet<PolicyPrincipal>,
    ) -> Option<&'p PolicyPrincipal> {
        let account = grant.account_of_grantee()?;
        let holder = losing.get(&PolicyPrincipal::Account(account.clone()));
        if holder.is_some() {
            return holder;
        }
        let is_own = &account == key.arn.account() || account == self.inventory.account;
        if is_own || OwnGrant::includes(&key.arn, grant) {
            return None;
        }
        // Accounts are the first of a set.
        let mut rest = losing.range(PolicyPrincipal::Organization(String::new())..);
        rest.next()
    }

    /// Warns of images that stay shared with organizations, units or everybody, to which those who
    /// lose them may belong.
    pub(super) fn check_remaining_launchers(&mut self, permissions: &[RemovePermissions]) {
        for remove in permissions {
            let takes = match &remove.removal {
                Removal::These(_) => true,
                Removal::Everybody | Removal::AllBut(_) => !remove.principals.is_empty(),
            };
            if takes && !remove.remaining.is_empty() {
                let (image, remaining) = (remove.image.clone(), remove.remaining.clone());
                self.say_remains(Remains::Launchers(image, remaining));
            }
        }
    }
}

/// Who of those who lose a key made a grant: what they gave others, they can give again.
fn issuer_of<'p>(
    grant: &Grant,
    losing: &'p BTreeSet<PolicyPrincipal>,
) -> Option<&'p PolicyPrincipal> {
    losing.get(&PolicyPrincipal::Account(grant.issuer_account()?))
}

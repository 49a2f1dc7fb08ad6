//! Who has access, by each event of the run.

use std::collections::BTreeSet;

use super::{Event, Report};
use crate::id::{KeyArn, Principal};
use crate::plan::Step;
use crate::policy::key_policy::PolicyPrincipal;

impl Report {
    /// Those that keep a key although grants of theirs are revoked.
    fn keepers(&self, key: &KeyArn) -> BTreeSet<String> {
        let mut keepers = BTreeSet::new();
        for step in &self.plan.steps {
            if let Step::RemoveKeyAccess(remove) = step
                && &remove.key == key
            {
                let kept = remove.kept.iter().chain(remove.in_use.keys());
                keepers.extend(kept.map(ToString::to_string));
            }
        }
        keepers
    }

    pub(super) fn record_key_access(&mut self, event: &Event) {
        match event {
            Event::KeyPolicyPut {
                key,
                added,
                removed,
                replaced,
            } => {
                let key = self.key(key);
                let is_removed = |principal: &Principal| {
                    let in_policy = PolicyPrincipal::of(principal);
                    in_policy.is_some_and(|principal| removed.contains(&principal.to_string()))
                };
                key.principals.retain(|principal| !is_removed(principal));
                key.unlisted
                    .retain(|principal| !removed.contains(principal));
                key.added.extend(added.iter().cloned());
                key.removed.extend(removed.iter().cloned());
                key.replaced_policies.push(replaced.clone());
            }
            Event::KeyAccessConfirmed { key, principals } => {
                let names: BTreeSet<String> = principals.iter().map(ToString::to_string).collect();
                let key = self.key(key);
                key.added.retain(|added| names.contains(added));
                key.principals.extend(principals.iter().cloned());
            }
            Event::GrantsCreated { key, added, .. } => {
                let key = self.key(key);
                for account in added {
                    key.added.insert(account.to_string());
                    key.principals.insert(Principal::Account(account.clone()));
                }
            }
            Event::GrantsRevoked { key, grantees } => {
                let keepers = self.keepers(key);
                let key = self.key(key);
                key.removed.extend(grantees.iter().cloned());
                let is_lost = |name: &str| {
                    let mut grantees = grantees.iter();
                    !keepers.contains(name) && grantees.any(|grantee| is_account(grantee, name))
                };
                key.principals
                    .retain(|principal| !is_lost(&principal.to_string()));
                key.unlisted.retain(|principal| !is_lost(principal));
            }
            _ => {}
        }
    }

    pub(super) fn record_launch_permission(&mut self, event: &Event) {
        match event {
            Event::LaunchPermissionAdded {
                source,
                region,
                image,
                added,
            } => self
                .image_with_id(source, region, image)
                .added
                .extend(added.iter().cloned()),
            Event::LaunchPermissionConfirmed {
                source,
                region,
                image,
                principals,
            } => {
                let shared = self.image_with_id(source, region, image);
                shared.permission_read = true;
                shared.principals.clone_from(principals);
            }
            Event::LaunchPermissionRemoved {
                source,
                region,
                image,
                removed,
            } => {
                let shared = self.image_with_id(source, region, image);
                shared.removed.extend(removed.iter().cloned());
                for list in [&mut shared.principals, &mut shared.unlisted] {
                    list.retain(|principal| !removed.contains(principal));
                }
            }
            _ => {}
        }
    }
}

/// Whether the grantee of a grant is this account as a whole, and not a role of it.
fn is_account(grantee: &str, account: &str) -> bool {
    grantee == account || grantee.ends_with(&format!(":{account}:root"))
}

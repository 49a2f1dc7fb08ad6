//! The policies of roles in targets that lose access.

mod needs;

use crate::diagnostic::FindingCode;
use crate::id::{AccountId, KeyArn, Principal};
use crate::inventory::Target;
use crate::plan::names::inline_policy_name;
use crate::plan::planner::Planner;
use crate::plan::step::{Removal, RemoveKeyAccess, RemovePermissions, RemoveRolePolicy};
use crate::policy::key_policy::PolicyPrincipal;

impl Planner<'_> {
    /// The policies that let roles in targets launch what their accounts lose.
    pub(super) fn plan_role_policy_removals(
        &mut self,
        permissions: &[RemovePermissions],
        keys: &[RemoveKeyAccess],
        removal: &Removal,
    ) -> Vec<RemoveRolePolicy> {
        let mut removals = Vec::new();
        for (account, target) in self.inventory.reached_targets() {
            if !removal.includes(&Principal::Account(account.clone())) {
                continue;
            }
            let principal = PolicyPrincipal::Account(account.clone());
            let (mut lost, mut kept): (Vec<&KeyArn>, Vec<&KeyArn>) = (Vec::new(), Vec::new());
            for remove in keys {
                if remove.revokes_from(&principal) {
                    lost.push(&remove.key);
                } else {
                    kept.push(&remove.key);
                }
            }
            if let Some(policy) = self.request.launch_policy_in(account) {
                let needed = self.who_needs_launch_policy(account, &kept, permissions);
                removals.extend(self.plan_detachments(account, target, &policy, needed));
            } else {
                removals.extend(plan_deletions(account, target, &lost));
            }
        }
        removals
    }

    /// The roles that lose the managed policy: none if something else needs it. One policy serves
    /// whatever the account launches.
    fn plan_detachments(
        &mut self,
        account: &AccountId,
        target: &Target,
        policy: &str,
        needed: Option<String>,
    ) -> Vec<RemoveRolePolicy> {
        let mut removals = Vec::new();
        for (role, policies) in &target.roles {
            let has_policy = policies.as_ref();
            if !has_policy.is_some_and(|policies| policies.attached.contains(policy)) {
                continue;
            }
            if let Some(why) = &needed {
                let message = format!("{policy} stays attached to this role of {account}: {why}");
                self.warn(FindingCode::LaunchRolePolicyNeeded, role, message);
                continue;
            }
            removals.push(RemoveRolePolicy {
                account: account.clone(),
                role: role.clone(),
                policy: policy.to_owned(),
                managed: true,
                key: None,
            });
        }
        removals
    }
}

/// The inline policies of lost keys.
fn plan_deletions(account: &AccountId, target: &Target, lost: &[&KeyArn]) -> Vec<RemoveRolePolicy> {
    let mut removals = Vec::new();
    for (role, policies) in &target.roles {
        for key in lost {
            let name = inline_policy_name(key);
            let policies = policies.as_ref();
            if policies.is_some_and(|policies| policies.inline.contains_key(&name)) {
                removals.push(RemoveRolePolicy {
                    account: account.clone(),
                    role: role.clone(),
                    policy: name,
                    managed: false,
                    key: Some((*key).clone()),
                });
            }
        }
    }
    removals
}

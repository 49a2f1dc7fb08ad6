//! The policies of roles in targets whose accounts lose keys.

use crate::id::KeyArn;
use crate::plan::names::inline_policy_name;
use crate::plan::planner::Planner;
use crate::plan::step::{RemoveKeyAccess, RemoveRolePolicy};
use crate::policy::key_policy::PolicyPrincipal;

impl Planner<'_> {
    /// The policies that let roles in targets launch with keys that their accounts lose.
    pub(super) fn plan_role_policy_removals(
        &self,
        keys: &[RemoveKeyAccess],
    ) -> Vec<RemoveRolePolicy> {
        let mut removals = Vec::new();
        for (account, target) in self.inventory.reached_targets() {
            let principal = PolicyPrincipal::Account(account.clone());
            let (mut lost, mut kept): (Vec<&KeyArn>, Vec<&KeyArn>) = (Vec::new(), Vec::new());
            for remove in keys {
                if remove.revokes_from(&principal) {
                    lost.push(&remove.key);
                } else {
                    kept.push(&remove.key);
                }
            }
            for (role, policies) in &target.roles {
                let Some(policies) = policies else {
                    continue;
                };
                let removal = |policy: String, key: Option<&KeyArn>| RemoveRolePolicy {
                    account: account.clone(),
                    role: role.clone(),
                    policy,
                    managed: key.is_none(),
                    key: key.cloned(),
                };
                if let Some(managed) = &self.request.options.in_targets.launch_policy {
                    // One managed policy serves all keys, so it stays while the account keeps one.
                    if let Some(key) = lost.first()
                        && kept.is_empty()
                    {
                        let arn = managed.in_account(key.region().partition(), account);
                        if policies.attached.contains(&arn) {
                            removals.push(removal(arn, None));
                        }
                    }
                    continue;
                }
                for key in &lost {
                    let name = inline_policy_name(key);
                    if policies.inline.contains_key(&name) {
                        removals.push(removal(name, Some(key)));
                    }
                }
            }
        }
        removals
    }
}

//! What roles in targets need to launch with the keys: policies for the roles that the request
//! names. Service-linked roles need grants instead.

use std::collections::BTreeSet;

use super::names::inline_policy_name;
use super::planner::Planner;
use super::share::ShareSteps;
use super::step::{LaunchRole, RolePolicy, Step};
use crate::diagnostic::FindingCode;
use crate::id::{AccountId, KeyArn};
use crate::inventory::{Part, RolePolicies, Target};
use crate::limits::INLINE_POLICY_CHARACTERS;
use crate::policy::launch_policy;

impl Planner<'_> {
    /// The steps for roles in each target. Targets that copy launch their copies, and so need their
    /// own keys instead of those of the shared images (R4.13).
    pub(super) fn plan_roles(&mut self, steps: &ShareSteps) -> Vec<Step> {
        let launches = steps.launches.iter();
        let shared_keys: BTreeSet<&KeyArn> = launches.flat_map(|launch| &launch.keys).collect();
        let mut roles = Vec::new();
        for (account, target) in self.inventory.reached_targets() {
            let mut keys = shared_keys.clone();
            if self.request.options.in_targets.copies() {
                let copies = steps.target_copies.iter();
                let own = copies.filter(|copy| &copy.account == account);
                keys = own.map(|copy| &copy.key).collect();
            }
            for launch_role in self.plan_launch_roles(account, target, &keys) {
                roles.push(Step::LaunchRole(launch_role));
            }
            self.check_unread_volume_keys(account, target, steps);
            let keys = self.keys_of_service_roles(steps, target, keys);
            for key in keys {
                for role in self.plan_service_roles(account, target, key) {
                    roles.push(Step::ServiceRole(role));
                }
            }
        }
        roles
    }

    /// The policies of the roles that launch in a target.
    fn plan_launch_roles(
        &mut self,
        account: &AccountId,
        target: &Target,
        keys: &BTreeSet<&KeyArn>,
    ) -> Vec<LaunchRole> {
        let mut launch_roles = Vec::new();
        for (role, policies) in &target.roles {
            if !self.begin(Part::LaunchRole(account.clone(), role.clone())) {
                continue;
            }
            let Some(policies) = policies else {
                let message =
                    format!("target {account} has no role of this name, so it cannot launch");
                self.refuse(FindingCode::LaunchRoleMissing, role, message);
                continue;
            };
            let planned = match self.request.launch_policy_in(account) {
                Some(arn) => vec![managed_policy(arn, policies)],
                None => self.plan_inline_policies(account, role, policies, keys),
            };
            for (by, in_effect) in planned {
                launch_roles.push(LaunchRole {
                    account: account.clone(),
                    role: role.clone(),
                    by,
                    in_effect,
                });
            }
        }
        self.end_part();
        launch_roles
    }

    /// An inline policy for each key, and whether the role has it already.
    fn plan_inline_policies(
        &mut self,
        account: &AccountId,
        role: &str,
        policies: &RolePolicies,
        keys: &BTreeSet<&KeyArn>,
    ) -> Vec<(RolePolicy, bool)> {
        let mut planned = Vec::new();
        let mut after = policies.inline.clone();
        for key in keys {
            let name = inline_policy_name(key);
            let document = launch_policy::for_key(key).to_string();
            let current = after.insert(name.clone(), document.clone());
            let in_effect = current.is_some_and(|current| is_same_json(&current, &document));
            planned.push((RolePolicy::Inline { name, document }, in_effect));
        }
        // IAM does not count white space (R5.8).
        let characters = after.values().flat_map(|document| document.chars());
        let size = characters.filter(|c| !c.is_whitespace()).count();
        if size > INLINE_POLICY_CHARACTERS && !keys.is_empty() {
            let message = format!(
                "the inline policies of this role in {account} would have {size} characters, and \
                 IAM takes {INLINE_POLICY_CHARACTERS}"
            );
            self.refuse(FindingCode::LaunchRoleTooLarge, role, message);
        }
        planned
    }
}

/// A managed policy, and whether the role has it already.
fn managed_policy(arn: String, policies: &RolePolicies) -> (RolePolicy, bool) {
    let in_effect = policies.attached.contains(&arn);
    (RolePolicy::Attached(arn), in_effect)
}

/// Whether two documents say the same: IAM keeps them as they were written.
fn is_same_json(one: &str, other: &str) -> bool {
    let parse = |text| serde_json::from_str::<serde_json::Value>(text).ok();
    parse(one).is_some_and(|one| Some(one) == parse(other))
}

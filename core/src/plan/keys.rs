//! Access to the keys that targets need.

mod checks;
mod denials;
mod grants;
mod stale;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use denials::certain_denial;

use super::planner::Planner;
use super::share::ShareSteps;
use super::step::{KeyAccess, LaunchPermission, PolicyChange};
use crate::diagnostic::FindingCode;
use crate::id::KeyArn;
use crate::inventory::{Key, Part};
use crate::policy::key_policy::{KeyPolicy, PolicyPrincipal};
use crate::request::{KeyAccessMode, KeyScope};

impl Planner<'_> {
    /// Access to each key that a shared image is encrypted under: by its policy, or by grants for
    /// each image.
    pub(super) fn plan_key_access(&mut self, steps: &mut ShareSteps) {
        for (arn, launches) in launches_by_key(&steps.launches) {
            self.begin(Part::Key(arn.clone()));
            let Some(key) = self.inventory.key(arn) else {
                self.refuse_unreadable(arn, "the key was not read");
                continue;
            };
            let encrypts_copies = steps.copies.iter().any(|copy| &copy.key == arn);
            if !self.check_key(key, &launches, encrypts_copies) {
                continue;
            }
            self.check_denials(key, &launches);
            match self.request.options.key_access {
                KeyAccessMode::Policy => {
                    let access = self.plan_policy_access(key, &launches);
                    steps.key_accesses.extend(access);
                }
                KeyAccessMode::Grants => steps.grants.extend(self.plan_grants(key, &launches)),
                KeyAccessMode::None => self.warn(
                    FindingCode::KeyAccessUnmanaged,
                    &key.arn,
                    "`key-access` is `none`: this run changes nothing of who can use this key, and \
                     checks only whether its policy denies the targets",
                ),
            }
        }
        self.end_part();
    }

    /// Access for all targets that the images under the key are shared with, by its policy.
    fn plan_policy_access(
        &mut self,
        key: &Key,
        launches: &[&LaunchPermission],
    ) -> Option<KeyAccess> {
        let policy = self.readable_policy(key)?;

        // 1. Who is to have access, and who of them lacks it. No statement names the public.
        let access = self.request.key_permissions();
        let granted = policy.principals_with_access(&key.arn, &access);
        let (mut principals, mut missing) = (BTreeSet::new(), BTreeSet::new());
        let mut required = BTreeSet::new();
        for principal in launches.iter().flat_map(|launch| &launch.principals) {
            principals.insert(principal.clone());
            if let Some(named) = PolicyPrincipal::of(principal) {
                if !granted.contains(&named) {
                    missing.insert(principal.clone());
                }
                required.insert(named);
            }
        }

        // 2. The new policy, unless all have access.
        let change = self.plan_policy_change(key, policy, &required, missing.len());

        // 3. What else in the policy prevents access, or makes it too wide.
        if access.scope == KeyScope::ViaEc2 {
            self.check_wider_access(key, policy, &required);
        }
        if !missing.is_empty() {
            self.check_other_tools(key, policy);
            if access.scope == KeyScope::Direct {
                self.check_other_users(key, policy);
            }
        }

        let elsewhere = &self.request.options.listed_elsewhere;
        let listed = self.targets.union(elsewhere);
        let listed = listed.filter_map(PolicyPrincipal::of);
        let unlisted = &granted - &listed.collect();
        Some(KeyAccess {
            key: key.arn.clone(),
            access,
            principals,
            missing,
            unlisted,
            policy: change,
        })
    }

    /// The policy of a key. Targets must not see an image whose key they cannot use (P1), so a
    /// policy that was not read, or is none, refuses the plan.
    fn readable_policy<'k>(&mut self, key: &'k Key) -> Option<&'k KeyPolicy> {
        match &key.policy {
            Some(Ok(policy)) => return Some(policy),
            Some(Err(problem)) => self.refuse_unreadable(&key.arn, problem),
            None => self.refuse_unreadable(&key.arn, "it was not read"),
        }
        None
    }

    /// The policy with access for these principals, of which some lack it.
    fn plan_policy_change(
        &mut self,
        key: &Key,
        policy: &KeyPolicy,
        principals: &BTreeSet<PolicyPrincipal>,
        missing: usize,
    ) -> Option<PolicyChange> {
        let access = self.request.key_permissions();
        let taken = policy.taken_sids(&key.arn, &access);
        if !taken.is_empty() {
            let message = format!(
                "the key policy has a statement named {} that this tool did not write",
                taken.join(", ")
            );
            self.refuse(FindingCode::KeySidTaken, &key.arn, message);
            return None;
        }
        if missing == 0 {
            return None;
        }
        let after = self.request.writable_policy(policy);
        let after = after.with_access(&key.arn, &access, principals).ok()?;
        self.check_policy_size(key, missing, after.size());
        Some(PolicyChange {
            before: policy.text(),
            after: after.text(),
        })
    }

    pub(super) fn refuse_unreadable(&mut self, key: &KeyArn, problem: &str) {
        let message =
            format!("the key policy could not be read as one, so it is not touched: {problem}");
        self.refuse(FindingCode::KeyPolicyUnreadable, key, message);
    }
}

/// The images that need each key.
fn launches_by_key(launches: &[LaunchPermission]) -> BTreeMap<&KeyArn, Vec<&LaunchPermission>> {
    let mut by_key: BTreeMap<&KeyArn, Vec<&LaunchPermission>> = BTreeMap::new();
    for launch in launches {
        for key in &launch.keys {
            by_key.entry(key).or_default().push(launch);
        }
    }
    by_key
}

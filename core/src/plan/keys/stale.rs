//! Principals of a key policy that were deleted. KMS replaces them by their unique IDs, and refuses
//! a policy that contains such an ID when it is written back (R3.2.6).

use std::collections::BTreeMap;

use crate::diagnostic::FindingCode;
use crate::id::KeyArn;
use crate::inventory::Key;
use crate::plan::planner::Planner;
use crate::plan::share::ShareSteps;
use crate::plan::step::{ReclaimAccess, RemoveKeyAccess, Step};
use crate::policy::key_policy::KeyPolicy;

impl Planner<'_> {
    /// Checks the policy of each key that a share gives access to: whatever writes it would fail,
    /// also the end of temporary access and the removal of what is not listed.
    pub(in crate::plan) fn check_stale_principals_of_share(
        &mut self,
        steps: &ShareSteps,
        reclaims: &[ReclaimAccess],
        removals: &[Step],
    ) {
        let mut written: BTreeMap<&KeyArn, bool> = BTreeMap::new();
        let mut add = |key, writes| *written.entry(key).or_default() |= writes;
        for access in &steps.key_accesses {
            add(&access.key, !access.missing.is_empty());
        }
        for (key, access) in reclaims.iter().flat_map(|reclaim| &reclaim.keys) {
            if access.writes_policy {
                add(key, true);
            }
        }
        for removal in removals {
            if let Step::RemoveKeyAccess(remove) = removal
                && remove.policy.is_some()
            {
                add(&remove.key, true);
            }
        }
        for (key, writes) in written {
            self.check_stale_principals_of(key, writes);
        }
    }

    /// The same for a revoke.
    pub(in crate::plan) fn check_stale_principals_of_removals(
        &mut self,
        removals: &[RemoveKeyAccess],
    ) {
        for remove in removals {
            if remove.policy.is_some() {
                self.check_stale_principals_of(&remove.key, true);
            }
        }
    }

    fn check_stale_principals_of(&mut self, key: &KeyArn, must_write: bool) {
        if let Some(key) = self.inventory.key(key)
            && let Some(policy) = key.readable_policy()
        {
            self.check_stale_principals(key, policy, must_write);
        }
    }

    fn check_stale_principals(&mut self, key: &Key, policy: &KeyPolicy, must_write: bool) {
        let stale = policy.stale_principals();
        if stale.is_empty() {
            return;
        }
        let mut named = Vec::new();
        for (statement, ids) in stale {
            named.push(format!("statement {statement}: {}", ids.join(", ")));
        }
        let mut message = format!(
            "the key policy names principals that no longer exist ({}), and KMS refuses a policy \
             that is written back with them",
            named.join("; ")
        );
        let code = FindingCode::KeyStalePrincipal;
        if !must_write {
            self.warn(code, &key.arn, message);
            return;
        }
        if !self.request.options.drop_stale_principals {
            self.refuse(code, &key.arn, message);
            return;
        }
        match policy.without_stale_principals() {
            Ok(_) => {
                message.push_str("; this run removes them");
                self.warn(code, &key.arn, message);
            }
            Err(statement) => {
                let why = format!(
                    "; the statement {statement} spares nobody else, so it must be changed by hand"
                );
                message.push_str(&why);
                self.refuse(code, &key.arn, message);
            }
        }
    }
}

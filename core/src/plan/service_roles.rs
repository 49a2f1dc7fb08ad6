//! Grants for service-linked roles in targets, by which services such as Auto Scaling launch.

use std::collections::BTreeSet;

use super::own_grant::OwnGrant;
use super::planner::{Planner, ShareSteps};
use super::step::ServiceRole;
use crate::diagnostic::FindingCode;
use crate::id::{AccountId, KeyArn};
use crate::inventory::{Key, Target};
use crate::policy::evaluate::Caller;
use crate::policy::launch_operations::{use_and_grant_actions, volume_key_actions};
use crate::request::KeyAccessMode;

impl Planner<'_> {
    /// The grants on a key of the source account, or of the target's own: one for each role, as a
    /// service can have several (R7.29), unless the key policy suffices.
    pub(super) fn plan_service_roles(
        &mut self,
        account: &AccountId,
        target: &Target,
        arn: &KeyArn,
    ) -> Vec<ServiceRole> {
        let Some(key) = self.inventory.key(arn).or_else(|| target.key(arn)) else {
            return Vec::new();
        };
        // Each service may use the AWS managed keys of its own account.
        if key.aws_managed {
            return Vec::new();
        }
        let parent = self.missing_parent_grant(account, target, key);
        let actions = actions_on(target, arn);
        let mut planned = Vec::new();
        for (service, roles) in &target.services {
            let mut step = ServiceRole {
                account: account.clone(),
                service: service.clone(),
                role: None,
                key: arn.clone(),
                in_effect: false,
                grant: None,
                parent: parent.clone(),
            };
            if roles.is_empty() {
                planned.push(step);
                continue;
            }
            for role in roles {
                let caller = Caller {
                    account: account.clone(),
                    arn: role.clone(),
                };
                if key.policy_suffices(&caller, &actions) {
                    continue;
                }
                let grant = OwnGrant::for_service_role(account, service, role);
                self.check_grant_names(key, &grant);
                step.role = Some(role.clone());
                step.in_effect = grant.exists_in(key.known_grants());
                step.grant = Some(grant.free_name(key.known_grants()));
                planned.push(step.clone());
            }
        }
        self.check_unread_policy(key, &planned);
        planned
    }

    /// Warns of grants that are made because a policy which may make them needless was not read.
    fn check_unread_policy(&mut self, key: &Key, planned: &[ServiceRole]) {
        if self.inventory.key(&key.arn).is_none()
            && planned.iter().any(|step| !step.in_effect)
            && let Some(Err(problem)) = &key.policy
        {
            let message = format!(
                "whether the key policy lets the service-linked roles use this key is not known, \
                 so each gets a grant: {problem}"
            );
            self.warn(FindingCode::KeyPolicyUnread, &key.arn, message);
        }
    }

    /// The name of the grant that a target needs first, since it passes on no more than it has
    /// (R3.3.9): `None` if it exists, or if a statement of the key policy takes its place.
    fn missing_parent_grant(
        &mut self,
        account: &AccountId,
        target: &Target,
        key: &Key,
    ) -> Option<String> {
        let by_grants = self.request.options.key_access == KeyAccessMode::Grants;
        if !by_grants || target.services.is_empty() || self.inventory.key(&key.arn).is_none() {
            return None;
        }
        let grant = OwnGrant::parent(&key.arn, account);
        self.check_grant_names(key, &grant);
        let exists = grant.exists_in(key.known_grants());
        (!exists).then(|| grant.free_name(key.known_grants()))
    }
}

/// What a launch asks of a key: all, or of the key of new volumes what is asked of that.
fn actions_on(target: &Target, key: &KeyArn) -> Vec<&'static str> {
    let region = target.regions.get(key.region());
    let volumes = region.and_then(|region| region.volume_key.as_ref());
    match volumes {
        Some(volumes) if &volumes.key == key => volume_key_actions(),
        _ => use_and_grant_actions(),
    }
}

/// The keys that launches of services in a target meet: these, and the key of new volumes wherever
/// a shared image is launched (R4.2).
pub(super) fn keys_of_service_roles<'a>(
    steps: &ShareSteps,
    target: &'a Target,
    mut keys: BTreeSet<&'a KeyArn>,
) -> BTreeSet<&'a KeyArn> {
    for launch in &steps.launches {
        let region = target.regions.get(&launch.shared.region);
        if let Some(volumes) = region.and_then(|region| region.volume_key.as_ref())
            && (volumes.by_default || !launch.keys.is_empty())
        {
            keys.insert(&volumes.key);
        }
    }
    keys
}

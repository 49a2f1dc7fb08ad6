//! Grants for service-linked roles in targets, by which services such as Auto Scaling launch.

use std::collections::BTreeSet;

use super::own_grant::OwnGrant;
use super::planner::Planner;
use super::share::ShareSteps;
use super::step::{LaunchPermission, ServiceRole};
use crate::diagnostic::names::first_names;
use crate::diagnostic::{Error, Finding, FindingCode};
use crate::id::{AccountId, KeyArn};
use crate::inventory::{Image, Key, RegionInventory, Target, VolumeKey};
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
        let actions = self.actions_on(target, arn);
        let unread = unread_grants(target, arn);
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
                match unread {
                    Some(error) => self.warn_of_unread_grants(arn, service, error),
                    None => planned.push(step),
                }
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
                if let Some(error) = unread {
                    self.warn_of_unread_grants(arn, role, error);
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

    /// Warns of a role that gets no grant on a key, since which grants that has is not known.
    fn warn_of_unread_grants(&mut self, key: &KeyArn, role: &str, error: &Error) {
        let message = format!(
            "which grants this key of new volumes has could not be read, so {role} gets none on it \
             and may be unable to launch: {}",
            error.without_remedy()
        );
        self.warn_of_unread_key(key, message, error);
    }

    /// Warns of roles that get no grant on the key of new volumes, since which key that is could
    /// not be read.
    pub(super) fn check_unread_volume_keys(
        &mut self,
        account: &AccountId,
        target: &Target,
        steps: &ShareSteps,
    ) {
        let launches = steps.launches.iter();
        let regions: BTreeSet<_> = launches.map(|launch| &launch.shared.region).collect();
        for name in regions {
            let region = target.regions.get(name);
            let Some(Err(error)) = region.and_then(|region| region.volume_key.as_ref()) else {
                continue;
            };
            let mut roles = BTreeSet::new();
            for (service, of_service) in &target.services {
                roles.extend(of_service);
                if of_service.is_empty() {
                    roles.insert(service);
                }
            }
            let message = format!(
                "under which key new volumes of this target come in {name} could not be read, so \
                 {} gets no grant on that key and may be unable to launch: {}",
                first_names(roles),
                error.without_remedy()
            );
            self.warn_of_unread_key(account, message, error);
        }
    }

    fn warn_of_unread_key(&mut self, resource: impl ToString, message: String, error: &Error) {
        let mut finding = Finding::warn(FindingCode::TargetKeyUnread, resource, message);
        finding.remedy = format!("{}. Then run again", error.remedy);
        self.add(finding);
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

    /// What a launch asks of a key: all, or of one that only new volumes are under what is asked of
    /// that.
    fn actions_on(&self, target: &Target, key: &KeyArn) -> Vec<&'static str> {
        let of_target = target.regions.get(key.region()).is_some_and(|region| {
            let volumes = region.known_volume_key();
            volumes.is_some_and(|volumes| &volumes.key == key)
                && region.destination_key.as_ref() != Some(key)
        });
        if of_target && self.inventory.key(key).is_none() {
            volume_key_actions()
        } else {
            use_and_grant_actions()
        }
    }

    /// The keys that launches of services in a target meet: these, and the key of new volumes
    /// wherever some come under it.
    pub(super) fn keys_of_service_roles<'k>(
        &self,
        steps: &'k ShareSteps,
        target: &'k Target,
        mut keys: BTreeSet<&'k KeyArn>,
    ) -> BTreeSet<&'k KeyArn> {
        for launch in &steps.launches {
            let region = target.regions.get(&launch.shared.region);
            if let Some(volumes) = region.and_then(RegionInventory::known_volume_key)
                && self.meets_volume_key(launch, volumes)
            {
                keys.insert(&volumes.key);
            }
        }
        keys
    }

    /// Whether the launch of an image in a target makes volumes under the key of new volumes: those
    /// of a shared image (R4.2), and of any image those that are made of no snapshot.
    fn meets_volume_key(&self, launch: &LaunchPermission, volumes: &VolumeKey) -> bool {
        let source = self.inventory.source(&launch.shared.source);
        let shared = self.existing_image(&launch.shared);
        let mut images = source.into_iter().chain(shared);
        if images.any(Image::makes_encrypted_volumes) {
            return true;
        }
        let copies = self.request.options.in_targets.copies();
        !copies && (volumes.by_default || !launch.keys.is_empty())
    }
}

/// Why the grants of a target's key are not known, if they are not.
fn unread_grants<'t>(target: &'t Target, key: &KeyArn) -> Option<&'t Error> {
    let volumes = target.regions.get(key.region())?.known_volume_key()?;
    let unread = volumes.unread_grants.as_ref();
    unread.filter(|_| &volumes.key == key)
}

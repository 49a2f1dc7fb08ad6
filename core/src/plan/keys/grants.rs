//! Access to keys by grants: one for each image and account.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::FindingCode;
use crate::id::{KeyArn, Principal};
use crate::inventory::Key;
use crate::limits::GRANTS_PER_KEY;
use crate::plan::names::ImageGrantName;
use crate::plan::own_grant::OwnGrant;
use crate::plan::planner::Planner;
use crate::plan::step::{Grants, LaunchPermission, Step};

impl Planner<'_> {
    /// Grants for each image under the key.
    pub(super) fn plan_grants(&mut self, key: &Key, launches: &[&LaunchPermission]) -> Vec<Grants> {
        let mut planned = Vec::new();
        let mut missing = 0;
        for launch in launches {
            let grants = self.plan_image_grants(key, launch);
            missing += grants.missing.len();
            planned.push(grants);
        }
        if missing > 0
            && let Some(policy) = key.readable_policy()
        {
            self.check_other_users(key, policy);
        }
        planned
    }

    /// Warns of keys that would have more grants than the quota (R3.3.5): those for images, those
    /// for service-linked roles, and those by which targets pass on what they have.
    pub(in crate::plan) fn check_grant_counts(&mut self, grants: &[Grants], roles: &[Step]) {
        let mut missing: BTreeMap<&KeyArn, usize> = BTreeMap::new();
        let mut parents = BTreeSet::new();
        for grants in grants {
            *missing.entry(&grants.key).or_default() += grants.missing.len();
        }
        for step in roles {
            let Step::ServiceRole(role) = step else {
                continue;
            };
            // A target has one for all of its roles.
            let parent = role.parent.as_ref().filter(|_| !role.in_effect);
            let is_first = parent.is_some_and(|parent| parents.insert((&role.key, parent)));
            let more = usize::from(!role.in_effect) + usize::from(is_first);
            *missing.entry(&role.key).or_default() += more;
        }
        for (key, missing) in missing {
            let existing = self.count_grants(key);
            if missing > 0 && existing + missing > GRANTS_PER_KEY {
                let message = format!(
                    "the key has {existing} grants, {missing} more are needed, and KMS allows \
                     {GRANTS_PER_KEY} unless AWS has raised the quota"
                );
                self.warn(FindingCode::GrantsTooMany, key, message);
            }
        }
    }

    /// The grants of a key of the source account, or of a target.
    fn count_grants(&self, arn: &KeyArn) -> usize {
        let targets = self.inventory.reached_targets();
        let mut of_targets = targets.filter_map(|(_, target)| target.key(arn));
        let key = self.inventory.key(arn).or_else(|| of_targets.next());
        key.map_or(0, |key| key.known_grants().len())
    }

    /// The grants of accounts for one image.
    fn plan_image_grants(&mut self, key: &Key, launch: &LaunchPermission) -> Grants {
        let shared = &launch.shared;
        let mut accounts = BTreeSet::new();
        let (mut missing, mut names) = (BTreeSet::new(), BTreeMap::new());
        // A grant takes no organization, so its accounts get one each.
        let principals = &launch.principals | &self.request.covered_accounts();
        for account in principals.iter().filter_map(Principal::account) {
            accounts.insert(account.clone());
            let Some(image) = &shared.image else {
                missing.insert(account.clone());
                continue;
            };
            let name = ImageGrantName {
                source: Some(self.inventory.account.clone()),
                region: shared.region.clone(),
                image: image.clone(),
                account: account.clone(),
            };
            let grant = OwnGrant::for_image(&key.arn, name);
            self.check_grant_names(key, &grant);
            if !grant.exists_in(key.known_grants()) {
                missing.insert(account.clone());
                names.insert(account.clone(), grant.free_name(key.known_grants()));
            }
        }
        Grants {
            key: key.arn.clone(),
            shared: shared.clone(),
            accounts,
            missing,
            names,
        }
    }

    /// Warns of grants that have the name of one of this tool and do something else: others made
    /// them.
    pub(in crate::plan) fn check_grant_names(&mut self, key: &Key, grant: &OwnGrant) {
        for (id, wrong) in grant.wrong_in(key.known_grants()) {
            let message = format!(
                "the grant {id} has the name of a grant of this tool and is none: {wrong}; it \
                 counts for nothing, and this tool makes its own beside it"
            );
            self.warn(FindingCode::GrantsNameTaken, &key.arn, message);
        }
    }
}

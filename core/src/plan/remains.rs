//! What a revoke says stays, as data: beside other groups of the run it may not stay at all.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use super::step::RemoveKeyAccess;
use crate::diagnostic::Finding;
use crate::id::{AmiId, KeyArn, Principal, SourceImage};
use crate::policy::key_policy::PolicyPrincipal;

pub(super) use words::describe;
pub(crate) use words::{copy_still_shared, image_shared_again, image_still_shared};

/// Something that stays because the plan that says so does not remove it.
#[derive(Clone, Debug)]
pub(crate) enum Remains {
    /// A copy, because these can still launch it or use its snapshots.
    Copy {
        copy: AmiId,
        source: SourceImage,
        with: BTreeSet<Principal>,
    },
    /// An image that only a tag calls a copy, as the finding says.
    NotOurs(AmiId, Finding),
    /// Launch permission of an image for more than accounts.
    Launchers(AmiId, BTreeSet<Principal>),
    /// Statements of this tool in a policy that the plan does not change.
    Statements(KeyArn, BTreeSet<PolicyPrincipal>),
    /// What a policy that was not read gives these, and why it was not.
    Policy(KeyArn, BTreeSet<PolicyPrincipal>, String),
    /// What grants that were not read give these.
    UnreadGrants(KeyArn, BTreeSet<PolicyPrincipal>),
    /// Grants, by their IDs, by which a principal can use a key.
    Grants(KeyArn, PolicyPrincipal, BTreeSet<String>),
}

/// What the groups of a run remove, all together.
pub(super) struct Removed<'a> {
    permissions: BTreeMap<&'a AmiId, BTreeSet<&'a Principal>>,
    copies: BTreeSet<&'a AmiId>,
    keys: BTreeMap<&'a KeyArn, Vec<&'a RemoveKeyAccess>>,
}

impl Remains {
    /// What stays of it beside all that is removed; `None` if nothing does.
    pub(super) fn beside(mut self, removed: &Removed<'_>) -> Option<Self> {
        let stays = match &mut self {
            Self::Copy { copy, with, .. } => {
                removed.retain_launchers(copy, with);
                !removed.copies.contains(&*copy)
            }
            Self::NotOurs(image, _) => !removed.permissions.contains_key(&*image),
            Self::Launchers(image, with) => {
                removed.retain_launchers(image, with);
                !with.is_empty()
            }
            Self::Statements(key, principals) => {
                removed.retain_principals(key, principals, |step, principal| {
                    step.principals.contains(principal)
                })
            }
            Self::Policy(key, principals, _) => {
                removed.retain_principals(key, principals, |step, principal| {
                    step.reads.policy && step.revokes_from(principal)
                })
            }
            Self::UnreadGrants(key, principals) => {
                removed.retain_principals(key, principals, |step, principal| {
                    step.reads.grants && step.revokes_from(principal)
                })
            }
            Self::Grants(key, _, grants) => {
                let steps = removed.keys.get(&*key);
                grants.retain(|id| {
                    let mut steps = steps.into_iter().flatten();
                    !steps.any(|step| step.grants.contains_key(id))
                });
                !grants.is_empty()
            }
        };
        stays.then_some(self)
    }
}

impl<'a> Removed<'a> {
    pub(super) fn by(plans: impl Iterator<Item = &'a Plan>) -> Self {
        let mut removed = Self {
            permissions: BTreeMap::new(),
            copies: BTreeSet::new(),
            keys: BTreeMap::new(),
        };
        for plan in plans {
            for remove in plan.permission_removals() {
                let of_image = removed.permissions.entry(&remove.image).or_default();
                of_image.extend(&remove.principals);
                of_image.extend(remove.snapshots.values().flatten());
            }
            removed
                .copies
                .extend(plan.copy_removals().map(|it| &it.image));
            for remove in plan.key_access_removals() {
                removed.keys.entry(&remove.key).or_default().push(remove);
            }
        }
        removed
    }

    /// Keeps those who have permissions of an image that nobody removes.
    fn retain_launchers(&self, image: &AmiId, launchers: &mut BTreeSet<Principal>) {
        if let Some(losing) = self.permissions.get(image) {
            launchers.retain(|principal| !losing.contains(principal));
        }
    }

    /// Keeps those of whom no step for the key is `about`; returns whether any are left.
    fn retain_principals(
        &self,
        key: &KeyArn,
        principals: &mut BTreeSet<PolicyPrincipal>,
        about: fn(&RemoveKeyAccess, &PolicyPrincipal) -> bool,
    ) -> bool {
        let steps = self.keys.get(key);
        principals.retain(|principal| {
            let mut steps = steps.into_iter().flatten();
            !steps.any(|step| about(step, principal))
        });
        !principals.is_empty()
    }
}

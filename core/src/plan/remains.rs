//! What a revoke says stays, as data: beside other groups of the run it may not stay at all.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use super::planner::Planner;
use super::removals::{copy_still_shared, image_still_shared};
use super::step::RemoveKeyAccess;
use crate::diagnostic::names::first_names;
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AmiId, KeyArn, Principal, SourceImage};
use crate::policy::key_policy::PolicyPrincipal;

const OTHER_WAY: FindingCode = FindingCode::RevokeOtherWay;

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

impl Planner<'_> {
    /// Says what stays.
    pub(super) fn say_remains(&mut self, remains: Remains) {
        self.add(remains.finding());
        self.remains.push(remains);
    }
}

impl Remains {
    /// The finding that says it.
    pub(super) fn finding(&self) -> Finding {
        let (resource, message) = match self {
            Self::Copy { copy, source, with } => {
                return if with.is_empty() {
                    copy_kept_for_now(copy, source)
                } else {
                    copy_still_shared(copy, source, with)
                };
            }
            Self::NotOurs(_, finding) => return finding.clone(),
            Self::Launchers(image, with) => return image_still_shared(image, with),
            Self::Statements(key, principals) => (
                key,
                format!(
                    "statements that an earlier run wrote still let {} use the key, and with this \
                     `key-access` they stay: `mode: revoke` with `key-access` `policy` removes \
                     them",
                    first_names(principals)
                ),
            ),
            Self::Policy(key, principals, problem) => (
                key,
                format!(
                    "whether the key policy lets {} use the key too is unknown: {problem}",
                    first_names(principals)
                ),
            ),
            Self::UnreadGrants(key, principals) => (
                key,
                format!(
                    "whether grants let {} use the key too is unknown: they could not be read",
                    first_names(principals)
                ),
            ),
            Self::Grants(key, principal, grants) => {
                let who = describe(principal);
                let grants = first_names(grants);
                (
                    key,
                    format!(
                        "{who} can use the key by grants that this run does not revoke, or may do \
                         so: {grants}"
                    ),
                )
            }
        };
        Finding::warn(OTHER_WAY, resource, message)
    }

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

/// A copy that all its users lose in this run, each by another group.
fn copy_kept_for_now(copy: &AmiId, source: &SourceImage) -> Finding {
    let message = format!(
        "this copy of {source} is kept although nobody has access to it after this run: those who \
         have it are targets of several groups, each of which takes it from its own only"
    );
    let mut finding = Finding::warn(FindingCode::CopyStillShared, copy, message);
    "run again: the next run removes the copy".clone_into(&mut finding.remedy);
    finding
}

pub(super) fn describe(principal: &PolicyPrincipal) -> String {
    match principal {
        PolicyPrincipal::Account(account) => format!("account {account}"),
        PolicyPrincipal::Organization(text) | PolicyPrincipal::Unit(text) => text.clone(),
    }
}

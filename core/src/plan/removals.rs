//! What is taken back, from whom, and what must stay because something else needs it.

use std::collections::{BTreeMap, BTreeSet};

use super::key_use::{in_use, needs, still_used, unseen_use};
use super::names::{grant_name, inline_policy_name, parent_grant_name};
use super::step::removal::{Removal, RemoveCopy, RemoveKeyAccess, RemovePermissions};
use super::step::target::RemoveRolePolicy;
use super::step::{LaunchPermission, PolicyChange, Step};
use super::temporary::end_loan;
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AmiId, KeyArn, Principal, Region, SourceImage};
use crate::inventory::{Grant, Image, Inventory, Key, RegionInventory};
use crate::plan::adopt;
use crate::policy::key_policy::PolicyPrincipal;
use crate::request::{Revoke, ShareRequest};

/// `mode: revoke`: of each image and of the copies that this tool made of it.
pub(super) fn revoke(
    request: &ShareRequest,
    inventory: &Inventory,
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let options = request.options.revoke.unwrap_or_default();
    let targets = super::targets(request, &inventory.account);
    let whom = if options.all {
        Removal::Everybody
    } else {
        Removal::These(targets)
    };
    let (mut permissions, mut copies) = (Vec::new(), Vec::new());
    for source in &request.images {
        for there in inventory.regions.values() {
            let own = there
                .images
                .get(&source.ami)
                .filter(|_| source.region == there.location.region);
            permissions.extend(own.map(|image| remove_permissions(there, source, image, &whom)));
            for copy in there
                .copies
                .iter()
                .filter(|copy| adopt::is_copy_of(copy, source, &there.location))
            {
                let removed = remove_permissions(there, source, copy, &whom);
                if options.copies {
                    copies.extend(remove_copy(there, &removed, findings));
                }
                permissions.push(removed);
            }
        }
    }
    let keys = keys(inventory, &permissions, &whom, options, findings);
    let roles = role_policies(request, inventory, &keys);
    let loans = loans(inventory, &permissions);
    // By its copy the key is found again, once what is under it is gone.
    let in_use = |key: &KeyArn| {
        keys.iter().any(|step| matches!(step, Step::RemoveKeyAccess(of) if &of.key == key && !of.in_use.is_empty()))
    };
    let spared: BTreeSet<AmiId> = permissions
        .iter()
        .filter(|removed| removed.keys.iter().any(in_use))
        .map(|removed| removed.image.clone())
        .collect();
    let copies: Vec<RemoveCopy> = copies
        .into_iter()
        .filter(|copy| !spared.contains(&copy.image))
        .collect();
    let permissions = permissions.into_iter().map(Step::RemovePermissions);
    let copies = copies.into_iter().map(Step::RemoveCopy);
    permissions
        .chain(keys)
        .chain(loans)
        .chain(roles)
        .chain(copies)
        .collect()
}

/// What is taken back is lent no more.
fn loans(inventory: &Inventory, permissions: &[RemovePermissions]) -> Vec<Step> {
    let ended = permissions.iter().filter_map(|remove| {
        let there = inventory.regions.get(&remove.region)?;
        end_loan(there, there.image(&remove.image)?, |account| {
            remove.whom.takes(&Principal::Account(account.clone()))
        })
    });
    ended.map(Step::ForgetTemporaryAccess).collect()
}

/// What lets roles in targets launch with the keys that their accounts lose.
fn role_policies(request: &ShareRequest, inventory: &Inventory, keys: &[Step]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (account, target) in super::targets::reached(inventory) {
        let holder = PolicyPrincipal::Account(account.clone());
        let (lost, kept): (Vec<_>, Vec<_>) = keys
            .iter()
            .filter_map(|step| match step {
                Step::RemoveKeyAccess(remove) => Some(remove),
                _ => None,
            })
            .partition(|remove| remove.takes(&holder));
        for (role, policies) in &target.roles {
            let Some(policies) = policies else { continue };
            let of = |policy: String, managed, key: Option<&KeyArn>| {
                let (account, role, key) = (account.clone(), role.clone(), key.cloned());
                Step::RemoveRolePolicy(RemoveRolePolicy {
                    account,
                    role,
                    policy,
                    managed,
                    key,
                })
            };
            if let Some(managed) = &request.options.target_options.launch_policy {
                let arn = lost
                    .first()
                    .map(|remove| managed.in_account(remove.key.region().partition(), account));
                let arn = arn.filter(|arn| kept.is_empty() && policies.attached.contains(arn));
                steps.extend(arn.map(|arn| of(arn, true, None)));
                continue;
            }
            let inline = lost
                .iter()
                .map(|remove| (&remove.key, inline_policy_name(&remove.key)));
            steps.extend(
                inline
                    .filter(|(_, name)| policies.inline.contains_key(name))
                    .map(|(key, name)| of(name, false, Some(key))),
            );
        }
    }
    steps
}

/// `unlisted: revoke`: from whoever can launch the shared images, or use their keys by statements
/// of ours, unasked.
pub(super) fn unlisted(
    request: &ShareRequest,
    inventory: &Inventory,
    launches: &[LaunchPermission],
    targets: &BTreeSet<Principal>,
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let mut listed = targets.clone();
    listed.insert(Principal::Account(inventory.account.clone()));
    let whom = Removal::AllBut(listed);
    let mut permissions = Vec::new();
    for launch in launches {
        let Some(there) = inventory.regions.get(&launch.shared.region) else {
            continue;
        };
        let Some(id) = launch.shared.image.as_ref() else {
            continue;
        };
        let image = there
            .images
            .get(id)
            .or_else(|| there.copies.iter().find(|copy| &copy.id == id));
        permissions.extend(
            image.map(|image| remove_permissions(there, &launch.shared.source, image, &whom)),
        );
    }
    let revoke = request.options.revoke.unwrap_or_default();
    let keys = keys(inventory, &permissions, &whom, revoke, findings);
    let loans = loans(inventory, &permissions);
    permissions
        .into_iter()
        .map(Step::RemovePermissions)
        .chain(keys)
        .chain(loans)
        .collect()
}

fn remove_permissions(
    there: &RegionInventory,
    source: &SourceImage,
    image: &Image,
    whom: &Removal,
) -> RemovePermissions {
    let of = |held: Option<&BTreeSet<Principal>>| -> BTreeSet<Principal> {
        held.into_iter()
            .flatten()
            .filter(|principal| whom.takes(principal))
            .cloned()
            .collect()
    };
    let snapshots = image
        .snapshots()
        .map(|id| (id.clone(), of(there.snapshot_permissions.get(id))));
    RemovePermissions {
        source: source.clone(),
        region: there.location.region.clone(),
        image: image.id.clone(),
        keys: there.keys_of(image),
        whom: whom.clone(),
        principals: of(there.launch_permissions.get(&image.id)),
        snapshots: snapshots
            .filter(|(id, _)| there.snapshot_permissions.contains_key(id))
            .collect(),
    }
}

fn remove_copy(
    there: &RegionInventory,
    removed: &RemovePermissions,
    findings: &mut Vec<Finding>,
) -> Option<RemoveCopy> {
    let held = there
        .launch_permissions
        .get(&removed.image)
        .cloned()
        .unwrap_or_default();
    let others: BTreeSet<Principal> = held.difference(&removed.principals).cloned().collect();
    if !others.is_empty() {
        findings.push(still_shared(&removed.image, &removed.source, &others));
        return None;
    }
    Some(RemoveCopy {
        source: removed.source.clone(),
        region: removed.region.clone(),
        image: removed.image.clone(),
    })
}

pub(crate) fn still_shared(
    copy: &AmiId,
    source: &SourceImage,
    with: &BTreeSet<Principal>,
) -> Finding {
    let names: Vec<String> = with.iter().map(ToString::to_string).collect();
    let message = format!(
        "this copy of {source} is still shared with {}, so it is kept",
        names.join(", ")
    );
    Finding::warn(FindingCode::CopyStillShared, copy, message)
}

/// Access to the keys of the images.
fn keys(
    inventory: &Inventory,
    permissions: &[RemovePermissions],
    whom: &Removal,
    revoke: Revoke,
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let mut images: BTreeMap<&KeyArn, Vec<&RemovePermissions>> = BTreeMap::new();
    for permission in permissions {
        for key in &permission.keys {
            images.entry(key).or_default().push(permission);
        }
    }
    let mut steps = Vec::new();
    for (arn, images) in images {
        let there = inventory.regions.get(arn.region());
        let Some((there, key)) = there.and_then(|there| Some((there, there.keys.get(arn)?))) else {
            continue;
        };
        // An AWS managed key, or one of another account, gave nobody anything.
        if key.policy.is_some() || key.grants.is_some() {
            let remove =
                remove_key_access(inventory, (there, key), &images, whom, revoke, findings);
            steps.push(Step::RemoveKeyAccess(remove));
        }
    }
    steps
}

fn remove_key_access(
    inventory: &Inventory,
    (there, key): (&RegionInventory, &Key),
    images: &[&RemovePermissions],
    whom: &Removal,
    revoke: Revoke,
    findings: &mut Vec<Finding>,
) -> RemoveKeyAccess {
    let policy = key.readable_policy();
    let grants: &[Grant] = key.grants.as_deref().unwrap_or_default();
    let named = key.named();
    let images = images
        .iter()
        .map(|image| (image.region.clone(), image.image.clone()))
        .collect();
    let mut remove = RemoveKeyAccess::from(
        key.arn.clone(),
        whom.clone(),
        images,
        (policy.is_some(), key.grants.is_some()),
    );
    remove.forced = revoke.keys_in_use;
    let held = |those: &dyn Fn(&Grant) -> bool| -> BTreeSet<PolicyPrincipal> {
        grants
            .iter()
            .filter(|grant| those(grant))
            .filter_map(Grant::account)
            .map(PolicyPrincipal::Account)
            .collect()
    };
    let mut has: BTreeSet<PolicyPrincipal> = named
        .iter()
        .filter(|holder| whom.takes_holder(holder))
        .cloned()
        .collect();
    has.extend(held(&|grant| remove.is_ours(grant)));
    // Whoever has another grant that is enough for a volume needs neither.
    let ending = remove.ending(grants);
    let others = held(&|grant| !ending.contains_key(&grant.id) && grant.is_enough());
    let mut losing = has.clone();
    if let Removal::These(principals) = whom {
        losing.extend(principals.iter().filter_map(PolicyPrincipal::of));
    }
    if !revoke.keys_in_use {
        let mut unspared = Vec::new();
        for holder in &losing {
            let needs = there
                .others
                .iter()
                .find(|other| other.keys.contains(&key.arn) && needs(other, holder));
            if let Some(other) = needs {
                remove.kept.insert(holder.clone());
                findings.extend(
                    named
                        .contains(holder)
                        .then(|| still_used(&key.arn, holder, &other.id)),
                );
            }
            let loses = has.contains(holder)
                && !others.contains(holder)
                && !(needs.is_some() && named.contains(holder));
            match in_use(inventory, key, holder, whom).filter(|_| loses) {
                Some(how) => drop(remove.in_use.insert(holder.clone(), how)),
                None => unspared.extend(loses.then_some(holder)),
            }
        }
        findings.extend(unseen_use(inventory, &key.arn, unspared.into_iter()));
    }
    findings.extend(
        losing
            .iter()
            .filter(|holder| remove.takes(holder))
            .filter_map(|holder| other_way(key, holder)),
    );
    remove.holders = named
        .into_iter()
        .filter(|holder| remove.takes(holder))
        .collect();
    remove.grants = remove.ending(grants);
    remove.policy = policy
        .filter(|_| !remove.holders.is_empty())
        .and_then(|policy| {
            let after = policy.revoke(&key.arn, &remove.holders).ok()?;
            Some(PolicyChange {
                before: policy.text(),
                after: after.text(),
            })
        });
    remove
}

impl RemoveKeyAccess {
    /// What takes a key from some, whatever else is known of it.
    pub(crate) fn from(
        key: KeyArn,
        whom: Removal,
        images: BTreeSet<(Region, AmiId)>,
        reads: (bool, bool),
    ) -> Self {
        Self {
            key,
            whom,
            kept: BTreeSet::new(),
            in_use: BTreeMap::new(),
            holders: BTreeSet::new(),
            grants: BTreeMap::new(),
            policy: None,
            images,
            forced: false,
            reads,
        }
    }

    /// The grants that end, by their IDs, and who holds each: ours for the images, and those that
    /// whoever loses access has made and no AWS service holds.
    pub(crate) fn ending(&self, grants: &[Grant]) -> BTreeMap<String, String> {
        let issued_by_losers = |grant: &Grant| {
            let issuer = grant.issuer_account().map(PolicyPrincipal::Account);
            issuer.is_some_and(|issuer| {
                issuer != PolicyPrincipal::Account(self.key.account().clone())
                    && self.takes(&issuer)
            })
        };
        let ends = |grant: &&Grant| {
            self.is_ours(grant) || (issued_by_losers(grant) && !grant.is_held_by_a_service())
        };
        grants
            .iter()
            .filter(ends)
            .map(|grant| (grant.id.clone(), grant.grantee.clone()))
            .collect()
    }

    /// Whether this is a grant of ours for one of the images and somebody who loses access. What
    /// another image needs it has grants of its own for.
    fn is_ours(&self, grant: &Grant) -> bool {
        let Some(account) = grant.account() else {
            return false;
        };
        let holder = PolicyPrincipal::Account(account.clone());
        // What services' roles are given from goes with the use of the key as a whole.
        if grant.name == parent_grant_name(&account) {
            return self.takes(&holder);
        }
        self.whom.takes_holder(&holder)
            && !self.in_use.contains_key(&holder)
            && self
                .images
                .iter()
                .any(|(region, image)| grant.name == grant_name(region, image, &account))
    }
}

/// A statement that is not ours may let somebody use the key all the same.
fn other_way(key: &Key, holder: &PolicyPrincipal) -> Option<Finding> {
    let PolicyPrincipal::Account(account) = holder else {
        return None;
    };
    let sid = key.foreign_statement(account)?;
    Some(Finding::warn(
        FindingCode::RevokeOtherWay,
        &key.arn,
        format!("account {account} is named by another statement of the key policy too: {sid}"),
    ))
}

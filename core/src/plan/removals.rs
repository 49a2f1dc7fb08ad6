//! What is taken back, from whom, and what must stay because something else needs it.

use std::collections::{BTreeMap, BTreeSet};

use super::permissions::grant_name;
use super::step::{LaunchPermission, PolicyChange, RemoveCopy, RemoveKeyAccess, RemovePermissions, Step};
use crate::copy::adopt;
use crate::finding::{Finding, FindingCode};
use crate::id::{KeyArn, Principal, SourceImage};
use crate::inventory::{Grant, Image, Inventory, Key, RegionInventory};
use crate::key_policy::Holder;
use crate::request::{Revoke, ShareRequest};

/// From whom access is taken.
#[derive(Clone, Copy)]
enum From<'a> {
    Everybody,
    These(&'a BTreeSet<Principal>),
    /// Everybody but these.
    Others(&'a BTreeSet<Principal>),
}

impl From<'_> {
    fn takes(self, principal: &Principal) -> bool {
        match self {
            Self::Everybody => true,
            Self::These(principals) => principals.contains(principal),
            Self::Others(principals) => !principals.contains(principal),
        }
    }

    fn takes_holder(self, holder: &Holder) -> bool {
        let holds =
            |principals: &BTreeSet<Principal>| principals.iter().any(|p| Holder::of(p).as_ref() == Some(holder));
        match self {
            Self::Everybody => true,
            Self::These(principals) => holds(principals),
            Self::Others(principals) => !holds(principals),
        }
    }
}

/// `mode: revoke`: of each image and of the copies that this tool made of it.
pub(super) fn revoke(request: &ShareRequest, inventory: &Inventory, findings: &mut Vec<Finding>) -> Vec<Step> {
    let options = request.options.revoke.unwrap_or_default();
    let targets = super::targets(request, &inventory.account);
    let from = if options.all { From::Everybody } else { From::These(&targets) };
    let (mut permissions, mut copies) = (Vec::new(), Vec::new());
    for source in &request.images {
        for there in inventory.regions.values() {
            let own = there.images.get(&source.ami).filter(|_| source.region == there.place.region);
            permissions.extend(own.map(|image| remove_permissions(there, source, image, from)));
            for copy in there.copies.iter().filter(|copy| adopt::is_copy_of(copy, source, &there.place)) {
                let removed = remove_permissions(there, source, copy, from);
                if options.remove_copies {
                    copies.extend(remove_copy(there, &removed, findings));
                }
                permissions.push(removed);
            }
        }
    }
    let keys = keys(inventory, &permissions, from, options, findings);
    permissions.retain(|remove| !remove.principals.is_empty() || !remove.snapshots.is_empty());
    let permissions = permissions.into_iter().map(Step::RemovePermissions);
    permissions.chain(keys).chain(copies.into_iter().map(Step::RemoveCopy)).collect()
}

/// `unlisted: revoke`: from whoever can launch the shared images, or use their keys by statements of ours, unasked.
pub(super) fn unlisted(
    request: &ShareRequest,
    inventory: &Inventory,
    launches: &[LaunchPermission],
    targets: &BTreeSet<Principal>,
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let mut listed = targets.clone();
    listed.insert(Principal::Account(inventory.account.clone()));
    let from = From::Others(&listed);
    let mut permissions = Vec::new();
    for launch in launches {
        let Some(there) = inventory.regions.get(&launch.shared.region) else { continue };
        let Some(id) = launch.shared.existing() else { continue };
        let image = there.images.get(id).or_else(|| there.copies.iter().find(|copy| &copy.id == id));
        permissions.extend(image.map(|image| remove_permissions(there, &launch.shared.source, image, from)));
    }
    let revoke = request.options.revoke.unwrap_or_default();
    let keys = keys(inventory, &permissions, from, revoke, findings);
    permissions.retain(|remove| !remove.principals.is_empty() || !remove.snapshots.is_empty());
    permissions.into_iter().map(Step::RemovePermissions).chain(keys).collect()
}

fn remove_permissions(
    there: &RegionInventory,
    source: &SourceImage,
    image: &Image,
    from: From<'_>,
) -> RemovePermissions {
    let of = |held: Option<&BTreeSet<Principal>>| -> BTreeSet<Principal> {
        held.into_iter().flatten().filter(|principal| from.takes(principal)).cloned().collect()
    };
    let snapshots = image.snapshots().map(|id| (id.clone(), of(there.snapshot_permissions.get(id))));
    RemovePermissions {
        source: source.clone(),
        region: there.place.region.clone(),
        image: image.id.clone(),
        keys: there.keys_of(image),
        principals: of(there.launch_permissions.get(&image.id)),
        snapshots: snapshots.filter(|(_, principals)| !principals.is_empty()).collect(),
    }
}

fn remove_copy(
    there: &RegionInventory,
    removed: &RemovePermissions,
    findings: &mut Vec<Finding>,
) -> Option<RemoveCopy> {
    let held = there.launch_permissions.get(&removed.image).cloned().unwrap_or_default();
    let others: Vec<String> = held.difference(&removed.principals).map(ToString::to_string).collect();
    if !others.is_empty() {
        findings.push(Finding::warn(
            FindingCode::CopyStillShared,
            &removed.image,
            format!("this copy of {} is still shared with {}, so it is kept", removed.source, others.join(", ")),
            "take access from them too, or set `revoke-all`",
        ));
        return None;
    }
    Some(RemoveCopy { source: removed.source.clone(), region: removed.region.clone(), image: removed.image.clone() })
}

/// Access to the keys of the images.
fn keys(
    inventory: &Inventory,
    permissions: &[RemovePermissions],
    from: From<'_>,
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
        let Some((there, key)) = there.and_then(|there| Some((there, there.keys.get(arn)?))) else { continue };
        let remove = remove_key_access(there, key, &images, from, revoke, findings);
        if !(remove.holders.is_empty() && remove.grants.is_empty() && remove.in_use.is_empty()) {
            steps.push(Step::RemoveKeyAccess(remove));
        }
    }
    steps
}

fn remove_key_access(
    there: &RegionInventory,
    key: &Key,
    images: &[&RemovePermissions],
    from: From<'_>,
    revoke: Revoke,
    findings: &mut Vec<Finding>,
) -> RemoveKeyAccess {
    let policy = key.policy.as_ref().and_then(|policy| policy.as_ref().ok());
    let grants: &[Grant] = key.grants.as_deref().unwrap_or_default();
    let ours = |grant: &&Grant| images.iter().any(|image| is_for(grant, image, from));
    let mut ended: BTreeMap<String, String> =
        grants.iter().filter(ours).map(|g| (g.id.clone(), g.grantee.clone())).collect();
    let named = policy.map(|policy| policy.named(&key.arn)).unwrap_or_default();
    let mut losing: BTreeSet<Holder> = named.into_iter().filter(|holder| from.takes_holder(holder)).collect();
    losing.extend(grants.iter().filter(ours).filter_map(grantee));
    if let From::These(principals) = from {
        losing.extend(principals.iter().filter_map(Holder::of));
    }
    let mut in_use = BTreeSet::new();
    if !revoke.force_key {
        losing.retain(|holder| {
            let Some(other) = there.others.iter().find(|other| other.keys.contains(&key.arn) && needs(other, holder))
            else {
                return true;
            };
            let by_policy = policy.is_some_and(|policy| policy.named(&key.arn).contains(holder));
            if by_policy {
                findings.push(still_used(key, holder, &other.id));
            }
            false
        });
        in_use = losing.iter().filter(|holder| runs_on(grants, holder)).cloned().collect();
        losing.retain(|holder| !in_use.contains(holder));
        ended.retain(|_, holder| !in_use.iter().any(|user| is_root_of(holder, user)));
    }
    let handed_on = |grant: &&Grant| {
        let issued =
            losing.iter().any(|holder| matches!(holder, Holder::Account(account) if grant.is_issued_by(account)));
        issued && !grant.is_held_by_a_service()
    };
    ended.extend(grants.iter().filter(handed_on).map(|grant| (grant.id.clone(), grant.grantee.clone())));
    findings.extend(losing.iter().filter_map(|holder| other_way(key, holder)));
    let holders = policy.map(|policy| &policy.named(&key.arn) & &losing).unwrap_or_default();
    let after = policy.filter(|_| !holders.is_empty()).and_then(|policy| {
        Some(PolicyChange { before: policy.text(), after: policy.revoke(&key.arn, &holders).ok()?.text() })
    });
    RemoveKeyAccess { key: key.arn.clone(), holders, grants: ended, in_use, policy: after }
}

/// Whether this is a grant of ours for the image and somebody who loses access.
fn is_for(grant: &Grant, image: &RemovePermissions, from: From<'_>) -> bool {
    let Some(Holder::Account(account)) = grantee(grant) else { return false };
    grant.name == grant_name(&image.region, &image.image, &account) && from.takes(&Principal::Account(account))
}

fn grantee(grant: &Grant) -> Option<Holder> {
    let account = grant.grantee.strip_suffix(":root")?.rsplit(':').next()?;
    account.parse().ok().map(Holder::Account)
}

fn is_root_of(grantee: &str, holder: &Holder) -> bool {
    matches!(holder, Holder::Account(account) if grantee.ends_with(&format!(":{account}:root")))
}

/// Whether instances of the account run on the key: EC2 holds grants on it that were made for the account.
fn runs_on(grants: &[Grant], holder: &Holder) -> bool {
    let Holder::Account(account) = holder else { return false };
    grants.iter().any(|grant| grant.is_issued_by(account) && grant.is_held_by_a_service())
}

/// Whether somebody may need the key for something else that is shared. Of an organization's accounts, AWS does not say
/// which they are.
fn needs(other: &crate::inventory::Other, holder: &Holder) -> bool {
    other.shared_with.iter().any(|with| match holder {
        Holder::Account(account) => with.account().is_none_or(|with| with == account),
        Holder::Organization(id) | Holder::Unit(id) => {
            with.organization().is_some_and(|organization| id.split('/').next() == Some(organization))
        }
    })
}

fn still_used(key: &Key, holder: &Holder, other: &str) -> Finding {
    Finding::warn(
        FindingCode::KeyStillUsed,
        &key.arn,
        format!(
            "{holder} keeps access to this key: {other}, which is encrypted under it, is shared with it or with an organization"
        ),
        "take back that share too, and access to the key goes with the last one; or set `force-key-revoke`",
    )
}

/// A statement that is not ours may let somebody use the key all the same.
fn other_way(key: &Key, holder: &Holder) -> Option<Finding> {
    let policy = key.policy.as_ref()?.as_ref().ok()?;
    let Holder::Account(account) = holder else { return None };
    let foreign = policy.foreign(&key.arn);
    let names = |principals: &[String]| {
        principals.iter().any(|name| name == account.as_ref() || name.split(':').nth(4) == Some(account.as_ref()))
    };
    let (sid, _) = foreign.iter().find(|(_, principals)| names(principals))?;
    Some(Finding::warn(
        FindingCode::RevokeOtherWay,
        &key.arn,
        format!("account {account} is named by another statement of the key policy too: {sid}"),
        "remove it from that statement, which is not this tool's, if it shall not use the key at all",
    ))
}

//! What else the account shares under keys that somebody is to lose: who still needs a key when one
//! image is revoked.

mod members;
mod search;

use std::collections::BTreeSet;

pub(crate) use self::search::Known;
use self::search::Search;
use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::{KeyArn, Principal};
use crate::inventory::{Key, RegionInventory, SharedResource};
use crate::plan::{KeyReads, Removal};
use crate::policy::key_policy::PolicyPrincipal;
use crate::request::{ShareRequest, Unlisted};

/// Who is to lose a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) key: KeyArn,
    pub(crate) principal: PolicyPrincipal,
    /// Whether all images under the key are asked whom they are shared with, however many there
    /// are. AWS lists what is shared with an account, but nothing by organization.
    pub(crate) asks_all: bool,
}

impl Loss {
    pub(crate) fn new(key: &KeyArn, principal: &PolicyPrincipal) -> Self {
        Self {
            key: key.clone(),
            principal: principal.clone(),
            asks_all: !matches!(principal, PolicyPrincipal::Account(_)),
        }
    }
}

/// What else the account shares.
#[derive(Debug, Default)]
pub(crate) struct OtherShares {
    /// For each loss one image or snapshot at least that the principal needs the key for, if there
    /// is any.
    pub(crate) resources: Vec<SharedResource>,
    /// The keys under which there are too many images to ask each of them whether an organization
    /// may launch it.
    pub(crate) unasked: BTreeSet<KeyArn>,
}

/// What else the account shares with those who may lose a key of the request's images, except those
/// images and their snapshots.
pub(super) async fn read_other_shares(
    clients: &RegionClients,
    request: &ShareRequest,
    region: &RegionInventory,
) -> Result<OtherShares, Error> {
    if request.options.revoke.unwrap_or_default().keys_in_use {
        // Whatever needs a key, it is revoked.
        return Ok(OtherShares::default());
    }
    let mut known = Known::default();
    for image in region.images.values().chain(&region.copies) {
        known.images.insert(&image.id);
        known.snapshots.extend(image.snapshots());
    }
    let mut losses = Vec::new();
    for key in region.keys.values() {
        let reads = KeyReads::of(key, &request.options);
        if reads.policy || reads.grants {
            losses.extend(list_losses(request, region, key));
        }
    }
    find_other_shares(clients, losses, known).await
}

/// What the account shares under each key with those who are to lose it, except what is known.
pub(crate) async fn find_other_shares(
    clients: &RegionClients,
    losses: Vec<Loss>,
    known: Known<'_>,
) -> Result<OtherShares, Error> {
    Search::new(clients, losses, known).run().await
}

/// Everybody who may lose a key by the request: those that it names, and of those that have access
/// now those that it does not keep.
fn list_losses(request: &ShareRequest, region: &RegionInventory, key: &Key) -> Vec<Loss> {
    let removals = list_removals(request, region);
    let mut principals = BTreeSet::new();
    for removal in &removals {
        if let Removal::These(named) = removal {
            principals.extend(named.iter().filter_map(PolicyPrincipal::of));
        }
    }
    for principal in list_users(region, key) {
        let mut removals = removals.iter();
        if removals.any(|removal| removal.includes_policy_principal(&principal)) {
            principals.insert(principal);
        }
    }
    for owner in [key.arn.account(), &region.location.account] {
        principals.remove(&PolicyPrincipal::Account(owner.clone()));
    }

    // Members of an organization that keeps the key, or may do so, keep it for what is shared with
    // that.
    let mut kept = key.granted_principals();
    kept.retain(|principal| !principals.contains(principal));
    let mut kept = kept.iter();
    let keeps_members = kept.any(|kept| !matches!(kept, PolicyPrincipal::Account(_)));
    let mut losses = Vec::new();
    for principal in &principals {
        let mut loss = Loss::new(&key.arn, principal);
        loss.asks_all |= keeps_members || key.foreign_statement(principal).is_some();
        losses.push(loss);
    }
    losses
}

/// Whose access the request may remove.
fn list_removals(request: &ShareRequest, region: &RegionInventory) -> Vec<Removal> {
    let options = &request.options;
    let targets = request.targets().clone();
    let mut removals = Vec::new();
    match options.revoke {
        Some(revoke) if revoke.all => removals.push(Removal::Everybody),
        Some(_) => removals.push(Removal::These(targets)),
        None => {
            if options.in_targets.unshare_after_copy {
                removals.push(Removal::These(targets.clone()));
            }
            if options.unlisted == Unlisted::Revoke {
                let mut listed = &targets | &options.listed_elsewhere;
                listed.insert(Principal::Account(region.location.account.clone()));
                removals.push(Removal::AllBut(listed));
            }
        }
    }
    removals
}

/// Everybody who has access to a key, or to an image or snapshot of the request, by this tool.
fn list_users(region: &RegionInventory, key: &Key) -> BTreeSet<PolicyPrincipal> {
    let mut users = key.granted_principals();
    for grant in key.known_grants() {
        users.extend(grant.grantee_account().map(PolicyPrincipal::Account));
    }
    let launchers = region.launch_permissions.values().flatten();
    let all = launchers.chain(region.snapshot_permissions.values().flatten());
    users.extend(all.filter_map(PolicyPrincipal::of));
    users
}

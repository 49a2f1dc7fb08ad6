//! What still needs a key that somebody is to lose.

use std::collections::BTreeSet;

use super::step::removal::{KeyUsage, Removal, some_of};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AccountId, KeyArn, Principal};
use crate::inventory::{Grant, Inventory, Key, SharedResource};
use crate::policy::key_policy::PolicyPrincipal;

/// What of a holder's is under the key; nothing where nothing is, or nobody could see it. Which
/// accounts belong to an organization AWS does not say, so that every one counts that does not keep
/// access of its own.
pub(super) fn in_use(
    inventory: &Inventory,
    key: &Key,
    holder: &PolicyPrincipal,
    removal: &Removal,
) -> Option<KeyUsage> {
    let grants = key.grants.as_deref().unwrap_or_default();
    let PolicyPrincipal::Account(account) = holder else {
        let wide = |other: &PolicyPrincipal| {
            !matches!(other, PolicyPrincipal::Account(_)) && !removal.takes_principal(other)
        };
        // Whoever runs on the key may belong to another organization that stays.
        if key.granted_principals().iter().any(wide) {
            return None;
        }
        let keeps = |account: &AccountId| {
            account == key.arn.account()
                || account == &inventory.account
                || key.foreign_statement(account).is_some()
                || (key.grants_access_to(account)
                    && !removal.takes(&Principal::Account(account.clone())))
        };
        let mut of_others = grants.iter().filter(|grant| grant.is_held_by_a_service());
        let instances = of_others.any(|grant| {
            grant
                .issuer_account()
                .is_some_and(|account| !keeps(&account))
        });
        return instances.then(|| KeyUsage {
            instances,
            volumes: BTreeSet::new(),
        });
    };
    let instances = runs_on(grants, holder);
    let seen = inventory
        .uses
        .get(account)
        .and_then(|found| found.under.get(&key.arn));
    let volumes = seen.cloned().unwrap_or_default();
    (instances || !volumes.is_empty()).then_some(KeyUsage { instances, volumes })
}

/// Of those who lose the key by this plan, whose volumes and snapshots nobody has seen.
pub(super) fn unseen_use<'a>(
    inventory: &Inventory,
    key: &KeyArn,
    losing: impl Iterator<Item = &'a PolicyPrincipal>,
) -> Option<Finding> {
    let seen = |holder: &PolicyPrincipal| match holder {
        PolicyPrincipal::Account(account) => inventory
            .uses
            .get(account)
            .is_some_and(|found| found.unseen.is_empty()),
        _ => false,
    };
    let unseen: Vec<&PolicyPrincipal> = losing.filter(|holder| !seen(holder)).collect();
    let finding = |whose: String| {
        let message =
            format!("whether volumes or snapshots of {whose} are under this key is not known");
        Finding::warn(FindingCode::KeyUseUnknown, key, message)
    };
    (!unseen.is_empty()).then(|| finding(some_of(unseen)))
}

/// Whether instances of the account run on the key: EC2 holds grants on it that were made for the
/// account.
pub(super) fn runs_on(grants: &[Grant], holder: &PolicyPrincipal) -> bool {
    let PolicyPrincipal::Account(account) = holder else {
        return false;
    };
    grants
        .iter()
        .any(|grant| grant.is_issued_by(account) && grant.is_held_by_a_service())
}

/// Whether somebody may need the key for something else that is shared. Of an organization's
/// accounts, AWS does not say which they are.
pub(super) fn needs(other: &SharedResource, holder: &PolicyPrincipal) -> bool {
    other.shared_with.iter().any(|with| match holder {
        PolicyPrincipal::Account(account) => with.account().is_none_or(|with| with == account),
        PolicyPrincipal::Organization(id) | PolicyPrincipal::Unit(id) => with
            .organization()
            .is_some_and(|organization| id.split('/').next() == Some(organization)),
    })
}

pub(crate) fn still_used(key: &KeyArn, holder: &PolicyPrincipal, other: &str) -> Finding {
    Finding::warn(
        FindingCode::KeyStillUsed,
        key,
        format!(
            "{holder} keeps access to this key: {other}, which is encrypted under it, is shared \
             with it or with an organization"
        ),
    )
}

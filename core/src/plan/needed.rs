//! What still needs a key that somebody is to lose.

use std::collections::BTreeSet;

use super::removal_step::{InUse, RemoveKeyAccess, some_of};
use crate::finding::{Finding, FindingCode};
use crate::id::KeyArn;
use crate::inventory::{Grant, Inventory, Key, Other};
use crate::key_policy::Holder;

/// What of an account is under the key; nothing where nothing is, or nobody could see it.
pub(super) fn in_use(inventory: &Inventory, key: &Key, holder: &Holder) -> Option<InUse> {
    let Holder::Account(account) = holder else { return None };
    let instances = runs_on(key.grants.as_deref().unwrap_or_default(), holder);
    let target = inventory.targets.get(account).and_then(|target| target.as_ref().ok());
    let volumes = target.and_then(|target| target.under.get(&key.arn)).cloned().unwrap_or_default();
    (instances || !volumes.is_empty()).then_some(InUse { instances, volumes })
}

/// Whose volumes and snapshots nobody has seen, of those who lose the key by this plan.
pub(super) fn unseen_use(
    inventory: &Inventory,
    remove: &RemoveKeyAccess,
    losing: &BTreeSet<Holder>,
) -> Option<Finding> {
    let seen = |holder: &Holder| match holder {
        Holder::Account(account) => matches!(inventory.targets.get(account), Some(Ok(_))),
        _ => false,
    };
    let unseen: Vec<&Holder> = losing.iter().filter(|holder| remove.takes(holder) && !seen(holder)).collect();
    let finding = |whose: String| {
        let message = format!("whether volumes or snapshots of {whose} are under this key is not known");
        Finding::warn(FindingCode::KeyUseUnknown, &remove.key, message)
    };
    (!unseen.is_empty()).then(|| finding(some_of(unseen)))
}

/// Whether instances of the account run on the key: EC2 holds grants on it that were made for the account.
pub(super) fn runs_on(grants: &[Grant], holder: &Holder) -> bool {
    let Holder::Account(account) = holder else { return false };
    grants.iter().any(|grant| grant.is_issued_by(account) && grant.is_held_by_a_service())
}

/// Whether somebody may need the key for something else that is shared. Of an organization's accounts, AWS does not say
/// which they are.
pub(super) fn needs(other: &Other, holder: &Holder) -> bool {
    other.shared_with.iter().any(|with| match holder {
        Holder::Account(account) => with.account().is_none_or(|with| with == account),
        Holder::Organization(id) | Holder::Unit(id) => {
            with.organization().is_some_and(|organization| id.split('/').next() == Some(organization))
        }
    })
}

pub(crate) fn still_used(key: &KeyArn, holder: &Holder, other: &str) -> Finding {
    Finding::warn(
        FindingCode::KeyStillUsed,
        key,
        format!(
            "{holder} keeps access to this key: {other}, which is encrypted under it, is shared with it or with an organization"
        ),
    )
}

//! Access to the keys that targets need, and what can be wrong with a key.

use std::collections::{BTreeMap, BTreeSet};

use super::{CopyImage, KeyAccess, LaunchPermission};
use crate::finding::{Finding, FindingCode};
use crate::id::{AccountId, KeyArn};
use crate::inventory::{Inventory, Key, KeyState};
use crate::key_policy::KeyPolicy;
use crate::request::ShareRequest;

/// One intent for each key that an image shared here is encrypted under.
pub(super) fn plan(
    request: &ShareRequest,
    inventory: &Inventory,
    copies: &[CopyImage],
    launches: &[LaunchPermission],
    targets: &BTreeSet<AccountId>,
    findings: &mut Vec<Finding>,
) -> Vec<KeyAccess> {
    let mut images: BTreeMap<&KeyArn, Vec<&str>> = BTreeMap::new();
    for launch in launches {
        for key in &launch.keys {
            images.entry(key).or_default().push(launch.source.as_ref());
        }
    }
    let destination = copies.first().map(|copy| &copy.key);
    let mut accesses = Vec::new();
    for (arn, images) in images {
        let Some(key) = inventory.keys.get(arn) else {
            findings.push(unreadable(arn, "the key was not read"));
            continue;
        };
        let before = findings.len();
        findings.extend(unusable(key, inventory, &images, destination == Some(arn)));
        if findings.len() > before {
            continue;
        }
        accesses.extend(access(request, inventory, key, targets, findings));
    }
    accesses
}

/// Why targets could never use the key.
fn unusable(key: &Key, inventory: &Inventory, images: &[&str], destination: bool) -> Option<Finding> {
    let images = images.join(", ");
    let other_key = "give `kms-key-id`, a customer managed key of this account and Region: the image is then copied under it and the copy shared";
    if key.aws_managed {
        let message = format!("{images}: an AWS managed key can never be shared with another account (R2.9)");
        return Some(Finding::refuse(FindingCode::KeyAwsManaged, &key.arn, message, other_key));
    }
    if key.arn.account() != &inventory.place.account {
        let owner = key.arn.account();
        let message =
            format!("{images}: the key belongs to account {owner}, so its policy cannot be changed from here (R3.1.2)");
        return Some(Finding::refuse(FindingCode::KeyForeign, &key.arn, message, other_key));
    }
    match &key.state {
        KeyState::Disabled => Some(Finding::refuse(
            FindingCode::KeyDisabled,
            &key.arn,
            format!("{images}: the key is disabled, so no launch can decrypt (R3.4)"),
            "enable it (EnableKey), or give another key as `kms-key-id`",
        )),
        KeyState::PendingDeletion => Some(Finding::refuse(
            FindingCode::KeyPendingDeletion,
            &key.arn,
            format!("{images}: the key is pending deletion, so no launch can decrypt (R3.4)"),
            "cancel the deletion (CancelKeyDeletion, then EnableKey)",
        )),
        KeyState::Other(state) => Some(Finding::refuse(
            FindingCode::KeyUnusable,
            &key.arn,
            format!("{images}: the key is in state `{state}` and cannot be used (R3.4)"),
            "bring it into state `Enabled`, or give another key as `kms-key-id`",
        )),
        _ if destination && !key.symmetric => Some(Finding::refuse(
            FindingCode::KeyUnusable,
            &key.arn,
            "EBS takes only symmetric encryption keys (R1.3.6)",
            "give a key with key spec SYMMETRIC_DEFAULT and key usage ENCRYPT_DECRYPT as `kms-key-id`",
        )),
        _ => None,
    }
}

fn access(
    request: &ShareRequest,
    inventory: &Inventory,
    key: &Key,
    targets: &BTreeSet<AccountId>,
    findings: &mut Vec<Finding>,
) -> Option<KeyAccess> {
    let policy = match &key.policy {
        Some(Ok(policy)) => policy,
        Some(Err(problem)) => {
            findings.push(unreadable(&key.arn, problem));
            return None;
        }
        None => {
            findings.push(unreadable(&key.arn, "it was not read"));
            return None;
        }
    };
    let (partition, scope) = (inventory.place.partition(), request.key_scope);
    let missing: BTreeSet<AccountId> = targets.difference(&policy.access(partition, scope)).cloned().collect();
    let taken = policy.taken_sids(partition, scope);
    if !taken.is_empty() {
        findings.push(Finding::refuse(
            FindingCode::KeySidTaken,
            &key.arn,
            format!("the key policy has a statement named {} that this tool did not write", taken.join(", ")),
            "give that statement another Sid, or restore it to what this tool writes",
        ));
    } else if !missing.is_empty() {
        findings.extend(too_large(request, inventory, key, policy, &missing));
    }
    findings.extend(stale_principals(key, policy, !missing.is_empty()));
    Some(KeyAccess { key: key.arn.clone(), scope, accounts: targets.clone(), missing })
}

/// Without its policy a key is never taken as shared: an image would be shown to targets that cannot use it (P1).
fn unreadable(key: &KeyArn, problem: &str) -> Finding {
    Finding::refuse(
        FindingCode::KeyPolicyUnreadable,
        key,
        format!("the key policy could not be read as one, so it is not touched: {problem}"),
        "look at the policy of the key, and put a valid document",
    )
}

fn too_large(
    request: &ShareRequest,
    inventory: &Inventory,
    key: &Key,
    policy: &KeyPolicy,
    missing: &BTreeSet<AccountId>,
) -> Option<Finding> {
    let size = policy.grant(inventory.place.partition(), request.key_scope, missing).ok()?.size();
    (size > KeyPolicy::LIMIT).then(|| {
        let message = format!(
            "with {} more accounts the key policy would have {size} bytes, and KMS takes {} (R3.2.2)",
            missing.len(),
            KeyPolicy::LIMIT
        );
        let remedy =
            "share fewer accounts by this key, remove statements that are no longer needed, or use a second key";
        Finding::refuse(FindingCode::KeyPolicyTooLarge, &key.arn, message, remedy)
    })
}

/// KMS keeps the unique ID of a deleted user or role in the policy, and refuses the policy when it is written back
/// (R3.2.6).
fn stale_principals(key: &Key, policy: &KeyPolicy, must_write: bool) -> Option<Finding> {
    let stale = policy.stale_principals();
    if stale.is_empty() {
        return None;
    }
    let message = format!(
        "the key policy names principals that no longer exist ({}), and KMS refuses to take it back with them (R3.2.6)",
        stale.join(", ")
    );
    let remedy = "remove them from the key policy; they give access to nobody";
    Some(if must_write {
        Finding::refuse(FindingCode::KeyStalePrincipal, &key.arn, message, remedy)
    } else {
        Finding::warn(FindingCode::KeyStalePrincipal, &key.arn, message, remedy)
    })
}

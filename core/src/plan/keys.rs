//! Access to the keys that targets need, and what can be wrong with a key.

use std::collections::{BTreeMap, BTreeSet};

use super::permissions::grant_name;
use super::step::{Grants, KeyAccess, LaunchPermission, PolicyChange, Step};
use super::{CopyImage, Shares};
use crate::finding::{Finding, FindingCode};
use crate::id::{AccountId, KeyArn, Principal, Region};
use crate::inventory::{Inventory, Key, KeyState};
use crate::key_policy::{Holder, KeyPolicy};
use crate::request::{KeyAccessMode, KeyScope, ShareRequest};

/// One intent for each key that an image shared here is encrypted under; with grants, one for each image under it.
pub(super) fn plan(
    request: &ShareRequest,
    inventory: &Inventory,
    all: &Shares,
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let mut images: BTreeMap<&KeyArn, Vec<&LaunchPermission>> = BTreeMap::new();
    for launch in &all.launches {
        for key in &launch.keys {
            images.entry(key).or_default().push(launch);
        }
    }
    let mut steps = Vec::new();
    for (arn, launches) in images {
        let found = inventory.regions.get(arn.region()).and_then(|there| there.keys.get(arn));
        let Some(key) = found else {
            findings.push(unreadable(arn, "the key was not read"));
            continue;
        };
        let names: BTreeSet<String> = launches.iter().map(|launch| launch.shared.source.ami.to_string()).collect();
        let before = findings.len();
        findings.extend(unusable(key, request, inventory, &names, is_destination(&all.copies, arn)));
        if findings.len() > before {
            continue;
        }
        let targets: BTreeSet<Principal> = launches.iter().flat_map(|launch| launch.principals.clone()).collect();
        match request.options.key_access {
            KeyAccessMode::Policy => steps.extend(policy(request, key, &targets, findings).map(Step::KeyAccess)),
            KeyAccessMode::Grants => {
                steps.extend(launches.iter().map(|launch| Step::Grants(grants(key, launch))));
            }
            KeyAccessMode::None => findings.push(unmanaged(key)),
        }
    }
    steps
}

fn is_destination(copies: &[CopyImage], key: &KeyArn) -> bool {
    copies.iter().any(|copy| &copy.key == key)
}

/// Why targets could never use the key.
fn unusable(
    key: &Key,
    request: &ShareRequest,
    inventory: &Inventory,
    images: &BTreeSet<String>,
    destination: bool,
) -> Option<Finding> {
    let images = images.iter().cloned().collect::<Vec<_>>().join(", ");
    let other_key = "give `kms-key-id`, a customer managed key of this account and Region: the image is then copied under it and the copy shared";
    if key.aws_managed {
        let message = format!("{images}: an AWS managed key can never be shared with another account (R2.9)");
        return Some(Finding::refuse(FindingCode::KeyAwsManaged, &key.arn, message, other_key));
    }
    if !can_edit(request, &inventory.account, &key.arn) {
        let owner = key.arn.account();
        let message =
            format!("{images}: the key belongs to account {owner}, so its policy cannot be changed from here (R3.1.2)");
        let remedy = format!(
            "give `key-role`, a role in account {owner} that may change its policy or make grants; or set `key-access` to `none`; or {other_key}"
        );
        return Some(Finding::refuse(FindingCode::KeyForeign, &key.arn, message, remedy));
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

/// Whether this run may try to change who can use the key. What a grant is worth that neither the key's account nor
/// the grantee's issued is not known (R3.3.8), so none is made.
pub(crate) fn can_edit(request: &ShareRequest, account: &AccountId, key: &KeyArn) -> bool {
    let options = &request.options;
    let by_role = options.key_role.as_ref().and_then(|role| role.account()).as_ref() == Some(key.account());
    key.account() == account || by_role || options.key_access == KeyAccessMode::None
}

fn policy(
    request: &ShareRequest,
    key: &Key,
    targets: &BTreeSet<Principal>,
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
    let access = super::access(request);
    let held = policy.access(&key.arn, access.clone());
    let lacks = |target: &&Principal| Holder::of(target).is_some_and(|holder| !held.contains(&holder));
    let missing: BTreeSet<Principal> = targets.iter().filter(lacks).cloned().collect();
    let wanted: BTreeSet<Holder> = targets.iter().filter_map(Holder::of).collect();
    let taken = policy.taken_sids(&key.arn, access.clone());
    let mut change = None;
    if !taken.is_empty() {
        findings.push(Finding::refuse(
            FindingCode::KeySidTaken,
            &key.arn,
            format!("the key policy has a statement named {} that this tool did not write", taken.join(", ")),
            "give that statement another Sid, or restore it to what this tool writes",
        ));
    } else if !missing.is_empty()
        && let Ok(after) = policy.grant(&key.arn, access.clone(), &wanted)
    {
        findings.extend(too_large(key, missing.len(), after.size()));
        change = Some(PolicyChange { before: policy.text(), after: after.text() });
    }
    findings.extend(stale_principals(key, policy, !missing.is_empty()));
    if !missing.is_empty() {
        findings.extend(managed(key, policy));
        findings.extend(used_by_many(key, policy, access.scope));
    }
    Some(KeyAccess {
        key: key.arn.clone(),
        access,
        principals: targets.clone(),
        missing,
        unlisted: held.difference(&wanted).cloned().collect(),
        policy: change,
    })
}

fn grants(key: &Key, launch: &LaunchPermission) -> Grants {
    let accounts: BTreeSet<AccountId> = launch.principals.iter().filter_map(Principal::account).cloned().collect();
    let held = |region: &Region, account: &&AccountId| {
        let name = launch.shared.existing().map(|image| grant_name(region, image, account));
        key.grants.iter().flatten().any(|grant| Some(&grant.name) == name.as_ref())
    };
    let region = &launch.shared.region;
    let missing = accounts.iter().filter(|account| !held(region, account)).cloned().collect();
    Grants { key: key.arn.clone(), shared: launch.shared.clone(), accounts, missing }
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

/// With `key-access: none` nothing is looked at and nothing changed.
fn unmanaged(key: &Key) -> Finding {
    Finding::warn(
        FindingCode::KeyAccessUnmanaged,
        &key.arn,
        "`key-access` is `none`: whether targets can use this key is neither looked at nor changed by this run",
        "make sure that its policy holds the statements of the output `key-policy-statements`",
    )
}

fn too_large(key: &Key, more: usize, size: usize) -> Option<Finding> {
    (size > KeyPolicy::LIMIT).then(|| {
        let message = format!(
            "with {more} more accounts the key policy would have {size} bytes, and KMS takes {} (R3.2.2)",
            KeyPolicy::LIMIT
        );
        let remedy = "share with their organization (`target-organizations`), which takes one line of the policy; or set `key-access` to `grants`, of which a key can have 50,000 (R3.3.5)";
        Finding::refuse(FindingCode::KeyPolicyTooLarge, &key.arn, message, remedy)
    })
}

/// Tools that write the whole policy from their own files undo what is added beside them.
fn managed(key: &Key, policy: &KeyPolicy) -> Option<Finding> {
    let foreign = policy.foreign(&key.arn);
    let texts = foreign.iter().flat_map(|(sid, principals)| principals.iter().chain([sid]));
    let marks = texts.chain([&key.description]).map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>();
    let tools = [
        ("terraform", "Terraform"),
        ("opentofu", "OpenTofu"),
        ("cloudformation", "CloudFormation"),
        ("cdk-", "the AWS CDK"),
        ("pulumi", "Pulumi"),
    ];
    let (_, tool) = tools.into_iter().find(|(mark, _)| marks.iter().any(|text| text.contains(mark)))?;
    Some(Finding::warn(
        FindingCode::KeyPolicyManaged,
        &key.arn,
        format!(
            "this key seems to be kept by {tool}, which takes away what others add to its policy when it next runs"
        ),
        "set `key-access` to `grants`; or to `none`, and keep the output `key-policy-statements` in its code",
    ))
}

/// By calling KMS directly a target can use the key for whatever else it protects.
fn used_by_many(key: &Key, policy: &KeyPolicy, scope: KeyScope) -> Option<Finding> {
    let own = format!(":{}:root", key.arn.account());
    let foreign = policy.foreign(&key.arn);
    let others: BTreeSet<&String> =
        foreign.iter().flat_map(|(_, principals)| principals).filter(|name| !name.ends_with(&own)).collect();
    let names: Vec<&str> = others.iter().take(5).map(|name| name.as_str()).collect();
    (scope == KeyScope::Direct && !others.is_empty()).then(|| {
        Finding::warn(
            FindingCode::KeyUsedByMany,
            &key.arn,
            format!("others use this key too ({}), and with `key-scope: direct` targets can decrypt with it what is not of these images", names.join(", ")),
            "leave `key-scope` at `via-ec2`, or give a key of its own as `kms-key-id`",
        )
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

//! KeyPermissions to the keys that targets need, and what can be wrong with a key.

use std::collections::{BTreeMap, BTreeSet};

use super::names::grant_name;
use super::step::{Grants, KeyAccess, LaunchPermission, PolicyChange, Step};
use super::{CopyImage, Shares};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AccountId, KeyArn, Principal, Region};
use crate::inventory::{Inventory, Key, KeyState};
use crate::limits::{GRANTS_PER_KEY, KEY_POLICY_BYTES};
use crate::policy::key_policy::{Denial, KeyPolicy, PolicyPrincipal};
use crate::request::{KeyAccessMode, KeyScope, ShareRequest};

/// One intent for each key that an image shared here is encrypted under; with grants, one for each
/// image under it.
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
        let found = inventory
            .regions
            .get(arn.region())
            .and_then(|there| there.keys.get(arn));
        let Some(key) = found else {
            findings.push(unreadable(arn, "the key was not read"));
            continue;
        };
        let names: BTreeSet<String> = launches
            .iter()
            .map(|launch| launch.shared.source.ami.to_string())
            .collect();
        let before = findings.len();
        findings.extend(unusable(
            key,
            request,
            inventory,
            &names,
            is_destination(&all.copies, arn),
        ));
        if findings.len() > before {
            continue;
        }
        let targets: BTreeSet<Principal> = launches
            .iter()
            .flat_map(|launch| launch.principals.clone())
            .collect();
        match request.options.key_access {
            KeyAccessMode::Policy => {
                let listed = super::targets(request, &inventory.account);
                steps
                    .extend(policy(request, key, &targets, &listed, findings).map(Step::KeyAccess));
            }
            KeyAccessMode::Grants => {
                let grants: Vec<Grants> =
                    launches.iter().map(|launch| grants(key, launch)).collect();
                findings.extend(too_many_grants(
                    key,
                    grants.iter().map(|grants| grants.missing.len()).sum(),
                ));
                steps.extend(grants.into_iter().map(Step::Grants));
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
    if key.aws_managed {
        let message =
            format!("{images}: an AWS managed key can never be shared with another account (R2.9)");
        return Some(Finding::refuse(
            FindingCode::KeyAwsManaged,
            &key.arn,
            message,
        ));
    }
    if !request.options.can_change_key(&inventory.account, &key.arn) {
        let owner = key.arn.account();
        let message = format!(
            "{images}: the key belongs to account {owner}, so its policy cannot be changed from \
             here (R3.1.2)"
        );
        return Some(Finding::refuse(FindingCode::KeyForeign, &key.arn, message));
    }
    match &key.state {
        KeyState::Disabled => Some(Finding::refuse(
            FindingCode::KeyDisabled,
            &key.arn,
            format!("{images}: the key is disabled, so no launch can decrypt (R3.4)"),
        )),
        KeyState::PendingDeletion => Some(Finding::refuse(
            FindingCode::KeyPendingDeletion,
            &key.arn,
            format!("{images}: the key is pending deletion, so no launch can decrypt (R3.4)"),
        )),
        KeyState::Other(state) => Some(Finding::refuse(
            FindingCode::KeyUnusable,
            &key.arn,
            format!("{images}: the key is in state `{state}` and cannot be used (R3.4)"),
        )),
        _ if destination && !key.symmetric => Some(Finding::refuse(
            FindingCode::KeyUnusable,
            &key.arn,
            "EBS takes only symmetric encryption keys (R1.3.6)",
        )),
        _ => None,
    }
}

fn policy(
    request: &ShareRequest,
    key: &Key,
    targets: &BTreeSet<Principal>,
    listed: &BTreeSet<Principal>,
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
    let access = request.key_permissions();
    let held = policy.principals_with_access(&key.arn, &access);
    let lacks = |target: &&Principal| {
        PolicyPrincipal::of(target).is_some_and(|holder| !held.contains(&holder))
    };
    let missing: BTreeSet<Principal> = targets.iter().filter(lacks).cloned().collect();
    let wanted: BTreeSet<PolicyPrincipal> =
        targets.iter().filter_map(PolicyPrincipal::of).collect();
    let taken = policy.taken_sids(&key.arn, &access);
    let mut change = None;
    if !taken.is_empty() {
        findings.push(Finding::refuse(
            FindingCode::KeySidTaken,
            &key.arn,
            format!(
                "the key policy has a statement named {} that this tool did not write",
                taken.join(", ")
            ),
        ));
    } else if !missing.is_empty()
        && let Ok(after) = policy.with_access(&key.arn, &access, &wanted)
    {
        findings.extend(too_large(key, missing.len(), after.size()));
        change = Some(PolicyChange {
            before: policy.text(),
            after: after.text(),
        });
    }
    findings.extend(stale_principals(key, policy, !missing.is_empty()));
    findings.extend(denies(key, policy, &wanted));
    if !missing.is_empty() {
        findings.extend(managed(key, policy));
        findings.extend(used_by_many(key, policy, access.scope));
    }
    Some(KeyAccess {
        key: key.arn.clone(),
        access,
        principals: targets.clone(),
        missing,
        unlisted: held
            .difference(&listed.iter().filter_map(PolicyPrincipal::of).collect())
            .cloned()
            .collect(),
        policy: change,
    })
}

fn grants(key: &Key, launch: &LaunchPermission) -> Grants {
    let accounts: BTreeSet<AccountId> = launch
        .principals
        .iter()
        .filter_map(Principal::account)
        .cloned()
        .collect();
    let held = |region: &Region, account: &&AccountId| {
        let name = launch
            .shared
            .image
            .as_ref()
            .map(|image| grant_name(region, image, account));
        key.grants
            .iter()
            .flatten()
            .any(|grant| Some(&grant.name) == name.as_ref())
    };
    let region = &launch.shared.region;
    let missing = accounts
        .iter()
        .filter(|account| !held(region, account))
        .cloned()
        .collect();
    Grants {
        key: key.arn.clone(),
        shared: launch.shared.clone(),
        accounts,
        missing,
    }
}

/// Without its policy a key is never taken as shared: an image would be shown to targets that
/// cannot use it (P1).
fn unreadable(key: &KeyArn, problem: &str) -> Finding {
    Finding::refuse(
        FindingCode::KeyPolicyUnreadable,
        key,
        format!("the key policy could not be read as one, so it is not touched: {problem}"),
    )
}

/// With `key-access: none` nothing is looked at and nothing changed.
fn unmanaged(key: &Key) -> Finding {
    Finding::warn(
        FindingCode::KeyAccessUnmanaged,
        &key.arn,
        "`key-access` is `none`: whether targets can use this key is neither looked at nor changed \
         by this run",
    )
}

fn too_large(key: &Key, more: usize, size: usize) -> Option<Finding> {
    (size > KEY_POLICY_BYTES).then(|| {
        let message = format!(
            "with {more} more accounts the key policy would have {size} bytes, and KMS takes {} \
             (R3.2.2)",
            KEY_POLICY_BYTES
        );
        Finding::refuse(FindingCode::KeyPolicyTooLarge, &key.arn, message)
    })
}

fn too_many_grants(key: &Key, more: usize) -> Option<Finding> {
    let there = key.grants.iter().flatten().count();
    (more > 0 && there + more > GRANTS_PER_KEY).then(|| {
        let message = format!(
            "the key has {there} grants, {more} more are needed, and KMS allows {GRANTS_PER_KEY} (R3.3.5)"
        );
        Finding::refuse(FindingCode::GrantsTooMany, &key.arn, message)
    })
}

/// What a deny does to a launch shows only as the end of an instance, without a reason (R4.4).
fn denies(key: &Key, policy: &KeyPolicy, targets: &BTreeSet<PolicyPrincipal>) -> Vec<Finding> {
    let finding = |(sid, denial): (String, Denial)| {
        let (finding, when): (fn(_, _, _) -> _, _) = match denial {
            Denial::Always => (Finding::refuse, "targets"),
            Denial::Sometimes => (
                Finding::warn,
                "targets, under its conditions or some of them,",
            ),
        };
        let message =
            format!("the statement {sid} of the key policy denies {when} the use of this key");
        finding(FindingCode::KeyPolicyDenies, &key.arn, message)
    };
    policy
        .denying_statements(targets)
        .into_iter()
        .map(finding)
        .collect()
}

/// Tools that write the whole policy from their own files undo what is added beside them.
fn managed(key: &Key, policy: &KeyPolicy) -> Option<Finding> {
    let foreign = policy.foreign_statements(&key.arn);
    let texts = foreign
        .iter()
        .flat_map(|(sid, principals)| principals.iter().chain([sid]));
    let marks = texts
        .chain([&key.description])
        .map(|text| text.to_ascii_lowercase())
        .collect::<Vec<_>>();
    let tools = [
        ("terraform", "Terraform"),
        ("opentofu", "OpenTofu"),
        ("cloudformation", "CloudFormation"),
        ("cdk-", "the AWS CDK"),
        ("pulumi", "Pulumi"),
    ];
    let (_, tool) = tools
        .into_iter()
        .find(|(mark, _)| marks.iter().any(|text| text.contains(mark)))?;
    Some(Finding::warn(
        FindingCode::KeyPolicyManaged,
        &key.arn,
        format!(
            "this key seems to be kept by {tool}, which takes away what others add to its policy \
             when it next runs"
        ),
    ))
}

/// By calling KMS directly a target can use the key for whatever else it protects.
fn used_by_many(key: &Key, policy: &KeyPolicy, scope: KeyScope) -> Option<Finding> {
    let own = format!(":{}:root", key.arn.account());
    let foreign = policy.foreign_statements(&key.arn);
    let others: BTreeSet<&String> = foreign
        .iter()
        .flat_map(|(_, principals)| principals)
        .filter(|name| !name.ends_with(&own))
        .collect();
    let names: Vec<&str> = others.iter().take(5).map(|name| name.as_str()).collect();
    (scope == KeyScope::Direct && !others.is_empty()).then(|| {
        Finding::warn(
            FindingCode::KeyUsedByMany,
            &key.arn,
            format!(
                "others use this key too ({}), and with `key-scope: direct` targets can \
                     decrypt with it what is not of these images",
                names.join(", ")
            ),
        )
    })
}

/// KMS keeps the unique ID of a deleted user or role in the policy, and refuses the policy when it
/// is written back (R3.2.6).
fn stale_principals(key: &Key, policy: &KeyPolicy, must_write: bool) -> Option<Finding> {
    let stale = policy.stale_principals();
    if stale.is_empty() {
        return None;
    }
    let message = format!(
        "the key policy names principals that no longer exist ({}), and KMS refuses to take it \
         back with them (R3.2.6)",
        stale.join(", ")
    );
    Some(if must_write {
        Finding::refuse(FindingCode::KeyStalePrincipal, &key.arn, message)
    } else {
        Finding::warn(FindingCode::KeyStalePrincipal, &key.arn, message)
    })
}

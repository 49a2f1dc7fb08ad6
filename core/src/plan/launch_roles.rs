//! What roles in targets need to launch with the keys: launchers' policies, and grants for
//! services' roles.

use std::collections::BTreeSet;

use super::names::{inline_policy_name, service_grant_name};
use super::step::target::{LaunchRole, RolePolicy, ServiceRole, TargetCopy};
use super::step::{LaunchPermission, Step};
use super::targets::reached;
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AccountId, KeyArn};
use crate::inventory::{Inventory, Target};
use crate::limits::INLINE_POLICY_CHARACTERS;
use crate::policy::launch_policy;
use crate::request::ShareRequest;

/// What roles in targets need to launch, and services' roles.
pub(super) fn roles(
    request: &ShareRequest,
    inventory: &Inventory,
    launches: &[LaunchPermission],
    copies: &[TargetCopy],
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let shared: BTreeSet<&KeyArn> = launches.iter().flat_map(|launch| &launch.keys).collect();
    let mut steps = Vec::new();
    for (account, target) in reached(inventory) {
        let own: BTreeSet<&KeyArn> = copies
            .iter()
            .filter(|copy| &copy.account == account)
            .map(|copy| &copy.key)
            .collect();
        // Whoever launches own copies needs the source's keys no more (R4.13).
        let keys = if request.options.target_options.copies() {
            &own
        } else {
            &shared
        };
        steps.extend(
            launch_roles(request, account, target, keys, findings)
                .into_iter()
                .map(Step::LaunchRole),
        );
        for (service, roles) in &target.services {
            for key in keys {
                steps.push(Step::ServiceRole(service_role(
                    inventory,
                    target,
                    account,
                    (service, roles),
                    key,
                )));
            }
        }
    }
    steps
}

fn launch_roles(
    request: &ShareRequest,
    account: &AccountId,
    target: &Target,
    keys: &BTreeSet<&KeyArn>,
    findings: &mut Vec<Finding>,
) -> Vec<LaunchRole> {
    let mut wanted = Vec::new();
    for (role, policies) in &target.roles {
        let Some(policies) = policies else {
            findings.push(Finding::refuse(
                FindingCode::LaunchRoleMissing,
                role,
                format!("target {account} has no role of this name, so it cannot be let launch"),
            ));
            continue;
        };
        let of_role = |by, held| LaunchRole {
            account: account.clone(),
            role: role.clone(),
            by,
            in_effect: held,
        };
        let Some(partition) = keys.first().map(|key| key.region().partition()) else {
            continue;
        };
        if let Some(managed) = &request.options.target_options.launch_policy {
            let arn = managed.in_account(partition, account);
            let held = policies.attached.contains(&arn);
            wanted.push(of_role(RolePolicy::Attached(arn), held));
            continue;
        }
        let mut after = policies.inline.clone();
        for key in keys {
            let (name, document) = (
                inline_policy_name(key),
                launch_policy::for_key(key).to_string(),
            );
            let held = policies
                .inline
                .get(&name)
                .is_some_and(|now| same_json(now, &document));
            after.insert(name.clone(), document.clone());
            wanted.push(of_role(RolePolicy::Inline { name, document }, held));
        }
        let size: usize = after
            .values()
            .map(|text| text.chars().filter(|c| !c.is_whitespace()).count())
            .sum();
        if size > INLINE_POLICY_CHARACTERS {
            findings.push(Finding::refuse(
                FindingCode::LaunchRoleTooLarge,
                role,
                format!(
                    "the inline policies of this role in {account} would have {size} \
                         characters, and IAM takes {INLINE_POLICY_CHARACTERS} (R5.8)"
                ),
            ));
        }
    }
    wanted
}

fn same_json(one: &str, other: &str) -> bool {
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    parsed(one).is_some_and(|one| Some(one) == parsed(other))
}

fn service_role(
    inventory: &Inventory,
    target: &Target,
    account: &AccountId,
    (service, roles): (&String, &Vec<String>),
    key: &KeyArn,
) -> ServiceRole {
    let name = service_grant_name(account, service);
    let of_source = inventory
        .regions
        .get(key.region())
        .and_then(|there| there.keys.get(key));
    let of_target = target
        .regions
        .get(key.region())
        .and_then(|there| there.keys.get(key));
    let grants = of_source
        .or(of_target)
        .and_then(|key| key.grants.as_deref())
        .unwrap_or_default();
    let role = roles.first().cloned();
    // Made anew, a role is another one (R3.3.8); its ARN in the grant then stands for the old one.
    let held = role.as_ref().is_some_and(|role| {
        grants
            .iter()
            .any(|grant| grant.name == name && grant.grantee == *role)
    });
    ServiceRole {
        account: account.clone(),
        service: service.clone(),
        role,
        key: key.clone(),
        in_effect: held,
    }
}

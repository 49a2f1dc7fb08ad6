//! Policy simulation: what a principal's own side decides of a call, whatever the resource's side
//! says (R7.20 to R7.22).

use std::collections::{BTreeSet, HashMap};

use aws_sdk_iam::types::PolicyEvaluationDecisionType as Decision;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult, Statement};

use super::Iam;
use crate::aws::pages::Pages;
use crate::diagnostic::Error;
use crate::policy::launch_operations::CREATE_GRANT;

/// The details under which a decision across accounts names the principal's own policies.
const IAM_POLICY: &str = "IAM Policy";
const BOUNDARY_POLICY: &str = "Permissions Boundary Policy";

/// Condition keys that a simulation knows by itself, in lower case. It has `aws:userid` too, but
/// not with its value.
const KNOWN_KEYS: [&str; 2] = ["aws:principalaccount", "aws:principalarn"];
/// Condition keys of CreateGrant, which other calls on keys do not have.
const GRANT_KEYS: [&str; 6] = [
    "kms:grantconstrainttype",
    "kms:granteeprincipal",
    "kms:granteeserviceprincipal",
    "kms:grantisforawsresource",
    "kms:grantoperations",
    "kms:retiringprincipal",
];

/// Condition keys of images, which the other resources of a launch do not have.
const IMAGE_KEYS: [&str; 4] = ["ec2:imageid", "ec2:imagetype", "ec2:owner", "ec2:public"];

/// Condition keys, and their values.
pub(crate) type Context = Vec<(String, String)>;

/// Sets a condition key.
pub(crate) fn set(context: &mut Context, key: &str, value: impl Into<String>) {
    context.push((key.to_owned(), value.into()));
}

/// A call to simulate. Its actions take resources of this kind, or the answer would deny them.
pub(crate) struct Simulation<'a> {
    pub(crate) principal: &'a str,
    /// The account of the principal.
    pub(crate) account: &'a str,
    pub(crate) actions: &'a [&'a str],
    pub(crate) resource: &'a str,
    pub(crate) context: &'a [(String, String)],
}

/// What a principal's own side decides of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnDecision {
    Allowed,
    /// Nothing allows it, and nothing denies it.
    NotAllowed,
    /// Something denies it, whatever else allows it.
    Denied(Denier),
    Unknown(String),
}

/// What a principal's own side decides of a call, and who has a say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnSide {
    pub(crate) decision: OwnDecision,
    /// Whether the service control policies of an organization let it, if there are any.
    pub(crate) organization_allows: Option<bool>,
}

/// What denies a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denier {
    /// A statement of this identity policy, if it is named.
    IdentityPolicy(Option<String>),
    Boundary,
}

impl Denier {
    /// The policy, in words.
    pub(crate) fn describe(&self, principal: &str) -> String {
        match self {
            Self::IdentityPolicy(Some(policy)) => format!("the policy `{policy}` of {principal}"),
            Self::IdentityPolicy(None) => format!("an identity policy of {principal}"),
            Self::Boundary => format!("the permissions boundary of {principal}"),
        }
    }
}

impl Iam {
    /// What the principal's own side decides of each action, in the order of the actions
    /// (`iam:SimulatePrincipalPolicy`).
    pub(crate) async fn simulate(
        &self,
        simulation: &Simulation<'_>,
    ) -> Result<Vec<OwnSide>, Error> {
        const ACTION: &str = "iam:SimulatePrincipalPolicy";
        let principal = simulation.principal;
        let actions = simulation.actions.iter();
        let context = simulation.context.iter();
        let call = || {
            self.client
                .get()
                .simulate_principal_policy()
                .policy_source_arn(principal)
                .set_action_names(Some(actions.map(ToString::to_string).collect()))
                .resource_arns(simulation.resource)
                .set_context_entries(Some(context.map(context_entry).collect()))
        };
        let mut results = Vec::new();
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, Some(principal)), pages, |page| {
            (page.evaluation_results().len(), page.marker())
        });
        while let Some(page) = pages.next().await? {
            results.extend(page.evaluation_results.unwrap_or_default());
        }
        let actions = simulation.actions.iter();
        Ok(actions
            .map(|action| decide(simulation, action, &results))
            .collect())
    }

    /// The condition keys that the policies of a principal ask for, in lower case
    /// (`iam:GetContextKeysForPrincipalPolicy`).
    pub(crate) async fn context_keys(&self, principal: &str) -> Result<BTreeSet<String>, Error> {
        const ACTION: &str = "iam:GetContextKeysForPrincipalPolicy";
        let call = || {
            self.client
                .get()
                .get_context_keys_for_principal_policy()
                .policy_source_arn(principal)
                .send()
        };
        let answer = self.caller.send(ACTION, Some(principal), call).await?;
        let keys = answer.context_key_names().iter();
        Ok(keys.map(|key| key.to_lowercase()).collect())
    }
}

fn context_entry((name, value): &(String, String)) -> ContextEntry {
    let kind = if value == "true" || value == "false" {
        ContextKeyTypeEnum::Boolean
    } else if name == "aws:SourceIp" {
        ContextKeyTypeEnum::Ip
    } else {
        ContextKeyTypeEnum::String
    };
    ContextEntry::builder()
        .context_key_name(name)
        .context_key_type(kind)
        .context_key_values(value)
        .build()
}

/// The part of an answer that is about one resource.
struct Part<'a> {
    decision: &'a Decision,
    details: Option<&'a HashMap<String, Decision>>,
    /// Whether the permissions boundary allows the call, if there is one.
    boundary: Option<bool>,
    missing: &'a [String],
    statements: &'a [Statement],
}

/// What answers say about an action. What they do not say is unknown.
fn decide(simulation: &Simulation<'_>, action: &str, results: &[EvaluationResult]) -> OwnSide {
    let mut results = results.iter();
    let result = results.find(|result| result.eval_action_name().eq_ignore_ascii_case(action));
    let Some(result) = result else {
        let why = "IAM's answer does not hold the action";
        return OwnSide {
            decision: OwnDecision::Unknown(why.to_owned()),
            organization_allows: None,
        };
    };
    let by_organization = result.organizations_decision_detail();
    OwnSide {
        decision: decide_by_result(simulation, action, result),
        organization_allows: by_organization.map(|detail| detail.allowed_by_organizations()),
    }
}

fn decide_by_result(
    simulation: &Simulation<'_>,
    action: &str,
    result: &EvaluationResult,
) -> OwnDecision {
    let unknown = |why: String| OwnDecision::Unknown(why);
    let Some(part) = part_of(result, simulation.resource) else {
        return unknown("IAM's answer does not hold the resource".to_owned());
    };
    // 1. What limits the principal counts whatever its policies allow.
    let by_organization = result.organizations_decision_detail();
    let by_organization = by_organization.is_none_or(|detail| detail.allowed_by_organizations());
    let detail = |name| part.details.and_then(|details| details.get(name));
    let boundary_detail = detail(BOUNDARY_POLICY).map(|decision| *decision == Decision::Allowed);
    if !by_organization {
        // IAM does not say whether a condition made it so, and the policies cannot be read.
        let why = "a service control policy of the organization does not let it, unless the call \
                   meets conditions of that policy";
        return unknown(why.to_owned());
    }
    if part.boundary == Some(false) || boundary_detail == Some(false) {
        return OwnDecision::Denied(Denier::Boundary);
    }

    if !is_known(part.decision) {
        return unknown(unknown_decision(part.decision));
    }

    // 2. Across accounts the decision is that of both sides; the details tell them apart.
    let own = detail(IAM_POLICY);
    if own.is_none() && is_foreign(simulation) && *part.decision != Decision::Allowed {
        let why = "IAM does not say whether this account's policies are what denies it";
        return unknown(why.to_owned());
    }
    match own.unwrap_or(part.decision) {
        Decision::Allowed => OwnDecision::Allowed,
        Decision::ExplicitDeny => {
            let mut statements = part.statements.iter();
            let policy = statements.find_map(Statement::source_policy_id);
            OwnDecision::Denied(Denier::IdentityPolicy(policy.map(str::to_owned)))
        }
        Decision::ImplicitDeny => {
            let mut missing = part.missing.to_vec();
            let resource = simulation.resource;
            missing.retain(|key| may_have_key(action, resource, &key.to_lowercase()));
            if missing.is_empty() {
                return OwnDecision::NotAllowed;
            }
            let keys = missing.join(", ");
            unknown(format!(
                "it may depend on condition keys that a launch sets: {keys}"
            ))
        }
        other => unknown(unknown_decision(other)),
    }
}

fn is_known(decision: &Decision) -> bool {
    let known = [
        Decision::Allowed,
        Decision::ExplicitDeny,
        Decision::ImplicitDeny,
    ];
    known.contains(decision)
}

fn unknown_decision(decision: &Decision) -> String {
    format!("IAM decides `{decision}`, which this version does not know")
}

/// Whether a call may have a condition key, in lower case, that a simulation does not know by
/// itself. Keys of other services and resources are absent in the call as they are in its
/// simulation.
pub(crate) fn may_have_key(action: &str, resource: &str, key: &str) -> bool {
    let (service, _) = action.split_once(':').unwrap_or_default();
    let (of_key, _) = key.split_once(':').unwrap_or_default();
    (of_key == "aws" || of_key == service)
        && !KNOWN_KEYS.contains(&key)
        && (action == CREATE_GRANT || !GRANT_KEYS.contains(&key))
        && (resource.contains(":image/") || !IMAGE_KEYS.contains(&key))
}

/// The result of the resource. If it is the only one that was asked about, the top level may be
/// about it too: only if it has its name, since a template stands for any resource.
fn part_of<'a>(result: &'a EvaluationResult, resource: &str) -> Option<Part<'a>> {
    let mut specific = result.resource_specific_results().iter();
    if let Some(specific) = specific.find(|one| one.eval_resource_name() == resource) {
        let boundary = specific.permissions_boundary_decision_detail();
        let boundary = boundary.or(result.permissions_boundary_decision_detail());
        let missing = specific.missing_context_values();
        return Some(Part {
            decision: specific.eval_resource_decision(),
            details: specific.eval_decision_details(),
            boundary: boundary.map(|detail| detail.allowed_by_permissions_boundary()),
            missing: if missing.is_empty() {
                result.missing_context_values()
            } else {
                missing
            },
            statements: specific.matched_statements(),
        });
    }
    if result.eval_resource_name() != Some(resource) {
        return None;
    }
    let boundary = result.permissions_boundary_decision_detail();
    Some(Part {
        decision: result.eval_decision(),
        details: result.eval_decision_details(),
        boundary: boundary.map(|detail| detail.allowed_by_permissions_boundary()),
        missing: result.missing_context_values(),
        statements: result.matched_statements(),
    })
}

/// Whether the resource is another account's. Some ARNs, such as an image's, name none.
fn is_foreign(simulation: &Simulation<'_>) -> bool {
    let owner = simulation.resource.split(':').nth(4).unwrap_or_default();
    !owner.is_empty() && owner != "aws" && owner != simulation.account
}

#[cfg(test)]
mod tests;

//! IAM: roles in targets, their policies, and what those would allow. IAM is global: every Region
//! answers the same.

use std::collections::BTreeMap;

use aws_sdk_iam::types::PolicyEvaluationDecisionType::Allowed;
use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum, EvaluationResult};

use super::{Caller, accept_codes};
use crate::diagnostic::{Code, Error};

/// What IAM answers about a role or policy that does not exist.
const NOT_FOUND: &str = "NoSuchEntity";
/// What IAM answers to an inline policy that it does not take.
const ROLE_POLICY_REFUSED: [&str; 3] = [
    "LimitExceeded",
    "UnmodifiableEntity",
    "MalformedPolicyDocument",
];

/// IAM of one account.
#[derive(Clone, Debug)]
pub(crate) struct Iam {
    pub(crate) client: aws_sdk_iam::Client,
    pub(crate) caller: Caller,
}

/// What a principal may do: of each action and resource, whether it is allowed.
pub(crate) type Decisions = Vec<(String, String, bool)>;

impl Iam {
    /// The inline policies of a role, by name; `None` if there is no such role
    /// (`iam:ListRolePolicies`, `iam:GetRolePolicy`).
    pub(crate) async fn inline_policies(
        &self,
        role: &str,
    ) -> Result<Option<BTreeMap<String, String>>, Error> {
        let Some(names) = none_if_absent(self.inline_policy_names(role).await)? else {
            return Ok(None);
        };
        let mut policies = BTreeMap::new();
        for name in names {
            let call = self
                .client
                .get_role_policy()
                .role_name(role)
                .policy_name(&name)
                .send();
            let answer = self
                .caller
                .send("iam:GetRolePolicy", Some(role), call)
                .await?;
            policies.insert(name, decode_document(answer.policy_document()));
        }
        Ok(Some(policies))
    }

    async fn inline_policy_names(&self, role: &str) -> Result<Vec<String>, Error> {
        const ACTION: &str = "iam:ListRolePolicies";
        let mut names = Vec::new();
        let call = self.client.list_role_policies().role_name(role);
        let mut pages = call.into_paginator().send();
        while let Some(page) = self
            .caller
            .send(ACTION, Some(role), pages.try_next())
            .await?
        {
            names.extend(page.policy_names);
        }
        Ok(names)
    }

    /// The ARNs of the managed policies of a role; `None` if there is no such role
    /// (`iam:ListAttachedRolePolicies`).
    pub(crate) async fn attached_policies(&self, role: &str) -> Result<Option<Vec<String>>, Error> {
        none_if_absent(self.attached_policy_arns(role).await)
    }

    async fn attached_policy_arns(&self, role: &str) -> Result<Vec<String>, Error> {
        const ACTION: &str = "iam:ListAttachedRolePolicies";
        let mut arns = Vec::new();
        let call = self.client.list_attached_role_policies().role_name(role);
        let mut pages = call.into_paginator().send();
        while let Some(page) = self
            .caller
            .send(ACTION, Some(role), pages.try_next())
            .await?
        {
            let policies = page.attached_policies.into_iter().flatten();
            arns.extend(policies.filter_map(|policy| policy.policy_arn));
        }
        Ok(arns)
    }

    /// Attaches a managed policy to a role; a repeat changes nothing (`iam:AttachRolePolicy`).
    pub(crate) async fn attach_policy(&self, role: &str, policy: &str) -> Result<(), Error> {
        let call = self
            .client
            .attach_role_policy()
            .role_name(role)
            .policy_arn(policy)
            .send();
        self.caller
            .send("iam:AttachRolePolicy", Some(role), call)
            .await
            .map(|_| ())
    }

    /// Detaches a managed policy from a role; one that is not attached is no error
    /// (`iam:DetachRolePolicy`).
    pub(crate) async fn detach_policy(&self, role: &str, policy: &str) -> Result<(), Error> {
        let call = self
            .client
            .detach_role_policy()
            .role_name(role)
            .policy_arn(policy)
            .send();
        let answer = self
            .caller
            .send("iam:DetachRolePolicy", Some(role), call)
            .await;
        accept_codes(answer, &[NOT_FOUND])
    }

    /// Writes an inline policy of a role (`iam:PutRolePolicy`).
    ///
    /// # Errors
    /// With [`Code::RolePolicyRefused`] if the role cannot be changed or its policies get too large
    /// (R5.8).
    pub(crate) async fn put_inline_policy(
        &self,
        role: &str,
        name: &str,
        document: &str,
    ) -> Result<(), Error> {
        let call = self
            .client
            .put_role_policy()
            .role_name(role)
            .policy_name(name)
            .policy_document(document)
            .send();
        let answer = self
            .caller
            .send("iam:PutRolePolicy", Some(role), call)
            .await;
        match answer {
            Err(error) if error.is_aws(&ROLE_POLICY_REFUSED) => {
                let code = Code::RolePolicyRefused;
                let remedy = code.remedy().to_owned();
                Err(Error {
                    code,
                    remedy,
                    ..error
                })
            }
            answer => answer.map(drop),
        }
    }

    /// Deletes an inline policy of a role; one that does not exist is no error
    /// (`iam:DeleteRolePolicy`).
    pub(crate) async fn delete_inline_policy(&self, role: &str, name: &str) -> Result<(), Error> {
        let call = self
            .client
            .delete_role_policy()
            .role_name(role)
            .policy_name(name)
            .send();
        let answer = self
            .caller
            .send("iam:DeleteRolePolicy", Some(role), call)
            .await;
        accept_codes(answer, &[NOT_FOUND])
    }

    /// The ARNs of a service's roles: one, or several if some have a suffix (`iam:ListRoles`). The
    /// first page may be empty although more follow (R7.30).
    pub(crate) async fn service_linked_roles(&self, service: &str) -> Result<Vec<String>, Error> {
        const ACTION: &str = "iam:ListRoles";
        let prefix = format!("/aws-service-role/{service}/");
        let mut arns = Vec::new();
        let call = self.client.list_roles().path_prefix(&prefix);
        let mut pages = call.into_paginator().send();
        while let Some(page) = self
            .caller
            .send(ACTION, Some(&prefix), pages.try_next())
            .await?
        {
            arns.extend(page.roles.into_iter().map(|role| role.arn));
        }
        Ok(arns)
    }

    /// Creates the role of a service, and returns its ARN (`iam:CreateServiceLinkedRole`). An
    /// account has one: if another caller was faster, IAM calls the name taken, and this returns
    /// the role that exists.
    pub(crate) async fn create_service_linked_role(
        &self,
        service: &str,
    ) -> Result<Option<String>, Error> {
        let call = self
            .client
            .create_service_linked_role()
            .aws_service_name(service)
            .send();
        let answer = self
            .caller
            .send("iam:CreateServiceLinkedRole", Some(service), call)
            .await;
        match answer {
            Err(error) if error.is_aws(&["InvalidInput", "InvalidInputException"]) => {
                let mut existing = self.service_linked_roles(service).await?.into_iter();
                existing.next().map(Some).ok_or(error)
            }
            answer => Ok(answer?.role.map(|role| role.arn)),
        }
    }

    /// What the identity policies of a role or user allow, in a context of condition keys
    /// (`iam:SimulatePrincipalPolicy`).
    pub(crate) async fn simulate(
        &self,
        principal: &str,
        actions: &[&str],
        resources: &[String],
        context: &[(&str, String)],
    ) -> Result<Decisions, Error> {
        let mut entries = Vec::new();
        for (name, value) in context {
            entries.push(context_entry(name, value));
        }
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        let resources = Some(resources.to_vec()).filter(|resources| !resources.is_empty());
        let call = self
            .client
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(actions))
            .set_resource_arns(resources)
            .set_context_entries(Some(entries))
            .send();
        let answer = self
            .caller
            .send("iam:SimulatePrincipalPolicy", Some(principal), call)
            .await?;
        let mut decisions = Decisions::new();
        for result in answer.evaluation_results() {
            read_result(result, &mut decisions);
        }
        Ok(decisions)
    }
}

/// Reads the decisions on one action. With several resources, each has a result of its own, and the
/// resource at the top is none of them (R7.20).
fn read_result(result: &EvaluationResult, decisions: &mut Decisions) {
    let action = result.eval_action_name();
    let by_organization = result.organizations_decision_detail();
    let by_organization = by_organization.is_none_or(|of| of.allowed_by_organizations());
    if result.resource_specific_results().is_empty() {
        let is_allowed = *result.eval_decision() == Allowed;
        decisions.push((action.to_owned(), "*".to_owned(), is_allowed));
    }
    for specific in result.resource_specific_results() {
        // Across accounts the decision also needs a policy of the resource, which the simulation
        // does not know. The details say what the caller's own policies allow (R7.21).
        let details = specific.eval_decision_details();
        let by_identity = details.and_then(|details| details.get("IAM Policy"));
        let by_boundary = specific.permissions_boundary_decision_detail();
        let by_boundary = by_boundary.is_none_or(|of| of.allowed_by_permissions_boundary());
        let is_allowed = match by_identity {
            Some(decision) => *decision == Allowed && by_boundary && by_organization,
            None => *specific.eval_resource_decision() == Allowed,
        };
        let resource = specific.eval_resource_name().to_owned();
        decisions.push((action.to_owned(), resource, is_allowed));
    }
}

fn context_entry(name: &str, value: &str) -> ContextEntry {
    let kind = if value == "true" {
        ContextKeyTypeEnum::Boolean
    } else {
        ContextKeyTypeEnum::String
    };
    ContextEntry::builder()
        .context_key_name(name)
        .context_key_type(kind)
        .context_key_values(value)
        .build()
}

fn none_if_absent<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Err(error) if error.is_aws(&[NOT_FOUND]) => Ok(None),
        answer => answer.map(Some),
    }
}

/// The text of a policy document: IAM answers it encoded as in a URL.
fn decode_document(document: &str) -> String {
    percent_encoding::percent_decode_str(document)
        .decode_utf8_lossy()
        .into_owned()
}

//! IAM: roles in targets, their policies, and what those would allow. It is one for all Regions.

use std::collections::BTreeMap;

use aws_sdk_iam::types::{ContextEntry, ContextKeyTypeEnum};

use super::Caller;
use crate::diagnostic::{Code, Error};

/// IAM of one account.
#[derive(Clone, Debug)]
pub(crate) struct Iam {
    pub(crate) client: aws_sdk_iam::Client,
    pub(crate) caller: Caller,
}

/// What a role or user may do, as `SimulatePrincipalPolicy` says: action, resource and decision.
pub(crate) type Decisions = Vec<(String, String, bool)>;

impl Iam {
    /// The inline policies of a role, by name; nothing where there is no such role
    /// (`iam:ListRolePolicies`, `iam:GetRolePolicy`).
    pub(crate) async fn inline_policies(
        &self,
        role: &str,
    ) -> Result<Option<BTreeMap<String, String>>, Error> {
        let (mut names, mut marker) = (Vec::new(), None);
        loop {
            let call = self
                .client
                .list_role_policies()
                .role_name(role)
                .set_marker(marker)
                .send();
            let answer = match self
                .caller
                .send("iam:ListRolePolicies", Some(role), call)
                .await
            {
                Err(error) if error.is_aws(&["NoSuchEntity"]) => return Ok(None),
                answered => answered?,
            };
            names.extend(answer.policy_names().iter().cloned());
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                break;
            }
        }
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
            policies.insert(name, decoded(answer.policy_document()));
        }
        Ok(Some(policies))
    }

    /// The ARNs of the managed policies of a role; nothing where there is no such role
    /// (`iam:ListAttachedRolePolicies`).
    pub(crate) async fn attached_policies(&self, role: &str) -> Result<Option<Vec<String>>, Error> {
        let (mut arns, mut marker) = (Vec::new(), None);
        loop {
            let call = self
                .client
                .list_attached_role_policies()
                .role_name(role)
                .set_marker(marker)
                .send();
            let answer = match self
                .caller
                .send("iam:ListAttachedRolePolicies", Some(role), call)
                .await
            {
                Err(error) if error.is_aws(&["NoSuchEntity"]) => return Ok(None),
                answered => answered?,
            };
            arns.extend(
                answer
                    .attached_policies()
                    .iter()
                    .filter_map(|policy| policy.policy_arn.clone()),
            );
            marker = answer.marker.filter(|_| answer.is_truncated);
            if marker.is_none() {
                return Ok(Some(arns));
            }
        }
    }

    /// Attaches a managed policy to a role; a repeat changes nothing (`iam:AttachRolePolicy`).
    pub(crate) async fn attach(&self, role: &str, policy: &str) -> Result<(), Error> {
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

    /// Detaches it; one that is not attached is no error (`iam:DetachRolePolicy`).
    pub(crate) async fn detach(&self, role: &str, policy: &str) -> Result<(), Error> {
        let call = self
            .client
            .detach_role_policy()
            .role_name(role)
            .policy_arn(policy)
            .send();
        gone(
            self.caller
                .send("iam:DetachRolePolicy", Some(role), call)
                .await,
        )
    }

    /// Puts an inline policy of a role (`iam:PutRolePolicy`).
    pub(crate) async fn put(&self, role: &str, name: &str, document: &str) -> Result<(), Error> {
        let call = self
            .client
            .put_role_policy()
            .role_name(role)
            .policy_name(name)
            .policy_document(document)
            .send();
        self.caller
            .send("iam:PutRolePolicy", Some(role), call)
            .await
            .map(|_| ())
            .map_err(|error| {
                // Service-linked roles cannot be changed, and sizes are bounded (R5.8).
                let refused = error.is_aws(&[
                    "LimitExceeded",
                    "UnmodifiableEntity",
                    "MalformedPolicyDocument",
                ]);
                let code = Code::RolePolicyRefused;
                if refused {
                    Error {
                        code,
                        remedy: code.remedy().to_owned(),
                        ..error
                    }
                } else {
                    error
                }
            })
    }

    /// Deletes it; one that is not there is no error (`iam:DeleteRolePolicy`).
    pub(crate) async fn delete(&self, role: &str, name: &str) -> Result<(), Error> {
        let call = self
            .client
            .delete_role_policy()
            .role_name(role)
            .policy_name(name)
            .send();
        gone(
            self.caller
                .send("iam:DeleteRolePolicy", Some(role), call)
                .await,
        )
    }

    /// The ARNs of a service's roles: one, or several where some have a suffix (`iam:ListRoles`).
    pub(crate) async fn service_linked_roles(&self, service: &str) -> Result<Vec<String>, Error> {
        let prefix = format!("/aws-service-role/{service}/");
        let call = self.client.list_roles().path_prefix(&prefix).send();
        let answer = self
            .caller
            .send("iam:ListRoles", Some(&prefix), call)
            .await?;
        Ok(answer
            .roles()
            .iter()
            .map(|role| role.arn().to_owned())
            .collect())
    }

    /// Makes the role of a service, and returns its ARN (`iam:CreateServiceLinkedRole`). An account
    /// has one: who comes second is told that its name is taken, and finds it.
    pub(crate) async fn create_service_linked_role(
        &self,
        service: &str,
    ) -> Result<Option<String>, Error> {
        let call = self
            .client
            .create_service_linked_role()
            .aws_service_name(service)
            .send();
        match self
            .caller
            .send("iam:CreateServiceLinkedRole", Some(service), call)
            .await
        {
            Err(error) if error.is_aws(&["InvalidInput", "InvalidInputException"]) => {
                let made = self.service_linked_roles(service).await?;
                if made.is_empty() {
                    Err(error)
                } else {
                    Ok(made.into_iter().next())
                }
            }
            answered => Ok(answered?.role.map(|role| role.arn)),
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
        let entries = context.iter().map(|(name, value)| {
            let kind = if value == "true" {
                ContextKeyTypeEnum::Boolean
            } else {
                ContextKeyTypeEnum::String
            };
            ContextEntry::builder()
                .context_key_name(*name)
                .context_key_type(kind)
                .context_key_values(value)
                .build()
        });
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        let call = self
            .client
            .simulate_principal_policy()
            .policy_source_arn(principal)
            .set_action_names(Some(actions))
            .set_resource_arns(Some(resources.to_vec()).filter(|some| !some.is_empty()))
            .set_context_entries(Some(entries.collect()))
            .send();
        let answer = self
            .caller
            .send("iam:SimulatePrincipalPolicy", Some(principal), call)
            .await?;
        let decision = |result: &aws_sdk_iam::types::EvaluationResult| {
            let resource = result.eval_resource_name().unwrap_or("*").to_owned();
            (
                result.eval_action_name().to_owned(),
                resource,
                result.eval_decision().as_str() == "allowed",
            )
        };
        Ok(answer.evaluation_results().iter().map(decision).collect())
    }
}

fn gone<T>(answer: Result<T, Error>) -> Result<(), Error> {
    match answer {
        Err(error) if !error.is_aws(&["NoSuchEntity"]) => Err(error),
        _ => Ok(()),
    }
}

/// IAM answers documents as they stand in a URL.
fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document)
        .decode_utf8_lossy()
        .into_owned()
}

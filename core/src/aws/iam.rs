//! IAM: roles in targets, their policies, and what those would allow. IAM is global: every Region
//! answers the same.

mod simulation;

use std::collections::BTreeMap;

use aws_sdk_iam::types::Role;

use super::on_demand::OnDemand;
use super::pages::Pages;
use super::sts::role_name_of;
use super::unreadable::present;
use super::{Caller, accept_codes};
use crate::diagnostic::{Code, Error};

pub(crate) use simulation::{Context, Denier, OwnDecision, OwnSide, Simulation, may_have_key, set};

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
    pub(crate) client: OnDemand<aws_sdk_iam::Client>,
    pub(crate) caller: Caller,
}

impl Iam {
    /// The ARN of a role, with the path that a name does not tell; `None` if there is no such role
    /// (`iam:GetRole`).
    pub(crate) async fn role_arn(&self, role: &str) -> Result<Option<String>, Error> {
        const ACTION: &str = "iam:GetRole";
        let call = || self.client.get().get_role().role_name(role).send();
        let answer = self.caller.send(ACTION, Some(role), call).await;
        let answer = none_if_absent(answer)?;
        match answer.and_then(|answer| answer.role) {
            Some(role) => self.arn_of(ACTION, role).map(Some),
            None => Ok(None),
        }
    }

    /// The alias of the account; `None` if it has none (`iam:ListAccountAliases`).
    pub(crate) async fn account_alias(&self) -> Result<Option<String>, Error> {
        const ACTION: &str = "iam:ListAccountAliases";
        let call = || self.client.get().list_account_aliases();
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.account_aliases().len(), page.marker())
        });
        let mut alias = None;
        while let Some(page) = pages.next().await? {
            alias = alias.or(page.account_aliases.into_iter().next());
        }
        Ok(alias)
    }

    /// The ARN of a role in an answer. The SDK makes an empty text of a member that is missing.
    fn arn_of(&self, action: &'static str, role: Role) -> Result<String, Error> {
        let arn = Some(role.arn).filter(|arn| !arn.is_empty());
        present("Arn", arn).map_err(|unreadable| {
            let unreadable = unreadable.of(&role.role_name);
            self.caller.unreadable(action, &unreadable)
        })
    }

    /// The principal whose policies decide for a caller of this account: the role of a session, or
    /// the caller itself (`iam:GetRole` for a session).
    pub(crate) async fn principal_of(&self, caller: &str) -> Result<String, Error> {
        let Some(role) = role_name_of(caller) else {
            return Ok(caller.to_owned());
        };
        let arn = self.role_arn(role).await?;
        arn.ok_or_else(|| {
            self.caller
                .unexpected(role, "IAM does not know the role of the session")
        })
    }

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
            let call = || {
                self.client
                    .get()
                    .get_role_policy()
                    .role_name(role)
                    .policy_name(&name)
                    .send()
            };
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
        let call = || self.client.get().list_role_policies().role_name(role);
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, Some(role)), pages, |page| {
            (page.policy_names().len(), page.marker())
        });
        while let Some(page) = pages.next().await? {
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
        let call = || {
            self.client
                .get()
                .list_attached_role_policies()
                .role_name(role)
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, Some(role)), pages, |page| {
            (page.attached_policies().len(), page.marker())
        });
        while let Some(page) = pages.next().await? {
            for policy in page.attached_policies.unwrap_or_default() {
                let arn = present("PolicyArn", policy.policy_arn).map_err(|unreadable| {
                    let unreadable = unreadable.of(role);
                    self.caller.unreadable(ACTION, &unreadable)
                })?;
                arns.push(arn);
            }
        }
        Ok(arns)
    }

    /// Attaches a managed policy to a role; a repeat changes nothing (`iam:AttachRolePolicy`).
    pub(crate) async fn attach_policy(&self, role: &str, policy: &str) -> Result<(), Error> {
        let call = || {
            self.client
                .get()
                .attach_role_policy()
                .role_name(role)
                .policy_arn(policy)
                .send()
        };
        self.caller
            .send("iam:AttachRolePolicy", Some(role), call)
            .await
            .map(|_| ())
    }

    /// Detaches a managed policy from a role; one that is not attached is no error
    /// (`iam:DetachRolePolicy`).
    pub(crate) async fn detach_policy(&self, role: &str, policy: &str) -> Result<(), Error> {
        let call = || {
            self.client
                .get()
                .detach_role_policy()
                .role_name(role)
                .policy_arn(policy)
                .send()
        };
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
        let call = || {
            self.client
                .get()
                .put_role_policy()
                .role_name(role)
                .policy_name(name)
                .policy_document(document)
                .send()
        };
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
        let call = || {
            self.client
                .get()
                .delete_role_policy()
                .role_name(role)
                .policy_name(name)
                .send()
        };
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
        let call = || self.client.get().list_roles().path_prefix(&prefix);
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, Some(&prefix)), pages, |page| {
            (page.roles().len(), page.marker())
        });
        while let Some(page) = pages.next().await? {
            for role in page.roles {
                let arn = self.arn_of(ACTION, role)?;
                arns.push(self.check_role_of_service(service, arn)?);
            }
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
        const ACTION: &str = "iam:CreateServiceLinkedRole";
        let call = || {
            self.client
                .get()
                .create_service_linked_role()
                .aws_service_name(service)
                .send()
        };
        let answer = self.caller.send(ACTION, Some(service), call).await;
        match answer {
            Err(error) if error.is_aws(&["InvalidInput", "InvalidInputException"]) => {
                let mut existing = self.service_linked_roles(service).await?.into_iter();
                existing.next().map(Some).ok_or(error)
            }
            answer => match answer?.role {
                Some(role) => {
                    let arn = self.arn_of(ACTION, role)?;
                    self.check_role_of_service(service, arn).map(Some)
                }
                None => Ok(None),
            },
        }
    }

    /// The ARN of a role, which gets a grant: it must be one of this account and service.
    fn check_role_of_service(&self, service: &str, arn: String) -> Result<String, Error> {
        let account = self
            .caller
            .identity
            .as_ref()
            .map(|own| own.account.as_ref());
        let expected = format!(
            "iam::{}:role/aws-service-role/{service}/",
            account.unwrap_or_default()
        );
        let mut parts = arn.splitn(3, ':');
        let is_arn = parts.next() == Some("arn") && parts.next().is_some();
        let name = parts.next().and_then(|rest| rest.strip_prefix(&expected));
        if is_arn && name.is_some_and(|name| !name.is_empty() && !name.contains('/')) {
            return Ok(arn);
        }
        let message = format!("IAM names {arn} as a role of {service} in this account");
        Err(self.caller.unexpected(service, message))
    }
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

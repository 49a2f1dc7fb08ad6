//! Who is calling, and what they may do: identity policies, session policies, boundaries, service
//! control policies, key policies and grants.

mod identity;
mod kms;

use std::time::Duration;

pub(crate) use identity::{On, assume, ec2, service, simulate};
pub(crate) use kms::{KeyUse, kms, retire, usable};

use crate::policy::Context;
use crate::wire::{Call, Fail, Service};
use crate::world::{Credential, Principal, Role, World};

/// Finds who signed a call, with everything that speaks of what they may do. IAM's changes take
/// effect after `delay`.
///
/// # Errors
/// For unknown and expired access keys, in the words of the service.
pub(crate) fn caller(
    world: &World,
    call: &Call,
    now: Duration,
    delay: Duration,
) -> Result<Principal, Fail> {
    let credential = world.credentials.get(&call.access_key_id);
    let credential = credential.filter(|known| known.session_token == call.session_token);
    let credential = credential.ok_or_else(|| unknown(call.service))?;
    if credential.expires.is_some_and(|end| end <= now) {
        let code = match call.service {
            Service::Ec2 => "RequestExpired",
            Service::Iam | Service::Sts => "ExpiredToken",
            Service::Kms | Service::Ssm => "ExpiredTokenException",
        };
        return Err(Fail::bad(
            code,
            "The security token included in the request is expired",
        ));
    }
    let account = &credential.facts.account;
    let is_on = world.regions.iter().all(|region| {
        region.name != call.region
            || !region.opt_in
            || world
                .accounts
                .get(account)
                .is_some_and(|account| account.opted_in.contains(&region.name))
    });
    // To a Region that is off, nobody of the account is known (R5.5).
    if is_on {
        Ok(principal(world, credential, now, delay))
    } else {
        Err(unknown(call.service))
    }
}

fn unknown(service: Service) -> Fail {
    const INVALID: &str = "The security token included in the request is invalid.";
    match service {
        Service::Ec2 => Fail::new(
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        ),
        Service::Iam | Service::Sts => Fail::new(403, "InvalidClientTokenId", INVALID),
        Service::Kms | Service::Ssm => Fail::bad("UnrecognizedClientException", INVALID),
    }
}

/// Everything that speaks of what somebody may do at a moment.
pub(crate) fn principal(
    world: &World,
    credential: &Credential,
    now: Duration,
    delay: Duration,
) -> Principal {
    let facts = credential.facts.clone();
    let account = world.accounts.get(&facts.account);
    let role = facts
        .role_arn
        .as_ref()
        .and_then(|arn| account?.roles.values().find(|role| role.arn == *arn));
    // A session of a role that was deleted and made again is nobody's (R3.3.8).
    let role = role.filter(|role| facts.unique_id.split(':').next() == Some(&role.unique_id));
    let in_force = |since: Duration| since.is_zero() || since + delay <= now;
    let mut policies = Vec::new();
    if let Some(role) = role {
        policies.extend(
            role.inline
                .values()
                .filter(|policy| in_force(policy.since))
                .map(|p| p.document.clone()),
        );
        let attached = role.attached.iter().filter(|(_, since)| in_force(**since));
        policies.extend(
            attached.filter_map(|(arn, _)| Some(account?.policies.get(arn)?.document.clone())),
        );
    }
    if credential.administrator {
        policies.push(everything());
    }
    // Neither controls nor the organization's condition keys are certain to reach service-linked
    // roles (R3.1.10).
    let organization = world
        .organization
        .as_ref()
        .filter(|_| !role.is_some_and(Role::is_service_linked));
    Principal {
        policies,
        session_policy: credential.session_policy.clone(),
        boundary: role.and_then(|role| role.boundary.clone()),
        controls: organization
            .map(|all| all.controls_of(&facts.account))
            .unwrap_or_default(),
        membership: organization.and_then(|all| all.membership(&facts.account)),
        facts,
    }
}

fn everything() -> std::sync::Arc<crate::policy::Document> {
    static EVERYTHING: std::sync::LazyLock<std::sync::Arc<crate::policy::Document>> =
        std::sync::LazyLock::new(|| {
            let policy =
                r#"{ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] }"#;
            std::sync::Arc::new(crate::policy::Document::from_text(policy).unwrap_or_default())
        });
    EVERYTHING.clone()
}

/// The condition keys that every request carries.
pub(crate) fn context(who: &Principal, region: &str) -> Context {
    let mut context = Context::new();
    let facts = &who.facts;
    set(&mut context, "aws:PrincipalAccount", &facts.account);
    set(
        &mut context,
        "aws:PrincipalArn",
        facts.role_arn.as_ref().unwrap_or(&facts.arn),
    );
    set(&mut context, "aws:userid", &facts.unique_id);
    set(&mut context, "aws:RequestedRegion", region);
    if let Some(membership) = &who.membership {
        set(&mut context, "aws:PrincipalOrgID", &membership.organization);
        set(&mut context, "aws:PrincipalOrgPaths", &membership.path);
    }
    context
}

/// Sets a condition key to one value.
pub(crate) fn set(context: &mut Context, key: &str, value: &str) {
    context.insert(key.to_lowercase(), vec![value.to_owned()]);
}

/// Why something is not allowed, in AWS's words (R1.6, R3.1.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Denied(Kind),
    Silent(Kind),
}

/// The kinds of policy that may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Identity,
    Session,
    Boundary,
    Control,
    Resource,
}

impl Refusal {
    fn words(self, action: &str) -> String {
        let name = |kind: Kind| match kind {
            Kind::Identity => "identity-based policy",
            Kind::Session => "session policy",
            Kind::Boundary => "permissions boundary",
            Kind::Control => "service control policy",
            Kind::Resource => "resource-based policy",
        };
        match self {
            Self::Denied(Kind::Identity) => {
                "with an explicit deny in an identity-based policy".to_owned()
            }
            Self::Denied(kind) => format!("with an explicit deny in a {}", name(kind)),
            Self::Silent(kind) => format!("because no {} allows the {action} action", name(kind)),
        }
    }
}

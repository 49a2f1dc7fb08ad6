//! Who is calling, and what they may do: identity policies, session policies, boundaries, service
//! control policies, key policies and grants.

mod identity;
mod kept_policies;
mod kms;
mod refusal;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

pub(crate) use identity::{Resource, authorize_ec2, authorize_service, may_assume};
pub(crate) use kms::{KeyUse, authorize_key_use, authorize_retirement, check_key_state};
pub(crate) use refusal::decode_refusal;

use crate::policy::{AccessRequest, Context, Decision, Document};
use crate::wire::{Call, Fail, Service, WITH_WEB_IDENTITY};
use crate::world::{Account, Credential, Principal, ResourceControl, Role, World};

/// The principal who signed a call, with every policy that decides what it may do. IAM's changes
/// take effect after `delay`.
///
/// # Errors
/// For unknown and expired access keys, in the words of the service.
pub(crate) fn caller(
    world: &World,
    call: &Call,
    now: Duration,
    delay: Duration,
) -> Result<Principal, Fail> {
    if call.service == Service::Sts && call.operation == WITH_WEB_IDENTITY {
        // Whoever signs it, if anybody does: the token says who calls.
        return Ok(Principal::default());
    }
    let Some(credential) = world.credentials.get(&call.access_key_id) else {
        return Err(unknown_key(call.service));
    };
    if credential.session_token != call.session_token {
        return Err(unknown_key(call.service));
    }
    if credential.expires.is_some_and(|end| end <= now) {
        return Err(expired_key(call.service));
    }
    // In a Region that is not enabled for an account, its keys are unknown (R5.5).
    if !is_enabled(world, &call.region, &credential.facts.account) {
        return Err(unknown_key(call.service));
    }
    Ok(principal(world, credential, now, delay))
}

/// Whether a Region is enabled for an account. Regions that the world does not list are.
fn is_enabled(world: &World, region: &str, account: &str) -> bool {
    let Some(region) = world.regions.iter().find(|known| known.name == region) else {
        return true;
    };
    let account = world.accounts.get(account);
    !region.opt_in || account.is_some_and(|account| account.opted_in.contains(&region.name))
}

fn unknown_key(service: Service) -> Fail {
    const INVALID: &str = "The security token included in the request is invalid.";
    match service {
        Service::Ec2 => Fail::new(
            401,
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
        ),
        Service::AutoScaling | Service::Iam | Service::Sts => {
            Fail::new(403, "InvalidClientTokenId", INVALID)
        }
        Service::Kms | Service::Organizations | Service::Ssm => {
            Fail::bad("UnrecognizedClientException", INVALID)
        }
    }
}

fn expired_key(service: Service) -> Fail {
    let code = match service {
        Service::Ec2 => "RequestExpired",
        Service::AutoScaling | Service::Iam | Service::Sts => "ExpiredToken",
        Service::Kms | Service::Organizations | Service::Ssm => "ExpiredTokenException",
    };
    let message = "The security token included in the request is expired";
    Fail::bad(code, message)
}

/// The principal behind a credential, with every policy that decides at a moment what it may do.
pub(crate) fn principal(
    world: &World,
    credential: &Credential,
    now: Duration,
    delay: Duration,
) -> Principal {
    let facts = credential.facts.clone();
    let account = world.accounts.get(&facts.account);
    let role = account.and_then(|account| role_of(account, credential));
    let mut policies = Vec::new();
    if let (Some(account), Some(role)) = (account, role) {
        let in_force = |since: Duration| since.is_zero() || since + delay <= now;
        policies = role_policies(account, role, in_force);
    }
    if credential.administrator {
        policies.push(EVERYTHING.clone());
    }
    // It is not certain that controls and the organization's condition keys apply to
    // service-linked roles (R3.1.10). Here they do not.
    let is_service = role.is_some_and(Role::is_service_linked);
    let organization = world.organization.as_ref().filter(|_| !is_service);
    let (controls, membership) = match organization {
        Some(organization) => (
            organization.controls_of(&facts.account),
            organization.membership(&facts.account),
        ),
        None => (Vec::new(), None),
    };
    Principal {
        policies,
        session_policy: session_policy(account, credential),
        boundary: account.and_then(|account| boundary_of(account, role?)),
        controls,
        membership,
        facts,
    }
}

/// The boundary of a role: the managed policy, as it is now.
fn boundary_of(account: &Account, role: &Role) -> Option<Arc<Document>> {
    let policy = account.managed_policy(role.boundary.as_ref()?);
    // Without its policy a boundary allows nothing.
    Some(policy.map_or_else(Arc::default, |policy| policy.document))
}

/// The role of a session. A session of a role that was deleted has none, even if a new role has
/// the same name (R3.3.8).
fn role_of<'a>(account: &'a Account, credential: &Credential) -> Option<&'a Role> {
    let facts = &credential.facts;
    let arn = facts.role_arn.as_ref()?;
    let role = account.roles.values().find(|role| role.arn == *arn)?;
    (facts.unique_id.split(':').next() == Some(&role.unique_id)).then_some(role)
}

/// The identity policies of a role that are in force.
fn role_policies(
    account: &Account,
    role: &Role,
    in_force: impl Fn(Duration) -> bool,
) -> Vec<Arc<Document>> {
    let mut documents = Vec::new();
    for policy in role.inline.values() {
        if in_force(policy.since) {
            documents.push(policy.document.clone());
        }
    }
    for (arn, since) in &role.attached {
        if let Some(policy) = account.managed_policy(arn)
            && in_force(*since)
        {
            documents.push(policy.document);
        }
    }
    documents
}

/// The inline session policy and the managed ones together: a session may do what any of them
/// allows and none denies (R5.4). The managed ones count as they are now (recorded).
fn session_policy(account: Option<&Account>, credential: &Credential) -> Option<Arc<Document>> {
    let mut policies: Vec<_> = credential.session_policy.iter().cloned().collect();
    for arn in &credential.managed_session_policies {
        let policy = account.and_then(|account| account.managed_policy(arn));
        policies.push(policy.unwrap_or_default().document);
    }
    policies
        .into_iter()
        .reduce(|all, policy| Arc::new(all.and(&policy)))
}

/// The policy of administrators.
pub(crate) const ALLOW_EVERYTHING: &str =
    r#"{ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] }"#;

static EVERYTHING: LazyLock<Arc<Document>> =
    LazyLock::new(|| Arc::new(Document::from_text(ALLOW_EVERYTHING).unwrap_or_default()));

/// The address that every caller calls from.
pub(crate) const CALLER_ADDRESS: &str = "203.0.113.7";

/// The condition keys that every request carries.
pub(crate) fn context(caller: &Principal, region: &str) -> Context {
    let mut context = Context::new();
    let facts = &caller.facts;
    let arn = facts.role_arn.as_ref().unwrap_or(&facts.arn);
    set(&mut context, "aws:PrincipalAccount", &facts.account);
    set(&mut context, "aws:PrincipalArn", arn);
    set(&mut context, "aws:userid", &facts.unique_id);
    set(&mut context, "aws:RequestedRegion", region);
    set(&mut context, "aws:SecureTransport", "true");
    set(&mut context, "aws:SourceIp", CALLER_ADDRESS);
    set(&mut context, "aws:ViaAWSService", "false");
    set(&mut context, "aws:PrincipalIsAWSService", "false");
    if let Some(membership) = &caller.membership {
        set(&mut context, "aws:PrincipalOrgID", &membership.organization);
        set(&mut context, "aws:PrincipalOrgPaths", &membership.path);
    }
    context
}

/// The ARN of a resource control policy that denies a use. Service-linked roles are exempt.
pub(crate) fn denying_control(
    controls: &[ResourceControl],
    access: &AccessRequest<'_>,
) -> Option<String> {
    let role = access.principal.role_arn.as_deref().unwrap_or_default();
    if role.contains(":role/aws-service-role/") {
        return None;
    }
    let denies =
        |control: &&ResourceControl| control.document.evaluate(access) == Decision::ExplicitDeny;
    let control = controls.iter().find(denies)?;
    Some(control.arn.clone())
}

/// Sets a condition key to one value.
pub(crate) fn set(context: &mut Context, key: &str, value: &str) {
    context.insert(key.to_lowercase(), vec![value.to_owned()]);
}

//! Who is calling, and what they may do: identity policies, session policies, key policies and grants.

use crate::policy::{Ask, Context, Document, Named, PrincipalFacts, Verdict};
use crate::wire::{Call, Fail, Service};
use crate::world::{Grant, Key, KeyState, Principal, World};

/// Finds who signed a call.
///
/// # Errors
/// For unknown and expired access keys, in the words of the service.
pub(crate) fn caller(world: &World, call: &Call, now: std::time::Duration) -> Result<Principal, Fail> {
    let credential = world.credentials.get(&call.access_key_id);
    let credential = credential.filter(|known| known.session_token == call.session_token).ok_or_else(|| match call
        .service
    {
        Service::Ec2 => Fail::new(401, "AuthFailure", "AWS was not able to validate the provided access credentials"),
        Service::Sts => {
            Fail::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        }
        Service::Kms => {
            Fail::bad("UnrecognizedClientException", "The security token included in the request is invalid.")
        }
    })?;
    if credential.expires.is_some_and(|end| end <= now) {
        let code = if call.service == Service::Ec2 { "RequestExpired" } else { "ExpiredTokenException" };
        return Err(Fail::bad(code, "The security token included in the request is expired"));
    }
    Ok(credential.principal.clone())
}

/// The condition keys that every request carries.
pub(crate) fn context(who: &PrincipalFacts, region: &str) -> Context {
    let mut context = Context::new();
    set(&mut context, "aws:PrincipalAccount", &who.account);
    set(&mut context, "aws:PrincipalArn", who.role_arn.as_ref().unwrap_or(&who.arn));
    set(&mut context, "aws:RequestedRegion", region);
    context
}

/// Sets a condition key to one value.
pub(crate) fn set(context: &mut Context, key: &str, value: &str) {
    context.insert(key.to_lowercase(), vec![value.to_owned()]);
}

/// Why IAM does not allow something, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    IdentityDeny,
    IdentitySilent,
    SessionDeny,
    SessionSilent,
    ResourceDeny,
    ResourceSilent,
}

impl Refusal {
    fn words(self, action: &str) -> String {
        match self {
            Self::IdentityDeny => "with an explicit deny in an identity-based policy".to_owned(),
            Self::SessionDeny => "with an explicit deny in a session policy".to_owned(),
            Self::ResourceDeny => "with an explicit deny in a resource-based policy".to_owned(),
            Self::IdentitySilent => format!("because no identity-based policy allows the {action} action"),
            Self::SessionSilent => format!("because no session policy allows the {action} action"),
            Self::ResourceSilent => format!("because no resource-based policy allows the {action} action"),
        }
    }
}

/// What the principal's own policies say.
fn identity(who: &Principal, action: &str, resource: &str, context: &Context) -> Result<(), Refusal> {
    let ask = Ask { principal: &who.facts, action, resource, context };
    session(who, &ask)?;
    let verdicts: Vec<Verdict> = who.policies.iter().map(|policy| policy.ask(&ask)).collect();
    if verdicts.contains(&Verdict::Denied) {
        Err(Refusal::IdentityDeny)
    } else if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Allowed(_))) {
        Ok(())
    } else {
        Err(Refusal::IdentitySilent)
    }
}

/// A session can do no more than its session policy (R5.4).
fn session(who: &Principal, ask: &Ask<'_>) -> Result<(), Refusal> {
    match who.session_policy.as_ref().map(|policy| policy.ask(ask)) {
        None | Some(Verdict::Allowed(_)) => Ok(()),
        Some(Verdict::Denied) => Err(Refusal::SessionDeny),
        Some(Verdict::Silent) => Err(Refusal::SessionSilent),
    }
}

/// Whether EC2 lets the principal do something to each of these resources (R1.6).
///
/// # Errors
/// `UnauthorizedOperation` in AWS's words.
pub(crate) fn ec2(who: &Principal, action: &str, resources: &[String], context: &Context) -> Result<(), Fail> {
    for resource in resources {
        identity(who, action, resource, context).map_err(|refusal| {
            let message = format!(
                "You are not authorized to perform this operation. User: {} is not authorized to perform: {action} on resource: {resource} {}. Encoded authorization failure message: {}",
                who.facts.arn,
                refusal.words(action),
                crate::world::hex(&format!("{action} {resource}"), 40),
            );
            Fail::new(403, "UnauthorizedOperation", message)
        })?;
    }
    Ok(())
}

/// Whether IAM alone lets the principal do something in KMS that concerns no key yet.
///
/// # Errors
/// `AccessDeniedException` in AWS's words.
pub(crate) fn iam(who: &Principal, action: &str, context: &Context) -> Result<(), Fail> {
    identity(who, action, "*", context).map_err(|refusal| {
        let words = refusal.words(action);
        let message = format!("User: {} is not authorized to perform: {action} on resource: * {words}", who.facts.arn);
        Fail::bad("AccessDeniedException", message)
    })
}

/// Whether STS lets the principal assume a role: the trust policy must name it, and where it names only the account, or
/// another account than the role's, IAM must allow it too (R5.1).
pub(crate) fn assume(
    who: &Principal,
    role_arn: &str,
    trust: &Document,
    external_id: Option<&str>,
    region: &str,
) -> bool {
    let mut context = context(&who.facts, region);
    if let Some(id) = external_id {
        set(&mut context, "sts:ExternalId", id);
    }
    let ask = Ask { principal: &who.facts, action: "sts:AssumeRole", resource: role_arn, context: &context };
    let same_account = role_arn.contains(&format!("::{}:", who.facts.account));
    match (trust.ask(&ask), identity(who, "sts:AssumeRole", role_arn, &context)) {
        (Verdict::Allowed(_), Ok(())) => true,
        (Verdict::Allowed(Named::Closely), Err(Refusal::IdentitySilent)) => same_account,
        _ => false,
    }
}

/// Whether KMS lets the principal do something with a key. Across accounts both sides must allow it (R3.1.1); within one,
/// the key policy is the root of all access and may leave it to IAM (R3.1.3).
///
/// # Errors
/// `AccessDeniedException` in AWS's words.
pub(crate) fn kms(who: &Principal, action: &str, key: &Key, context: &Context) -> Result<(), Fail> {
    allowed_by_kms(who, action, key, context).map_err(|refusal| {
        let words = refusal.words(action);
        let message =
            format!("User: {} is not authorized to perform: {action} on resource: {} {words}", who.facts.arn, key.arn);
        Fail::bad("AccessDeniedException", message)
    })
}

fn allowed_by_kms(who: &Principal, action: &str, key: &Key, context: &Context) -> Result<(), Refusal> {
    let mut context = context.clone();
    set(&mut context, "kms:CallerAccount", &who.facts.account);
    let ask = Ask { principal: &who.facts, action, resource: &key.arn, context: &context };
    let policy = Document::from_text(key.policy()).unwrap_or_default();
    let (of_key, of_identity) = (policy.ask(&ask), identity(who, action, &key.arn, &context));
    if of_key == Verdict::Denied {
        return Err(Refusal::ResourceDeny);
    }
    if let Err(deny @ (Refusal::IdentityDeny | Refusal::SessionDeny)) = of_identity {
        return Err(deny);
    }
    session(who, &ask)?;
    let granted = |issuer_is_owner: bool| {
        key.grants.iter().any(|grant| {
            (grant.issuing_account == key.account) == issuer_is_owner && holds(grant, who) && covers(grant, action)
        })
    };
    if who.facts.account == key.account {
        return match of_key {
            Verdict::Allowed(Named::Closely) => Ok(()),
            Verdict::Allowed(Named::ByAccount) => of_identity,
            _ if granted(true) => Ok(()),
            _ => Err(Refusal::ResourceSilent),
        };
    }
    match of_key {
        // A grant that the caller's own account issued is enough alone (R3.3.8).
        _ if granted(false) => Ok(()),
        Verdict::Allowed(_) => of_identity,
        _ if granted(true) => of_identity,
        _ => Err(Refusal::ResourceSilent),
    }
}

fn holds(grant: &Grant, who: &Principal) -> bool {
    let facts = &who.facts;
    grant.grantee == facts.arn
        || Some(&grant.grantee) == facts.role_arn.as_ref()
        || grant.grantee == format!("arn:aws:iam::{}:root", facts.account)
}

fn covers(grant: &Grant, action: &str) -> bool {
    grant.operations.iter().any(|operation| action.strip_prefix("kms:") == Some(operation))
}

/// Whether a key can be used for cryptography in its state (R3.4).
///
/// # Errors
/// `DisabledException` or `KMSInvalidStateException`.
pub(crate) fn usable(key: &Key) -> Result<(), Fail> {
    match key.state {
        KeyState::Enabled => Ok(()),
        KeyState::Disabled => Err(Fail::bad("DisabledException", format!("{} is disabled.", key.arn))),
        KeyState::PendingDeletion => {
            Err(Fail::bad("KMSInvalidStateException", format!("{} is pending deletion.", key.arn)))
        }
        KeyState::PendingImport => {
            Err(Fail::bad("KMSInvalidStateException", format!("{} is pending import.", key.arn)))
        }
    }
}

/// What EC2 asks KMS for on the caller's behalf, all of it: the first refusal decides.
///
/// # Errors
/// As [`kms()`] and [`usable`].
pub(crate) fn via_ec2(who: &Principal, actions: &[&str], key: &Key, region: &str) -> Result<(), Fail> {
    let mut context = context(&who.facts, region);
    set(&mut context, "kms:ViaService", &format!("ec2.{region}.amazonaws.com"));
    for action in actions {
        let mut context = context.clone();
        if *action == "kms:CreateGrant" {
            set(&mut context, "kms:GrantIsForAWSResource", "true");
        }
        kms(who, action, key, &context)?;
        if *action != "kms:DescribeKey" {
            usable(key)?;
        }
    }
    Ok(())
}

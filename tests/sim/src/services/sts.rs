//! STS: who the caller is, and sessions of roles.

mod web_identity;

use std::sync::Arc;
use std::time::Duration;

use super::Request;
use crate::auth;
use crate::partition;
use crate::policy::{AccessRequest, Document, PrincipalFacts, matches};
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query, WITH_WEB_IDENTITY};
use crate::world::{Credential, Policy, Role, World, hex};

/// The usual session of a role, and the longest of a session that assumes a role (R5.3).
const HOUR: u64 = 3600;

pub(super) fn call(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "GetCallerIdentity" => Ok(identity(&request.caller.facts)),
        "AssumeRole" => assume_role(world, query, request),
        WITH_WEB_IDENTITY => web_identity::assume_role(world, query, request),
        "GetSessionToken" => session_token(world, query, request),
        "DecodeAuthorizationMessage" => decode(query, request),
        other => {
            let message = format!("Could not find operation {other} for version 2011-06-15");
            Err(Fail::bad("InvalidAction", message))
        }
    }
}

/// Needs no permission (R5.6).
fn identity(caller: &PrincipalFacts) -> Body {
    Body::Xml(vec![
        Element::of("Arn", &caller.arn),
        Element::of("UserId", &caller.unique_id),
        Element::of("Account", &caller.account),
    ])
}

fn assume_role(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    // 1. The parameters.
    let (arn, session_name) = (query.need("RoleArn")?, query.need("RoleSessionName")?);
    check_session_name(session_name)?;
    let seconds = read_duration(query, 43_200)?.unwrap_or(HOUR);
    let external_id = query.get("ExternalId");
    check_external_id(external_id)?;
    if request.caller.facts.role_arn.is_some() && seconds > HOUR {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles \
                       assumed by role chaining";
        return Err(validation_error(message));
    }

    check_controls(world, arn, request)?;

    // 2. The role. AWS does not say whether the role, its trust, the external ID or the permission
    //    is missing (R5.1).
    let role = find_role(world, arn).filter(|role| {
        let trust = &role.trust.document;
        auth::may_assume(
            request.caller,
            &role.arn,
            trust,
            external_id,
            request.region,
        )
    });
    let Some(role) = role.cloned() else {
        let user = &request.caller.facts.arn;
        let message =
            format!("User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn}");
        return Err(Fail::new(403, "AccessDenied", message));
    };

    // 3. The limits of the session.
    let account = account_of(arn).unwrap_or_default();
    let mut limits = session_limits(world, query, account, request)?;
    check_longest_session(&role, seconds)?;
    let expires = request.now + Duration::from_secs(seconds);

    // 4. The session.
    limits.expires = Some(expires);
    let (key_id, token) = session(world, &role, account, session_name, limits);
    let facts = session_facts(&role, account, session_name);
    let user = Element::new("AssumedRoleUser")
        .text("Arn", facts.arn)
        .text("AssumedRoleId", facts.unique_id);
    let credentials = render_credentials(&key_id, &token, expires, request);
    // The figure means nothing here: it is the one that was recorded without any policy.
    let size = Element::of("PackedPolicySize", 9);
    Ok(Body::Xml(vec![user, credentials, size]))
}

/// Fails if a resource control policy over the role's account denies to assume it.
fn check_controls(world: &World, arn: &str, request: &Request<'_>) -> Result<(), Fail> {
    let context = auth::context(request.caller, request.region);
    let access = AccessRequest {
        principal: &request.caller.facts,
        action: "sts:AssumeRole",
        resource: arn,
        context: &context,
    };
    let controls = world.resource_controls(account_of(arn).unwrap_or_default());
    let Some(control) = auth::denying_control(&controls, &access) else {
        return Ok(());
    };
    let user = &request.caller.facts.arn;
    let message = format!(
        "User: {user} is not authorized to perform: sts:AssumeRole on resource: {arn} with an \
         explicit deny in a resource control policy: {control}"
    );
    Err(Fail::new(403, "AccessDenied", message))
}

/// Fails if a session would last longer than its role allows.
fn check_longest_session(role: &Role, seconds: u64) -> Result<(), Fail> {
    if seconds <= role.longest_session() {
        return Ok(());
    }
    let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    Err(validation_error(message))
}

fn validation_error(message: impl Into<String>) -> Fail {
    Fail::bad("ValidationError", message)
}

fn check_session_name(name: &str) -> Result<(), Fail> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if (2..=64).contains(&name.len()) && name.chars().all(fits) {
        return Ok(());
    }
    Err(validation_error(format!(
        "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
    )))
}

fn check_external_id(id: Option<&str>) -> Result<(), Fail> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    match id {
        Some(id) if !(2..=1224).contains(&id.len()) || !id.chars().all(fits) => {
            Err(validation_error(
                "1 validation error detected: Value at 'externalId' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*",
            ))
        }
        _ => Ok(()),
    }
}

/// How many seconds a session is to last, if the request says so. A plus sign and zeros in front
/// belong to numbers too (recorded).
fn read_duration(query: &Query, most: u64) -> Result<Option<u64>, Fail> {
    let Some(text) = query.get("DurationSeconds") else {
        return Ok(None);
    };
    let bound = match text.parse::<u64>() {
        Ok(seconds) if (900..=most).contains(&seconds) => return Ok(Some(seconds)),
        Ok(..900) | Err(_) => "greater than or equal to 900".to_owned(),
        Ok(_) => format!("less than or equal to {most}"),
    };
    Err(validation_error(format!(
        "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy \
         constraint: Member must have value {bound}"
    )))
}

/// Temporary keys of a user, for twelve hours if the request does not say. A session gets none.
fn session_token(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let seconds = read_duration(query, 129_600)?.unwrap_or(12 * HOUR);
    let mut credential = world
        .credentials
        .values()
        .find(|of| of.facts.arn == request.caller.facts.arn && of.session_token.is_none())
        .cloned()
        .ok_or_else(|| {
            let message = "Cannot call GetSessionToken with session credentials";
            Fail::new(403, "AccessDenied", message)
        })?;
    let expires = request.now + Duration::from_secs(seconds);
    let key_id = format!("ASIA{}", world.issue(16).to_uppercase());
    let token = hex(&format!("token {key_id}"), 64);
    credential.session_token = Some(token.clone());
    credential.expires = Some(expires);
    world.credentials.insert(key_id.clone(), credential);
    Ok(Body::Xml(vec![render_credentials(
        &key_id, &token, expires, request,
    )]))
}

fn render_credentials(
    key_id: &str,
    token: &str,
    expires: Duration,
    request: &Request<'_>,
) -> Element {
    Element::new("Credentials")
        .text("AccessKeyId", key_id)
        .text("SecretAccessKey", secret_of(key_id))
        .text("SessionToken", token)
        .text("Expiration", request.clock.text(expires))
}

/// Decodes the message of a refusal in the caller's account (R5.6).
fn decode(query: &Query, request: &Request<'_>) -> Outcome {
    let context = auth::context(request.caller, request.region);
    let (action, denied) = ("sts:DecodeAuthorizationMessage", (403, "AccessDenied"));
    auth::authorize_service(request.caller, action, "*", &context, denied)?;
    let message = auth::decode_refusal(query.need("EncodedMessage")?, request.account());
    let message = message.ok_or_else(|| {
        let message = "Not authorized to decode message";
        Fail::bad("InvalidAuthorizationMessageException", message)
    })?;
    Ok(Body::Xml(vec![Element::of("DecodedMessage", message)]))
}

fn find_role<'a>(world: &'a World, arn: &str) -> Option<&'a Role> {
    if !matches("arn:aws*:iam::*:role/*", arn) {
        return None;
    }
    let account = world.accounts.get(account_of(arn)?)?;
    account.roles.get(arn.rsplit('/').next()?)
}

fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

/// What limits a session: its inline session policy, and the ARNs of the managed ones (R5.4).
#[derive(Default)]
pub(crate) struct SessionLimits {
    expires: Option<Duration>,
    policy: Option<Arc<Document>>,
    managed: Vec<String>,
}

fn session_limits(
    world: &World,
    query: &Query,
    account: &str,
    request: &Request<'_>,
) -> Result<SessionLimits, Fail> {
    let mut limits = SessionLimits::default();
    if let Some(text) = query.get("Policy") {
        if text.len() > 2048 {
            return Err(policy_too_large());
        }
        let policy = Policy::parse(text, request.now)
            .map_err(|problem| Fail::bad("MalformedPolicyDocument", problem))?;
        limits.policy = Some(policy.document);
    }
    let arns = query.members("PolicyArns.member");
    if arns.len() > 10 {
        return Err(policy_too_large());
    }
    let account = world.accounts.get(account);
    for arn in &arns {
        let arn = arn.need("arn")?;
        if account.is_none_or(|account| account.managed_policy(arn).is_none()) {
            // AWS's words are not known.
            let message = format!("The managed policy {arn} does not exist");
            return Err(validation_error(message));
        }
        limits.managed.push(arn.to_owned());
    }
    Ok(limits)
}

fn policy_too_large() -> Fail {
    let message = "Packed policy consumes more than 100% of allotted space";
    Fail::bad("PackedPolicyTooLarge", message)
}

fn secret_of(key_id: &str) -> String {
    hex(&format!("secret {key_id}"), 40)
}

fn session_facts(role: &Role, account: &str, name: &str) -> PrincipalFacts {
    let partition = partition::of_arn(&role.arn);
    PrincipalFacts {
        account: account.to_owned(),
        arn: format!(
            "arn:{partition}:sts::{account}:assumed-role/{}/{name}",
            role.name()
        ),
        role_arn: Some(role.arn.clone()),
        unique_id: format!("{}:{name}", role.unique_id),
    }
}

/// Starts a session of a role, which `limits` ends and restricts. Returns its access key ID and
/// token.
pub(crate) fn session(
    world: &mut World,
    role: &Role,
    account: &str,
    name: &str,
    limits: SessionLimits,
) -> (String, String) {
    let key_id = format!("ASIA{}", world.issue(16).to_uppercase());
    let token = hex(&format!("token {key_id}"), 64);
    let credential = Credential {
        secret: secret_of(&key_id),
        session_token: Some(token.clone()),
        expires: limits.expires,
        facts: session_facts(role, account, name),
        administrator: false,
        session_policy: limits.policy,
        managed_session_policies: limits.managed,
    };
    world.credentials.insert(key_id.clone(), credential);
    (key_id, token)
}

//! STS: who somebody is, and roles.

use std::sync::Arc;
use std::time::Duration;

use crate::auth;
use crate::policy::{Document, PrincipalFacts, matches};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Credential, Policy, Role, World, hex};

pub(crate) fn call(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "GetCallerIdentity" => Ok(identity(&request.caller.facts)),
        "AssumeRole" => assume_role(world, query, request),
        other => Err(Fail::bad(
            "InvalidAction",
            format!("Could not find operation {other} for version 2011-06-15"),
        )),
    }
}

/// Needs no permission (R5.6).
fn identity(who: &PrincipalFacts) -> Body {
    Body::Xml(vec![
        Element::of("Arn", &who.arn),
        Element::of("UserId", &who.unique_id),
        Element::of("Account", &who.account),
    ])
}

fn assume_role(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (arn, session) = (query.need("RoleArn")?, query.need("RoleSessionName")?);
    let name_fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&session.len()) || !session.chars().all(name_fits) {
        let message = format!(
            "1 validation error detected: Value '{session}' at 'roleSessionName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        );
        return Err(Fail::bad("ValidationError", message));
    }
    let seconds = duration(query)?;
    let id_fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    let external_id = query.get("ExternalId");
    if external_id.is_some_and(|id| !(2..=1224).contains(&id.len()) || !id.chars().all(id_fits)) {
        let message = "1 validation error detected: Value at 'externalId' failed to satisfy \
                       constraint: Member must satisfy regular expression pattern: \
                       [\\w+=,.@:\\/-]*";
        return Err(Fail::bad("ValidationError", message));
    }
    if request.caller.facts.role_arn.is_some() && seconds > 3600 {
        let message = "The requested DurationSeconds exceeds the 1 hour session limit for roles \
                       assumed by role chaining";
        return Err(Fail::bad("ValidationError", message));
    }
    // A missing role, trust, external ID or permission: AWS does not tell them apart (R5.1).
    let who = &request.caller.facts.arn;
    let message =
        format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}");
    let denied = || Fail::new(403, "AccessDenied", message.clone());
    let account = arn
        .split(':')
        .nth(4)
        .filter(|_| matches("arn:aws:iam::*:role/*", arn))
        .ok_or_else(denied)?;
    let name = arn.rsplit('/').next().ok_or_else(denied)?;
    let role = world
        .accounts
        .get(account)
        .and_then(|account| account.roles.get(name))
        .cloned()
        .ok_or_else(denied)?;
    if !auth::assume(
        request.caller,
        &role.arn,
        &role.trust.document,
        external_id,
        request.region,
    ) {
        return Err(denied());
    }
    let session_policy = session_policy(world, query, account, request)?;
    // The longest session of a role is an hour unless its owner says otherwise, which is not
    // simulated (R5.3).
    if seconds > 3600 {
        let message =
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(Fail::bad("ValidationError", message));
    }
    let expires = request.now + Duration::from_secs(seconds);
    let (key_id, token) = self::session(
        world,
        &role,
        account,
        session,
        Some((expires, session_policy)),
    );
    let facts = world
        .credentials
        .get(&key_id)
        .map(|known| known.facts.clone())
        .unwrap_or_default();
    let answer = vec![
        Element::new("AssumedRoleUser")
            .text("Arn", &facts.arn)
            .text("AssumedRoleId", &facts.unique_id),
        Element::new("Credentials")
            .text("AccessKeyId", &key_id)
            .text("SecretAccessKey", secret_of(&key_id))
            .text("SessionToken", token)
            .text("Expiration", request.clock.text(expires)),
    ];
    Ok(Body::Xml(answer))
}

/// How long the session is to last; an hour where nothing is said (R5.3).
fn duration(query: &Query) -> Result<u64, Fail> {
    let Some(text) = query.get("DurationSeconds") else {
        return Ok(3600);
    };
    let invalid = |bound: &str| {
        let message = format!(
            "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy \
             constraint: Member must have value {bound}"
        );
        Fail::bad("ValidationError", message)
    };
    match text.parse() {
        Ok(seconds @ 900..=43200) => Ok(seconds),
        Ok(..900) | Err(_) => Err(invalid("greater than or equal to 900")),
        Ok(_) => Err(invalid("less than or equal to 43200")),
    }
}

/// The inline session policy and the managed ones beside it: a session may do what any of them
/// allows and none denies (R5.4).
fn session_policy(
    world: &World,
    query: &Query,
    account: &str,
    request: &Request<'_>,
) -> Result<Option<Arc<Document>>, Fail> {
    let too_large = || {
        Fail::bad(
            "PackedPolicyTooLarge",
            "Packed policy consumes more than 100% of allotted space",
        )
    };
    let inline = match query.get("Policy") {
        Some(text) if text.len() > 2048 => return Err(too_large()),
        Some(text) => Some(
            Policy::parse(text, request.now)
                .map_err(|problem| Fail::bad("MalformedPolicyDocument", problem))?,
        ),
        None => None,
    };
    let arns: Vec<Query> = query.members("PolicyArns.member");
    if arns.len() > 10 {
        return Err(too_large());
    }
    let mut documents: Vec<Arc<Document>> =
        inline.into_iter().map(|policy| policy.document).collect();
    for arn in &arns {
        let arn = arn.need("arn")?;
        let known = world
            .accounts
            .get(account)
            .and_then(|account| account.policies.get(arn));
        // AWS's words are not known.
        let missing = || {
            Fail::bad(
                "ValidationError",
                format!("The managed policy {arn} does not exist"),
            )
        };
        documents.push(known.ok_or_else(missing)?.document.clone());
    }
    Ok(documents
        .into_iter()
        .reduce(|all, one| Arc::new(all.and(&one))))
}

fn secret_of(key_id: &str) -> String {
    hex(&format!("secret {key_id}"), 40)
}

/// A new session of a role: its access key ID and token.
pub(crate) fn session(
    world: &mut World,
    role: &Role,
    account: &str,
    name: &str,
    limits: Option<(Duration, Option<Arc<Document>>)>,
) -> (String, String) {
    let role_name = role.arn.rsplit('/').next().unwrap_or_default();
    let facts = PrincipalFacts {
        account: account.to_owned(),
        arn: format!("arn:aws:sts::{account}:assumed-role/{role_name}/{name}"),
        role_arn: Some(role.arn.clone()),
        unique_id: format!("{}:{name}", role.unique_id),
    };
    let key_id = format!("ASIA{}", world.issue(16).to_uppercase());
    let (secret, token) = (secret_of(&key_id), hex(&format!("token {key_id}"), 64));
    let (expires, session_policy) =
        limits.map_or((None, None), |(expires, policy)| (Some(expires), policy));
    let session_token = Some(token.clone());
    let credential = Credential {
        secret,
        session_token,
        expires,
        facts,
        administrator: false,
        session_policy,
    };
    world.credentials.insert(key_id.clone(), credential);
    (key_id, token)
}

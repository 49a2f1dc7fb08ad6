//! STS: who somebody is, and roles.

use std::time::Duration;

use crate::auth;
use crate::policy::{Document, PrincipalFacts, matches};
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Credential, Principal, World, hex};

pub(crate) fn call(world: &mut World, operation: &str, query: &Query, ask: &Ask<'_>) -> Outcome {
    match operation {
        "GetCallerIdentity" => Ok(identity(&ask.who.facts)),
        "AssumeRole" => assume_role(world, query, ask),
        other => Err(Fail::bad("InvalidAction", format!("Could not find operation {other} for version 2011-06-15"))),
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

fn assume_role(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let (arn, session) = (query.need("RoleArn")?, query.need("RoleSessionName")?);
    let name_fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&session.len()) || !session.chars().all(name_fits) {
        let message = format!(
            "1 validation error detected: Value '{session}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
        );
        return Err(Fail::bad("ValidationError", message));
    }
    let seconds: u64 = query.get("DurationSeconds").and_then(|text| text.parse().ok()).unwrap_or(3600);
    if !(900..=43200).contains(&seconds) || (ask.who.facts.role_arn.is_some() && seconds > 3600) {
        let message =
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
        return Err(Fail::bad("ValidationError", message));
    }
    // A missing role, trust, external ID or permission: AWS does not tell them apart (R5.1).
    let who = &ask.who.facts.arn;
    let message = format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}");
    let denied = || Fail::new(403, "AccessDenied", message.clone());
    let account = arn.split(':').nth(4).filter(|_| matches("arn:aws:iam::*:role/*", arn)).ok_or_else(denied)?;
    let name = arn.rsplit('/').next().ok_or_else(denied)?;
    let role = world.accounts.get(account).and_then(|account| account.roles.get(name)).cloned().ok_or_else(denied)?;
    if !auth::assume(ask.who, &role.arn, &role.trust, query.get("ExternalId"), ask.region) {
        return Err(denied());
    }
    let session_policy = match query.get("Policy") {
        None => None,
        Some(text) if text.len() > 2048 => {
            return Err(Fail::bad("PackedPolicyTooLarge", "Packed policy consumes more than 100% of allotted space"));
        }
        Some(text) => Some(Document::from_text(text).map_err(|problem| Fail::bad("MalformedPolicyDocument", problem))?),
    };
    let facts = PrincipalFacts {
        account: account.to_owned(),
        arn: format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
        role_arn: Some(role.arn.clone()),
        unique_id: format!("{}:{session}", role.unique_id),
    };
    let key_id = format!("ASIA{}", world.issue(16).to_uppercase());
    let (secret, token) = (hex(&format!("secret {key_id}"), 40), hex(&format!("token {key_id}"), 64));
    let expires = ask.now + Duration::from_secs(seconds);
    let answer = vec![
        Element::new("AssumedRoleUser").text("Arn", &facts.arn).text("AssumedRoleId", &facts.unique_id),
        Element::new("Credentials")
            .text("AccessKeyId", &key_id)
            .text("SecretAccessKey", &secret)
            .text("SessionToken", &token)
            .text("Expiration", ask.clock.text(expires)),
    ];
    let principal = Principal { facts, policies: role.policies, session_policy };
    let credential = Credential { secret, session_token: Some(token), expires: Some(expires), principal };
    world.credentials.insert(key_id, credential);
    Ok(Body::Xml(answer))
}

//! Sessions of roles for whoever shows an ID token that the role trusts (R5.18, R5.19).

use std::time::Duration;

use serde_json::{Map, Value};

use super::super::Request;
use super::{
    HOUR, account_of, check_longest_session, check_session_name, find_role, read_duration,
    render_credentials, session, session_facts, session_limits,
};
use crate::auth;
use crate::policy::{AccessRequest, Context, PrincipalFacts};
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Role, World, read_id_token};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// The claims that policies can ask for as condition keys of the provider (R7.27).
const CLAIMS: [&str; 5] = [
    "aud",
    "sub",
    "repository_id",
    "environment",
    "job_workflow_ref",
];

pub(super) fn assume_role(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    // 1. The parameters.
    let (arn, session_name) = (query.need("RoleArn")?, query.need("RoleSessionName")?);
    let token = query.need("WebIdentityToken")?;
    check_session_name(session_name)?;
    let seconds = read_duration(query, 43_200)?.unwrap_or(HOUR);

    // 2. The token, and the provider of the role's account that it is from.
    let account = account_of(arn).unwrap_or_default();
    let token = Token::read(token)?;
    check_provider(world, account, &token)?;
    token.check_time(request)?;

    // 3. The role. AWS does not say whether it or its trust is missing.
    let role = find_role(world, arn).cloned();
    let role = role.filter(|role| is_trusted(world, role, &token, request));
    let Some(role) = role else {
        let message = format!("Not authorized to perform {ACTION}");
        return Err(Fail::new(403, "AccessDenied", message));
    };

    // 4. The session, with its limits.
    let mut limits = session_limits(world, query, account, request)?;
    check_longest_session(&role, seconds)?;
    let expires = request.now + Duration::from_secs(seconds);
    limits.expires = Some(expires);
    let (key_id, session_token) = session(world, &role, account, session_name, limits);
    let facts = session_facts(&role, account, session_name);
    let user = Element::new("AssumedRoleUser")
        .text("Arn", facts.arn)
        .text("AssumedRoleId", facts.unique_id);
    Ok(Body::Xml(vec![
        Element::of("SubjectFromWebIdentityToken", token.claim("sub")),
        user,
        render_credentials(&key_id, &session_token, expires, request),
        Element::of("Provider", provider_arn(&role, &token)),
        Element::of("Audience", token.claim("aud")),
    ]))
}

/// What a token says.
struct Token(Map<String, Value>);

impl Token {
    fn read(text: &str) -> Result<Self, Fail> {
        let message = "The ID Token provided is not a valid JWT. (You may see this error if you \
                       sent an Access Token)";
        let claims = read_id_token(text);
        claims.map(Self).ok_or_else(|| invalid_token(message))
    }

    fn claim(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The issuer as IAM names it, without the scheme.
    fn host(&self) -> &str {
        self.claim("iss").trim_start_matches("https://")
    }

    fn check_time(&self, request: &Request<'_>) -> Result<(), Fail> {
        let end = self.0.get("exp").and_then(Value::as_f64);
        let end = end.unwrap_or_default();
        let now = request.clock.epoch(request.now);
        if now < end {
            return Ok(());
        }
        // AWS writes it without the blank.
        let message = format!(
            "Token expired: current date/time {now:.0} must be before the expiration \
             date/time{end:.0}"
        );
        Err(Fail::bad("ExpiredTokenException", message))
    }
}

fn invalid_token(message: impl Into<String>) -> Fail {
    Fail::bad("InvalidIdentityToken", message)
}

/// Fails unless the account has the token's provider, and that takes its audience.
fn check_provider(world: &World, account: &str, token: &Token) -> Result<(), Fail> {
    let providers = world
        .accounts
        .get(account)
        .map(|account| &account.identity_providers);
    let audiences = providers.and_then(|providers| providers.get(token.host()));
    let Some(audiences) = audiences else {
        let issuer = token.claim("iss");
        let message = format!("No OpenIDConnect provider found in your account for {issuer}");
        return Err(invalid_token(message));
    };
    if audiences.iter().any(|known| known == token.claim("aud")) {
        return Ok(());
    }
    Err(invalid_token("Incorrect token audience"))
}

fn provider_arn(role: &Role, token: &Token) -> String {
    let head = role.arn.split(":role/").next().unwrap_or_default();
    format!("{head}:oidc-provider/{}", token.host())
}

/// Whether the role's trust policy names the provider under conditions that hold, and no resource
/// control policy denies it.
fn is_trusted(world: &World, role: &Role, token: &Token, request: &Request<'_>) -> bool {
    let mut context = Context::new();
    for name in CLAIMS {
        if !token.claim(name).is_empty() {
            let key = format!("{}:{name}", token.host());
            auth::set(&mut context, &key, token.claim(name));
        }
    }
    auth::set(&mut context, "aws:RequestedRegion", request.region);
    auth::set(&mut context, "aws:SecureTransport", "true");
    auth::set(&mut context, "aws:SourceIp", auth::CALLER_ADDRESS);
    let principal = PrincipalFacts::federated(&provider_arn(role, token), token.claim("sub"));
    let access = AccessRequest {
        principal: &principal,
        action: ACTION,
        resource: &role.arn,
        context: &context,
    };
    let controls = world.resource_controls(account_of(&role.arn).unwrap_or_default());
    role.trust.document.evaluate(&access).is_allow()
        && auth::denying_control(&controls, &access).is_none()
}

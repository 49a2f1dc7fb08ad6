//! Key policies: what KMS takes and what it gives back.

use serde_json::{Value, json};

use super::{Op, Params, allowed, need};
use crate::auth;
use crate::policy::{Ask as Question, Document, Verdict};
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::World;

/// R3.2.2.
const LIMIT: usize = 32_768;

pub(super) fn get(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let key = allowed(
        world,
        params,
        request,
        &Op::new("kms:GetKeyPolicy", false, false),
    )?;
    only_default(params)?;
    let policy = key.policy_at(request.now.saturating_sub(request.staleness));
    Ok(Body::Json(
        json!({ "Policy": policy, "PolicyName": "default" }),
    ))
}

/// Replaces the whole document; there is no compare-and-set (R3.2.1).
pub(super) fn put(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let arn = allowed(
        world,
        params,
        request,
        &Op::new("kms:PutKeyPolicy", false, false),
    )?
    .arn
    .clone();
    if params.get("PolicyName").and_then(Value::as_str) == Some("AWS_RAM") {
        let message = "The AWS_RAM policy can only be managed by the RAM service";
        return Err(Fail::bad("ValidationException", message));
    }
    only_default(params)?;
    let text = need(params, "Policy")?;
    if world.keys.get(&arn).is_some_and(|key| key.aws_managed) {
        let message = format!(
            "User: {} is not authorized to perform: kms:PutKeyPolicy on resource: {arn}",
            request.caller.facts.arn
        );
        return Err(Fail::bad("AccessDeniedException", message));
    }
    let bypass = params.get("BypassPolicyLockoutSafetyCheck") == Some(&Value::Bool(true));
    check(world, text, bypass, request)?;
    if let Some(key) = world.keys.get_mut(&arn) {
        key.policies.push((request.now, text.to_owned()));
    }
    Ok(Body::Json(json!({})))
}

fn only_default(params: &Params) -> Result<(), Fail> {
    match params.get("PolicyName").and_then(Value::as_str) {
        None | Some("default") => Ok(()),
        Some(other) => Err(Fail::bad(
            "NotFoundException",
            format!("No such policy exists: {other}"),
        )),
    }
}

/// Whether KMS takes a document: characters, size, form, principals, and that it locks nobody out.
pub(super) fn check(
    world: &World,
    text: &str,
    bypass_lockout_check: bool,
    request: &Request<'_>,
) -> Result<(), Fail> {
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
    if let Some(bad) = text.chars().find(|c| !fits(*c)) {
        let message = format!(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member \
             must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+ \
             (found '{bad}')"
        );
        return Err(Fail::bad("ValidationException", message));
    }
    if text.len() > LIMIT {
        let message = format!(
            "The key policy has {} bytes, more than the limit of {LIMIT}.",
            text.len()
        );
        return Err(Fail::bad("LimitExceededException", message));
    }
    let malformed = |message: &str| Fail::bad("MalformedPolicyDocumentException", message);
    let document = Document::from_text(text).map_err(|problem| malformed(&problem))?;
    if !document
        .aws_principals()
        .all(|principal| exists(world, principal, request))
    {
        return Err(malformed(
            "Policy contains a statement with one or more invalid principals.",
        ));
    }
    let context = auth::context(request.caller, request.region);
    let question = Question {
        principal: &request.caller.facts,
        action: "kms:PutKeyPolicy",
        resource: "*",
        context: &context,
    };
    if !bypass_lockout_check && !matches!(document.ask(&question), Verdict::Allowed(_)) {
        return Err(malformed(
            "The new key policy will not allow you to update the key policy in the future.",
        ));
    }
    Ok(())
}

/// Whether a principal is somebody. Accounts exist unless the scenario says otherwise; roles must
/// be there, and a new one is not known at once; what is left of a deleted role, its unique ID, is
/// nobody (R3.2.4, R3.2.6).
pub(crate) fn exists(world: &World, principal: &str, request: &Request<'_>) -> bool {
    if principal == "*" {
        return true;
    }
    let is_account = |text: &str| {
        text.len() == 12
            && text.bytes().all(|b| b.is_ascii_digit())
            && !world.nonexistent_accounts.contains(text)
    };
    let parts: Vec<&str> = principal.splitn(6, ':').collect();
    let [_, _, "iam" | "sts", _, account, resource] = parts[..] else {
        return is_account(principal);
    };
    if !is_account(account) {
        return false;
    }
    let is_role = |name: &str| {
        let known = |created: std::time::Duration| {
            created.is_zero() || created + request.options.delays.iam <= request.now
        };
        let role = world
            .accounts
            .get(account)
            .and_then(|account| account.roles.get(name));
        role.is_some_and(|role| known(role.created))
    };
    match resource.split_once('/') {
        None => resource == "root",
        Some(("user", _)) => world
            .credentials
            .values()
            .any(|known| known.facts.arn == principal),
        Some(("role", path)) => is_role(path.rsplit('/').next().unwrap_or(path)),
        Some(("assumed-role", path)) => is_role(path.split('/').next().unwrap_or(path)),
        Some((kind, _)) => kind == "federated-user",
    }
}

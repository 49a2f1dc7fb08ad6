//! Key policies: `GetKeyPolicy`, `PutKeyPolicy`, and which documents KMS accepts.

use serde_json::json;

use super::authorize::{Operation, authorized_key};
use super::params::{is_true, need, text};
use super::{Params, pages, principals};
use crate::auth;
use crate::policy::{AccessRequest, Context, Document};
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome};
use crate::world::World;

/// How many bytes a policy has at most, and how many where AWS raised the limit (R3.2.2).
const LIMIT: usize = 32_768;
const RAISED_LIMIT: usize = 131_072;

pub(super) fn get(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let operation = Operation::own_keys("kms:GetKeyPolicy");
    let key = authorized_key(world, params, request, &operation)?;
    if let (Some("AWS_RAM"), Some(policy)) = (text(params, "PolicyName"), &key.ram_policy) {
        let answer = json!({ "Policy": policy, "PolicyName": "AWS_RAM" });
        return Ok(Body::Json(answer));
    }
    check_name(params)?;
    let policy = key.policy_at(request.read_as_of());
    let answer = json!({ "Policy": policy, "PolicyName": "default" });
    Ok(Body::Json(answer))
}

/// The names of a key's policies (R3.8).
pub(super) fn list(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let page = pages::read_within(params, request, 100, 1_000)?;
    let operation = Operation::own_keys("kms:ListKeyPolicies");
    let key = authorized_key(world, params, request, &operation)?;
    let mut names = vec![json!("default")];
    names.extend(key.ram_policy.as_ref().map(|_| json!("AWS_RAM")));
    let (names, next) = page.slice(names);
    Ok(pages::answer("PolicyNames", names, next))
}

/// Replaces the whole document; there is no compare-and-set (R3.2.1).
pub(super) fn put(world: &mut World, params: &Params, request: &Request<'_>) -> Outcome {
    let operation = Operation::own_keys("kms:PutKeyPolicy").with_context(bypass_context(params));
    let key = authorized_key(world, params, request, &operation)?;
    let (arn, aws_managed) = (key.arn.clone(), key.aws_managed);
    if text(params, "PolicyName") == Some("AWS_RAM") {
        let message = "The AWS_RAM policy can only be managed by the RAM service";
        return Err(Fail::bad("ValidationException", message));
    }
    check_name(params)?;
    let policy = need(params, "Policy")?;
    if aws_managed {
        let user = &request.caller.facts.arn;
        let message = format!(
            "User: {user} is not authorized to perform: kms:PutKeyPolicy on resource: {arn}"
        );
        return Err(Fail::bad("AccessDeniedException", message));
    }
    let bypass = is_true(params, "BypassPolicyLockoutSafetyCheck");
    check(world, policy, &arn, bypass, request)?;
    if let Some(key) = world.keys.get_mut(&arn) {
        key.policies.push((request.now, policy.to_owned()));
    }
    Ok(Body::Json(json!({})))
}

/// The condition key of a call that says whether it passes by the lockout check; a call that does
/// not say so has none (R3.2.10).
fn bypass_context(params: &Params) -> Context {
    const PARAM: &str = "BypassPolicyLockoutSafetyCheck";
    let mut context = Context::new();
    if params.contains_key(PARAM) {
        let bypass = is_true(params, PARAM).to_string();
        auth::set(&mut context, "kms:BypassPolicyLockoutSafetyCheck", &bypass);
    }
    context
}

/// A key has one policy, called `default`, and another if AWS RAM shares it.
fn check_name(params: &Params) -> Result<(), Fail> {
    match text(params, "PolicyName") {
        None | Some("default") => Ok(()),
        Some(other) => {
            let message = format!("No such policy exists: {other}");
            Err(Fail::bad("NotFoundException", message))
        }
    }
}

/// Checks a document as KMS does: characters, size, form, principals, and that the caller can
/// still change it afterwards.
pub(super) fn check(
    world: &World,
    text: &str,
    key: &str,
    bypass_lockout_check: bool,
    request: &Request<'_>,
) -> Result<(), Fail> {
    let limit = if world.raised_kms_limits {
        RAISED_LIMIT
    } else {
        LIMIT
    };
    check_text(text, limit)?;
    let malformed = |message: &str| Fail::bad("MalformedPolicyDocumentException", message);
    let document = Document::from_text(text).map_err(|problem| malformed(&problem))?;
    for principal in document.aws_principals() {
        if !principals::exists(world, principal, request) {
            let message = "Policy contains a statement with one or more invalid principals.";
            return Err(malformed(message));
        }
    }
    let mut context = request.context();
    auth::set(&mut context, "kms:CallerAccount", request.account());
    auth::set(&mut context, "aws:ResourceAccount", request.account());
    let access = AccessRequest {
        principal: &request.caller.facts,
        action: "kms:PutKeyPolicy",
        resource: key,
        context: &context,
    };
    if !bypass_lockout_check && !document.evaluate(&access).is_allow() {
        let message =
            "The new key policy will not allow you to update the key policy in the future.";
        return Err(malformed(message));
    }
    Ok(())
}

fn check_text(text: &str, limit: usize) -> Result<(), Fail> {
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
    if let Some(bad) = text.chars().find(|c| !fits(*c)) {
        let message = format!(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member \
             must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u00FF]+ \
             (found '{bad}')"
        );
        return Err(Fail::bad("ValidationException", message));
    }
    let size = text.len();
    if size > limit {
        let message = format!("The key policy has {size} bytes, more than the limit of {limit}.");
        return Err(Fail::bad("LimitExceededException", message));
    }
    Ok(())
}

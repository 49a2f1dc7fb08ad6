//! Policies of roles, inline and attached (R5.8). Names of inline policies ignore case (R7.30).

use super::{authorized_role, check_changeable, no_such_entity, pages, url_encoded};
use crate::policy::check_values;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Policy, Role, World, stored_name};

/// The characters that all inline policies of a role have together, without white space.
const INLINE_LIMIT: usize = 10_240;

/// Reads a policy. IAM checks the values of conditions, which STS does not (recorded).
pub(super) fn read_policy(query: &Query, request: &Request<'_>) -> Result<Policy, Fail> {
    let malformed = |problem| Fail::bad("MalformedPolicyDocument", problem);
    let policy = Policy::parse(query.need("PolicyDocument")?, request.now).map_err(malformed)?;
    check_values(&policy.text).map_err(malformed)?;
    Ok(policy)
}

fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

/// The stored spelling of the name of a role's inline policy.
fn find_name(role: &Role, name: &str) -> Result<String, Fail> {
    stored_name(role.inline.keys(), name)
        .ok_or_else(|| no_such_entity(format!("The role policy with name {name} cannot be found.")))
}

/// A policy replaces the one whose name differs in case only, and keeps that one's name.
pub(super) fn put(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = authorized_role(world, query, request, "PutRolePolicy", None)?;
    check_changeable(role)?;
    let name = query.need("PolicyName")?;
    let policy = read_policy(query, request)?;
    let name = find_name(role, name).unwrap_or_else(|_| name.to_owned());
    let mut total = size(&policy.text);
    for (other, policy) in &role.inline {
        if *other != name {
            total += size(&policy.text);
        }
    }
    if total > INLINE_LIMIT {
        let role_name = role.name();
        let message =
            format!("Maximum policy size of {INLINE_LIMIT} bytes exceeded for role {role_name}");
        return Err(Fail::new(409, "LimitExceeded", message));
    }
    role.inline.insert(name, policy);
    Ok(Body::Xml(Vec::new()))
}

/// The answer has the name as the request spells it (recorded).
pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("PolicyName")?;
    let role = authorized_role(world, query, request, "GetRolePolicy", None)?;
    let policy = &role.inline[&find_name(role, name)?];
    Ok(Body::Xml(vec![
        Element::of("RoleName", role.name()),
        Element::of("PolicyName", name),
        Element::of("PolicyDocument", url_encoded(&policy.text)),
    ]))
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("PolicyName")?;
    let role = authorized_role(world, query, request, "DeleteRolePolicy", None)?;
    check_changeable(role)?;
    let name = find_name(role, name)?;
    role.inline.remove(&name);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn list(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = authorized_role(world, query, request, "ListRolePolicies", None)?;
    let names = role.inline.keys();
    let names = names.map(|name| Element::of("member", name)).collect();
    pages::answer(query, request, "PolicyNames", names)
}

pub(super) fn attach(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let arn = query.need("PolicyArn")?;
    let account = world.accounts.get(request.account());
    let exists = account.is_some_and(|account| account.managed_policy(arn).is_some());
    let role = authorized_role(world, query, request, "AttachRolePolicy", Some(arn))?;
    check_changeable(role)?;
    if !exists {
        let message = format!("Policy {arn} does not exist or is not attachable.");
        return Err(no_such_entity(message));
    }
    role.attached.entry(arn.to_owned()).or_insert(request.now);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn detach(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let arn = query.need("PolicyArn")?;
    let role = authorized_role(world, query, request, "DetachRolePolicy", Some(arn))?;
    check_changeable(role)?;
    if role.attached.remove(arn).is_none() {
        return Err(no_such_entity(format!("Policy {arn} was not found.")));
    }
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn list_attached(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = authorized_role(world, query, request, "ListAttachedRolePolicies", None)?;
    let mut items = Vec::new();
    for arn in role.attached.keys() {
        let name = arn.rsplit('/').next().unwrap_or_default();
        items.push(pages::member(vec![
            Element::of("PolicyName", name),
            Element::of("PolicyArn", arn),
        ]));
    }
    pages::answer(query, request, "AttachedPolicies", items)
}

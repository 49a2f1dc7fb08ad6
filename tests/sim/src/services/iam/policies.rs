//! Policies of roles, inline and attached (R5.8).

use super::{
    authorize, authorized_role, check_changeable, no_such_entity, own_account, pages, url_encoded,
};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Policy, World};

/// The characters that all inline policies of a role have together, without white space.
const INLINE_LIMIT: usize = 10_240;

pub(super) fn read_policy(query: &Query, request: &Request<'_>) -> Result<Policy, Fail> {
    Policy::parse(query.need("PolicyDocument")?, request.now)
        .map_err(|problem| Fail::bad("MalformedPolicyDocument", problem))
}

fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

pub(super) fn put(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, name) = (query.need("RoleName")?, query.need("PolicyName")?);
    let role = authorized_role(world, query, request, "PutRolePolicy", None)?;
    check_changeable(role, role_name)?;
    let policy = read_policy(query, request)?;
    let mut total = size(&policy.text);
    for (other, policy) in &role.inline {
        if other != name {
            total += size(&policy.text);
        }
    }
    if total > INLINE_LIMIT {
        let message =
            format!("Maximum policy size of {INLINE_LIMIT} bytes exceeded for role {role_name}");
        return Err(Fail::new(409, "LimitExceeded", message));
    }
    role.inline.insert(name.to_owned(), policy);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, name) = (query.need("RoleName")?, query.need("PolicyName")?);
    let role = authorized_role(world, query, request, "GetRolePolicy", None)?;
    let policy = role.inline.get(name).ok_or_else(|| missing(name))?;
    Ok(Body::Xml(vec![
        Element::of("RoleName", role_name),
        Element::of("PolicyName", name),
        Element::of("PolicyDocument", url_encoded(&policy.text)),
    ]))
}

fn missing(name: &str) -> Fail {
    no_such_entity(format!("The role policy with name {name} cannot be found."))
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, name) = (query.need("RoleName")?, query.need("PolicyName")?);
    let role = authorized_role(world, query, request, "DeleteRolePolicy", None)?;
    check_changeable(role, role_name)?;
    role.inline.remove(name).ok_or_else(|| missing(name))?;
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn list(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = authorized_role(world, query, request, "ListRolePolicies", None)?;
    let names = role.inline.keys();
    let names = names.map(|name| Element::of("member", name)).collect();
    pages::answer(query, request, "PolicyNames", names)
}

/// A customer managed policy, which can be attached to roles.
pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (name, path) = (query.need("PolicyName")?, query.get("Path").unwrap_or("/"));
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", request.account());
    authorize(request, "CreatePolicy", &arn, None)?;
    let policy = read_policy(query, request)?;
    let account = own_account(world, request);
    if account.policies.contains_key(&arn) {
        let message =
            format!("A policy called {name} already exists. Duplicate names are not allowed.");
        return Err(Fail::new(409, "EntityAlreadyExists", message));
    }
    account.policies.insert(arn.clone(), policy);
    let shown = Element::new("Policy")
        .text("PolicyName", name)
        .text("Arn", arn)
        .text("Path", path)
        .text("DefaultVersionId", "v1")
        .text("AttachmentCount", 0)
        .text("IsAttachable", true)
        .text("CreateDate", request.clock.text(request.now));
    Ok(Body::Xml(vec![shown]))
}

/// A new version of a managed policy. Here only the default version of each is kept.
pub(super) fn create_version(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let arn = query.need("PolicyArn")?;
    authorize(request, "CreatePolicyVersion", arn, None)?;
    let policy = read_policy(query, request)?;
    let known = own_account(world, request).policies.get_mut(arn);
    let known = known.ok_or_else(|| no_such_entity(format!("Policy {arn} was not found.")))?;
    let is_default = query.flag("SetAsDefault")?.unwrap_or_default();
    if is_default {
        *known = policy;
    }
    let shown = Element::new("PolicyVersion")
        .text("VersionId", "v2")
        .text("IsDefaultVersion", is_default)
        .text("CreateDate", request.clock.text(request.now));
    Ok(Body::Xml(vec![shown]))
}

pub(super) fn attach(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, arn) = (query.need("RoleName")?, query.need("PolicyArn")?);
    let account = world.accounts.get(request.account());
    let exists = account.is_some_and(|account| account.policies.contains_key(arn));
    let role = authorized_role(world, query, request, "AttachRolePolicy", Some(arn))?;
    check_changeable(role, role_name)?;
    if !exists {
        let message = format!("Policy {arn} does not exist or is not attachable.");
        return Err(no_such_entity(message));
    }
    role.attached.entry(arn.to_owned()).or_insert(request.now);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn detach(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, arn) = (query.need("RoleName")?, query.need("PolicyArn")?);
    let role = authorized_role(world, query, request, "DetachRolePolicy", Some(arn))?;
    check_changeable(role, role_name)?;
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

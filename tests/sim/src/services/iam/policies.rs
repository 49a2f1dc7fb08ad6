//! Policies of roles, inline and attached (R5.8).

use super::{authorize, changeable, no_such, role};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Policy, World};

/// Of all inline policies of a role together, white space apart.
const INLINE: usize = 10_240;

fn read(query: &Query, request: &Request<'_>) -> Result<Policy, Fail> {
    Policy::parse(query.need("PolicyDocument")?, request.now)
        .map_err(|problem| Fail::bad("MalformedPolicyDocument", problem))
}

fn size(text: &str) -> usize {
    text.chars().filter(|c| !c.is_whitespace()).count()
}

pub(super) fn put(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, name) = (query.need("RoleName")?, query.need("PolicyName")?);
    let role = role(world, query, request, "PutRolePolicy", None)?;
    changeable(role, role_name)?;
    let policy = read(query, request)?;
    let others = role.inline.iter().filter(|(other, _)| *other != name);
    if others.map(|(_, policy)| size(&policy.text)).sum::<usize>() + size(&policy.text) > INLINE {
        let message =
            format!("Maximum policy size of {INLINE} bytes exceeded for role {role_name}");
        return Err(Fail::new(409, "LimitExceeded", message));
    }
    role.inline.insert(name.to_owned(), policy);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, name) = (query.need("RoleName")?, query.need("PolicyName")?);
    let role = role(world, query, request, "GetRolePolicy", None)?;
    let policy = role.inline.get(name).ok_or_else(|| missing(name))?;
    let document: String = url::form_urlencoded::byte_serialize(policy.text.as_bytes()).collect();
    Ok(Body::Xml(vec![
        Element::of("RoleName", role_name),
        Element::of("PolicyName", name),
        Element::of("PolicyDocument", document.replace('+', "%20")),
    ]))
}

fn missing(name: &str) -> Fail {
    no_such(format!("The role policy with name {name} cannot be found."))
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, name) = (query.need("RoleName")?, query.need("PolicyName")?);
    let role = role(world, query, request, "DeleteRolePolicy", None)?;
    changeable(role, role_name)?;
    role.inline.remove(name).ok_or_else(|| missing(name))?;
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn list(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = role(world, query, request, "ListRolePolicies", None)?;
    let names = Element::new("PolicyNames")
        .children(role.inline.keys().map(|name| Element::of("member", name)));
    Ok(Body::Xml(vec![names, Element::of("IsTruncated", false)]))
}

/// A policy of the account's own, for attaching.
pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (name, path) = (query.need("PolicyName")?, query.get("Path").unwrap_or("/"));
    let arn = format!("arn:aws:iam::{}:policy{path}{name}", request.account());
    authorize(request, "CreatePolicy", &arn, None)?;
    let policy = read(query, request)?;
    let account = world
        .accounts
        .entry(request.account().to_owned())
        .or_default();
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

pub(super) fn attach(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, arn) = (query.need("RoleName")?, query.need("PolicyArn")?);
    let known = world
        .accounts
        .get(request.account())
        .is_some_and(|account| account.policies.contains_key(arn));
    let role = role(world, query, request, "AttachRolePolicy", Some(arn))?;
    changeable(role, role_name)?;
    if !known {
        return Err(no_such(format!(
            "Policy {arn} does not exist or is not attachable."
        )));
    }
    role.attached.entry(arn.to_owned()).or_insert(request.now);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn detach(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (role_name, arn) = (query.need("RoleName")?, query.need("PolicyArn")?);
    let role = role(world, query, request, "DetachRolePolicy", Some(arn))?;
    changeable(role, role_name)?;
    let gone = || no_such(format!("Policy {arn} was not found."));
    role.attached.remove(arn).ok_or_else(gone)?;
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn list_attached(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = role(world, query, request, "ListAttachedRolePolicies", None)?;
    let item = |arn: &String| {
        vec![
            Element::of("PolicyName", arn.rsplit('/').next().unwrap_or_default()),
            Element::of("PolicyArn", arn),
        ]
    };
    Ok(Body::Xml(vec![
        Element::members("AttachedPolicies", role.attached.keys().map(item)),
        Element::of("IsTruncated", false),
    ]))
}

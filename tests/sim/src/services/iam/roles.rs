//! Roles, service-linked ones too.

use super::{
    authorize, authorized_role, check_changeable, no_such_entity, own_account, pages, url_encoded,
};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Policy, Role, World};

fn render(role: &Role, request: &Request<'_>) -> Vec<Element> {
    vec![
        Element::of("Path", &role.path),
        Element::of("RoleName", role.name()),
        Element::of("RoleId", &role.unique_id),
        Element::of("Arn", &role.arn),
        Element::of("CreateDate", request.clock.text(role.created)),
        Element::of("AssumeRolePolicyDocument", url_encoded(&role.trust.text)),
        Element::of("MaxSessionDuration", 3600),
    ]
}

fn role_answer(role: &Role, request: &Request<'_>) -> Body {
    let role = Element::new("Role").children(render(role, request));
    Body::Xml(vec![role])
}

pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = authorized_role(world, query, request, "GetRole", None)?;
    Ok(role_answer(role, request))
}

pub(super) fn list(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let resource = format!("arn:aws:iam::{}:role/", request.account());
    authorize(request, "ListRoles", &resource, None)?;
    let prefix = query.get("PathPrefix").unwrap_or("/");
    let mut items = Vec::new();
    if let Some(account) = world.accounts.get(request.account()) {
        for role in account.roles.values() {
            if role.path.starts_with(prefix) {
                items.push(pages::member(render(role, request)));
            }
        }
    }
    pages::answer(query, request, "Roles", items)
}

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (name, path) = (query.need("RoleName")?, query.get("Path").unwrap_or("/"));
    let arn = Role::arn_of(request.account(), path, name);
    authorize(request, "CreateRole", &arn, None)?;
    let trust = Policy::parse(query.need("AssumeRolePolicyDocument")?, request.now)
        .map_err(|problem| Fail::bad("MalformedPolicyDocument", problem))?;
    // A role that is made again has another ID (R3.3.8).
    let unique_id = format!("AROA{}", world.issue(17).to_uppercase());
    let account = own_account(world, request);
    let mut boundary = None;
    if let Some(arn) = query.get("PermissionsBoundary") {
        if !account.policies.contains_key(arn) {
            let message = format!("Scope ARN: {arn} does not exist or is not attachable.");
            return Err(no_such_entity(message));
        }
        boundary = Some(arn.to_owned());
    }
    if account.roles.contains_key(name) {
        let message = format!("Role with name {name} already exists.");
        return Err(Fail::new(409, "EntityAlreadyExists", message));
    }
    let role = Role {
        arn,
        path: path.to_owned(),
        unique_id,
        trust,
        boundary,
        created: request.now,
        ..Role::default()
    };
    let answer = role_answer(&role, request);
    account.roles.insert(name.to_owned(), role);
    Ok(answer)
}

/// Deletes a role that has no policies left. Key policies keep its unique ID (R3.2.6).
pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("RoleName")?.to_owned();
    let role = authorized_role(world, query, request, "DeleteRole", None)?;
    check_changeable(role, &name)?;
    if !role.attached.is_empty() {
        return Err(delete_conflict("detach all policies"));
    }
    if !role.inline.is_empty() {
        return Err(delete_conflict("delete policies"));
    }
    let arn = format!("\"{}\"", role.arn);
    let unique_id = format!("\"{}\"", role.unique_id);
    own_account(world, request).roles.remove(&name);
    for key in world.keys.values_mut() {
        if let Some((_, policy)) = key.policies.last_mut() {
            *policy = policy.replace(&arn, &unique_id);
        }
    }
    Ok(Body::Xml(Vec::new()))
}

fn delete_conflict(what: &str) -> Fail {
    let message = format!("Cannot delete entity, must {what} first.");
    Fail::new(409, "DeleteConflict", message)
}

/// The role of a service, such as `AWSServiceRoleForAutoScaling` (R4.11).
pub(super) fn create_service_linked(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    let service = query.need("AWSServiceName")?;
    let Some(mut name) = Role::name_of_service(service).map(str::to_owned) else {
        let message = format!("Service {service} is not simulated; AWS has others.");
        return Err(Fail::bad("InvalidInput", message));
    };
    if let Some(suffix) = query.get("CustomSuffix") {
        name = format!("{name}_{suffix}");
    }
    let account = request.account();
    let arn = Role::arn_of(account, &Role::path_of_service(service), &name);
    authorize(request, "CreateServiceLinkedRole", &arn, None)?;
    if own_account(world, request).roles.contains_key(&name) {
        let message = format!(
            "Service role name {name} has been taken in this account, please try a different \
             suffix."
        );
        return Err(Fail::bad("InvalidInput", message));
    }
    let role = world.service_linked_role(account, service, &name, request.now);
    let answer = role_answer(&role, request);
    own_account(world, request).roles.insert(name, role);
    Ok(answer)
}

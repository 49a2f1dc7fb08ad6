//! Roles, those of services too.

use super::{authorize, changeable, no_such, role};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Policy, Role, World};

fn render(role: &Role, request: &Request<'_>) -> Vec<Element> {
    let document: String =
        url::form_urlencoded::byte_serialize(role.trust.text.as_bytes()).collect();
    vec![
        Element::of("Path", &role.path),
        Element::of("RoleName", name_of(role)),
        Element::of("RoleId", &role.unique_id),
        Element::of("Arn", &role.arn),
        Element::of("CreateDate", request.clock.text(role.created)),
        // Clients decode it as a URL: a blank is %20.
        Element::of("AssumeRolePolicyDocument", document.replace('+', "%20")),
        Element::of("MaxSessionDuration", 3600),
    ]
}

fn name_of(role: &Role) -> &str {
    role.arn.rsplit('/').next().unwrap_or_default()
}

pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = role(world, query, request, "GetRole", None)?;
    Ok(Body::Xml(vec![
        Element::new("Role").children(render(role, request)),
    ]))
}

pub(super) fn list(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(
        request,
        "ListRoles",
        &format!("arn:aws:iam::{}:role/", request.account()),
        None,
    )?;
    let prefix = query.get("PathPrefix").unwrap_or("/");
    let roles = world
        .accounts
        .get(request.account())
        .into_iter()
        .flat_map(|account| account.roles.values());
    let shown = roles
        .filter(|role| role.path.starts_with(prefix))
        .map(|role| render(role, request));
    Ok(Body::Xml(vec![
        Element::members("Roles", shown),
        Element::of("IsTruncated", false),
    ]))
}

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (name, path) = (query.need("RoleName")?, query.get("Path").unwrap_or("/"));
    let arn = Role::arn_of(request.account(), path, name);
    authorize(request, "CreateRole", &arn, None)?;
    let trust = Policy::parse(query.need("AssumeRolePolicyDocument")?, request.now)
        .map_err(|problem| Fail::bad("MalformedPolicyDocument", problem))?;
    // Made anew, it is another role (R3.3.8).
    let digits = world.issue(17).to_uppercase();
    let account = world
        .accounts
        .entry(request.account().to_owned())
        .or_default();
    let boundary = match query.get("PermissionsBoundary") {
        None => None,
        Some(arn) => {
            let missing = || {
                no_such(format!(
                    "Scope ARN: {arn} does not exist or is not attachable."
                ))
            };
            Some(
                account
                    .policies
                    .get(arn)
                    .ok_or_else(missing)?
                    .document
                    .clone(),
            )
        }
    };
    if account.roles.contains_key(name) {
        return Err(Fail::new(
            409,
            "EntityAlreadyExists",
            format!("Role with name {name} already exists."),
        ));
    }
    let unique_id = format!("AROA{digits}");
    let role = Role {
        arn,
        path: path.to_owned(),
        unique_id,
        trust,
        boundary,
        created: request.now,
        ..Role::default()
    };
    let shown = Element::new("Role").children(render(&role, request));
    account.roles.insert(name.to_owned(), role);
    Ok(Body::Xml(vec![shown]))
}

/// Deletes a role that has no policies left. Key policies keep its unique ID (R3.2.6).
pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("RoleName")?.to_owned();
    let role = role(world, query, request, "DeleteRole", None)?;
    changeable(role, &name)?;
    let conflict = |what: &str| {
        Err(Fail::new(
            409,
            "DeleteConflict",
            format!("Cannot delete entity, must {what} first."),
        ))
    };
    if !role.attached.is_empty() {
        return conflict("detach all policies");
    }
    if !role.inline.is_empty() {
        return conflict("delete policies");
    }
    let (arn, unique_id) = (role.arn.clone(), role.unique_id.clone());
    if let Some(account) = world.accounts.get_mut(request.account()) {
        account.roles.remove(&name);
    }
    for (_, policy) in world
        .keys
        .values_mut()
        .filter_map(|key| key.policies.last_mut())
    {
        *policy = policy.replace(&format!("\"{arn}\""), &format!("\"{unique_id}\""));
    }
    Ok(Body::Xml(Vec::new()))
}

/// The role of a service, such as `AWSServiceRoleForAutoScaling` (R4.11).
pub(super) fn create_service_linked(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    let service = query.need("AWSServiceName")?;
    let invalid = |message: String| Fail::bad("InvalidInput", message);
    let base = Role::name_of_service(service).ok_or_else(|| {
        invalid(format!(
            "Service {service} is not simulated; AWS has others."
        ))
    })?;
    let suffix = query
        .get("CustomSuffix")
        .map(|suffix| format!("_{suffix}"))
        .unwrap_or_default();
    let name = format!("{base}{suffix}");
    authorize(
        request,
        "CreateServiceLinkedRole",
        &Role::arn_of(request.account(), &Role::path_of_service(service), &name),
        None,
    )?;
    if world
        .accounts
        .get(request.account())
        .is_some_and(|account| account.roles.contains_key(&name))
    {
        let message = format!(
            "Service role name {name} has been taken in this account, please try a different \
             suffix."
        );
        return Err(invalid(message));
    }
    let role = world.service_linked_role(request.account(), service, &name, request.now);
    let shown = Element::new("Role").children(render(&role, request));
    if let Some(account) = world.accounts.get_mut(request.account()) {
        account.roles.insert(name, role);
    }
    Ok(Body::Xml(vec![shown]))
}

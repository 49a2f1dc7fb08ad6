//! Roles.

use super::{
    authorize, authorized_role, check_changeable, no_such_entity, own_account, pages, tags,
    url_encoded,
};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Account, Policy, Role, World};

/// What every answer with a role has.
pub(super) fn render(role: &Role, request: &Request<'_>) -> Vec<Element> {
    vec![
        Element::of("Path", &role.path),
        Element::of("RoleName", role.name()),
        Element::of("RoleId", &role.unique_id),
        Element::of("Arn", &role.arn),
        Element::of("CreateDate", request.clock.text(role.created)),
        Element::of("AssumeRolePolicyDocument", url_encoded(&role.trust.text)),
    ]
}

/// What only later answers have, not that of `CreateRole` (recorded).
fn render_settings(role: &Role) -> Vec<Element> {
    let mut members = vec![Element::of("MaxSessionDuration", role.longest_session())];
    members.extend(Element::optional("Description", role.description.as_ref()));
    members
}

/// What `GetRole` and `CreateRole` answer, and lists do not (recorded).
fn render_details(role: &Role) -> Vec<Element> {
    let mut members = Vec::new();
    if let Some(arn) = &role.boundary {
        let boundary = Element::new("PermissionsBoundary")
            .text("PermissionsBoundaryType", "Policy")
            .text("PermissionsBoundaryArn", arn);
        members.push(boundary);
    }
    if !role.tags.is_empty() {
        members.push(tags::render(&role.tags));
    }
    members
}

/// The answer of `GetRole`. When a role was last used is not simulated.
pub(super) fn whole_role(role: &Role, request: &Request<'_>) -> Body {
    let role = Element::new("Role")
        .children(render(role, request))
        .children(render_settings(role))
        .children(render_details(role))
        .child(Element::new("RoleLastUsed"));
    Body::Xml(vec![role])
}

/// The answer of operations that make a role.
pub(super) fn new_role(role: &Role, request: &Request<'_>) -> Body {
    let role = Element::new("Role")
        .children(render(role, request))
        .children(render_details(role));
    Body::Xml(vec![role])
}

pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = authorized_role(world, query, request, "GetRole", None)?;
    Ok(whole_role(role, request))
}

pub(super) fn list(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (partition, account) = (request.partition(), request.account());
    let resource = format!("arn:{partition}:iam::{account}:role/");
    authorize(request, "ListRoles", &resource, None)?;
    let prefix = query.get("PathPrefix").unwrap_or("/");
    let mut items = Vec::new();
    if let Some(account) = world.accounts.get(request.account()) {
        for role in account.roles.values() {
            if role.path.starts_with(prefix) {
                let mut members = render(role, request);
                members.extend(render_settings(role));
                items.push(pages::member(members));
            }
        }
    }
    pages::answer(query, request, "Roles", items)
}

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (name, path) = (query.need("RoleName")?, query.get("Path").unwrap_or("/"));
    let arn = Role::arn_of(request.partition(), request.account(), path, name);
    authorize(request, "CreateRole", &arn, None)?;
    let trust = read_trust(query, "AssumeRolePolicyDocument", request)?;
    let settings = Settings::read(query)?;
    let tags = tags::read(query)?;
    // A role that is made again has another ID (R3.3.8).
    let unique_id = format!("AROA{}", world.issue(17).to_uppercase());
    let account = own_account(world, request);
    let mut role = Role {
        arn,
        path: path.to_owned(),
        unique_id,
        trust,
        description: settings.description,
        longest_session: settings.longest_session,
        tags,
        created: request.now,
        ..Role::default()
    };
    if let Some(arn) = query.get("PermissionsBoundary") {
        set_boundary(account, &mut role, arn)?;
    }
    if account.role_name(name).is_some() {
        let message = format!("Role with name {name} already exists.");
        return Err(Fail::new(409, "EntityAlreadyExists", message));
    }
    let answer = new_role(&role, request);
    account.roles.insert(name.to_owned(), role);
    Ok(answer)
}

fn read_trust(query: &Query, name: &str, request: &Request<'_>) -> Result<Policy, Fail> {
    Policy::parse(query.need(name)?, request.now)
        .map_err(|problem| Fail::bad("MalformedPolicyDocument", problem))
}

fn set_boundary(account: &Account, role: &mut Role, arn: &str) -> Result<(), Fail> {
    if account.managed_policy(arn).is_none() {
        let message = format!("Scope ARN: {arn} does not exist or is not attachable.");
        return Err(no_such_entity(message));
    }
    role.boundary = Some(arn.to_owned());
    Ok(())
}

/// What a request says of a role besides its policies.
struct Settings {
    description: Option<String>,
    longest_session: Option<u64>,
}

impl Settings {
    /// A description has at most 1,000 characters, a session an hour to twelve.
    fn read(query: &Query) -> Result<Self, Fail> {
        let description = query.get("Description").map(str::to_owned);
        let length = description.iter().flat_map(|text| text.chars()).count();
        if length > 1000 {
            return Err(invalid("description", "length less than or equal to 1000"));
        }
        let mut longest_session = None;
        if let Some(text) = query.get("MaxSessionDuration") {
            longest_session = match text.parse() {
                Ok(seconds @ 3600..=43200) => Some(seconds),
                Ok(..3600) => {
                    let bound = "value greater than or equal to 3600";
                    return Err(invalid("maxSessionDuration", bound));
                }
                _ => {
                    let bound = "value less than or equal to 43200";
                    return Err(invalid("maxSessionDuration", bound));
                }
            };
        }
        Ok(Self {
            description,
            longest_session,
        })
    }
}

fn invalid(member: &str, bound: &str) -> Fail {
    let message = format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member \
         must have {bound}"
    );
    Fail::bad("ValidationError", message)
}

/// `UpdateRole` and `UpdateRoleDescription`. Nothing is changed by a request that is refused.
pub(super) fn update(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    let role = authorized_role(world, query, request, operation, None)?;
    let settings = Settings::read(query)?;
    if settings.longest_session.is_some() && role.is_service_linked() {
        let message = format!(
            "{} is an AWS service linked role, max session duration cannot be changed.",
            role.name()
        );
        return Err(Fail::bad("UnmodifiableEntity", message));
    }
    role.description = settings.description.or(role.description.take());
    role.longest_session = settings.longest_session.or(role.longest_session);
    if operation == "UpdateRoleDescription" {
        return Ok(whole_role(role, request));
    }
    Ok(Body::Xml(vec![]))
}

pub(super) fn update_trust(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = authorized_role(world, query, request, "UpdateAssumeRolePolicy", None)?;
    check_changeable(role)?;
    role.trust = read_trust(query, "PolicyDocument", request)?;
    Ok(Body::Xml(vec![]))
}

pub(super) fn put_boundary(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let operation = "PutRolePermissionsBoundary";
    let mut role = authorized_role(world, query, request, operation, None)?.clone();
    check_changeable(&role)?;
    let account = own_account(world, request);
    set_boundary(account, &mut role, query.need("PermissionsBoundary")?)?;
    account.roles.insert(role.name().to_owned(), role);
    Ok(Body::Xml(vec![]))
}

pub(super) fn delete_boundary(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let operation = "DeleteRolePermissionsBoundary";
    let role = authorized_role(world, query, request, operation, None)?;
    check_changeable(role)?;
    if role.boundary.take().is_none() {
        let message = format!("Role {} does not have a permission boundary", role.name());
        return Err(no_such_entity(message));
    }
    Ok(Body::Xml(vec![]))
}

/// Deletes a role that has no policies left and is in no instance profile.
pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = authorized_role(world, query, request, "DeleteRole", None)?;
    check_changeable(role)?;
    if !role.attached.is_empty() {
        return Err(delete_conflict("detach all policies"));
    }
    if !role.inline.is_empty() {
        return Err(delete_conflict("delete policies"));
    }
    let name = role.name().to_owned();
    let mut profiles = own_account(world, request).instance_profiles.values();
    if profiles.any(|profile| profile.role.as_ref() == Some(&name)) {
        return Err(delete_conflict("remove roles from instance profile"));
    }
    remove(world, &name, request);
    Ok(Body::Xml(Vec::new()))
}

/// Removes a role. Key policies keep its unique ID (R3.2.6).
pub(super) fn remove(world: &mut World, name: &str, request: &Request<'_>) {
    let Some(role) = own_account(world, request).roles.remove(name) else {
        return;
    };
    let arn = format!("\"{}\"", role.arn);
    let unique_id = format!("\"{}\"", role.unique_id);
    for key in world.keys.values_mut() {
        if let Some((_, policy)) = key.policies.last_mut() {
            *policy = policy.replace(&arn, &unique_id);
        }
    }
}

pub(super) fn delete_conflict(what: &str) -> Fail {
    let message = format!("Cannot delete entity, must {what} first.");
    Fail::new(409, "DeleteConflict", message)
}

//! Instance profiles, each with one role at most. Launches with one are not simulated.

use super::{
    authorize, authorized_role, check_changeable, no_such_entity, own_account, pages, roles,
};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Account, InstanceProfile, World};

const NAME: &str = "InstanceProfileName";

/// The profile that a request names, if the caller may do this to it.
fn authorized_profile<'a>(
    world: &'a mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Result<&'a mut InstanceProfile, Fail> {
    let name = query.need(NAME)?;
    let profiles = &mut own_account(world, request).instance_profiles;
    let profile = profiles.get_mut(name);
    let arn = match &profile {
        Some(profile) => profile.arn.clone(),
        None => arn_of(request, "/", name),
    };
    authorize(request, operation, &arn, None)?;
    profile.ok_or_else(|| no_such_entity(format!("Instance Profile {name} cannot be found.")))
}

fn arn_of(request: &Request<'_>, path: &str, name: &str) -> String {
    let (partition, account) = (request.partition(), request.account());
    format!("arn:{partition}:iam::{account}:instance-profile{path}{name}")
}

fn render(account: &Account, profile: &InstanceProfile, request: &Request<'_>) -> Vec<Element> {
    let role = profile
        .role
        .as_ref()
        .and_then(|name| account.roles.get(name));
    let roles = role.map(|role| roles::render(role, request));
    let name = profile.arn.rsplit('/').next().unwrap_or_default();
    vec![
        Element::of("Path", &profile.path),
        Element::of(NAME, name),
        Element::of("InstanceProfileId", &profile.unique_id),
        Element::of("Arn", &profile.arn),
        Element::of("CreateDate", request.clock.text(profile.created)),
        Element::members("Roles", roles),
    ]
}

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (name, path) = (query.need(NAME)?, query.get("Path").unwrap_or("/"));
    let arn = arn_of(request, path, name);
    authorize(request, "CreateInstanceProfile", &arn, None)?;
    let profile = InstanceProfile {
        arn,
        path: path.to_owned(),
        unique_id: format!("AIPA{}", world.issue(17).to_uppercase()),
        role: None,
        created: request.now,
    };
    let account = own_account(world, request);
    if account.instance_profiles.contains_key(name) {
        let message = format!("Instance Profile {name} already exists.");
        return Err(Fail::new(409, "EntityAlreadyExists", message));
    }
    let shown = Element::new("InstanceProfile").children(render(account, &profile, request));
    account.instance_profiles.insert(name.to_owned(), profile);
    Ok(Body::Xml(vec![shown]))
}

pub(super) fn get(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let profile = authorized_profile(world, query, request, "GetInstanceProfile")?.clone();
    let account = own_account(world, request);
    let shown = Element::new("InstanceProfile").children(render(account, &profile, request));
    Ok(Body::Xml(vec![shown]))
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let profile = authorized_profile(world, query, request, "DeleteInstanceProfile")?;
    if profile.role.is_some() {
        return Err(roles::delete_conflict("remove roles from instance profile"));
    }
    let profiles = &mut own_account(world, request).instance_profiles;
    profiles.remove(query.need(NAME)?);
    Ok(Body::Xml(Vec::new()))
}

/// A second role, or the same once more, is over the limit (recorded).
pub(super) fn add_role(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let operation = "AddRoleToInstanceProfile";
    authorized_profile(world, query, request, operation)?;
    let role = authorized_role(world, query, request, "PassRole", None)?;
    check_changeable(role)?;
    let name = role.name().to_owned();
    let profile = authorized_profile(world, query, request, operation)?;
    if profile.role.is_some() {
        let message = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
        return Err(Fail::new(409, "LimitExceeded", message));
    }
    profile.role = Some(name);
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn remove_role(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let name = query.need("RoleName")?;
    let profile = authorized_profile(world, query, request, "RemoveRoleFromInstanceProfile")?;
    let has_role = |role: &mut String| role.eq_ignore_ascii_case(name);
    if profile.role.take_if(has_role).is_none() {
        let message = format!("The role with name {name} cannot be found.");
        return Err(no_such_entity(message));
    }
    Ok(Body::Xml(Vec::new()))
}

pub(super) fn list_for_role(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let operation = "ListInstanceProfilesForRole";
    let role = authorized_role(world, query, request, operation, None)?;
    let name = role.name().to_owned();
    let account = own_account(world, request);
    let mut items = Vec::new();
    for profile in account.instance_profiles.values() {
        if profile.role.as_ref() == Some(&name) {
            items.push(pages::member(render(account, profile, request)));
        }
    }
    pages::answer(query, request, "InstanceProfiles", items)
}

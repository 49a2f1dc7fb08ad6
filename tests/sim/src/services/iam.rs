//! IAM: roles and their policies. It is one for all Regions.

mod aliases;
mod instance_profiles;
mod managed;
mod pages;
mod policies;
mod roles;
mod service_roles;
mod simulate;
mod tags;
mod users;

use users::Kind;

use super::Request;
use crate::auth;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{Account, Role, World};

pub(super) fn call(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "GetRole" => roles::get(world, query, request),
        "ListRoles" => roles::list(world, query, request),
        "CreateRole" => roles::create(world, query, request),
        "UpdateRole" | "UpdateRoleDescription" => roles::update(world, operation, query, request),
        "UpdateAssumeRolePolicy" => roles::update_trust(world, query, request),
        "PutRolePermissionsBoundary" => roles::put_boundary(world, query, request),
        "DeleteRolePermissionsBoundary" => roles::delete_boundary(world, query, request),
        "DeleteRole" => roles::delete(world, query, request),
        "CreateServiceLinkedRole" => service_roles::create(world, query, request),
        "DeleteServiceLinkedRole" => service_roles::delete(world, query, request),
        "GetServiceLinkedRoleDeletionStatus" => {
            service_roles::deletion_status(world, query, request)
        }
        "PutRolePolicy" => policies::put(world, query, request),
        "GetRolePolicy" => policies::get(world, query, request),
        "DeleteRolePolicy" => policies::delete(world, query, request),
        "ListRolePolicies" => policies::list(world, query, request),
        "AttachRolePolicy" => policies::attach(world, query, request),
        "DetachRolePolicy" => policies::detach(world, query, request),
        "ListAttachedRolePolicies" => policies::list_attached(world, query, request),
        "TagRole" | "TagUser" => tags::add(world, operation, query, request),
        "UntagRole" | "UntagUser" => tags::remove(world, operation, query, request),
        "ListRoleTags" | "ListUserTags" => tags::list(world, operation, query, request),
        "GetUser" => users::get(world, query, request),
        "ListUsers" => users::list(world, query, request),
        "CreateUser" => users::create(world, query, request, Kind::User),
        "CreateGroup" => users::create(world, query, request, Kind::Group),
        "PutUserPolicy" => users::put_policy(world, query, request, Kind::User),
        "PutGroupPolicy" => users::put_policy(world, query, request, Kind::Group),
        "AttachUserPolicy" => users::attach(world, query, request, Kind::User),
        "AttachGroupPolicy" => users::attach(world, query, request, Kind::Group),
        "AddUserToGroup" => users::add_to_group(world, query, request),
        "PutUserPermissionsBoundary" => users::put_boundary(world, query, request),
        "CreateInstanceProfile" => instance_profiles::create(world, query, request),
        "GetInstanceProfile" => instance_profiles::get(world, query, request),
        "DeleteInstanceProfile" => instance_profiles::delete(world, query, request),
        "AddRoleToInstanceProfile" => instance_profiles::add_role(world, query, request),
        "RemoveRoleFromInstanceProfile" => instance_profiles::remove_role(world, query, request),
        "ListInstanceProfilesForRole" => instance_profiles::list_for_role(world, query, request),
        "SimulatePrincipalPolicy" => simulate::principal(world, query, request),
        "SimulateCustomPolicy" => simulate::custom(query, request),
        "GetContextKeysForCustomPolicy" => simulate::custom_keys(query, request),
        "GetContextKeysForPrincipalPolicy" => simulate::principal_keys(world, query, request),
        _ => of_account(world, operation, query, request),
    }
}

/// What belongs to the account itself: its alias and its managed policies.
fn of_account(world: &mut World, operation: &str, query: &Query, request: &Request<'_>) -> Outcome {
    match operation {
        "CreateAccountAlias" => aliases::create(world, query, request),
        "DeleteAccountAlias" => aliases::delete(world, query, request),
        "ListAccountAliases" => aliases::list(world, query, request),
        "CreatePolicy" => managed::create(world, query, request),
        "GetPolicy" => managed::get(world, query, request),
        "ListPolicies" => managed::list(world, query, request),
        "DeletePolicy" => managed::delete(world, query, request),
        "CreatePolicyVersion" => managed::create_version(world, query, request),
        "GetPolicyVersion" => managed::get_version(world, query, request),
        "ListPolicyVersions" => managed::list_versions(world, query, request),
        "SetDefaultPolicyVersion" => managed::set_default(world, query, request),
        "DeletePolicyVersion" => managed::delete_version(world, query, request),
        other => {
            let message = format!("Could not find operation {other} for version 2010-05-08");
            Err(Fail::bad("InvalidAction", message))
        }
    }
}

/// Asks whether the caller may do something to a resource of its account, with the ARN of the
/// policy that it attaches or detaches.
fn authorize(
    request: &Request<'_>,
    operation: &str,
    resource: &str,
    policy: Option<&str>,
) -> Result<(), Fail> {
    let mut context = request.context();
    if let Some(arn) = policy {
        auth::set(&mut context, "iam:PolicyARN", arn);
    }
    let action = format!("iam:{operation}");
    let denied = (403, "AccessDenied");
    auth::authorize_service(request.caller, &action, resource, &context, denied)
}

fn no_such_entity(message: String) -> Fail {
    Fail::new(404, "NoSuchEntity", message)
}

/// The caller's account, which the world gets if it does not have it yet.
fn own_account<'a>(world: &'a mut World, request: &Request<'_>) -> &'a mut Account {
    world
        .accounts
        .entry(request.account().to_owned())
        .or_default()
}

/// The role that a request names, if the caller may do this to it. Names ignore case (R7.30).
fn authorized_role<'a>(
    world: &'a mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
    policy: Option<&str>,
) -> Result<&'a mut Role, Fail> {
    let name = query.need("RoleName")?;
    let account = own_account(world, request);
    let role = match account.role_name(name) {
        Some(name) => account.roles.get_mut(&name),
        None => None,
    };
    let arn = match &role {
        Some(role) => role.arn.clone(),
        None => Role::arn_of(request.partition(), request.account(), "/", name),
    };
    authorize(request, operation, &arn, policy)?;
    role.ok_or_else(|| no_such_entity(format!("The role with name {name} cannot be found.")))
}

/// Fails for a role that only AWS changes: one of a service (R5.8).
fn check_changeable(role: &Role) -> Result<(), Fail> {
    if role.is_service_linked() {
        let name = role.name();
        let message = format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only \
             modifiable by AWS"
        );
        return Err(Fail::bad("UnmodifiableEntity", message));
    }
    Ok(())
}

/// A policy document as IAM answers it. Clients decode it as a URL, where a blank is `%20`.
fn url_encoded(document: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(document.as_bytes()).collect();
    encoded.replace('+', "%20")
}

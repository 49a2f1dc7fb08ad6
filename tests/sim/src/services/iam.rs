//! IAM: roles and their policies. It is one for all Regions.

mod policies;
mod roles;
mod simulate;

use crate::auth;
use crate::services::Request;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{Role, World};

pub(crate) fn call(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "GetRole" => roles::get(world, query, request),
        "ListRoles" => roles::list(world, query, request),
        "CreateRole" => roles::create(world, query, request),
        "DeleteRole" => roles::delete(world, query, request),
        "CreateServiceLinkedRole" => roles::create_service_linked(world, query, request),
        "CreatePolicy" => policies::create(world, query, request),
        "PutRolePolicy" => policies::put(world, query, request),
        "GetRolePolicy" => policies::get(world, query, request),
        "DeleteRolePolicy" => policies::delete(world, query, request),
        "ListRolePolicies" => policies::list(world, query, request),
        "AttachRolePolicy" => policies::attach(world, query, request),
        "DetachRolePolicy" => policies::detach(world, query, request),
        "ListAttachedRolePolicies" => policies::list_attached(world, query, request),
        "SimulatePrincipalPolicy" => simulate::principal(world, query, request),
        other => Err(Fail::bad(
            "InvalidAction",
            format!("Could not find operation {other} for version 2010-05-08"),
        )),
    }
}

/// Asks whether the caller may do something to a resource of its account.
fn authorize(
    request: &Request<'_>,
    operation: &str,
    resource: &str,
    policy: Option<&str>,
) -> Result<(), Fail> {
    let mut context = auth::context(request.caller, request.region);
    if let Some(arn) = policy {
        auth::set(&mut context, "iam:PolicyARN", arn);
    }
    auth::service(
        request.caller,
        &format!("iam:{operation}"),
        resource,
        &context,
        (403, "AccessDenied"),
    )
}

fn no_such(message: String) -> Fail {
    Fail::new(404, "NoSuchEntity", message)
}

/// The role that a request names, if the caller may do this to it.
fn role<'a>(
    world: &'a mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
    policy: Option<&str>,
) -> Result<&'a mut Role, Fail> {
    let name = query.need("RoleName")?;
    let found = world
        .accounts
        .get_mut(request.account())
        .and_then(|account| account.roles.get_mut(name));
    let arn = found.as_ref().map_or_else(
        || Role::arn_of(request.account(), "/", name),
        |role| role.arn.clone(),
    );
    authorize(request, operation, &arn, policy)?;
    found.ok_or_else(|| no_such(format!("The role with name {name} cannot be found.")))
}

/// Roles of services are changed by AWS only (R5.8).
fn changeable(role: &Role, name: &str) -> Result<(), Fail> {
    if role.is_service_linked() {
        let message = format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only \
             modifiable by AWS"
        );
        return Err(Fail::bad("UnmodifiableEntity", message));
    }
    Ok(())
}

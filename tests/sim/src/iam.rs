//! IAM: roles and their policies. It is one for all Regions.

mod policies;
mod roles;
mod simulate;

pub(crate) use roles::add_service_linked;

use crate::auth;
use crate::sim::Ask;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{Role, World};

pub(crate) fn call(world: &mut World, operation: &str, query: &Query, ask: &Ask<'_>) -> Outcome {
    match operation {
        "GetRole" => roles::get(world, query, ask),
        "ListRoles" => roles::list(world, query, ask),
        "CreateRole" => roles::create(world, query, ask),
        "DeleteRole" => roles::delete(world, query, ask),
        "CreateServiceLinkedRole" => roles::create_service_linked(world, query, ask),
        "CreatePolicy" => policies::create(world, query, ask),
        "PutRolePolicy" => policies::put(world, query, ask),
        "GetRolePolicy" => policies::get(world, query, ask),
        "DeleteRolePolicy" => policies::delete(world, query, ask),
        "ListRolePolicies" => policies::list(world, query, ask),
        "AttachRolePolicy" => policies::attach(world, query, ask),
        "DetachRolePolicy" => policies::detach(world, query, ask),
        "ListAttachedRolePolicies" => policies::list_attached(world, query, ask),
        "SimulatePrincipalPolicy" => simulate::principal(world, query, ask),
        other => Err(Fail::bad(
            "InvalidAction",
            format!("Could not find operation {other} for version 2010-05-08"),
        )),
    }
}

/// Asks whether the caller may do something to a resource of its account.
fn authorize(
    ask: &Ask<'_>,
    operation: &str,
    resource: &str,
    policy: Option<&str>,
) -> Result<(), Fail> {
    let mut context = auth::context(ask.who, ask.region);
    if let Some(arn) = policy {
        auth::set(&mut context, "iam:PolicyARN", arn);
    }
    auth::service(
        ask.who,
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
    ask: &Ask<'_>,
    operation: &str,
    policy: Option<&str>,
) -> Result<&'a mut Role, Fail> {
    let name = query.need("RoleName")?;
    let found = world
        .accounts
        .get_mut(ask.account())
        .and_then(|account| account.roles.get_mut(name));
    let arn = found
        .as_ref()
        .map_or_else(|| arn(ask.account(), "/", name), |role| role.arn.clone());
    authorize(ask, operation, &arn, policy)?;
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

fn arn(account: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:role{path}{name}")
}

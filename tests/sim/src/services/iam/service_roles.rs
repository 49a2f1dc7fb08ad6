//! Service-linked roles (R4.11, R7.30): AWS makes and deletes them for a service.

use std::time::Duration;

use serde_json::json;

use super::{authorize, authorized_role, no_such_entity, own_account, roles};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Role, World, uuid};

/// For how long the ID of a deletion is not known yet, and how long a deletion takes.
const UNKNOWN: Duration = Duration::from_secs(1);
const DELETION: Duration = Duration::from_secs(3);

/// The role of a service, such as `AWSServiceRoleForAutoScaling`.
pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let service = query.need("AWSServiceName")?;
    let Some(mut name) = Role::name_of_service(service).map(str::to_owned) else {
        let message = format!("Service {service} is not simulated; AWS has others.");
        return Err(Fail::bad("InvalidInput", message));
    };
    if let Some(suffix) = query.get("CustomSuffix") {
        name = format!("{name}_{suffix}");
    }
    let account = request.account();
    let path = Role::path_of_service(service);
    let arn = Role::arn_of(request.partition(), account, &path, &name);
    authorize(request, "CreateServiceLinkedRole", &arn, None)?;
    if own_account(world, request).role_name(&name).is_some() {
        let message = format!(
            "Service role name {name} has been taken in this account, please try a different \
             suffix."
        );
        return Err(Fail::bad("InvalidInput", message));
    }
    let mut role = world.service_linked_role(account, service, &name, request.now);
    role.description = query.get("Description").map(str::to_owned);
    let stored = role.clone();
    // The first answer has lists where later ones have plain texts (recorded).
    role.trust.text = json!({ "Version": "2012-10-17", "Statement": [{
        "Action": ["sts:AssumeRole"],
        "Effect": "Allow",
        "Principal": { "Service": [service] },
    }] })
    .to_string();
    own_account(world, request).roles.insert(name, stored);
    Ok(roles::new_role(&role, request))
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let role = authorized_role(world, query, request, "DeleteServiceLinkedRole", None)?;
    let (path, name) = (role.path.clone(), role.name().to_owned());
    if !role.is_service_linked() {
        let message = format!("{name} is not a service linked role.");
        return Err(Fail::bad("InvalidInput", message));
    }
    roles::remove(world, &name, request);
    let task = format!("task{path}{name}/{}", uuid(&world.issue(32)));
    let deletions = &mut own_account(world, request).deletions;
    deletions.insert(task.clone(), request.now);
    Ok(Body::Xml(vec![Element::of("DeletionTaskId", task)]))
}

/// An ID that was just issued may not be known yet (recorded).
pub(super) fn deletion_status(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let task = query.need("DeletionTaskId")?;
    authorize(request, "GetServiceLinkedRoleDeletionStatus", "*", None)?;
    if !task.starts_with("task/aws-service-role/") {
        return Err(Fail::bad("InvalidInput", "Invalid task id"));
    }
    let begun = own_account(world, request).deletions.get(task);
    let age = begun.map(|begun| request.now.saturating_sub(*begun));
    let status = match age {
        Some(age) if age >= DELETION => "SUCCEEDED",
        Some(age) if age >= UNKNOWN => "IN_PROGRESS",
        _ => {
            let message = "Cannot find deletion status for given id.";
            return Err(no_such_entity(message.to_owned()));
        }
    };
    Ok(Body::Xml(vec![Element::of("Status", status)]))
}

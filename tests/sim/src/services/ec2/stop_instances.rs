//! `StopInstances` and `TerminateInstances`.

use super::authorize::{account_resource, authorize, set_tags};
use super::dry_run;
use super::instance_launch::retire_role_grants;
use super::instances::{own_instance, state_element};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::World;

/// Stops instances. The volumes stay, and the grants by which EC2 uses their keys (R4.3).
pub(super) fn stop(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let ids = authorized_ids(world, query, request, "ec2:StopInstances")?;
    for id in &ids {
        if own_instance(world, id, request)?.state == "terminated" {
            // AWS's words are not known (R4.15).
            let message =
                format!("This instance '{id}' is not in a state from which it can be stopped.");
            return Err(Fail::bad("IncorrectInstanceState", message));
        }
    }
    dry_run(query)?;
    let mut changes = Vec::new();
    for id in ids {
        retire_role_grants(world, id);
        let Some(instance) = world.instances.get_mut(id) else {
            continue;
        };
        let before = std::mem::replace(&mut instance.state, "stopped");
        if before == "running" {
            let (code, why) = ("Client.UserInitiatedShutdown", "User initiated");
            instance.state_reason = Some((code.to_owned(), format!("{code}: {why} shutdown")));
            why.clone_into(&mut instance.transition_reason);
        }
        let shown = if before == "stopped" {
            "stopped"
        } else {
            "stopping"
        };
        changes.push(render_change(id, before, shown));
    }
    Ok(Body::Xml(vec![Element::list("instancesSet", changes)]))
}

/// Terminates instances. With them go the grants, and the volumes that are not to stay (R7.28).
pub(super) fn terminate(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let ids = authorized_ids(world, query, request, "ec2:TerminateInstances")?;
    dry_run(query)?;
    let mut changes = Vec::new();
    for id in ids {
        let before = own_instance(world, id, request)?.state;
        world.terminate(id, request.now);
        let after = own_instance(world, id, request)?.state;
        changes.push(render_change(id, before, after));
    }
    Ok(Body::Xml(vec![Element::list("instancesSet", changes)]))
}

/// The instances of a request, if they are the caller's and the caller may do this to them.
fn authorized_ids<'a>(
    world: &World,
    query: &'a Query,
    request: &Request<'_>,
    action: &str,
) -> Result<Vec<&'a str>, Fail> {
    let ids = query.list("InstanceId");
    let mut resources = Vec::new();
    for id in &ids {
        let mut resource = account_resource(&format!("instance/{id}"), request);
        // A policy may allow this for instances with a tag only.
        let instance = world.instances.get(*id);
        set_tags(&mut resource, instance.map(|instance| &instance.tags));
        resources.push(resource);
    }
    authorize(request, action, &resources, &Context::new())?;
    for id in &ids {
        own_instance(world, id, request)?;
    }
    Ok(ids)
}

fn render_change(id: &str, before: &str, after: &str) -> Vec<Element> {
    vec![
        Element::of("instanceId", id),
        state_element("currentState", after),
        state_element("previousState", before),
    ]
}

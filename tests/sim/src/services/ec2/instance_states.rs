//! `StopInstances` and `TerminateInstances`.

use super::{authorize, dry_run, instances, launch};
use crate::auth::{self, On};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::World;

/// Stops what runs. The volumes stay, and the grants by which EC2 uses their keys (R4.3).
pub(super) fn stop(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let wanted = asked(world, query, request, "ec2:StopInstances")?;
    for id in &wanted {
        if instances::owned(world, id, request)?.state == "terminated" {
            // The words are not known (R4.15).
            let message =
                format!("This instance '{id}' is not in a state from which it can be stopped.");
            return Err(Fail::bad("IncorrectInstanceState", message));
        }
    }
    dry_run(query)?;
    let mut changes = Vec::new();
    for id in wanted {
        launch::retire_of_role(world, id);
        let Some(instance) = world.instances.get_mut(id) else {
            continue;
        };
        let before = std::mem::replace(&mut instance.state, "stopped");
        if before == "running" {
            let (code, why) = ("Client.UserInitiatedShutdown", "User initiated");
            instance.state_reason = Some((code.to_owned(), format!("{code}: {why} shutdown")));
            why.clone_into(&mut instance.transition_reason);
        }
        changes.push(change(
            id,
            before,
            if before == "stopped" {
                "stopped"
            } else {
                "stopping"
            },
        ));
    }
    Ok(Body::Xml(vec![Element::list("instancesSet", changes)]))
}

/// Ends instances, for good: their volumes go, and EC2's grants.
pub(super) fn terminate(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let wanted = asked(world, query, request, "ec2:TerminateInstances")?;
    dry_run(query)?;
    let mut changes = Vec::new();
    for id in wanted {
        launch::retire(world, id);
        let Some(instance) = world.instances.get_mut(id) else {
            continue;
        };
        let before = std::mem::replace(&mut instance.state, "terminated");
        changes.push(change(id, before, "terminated"));
    }
    Ok(Body::Xml(vec![Element::list("instancesSet", changes)]))
}

/// The instances of a request, if they are the caller's and the caller may do this to them.
fn asked<'a>(
    world: &World,
    query: &'a Query,
    request: &Request<'_>,
    action: &str,
) -> Result<Vec<&'a str>, Fail> {
    let wanted = query.list("InstanceId");
    let on = |id: &&str| {
        let mut on = On::arn(format!(
            "arn:aws:ec2:{}:{}:instance/{id}",
            request.region,
            request.account()
        ));
        // Policies may let only those with a tag be ended.
        for (key, value) in world
            .instances
            .get(*id)
            .into_iter()
            .flat_map(|instance| &instance.tags)
        {
            auth::set(&mut on.context, &format!("aws:ResourceTag/{key}"), value);
            auth::set(&mut on.context, &format!("ec2:ResourceTag/{key}"), value);
        }
        on
    };
    authorize(
        request,
        action,
        &wanted.iter().map(on).collect::<Vec<_>>(),
        &Context::new(),
    )?;
    for id in &wanted {
        instances::owned(world, id, request)?;
    }
    Ok(wanted)
}

fn change(id: &str, before: &str, after: &str) -> Vec<Element> {
    let states = [
        instances::state("currentState", after),
        instances::state("previousState", before),
    ];
    [Element::of("instanceId", id)]
        .into_iter()
        .chain(states)
        .collect()
}

//! Instances, as answers show them, and `DescribeInstances`.

use super::authorize::authorize_all;
use super::{dry_run, filter, ids, tags};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Instance, World};

/// An instance of the caller's account in the Region.
pub(super) fn own_instance<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a Instance, Fail> {
    ids::check_instance(id)?;
    match world.instances.get(id) {
        Some(instance) if is_own(instance, request) => Ok(instance),
        _ => Err(ids::instance_not_found(id)),
    }
}

pub(super) fn is_own(instance: &Instance, request: &Request<'_>) -> bool {
    instance.owner == request.account() && instance.region == request.region
}

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeInstances")?;
    dry_run(query)?;
    let requested = query.list("InstanceId");
    for id in &requested {
        own_instance(world, id, request)?;
    }
    let filters = query.members("Filter");
    let mut reservations = Vec::new();
    for instance in world.instances.values() {
        if !is_own(instance, request) {
            continue;
        }
        let fits = filter::fits(&filters, Some(&instance.tags), |name| {
            Some(match name {
                "instance-id" => vec![&instance.id],
                "image-id" => vec![&instance.image],
                "instance-state-name" => vec![instance.state],
                "client-token" => instance.client_token.iter().map(String::as_str).collect(),
                _ => return None,
            })
        })?;
        if fits && (requested.is_empty() || requested.contains(&instance.id.as_str())) {
            reservations.push(render_reservation(world, instance, instance.state, request));
        }
    }
    let items = reservations.into_iter().map(Ok);
    let page = filter::page(query, request, items, "InstanceId")?;
    Ok(page.render("reservationSet", |item| item))
}

/// The answer of RunInstances, with the instance in a state that it may have left already.
pub(super) fn reservation(
    world: &World,
    instance: &Instance,
    state: &str,
    request: &Request<'_>,
) -> Body {
    Body::Xml(render_reservation(world, instance, state, request))
}

/// Each instance is launched by itself, and so has a reservation of its own.
fn render_reservation(
    world: &World,
    instance: &Instance,
    state: &str,
    request: &Request<'_>,
) -> Vec<Element> {
    let id = format!("r-{}", instance.id.trim_start_matches("i-"));
    let instances = [render(world, instance, state, request)];
    vec![
        Element::of("reservationId", id),
        Element::of("ownerId", &instance.owner),
        Element::list("instancesSet", instances),
    ]
}

pub(super) fn state_element(name: &'static str, state: &str) -> Element {
    let code = match state {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "stopping" => 64,
        "stopped" => 80,
        _ => 48,
    };
    Element::new(name).text("code", code).text("name", state)
}

/// An instance in the state that the answer shows, with what instances have in that state.
fn render(world: &World, instance: &Instance, state: &str, request: &Request<'_>) -> Vec<Element> {
    let is_pending = state == "pending";
    let reason = if is_pending {
        ""
    } else {
        &instance.transition_reason
    };
    let mut members = vec![
        Element::of("instanceId", &instance.id),
        Element::of("imageId", &instance.image),
        state_element("instanceState", state),
        Element::of("reason", reason),
        Element::of("instanceType", &instance.kind),
        Element::of("launchTime", request.clock.text(instance.launched)),
        Element::new("placement").text("availabilityZone", &instance.zone),
        block_device_mapping(instance, state),
        group_set(world, instance, state),
    ];
    members.push(Element::of("vpcId", &instance.vpc));
    members.extend(Element::optional(
        "clientToken",
        instance.client_token.as_ref(),
    ));
    members.extend(Element::optional("keyName", instance.key_name.as_ref()));
    members.extend(tags::render(&instance.tags));
    if let Some((code, message)) = &instance.state_reason
        && !is_pending
    {
        let reason = Element::new("stateReason");
        members.push(reason.text("code", code).text("message", message));
    }
    members
}

/// The volumes of an instance. A pending one shows none yet (recorded).
fn block_device_mapping(instance: &Instance, state: &str) -> Element {
    let mut items = Vec::new();
    if matches!(state, "running" | "stopped" | "shutting-down") {
        for volume in &instance.volumes {
            let ebs = Element::new("ebs")
                .text("volumeId", &volume.id)
                .text("status", "attached")
                .text("deleteOnTermination", volume.delete_on_termination);
            items.push(vec![Element::of("deviceName", &volume.device), ebs]);
        }
    }
    Element::list("blockDeviceMapping", items)
}

/// The security groups of an instance. A terminated one is in none.
fn group_set(world: &World, instance: &Instance, state: &str) -> Element {
    let mut items = Vec::new();
    if state != "terminated" {
        for id in &instance.security_groups {
            if let Some(group) = world.security_groups.get(id) {
                items.push(vec![
                    Element::of("groupId", &group.id),
                    Element::of("groupName", &group.name),
                ]);
            }
        }
    }
    Element::list("groupSet", items)
}

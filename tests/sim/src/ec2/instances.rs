//! Instances and volumes that are there: described, and terminated.

use super::{authorize, authorize_all, dry_run, filter, launch};
use crate::auth::On;
use crate::policy::Context;
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Instance, Volume, World};

/// An instance of the caller's account.
pub(super) fn owned<'a>(world: &'a World, id: &str, ask: &Ask<'_>) -> Result<&'a Instance, Fail> {
    let own = |instance: &&Instance| instance.owner == ask.account() && instance.region == ask.region;
    let missing = || Fail::bad("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"));
    world.instances.get(id).filter(own).ok_or_else(missing)
}

/// A volume of the caller's account. Volumes go with their instances.
pub(super) fn volume<'a>(world: &'a World, id: &str, ask: &Ask<'_>) -> Result<&'a Volume, Fail> {
    let missing = || Fail::bad("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."));
    volumes(world, ask).map(|(_, volume)| volume).find(|volume| volume.id == id).ok_or_else(missing)
}

fn volumes<'a>(world: &'a World, ask: &Ask<'_>) -> impl Iterator<Item = (&'a Instance, &'a Volume)> {
    let (account, region) = (ask.account().to_owned(), ask.region.to_owned());
    let own = move |instance: &&Instance| instance.owner == account && instance.region == region;
    let live = world.instances.values().filter(own).filter(|instance| instance.state != "terminated");
    live.flat_map(|instance| instance.volumes.iter().map(move |volume| (instance, volume)))
}

pub(super) fn describe(world: &World, query: &Query, ask: &Ask<'_>) -> Outcome {
    authorize_all(ask, "ec2:DescribeInstances")?;
    dry_run(query)?;
    let wanted = query.list("InstanceId");
    for id in &wanted {
        owned(world, id, ask)?;
    }
    let filters = query.members("Filter");
    let mut found = Vec::new();
    for instance in world.instances.values().filter(|instance| owned(world, &instance.id, ask).is_ok()) {
        let named = wanted.is_empty() || wanted.contains(&instance.id.as_str());
        let fits = filter::fits(&filters, Some(&instance.tags), |name| {
            Some(match name {
                "instance-id" => vec![&instance.id],
                "image-id" => vec![&instance.image],
                "instance-state-name" => vec![instance.state],
                _ => return None,
            })
        })?;
        if named && fits {
            found.push(vec![
                Element::of("reservationId", format!("r-{}", &instance.id[2..])),
                Element::of("ownerId", &instance.owner),
                Element::list("instancesSet", [render(instance, instance.state, ask)]),
            ]);
        }
    }
    Ok(Body::Xml(vec![Element::list("reservationSet", found)]))
}

pub(super) fn describe_volumes(world: &World, query: &Query, ask: &Ask<'_>) -> Outcome {
    authorize_all(ask, "ec2:DescribeVolumes")?;
    dry_run(query)?;
    let wanted = query.list("VolumeId");
    for id in &wanted {
        volume(world, id, ask)?;
    }
    let filters = query.members("Filter");
    let mut found = Vec::new();
    for (instance, volume) in volumes(world, ask) {
        let named = wanted.is_empty() || wanted.contains(&volume.id.as_str());
        let fits = filter::fits(&filters, None, |name| {
            Some(match name {
                "volume-id" => vec![&volume.id],
                "snapshot-id" => vec![&volume.snapshot],
                "encrypted" => vec![if volume.key.is_some() { "true" } else { "false" }],
                "attachment.instance-id" => vec![&instance.id],
                _ => return None,
            })
        })?;
        if named && fits {
            let attachment = vec![
                Element::of("volumeId", &volume.id),
                Element::of("instanceId", &instance.id),
                Element::of("device", &volume.device),
                Element::of("status", "attached"),
                Element::of("deleteOnTermination", true),
            ];
            let mut members = vec![
                Element::of("volumeId", &volume.id),
                Element::of("size", volume.size),
                Element::of("snapshotId", &volume.snapshot),
                Element::of("availabilityZone", format!("{}a", instance.region)),
                Element::of("status", "in-use"),
                Element::list("attachmentSet", [attachment]),
                Element::of("volumeType", "gp3"),
                Element::of("encrypted", volume.key.is_some()),
            ];
            members.extend(volume.key.as_ref().map(|key| Element::of("kmsKeyId", key)));
            found.push(members);
        }
    }
    Ok(Body::Xml(vec![Element::list("volumeSet", found)]))
}

pub(super) fn terminate(world: &mut World, query: &Query, ask: &Ask<'_>) -> Outcome {
    let wanted = query.list("InstanceId");
    let arn = |id: &&str| On::arn(format!("arn:aws:ec2:{}:{}:instance/{id}", ask.region, ask.account()));
    authorize(ask, "ec2:TerminateInstances", &wanted.iter().map(arn).collect::<Vec<_>>(), &Context::new())?;
    for id in &wanted {
        owned(world, id, ask)?;
    }
    dry_run(query)?;
    let mut changes = Vec::new();
    for id in wanted {
        let Some(instance) = world.instances.get_mut(id) else {
            continue;
        };
        let before = std::mem::replace(&mut instance.state, "terminated");
        changes.push(vec![
            Element::of("instanceId", id),
            state("currentState", "terminated"),
            state("previousState", before),
        ]);
        launch::retire(world, id);
    }
    Ok(Body::Xml(vec![Element::list("instancesSet", changes)]))
}

pub(super) fn reservation(ask: &Ask<'_>, instances: Vec<Vec<Element>>) -> Body {
    Body::Xml(vec![
        Element::of("reservationId", "r-0123456789abcdef0"),
        Element::of("ownerId", ask.account()),
        Element::list("instancesSet", instances),
    ])
}

fn state(name: &'static str, state: &str) -> Element {
    let code = match state {
        "pending" => 0,
        "running" => 16,
        _ => 48,
    };
    Element::new(name).text("code", code).text("name", state)
}

pub(super) fn render(instance: &Instance, shown: &str, ask: &Ask<'_>) -> Vec<Element> {
    let mut members = vec![
        Element::of("instanceId", &instance.id),
        Element::of("imageId", &instance.image),
        state("instanceState", shown),
        Element::of("reason", if shown == "pending" { "" } else { &instance.transition_reason }),
        Element::of("instanceType", &instance.kind),
        Element::new("placement").text("availabilityZone", format!("{}a", ask.region)),
    ];
    // Of an instance that has just been asked for, no volume is there yet (recorded).
    let attached = instance.volumes.iter().filter(|_| shown == "running").map(|volume| {
        let ebs = Element::new("ebs").text("volumeId", &volume.id).text("status", "attached");
        vec![Element::of("deviceName", &volume.device), ebs.text("deleteOnTermination", true)]
    });
    members.push(Element::list("blockDeviceMapping", attached));
    members.extend(Some(&instance.tags).filter(|tags| !tags.is_empty()).map(super::tags::render));
    if let Some((code, message)) = instance.state_reason.as_ref().filter(|_| shown != "pending") {
        members.push(Element::new("stateReason").text("code", code).text("message", message));
    }
    members
}

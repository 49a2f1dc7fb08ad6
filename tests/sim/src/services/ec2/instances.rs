//! Instances and volumes that are there.

use super::{authorize_all, dry_run, filter, ids};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Instance, SecurityGroup, Volume, World};

/// An instance of the caller's account.
pub(super) fn owned<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a Instance, Fail> {
    ids::check_instance(id)?;
    let own = |instance: &&Instance| {
        instance.owner == request.account() && instance.region == request.region
    };
    let missing = || {
        Fail::bad(
            "InvalidInstanceID.NotFound",
            format!("The instance ID '{id}' does not exist"),
        )
    };
    world.instances.get(id).filter(own).ok_or_else(missing)
}

/// A volume of the caller's account. Volumes go with their instances.
pub(super) fn volume<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a Volume, Fail> {
    ids::check_volume(id)?;
    let missing = || {
        Fail::bad(
            "InvalidVolume.NotFound",
            format!("The volume '{id}' does not exist."),
        )
    };
    volumes(world, request)
        .map(|(_, volume)| volume)
        .find(|volume| volume.id == id)
        .ok_or_else(missing)
}

fn volumes<'a>(
    world: &'a World,
    request: &Request<'_>,
) -> impl Iterator<Item = (&'a Instance, &'a Volume)> {
    let (account, region) = (request.account().to_owned(), request.region.to_owned());
    let own = move |instance: &&Instance| instance.owner == account && instance.region == region;
    let live = world
        .instances
        .values()
        .filter(own)
        .filter(|instance| instance.state != "terminated");
    live.flat_map(|instance| {
        instance
            .volumes
            .iter()
            .map(move |volume| (instance, volume))
    })
}

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeInstances")?;
    dry_run(query)?;
    let wanted = query.list("InstanceId");
    for id in &wanted {
        owned(world, id, request)?;
    }
    let filters = query.members("Filter");
    let mut found = Vec::new();
    for instance in world
        .instances
        .values()
        .filter(|instance| owned(world, &instance.id, request).is_ok())
    {
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
                Element::of("reservationId", reservation_id(instance)),
                Element::of("ownerId", &instance.owner),
                Element::list(
                    "instancesSet",
                    [render(world, instance, instance.state, request)],
                ),
            ]);
        }
    }
    Ok(Body::Xml(vec![Element::list("reservationSet", found)]))
}

pub(super) fn describe_volumes(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeVolumes")?;
    dry_run(query)?;
    let wanted = query.list("VolumeId");
    for id in &wanted {
        volume(world, id, request)?;
    }
    let filters = query.members("Filter");
    let mut found = Vec::new();
    for (instance, volume) in volumes(world, request) {
        let named = wanted.is_empty() || wanted.contains(&volume.id.as_str());
        let fits = filter::fits(&filters, None, |name| {
            Some(match name {
                "volume-id" => vec![&volume.id],
                "snapshot-id" => vec![&volume.snapshot],
                "encrypted" => vec![if volume.key.is_some() {
                    "true"
                } else {
                    "false"
                }],
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
    let (page, next) = filter::page(query, found.into_iter().map(Ok), "VolumeId")?;
    let volumes = Element::list("volumeSet", page);
    Ok(Body::Xml(
        [volumes]
            .into_iter()
            .chain(next.map(|token| Element::of("nextToken", token)))
            .collect(),
    ))
}

/// The answer of RunInstances; the instance in a state that it may have left already.
pub(super) fn reservation(
    world: &World,
    instance: &Instance,
    state: &str,
    request: &Request<'_>,
) -> Body {
    Body::Xml(vec![
        Element::of("reservationId", reservation_id(instance)),
        Element::of("ownerId", request.account()),
        Element::list("instancesSet", [render(world, instance, state, request)]),
    ])
}

/// Each instance is launched by itself, and so has a reservation of its own.
fn reservation_id(instance: &Instance) -> String {
    format!("r-{}", instance.id.trim_start_matches("i-"))
}

pub(super) fn state(name: &'static str, state: &str) -> Element {
    let code = match state {
        "pending" => 0,
        "running" => 16,
        "stopping" => 64,
        "stopped" => 80,
        _ => 48,
    };
    Element::new(name).text("code", code).text("name", state)
}

pub(super) fn render(
    world: &World,
    instance: &Instance,
    shown: &str,
    request: &Request<'_>,
) -> Vec<Element> {
    let mut members = vec![
        Element::of("instanceId", &instance.id),
        Element::of("imageId", &instance.image),
        state("instanceState", shown),
        Element::of(
            "reason",
            if shown == "pending" {
                ""
            } else {
                &instance.transition_reason
            },
        ),
        Element::of("instanceType", &instance.kind),
        Element::of("launchTime", request.clock.text(instance.launched)),
        Element::new("placement").text("availabilityZone", format!("{}a", request.region)),
    ];
    // Of an instance that has just been asked for, no volume is there yet (recorded).
    let attached = instance
        .volumes
        .iter()
        .filter(|_| matches!(shown, "running" | "stopped"))
        .map(|volume| {
            let ebs = Element::new("ebs")
                .text("volumeId", &volume.id)
                .text("status", "attached");
            vec![
                Element::of("deviceName", &volume.device),
                ebs.text("deleteOnTermination", true),
            ]
        });
    members.push(Element::list("blockDeviceMapping", attached));
    // One that is gone is in no group any more.
    let live = instance
        .security_groups
        .iter()
        .filter(|_| shown != "terminated");
    let groups = live.filter_map(|id| world.security_groups.get(id));
    let group = |of: &SecurityGroup| {
        vec![
            Element::of("groupId", &of.id),
            Element::of("groupName", &of.name),
        ]
    };
    members.push(Element::list("groupSet", groups.map(group)));
    members.extend(
        instance
            .key_name
            .as_ref()
            .map(|name| Element::of("keyName", name)),
    );
    members.extend(
        Some(&instance.tags)
            .filter(|tags| !tags.is_empty())
            .map(super::tags::render),
    );
    if let Some((code, message)) = instance
        .state_reason
        .as_ref()
        .filter(|_| shown != "pending")
    {
        members.push(
            Element::new("stateReason")
                .text("code", code)
                .text("message", message),
        );
    }
    members
}

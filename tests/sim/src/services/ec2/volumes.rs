//! Volumes, and `DescribeVolumes`.

use super::authorize::authorize_all;
use super::{dry_run, filter, ids, instances, tags};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query, bool_text};
use crate::world::{Instance, LooseVolume, Volume, World};

/// A volume of the caller's account.
pub(super) fn own_volume<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a Volume, Fail> {
    ids::check_volume(id)?;
    for (_, volume) in own_volumes(world, request) {
        if volume.id == id {
            return Ok(volume);
        }
    }
    let message = format!("The volume '{id}' does not exist.");
    Err(Fail::bad("InvalidVolume.NotFound", message))
}

/// The volumes of the caller's account in the Region, with their instances.
fn own_volumes<'a>(
    world: &'a World,
    request: &Request<'_>,
) -> Vec<(Option<&'a Instance>, &'a Volume)> {
    let mut volumes = Vec::new();
    for instance in world.instances.values() {
        if instances::is_own(instance, request) && instance.state != "terminated" {
            for volume in &instance.volumes {
                volumes.push((Some(instance), volume));
            }
        }
    }
    for loose in world.volumes.values() {
        if loose.owner == request.account() && loose.region == request.region {
            volumes.push((None, &loose.volume));
        }
    }
    volumes
}

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeVolumes")?;
    dry_run(query)?;
    let requested = query.list("VolumeId");
    for id in &requested {
        own_volume(world, id, request)?;
    }
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for (instance, volume) in own_volumes(world, request) {
        let loose = world.volumes.get(&volume.id);
        let tags = loose.map(|loose| &loose.tags);
        let tags = tags.or(instance.map(|instance| &instance.volume_tags));
        let fits = filter::fits(&filters, tags, |name| {
            Some(match name {
                "volume-id" => vec![&volume.id],
                "snapshot-id" => vec![&volume.snapshot],
                "encrypted" => vec![bool_text(volume.key.is_some())],
                "attachment.instance-id" => instance
                    .map(|instance| instance.id.as_str())
                    .into_iter()
                    .collect(),
                _ => return None,
            })
        })?;
        if fits && (requested.is_empty() || requested.contains(&volume.id.as_str())) {
            match (instance, loose) {
                (Some(instance), _) => items.push(render(instance, volume)),
                (None, Some(loose)) => items.push(render_loose(loose, "available", request)),
                (None, None) => {}
            }
        }
    }
    let page = filter::page(query, request, items.into_iter().map(Ok), "VolumeId")?;
    Ok(page.render("volumeSet", |item| item))
}

/// A volume without an instance, in a state that it may have left already.
pub(super) fn render_loose(
    loose: &LooseVolume,
    state: &str,
    request: &Request<'_>,
) -> Vec<Element> {
    let volume = &loose.volume;
    let mut members = vec![
        Element::of("volumeId", &volume.id),
        Element::of("size", volume.size),
        Element::of("snapshotId", &volume.snapshot),
        Element::of("availabilityZone", &loose.zone),
        Element::of("status", state),
        Element::of("createTime", request.clock.text(loose.created)),
        Element::of("volumeType", &loose.kind),
        Element::of("encrypted", volume.key.is_some()),
    ];
    if loose.kind == "gp3" {
        members.push(Element::of("iops", 3000));
        members.push(Element::of("throughput", 125));
    }
    members.extend(Element::optional("kmsKeyId", volume.key.as_ref()));
    members.push(tags::render(&loose.tags).unwrap_or_else(|| Element::new("tagSet")));
    members
}

fn render(instance: &Instance, volume: &Volume) -> Vec<Element> {
    let attachment = vec![
        Element::of("volumeId", &volume.id),
        Element::of("instanceId", &instance.id),
        Element::of("device", &volume.device),
        Element::of("status", "attached"),
        Element::of("deleteOnTermination", volume.delete_on_termination),
    ];
    let mut members = vec![
        Element::of("volumeId", &volume.id),
        Element::of("size", volume.size),
        Element::of("snapshotId", &volume.snapshot),
        Element::of("availabilityZone", &instance.zone),
        Element::of("status", "in-use"),
        Element::list("attachmentSet", [attachment]),
        Element::of("volumeType", "gp3"),
        Element::of("encrypted", volume.key.is_some()),
    ];
    members.extend(Element::optional("kmsKeyId", volume.key.as_ref()));
    members.extend(tags::render(&instance.volume_tags));
    members
}

//! Volumes of instances, and `DescribeVolumes`.

use super::authorize::authorize_all;
use super::{dry_run, filter, ids, instances};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query, bool_text};
use crate::world::{Instance, Volume, World};

/// A volume of the caller's account. Volumes are deleted with their instances.
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
fn own_volumes<'a>(world: &'a World, request: &Request<'_>) -> Vec<(&'a Instance, &'a Volume)> {
    let mut volumes = Vec::new();
    for instance in world.instances.values() {
        if instances::is_own(instance, request) && instance.state != "terminated" {
            for volume in &instance.volumes {
                volumes.push((instance, volume));
            }
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
        let fits = filter::fits(&filters, None, |name| {
            Some(match name {
                "volume-id" => vec![&volume.id],
                "snapshot-id" => vec![&volume.snapshot],
                "encrypted" => vec![bool_text(volume.key.is_some())],
                "attachment.instance-id" => vec![&instance.id],
                _ => return None,
            })
        })?;
        if fits && (requested.is_empty() || requested.contains(&volume.id.as_str())) {
            items.push(render(instance, volume));
        }
    }
    let page = filter::page(query, request, items.into_iter().map(Ok), "VolumeId")?;
    Ok(page.render("volumeSet", |item| item))
}

fn render(instance: &Instance, volume: &Volume) -> Vec<Element> {
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
    members.extend(Element::optional("kmsKeyId", volume.key.as_ref()));
    members
}

//! Asks IAM whether the caller may do something in EC2, on resources as IAM sees them.

use super::ids;
use crate::auth::{self, Resource};
use crate::partition;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Fail, bool_text};
use crate::world::{Tags, World};

/// Asks IAM for an action on each of these, with the condition keys that EC2 adds.
pub(super) fn authorize(
    request: &Request<'_>,
    action: &str,
    resources: &[Resource],
    more: &Context,
) -> Result<(), Fail> {
    let mut context = request.context();
    auth::set(&mut context, "ec2:Region", request.region);
    context.extend(more.clone());
    auth::authorize_ec2(request.caller, action, resources, &context)
}

/// Asks IAM for an action that names no resource.
pub(super) fn authorize_all(request: &Request<'_>, action: &str) -> Result<(), Fail> {
    authorize(request, action, &[Resource::new("*")], &Context::new())
}

/// Asks IAM for an action on an image of the Region.
pub(super) fn authorize_image(
    world: &World,
    id: &str,
    action: &str,
    request: &Request<'_>,
) -> Result<(), Fail> {
    let image = image_resource(world, request.region, id, request);
    authorize(request, action, &[image], &Context::new())
}

/// Asks IAM for an action on a snapshot of the Region.
pub(super) fn authorize_snapshot(
    world: &World,
    id: &str,
    action: &str,
    request: &Request<'_>,
) -> Result<(), Fail> {
    let snapshot = snapshot_resource(world, request.region, id, request);
    authorize(request, action, &[snapshot], &Context::new())
}

/// An image, with its owner and the caller's tags.
pub(super) fn image_resource(
    world: &World,
    region: &str,
    id: &str,
    request: &Request<'_>,
) -> Resource {
    let mut resource = Resource::new(ec2_arn(region, "", &format!("image/{id}")));
    resource.set("ec2:ImageID", id);
    if let Some(image) = world.images.get(id) {
        set_owner(&mut resource, &image.owner);
        set_tags(&mut resource, image.tags.get(request.account()));
        resource.set("ec2:RootDeviceType", &image.root_device_type);
        resource.set("ec2:Public", bool_text(image.is_public()));
    }
    resource
}

/// A snapshot, with its owner and the caller's tags.
pub(super) fn snapshot_resource(
    world: &World,
    region: &str,
    id: &str,
    request: &Request<'_>,
) -> Resource {
    // For a text that is not an ID, EC2 asks about any snapshot (recorded).
    let name = if ids::is_snapshot(id) { id } else { "*" };
    let mut resource = Resource::new(ec2_arn(region, "", &format!("snapshot/{name}")));
    resource.set("ec2:SnapshotID", id);
    if let Some(snapshot) = world.snapshots.get(id) {
        set_owner(&mut resource, &snapshot.owner);
        set_tags(&mut resource, snapshot.tags.get(request.account()));
        resource.set("ec2:Encrypted", bool_text(snapshot.key.is_some()));
        resource.set("ec2:VolumeSize", &snapshot.size.to_string());
        resource.set("ec2:ParentVolume", &snapshot.volume);
    }
    resource
}

/// An image that is to be made: it will be the caller's, and its ID is `*` (recorded).
pub(super) fn new_image(request: &Request<'_>) -> Resource {
    new_resource("image", "ec2:ImageID", request)
}

/// A snapshot that is to be made: it will be the caller's, and its ID is `*` (recorded).
pub(super) fn new_snapshot(request: &Request<'_>) -> Resource {
    new_resource("snapshot", "ec2:SnapshotID", request)
}

fn new_resource(kind: &str, id_key: &str, request: &Request<'_>) -> Resource {
    let mut resource = Resource::new(ec2_arn(request.region, "", &format!("{kind}/*")));
    resource.set("aws:ResourceAccount", request.account());
    resource.set("aws:ResourceBeingCreated", "true");
    resource.set(id_key, "*");
    resource
}

/// A resource of the caller's account, such as `instance/i-01234567`.
pub(super) fn account_resource(name: &str, request: &Request<'_>) -> Resource {
    Resource::new(ec2_arn(request.region, request.account(), name))
}

fn ec2_arn(region: &str, account: &str, name: &str) -> String {
    let partition = partition::of_region(region).name;
    format!("arn:{partition}:ec2:{region}:{account}:{name}")
}

/// Sets the condition keys of a resource's owner.
pub(super) fn set_owner(resource: &mut Resource, owner: &str) {
    resource.set("ec2:Owner", owner);
    resource.set("aws:ResourceAccount", owner);
}

/// Sets the condition keys of a resource's tags.
pub(super) fn set_tags(resource: &mut Resource, tags: Option<&Tags>) {
    for (key, value) in tags.into_iter().flatten() {
        resource.set(&format!("aws:ResourceTag/{key}"), value);
        resource.set(&format!("ec2:ResourceTag/{key}"), value);
    }
}

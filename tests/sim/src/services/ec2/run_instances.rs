//! RunInstances (R4), also with a launch template (R4.19).

use super::authorize::{account_resource, authorize, image_resource};
use super::client_token::ClientToken;
use super::copies::key_without_encryption;
use super::instances::reservation;
use super::launch_template_use::Launch;
use super::placement::Placement;
use super::sharing::may_launch;
use super::tags::{self, Tagging};
use super::{dry_run, ids, instance_launch, key_pairs, security_groups, snapshot_tier};
use crate::auth::Resource;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, ImageState, Instance, World};

pub(super) fn run(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    // 1. What is needed to ask for permission.
    let token = query.filled("ClientToken");
    let token = token.map(|token| ClientToken::new(format!("run {token}"), query, request));
    let launch = Launch::complete(world, query, request)?;
    let (query, image_id) = (&launch.query, launch.image.as_str());
    check_counts(query)?;
    let tagging = Tagging::read(query, &MADE)?;
    let architecture = world
        .images
        .get(image_id)
        .map(|image| image.architecture.as_str());
    let placement = Placement::read(query, architecture.unwrap_or_default());
    let made = made_resources(world.images.get(image_id), &placement, request);
    let resources = resources(world, &launch, &placement, request);
    let (image, used) = resources.split_at(1);
    authorize(request, "ec2:RunInstances", image, &launch.context)?;
    authorize_made(&made, &tagging, &launch.context, request)?;
    authorize(request, "ec2:RunInstances", used, &launch.context)?;

    // 2. The image and the parameters.
    let image = launchable_image(world, image_id, request)?;
    let key_name = key_pairs::named(world, query, request)?;
    let mappings = query.members("BlockDeviceMapping");
    for mapping in &mappings {
        if mapping.get("Ebs.KmsKeyId").is_some() && mapping.flag("Ebs.Encrypted")? != Some(true) {
            return Err(key_without_encryption());
        }
    }
    let subnet = placement.check(world, &image, query, request)?;
    for tags in tagging.of_type.values() {
        tags::check_policy(world, tags, request)?;
    }
    // A dry run never asks KMS (R4.8).
    dry_run(query)?;

    // 3. A request that was answered before is answered again.
    if let Some(token) = &token
        && let Some(id) = token.recall(world)?
    {
        return launched_before(world, id, request);
    }

    // 4. The instance. What KMS refuses shows only later, in its end.
    placement.check_available(world, &subnet, request)?;
    let mut instance = instance_launch::launch(world, &image, &mappings, request);
    placement.instance_type.clone_into(&mut instance.kind);
    (instance.zone, instance.vpc) = (subnet.zone, subnet.vpc);
    instance.client_token = query.filled("ClientToken").map(str::to_owned);
    tag(&mut instance, &tagging);
    for group in placement.groups {
        instance.security_groups.push(group.to_owned());
    }
    instance.key_name = key_name;
    let answer = reservation(world, &instance, "pending", request);
    if let Some(token) = token {
        token.remember(world, &instance.id);
    }
    world.instances.insert(instance.id.clone(), instance);
    Ok(answer)
}

fn tag(instance: &mut Instance, tagging: &Tagging) {
    let of_type = |kind: &str| tagging.of_type.get(kind).cloned().unwrap_or_default();
    instance.tags = of_type("instance");
    instance.volume_tags = of_type("volume");
    instance.interface_tags = of_type("network-interface");
}

/// What a launch makes.
const MADE: [&str; 3] = ["instance", "volume", "network-interface"];

/// Each of them, with the condition keys that it has of the image and of its type.
fn made_resources(
    image: Option<&Image>,
    placement: &Placement<'_>,
    request: &Request<'_>,
) -> [Resource; 3] {
    MADE.map(|kind| {
        let mut resource = account_resource(&format!("{kind}/*"), request);
        if kind == "instance" {
            resource.set("ec2:InstanceType", placement.instance_type);
            if let Some(image) = image {
                resource.set("ec2:RootDeviceType", &image.root_device_type);
            }
        }
        resource
    })
}

/// Asks IAM about each thing that the launch makes, with the tags that the request gives to it.
fn authorize_made(
    resources: &[Resource],
    tagging: &Tagging,
    of_launch: &Context,
    request: &Request<'_>,
) -> Result<(), Fail> {
    for (kind, made) in MADE.iter().zip(resources.chunks(1)) {
        let tags = tagging.of_type.get(*kind).cloned().unwrap_or_default();
        let mut context = tags::context(&tags, None);
        context.extend(of_launch.clone());
        authorize(request, "ec2:RunInstances", made, &context)?;
        if !tags.is_empty() {
            let context = tags::context(&tags, Some("RunInstances"));
            authorize(request, "ec2:CreateTags", made, &context)?;
        }
    }
    Ok(())
}

/// Checks how many instances are asked for. If one is enough, one is launched.
fn check_counts(query: &Query) -> Result<(), Fail> {
    let (least, most) = (
        read_count(query, "MinCount")?,
        read_count(query, "MaxCount")?,
    );
    if least > most {
        let message = format!("Invalid value '{least}' for MinCount. It is more than MaxCount.");
        return Err(Fail::invalid_value(message));
    }
    if least > 1 {
        let message = "Only one instance a call is simulated.";
        return Err(Fail::bad("UnsupportedOperation", message));
    }
    Ok(())
}

fn read_count(query: &Query, name: &str) -> Result<u32, Fail> {
    let text = query.need(name)?;
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(Fail::invalid_value(format!(
            "Invalid value '{text}' for {name}."
        ))),
    }
}

/// The image first, and what the launch uses beside it: IAM is asked about all of it (R4.1).
fn resources(
    world: &World,
    launch: &Launch,
    placement: &Placement<'_>,
    request: &Request<'_>,
) -> Vec<Resource> {
    let mut resources = vec![image_resource(
        world,
        request.region,
        &launch.image,
        request,
    )];
    resources.extend(launch.template.clone());
    let subnet = placement.subnet.unwrap_or("*");
    resources.push(account_resource(&format!("subnet/{subnet}"), request));
    if placement.groups.is_empty() {
        resources.push(security_groups::resource(world, "*", request));
    }
    for id in &placement.groups {
        resources.push(security_groups::resource(world, id, request));
    }
    if let Some(name) = key_pairs::name(&launch.query) {
        resources.push(key_pairs::resource(name, request));
    }
    resources
}

/// The image, if the caller may launch it in its state (R4.10).
fn launchable_image(world: &World, id: &str, request: &Request<'_>) -> Result<Image, Fail> {
    let image = ids::image(world, id, request)?;
    if image.state == ImageState::Deregistered {
        return Err(ids::image_not_found(id));
    }
    if !may_launch(world, image, request, request.shared_as_of()) {
        let message = format!("Not authorized for images: [{id}]");
        return Err(Fail::bad("AuthFailure", message));
    }
    ids::check_available(image)?;
    snapshot_tier::check_restored(world, image)?;
    Ok(image.clone())
}

fn launched_before(world: &World, id: &str, request: &Request<'_>) -> Result<Body, Fail> {
    let Some(instance) = world.instances.get(id) else {
        return Err(ids::instance_not_found(id));
    };
    Ok(reservation(world, instance, instance.state, request))
}

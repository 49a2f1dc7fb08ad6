//! EC2: images, snapshots, sharing, copies, launches, settings.

mod change;
mod copy;
mod copy_keys;
mod copy_snapshot;
mod create;
mod filter;
mod ids;
mod image_attributes;
mod images;
mod instance_states;
mod instances;
mod key_pairs;
mod launch;
mod lifecycle;
mod network;
mod place;
mod regions;
mod register;
mod remove;
mod security_groups;
mod settings;
mod snapshot_attributes;
mod snapshots;
mod tag_operations;
mod tags;

use crate::auth::{self, On};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, Settings, Snapshot, World};

pub(crate) fn call(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "DescribeImages" => images::describe(world, query, request),
        "RegisterImage" => register::register_image(world, query, request),
        "CreateImage" => create::create_image(world, query, request),
        "CopyImage" => copy::copy_image(world, query, request),
        "DeregisterImage" => remove::deregister_image(world, query, request),
        "DescribeImageAttribute" => image_attributes::describe(world, query, request),
        "ModifyImageAttribute" => image_attributes::modify(world, query, request),
        "ResetImageAttribute" => image_attributes::reset(world, query, request),
        "CancelImageLaunchPermission" => image_attributes::cancel(world, query, request),
        "EnableImage" | "DisableImage" => lifecycle::enable(world, query, request, operation),
        "EnableImageDeprecation" | "DisableImageDeprecation" => {
            lifecycle::deprecate(world, query, request, operation)
        }
        "EnableImageDeregistrationProtection" | "DisableImageDeregistrationProtection" => {
            lifecycle::protect(world, query, request, operation)
        }
        "DescribeSnapshots" => snapshots::describe(world, query, request),
        "CreateSnapshot" => create::create_snapshot(world, query, request),
        "CopySnapshot" => copy_snapshot::copy_snapshot(world, query, request),
        "DeleteSnapshot" => remove::delete_snapshot(world, query, request),
        "DescribeSnapshotAttribute" => snapshot_attributes::describe(world, query, request),
        "ModifySnapshotAttribute" => snapshot_attributes::modify(world, query, request),
        "ResetSnapshotAttribute" => snapshot_attributes::reset(world, query, request),
        "CreateTags" => tag_operations::create(world, query, request),
        "DeleteTags" => tag_operations::delete(world, query, request),
        "RunInstances" => launch::run(world, query, request),
        "DescribeInstances" => instances::describe(world, query, request),
        "DescribeVolumes" => instances::describe_volumes(world, query, request),
        "StopInstances" => instance_states::stop(world, query, request),
        "TerminateInstances" => instance_states::terminate(world, query, request),
        "CreateSecurityGroup" => security_groups::create(world, query, request),
        "AuthorizeSecurityGroupIngress" => {
            security_groups::authorize_ingress(world, query, request)
        }
        "DescribeSecurityGroups" => security_groups::describe(world, query, request),
        "DeleteSecurityGroup" => security_groups::delete(world, query, request),
        "CreateKeyPair" => key_pairs::create(world, query, request),
        "DeleteKeyPair" => key_pairs::delete(world, query, request),
        "DescribeRegions" => regions::describe(world, query, request),
        "DescribeVpcs" => network::describe_vpcs(query, request),
        "DescribeSubnets" => network::describe_subnets(query, request),
        "DescribeInstanceTypes" => network::describe_types(query, request),
        "RevokeSecurityGroupEgress" => security_groups::revoke_egress(world, query, request),
        _ => settings::call(world, operation, query, request),
    }
}

/// What EC2 says of an operation that it does not know, or that is not simulated.
fn unknown(operation: &str) -> Fail {
    Fail::bad(
        "InvalidAction",
        format!("The action {operation} is not valid for this web service."),
    )
}

/// Asks IAM for an action on each of these, with the condition keys that EC2 adds.
fn authorize(request: &Request<'_>, action: &str, on: &[On], more: &Context) -> Result<(), Fail> {
    let mut context = auth::context(request.caller, request.region);
    auth::set(&mut context, "ec2:Region", request.region);
    context.extend(more.clone());
    auth::ec2(request.caller, action, on, &context)
}

/// Asks IAM for an action that names no resource.
fn authorize_all(request: &Request<'_>, action: &str) -> Result<(), Fail> {
    authorize(request, action, &[On::arn("*")], &Context::new())
}

/// An image as IAM sees it: with its owner and the caller's tags.
fn image_on(world: &World, region: &str, id: &str, request: &Request<'_>) -> On {
    let mut on = On::arn(format!("arn:aws:ec2:{region}::image/{id}"));
    auth::set(&mut on.context, "ec2:ImageID", id);
    if let Some(image) = world.images.get(id) {
        owned(&mut on, &image.owner, image.tags.get(request.account()));
        auth::set(
            &mut on.context,
            "ec2:RootDeviceType",
            &image.root_device_type,
        );
        auth::set(
            &mut on.context,
            "ec2:Public",
            if image.launch_permissions.contains("all") {
                "true"
            } else {
                "false"
            },
        );
    }
    on
}

/// A snapshot as IAM sees it.
fn snapshot_on(world: &World, region: &str, id: &str, request: &Request<'_>) -> On {
    // What is not an ID is asked of as any snapshot (recorded).
    let named = if ids::check_snapshot(id).is_ok() {
        id
    } else {
        "*"
    };
    let mut on = On::arn(format!("arn:aws:ec2:{region}::snapshot/{named}"));
    auth::set(&mut on.context, "ec2:SnapshotID", id);
    if let Some(snapshot) = world.snapshots.get(id) {
        owned(
            &mut on,
            &snapshot.owner,
            snapshot.tags.get(request.account()),
        );
        auth::set(
            &mut on.context,
            "ec2:Encrypted",
            if snapshot.key.is_some() {
                "true"
            } else {
                "false"
            },
        );
        auth::set(
            &mut on.context,
            "ec2:VolumeSize",
            &snapshot.size.to_string(),
        );
        auth::set(&mut on.context, "ec2:ParentVolume", &snapshot.volume);
    }
    on
}

/// An image or snapshot that is to be made: it will be the caller's (recorded: its ID is `*`).
fn new_on(kind: &str, request: &Request<'_>) -> On {
    let mut on = On::arn(format!("arn:aws:ec2:{}::{kind}/*", request.region));
    auth::set(&mut on.context, "aws:ResourceAccount", request.account());
    auth::set(&mut on.context, "aws:ResourceBeingCreated", "true");
    auth::set(
        &mut on.context,
        if kind == "image" {
            "ec2:ImageID"
        } else {
            "ec2:SnapshotID"
        },
        "*",
    );
    on
}

fn owned(on: &mut On, owner: &str, tags: Option<&tags::Tags>) {
    auth::set(&mut on.context, "ec2:Owner", owner);
    auth::set(&mut on.context, "aws:ResourceAccount", owner);
    for (key, value) in tags.into_iter().flatten() {
        auth::set(&mut on.context, &format!("aws:ResourceTag/{key}"), value);
        auth::set(&mut on.context, &format!("ec2:ResourceTag/{key}"), value);
    }
}

/// The end of a dry run that would have succeeded (R4.9).
fn dry_run(query: &Query) -> Result<(), Fail> {
    match query.flag("DryRun")? {
        Some(true) => Err(Fail::new(
            412,
            "DryRunOperation",
            "Request would have succeeded, but DryRun flag is set.",
        )),
        _ => Ok(()),
    }
}

fn done() -> Body {
    Body::Xml(vec![Element::of("return", true)])
}

/// The names by which sharing may mean an account: itself, everybody, its organization and the
/// units above it (R2.1).
fn names_of(world: &World, account: &str) -> Vec<String> {
    let membership = world
        .organization
        .as_ref()
        .and_then(|all| all.membership(account));
    let above = membership
        .into_iter()
        .flat_map(|membership| membership.arns);
    [account.to_owned(), "all".to_owned()]
        .into_iter()
        .chain(above)
        .collect()
}

/// Whether the caller may launch an image that was shared by then (R2.1), and its account's Allowed
/// AMIs let it (R7.3).
fn may_launch(
    world: &World,
    image: &Image,
    request: &Request<'_>,
    as_of: std::time::Duration,
) -> bool {
    let account = request.account();
    image.owner == account
        || (image
            .launch_permissions
            .names_any(&names_of(world, account), as_of)
            && !settings_of(world, account, request.region)
                .is_some_and(|own| own.allowed_images.hide(&image.owner)))
}

/// Whether an image is there for the caller's account.
pub(crate) fn is_available_to(world: &World, image: &Image, request: &Request<'_>) -> bool {
    may_launch(world, image, request, request.shared_as_of())
}

/// Whether an account may make copies of a snapshot that was shared by then.
fn may_copy(snapshot: &Snapshot, account: &str, as_of: std::time::Duration) -> bool {
    let names = [account.to_owned(), "all".to_owned()];
    snapshot.owner == account || snapshot.create_volume_permissions.names_any(&names, as_of)
}

fn settings_of<'a>(world: &'a World, account: &str, region: &str) -> Option<&'a Settings> {
    world.accounts.get(account)?.settings.get(region)
}

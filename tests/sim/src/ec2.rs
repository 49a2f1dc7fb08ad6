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
mod tags;

use crate::auth::{self, On};
use crate::policy::Context;
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, Settings, Snapshot, World};

pub(crate) fn call(world: &mut World, operation: &str, query: &Query, ask: &Ask<'_>) -> Outcome {
    match operation {
        "DescribeImages" => images::describe(world, query, ask),
        "RegisterImage" => register::register_image(world, query, ask),
        "CreateImage" => create::create_image(world, query, ask),
        "CopyImage" => copy::copy_image(world, query, ask),
        "DeregisterImage" => remove::deregister_image(world, query, ask),
        "DescribeImageAttribute" => image_attributes::describe(world, query, ask),
        "ModifyImageAttribute" => image_attributes::modify(world, query, ask),
        "ResetImageAttribute" => image_attributes::reset(world, query, ask),
        "CancelImageLaunchPermission" => image_attributes::cancel(world, query, ask),
        "EnableImage" | "DisableImage" => lifecycle::enable(world, query, ask, operation),
        "EnableImageDeprecation" | "DisableImageDeprecation" => {
            lifecycle::deprecate(world, query, ask, operation)
        }
        "EnableImageDeregistrationProtection" | "DisableImageDeregistrationProtection" => {
            lifecycle::protect(world, query, ask, operation)
        }
        "DescribeSnapshots" => snapshots::describe(world, query, ask),
        "CreateSnapshot" => create::create_snapshot(world, query, ask),
        "CopySnapshot" => copy_snapshot::copy_snapshot(world, query, ask),
        "DeleteSnapshot" => remove::delete_snapshot(world, query, ask),
        "DescribeSnapshotAttribute" => snapshot_attributes::describe(world, query, ask),
        "ModifySnapshotAttribute" => snapshot_attributes::modify(world, query, ask),
        "ResetSnapshotAttribute" => snapshot_attributes::reset(world, query, ask),
        "CreateTags" => tags::create(world, query, ask),
        "DeleteTags" => tags::delete(world, query, ask),
        "RunInstances" => launch::run(world, query, ask),
        "DescribeInstances" => instances::describe(world, query, ask),
        "DescribeVolumes" => instances::describe_volumes(world, query, ask),
        "StopInstances" => instance_states::stop(world, query, ask),
        "TerminateInstances" => instance_states::terminate(world, query, ask),
        "CreateSecurityGroup" => security_groups::create(world, query, ask),
        "AuthorizeSecurityGroupIngress" => security_groups::authorize_ingress(world, query, ask),
        "DescribeSecurityGroups" => security_groups::describe(world, query, ask),
        "DeleteSecurityGroup" => security_groups::delete(world, query, ask),
        "CreateKeyPair" => key_pairs::create(world, query, ask),
        "DeleteKeyPair" => key_pairs::delete(world, query, ask),
        "DescribeRegions" => regions::describe(world, query, ask),
        "DescribeVpcs" => network::describe_vpcs(query, ask),
        "DescribeSubnets" => network::describe_subnets(query, ask),
        "DescribeInstanceTypes" => network::describe_types(query, ask),
        "RevokeSecurityGroupEgress" => security_groups::revoke_egress(world, query, ask),
        _ => settings::call(world, operation, query, ask),
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
fn authorize(ask: &Ask<'_>, action: &str, on: &[On], more: &Context) -> Result<(), Fail> {
    let mut context = auth::context(ask.who, ask.region);
    auth::set(&mut context, "ec2:Region", ask.region);
    context.extend(more.clone());
    auth::ec2(ask.who, action, on, &context)
}

/// Asks IAM for an action that names no resource.
fn authorize_all(ask: &Ask<'_>, action: &str) -> Result<(), Fail> {
    authorize(ask, action, &[On::arn("*")], &Context::new())
}

/// An image as IAM sees it: with its owner and the caller's tags.
fn image_on(world: &World, region: &str, id: &str, ask: &Ask<'_>) -> On {
    let mut on = On::arn(format!("arn:aws:ec2:{region}::image/{id}"));
    auth::set(&mut on.context, "ec2:ImageID", id);
    if let Some(image) = world.images.get(id) {
        owned(&mut on, &image.owner, image.tags.get(ask.account()));
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
fn snapshot_on(world: &World, region: &str, id: &str, ask: &Ask<'_>) -> On {
    // What is not an ID is asked of as any snapshot (recorded).
    let named = if ids::check_snapshot(id).is_ok() {
        id
    } else {
        "*"
    };
    let mut on = On::arn(format!("arn:aws:ec2:{region}::snapshot/{named}"));
    auth::set(&mut on.context, "ec2:SnapshotID", id);
    if let Some(snapshot) = world.snapshots.get(id) {
        owned(&mut on, &snapshot.owner, snapshot.tags.get(ask.account()));
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
fn new_on(kind: &str, ask: &Ask<'_>) -> On {
    let mut on = On::arn(format!("arn:aws:ec2:{}::{kind}/*", ask.region));
    auth::set(&mut on.context, "aws:ResourceAccount", ask.account());
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
fn may_launch(world: &World, image: &Image, ask: &Ask<'_>, as_of: std::time::Duration) -> bool {
    let account = ask.account();
    image.owner == account
        || (image
            .launch_permissions
            .names_any(&names_of(world, account), as_of)
            && !settings_of(world, account, ask.region)
                .is_some_and(|own| own.allowed_images.hide(&image.owner)))
}

/// Whether an image is there for the caller's account.
pub(crate) fn is_available_to(world: &World, image: &Image, ask: &Ask<'_>) -> bool {
    may_launch(world, image, ask, ask.shared_as_of())
}

/// Whether an account may make copies of a snapshot that was shared by then.
fn may_copy(snapshot: &Snapshot, account: &str, as_of: std::time::Duration) -> bool {
    let names = [account.to_owned(), "all".to_owned()];
    snapshot.owner == account || snapshot.create_volume_permissions.names_any(&names, as_of)
}

fn settings_of<'a>(world: &'a World, account: &str, region: &str) -> Option<&'a Settings> {
    world.accounts.get(account)?.settings.get(region)
}

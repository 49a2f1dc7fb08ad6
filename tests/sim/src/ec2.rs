//! EC2: images, snapshots, sharing, copies, launches.

mod attributes;
mod copy;
mod filter;
mod ids;
mod images;
mod instances;
mod remove;
mod snapshots;
mod tags;

use crate::auth;
use crate::policy::Context;
use crate::sim::Ask;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{Image, Snapshot, World};

pub(crate) fn call(world: &mut World, operation: &str, query: &Query, ask: &Ask<'_>) -> Outcome {
    match operation {
        "DescribeImages" => images::describe(world, query, ask),
        "DescribeSnapshots" => snapshots::describe(world, query, ask),
        "DescribeImageAttribute" => attributes::describe_image(world, query, ask),
        "ModifyImageAttribute" => attributes::modify_image(world, query, ask),
        "DescribeSnapshotAttribute" => attributes::describe_snapshot(world, query, ask),
        "ModifySnapshotAttribute" => attributes::modify_snapshot(world, query, ask),
        "CopyImage" => copy::copy_image(world, query, ask),
        "DeregisterImage" => remove::deregister_image(world, query, ask),
        "DeleteSnapshot" => remove::delete_snapshot(world, query, ask),
        "CreateTags" => tags::create(world, query, ask),
        "RunInstances" => instances::run(world, query, ask),
        "DescribeInstances" => instances::describe(world, query, ask),
        "TerminateInstances" => instances::terminate(world, query, ask),
        other => Err(Fail::bad("InvalidAction", format!("The action {other} is not valid for this web service."))),
    }
}

/// Asks IAM for an action on resources, with the condition keys that EC2 adds.
fn authorize(ask: &Ask<'_>, action: &str, resources: &[String], more: &Context) -> Result<(), Fail> {
    let mut context = auth::context(&ask.who.facts, ask.region);
    auth::set(&mut context, "ec2:Region", ask.region);
    context.extend(more.clone());
    auth::ec2(ask.who, action, resources, &context)
}

/// Asks IAM for an action that names no resource.
fn authorize_all(ask: &Ask<'_>, action: &str) -> Result<(), Fail> {
    authorize(ask, action, &["*".to_owned()], &Context::new())
}

/// Asks IAM for an action on one tagged resource.
fn authorize_on(
    ask: &Ask<'_>,
    action: &str,
    arn: String,
    tags: Option<&std::collections::BTreeMap<String, String>>,
) -> Result<(), Fail> {
    let mut context = Context::new();
    for (key, value) in tags.into_iter().flatten() {
        auth::set(&mut context, &format!("aws:ResourceTag/{key}"), value);
        auth::set(&mut context, &format!("ec2:ResourceTag/{key}"), value);
    }
    authorize(ask, action, &[arn], &context)
}

fn image_arn(region: &str, id: &str) -> String {
    format!("arn:aws:ec2:{region}::image/{id}")
}

fn snapshot_arn(region: &str, id: &str) -> String {
    format!("arn:aws:ec2:{region}::snapshot/{id}")
}

/// The end of a dry run that would have succeeded (R4.9).
fn dry_run(query: &Query) -> Result<(), Fail> {
    match query.flag("DryRun")? {
        Some(true) => Err(Fail::new(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")),
        _ => Ok(()),
    }
}

/// Whether an account may launch and see an image (R2.1); a disabled one is its owner's only.
fn may_launch(image: &Image, account: &str) -> bool {
    image.owner == account || image.launch_permissions.contains(account) || image.launch_permissions.contains("all")
}

/// Whether an account may make copies of a snapshot.
fn may_copy(snapshot: &Snapshot, account: &str) -> bool {
    let shared = &snapshot.create_volume_permissions;
    snapshot.owner == account || shared.contains(account) || shared.contains("all")
}

//! EC2: images, snapshots, sharing, copies, launches, launch templates, settings.

mod allowed_images;
mod authorize;
mod client_token;
mod copies;
mod copy_destination;
mod copy_image;
mod copy_snapshot;
mod create_image;
mod create_volume;
mod describe_launch_templates;
mod describe_tags;
mod filter;
mod fitness;
mod ids;
mod image_attributes;
mod image_names;
mod image_parameter;
mod image_references;
mod image_sharing;
mod images;
mod instance_launch;
mod instance_type_table;
mod instance_types;
mod instances;
mod key_pairs;
mod kms_calls;
mod launch_template_data;
mod launch_template_names;
mod launch_template_use;
mod launch_templates;
mod lifecycle;
mod marks;
mod network;
mod permission_change;
mod placement;
mod regions;
mod register_image;
mod remove;
mod run_instances;
mod security_group_ingress;
mod security_groups;
mod settings;
mod sharing;
mod snapshot_attributes;
mod snapshot_locks;
mod snapshot_tier;
mod snapshots;
mod stop_instances;
mod tag_operations;
mod tags;
mod usage_entries;
mod usage_reports;
mod volumes;
mod watermarks;

pub(super) use launch_template_names::named as named_template;
pub(super) use network::{default_subnet, subnet};
pub(super) use sharing::is_available_to;

use super::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::World;

pub(super) fn call(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "DescribeImages" => images::describe(world, query, request),
        "RegisterImage" => register_image::register_image(world, query, request),
        "CreateImage" => create_image::create_image(world, query, request),
        "CopyImage" => copy_image::copy_image(world, query, request),
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
        "ModifySnapshotTier" => snapshot_tier::archive(world, query, request),
        "RestoreSnapshotTier" => snapshot_tier::restore(world, query, request),
        "CreateSnapshot" => create_image::create_snapshot(world, query, request),
        "CopySnapshot" => copy_snapshot::copy_snapshot(world, query, request),
        "DeleteSnapshot" => remove::delete_snapshot(world, query, request),
        "DescribeSnapshotAttribute" => snapshot_attributes::describe(world, query, request),
        "ModifySnapshotAttribute" => snapshot_attributes::modify(world, query, request),
        "ResetSnapshotAttribute" => snapshot_attributes::reset(world, query, request),
        "CreateTags" => tag_operations::create(world, query, request),
        "DeleteTags" => tag_operations::delete(world, query, request),
        "RunInstances" => run_instances::run(world, query, request),
        "DescribeInstances" => instances::describe(world, query, request),
        "DescribeTags" => describe_tags::describe(world, query, request),
        "CreateVolume" => create_volume::create(world, query, request),
        "DeleteVolume" => create_volume::delete(world, query, request),
        "DescribeVolumes" => volumes::describe(world, query, request),
        "StopInstances" => stop_instances::stop(world, query, request),
        "TerminateInstances" => stop_instances::terminate(world, query, request),
        "CreateSecurityGroup" => security_groups::create(world, query, request),
        "AuthorizeSecurityGroupIngress" => {
            security_group_ingress::authorize_ingress(world, query, request)
        }
        "DescribeSecurityGroups" => security_groups::describe(world, query, request),
        "DeleteSecurityGroup" => security_groups::delete(world, query, request),
        "CreateKeyPair" => key_pairs::create(world, query, request),
        "DeleteKeyPair" => key_pairs::delete(world, query, request),
        "DescribeRegions" => regions::describe(world, query, request),
        "DescribeVpcs" => network::describe_vpcs(world, query, request),
        "DescribeSubnets" => network::describe_subnets(world, query, request),
        "DescribeInstanceTypes" => instance_types::describe(world, query, request),
        "DescribeInstanceTypeOfferings" => {
            instance_types::describe_offerings(world, query, request)
        }
        "RevokeSecurityGroupEgress" => security_groups::revoke_egress(world, query, request),
        _ => marks_and_usage(world, operation, query, request),
    }
}

/// Watermarks, who uses an image, and locks of snapshots.
fn marks_and_usage(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "AttachImageWatermark" => watermarks::attach(world, query, request),
        "DetachImageWatermark" => watermarks::detach(world, query, request),
        "CreateImageUsageReport" => usage_reports::create(world, query, request),
        "DescribeImageUsageReports" => usage_reports::describe(world, query, request),
        "DescribeImageUsageReportEntries" => usage_entries::describe(world, query, request),
        "DescribeImageReferences" => image_references::describe(world, query, request),
        "DeleteImageUsageReport" => usage_reports::delete(world, query, request),
        "LockSnapshot" => snapshot_locks::lock(world, query, request),
        "UnlockSnapshot" => snapshot_locks::unlock(world, query, request),
        "DescribeLockedSnapshots" => snapshot_locks::describe(world, query, request),
        _ => launch_templates(world, operation, query, request),
    }
}

fn launch_templates(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "CreateLaunchTemplate" => launch_templates::create(world, query, request),
        "CreateLaunchTemplateVersion" => launch_templates::create_version(world, query, request),
        "ModifyLaunchTemplate" => launch_templates::modify(world, query, request),
        "DeleteLaunchTemplate" => launch_templates::delete(world, query, request),
        "DescribeLaunchTemplates" => describe_launch_templates::describe(world, query, request),
        "DescribeLaunchTemplateVersions" => {
            describe_launch_templates::describe_versions(world, query, request)
        }
        _ => settings::call(world, operation, query, request),
    }
}

/// The answer to an operation that EC2 does not know, or that is not simulated.
fn unknown_action(operation: &str) -> Fail {
    let message = format!("The action {operation} is not valid for this web service.");
    Fail::bad("InvalidAction", message)
}

/// Ends a dry run that would have succeeded (R4.9).
fn dry_run(query: &Query) -> Result<(), Fail> {
    if query.flag("DryRun")? == Some(true) {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Fail::new(412, "DryRunOperation", message));
    }
    Ok(())
}

/// The answer of operations without a result of their own.
fn return_true() -> Body {
    Body::Xml(vec![Element::of("return", true)])
}

/// The answer of operations that make an image.
fn image_answer(id: &str) -> Body {
    Body::Xml(vec![Element::of("imageId", id)])
}

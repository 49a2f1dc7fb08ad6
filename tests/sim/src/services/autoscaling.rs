//! Auto Scaling: groups whose instances are launched by a service-linked role (R4.11, R4.20).

mod activities;
mod capacity;
mod describe_groups;
mod groups;
mod orders;
mod pages;
mod parameters;
mod placement;
mod role;
mod template;

pub(crate) use orders::{finish, next_call};

use super::Request;
use crate::auth;
use crate::policy::Context;
use crate::wire::{Fail, Outcome, Query};
use crate::world::{ScalingGroup, World};

pub(super) fn call(
    world: &mut World,
    operation: &str,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "CreateAutoScalingGroup" => groups::create(world, query, request),
        "DeleteAutoScalingGroup" => groups::delete(world, query, request),
        "DescribeAutoScalingGroups" => describe_groups::describe(world, query, request),
        "DescribeScalingActivities" => activities::describe(world, query, request),
        "SetDesiredCapacity" => capacity::set(world, query, request),
        other => {
            let message = format!("Could not find operation {other} for version 2011-01-01");
            Err(Fail::bad("InvalidAction", message))
        }
    }
}

fn invalid(message: impl Into<String>) -> Fail {
    Fail::bad("ValidationError", message)
}

/// Asks IAM for an action on a group of the caller, or on any with this name.
fn authorize(
    request: &Request<'_>,
    operation: &str,
    resource: &str,
    more: Context,
) -> Result<(), Fail> {
    let mut context = request.context();
    context.extend(more);
    let action = format!("autoscaling:{operation}");
    let denied = (403, "AccessDenied");
    auth::authorize_service(request.caller, &action, resource, &context, denied)
}

/// The ARN of a group, whose ID may not be known.
fn arn(id: &str, name: &str, request: &Request<'_>) -> String {
    let (partition, region, account) = (request.partition(), request.region, request.account());
    format!(
        "arn:{partition}:autoscaling:{region}:{account}:autoScalingGroup:{id}:\
         autoScalingGroupName/{name}"
    )
}

fn find<'a>(world: &'a World, name: &str, request: &Request<'_>) -> Option<&'a ScalingGroup> {
    let mut groups = world.scaling_groups.values();
    groups.find(|group| group.name == name && is_own(group, request))
}

fn is_own(group: &ScalingGroup, request: &Request<'_>) -> bool {
    group.owner == request.account() && group.region == request.region
}

/// The group that a request names, if the caller may do this to it.
fn authorized<'a>(
    world: &'a World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Result<&'a ScalingGroup, Fail> {
    let name = parameters::need(query, "AutoScalingGroupName")?;
    let group = find(world, name, request);
    let resource = group.map_or_else(|| arn("*", name, request), |group| group.arn.clone());
    authorize(request, operation, &resource, Context::new())?;
    group.ok_or_else(|| {
        let what = format!("AutoScalingGroup '{name}' not found");
        invalid(format!("AutoScalingGroup name not found - {what}"))
    })
}

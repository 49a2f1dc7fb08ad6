//! Groups: made and deleted.

use super::{
    arn, authorize, authorized, capacity, find, invalid, parameters, placement, role, template,
};
use crate::auth;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::{Body, Fail, Outcome, Query, bool_text};
use crate::world::{ScalingGroup, World, uuid};

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    // 1. What is needed to ask for permission.
    let name = parameters::need(query, "AutoScalingGroupName")?;
    let (min, max) = (
        parameters::count(query, "MinSize")?,
        parameters::count(query, "MaxSize")?,
    );
    let desired = if query.has("DesiredCapacity") {
        parameters::count(query, "DesiredCapacity")?
    } else {
        min
    };
    let context = context(query, (min, max));
    let any = arn("*", name, request);
    authorize(request, "CreateAutoScalingGroup", &any, context)?;

    // 2. The parameters.
    if find(world, name, request).is_some() {
        let message = format!(
            "AutoScalingGroup by this name already exists - A group with the name {name} already \
             exists"
        );
        return Err(Fail::bad("AlreadyExists", message));
    }
    check_sizes(min, max, desired)?;
    let subnets = placement::read(world, query, request)?;
    let first = subnets.first().map(|subnet| subnet.id.clone());
    let template = template::read(world, query, &first.unwrap_or_default(), request)?;
    let role = role::read(world, query, request)?;

    // 3. The group, which launches from now on.
    let arn = arn(&uuid(&world.issue(32)), name, request);
    let named_subnets = query.filled("VPCZoneIdentifier").unwrap_or_default();
    let group = ScalingGroup {
        arn: arn.clone(),
        name: name.to_owned(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        template,
        min,
        max,
        desired,
        subnets,
        named_subnets: named_subnets.to_owned(),
        role,
        created: request.now,
        instances: Vec::new(),
    };
    world.scaling_groups.insert(arn.clone(), group);
    let cause = format!(
        "a user request created an AutoScalingGroup changing the desired capacity from 0 to \
         {desired}"
    );
    capacity::scale(world, &arn, &cause, request);
    Ok(Body::Xml(Vec::new()))
}

/// The condition keys of a request that makes a group (service authorization reference).
fn context(query: &Query, (min, max): (u32, u32)) -> Context {
    let mut context = Context::new();
    auth::set(&mut context, "autoscaling:MinSize", &min.to_string());
    auth::set(&mut context, "autoscaling:MaxSize", &max.to_string());
    let version = query.filled("LaunchTemplate.Version");
    let is_number = version.is_some_and(|version| !version.starts_with('$'));
    let key = "autoscaling:LaunchTemplateVersionSpecified";
    auth::set(&mut context, key, bool_text(is_number));
    context
}

fn check_sizes(min: u32, max: u32, desired: u32) -> Result<(), Fail> {
    if min > max {
        return Err(invalid(format!(
            "Max bound, {max}, must be greater than or equal to min bound, {min}"
        )));
    }
    if desired < min || desired > max {
        return Err(invalid(format!(
            "Desired capacity:{desired} must be between the specified min size:{min} and max \
             size:{max}"
        )));
    }
    Ok(())
}

/// Deletes a group. One that has instances is deleted by force only, and its instances with it.
pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let group = authorized(world, query, request, "DeleteAutoScalingGroup")?.clone();
    let is_forced = query.flag("ForceDelete")? == Some(true);
    let in_progress = |world: &World| {
        let mut activities = world.scaling_activities.iter();
        activities.any(|activity| activity.group == group.arn && activity.end.is_none())
    };
    if !is_forced && group.instances.iter().any(|id| world.is_live(id)) {
        let message = "You cannot delete an AutoScalingGroup while there are instances or pending \
                       Spot instance request(s) still in the group.";
        return Err(Fail::bad("ResourceInUse", message));
    }
    if !is_forced && in_progress(world) {
        let message = "You cannot delete an AutoScalingGroup while there are scaling activities in \
                       progress for that group.";
        return Err(Fail::bad("ScalingActivityInProgress", message));
    }
    let cause = "a user request force deleted an AutoScalingGroup";
    capacity::terminate_all(world, &group, cause, request);
    world.scaling_groups.remove(&group.arn);
    Ok(Body::Xml(Vec::new()))
}

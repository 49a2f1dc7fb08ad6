//! The size of a group: launches and terminations that bring it to its desired capacity.

use std::collections::BTreeMap;

use super::{authorized, invalid, parameters, template};
use crate::services::Request;
use crate::wire::{Body, Outcome, Query};
use crate::world::{ScalingActivity, ScalingGroup, ScalingOrder, Subnet, World, uuid};

/// Sets the desired capacity. The group tries again what has failed before, even if the number
/// stays.
pub(super) fn set(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let group = authorized(world, query, request, "SetDesiredCapacity")?.clone();
    let desired = parameters::count(query, "DesiredCapacity")?;
    let (min, max) = (group.min, group.max);
    let bound = if desired > max {
        Some(format!("above max value {max}"))
    } else {
        (desired < min).then(|| format!("below min value {min}"))
    };
    if let Some(bound) = bound {
        return Err(invalid(format!(
            "New SetDesiredCapacity value {desired} is {bound} for the AutoScalingGroup."
        )));
    }
    let cause = format!(
        "a user request explicitly set group desired capacity changing the desired capacity from \
         {} to {desired}",
        group.desired
    );
    if let Some(group) = world.scaling_groups.get_mut(&group.arn) {
        group.desired = desired;
    }
    scale(world, &group.arn, &cause, request);
    Ok(Body::Xml(Vec::new()))
}

/// Orders what brings a group to its desired capacity, and says why.
pub(super) fn scale(world: &mut World, arn: &str, cause: &str, request: &Request<'_>) {
    let Some(group) = world.scaling_groups.get(arn).cloned() else {
        return;
    };
    let mut live = Vec::new();
    for id in &group.instances {
        if world.is_live(id) {
            live.push(id.clone());
        }
    }
    let desired = usize::try_from(group.desired).unwrap_or(usize::MAX);
    let at = moment(request);
    let between = "in response to a difference between desired and actual capacity";
    let (from, to) = (live.len(), desired);
    for place in group
        .subnets
        .iter()
        .cycle()
        .skip(from)
        .take(to.saturating_sub(from))
    {
        let cause = format!(
            "At {at} {cause}.  At {at} an instance was started {between}, increasing the capacity \
             from {from} to {to}."
        );
        launch(world, &group, place, cause, request);
    }
    // The oldest go first; AWS's usual policy looks at more than that.
    for id in live.into_iter().take(from.saturating_sub(to)) {
        let cause = format!(
            "At {at} {cause}.  At {at} an instance was taken out of service {between}, shrinking \
             the capacity from {from} to {to}.  At {at} instance {id} was selected for \
             termination."
        );
        terminate(world, &group, &id, cause, request);
    }
}

/// Orders the end of every instance of a group.
pub(super) fn terminate_all(
    world: &mut World,
    group: &ScalingGroup,
    cause: &str,
    request: &Request<'_>,
) {
    for id in &group.instances {
        if world.is_live(id) {
            let cause = format!("At {} {cause}.", moment(request));
            terminate(world, group, id, cause, request);
        }
    }
}

/// A moment as causes have it.
fn moment(request: &Request<'_>) -> String {
    request.clock.text(request.now).replace(".000Z", "Z")
}

fn launch(
    world: &mut World,
    group: &ScalingGroup,
    place: &Subnet,
    cause: String,
    request: &Request<'_>,
) {
    let mut activity = new_activity(world, group, cause, request);
    activity.is_launch = true;
    activity.subnet = place.clone();
    let parameters = template::launch_by(&group.template, &place.id, &activity.id);
    order(world, group, activity, "RunInstances", parameters);
}

fn terminate(
    world: &mut World,
    group: &ScalingGroup,
    instance: &str,
    cause: String,
    request: &Request<'_>,
) {
    let mut activity = new_activity(world, group, cause, request);
    activity.instance = Some(instance.to_owned());
    if let Some(instance) = world.instances.get(instance) {
        let mut subnets = group.subnets.iter();
        let place = subnets.find(|subnet| subnet.zone == instance.zone);
        activity.subnet = place.cloned().unwrap_or(activity.subnet);
    }
    let parameters = [("InstanceId.1".to_owned(), instance.to_owned())].into();
    order(world, group, activity, "TerminateInstances", parameters);
}

fn new_activity(
    world: &mut World,
    group: &ScalingGroup,
    cause: String,
    request: &Request<'_>,
) -> ScalingActivity {
    ScalingActivity {
        id: uuid(&world.issue(32)),
        group: group.arn.clone(),
        group_name: group.name.clone(),
        owner: group.owner.clone(),
        region: group.region.clone(),
        is_launch: false,
        cause,
        subnet: Subnet::default(),
        instance: None,
        begun: request.now,
        end: None,
    }
}

fn order(
    world: &mut World,
    group: &ScalingGroup,
    activity: ScalingActivity,
    operation: &'static str,
    parameters: BTreeMap<String, String>,
) {
    world.scaling_orders.push_back(ScalingOrder {
        activity: activity.id.clone(),
        account: group.owner.clone(),
        region: group.region.clone(),
        role: group.role.clone(),
        operation,
        parameters,
    });
    world.scaling_activities.push(activity);
}

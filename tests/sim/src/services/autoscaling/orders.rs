//! The calls that Auto Scaling makes to EC2 by the service-linked role of a group. They are calls
//! like any other: faults, throttling and the journal know them.

use std::time::Duration;

use crate::services::sts::{self, SessionLimits};
use crate::wire::{Call, Outcome, Params, Query, Service};
use crate::world::{ActivityEnd, ScalingOrder, World};

/// The name of Auto Scaling's sessions.
const SESSION: &str = "AutoScaling";
/// An instance says by this tag which group launched it.
const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// The next call that was ordered. One whose role is gone fails without a call.
pub(crate) fn next_call(world: &mut World, now: Duration) -> Option<(ScalingOrder, Call)> {
    while let Some(order) = world.scaling_orders.pop_front() {
        let account = world.accounts.get(&order.account);
        let mut roles = account
            .into_iter()
            .flat_map(|account| account.roles.values());
        let role = roles.find(|role| role.arn == order.role).cloned();
        drop(roles);
        let Some(role) = role else {
            // AWS's words are not known (R4.20).
            end(world, &order, Some("The service-linked role is gone."), now);
            continue;
        };
        let limits = SessionLimits::default();
        let (key, token) = sts::session(world, &role, &order.account, SESSION, limits);
        let call = Call {
            service: Service::Ec2,
            operation: order.operation.to_owned(),
            params: Params::Query(Query::from(order.parameters.clone())),
            access_key_id: key,
            session_token: Some(token),
            region: order.region.clone(),
        };
        return Some((order, call));
    }
    None
}

/// Notes what became of a call; without an outcome its answer was lost.
pub(crate) fn finish(
    world: &mut World,
    order: &ScalingOrder,
    outcome: Option<Outcome>,
    now: Duration,
) {
    match outcome {
        Some(Ok(_)) if order.operation == "RunInstances" => launched(world, order),
        Some(Ok(_)) => end(world, order, None, now),
        Some(Err(fail)) => end(world, order, Some(&fail.message), now),
        None => end(world, order, Some(""), now),
    }
}

/// Gives a new instance to its group. The activity goes on until the instance has started.
fn launched(world: &mut World, order: &ScalingOrder) {
    let token = Some(order.activity.as_str());
    let mut instances = world.instances.values_mut();
    let Some(instance) = instances.find(|made| made.client_token.as_deref() == token) else {
        return;
    };
    let mut activities = world.scaling_activities.iter_mut();
    let Some(activity) = activities.find(|activity| activity.id == order.activity) else {
        return;
    };
    activity.instance = Some(instance.id.clone());
    let name = activity.group_name.clone();
    instance.tags.insert(GROUP_TAG.to_owned(), name);
    if let Some(group) = world.scaling_groups.get_mut(&activity.group) {
        group.instances.push(instance.id.clone());
    }
}

/// Ends an activity. Without words of a failure, it was successful.
fn end(world: &mut World, order: &ScalingOrder, failure: Option<&str>, now: Duration) {
    let message = failure.map(|words| {
        let stop = if words.is_empty() || words.ends_with('.') {
            ""
        } else {
            "."
        };
        let what = if order.operation == "RunInstances" {
            "Launching"
        } else {
            "Terminating"
        };
        format!("{words}{stop} {what} EC2 instance failed.")
            .trim()
            .to_owned()
    });
    let status = if message.is_some() {
        "Failed"
    } else {
        "Successful"
    };
    let ended = ActivityEnd {
        at: now,
        status,
        message,
    };
    world.end_activity(&order.activity, ended);
}

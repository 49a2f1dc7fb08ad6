//! Scaling activities, as answers show them.

use serde_json::json;

use super::{authorize, pages};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Outcome, Query};
use crate::world::{ScalingActivity, World};

/// The activities of a group or of all: those that go on first, then the newest.
pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(request, "DescribeScalingActivities", "*", Context::new())?;
    let name = query.filled("AutoScalingGroupName");
    let ids = query.list("ActivityIds.member");
    let with_deleted = query.flag("IncludeDeletedGroups")? == Some(true);
    let mut found: Vec<&ScalingActivity> = Vec::new();
    for activity in world.scaling_activities.iter().rev() {
        let is_own = activity.owner == request.account() && activity.region == request.region;
        let is_named = name.is_none_or(|name| name == activity.group_name);
        let is_meant = is_named && (ids.is_empty() || ids.contains(&activity.id.as_str()));
        let is_shown = with_deleted || world.scaling_groups.contains_key(&activity.group);
        if is_own && is_meant && is_shown {
            found.push(activity);
        }
    }
    found.sort_by_key(|activity| activity.end.is_some());
    let mut items = Vec::new();
    for activity in found {
        let mut members = render(activity, request);
        if with_deleted {
            let exists = world.scaling_groups.contains_key(&activity.group);
            let state = if exists { "InService" } else { "Deleted" };
            members.push(Element::of("AutoScalingGroupState", state));
        }
        items.push(members);
    }
    pages::answer(query, request, ("Activities", 100), items)
}

fn render(activity: &ScalingActivity, request: &Request<'_>) -> Vec<Element> {
    let end = activity.end.as_ref();
    let message = end.and_then(|end| end.message.as_ref());
    let mut description = if activity.is_launch {
        "Launching a new EC2 instance".to_owned()
    } else {
        "Terminating EC2 instance".to_owned()
    };
    if let Some(instance) = &activity.instance {
        description.push_str(&format!(": {instance}"));
    }
    if let Some(message) = message {
        description.push_str(&format!(".  Status Reason: {message}"));
    }
    let (status, progress) = end.map_or(("PreInService", 30), |end| (end.status, 100));
    let details = json!({
        "Subnet ID": activity.subnet.id,
        "Availability Zone": activity.subnet.zone,
    });
    let mut members = vec![
        Element::of("ActivityId", &activity.id),
        Element::of("AutoScalingGroupName", &activity.group_name),
        Element::of("Description", description),
        Element::of("Cause", &activity.cause),
        Element::of("StartTime", request.clock.text(activity.begun)),
    ];
    let end = end.map(|end| request.clock.text(end.at));
    members.extend(Element::optional("EndTime", end));
    members.push(Element::of("StatusCode", status));
    members.extend(Element::optional("StatusMessage", message));
    members.extend([
        Element::of("Progress", progress),
        Element::of("Details", details),
        Element::of("AutoScalingGroupARN", &activity.group),
    ]);
    members
}

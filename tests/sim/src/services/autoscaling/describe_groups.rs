//! Groups with their instances, as answers show them.

use super::{authorize, is_own, pages};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Outcome, Query};
use crate::world::{Instance, ScalingGroup, TemplateReference, World};

/// The groups that a request names, or all of them. A name that no group has finds nothing.
pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize(request, "DescribeAutoScalingGroups", "*", Context::new())?;
    let names = query.list("AutoScalingGroupNames.member");
    let mut items = Vec::new();
    for group in world.scaling_groups.values() {
        let is_meant = names.is_empty() || names.contains(&group.name.as_str());
        if is_meant && is_own(group, request) {
            items.push(render(world, group, request));
        }
    }
    pages::answer(query, request, ("AutoScalingGroups", 50), items)
}

fn render(world: &World, group: &ScalingGroup, request: &Request<'_>) -> Vec<Element> {
    let mut zones: Vec<&str> = Vec::new();
    for subnet in &group.subnets {
        if !zones.contains(&subnet.zone.as_str()) {
            zones.push(&subnet.zone);
        }
    }
    let mut instances = Vec::new();
    for id in &group.instances {
        if let Some(instance) = world.instances.get(id) {
            instances.extend(render_instance(instance, group));
        }
    }
    vec![
        Element::of("AutoScalingGroupName", &group.name),
        Element::of("AutoScalingGroupARN", &group.arn),
        render_template(&group.template),
        Element::of("MinSize", group.min),
        Element::of("MaxSize", group.max),
        Element::of("DesiredCapacity", group.desired),
        Element::of("DefaultCooldown", 300),
        texts("AvailabilityZones", &zones),
        texts("LoadBalancerNames", &[]),
        texts("TargetGroupARNs", &[]),
        Element::of("HealthCheckType", "EC2"),
        Element::of("HealthCheckGracePeriod", 0),
        Element::members("Instances", instances),
        Element::of("CreatedTime", request.clock.text(group.created)),
        Element::of("VPCZoneIdentifier", &group.named_subnets),
        texts("TerminationPolicies", &["Default"]),
        Element::of("NewInstancesProtectedFromScaleIn", false),
        Element::of("ServiceLinkedRoleARN", &group.role),
    ]
}

fn texts(name: &'static str, texts: &[&str]) -> Element {
    let items = texts.iter().map(|text| Element::of("member", text));
    Element::new(name).children(items)
}

fn render_template(template: &TemplateReference) -> Element {
    let members = [
        Element::of("LaunchTemplateId", &template.id),
        Element::of("LaunchTemplateName", &template.name),
    ];
    let version = Element::optional("Version", template.version.as_ref());
    let element = Element::new("LaunchTemplate").children(members);
    element.children(version)
}

/// An instance, unless it is gone.
fn render_instance(instance: &Instance, group: &ScalingGroup) -> Option<Vec<Element>> {
    let state = match instance.state {
        "pending" => "Pending",
        "running" => "InService",
        "shutting-down" => "Terminating",
        _ => return None,
    };
    Some(vec![
        Element::of("InstanceId", &instance.id),
        Element::of("InstanceType", &instance.kind),
        Element::of("AvailabilityZone", &instance.zone),
        Element::of("LifecycleState", state),
        Element::of("HealthStatus", "Healthy"),
        render_template(&group.template),
        Element::of("ProtectedFromScaleIn", false),
    ])
}

//! Auto Scaling groups of a target: what they tell before and after a share that serves their role.

use ami_share_sim::wire::xml::Element;
use ami_share_sim::wire::{Body, Call, Params, Query, Service};

use super::*;

/// The answer to B's administrator, as text.
async fn call(
    world: &World,
    service: Service,
    operation: &str,
    parameters: &[(&str, &str)],
) -> String {
    let call = Call {
        service,
        operation: operation.to_owned(),
        params: Params::Query(Query::of(parameters)),
        access_key_id: world.sim.facts().accounts[B].access_key_id.clone(),
        session_token: None,
        region: "us-east-1".to_owned(),
    };
    match world.sim.call(&call).await.unwrap().unwrap() {
        Body::Xml(elements) => elements.iter().map(Element::document).collect(),
        Body::Json(value) => value.to_string(),
    }
}

/// Sets the group to one instance and returns its last activity.
async fn last_activity(world: &World) -> String {
    let group = ("AutoScalingGroupName", "web");
    let desired = [group, ("DesiredCapacity", "1")];
    call(world, Service::AutoScaling, "SetDesiredCapacity", &desired).await;
    let last = [group, ("MaxRecords", "1")];
    let operation = "DescribeScalingActivities";
    call(world, Service::AutoScaling, operation, &last).await
}

#[tokio::test(start_paused = true)]
async fn group_launches_as_soon_as_its_role_is_served() {
    let world = build_world(1).await;
    let share = |options| build_request(&world, &["image-1"], options);
    world.share(share(with_target_role())).await;
    let image_id = world.image_id("image-1");
    let template = [
        ("LaunchTemplateName", "web"),
        ("LaunchTemplateData.ImageId", image_id.as_str()),
    ];
    call(&world, Service::Ec2, "CreateLaunchTemplate", &template).await;
    let group = [
        ("AutoScalingGroupName", "web"),
        ("LaunchTemplate.LaunchTemplateName", "web"),
        ("AvailabilityZones.member.1", "us-east-1a"),
        ("MinSize", "0"),
        ("MaxSize", "1"),
    ];
    let operation = "CreateAutoScalingGroup";
    call(&world, Service::AutoScaling, operation, &group).await;
    let before = last_activity(&world).await;
    assert!(before.contains("<StatusCode>Cancelled<"), "{before}");
    let report = world.share(share(with_auto_scaling())).await;
    assert_eq!(report.errors, []);
    let after = last_activity(&world).await;
    assert!(after.contains("<StatusCode>Successful<"), "{after}");
}

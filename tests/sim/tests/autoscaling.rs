//! Auto Scaling groups: what they launch and end, and by which role.

use ami_share_sim::{Effect, Fault};

use super::launch_templates::template;
use super::launching::launching;
use super::support::*;

const GROUP: (&str, &str) = ("AutoScalingGroupName", "web");
const BY_TEMPLATE: (&str, &str) = ("LaunchTemplate.LaunchTemplateName", "web");
const ZONE: (&str, &str) = ("AvailabilityZones.member.1", "us-east-1a");

/// What a group of one instance takes.
pub(crate) const ONE: [(&str, &str); 5] =
    [GROUP, BY_TEMPLATE, ZONE, ("MinSize", "0"), ("MaxSize", "3")];

/// Makes a group with some instances.
async fn group(caller: &Caller, desired: &str, more: Parameters<'_>) {
    let mut parameters = ONE.to_vec();
    parameters.push(("DesiredCapacity", desired));
    parameters.extend(more);
    let made = caller.autoscaling("CreateAutoScalingGroup", &parameters);
    made.await.unwrap();
}

async fn set(caller: &Caller, desired: &str) -> Answer {
    let parameters = [GROUP, ("DesiredCapacity", desired)];
    let set = caller.autoscaling("SetDesiredCapacity", &parameters);
    set.await.unwrap()
}

async fn activities(caller: &Caller, more: Parameters<'_>) -> Answer {
    let mut parameters = vec![GROUP];
    parameters.extend(more);
    let shown = caller.autoscaling("DescribeScalingActivities", &parameters);
    shown.await.unwrap()
}

async fn instances(caller: &Caller) -> Vec<String> {
    let shown = caller.autoscaling("DescribeAutoScalingGroups", &[]).await;
    let shown = shown.unwrap();
    let ids = shown.all("InstanceId").into_iter();
    ids.map(str::to_owned).collect()
}

/// The ARN of a service-linked role of Auto Scaling in B.
fn service_role(suffix: &str) -> String {
    let name = format!("AWSServiceRoleForAutoScaling{suffix}");
    format!("arn:aws:iam::{B}:role/aws-service-role/autoscaling.amazonaws.com/{name}")
}

/// B's launch template of A's encrypted image, which is shared with B by the image and the policy
/// of its key.
async fn shared() -> (Caller, Caller) {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share(&golden, B).await.unwrap();
    a.share_key(B).await;
    template(&b, &[("ImageId", &golden)]).await;
    (a, b)
}

#[tokio::test]
async fn rule_4_20_a_group_launches_by_the_service_role_of_its_account() {
    let (a, _) = two_accounts();
    template(&a, &[("ImageId", &a.image("plain"))]).await;
    group(&a, "2", &[]).await;
    let role = format!(
        "arn:aws:iam::{A}:role/aws-service-role/autoscaling.amazonaws.com/\
         AWSServiceRoleForAutoScaling"
    );
    let shown = a.autoscaling("DescribeAutoScalingGroups", &[]).await;
    let shown = shown.unwrap();
    assert_eq!(shown.first("ServiceLinkedRoleARN"), role);
    assert_eq!(shown.all("LifecycleState"), ["InService"; 2]);
    assert_eq!(shown.first("Version"), "");
    let by = format!("arn:aws:sts::{A}:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling");
    let mut launches = 0;
    for call in a.sim.journal() {
        if call.action == "ec2:RunInstances" {
            launches += 1;
            assert_eq!((call.principal.as_str(), call.status), (by.as_str(), 200));
        }
    }
    assert_eq!(launches, 2);
    let id = instances(&a).await.remove(0);
    let described = a.ec2("DescribeInstances", &[("InstanceId.1", &id)]).await;
    let described = described.unwrap();
    let tag = ["key", "value"].map(|name| described.first(name));
    assert_eq!(tag, ["aws:autoscaling:groupName", "web"]);

    let shown = activities(&a, &[]).await;
    assert_eq!(shown.all("StatusCode"), ["Successful"; 2]);
    assert!(shown.all("StatusMessage").is_empty());
    assert_eq!(
        shown.all("Description")[1],
        format!("Launching a new EC2 instance: {id}")
    );
    let cause = shown.first("Cause");
    let created = "a user request created an AutoScalingGroup changing the desired capacity from 0 \
                   to 2.  At ";
    assert!(
        cause.starts_with("At ") && cause.contains(created),
        "{cause}"
    );
    let started = "an instance was started in response to a difference between desired and actual \
                   capacity, increasing the capacity from 0 to 2.";
    assert!(cause.ends_with(started), "{cause}");
    assert!(shown.first("Details").contains("Availability Zone"));
    let page = activities(&a, &[("MaxRecords", "1")]).await;
    let next = [("NextToken", page.first("NextToken")), ("MaxRecords", "1")];
    let rest = activities(&a, &next).await;
    assert_ne!(page.first("ActivityId"), rest.first("ActivityId"));
    assert_eq!(rest.first("NextToken"), "");
}

#[tokio::test]
async fn rule_4_11_a_group_needs_a_grant_to_its_role() {
    let (a, b) = shared().await;
    group(&b, "1", &[]).await;
    let ended = "Instance became unhealthy while waiting for instance to be in InService state. \
                 Termination Reason: Client.InvalidKMSKey.InvalidState: The KMS key provided is in \
                 an incorrect state";
    let shown = activities(&b, &[]).await;
    assert_eq!(shown.first("StatusCode"), "Cancelled");
    assert_eq!(shown.first("StatusMessage"), ended);
    let description = shown.first("Description");
    assert!(
        description.ends_with(&format!(".  Status Reason: {ended}")),
        "{description}"
    );
    assert!(instances(&b).await.is_empty());

    b.grant_to_service_role(&a.key("golden"), &service_role(""))
        .await;
    set(&b, "1").await;
    let shown = activities(&b, &[]).await;
    assert_eq!(shown.all("StatusCode"), ["Successful", "Cancelled"]);
    assert_eq!(instances(&b).await.len(), 1);
}

#[tokio::test]
async fn rule_7_29_a_group_has_the_role_that_it_names() {
    let (a, b) = shared().await;
    let parameters = [
        ("AWSServiceName", "autoscaling.amazonaws.com"),
        ("CustomSuffix", "Blue"),
    ];
    b.iam("CreateServiceLinkedRole", &parameters).await.unwrap();
    b.grant_to_service_role(&a.key("golden"), &service_role("_Blue"))
        .await;
    let role = service_role("_Blue");
    group(&b, "1", &[("ServiceLinkedRoleARN", &role)]).await;
    assert_eq!(activities(&b, &[]).await.first("StatusCode"), "Successful");
    // The grant is the other role's alone.
    let other = [("AutoScalingGroupName", "other"), ("DesiredCapacity", "1")];
    let parameters = [&ONE[1..], &other].concat();
    let made = b.autoscaling("CreateAutoScalingGroup", &parameters);
    made.await.unwrap();
    let shown = b
        .autoscaling("DescribeScalingActivities", &other[..1])
        .await;
    assert_eq!(shown.unwrap().first("StatusCode"), "Cancelled");
}

#[tokio::test]
async fn rule_4_12_a_launch_that_ec2_refuses_has_failed_in_its_words() {
    let a = launching(|launching| launching.vcpus = Some(1));
    template(
        &a,
        &[("ImageId", &a.image("plain")), ("InstanceType", "t3.nano")],
    )
    .await;
    group(&a, "1", &[]).await;
    let shown = activities(&a, &[]).await;
    assert_eq!(shown.first("StatusCode"), "Failed");
    let message = shown.first("StatusMessage");
    assert!(
        message.starts_with("You have requested more vCPU capacity"),
        "{message}"
    );
    assert!(
        message.ends_with("to this limit. Launching EC2 instance failed."),
        "{message}"
    );
    let description = format!("Launching a new EC2 instance.  Status Reason: {message}");
    assert_eq!(shown.first("Description"), description);

    let (a, _) = two_accounts();
    template(&a, &[("ImageId", &a.image("plain"))]).await;
    let mut effects = vec![
        Effect::Throttle,
        Effect::Drop,
        Effect::Error {
            status: 500,
            code: "InternalError".to_owned(),
            message: "An internal error has occurred".to_owned(),
        },
    ];
    group(&a, "0", &[]).await;
    let expected = [
        "Request limit exceeded. Launching EC2 instance failed.",
        "Launching EC2 instance failed.",
        "An internal error has occurred. Launching EC2 instance failed.",
    ];
    for message in expected {
        a.sim.fault(Fault {
            operation: "ec2:RunInstances".to_owned(),
            call: Some(1),
            account: None,
            region: None,
            naming: Some("lt-".to_owned()),
            effect: effects.remove(0),
        });
        set(&a, "1").await;
        let shown = activities(&a, &[]).await;
        let end = ["StatusCode", "StatusMessage"].map(|name| shown.first(name));
        assert_eq!(end, ["Failed", message]);
    }
    set(&a, "1").await;
    assert_eq!(activities(&a, &[]).await.first("StatusCode"), "Successful");
}

#[tokio::test(start_paused = true)]
async fn rule_4_20_an_activity_goes_on_until_its_instance_has_started() {
    for (end, status) in [
        (None, "Successful"),
        (
            Some("Server.InternalError: Internal error on launch"),
            "Cancelled",
        ),
    ] {
        let a = launching(|launching| {
            launching.start_seconds = 20;
            launching.ends_with = end.map(str::to_owned);
        });
        template(&a, &[("ImageId", &a.image("plain"))]).await;
        group(&a, "1", &[]).await;
        let shown = activities(&a, &[]).await;
        let state = ["StatusCode", "EndTime"].map(|name| shown.first(name));
        assert_eq!(state, ["PreInService", ""]);
        let refused = a.autoscaling("DeleteAutoScalingGroup", &[GROUP]).await;
        assert_code(refused, "ResourceInUse");
        seconds(30).await;
        assert_eq!(activities(&a, &[]).await.first("StatusCode"), status);
    }
    // An instance that somebody ends before it has started did not start.
    let a = launching(|launching| launching.start_seconds = 20);
    template(&a, &[("ImageId", &a.image("plain"))]).await;
    group(&a, "1", &[]).await;
    let id = instances(&a).await.remove(0);
    a.ec2("TerminateInstances", &[("InstanceId.1", &id)])
        .await
        .unwrap();
    assert_eq!(activities(&a, &[]).await.first("StatusCode"), "Cancelled");
}

#[tokio::test]
async fn rule_4_20_a_group_grows_and_shrinks_to_its_desired_capacity() {
    let (a, _) = two_accounts();
    template(&a, &[("ImageId", &a.image("plain"))]).await;
    group(&a, "1", &[]).await;
    set(&a, "3").await;
    let before = instances(&a).await;
    assert_eq!(before.len(), 3);
    set(&a, "2").await;
    // The oldest instance goes first.
    assert_eq!(instances(&a).await, before[1..]);
    let shown = activities(&a, &[]).await;
    let gone = &before[0];
    assert_eq!(
        shown.first("Description"),
        format!("Terminating EC2 instance: {gone}")
    );
    assert_eq!(shown.first("StatusCode"), "Successful");
    let cause = shown.first("Cause");
    let parts = [
        "a user request explicitly set group desired capacity changing the desired capacity from 3 \
         to 2.",
        "shrinking the capacity from 3 to 2.",
        &format!("instance {gone} was selected for termination."),
    ];
    for part in parts {
        assert!(cause.contains(part), "{cause}");
    }
    // An instance that is gone is launched again when the capacity is set, not before.
    let ended = [("InstanceId.1", before[2].as_str())];
    a.ec2("TerminateInstances", &ended).await.unwrap();
    assert_eq!(instances(&a).await.len(), 1);
    set(&a, "2").await;
    assert_eq!(instances(&a).await.len(), 2);
}

#[tokio::test]
async fn rule_4_20_a_group_with_instances_is_deleted_by_force_only() {
    let (a, _) = two_accounts();
    template(&a, &[("ImageId", &a.image("plain"))]).await;
    group(&a, "1", &[]).await;
    let message = "You cannot delete an AutoScalingGroup while there are instances or pending Spot \
                   instance request(s) still in the group.";
    let refused = a.autoscaling("DeleteAutoScalingGroup", &[GROUP]).await;
    fails(refused, 400, "ResourceInUse", message);
    let force = [GROUP, ("ForceDelete", "true")];
    a.autoscaling("DeleteAutoScalingGroup", &force)
        .await
        .unwrap();
    assert!(instances(&a).await.is_empty());
    let left = a.sim.edit(|world| {
        let mut instances = world.instances.values();
        instances.any(|instance| instance.state == "running")
    });
    assert!(!left);
    assert!(activities(&a, &[]).await.all("ActivityId").is_empty());
    let shown = activities(&a, &[("IncludeDeletedGroups", "true")]).await;
    assert_eq!(shown.all("AutoScalingGroupState"), ["Deleted"; 2]);
    // An empty group needs no force.
    group(&a, "0", &[]).await;
    a.autoscaling("DeleteAutoScalingGroup", &[GROUP])
        .await
        .unwrap();
}

//! Auto Scaling groups that are refused: by their parameters, and by what their maker may do.

use serde_json::json;

use super::autoscaling::ONE;
use super::launch_templates::template;
use super::support::*;

/// Two parameters in the place of those of their names.
async fn refused(caller: &Caller, changed: Parameters<'_>) -> (String, String) {
    let mut parameters = ONE.to_vec();
    parameters.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
    parameters.extend(changed.iter().filter(|(_, value)| !value.is_empty()));
    let made = caller.autoscaling("CreateAutoScalingGroup", &parameters);
    let fail = made.await.unwrap_err();
    (fail.code.to_string(), fail.message)
}

#[tokio::test]
async fn rule_4_20_parameters_that_do_not_fit_are_refused() {
    let (a, _) = two_accounts();
    template(&a, &[("ImageId", &a.image("plain"))]).await;
    let subnets = a.ec2("DescribeSubnets", &[]).await.unwrap();
    let subnet = subnets.first("subnetId");
    let (by_name, by_id) = (
        "LaunchTemplate.LaunchTemplateName",
        "LaunchTemplate.LaunchTemplateId",
    );
    let not_usable = "You must use a valid fully-formed launch template. ";
    let unknown_role = format!(
        "arn:aws:iam::{A}:role/aws-service-role/autoscaling.amazonaws.com/\
         AWSServiceRoleForAutoScaling_None"
    );
    let table: [(Parameters<'_>, String); 13] = [
        (
            &[("MinSize", "")],
            "1 validation error detected: Value null at 'minSize' failed to satisfy constraint: \
             Member must not be null"
                .to_owned(),
        ),
        (
            &[("MinSize", "4")],
            "Max bound, 3, must be greater than or equal to min bound, 4".to_owned(),
        ),
        (
            &[("DesiredCapacity", "4")],
            "Desired capacity:4 must be between the specified min size:0 and max size:3".to_owned(),
        ),
        (
            &[("AvailabilityZones.member.1", "")],
            "At least one Availability Zone or VPC Subnet is required.".to_owned(),
        ),
        (
            &[("VPCZoneIdentifier", "subnet-12345678")],
            "The subnet ID 'subnet-12345678' does not exist".to_owned(),
        ),
        (
            &[
                ("VPCZoneIdentifier", subnet),
                ("AvailabilityZones.member.1", "us-east-1b"),
            ],
            "The availability zones of the specified subnets and the AutoScalingGroup do not match"
                .to_owned(),
        ),
        (
            &[("AvailabilityZones.member.1", "us-east-1b")],
            format!("{not_usable}No default subnet for availability zone: 'us-east-1b'."),
        ),
        (
            &[(by_name, "")],
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, \
             InstanceId or MixedInstancesPolicy parameter."
                .to_owned(),
        ),
        (
            &[(by_id, "lt-0123456789abcdef0")],
            "Valid requests must contain either launchTemplateId or LaunchTemplateName".to_owned(),
        ),
        (
            &[(by_name, "other")],
            format!(
                "{not_usable}The specified launch template, with template name other, does not \
                 exist."
            ),
        ),
        (
            &[("LaunchTemplate.Version", "7")],
            format!("{not_usable}Could not find the specified version 7 for the launch template"),
        ),
        (
            &[("ServiceLinkedRoleARN", &unknown_role)],
            "ARN specified for Service-Linked Role does not exist.".to_owned(),
        ),
        (
            &[("AutoScalingGroupName", "")],
            "1 validation error detected: Value null at 'autoScalingGroupName'".to_owned(),
        ),
    ];
    for (changed, words) in table {
        let (code, message) = refused(&a, changed).await;
        assert_eq!(code, "ValidationError", "{changed:?}");
        assert!(message.starts_with(&words), "{message}");
    }
    // Nothing was made, not even the role.
    let left = a.sim.edit(|world| {
        let roles = world.accounts[A].roles.values();
        world.scaling_groups.len() + roles.filter(|role| role.is_service_linked()).count()
    });
    assert_eq!(left, 0);
}

#[tokio::test]
async fn rule_4_20_a_name_is_taken_once_and_must_be_known() {
    let (a, _) = two_accounts();
    template(&a, &[("ImageId", &a.image("plain"))]).await;
    a.autoscaling("CreateAutoScalingGroup", &ONE).await.unwrap();
    let (code, message) = refused(&a, &[]).await;
    let taken = "AutoScalingGroup by this name already exists - A group with the name web already \
                 exists";
    assert_eq!((code.as_str(), message.as_str()), ("AlreadyExists", taken));
    let group = ("AutoScalingGroupName", "web");
    let high = [group, ("DesiredCapacity", "4")];
    let refused = a.autoscaling("SetDesiredCapacity", &high).await;
    let message = "New SetDesiredCapacity value 4 is above max value 3 for the AutoScalingGroup.";
    fails(refused, 400, "ValidationError", message);
    let none = [("AutoScalingGroupName", "none"), ("DesiredCapacity", "1")];
    for operation in ["SetDesiredCapacity", "DeleteAutoScalingGroup"] {
        let refused = a.autoscaling(operation, &none).await;
        let message = "AutoScalingGroup name not found - AutoScalingGroup 'none' not found";
        fails(refused, 400, "ValidationError", message);
    }
    let page = [("NextToken", "other")];
    let refused = a.autoscaling("DescribeScalingActivities", &page).await;
    assert_code(refused, "InvalidNextToken");
    let refused = a.autoscaling("UpdateAutoScalingGroup", &ONE).await;
    assert_code(refused, "InvalidAction");
}

#[tokio::test]
async fn rule_4_20_an_image_that_does_not_fit_is_found_when_the_group_is_made() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    let id = template(&b, &[("ImageId", &golden)]).await;
    let not_authorized = |named: &str| {
        let message = format!("You are not authorized to use launch template: {named}");
        ("AccessDenied".to_owned(), message)
    };
    assert_eq!(refused(&b, &[]).await, not_authorized("web"));
    let (by_name, by_id) = (
        ("LaunchTemplate.LaunchTemplateName", ""),
        ("LaunchTemplate.LaunchTemplateId", id.as_str()),
    );
    assert_eq!(refused(&b, &[by_name, by_id]).await, not_authorized(&id));
    a.share(&golden, B).await.unwrap();
    b.autoscaling("CreateAutoScalingGroup", &ONE).await.unwrap();

    let unknown = "ami-0123456789abcdef0";
    template(&a, &[("ImageId", unknown)]).await;
    let message = format!(
        "You must use a valid fully-formed launch template. The image id '[{unknown}]' does not \
         exist"
    );
    let expected = ("ValidationError".to_owned(), message);
    assert_eq!(refused(&a, &[]).await, expected);
}

#[tokio::test]
async fn rule_4_20_the_maker_of_a_group_needs_every_documented_permission() {
    let (a, _) = two_accounts();
    let parameter = json!({ "Name": "/image", "Value": a.image("plain"), "Type": "String" });
    a.ssm("PutParameter", parameter).await.unwrap();
    let data = [
        ("ImageId", "resolve:ssm:/image"),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "team"),
        ("TagSpecification.1.Tag.1.Value", "images"),
    ];
    template(&a, &data).await;
    let suffixed = [
        ("AWSServiceName", "autoscaling.amazonaws.com"),
        ("CustomSuffix", "Blue"),
    ];
    let made = a.iam("CreateServiceLinkedRole", &suffixed).await.unwrap();
    let role = made.first("Arn").to_owned();
    let not_authorized = "You are not authorized to use launch template: web";
    let table: [(&str, Parameters<'_>, &str); 6] = [
        ("ec2:RunInstances", &[], not_authorized),
        ("ec2:CreateTags", &[], not_authorized),
        ("ssm:GetParameters", &[], not_authorized),
        (
            "iam:PassRole",
            &[("ServiceLinkedRoleARN", &role)],
            "is not authorized to perform: iam:PassRole on resource: ",
        ),
        (
            "iam:CreateServiceLinkedRole",
            &[],
            "The default Service-Linked Role for Auto Scaling could not be created.  \
             com.amazonaws.services.identitymanagement.model.AmazonIdentityManagementException: \
             User: ",
        ),
        (
            "autoscaling:CreateAutoScalingGroup",
            &[],
            "is not authorized to perform: autoscaling:CreateAutoScalingGroup on resource: \
             arn:aws:autoscaling:us-east-1:111111111111:autoScalingGroup:*:\
             autoScalingGroupName/web",
        ),
    ];
    for (action, more, words) in table {
        let limited = a.without(A, &[action]).await;
        let (code, message) = refused(&limited, more).await;
        assert_eq!(code, "AccessDenied", "{action}");
        assert!(message.contains(words), "{message}");
    }
    // By the documented policy, a group takes a numbered version of its launch template.
    let numbered = json!({
        "Effect": "Allow",
        "Action": "autoscaling:CreateAutoScalingGroup",
        "Resource": "*",
        "Condition": { "Bool": { "autoscaling:LaunchTemplateVersionSpecified": "true" } },
    });
    let others = allow(["ec2:*", "iam:*", "ssm:*"].as_slice());
    let limited = a.limited(A, &[numbered, others]).await;
    for version in ["", "$Latest", "$Default"] {
        let version = [("LaunchTemplate.Version", version)];
        assert_eq!(refused(&limited, &version).await.0, "AccessDenied");
    }
    let version = [("LaunchTemplate.Version", "1")];
    let parameters = [&ONE[..], &version].concat();
    let made = limited.autoscaling("CreateAutoScalingGroup", &parameters);
    made.await.unwrap();
    let shown = a.autoscaling("DescribeAutoScalingGroups", &[]).await;
    assert_eq!(shown.unwrap().first("Version"), "1");
}

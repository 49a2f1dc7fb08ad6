//! What a launch takes in addition to an image.

use super::support::*;

/// The ID of the default subnet.
async fn subnet_of(caller: &Caller) -> String {
    let default = [
        ("Filter.1.Name", "default-for-az"),
        ("Filter.1.Value.1", "true"),
    ];
    let subnets = caller.ec2("DescribeSubnets", &default).await.unwrap();
    subnets.first("subnetId").to_owned()
}

#[tokio::test]
async fn rule_4_9_a_dry_run_checks_type_subnet_groups_and_profile() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    let all = b.ec2("DescribeSubnets", &[]).await.unwrap();
    let subnet = all.first("subnetId");
    let wrong_type = "Invalid value 'large' for InstanceType.";
    let architecture = "The architecture 'arm64' of the specified instance type does not match the \
                        architecture 'x86_64' of the specified AMI. Specify an instance type and \
                        an AMI that have matching architectures, and try again.";
    let no_subnet = format!("The subnet ID '{subnet}' does not exist");
    let no_group = "The security group 'sg-1' does not exist";
    let no_profile = "Value (p) for parameter iamInstanceProfile.name is invalid. Invalid IAM \
                      Instance Profile name";
    let (value, id) = ("InvalidParameterValue", "InvalidSubnetID.NotFound");
    let refused: [(&str, &str, &str, &str); 6] = [
        ("InstanceType", "large", value, wrong_type),
        ("InstanceType", "t4g.nano", value, architecture),
        ("SubnetId", subnet, id, &no_subnet),
        ("NetworkInterface.1.SubnetId", subnet, id, &no_subnet),
        (
            "SecurityGroupId.1",
            "sg-1",
            "InvalidGroup.NotFound",
            no_group,
        ),
        ("IamInstanceProfile.Name", "p", value, no_profile),
    ];
    for (name, value, code, message) in refused {
        for dry_run in ["true", "false"] {
            let parameters = [(name, value), ("DryRun", dry_run)];
            let launch = a.run_instance(&plain, &parameters).await;
            fails(launch, 400, code, message);
        }
    }
}

#[tokio::test]
async fn rule_4_9_a_launch_names_an_own_type_subnet_and_group() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let subnet = subnet_of(&a).await;
    let create = [("GroupName", "closed"), ("GroupDescription", "none")];
    let made = a.ec2("CreateSecurityGroup", &create).await.unwrap();
    let group = made.first("groupId");
    let named = [
        ("InstanceType", "t3.nano"),
        ("SubnetId", &subnet),
        ("SecurityGroupId.1", group),
    ];
    let dry_run = [named[0], named[1], named[2], ("DryRun", "true")];
    assert_code(a.run_instance(&plain, &dry_run).await, "DryRunOperation");
    let launched = a.run_instance(&plain, &named).await.unwrap();
    // The group cannot be deleted while an instance is in it.
    let delete = [("GroupId", group)];
    let refused = a.ec2("DeleteSecurityGroup", &delete).await;
    assert_code(refused, "DependencyViolation");
    a.terminate(launched.first("instanceId")).await.unwrap();
    a.ec2("DeleteSecurityGroup", &delete).await.unwrap();
    let by_id = [("GroupId.1", group)];
    let unknown = a.ec2("DescribeSecurityGroups", &by_id).await;
    assert_code(unknown, "InvalidGroup.NotFound");
}

#[tokio::test]
async fn rule_4_9_an_instance_type_has_an_architecture() {
    let (a, _) = two_accounts();
    let arm = [
        ("Filter.1.Name", "processor-info.supported-architecture"),
        ("Filter.1.Value.1", "arm64"),
        ("Filter.2.Name", "instance-type"),
        ("Filter.2.Value.1", "t*"),
    ];
    let types = a.ec2("DescribeInstanceTypes", &arm).await.unwrap();
    assert_eq!(
        types.all("instanceType"),
        ["t4g.nano", "t4g.micro", "t4g.small"]
    );
    let unknown = "The following supplied instance types do not exist: [x1.none]";
    fails(
        a.ec2("DescribeInstanceTypes", &[("InstanceType.1", "x1.none")])
            .await,
        400,
        "InvalidInstanceType",
        unknown,
    );
    let plain = a.image("plain");
    for (kind, fits) in [
        ("m5.large", true),
        ("g5.xlarge", true),
        ("m7i-flex.large", true),
        ("c7gn.large", false),
        ("a1.large", false),
    ] {
        assert_eq!(
            a.run_instance(&plain, &[("InstanceType", kind)])
                .await
                .is_ok(),
            fits,
            "{kind}"
        );
    }
}

//! What a launch takes beside an image.

use super::support::*;

#[tokio::test]
async fn rule_4_9_a_dry_run_sees_type_subnet_groups_and_profile() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    let subnet = a
        .ec2(
            "DescribeSubnets",
            &[
                ("Filter.1.Name", "default-for-az"),
                ("Filter.1.Value.1", "true"),
            ],
        )
        .await;
    let subnet = subnet.unwrap().first("subnetId").to_owned();
    let theirs = b
        .ec2("DescribeSubnets", &[])
        .await
        .unwrap()
        .first("subnetId")
        .to_owned();
    let made = a
        .ec2(
            "CreateSecurityGroup",
            &[("GroupName", "closed"), ("GroupDescription", "none")],
        )
        .await
        .unwrap();
    let group = made.first("groupId").to_owned();
    let architecture = "The architecture 'arm64' of the specified instance type does not match the \
                        architecture 'x86_64' of the specified AMI. Specify an instance type and \
                        an AMI that have matching architectures, and try again.";
    let not_theirs = format!("The subnet ID '{theirs}' does not exist");
    let profile = "Value (p) for parameter iamInstanceProfile.name is invalid. Invalid IAM \
                   Instance Profile name";
    let refused = [
        (
            "InstanceType",
            "large",
            "InvalidParameterValue",
            "Invalid value 'large' for InstanceType.",
        ),
        (
            "InstanceType",
            "t4g.nano",
            "InvalidParameterValue",
            architecture,
        ),
        (
            "SubnetId",
            theirs.as_str(),
            "InvalidSubnetID.NotFound",
            not_theirs.as_str(),
        ),
        (
            "NetworkInterface.1.SubnetId",
            theirs.as_str(),
            "InvalidSubnetID.NotFound",
            not_theirs.as_str(),
        ),
        (
            "SecurityGroupId.1",
            "sg-1",
            "InvalidGroup.NotFound",
            "The security group 'sg-1' does not exist",
        ),
        (
            "IamInstanceProfile.Name",
            "p",
            "InvalidParameterValue",
            profile,
        ),
    ];
    for (name, value, code, message) in refused {
        for dry in ["true", "false"] {
            fails(
                a.run_instance(&plain, &[(name, value), ("DryRun", dry)])
                    .await,
                400,
                code,
                message,
            );
        }
    }
    let here = [
        ("InstanceType", "t3.nano"),
        ("SubnetId", subnet.as_str()),
        ("SecurityGroupId.1", group.as_str()),
    ];
    let dry: Vec<_> = here.iter().chain(&[("DryRun", "true")]).copied().collect();
    assert_eq!(
        a.run_instance(&plain, &dry).await.unwrap_err().code,
        "DryRunOperation"
    );
    let instance = a
        .run_instance(&plain, &here)
        .await
        .unwrap()
        .first("instanceId")
        .to_owned();
    // A group is there as long as something is in it.
    let delete = [("GroupId", group.as_str())];
    assert_eq!(
        a.ec2("DeleteSecurityGroup", &delete)
            .await
            .unwrap_err()
            .code,
        "DependencyViolation"
    );
    a.ec2("TerminateInstances", &[("InstanceId.1", &instance)])
        .await
        .unwrap();
    a.ec2("DeleteSecurityGroup", &delete).await.unwrap();
    assert_eq!(
        a.ec2("DescribeSecurityGroups", &[("GroupId.1", &group)])
            .await
            .unwrap_err()
            .code,
        "InvalidGroup.NotFound"
    );
}

#[tokio::test]
async fn rule_4_9_a_security_group_lets_everything_out_until_that_is_revoked() {
    let (a, b) = two_accounts();
    let request = [("GroupName", "closed"), ("GroupDescription", "none")];
    assert_eq!(
        a.ec2("CreateSecurityGroup", &[request[0]])
            .await
            .unwrap_err()
            .code,
        "MissingParameter"
    );
    let group = a
        .ec2("CreateSecurityGroup", &request)
        .await
        .unwrap()
        .first("groupId")
        .to_owned();
    assert_eq!(
        a.ec2("CreateSecurityGroup", &request)
            .await
            .unwrap_err()
            .code,
        "InvalidGroup.Duplicate"
    );
    let find = [
        ("Filter.1.Name", "group-name"),
        ("Filter.1.Value.1", "closed"),
    ];
    assert_eq!(
        a.ec2("DescribeSecurityGroups", &find)
            .await
            .unwrap()
            .first("ipProtocol"),
        "-1"
    );
    let revoke = [("GroupId", group.as_str())];
    assert_eq!(
        b.ec2("RevokeSecurityGroupEgress", &revoke)
            .await
            .unwrap_err()
            .code,
        "InvalidGroup.NotFound"
    );
    a.ec2("RevokeSecurityGroupEgress", &revoke).await.unwrap();
    let shown = a.ec2("DescribeSecurityGroups", &find).await.unwrap();
    assert_eq!(
        (shown.first("groupId"), shown.all("ipProtocol").len()),
        (group.as_str(), 0)
    );
    assert_eq!(
        a.ec2("RevokeSecurityGroupEgress", &revoke)
            .await
            .unwrap_err()
            .code,
        "InvalidPermission.NotFound"
    );
    assert!(
        b.ec2("DescribeSecurityGroups", &find)
            .await
            .unwrap()
            .all("groupId")
            .is_empty()
    );
    b.ec2("CreateSecurityGroup", &request).await.unwrap();
}

#[tokio::test]
async fn rule_4_9_types_have_an_architecture() {
    let (a, _) = two_accounts();
    let arm = [
        ("Filter.1.Name", "processor-info.supported-architecture"),
        ("Filter.1.Value.1", "arm64"),
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

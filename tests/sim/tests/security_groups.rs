//! Security groups.

use super::support::*;

/// A group without any rule: the rule that a new group has is revoked.
pub(crate) async fn group(caller: &Caller, name: &str) -> String {
    let parameters = [("GroupName", name), ("GroupDescription", "for a test")];
    let made = caller
        .ec2("CreateSecurityGroup", &parameters)
        .await
        .unwrap();
    let id = made.first("groupId").to_owned();
    let named = [("GroupId", id.as_str())];
    caller
        .ec2("RevokeSecurityGroupEgress", &named)
        .await
        .unwrap();
    id
}

/// Parameters that let addresses in.
pub(crate) fn ingress(group: &str) -> [(&str, &str); 5] {
    [
        ("GroupId", group),
        ("IpProtocol", "tcp"),
        ("FromPort", "22"),
        ("ToPort", "22"),
        ("CidrIp", "10.0.0.0/8"),
    ]
}

#[tokio::test]
async fn rule_4_16_a_security_group_has_a_unique_name_in_its_vpc() {
    let (a, b) = two_accounts();
    let id = group(&a, "doors").await;
    let named = [("GroupId", id.as_str()), ("GroupId.1", &id)];
    let shown = a.ec2("DescribeSecurityGroups", &named[1..]).await.unwrap();
    let vpc = shown.first("vpcId").to_owned();
    let again = [
        ("GroupName", "doors"),
        ("GroupDescription", "x"),
        ("VpcId", &vpc),
    ];
    let message = format!("The security group 'doors' already exists for VPC '{vpc}'");
    let refused = a.ec2("CreateSecurityGroup", &again).await;
    fails(refused, 400, "InvalidGroup.Duplicate", &message);
    let elsewhere = [
        ("GroupName", "other"),
        ("GroupDescription", "x"),
        ("VpcId", "vpc-1a2b3c4d"),
    ];
    let refused = a.ec2("CreateSecurityGroup", &elsewhere).await;
    assert_code(refused, "InvalidVpcID.NotFound");
    // In another account or Region the name is free, and the group does not exist.
    group(&b, "doors").await;
    group(&a.in_region("eu-west-1"), "doors").await;
    let message = format!("The security group '{id}' does not exist");
    for operation in ["DescribeSecurityGroups", "DeleteSecurityGroup"] {
        let unknown = b.ec2(operation, &named).await;
        fails(unknown, 400, "InvalidGroup.NotFound", &message);
    }
    let unknown = [("SecurityGroupId.1", "sg-1a2b3c4d")];
    let refused = a.run_instance(&a.image("golden"), &unknown).await;
    let message = "The security group 'sg-1a2b3c4d' does not exist";
    fails(refused, 400, "InvalidGroup.NotFound", message);
}

#[tokio::test]
async fn rule_4_16_a_security_group_in_use_cannot_be_deleted() {
    let (a, _) = two_accounts();
    let id = group(&a, "doors").await;
    let in_group = [("SecurityGroupId.1", id.as_str())];
    let launched = a.run_instance(&a.image("golden"), &in_group).await.unwrap();
    let instance = launched.first("instanceId");
    let shown = a.ec2("DescribeInstances", &[]).await.unwrap();
    assert_eq!(shown.first("groupName"), "doors");
    let delete = [("GroupId", id.as_str())];
    let message = format!("resource {id} has a dependent object");
    let refused = a.ec2("DeleteSecurityGroup", &delete).await;
    fails(refused, 400, "DependencyViolation", &message);
    a.stop(instance).await.unwrap();
    let refused = a.ec2("DeleteSecurityGroup", &delete).await;
    assert_code(refused, "DependencyViolation");
    a.terminate(instance).await.unwrap();
    a.ec2("DeleteSecurityGroup", &delete).await.unwrap();
    let groups = a.ec2("DescribeSecurityGroups", &[]).await.unwrap();
    assert!(groups.all("groupId").is_empty());
}

#[tokio::test]
async fn rule_4_16_a_security_group_has_each_rule_once() {
    let (a, _) = two_accounts();
    let id = group(&a, "doors").await;
    let rule = ingress(&id);
    a.ec2("AuthorizeSecurityGroupIngress", &rule).await.unwrap();
    let message = "the specified rule \"peer: 10.0.0.0/8, TCP, from port: 22, to port: 22, ALLOW\" \
                   already exists";
    let again = a.ec2("AuthorizeSecurityGroupIngress", &rule).await;
    fails(again, 400, "InvalidPermission.Duplicate", message);
    let listed = [
        ("GroupId", id.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "192.0.2.1/32"),
        ("IpPermissions.1.IpRanges.2.CidrIp", "192.0.2.2/32"),
    ];
    a.ec2("AuthorizeSecurityGroupIngress", &listed)
        .await
        .unwrap();
    let named = [("GroupId.1", id.as_str())];
    let shown = a.ec2("DescribeSecurityGroups", &named).await.unwrap();
    let addresses = ["10.0.0.0/8", "192.0.2.1/32", "192.0.2.2/32"];
    assert_eq!(shown.all("cidrIp"), addresses);
    assert_eq!(shown.all("ipProtocol"), ["tcp", "-1", "-1"]);
    assert_eq!(shown.all("fromPort"), ["22"]);
    for (index, wrong, code) in [
        (4, ("CidrIp", "10.0.0.0"), "InvalidParameterValue"),
        (4, ("CidrIp", "10.0.0.0/33"), "InvalidParameterValue"),
        (4, ("CidrIp", "::/0"), "InvalidParameterValue"),
        (2, ("FromPort", "23"), "InvalidParameterValue"),
        (3, ("ToPort", "many"), "InvalidParameterValue"),
        (1, ("SourceSecurityGroupName", "x"), "MissingParameter"),
        (0, ("GroupId", "sg-1a2b3c4d"), "InvalidGroup.NotFound"),
    ] {
        let mut parameters = ingress(&id);
        parameters[index] = wrong;
        let refused = a.ec2("AuthorizeSecurityGroupIngress", &parameters).await;
        assert_eq!(refused.unwrap_err().code, code, "{wrong:?}");
    }
}

#[tokio::test]
async fn rule_4_9_a_security_group_lets_everything_out_until_that_is_revoked() {
    let (a, b) = two_accounts();
    let request = [("GroupName", "closed"), ("GroupDescription", "none")];
    let refused = a.ec2("CreateSecurityGroup", &[request[0]]).await;
    assert_code(refused, "MissingParameter");
    let made = a.ec2("CreateSecurityGroup", &request).await.unwrap();
    let group = made.first("groupId");
    let again = a.ec2("CreateSecurityGroup", &request).await;
    assert_code(again, "InvalidGroup.Duplicate");
    let filter = [
        ("Filter.1.Name", "group-name"),
        ("Filter.1.Value.1", "closed"),
    ];
    let shown = a.ec2("DescribeSecurityGroups", &filter).await.unwrap();
    assert_eq!(shown.first("ipProtocol"), "-1");
    let revoke = [("GroupId", group)];
    let refused = b.ec2("RevokeSecurityGroupEgress", &revoke).await;
    assert_code(refused, "InvalidGroup.NotFound");
    a.ec2("RevokeSecurityGroupEgress", &revoke).await.unwrap();
    let shown = a.ec2("DescribeSecurityGroups", &filter).await.unwrap();
    assert_eq!(shown.first("groupId"), group);
    assert_eq!(shown.all("ipProtocol").len(), 0);
    let again = a.ec2("RevokeSecurityGroupEgress", &revoke).await;
    assert_code(again, "InvalidPermission.NotFound");
    let shown = b.ec2("DescribeSecurityGroups", &filter).await.unwrap();
    assert!(shown.all("groupId").is_empty());
    b.ec2("CreateSecurityGroup", &request).await.unwrap();
}

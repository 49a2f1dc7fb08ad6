//! Instances that are there, and what a launch names beside its image.

use serde_json::{Value, json};

use super::support::*;

async fn launched(who: &Caller, more: &[(&str, &str)]) -> String {
    who.run_instance(&who.image("golden"), more)
        .await
        .unwrap()
        .first("instanceId")
        .to_owned()
}

/// A group without any rule: the one that a new group has is gone.
async fn group(who: &Caller, name: &str) -> String {
    let parameters = [("GroupName", name), ("GroupDescription", "for a test")];
    let id = who
        .ec2("CreateSecurityGroup", &parameters)
        .await
        .unwrap()
        .first("groupId")
        .to_owned();
    who.ec2("RevokeSecurityGroupEgress", &[("GroupId", &id)])
        .await
        .unwrap();
    id
}

fn opening(group: &str) -> [(&str, &str); 5] {
    [
        ("GroupId", group),
        ("IpProtocol", "tcp"),
        ("FromPort", "22"),
        ("ToPort", "22"),
        ("CidrIp", "10.0.0.0/8"),
    ]
}

/// Who has grants on the key `golden`, in order.
async fn grantees(who: &Caller) -> Vec<String> {
    let grants = who
        .kms("ListGrants", json!({ "KeyId": who.key("golden") }))
        .await
        .unwrap()
        .json();
    let grantee = |grant: &Value| grant["GranteePrincipal"].as_str().unwrap().to_owned();
    let mut grantees: Vec<String> = grants["Grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(grantee)
        .collect();
    grantees.sort();
    grantees
}

#[tokio::test]
async fn rule_4_3_the_grant_of_the_instances_own_role_ends_when_it_stops() {
    let (a, _) = two_accounts();
    let (instance, other) = (launched(&a, &[]).await, launched(&a, &[]).await);
    let role = |of: &str| format!("arn:aws:sts::{A}:assumed-role/aws:ec2-infrastructure/{of}");
    let service = "ec2.us-east-1.amazonaws.com".to_owned();
    let of_each = |service_has: usize, roles: &[&str]| {
        let mut all = vec![service.clone(); service_has];
        roles.iter().for_each(|of| all.extend([role(of), role(of)]));
        all.sort();
        all
    };
    assert_eq!(grantees(&a).await, of_each(4, &[&instance, &other]));
    a.ec2("StopInstances", &[("InstanceId.1", &instance)])
        .await
        .unwrap();
    assert_eq!(grantees(&a).await, of_each(4, &[&other]));
    a.ec2("TerminateInstances", &[("InstanceId.1", &instance)])
        .await
        .unwrap();
    assert_eq!(grantees(&a).await, of_each(2, &[&other]));
}

#[tokio::test]
async fn rule_4_15_an_instance_stops_and_keeps_its_volumes() {
    let (a, b) = two_accounts();
    let instance = launched(&a, &[]).await;
    let named = [("InstanceId.1", instance.as_str())];
    let message = format!("The instance ID '{instance}' does not exist");
    fails(
        b.ec2("StopInstances", &named).await,
        400,
        "InvalidInstanceID.NotFound",
        &message,
    );
    let denied = a
        .without(A, &["ec2:StopInstances"])
        .await
        .ec2("StopInstances", &named)
        .await
        .unwrap_err();
    let on =
        format!("on resource: arn:aws:ec2:us-east-1:{A}:instance/{instance} with an explicit deny");
    assert!(denied.message.contains(&on), "{}", denied.message);
    let dry = [named[0], ("DryRun", "true")];
    assert_eq!(
        a.ec2("StopInstances", &dry).await.unwrap_err().code,
        "DryRunOperation"
    );
    assert_eq!(
        a.ec2("DescribeInstances", &named)
            .await
            .unwrap()
            .first("name"),
        "running"
    );

    assert_eq!(
        a.ec2("StopInstances", &named).await.unwrap().all("name"),
        ["stopping", "running"]
    );
    let shown = a.ec2("DescribeInstances", &named).await.unwrap();
    let reason = (
        shown.first("name"),
        shown.first("reason"),
        shown.all("code"),
    );
    assert_eq!(
        reason,
        (
            "stopped",
            "User initiated",
            vec!["80", "Client.UserInitiatedShutdown"]
        )
    );
    let filter = [
        ("Filter.1.Name", "attachment.instance-id"),
        ("Filter.1.Value.1", instance.as_str()),
    ];
    assert_eq!(
        a.ec2("DescribeVolumes", &filter)
            .await
            .unwrap()
            .all("kmsKeyId"),
        [a.key("golden"), a.key("golden")]
    );
    // An image is made of them as before.
    a.ec2(
        "CreateImage",
        &[("InstanceId", &instance), ("Name", "made")],
    )
    .await
    .unwrap();
    assert_eq!(
        a.ec2("StopInstances", &named).await.unwrap().all("name"),
        ["stopped", "stopped"]
    );

    a.ec2("TerminateInstances", &named).await.unwrap();
    assert_eq!(
        a.ec2("StopInstances", &named).await.unwrap_err().code,
        "IncorrectInstanceState"
    );
    assert!(
        a.ec2("DescribeVolumes", &filter)
            .await
            .unwrap()
            .all("volumeId")
            .is_empty()
    );
}

#[tokio::test]
async fn rule_4_16_security_groups_have_names_rules_and_instances() {
    let (a, b) = two_accounts();
    let id = group(&a, "doors").await;
    let shown = a
        .ec2("DescribeSecurityGroups", &[("GroupId.1", &id)])
        .await
        .unwrap();
    let vpc = shown.first("vpcId").to_owned();
    let again = [
        ("GroupName", "doors"),
        ("GroupDescription", "x"),
        ("VpcId", &vpc),
    ];
    let message = format!("The security group 'doors' already exists for VPC '{vpc}'");
    fails(
        a.ec2("CreateSecurityGroup", &again).await,
        400,
        "InvalidGroup.Duplicate",
        &message,
    );
    let elsewhere = [
        ("GroupName", "other"),
        ("GroupDescription", "x"),
        ("VpcId", "vpc-1a2b3c4d"),
    ];
    assert_eq!(
        a.ec2("CreateSecurityGroup", &elsewhere)
            .await
            .unwrap_err()
            .code,
        "InvalidVpcID.NotFound"
    );
    // Of another account or Region the name is free, and the group is not there.
    group(&b, "doors").await;
    group(&a.in_region("eu-west-1"), "doors").await;
    let message = format!("The security group '{id}' does not exist");
    for operation in ["DescribeSecurityGroups", "DeleteSecurityGroup"] {
        let named = [("GroupId", id.as_str()), ("GroupId.1", &id)];
        fails(
            b.ec2(operation, &named).await,
            400,
            "InvalidGroup.NotFound",
            &message,
        );
    }
    let unknown = a
        .run_instance(&a.image("golden"), &[("SecurityGroupId.1", "sg-1a2b3c4d")])
        .await;
    fails(
        unknown,
        400,
        "InvalidGroup.NotFound",
        "The security group 'sg-1a2b3c4d' does not exist",
    );

    let instance = launched(&a, &[("SecurityGroupId.1", &id)]).await;
    assert_eq!(
        a.ec2("DescribeInstances", &[])
            .await
            .unwrap()
            .first("groupName"),
        "doors"
    );
    let delete = [("GroupId", id.as_str())];
    let message = format!("resource {id} has a dependent object");
    fails(
        a.ec2("DeleteSecurityGroup", &delete).await,
        400,
        "DependencyViolation",
        &message,
    );
    a.ec2("StopInstances", &[("InstanceId.1", &instance)])
        .await
        .unwrap();
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
    let left = a.ec2("DescribeSecurityGroups", &[]).await.unwrap();
    assert!(left.all("groupId").is_empty());
}

#[tokio::test]
async fn rule_4_16_a_security_group_takes_each_rule_once() {
    let (a, _) = two_accounts();
    let id = group(&a, "doors").await;
    let open = opening(&id);
    a.ec2("AuthorizeSecurityGroupIngress", &open).await.unwrap();
    let message = "the specified rule \"peer: 10.0.0.0/8, TCP, from port: 22, to port: 22, ALLOW\" \
                   already exists";
    fails(
        a.ec2("AuthorizeSecurityGroupIngress", &open).await,
        400,
        "InvalidPermission.Duplicate",
        message,
    );
    let listed = [
        ("GroupId", id.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "192.0.2.1/32"),
        ("IpPermissions.1.IpRanges.2.CidrIp", "192.0.2.2/32"),
    ];
    a.ec2("AuthorizeSecurityGroupIngress", &listed)
        .await
        .unwrap();
    let shown = a
        .ec2("DescribeSecurityGroups", &[("GroupId.1", &id)])
        .await
        .unwrap();
    assert_eq!(
        shown.all("cidrIp"),
        ["10.0.0.0/8", "192.0.2.1/32", "192.0.2.2/32"]
    );
    assert_eq!(
        (shown.all("ipProtocol"), shown.all("fromPort")),
        (vec!["tcp", "-1", "-1"], vec!["22"])
    );
    for (place, wrong, code) in [
        (4, ("CidrIp", "10.0.0.0"), "InvalidParameterValue"),
        (4, ("CidrIp", "10.0.0.0/33"), "InvalidParameterValue"),
        (4, ("CidrIp", "::/0"), "InvalidParameterValue"),
        (2, ("FromPort", "23"), "InvalidParameterValue"),
        (3, ("ToPort", "many"), "InvalidParameterValue"),
        (1, ("SourceSecurityGroupName", "x"), "MissingParameter"),
        (0, ("GroupId", "sg-1a2b3c4d"), "InvalidGroup.NotFound"),
    ] {
        let mut parameters = opening(&id);
        parameters[place] = wrong;
        assert_eq!(
            a.ec2("AuthorizeSecurityGroupIngress", &parameters)
                .await
                .unwrap_err()
                .code,
            code,
            "{wrong:?}"
        );
    }
}

#[tokio::test]
async fn rule_4_17_key_pairs_have_names() {
    let (a, b) = two_accounts();
    let named = [("KeyName", "door")];
    let made = a.ec2("CreateKeyPair", &named).await.unwrap();
    assert_eq!(made.first("keyName"), "door");
    let message = "The keypair 'door' already exists.";
    fails(
        a.ec2("CreateKeyPair", &named).await,
        400,
        "InvalidKeyPair.Duplicate",
        message,
    );
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let message = "The key pair 'door' does not exist";
    fails(
        b.run_instance(&golden, &named).await,
        400,
        "InvalidKeyPair.NotFound",
        message,
    );
    launched(&a, &named).await;
    assert_eq!(
        a.ec2("DescribeInstances", &[])
            .await
            .unwrap()
            .first("keyName"),
        "door"
    );
    assert_eq!(
        a.ec2("DeleteKeyPair", &named)
            .await
            .unwrap()
            .first("keyPairId"),
        made.first("keyPairId")
    );
    assert_eq!(
        a.ec2("DeleteKeyPair", &named)
            .await
            .unwrap()
            .first("return"),
        "true"
    );
    fails(
        a.run_instance(&golden, &named).await,
        400,
        "InvalidKeyPair.NotFound",
        message,
    );
}

#[tokio::test]
async fn rule_4_1_iam_is_asked_for_what_a_launch_names_and_for_what_it_makes() {
    let (a, _) = two_accounts();
    let id = group(&a, "doors").await;
    a.ec2("CreateKeyPair", &[("KeyName", "door")])
        .await
        .unwrap();
    let golden = a.image("golden");
    let image = ("ImageId", golden.as_str());
    let launch = [
        image,
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("SecurityGroupId.1", &id),
        ("KeyName", "door"),
    ];
    let made = [("GroupName", "others"), ("GroupDescription", "x")];
    let open = opening(&id);
    let table = [
        ("RunInstances", &launch[..], format!("security-group/{id}")),
        ("RunInstances", &launch, "key-pair/door".to_owned()),
        ("CreateSecurityGroup", &made, "security-group/*".to_owned()),
        ("CreateSecurityGroup", &made, "vpc/*".to_owned()),
        (
            "AuthorizeSecurityGroupIngress",
            &open,
            format!("security-group/{id}"),
        ),
        (
            "DeleteSecurityGroup",
            &[("GroupId", &id)],
            format!("security-group/{id}"),
        ),
        (
            "CreateKeyPair",
            &[("KeyName", "other")],
            "key-pair/other".to_owned(),
        ),
        (
            "DeleteKeyPair",
            &[("KeyName", "door")],
            "key-pair/door".to_owned(),
        ),
    ];
    let role = format!("arn:aws:iam::{A}:role/administrator");
    for (operation, parameters, resource) in table {
        let denial = json!({
            "Effect": "Deny",
            "Action": format!("ec2:{operation}"),
            "Resource": format!("arn:aws:ec2:us-east-1:{A}:{resource}"),
        });
        let policy = json!({ "Statement": [allow(&json!("*")), denial] }).to_string();
        let denied = a
            .assume(&role, &[("Policy", &policy)])
            .await
            .unwrap()
            .ec2(operation, parameters)
            .await;
        assert_eq!(
            denied.unwrap_err().code,
            "UnauthorizedOperation",
            "{operation} {resource}"
        );
    }
    let denied = a.without(A, &["ec2:DescribeSecurityGroups"]).await;
    assert_eq!(
        denied
            .ec2("DescribeSecurityGroups", &[])
            .await
            .unwrap_err()
            .status,
        403
    );
    // What was refused was not done.
    let left = a.ec2("DescribeSecurityGroups", &[]).await.unwrap();
    assert_eq!(
        (left.all("groupName"), left.all("cidrIp").len()),
        (vec!["doors"], 0)
    );
    a.ec2("RunInstances", &launch).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rule_1_3_1_a_blank_key_is_none() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let copy = a.copy_as(&plain, &[("KmsKeyId", "")]).await.unwrap();
    let encrypted = a
        .copy_as(&plain, &[("KmsKeyId", ""), ("Encrypted", "true")])
        .await
        .unwrap();
    seconds(4).await;
    for (image, expected) in [(copy, "false"), (encrypted, "true")] {
        let shown = a
            .ec2("DescribeImages", &[("ImageId.1", &image)])
            .await
            .unwrap();
        assert_eq!(
            (shown.first("imageState"), shown.first("encrypted")),
            ("available", expected)
        );
    }
}

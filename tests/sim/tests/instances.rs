//! Instances, and what a launch names in addition to its image.

use super::security_groups::{group, ingress};
use super::support::*;

async fn launched(caller: &Caller, more: &[(&str, &str)]) -> String {
    caller
        .run_instance(&caller.image("golden"), more)
        .await
        .unwrap()
        .first("instanceId")
        .to_owned()
}

/// The grantees on the key `golden`, in order.
async fn grantees(caller: &Caller) -> Vec<String> {
    let mut grantees = Vec::new();
    for grant in caller.grants(&caller.key("golden")).await {
        grantees.push(grant["GranteePrincipal"].as_str().unwrap().to_owned());
    }
    grantees.sort();
    grantees
}

#[tokio::test]
async fn rule_4_3_the_grant_to_the_instance_role_ends_when_the_instance_stops() {
    let (a, _) = two_accounts();
    let (instance, other) = (launched(&a, &[]).await, launched(&a, &[]).await);
    // Two volumes for each instance: `service` grants to EC2, and two to each of the roles.
    let expected = |service: usize, roles: &[&str]| {
        let mut grantees = vec!["ec2.us-east-1.amazonaws.com".to_owned(); service];
        for role in roles {
            let arn = format!("arn:aws:sts::{A}:assumed-role/aws:ec2-infrastructure/{role}");
            grantees.extend([arn.clone(), arn]);
        }
        grantees.sort();
        grantees
    };
    assert_eq!(grantees(&a).await, expected(4, &[&instance, &other]));
    a.stop(&instance).await.unwrap();
    assert_eq!(grantees(&a).await, expected(4, &[&other]));
    a.terminate(&instance).await.unwrap();
    assert_eq!(grantees(&a).await, expected(2, &[&other]));
}

#[tokio::test]
async fn rule_4_15_stopping_an_instance_needs_ownership_and_permission() {
    let (a, b) = two_accounts();
    let instance = launched(&a, &[]).await;
    let message = format!("The instance ID '{instance}' does not exist");
    let refused = b.stop(&instance).await;
    fails(refused, 400, "InvalidInstanceID.NotFound", &message);
    let denied = a.without(A, &["ec2:StopInstances"]).await;
    let denied = denied.stop(&instance).await.unwrap_err();
    let on =
        format!("on resource: arn:aws:ec2:us-east-1:{A}:instance/{instance} with an explicit deny");
    assert!(denied.message.contains(&on), "{}", denied.message);
    let named = ("InstanceId.1", instance.as_str());
    let dry_run = a.ec2("StopInstances", &[named, ("DryRun", "true")]).await;
    assert_code(dry_run, "DryRunOperation");
    let shown = a.ec2("DescribeInstances", &[named]).await.unwrap();
    assert_eq!(shown.first("name"), "running");
}

#[tokio::test]
async fn rule_4_15_an_instance_stops_and_keeps_its_volumes() {
    let (a, _) = two_accounts();
    let instance = launched(&a, &[]).await;
    let named = [("InstanceId.1", instance.as_str())];
    let stopped = a.stop(&instance).await.unwrap();
    assert_eq!(stopped.all("name"), ["stopping", "running"]);
    let shown = a.ec2("DescribeInstances", &named).await.unwrap();
    assert_eq!(shown.first("name"), "stopped");
    assert_eq!(shown.first("reason"), "User initiated");
    assert_eq!(shown.all("code"), ["80", "Client.UserInitiatedShutdown"]);
    let filter = [
        ("Filter.1.Name", "attachment.instance-id"),
        ("Filter.1.Value.1", instance.as_str()),
    ];
    let volumes = a.ec2("DescribeVolumes", &filter).await.unwrap();
    assert_eq!(volumes.all("kmsKeyId"), [a.key("golden"), a.key("golden")]);
    // An image can be made of them as before.
    let create = [("InstanceId", instance.as_str()), ("Name", "made")];
    a.ec2("CreateImage", &create).await.unwrap();
    let again = a.stop(&instance).await.unwrap();
    assert_eq!(again.all("name"), ["stopped", "stopped"]);

    a.terminate(&instance).await.unwrap();
    assert_code(a.stop(&instance).await, "IncorrectInstanceState");
    let volumes = a.ec2("DescribeVolumes", &filter).await.unwrap();
    assert!(volumes.all("volumeId").is_empty());
}

#[tokio::test]
async fn rule_4_17_a_key_pair_has_a_unique_name() {
    let (a, b) = two_accounts();
    let named = [("KeyName", "door")];
    let made = a.ec2("CreateKeyPair", &named).await.unwrap();
    assert_eq!(made.first("keyName"), "door");
    let message = "The keypair 'door' already exists.";
    let again = a.ec2("CreateKeyPair", &named).await;
    fails(again, 400, "InvalidKeyPair.Duplicate", message);
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let message = "The key pair 'door' does not exist";
    let unknown = b.run_instance(&golden, &named).await;
    fails(unknown, 400, "InvalidKeyPair.NotFound", message);
    launched(&a, &named).await;
    let shown = a.ec2("DescribeInstances", &[]).await.unwrap();
    assert_eq!(shown.first("keyName"), "door");
    let deleted = a.ec2("DeleteKeyPair", &named).await.unwrap();
    assert_eq!(deleted.first("keyPairId"), made.first("keyPairId"));
    let again = a.ec2("DeleteKeyPair", &named).await.unwrap();
    assert_eq!(again.first("return"), "true");
    let unknown = a.run_instance(&golden, &named).await;
    fails(unknown, 400, "InvalidKeyPair.NotFound", message);
}

#[tokio::test]
async fn rule_4_1_a_launch_needs_permission_on_what_it_names_and_makes() {
    let (a, _) = two_accounts();
    let id = group(&a, "doors").await;
    let door = [("KeyName", "door")];
    a.ec2("CreateKeyPair", &door).await.unwrap();
    let golden = a.image("golden");
    let launch = [
        ("ImageId", golden.as_str()),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("SecurityGroupId.1", &id),
        door[0],
    ];
    let new_group = [("GroupName", "others"), ("GroupDescription", "x")];
    let (rule, named) = (ingress(&id), [("GroupId", id.as_str())]);
    let of_group = format!("security-group/{id}");
    let table: [(&str, Parameters<'_>, &str); 8] = [
        ("RunInstances", &launch, &of_group),
        ("RunInstances", &launch, "key-pair/door"),
        ("CreateSecurityGroup", &new_group, "security-group/*"),
        ("CreateSecurityGroup", &new_group, "vpc/*"),
        ("AuthorizeSecurityGroupIngress", &rule, &of_group),
        ("DeleteSecurityGroup", &named, &of_group),
        ("CreateKeyPair", &[("KeyName", "other")], "key-pair/other"),
        ("DeleteKeyPair", &door, "key-pair/door"),
    ];
    for (operation, parameters, resource) in table {
        let action = format!("ec2:{operation}");
        let arn = format!("arn:aws:ec2:us-east-1:{A}:{resource}");
        let denied = a.without_on(A, &action, &arn).await;
        let fail = denied.ec2(operation, parameters).await.unwrap_err();
        assert_eq!(fail.code, "UnauthorizedOperation", "{operation} {resource}");
    }
    let denied = a.without(A, &["ec2:DescribeSecurityGroups"]).await;
    let fail = denied.ec2("DescribeSecurityGroups", &[]).await.unwrap_err();
    assert_eq!(fail.status, 403);
    // What was refused was not done.
    let groups = a.ec2("DescribeSecurityGroups", &[]).await.unwrap();
    assert_eq!(groups.all("groupName"), ["doors"]);
    assert_eq!(groups.all("cidrIp").len(), 0);
    a.ec2("RunInstances", &launch).await.unwrap();
}

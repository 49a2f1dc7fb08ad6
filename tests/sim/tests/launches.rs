//! What a launch asks of IAM and KMS.

use serde_json::{Value, json};

use super::support::*;

async fn shared() -> (Caller, Caller, String) {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share(&golden, B).await.unwrap();
    (a, b, golden)
}

#[tokio::test]
async fn rule_4_1_a_launch_needs_every_published_action_on_the_key() {
    let actions = [
        "kms:DescribeKey",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
    ];
    for missing in actions {
        // The key policy of A does not allow one action.
        let (a, b, golden) = shared().await;
        let mut others = actions.to_vec();
        others.retain(|action| *action != missing);
        a.put_policy(allow_to(root(B), others)).await.unwrap();
        assert_eq!(b.launch_state(&golden).await, "terminated", "{missing}");
        // It allows all, and the policies of B do not.
        a.share_key(B).await;
        let denied = b.without(B, &[missing]).await;
        assert_eq!(
            denied.launch_state(&golden).await,
            "terminated",
            "{missing}"
        );
        assert_eq!(b.launch_state(&golden).await, "running");
    }
}

#[tokio::test]
async fn rule_4_1_a_launch_needs_permission_for_everything_it_makes() {
    let (a, b, golden) = shared().await;
    a.share_key(B).await;
    for kind in [
        "instance",
        "volume",
        "network-interface",
        "security-group",
        "subnet",
    ] {
        let resource = format!("arn:aws:ec2:us-east-1:{B}:{kind}/*");
        let denied = b.without_on(B, "ec2:RunInstances", &resource).await;
        let fail = denied.launch(&golden, &[]).await.unwrap_err();
        let reason = format!("on resource: {resource} with an explicit deny");
        assert!(fail.message.contains(&reason), "{}", fail.message);
    }
}

#[tokio::test]
async fn rule_4_3_a_launch_makes_the_recorded_calls_to_kms() {
    let (a, _) = two_accounts();
    let key = a.key("golden");
    let mapping = [
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.KmsKeyId", key.as_str()),
    ];
    let instance = a
        .run_instance(&a.image("plain"), &mapping)
        .await
        .unwrap()
        .first("instanceId")
        .to_owned();
    let state = a.sim.state();
    let volume = state["instances"][&instance]["volumes"][0]["id"].clone();
    let trail = state["trail"].as_array().unwrap();
    let actions: Vec<&str> = trail
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:CreateGrant",
            "kms:CreateGrant",
            "kms:Decrypt"
        ]
    );
    let grantees: Vec<&Value> = trail[1..3]
        .iter()
        .map(|event| &event["parameters"]["granteePrincipal"])
        .collect();
    let infrastructure = format!("arn:aws:sts::{A}:assumed-role/aws:ec2-infrastructure/{instance}");
    assert_eq!(
        grantees,
        [
            &json!("ec2.us-east-1.amazonaws.com"),
            &json!(infrastructure)
        ]
    );
    for event in &trail[1..3] {
        assert_eq!(
            event["parameters"]["constraints"],
            json!({ "EncryptionContextSubset": { "aws:ebs:id": volume } })
        );
    }
    assert!(
        trail[..3]
            .iter()
            .all(|event| event["invoked_by"] == "ec2-frontend-api.amazonaws.com")
    );
}

#[tokio::test]
async fn rule_4_9_a_dry_run_sees_permissions_and_the_image() {
    let (a, b, golden) = shared().await;
    let dry = [("DryRun", "true")];
    assert_code(b.launch(&golden, &dry).await, "DryRunOperation");
    assert_code(b.launch(&a.image("plain"), &dry).await, "AuthFailure");
    assert_code(
        b.launch("ami-1a2b3c4d", &dry).await,
        "InvalidAMIID.NotFound",
    );
    let denied = b.without(B, &["ec2:RunInstances"]).await;
    assert_eq!(denied.launch(&golden, &dry).await.unwrap_err().status, 403);
    // A dry run checks parameters too.
    let missing = "The request must contain the parameter MinCount";
    let image = ("ImageId", golden.as_str());
    fails(
        b.ec2("RunInstances", &[image, dry[0]]).await,
        400,
        "MissingParameter",
        missing,
    );
    for (least, most, code) in [
        ("0", "1", "InvalidParameterValue"),
        ("x", "1", "InvalidParameterValue"),
        ("2", "1", "InvalidParameterValue"),
        ("2", "2", "UnsupportedOperation"),
        ("1", "3", "DryRunOperation"),
    ] {
        let asked = [image, dry[0], ("MinCount", least), ("MaxCount", most)];
        assert_eq!(
            b.ec2("RunInstances", &asked).await.unwrap_err().code,
            code,
            "{least} {most}"
        );
    }
}

#[tokio::test]
async fn rule_4_11_auto_scaling_needs_a_grant_from_its_own_account() {
    let (a, b, golden) = shared().await;
    b.iam(
        "CreateServiceLinkedRole",
        &[("AWSServiceName", "autoscaling.amazonaws.com")],
    )
    .await
    .unwrap();
    let service = b.with_session(
        b.sim
            .service_session(B, "autoscaling.amazonaws.com")
            .unwrap(),
    );
    a.share_key(B).await;
    // The key policy allows B, but the service's role has no permission for the key.
    assert_eq!(service.launch(&golden, &[]).await.unwrap().0, "terminated");
    let path = "aws-service-role/autoscaling.amazonaws.com";
    let arn = format!("arn:aws:iam::{B}:role/{path}/AWSServiceRoleForAutoScaling");
    // A grant of A is not enough: the role's own account must allow the use in IAM too.
    a.grant_to_service_role(&a.key("golden"), &arn).await;
    assert_eq!(service.launch(&golden, &[]).await.unwrap().0, "terminated");
    // Under a statement for AWS resources only, B cannot make the grant (R3.3.12). Under this
    // one it can.
    b.grant_to_service_role(&a.key("golden"), &arn).await;
    assert_eq!(service.launch(&golden, &[]).await.unwrap().0, "running");
}

#[tokio::test(start_paused = true)]
async fn rule_7_29_each_role_of_a_service_needs_grants_of_its_own() {
    let service = "autoscaling.amazonaws.com";
    let (a, b, golden) = shared().await;
    a.share_key(B).await;
    let mut roles = Vec::new();
    for suffix in ["", "Blue"] {
        let mut parameters = vec![("AWSServiceName", service)];
        if !suffix.is_empty() {
            parameters.push(("CustomSuffix", suffix));
        }
        let made = b.iam("CreateServiceLinkedRole", &parameters).await.unwrap();
        roles.push((
            made.first("RoleName").to_owned(),
            made.first("Arn").to_owned(),
        ));
    }
    // Under `aws/ebs`, the default key, no role needs more than a grant on the image's key.
    for (name, arn) in &roles {
        let role = b.with_session(b.sim.service_role_session(B, name).unwrap());
        assert_eq!(role.launch(&golden, &[]).await.unwrap().0, "terminated");
        b.grant_to_service_role(&a.key("golden"), arn).await;
        assert_eq!(role.launch(&golden, &[]).await.unwrap().0, "running");
    }
    // A customer managed default key takes another grant for each.
    let own = b.kms_json("CreateKey", json!({})).await["KeyMetadata"]["Arn"].clone();
    let own = own.as_str().unwrap().to_owned();
    b.ec2("ModifyEbsDefaultKmsKeyId", &[("KmsKeyId", &own)])
        .await
        .unwrap();
    for (name, arn) in &roles {
        let role = b.with_session(b.sim.service_role_session(B, name).unwrap());
        assert_eq!(role.launch(&golden, &[]).await.unwrap().0, "terminated");
        b.grant_to_service_role(&own, arn).await;
        assert_eq!(role.launch(&golden, &[]).await.unwrap().0, "running");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_4_13_an_own_copy_launches_without_access_to_its_source() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let copy = b.copy_as(&golden, &[("Encrypted", "true")]).await.unwrap();
    seconds(4).await;
    assert_eq!(b.state(&copy).await, "available");
    a.put_policy(root_statement()).await.unwrap();
    a.ec2(
        "ResetImageAttribute",
        &[("ImageId", &golden), ("Attribute", "launchPermission")],
    )
    .await
    .unwrap();
    assert!(b.launch(&golden, &[]).await.is_err());
    assert_eq!(b.launch(&copy, &[]).await.unwrap().0, "running");
}

#[tokio::test]
async fn rule_1_6_instances_and_volumes_have_their_own_errors() {
    let (a, b) = two_accounts();
    let launched = a.run_instance(&a.image("plain"), &[]).await.unwrap();
    let instance = launched.first("instanceId");
    let named = [("InstanceId.1", instance)];
    let shown = a.ec2("DescribeInstances", &named).await.unwrap();
    let reservation = launched.first("reservationId");
    assert_eq!(shown.first("reservationId"), reservation);
    let not_found = format!("The instance ID '{instance}' does not exist");
    let unknown = b.ec2("DescribeInstances", &named).await;
    fails(unknown, 400, "InvalidInstanceID.NotFound", &not_found);
    for operation in ["DescribeInstances", "TerminateInstances"] {
        let bad = a.ec2(operation, &[("InstanceId.1", "bad")]).await;
        let message = "Invalid id: \"bad\"";
        fails(bad, 400, "InvalidInstanceID.Malformed", message);
    }
    let message = "Value (bad) for parameter volumeId is invalid. Expected: 'vol-...'.";
    let bad = a.ec2("CreateSnapshot", &[("VolumeId", "bad")]).await;
    fails(bad, 400, "InvalidParameterValue", message);
}

#[tokio::test]
async fn rule_1_6_an_instance_has_tags() {
    let (a, _) = two_accounts();
    let launched = a.run_instance(&a.image("plain"), &[]).await.unwrap();
    let instance = launched.first("instanceId");
    let (key, value) = (("Tag.1.Key", "k"), ("Tag.1.Value", "v"));
    let tag = async |id: &str| {
        a.ec2("CreateTags", &[("ResourceId.1", id), key, value])
            .await
    };
    tag(instance).await.unwrap();
    let filter = [("Filter.1.Name", "tag:k"), ("Filter.1.Value.1", "v")];
    let shown = a.ec2("DescribeInstances", &filter).await.unwrap();
    assert_eq!(shown.first("instanceId"), instance);
    let message = "The ID 'bad' is not valid";
    fails(tag("bad").await, 400, "InvalidID", message);
    let message = "Invalid id: \"i-bad!\"";
    let malformed = "InvalidInstanceID.Malformed";
    fails(tag("i-bad!").await, 400, malformed, message);
    let message = "The request must contain the parameter tagSet";
    let none = a.ec2("CreateTags", &[("ResourceId.1", instance)]).await;
    fails(none, 400, "MissingParameter", message);
}

//! Launches: more of what they ask of keys.

use serde_json::{Value, json};

use super::support::*;

async fn shared() -> (Caller, Caller, String) {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share(&golden, B).await.unwrap();
    (a, b, golden)
}

#[tokio::test]
async fn rule_4_1_every_published_action_is_needed_on_the_images_key() {
    let actions = [
        "kms:DescribeKey",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
    ];
    for missing in actions {
        let (a, b, golden) = shared().await;
        let rest: Vec<&str> = actions
            .into_iter()
            .filter(|action| *action != missing)
            .collect();
        a.put_policy(json!({ "Effect": "Allow", "Principal": { "AWS": root(B) }, "Action": rest, "Resource": "*" }))
            .await
            .unwrap();
        assert_eq!(
            b.launch(&golden, &[]).await.unwrap().0,
            "terminated",
            "{missing}"
        );
        // The same of B's own side.
        a.share_key(B).await;
        assert_eq!(
            b.without(B, &[missing])
                .await
                .launch(&golden, &[])
                .await
                .unwrap()
                .0,
            "terminated",
            "{missing}"
        );
        assert_eq!(b.launch(&golden, &[]).await.unwrap().0, "running");
    }
}

#[tokio::test]
async fn rule_4_1_iam_is_asked_for_everything_that_a_launch_makes() {
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
        let policy = json!({ "Statement": [allow(&json!("*")), { "Effect": "Deny", "Action": "ec2:RunInstances", "Resource": resource }] });
        let role = format!("arn:aws:iam::{B}:role/administrator");
        let denied = b
            .assume(&role, &[("Policy", &policy.to_string())])
            .await
            .unwrap();
        let fail = denied.launch(&golden, &[]).await.unwrap_err();
        assert!(
            fail.message
                .contains(&format!("on resource: {resource} with an explicit deny")),
            "{}",
            fail.message
        );
    }
}

#[tokio::test]
async fn rule_4_3_the_trail_of_a_launch() {
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
    assert_eq!(
        b.launch(&golden, &dry).await.unwrap_err().code,
        "DryRunOperation"
    );
    assert_eq!(
        b.launch(&a.image("plain"), &dry).await.unwrap_err().code,
        "AuthFailure"
    );
    assert_eq!(
        b.launch("ami-1a2b3c4d", &dry).await.unwrap_err().code,
        "InvalidAMIID.NotFound"
    );
    let denied = b.without(B, &["ec2:RunInstances"]).await;
    assert_eq!(denied.launch(&golden, &dry).await.unwrap_err().status, 403);
    // It sees parameters too.
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
    // The key is open to B; the service's role has no permission for it.
    assert_eq!(service.launch(&golden, &[]).await.unwrap().0, "terminated");
    let operations = [
        "Encrypt",
        "Decrypt",
        "ReEncryptFrom",
        "ReEncryptTo",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "DescribeKey",
        "CreateGrant",
    ];
    let arn = format!(
        "arn:aws:iam::{B}:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
    );
    let grant =
        json!({ "KeyId": a.key("golden"), "GranteePrincipal": arn, "Operations": operations });
    // From A it is of no use: the role's own account would have to allow it in IAM.
    a.kms("CreateGrant", grant.clone()).await.unwrap();
    assert_eq!(service.launch(&golden, &[]).await.unwrap().0, "terminated");
    // Under a statement that is bound to AWS resources, nobody of B can make it (R3.3.12); under
    // this one he can.
    b.kms("CreateGrant", grant).await.unwrap();
    assert_eq!(service.launch(&golden, &[]).await.unwrap().0, "running");
}

#[tokio::test(start_paused = true)]
async fn rule_4_13_a_copy_of_ones_own_needs_the_source_no_more() {
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

#[tokio::test(start_paused = true)]
async fn rule_1_4_4_an_encrypted_source_touches_the_callers_default_key() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let made = b.kms("CreateKey", json!({})).await.unwrap().json();
    let own = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let default = b
        .kms("DescribeKey", json!({ "KeyId": "alias/aws/ebs" }))
        .await
        .unwrap()
        .json();
    let default = default["KeyMetadata"]["Arn"].as_str().unwrap();
    let policy = json!({ "Statement": [allow(&json!("*")), { "Effect": "Deny", "Action": "kms:DescribeKey", "Resource": default }] });
    let denied = b
        .assume(
            &format!("arn:aws:iam::{B}:role/administrator"),
            &[("Policy", &policy.to_string())],
        )
        .await
        .unwrap();
    for (who, expected) in [(&denied, "failed"), (&b, "available")] {
        let copy = who
            .copy_as(&golden, &[("Encrypted", "true"), ("KmsKeyId", &own)])
            .await
            .unwrap();
        seconds(4).await;
        let shown = b
            .ec2("DescribeImages", &[("ImageId.1", &copy)])
            .await
            .unwrap();
        assert_eq!(shown.first("imageState"), expected);
        if expected == "failed" {
            assert!(
                shown
                    .first("message")
                    .ends_with("You must have DescribeKey permissions on the default CMK")
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_3_the_published_shape_for_other_accounts_lets_them_copy() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let statement = |actions: Value, condition: Value| json!({ "Effect": "Allow", "Principal": { "AWS": root(B) }, "Action": actions, "Resource": "*", "Condition": condition });
    let direct = [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:DescribeKey",
    ];
    let grants = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"];
    let policy = json!({ "Statement": [
        root_statement(),
        statement(json!(direct), json!({})),
        statement(json!(grants), json!({ "Bool": { "kms:GrantIsForAWSResource": "true" } })),
    ] });
    a.kms(
        "PutKeyPolicy",
        json!({ "KeyId": a.key("golden"), "PolicyName": "default", "Policy": policy.to_string() }),
    )
    .await
    .unwrap();
    let copy = b.copy_as(&golden, &[("Encrypted", "true")]).await.unwrap();
    seconds(4).await;
    assert_eq!(b.state(&copy).await, "available");
}

#[tokio::test(start_paused = true)]
async fn rule_1_3_8_a_copy_may_be_under_another_accounts_key_by_arn() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let copy = b
        .copy_as(
            &golden,
            &[("Encrypted", "true"), ("KmsKeyId", &a.key("golden"))],
        )
        .await
        .unwrap();
    seconds(4).await;
    assert_eq!(b.state(&copy).await, "available");
    // By its alias or bare ID it would be a key of the caller's own.
    let copy = b
        .copy_as(
            &golden,
            &[("Encrypted", "true"), ("KmsKeyId", "alias/golden")],
        )
        .await
        .unwrap();
    seconds(4).await;
    assert_eq!(
        b.ec2("DescribeImages", &[("ImageId.1", &copy)])
            .await
            .unwrap()
            .first("imageState"),
        "failed"
    );
}

#[tokio::test]
async fn rule_1_6_instances_and_volumes_have_words_of_their_own() {
    let (a, b) = two_accounts();
    let launched = a.run_instance(&a.image("plain"), &[]).await.unwrap();
    let instance = launched.first("instanceId").to_owned();
    let shown = a
        .ec2("DescribeInstances", &[("InstanceId.1", &instance)])
        .await
        .unwrap();
    assert_eq!(
        shown.first("reservationId"),
        launched.first("reservationId")
    );
    let not_found = format!("The instance ID '{instance}' does not exist");
    fails(
        b.ec2("DescribeInstances", &[("InstanceId.1", &instance)])
            .await,
        400,
        "InvalidInstanceID.NotFound",
        &not_found,
    );
    let malformed = ("InvalidInstanceID.Malformed", "Invalid id: \"bad\"");
    for operation in ["DescribeInstances", "TerminateInstances"] {
        fails(
            a.ec2(operation, &[("InstanceId.1", "bad")]).await,
            400,
            malformed.0,
            malformed.1,
        );
    }
    let volume = "Value (bad) for parameter volumeId is invalid. Expected: 'vol-...'.";
    fails(
        a.ec2("CreateSnapshot", &[("VolumeId", "bad")]).await,
        400,
        "InvalidParameterValue",
        volume,
    );
    let tag = [("Tag.1.Key", "k"), ("Tag.1.Value", "v")];
    let tagging = |id: &'static str| [("ResourceId.1", id), tag[0], tag[1]];
    a.ec2("CreateTags", &[("ResourceId.1", &instance), tag[0], tag[1]])
        .await
        .unwrap();
    let filter = [("Filter.1.Name", "tag:k"), ("Filter.1.Value.1", "v")];
    assert_eq!(
        a.ec2("DescribeInstances", &filter)
            .await
            .unwrap()
            .first("instanceId"),
        instance
    );
    fails(
        a.ec2("CreateTags", &tagging("bad")).await,
        400,
        "InvalidID",
        "The ID 'bad' is not valid",
    );
    fails(
        a.ec2("CreateTags", &tagging("i-bad!")).await,
        400,
        malformed.0,
        "Invalid id: \"i-bad!\"",
    );
    let none = [("ResourceId.1", instance.as_str())];
    let message = "The request must contain the parameter tagSet";
    fails(
        a.ec2("CreateTags", &none).await,
        400,
        "MissingParameter",
        message,
    );
}

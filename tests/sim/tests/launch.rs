//! RunInstances: keys, refusals and grants of an instance.

use serde_json::{Value, json};

use super::support::*;

const INVALID_KEY: &str =
    "Client.InvalidKMSKey.InvalidState: The KMS key provided is in an incorrect state";

/// The keys of the volumes of an instance.
fn keys_of_volumes(caller: &Caller, instance: &str) -> Vec<String> {
    let state = caller.sim.state();
    let volumes = &state["instances"][instance]["volumes"];
    let mut keys = Vec::new();
    for volume in volumes.as_array().unwrap() {
        keys.push(volume["key"].as_str().unwrap().to_owned());
    }
    keys
}

#[tokio::test]
async fn rule_4_2_volumes_of_a_shared_image_are_under_the_launchers_default_key() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_key(B).await;
    a.share(&golden, B).await.unwrap();
    let launched = b.run_instance(&golden, &[]).await.unwrap();
    let default = b.aws_ebs_key().await;
    assert_eq!(
        keys_of_volumes(&b, launched.first("instanceId")),
        [default.clone(), default]
    );
    // The mapping can name the shared key as well.
    let key = a.key("golden");
    let root = [
        ("BlockDeviceMapping.1.DeviceName", "/dev/xvda"),
        ("BlockDeviceMapping.1.Ebs.Encrypted", "true"),
        ("BlockDeviceMapping.1.Ebs.KmsKeyId", key.as_str()),
    ];
    assert_eq!(b.launch(&golden, &root).await.unwrap().0, "running");
    assert!(b.sim.state()["instances"].to_string().contains(&key));
    let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
    let refused = b.launch(&golden, &[root[0], root[2]]).await;
    fails(refused, 400, "InvalidParameterDependency", message);
}

#[tokio::test]
async fn rule_4_4_an_instance_without_access_to_a_key_ends_by_itself() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share(&golden, B).await.unwrap();
    // B's administrator may do everything in B, but the key belongs to A.
    assert_eq!(
        b.launch(&golden, &[]).await.unwrap(),
        ("terminated".to_owned(), INVALID_KEY.to_owned())
    );
    a.share_key(B).await;
    for action in [
        "kms:CreateGrant",
        "kms:DescribeKey",
        "kms:Decrypt",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:GenerateDataKeyWithoutPlaintext",
    ] {
        let ended = b
            .without(B, &[action])
            .await
            .launch(&golden, &[])
            .await
            .unwrap();
        assert_eq!(
            ended,
            ("terminated".to_owned(), INVALID_KEY.to_owned()),
            "{action}"
        );
    }
    assert_eq!(
        b.launch(&golden, &[]).await.unwrap(),
        ("running".to_owned(), String::new())
    );
}

#[tokio::test]
async fn rule_4_8_a_dry_run_does_not_ask_kms() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share(&golden, B).await.unwrap();
    let message = "Request would have succeeded, but DryRun flag is set.";
    fails(
        b.launch(&golden, &[("DryRun", "true")]).await,
        412,
        "DryRunOperation",
        message,
    );
    assert_eq!(b.launch(&golden, &[]).await.unwrap().0, "terminated");
    let denied = b
        .without(B, &["ec2:RunInstances"])
        .await
        .launch(&golden, &[("DryRun", "true")])
        .await;
    assert_code(denied, "UnauthorizedOperation");
}

#[tokio::test]
async fn rule_4_10_unshared_and_unknown_images_have_different_errors() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    fails(
        b.launch(&golden, &[]).await,
        400,
        "AuthFailure",
        &format!("Not authorized for images: [{golden}]"),
    );
    let message = "The image id '[ami-1a2b3c4d]' does not exist";
    fails(
        b.launch("ami-1a2b3c4d", &[]).await,
        400,
        "InvalidAMIID.NotFound",
        message,
    );
    a.deregister(&golden).await.unwrap();
    let message = format!("The image id '[{golden}]' does not exist");
    fails(
        a.launch(&golden, &[]).await,
        400,
        "InvalidAMIID.NotFound",
        &message,
    );
}

#[tokio::test]
async fn rule_4_2_grants_on_a_volumes_key_end_with_the_instance() {
    let (a, _) = two_accounts();
    let answer = a.run_instance(&a.image("golden"), &[]).await.unwrap();
    let grants = || async {
        a.kms_json("ListGrants", json!({ "KeyId": a.key("golden") }))
            .await["Grants"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(grants().await, 4);
    a.ec2(
        "TerminateInstances",
        &[("InstanceId.1", answer.first("instanceId"))],
    )
    .await
    .unwrap();
    assert_eq!(grants().await, 0);
}

#[tokio::test]
async fn rule_4_6_a_key_policy_can_deny_the_role_of_an_instance() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_key(B).await;
    a.share(&golden, B).await.unwrap();
    let own = b.kms_json("CreateKey", json!({})).await["KeyMetadata"]["Arn"].clone();
    let own = own.as_str().unwrap().to_owned();
    b.ec2("ModifyEbsDefaultKmsKeyId", &[("KmsKeyId", &own)])
        .await
        .unwrap();
    let role = format!("arn:aws:iam::{B}:role/aws:ec2-infrastructure");
    let ends = |condition: Value, expected: &'static str| (condition, expected);
    for (condition, expected) in [
        // A launcher decrypts with the key of the image only.
        ends(
            json!({ "ArnNotLike": { "aws:PrincipalArn": role } }),
            "running",
        ),
        ends(
            json!({ "ArnLike": { "aws:PrincipalArn": role } }),
            "terminated",
        ),
        ends(
            json!({ "Bool": { "aws:ViaAWSService": "false" } }),
            "terminated",
        ),
        ends(
            json!({ "StringNotLike": { "kms:ViaService": "ec2.*" } }),
            "running",
        ),
    ] {
        let allow = allow_to(root(B), "kms:*");
        let mut deny = allow_to("*", "kms:Decrypt");
        deny["Effect"] = json!("Deny");
        deny["Condition"] = condition;
        let policy = policy_of(&[allow, deny.clone()]);
        let put = json!({ "KeyId": own, "PolicyName": "default", "Policy": policy });
        b.kms("PutKeyPolicy", put).await.unwrap();
        let (state, reason) = b.launch(&golden, &[]).await.unwrap();
        assert_eq!(state, expected, "{deny}: {reason}");
    }
}

#[tokio::test]
async fn rule_4_1_iam_sees_type_and_root_device_of_the_instance() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    for (key, value, is_denied) in [
        ("ec2:RootDeviceType", "ebs", true),
        ("ec2:RootDeviceType", "instance-store", false),
        ("ec2:InstanceType", "t3.large", true),
        ("ec2:InstanceType", "m5.large", false),
    ] {
        let deny = json!({
            "Effect": "Deny",
            "Action": "ec2:RunInstances",
            "Resource": "arn:aws:ec2:*:*:instance/*",
            "Condition": { "StringEquals": { key: value } },
        });
        let limited = a.limited(A, &[allow("*"), deny]).await;
        let instance_type = [("InstanceType", "t3.large")];
        let launched = limited.run_instance(&golden, &instance_type).await;
        let code = launched.as_ref().err().map(|fail| &*fail.code);
        let expected = is_denied.then_some("UnauthorizedOperation");
        assert_eq!(code, expected, "{key} {value}");
    }
}

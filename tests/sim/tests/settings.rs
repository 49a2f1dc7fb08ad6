//! Settings of accounts, and the more unusual rules of sharing.

use serde_json::json;

use super::support::*;

async fn publish(a: &Caller, image: &str) -> Result<Answer, ami_share_sim::wire::Fail> {
    a.ec2(
        "ModifyImageAttribute",
        &[("ImageId", image), ("LaunchPermission.Add.1.Group", "all")],
    )
    .await
}

#[tokio::test]
async fn rule_2_2_one_call_changes_one_attribute_in_either_form() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshots(&a.image("plain")).await.remove(0);
    let read = || async {
        let parameters = [
            ("SnapshotId", snapshot.as_str()),
            ("Attribute", "createVolumePermission"),
        ];
        let shown = a
            .ec2("DescribeSnapshotAttribute", &parameters)
            .await
            .unwrap();
        shown
            .all("userId")
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let legacy = |operation: &'static str, attribute: &'static str| {
        [
            ("SnapshotId", snapshot.as_str()),
            ("Attribute", attribute),
            ("OperationType", operation),
            ("UserId.1", B),
        ]
    };
    a.ec2(
        "ModifySnapshotAttribute",
        &legacy("add", "createVolumePermission"),
    )
    .await
    .unwrap();
    assert_eq!(read().await, [B]);
    // The modern form wins where both are there, whatever the older one says (recorded).
    let both = [
        ("SnapshotId", snapshot.as_str()),
        ("Attribute", "nonsense"),
        ("OperationType", "remove"),
        ("UserId.1", B),
        ("CreateVolumePermission.Add.1.UserId", B),
    ];
    a.ec2("ModifySnapshotAttribute", &both).await.unwrap();
    assert_eq!(read().await, [B]);
    a.ec2(
        "ModifySnapshotAttribute",
        &legacy("remove", "createVolumePermission"),
    )
    .await
    .unwrap();
    assert!(read().await.is_empty());
    let refused = [
        (
            legacy("add", "productCodes").to_vec(),
            "InvalidParameterValue",
            "Unrecognized attribute.",
        ),
        (
            legacy("replace", "createVolumePermission").to_vec(),
            "InvalidParameterCombination",
            "No operation specified for createVolumePermission attribute.",
        ),
        (
            vec![("SnapshotId", snapshot.as_str())],
            "InvalidParameterCombination",
            "No attributes specified.",
        ),
        (
            vec![
                ("SnapshotId", snapshot.as_str()),
                ("OperationType", "add"),
                ("UserId.1", B),
            ],
            "MissingParameter",
            "Value for parameter attribute is invalid. Parameter may not be null or empty.",
        ),
    ];
    for (parameters, code, message) in refused {
        fails(
            a.ec2("ModifySnapshotAttribute", &parameters).await,
            400,
            code,
            message,
        );
    }
}

#[tokio::test]
async fn rule_2_6_reset_clears_everybody_and_nothing_else() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    a.share(&plain, B).await.unwrap();
    publish(&a, &plain).await.unwrap();
    let description = [("ImageId", plain.as_str()), ("Attribute", "description")];
    fails(
        a.ec2("ResetImageAttribute", &description).await,
        400,
        "InvalidRequest",
        "The request received was invalid.",
    );
    let permission = [
        ("ImageId", plain.as_str()),
        ("Attribute", "launchPermission"),
    ];
    a.ec2("ResetImageAttribute", &permission).await.unwrap();
    let shown = a.ec2("DescribeImageAttribute", &permission).await.unwrap();
    assert!(shown.all("userId").is_empty() && shown.all("group").is_empty());
}

#[tokio::test]
async fn rule_2_10_sharing_an_encrypted_snapshot_looks_at_the_default_key() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshots(&a.image("golden")).await.remove(0);
    a.share_snapshot(&snapshot, B).await.unwrap();
    let trail = a.sim.state()["trail"].as_array().unwrap().clone();
    assert_eq!(trail.len(), 1);
    assert_eq!(trail[0]["action"], "kms:DescribeKey");
    assert_eq!(trail[0]["parameters"], json!({ "keyId": "alias/aws/ebs" }));
    assert_eq!(
        trail[0]["principal"],
        format!("arn:aws:iam::{A}:user/admin")
    );
    // What AWS does where that is denied is not known: here it does not share.
    let denied = a.without(A, &["kms:DescribeKey"]).await;
    assert_eq!(
        denied
            .share_snapshot(&snapshot, "333333333333")
            .await
            .unwrap_err()
            .code,
        "AuthFailure"
    );
}

#[tokio::test]
async fn rule_2_12_marketplace_images_cannot_be_public() {
    let (a, _) = scenario(|scenario| scenario.images[3].product_codes = vec!["code".to_owned()]);
    assert_eq!(
        publish(&a, &a.image("plain")).await.unwrap_err().code,
        "UnsupportedOperation"
    );
    a.share(&a.image("plain"), B).await.unwrap();
}

#[tokio::test]
async fn rule_2_13_block_public_access_leaves_private_sharing_alone() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    a.ec2(
        "EnableImageBlockPublicAccess",
        &[("ImageBlockPublicAccessState", "block-new-sharing")],
    )
    .await
    .unwrap();
    let message = "You can't publicly share this image because block public access for AMIs is \
                   enabled for this account. To publicly share the image, you must call the \
                   DisableImageBlockPublicAccess API.";
    fails(
        publish(&a, &plain).await,
        400,
        "OperationNotPermitted",
        message,
    );
    a.share(&plain, B).await.unwrap();
    a.ec2("DisableImageBlockPublicAccess", &[]).await.unwrap();
    publish(&a, &plain).await.unwrap();
    a.ec2(
        "EnableSnapshotBlockPublicAccess",
        &[("State", "block-all-sharing")],
    )
    .await
    .unwrap();
    let state = a
        .ec2("GetSnapshotBlockPublicAccessState", &[])
        .await
        .unwrap();
    assert_eq!(state.first("state"), "block-all-sharing");
    let snapshot = a.snapshots(&plain).await.remove(0);
    let public = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.Group", "all"),
    ];
    assert_eq!(
        a.ec2("ModifySnapshotAttribute", &public)
            .await
            .unwrap_err()
            .code,
        "OperationNotPermitted"
    );
    a.share_snapshot(&snapshot, B).await.unwrap();
}

#[tokio::test]
async fn rule_2_18_ec2_takes_accounts_that_do_not_exist_and_kms_does_not() {
    let (a, _) =
        scenario(|scenario| scenario.nonexistent_accounts = vec!["999999999999".to_owned()]);
    a.share(&a.image("golden"), "999999999999").await.unwrap();
    let statement = json!({ "Effect": "Allow", "Principal": { "AWS": root("999999999999") }, "Action": "kms:*", "Resource": "*" });
    assert_eq!(
        a.put_policy(statement).await.unwrap_err().code,
        "MalformedPolicyDocumentException"
    );
}

#[tokio::test]
async fn rule_2_20_snapshots_have_words_of_their_own() {
    let (a, b) = two_accounts();
    let snapshot = a.snapshots(&a.image("plain")).await.remove(0);
    let both = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.UserId", B),
        ("CreateVolumePermission.Remove.1.UserId", A),
    ];
    let one = "One and only one operation type may be specified for createVolumePermissions";
    fails(
        a.ec2("ModifySnapshotAttribute", &both).await,
        400,
        "InvalidParameterCombination",
        one,
    );
    fails(
        a.share_snapshot(&snapshot, "123").await,
        400,
        "InvalidAMIAttributeItemValue",
        "UserId 123",
    );
    let group = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.Group", "some"),
    ];
    fails(
        a.ec2("ModifySnapshotAttribute", &group).await,
        400,
        "InvalidAMIAttributeItemValue",
        "UserGroup some",
    );
    let message = format!("The snapshot '{snapshot}' does not exist.");
    fails(
        b.share_snapshot(&snapshot, B).await,
        400,
        "InvalidSnapshot.NotFound",
        &message,
    );
    let malformed = "Value ( snap-00000000000000000 ) for parameter SNAPSHOT is invalid. ";
    let zeros = "snap-00000000000000000";
    fails(
        a.share_snapshot(zeros, B).await,
        400,
        "InvalidSnapshotID.Malformed",
        malformed,
    );
    // A dry run does not see whose snapshot it is.
    let dry = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.UserId", B),
        ("DryRun", "true"),
    ];
    assert_eq!(
        b.ec2("ModifySnapshotAttribute", &dry)
            .await
            .unwrap_err()
            .code,
        "DryRunOperation"
    );
}

#[tokio::test]
async fn rule_2_20_the_attribute_is_read_first_and_the_id_last() {
    let (a, _) = two_accounts();
    let denied = a
        .without(
            A,
            &[
                "ec2:DescribeSnapshotAttribute",
                "ec2:ResetSnapshotAttribute",
            ],
        )
        .await;
    let snapshot = a.snapshots(&a.image("plain")).await.remove(0);
    let (request, permission) = ("InvalidRequest", "createVolumePermission");
    let read = [
        ("DescribeSnapshotAttribute", "invalid", request),
        ("DescribeSnapshotAttribute", "", request),
        ("DescribeSnapshotAttribute", permission, "DryRunOperation"),
        (
            "DescribeSnapshotAttribute",
            "productCodes",
            "DryRunOperation",
        ),
        ("ResetSnapshotAttribute", "productCodes", request),
        ("ResetSnapshotAttribute", "invalid", request),
        ("ResetSnapshotAttribute", permission, "DryRunOperation"),
    ];
    for (operation, attribute, code) in read {
        for id in [snapshot.as_str(), "bad", "snap-00000000000000000"] {
            let asked = [
                ("SnapshotId", id),
                ("Attribute", attribute),
                ("DryRun", "true"),
            ];
            assert_eq!(
                a.ec2(operation, &asked).await.unwrap_err().code,
                code,
                "{operation} {attribute} {id}"
            );
            let refused = denied.ec2(operation, &asked).await.unwrap_err();
            let expected = if code == request {
                request
            } else {
                "UnauthorizedOperation"
            };
            assert_eq!(refused.code, expected, "{operation} {attribute} {id}");
            if code != request && id != snapshot {
                assert!(
                    refused.message.contains("::snapshot/* "),
                    "{}",
                    refused.message
                );
            }
        }
    }
    let bad = [("SnapshotId", "bad"), ("Attribute", permission)];
    let message = "Value (bad) for parameter snapshotId is invalid. Expected: 'snap-...'.";
    fails(
        a.ec2("DescribeSnapshotAttribute", &bad).await,
        400,
        "InvalidParameterValue",
        message,
    );
}

#[tokio::test(start_paused = true)]
async fn rule_2_21_sharing_is_seen_by_id_at_once_and_found_later() {
    let delays = ami_share_sim::Delays {
        sharing: std::time::Duration::from_mins(1),
        ..Default::default()
    };
    let (a, b) = delayed(delays);
    let plain = a.image("plain");
    let snapshot = a.snapshots(&plain).await.remove(0);
    a.share(&plain, B).await.unwrap();
    a.share_snapshot(&snapshot, B).await.unwrap();
    let found = || async {
        let images = b
            .ec2("DescribeImages", &[("Owner.1", A)])
            .await
            .unwrap()
            .all("imageId")
            .len();
        (
            images,
            b.ec2("DescribeSnapshots", &[("Owner.1", A)])
                .await
                .unwrap()
                .all("snapshotId")
                .len(),
        )
    };
    assert_eq!(
        b.ec2("DescribeImages", &[("ImageId.1", &plain)])
            .await
            .unwrap()
            .first("imageId"),
        plain
    );
    b.ec2("DescribeSnapshots", &[("SnapshotId.1", &snapshot)])
        .await
        .unwrap();
    assert_eq!(found().await, (0, 0));
    assert_eq!(b.launch(&plain, &[]).await.unwrap_err().code, "AuthFailure");
    seconds(61).await;
    assert_eq!(found().await, (1, 1));
    assert_eq!(b.launch(&plain, &[]).await.unwrap().0, "running");
}

#[tokio::test]
async fn rule_2_22_a_batch_of_accounts_is_one_multivalued_key() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let limited = |operator: &'static str| {
        let a = a.clone();
        async move {
            let statement = json!({ "Effect": "Allow", "Action": "ec2:ModifyImageAttribute", "Resource": "*",
                "Condition": { operator: { "ec2:Add/userId": [A, B] } } });
            let policy = json!({ "Statement": [statement] }).to_string();
            a.assume(
                &format!("arn:aws:iam::{A}:role/administrator"),
                &[("Policy", &policy)],
            )
            .await
            .unwrap()
        }
    };
    let batch = [
        ("ImageId", plain.as_str()),
        ("LaunchPermission.Add.1.UserId", A),
        ("LaunchPermission.Add.2.UserId", B),
    ];
    let equals = limited("StringEquals").await;
    equals.share(&plain, B).await.unwrap();
    assert_eq!(
        equals
            .ec2("ModifyImageAttribute", &batch)
            .await
            .unwrap_err()
            .code,
        "UnauthorizedOperation"
    );
    let all = limited("ForAllValues:StringEquals").await;
    all.ec2("ModifyImageAttribute", &batch).await.unwrap();
    assert_eq!(
        all.share(&plain, "333333333333").await.unwrap_err().code,
        "UnauthorizedOperation"
    );
}

#[tokio::test]
async fn rule_2_23_who_sees_a_snapshot_sees_its_key() {
    let (a, b) = two_accounts();
    let snapshot = a.snapshots(&a.image("golden")).await.remove(0);
    a.share_snapshot(&snapshot, B).await.unwrap();
    let shown = b
        .ec2("DescribeSnapshots", &[("SnapshotId.1", &snapshot)])
        .await
        .unwrap();
    assert_eq!(
        (shown.first("kmsKeyId"), shown.first("ownerId")),
        (a.key("golden").as_str(), A)
    );
    assert!(
        b.kms("DescribeKey", json!({ "KeyId": a.key("golden") }))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn rule_2_24_sharing_makes_no_grants() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let grants = a
        .kms("ListGrants", json!({ "KeyId": a.key("golden") }))
        .await
        .unwrap()
        .json();
    assert_eq!(grants["Grants"], json!([]));
}

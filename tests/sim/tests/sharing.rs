//! Launch permission and create-volume permission.

use super::support::*;

async fn shared_with(a: &Caller, image: &str) -> Vec<String> {
    let answer = a
        .ec2(
            "DescribeImageAttribute",
            &[("ImageId", image), ("Attribute", "launchPermission")],
        )
        .await
        .unwrap();
    answer
        .all("userId")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn rule_2_3_launch_permissions_are_a_set() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    let remove = [
        ("ImageId", golden.as_str()),
        ("LaunchPermission.Remove.1.UserId", B),
    ];
    a.ec2("ModifyImageAttribute", &remove).await.unwrap();
    for account in [B, B, A] {
        a.share(&golden, account).await.unwrap();
    }
    assert_eq!(shared_with(&a, &golden).await, [A, B]);
    a.ec2("ModifyImageAttribute", &remove).await.unwrap();
    assert_eq!(shared_with(&a, &golden).await, [A]);
    let legacy = [
        ("ImageId", golden.as_str()),
        ("Attribute", "launchPermission"),
        ("OperationType", "add"),
        ("UserId.1", B),
    ];
    a.ec2("ModifyImageAttribute", &legacy).await.unwrap();
    assert_eq!(shared_with(&a, &golden).await, [A, B]);
}

#[tokio::test]
async fn rule_2_4_each_permission_is_its_own_and_the_last_write_wins() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    a.share(&golden, "333333333333").await.unwrap();
    // A change does not remove an entry that it does not name.
    a.share(&golden, B).await.unwrap();
    assert_eq!(shared_with(&a, &golden).await, [B, "333333333333"]);
}

#[tokio::test]
async fn rule_2_5_only_the_owner_reads_and_changes_permissions() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share(&golden, B).await.unwrap();
    let message = format!("Not authorized for image:{golden}");
    let read = [
        ("ImageId", golden.as_str()),
        ("Attribute", "launchPermission"),
    ];
    fails(
        b.ec2("DescribeImageAttribute", &read).await,
        400,
        "AuthFailure",
        &message,
    );
    fails(
        b.share(&golden, "333333333333").await,
        400,
        "AuthFailure",
        &message,
    );
    let mapping = [
        ("ImageId", golden.as_str()),
        ("Attribute", "blockDeviceMapping"),
    ];
    let closed = "Unauthorized attempt to access restricted resource";
    fails(
        a.ec2("DescribeImageAttribute", &mapping).await,
        400,
        "AuthFailure",
        closed,
    );
}

#[tokio::test(start_paused = true)]
async fn rule_2_8_a_pending_image_cannot_be_shared() {
    let (a, _) = two_accounts();
    let building = a.image("building");
    let message = format!(
        "The AMI ID '{building}' is currently pending and may not be used for this operation"
    );
    fails(
        a.share(&building, B).await,
        400,
        "InvalidAMIID.Unavailable",
        &message,
    );
    seconds(4).await;
    a.share(&building, B).await.unwrap();
}

#[tokio::test]
async fn rule_2_9_an_image_under_an_aws_managed_key_cannot_be_shared() {
    let (a, _) = two_accounts();
    let managed = a.image("managed");
    let message =
        "Snapshots encrypted with the AWS Managed CMK can't be shared. Specify another snapshot.";
    fails(a.share(&managed, B).await, 400, "InvalidParameter", message);
    a.share(&managed, A).await.unwrap();
    let snapshot = a.snapshots(&managed).await.remove(0);
    let parameters = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.UserId", B),
    ];
    let message = "Encrypted snapshots with EBS default key cannot be shared";
    fails(
        a.ec2("ModifySnapshotAttribute", &parameters).await,
        400,
        "OperationNotPermitted",
        message,
    );
}

#[tokio::test]
async fn rule_2_11_an_encrypted_image_cannot_be_public() {
    let (a, _) = two_accounts();
    let public = |image: &str| {
        [
            ("ImageId".to_owned(), image.to_owned()),
            ("LaunchPermission.Add.1.Group".to_owned(), "all".to_owned()),
        ]
    };
    let golden = public(&a.image("golden"));
    let parameters: Vec<(&str, &str)> = golden
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let message = "Encrypted snapshots can't be shared publicly. Specify another snapshot.";
    fails(
        a.ec2("ModifyImageAttribute", &parameters).await,
        400,
        "UnsupportedOperation",
        message,
    );
    let snapshot = a.snapshot_of("golden").await;
    let parameters = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.Group", "all"),
    ];
    let message = "Encrypted snapshots cannot be shared publicly.";
    fails(
        a.ec2("ModifySnapshotAttribute", &parameters).await,
        400,
        "OperationNotPermitted",
        message,
    );
    let plain = a.image("plain");
    a.ec2(
        "ModifyImageAttribute",
        &[("ImageId", &plain), ("LaunchPermission.Add.1.Group", "all")],
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn rule_2_14_sharing_an_image_shares_no_snapshot_and_a_launch_needs_none() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_key(B).await;
    a.share(&golden, B).await.unwrap();
    let snapshot = a.snapshots(&golden).await.remove(0);
    let read = [
        ("SnapshotId", snapshot.as_str()),
        ("Attribute", "createVolumePermission"),
    ];
    assert!(
        a.ec2("DescribeSnapshotAttribute", &read)
            .await
            .unwrap()
            .all("userId")
            .is_empty()
    );
    assert_code(
        b.ec2("DescribeSnapshotAttribute", &read).await,
        "InvalidSnapshot.NotFound",
    );
    assert_eq!(b.launch(&golden, &[]).await.unwrap().0, "running");
}

#[tokio::test]
async fn rule_2_17_an_error_quotes_a_malformed_account_id_with_a_blank() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    for (account, shown) in [
        ("123", "123 "),
        ("", " "),
        (
            "arn:aws:iam::222222222222:root",
            "arn:aws:iam::222222222222:root ",
        ),
    ] {
        let message = format!("Invalid attribute item value \"{shown}\" for userId item type.");
        fails(
            a.share(&golden, account).await,
            400,
            "InvalidAMIAttributeItemValue",
            &message,
        );
    }
    let group = [
        ("ImageId", golden.as_str()),
        ("LaunchPermission.Add.1.Group", "some"),
    ];
    let message = "Invalid attribute item value \"some \" for UserGroup item type.";
    fails(
        a.ec2("ModifyImageAttribute", &group).await,
        400,
        "InvalidAMIAttributeItemValue",
        message,
    );
}

#[tokio::test]
async fn rule_2_19_a_call_changes_exactly_one_attribute() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    let none = [("ImageId", golden.as_str())];
    fails(
        a.ec2("ModifyImageAttribute", &none).await,
        400,
        "InvalidParameterCombination",
        "No attributes specified.",
    );
    let two = [
        ("ImageId", golden.as_str()),
        ("Description.Value", "x"),
        ("ImdsSupport.Value", "v2.0"),
    ];
    let message = "Fields for multiple attribute types specified: description, imdsSupport";
    fails(
        a.ec2("ModifyImageAttribute", &two).await,
        400,
        "InvalidParameterCombination",
        message,
    );
    let empty = [("ImageId", golden.as_str()), ("Description.Value", "")];
    let message = "The request must contain the parameter description";
    fails(
        a.ec2("ModifyImageAttribute", &empty).await,
        400,
        "MissingParameter",
        message,
    );
}

#[tokio::test]
async fn rule_2_2_the_older_form_of_sharing_needs_an_operation() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    let message = "No operation specified for launchPermission attribute.";
    let none = [
        ("ImageId", golden.as_str()),
        ("Attribute", "launchPermission"),
        ("UserId.1", B),
    ];
    fails(
        a.ec2("ModifyImageAttribute", &none).await,
        400,
        "InvalidParameterCombination",
        message,
    );
    assert!(shared_with(&a, &golden).await.is_empty());
}

#[tokio::test]
async fn rule_2_6_a_recipient_can_remove_itself() {
    let (a, b) = two_accounts();
    let (golden, plain) = (a.image("golden"), a.image("plain"));
    a.share(&golden, B).await.unwrap();
    a.ec2(
        "ModifyImageAttribute",
        &[("ImageId", &plain), ("LaunchPermission.Add.1.Group", "all")],
    )
    .await
    .unwrap();
    let cancel = |image: &str, dry: &'static str| {
        let (b, image) = (b.clone(), image.to_owned());
        async move {
            b.ec2(
                "CancelImageLaunchPermission",
                &[("ImageId", &image), ("DryRun", dry)],
            )
            .await
        }
    };
    assert_code(cancel(&golden, "true").await, "DryRunOperation");
    assert_eq!(shared_with(&a, &golden).await, [B]);
    cancel(&golden, "false").await.unwrap();
    assert!(shared_with(&a, &golden).await.is_empty());
    assert_code(b.launch(&golden, &[]).await, "AuthFailure");
    // An account cannot remove itself from a public image, nor from one that does not name it.
    for image in [&plain, &golden] {
        fails(
            cancel(image, "false").await,
            400,
            "AuthFailure",
            &format!("Not authorized for image:{image}"),
        );
    }
    let denied = b.without(B, &["ec2:CancelImageLaunchPermission"]).await;
    let refused = denied
        .ec2("CancelImageLaunchPermission", &[("ImageId", &golden)])
        .await
        .unwrap_err();
    assert_eq!(refused.code, "UnauthorizedOperation");
}

#[tokio::test]
async fn rule_2_18_searches_accept_account_ids_and_known_words() {
    let (a, _) = two_accounts();
    let table = [
        ("DescribeImages", "Owner.1", "amazon", true),
        ("DescribeImages", "Owner.1", "333333333333", true),
        ("DescribeImages", "Owner.1", "all", false),
        ("DescribeImages", "Owner.1", "123", false),
        ("DescribeImages", "ExecutableBy.1", "all", true),
        ("DescribeImages", "ExecutableBy.1", "amazon", false),
        ("DescribeSnapshots", "Owner.1", "self", true),
        ("DescribeSnapshots", "Owner.1", "12345678901x", false),
        ("DescribeSnapshots", "RestorableBy.1", "self", true),
        ("DescribeSnapshots", "RestorableBy.1", "", false),
    ];
    for (operation, name, value, known) in table {
        let answer = a.ec2(operation, &[(name, value)]).await;
        if known {
            answer.unwrap();
        } else {
            fails(
                answer,
                400,
                "InvalidUserID.Malformed",
                &format!("Invalid user id: \"{value}\""),
            );
        }
    }
}

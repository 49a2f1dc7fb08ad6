//! Volumes without an instance, and the tags of what others share.

use super::support::*;

async fn shared_snapshot(a: &Caller) -> String {
    let image = a.image("golden");
    let shown = a
        .ec2("DescribeImages", &[("ImageId.1", &image)])
        .await
        .unwrap();
    let snapshot = shown.first("snapshotId").to_owned();
    let parameters = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.UserId", B),
    ];
    a.ec2("ModifySnapshotAttribute", &parameters).await.unwrap();
    snapshot
}

async fn create(caller: &Caller, snapshot: &str, key: &str) -> String {
    let parameters = [
        ("SnapshotId", snapshot),
        ("AvailabilityZone", "us-east-1a"),
        ("Encrypted", "true"),
        ("KmsKeyId", key),
    ];
    let made = caller.ec2("CreateVolume", &parameters).await.unwrap();
    assert_eq!(made.first("status"), "creating");
    made.first("volumeId").to_owned()
}

#[tokio::test]
async fn rule_4_18_a_volume_that_kms_refuses_vanishes() {
    let (a, b) = two_accounts();
    let snapshot = shared_snapshot(&a).await;
    let source = a.key("golden");
    let all = [root_statement(), allow_to(B, "kms:*")];
    let policy = serde_json::json!({ "KeyId": source, "Policy": policy_of(&all) });
    a.kms("PutKeyPolicy", policy).await.unwrap();
    let own = b.kms_json("CreateKey", serde_json::json!({})).await;
    let own = own["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    for (action, key, stays) in [
        ("kms:Decrypt", &source, true),
        ("kms:DescribeKey", &source, true),
        ("kms:CreateGrant", &source, true),
        ("kms:ReEncryptFrom", &source, false),
        ("kms:ReEncryptTo", &own, false),
        ("kms:CreateGrant", &own, false),
        ("kms:GenerateDataKeyWithoutPlaintext", &own, false),
        ("kms:GenerateDataKey", &own, true),
    ] {
        let limited = b.without_on(B, action, key).await;
        let id = create(&limited, &snapshot, &own).await;
        let shown = b.ec2("DescribeVolumes", &[("VolumeId.1", &id)]).await;
        let code = shown.as_ref().err().map(|fail| fail.code.to_string());
        let expected = (!stays).then(|| "InvalidVolume.NotFound".to_owned());
        assert_eq!(code, expected, "{action}");
        if stays {
            assert_eq!(shown.unwrap().first("kmsKeyId"), own);
            // A snapshot of it needs nothing of KMS.
            let without = b.without(B, &["kms:*"]).await;
            let volume = [("VolumeId", id.as_str())];
            let made = without.ec2("CreateSnapshot", &volume).await.unwrap();
            assert_eq!(made.first("progress"), "");
            b.ec2("DeleteVolume", &volume).await.unwrap();
        }
    }
}

#[tokio::test]
async fn rule_4_18_a_volume_needs_permission_for_the_snapshot_and_for_the_volume() {
    let (a, b) = two_accounts();
    let snapshot = shared_snapshot(&a).await;
    let source = format!("arn:aws:ec2:us-east-1::snapshot/{snapshot}");
    let made = format!("arn:aws:ec2:us-east-1:{B}:volume/*");
    for (resource, refused) in [(&made, &source), (&source, &made)] {
        let mut statement = allow("ec2:CreateVolume");
        statement["Resource"] = serde_json::json!(resource);
        let limited = b.limited(B, &[statement]).await;
        let parameters = [
            ("SnapshotId", snapshot.as_str()),
            ("AvailabilityZone", "us-east-1a"),
            ("DryRun", "true"),
        ];
        let fail = limited.ec2("CreateVolume", &parameters).await.unwrap_err();
        assert!(fail.message.contains(refused.as_str()), "{}", fail.message);
    }
}

#[tokio::test]
async fn rule_7_14_a_recipients_tags_are_its_own_and_outlive_the_share() {
    let (a, b) = two_accounts();
    let snapshot = shared_snapshot(&a).await;
    let tag = |value: &'static str| {
        [
            ("ResourceId.1", snapshot.as_str()),
            ("Tag.1.Key", "suite"),
            ("Tag.1.Value", value),
        ]
    };
    a.ec2("CreateTags", &tag("owner")).await.unwrap();
    b.ec2("CreateTags", &tag("recipient")).await.unwrap();
    let parameters = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Remove.1.UserId", B),
    ];
    a.ec2("ModifySnapshotAttribute", &parameters).await.unwrap();
    let filter = [
        ("Filter.1.Name", "resource-id"),
        ("Filter.1.Value.1", snapshot.as_str()),
    ];
    for (caller, value) in [(&a, "owner"), (&b, "recipient")] {
        let shown = caller.ec2("DescribeTags", &filter).await.unwrap();
        assert_eq!(shown.all("value"), [value]);
    }
    assert_code(
        b.ec2("CreateTags", &tag("again")).await,
        "InvalidSnapshot.NotFound",
    );
    b.ec2("DeleteTags", &tag("recipient")[..2]).await.unwrap();
    assert!(
        b.ec2("DescribeTags", &filter)
            .await
            .unwrap()
            .all("value")
            .is_empty()
    );
    assert_eq!(
        a.ec2("DescribeTags", &filter).await.unwrap().all("value"),
        ["owner"]
    );
}

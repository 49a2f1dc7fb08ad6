//! CopyImage.

use serde_json::json;

use super::support::*;

/// The keys that the snapshots of an image are under; `none` for unencrypted ones.
async fn keys_of(who: &Caller, image: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for snapshot in who.snapshots(image).await {
        let shown = who
            .ec2("DescribeSnapshots", &[("SnapshotId.1", &snapshot)])
            .await
            .unwrap();
        keys.push(if shown.first("encrypted") == "true" {
            shown.first("kmsKeyId").to_owned()
        } else {
            "none".to_owned()
        });
    }
    keys
}

async fn aws_ebs(who: &Caller) -> String {
    let answer = who
        .kms("DescribeKey", json!({ "KeyId": "alias/aws/ebs" }))
        .await
        .unwrap();
    answer.json()["KeyMetadata"]["Arn"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The image's and its snapshots' reasons, after the copy has ended.
async fn reason(who: &Caller, image: &str) -> (String, String, String) {
    seconds(4).await;
    let shown = who
        .ec2("DescribeImages", &[("ImageId.1", image)])
        .await
        .unwrap();
    let snapshots = who
        .ec2(
            "DescribeSnapshots",
            &[
                ("Owner.1", "self"),
                ("Filter.1.Name", "status"),
                ("Filter.1.Value.1", "error"),
            ],
        )
        .await
        .unwrap();
    (
        shown.first("imageState").to_owned(),
        shown.first("message").to_owned(),
        snapshots.first("statusMessage").to_owned(),
    )
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_2_the_same_token_answers_the_same_image_even_a_dead_one() {
    let (a, _) = two_accounts();
    let (plain, token) = (a.image("plain"), [("ClientToken", "t")]);
    let copy = a.copy(&plain, &token).await.unwrap();
    assert_eq!(a.copy(&plain, &token).await.unwrap(), copy);
    a.ec2("DeregisterImage", &[("ImageId", &copy)])
        .await
        .unwrap();
    assert_eq!(a.copy(&plain, &token).await.unwrap(), copy);
    let message =
        "The request uses the same client token as a previous, but non-identical request.";
    let other = [("ClientToken", "t"), ("Description", "other")];
    fails(
        a.copy(&plain, &other).await,
        400,
        "IdempotentParameterMismatch",
        message,
    );
    // Without a token every call makes an image.
    assert_ne!(
        a.copy(&plain, &[]).await.unwrap(),
        a.copy(&plain, &[]).await.unwrap()
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_4_a_copy_belongs_to_the_caller_and_keeps_ephemeral_devices() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let copy = b.copy_as(&golden, &[("Encrypted", "true")]).await.unwrap();
    let shown = b
        .ec2("DescribeImages", &[("ImageId.1", &copy)])
        .await
        .unwrap();
    assert_eq!(shown.first("imageOwnerId"), B);
    assert_eq!(
        (
            shown.first("sourceImageId"),
            shown.first("sourceImageRegion")
        ),
        (golden.as_str(), "us-east-1")
    );
    assert_eq!(
        (shown.all("snapshotId").len(), shown.all("virtualName")),
        (2, vec!["ephemeral0"])
    );
    let snapshot = b
        .ec2(
            "DescribeSnapshots",
            &[("SnapshotId.1", shown.first("snapshotId"))],
        )
        .await
        .unwrap();
    assert_eq!(
        (snapshot.first("ownerId"), snapshot.first("volumeId")),
        (B, "vol-ffffffff")
    );
    let words =
        format!("Copied for DestinationAmi {copy} from SourceAmi {golden} for SourceSnapshot ");
    assert!(snapshot.first("description").starts_with(&words));
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_5_permissions_and_by_default_tags_are_not_copied() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    a.ec2(
        "CreateTags",
        &[
            ("ResourceId.1", &golden),
            ("Tag.1.Key", "team"),
            ("Tag.1.Value", "a"),
        ],
    )
    .await
    .unwrap();
    a.share(&golden, B).await.unwrap();
    let copy = a.copy(&golden, &[]).await.unwrap();
    let parameters = [
        ("ImageId", copy.as_str()),
        ("Attribute", "launchPermission"),
    ];
    assert!(
        a.ec2("DescribeImageAttribute", &parameters)
            .await
            .unwrap()
            .all("userId")
            .is_empty()
    );
    assert!(
        a.ec2("DescribeImages", &[("ImageId.1", &copy)])
            .await
            .unwrap()
            .all("tagSet")
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_6_tags_come_in_the_call_for_images_and_snapshots_only() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    a.ec2(
        "CreateTags",
        &[
            ("ResourceId.1", &golden),
            ("Tag.1.Key", "team"),
            ("Tag.1.Value", "a"),
        ],
    )
    .await
    .unwrap();
    let tags = [
        ("CopyImageTags", "true"),
        ("TagSpecification.1.ResourceType", "image"),
        ("TagSpecification.1.Tag.1.Key", "on"),
        ("TagSpecification.1.Tag.1.Value", "image"),
        ("TagSpecification.2.ResourceType", "snapshot"),
        ("TagSpecification.2.Tag.1.Key", "on"),
        ("TagSpecification.2.Tag.1.Value", "snapshot"),
    ];
    let copy = a.copy(&golden, &tags).await.unwrap();
    let shown = a
        .ec2("DescribeImages", &[("ImageId.1", &copy)])
        .await
        .unwrap();
    assert_eq!(
        (shown.all("key"), shown.all("value")),
        (vec!["on", "team"], vec!["image", "a"])
    );
    for snapshot in a.snapshots(&copy).await {
        let shown = a
            .ec2("DescribeSnapshots", &[("SnapshotId.1", &snapshot)])
            .await
            .unwrap();
        assert_eq!(shown.all("value"), ["snapshot"]);
    }
    let other = [
        ("TagSpecification.1.ResourceType", "volume"),
        ("TagSpecification.1.Tag.1.Key", "x"),
    ];
    assert_eq!(
        a.copy(&golden, &other).await.unwrap_err().code,
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn rule_1_3_1_a_key_without_encrypted_is_an_error() {
    let (a, _) = two_accounts();
    let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
    let result = a
        .copy_as(&a.image("plain"), &[("KmsKeyId", "alias/golden")])
        .await;
    fails(result, 400, "InvalidParameterDependency", message);
}

#[tokio::test]
async fn rule_1_3_2_what_is_encrypted_stays_encrypted() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    let snapshot = a.snapshots(&golden).await.remove(0);
    let message = format!(
        "Snapshot {snapshot} is encrypted. Creating an unencrypted copy from an encrypted snapshot \
         is not supported."
    );
    fails(
        a.copy_as(&golden, &[("Encrypted", "false")]).await,
        400,
        "InvalidRequest",
        &message,
    );
    let copy = a
        .copy_as(&a.image("plain"), &[("Encrypted", "false")])
        .await
        .unwrap();
    assert_eq!(keys_of(&a, &copy).await, ["none"]);
}

#[tokio::test]
async fn rule_1_3_3_without_parameters_own_snapshots_keep_their_key_and_shared_ones_do_not() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    let own = a.copy_as(&golden, &[]).await.unwrap();
    assert_eq!(keys_of(&a, &own).await, [a.key("golden"), a.key("golden")]);
    let plain = a.copy_as(&a.image("plain"), &[]).await.unwrap();
    assert_eq!(keys_of(&a, &plain).await, ["none"]);
    a.share_wholly(&golden, B).await;
    let theirs = b.copy_as(&golden, &[]).await.unwrap();
    assert_eq!(
        keys_of(&b, &theirs).await,
        [aws_ebs(&b).await, aws_ebs(&b).await]
    );
}

#[tokio::test]
async fn rule_1_3_4_only_a_full_key_arn_leaves_nothing_to_chance() {
    let (a, _) = two_accounts();
    // In another Region the source's key cannot be kept, and what is taken is a key that can never
    // be shared.
    let there = a.in_region("eu-west-1");
    let copy = there.copy_as(&a.image("golden"), &[]).await.unwrap();
    assert_eq!(keys_of(&there, &copy).await[0], aws_ebs(&there).await);
    let named = a.copy(&a.image("golden"), &[]).await.unwrap();
    assert_eq!(
        keys_of(&a, &named).await,
        [a.key("golden"), a.key("golden")]
    );
}

#[tokio::test]
async fn rule_1_3_5_encrypted_alone_takes_the_default_key() {
    let (a, _) = two_accounts();
    let copy = a
        .copy_as(&a.image("plain"), &[("Encrypted", "true")])
        .await
        .unwrap();
    assert_eq!(keys_of(&a, &copy).await, [aws_ebs(&a).await]);
    let golden = a.key("golden");
    a.sim.edit(|world| {
        world
            .accounts
            .get_mut(A)
            .unwrap()
            .default_ebs_keys
            .insert("us-east-1".to_owned(), golden.clone());
    });
    let copy = a
        .copy_as(&a.image("plain"), &[("Encrypted", "true")])
        .await
        .unwrap();
    assert_eq!(keys_of(&a, &copy).await, [golden]);
}

#[tokio::test(start_paused = true)]
async fn rule_1_3_6_a_key_is_named_by_id_alias_or_arn_and_must_be_symmetric_and_here() {
    let (a, _) = two_accounts();
    let arn = a.key("golden");
    let id = arn.rsplit('/').next().unwrap();
    let alias_arn = format!("arn:aws:kms:us-east-1:{A}:alias/golden");
    for named in [arn.as_str(), id, "alias/golden", &alias_arn] {
        let copy = a
            .copy_as(
                &a.image("plain"),
                &[("Encrypted", "true"), ("KmsKeyId", named)],
            )
            .await
            .unwrap();
        assert_eq!(
            keys_of(&a, &copy).await,
            std::slice::from_ref(&arn),
            "{named}"
        );
    }
    let spoil: [fn(&mut ami_share_sim::world::Key); 3] = [
        |key| key.spec = "RSA_2048".to_owned(),
        |key| key.region = "eu-west-1".to_owned(),
        |key| key.state = ami_share_sim::world::KeyState::Disabled,
    ];
    for change in spoil {
        let (a, _) = two_accounts();
        a.sim
            .edit(|world| change(world.keys.get_mut(&arn).unwrap()));
        let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
        assert_eq!(reason(&a, &copy).await.0, "failed");
    }
}

#[tokio::test]
async fn rule_1_4_1_the_image_and_its_snapshots_must_be_allowed_and_copysnapshot_need_not() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    let only = |resources: serde_json::Value| {
        json!({ "Statement": [
            { "Effect": "Allow", "Action": "ec2:CopyImage", "Resource": resources },
            { "Effect": "Allow", "Action": "kms:*", "Resource": "*" },
        ] })
        .to_string()
    };
    let role = format!("arn:aws:iam::{A}:role/administrator");
    let images_only = a
        .assume(&role, &[("Policy", &only(json!("arn:aws:ec2:*::image/*")))])
        .await
        .unwrap();
    let fail = images_only.copy(&golden, &[]).await.unwrap_err();
    assert!(
        fail.code == "UnauthorizedOperation" && fail.message.contains("::snapshot/snap-"),
        "{fail:?}"
    );
    let both = only(json!([
        "arn:aws:ec2:*::image/*",
        "arn:aws:ec2:*::snapshot/*"
    ]));
    let both = a.assume(&role, &[("Policy", &both)]).await.unwrap();
    both.copy(&golden, &[]).await.unwrap();
    let tagged = [
        ("TagSpecification.1.ResourceType", "image"),
        ("TagSpecification.1.Tag.1.Key", "on"),
        ("TagSpecification.1.Tag.1.Value", "image"),
    ];
    let fail = both.copy(&golden, &tagged).await.unwrap_err();
    assert!(
        fail.message
            .contains("not authorized to perform: ec2:CreateTags"),
        "{fail:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_2_a_copy_needs_the_published_actions_and_as_recorded_fewer() {
    let needed = [
        "kms:DescribeKey",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    ];
    let recorded = [
        "kms:DescribeKey",
        "kms:CreateGrant",
        "kms:GenerateDataKeyWithoutPlaintext",
    ];
    for action in needed {
        for as_recorded in [false, true] {
            let (a, _) = two_accounts();
            a.sim.edit(|world| world.copies_as_recorded = as_recorded);
            let copy = a
                .without(A, &[action])
                .await
                .copy(&a.image("golden"), &[])
                .await
                .unwrap();
            let expected = if as_recorded && !recorded.contains(&action) {
                "available"
            } else {
                "failed"
            };
            assert_eq!(
                reason(&a, &copy).await.0,
                expected,
                "{action} {as_recorded}"
            );
        }
    }
    let (a, _) = two_accounts();
    let copy = a
        .without(
            A,
            &["kms:GenerateDataKey", "kms:Encrypt", "ec2:CopySnapshot"],
        )
        .await;
    let copy = copy.copy(&a.image("golden"), &[]).await.unwrap();
    assert_eq!(reason(&a, &copy).await.0, "available");
}

#[tokio::test]
async fn rule_1_5_1_launch_permission_alone_does_not_let_copy() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share(&golden, B).await.unwrap();
    let message = "You do not have permission to access the storage of this ami";
    fails(
        b.copy_as(&golden, &[]).await,
        400,
        "InvalidRequest",
        message,
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_2_without_access_to_a_key_the_copy_fails_later() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let policy = json!({ "Statement": [root_statement()] }).to_string();
    let parameters = json!({ "KeyId": a.key("golden"), "PolicyName": "default", "Policy": policy });
    a.kms("PutKeyPolicy", parameters).await.unwrap();
    let copy = b.copy_as(&golden, &[("Encrypted", "true")]).await.unwrap();
    let expected = (
        "failed".to_owned(),
        "AMI snapshot copy failed with error: Given key ID is not accessible. You must have \
         DescribeKey permissions on the default CMK"
            .to_owned(),
        "Given key ID is not accessible".to_owned(),
    );
    assert_eq!(reason(&b, &copy).await, expected);
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_3_a_key_that_is_not_there_fails_the_copy_later() {
    let (a, _) = two_accounts();
    let copy = a
        .copy_as(
            &a.image("plain"),
            &[("Encrypted", "true"), ("KmsKeyId", "alias/none")],
        )
        .await
        .unwrap();
    let message = "AMI snapshot copy failed with error: The specified keyId alias/none is invalid";
    assert_eq!(reason(&a, &copy).await.1, message);
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_17_what_a_failed_copy_left_stays_until_it_is_removed() {
    let (a, _) = two_accounts();
    let copy = a
        .copy_as(
            &a.image("plain"),
            &[("Encrypted", "true"), ("KmsKeyId", "alias/none")],
        )
        .await
        .unwrap();
    let snapshot = a.snapshots(&copy).await.remove(0);
    seconds(4).await;
    assert_eq!(a.state(&copy).await, "failed");
    assert_eq!(
        a.ec2("DeleteSnapshot", &[("SnapshotId", &snapshot)])
            .await
            .unwrap_err()
            .code,
        "InvalidSnapshot.InUse"
    );
    a.ec2("DeregisterImage", &[("ImageId", &copy)])
        .await
        .unwrap();
    a.ec2("DeleteSnapshot", &[("SnapshotId", &snapshot)])
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_1_a_copy_is_asked_for_where_it_is_to_be_under_a_name_that_fits() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let copy_to = |name: String| {
        let (there, plain) = (a.in_region("eu-west-1"), plain.clone());
        async move {
            let parameters = [
                ("SourceImageId", plain.as_str()),
                ("SourceRegion", "us-east-1"),
                ("Name", name.as_str()),
            ];
            there.ec2("CopyImage", &parameters).await
        }
    };
    let made = copy_to("a (b) [c] ./-'@_".to_owned()).await.unwrap();
    seconds(4).await;
    assert_eq!(
        a.in_region("eu-west-1").state(made.first("imageId")).await,
        "available"
    );
    assert_eq!(a.state(made.first("imageId")).await, "");
    for name in [
        "ab".to_owned(),
        "x".repeat(129),
        "a;b".to_owned(),
        "naïve".to_owned(),
    ] {
        assert_eq!(
            copy_to(name).await.unwrap_err().code,
            "InvalidAMIName.Malformed"
        );
    }
    let long = "t".repeat(65);
    assert_eq!(
        a.copy(&plain, &[("ClientToken", &long)])
            .await
            .unwrap_err()
            .code,
        "InvalidParameterValue"
    );
}

#[tokio::test]
async fn rule_1_2_9_a_name_is_needed() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let nameless = [
        ("SourceImageId", plain.as_str()),
        ("SourceRegion", "us-east-1"),
    ];
    assert_eq!(
        a.ec2("CopyImage", &nameless).await.unwrap_err().code,
        "MissingParameter"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_11_a_copy_may_fail_for_no_reason_that_is_told() {
    let (a, _) = two_accounts();
    let message = "Copy image failed with an internal error";
    let effect = ami_share_sim::Effect::FailCopy {
        message: message.to_owned(),
        state: ami_share_sim::FailedState::default(),
    };
    let (operation, account, region) = ("ec2:CopyImage".to_owned(), None, None);
    a.sim.fault(ami_share_sim::Fault {
        operation,
        call: Some(1),
        account,
        region,
        effect,
    });
    let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
    assert_eq!(reason(&a, &copy).await.1, message);
    let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
    seconds(4).await;
    assert_eq!(a.state(&copy).await, "available");
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_13_a_source_that_is_pending_or_gone() {
    let (a, _) = two_accounts();
    let building = a.image("building");
    assert_eq!(
        a.copy(&building, &[]).await.unwrap_err().code,
        "InvalidAMIID.Unavailable"
    );
    a.ec2("DeregisterImage", &[("ImageId", &building)])
        .await
        .unwrap();
    assert_eq!(
        a.copy(&building, &[]).await.unwrap_err().code,
        "InvalidAMIID.Unavailable"
    );
}

#[tokio::test]
async fn rule_1_5_14_of_a_source_that_is_not_shared_at_all_nothing_is_told() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    let message = format!("The image id '[{plain}]' does not exist");
    fails(
        b.copy_as(&plain, &[]).await,
        400,
        "InvalidAMIID.NotFound",
        &message,
    );
}

#[tokio::test]
async fn rule_1_5_15_marketplace_images_stay_in_their_account() {
    let (a, b) = scenario(|scenario| scenario.images[3].product_codes = vec!["code".to_owned()]);
    let plain = a.image("plain");
    a.share_wholly(&plain, B).await;
    let message = "Images from AWS Marketplace cannot be copied to another AWS account.";
    fails(b.copy_as(&plain, &[]).await, 400, "InvalidRequest", message);
    a.copy_as(&plain, &[]).await.unwrap();
}

#[tokio::test]
async fn rule_7_14_shared_tags_are_seen_by_recipients() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    let tags = [
        ("ResourceId.1", plain.as_str()),
        ("Tag.1.Key", "ec2:SharedTag/team"),
        ("Tag.1.Value", "a"),
        ("Tag.2.Key", "team"),
        ("Tag.2.Value", "a"),
    ];
    a.ec2("CreateTags", &tags).await.unwrap();
    a.share_wholly(&plain, B).await;
    let shown = b
        .ec2("DescribeImages", &[("ImageId.1", &plain)])
        .await
        .unwrap();
    assert_eq!(shown.all("key"), ["ec2:SharedTag/team"]);
    let copy = b
        .copy_as(&plain, &[("CopyImageTags", "true")])
        .await
        .unwrap();
    let shown = b
        .ec2("DescribeImages", &[("ImageId.1", &copy)])
        .await
        .unwrap();
    assert_eq!(shown.all("key"), ["ec2:SharedTag/team"]);
}

//! CopyImage.

use serde_json::json;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn rule_1_2_2_a_repeated_client_token_answers_the_same_image_even_if_deregistered() {
    let (a, _) = two_accounts();
    let (plain, token) = (a.image("plain"), [("ClientToken", "t")]);
    let copy = a.copy(&plain, &token).await.unwrap();
    assert_eq!(a.copy(&plain, &token).await.unwrap(), copy);
    a.deregister(&copy).await.unwrap();
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
    let shown = b.describe_image(&copy).await;
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
    let snapshot = b.describe_snapshot(shown.first("snapshotId")).await;
    assert_eq!(
        (snapshot.first("ownerId"), snapshot.first("volumeId")),
        (B, "vol-ffffffff")
    );
    let words =
        format!("Copied for DestinationAmi {copy} from SourceAmi {golden} for SourceSnapshot ");
    assert!(snapshot.first("description").starts_with(&words));
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_5_a_copy_has_no_permissions_and_by_default_no_tags() {
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
    assert!(a.describe_image(&copy).await.all("tagSet").is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_6_tag_specifications_name_images_and_snapshots_only() {
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
    let shown = a.describe_image(&copy).await;
    assert_eq!(
        (shown.all("key"), shown.all("value")),
        (vec!["on", "team"], vec!["image", "a"])
    );
    for snapshot in a.snapshots(&copy).await {
        let shown = a.describe_snapshot(&snapshot).await;
        assert_eq!(shown.all("value"), ["snapshot"]);
    }
    let other = [
        ("TagSpecification.1.ResourceType", "volume"),
        ("TagSpecification.1.Tag.1.Key", "x"),
    ];
    assert_code(a.copy(&golden, &other).await, "InvalidParameterValue");
}

#[tokio::test]
async fn rule_1_4_1_copy_image_needs_permission_on_image_and_snapshots_and_no_copy_snapshot() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    let (images, snapshots) = ("arn:aws:ec2:*::image/*", "arn:aws:ec2:*::snapshot/*");
    let on = |resources: serde_json::Value| {
        let mut statement = allow("ec2:CopyImage");
        statement["Resource"] = resources;
        statement
    };
    let images_only = a.limited(A, &[on(json!(images)), allow("kms:*")]).await;
    let fail = images_only.copy(&golden, &[]).await.unwrap_err();
    assert_eq!(fail.code, "UnauthorizedOperation");
    assert!(fail.message.contains("::snapshot/snap-"), "{fail:?}");
    let on_both = on(json!([images, snapshots]));
    let both = a.limited(A, &[on_both, allow("kms:*")]).await;
    both.copy(&golden, &[]).await.unwrap();
    let tagged = [
        ("TagSpecification.1.ResourceType", "image"),
        ("TagSpecification.1.Tag.1.Key", "on"),
        ("TagSpecification.1.Tag.1.Value", "image"),
    ];
    let fail = both.copy(&golden, &tagged).await.unwrap_err();
    let denied = "not authorized to perform: ec2:CreateTags";
    assert!(fail.message.contains(denied), "{fail:?}");
}

#[tokio::test]
async fn rule_1_5_1_launch_permission_alone_does_not_allow_a_copy() {
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
async fn rule_1_5_17_a_failed_copy_stays_until_it_is_removed() {
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
    assert_code(
        a.ec2("DeleteSnapshot", &[("SnapshotId", &snapshot)]).await,
        "InvalidSnapshot.InUse",
    );
    a.deregister(&copy).await.unwrap();
    a.ec2("DeleteSnapshot", &[("SnapshotId", &snapshot)])
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn rule_1_2_1_a_copy_is_requested_in_its_region_with_a_valid_name() {
    let (a, _) = two_accounts();
    let (ireland, plain) = (a.in_region("eu-west-1"), a.image("plain"));
    let named = |name: &'static str| {
        [
            ("SourceImageId", plain.as_str()),
            ("SourceRegion", "us-east-1"),
            ("Name", name),
        ]
    };
    let copy = ireland.ec2("CopyImage", &named("a (b) [c] ./-'@_")).await;
    let copy = copy.unwrap().first("imageId").to_owned();
    seconds(4).await;
    assert_eq!(ireland.state(&copy).await, "available");
    assert_eq!(a.state(&copy).await, "");
    let long = "x".repeat(129).leak();
    for name in ["ab", long, "a;b", "naïve"] {
        let refused = ireland.ec2("CopyImage", &named(name)).await;
        assert_code(refused, "InvalidAMIName.Malformed");
    }
    let token = "t".repeat(65);
    let refused = a.copy(&plain, &[("ClientToken", &token)]).await;
    assert_code(refused, "InvalidParameterValue");
}

#[tokio::test]
async fn rule_1_2_9_a_copy_needs_a_name() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let nameless = [
        ("SourceImageId", plain.as_str()),
        ("SourceRegion", "us-east-1"),
    ];
    assert_code(a.ec2("CopyImage", &nameless).await, "MissingParameter");
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_11_a_copy_can_fail_with_an_internal_error() {
    let (a, _) = two_accounts();
    let message = "Copy image failed with an internal error";
    let effect = ami_share_sim::Effect::FailCopy {
        message: message.to_owned(),
        state: ami_share_sim::FailedState::default(),
    };
    a.sim.fault(ami_share_sim::Fault {
        operation: "ec2:CopyImage".to_owned(),
        call: Some(1),
        account: None,
        region: None,
        naming: None,
        effect,
    });
    let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
    assert_eq!(a.end_of_copy(&copy).await.1, message);
    let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
    seconds(4).await;
    assert_eq!(a.state(&copy).await, "available");
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_13_a_pending_or_deregistered_source_is_unavailable() {
    let (a, _) = two_accounts();
    let building = a.image("building");
    assert_code(a.copy(&building, &[]).await, "InvalidAMIID.Unavailable");
    a.deregister(&building).await.unwrap();
    assert_code(a.copy(&building, &[]).await, "InvalidAMIID.Unavailable");
}

#[tokio::test]
async fn rule_1_5_14_an_unshared_source_does_not_exist_for_the_caller() {
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
async fn rule_1_5_15_a_marketplace_image_has_no_copy_in_another_account() {
    let (a, b) = scenario(|scenario| scenario.images[3].product_codes = vec!["code".to_owned()]);
    let plain = a.image("plain");
    a.share_wholly(&plain, B).await;
    let message = "Images from AWS Marketplace cannot be copied to another AWS account.";
    fails(b.copy_as(&plain, &[]).await, 400, "InvalidRequest", message);
    a.copy_as(&plain, &[]).await.unwrap();
}

#[tokio::test]
async fn rule_7_14_recipients_see_and_copy_shared_tags() {
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
    let shown = b.describe_image(&plain).await;
    assert_eq!(shown.all("key"), ["ec2:SharedTag/team"]);
    // Nobody else writes such a tag.
    let answer = b.ec2("CreateTags", &tags[..3]).await;
    assert_code(answer, "OperationNotPermitted");
    let own = [
        ("ResourceId.1", plain.as_str()),
        ("Tag.1.Key", "team"),
        ("Tag.1.Value", "b"),
    ];
    b.ec2("CreateTags", &own).await.unwrap();
    let copy = b
        .copy_as(&plain, &[("CopyImageTags", "true")])
        .await
        .unwrap();
    let shown = b.describe_image(&copy).await;
    assert!(shown.all("key").contains(&"ec2:SharedTag/team"));
}

//! States of images, and the errors about them.

use serde_json::json;

use super::support::*;

#[tokio::test(start_paused = true)]
async fn rule_1_1_3_a_copy_is_pending_until_it_is_available_and_can_be_cancelled() {
    let (a, _) = two_accounts();
    let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
    let cancelled = a.copy(&a.image("plain"), &[]).await.unwrap();
    a.deregister(&cancelled).await.unwrap();
    seconds(2).await;
    assert_eq!(a.state(&copy).await, "pending");
    seconds(2).await;
    assert_eq!(a.state(&copy).await, "available");
    assert_eq!(a.state(&cancelled).await, "");
}

#[tokio::test(start_paused = true)]
async fn rule_1_1_7_a_new_image_id_is_unknown_for_a_while() {
    let invisible = std::time::Duration::from_secs(5);
    let options = ami_share_sim::Options {
        invisible,
        ..Default::default()
    };
    let (a, _) = callers(ami_share_sim::Scenario::two_accounts(), options);
    seconds(1).await;
    let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
    let message = format!("The image id '[{copy}]' does not exist");
    fails(
        a.ec2("DescribeImages", &[("ImageId.1", &copy)]).await,
        400,
        "InvalidAMIID.NotFound",
        &message,
    );
    assert_eq!(a.state(&copy).await, "");
    seconds(5).await;
    assert_eq!(a.state(&copy).await, "available");
}

#[tokio::test(start_paused = true)]
async fn rule_1_1_7_a_read_can_show_images_and_sharing_as_they_were() {
    let (a, _) = two_accounts();
    seconds(10).await;
    let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
    seconds(5).await;
    let stale = |operation: &str, ago: u32| {
        let effect = json!({ "stale": { "seconds": ago } });
        let order = json!({ "operation": operation, "call": 1, "effect": effect });
        a.sim.fault(serde_json::from_value(order).unwrap());
    };
    for (ago, state) in [(1, "available"), (3, "pending"), (6, "")] {
        stale("ec2:DescribeImages", ago);
        assert_eq!(a.state(&copy).await, state, "{ago}");
    }
    assert_eq!(a.state(&copy).await, "available");

    let plain = a.image("plain");
    a.share(&plain, B).await.unwrap();
    seconds(1).await;
    let read = [
        ("ImageId", plain.as_str()),
        ("Attribute", "launchPermission"),
    ];
    for is_stale in [true, false] {
        if is_stale {
            stale("ec2:DescribeImageAttribute", 2);
        }
        let answer = a.ec2("DescribeImageAttribute", &read).await.unwrap();
        assert_eq!(answer.all("userId").contains(&B), !is_stale);
    }
}

#[tokio::test]
async fn rule_1_6_malformed_unknown_invisible_and_deregistered_ids_have_their_errors() {
    let (a, b) = two_accounts();
    for id in ["ami-00000000000000000", "ami-xyz", "snap-1a2b3c4d"] {
        let message = format!("Invalid id: \"{id}\"");
        fails(
            a.ec2("DescribeImages", &[("ImageId.1", id)]).await,
            400,
            "InvalidAMIID.Malformed",
            &message,
        );
    }
    let unknown = "The image id '[ami-1a2b3c4d]' does not exist";
    fails(
        a.ec2("DescribeImages", &[("ImageId.1", "ami-1a2b3c4d")])
            .await,
        400,
        "InvalidAMIID.NotFound",
        unknown,
    );
    // The image exists and is not visible: the answer is empty.
    let golden = a.image("golden");
    assert!(b.snapshots(&golden).await.is_empty());
    assert_eq!(b.describe_image(&golden).await.all("imageId").len(), 0);
    // A deregistered image: the answer is empty, and deregistering it again is an error.
    let snapshots = a.snapshots(&golden).await;
    let in_use = format!(
        "The snapshot {} is currently in use by {golden}",
        snapshots[0]
    );
    fails(
        a.ec2("DeleteSnapshot", &[("SnapshotId", &snapshots[0])])
            .await,
        400,
        "InvalidSnapshot.InUse",
        &in_use,
    );
    a.deregister(&golden).await.unwrap();
    assert_eq!(a.describe_image(&golden).await.all("imageId").len(), 0);
    let gone = format!("The image ID '{golden}' is no longer available");
    fails(
        a.deregister(&golden).await,
        400,
        "InvalidAMIID.Unavailable",
        &gone,
    );
    a.ec2("DeleteSnapshot", &[("SnapshotId", &snapshots[0])])
        .await
        .unwrap();
    let deleted = format!("The snapshot '{}' does not exist.", snapshots[0]);
    fails(
        a.ec2("DescribeSnapshots", &[("SnapshotId.1", &snapshots[0])])
            .await,
        400,
        "InvalidSnapshot.NotFound",
        &deleted,
    );
}

#[tokio::test]
async fn rule_1_6_describe_calls_have_pages_and_filters() {
    let (a, _) = two_accounts();
    let small = "Invalid value '1' for maxResults. Expecting a value greater than 5.";
    fails(
        a.ec2("DescribeImages", &[("MaxResults", "1")]).await,
        400,
        "InvalidParameterValue",
        small,
    );
    // A request for more than a page gets a full page.
    a.ec2("DescribeSnapshots", &[("MaxResults", "5000")])
        .await
        .unwrap();
    let golden = a.image("golden");
    let both = "The parameter imageIdsSet cannot be used with the parameter maxResults";
    let parameters = [("MaxResults", "5"), ("ImageId.1", golden.as_str())];
    fails(
        a.ec2("DescribeImages", &parameters).await,
        400,
        "InvalidParameterCombination",
        both,
    );
    let name = "AMI names must be between 3 and 128 characters long, and may contain letters, \
                numbers, '(', ')', '.', '-', '/' and '_'";
    let parameters = [
        ("SourceImageId", golden.as_str()),
        ("SourceRegion", "us-east-1"),
        ("Name", "a"),
    ];
    fails(
        a.ec2("CopyImage", &parameters).await,
        400,
        "InvalidAMIName.Malformed",
        name,
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_6_deregistering_can_delete_the_snapshots() {
    let (a, _) = two_accounts();
    let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
    let snapshot = a.snapshots(&copy).await.remove(0);
    let answer = a
        .ec2(
            "DeregisterImage",
            &[("ImageId", &copy), ("DeleteAssociatedSnapshots", "true")],
        )
        .await
        .unwrap();
    assert_eq!(
        (answer.first("snapshotId"), answer.first("returnCode")),
        (snapshot.as_str(), "success")
    );
    let golden = a
        .ec2("DeregisterImage", &[("ImageId", &a.image("golden"))])
        .await
        .unwrap();
    assert!(golden.all("returnCode").is_empty());
}

#[tokio::test]
async fn rule_1_6_a_denial_of_ec2_names_principal_action_resource_and_reason() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    let denied = a.without(A, &["ec2:ModifyImageAttribute"]).await;
    let fail = denied.share(&golden, B).await.unwrap_err();
    let words = format!(
        "You are not authorized to perform this operation. User: \
         arn:aws:sts::{A}:assumed-role/administrator/test is not authorized to perform: \
         ec2:ModifyImageAttribute on resource: arn:aws:ec2:us-east-1::image/{golden} with an \
         explicit deny in a session policy. Encoded authorization failure message: "
    );
    assert_eq!(
        (fail.status, fail.code.as_ref()),
        (403, "UnauthorizedOperation")
    );
    assert!(fail.message.starts_with(&words), "{}", fail.message);
    fails(
        a.ec2("CreateVpc", &[]).await,
        400,
        "InvalidAction",
        "The action CreateVpc is not valid for this web service.",
    );
    let unknown = "AWS was not able to validate the provided access credentials";
    fails(
        a.with_key("AKIAUNKNOWN").ec2("DescribeImages", &[]).await,
        401,
        "AuthFailure",
        unknown,
    );
}

#[tokio::test]
async fn rule_1_6_tags_are_private_to_each_account() {
    let (a, b) = two_accounts();
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
    let tagged = [("Filter.1.Name", "tag:team"), ("Filter.1.Value.1", "*")];
    assert_eq!(
        a.ec2("DescribeImages", &tagged)
            .await
            .unwrap()
            .all("imageId"),
        [golden.as_str()]
    );
    assert!(
        b.ec2("DescribeImages", &tagged)
            .await
            .unwrap()
            .all("imageId")
            .is_empty()
    );
    b.ec2(
        "CreateTags",
        &[
            ("ResourceId.1", &golden),
            ("Tag.1.Key", "team"),
            ("Tag.1.Value", "b"),
        ],
    )
    .await
    .unwrap();
    assert_eq!(
        b.ec2("DescribeImages", &tagged)
            .await
            .unwrap()
            .first("value"),
        "b"
    );
    assert_eq!(
        a.ec2("DescribeImages", &tagged)
            .await
            .unwrap()
            .first("value"),
        "a"
    );
}

#[tokio::test]
async fn rule_1_6_a_snapshot_of_another_account_cannot_be_registered() {
    let (a, b) = two_accounts();
    let snapshot = a.snapshot_of("plain").await;
    let message =
        format!("Invalid value '{snapshot}' for snapshotId. Snapshot does not belong to {B}");
    let mapping = [
        ("Name", "stolen"),
        ("RootDeviceName", "/dev/sda1"),
        ("BlockDeviceMapping.1.DeviceName", "/dev/sda1"),
        ("BlockDeviceMapping.1.Ebs.SnapshotId", snapshot.as_str()),
    ];
    fails(
        b.ec2("RegisterImage", &mapping).await,
        400,
        "InvalidParameterValue",
        &message,
    );
    a.share_snapshot(&snapshot, B).await.unwrap();
    fails(
        b.ec2("RegisterImage", &mapping).await,
        400,
        "InvalidParameterValue",
        &message,
    );
    a.ec2("RegisterImage", &mapping).await.unwrap();
}

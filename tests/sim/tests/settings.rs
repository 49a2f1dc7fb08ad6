//! Settings of accounts, and how sharing takes effect.

use serde_json::json;

use super::support::*;

#[tokio::test]
async fn rule_2_6_reset_removes_every_permission_and_nothing_else() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    a.share(&plain, B).await.unwrap();
    a.publish(&plain).await.unwrap();
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
async fn rule_2_10_sharing_an_encrypted_snapshot_describes_the_default_key() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshot_of("golden").await;
    a.share_snapshot(&snapshot, B).await.unwrap();
    let trail = a.sim.state()["trail"].as_array().unwrap().clone();
    assert_eq!(trail.len(), 1);
    assert_eq!(trail[0]["action"], "kms:DescribeKey");
    assert_eq!(trail[0]["parameters"], json!({ "keyId": "alias/aws/ebs" }));
    assert_eq!(
        trail[0]["principal"],
        format!("arn:aws:iam::{A}:user/admin")
    );
    // What AWS does if that is denied is not known. Here it does not share.
    let denied = a.without(A, &["kms:DescribeKey"]).await;
    assert_code(
        denied.share_snapshot(&snapshot, "333333333333").await,
        "AuthFailure",
    );
}

#[tokio::test]
async fn rule_2_12_a_marketplace_image_cannot_be_public() {
    let (a, _) = scenario(|scenario| scenario.images[3].product_codes = vec!["code".to_owned()]);
    assert_code(a.publish(&a.image("plain")).await, "UnsupportedOperation");
    a.share(&a.image("plain"), B).await.unwrap();
}

#[tokio::test]
async fn rule_2_13_block_public_access_does_not_affect_private_sharing() {
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
        a.publish(&plain).await,
        400,
        "OperationNotPermitted",
        message,
    );
    a.share(&plain, B).await.unwrap();
    a.ec2("DisableImageBlockPublicAccess", &[]).await.unwrap();
    a.publish(&plain).await.unwrap();
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
    assert_code(
        a.ec2("ModifySnapshotAttribute", &public).await,
        "OperationNotPermitted",
    );
    a.share_snapshot(&snapshot, B).await.unwrap();
}

#[tokio::test]
async fn rule_2_18_ec2_accepts_unknown_accounts_and_kms_does_not() {
    let (a, _) =
        scenario(|scenario| scenario.nonexistent_accounts = vec!["999999999999".to_owned()]);
    a.share(&a.image("golden"), "999999999999").await.unwrap();
    let statement = allow_to(root("999999999999"), "kms:*");
    assert_code(
        a.put_policy(statement).await,
        "MalformedPolicyDocumentException",
    );
}

#[tokio::test(start_paused = true)]
async fn rule_2_21_sharing_shows_by_id_at_once_and_in_searches_later() {
    let delays = ami_share_sim::Delays {
        sharing: std::time::Duration::from_mins(1),
        ..Default::default()
    };
    let (a, b) = delayed(delays);
    let plain = a.image("plain");
    let snapshot = a.snapshots(&plain).await.remove(0);
    a.share(&plain, B).await.unwrap();
    a.share_snapshot(&snapshot, B).await.unwrap();
    let search = async || {
        let by_owner = [("Owner.1", A)];
        let images = b.ec2("DescribeImages", &by_owner).await.unwrap();
        let snapshots = b.ec2("DescribeSnapshots", &by_owner).await.unwrap();
        (
            images.all("imageId").len(),
            snapshots.all("snapshotId").len(),
        )
    };
    assert_eq!(b.describe_image(&plain).await.first("imageId"), plain);
    b.describe_snapshot(&snapshot).await;
    assert_eq!(search().await, (0, 0));
    assert_code(b.launch(&plain, &[]).await, "AuthFailure");
    seconds(61).await;
    assert_eq!(search().await, (1, 1));
    assert_eq!(b.launch_state(&plain).await, "running");
}

#[tokio::test]
async fn rule_2_22_a_batch_of_accounts_is_one_multivalued_key() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshots(&a.image("plain")).await[0].clone();
    let limited = async |operator: &str, action: &str| {
        let mut statement = allow(action);
        statement["Condition"] = json!({ operator: { "ec2:Add/userId": [A, B] } });
        a.limited(A, &[statement]).await
    };
    let add = |accounts: &[&str]| {
        let mut parameters = vec![("SnapshotId".to_owned(), snapshot.clone())];
        for (index, account) in accounts.iter().enumerate() {
            let name = format!("CreateVolumePermission.Add.{}.UserId", index + 1);
            parameters.push((name, (*account).to_owned()));
        }
        parameters
    };
    let share = async |caller: &Caller, accounts: &[&str]| {
        let parameters = add(accounts);
        let pairs = parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let pairs: Vec<_> = pairs.collect();
        caller.ec2("ModifySnapshotAttribute", &pairs).await
    };
    let equals = limited("StringEquals", "ec2:ModifySnapshotAttribute").await;
    share(&equals, &[B]).await.unwrap();
    assert_code(share(&equals, &[A, B]).await, "UnauthorizedOperation");
    let all = limited("ForAllValues:StringEquals", "ec2:ModifySnapshotAttribute").await;
    share(&all, &[A, B]).await.unwrap();
    assert_code(
        share(&all, &["333333333333"]).await,
        "UnauthorizedOperation",
    );

    // Images have no such key: what needs it allows nothing, what takes its absence holds nobody.
    let plain = a.image("plain");
    let equals = limited("StringEquals", "ec2:ModifyImageAttribute").await;
    assert_code(equals.share(&plain, B).await, "UnauthorizedOperation");
    let all = limited("ForAllValues:StringEquals", "ec2:ModifyImageAttribute").await;
    all.share(&plain, "333333333333").await.unwrap();
}

#[tokio::test]
async fn rule_2_24_sharing_makes_no_grants() {
    let (a, _) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let grants = a
        .kms_json("ListGrants", json!({ "KeyId": a.key("golden") }))
        .await;
    assert_eq!(grants["Grants"], json!([]));
}

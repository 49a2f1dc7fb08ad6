//! Quotas and throttling.

use ami_share_sim::{Options, Scenario};
use serde_json::json;

use super::support::*;

fn with_quotas() -> (Caller, Caller) {
    callers(
        Scenario::two_accounts(),
        Options {
            quotas: true,
            ..Options::default()
        },
    )
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_10_at_most_twenty_snapshots_are_copied_at_once() {
    let (a, _) = with_quotas();
    let plain = a.image("plain");
    for _ in 0..20 {
        a.copy(&plain, &[]).await.unwrap();
    }
    assert_code(a.copy(&plain, &[]).await, "ResourceLimitExceeded");
    let snapshot = a.snapshots(&plain).await.remove(0);
    let parameters = [
        ("SourceRegion", "us-east-1"),
        ("SourceSnapshotId", snapshot.as_str()),
    ];
    assert_code(
        a.ec2("CopySnapshot", &parameters).await,
        "ResourceLimitExceeded",
    );
    // Another Region has its own quota, and later copies can start.
    a.in_region("eu-west-1")
        .ec2("CopySnapshot", &parameters)
        .await
        .unwrap();
    seconds(4).await;
    a.copy(&plain, &[]).await.unwrap();
}

#[tokio::test]
async fn rule_1_7_sharing_and_tags_have_quotas() {
    let (a, _) = with_quotas();
    let plain = a.image("plain");
    let accounts: Vec<(String, String)> = (0..1001)
        .map(|n| {
            (
                format!("LaunchPermission.Add.{}.UserId", n + 1),
                format!("{:012}", 300_000_000_000_u64 + n),
            )
        })
        .collect();
    let parameters = |count: usize| -> Vec<(&str, &str)> {
        let names = accounts[..count]
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        [("ImageId", plain.as_str())]
            .into_iter()
            .chain(names)
            .collect()
    };
    assert_code(
        a.ec2("ModifyImageAttribute", &parameters(1001)).await,
        "ResourceLimitExceeded",
    );
    a.ec2("ModifyImageAttribute", &parameters(1000))
        .await
        .unwrap();
    assert_code(
        a.share(&plain, "999999999999").await,
        "ResourceLimitExceeded",
    );
    let tags: Vec<(String, String)> = (0..51)
        .map(|n| (format!("Tag.{}.Key", n + 1), n.to_string()))
        .collect();
    let tagging = |count: usize| -> Vec<(&str, &str)> {
        let tags = tags[..count]
            .iter()
            .map(|(name, key)| (name.as_str(), key.as_str()));
        [("ResourceId.1", plain.as_str())]
            .into_iter()
            .chain(tags)
            .collect()
    };
    assert_code(a.ec2("CreateTags", &tagging(51)).await, "TagLimitExceeded");
    a.ec2("CreateTags", &tagging(50)).await.unwrap();
    let one_more = [("ResourceId.1", plain.as_str()), ("Tag.1.Key", "more")];
    assert_code(a.ec2("CreateTags", &one_more).await, "TagLimitExceeded");
}

#[tokio::test]
async fn rule_6_8_a_batch_is_one_call() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshot_of("plain").await;
    let accounts: Vec<(String, String)> = (0..501)
        .map(|n| {
            (
                format!("CreateVolumePermission.Add.{}.UserId", n + 1),
                format!("{:012}", 300_000_000_000_u64 + n),
            )
        })
        .collect();
    let parameters = |count: usize| -> Vec<(&str, &str)> {
        let names = accounts[..count]
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        [("SnapshotId", snapshot.as_str())]
            .into_iter()
            .chain(names)
            .collect()
    };
    a.ec2("ModifySnapshotAttribute", &parameters(500))
        .await
        .unwrap();
    let message = "Modification size must not be greater than 500.";
    fails(
        a.ec2("ModifySnapshotAttribute", &parameters(501)).await,
        400,
        "InvalidParameterValue",
        message,
    );
}

fn throttled() -> (Caller, Caller) {
    callers(
        Scenario::two_accounts(),
        Options {
            throttling: true,
            ..Options::default()
        },
    )
}

#[tokio::test(start_paused = true)]
async fn rule_6_1_buckets_empty_and_fill_for_each_account_and_region() {
    let (a, b) = throttled();
    for _ in 0..100 {
        a.ec2("DescribeImages", &[]).await.unwrap();
    }
    assert!(a.ec2("DescribeImages", &[]).await.is_err());
    b.ec2("DescribeImages", &[]).await.unwrap();
    a.in_region("eu-west-1")
        .ec2("DescribeImages", &[])
        .await
        .unwrap();
    // The bucket gets twenty tokens a second.
    seconds(1).await;
    for _ in 0..20 {
        a.ec2("DescribeImages", &[]).await.unwrap();
    }
    assert!(a.ec2("DescribeImages", &[]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn rule_6_2_throttled_calls_of_ec2_have_status_503() {
    let (a, _) = throttled();
    for _ in 0..5 {
        a.launch(&a.image("plain"), &[]).await.unwrap();
    }
    let sixth = a
        .ec2("RunInstances", &[("ImageId", &a.image("plain"))])
        .await;
    fails(
        sixth,
        503,
        "RequestLimitExceeded",
        "Request limit exceeded.",
    );
}

#[tokio::test(start_paused = true)]
async fn rule_6_3_kms_counts_requests_a_second_for_the_callers_account() {
    let (a, b) = throttled();
    a.share_key(B).await;
    for _ in 0..14 {
        a.share_key(B).await;
    }
    let fail = a.put_policy(root_statement()).await.unwrap_err();
    assert_eq!(fail.code, "ThrottlingException");
    // Calls of B on a key of A count for B.
    b.kms("DescribeKey", json!({ "KeyId": a.key("golden") }))
        .await
        .unwrap();
    seconds(1).await;
    a.share_key(B).await;
}

#[tokio::test(start_paused = true)]
async fn rule_6_4_throttled_calls_of_kms_are_throttling_exceptions() {
    let (a, _) = throttled();
    for _ in 0..5 {
        a.kms("CreateKey", json!({})).await.unwrap();
    }
    let message =
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.";
    fails(
        a.kms("CreateKey", json!({})).await,
        400,
        "ThrottlingException",
        message,
    );
}

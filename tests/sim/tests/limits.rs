//! Quotas, throttling, and malformed requests.

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
async fn rule_1_5_10_twenty_snapshots_are_copied_at_once() {
    let (a, _) = with_quotas();
    let plain = a.image("plain");
    for _ in 0..20 {
        a.copy(&plain, &[]).await.unwrap();
    }
    assert_eq!(
        a.copy(&plain, &[]).await.unwrap_err().code,
        "ResourceLimitExceeded"
    );
    let snapshot = a.snapshots(&plain).await.remove(0);
    let parameters = [
        ("SourceRegion", "us-east-1"),
        ("SourceSnapshotId", snapshot.as_str()),
    ];
    assert_eq!(
        a.ec2("CopySnapshot", &parameters).await.unwrap_err().code,
        "ResourceLimitExceeded"
    );
    // Another Region has a quota of its own, and so has the future.
    a.in_region("eu-west-1")
        .ec2("CopySnapshot", &parameters)
        .await
        .unwrap();
    seconds(4).await;
    a.copy(&plain, &[]).await.unwrap();
}

#[tokio::test]
async fn rule_1_7_quotas_of_sharing_and_tags() {
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
    assert_eq!(
        a.ec2("ModifyImageAttribute", &parameters(1001))
            .await
            .unwrap_err()
            .code,
        "ResourceLimitExceeded"
    );
    a.ec2("ModifyImageAttribute", &parameters(1000))
        .await
        .unwrap();
    assert_eq!(
        a.share(&plain, "999999999999").await.unwrap_err().code,
        "ResourceLimitExceeded"
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
    assert_eq!(
        a.ec2("CreateTags", &tagging(51)).await.unwrap_err().code,
        "TagLimitExceeded"
    );
    a.ec2("CreateTags", &tagging(50)).await.unwrap();
    let one_more = [("ResourceId.1", plain.as_str()), ("Tag.1.Key", "more")];
    assert_eq!(
        a.ec2("CreateTags", &one_more).await.unwrap_err().code,
        "TagLimitExceeded"
    );
}

#[tokio::test]
async fn rule_6_8_a_batch_is_one_call() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshots(&a.image("plain")).await.remove(0);
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
    // Twenty tokens a second come back.
    seconds(1).await;
    for _ in 0..20 {
        a.ec2("DescribeImages", &[]).await.unwrap();
    }
    assert!(a.ec2("DescribeImages", &[]).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn rule_6_2_ec2_says_that_a_limit_is_exceeded() {
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
async fn rule_6_3_kms_counts_requests_a_second_against_the_caller() {
    let (a, b) = throttled();
    a.share_key(B).await;
    for _ in 0..14 {
        a.share_key(B).await;
    }
    let fail = a.put_policy(root_statement()).await.unwrap_err();
    assert_eq!(fail.code, "ThrottlingException");
    // B's calls on A's key are B's.
    b.kms("DescribeKey", json!({ "KeyId": a.key("golden") }))
        .await
        .unwrap();
    seconds(1).await;
    a.share_key(B).await;
}

#[tokio::test(start_paused = true)]
async fn rule_6_4_kms_says_that_it_is_too_much() {
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

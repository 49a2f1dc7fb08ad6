//! CopySnapshot, as it was recorded.

use serde_json::{Value, json};

use super::support::*;

async fn copy(
    caller: &Caller,
    snapshot: &str,
    more: &[(&str, &str)],
) -> Result<String, ami_share_sim::wire::Fail> {
    let base = [
        ("SourceRegion", "us-east-1"),
        ("SourceSnapshotId", snapshot),
    ];
    let parameters: Vec<_> = base.iter().chain(more).copied().collect();
    Ok(caller
        .ec2("CopySnapshot", &parameters)
        .await?
        .first("snapshotId")
        .to_owned())
}

/// The state, `StateMessage` and key of a snapshot when its copy has ended.
async fn end(caller: &Caller, snapshot: &str) -> (String, String, String) {
    seconds(4).await;
    let shown = caller.describe_snapshot(snapshot).await;
    (
        shown.first("status").to_owned(),
        shown.first("statusMessage").to_owned(),
        shown.first("kmsKeyId").to_owned(),
    )
}

fn failed(why: &str) -> (String, String, String) {
    ("error".to_owned(), why.to_owned(), String::new())
}

/// A snapshot of A that B may copy, under a key of A that B may use, and a key of B.
async fn encrypted(a: &Caller, b: &Caller) -> (String, String) {
    a.share_key(B).await;
    let snapshot = a.snapshot_of("golden").await;
    a.share_snapshot(&snapshot, B).await.unwrap();
    (snapshot, b.create_key().await)
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_4_copy_snapshot_describes_the_destination_key_in_the_call() {
    let (a, b) = two_accounts();
    let (snapshot, key) = encrypted(&a, &b).await;
    let denied = b.without(B, &["kms:DescribeKey"]).await;
    let named = [("Encrypted", "true"), ("KmsKeyId", key.as_str())];
    let message = format!("Not authorized to use key {key} ");
    fails(
        copy(&denied, &snapshot, &named).await,
        403,
        "AuthFailure",
        &message,
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_5_copy_snapshot_refuses_an_unknown_key() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshot_of("plain").await;
    for key in [
        "alias/none",
        "arn:aws:kms:us-east-1:111111111111:key/00000000-0000-0000-0000-000000000000",
    ] {
        let message = format!("The specified keyId {key} is invalid");
        let named = [("Encrypted", "true"), ("KmsKeyId", key)];
        fails(
            copy(&a, &snapshot, &named).await,
            400,
            "InvalidParameterValue",
            &message,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_6_copy_snapshot_refuses_a_disabled_key() {
    let (a, _) = two_accounts();
    let (snapshot, key) = (a.snapshot_of("plain").await, a.key("golden"));
    a.kms("DisableKey", json!({ "KeyId": key })).await.unwrap();
    let message = format!("The specified keyId {key} is disabled");
    let named = [("Encrypted", "true"), ("KmsKeyId", key.as_str())];
    fails(
        copy(&a, &snapshot, &named).await,
        400,
        "InvalidParameterValue",
        &message,
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_7_other_denials_of_kms_show_in_the_snapshot() {
    for (action, on_source) in [
        ("kms:CreateGrant", false),
        ("kms:CreateGrant", true),
        ("kms:GenerateDataKeyWithoutPlaintext", false),
    ] {
        let (a, b) = two_accounts();
        let (snapshot, key) = encrypted(&a, &b).await;
        let resource = if on_source { &a.key("golden") } else { &key };
        let denied = b.without_on(B, action, resource).await;
        let named = [("Encrypted", "true"), ("KmsKeyId", key.as_str())];
        let made = copy(&denied, &snapshot, &named).await.unwrap();
        let (state, message, _) = end(&b, &made).await;
        assert_eq!(
            (state.as_str(), message.as_str()),
            ("error", "Given key ID is not accessible"),
            "{action}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_5_copy_snapshot_needs_the_recorded_actions_only() {
    let (a, b) = two_accounts();
    let (snapshot, key) = encrypted(&a, &b).await;
    let denied = b
        .without(B, &["kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey"])
        .await;
    let made = copy(
        &denied,
        &snapshot,
        &[("Encrypted", "true"), ("KmsKeyId", &key)],
    )
    .await
    .unwrap();
    assert_eq!(
        end(&b, &made).await,
        ("completed".to_owned(), String::new(), key)
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_8_an_unknown_source_shows_in_the_snapshot() {
    let (a, b) = two_accounts();
    let made = copy(&b, &a.snapshot_of("plain").await, &[]).await.unwrap();
    assert_eq!(end(&b, &made).await, failed("Source snapshot is not found"));
    let made = copy(&a, "snap-1a2b3c4d", &[]).await.unwrap();
    assert_eq!(end(&a, &made).await, failed("Source snapshot is not found"));
    fails(
        copy(&a, "snap-00000000000000000", &[]).await,
        400,
        "InvalidParameterValue",
        "The specified snapshotId is invalid",
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_9_a_pending_source_shows_in_the_snapshot() {
    let (a, _) = two_accounts();
    let pending = copy(&a, &a.snapshot_of("plain").await, &[]).await.unwrap();
    let made = copy(&a, &pending, &[]).await.unwrap();
    assert_eq!(
        end(&a, &made).await,
        failed("Source snapshot is not complete")
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_12_an_unknown_source_region_is_invalid() {
    let (a, _) = two_accounts();
    let parameters = [
        ("SourceRegion", "not-a-region"),
        ("SourceSnapshotId", "snap-1a2b3c4d"),
    ];
    fails(
        a.ec2("CopySnapshot", &parameters).await,
        400,
        "InvalidRegion",
        "not-a-region is not a valid region name.",
    );
    let plain = a.image("plain");
    let parameters = [
        ("SourceRegion", "nowhere"),
        ("SourceImageId", plain.as_str()),
        ("Name", "copy"),
    ];
    fails(
        a.ec2("CopyImage", &parameters).await,
        400,
        "InvalidRegion",
        "nowhere is not a valid region name.",
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_3_4_a_snapshot_copy_without_a_named_key_is_under_the_default_key() {
    let (a, b) = two_accounts();
    let (snapshot, _) = encrypted(&a, &b).await;
    for (caller, more) in [
        (&a, &[][..]),
        (&a, &[("Encrypted", "false")][..]),
        (&b, &[][..]),
    ] {
        let made = copy(caller, &snapshot, more).await.unwrap();
        assert_eq!(end(caller, &made).await.2, caller.aws_ebs_key().await);
    }
}

#[tokio::test(start_paused = true)]
async fn rule_7_5_a_time_based_copy_takes_15_to_2880_minutes() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshot_of("plain").await;
    for minutes in ["14", "16", "2881", "-1", "x"] {
        let message = format!(
            "'{minutes}' is not a valid value for completion duration. Specify a value between 15 \
             and 2880 minutes, in 15 minute increments only"
        );
        let duration = [("CompletionDurationMinutes", minutes)];
        fails(
            copy(&a, &snapshot, &duration).await,
            400,
            "InvalidParameterValue",
            &message,
        );
        let duration = [("SnapshotCopyCompletionDurationMinutes", minutes)];
        fails(
            a.copy(&a.image("plain"), &duration).await,
            400,
            "InvalidParameterValue",
            &message,
        );
    }
    let made = copy(&a, &snapshot, &[("CompletionDurationMinutes", "30")])
        .await
        .unwrap();
    let shown = a.describe_snapshot(&made).await;
    assert_eq!(
        (
            shown.first("transferType"),
            shown.first("completionDurationMinutes")
        ),
        ("time-based", "30")
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_6_grants_of_ec2_serve_one_copy_and_are_retired() {
    let (a, b) = two_accounts();
    let (snapshot, key) = encrypted(&a, &b).await;
    let made = copy(&b, &snapshot, &[("Encrypted", "true"), ("KmsKeyId", &key)])
        .await
        .unwrap();
    let trail = a.sim.state()["trail"].as_array().unwrap().clone();
    let steps: Vec<(&str, bool)> = trail
        .iter()
        .map(|event| {
            (
                event["action"].as_str().unwrap(),
                event["key"] == json!(key),
            )
        })
        .skip_while(|(action, _)| *action != "kms:GenerateDataKeyWithoutPlaintext")
        .collect();
    let (own, theirs) = (true, false);
    let expected = [
        ("kms:GenerateDataKeyWithoutPlaintext", own),
        ("kms:CreateGrant", own),
        ("kms:Decrypt", own),
        ("kms:RetireGrant", own),
        ("kms:CreateGrant", theirs),
        ("kms:Decrypt", theirs),
        ("kms:RetireGrant", theirs),
    ];
    assert_eq!(steps, expected);
    let grant = trail
        .iter()
        .find(|event| event["action"] == "kms:CreateGrant")
        .unwrap();
    let parameters = &grant["parameters"];
    assert_eq!(
        parameters["granteePrincipal"],
        "ec2.us-east-1.amazonaws.com"
    );
    assert_eq!(
        parameters["retiringPrincipal"],
        "ec2.us-east-1.amazonaws.com"
    );
    assert_eq!(parameters["operations"], json!(["Decrypt"]));
    assert_eq!(
        parameters["constraints"],
        json!({ "EncryptionContextEquals": { "aws:ebs:id": made } })
    );
    for (caller, key) in [(&a, a.key("golden")), (&b, key)] {
        let grants = caller.kms_json("ListGrants", json!({ "KeyId": key })).await;
        assert_eq!(grants["Grants"], Value::Array(Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_8_only_describe_key_happens_within_the_call() {
    let (a, b) = two_accounts();
    let (snapshot, key) = encrypted(&a, &b).await;
    // KMS refuses everything after that, and the call still succeeds.
    let denied = b
        .without(
            B,
            &["kms:CreateGrant", "kms:GenerateDataKeyWithoutPlaintext"],
        )
        .await;
    let made = copy(
        &denied,
        &snapshot,
        &[("Encrypted", "true"), ("KmsKeyId", &key)],
    )
    .await
    .unwrap();
    assert_eq!(end(&b, &made).await.0, "error");
}

#[tokio::test(start_paused = true)]
async fn rule_5_7_a_copy_outlives_the_session_that_started_it() {
    let (a, b) = callers(
        ami_share_sim::Scenario::two_accounts(),
        ami_share_sim::Options {
            copy_time: std::time::Duration::from_hours(2),
            ..Default::default()
        },
    );
    let (snapshot, key) = encrypted(&a, &b).await;
    let session = b.without(B, &["iam:*"]).await;
    let made = copy(
        &session,
        &snapshot,
        &[("Encrypted", "true"), ("KmsKeyId", &key)],
    )
    .await
    .unwrap();
    seconds(3601).await;
    assert_code(
        session.ec2("DescribeSnapshots", &[]).await,
        "RequestExpired",
    );
    seconds(3600).await;
    assert_eq!(end(&b, &made).await.0, "completed");
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_4_a_copy_under_the_default_key_needs_describe_key_on_it() {
    let (a, _) = two_accounts();
    let denied = a.without(A, &["kms:DescribeKey"]).await;
    for (image, more) in [("golden", &[][..]), ("plain", &[("Encrypted", "true")][..])] {
        let snapshot = a.snapshots(&a.image(image)).await.remove(0);
        let made = copy(&denied, &snapshot, more).await.unwrap();
        let (state, message, _) = end(&a, &made).await;
        assert_eq!(
            (state.as_str(), message.as_str()),
            ("error", "Given key ID is not accessible"),
            "{image}"
        );
    }
}

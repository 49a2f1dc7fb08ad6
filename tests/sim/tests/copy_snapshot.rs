//! CopySnapshot, as it was recorded.

use serde_json::{Value, json};

use super::support::*;

async fn plain(a: &Caller) -> String {
    a.snapshots(&a.image("plain")).await.remove(0)
}

async fn copy(
    who: &Caller,
    snapshot: &str,
    more: &[(&str, &str)],
) -> Result<String, ami_share_sim::wire::Fail> {
    let base = [
        ("SourceRegion", "us-east-1"),
        ("SourceSnapshotId", snapshot),
    ];
    let parameters: Vec<_> = base.iter().chain(more).copied().collect();
    Ok(who
        .ec2("CopySnapshot", &parameters)
        .await?
        .first("snapshotId")
        .to_owned())
}

/// State, `StateMessage`, and key of a snapshot when it has come to its end.
async fn end(who: &Caller, snapshot: &str) -> (String, String, String) {
    seconds(4).await;
    let shown = who
        .ec2("DescribeSnapshots", &[("SnapshotId.1", snapshot)])
        .await
        .unwrap();
    (
        shown.first("status").to_owned(),
        shown.first("statusMessage").to_owned(),
        shown.first("kmsKeyId").to_owned(),
    )
}

fn failed(why: &str) -> (String, String, String) {
    ("error".to_owned(), why.to_owned(), String::new())
}

/// A's key, open to B, a snapshot of A's under it that B may copy, and a key of B's.
async fn encrypted(a: &Caller, b: &Caller) -> (String, String) {
    a.share_key(B).await;
    let snapshot = a.snapshots(&a.image("golden")).await.remove(0);
    a.share_snapshot(&snapshot, B).await.unwrap();
    let made = b.kms("CreateKey", json!({})).await.unwrap().json();
    (
        snapshot,
        made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_4_the_destinations_key_is_looked_at_in_the_call() {
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
async fn rule_1_5_5_a_key_that_is_not_there() {
    let (a, _) = two_accounts();
    let snapshot = plain(&a).await;
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
async fn rule_1_5_6_a_disabled_key() {
    let (a, _) = two_accounts();
    let (snapshot, key) = (plain(&a).await, a.key("golden"));
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
async fn rule_1_5_7_other_denials_show_in_the_snapshot() {
    for (action, on_source) in [
        ("kms:CreateGrant", false),
        ("kms:CreateGrant", true),
        ("kms:GenerateDataKeyWithoutPlaintext", false),
    ] {
        let (a, b) = two_accounts();
        let (snapshot, key) = encrypted(&a, &b).await;
        let resource = if on_source {
            a.key("golden")
        } else {
            key.clone()
        };
        let policy = json!({ "Statement": [allow(&json!("*")), { "Effect": "Deny", "Action": action, "Resource": resource }] });
        let role = format!("arn:aws:iam::{B}:role/administrator");
        let denied = b
            .assume(&role, &[("Policy", &policy.to_string())])
            .await
            .unwrap();
        let made = copy(
            &denied,
            &snapshot,
            &[("Encrypted", "true"), ("KmsKeyId", &key)],
        )
        .await
        .unwrap();
        let (state, message, _) = end(&b, &made).await;
        assert_eq!(
            (state.as_str(), message.as_str()),
            ("error", "Given key ID is not accessible"),
            "{action}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_5_no_more_than_the_recorded_set_is_asked_for() {
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
async fn rule_1_5_8_a_source_that_is_not_there_shows_in_the_snapshot() {
    let (a, b) = two_accounts();
    let made = copy(&b, &plain(&a).await, &[]).await.unwrap();
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
async fn rule_1_5_9_a_source_that_is_pending_shows_in_the_snapshot() {
    let (a, _) = two_accounts();
    let pending = copy(&a, &plain(&a).await, &[]).await.unwrap();
    let made = copy(&a, &pending, &[]).await.unwrap();
    assert_eq!(
        end(&a, &made).await,
        failed("Source snapshot is not complete")
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_12_a_region_that_does_not_exist() {
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
async fn rule_1_3_4_without_a_named_key_a_copy_falls_to_the_default_key() {
    let (a, b) = two_accounts();
    let (snapshot, _) = encrypted(&a, &b).await;
    for (who, more) in [
        (&a, &[][..]),
        (&a, &[("Encrypted", "false")][..]),
        (&b, &[][..]),
    ] {
        let made = copy(who, &snapshot, more).await.unwrap();
        let default = who
            .kms("DescribeKey", json!({ "KeyId": "alias/aws/ebs" }))
            .await
            .unwrap()
            .json();
        assert_eq!(
            end(who, &made).await.2,
            default["KeyMetadata"]["Arn"].as_str().unwrap()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rule_7_5_time_based_copies() {
    let (a, _) = two_accounts();
    let snapshot = plain(&a).await;
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
    let shown = a
        .ec2("DescribeSnapshots", &[("SnapshotId.1", &made)])
        .await
        .unwrap();
    assert_eq!(
        (
            shown.first("transferType"),
            shown.first("completionDurationMinutes")
        ),
        ("time-based", "30")
    );
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_6_ec2s_grants_serve_one_copy_and_are_retired() {
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
    for (who, key) in [(&a, a.key("golden")), (&b, key)] {
        let grants = who
            .kms("ListGrants", json!({ "KeyId": key }))
            .await
            .unwrap()
            .json();
        assert_eq!(grants["Grants"], Value::Array(Vec::new()));
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_8_of_a_copy_only_describe_key_happens_in_the_call() {
    let (a, b) = two_accounts();
    let (snapshot, key) = encrypted(&a, &b).await;
    // Everything later is refused, and the call succeeds nevertheless.
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
    assert_eq!(
        session
            .ec2("DescribeSnapshots", &[])
            .await
            .unwrap_err()
            .code,
        "RequestExpired"
    );
    seconds(3600).await;
    assert_eq!(end(&b, &made).await.0, "completed");
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_4_a_copy_to_the_default_key_needs_to_describe_it() {
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

#[tokio::test]
async fn rule_1_6_a_snapshot_of_another_account_cannot_be_registered_shared_or_not() {
    let (a, b) = two_accounts();
    let snapshot = plain(&a).await;
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

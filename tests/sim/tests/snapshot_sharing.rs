//! Sharing of snapshots.

use serde_json::json;

use super::support::*;

/// The accounts that a snapshot is shared with.
async fn recipients(caller: &Caller, snapshot: &str) -> Vec<String> {
    let parameters = [
        ("SnapshotId", snapshot),
        ("Attribute", "createVolumePermission"),
    ];
    let shown = caller.ec2("DescribeSnapshotAttribute", &parameters).await;
    let shown = shown.unwrap();
    let accounts = shown.all("userId").into_iter();
    accounts.map(str::to_owned).collect()
}

#[tokio::test]
async fn rule_2_2_a_snapshot_is_shared_in_either_form() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshot_of("plain").await;
    let legacy = |operation: &'static str| {
        [
            ("SnapshotId", snapshot.as_str()),
            ("Attribute", "createVolumePermission"),
            ("OperationType", operation),
            ("UserId.1", B),
        ]
    };
    let modify = "ModifySnapshotAttribute";
    a.ec2(modify, &legacy("add")).await.unwrap();
    assert_eq!(recipients(&a, &snapshot).await, [B]);
    // If both forms are there, the modern one wins, whatever the older one says (recorded).
    let both = [
        ("SnapshotId", snapshot.as_str()),
        ("Attribute", "nonsense"),
        ("OperationType", "remove"),
        ("UserId.1", B),
        ("CreateVolumePermission.Add.1.UserId", B),
    ];
    a.ec2(modify, &both).await.unwrap();
    assert_eq!(recipients(&a, &snapshot).await, [B]);
    a.ec2(modify, &legacy("remove")).await.unwrap();
    assert!(recipients(&a, &snapshot).await.is_empty());
}

#[tokio::test]
async fn rule_2_2_sharing_a_snapshot_needs_one_attribute_and_one_operation() {
    let (a, _) = two_accounts();
    let snapshot = a.snapshot_of("plain").await;
    let id = ("SnapshotId", snapshot.as_str());
    let (add, account) = (("OperationType", "add"), ("UserId.1", B));
    let permission = ("Attribute", "createVolumePermission");
    let replace = ("OperationType", "replace");
    let table: [(Parameters<'_>, &str, &str); 4] = [
        (
            &[id, ("Attribute", "productCodes"), add, account],
            "InvalidParameterValue",
            "Unrecognized attribute.",
        ),
        (
            &[id, permission, replace, account],
            "InvalidParameterCombination",
            "No operation specified for createVolumePermission attribute.",
        ),
        (
            &[id],
            "InvalidParameterCombination",
            "No attributes specified.",
        ),
        (
            &[id, add, account],
            "MissingParameter",
            "Value for parameter attribute is invalid. Parameter may not be null or empty.",
        ),
    ];
    for (parameters, code, message) in table {
        let refused = a.ec2("ModifySnapshotAttribute", parameters).await;
        fails(refused, 400, code, message);
    }
}

#[tokio::test]
async fn rule_2_20_snapshots_have_their_own_errors() {
    let (a, b) = two_accounts();
    let snapshot = a.snapshot_of("plain").await;
    let both = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.UserId", B),
        ("CreateVolumePermission.Remove.1.UserId", A),
    ];
    let one = "One and only one operation type may be specified for createVolumePermissions";
    fails(
        a.ec2("ModifySnapshotAttribute", &both).await,
        400,
        "InvalidParameterCombination",
        one,
    );
    fails(
        a.share_snapshot(&snapshot, "123").await,
        400,
        "InvalidAMIAttributeItemValue",
        "UserId 123",
    );
    let group = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.Group", "some"),
    ];
    fails(
        a.ec2("ModifySnapshotAttribute", &group).await,
        400,
        "InvalidAMIAttributeItemValue",
        "UserGroup some",
    );
    let message = format!("The snapshot '{snapshot}' does not exist.");
    fails(
        b.share_snapshot(&snapshot, B).await,
        400,
        "InvalidSnapshot.NotFound",
        &message,
    );
    let malformed = "Value ( snap-00000000000000000 ) for parameter SNAPSHOT is invalid. ";
    let zeros = "snap-00000000000000000";
    fails(
        a.share_snapshot(zeros, B).await,
        400,
        "InvalidSnapshotID.Malformed",
        malformed,
    );
    // A dry run does not see who owns the snapshot.
    let dry = [
        ("SnapshotId", snapshot.as_str()),
        ("CreateVolumePermission.Add.1.UserId", B),
        ("DryRun", "true"),
    ];
    assert_code(
        b.ec2("ModifySnapshotAttribute", &dry).await,
        "DryRunOperation",
    );
}

#[tokio::test]
async fn rule_2_20_ec2_checks_the_attribute_first_and_the_id_last() {
    let (describe, reset) = ("DescribeSnapshotAttribute", "ResetSnapshotAttribute");
    let (a, _) = two_accounts();
    let actions = [
        "ec2:DescribeSnapshotAttribute",
        "ec2:ResetSnapshotAttribute",
    ];
    let denied = a.without(A, &actions).await;
    let snapshot = a.snapshot_of("plain").await;
    let permission = "createVolumePermission";
    for (operation, attribute, known) in [
        (describe, "invalid", false),
        (describe, "", false),
        (describe, permission, true),
        (describe, "productCodes", true),
        (reset, "productCodes", false),
        (reset, "invalid", false),
        (reset, permission, true),
    ] {
        for id in [snapshot.as_str(), "bad", "snap-00000000000000000"] {
            let case = format!("{operation} {attribute} {id}");
            let parameters = [
                ("SnapshotId", id),
                ("Attribute", attribute),
                ("DryRun", "true"),
            ];
            let allowed = a.ec2(operation, &parameters).await.unwrap_err();
            let refused = denied.ec2(operation, &parameters).await.unwrap_err();
            if !known {
                assert_eq!(allowed.code, "InvalidRequest", "{case}");
                assert_eq!(refused.code, "InvalidRequest", "{case}");
                continue;
            }
            assert_eq!(allowed.code, "DryRunOperation", "{case}");
            assert_eq!(refused.code, "UnauthorizedOperation", "{case}");
            if id != snapshot {
                let message = refused.message;
                assert!(message.contains("::snapshot/* "), "{message}");
            }
        }
    }
    let bad = [("SnapshotId", "bad"), ("Attribute", permission)];
    let message = "Value (bad) for parameter snapshotId is invalid. Expected: 'snap-...'.";
    let refused = a.ec2(describe, &bad).await;
    fails(refused, 400, "InvalidParameterValue", message);
}

#[tokio::test]
async fn rule_2_23_a_visible_snapshot_shows_its_key() {
    let (a, b) = two_accounts();
    let snapshot = a.snapshot_of("golden").await;
    a.share_snapshot(&snapshot, B).await.unwrap();
    let shown = b.describe_snapshot(&snapshot).await;
    assert_eq!(
        (shown.first("kmsKeyId"), shown.first("ownerId")),
        (a.key("golden").as_str(), A)
    );
    assert!(
        b.kms("DescribeKey", json!({ "KeyId": a.key("golden") }))
            .await
            .is_err()
    );
}

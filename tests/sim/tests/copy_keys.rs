//! The key that CopyImage puts a copy under, and what that needs.

use ami_share_sim::world::{Key, KeyState};
use serde_json::json;

use super::support::*;

/// The keys that the snapshots of an image are under; `none` for unencrypted ones.
async fn keys_of(caller: &Caller, image: &str) -> Vec<String> {
    let mut keys = Vec::new();
    for snapshot in caller.snapshots(image).await {
        let shown = caller.describe_snapshot(&snapshot).await;
        keys.push(if shown.first("encrypted") == "true" {
            shown.first("kmsKeyId").to_owned()
        } else {
            "none".to_owned()
        });
    }
    keys
}

#[tokio::test]
async fn rule_1_3_1_a_key_without_encrypted_is_refused() {
    let (a, _) = two_accounts();
    let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
    let result = a
        .copy_as(&a.image("plain"), &[("KmsKeyId", "alias/golden")])
        .await;
    fails(result, 400, "InvalidParameterDependency", message);
}

#[tokio::test]
async fn rule_1_3_2_an_encrypted_snapshot_has_no_unencrypted_copy() {
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
async fn rule_1_3_3_a_copy_without_parameters_keeps_the_key_of_own_snapshots_only() {
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
        [b.aws_ebs_key().await, b.aws_ebs_key().await]
    );
}

#[tokio::test]
async fn rule_1_3_4_a_copy_with_a_key_arn_is_under_that_key() {
    let (a, _) = two_accounts();
    // In another Region the copy cannot keep the source's key. It gets one that can never be
    // shared.
    let ireland = a.in_region("eu-west-1");
    let copy = ireland.copy_as(&a.image("golden"), &[]).await.unwrap();
    assert_eq!(
        keys_of(&ireland, &copy).await[0],
        ireland.aws_ebs_key().await
    );
    let copy = a.copy(&a.image("golden"), &[]).await.unwrap();
    assert_eq!(keys_of(&a, &copy).await, [a.key("golden"), a.key("golden")]);
}

#[tokio::test]
async fn rule_1_3_5_a_copy_with_encrypted_alone_is_under_the_default_key() {
    let (a, _) = two_accounts();
    let copy = a
        .copy_as(&a.image("plain"), &[("Encrypted", "true")])
        .await
        .unwrap();
    assert_eq!(keys_of(&a, &copy).await, [a.aws_ebs_key().await]);
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
async fn rule_1_3_6_a_key_has_id_alias_or_arn_and_must_be_symmetric_and_in_the_region() {
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
    let spoil: [fn(&mut Key); 3] = [
        |key| key.spec = "RSA_2048".to_owned(),
        |key| key.region = "eu-west-1".to_owned(),
        |key| key.state = KeyState::Disabled,
    ];
    for change in spoil {
        let (a, _) = two_accounts();
        a.sim
            .edit(|world| change(world.keys.get_mut(&arn).unwrap()));
        let copy = a.copy(&a.image("plain"), &[]).await.unwrap();
        assert_eq!(a.end_of_copy(&copy).await.0, "failed");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_2_a_copy_needs_every_published_action_and_as_recorded_fewer() {
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
                a.end_of_copy(&copy).await.0,
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
    assert_eq!(a.end_of_copy(&copy).await.0, "available");
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_2_a_copy_without_access_to_a_key_fails_later() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    a.put_whole_policy(&policy_of(&[root_statement()]))
        .await
        .unwrap();
    let copy = b.copy_as(&golden, &[("Encrypted", "true")]).await.unwrap();
    let (state, of_image, of_snapshot) = b.end_of_copy(&copy).await;
    assert_eq!(state, "failed");
    assert_eq!(
        of_image,
        "AMI snapshot copy failed with error: Given key ID is not accessible. You must have \
         DescribeKey permissions on the default CMK"
    );
    assert_eq!(of_snapshot, "Given key ID is not accessible");
}

#[tokio::test(start_paused = true)]
async fn rule_1_5_3_a_copy_under_an_unknown_key_fails_later() {
    let (a, _) = two_accounts();
    let copy = a
        .copy_as(
            &a.image("plain"),
            &[("Encrypted", "true"), ("KmsKeyId", "alias/none")],
        )
        .await
        .unwrap();
    let message = "AMI snapshot copy failed with error: The specified keyId alias/none is invalid";
    assert_eq!(a.end_of_copy(&copy).await.1, message);
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_4_an_encrypted_source_needs_the_callers_default_key() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let own = b.create_key().await;
    let default = b.aws_ebs_key().await;
    let denied = b.without_on(B, "kms:DescribeKey", &default).await;
    let copy = denied.copy_under(&golden, &own, &[]).await.unwrap();
    let (state, reason, _) = b.end_of_copy(&copy).await;
    assert_eq!(state, "failed");
    assert!(reason.ends_with("You must have DescribeKey permissions on the default CMK"));
    let copy = b.copy_under(&golden, &own, &[]).await.unwrap();
    assert_eq!(b.end_of_copy(&copy).await.0, "available");
}

#[tokio::test(start_paused = true)]
async fn rule_1_4_3_the_published_key_policy_lets_other_accounts_copy() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let direct = [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:DescribeKey",
    ];
    let grants = ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"];
    let for_aws = json!({ "Bool": { "kms:GrantIsForAWSResource": "true" } });
    let policy = policy_of(&[
        root_statement(),
        allow_to_if(root(B), direct.as_slice(), json!({})),
        allow_to_if(root(B), grants.as_slice(), for_aws),
    ]);
    a.put_whole_policy(&policy).await.unwrap();
    let copy = b.copy_as(&golden, &[("Encrypted", "true")]).await.unwrap();
    seconds(4).await;
    assert_eq!(b.state(&copy).await, "available");
}

#[tokio::test(start_paused = true)]
async fn rule_1_3_8_a_copy_can_be_under_the_key_of_another_account() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share_wholly(&golden, B).await;
    let copy = b.copy_under(&golden, &a.key("golden"), &[]).await.unwrap();
    seconds(4).await;
    assert_eq!(b.state(&copy).await, "available");
    // An alias, as a bare ID, means a key of the caller.
    let copy = b.copy_under(&golden, "alias/golden", &[]).await.unwrap();
    assert_eq!(b.end_of_copy(&copy).await.0, "failed");
}

#[tokio::test(start_paused = true)]
async fn rule_1_3_1_a_blank_key_is_no_key() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let copy = a.copy_as(&plain, &[("KmsKeyId", "")]).await.unwrap();
    let encrypted = a
        .copy_as(&plain, &[("KmsKeyId", ""), ("Encrypted", "true")])
        .await
        .unwrap();
    seconds(4).await;
    for (image, expected) in [(copy, "false"), (encrypted, "true")] {
        let shown = a.describe_image(&image).await;
        assert_eq!(
            (shown.first("imageState"), shown.first("encrypted")),
            ("available", expected)
        );
    }
}

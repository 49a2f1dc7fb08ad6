//! Who may use a key.

use ami_share_sim::world::KeyState;
use serde_json::json;

use super::support::*;

#[tokio::test]
async fn rule_3_1_1_use_across_accounts_needs_both_accounts() {
    let (a, b) = two_accounts();
    let describe = json!({ "KeyId": a.key("golden") });
    // The permissions of B's administrator are not enough.
    assert_code(
        b.kms("DescribeKey", describe.clone()).await,
        "AccessDeniedException",
    );
    a.share_key(B).await;
    b.kms("DescribeKey", describe.clone()).await.unwrap();
    // The key policy alone is not enough either: for a principal without permission in its own
    // account…
    let bare = b.role(B, "bare", &allow("s3:*")).await;
    let fail = bare.kms("DescribeKey", describe.clone()).await.unwrap_err();
    assert!(
        fail.message
            .ends_with("because no identity-based policy allows the kms:DescribeKey action"),
        "{fail:?}"
    );
    // … or one whose permission is denied.
    let fail = b
        .without(B, &["kms:DescribeKey"])
        .await
        .kms("DescribeKey", describe)
        .await
        .unwrap_err();
    assert!(
        fail.message
            .ends_with("with an explicit deny in a session policy"),
        "{fail:?}"
    );
}

#[tokio::test]
async fn rule_3_1_2_a_key_policy_cannot_be_read_or_written_from_another_account() {
    let (a, b) = two_accounts();
    a.put_policy(allow_to(root(B), "kms:*")).await.unwrap();
    let key = a.key("golden");
    b.kms("DescribeKey", json!({ "KeyId": key })).await.unwrap();
    b.kms("ListGrants", json!({ "KeyId": key })).await.unwrap();
    for (operation, parameters) in [
        (
            "GetKeyPolicy",
            json!({ "KeyId": key, "PolicyName": "default" }),
        ),
        (
            "PutKeyPolicy",
            json!({ "KeyId": key, "PolicyName": "default", "Policy": "{}" }),
        ),
    ] {
        assert_eq!(
            b.kms(operation, parameters).await.unwrap_err().code,
            "AccessDeniedException",
            "{operation}"
        );
    }
    let aliases = b.kms_json("ListAliases", json!({})).await;
    assert!(!aliases.to_string().contains("golden"));
}

#[tokio::test]
async fn rule_3_1_3_the_key_policy_decides_all_access() {
    let (a, _) = two_accounts();
    let key = json!({ "KeyId": a.key("golden") });
    let role = role_arn(A, "publisher");
    let publisher = a.assume(&role, &[]).await.unwrap();
    publisher.kms("DescribeKey", key.clone()).await.unwrap();
    // The administrator keeps access. The root statement, which lets IAM decide, is gone.
    let administrator = allow_to(format!("arn:aws:iam::{A}:user/admin"), "kms:*");
    let only = |principal: &str, action: &str| {
        policy_of(&[administrator.clone(), allow_to(principal, action)])
    };
    let policy = only(&root(B), "kms:DescribeKey");
    a.put_whole_policy(&policy).await.unwrap();
    let refused = publisher.kms("DescribeKey", key.clone()).await;
    assert_code(refused, "AccessDeniedException");
    // A principal that the key policy names needs no IAM.
    let policy = only(&role, "kms:ListGrants");
    a.put_whole_policy(&policy).await.unwrap();
    publisher.kms("ListGrants", key.clone()).await.unwrap();
    let policy = only("*", "kms:ListGrants");
    a.put_whole_policy(&policy).await.unwrap();
    publisher.kms("ListGrants", key).await.unwrap();
}

#[tokio::test]
async fn rule_3_1_4_ids_and_aliases_mean_keys_of_the_caller() {
    let (a, b) = two_accounts();
    a.share_key(B).await;
    let id = a.key("golden").rsplit('/').next().unwrap().to_owned();
    let alias_arn = format!("arn:aws:kms:us-east-1:{A}:alias/golden");
    for key in [id.as_str(), "alias/golden"] {
        a.kms("DescribeKey", json!({ "KeyId": key })).await.unwrap();
        assert_code(
            b.kms("DescribeKey", json!({ "KeyId": key })).await,
            "NotFoundException",
        );
    }
    b.kms("DescribeKey", json!({ "KeyId": alias_arn }))
        .await
        .unwrap();
    for alias in ["alias/golden", &alias_arn] {
        let parameters = json!({ "KeyId": alias, "PolicyName": "default" });
        assert!(a.kms("GetKeyPolicy", parameters).await.is_err(), "{alias}");
    }
}

#[tokio::test]
async fn rule_3_1_6_an_aws_managed_key_serves_its_account_through_ec2_only() {
    let (a, _) = two_accounts();
    let shown = a.describe_key("alias/aws/ebs").await.unwrap().json();
    assert_eq!(shown["KeyMetadata"]["KeyManager"], "AWS");
    let mut key = json!({ "KeyId": shown["KeyMetadata"]["Arn"], "PolicyName": "default" });
    let answer = a.kms_json("GetKeyPolicy", key.clone()).await;
    let policy = answer["Policy"].as_str().unwrap();
    assert!(policy.contains("kms:ViaService"));
    key["Policy"] = policy_of(&[root_statement()]).into();
    assert_code(a.kms("PutKeyPolicy", key).await, "AccessDeniedException");
}

#[tokio::test]
async fn rule_3_1_7_a_key_shared_through_ec2_only_refuses_direct_calls() {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    let actions = json!([
        "kms:DescribeKey",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:CreateGrant"
    ]);
    let condition = json!({
        "StringLike": { "kms:ViaService": "ec2.*.amazonaws.com" },
        "StringEquals": { "kms:CallerAccount": B },
        "BoolIfExists": { "kms:GrantIsForAWSResource": "true" },
    });
    a.put_policy(allow_to_if(root(B), actions, condition))
        .await
        .unwrap();
    a.share(&golden, B).await.unwrap();
    assert_code(
        b.kms("DescribeKey", json!({ "KeyId": a.key("golden") }))
            .await,
        "AccessDeniedException",
    );
    assert_eq!(b.launch(&golden, &[]).await.unwrap().0, "running");
}

#[tokio::test]
async fn rule_3_1_8_a_denial_of_kms_names_principal_action_key_and_reason() {
    let (a, b) = two_accounts();
    let key = a.key("golden");
    // Across accounts the message does not name the key.
    let message = format!(
        "User: arn:aws:iam::{B}:user/admin is not authorized to perform: kms:DescribeKey on this \
         resource because the resource does not exist in this Region, no resource-based policies \
         allow access, or a resource-based policy explicitly denies access"
    );
    fails(
        b.kms("DescribeKey", json!({ "KeyId": key })).await,
        400,
        "AccessDeniedException",
        &message,
    );
    let role = role_arn(A, "publisher");
    let publisher = a.assume(&role, &[]).await.unwrap();
    let message = format!(
        "User: arn:aws:sts::{A}:assumed-role/publisher/test is not authorized to perform: \
         kms:ListGrants on resource: {key} because no identity-based policy allows the \
         kms:ListGrants action"
    );
    fails(
        publisher.kms("ListGrants", json!({ "KeyId": key })).await,
        400,
        "AccessDeniedException",
        &message,
    );
}

#[tokio::test(start_paused = true)]
async fn rule_3_4_a_disabled_key_shows_itself_and_serves_no_cryptography() {
    for state in [
        KeyState::Disabled,
        KeyState::PendingDeletion,
        KeyState::PendingImport,
        KeyState::Unavailable,
        KeyState::Creating,
    ] {
        let (a, _) = two_accounts();
        let key = a.key("golden");
        a.sim
            .edit(|world| world.keys.get_mut(&key).unwrap().state = state);
        let shown = a.kms_json("DescribeKey", json!({ "KeyId": key })).await;
        assert_eq!(
            (
                &shown["KeyMetadata"]["KeyState"],
                &shown["KeyMetadata"]["Enabled"]
            ),
            (&state.as_str().into(), &false.into())
        );
        a.kms("GetKeyPolicy", json!({ "KeyId": key }))
            .await
            .unwrap();
        a.kms("ListGrants", json!({ "KeyId": key })).await.unwrap();
        a.share_key(B).await;
        assert_eq!(
            a.launch(&a.image("golden"), &[]).await.unwrap().0,
            "terminated"
        );
    }
}

#[tokio::test]
async fn rule_3_1_1_a_grant_replaces_a_statement_of_the_key_policy() {
    let (a, b) = two_accounts();
    let key = a.key("golden");
    let denied = b.without(B, &["kms:DescribeKey"]).await;
    let grant = json!({ "KeyId": key, "GranteePrincipal": root(B), "Operations": ["DescribeKey"] });
    a.kms("CreateGrant", grant).await.unwrap();
    b.kms("DescribeKey", json!({ "KeyId": key })).await.unwrap();
    assert!(
        denied
            .kms("DescribeKey", json!({ "KeyId": key }))
            .await
            .is_err()
    );
    let listed = b.kms("ListGrants", json!({ "KeyId": key })).await;
    assert_code(listed, "AccessDeniedException");
    let made = a.kms_json("CreateKey", json!({})).await;
    a.kms(
        "GetKeyPolicy",
        json!({ "KeyId": made["KeyMetadata"]["KeyId"] }),
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn rule_3_8_keys_and_their_policies_are_listed_in_pages() {
    let (a, b) = scenario(|scenario| {
        for key in &mut scenario.keys {
            key.ram_policy = Some(json!({ "Statement": [] }));
        }
    });
    let of_a = a.kms_json("ListKeys", json!({})).await;
    let keys = of_a["Keys"].as_array().unwrap();
    assert!(keys.iter().any(|key| key["KeyArn"] == a.key("golden")));
    assert!(keys.iter().all(|key| key["KeyArn"].to_string().contains(A)));
    let page = a.kms_json("ListKeys", json!({ "Limit": 1 })).await;
    assert_eq!(page["Keys"].as_array().unwrap().len(), 1);
    assert_eq!(page["Truncated"], keys.len() > 1);
    assert_code(
        a.kms("ListKeys", json!({ "Limit": 1001 })).await,
        "ValidationException",
    );

    let parameters = json!({ "KeyId": a.key("golden") });
    let shown = a.kms_json("ListKeyPolicies", parameters.clone()).await;
    assert_eq!(shown["PolicyNames"], json!(["default", "AWS_RAM"]));
    // Another account's IAM does not help.
    assert_code(
        b.kms("ListKeyPolicies", parameters.clone()).await,
        "AccessDeniedException",
    );
    let without = a.without(A, &["kms:ListKeyPolicies", "kms:ListKeys"]).await;
    for operation in ["ListKeyPolicies", "ListKeys"] {
        let answer = without.kms(operation, parameters.clone()).await;
        assert_code(answer, "AccessDeniedException");
    }
}

#[tokio::test]
async fn rule_3_9_description_of_a_key_changes_until_it_is_to_be_deleted() {
    let (a, _) = two_accounts();
    let key = a.key("golden");
    let change = json!({ "KeyId": key, "Description": "of images" });
    a.kms("UpdateKeyDescription", change.clone()).await.unwrap();
    let shown = a.kms_json("DescribeKey", json!({ "KeyId": key })).await;
    assert_eq!(shown["KeyMetadata"]["Description"], "of images");
    a.kms("ScheduleKeyDeletion", json!({ "KeyId": key }))
        .await
        .unwrap();
    assert_code(
        a.kms("UpdateKeyDescription", change).await,
        "KMSInvalidStateException",
    );
}

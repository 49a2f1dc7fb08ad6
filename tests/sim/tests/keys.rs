//! KMS: who may use a key, and what becomes of its policy.

use ami_share_sim::world::KeyState;
use serde_json::{Value, json};

use super::support::*;

fn principal(arn: &str, actions: &Value, condition: &Value) -> Value {
    json!({ "Effect": "Allow", "Principal": { "AWS": arn }, "Action": actions, "Resource": "*", "Condition": condition })
}

#[tokio::test]
async fn rule_3_1_1_across_accounts_both_sides_must_allow() {
    let (a, b) = two_accounts();
    let describe = json!({ "KeyId": a.key("golden") });
    // B's administrator's own permission is not enough.
    assert_eq!(
        b.kms("DescribeKey", describe.clone())
            .await
            .unwrap_err()
            .code,
        "AccessDeniedException"
    );
    a.share_key(B).await;
    b.kms("DescribeKey", describe.clone()).await.unwrap();
    // The key policy alone is not enough either: neither for somebody who has no permission of his
    // own account…
    let bare = b.role(B, "bare", &allow(&json!("s3:*"))).await;
    let fail = bare.kms("DescribeKey", describe.clone()).await.unwrap_err();
    assert!(
        fail.message
            .ends_with("because no identity-based policy allows the kms:DescribeKey action"),
        "{fail:?}"
    );
    // … nor for somebody whom it is denied.
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
async fn rule_3_1_2_key_policies_cannot_be_read_or_written_from_another_account() {
    let (a, b) = two_accounts();
    a.put_policy(principal(&root(B), &json!("kms:*"), &json!({})))
        .await
        .unwrap();
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
    let aliases = b.kms("ListAliases", json!({})).await.unwrap().json();
    assert!(!aliases.to_string().contains("golden"));
}

#[tokio::test]
async fn rule_3_1_3_the_key_policy_is_the_root_of_all_access() {
    let (a, _) = two_accounts();
    let describe = json!({ "KeyId": a.key("golden") });
    let role = format!("arn:aws:iam::{A}:role/publisher");
    let publisher = a.assume(&role, &[]).await.unwrap();
    publisher
        .kms("DescribeKey", describe.clone())
        .await
        .unwrap();
    // Without the statement that delegates to IAM, IAM gives nothing; named directly, no IAM is
    // needed.
    let only = |principal: &str, action: &str| {
        let keeper = json!({ "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{A}:user/admin") }, "Action": "kms:*", "Resource": "*" });
        let named = json!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": action, "Resource": "*" });
        json!({ "KeyId": a.key("golden"), "PolicyName": "default", "Policy": json!({ "Statement": [keeper, named] }).to_string() })
    };
    a.kms("PutKeyPolicy", only(&root(B), "kms:DescribeKey"))
        .await
        .unwrap();
    assert_eq!(
        publisher
            .kms("DescribeKey", describe.clone())
            .await
            .unwrap_err()
            .code,
        "AccessDeniedException"
    );
    a.kms("PutKeyPolicy", only(&role, "kms:ListGrants"))
        .await
        .unwrap();
    publisher.kms("ListGrants", describe.clone()).await.unwrap();
    a.kms("PutKeyPolicy", only("*", "kms:ListGrants"))
        .await
        .unwrap();
    publisher.kms("ListGrants", describe).await.unwrap();
}

#[tokio::test]
async fn rule_3_1_4_ids_and_aliases_mean_keys_of_the_caller() {
    let (a, b) = two_accounts();
    a.share_key(B).await;
    let id = a.key("golden").rsplit('/').next().unwrap().to_owned();
    let alias_arn = format!("arn:aws:kms:us-east-1:{A}:alias/golden");
    for key in [id.as_str(), "alias/golden"] {
        a.kms("DescribeKey", json!({ "KeyId": key })).await.unwrap();
        assert_eq!(
            b.kms("DescribeKey", json!({ "KeyId": key }))
                .await
                .unwrap_err()
                .code,
            "NotFoundException"
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
async fn rule_3_1_6_an_aws_managed_key_is_for_its_account_through_ec2_and_cannot_be_edited() {
    let (a, _) = two_accounts();
    let answer = a
        .kms("DescribeKey", json!({ "KeyId": "alias/aws/ebs" }))
        .await
        .unwrap()
        .json();
    assert_eq!(answer["KeyMetadata"]["KeyManager"], "AWS");
    let parameters = json!({ "KeyId": answer["KeyMetadata"]["Arn"], "PolicyName": "default" });
    let policy = a
        .kms("GetKeyPolicy", parameters.clone())
        .await
        .unwrap()
        .json();
    assert!(
        policy["Policy"]
            .as_str()
            .unwrap()
            .contains("kms:ViaService")
    );
    let mut put = parameters;
    put["Policy"] = json!({ "Statement": [root_statement()] })
        .to_string()
        .into();
    assert_eq!(
        a.kms("PutKeyPolicy", put).await.unwrap_err().code,
        "AccessDeniedException"
    );
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
    a.put_policy(principal(&root(B), &actions, &condition))
        .await
        .unwrap();
    a.share(&golden, B).await.unwrap();
    assert_eq!(
        b.kms("DescribeKey", json!({ "KeyId": a.key("golden") }))
            .await
            .unwrap_err()
            .code,
        "AccessDeniedException"
    );
    assert_eq!(b.launch(&golden, &[]).await.unwrap().0, "running");
}

#[tokio::test]
async fn rule_3_1_8_a_denial_says_who_what_on_what_and_why() {
    let (a, b) = two_accounts();
    let key = a.key("golden");
    // Across accounts the key is not named.
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
    let role = format!("arn:aws:iam::{A}:role/publisher");
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

#[tokio::test]
async fn rule_3_2_1_a_put_replaces_the_whole_document() {
    let (a, _) = two_accounts();
    a.share_key(B).await;
    a.put_policy(json!({ "Sid": "Other", "Effect": "Allow", "Principal": { "AWS": root("333333333333") }, "Action": "kms:DescribeKey", "Resource": "*" })).await.unwrap();
    let policy = a
        .kms(
            "GetKeyPolicy",
            json!({ "KeyId": a.key("golden"), "PolicyName": "default" }),
        )
        .await
        .unwrap()
        .json();
    let text = policy["Policy"].as_str().unwrap();
    assert!(text.contains("Other") && !text.contains("Use"));
    let other = json!({ "KeyId": a.key("golden"), "PolicyName": "other" });
    assert_eq!(
        a.kms("GetKeyPolicy", other).await.unwrap_err().code,
        "NotFoundException"
    );
}

#[tokio::test]
async fn rule_3_2_2_a_policy_has_at_most_32_kilobytes() {
    let (a, _) = two_accounts();
    let sized = |extra: usize| {
        let policy =
            json!({ "Id": "x".repeat(extra), "Statement": [root_statement()] }).to_string();
        (
            policy.len(),
            json!({ "KeyId": a.key("golden"), "PolicyName": "default", "Policy": policy }),
        )
    };
    let (base, _) = sized(0);
    let (size, fits) = sized(32_768 - base);
    assert_eq!(size, 32_768);
    a.kms("PutKeyPolicy", fits).await.unwrap();
    assert_eq!(
        a.kms("PutKeyPolicy", sized(32_769 - base).1)
            .await
            .unwrap_err()
            .code,
        "LimitExceededException"
    );
}

#[tokio::test]
async fn rule_3_2_3_a_policy_is_latin_1() {
    let (a, _) = two_accounts();
    let put = |id: &str| {
        let policy = format!(r#"{{"Id":"{id}","Statement":[{}]}}"#, root_statement());
        json!({ "KeyId": a.key("golden"), "PolicyName": "default", "Policy": policy })
    };
    a.kms("PutKeyPolicy", put("with blanks, ÿ and \\u4e2d"))
        .await
        .unwrap();
    assert_eq!(
        a.kms("PutKeyPolicy", put("中")).await.unwrap_err().code,
        "ValidationException"
    );
}

#[tokio::test]
async fn rule_3_2_4_principals_must_exist() {
    let (a, _) = two_accounts();
    a.sim
        .edit(|world| world.nonexistent_accounts.insert("999999999999".to_owned()));
    let message = "Policy contains a statement with one or more invalid principals.";
    for nobody in [
        root("999999999999"),
        format!("arn:aws:iam::{A}:role/none"),
        "nonsense".to_owned(),
        "arn:aws:iam::12:root".to_owned(),
    ] {
        let put = a
            .put_policy(principal(&nobody, &json!("kms:Decrypt"), &json!({})))
            .await;
        fails(put, 400, "MalformedPolicyDocumentException", message);
    }
    for somebody in [
        root(B),
        B.to_owned(),
        format!("arn:aws:iam::{B}:role/launcher"),
        "*".to_owned(),
    ] {
        a.put_policy(principal(&somebody, &json!("kms:Decrypt"), &json!({})))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn rule_3_2_5_nobody_locks_himself_out() {
    let (a, _) = two_accounts();
    let policy = json!({ "Statement": [principal(&root(A), &json!("kms:Decrypt"), &json!({}))] })
        .to_string();
    let put = json!({ "KeyId": a.key("golden"), "PolicyName": "default", "Policy": policy });
    let message = "The new key policy will not allow you to update the key policy in the future.";
    fails(
        a.kms("PutKeyPolicy", put).await,
        400,
        "MalformedPolicyDocumentException",
        message,
    );
}

#[tokio::test]
async fn rule_3_2_6_what_a_deleted_role_left_cannot_be_written_back() {
    let (a, _) = two_accounts();
    let put = a
        .put_policy(principal(
            "AROAEXAMPLEEXAMPLE01",
            &json!("kms:Decrypt"),
            &json!({}),
        ))
        .await;
    assert_eq!(put.unwrap_err().code, "MalformedPolicyDocumentException");
}

#[tokio::test(start_paused = true)]
async fn rule_3_2_7_a_read_may_be_stale() {
    let (a, _) = two_accounts();
    let read = json!({ "KeyId": a.key("golden"), "PolicyName": "default" });
    let before = a.kms("GetKeyPolicy", read.clone()).await.unwrap().json();
    seconds(10).await;
    a.share_key(B).await;
    seconds(1).await;
    let order = r#"{"operation":"kms:GetKeyPolicy","call":1,"effect":{"stale":{"seconds":2}}}"#;
    a.sim.fault(serde_json::from_str(order).unwrap());
    assert_eq!(
        a.kms("GetKeyPolicy", read.clone()).await.unwrap().json(),
        before
    );
    assert_ne!(a.kms("GetKeyPolicy", read).await.unwrap().json(), before);
}

#[tokio::test(start_paused = true)]
async fn rule_3_4_a_key_that_does_not_work_still_shows_itself() {
    for state in [
        KeyState::Disabled,
        KeyState::PendingDeletion,
        KeyState::PendingImport,
    ] {
        let (a, _) = two_accounts();
        let key = a.key("golden");
        a.sim
            .edit(|world| world.keys.get_mut(&key).unwrap().state = state);
        let shown = a
            .kms("DescribeKey", json!({ "KeyId": key }))
            .await
            .unwrap()
            .json();
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
async fn rule_3_1_1_a_grant_stands_in_for_the_key_policy() {
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
    assert_eq!(listed.unwrap_err().code, "AccessDeniedException");
    let made = a.kms("CreateKey", json!({})).await.unwrap().json();
    a.kms(
        "GetKeyPolicy",
        json!({ "KeyId": made["KeyMetadata"]["KeyId"] }),
    )
    .await
    .unwrap();
}

#[tokio::test]
async fn rule_3_2_8_what_ram_shares_is_rams_business() {
    let (a, _) = two_accounts();
    let key = a.key("golden");
    let message = "The AWS_RAM policy can only be managed by the RAM service";
    let put = json!({ "KeyId": key, "PolicyName": "AWS_RAM", "Policy": "{}" });
    fails(
        a.kms("PutKeyPolicy", put).await,
        400,
        "ValidationException",
        message,
    );
    let get = json!({ "KeyId": key, "PolicyName": "AWS_RAM" });
    assert_eq!(
        a.kms("GetKeyPolicy", get).await.unwrap_err().code,
        "NotFoundException"
    );
}

#[tokio::test]
async fn rule_3_2_9_a_statement_without_effect_is_accepted() {
    let (a, b) = two_accounts();
    for useless in [
        json!({ "Effect": "Allow", "Principal": { "AWS": root(B) }, "Action": "s3:GetObject", "Resource": "*" }),
        json!({ "Effect": "Allow", "Principal": { "AWS": root(B) }, "Action": "kms:*", "Resource": "arn:aws:kms:us-east-1:1:key/other" }),
    ] {
        a.put_policy(useless).await.unwrap();
        assert!(
            b.kms("DescribeKey", json!({ "KeyId": a.key("golden") }))
                .await
                .is_err()
        );
    }
}

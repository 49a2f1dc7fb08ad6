//! Key policies: which documents KMS accepts, and what it answers.

use serde_json::json;

use super::support::*;

#[tokio::test]
async fn rule_3_2_1_put_key_policy_replaces_the_whole_document() {
    let (a, _) = two_accounts();
    let key = a.key("golden");
    a.share_key(B).await;
    let mut other = allow_to(root("333333333333"), "kms:DescribeKey");
    other["Sid"] = json!("Other");
    a.put_policy(other).await.unwrap();
    let read = json!({ "KeyId": key, "PolicyName": "default" });
    let answer = a.kms_json("GetKeyPolicy", read).await;
    let text = answer["Policy"].as_str().unwrap();
    assert!(text.contains("Other") && !text.contains("Use"));
    let other = json!({ "KeyId": key, "PolicyName": "other" });
    assert_code(a.kms("GetKeyPolicy", other).await, "NotFoundException");
}

#[tokio::test]
async fn rule_3_2_2_a_policy_has_at_most_32_kilobytes() {
    let (a, _) = two_accounts();
    let with_id = |length: usize| {
        json!({ "Id": "x".repeat(length), "Statement": [root_statement()] }).to_string()
    };
    let base = with_id(0).len();
    let largest = with_id(32_768 - base);
    assert_eq!(largest.len(), 32_768);
    a.put_whole_policy(&largest).await.unwrap();
    let refused = a.put_whole_policy(&with_id(32_769 - base)).await;
    assert_code(refused, "LimitExceededException");
}

#[tokio::test]
async fn rule_3_2_3_a_policy_is_latin_1() {
    let (a, _) = two_accounts();
    let with_id = |id: &str| format!(r#"{{"Id":"{id}","Statement":[{}]}}"#, root_statement());
    let latin = with_id("with blanks, ÿ and \\u4e2d");
    a.put_whole_policy(&latin).await.unwrap();
    let refused = a.put_whole_policy(&with_id("中")).await;
    assert_code(refused, "ValidationException");
}

#[tokio::test]
async fn rule_3_2_4_principals_of_a_key_policy_must_exist() {
    let (a, _) = two_accounts();
    a.sim
        .edit(|world| world.nonexistent_accounts.insert("999999999999".to_owned()));
    let message = "Policy contains a statement with one or more invalid principals.";
    for nobody in [
        root("999999999999"),
        role_arn(A, "none"),
        "nonsense".to_owned(),
        "arn:aws:iam::12:root".to_owned(),
    ] {
        let put = a.put_policy(allow_to(nobody.as_str(), "kms:Decrypt")).await;
        fails(put, 400, "MalformedPolicyDocumentException", message);
    }
    for somebody in [
        root(B),
        B.to_owned(),
        role_arn(B, "launcher"),
        "*".to_owned(),
    ] {
        a.put_policy(allow_to(somebody.as_str(), "kms:Decrypt"))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn rule_3_2_5_a_key_policy_that_locks_out_its_writer_is_refused() {
    let (a, _) = two_accounts();
    let policy = policy_of(&[allow_to(root(A), "kms:Decrypt")]);
    let message = "The new key policy will not allow you to update the key policy in the future.";
    let refused = a.put_whole_policy(&policy).await;
    fails(refused, 400, "MalformedPolicyDocumentException", message);
}

#[tokio::test]
async fn rule_3_2_6_the_unique_id_of_a_deleted_role_cannot_be_written_back() {
    let (a, _) = two_accounts();
    let put = a
        .put_policy(allow_to("AROAEXAMPLEEXAMPLE01", "kms:Decrypt"))
        .await;
    assert_code(put, "MalformedPolicyDocumentException");
}

#[tokio::test(start_paused = true)]
async fn rule_3_2_7_a_read_of_a_key_policy_can_be_stale() {
    let (a, _) = two_accounts();
    let read = json!({ "KeyId": a.key("golden"), "PolicyName": "default" });
    let before = a.kms_json("GetKeyPolicy", read.clone()).await;
    seconds(10).await;
    a.share_key(B).await;
    seconds(1).await;
    let order = r#"{"operation":"kms:GetKeyPolicy","call":1,"effect":{"stale":{"seconds":2}}}"#;
    a.sim.fault(serde_json::from_str(order).unwrap());
    assert_eq!(a.kms_json("GetKeyPolicy", read.clone()).await, before);
    assert_ne!(a.kms_json("GetKeyPolicy", read).await, before);
}

#[tokio::test]
async fn rule_3_2_8_the_ram_policy_of_a_key_gives_access_and_can_be_read() {
    let (a, b) = two_accounts();
    let key = a.key("golden");
    let read = json!({ "KeyId": key, "PolicyName": "AWS_RAM" });
    assert_code(
        a.kms("GetKeyPolicy", read.clone()).await,
        "NotFoundException",
    );
    let describe = json!({ "KeyId": key });
    assert_code(
        b.kms("DescribeKey", describe.clone()).await,
        "AccessDeniedException",
    );

    let policy = policy_of(&[allow_to(root(B), "kms:DescribeKey")]);
    a.sim.edit(|world| {
        let key = world.keys.get_mut(&key).unwrap();
        key.ram_policy = Some(policy.clone());
    });
    let answer = a.kms_json("GetKeyPolicy", read).await;
    assert_eq!(
        (&answer["Policy"], &answer["PolicyName"]),
        (&json!(policy), &json!("AWS_RAM"))
    );
    b.kms("DescribeKey", describe).await.unwrap();
    let other = a.kms_json("GetKeyPolicy", json!({ "KeyId": key })).await;
    assert_eq!(other["PolicyName"], "default");
}

#[tokio::test]
async fn rule_3_2_8_the_ram_policy_of_a_key_cannot_be_written() {
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
    assert_code(a.kms("GetKeyPolicy", get).await, "NotFoundException");
}

#[tokio::test]
async fn rule_3_2_9_a_statement_without_effect_is_accepted() {
    let (a, b) = two_accounts();
    let mut on_other_key = allow_to(root(B), "kms:*");
    on_other_key["Resource"] = json!("arn:aws:kms:us-east-1:1:key/other");
    for useless in [allow_to(root(B), "s3:GetObject"), on_other_key] {
        a.put_policy(useless).await.unwrap();
        assert!(b.describe_key(&a.key("golden")).await.is_err());
    }
}

#[tokio::test]
async fn rule_3_2_10_passing_by_the_lockout_check_is_a_condition_key() {
    let (a, _) = two_accounts();
    let locked = policy_of(&[allow_to(root(A), "kms:Decrypt")]);
    let put = async |policy: &str, bypass: Option<bool>| {
        let mut params = json!({ "KeyId": a.key("golden"), "Policy": policy });
        if let Some(bypass) = bypass {
            params["BypassPolicyLockoutSafetyCheck"] = bypass.into();
        }
        a.kms("PutKeyPolicy", params).await
    };
    let mut deny = allow_to(root(A), "kms:PutKeyPolicy");
    deny["Effect"] = "Deny".into();
    deny["Condition"] = json!({ "Bool": { "kms:BypassPolicyLockoutSafetyCheck": "true" } });
    let guarded = policy_of(&[root_statement(), deny]);
    put(&guarded, None).await.unwrap();
    assert_code(put(&locked, Some(true)).await, "AccessDeniedException");
    for bypass in [None, Some(false)] {
        let refused = put(&locked, bypass).await;
        assert_code(refused, "MalformedPolicyDocumentException");
    }
    put(&policy_of(&[root_statement()]), None).await.unwrap();
    put(&locked, Some(true)).await.unwrap();
}

//! Grants.

use serde_json::{Value, json};

use super::support::*;

#[tokio::test]
async fn rule_3_3_1_a_grantee_is_an_existing_principal_or_a_bound_service() {
    let (a, _) = two_accounts();
    for grantee in [
        root(B),
        role_arn(B, "launcher"),
        session_arn(B, "launcher"),
        format!("arn:aws:iam::{A}:user/admin"),
    ] {
        a.grant(&grantee, &["Decrypt"], json!({})).await.unwrap();
    }
    // Organizations, `*`, groups and roles that do not exist are no grantees.
    for unknown in [
        "*".to_owned(),
        "arn:aws:organizations::111111111111:organization/o-example123".to_owned(),
        format!("arn:aws:iam::{B}:group/g"),
        role_arn(B, "none"),
        session_arn(B, "none"),
    ] {
        let message = format!("ARN does not refer to a valid principal: {unknown}");
        fails(
            a.grant(&unknown, &["Decrypt"], json!({})).await,
            400,
            "InvalidArnException",
            &message,
        );
    }
}

#[tokio::test]
async fn rule_3_3_2_a_grant_allows_only_operations_of_its_key_type() {
    let (a, _) = two_accounts();
    for operation in ["Sign", "Verify", "GetPublicKey", "Fly"] {
        assert_code(
            a.grant(&root(B), &[operation], json!({})).await,
            "ValidationException",
        );
    }
    assert_code(
        a.grant(&root(B), &[], json!({})).await,
        "ValidationException",
    );
}

#[tokio::test]
async fn rule_3_3_3_a_constraint_applies_to_cryptography_and_not_to_describe_key() {
    let (a, _) = two_accounts();
    let bare = a.role(A, "bare", &allow("s3:*")).await;
    let bound = json!({ "Constraints": { "EncryptionContextSubset": { "team": "a" } } });
    a.grant(&role_arn(A, "bare"), &["Encrypt", "DescribeKey"], bound)
        .await
        .unwrap();
    let key = a.key("golden");
    let encrypt =
        |context: Value| json!({ "KeyId": key, "Plaintext": "YQ==", "EncryptionContext": context });
    bare.kms("Encrypt", encrypt(json!({ "team": "a", "more": "x" })))
        .await
        .unwrap();
    for context in [json!({}), json!({ "team": "b" })] {
        assert_code(
            bare.kms("Encrypt", encrypt(context)).await,
            "AccessDeniedException",
        );
    }
    bare.describe_key(&a.key("golden")).await.unwrap();
    // A source binds everything, and no caller here acts for one.
    let source = json!({ "Constraints": { "SourceArn": "arn:aws:s3:::bucket" } });
    let sourced = a.role(A, "sourced", &allow("s3:*")).await;
    a.grant(&role_arn(A, "sourced"), &["DescribeKey"], source)
        .await
        .unwrap();
    assert_code(
        sourced.describe_key(&a.key("golden")).await,
        "AccessDeniedException",
    );
    let large: serde_json::Map<String, Value> =
        (0..9).map(|n| (n.to_string(), json!("x"))).collect();
    let large = json!({ "Constraints": { "EncryptionContextEquals": large } });
    assert_code(
        a.grant(&root(B), &["Decrypt"], large).await,
        "ValidationException",
    );
}

#[tokio::test]
async fn rule_3_3_4_a_repeated_request_with_a_name_is_the_same_grant() {
    let (a, _) = two_accounts();
    let named = json!({ "Name": "n" });
    let first = a
        .grant(&root(B), &["Decrypt"], named.clone())
        .await
        .unwrap();
    let again = a
        .grant(&root(B), &["Decrypt"], named.clone())
        .await
        .unwrap();
    assert_eq!(first["GrantId"], again["GrantId"]);
    assert_ne!(first["GrantToken"], again["GrantToken"]);
    // Another parameter makes another grant, and so does every request without a name.
    let other = a
        .grant(&root(B), &["Decrypt", "DescribeKey"], named)
        .await
        .unwrap();
    assert_ne!(first["GrantId"], other["GrantId"]);
    let bare = a.grant(&root(B), &["Decrypt"], json!({})).await.unwrap();
    assert_ne!(
        bare["GrantId"],
        a.grant(&root(B), &["Decrypt"], json!({})).await.unwrap()["GrantId"]
    );
}

#[tokio::test]
async fn rule_3_3_5_a_key_has_at_most_50_000_grants() {
    let (a, _) = two_accounts();
    a.grant(&root(B), &["Decrypt"], json!({ "Name": "first" }))
        .await
        .unwrap();
    a.sim.edit(|world| {
        let grants = &mut world
            .keys
            .get_mut(&a.sim.facts().keys["golden"])
            .unwrap()
            .grants;
        let one = grants[0].clone();
        grants.resize(50_000, one);
    });
    assert_code(
        a.grant(&root(B), &["Encrypt"], json!({})).await,
        "LimitExceededException",
    );
    a.grant(&root(B), &["Decrypt"], json!({ "Name": "first" }))
        .await
        .unwrap();
}

#[tokio::test]
async fn rule_3_3_6_a_disabled_key_takes_no_grants() {
    let (a, _) = two_accounts();
    let key = json!({ "KeyId": a.key("golden") });
    a.kms("DisableKey", key.clone()).await.unwrap();
    let message = format!("{} is disabled.", a.key("golden"));
    fails(
        a.grant(&root(B), &["Decrypt"], json!({})).await,
        400,
        "DisabledException",
        &message,
    );
    a.kms(
        "ScheduleKeyDeletion",
        json!({ "KeyId": a.key("golden"), "PendingWindowInDays": 7 }),
    )
    .await
    .unwrap();
    let message = format!("{} is pending deletion.", a.key("golden"));
    fails(
        a.grant(&root(B), &["Decrypt"], json!({})).await,
        400,
        "KMSInvalidStateException",
        &message,
    );
    a.kms("CancelKeyDeletion", key.clone()).await.unwrap();
    a.kms("EnableKey", key).await.unwrap();
    a.grant(&root(B), &["Decrypt"], json!({})).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn rule_3_3_7_a_grant_takes_effect_after_minutes_or_at_once_by_its_token() {
    let delays = ami_share_sim::Delays {
        grants: std::time::Duration::from_mins(5),
        ..Default::default()
    };
    let (a, b) = delayed(delays);
    let grant = a
        .grant(&root(B), &["DescribeKey"], json!({}))
        .await
        .unwrap();
    let key = a.key("golden");
    assert_code(b.describe_key(&key).await, "AccessDeniedException");
    let encrypting = a.grant(&root(B), &["Encrypt"], json!({})).await.unwrap();
    let encrypt =
        json!({ "KeyId": key, "Plaintext": "YQ==", "GrantTokens": [encrypting["GrantToken"]] });
    b.kms("Encrypt", encrypt).await.unwrap();
    let described = b
        .kms(
            "DescribeKey",
            json!({ "KeyId": key, "GrantTokens": [grant["GrantToken"]] }),
        )
        .await;
    described.unwrap();
    seconds(301).await;
    b.describe_key(&key).await.unwrap();
}

#[tokio::test]
async fn rule_3_3_8_a_grant_of_the_callers_account_needs_no_iam_and_means_one_role_only() {
    let (a, b) = two_accounts();
    a.put_policy(allow_to(root(B), "kms:CreateGrant"))
        .await
        .unwrap();
    let bare = b.role(B, "bare", &allow("s3:*")).await;
    let key = a.key("golden");
    a.grant(&role_arn(B, "bare"), &["DescribeKey"], json!({}))
        .await
        .unwrap();
    let message = format!(
        "User: {} is not authorized to perform: kms:DescribeKey on this resource because no \
         identity-based policy allows the kms:DescribeKey action",
        session_arn(B, "bare")
    );
    fails(
        bare.describe_key(&key).await,
        400,
        "AccessDeniedException",
        &message,
    );
    let by_b = json!({
        "KeyId": key,
        "GranteePrincipal": role_arn(B, "bare"),
        "Operations": ["DescribeKey"],
    });
    b.kms("CreateGrant", by_b).await.unwrap();
    bare.describe_key(&key).await.unwrap();
    // A role that was deleted and made again is not the grantee.
    b.iam(
        "DeleteRolePolicy",
        &[("RoleName", "bare"), ("PolicyName", "p")],
    )
    .await
    .unwrap();
    b.iam("DeleteRole", &[("RoleName", "bare")]).await.unwrap();
    let again = b.role(B, "bare", &allow("kms:*")).await;
    assert_code(again.describe_key(&key).await, "AccessDeniedException");
    let listed = a.kms_json("ListGrants", json!({ "KeyId": key })).await;
    let grantee = listed["Grants"][0]["GranteePrincipal"].as_str().unwrap();
    assert!(grantee.starts_with("AROA"), "{grantee}");
}

#[tokio::test]
async fn rule_3_3_9_a_grant_made_through_a_grant_allows_no_more() {
    let (a, _) = two_accounts();
    let holder = a.role(A, "holder", &allow("s3:*")).await;
    let bound = json!({ "Constraints": { "EncryptionContextEquals": { "a": "b" } } });
    a.grant(
        &role_arn(A, "holder"),
        &["CreateGrant", "Decrypt"],
        bound.clone(),
    )
    .await
    .unwrap();
    a.grant(&role_arn(A, "holder"), &["Encrypt"], json!({}))
        .await
        .unwrap();
    holder
        .grant(&root(B), &["Decrypt"], bound.clone())
        .await
        .unwrap();
    for (operations, more) in [
        (&["Decrypt"][..], json!({})),
        (&["Decrypt", "Encrypt"][..], bound.clone()),
        (
            &["Decrypt"][..],
            json!({ "Constraints": { "EncryptionContextSubset": { "a": "b" } } }),
        ),
    ] {
        assert_code(
            holder.grant(&root(B), operations, more).await,
            "AccessDeniedException",
        );
    }
}

#[tokio::test]
async fn rule_3_3_10_grants_are_revoked_by_permission_and_retired_by_the_named_principals() {
    let (a, b) = two_accounts();
    let key = a.key("golden");
    let grant = a
        .grant(
            &root(B),
            &["Decrypt"],
            json!({ "RetiringPrincipal": root(B) }),
        )
        .await
        .unwrap();
    let revoke = json!({ "KeyId": key, "GrantId": grant["GrantId"] });
    assert_code(
        b.kms("RevokeGrant", revoke.clone()).await,
        "AccessDeniedException",
    );
    b.kms("RetireGrant", json!({ "GrantToken": grant["GrantToken"] }))
        .await
        .unwrap();
    assert_code(a.kms("RevokeGrant", revoke).await, "NotFoundException");
    // The key and the ID name a grant too. Other principals may not retire it.
    let grant = a.grant(&root(B), &["Decrypt"], json!({})).await.unwrap();
    let retire = json!({ "KeyId": key, "GrantId": grant["GrantId"] });
    assert_code(
        b.kms("RetireGrant", retire.clone()).await,
        "AccessDeniedException",
    );
    a.kms("RetireGrant", retire).await.unwrap();
    let grant = a.grant(&root(B), &["Decrypt"], json!({})).await.unwrap();
    a.kms(
        "RevokeGrant",
        json!({ "KeyId": key, "GrantId": grant["GrantId"] }),
    )
    .await
    .unwrap();
    assert_eq!(
        a.kms_json("ListGrants", json!({ "KeyId": key })).await["Grants"],
        json!([])
    );
}

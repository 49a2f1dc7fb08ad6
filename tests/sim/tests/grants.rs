//! Grants, and dry runs of KMS.

use serde_json::{Value, json};

use super::support::*;

fn session_arn(account: &str, role: &str) -> String {
    format!("arn:aws:sts::{account}:assumed-role/{role}/test")
}

fn role_arn(account: &str, role: &str) -> String {
    format!("arn:aws:iam::{account}:role/{role}")
}

async fn describe(who: &Caller, key: &str) -> Result<Answer, ami_share_sim::wire::Fail> {
    who.kms("DescribeKey", json!({ "KeyId": key })).await
}

#[tokio::test]
async fn rule_3_3_1_who_a_grant_may_be_for() {
    let (a, _) = two_accounts();
    for grantee in [
        root(B),
        role_arn(B, "launcher"),
        session_arn(B, "launcher"),
        format!("arn:aws:iam::{A}:user/admin"),
    ] {
        a.grant(&grantee, &["Decrypt"], json!({})).await.unwrap();
    }
    // An organization, everybody, a group, and roles that do not exist are nobody.
    for nobody in [
        "*".to_owned(),
        "arn:aws:organizations::111111111111:organization/o-example123".to_owned(),
        format!("arn:aws:iam::{B}:group/g"),
        role_arn(B, "none"),
        session_arn(B, "none"),
    ] {
        let message = format!("ARN does not refer to a valid principal: {nobody}");
        fails(
            a.grant(&nobody, &["Decrypt"], json!({})).await,
            400,
            "InvalidArnException",
            &message,
        );
    }
}

#[tokio::test]
async fn rule_3_3_2_operations_must_suit_the_key() {
    let (a, _) = two_accounts();
    for operation in ["Sign", "Verify", "GetPublicKey", "Fly"] {
        assert_eq!(
            a.grant(&root(B), &[operation], json!({}))
                .await
                .unwrap_err()
                .code,
            "ValidationException"
        );
    }
    assert_eq!(
        a.grant(&root(B), &[], json!({})).await.unwrap_err().code,
        "ValidationException"
    );
}

#[tokio::test]
async fn rule_3_3_3_constraints_bind_cryptography_and_not_describe_key() {
    let (a, _) = two_accounts();
    let bare = a.role(A, "bare", &allow(&json!("s3:*"))).await;
    let bound = json!({ "Constraints": { "EncryptionContextSubset": { "team": "a" } } });
    a.grant(&role_arn(A, "bare"), &["Encrypt", "DescribeKey"], bound)
        .await
        .unwrap();
    let encrypt = |context: Value| json!({ "KeyId": a.key("golden"), "Plaintext": "YQ==", "EncryptionContext": context });
    bare.kms("Encrypt", encrypt(json!({ "team": "a", "more": "x" })))
        .await
        .unwrap();
    for context in [json!({}), json!({ "team": "b" })] {
        assert_eq!(
            bare.kms("Encrypt", encrypt(context))
                .await
                .unwrap_err()
                .code,
            "AccessDeniedException"
        );
    }
    describe(&bare, &a.key("golden")).await.unwrap();
    let large: serde_json::Map<String, Value> =
        (0..9).map(|n| (n.to_string(), json!("x"))).collect();
    let large = json!({ "Constraints": { "EncryptionContextEquals": large } });
    assert_eq!(
        a.grant(&root(B), &["Decrypt"], large)
            .await
            .unwrap_err()
            .code,
        "ValidationException"
    );
}

#[tokio::test]
async fn rule_3_3_4_the_same_request_by_name_is_the_same_grant() {
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
    // Anything else is another grant, and without a name every request is.
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
    assert_eq!(
        a.grant(&root(B), &["Encrypt"], json!({}))
            .await
            .unwrap_err()
            .code,
        "LimitExceededException"
    );
    a.grant(&root(B), &["Decrypt"], json!({ "Name": "first" }))
        .await
        .unwrap();
}

#[tokio::test]
async fn rule_3_3_6_a_key_that_does_not_work_takes_no_grants() {
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
async fn rule_3_3_7_a_grant_takes_minutes_and_its_token_does_not() {
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
    assert_eq!(
        describe(&b, &key).await.unwrap_err().code,
        "AccessDeniedException"
    );
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
    describe(&b, &key).await.unwrap();
}

#[tokio::test]
async fn rule_3_3_8_the_issuer_decides_whether_iam_is_needed_and_a_new_role_is_another() {
    let (a, b) = two_accounts();
    a.put_policy(
        json!({ "Effect": "Allow", "Principal": { "AWS": root(B) }, "Action": "kms:CreateGrant", "Resource": "*" }),
    )
    .await
    .unwrap();
    let bare = b.role(B, "bare", &allow(&json!("s3:*"))).await;
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
        describe(&bare, &key).await,
        400,
        "AccessDeniedException",
        &message,
    );
    let by_b = json!({ "KeyId": key, "GranteePrincipal": role_arn(B, "bare"), "Operations": ["DescribeKey"] });
    b.kms("CreateGrant", by_b).await.unwrap();
    describe(&bare, &key).await.unwrap();
    // Deleted and made again, the role is not the one that the grant means.
    b.iam(
        "DeleteRolePolicy",
        &[("RoleName", "bare"), ("PolicyName", "p")],
    )
    .await
    .unwrap();
    b.iam("DeleteRole", &[("RoleName", "bare")]).await.unwrap();
    let again = b.role(B, "bare", &allow(&json!("kms:*"))).await;
    assert_eq!(
        describe(&again, &key).await.unwrap_err().code,
        "AccessDeniedException"
    );
    let listed = a
        .kms("ListGrants", json!({ "KeyId": key }))
        .await
        .unwrap()
        .json();
    let grantee = listed["Grants"][0]["GranteePrincipal"].as_str().unwrap();
    assert!(grantee.starts_with("AROA"), "{grantee}");
}

#[tokio::test]
async fn rule_3_3_9_who_may_hand_on_hands_on_no_more_than_he_has() {
    let (a, _) = two_accounts();
    let holder = a.role(A, "holder", &allow(&json!("s3:*"))).await;
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
        assert_eq!(
            holder
                .grant(&root(B), operations, more)
                .await
                .unwrap_err()
                .code,
            "AccessDeniedException"
        );
    }
}

#[tokio::test]
async fn rule_3_3_10_grants_are_revoked_by_permission_and_retired_by_whom_they_name() {
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
    assert_eq!(
        b.kms("RevokeGrant", revoke.clone()).await.unwrap_err().code,
        "AccessDeniedException"
    );
    b.kms("RetireGrant", json!({ "GrantToken": grant["GrantToken"] }))
        .await
        .unwrap();
    assert_eq!(
        a.kms("RevokeGrant", revoke).await.unwrap_err().code,
        "NotFoundException"
    );
    // By key and ID too; and nobody else may.
    let grant = a.grant(&root(B), &["Decrypt"], json!({})).await.unwrap();
    let retire = json!({ "KeyId": key, "GrantId": grant["GrantId"] });
    assert_eq!(
        b.kms("RetireGrant", retire.clone()).await.unwrap_err().code,
        "AccessDeniedException"
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
        a.kms("ListGrants", json!({ "KeyId": key }))
            .await
            .unwrap()
            .json()["Grants"],
        json!([])
    );
}

#[tokio::test]
async fn rule_3_3_11_grants_are_listed_in_pages_and_found_by_grantee() {
    let (a, _) = two_accounts();
    let key = a.key("golden");
    for name in 0..120 {
        a.grant(&root(B), &["Decrypt"], json!({ "Name": name.to_string() }))
            .await
            .unwrap();
    }
    a.grant(&role_arn(B, "launcher"), &["Decrypt"], json!({}))
        .await
        .unwrap();
    let (mut marker, mut sizes) = (Value::Null, Vec::new());
    loop {
        let mut parameters = json!({ "KeyId": key, "Limit": 100 });
        if !marker.is_null() {
            parameters["Marker"] = marker;
        }
        let page = a.kms("ListGrants", parameters).await.unwrap().json();
        sizes.push(page["Grants"].as_array().unwrap().len());
        marker = page["NextMarker"].clone();
        if page["Truncated"] == false {
            break;
        }
    }
    assert_eq!(sizes, [100, 21]);
    let default = a
        .kms("ListGrants", json!({ "KeyId": key }))
        .await
        .unwrap()
        .json();
    assert_eq!(default["Grants"].as_array().unwrap().len(), 50);
    assert_eq!(
        a.kms("ListGrants", json!({ "KeyId": key, "Limit": 101 }))
            .await
            .unwrap_err()
            .code,
        "ValidationException"
    );
    let of_role = json!({ "KeyId": key, "GranteePrincipal": role_arn(B, "launcher") });
    assert_eq!(
        a.kms("ListGrants", of_role).await.unwrap().json()["Grants"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn rule_3_3_12_create_grant_has_condition_keys_of_its_own() {
    let (a, b) = two_accounts();
    let try_with = |condition: Value| {
        let (a, b) = (a.clone(), b.clone());
        async move {
            let statement = json!({ "Effect": "Allow", "Principal": { "AWS": root(B) }, "Action": "kms:CreateGrant", "Resource": "*", "Condition": condition });
            a.put_policy(statement).await.unwrap();
            let operations = ["Decrypt", "DescribeKey"];
            let grant = json!({ "KeyId": a.key("golden"), "GranteePrincipal": role_arn(B, "launcher"), "Operations": operations });
            b.kms("CreateGrant", grant).await.is_ok()
        }
    };
    let grantee =
        json!({ "StringLike": { "kms:GranteePrincipal": "arn:aws:iam::*:role/launcher" } });
    assert!(try_with(grantee).await);
    let other = json!({ "StringLike": { "kms:GranteePrincipal": "arn:aws:iam::*:role/other" } });
    assert!(!try_with(other).await);
    let within = |list: Value| json!({ "ForAllValues:StringEquals": { "kms:GrantOperations": list }, "Null": { "kms:GrantOperations": "false" } });
    assert!(try_with(within(json!(["Decrypt", "DescribeKey", "Encrypt"]))).await);
    assert!(!try_with(within(json!(["Decrypt"]))).await);
    // No user's grant is for an AWS resource: that is EC2's own doing.
    assert!(!try_with(json!({ "Bool": { "kms:GrantIsForAWSResource": "true" } })).await);
}

#[tokio::test]
async fn rule_3_5_a_dry_run_of_kms_always_ends_in_an_error() {
    let (a, b) = two_accounts();
    let key = a.key("golden");
    let message = "The request would have succeeded, but the DryRun option is set.";
    let grant = json!({ "KeyId": key, "GranteePrincipal": root(B), "Operations": ["Decrypt"], "DryRun": true });
    fails(
        a.kms("CreateGrant", grant.clone()).await,
        400,
        "DryRunOperationException",
        message,
    );
    assert_eq!(
        b.kms("CreateGrant", grant).await.unwrap_err().code,
        "AccessDeniedException"
    );
    let ignoring = |more: Value| {
        let mut parameters = json!({ "DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"] });
        for (name, value) in more.as_object().unwrap() {
            parameters[name] = value.clone();
        }
        parameters
    };
    fails(
        a.kms("Decrypt", ignoring(json!({ "KeyId": key }))).await,
        400,
        "DryRunOperationException",
        message,
    );
    let both = ignoring(json!({ "SourceKeyId": key, "DestinationKeyId": key }));
    fails(
        a.kms("ReEncrypt", both).await,
        400,
        "DryRunOperationException",
        message,
    );
    assert_eq!(
        a.kms("Decrypt", ignoring(json!({})))
            .await
            .unwrap_err()
            .code,
        "ValidationException"
    );
    let data_key = json!({ "KeyId": key, "NumberOfBytes": 64, "DryRun": true });
    fails(
        a.kms("GenerateDataKeyWithoutPlaintext", data_key.clone())
            .await,
        400,
        "DryRunOperationException",
        message,
    );
    a.kms("DisableKey", json!({ "KeyId": key })).await.unwrap();
    assert_eq!(
        a.kms("GenerateDataKeyWithoutPlaintext", data_key)
            .await
            .unwrap_err()
            .code,
        "DisabledException"
    );
    assert_eq!(
        a.kms("ListGrants", json!({ "KeyId": key }))
            .await
            .unwrap()
            .json()["Grants"],
        json!([])
    );
}

#[tokio::test]
async fn rule_3_5_a_statement_through_ec2_only_makes_a_dry_run_say_no() {
    let (a, b) = two_accounts();
    let through_ec2 = json!({ "StringLike": { "kms:ViaService": "ec2.*.amazonaws.com" } });
    a.put_policy(json!({ "Effect": "Allow", "Principal": { "AWS": root(B) }, "Action": "kms:*", "Resource": "*", "Condition": through_ec2 }))
        .await
        .unwrap();
    let decrypt = json!({ "KeyId": a.key("golden"), "DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"] });
    assert_eq!(
        b.kms("Decrypt", decrypt).await.unwrap_err().code,
        "AccessDeniedException"
    );
    a.share(&a.image("golden"), B).await.unwrap();
    assert_eq!(
        b.launch(&a.image("golden"), &[]).await.unwrap().0,
        "running"
    );
}

//! Dry runs of KMS.

use serde_json::{Value, json};

use super::support::*;

#[tokio::test]
async fn rule_3_5_a_dry_run_of_kms_always_ends_in_an_error() {
    let (a, b) = two_accounts();
    let key = a.key("golden");
    let message = "The request would have succeeded, but the DryRun option is set.";
    let grant = json!({
        "KeyId": key,
        "GranteePrincipal": root(B),
        "Operations": ["Decrypt"],
        "DryRun": true,
    });
    fails(
        a.kms("CreateGrant", grant.clone()).await,
        400,
        "DryRunOperationException",
        message,
    );
    assert_code(b.kms("CreateGrant", grant).await, "AccessDeniedException");
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
    assert_code(
        a.kms("Decrypt", ignoring(json!({}))).await,
        "ValidationException",
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
    assert_code(
        a.kms("GenerateDataKeyWithoutPlaintext", data_key).await,
        "DisabledException",
    );
    assert_eq!(
        a.kms_json("ListGrants", json!({ "KeyId": key })).await["Grants"],
        json!([])
    );
}

#[tokio::test]
async fn rule_3_5_a_dry_run_fails_where_only_ec2_may_use_the_key() {
    let (a, b) = two_accounts();
    let through_ec2 = json!({ "StringLike": { "kms:ViaService": "ec2.*.amazonaws.com" } });
    a.put_policy(allow_to_if(root(B), "kms:*", through_ec2))
        .await
        .unwrap();
    let decrypt = json!({
        "KeyId": a.key("golden"),
        "DryRun": true,
        "DryRunModifiers": ["IGNORE_CIPHERTEXT"],
    });
    assert_code(b.kms("Decrypt", decrypt).await, "AccessDeniedException");
    a.share(&a.image("golden"), B).await.unwrap();
    assert_eq!(
        b.launch(&a.image("golden"), &[]).await.unwrap().0,
        "running"
    );
}

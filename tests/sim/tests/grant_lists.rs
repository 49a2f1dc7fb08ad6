//! How grants are listed and shown, and the condition keys of CreateGrant.

use serde_json::{Value, json};

use super::support::*;

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
        let page = a.kms_json("ListGrants", parameters).await;
        sizes.push(page["Grants"].as_array().unwrap().len());
        marker = page["NextMarker"].clone();
        if page["Truncated"] == false {
            break;
        }
    }
    assert_eq!(sizes, [100, 21]);
    let default = a.kms_json("ListGrants", json!({ "KeyId": key })).await;
    assert_eq!(default["Grants"].as_array().unwrap().len(), 50);
    assert_code(
        a.kms("ListGrants", json!({ "KeyId": key, "Limit": 101 }))
            .await,
        "ValidationException",
    );
    let of_role = json!({ "KeyId": key, "GranteePrincipal": role_arn(B, "launcher") });
    assert_eq!(
        a.kms_json("ListGrants", of_role).await["Grants"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn rule_3_3_11_a_grant_for_a_service_is_answered_in_a_field_of_its_own() {
    let (a, _) = two_accounts();
    let (key, service) = (a.key("golden"), "rockets.amazonaws.com");
    let source = format!("arn:aws:rockets:us-east-1:{A}:rocket/1");
    let grant = json!({
        "KeyId": key,
        "GranteeServicePrincipal": service,
        "RetiringPrincipal": role_arn(A, "publisher"),
        "Operations": ["Decrypt"],
        "Constraints": { "SourceArn": source },
    });
    a.kms("CreateGrant", grant).await.unwrap();
    let shown = a.kms_json("ListGrants", json!({ "KeyId": key })).await;
    let shown = &shown["Grants"][0];
    assert_eq!(shown["GranteeServicePrincipal"], service);
    assert_eq!(shown.get("GranteePrincipal"), None);
    assert_eq!(shown["Constraints"], json!({ "SourceArn": source }));
}

#[tokio::test]
async fn rule_3_3_12_create_grant_has_condition_keys_of_its_own() {
    let (a, b) = two_accounts();
    let grant = json!({
        "KeyId": a.key("golden"),
        "GranteePrincipal": role_arn(B, "launcher"),
        "Operations": ["Decrypt", "DescribeKey"],
    });
    let within = |operations: Value| {
        json!({
            "ForAllValues:StringEquals": { "kms:GrantOperations": operations },
            "Null": { "kms:GrantOperations": "false" },
        })
    };
    let grantee = |pattern: &str| json!({ "StringLike": { "kms:GranteePrincipal": pattern } });
    for (condition, allowed) in [
        (grantee("arn:aws:iam::*:role/launcher"), true),
        (grantee("arn:aws:iam::*:role/other"), false),
        (within(json!(["Decrypt", "DescribeKey", "Encrypt"])), true),
        (within(json!(["Decrypt"])), false),
        // No grant of a user is for an AWS resource: only EC2 makes such grants.
        (
            json!({ "Bool": { "kms:GrantIsForAWSResource": "true" } }),
            false,
        ),
    ] {
        let statement = allow_to_if(root(B), "kms:CreateGrant", condition.clone());
        a.put_policy(statement).await.unwrap();
        let made = b.kms("CreateGrant", grant.clone()).await;
        assert_eq!(made.is_ok(), allowed, "{condition}");
    }
}

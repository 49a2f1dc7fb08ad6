//! Principals of grants: unique IDs, roles that are gone or new, and retirement.

use serde_json::{Value, json};

use super::support::*;

async fn role_id(a: &Caller, name: &str) -> String {
    let shown = a.iam("GetRole", &[("RoleName", name)]).await.unwrap();
    shown.first("RoleId").to_owned()
}

async fn delete_role(a: &Caller, name: &str) {
    let policy = [("RoleName", name), ("PolicyName", "p")];
    a.iam("DeleteRolePolicy", &policy).await.unwrap();
    a.iam("DeleteRole", &[("RoleName", name)]).await.unwrap();
}

async fn list(a: &Caller, grantee: &str) -> Result<Value, ami_share_sim::wire::Fail> {
    let parameters = json!({ "KeyId": a.key("golden"), "GranteePrincipal": grantee });
    let answer = a.kms("ListGrants", parameters).await?;
    Ok(answer.json()["Grants"].clone())
}

#[tokio::test]
async fn rule_7_33_a_unique_id_names_a_principal_as_its_arn_does() {
    let (a, _) = two_accounts();
    a.role(A, "r", &allow("s3:*")).await;
    let (arn, id) = (session_arn(A, "r"), role_id(&a, "r").await);
    let by_id = format!("{id}:test");
    let named = json!({ "Name": "n" });
    let first = a.grant(&arn, &["Decrypt"], named.clone()).await.unwrap();
    let again = a.grant(&by_id, &["Decrypt"], named).await.unwrap();
    assert_eq!(first["GrantId"], again["GrantId"]);
    for grantee in [&arn, &by_id] {
        let grants = list(&a, grantee).await.unwrap();
        assert_eq!(grants[0]["GranteePrincipal"], json!(arn));
        assert_eq!(grants.as_array().unwrap().len(), 1);
    }
    // The role alone is another principal.
    assert_eq!(list(&a, &role_arn(A, "r")).await.unwrap(), json!([]));
}

#[tokio::test]
async fn rule_7_33_a_principal_that_is_gone_cannot_be_asked_for() {
    let (a, _) = two_accounts();
    a.role(A, "r", &allow("s3:*")).await;
    let (arn, id) = (session_arn(A, "r"), role_id(&a, "r").await);
    let by_id = format!("{id}:test");
    let more = json!({ "Name": "n", "RetiringPrincipal": arn });
    let first = a.grant(&arn, &["Decrypt"], more.clone()).await.unwrap();
    let retiring = |name: &str| json!({ "RetiringPrincipal": name });
    let retirable = a.kms_json("ListRetirableGrants", retiring(&arn)).await;
    assert_eq!(retirable["Grants"].as_array().unwrap().len(), 1);

    delete_role(&a, "r").await;
    let unknown = format!("ARN does not refer to a valid principal: {arn}");
    fails(list(&a, &arn).await, 400, "InvalidArnException", &unknown);
    let message = "Input does not refer to a valid principal";
    fails(list(&a, &by_id).await, 400, "InvalidArnException", message);
    let refused = a.kms("ListRetirableGrants", retiring(&arn)).await;
    fails(refused, 400, "InvalidArnException", &unknown);
    let message = format!("Retiring principal {by_id} could not be found");
    let refused = a.kms("ListRetirableGrants", retiring(&by_id)).await;
    fails(refused, 400, "NotFoundException", &message);

    // The grant stays under the unique ID, and a new role of the name does not get it.
    a.role(A, "r", &allow("s3:*")).await;
    let all = a
        .kms_json("ListGrants", json!({ "KeyId": a.key("golden") }))
        .await;
    assert_eq!(all["Grants"][0]["GranteePrincipal"], json!(by_id));
    assert_eq!(all["Grants"][0]["RetiringPrincipal"], json!(by_id));
    assert_eq!(list(&a, &arn).await.unwrap(), json!([]));
    let second = a.grant(&arn, &["Decrypt"], more).await.unwrap();
    assert_ne!(first["GrantId"], second["GrantId"]);
}

#[tokio::test(start_paused = true)]
async fn rule_7_33_a_new_role_is_not_known_to_kms_at_once() {
    let (a, _) = delayed(ami_share_sim::Delays {
        iam: std::time::Duration::from_secs(10),
        ..Default::default()
    });
    a.role(A, "r", &allow("s3:*")).await;
    let arn = role_arn(A, "r");
    let granted = a.grant(&arn, &["Decrypt"], json!({})).await;
    assert_code(granted, "InvalidArnException");
    assert_code(list(&a, &arn).await, "InvalidArnException");
    seconds(10).await;
    a.grant(&arn, &["Decrypt"], json!({})).await.unwrap();
    assert_eq!(list(&a, &arn).await.unwrap().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn rule_3_3_10_a_retiring_session_is_not_limited_by_its_session_policy() {
    let (a, b) = two_accounts();
    a.role(A, "r", &allow("s3:*")).await;
    b.role(B, "r", &allow("kms:RetireGrant")).await;
    let policy = policy_of(&[allow("s3:*")]);
    let limit = [("Policy", policy.as_str())];
    for (caller, account, by_session, code) in [
        (&a, A, true, None),
        (&a, A, false, Some("AccessDeniedException")),
        // Another account issued the grant.
        (&b, B, true, Some("AccessDeniedException")),
        (&b, B, false, Some("AccessDeniedException")),
    ] {
        let role = role_arn(account, "r");
        let session = session_arn(account, "r");
        let retiring = if by_session { &session } else { &role };
        let more = json!({ "RetiringPrincipal": retiring });
        let made = a.grant(&session, &["Decrypt"], more).await.unwrap();
        let limited = caller.assume(&role, &limit).await.unwrap();
        let token = json!({ "GrantToken": made["GrantToken"] });
        let retired = limited.kms("RetireGrant", token).await;
        let refused = retired.err().map(|fail| fail.code.into_owned());
        assert_eq!(refused.as_deref(), code, "{account} {by_session}");
    }
    // A key is named by its ARN, not by its ID.
    let made = a.grant(&root(A), &["Decrypt"], json!({})).await.unwrap();
    let id = a.key("golden").rsplit('/').next().unwrap().to_owned();
    let by_id = json!({ "KeyId": id, "GrantId": made["GrantId"] });
    let message = format!("Invalid arn {id}");
    fails(
        a.kms("RetireGrant", by_id).await,
        400,
        "NotFoundException",
        &message,
    );
}

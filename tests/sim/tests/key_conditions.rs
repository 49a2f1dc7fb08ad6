//! What statements of a key policy mean for a launch: conditions, versions, and what they leave
//! out.

use serde_json::{Value, json};

use super::support::*;

/// How a launch by B ends under a policy that lets B use the key, with one more statement.
async fn launch_with(statement: Value) -> String {
    let (a, b) = two_accounts();
    let golden = a.image("golden");
    a.share(&golden, B).await.unwrap();
    let statements = [root_statement(), allow_to(root(B), "kms:*"), statement];
    a.put_whole_policy(&policy_of(&statements)).await.unwrap();
    b.launch(&golden, &[]).await.unwrap().0
}

fn deny(change: Value) -> Value {
    let mut statement = json!({
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["kms:Decrypt", "kms:CreateGrant"],
        "Resource": "*",
    });
    for (member, value) in change.as_object().unwrap() {
        statement[member] = value.clone();
    }
    statement
}

#[tokio::test]
async fn rule_3_1_7_calls_of_ec2_carry_its_address_and_no_endpoint() {
    let table = [
        (
            json!({ "StringNotEquals": { "aws:SourceVpce": "vpce-1" } }),
            false,
        ),
        (
            json!({ "StringEquals": { "aws:SourceVpce": "vpce-1" } }),
            true,
        ),
        (
            json!({ "StringNotEqualsIfExists": { "aws:SourceVpc": "vpc-1" } }),
            false,
        ),
        (json!({ "Null": { "aws:SourceVpce": "true" } }), false),
        (
            json!({ "NotIpAddress": { "aws:SourceIp": ["10.0.0.0/8", "203.0.113.7"] } }),
            false,
        ),
        (
            json!({ "NotIpAddress": { "aws:SourceIp": "52.94.0.0/16" } }),
            true,
        ),
        (
            json!({ "IpAddress": { "aws:SourceIp": "203.0.113.0/24" } }),
            true,
        ),
        (
            json!({ "IpAddress": { "aws:SourceIp": "0.0.0.0/0" } }),
            false,
        ),
        (
            json!({
                "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" },
                "Bool": { "aws:ViaAWSService": "false" },
            }),
            true,
        ),
        (json!({ "Bool": { "aws:SecureTransport": "false" } }), true),
        (
            json!({ "Bool": { "kms:GrantIsForAWSResource": "false" } }),
            true,
        ),
        (
            json!({ "BoolIfExists": { "kms:GrantIsForAWSResource": "false" } }),
            false,
        ),
        (
            json!({ "StringNotLike": { "kms:ViaService": "s3.*" } }),
            false,
        ),
        (json!({ "StringLike": { "kms:ViaService": "s3.*" } }), true),
        (
            json!({ "DateLessThan": { "aws:CurrentTime": "2000-01-01" } }),
            true,
        ),
        (
            json!({ "DateGreaterThan": { "aws:CurrentTime": "2000-01-01T00:00:00Z" } }),
            false,
        ),
        (
            json!({ "NumericGreaterThanEquals": { "aws:EpochTime": "0" } }),
            false,
        ),
        (
            json!({ "StringNotEquals": { "kms:CallerAccount": [A, B] } }),
            true,
        ),
        (
            json!({ "StringNotEquals": { "kms:CallerAccount": A } }),
            false,
        ),
    ];
    for (condition, runs) in table {
        let ended = launch_with(deny(json!({ "Condition": condition }))).await;
        let expected = if runs { "running" } else { "terminated" };
        assert_eq!(ended, expected, "{condition}");
    }
}

#[tokio::test]
async fn rule_3_1_3_a_deny_counts_for_its_principals_actions_and_key_only() {
    let other = "arn:aws:kms:us-east-1:111111111111:key/other";
    let without = |member: &str, change: Value| {
        let mut statement = deny(change);
        statement.as_object_mut().unwrap().remove(member);
        statement
    };
    let table = [
        (deny(json!({})), false),
        (deny(json!({ "Resource": other })), true),
        (without("Resource", json!({ "NotResource": other })), false),
        (without("Resource", json!({ "NotResource": "*" })), true),
        (without("Resource", json!({})), true),
        (without("Action", json!({ "NotAction": "kms:*" })), true),
        (
            without("Action", json!({ "NotAction": ["kms:De*", "kms:Put*"] })),
            false,
        ),
        (deny(json!({ "Principal": { "AWS": B } })), false),
        (
            deny(json!({ "Principal": { "AWS": root("333333333333") } })),
            true,
        ),
        (
            deny(json!({ "Principal": { "Service": "ec2.amazonaws.com" } })),
            true,
        ),
        (
            without("Principal", json!({ "NotPrincipal": { "AWS": root(A) } })),
            false,
        ),
        (
            without(
                "Principal",
                json!({ "NotPrincipal": { "AWS": [root(A), root(B)] } }),
            ),
            true,
        ),
    ];
    for (statement, runs) in table {
        let ended = launch_with(statement.clone()).await;
        let expected = if runs { "running" } else { "terminated" };
        assert_eq!(ended, expected, "{statement}");
    }
}

#[tokio::test]
async fn rule_3_2_5_the_lockout_check_takes_the_keys_own_arn_and_account() {
    let (a, _) = two_accounts();
    let mut statement = root_statement();
    statement["Resource"] = a.key("golden").into();
    let of_account = |account: &str| json!({ "StringEquals": { "kms:CallerAccount": account } });
    statement["Condition"] = of_account(A);
    a.put_whole_policy(&policy_of(&[statement.clone()]))
        .await
        .unwrap();

    let locked_out = |statement: &Value| policy_of(std::slice::from_ref(statement));
    let mut other_key = statement.clone();
    other_key["Resource"] = "arn:aws:kms:us-east-1:111111111111:key/other".into();
    let mut other_account = statement.clone();
    other_account["Condition"] = of_account(B);
    let mut no_resource = statement.clone();
    no_resource.as_object_mut().unwrap().remove("Resource");
    for statement in [other_key, other_account, no_resource] {
        let refused = a.put_whole_policy(&locked_out(&statement)).await;
        assert_code(refused, "MalformedPolicyDocumentException");
    }
}

#[tokio::test]
async fn rule_7_23_policy_variables_work_in_the_version_of_2012_only() {
    let mut statement = allow_to(root(B), "kms:*");
    let own = json!({ "StringEquals": { "kms:CallerAccount": "${aws:PrincipalAccount}" } });
    statement["Condition"] = own;
    for (version, runs) in [
        (json!("2012-10-17"), true),
        (json!("2008-10-17"), false),
        (Value::Null, false),
    ] {
        let (a, b) = two_accounts();
        let golden = a.image("golden");
        a.share(&golden, B).await.unwrap();
        let mut policy = json!({ "Statement": [root_statement(), statement] });
        if version != Value::Null {
            policy["Version"] = version.clone();
        }
        a.put_whole_policy(&policy.to_string()).await.unwrap();
        let ended = b.launch(&golden, &[]).await.unwrap().0;
        let expected = if runs { "running" } else { "terminated" };
        assert_eq!(ended, expected, "{version}");
    }
}

//! STS: roles and sessions.

use serde_json::json;

use super::support::*;

#[tokio::test]
async fn rule_5_1_every_refusal_of_a_role_reads_the_same() {
    let (a, b) = two_accounts();
    let consumer = role_arn(B, "consumer");
    let none = role_arn(B, "none");
    let launcher = role_arn(B, "launcher");
    let message = |caller: &str, role: &str| {
        format!("User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}")
    };
    let admin = format!("arn:aws:iam::{A}:user/admin");
    let denied = "AccessDenied";
    fails(
        a.assume(&consumer, &[]).await.map(|_| ()),
        403,
        denied,
        &message(&admin, &consumer),
    );
    fails(
        a.assume(&consumer, &[("ExternalId", "other")])
            .await
            .map(|_| ()),
        403,
        denied,
        &message(&admin, &consumer),
    );
    fails(
        a.assume(&none, &[("ExternalId", "example")])
            .await
            .map(|_| ()),
        403,
        denied,
        &message(&admin, &none),
    );
    fails(
        a.assume(&launcher, &[]).await.map(|_| ()),
        403,
        denied,
        &message(&admin, &launcher),
    );
    let session = format!("arn:aws:sts::{A}:assumed-role/administrator/test");
    let without = a.without(A, &["sts:AssumeRole"]).await;
    fails(
        without
            .assume(&consumer, &[("ExternalId", "example")])
            .await
            .map(|_| ()),
        403,
        denied,
        &message(&session, &consumer),
    );
    let consumer = a
        .assume(&consumer, &[("ExternalId", "example")])
        .await
        .unwrap();
    let caller = consumer.sts("GetCallerIdentity", &[]).await.unwrap();
    assert_eq!(
        caller.first("Arn"),
        format!("arn:aws:sts::{B}:assumed-role/consumer/test")
    );
    b.assume(&launcher, &[]).await.unwrap();
}

#[tokio::test]
async fn rule_5_6_get_caller_identity_needs_no_permission() {
    let (a, _) = two_accounts();
    let nobody = a.without(A, &["*"]).await;
    assert_eq!(
        nobody
            .sts("GetCallerIdentity", &[])
            .await
            .unwrap()
            .first("Account"),
        A
    );
    let invalid = "The security token included in the request is invalid.";
    fails(
        a.with_key("AKIAUNKNOWN")
            .sts("GetCallerIdentity", &[])
            .await,
        403,
        "InvalidClientTokenId",
        invalid,
    );
}

#[tokio::test]
async fn rule_5_3_a_duration_has_its_bounds() {
    let (a, _) = two_accounts();
    let role = role_arn(A, "administrator");
    for (seconds, bound) in [
        ("899", "greater than or equal to 900"),
        ("-1", "greater than or equal to 900"),
        ("x", "greater than or equal to 900"),
        ("43201", "less than or equal to 43200"),
    ] {
        let message = format!(
            "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy \
             constraint: Member must have value {bound}"
        );
        let refused = a
            .assume(&role, &[("DurationSeconds", seconds)])
            .await
            .map(|_| ());
        fails(refused, 400, "ValidationError", &message);
    }
    a.assume(&role, &[("DurationSeconds", "900")])
        .await
        .unwrap();
}

#[tokio::test]
async fn rule_5_4_managed_session_policies_limit_as_inline_ones_do() {
    let (a, _) = two_accounts();
    let role = role_arn(A, "administrator");
    let document = json!({ "Statement": [allow("ec2:DescribeImages")] }).to_string();
    let made = a
        .iam(
            "CreatePolicy",
            &[("PolicyName", "read"), ("PolicyDocument", &document)],
        )
        .await
        .unwrap();
    let managed = ("PolicyArns.member.1.arn", made.first("Arn"));
    let session = a.assume(&role, &[managed]).await.unwrap();
    session.ec2("DescribeImages", &[]).await.unwrap();
    let fail = session.ec2("DescribeSnapshots", &[]).await.unwrap_err();
    assert!(
        fail.message
            .contains("because no session policy allows the ec2:DescribeSnapshots action"),
        "{fail:?}"
    );
    // One of several policies that allows is enough.
    let inline = json!({ "Statement": [allow("ec2:DescribeSnapshots")] }).to_string();
    let session = a
        .assume(&role, &[managed, ("Policy", &inline)])
        .await
        .unwrap();
    session.ec2("DescribeImages", &[]).await.unwrap();
    session.ec2("DescribeSnapshots", &[]).await.unwrap();
    let missing = a
        .assume(
            &role,
            &[(
                "PolicyArns.member.1.arn",
                "arn:aws:iam::111111111111:policy/none",
            )],
        )
        .await;
    assert_eq!(missing.err().unwrap().code, "ValidationError");
    let names: Vec<String> = (1..=11)
        .map(|n| format!("PolicyArns.member.{n}.arn"))
        .collect();
    let eleven: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), managed.1))
        .collect();
    assert_eq!(
        a.assume(&role, &eleven).await.err().unwrap().code,
        "PackedPolicyTooLarge"
    );
}

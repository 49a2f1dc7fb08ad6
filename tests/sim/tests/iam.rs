//! IAM and SSM: what the other side needs.

use serde_json::json;

use super::support::*;

#[tokio::test]
async fn rule_5_2_names_and_external_ids_have_a_form() {
    let (a, _) = two_accounts();
    let role = format!("arn:aws:iam::{A}:role/administrator");
    let assume = |session: &'static str, id: &'static str| {
        let (a, role) = (a.clone(), role.clone());
        async move {
            a.sts(
                "AssumeRole",
                &[
                    ("RoleArn", &role),
                    ("RoleSessionName", session),
                    ("ExternalId", id),
                ],
            )
            .await
        }
    };
    assume("good=,.@-name", "id:/+=,.@-").await.unwrap();
    for (session, id) in [
        ("x", "ok"),
        ("with blank", "ok"),
        ("good", "x"),
        ("good", "a b"),
    ] {
        assert_eq!(
            assume(session, id).await.unwrap_err().code,
            "ValidationError",
            "{session} {id}"
        );
    }
}

#[tokio::test]
async fn rule_5_3_sessions_are_no_longer_than_they_may_be() {
    let (a, _) = two_accounts();
    let role = format!("arn:aws:iam::{A}:role/administrator");
    let chained = "The requested DurationSeconds exceeds the 1 hour session limit for roles \
                   assumed by role chaining";
    let session = a.assume(&role, &[]).await.unwrap();
    let longer = session
        .assume(&role, &[("DurationSeconds", "3601")])
        .await
        .map(|_| ());
    fails(longer, 400, "ValidationError", chained);
    let role_limit =
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    fails(
        a.assume(&role, &[("DurationSeconds", "7200")])
            .await
            .map(|_| ()),
        400,
        "ValidationError",
        role_limit,
    );
    session
        .assume(&role, &[("DurationSeconds", "3600")])
        .await
        .unwrap();
}

#[tokio::test]
async fn rule_5_4_a_session_can_do_no_more_than_its_policy_and_its_role() {
    let (a, _) = two_accounts();
    let role = format!("arn:aws:iam::{A}:role/publisher");
    let policy =
        json!({ "Statement": [allow(&json!("ec2:DescribeImages")), allow(&json!("ec2:RunInstances"))] }).to_string();
    let session = a.assume(&role, &[("Policy", &policy)]).await.unwrap();
    session.ec2("DescribeImages", &[]).await.unwrap();
    let fail = session.ec2("DescribeSnapshots", &[]).await.unwrap_err();
    assert!(
        fail.message
            .contains("because no session policy allows the ec2:DescribeSnapshots action"),
        "{}",
        fail.message
    );
    let fail = session.launch(&a.image("plain"), &[]).await.unwrap_err();
    assert!(
        fail.message
            .contains("because no identity-based policy allows the ec2:RunInstances action"),
        "{}",
        fail.message
    );
    let long = json!({ "Statement": [allow(&json!("x".repeat(2048)))] }).to_string();
    assert_eq!(
        a.assume(&role, &[("Policy", &long)])
            .await
            .err()
            .unwrap()
            .code,
        "PackedPolicyTooLarge"
    );
    assert_eq!(
        a.assume(&role, &[("Policy", "{")])
            .await
            .err()
            .unwrap()
            .code,
        "MalformedPolicyDocument"
    );
}

#[tokio::test]
async fn rule_5_4_a_boundary_limits_the_role() {
    let boundary = json!({ "Statement": [allow(&json!("ec2:Describe*"))] });
    let (a, _) = scenario(|scenario| scenario.accounts[0].roles[0].boundary = Some(boundary));
    let publisher = a
        .assume(&format!("arn:aws:iam::{A}:role/publisher"), &[])
        .await
        .unwrap();
    publisher.ec2("DescribeImages", &[]).await.unwrap();
    let fail = publisher.share(&a.image("golden"), B).await.unwrap_err();
    assert!(
        fail.message
            .contains("because no permissions boundary allows the ec2:ModifyImageAttribute action"),
        "{}",
        fail.message
    );
}

#[tokio::test(start_paused = true)]
async fn rule_5_8_policies_of_roles_have_limits_and_take_their_time() {
    let delays = ami_share_sim::Delays {
        iam: std::time::Duration::from_secs(10),
        ..Default::default()
    };
    let (a, _) = delayed(delays);
    let session = a.role(A, "new", &allow(&json!("ec2:DescribeImages"))).await;
    assert_eq!(
        session.ec2("DescribeImages", &[]).await.unwrap_err().code,
        "UnauthorizedOperation"
    );
    // KMS does not know the role yet.
    let statement = json!({ "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{A}:role/new") }, "Action": "kms:*", "Resource": "*" });
    let unknown = "Policy contains a statement with one or more invalid principals.";
    fails(
        a.put_policy(statement.clone()).await,
        400,
        "MalformedPolicyDocumentException",
        unknown,
    );
    seconds(11).await;
    session.ec2("DescribeImages", &[]).await.unwrap();
    a.put_policy(statement).await.unwrap();
    let long = a
        .put_role_policy("new", &allow(&json!("x".repeat(10_240))))
        .await;
    fails(
        long,
        409,
        "LimitExceeded",
        "Maximum policy size of 10240 bytes exceeded for role new",
    );
    let malformed = [
        ("RoleName", "new"),
        ("PolicyName", "p"),
        ("PolicyDocument", "{}"),
    ];
    assert_eq!(
        a.iam("PutRolePolicy", &malformed).await.unwrap_err().code,
        "MalformedPolicyDocument"
    );
    let missing = a.put_role_policy("none", &allow(&json!("*"))).await;
    fails(
        missing,
        404,
        "NoSuchEntity",
        "The role with name none cannot be found.",
    );
    a.iam(
        "CreateServiceLinkedRole",
        &[("AWSServiceName", "autoscaling.amazonaws.com")],
    )
    .await
    .unwrap();
    let protected = a
        .put_role_policy("AWSServiceRoleForAutoScaling", &allow(&json!("*")))
        .await;
    assert_eq!(protected.unwrap_err().code, "UnmodifiableEntity");
    let again = a
        .iam(
            "CreateServiceLinkedRole",
            &[("AWSServiceName", "autoscaling.amazonaws.com")],
        )
        .await;
    assert_eq!(again.unwrap_err().code, "InvalidInput");
}

#[tokio::test]
async fn rule_5_8_attached_policies_and_simulation_say_the_same_as_calls() {
    let (a, _) = two_accounts();
    let session = a.role(A, "new", &allow(&json!("s3:*"))).await;
    let document = json!({ "Statement": [
        allow(&json!("ec2:Describe*")),
        { "Effect": "Deny", "Action": "ec2:DescribeSnapshots", "Resource": "*" },
    ] });
    let made = a
        .iam(
            "CreatePolicy",
            &[
                ("PolicyName", "p"),
                ("PolicyDocument", &document.to_string()),
            ],
        )
        .await
        .unwrap();
    let attachment = [("RoleName", "new"), ("PolicyArn", made.first("Arn"))];
    a.iam("AttachRolePolicy", &attachment).await.unwrap();
    let simulated = a
        .iam(
            "SimulatePrincipalPolicy",
            &[
                ("PolicySourceArn", &format!("arn:aws:iam::{A}:role/new")),
                ("ActionNames.member.1", "ec2:DescribeImages"),
                ("ActionNames.member.2", "ec2:DescribeSnapshots"),
                ("ActionNames.member.3", "ec2:RunInstances"),
            ],
        )
        .await
        .unwrap();
    assert_eq!(
        simulated.all("EvalDecision"),
        ["allowed", "explicitDeny", "implicitDeny"]
    );
    session.ec2("DescribeImages", &[]).await.unwrap();
    assert!(
        session
            .ec2("DescribeSnapshots", &[])
            .await
            .unwrap_err()
            .message
            .contains("with an explicit deny in an identity-based policy")
    );
    a.iam("DetachRolePolicy", &attachment).await.unwrap();
    assert!(session.ec2("DescribeImages", &[]).await.is_err());
    assert_eq!(
        a.iam("DetachRolePolicy", &attachment)
            .await
            .unwrap_err()
            .code,
        "NoSuchEntity"
    );
}

#[tokio::test]
async fn rule_5_9_a_parameter_of_an_image_is_answered_before_it_is_checked() {
    let (a, b) = two_accounts();
    let image = |value: String| json!({ "Name": "/ami", "Value": value, "Type": "String", "DataType": "aws:ec2:image" });
    let read = json!({ "Name": "/ami" });
    // 200, and nothing was written: the image is not there for B.
    b.ssm("PutParameter", image(a.image("plain")))
        .await
        .unwrap();
    assert_eq!(
        b.ssm("GetParameter", read.clone()).await.unwrap_err().code,
        "ParameterNotFound"
    );
    a.share(&a.image("plain"), B).await.unwrap();
    b.ssm("PutParameter", image(a.image("plain")))
        .await
        .unwrap();
    let stored = b.ssm("GetParameter", read.clone()).await.unwrap().json();
    assert_eq!(
        (
            &stored["Parameter"]["Value"],
            &stored["Parameter"]["Version"]
        ),
        (&json!(a.image("plain")), &json!(1))
    );
    let message = "The parameter already exists. To overwrite this value, set the overwrite option \
                   in the request to true.";
    fails(
        b.ssm("PutParameter", image(a.image("plain"))).await,
        400,
        "ParameterAlreadyExists",
        message,
    );
    let mut again = image(a.image("plain"));
    again["Overwrite"] = json!(true);
    b.ssm("PutParameter", again.clone()).await.unwrap();
    again["Type"] = json!("StringList");
    assert_eq!(
        b.ssm("PutParameter", again).await.unwrap_err().code,
        "ValidationException"
    );
    let denied = b.without(B, &["ssm:GetParameter"]).await;
    assert_eq!(
        denied.ssm("GetParameter", read).await.unwrap_err().code,
        "AccessDeniedException"
    );
}

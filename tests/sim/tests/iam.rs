//! IAM roles and SSM parameters.

use serde_json::json;

use super::support::*;

#[tokio::test]
async fn rule_5_2_session_names_and_external_ids_have_a_form() {
    let (a, _) = two_accounts();
    let role = role_arn(A, "administrator");
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
async fn rule_5_3_a_session_lasts_no_longer_than_its_role_allows() {
    let (a, _) = two_accounts();
    let role = role_arn(A, "administrator");
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
    let role = role_arn(A, "publisher");
    let policy = json!({ "Statement": [allow("ec2:DescribeImages"), allow("ec2:RunInstances")] })
        .to_string();
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
    let long = json!({ "Statement": [allow("x".repeat(2048))] }).to_string();
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
    let boundary = json!({ "Statement": [allow("ec2:Describe*")] });
    let (a, _) = scenario(|scenario| scenario.accounts[0].roles[0].boundary = Some(boundary));
    let publisher = a.assume(&role_arn(A, "publisher"), &[]).await.unwrap();
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
async fn rule_5_8_changes_of_roles_take_effect_later() {
    let delays = ami_share_sim::Delays {
        iam: std::time::Duration::from_secs(10),
        ..Default::default()
    };
    let (a, _) = delayed(delays);
    let session = a.role(A, "new", &allow("ec2:DescribeImages")).await;
    let refused = session.ec2("DescribeImages", &[]).await;
    assert_code(refused, "UnauthorizedOperation");
    // KMS does not know the role yet.
    let statement = allow_to(role_arn(A, "new"), "kms:*");
    let message = "Policy contains a statement with one or more invalid principals.";
    let refused = a.put_policy(statement.clone()).await;
    fails(refused, 400, "MalformedPolicyDocumentException", message);
    seconds(11).await;
    session.ec2("DescribeImages", &[]).await.unwrap();
    a.put_policy(statement).await.unwrap();
}

#[tokio::test]
async fn rule_5_8_policies_of_roles_have_limits() {
    let (a, _) = two_accounts();
    a.role(A, "new", &allow("ec2:DescribeImages")).await;
    let message = "Maximum policy size of 10240 bytes exceeded for role new";
    let long = a.put_role_policy("new", &allow("x".repeat(10_240))).await;
    fails(long, 409, "LimitExceeded", message);
    let malformed = [
        ("RoleName", "new"),
        ("PolicyName", "p"),
        ("PolicyDocument", "{}"),
    ];
    let refused = a.iam("PutRolePolicy", &malformed).await;
    assert_code(refused, "MalformedPolicyDocument");
    let missing = a.put_role_policy("none", &allow("*")).await;
    let message = "The role with name none cannot be found.";
    fails(missing, 404, "NoSuchEntity", message);
    let service = [("AWSServiceName", "autoscaling.amazonaws.com")];
    a.iam("CreateServiceLinkedRole", &service).await.unwrap();
    let name = "AWSServiceRoleForAutoScaling";
    let protected = a.put_role_policy(name, &allow("*")).await;
    assert_code(protected, "UnmodifiableEntity");
    let again = a.iam("CreateServiceLinkedRole", &service).await;
    assert_code(again, "InvalidInput");
}

#[tokio::test]
async fn rule_5_8_policy_simulation_decides_as_calls_do() {
    let (a, _) = two_accounts();
    let session = a.role(A, "new", &allow("s3:*")).await;
    let document = json!({ "Statement": [
        allow("ec2:Describe*"),
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
                ("PolicySourceArn", &role_arn(A, "new")),
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
    assert_code(a.iam("DetachRolePolicy", &attachment).await, "NoSuchEntity");
}

#[tokio::test]
async fn rule_5_9_a_parameter_of_an_image_is_answered_before_it_is_checked() {
    let (a, b) = two_accounts();
    let image = |value: String| {
        let mut parameter = json!({ "Name": "/ami", "Value": value, "Type": "String" });
        parameter["DataType"] = json!("aws:ec2:image");
        parameter
    };
    let read = json!({ "Name": "/ami" });
    // The answer is 200, and nothing is written: the image is not available to B.
    b.ssm("PutParameter", image(a.image("plain")))
        .await
        .unwrap();
    assert_code(
        b.ssm("GetParameter", read.clone()).await,
        "ParameterNotFound",
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
    assert_code(b.ssm("PutParameter", again).await, "ValidationException");
    let denied = b.without(B, &["ssm:GetParameter"]).await;
    assert_code(
        denied.ssm("GetParameter", read).await,
        "AccessDeniedException",
    );
}

#[tokio::test]
async fn rule_5_17_an_account_has_at_most_one_alias() {
    let (a, b) = two_accounts();
    let shown = a.iam("ListAccountAliases", &[]).await.unwrap();
    assert!(shown.all("member").is_empty());
    for alias in ["first", "second-1"] {
        let create = [("AccountAlias", alias)];
        a.iam("CreateAccountAlias", &create).await.unwrap();
        let shown = a.iam("ListAccountAliases", &[]).await.unwrap();
        assert_eq!(shown.all("member"), [alias]);
    }
    let create = [("AccountAlias", "second-1")];
    assert_code(
        b.iam("CreateAccountAlias", &create).await,
        "EntityAlreadyExists",
    );
    for alias in ["ab", "Large", "a--b", "-ab", "a_b"] {
        let create = [("AccountAlias", alias)];
        assert_code(
            b.iam("CreateAccountAlias", &create).await,
            "ValidationError",
        );
    }
    assert_code(b.iam("DeleteAccountAlias", &create).await, "NoSuchEntity");
    a.iam("DeleteAccountAlias", &create).await.unwrap();
    b.iam("CreateAccountAlias", &create).await.unwrap();
}

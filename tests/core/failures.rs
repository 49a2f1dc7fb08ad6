//! What AWS refuses: every error says who, what, on what, where, and which policy to change
//! (promise P7).

use ami_share::diagnostic::Code;
use ami_share::{Error, Sharer};

use super::support::*;

/// The first error of a plan as a session of A's administrator who may not do one thing.
pub(crate) async fn denied(action: &str) -> Error {
    let world = World::new();
    let policy = serde_json::json!({ "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": action, "Resource": "*" },
    ] });
    let config = assume(&world, "administrator", Some(policy.to_string())).await;
    let sharer = Sharer::new(&config);
    match sharer
        .plan(&world.copying(&["plain"]).build().unwrap())
        .await
    {
        Err(errors) => errors.iter().next().unwrap().clone(),
        Ok(plan) => sharer.apply(&plan).await.unwrap_err().report.errors[0].clone(),
    }
}

/// A's configuration as a session of one of its roles.
pub(crate) async fn assume(
    world: &World,
    role: &str,
    policy: Option<String>,
) -> ami_share::aws_config::SdkConfig {
    let config = world.config(A);
    let sts = aws_sdk_sts::Client::new(&config);
    let role = &world.sim.facts().roles[A][role];
    let assumed = sts
        .assume_role()
        .role_arn(role)
        .role_session_name("test")
        .set_policy(policy)
        .send()
        .await
        .unwrap();
    let keys = assumed.credentials().unwrap();
    let credentials = aws_sdk_sts::config::Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        Some(keys.session_token().to_owned()),
        None,
        "test",
    );
    let provider = aws_sdk_sts::config::SharedCredentialsProvider::new(credentials);
    config.to_builder().credentials_provider(provider).build()
}

#[tokio::test(start_paused = true)]
async fn each_denied_action_is_named_with_who_where_and_what_to_change() {
    let actions = [
        "ec2:DescribeImages",
        "ec2:DescribeSnapshots",
        "ec2:DescribeImageAttribute",
        "ec2:ModifyImageAttribute",
        "ec2:CopyImage",
        "ec2:CreateTags",
        "kms:DescribeKey",
        "kms:GetKeyPolicy",
        "kms:PutKeyPolicy",
    ];
    for action in actions {
        let error = denied(action).await;
        assert_eq!(error.code, Code::AccessDenied, "{error}");
        let said = error.to_string();
        let who = format!(
            "arn:aws:sts::{A}:assumed-role/administrator/test may not perform {action} on "
        );
        assert!(said.contains(&who), "{said}");
        let remedy = format!("remove the deny of `{action}` from a session policy");
        assert!(error.remedy.contains(&remedy), "{said}");
        assert_eq!(
            (
                error.account.unwrap().to_string(),
                error.region.unwrap().to_string()
            ),
            (A.to_owned(), "us-east-1".to_owned())
        );
    }
}

#[tokio::test(start_paused = true)]
async fn missing_permissions_of_an_identity_policy_are_named() {
    let world = World::new();
    let config = assume(&world, "publisher", None).await;
    let sharer = Sharer::new(&config);
    // The published policy knows no other account's keys.
    let key = format!("arn:aws:kms:us-east-1:{B}:alias/none");
    let errors = sharer
        .plan(
            &world
                .request(&["plain"])
                .kms_key(key.parse().unwrap())
                .build()
                .unwrap(),
        )
        .await
        .unwrap_err();
    assert_eq!(errors.iter().next().unwrap().code, Code::KeyNotFound);
}

#[tokio::test(start_paused = true)]
async fn a_missing_image_is_looked_for_a_while_and_then_named() {
    let world = World::new();
    let request = world
        .request(&["golden"])
        .image("ami-1a2b3c4d".parse().unwrap())
        .build()
        .unwrap();
    let started = world.sim.clock().now();
    let errors = Sharer::new(&world.config(A))
        .plan(&request)
        .await
        .unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!(
        (error.code, error.resource.as_deref()),
        (Code::ImageNotFound, Some("ami-1a2b3c4d"))
    );
    assert!(
        (5..=15).contains(
            &world
                .sim
                .clock()
                .now()
                .checked_sub(started)
                .unwrap()
                .as_secs()
        )
    );
    assert!(world.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn unknown_credentials_are_said_to_be_so() {
    let world = World::new();
    let request = world.request(&["golden"]).build().unwrap();
    let errors = Sharer::new(&world.config("nobody"))
        .plan(&request)
        .await
        .unwrap_err();
    assert_eq!(errors.iter().next().unwrap().code, Code::Credentials);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_answers_nothing_is_said_to_be_so() {
    let world = World::new().with(r#"{"operation":"sts:GetCallerIdentity","effect":"drop"}"#);
    let request = world.request(&["golden"]).build().unwrap();
    let errors = Sharer::new(&world.config(A))
        .plan(&request)
        .await
        .unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!(
        (error.code, error.action),
        (Code::EndpointUnreachable, Some("sts:GetCallerIdentity"))
    );
    assert!(world.sim.clock().now().as_secs() < 60);
}

#[tokio::test(start_paused = true)]
async fn throttling_and_passing_faults_are_ridden_out() {
    for operation in [
        "ec2:DescribeImages",
        "ec2:DescribeSnapshots",
        "ec2:CopyImage",
        "ec2:ModifyImageAttribute",
        "kms:GetKeyPolicy",
        "kms:DescribeKey",
    ] {
        for effect in ["\"throttle\"", "\"drop\"", "\"lost-answer\""] {
            let order = |call: u8| {
                format!(r#"{{"operation":"{operation}","call":{call},"effect":{effect}}}"#)
            };
            let world = World::new().with(&order(1)).with(&order(2));
            let report = world.share(world.copying(&["plain"])).await;
            assert_eq!(
                world
                    .launch(report.images[0].image.as_ref().unwrap().as_ref())
                    .await,
                "running"
            );
            assert_eq!(world.copies().len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_image_that_fails_does_not_stop_the_others() {
    let order = r#"{"operation":"ec2:CopyImage","call":1,"effect":{"error":{"status":400,"code":"InternalError","message":"An internal error has occurred"}}}"#;
    let world = World::new().with(order);
    let report = world
        .try_share(world.copying(&["managed", "plain", "golden"]))
        .await
        .unwrap_err();
    assert_eq!(codes(&report), ["aws.refused"]);
    assert_eq!(
        report
            .images
            .iter()
            .filter(|image| image.principals.len() == 1)
            .count(),
        2,
        "{report:?}"
    );
    assert_eq!(world.launch(&world.image("golden")).await, "running");
}

#[tokio::test(start_paused = true)]
async fn rule_2_8_a_copy_that_still_counts_as_pending_is_tried_again() {
    let pending = r#"{"operation":"ec2:ModifyImageAttribute","call":1,"effect":{"error":{"status":400,"code":"InvalidAMIID.Unavailable","message":"The AMI ID 'ami-1' is currently pending and may not be used for this operation"}}}"#;
    let world = World::new().with(pending);
    world.share(world.request(&["golden"])).await;
    assert_eq!(world.launch(&world.image("golden")).await, "running");
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_carried_out_only_by_the_account_that_made_it() {
    let world = World::new();
    let plan = world.plan(world.request(&["golden"])).await;
    let report = Sharer::new(&world.config(B))
        .apply(&plan)
        .await
        .unwrap_err()
        .report;
    assert_eq!(codes(&report), ["credentials.invalid"]);
    assert!(world.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_3_2_5_a_policy_that_kms_does_not_take_is_named_with_its_key() {
    let refused = r#"{"operation":"kms:PutKeyPolicy","call":1,"effect":{"error":{"status":400,"code":"MalformedPolicyDocumentException","message":"The new key policy will not allow you to update the key policy in the future."}}}"#;
    let world = World::new().with(refused);
    let report = world
        .try_share(world.request(&["golden"]))
        .await
        .unwrap_err();
    assert_eq!(codes(&report), ["key.policy-refused"]);
    assert_eq!(report.errors[0].resource, Some(world.key("golden")));
    // Promise P1: without access to the key, nobody is shown the image.
    assert!(!world.changes().contains_key("ec2:ModifyImageAttribute"));
}

#[tokio::test(start_paused = true)]
async fn rule_2_5_an_image_that_changed_hands_is_no_question_of_policies() {
    let foreign = r#"{"operation":"ec2:DescribeImageAttribute","call":1,"effect":{"error":{"status":400,"code":"AuthFailure","message":"Not authorized for image:ami-1a2b3c4d"}}}"#;
    let world = World::new().with(foreign);
    let request = world.request(&["golden"]).build().unwrap();
    let errors = Sharer::new(&world.config(A))
        .plan(&request)
        .await
        .unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!(error.code, Code::AccessDenied);
    assert!(error.remedy.contains("the account that owns it"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_awaited_image_that_fails_ends_the_wait_with_its_reason() {
    let world = World::slow();
    let building = world.image("building");
    world.sim.edit(|state| {
        let fate = state
            .images
            .get_mut(&building)
            .unwrap()
            .fate
            .as_mut()
            .unwrap();
        fate.at = std::time::Duration::from_secs(90);
        fate.failure = Some((
            "Client.InternalError: the volume is gone".to_owned(),
            "gone".to_owned(),
        ));
    });
    let plan = world.plan(world.request(&["building", "golden"])).await;
    // The wait ended when the image failed, not when it would have been available.
    assert!((90..180).contains(&world.sim.clock().now().as_secs()));
    let refusals: Vec<String> = plan.refusals().map(ToString::to_string).collect();
    assert_eq!(refusals.len(), 1);
    assert!(
        refusals[0].starts_with("image.failed: ") && refusals[0].contains("the volume is gone"),
        "{refusals:?}"
    );
}

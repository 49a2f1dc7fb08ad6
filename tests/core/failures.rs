//! What AWS refuses: every error names the principal, the action, the resource, the place, and
//! which policy to change (promise P7).

use std::time::Duration;

use ami_share::diagnostic::{Code, Severity};
use ami_share::request::{ShareRequestBuilder, Verify};
use ami_share::{Error, Sharer};
use serde_json::json;

use super::support::*;

/// The first error of a run as a session of A's administrator who may not do one thing.
pub(crate) async fn find_denial(action: &str) -> Error {
    let world = World::new();
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": action, "Resource": "*" },
    ] });
    let config = world.assume_role(A, "administrator", Some(&policy)).await;
    let sharer = Sharer::new(&config);
    let request = world.build_copy_request(&["plain"]).build().unwrap();
    match sharer.plan(&request).await {
        Err(errors) => errors.iter().next().unwrap().clone(),
        Ok(plan) => sharer.apply(&plan).await.unwrap_err().report.errors[0].clone(),
    }
}

/// The first error that an account's plan ends with.
async fn find_plan_error(world: &World, account: &str, request: ShareRequestBuilder) -> Error {
    let sharer = Sharer::new(&world.config(account));
    let errors = sharer.plan(&request.build().unwrap()).await.unwrap_err();
    errors.iter().next().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn denied_action_is_named_with_principal_place_and_remedy() {
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
        let error = find_denial(action).await;
        assert_eq!(error.code, Code::AccessDenied, "{error}");
        let message = error.to_string();
        let principal = format!("role `administrator` of account {A}");
        let denial = format!("{principal} may not perform {action} on ");
        assert!(message.contains(&denial), "{message}");
        let remedy = format!("remove the deny of `{action}` from a session policy");
        assert!(error.remedy.contains(&remedy), "{message}");
        assert_eq!(error.account.unwrap().as_ref(), A);
        assert_eq!(error.region.unwrap().as_ref(), "us-east-1");
    }
}

#[tokio::test(start_paused = true)]
async fn key_alias_in_another_account_is_reported_as_not_found() {
    let world = World::new();
    let config = world.assume_role(A, "publisher", None).await;
    let sharer = Sharer::new(&config);
    // The published policy knows no other account's keys.
    let key = format!("arn:aws:kms:us-east-1:{B}:alias/none");
    let request = world.build_request(&["plain"]);
    let request = request.kms_key(key.parse().unwrap()).build().unwrap();
    let errors = sharer.plan(&request).await.unwrap_err();
    assert_eq!(errors.iter().next().unwrap().code, Code::KeyNotFound);
}

#[tokio::test(start_paused = true)]
async fn missing_image_is_retried_then_named() {
    let world = World::new();
    let request = world.build_request(&[]);
    let request = request.image("ami-1a2b3c4d".parse().unwrap());
    let started = world.elapsed();
    let error = find_plan_error(&world, A, request).await;
    assert_eq!(error.code, Code::ImageNotFound);
    assert_eq!(error.resource.as_deref(), Some("ami-1a2b3c4d"));
    let seconds = (world.elapsed() - started).as_secs();
    assert!((5..=15).contains(&seconds), "{seconds}");
    assert!(world.count_changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn unknown_credentials_are_reported() {
    let world = World::new();
    let request = world.build_request(&["golden"]);
    let error = find_plan_error(&world, "nobody", request).await;
    assert_eq!(error.code, Code::Credentials);
}

#[tokio::test(start_paused = true)]
async fn refused_credentials_are_those_of_the_caller() {
    let answer = "AWS was not able to validate the provided access credentials";
    let fault = deny_calls("ec2:DescribeImages", "AuthFailure", answer);
    let world = World::new().with_fault(fault);
    let error = find_plan_error(&world, A, world.build_request(&["golden"])).await;
    // The same answer in the Region where the credentials were accepted says nothing of the Region.
    assert_eq!(error.code, Code::Credentials, "{error}");
    assert!(error.message.contains(A), "{error}");
}

#[tokio::test(start_paused = true)]
async fn rule_7_26_region_that_a_target_has_turned_off_is_named() {
    const C: &str = "300000000000";
    let mut scenario = generate_scenario(3, 2, 1, 1);
    let off = scenario.regions[1].name.clone();
    scenario.regions[1].opt_in = true;
    for account in &mut scenario.accounts {
        if account.id != B {
            account.opted_in.push(off.clone());
        }
    }
    let world = World::from_scenario(scenario);
    for account in [B, C] {
        world.allow_actions(account, "consumer", &["ec2:*"]).await;
    }
    let key = |name: &str| world.key_arn(name).parse().unwrap();
    let request = world
        .build_request_for(&["image-1"], &[B, C])
        .kms_key_in("us-east-1".parse().unwrap(), key("key-1"))
        .kms_key_in(off.parse().unwrap(), key(&format!("key-{off}")))
        .copy_to_regions([off.parse().unwrap()])
        .tag("team", "a")
        .target_options(with_target_role().verify(Verify::None));
    let sharer = Sharer::new(&world.config(A));
    let errors = match sharer.plan(&request.build().unwrap()).await {
        Err(errors) => errors.iter().cloned().collect(),
        Ok(plan) => sharer.apply(&plan).await.unwrap_err().report.errors,
    };
    assert!(!errors.is_empty());
    for error in errors {
        assert_eq!(error.code, Code::RegionOff, "{error}");
        assert_eq!(error.account.unwrap().as_ref(), B);
        assert_eq!(error.region.unwrap().as_ref(), off);
    }
}

#[tokio::test(start_paused = true)]
async fn unreachable_endpoint_is_reported() {
    let world = World::new().with_fault(affect_calls("sts:GetCallerIdentity", "drop"));
    let request = world.build_request(&["golden"]);
    let error = find_plan_error(&world, A, request).await;
    assert_eq!(error.code, Code::EndpointUnreachable);
    assert_eq!(error.action, Some("sts:GetCallerIdentity"));
    assert!(world.elapsed().as_secs() < 60);
}

#[tokio::test(start_paused = true)]
async fn share_survives_throttling_and_transient_faults() {
    for operation in [
        "ec2:DescribeImages",
        "ec2:DescribeSnapshots",
        "ec2:CopyImage",
        "ec2:ModifyImageAttribute",
        "kms:GetKeyPolicy",
        "kms:DescribeKey",
    ] {
        for effect in ["throttle", "drop", "lost-answer"] {
            let world = World::new()
                .with_fault(affect_call(operation, 1, effect))
                .with_fault(affect_call(operation, 2, effect));
            let report = world.share(world.build_copy_request(&["plain"])).await;
            let copy = report.images[0].image.as_ref().unwrap();
            assert_eq!(world.launch_as_b(copy.as_ref()).await, "running");
            assert_eq!(world.list_copies().len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn failed_image_does_not_stop_the_others() {
    let world = World::new().with_fault(fail_first_call(
        "ec2:CopyImage",
        "InternalError",
        "An internal error has occurred",
    ));
    let request = world.build_copy_request(&["managed", "plain", "golden"]);
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(list_codes(&report), ["aws.refused"]);
    let images = report.images.iter();
    let shared = images.filter(|image| image.principals.len() == 1);
    assert_eq!(shared.count(), 2, "{report:?}");
    assert_eq!(
        world.launch_as_b(&world.image_id("golden")).await,
        "running"
    );
}

#[tokio::test(start_paused = true)]
async fn rule_2_8_share_retries_copy_that_counts_as_pending() {
    let world = World::new().with_fault(fail_first_call(
        "ec2:ModifyImageAttribute",
        "InvalidAMIID.Unavailable",
        "The AMI ID 'ami-1' is currently pending and may not be used for this operation",
    ));
    world.share(world.build_request(&["golden"])).await;
    assert_eq!(
        world.launch_as_b(&world.image_id("golden")).await,
        "running"
    );
}

#[tokio::test(start_paused = true)]
async fn apply_refuses_plan_of_another_account() {
    let world = World::new();
    let plan = world.plan(world.build_request(&["golden"])).await;
    let other = Sharer::new(&world.config(B));
    let report = other.apply(&plan).await.unwrap_err().report;
    assert_eq!(list_codes(&report), ["credentials.invalid"]);
    assert!(world.count_changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn rule_3_2_5_refused_key_policy_is_named_with_its_key() {
    let world = World::new().with_fault(fail_first_call(
        "kms:PutKeyPolicy",
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    ));
    let request = world.build_request(&["golden"]);
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(list_codes(&report), ["key.policy-refused"]);
    assert_eq!(report.errors[0].resource, Some(world.key_arn("golden")));
    // Promise P1: without access to the key, no target is shown the image.
    let changes = world.count_changes();
    assert!(!changes.contains_key("ec2:ModifyImageAttribute"));
}

#[tokio::test(start_paused = true)]
async fn rule_2_5_image_with_new_owner_is_not_blamed_on_policies() {
    let world = World::new().with_fault(fail_first_call(
        "ec2:DescribeImageAttribute",
        "AuthFailure",
        "Not authorized for image:ami-1a2b3c4d",
    ));
    let error = find_plan_error(&world, A, world.build_request(&["golden"])).await;
    assert_eq!(error.code, Code::AccessDenied);
    assert!(error.remedy.contains("the account that owns it"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn awaited_image_that_fails_ends_wait_with_its_reason() {
    let world = World::with_slow_copies();
    world.edit_image(&world.image_id("building"), |image| {
        let fate = image.fate.as_mut().unwrap();
        fate.at = Duration::from_secs(90);
        let reason = "Client.InternalError: the volume is gone".to_owned();
        fate.failure = Some((reason, "gone".to_owned()));
    });
    let request = world.build_request(&["building", "golden"]);
    let plan = world.plan(request).await;
    // The wait ended when the image failed, not when it would have been available.
    assert!((90..180).contains(&world.elapsed().as_secs()));
    let [finding] = &plan.findings[..] else {
        panic!("one finding is expected: {:?}", plan.findings)
    };
    let text = finding.to_string();
    assert!(text.starts_with("image.failed: "), "{text}");
    assert!(text.contains("the volume is gone"), "{text}");
    assert_eq!(finding.severity, Severity::LeaveOut);
    let shared = plan
        .launch_permissions()
        .map(|launch| &launch.shared.source.ami);
    let golden = world.image_id("golden").parse().unwrap();
    assert_eq!(shared.collect::<Vec<_>>(), [&golden]);
}

#[tokio::test(start_paused = true)]
async fn answer_about_another_resource_is_unexpected() {
    for (operation, path) in [
        ("ec2:DescribeImageAttribute", "imageId"),
        ("ec2:DescribeSnapshotAttribute", "snapshotId"),
    ] {
        for value in [Some("ami-0123456789abcdef0"), None] {
            let world = World::new();
            let request = || {
                let request = world.build_request(&["golden"]);
                request.share_snapshots(ami_share::request::ShareSnapshots::Always)
            };
            world.share(request()).await;
            let before = world.count_changes();
            let fault = json!({
                "operation": operation,
                "effect": { "answer": { "path": path, "value": value } },
            });
            world.sim.fault(serde_json::from_value(fault).unwrap());
            let sharer = Sharer::new(&world.config(A));
            let request = into_revoke(request()).build().unwrap();
            let errors = match sharer.plan(&request).await {
                Err(errors) => errors.iter().cloned().collect(),
                Ok(plan) => match sharer.apply(&plan).await {
                    Ok(report) => report.errors,
                    Err(incomplete) => incomplete.report.errors,
                },
            };
            let codes: Vec<&str> = errors.iter().map(|error| error.code.as_str()).collect();
            assert!(
                codes.contains(&"aws.unexpected"),
                "{operation} {value:?}: {codes:?}"
            );
            assert_eq!(world.count_changes(), before, "{operation} {value:?}");
        }
    }
}

//! Every error code ends some run.

mod concurrent;

use std::collections::BTreeSet;

use ami_share::diagnostic::Code;
use ami_share::request::{Revoke, ShareRequestBuilder, Verify};
use ami_share::{Report, Sharer};
use ami_share_sim::Scenario;
use serde_json::json;

use super::failures::find_denial;
use super::findings::targets::with_admin_role;
use super::support::*;

#[tokio::test(start_paused = true)]
async fn every_error_code_ends_some_run() {
    let mut codes: BTreeSet<Code> = [find_denial("ec2:CopyImage").await.code].into();
    codes.extend(fault_errors().await);
    codes.extend(request_errors().await);
    codes.extend(key_errors().await);
    codes.extend(target_errors().await);
    codes.extend(test_launch_errors().await);
    codes.extend(concurrent::errors().await);
    let all: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    assert_eq!(codes, all);
}

/// The codes of the errors that a run ends with.
async fn run(world: &World, account: &str, request: ShareRequestBuilder) -> Vec<Code> {
    let sharer = Sharer::new(&world.config(account));
    let plan = match sharer.plan(&request.build().unwrap()).await {
        Ok(plan) => plan,
        Err(errors) => return errors.iter().map(|error| error.code).collect(),
    };
    list_error_codes(&sharer.apply(&plan).await.unwrap_err().report)
}

fn list_error_codes(report: &Report) -> Vec<Code> {
    report.errors.iter().map(|error| error.code).collect()
}

/// Errors that AWS answers with.
async fn fault_errors() -> Vec<Code> {
    let mut codes = Vec::new();
    let internal = "An internal error has occurred";
    for fault in [
        fail_first_call("ec2:CopyImage", "InternalError", internal),
        fail_first_copy("no"),
        affect_calls("sts:GetCallerIdentity", "throttle"),
        affect_calls("ec2:DescribeImages", "throttle"),
        json!({ "operation": "ec2:CopyImage", "effect": { "error": {
            "status": 503, "code": "Unavailable", "message": internal } } }),
        affect_calls("sts:GetCallerIdentity", "drop"),
        answer_without("sts:GetCallerIdentity", "Account"),
    ] {
        let world = World::new().with_fault(fault);
        codes.extend(run(&world, A, world.build_copy_request(&["plain"])).await);
    }
    let malformed = "MalformedPolicyDocumentException";
    let quota = "ResourceLimitExceeded";
    for fault in [
        fail_first_call(
            "ec2:ModifyImageAttribute",
            quota,
            "You have reached your quota",
        ),
        fail_first_call("kms:PutKeyPolicy", malformed, "It will not allow you"),
    ] {
        let world = World::new().with_fault(fault);
        codes.extend(run(&world, A, world.build_request(&["golden"])).await);
    }
    let region_off = deny_calls(
        "sts:GetCallerIdentity",
        "RegionDisabledException",
        "STS is not activated in this region",
    );
    let world = World::new().with_fault(region_off);
    codes.extend(run(&world, A, world.build_request(&["golden"])).await);
    codes
}

/// Errors of requests that cannot be carried out.
async fn request_errors() -> Vec<Code> {
    let world = World::new();
    let golden = || world.build_request(&["golden"]);
    let mut codes = run(&world, "nobody", golden()).await;
    let unknown = "ami-1a2b3c4d".parse().unwrap();
    codes.extend(run(&world, A, golden().image(unknown)).await);
    let request = world.build_request(&["plain"]);
    let no_key = request.kms_key("alias/none".parse().unwrap());
    codes.extend(run(&world, A, no_key).await);
    codes.extend(run(&world, A, world.build_request(&["managed"])).await);
    let one_of_two = world.build_request(&["managed", "golden"]);
    codes.extend(run(&world, A, one_of_two).await);

    let slow = World::with_slow_copies();
    let request = slow.build_copy_request(&["plain"]);
    codes.extend(run(&slow, A, request.timing(with_timeout(600))).await);
    codes
}

/// Errors about keys and their policies.
async fn key_errors() -> Vec<Code> {
    let missing = "333333333333";
    let mut scenario = Scenario::two_accounts();
    scenario.nonexistent_accounts = vec![missing.to_owned()];
    let world = World::from_scenario(scenario);
    let request = world.build_request_for(&["golden"], &[B, missing]);
    let mut codes = run(&world, A, request).await;

    // Between plan and put the policy becomes invalid.
    let world = World::new();
    let plan = world.plan(world.build_request(&["golden"])).await;
    world.edit_key(&world.key_arn("golden"), |key| {
        key.policies[0].1.insert_str(1, r#""Statement":[],"#);
    });
    let sharer = Sharer::new(&world.config(A));
    let incomplete = sharer.apply(&plan).await.unwrap_err();
    codes.extend(list_error_codes(&incomplete.report));

    // An instance of the target runs on the key.
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let grant = build_grant("of-an-instance", B, "ec2.us-east-1.amazonaws.com");
    world.edit_key(&world.key_arn("golden"), |key| key.grants.push(grant));
    let request = world.build_request(&["golden"]);
    codes.extend(run(&world, A, request.revoke(Revoke::default())).await);
    codes
}

/// A test launch whose instance cannot be terminated.
async fn test_launch_errors() -> Vec<Code> {
    let world = with_admin_role(|_| ()).with_fault(deny_calls(
        "ec2:TerminateInstances",
        "UnauthorizedOperation",
        "You are not authorized to perform this operation.",
    ));
    let options = with_target_role().verify(Verify::Launch);
    let request = world.build_request(&["golden"]);
    run(&world, A, request.target_options(options)).await
}

/// Errors in target accounts.
async fn target_errors() -> Vec<Code> {
    let with_launcher = || with_target_role().launch_roles(["launcher".to_owned()]);
    let world = with_admin_role(|_| ());
    let options = with_launcher().external_id("another");
    let request = world.build_request(&["golden"]).target_options(options);
    let mut codes = run(&world, A, request).await;

    let world = with_admin_role(|_| ()).with_fault(fail_first_call(
        "iam:PutRolePolicy",
        "LimitExceeded",
        "Maximum policy size exceeded",
    ));
    let request = world.build_request(&["golden"]);
    codes.extend(run(&world, A, request.target_options(with_launcher())).await);

    // The plan only warns of a deny for one role; the run checks it after the share.
    let world = with_admin_role(|_| ());
    world.edit_statements(&world.key_arn("golden"), |statements| {
        statements.push(json!({
            "Sid": "OnlyOurs",
            "Effect": "Deny",
            "Principal": { "AWS": format!("arn:aws:iam::{B}:role/launcher") },
            "Action": "kms:*",
            "Resource": "*",
        }));
    });
    let request = world.build_request(&["golden"]);
    codes.extend(run(&world, A, request.target_options(with_launcher())).await);
    codes
}

//! Every error code ends some run.

mod concurrent;
mod repeated;

use std::collections::BTreeSet;

use ami_share::diagnostic::Code;
use ami_share::request::{Revoke, ShareRequestBuilder, Verify};
use ami_share::{Error, Sharer};
use ami_share_sim::Scenario;
use serde_json::json;
use tokio::sync::OnceCell;

use super::expected::replaced::replace_changed;
use super::failures::find_denial;
use super::findings::targets::with_admin_role;
use super::launch_templates::{ID, OLD, put_template};
use super::support::*;

#[tokio::test(start_paused = true)]
async fn every_error_code_ends_some_run() {
    let errors = collect_all().await;
    let codes: BTreeSet<Code> = errors.iter().map(|error| error.code).collect();
    let all: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    assert_eq!(codes, all);
}

/// At least one error of each code. Two tests want them, and one collects them.
pub(crate) async fn collect_all() -> &'static [Error] {
    static ALL: OnceCell<Vec<Error>> = OnceCell::const_new();
    ALL.get_or_init(collect_anew).await
}

async fn collect_anew() -> Vec<Error> {
    let mut errors = vec![find_denial("ec2:CopyImage").await];
    errors.extend(fault_errors().await);
    errors.extend(request_errors().await);
    errors.extend(key_errors().await);
    errors.extend(target_errors().await);
    errors.extend(test_launch_errors().await);
    errors.extend(concurrent::errors().await);
    errors.extend(replace_changed(true).await.errors);
    errors
}

/// The errors that a run ends with.
async fn run(world: &World, account: &str, request: ShareRequestBuilder) -> Vec<Error> {
    let sharer = Sharer::new(&world.config(account));
    let plan = match sharer.plan(&request.build().unwrap()).await {
        Ok(plan) => plan,
        Err(errors) => return errors.iter().cloned().collect(),
    };
    sharer.apply(&plan).await.unwrap_err().report.errors
}

/// Errors that AWS answers with.
async fn fault_errors() -> Vec<Error> {
    let mut errors = Vec::new();
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
        errors.extend(run(&world, A, world.build_copy_request(&["plain"])).await);
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
        errors.extend(run(&world, A, world.build_request(&["golden"])).await);
    }
    let region_off = deny_calls(
        "sts:GetCallerIdentity",
        "RegionDisabledException",
        "STS is not activated in this region",
    );
    let world = World::new().with_fault(region_off);
    errors.extend(run(&world, A, world.build_request(&["golden"])).await);
    errors
}

/// Errors of requests that cannot be carried out.
async fn request_errors() -> Vec<Error> {
    let world = World::new();
    let golden = || world.build_request(&["golden"]);
    let mut errors = run(&world, "nobody", golden()).await;
    let unknown = "ami-1a2b3c4d".parse().unwrap();
    errors.extend(run(&world, A, golden().image(unknown)).await);
    let request = world.build_request(&["plain"]);
    let no_key = request.kms_key("alias/none".parse().unwrap());
    errors.extend(run(&world, A, no_key).await);
    errors.extend(run(&world, A, world.build_request(&["managed"])).await);
    let one_of_two = world.build_request(&["managed", "golden"]);
    errors.extend(run(&world, A, one_of_two).await);

    let request = world.build_request(&[]);
    let request = request.image_of_parameter(None, "/golden/none");
    errors.extend(run(&world, A, request).await);

    let slow = World::with_slow_copies();
    let request = slow.build_copy_request(&["plain"]);
    errors.extend(run(&slow, A, request.timing(with_timeout(600))).await);
    errors
}

/// Errors about keys and their policies.
async fn key_errors() -> Vec<Error> {
    let missing = "333333333333";
    let mut scenario = Scenario::two_accounts();
    scenario.nonexistent_accounts = vec![missing.to_owned()];
    let world = World::from_scenario(scenario);
    let request = world.build_request_for(&["golden"], &[B, missing]);
    let mut errors = run(&world, A, request).await;

    // Between plan and put the policy becomes invalid.
    let world = World::new();
    let plan = world.plan(world.build_request(&["golden"])).await;
    world.edit_key(&world.key_arn("golden"), |key| {
        key.policies[0].1.insert_str(1, r#""Statement":[],"#);
    });
    let sharer = Sharer::new(&world.config(A));
    let incomplete = sharer.apply(&plan).await.unwrap_err();
    errors.extend(incomplete.report.errors);

    // An instance of the target runs on the key.
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    let grant = build_grant("of-an-instance", B, "ec2.us-east-1.amazonaws.com");
    world.edit_key(&world.key_arn("golden"), |key| key.grants.push(grant));
    let request = world.build_request(&["golden"]);
    errors.extend(run(&world, A, request.revoke(Revoke::default())).await);
    errors
}

/// A test launch whose instance cannot be terminated.
async fn test_launch_errors() -> Vec<Error> {
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
async fn target_errors() -> Vec<Error> {
    let with_launcher = || with_target_role().launch_roles(["launcher".to_owned()]);
    let world = with_admin_role(|_| ());
    let options = with_launcher().external_id("another");
    let request = world.build_request(&["golden"]).target_options(options);
    let mut errors = run(&world, A, request).await;

    let world = with_admin_role(|_| ()).with_fault(fail_first_call(
        "iam:PutRolePolicy",
        "LimitExceeded",
        "Maximum policy size exceeded",
    ));
    let request = world.build_request(&["golden"]);
    errors.extend(run(&world, A, request.target_options(with_launcher())).await);

    // Between plan and run the launch template is deleted.
    let world = with_admin_role(|_| ());
    put_template(&world, B, ID, "web", OLD);
    let options = with_target_role().launch_templates(["web".to_owned()]);
    let request = world.build_request(&["golden"]).target_options(options);
    let plan = world.plan(request).await;
    world.sim.edit(|state| state.launch_templates.clear());
    let applied = Sharer::new(&world.config(A)).apply(&plan).await;
    errors.extend(applied.unwrap_err().report.errors);

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
    errors.extend(run(&world, A, request.target_options(with_launcher())).await);
    errors
}

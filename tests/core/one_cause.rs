//! One cause is one error: what only follows from it is not told as another, with another cure.

use std::time::Duration;

use ami_share::request::{TargetOptions, Verify};
use ami_share::{Error, Report, Sharer};
use ami_share_sim::{Delays, Options, Scenario};
use serde_json::{Value, json};

use super::support::*;

const C: &str = "300000000000";

/// B and C get an image with a tag, and have roles.
fn build_scenario() -> Scenario {
    let mut scenario = generate_scenario(3, 1, 1, 1);
    for image in &mut scenario.images {
        image.tags.insert("os".to_owned(), "linux".to_owned());
    }
    scenario
}

fn build_world() -> World {
    let world = World::from_scenario(build_scenario());
    world.alias_own_keys();
    world
}

async fn share(world: &World, options: TargetOptions) -> Report {
    let request = world.build_request_for(&["image-1"], &[B, C]);
    let report = world.try_share(request.target_options(options)).await;
    report.unwrap_err()
}

/// The codes of the errors in each of both targets, and of the others.
fn codes(report: &Report) -> [Vec<&'static str>; 3] {
    let of = |account: Option<&str>| {
        let errors = report.errors.iter();
        let is_it = |error: &&Error| {
            let place = error.account.as_ref().map(AsRef::<str>::as_ref);
            let place = place.filter(|place| [B, C].contains(place));
            place == account
        };
        errors
            .filter(is_it)
            .map(|error| error.code.as_str())
            .collect()
    };
    [of(Some(B)), of(Some(C)), of(None)]
}

fn deny(action: &str) -> Value {
    let deny = json!({ "Effect": "Deny", "Action": action, "Resource": "*" });
    json!({ "Version": "2012-10-17", "Statement": [deny] })
}

#[tokio::test(start_paused = true)]
async fn image_that_a_target_hides_is_one_error_at_once() {
    // Without checks nobody reads the setting.
    for (verify, code, cause, seconds) in [
        (
            Verify::Permissions,
            "verify.blocked",
            "not among `amazon`",
            30,
        ),
        (
            Verify::None,
            "image.not-found",
            "Allowed AMIs of the target",
            300,
        ),
    ] {
        let world = build_world();
        world.allow_images(C, "enabled", json!([{ "providers": ["amazon"] }]));
        let began = world.elapsed();
        let report = share(&world, with_target_role().verify(verify)).await;
        assert_eq!(codes(&report), [vec![], vec![code], vec![]], "{verify:?}");
        let took = world.elapsed() - began;
        assert!(took < Duration::from_secs(seconds), "{verify:?}: {took:?}");
        let error = report.errors[0].to_string();
        assert!(error.contains(cause), "{error}");
        for words in ["check the AMI ID", "see launch permission"] {
            assert!(!error.contains(words), "{words}: {error}");
        }
        let tagged: Vec<&str> = report
            .targets
            .iter()
            .map(|it| it.account.as_ref())
            .collect();
        assert_eq!(tagged, [B], "{verify:?}");
    }
}

/// The finding of the plan asks for that, and a copy or an approval takes its time.
#[tokio::test(start_paused = true)]
async fn image_that_a_target_allows_since_the_plan_is_waited_for() {
    let options = Options {
        delays: Delays {
            sharing: Duration::from_secs(30),
            ..Delays::default()
        },
        ..Options::default()
    };
    for allowed in [json!([]), json!([{ "providers": [A] }])] {
        let world = World::with_options(build_scenario(), options.clone());
        world.allow_images(C, "enabled", json!([{ "providers": ["amazon"] }]));
        let request = world.build_request_for(&["image-1"], &[B, C]);
        let request = request.target_options(with_target_role().verify(Verify::None));
        let sharer = Sharer::new(&world.config(A));
        let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
        let state = if allowed == json!([]) {
            "disabled"
        } else {
            "enabled"
        };
        world.allow_images(C, state, allowed);
        let report = sharer.apply(&plan).await.unwrap();
        assert_eq!(report.targets.len(), 2, "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn copy_of_image_that_a_target_hides_is_one_error_with_its_cause() {
    let world = build_world();
    world.allow_images(C, "enabled", json!([{ "providers": ["amazon"] }]));
    let report = share(&world, copying()).await;
    assert_eq!(codes(&report), [vec![], vec!["image.not-found"], vec![]]);
    let error = report.errors[0].to_string();
    for words in ["hide the image", "not among `amazon`", "add a criterion"] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(!error.contains("check the AMI ID"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn copy_that_a_target_may_not_make_is_one_error() {
    let world = build_world();
    let denial = deny("ec2:CopyImage");
    world.put_role_policy(C, "consumer", "deny", &denial).await;
    let report = share(&world, copying()).await;
    assert_eq!(codes(&report), [vec![], vec!["access.denied"], vec![]]);
    has_no_advice_to_share(&report);
}

#[tokio::test(start_paused = true)]
async fn copy_that_fails_is_one_error() {
    let failure = json!({ "message": "Internal error" });
    let effect = json!({ "fail-copy": failure });
    let fault = json!({ "operation": "ec2:CopyImage", "account": C, "effect": effect });
    let world = build_world().with_fault(fault);
    let report = share(&world, copying()).await;
    assert_eq!(codes(&report), [vec![], vec!["copy.failed"], vec![]]);
    has_no_advice_to_share(&report);
}

#[tokio::test(start_paused = true)]
async fn key_that_cannot_be_shared_is_one_error_of_all_targets() {
    let fault = deny_calls("kms:PutKeyPolicy", "AccessDeniedException", "no");
    let world = build_world().with_fault(fault);
    let report = share(&world, with_target_role()).await;
    assert_eq!(codes(&report), [vec![], vec![], vec!["access.denied"]]);
    // What is so is told all the same.
    assert_eq!(report.verifications.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn check_names_the_cause_and_not_what_follows() {
    let world = build_world();
    let request = || world.build_request_for(&["image-1"], &[C]);
    world.share(request()).await;
    world.allow_images(C, "enabled", json!([{ "providers": ["amazon"] }]));
    let request = request()
        .target_options(with_target_role())
        .build()
        .unwrap();
    let verified = Sharer::new(&world.config(A))
        .verify(&request)
        .await
        .unwrap();
    let failures = verified.verifications[0].failures();
    assert!(failures.contains("not among `amazon`"), "{failures}");
    assert!(!failures.contains("does not see"), "{failures}");
}

/// Targets copy under keys of their own.
fn copying() -> TargetOptions {
    with_target_role().kms_key("alias/own".parse().unwrap())
}

/// A share does not tell anybody to share.
fn has_no_advice_to_share(report: &Report) {
    for error in &report.errors {
        assert!(!error.remedy.contains("run `mode: share`"), "{error}");
    }
}

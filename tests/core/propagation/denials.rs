//! What is denied for good ends at once, or at the end of AWS's time if a change of the run may
//! explain it.

use super::*;

/// Shares with B in both ways, so that nothing is left to give.
async fn share_before(world: &World) {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let share = world.build_request(&["golden"]).key_access(mode);
        world.share(share).await;
    }
}

/// A request for copies in B, by a role that may use B's key only.
async fn copying(world: &World, mode: KeyAccessMode) -> ShareRequestBuilder {
    let key = world.key_arn("theirs");
    let allow = json!({ "Effect": "Allow", "Action": "kms:*", "Resource": key });
    let policy = json!({ "Version": "2012-10-17", "Statement": [allow] });
    world.put_role_policy(B, "launching", "own", &policy).await;
    let options = as_launching()
        .kms_key(key.parse().unwrap())
        .verify(Verify::None);
    let share = world.build_request(&["golden"]).key_access(mode);
    share.target_options(options)
}

#[tokio::test(start_paused = true)]
async fn copy_that_no_change_of_the_run_explains_fails_at_once() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = build_world(Delays::default());
        share_before(&world).await;
        let began = world.elapsed();
        let (report, _) = share(&world, copying(&world, mode).await).await;
        let report = report.unwrap_err();
        assert_eq!(report.errors[0].code.as_str(), "copy.failed", "{mode:?}");
        assert!(
            world.elapsed() - began < Duration::from_secs(30),
            "{mode:?}"
        );
        assert_eq!(world.count_calls()["ec2:CopyImage"], 1, "{mode:?}");
    }
}

/// EC2 does not say which side refuses the key, so that a copy is tried for AWS's time.
#[tokio::test(start_paused = true)]
async fn copy_that_stays_denied_fails_after_the_documented_time_and_one_failed_copy_stays() {
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        let world = build_world(Delays::default());
        let began = world.elapsed();
        let (report, said) = share(&world, copying(&world, mode).await).await;
        let report = report.unwrap_err();
        let error = &report.errors[0];
        assert_eq!(error.code.as_str(), "copy.failed", "{mode:?}");
        let took = (world.elapsed() - began).as_secs();
        assert!((300..400).contains(&took), "{mode:?}: {took} s");
        let tries = world.count_calls()["ec2:DeregisterImage"] + 1;
        assert!((4..20).contains(&tries), "{mode:?}: {tries}");
        assert!(
            said.iter().any(|what| what.contains("in effect")),
            "{mode:?}"
        );
        let mut copies = world.list_copies();
        copies.retain(|_, state| state != "deregistered");
        let failed = error.resource.clone().unwrap();
        assert_eq!(
            copies.into_iter().collect::<Vec<_>>(),
            [(failed, "failed".to_owned())]
        );
    }
}

/// KMS says which side refuses: the target's own policies, which the run does not change.
#[tokio::test(start_paused = true)]
async fn grant_that_own_policies_deny_fails_at_once() {
    let denials = [
        json!([]),
        json!([{ "Effect": "Deny", "Action": "kms:CreateGrant", "Resource": "*" }]),
    ];
    for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
        for denial in &denials {
            let world = build_world(Delays::default());
            if denial[0].is_object() {
                let allow = json!({ "Effect": "Allow", "Action": "kms:*", "Resource": "*" });
                let policy = json!({ "Version": "2012-10-17", "Statement": [allow, denial[0]] });
                world.put_role_policy(B, "launching", "keys", &policy).await;
            }
            let options = as_launching().service_linked_roles([AUTO_SCALING.to_owned()]);
            let request = world.build_request(&["golden"]).key_access(mode);
            let request = request.target_options(options.verify(Verify::None));
            let began = world.elapsed();
            let (report, _) = share(&world, request).await;
            let report = report.unwrap_err();
            assert_eq!(
                report.errors[0].code.as_str(),
                "access.denied",
                "{mode:?}, {denial}"
            );
            let took = (world.elapsed() - began).as_secs();
            assert!(took < 30, "{mode:?}, {denial}: {took} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn launch_that_no_change_of_the_run_explains_is_blocked_at_once() {
    let world = build_world(Delays::default());
    share_before(&world).await;
    let options = as_launching().verify(Verify::Launch);
    let request = world.build_request(&["golden"]).target_options(options);
    let began = world.elapsed();
    let (report, _) = share(&world, request).await;
    let report = report.unwrap_err();
    assert_eq!(report.errors[0].code.as_str(), "verify.blocked");
    assert!(world.elapsed() - began < Duration::from_secs(30));
    let launches = world.count_calls().remove("ec2:RunInstances");
    assert!(launches <= Some(1), "{launches:?}");
}

#[tokio::test(start_paused = true)]
async fn deadline_ends_the_wait_and_says_what_was_awaited() {
    let world = build_world(delays("grants", 240));
    let options = with_target_role().kms_key(world.key_arn("theirs").parse().unwrap());
    let request = world.build_request(&["golden"]);
    let request = request
        .key_access(KeyAccessMode::Grants)
        .target_options(options);
    let (report, _) = share(&world, request.timing(with_timeout(60))).await;
    let report = report.unwrap_err();
    let error = report.errors.last().unwrap();
    assert_eq!(error.code.as_str(), "deadline");
    assert!(
        error.message.contains("to have its new grants in effect"),
        "{error}"
    );
    assert_eq!(world.elapsed().as_secs(), 60);
}

/// Two runs write different images into one parameter at the same moment: one of them stands, and
/// the other says so and does not wait.
#[tokio::test(start_paused = true)]
async fn parameter_that_another_run_writes_is_told_from_one_that_ssm_refuses() {
    for seconds in [0, 4] {
        let world = build_world(delays("sharing", seconds));
        let build = |image: &str| {
            let request = world.build_request(&[image]);
            request.publish_ssm_parameter("/images/current")
        };
        let runs = tokio::join!(
            share(&world, build("golden")),
            share(&world, build("plain")),
        );
        let errors: Vec<_> = [runs.0.0, runs.1.0]
            .into_iter()
            .filter_map(Result::err)
            .flat_map(|report| report.errors)
            .collect();
        assert!(errors.len() <= 1, "{errors:?}");
        for error in errors {
            assert_eq!(error.code.as_str(), "parameter.refused");
            assert!(error.message.contains("another run wrote"), "{error}");
        }
        assert!(world.elapsed() < Duration::from_mins(1), "{seconds}");
    }
}

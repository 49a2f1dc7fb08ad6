//! Nothing stays, whatever ends a run, and nothing of others is touched.

use ami_share::diagnostic::Code;
use ami_share_sim::world::{Ingress, SecurityGroup};

use super::*;

const GRACE: Duration = Duration::from_secs(90);

fn list_error_codes(report: &Report) -> Vec<Code> {
    report.errors.iter().map(|error| error.code).collect()
}

/// How many instances somebody has to terminate.
fn count_alive(world: &World) -> usize {
    world.sim.edit(|state| {
        let mut instances = state.instances.values().map(|instance| instance.state);
        instances
            .by_ref()
            .filter(|state| matches!(*state, "pending" | "running"))
            .count()
    })
}

/// The IDs of all instances.
fn list_instances(world: &World) -> Vec<String> {
    world
        .sim
        .edit(|state| state.instances.keys().cloned().collect())
}

#[tokio::test(start_paused = true)]
async fn termination_is_in_the_report() {
    let world = build_launch_world(ImageKind::Shared).await;
    let (_, report) = verify_by_launch(&world, build_request(&world, launching())).await;
    assert_eq!(count_left(&world), NOTHING);
    let [test] = &report.test_instances[..] else {
        panic!("{:?}", report.test_instances);
    };
    assert_eq!(list_instances(&world), [test.instance.as_str()]);
    assert!(test.terminated && !test.abandoned, "{test:?}");
    assert!(!report.changed, "nothing stays");
}

#[tokio::test(start_paused = true)]
async fn calls_that_fail_or_lose_their_answer_leave_nothing() {
    let failure = |operation| {
        let error = json!({ "status": 400, "code": "Strange", "message": "no" });
        json!({ "operation": operation, "call": 2, "effect": { "error": error } })
    };
    for fault in [
        failure("ec2:DescribeInstances"),
        failure("ec2:DescribeSecurityGroups"),
        fail_first_call("ec2:RevokeSecurityGroupEgress", "Strange", "no"),
        affect_call("ec2:RunInstances", 1, "lost-answer"),
        affect_call("ec2:RunInstances", 1, "drop"),
        affect_call("ec2:CreateSecurityGroup", 1, "lost-answer"),
        affect_call("ec2:TerminateInstances", 1, "lost-answer"),
        affect_call("ec2:DeleteSecurityGroup", 1, "lost-answer"),
        affect_call("ec2:RevokeSecurityGroupEgress", 1, "lost-answer"),
    ] {
        let world = build_launch_world(ImageKind::Shared)
            .await
            .with_fault(fault.clone());
        let (verification, report) =
            verify_by_launch(&world, build_request(&world, launching())).await;
        assert_eq!(count_left(&world), NOTHING, "{fault}");
        let blocked = verification.conclusion == Conclusion::Blocked;
        assert!(!blocked, "{fault}: {verification:?}");
        assert_eq!(report.errors, [], "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn deadline_ends_the_instance() {
    let world = build_launch_world(ImageKind::Shared).await;
    edit_launching(&world, |launching| {
        launching.start_time = Duration::from_hours(1);
    });
    let request = build_request(&world, launching()).timing(with_timeout(90));
    let sharer = Sharer::new(&world.config(A));
    let report = sharer.verify(&request.build().unwrap()).await.unwrap();
    assert_eq!(list_error_codes(&report), [Code::Deadline]);
    assert!(report.test_instances[0].terminated, "{report:?}");
    assert_eq!(count_left(&world), NOTHING);
    // What was found before it is told.
    let verification = &report.verifications[0];
    let detail = find_detail(verification, CheckName::Launch);
    assert!(detail.contains("deadline"), "{detail}");
    let permission = find_verdict(verification, CheckName::LaunchPermission);
    assert_eq!(permission, Some(Verdict::Yes));

    // After a share, the same.
    let request = build_request(&world, launching()).timing(with_timeout(90));
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(list_error_codes(&report), [Code::Deadline]);
    assert!(report.test_instances[0].terminated, "{report:?}");
    assert_eq!(count_left(&world), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn instance_that_never_runs_is_ended_and_could_not_be_tested() {
    let world = build_launch_world(ImageKind::Shared).await;
    edit_launching(&world, |launching| {
        launching.start_time = Duration::from_hours(1);
    });
    let (verification, _) = verify_by_launch(&world, build_request(&world, launching())).await;
    let detail = find_detail(&verification, CheckName::Launch);
    assert!(detail.contains("10 minutes"), "{detail}");
    assert_eq!(verification.conclusion, Conclusion::NoObstacleFound);
    assert_eq!(count_left(&world), NOTHING);
}

/// How many calls a run makes that verifies by a launch.
async fn count_run_calls() -> usize {
    let world = build_launch_world(ImageKind::Shared).await;
    let before = world.sim.journal().len();
    verify_by_launch(&world, build_request(&world, launching())).await;
    world.sim.journal().len() - before
}

#[tokio::test(start_paused = true)]
async fn cancelled_run_leaves_nothing_after_any_call() {
    for calls in 1..count_run_calls().await {
        let world = build_launch_world(ImageKind::Shared).await;
        let request = build_request(&world, launching()).build().unwrap();
        let sharer = Sharer::new(&world.config(A));
        let run = Box::pin(sharer.verify(&request));
        world.drop_after_calls(calls, run).await;
        sharer.end_test_launches(GRACE).await;
        assert_eq!(count_left(&world), NOTHING, "after {calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn killed_run_is_cleaned_up_by_the_next_one() {
    for calls in 1..count_run_calls().await {
        let world = build_launch_world(ImageKind::Shared).await;
        let request = build_request(&world, launching()).build().unwrap();
        let killed = Sharer::new(&world.config(A));
        let run = Box::pin(killed.verify(&request));
        world.drop_after_calls(calls, run).await;
        let instances = count_alive(&world);
        tokio::time::advance(LATER).await;
        let (verification, report) =
            verify_by_launch(&world, build_request(&world, launching())).await;
        assert_eq!(
            verification.conclusion,
            Conclusion::Launched,
            "after {calls} calls"
        );
        assert_eq!(count_left(&world), NOTHING, "after {calls} calls");
        let abandoned = report.test_instances.iter().filter(|test| test.abandoned);
        assert_eq!(abandoned.count(), instances, "after {calls} calls");
    }
}

/// A world with the instance of a run that was killed.
async fn with_abandoned_instance() -> World {
    let world = build_launch_world(ImageKind::Shared).await;
    let request = build_request(&world, launching()).build().unwrap();
    let killed = Sharer::new(&world.config(A));
    let run = killed.verify(&request);
    let launched = async {
        while list_instances(&world).is_empty() {
            tokio::task::yield_now().await;
            tokio::time::advance(Duration::from_millis(10)).await;
        }
    };
    tokio::select! { _ = run => {}, () = launched => {} }
    world
}

#[tokio::test(start_paused = true)]
async fn every_mode_ends_an_abandoned_instance() {
    let permissions = || with_target_role().verify(Verify::Permissions);
    for mode in ["share", "revoke", "verify"] {
        let world = with_abandoned_instance().await;
        let run = async || {
            let request = build_request(&world, permissions());
            match mode {
                "share" => world.share(request).await,
                "revoke" => match world.try_share(into_revoke(request)).await {
                    Ok(report) | Err(report) => report,
                },
                _ => verify_by_launch(&world, request).await.1,
            }
        };
        // A run beside this one may have made it.
        if mode == "verify" {
            run().await;
            assert_eq!(count_left(&world).0, 1);
        }
        tokio::time::advance(LATER).await;
        let report = run().await;
        assert_eq!(count_left(&world), NOTHING, "{mode}");
        assert!(report.test_instances[0].abandoned, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_mode_removes_an_abandoned_group() {
    for mode in ["share", "revoke", "verify"] {
        let world = with_abandoned_instance().await;
        world.sim.edit(|state| {
            state.instances.clear();
            state.volumes.clear();
        });
        assert_eq!(count_left(&world).1, 1, "{mode}");
        tokio::time::advance(LATER).await;
        let options = with_target_role().verify(Verify::Permissions);
        let request = build_request(&world, options);
        match mode {
            "share" => _ = world.share(request).await,
            "revoke" => _ = world.try_share(into_revoke(request)).await,
            _ => _ = verify_by_launch(&world, request).await,
        }
        assert_eq!(count_left(&world), NOTHING, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn terminated_instance_is_not_called_left_behind() {
    let world = build_launch_world(ImageKind::Shared).await;
    edit_launching(&world, |launching| {
        launching.shutdown_time = Duration::from_mins(30);
    });
    let request = build_request(&world, launching());
    let (_, report) = verify_by_launch(&world, request).await;
    let [error] = &report.errors[..] else {
        panic!("{:?}", report.errors);
    };
    assert_eq!(error.code, Code::TestLaunchLeft);
    assert!(!error.message.contains("the instance"), "{error}");
    assert!(
        error.resource.as_ref().unwrap().starts_with("sg-"),
        "{error}"
    );
    assert!(report.test_instances[0].terminated);
}

/// What makes an instance one of others.
type Change = fn(&mut Instance);

#[tokio::test(start_paused = true)]
async fn what_others_made_is_not_touched() {
    let world = with_abandoned_instance().await;
    world.sim.edit(|state| {
        let ours = state.instances.values().next().unwrap().clone();
        let copies: [(&str, Change); 4] = [
            // Somebody copied the tags.
            ("i-00000000000000001", |other| other.client_token = None),
            ("i-00000000000000002", |other| {
                other.client_token = Some("another".to_owned());
            }),
            // Another mark than that of the token.
            ("i-00000000000000003", |other| {
                let tag = other.tags.get_mut("ami-share:verify").unwrap();
                *tag = "1-x".to_owned();
            }),
            ("i-00000000000000004", |other| {
                other.kind = "m5.large".to_owned();
            }),
        ];
        for (id, change) in copies {
            let mut other = ours.clone();
            id.clone_into(&mut other.id);
            other.security_groups.clear();
            change(&mut other);
            state.instances.insert(other.id.clone(), other);
        }
        let group = state.security_groups.values().next().unwrap().clone();
        for (id, name) in [
            ("sg-00000001", "ami-share-verify"),
            ("sg-00000002", "ami-share-verify-1"),
        ] {
            let other = SecurityGroup {
                id: id.to_owned(),
                name: name.to_owned(),
                lets_out: true,
                ingress: vec![Ingress {
                    protocol: "-1".to_owned(),
                    ports: None,
                    cidr: "0.0.0.0/0".to_owned(),
                }],
                ..group.clone()
            };
            state.security_groups.insert(other.id.clone(), other);
        }
        // The name of one of ours, with the tag of another.
        let mut renamed = group;
        "sg-00000003".clone_into(&mut renamed.id);
        "1-x".clone_into(renamed.tags.get_mut("ami-share:verify").unwrap());
        state.security_groups.insert(renamed.id.clone(), renamed);
    });
    tokio::time::advance(LATER).await;
    let (verification, _) = verify_by_launch(&world, build_request(&world, launching())).await;
    assert_eq!(verification.conclusion, Conclusion::Launched);
    assert_eq!(count_left(&world), (4, 3, 0));
    world.sim.edit(|state| {
        for instance in state.instances.values() {
            let in_other = instance
                .security_groups
                .iter()
                .any(|id| id.len() == "sg-00000001".len());
            assert!(!in_other, "an open group of others is never used");
        }
    });
}

/// The role that launched is part of what makes an instance ours.
#[tokio::test(start_paused = true)]
async fn instance_of_another_launcher_is_not_touched() {
    let world = with_abandoned_instance().await;
    world.edit_role(B, "administrator", |role| {
        let trust =
            json!({ "Effect": "Allow", "Principal": { "AWS": A }, "Action": "sts:AssumeRole" });
        let text = json!({ "Statement": trust }).to_string();
        role.trust = ami_share_sim::world::Policy::parse(&text, Duration::ZERO).unwrap();
    });
    tokio::time::advance(LATER).await;
    let options = TargetOptions::default()
        .role("administrator".parse().unwrap())
        .verify(Verify::Launch);
    let (verification, _) = verify_by_launch(&world, build_request(&world, options)).await;
    assert_eq!(
        verification.conclusion,
        Conclusion::Launched,
        "{verification:?}"
    );
    assert_eq!(count_left(&world).0, 1);
}

#[tokio::test(start_paused = true)]
async fn instance_that_cannot_be_terminated_is_named() {
    let world = build_launch_world(ImageKind::Shared).await;
    deny_to_role(&world, &["ec2:TerminateInstances"]).await;
    let (_, report) = verify_by_launch(&world, build_request(&world, launching())).await;
    assert_eq!(list_error_codes(&report), [Code::TestLaunchLeft]);
    let (error, id) = (&report.errors[0], &list_instances(&world)[0]);
    assert!(error.message.contains(id.as_str()), "{error}");
    assert_eq!(error.resource.as_ref(), Some(id));
    assert!(!report.test_instances[0].terminated);
}

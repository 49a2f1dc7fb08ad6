//! Many runs on one key (promise P5). KMS has no compare-and-set: the last put wins, and the other
//! runs must notice.

use std::time::Duration;

use ami_share::{ShareRequest, Sharer};
use ami_share_sim::Scenario;
use serde_json::json;

use super::support::*;

fn list_targets(count: u64) -> Vec<String> {
    let ids = (0..count).map(|n| 300_000_000_000 + n);
    ids.map(|id| id.to_string()).collect()
}

/// Shares `golden` with one account.
fn build_request(world: &World, target: &str) -> ShareRequest {
    let request = world.build_request_for(&["golden"], &[target]);
    request.build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn eight_concurrent_shares_of_one_key_lose_no_target() {
    let world = World::from_scenario(Scenario::with_targets(8));
    let runs = list_targets(8).into_iter().map(|target| {
        let request = build_request(&world, &target);
        // Each has its own sharer, as eight processes would: they share no lock.
        let sharer = Sharer::new(&world.config(A));
        async move {
            let plan = sharer.plan(&request).await.unwrap();
            sharer.apply(&plan).await.unwrap()
        }
    });
    futures::future::join_all(runs).await;
    let policy = world.read_golden_policy();
    for target in list_targets(8) {
        let root = format!("arn:aws:iam::{target}:root");
        assert!(policy.contains(&root), "{target} is lost: {policy}");
    }
    assert!(policy.contains("Enable IAM User Permissions"));
    // All read before any put: they did collide.
    let changes = world.count_changes();
    assert!(changes["kms:PutKeyPolicy"] > 8, "{changes:?}");
}

#[tokio::test(start_paused = true)]
async fn runs_of_one_sharer_never_collide_on_a_key() {
    let world = World::from_scenario(Scenario::with_targets(8));
    let sharer = Sharer::new(&world.config(A));
    let runs = list_targets(8).into_iter().map(|target| {
        let request = build_request(&world, &target);
        let sharer = &sharer;
        async move {
            let plan = sharer.plan(&request).await.unwrap();
            sharer.apply(&plan).await.unwrap()
        }
    });
    futures::future::join_all(runs).await;
    assert_eq!(world.count_changes()["kms:PutKeyPolicy"], 8);
}

/// Puts the policy that the key had at first, as a writer does that read it before our put.
async fn overwrite_policy(world: &World, first: &str) {
    let kms = aws_sdk_kms::Client::new(&world.config(A));
    let call = kms.put_key_policy().key_id(world.key_arn("golden"));
    call.policy(first).send().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn overwritten_put_is_repeated() {
    let world = World::new();
    let first = world.read_golden_policy();
    let overwrite = async {
        while !world.count_changes().contains_key("kms:PutKeyPolicy") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        overwrite_policy(&world, &first).await;
    };
    let share = world.share(world.build_request(&["golden"]));
    let (report, ()) = futures::future::join(share, overwrite).await;
    let over = world.elapsed();
    assert!(world.read_golden_policy().contains("AmiShareUse"));
    assert_eq!(
        world.launch_as_b(&world.image_id("golden")).await,
        "running"
    );
    assert_eq!(report.keys[0].replaced_policies.len(), 2);
    // Launch permission was added after the first put; the second came when that was to settle.
    let actions = world.list_actions(0);
    let is_put = |action: &String| action == "kms:PutKeyPolicy";
    let is_share = |action: &String| action == "ec2:ModifyImageAttribute";
    let first_put = actions.iter().position(is_put).unwrap();
    let shared = actions.iter().position(is_share).unwrap();
    assert!(first_put < shared, "{actions:?}");
    assert!(over <= Duration::from_millis(10_500), "{over:?}");
}

#[tokio::test(start_paused = true)]
async fn share_gives_up_when_another_run_keeps_removing() {
    let world = World::new();
    let report = tokio::select! {
        report = world.try_share(world.build_request(&["golden"])) => report.unwrap_err(),
        () = world.keep_removing_access() => unreachable!("it removes for ever"),
    };
    assert_eq!(list_codes(&report), ["key.policy-contended"]);
    let puts = world.count_changes()["kms:PutKeyPolicy"];
    assert_eq!(puts, 3, "the first put, and two more");
}

#[tokio::test(start_paused = true)]
async fn put_with_lost_answer_is_no_failure() {
    let world = World::new().with_fault(affect_call("kms:PutKeyPolicy", 1, "lost-answer"));
    world.share(world.build_request(&["golden"])).await;
    assert_eq!(world.count_changes()["kms:PutKeyPolicy"], 1);
    let world = World::new().with_fault(affect_call("kms:PutKeyPolicy", 1, "drop"));
    world.share(world.build_request(&["golden"])).await;
    assert_eq!(
        world.launch_as_b(&world.image_id("golden")).await,
        "running"
    );
}

#[tokio::test(start_paused = true)]
async fn throttled_put_starts_from_a_new_read() {
    let world = World::new().with_fault(affect_call("kms:PutKeyPolicy", 1, "throttle"));
    world.share(world.build_request(&["golden"])).await;
    let actions = world.list_actions(0);
    let mut puts = Vec::new();
    for (position, action) in actions.iter().enumerate() {
        if action == "kms:PutKeyPolicy" {
            puts.push(position);
        }
    }
    assert_eq!(puts.len(), 2);
    assert_eq!(actions[puts[1] - 1], "kms:GetKeyPolicy");
}

#[tokio::test(start_paused = true)]
async fn put_is_not_sent_from_an_old_read() {
    // The second read of the policy is the one that the put would be made from.
    let world = World::new().with_fault(delay_call("kms:GetKeyPolicy", 2, 3.0));
    world.share(world.build_request(&["golden"])).await;
    let actions = world.list_actions(0);
    let is_put = |action: &String| action == "kms:PutKeyPolicy";
    let put = actions.iter().position(is_put).unwrap();
    let reads = actions[..put]
        .iter()
        .filter(|action| *action == "kms:GetKeyPolicy");
    // One for the plan, the slow one, and another.
    assert_eq!(reads.count(), 3, "{actions:?}");
}

#[tokio::test(start_paused = true)]
async fn rule_3_2_4_nonexistent_accounts_are_named_and_others_get_access() {
    let mut scenario = Scenario::with_targets(10);
    scenario.nonexistent_accounts = vec!["300000000003".to_owned(), "300000000007".to_owned()];
    let world = World::from_scenario(scenario);
    let targets = list_targets(10).into_iter().map(|id| id.parse().unwrap());
    let request = world.build_request(&["golden"]).target_accounts(targets);
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(list_codes(&report), ["key.invalid-principals"]);
    let message = report.errors[0].to_string();
    assert!(message.contains("300000000003, 300000000007"), "{message}");
    // Promise P1: targets that cannot use the key are not shown the image.
    let state = world.sim.state();
    let shared = &state["images"][&world.image_id("golden")]["launch_permissions"];
    let mut expected = vec![B.to_owned()];
    expected.extend(list_targets(10));
    expected.retain(|id| !message.contains(id));
    assert_eq!(*shared, json!(expected));
}

/// An answer that never says what became of the put ends the run in KMS's words.
#[tokio::test(start_paused = true)]
async fn put_that_kms_never_answers_is_given_up_in_its_words() {
    const CODE: &str = "DependencyTimeoutException";
    const WORDS: &str = "The system timed out while trying to fulfill the request.";
    let fault = json!({
        "operation": "kms:PutKeyPolicy",
        "effect": { "error": { "status": 503, "code": CODE, "message": WORDS } },
    });
    let world = World::new().with_fault(fault);
    let report = world.try_share(world.build_request(&["golden"])).await;
    let report = report.unwrap_err();
    assert_eq!(list_codes(&report), ["aws.unavailable"]);
    let aws = report.errors[0].aws.as_ref().unwrap();
    assert_eq!((&*aws.code, &*aws.message), (CODE, WORDS));
    assert!(world.count_changes()["kms:PutKeyPolicy"] <= 6);
    assert!(
        !world
            .count_changes()
            .contains_key("ec2:ModifyImageAttribute")
    );
}

/// Whoever says "shared" at its end has looked at its end. As long as a key is watched, that finds
/// the revoke; later the last look at launch permissions does.
#[tokio::test(start_paused = true)]
async fn launch_permission_that_is_taken_meanwhile_is_not_said_to_be_shared() {
    for (seconds, code) in [(3, "key.policy-contended"), (8, "permission.contended")] {
        let world = World::new().with_fault(delay_call("ssm:PutParameter", 1, 20.0));
        let request = world.build_request(&["golden"]);
        let sharing = world.try_share(request.publish_ssm_parameter("/images/golden"));
        let revoking = async {
            while !world.has_called("ec2:ModifyImageAttribute") {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            let request = into_revoke(world.build_request(&["golden"]));
            world.share(request).await;
        };
        let (shared, ()) = futures::future::join(sharing, revoking).await;
        let report = shared.unwrap_err();
        assert_eq!(list_codes(&report), [code], "{seconds} s");
        assert!(report.images[0].principals.is_empty(), "{report:?}");
    }
}

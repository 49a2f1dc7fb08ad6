//! Many runs on one key (promise P5). KMS has no compare-and-set: whoever puts last wins, and the
//! others must notice.

use std::time::Duration;

use ami_share::{ShareRequest, Sharer};
use ami_share_sim::Scenario;
use serde_json::{Value, json};

use super::support::*;

fn ids(count: u64) -> Vec<String> {
    (0..count)
        .map(|n| (300_000_000_000 + n).to_string())
        .collect()
}

/// Shares `golden` with one account.
fn to(world: &World, target: &str) -> ShareRequest {
    let request = ShareRequest::builder().region("us-east-1".parse().unwrap());
    let request = request.image(world.image("golden").parse().unwrap());
    request
        .target_account(target.parse().unwrap())
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn eight_writers_on_one_key_lose_nothing() {
    let world = World::of(Scenario::with_targets(8));
    let runs = ids(8).into_iter().map(|target| {
        let request = to(&world, &target);
        // Each with a sharer of its own, as eight processes would have: no lock is between them.
        let sharer = Sharer::new(&world.config(A));
        async move {
            let plan = sharer.plan(&request).await.unwrap();
            sharer.apply(&plan).await.unwrap()
        }
    });
    futures::future::join_all(runs).await;
    let policy = world.policy();
    for target in ids(8) {
        assert!(
            policy.contains(&format!("arn:aws:iam::{target}:root")),
            "{target} is lost: {policy}"
        );
    }
    assert!(policy.contains("Enable IAM User Permissions"));
    // All read before any put: they did collide.
    assert!(
        world.changes()["kms:PutKeyPolicy"] > 8,
        "{:?}",
        world.changes()
    );
}

#[tokio::test(start_paused = true)]
async fn runs_of_one_sharer_take_turns_and_never_collide() {
    let world = World::of(Scenario::with_targets(8));
    let sharer = Sharer::new(&world.config(A));
    let runs = ids(8).into_iter().map(|target| {
        let request = to(&world, &target);
        let sharer = &sharer;
        async move {
            let plan = sharer.plan(&request).await.unwrap();
            sharer.apply(&plan).await.unwrap()
        }
    });
    futures::future::join_all(runs).await;
    assert_eq!(world.changes()["kms:PutKeyPolicy"], 8);
}

/// Puts the policy that the key had at first, as a writer does that read it before our put.
async fn overwrite(world: &World, first: &str) {
    let kms = aws_sdk_kms::Client::new(&world.config(A));
    kms.put_key_policy()
        .key_id(world.key("golden"))
        .policy(first)
        .send()
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_writer_whose_put_is_overwritten_puts_again() {
    let world = World::new();
    let first = world.policy();
    let foreign = async {
        while !world.changes().contains_key("kms:PutKeyPolicy") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_secs(6)).await;
        overwrite(&world, &first).await;
    };
    let (report, ()) =
        futures::future::join(world.share(world.request(&["golden"])), foreign).await;
    assert!(world.policy().contains("AmiShareUse"));
    assert_eq!(world.launch(&world.image("golden")).await, "running");
    assert_eq!(report.keys[0].replaced_policies.len(), 2);
    // Launch permission was written only after the second put had settled.
    let actions = world.actions(0);
    let last_put = actions
        .iter()
        .rposition(|action| action == "kms:PutKeyPolicy")
        .unwrap();
    let shared = actions
        .iter()
        .position(|action| action == "ec2:ModifyImageAttribute")
        .unwrap();
    assert!(last_put < shared, "{actions:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_adds_what_another_removes_gives_up() {
    let world = World::new();
    let first = world.policy();
    let golden = world.key("golden");
    let remover = async {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            // It takes away what has settled: right after the launch permission, and after every
            // settled put from then.
            let journal = world.actions(0);
            let shared = journal
                .iter()
                .any(|action| action == "ec2:ModifyImageAttribute");
            if shared
                && journal
                    .last()
                    .is_some_and(|action| action != "kms:PutKeyPolicy")
            {
                let now = world.sim.clock().now();
                world.sim.edit(|state| {
                    state
                        .keys
                        .get_mut(&golden)
                        .unwrap()
                        .policies
                        .push((now, first.clone()))
                });
            }
        }
    };
    let report = tokio::select! {
        report = world.try_share(world.request(&["golden"])) => report.unwrap_err(),
        () = remover => unreachable!("the remover goes on for ever"),
    };
    assert_eq!(codes(&report), ["key.policy-contended"]);
    assert_eq!(
        world.changes()["kms:PutKeyPolicy"],
        3,
        "the first put, and two more"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_of_a_put_is_no_failure() {
    let world =
        World::new().with(r#"{"operation":"kms:PutKeyPolicy","call":1,"effect":"lost-answer"}"#);
    world.share(world.request(&["golden"])).await;
    assert_eq!(world.changes()["kms:PutKeyPolicy"], 1);
    let world = World::new().with(r#"{"operation":"kms:PutKeyPolicy","call":1,"effect":"drop"}"#);
    world.share(world.request(&["golden"])).await;
    assert_eq!(world.launch(&world.image("golden")).await, "running");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_put_is_made_again_from_a_new_read() {
    let world =
        World::new().with(r#"{"operation":"kms:PutKeyPolicy","call":1,"effect":"throttle"}"#);
    world.share(world.request(&["golden"])).await;
    let actions = world.actions(0);
    let puts: Vec<usize> = (0..actions.len())
        .filter(|n| actions[*n] == "kms:PutKeyPolicy")
        .collect();
    assert_eq!(puts.len(), 2);
    assert_eq!(actions[puts[1] - 1], "kms:GetKeyPolicy");
}

#[tokio::test(start_paused = true)]
async fn a_put_is_not_sent_from_an_old_read() {
    // The second read of the policy is the one that the put would be made from.
    let slow = r#"{"operation":"kms:GetKeyPolicy","call":2,"effect":{"delay":{"seconds":3}}}"#;
    let world = World::new().with(slow);
    world.share(world.request(&["golden"])).await;
    let actions = world.actions(0);
    let put = actions
        .iter()
        .position(|action| action == "kms:PutKeyPolicy")
        .unwrap();
    assert_eq!(
        &actions[put - 2..put],
        ["kms:GetKeyPolicy", "kms:GetKeyPolicy"]
    );
}

#[tokio::test(start_paused = true)]
async fn rule_3_2_4_accounts_that_kms_refuses_are_named_and_the_others_served() {
    let mut scenario = Scenario::with_targets(10);
    scenario.nonexistent_accounts = vec!["300000000003".to_owned(), "300000000007".to_owned()];
    let world = World::of(scenario);
    let targets = ids(10).into_iter().map(|id| id.parse().unwrap());
    let report = world
        .try_share(world.request(&["golden"]).target_accounts(targets))
        .await
        .unwrap_err();
    assert_eq!(codes(&report), ["key.invalid-principals"]);
    let said = report.errors[0].to_string();
    assert!(said.contains("300000000003, 300000000007"), "{said}");
    // Promise P1: those who cannot use the key are not shown the image.
    let shared: Value =
        world.sim.state()["images"][&world.image("golden")]["launch_permissions"].clone();
    let expected: Vec<String> = [B.to_owned()]
        .into_iter()
        .chain(ids(10))
        .filter(|id| !said.contains(id))
        .collect();
    assert_eq!(shared, json!(expected));
}

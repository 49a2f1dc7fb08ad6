//! How many calls a share takes, and that many targets take no more.

use std::time::Instant;

use ami_share::{AccountId, Sharer};
use ami_share_sim::Scenario;

use super::support::*;

fn targets(count: u64) -> impl Iterator<Item = AccountId> {
    (0..count).map(|n| (300_000_000_000 + n).to_string().parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_number_of_calls_does_not_grow_with_the_targets() {
    let mut calls = Vec::new();
    for count in [0, 9, 99] {
        let world = World::of(Scenario::with_targets(count));
        world.share(world.request(&["golden"]).target_accounts(targets(count))).await;
        calls.push(world.actions(0).len());
    }
    println!("calls for one image and 1, 10, 100 targets: {calls:?}");
    assert_eq!(calls, [calls[0]; 3]);
    assert!(calls[0] <= 14, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn four_hundred_targets_fit_one_policy_and_one_call() {
    let world = World::of(Scenario::with_targets(399));
    let sharer = Sharer::new(&world.config(A));
    let request = world.request(&["golden"]).target_accounts(targets(399)).build().unwrap();
    let started = Instant::now();
    let plan = sharer.plan(&request).await.unwrap();
    let report = sharer.apply(&plan).await.unwrap();
    println!("plan and apply for 400 targets: {:?} of real time", started.elapsed());
    assert_eq!(report.images[0].principals.len(), 400);
    assert_eq!((world.changes()["kms:PutKeyPolicy"], world.changes()["ec2:ModifyImageAttribute"]), (1, 1));
    println!("the key policy has {} bytes", world.policy().len());
}

//! A revoke that is dropped after any call leaves what the next one needs to complete it.

use super::*;

#[tokio::test(start_paused = true)]
async fn interrupted_revoke_is_completed_by_the_next_run() {
    let whole = World::new();
    let request = |world: &World| {
        let request = world.build_request(&["golden"]);
        request.share_snapshots(ShareSnapshots::Always)
    };
    let before = whole.list_access();
    whole.share(request(&whole)).await;
    let from = whole.list_actions(0).len();
    whole.share(into_revoke(request(&whole))).await;
    for calls in 1..whole.list_actions(from).len() {
        let world = World::new();
        world.share(request(&world)).await;
        let run = world.share(into_revoke(request(&world)));
        world.drop_after_calls(calls, run).await;
        world.share(into_revoke(request(&world))).await;
        let after = world.list_access();
        assert_eq!(after, before, "dropped after {calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn interrupted_revoke_of_copies_is_completed_by_the_next_run() {
    let revoke = |world: &World| {
        world.build_request(&["plain"]).revoke(Revoke {
            copies: true,
            ..Revoke::default()
        })
    };
    let whole = World::new();
    whole.share(whole.build_copy_request(&["plain"])).await;
    let from = whole.list_actions(0).len();
    whole.share(revoke(&whole)).await;
    for calls in 1..whole.list_actions(from).len() {
        let world = World::new();
        world.share(world.build_copy_request(&["plain"])).await;
        let run = world.share(revoke(&world));
        world.drop_after_calls(calls, run).await;
        world.share(revoke(&world)).await;
        let context = format!("dropped after {calls} calls");
        let policy = world.read_golden_policy();
        assert!(!policy.contains("AmiShare"), "{context}");
        let copies = world.list_copies();
        let are_gone = copies.values().all(|state| state == "deregistered");
        assert!(are_gone, "{context}");
    }
}

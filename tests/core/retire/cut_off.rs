//! A retirement that is cut off after any call comes to the same end.

use super::*;

/// What AWS has in the end, without what differs by time.
fn end(world: &World) -> (Vec<&'static str>, serde_json::Value, bool) {
    let is_noted = world.edit_image(&world.image_id("image-1"), |image| {
        image.tags[A].contains_key(TAG)
    });
    (standings(world, 3), world.list_access(), is_noted)
}

async fn prepare(step: u32) -> World {
    let world = build_group(3).await;
    for _ in 1..step {
        world.share(request(&world, with_deregistration(1))).await;
        tokio::time::advance(DAY * 15).await;
    }
    world
}

#[tokio::test(start_paused = true)]
async fn cut_off_after_any_call_ends_the_same() {
    for step in 1..=3 {
        let whole = prepare(step).await;
        let from = whole.list_actions(0).len();
        whole.share(request(&whole, with_deregistration(1))).await;
        let calls = whole.list_actions(from).len();
        let expected = end(&whole);
        for calls in 1..calls {
            let world = prepare(step).await;
            let run = world.share(request(&world, with_deregistration(1)));
            world.drop_after_calls(calls, run).await;
            world.share(request(&world, with_deregistration(1))).await;
            assert_eq!(end(&world), expected, "step {step}, after {calls} calls");
            let again = world.share(request(&world, with_deregistration(1))).await;
            assert!(!again.changed, "step {step}, after {calls} calls");
        }
    }
}

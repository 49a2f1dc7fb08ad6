//! The deadline bounds a verification, also while it assumes roles in targets (promise P6).

use ami_share::diagnostic::Code;
use serde_json::Value;

use super::*;

const TIMEOUT: u64 = 20;

/// `AssumeRole` never answers, from this call on.
fn never_assume_role_from(world: World, first_call: usize) -> World {
    let mut world = world;
    for call in first_call..first_call + 20 {
        world = world.with_fault(delay_call("sts:AssumeRole", call, 1e6));
    }
    world
}

async fn check_deadline(world: World) {
    let request = build_request(&world, with_launcher());
    let request = request.timing(with_timeout(TIMEOUT)).build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    let started = world.elapsed();
    let errors = sharer.verify(&request).await.unwrap_err();
    let codes: Vec<Code> = errors.iter().map(|error| error.code).collect();
    assert_eq!(codes, [Code::Deadline], "{errors}");
    assert_eq!((world.elapsed() - started).as_secs(), TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn verify_ends_at_deadline_if_assume_role_never_answers() {
    let world = build_shared_world().await;
    check_deadline(never_assume_role_from(world, 1)).await;
}

/// The role is assumed to plan; if that fails at once, it is assumed again to verify.
#[tokio::test(start_paused = true)]
async fn verify_ends_at_deadline_if_second_assume_role_never_answers() {
    let denial: Value = fail_first_call("sts:AssumeRole", "AccessDenied", "no");
    let world = build_shared_world().await.with_fault(denial);
    check_deadline(never_assume_role_from(world, 2)).await;
}

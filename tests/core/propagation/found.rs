//! What another run gave a moment ago is not in effect yet: the owner's view shows it, the target's
//! does not. A check waits for AWS's time, and no longer; what the owner's view lacks is a no at
//! once.

use ami_share::report::{Conclusion, Verification};

use super::*;

/// A delay longer than AWS documents.
const EVER: u64 = 3_600;

/// What a run does that finds everything shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Second {
    Share,
    Verify,
}

/// A request of a run that checks.
fn checking(world: &World, mode: KeyAccessMode, how: Verify) -> ShareRequestBuilder {
    let request = world.build_request(&["golden"]).key_access(mode);
    request.target_options(with_target_role().verify(how))
}

/// Runs; the verifications, what was awaited, and how many seconds it took.
async fn run_second(
    world: &World,
    second: Second,
    request: ShareRequestBuilder,
) -> (Vec<Verification>, Vec<String>, u64) {
    let began = world.elapsed();
    let (report, said) = match second {
        Second::Share => {
            let (report, said) = share(world, request).await;
            (report.unwrap_or_else(|report| report), said)
        }
        Second::Verify => {
            let (sharer, said) = listen(world);
            let request = request.build().unwrap();
            let report = Box::pin(sharer.verify(&request)).await.unwrap();
            let said = said.lock().clone();
            (report, said)
        }
    };
    let took = world.elapsed().saturating_sub(began).as_secs();
    (report.verifications, said, took)
}

/// Shares without looking into the target.
async fn share_first(world: &World, mode: KeyAccessMode) {
    let request = world.build_request(&["golden"]).key_access(mode);
    world.share(request).await;
}

/// The words of what a delay of the first run makes the second one wait for, if anything.
fn awaited(mode: KeyAccessMode, how: Verify, kind: &str) -> Option<&'static str> {
    let by_grants = mode == KeyAccessMode::Grants;
    match kind {
        "sharing" => Some("to be seen by the target"),
        "grants" if by_grants && how == Verify::Launch => Some("to let the target use it"),
        "key-policies" if !by_grants && how == Verify::Launch => Some("to let the target use it"),
        _ => None,
    }
}

const MODES: [KeyAccessMode; 2] = [KeyAccessMode::Policy, KeyAccessMode::Grants];
const CHECKS: [Verify; 2] = [Verify::Permissions, Verify::Launch];

#[tokio::test(start_paused = true)]
async fn what_another_run_has_just_given_is_waited_for() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for (kind, seconds) in DELAYS {
        for mode in MODES {
            for how in CHECKS {
                for second in [Second::Share, Second::Verify] {
                    rows += 1;
                    let row = format!("{kind} {seconds} {mode:?} {how:?} {second:?}");
                    let world = build_world(delays(kind, seconds));
                    share_first(&world, mode).await;
                    let request = checking(&world, mode, how);
                    let (checked, said, took) = run_second(&world, second, request).await;
                    if checked.len() != 1 || checked[0].conclusion == Conclusion::Blocked {
                        wrong.push(format!("{row}: {checked:?}"));
                    }
                    // A run by policy goes on for longer than the short delays.
                    let words = awaited(mode, how, kind).filter(|_| seconds > 8);
                    if let Some(words) = words
                        && !said.iter().any(|what| what.contains(words))
                    {
                        wrong.push(format!("{row}: it does not say {words}: {said:?}"));
                    }
                    if took > 45 + seconds + seconds / 2 {
                        wrong.push(format!("{row}: {took} s"));
                    }
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {rows}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// A matrix of jobs shares one image: the first gives access, all check it.
#[tokio::test(start_paused = true)]
async fn eight_jobs_side_by_side_find_nothing_blocked() {
    let mut wrong = Vec::new();
    for (kind, seconds) in DELAYS {
        for mode in MODES {
            for how in CHECKS {
                let world = build_world(delays(kind, seconds));
                let mut jobs = Vec::new();
                for job in 0..8 {
                    let world = &world;
                    jobs.push(async move {
                        tokio::time::sleep(Duration::from_millis(400) * job).await;
                        run_second(world, Second::Share, checking(world, mode, how)).await
                    });
                }
                for (checked, _, _) in futures::future::join_all(jobs).await {
                    if checked.len() != 1 || checked[0].conclusion == Conclusion::Blocked {
                        wrong.push(format!("{kind} {seconds} {mode:?} {how:?}: {checked:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// What does not come into effect in the time that AWS documents is a no, and says what may be why.
#[tokio::test(start_paused = true)]
async fn what_stays_out_of_effect_is_blocked_after_the_documented_time() {
    let table = [
        (
            "sharing",
            KeyAccessMode::Policy,
            Verify::Permissions,
            120,
            "Allowed AMIs",
        ),
        (
            "sharing",
            KeyAccessMode::Policy,
            Verify::Launch,
            120,
            "Allowed AMIs",
        ),
        (
            "key-policies",
            KeyAccessMode::Policy,
            Verify::Launch,
            300,
            "longer than the five minutes",
        ),
        (
            "grants",
            KeyAccessMode::Grants,
            Verify::Launch,
            300,
            "longer than the five minutes",
        ),
    ];
    for (kind, mode, how, seconds, words) in table {
        for second in [Second::Share, Second::Verify] {
            let row = format!("{kind} {how:?} {second:?}");
            let world = build_world(delays(kind, EVER));
            share_first(&world, mode).await;
            let (checked, _, took) = run_second(&world, second, checking(&world, mode, how)).await;
            assert_eq!(checked[0].conclusion, Conclusion::Blocked, "{row}");
            assert!(
                checked[0].failures().contains(words),
                "{row}: {}",
                checked[0].failures()
            );
            assert!((seconds..seconds + 60).contains(&took), "{row}: {took} s");
        }
    }
}

/// The owner's view lacks what the target needs, or a setting of the target explains what it does
/// not see: no time makes that better.
#[tokio::test(start_paused = true)]
async fn what_no_propagation_explains_is_blocked_at_once() {
    type Change = fn(&World);
    let table: [(&str, Change, Verify); 5] = [
        (
            "no launch permission",
            forget_launch_permission,
            Verify::Launch,
        ),
        ("no key access", forget_key_access, Verify::Permissions),
        ("no key access", forget_key_access, Verify::Launch),
        ("Allowed AMIs", hide_from_b, Verify::Permissions),
        ("Allowed AMIs", hide_from_b, Verify::Launch),
    ];
    for (what, change, how) in table {
        for kind in ["none", "sharing", "key-policies"] {
            let world = build_world(delays(kind, EVER));
            share_first(&world, KeyAccessMode::Policy).await;
            change(&world);
            let request = checking(&world, KeyAccessMode::Policy, how);
            let (checked, said, took) = run_second(&world, Second::Verify, request).await;
            let row = format!("{what}, {kind}, {how:?}");
            assert_eq!(checked[0].conclusion, Conclusion::Blocked, "{row}");
            assert!(took < 10, "{row}: {took} s, {said:?}");
        }
    }
}

/// Whether Allowed AMIs hide the image cannot be read: it is waited for as long as a share takes.
#[tokio::test(start_paused = true)]
async fn image_hidden_for_a_reason_that_cannot_be_read_is_waited_for_once() {
    let world = build_world(Delays::default());
    share_first(&world, KeyAccessMode::Policy).await;
    hide_from_b(&world);
    let deny = json!({
        "Effect": "Deny", "Action": "ec2:GetAllowedImagesSettings", "Resource": "*",
    });
    let policy = json!({ "Version": "2012-10-17", "Statement": [deny] });
    world.put_role_policy(B, "consumer", "deny", &policy).await;
    let request = checking(&world, KeyAccessMode::Policy, Verify::Launch);
    let (checked, _, took) = run_second(&world, Second::Verify, request).await;
    assert_eq!(checked[0].conclusion, Conclusion::Blocked);
    assert!((120..150).contains(&took), "{took} s");
}

fn forget_launch_permission(world: &World) {
    let golden = world.image_id("golden");
    world.edit_image(&golden, |image| image.launch_permissions.clear());
}

fn forget_key_access(world: &World) {
    world.edit_statements(&world.key_arn("golden"), |statements| {
        statements.retain(|statement| !statement.to_string().contains(B));
    });
}

/// Allowed AMIs of B name another publisher.
fn hide_from_b(world: &World) {
    world.allow_images(B, "enabled", json!([{ "providers": ["amazon"] }]));
}

//! Somebody deregisters the image, or disables its key, after each call of a run. The run does not
//! go on waiting, says what happened, and never ends well if it called AWS about it afterwards.

use ami_share::Sharer;
use ami_share::diagnostic::Error;
use ami_share_sim::world::{Image, KeyState};

use super::*;

/// How long a run may go on, with what it does anyhow: copies and the wait for its key policy.
const ENDS: Duration = Duration::from_mins(1);

/// The end of a run: the errors of its plan or of its report.
pub(super) async fn try_run(world: &World, request: ShareRequestBuilder) -> Result<(), Vec<Error>> {
    let sharer = Sharer::new(&world.config(A));
    let request = request.build().unwrap();
    let run = Box::pin(async {
        let plan = match sharer.plan(&request).await {
            Ok(plan) => plan,
            Err(errors) => return Err(errors.iter().cloned().collect()),
        };
        let applied = sharer.apply(&plan).await;
        applied.map(drop).map_err(|incomplete| {
            let findings = incomplete.report.findings.iter();
            let mut errors = incomplete.report.errors.clone();
            // A plan that is refused says why in its findings.
            for finding in findings {
                errors[0].message.push_str(&finding.resource);
            }
            errors
        })
    });
    run.await
}

/// Runs, and makes a change of the world once so many calls were made; the report, and when the
/// change was made, as a moment and a number of calls.
async fn run_with_change(
    way: Way,
    calls: usize,
    change: impl Fn(&World),
) -> (World, Result<(), Vec<Error>>, Option<(Duration, usize)>) {
    let world = way.prepare().await;
    let from = world.sim.journal().len();
    let made = std::cell::Cell::new(None);
    let changing = async {
        while world.sim.journal().len() < from + calls {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        change(&world);
        made.set(Some((world.elapsed(), world.sim.journal().len())));
        std::future::pending::<()>().await;
    };
    let report = tokio::select! {
        report = try_run(&world, way.request(&world)) => report,
        () = changing => unreachable!(),
    };
    (world, report, made.get())
}

async fn count_calls(way: Way) -> usize {
    let world = way.prepare().await;
    let from = world.sim.journal().len();
    world.share(way.request(&world)).await;
    world.sim.journal().len() - from
}

/// Whether a call of these operations named a resource after a number of calls.
fn was_asked(world: &World, after: usize, resource: &str, operations: &[&str]) -> bool {
    world.sim.journal().iter().skip(after).any(|call| {
        let names = call.resources.iter().any(|named| named.contains(resource));
        names && operations.contains(&call.action.as_str())
    })
}

/// The calls that give an image or its snapshots to a target.
const CHANGES: &[&str] = &["ec2:CopyImage", "ec2:ModifyImageAttribute"];

/// Who can use keys, and whether B can use any snapshot.
fn describe_access(world: &World) -> Value {
    let mut access = describe_end(world);
    let snapshots = access["snapshots"].to_string().contains(B);
    access["snapshots"] = json!(snapshots);
    json!([access["policies"], access["grants"], access["snapshots"]])
}

/// Whether a run had read images by a call, of which so many were its own.
fn was_read(world: &World, calls: usize, calls_before: usize) -> bool {
    let journal = world.sim.journal();
    let mut own = journal.iter().take(calls_before).rev().take(calls);
    own.any(|call| call.action == "ec2:DescribeImages")
}

/// Whether the run has begun to apply its plan by the time of some call.
fn has_begun(world: &World, calls: usize) -> bool {
    const CHANGES: &[&str] = &[
        "ec2:ModifyImageAttribute",
        "ec2:ModifySnapshotAttribute",
        "kms:PutKeyPolicy",
        "kms:RevokeGrant",
    ];
    let journal = world.sim.journal();
    let mut later = journal.iter().skip(calls);
    later.any(|call| CHANGES.contains(&call.action.as_str()))
}

#[tokio::test(start_paused = true)]
async fn image_deregistered_midway_ends_the_wait_for_it() {
    const READS: &[&str] = &[
        "ec2:DescribeImages",
        "ec2:CopyImage",
        "ec2:ModifyImageAttribute",
    ];
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for way in WAYS {
        let world = way.prepare().await;
        world.share(way.request(&world)).await;
        let expected = describe_access(&world);
        for calls in 0..count_calls(way).await {
            rows += 1;
            let change = |world: &World| {
                let id = way.image_id(world);
                world.edit_image(&id, |image| image.state = ImageState::Deregistered);
            };
            let run = Box::pin(run_with_change(way, calls, change)).await;
            let (world, report, Some((at, calls_before))) = run else {
                continue;
            };
            let (id, row) = (way.image_id(&world), format!("{way:?} after {calls} calls"));
            let took = world.elapsed().saturating_sub(at);
            if took > ENDS {
                wrong.push(format!("{row}: {} s", took.as_secs()));
            }
            match report {
                // Nothing shows any more which keys were those of an image that was never read.
                Ok(()) if way.is_revoke() && !was_read(&world, calls, calls_before) => {}
                // What is gone is revoked, once its key and snapshots are.
                Ok(()) if way.is_revoke() => {
                    let left = describe_access(&world);
                    if left != expected {
                        wrong.push(format!("{row}: {left}, not {expected}"));
                    }
                }
                Err(errors) if way.is_revoke() && has_begun(&world, calls_before) => {
                    wrong.push(format!("{row}: {:?}", errors.first()));
                }
                Ok(()) if was_asked(&world, calls_before + 1, &id, READS) => {
                    wrong.push(format!("{row}: it ended well"));
                }
                Err(errors) if !errors.iter().any(|error| error.to_string().contains(&id)) => {
                    wrong.push(format!("{row}: {:?}", errors.first()));
                }
                _ => {}
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

/// What somebody does to an image meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    /// A retirement beside a share does that; it takes the launch permissions (R2.16).
    Disabled,
    Deregistered,
}

impl Loss {
    fn happen(self, image: &mut Image) {
        image.launch_permissions.clear();
        image.state = match self {
            Self::Disabled => ImageState::Disabled,
            Self::Deregistered => ImageState::Deregistered,
        };
    }

    /// Whether an error says so.
    fn is_told_by(self, error: &Error) -> bool {
        let (code, text) = (error.code.as_str(), error.to_string());
        match self {
            Self::Disabled => code == "image.disabled-meanwhile" || text.contains("disabled"),
            Self::Deregistered => code == "image.not-found" || text.contains("deregistered"),
        }
    }
}

/// The image is named as what it is, and nobody is blamed who has revoked nothing.
#[tokio::test(start_paused = true)]
async fn image_lost_midway_is_told_within_a_minute() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for way in WAYS.into_iter().filter(|way| !way.is_revoke()) {
        for calls in 0..count_calls(way).await {
            for loss in [Loss::Disabled, Loss::Deregistered] {
                rows += 1;
                let lose = |world: &World| {
                    world.edit_image(&way.image_id(world), |image| loss.happen(image));
                };
                let run = Box::pin(run_with_change(way, calls, lose)).await;
                let (world, ended, Some((at, calls_before))) = run else {
                    continue;
                };
                let row = format!("{way:?}, {loss:?} after {calls} calls");
                let took = world.elapsed().saturating_sub(at);
                if took > ENDS {
                    wrong.push(format!("{row}: {} s", took.as_secs()));
                }
                let id = way.image_id(&world);
                let is_asked = was_asked(&world, calls_before + 1, &id, CHANGES);
                match ended {
                    Ok(()) if is_asked => wrong.push(format!("{row}: it ended well")),
                    Ok(()) => {}
                    Err(errors) => {
                        let other = errors.iter().filter(|error| !loss.is_told_by(error));
                        wrong.extend(other.map(|error| format!("{row}: {error}")));
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

fn disable_key(world: &World) {
    world.edit_key(&world.key_arn("golden"), |key| {
        key.state = KeyState::Disabled;
    });
}

/// Nobody is shown the key any more, so nobody can tell whether it is enabled.
fn hide_key(world: &World) {
    let deny = json!({
        "Sid": "Hidden",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "kms:DescribeKey",
        "Resource": "*",
    });
    world.edit_statements(&world.key_arn("golden"), |all| all.push(deny));
}

/// Whether the key is still as the change made it: a put of the run that began before may have
/// brought its policy back.
fn is_changed(world: &World) -> bool {
    let is_disabled = world.edit_key(&world.key_arn("golden"), |key| {
        key.state == KeyState::Disabled
    });
    is_disabled || world.read_golden_policy().contains("Hidden")
}

#[tokio::test(start_paused = true)]
async fn key_disabled_or_hidden_midway_is_found() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for (what, change, ways) in [
        (
            "disabled",
            disable_key as fn(&World),
            &[Way::Policy, Way::Grants, Way::Copy, Way::Lifecycle][..],
        ),
        // With verification, it is that which tells what it cannot read.
        ("hidden", hide_key, &[Way::Policy, Way::Grants, Way::Copy]),
    ] {
        for &way in ways {
            for calls in 0..count_calls(way).await {
                rows += 1;
                let run = Box::pin(run_with_change(way, calls, change)).await;
                let (world, report, Some((at, calls_before))) = run else {
                    continue;
                };
                let key = world.key_arn("golden");
                let row = format!("{way:?}, {what} after {calls} calls");
                let took = world.elapsed().saturating_sub(at);
                if took > ENDS + Duration::from_mins(5) {
                    wrong.push(format!("{row}: {} s", took.as_secs()));
                }
                // A call that was under way may have been answered before.
                let was_asked = was_asked(&world, calls_before + 1, &key, &["kms:DescribeKey"]);
                if report.is_ok() && was_asked && is_changed(&world) {
                    wrong.push(format!("{row}: it ended well"));
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

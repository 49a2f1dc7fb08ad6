//! What a run gives is in effect only after a while: each kind of change of the simulated AWS, by a
//! short and a long delay, with each thing that rests on it. The run waits, says for what, and ends
//! right; what rests on no change of the run is refused at once.

mod denials;
mod found;

use std::sync::Arc;
use std::time::Duration;

use ami_share::report::Event;
use ami_share::request::{
    KeyAccessMode, ShareRequestBuilder, ShareSnapshots, TargetOptions, Verify,
};
use ami_share::{Report, Sharer};
use ami_share_sim::{Delays, Options, Scenario};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::findings::targets::build_admin_scenario;
use super::lost::describe_end;
use super::support::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";

/// What rests on changes of the same run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    Share,
    /// Copies in targets, under keys of their own.
    Copies,
    /// The same, and the access to the source is reclaimed.
    Unshare,
    /// A parameter in the target, and tags on the image there.
    Parameters,
    /// Grants for service-linked roles, by the target.
    ServiceRoles,
    /// Roles in the target get a policy, and what they may do is checked.
    LaunchRoles,
    /// A real launch.
    Launch,
    /// The same by the role whose policy the run changes.
    LaunchAsLauncher,
    Revoke,
}

const CASES: [Case; 9] = [
    Case::Share,
    Case::Copies,
    Case::Unshare,
    Case::Parameters,
    Case::ServiceRoles,
    Case::LaunchRoles,
    Case::Launch,
    Case::LaunchAsLauncher,
    Case::Revoke,
];

/// The kinds of delays, each with its seconds.
const DELAYS: [(&str, u64); 9] = [
    ("none", 0),
    ("grants", 3),
    ("grants", 60),
    ("grants", 240),
    ("key-policies", 8),
    ("key-policies", 120),
    ("sharing", 4),
    ("sharing", 30),
    ("iam", 30),
];

fn delays(kind: &str, seconds: u64) -> Delays {
    let time = Duration::from_secs(seconds);
    let mut delays = Delays::default();
    match kind {
        "grants" => delays.grants = time,
        "key-policies" => delays.key_policies = time,
        "sharing" => delays.sharing = time,
        "iam" => delays.iam = time,
        _ => {}
    }
    delays
}

impl Case {
    fn request(self, world: &World, mode: KeyAccessMode) -> ShareRequestBuilder {
        let share = world.build_request(&["golden"]).key_access(mode);
        let role = || with_target_role().verify(Verify::Permissions);
        let options = match self {
            Self::Share => return share,
            Self::Revoke => return into_revoke(share.share_snapshots(ShareSnapshots::Always)),
            Self::Copies | Self::Unshare => role()
                .kms_key(world.key_arn("theirs").parse().unwrap())
                .unshare_after_copy(self == Self::Unshare),
            Self::Parameters => {
                let share = share.copy_image_tags(true);
                let share = share.publish_ssm_parameter("/images/golden");
                return share.target_options(role().verify(Verify::None));
            }
            Self::ServiceRoles => role().service_linked_roles([AUTO_SCALING.to_owned()]),
            Self::LaunchRoles => role().launch_roles(["launching".to_owned()]),
            Self::Launch => role().verify(Verify::Launch),
            Self::LaunchAsLauncher => {
                let role = as_launching().launch_roles(["launching".to_owned()]);
                role.verify(Verify::Launch)
            }
        };
        share.target_options(options)
    }

    /// What the run must say that it waits for.
    fn awaits(self, mode: KeyAccessMode, kind: &str, seconds: u64) -> Option<&'static str> {
        let by_grants = mode == KeyAccessMode::Grants;
        let uses_key = match self {
            Self::Copies
            | Self::Unshare
            | Self::ServiceRoles
            | Self::Launch
            | Self::LaunchAsLauncher => true,
            Self::Share | Self::Parameters | Self::LaunchRoles | Self::Revoke => false,
        };
        match (kind, self) {
            ("grants", _) if uses_key && by_grants => Some("to have its new grants in effect"),
            ("key-policies", _) if uses_key && !by_grants => {
                Some("to have its new policy in effect")
            }
            ("sharing", Self::Copies | Self::Unshare) => Some("to be seen by the target"),
            // A short delay is over when the policy has settled.
            ("sharing", Self::Parameters) if by_grants || seconds > 5 => {
                Some("which SSM may not know yet")
            }
            ("sharing", Self::Launch | Self::LaunchAsLauncher) => Some("to be known as shared"),
            ("iam", Self::ServiceRoles) => Some("to be known as a principal"),
            ("iam", Self::LaunchRoles | Self::LaunchAsLauncher) => {
                Some("to have its new policy in effect")
            }
            _ => None,
        }
    }
}

/// The role in B that may not use keys.
fn as_launching() -> TargetOptions {
    with_target_role().role("launching".parse().unwrap())
}

fn build_world(delays: Delays) -> World {
    let options = Options {
        latency: Duration::from_millis(20),
        delays,
        ..Options::default()
    };
    World::with_options(build_admin_scenario(add_role), options)
}

/// Adds the role `launching`, which may do everything in B but use keys.
fn add_role(scenario: &mut Scenario) {
    let roles = &mut scenario.accounts[1].roles;
    let mut role = roles
        .iter()
        .find(|role| role.name == "consumer")
        .unwrap()
        .clone();
    "launching".clone_into(&mut role.name);
    let actions = ["ec2:*", "iam:*", "ssm:*"];
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    role.policy = Some(json!({ "Statement": [statement] }));
    roles.push(role);
}

/// A sharer as A, and what its runs say that they wait for.
fn listen(world: &World) -> (Sharer, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&said);
    let sharer = Sharer::new(&world.config(A)).with_events(move |event: &Event| {
        if let Event::Waiting(waiting) = event {
            log.lock().push(waiting.what.clone());
        }
    });
    (sharer, said)
}

/// Shares, and keeps what the run says that it waits for.
async fn share(
    world: &World,
    request: ShareRequestBuilder,
) -> (Result<Report, Report>, Vec<String>) {
    let (sharer, said) = listen(world);
    let request = request.build().unwrap();
    let run = Box::pin(async {
        let plan = sharer.plan(&request).await.unwrap();
        sharer.apply(&plan).await
    });
    let report = run.await.map_err(|incomplete| incomplete.report);
    let said = said.lock().clone();
    (report, said)
}

/// The end of a case, and what is wrong with it.
async fn check(case: Case, mode: KeyAccessMode, kind: &str, seconds: u64) -> (Value, Vec<String>) {
    let world = build_world(delays(kind, seconds));
    if case == Case::Revoke {
        let before = world.build_request(&["golden"]).key_access(mode);
        world
            .share(before.share_snapshots(ShareSnapshots::Always))
            .await;
    }
    let began = world.elapsed();
    let (report, said) = share(&world, case.request(&world, mode)).await;
    let took = world.elapsed().saturating_sub(began).as_secs();
    let mut wrong = Vec::new();
    if let Err(report) = report {
        let error = report.errors.first().map(ToString::to_string);
        wrong.push(error.unwrap_or_default());
    }
    let awaits = case.awaits(mode, kind, seconds);
    if let Some(words) = awaits
        && !said.iter().any(|what| what.contains(words))
    {
        wrong.push(format!(
            "it does not say that it waits for {words}: {said:?}"
        ));
    }
    if took > 45 + seconds + seconds / 2 {
        wrong.push(format!("it took {took} s"));
    }
    (describe_end(&world), wrong)
}

#[tokio::test(start_paused = true)]
async fn what_a_run_has_just_given_is_waited_for() {
    let (mut all, mut rows) = (Vec::new(), 0);
    for case in CASES {
        for mode in [KeyAccessMode::Policy, KeyAccessMode::Grants] {
            let mut expected = None;
            for (kind, seconds) in DELAYS {
                rows += 1;
                let (end, wrong) = Box::pin(check(case, mode, kind, seconds)).await;
                let row = format!("{case:?} {mode:?} {kind} {seconds}");
                all.extend(wrong.into_iter().map(|wrong| format!("{row}: {wrong}")));
                let expected = expected.get_or_insert_with(|| end.clone());
                if end != *expected {
                    all.push(format!("{row}: {end}, not {expected}"));
                }
            }
        }
    }
    assert!(
        all.is_empty(),
        "{} of {rows} rows:\n{}",
        all.len(),
        all.join("\n")
    );
}

//! Changes of which the answer is lost or broken: each changing call of each way to share and to
//! revoke, and each way in which AWS or the network can be in trouble for a moment. The run ends
//! right, and nothing is done twice.

mod midway;
mod moments;
mod stale;

use std::collections::BTreeSet;
use std::time::Duration;

use ami_share::request::{
    DeprecateAt, KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots, TargetOptions, Verify,
};
use ami_share_sim::Options;
use ami_share_sim::world::ImageState;
use serde_json::{Value, json};

use super::findings::targets::build_admin_scenario;
use super::support::*;

/// A way to share or to revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Policy,
    Grants,
    Copy,
    TargetCopy,
    Temporary,
    Lifecycle,
    ServiceRoles,
    ServiceRolesByGrants,
    Launch,
    AfterFailedCopy,
    RevokePolicy,
    RevokeGrants,
    RevokeCopies,
    RevokeLifecycle,
}

pub(super) const WAYS: [Way; 14] = [
    Way::Policy,
    Way::Grants,
    Way::Copy,
    Way::TargetCopy,
    Way::Temporary,
    Way::Lifecycle,
    Way::ServiceRoles,
    Way::ServiceRolesByGrants,
    Way::Launch,
    Way::AfterFailedCopy,
    Way::RevokePolicy,
    Way::RevokeGrants,
    Way::RevokeCopies,
    Way::RevokeLifecycle,
];

/// What happens to a call, in the words of the fault file.
const TROUBLES: [&str; 5] = ["500", "503", "lost-answer", "drop", "throttle"];

impl Way {
    pub(super) fn request(self, world: &World) -> ShareRequestBuilder {
        let golden = || world.build_request(&["golden"]);
        match self {
            Self::Policy => golden().share_snapshots(ShareSnapshots::Always),
            Self::Grants => golden().key_access(KeyAccessMode::Grants),
            Self::Copy | Self::AfterFailedCopy => world.build_copy_request(&["plain"]),
            Self::TargetCopy | Self::Temporary => {
                let options = with_target_role()
                    .kms_key(world.key_arn("theirs").parse().unwrap())
                    .unshare_after_copy(self == Self::Temporary);
                golden().copy_image_tags(true).target_options(options)
            }
            Self::Lifecycle => golden()
                .deprecate_at(DeprecateAt::AfterCreation(Duration::from_hours(24 * 90)))
                .deregistration_protection(true)
                .publish_ssm_parameter("/images/golden")
                .target_options(with_target_role().launch_roles(["launcher".to_owned()])),
            Self::ServiceRoles => golden().target_options(with_service_role()),
            Self::ServiceRolesByGrants => golden()
                .key_access(KeyAccessMode::Grants)
                .target_options(with_service_role()),
            Self::Launch => golden().target_options(with_target_role().verify(Verify::Launch)),
            Self::RevokeLifecycle => into_revoke(Self::Lifecycle.request(world)),
            Self::RevokePolicy => into_revoke(Self::Policy.request(world)),
            Self::RevokeGrants => into_revoke(Self::Grants.request(world)),
            Self::RevokeCopies => Self::Copy.request(world).revoke(Revoke {
                copies: true,
                ..Revoke::default()
            }),
        }
    }

    /// The image that it shares or revokes, which may be the copy of a run before.
    fn image_id(self, world: &World) -> String {
        match self {
            Self::RevokeCopies => world.list_copies().into_keys().next().unwrap(),
            Self::Copy | Self::AfterFailedCopy => world.image_id("plain"),
            _ => world.image_id("golden"),
        }
    }

    pub(super) fn is_revoke(self) -> bool {
        use Way::{RevokeCopies, RevokeGrants, RevokeLifecycle, RevokePolicy};
        matches!(
            self,
            RevokeCopies | RevokeGrants | RevokeLifecycle | RevokePolicy
        )
    }

    /// The world before the way is gone.
    pub(super) async fn prepare(self) -> World {
        self.prepare_with(Duration::from_millis(20)).await
    }

    /// The same, where every call takes a time.
    pub(super) async fn prepare_with(self, latency: Duration) -> World {
        let options = Options {
            latency,
            ..Options::default()
        };
        let world = World::with_options(build_admin_scenario(|_| ()), options);
        let before = match self {
            Self::RevokePolicy => Self::Policy,
            Self::RevokeGrants => Self::Grants,
            Self::RevokeCopies => Self::Copy,
            Self::RevokeLifecycle => Self::Lifecycle,
            Self::AfterFailedCopy => {
                let world = world.with_fault(fail_first_copy("An internal error."));
                world.try_share(self.request(&world)).await.unwrap_err();
                return world;
            }
            _ => return world,
        };
        world.share(before.request(&world)).await;
        world
    }
}

fn with_service_role() -> TargetOptions {
    with_target_role().service_linked_roles(["autoscaling.amazonaws.com".to_owned()])
}

/// What test launches change, besides what the support knows.
const LAUNCHING: [&str; 5] = [
    "ec2:CreateSecurityGroup",
    "ec2:RevokeSecurityGroupEgress",
    "ec2:RunInstances",
    "ec2:TerminateInstances",
    "ec2:DeleteSecurityGroup",
];

fn fault(action: &str, trouble: &str) -> Value {
    let answer = |status: u16, code: &str| {
        let message = "The service is in trouble.";
        let error = json!({ "status": status, "code": code, "message": message });
        json!({ "operation": action, "call": 1, "effect": { "error": error } })
    };
    match trouble {
        "500" => answer(500, "InternalFailure"),
        "503" => answer(503, "ServiceUnavailable"),
        effect => affect_call(action, 1, effect),
    }
}

/// What is there at the end, but for the IDs of what was made.
pub(super) fn describe_end(world: &World) -> Value {
    let mut access = world.list_access();
    let images = access["images"].as_object_mut().unwrap();
    images.retain(|id, _| world.edit_image(id, |image| image.state) != ImageState::Deregistered);
    let sizes = |kind: &str| {
        let resources = access[kind].as_object().unwrap().values();
        let mut sizes: Vec<String> = resources.map(Value::to_string).collect();
        sizes.sort();
        sizes
    };
    let mut states: Vec<String> = world.list_copies().into_values().collect();
    states.retain(|state| state != "deregistered");
    json!({
        "images": sizes("images"),
        "snapshots": sizes("snapshots"),
        "policies": access["policies"],
        "grants": access["grants"].as_array().unwrap().len(),
        "copies": states,
        "left": world.sim.edit(|state| {
            let alive = state.instances.values().filter(|one| one.state != "terminated");
            (alive.count(), state.security_groups.len())
        }),
    })
}

#[tokio::test(start_paused = true)]
async fn trouble_with_any_change_is_outlasted_and_nothing_is_doubled() {
    let (mut wrong, mut rows) = (Vec::new(), 0);
    for way in WAYS {
        let world = way.prepare().await;
        let from = world.sim.journal().len();
        world.share(way.request(&world)).await;
        let expected = describe_end(&world);
        let mut changes: Vec<String> = world.count_changes().into_keys().collect();
        changes.extend(LAUNCHING.map(str::to_owned));
        let called: BTreeSet<String> = world.list_actions(from).into_iter().collect();
        for action in changes.iter().filter(|action| called.contains(*action)) {
            for trouble in TROUBLES {
                rows += 1;
                let world = way.prepare().await.with_fault(fault(action, trouble));
                match world.try_share(way.request(&world)).await {
                    Err(report) => wrong.push(format!(
                        "{way:?} {action} {trouble}: {}",
                        report
                            .errors
                            .first()
                            .map_or_else(String::new, ToString::to_string)
                    )),
                    Ok(_) if describe_end(&world) != expected => wrong.push(format!(
                        "{way:?} {action} {trouble}: {}, not {expected}",
                        describe_end(&world)
                    )),
                    Ok(_) => {}
                }
            }
        }
    }
    assert!(rows > 150, "{rows}");
    assert!(
        wrong.is_empty(),
        "{} of {rows}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

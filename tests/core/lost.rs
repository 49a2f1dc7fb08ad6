//! Changes of which the answer is lost or broken: each changing call of each way to share and to
//! revoke, and each way in which AWS or the network can be in trouble for a moment. The run ends
//! right, and nothing is done twice.

use std::collections::BTreeSet;
use std::time::Duration;

use ami_share::request::{DeprecateAt, KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots};
use serde_json::{Value, json};

use super::findings::targets::with_admin_role;
use super::support::*;

/// A way to share or to revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Policy,
    Grants,
    Copy,
    TargetCopy,
    Temporary,
    Lifecycle,
    RevokePolicy,
    RevokeGrants,
    RevokeCopies,
}

const WAYS: [Way; 9] = [
    Way::Policy,
    Way::Grants,
    Way::Copy,
    Way::TargetCopy,
    Way::Temporary,
    Way::Lifecycle,
    Way::RevokePolicy,
    Way::RevokeGrants,
    Way::RevokeCopies,
];

/// What happens to a call, in the words of the fault file.
const TROUBLES: [&str; 5] = ["500", "503", "lost-answer", "drop", "throttle"];

impl Way {
    fn request(self, world: &World) -> ShareRequestBuilder {
        let golden = || world.build_request(&["golden"]);
        match self {
            Self::Policy => golden().share_snapshots(ShareSnapshots::Always),
            Self::Grants => golden().key_access(KeyAccessMode::Grants),
            Self::Copy => world.build_copy_request(&["plain"]),
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
            Self::RevokePolicy => into_revoke(Self::Policy.request(world)),
            Self::RevokeGrants => into_revoke(Self::Grants.request(world)),
            Self::RevokeCopies => Self::Copy.request(world).revoke(Revoke {
                copies: true,
                ..Revoke::default()
            }),
        }
    }

    async fn prepare(self) -> World {
        let world = with_admin_role(|_| ());
        let before = match self {
            Self::RevokePolicy => Self::Policy,
            Self::RevokeGrants => Self::Grants,
            Self::RevokeCopies => Self::Copy,
            _ => return world,
        };
        world.share(before.request(&world)).await;
        world
    }
}

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
fn describe_end(world: &World) -> Value {
    let access = world.list_access();
    let sizes = |kind: &str| {
        let resources = access[kind].as_object().unwrap().values();
        let mut sizes: Vec<String> = resources.map(Value::to_string).collect();
        sizes.sort();
        sizes
    };
    let states: Vec<String> = world.list_copies().into_values().collect();
    json!({
        "images": sizes("images"),
        "snapshots": sizes("snapshots"),
        "policies": access["policies"],
        "grants": access["grants"].as_array().unwrap().len(),
        "copies": states,
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
        let changes: Vec<String> = world.count_changes().into_keys().collect();
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

//! The managed policy of launch roles: when it is attached, and when a revoke leaves it.

use ami_share::request::Verify;
use serde_json::json;

use super::*;

const LAUNCHER: &str = "launcher";
const POLICY: &str = "launch";
const NEEDED: &str = "launch-role.policy-needed";
/// Another target, which has the same roles.
const C: &str = "300000000000";
/// All that a revoke of `image-1` may leave to B, and whether that keeps the policy.
const LEFT: [(Left, bool); 7] = [
    (Left::Nothing, false),
    (Left::Other, true),
    (Left::Plain, true),
    (Left::OfAnother, false),
    (Left::Organization, true),
    (Left::Copy, true),
    (Left::UnreadCopies, true),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Left {
    Nothing,
    /// Another image.
    Other,
    /// One that is not encrypted.
    Plain,
    /// Another image that only another account has.
    OfAnother,
    /// Another image, which the organization has.
    Organization,
    /// A copy under a key of the target.
    Copy,
    /// What the role in the target may not list.
    UnreadCopies,
}

/// A world whose launchers may launch by the managed policy alone.
async fn build_world(accounts: usize) -> World {
    let world = World::generate(accounts, 1, 2, 1);
    for account in [B, C].into_iter().take(accounts - 1) {
        let actions = ["ec2:*", "kms:*", "iam:*"];
        world.allow_actions(account, "consumer", &actions).await;
        world.edit_role(account, LAUNCHER, |role| role.inline.clear());
        let iam = aws_sdk_iam::Client::new(&world.config(account));
        let call = iam.create_policy().policy_name(POLICY);
        let all = json!({ "Effect": "Allow", "Action": ["ec2:*", "kms:*"], "Resource": "*" });
        let document = json!({ "Version": "2012-10-17", "Statement": [all] });
        let call = call.policy_document(document.to_string());
        call.send().await.unwrap();
    }
    world
}

fn with_policy() -> TargetOptions {
    let options = with_target_role().launch_roles([LAUNCHER.to_owned()]);
    let options = options.launch_policy(POLICY.parse().unwrap());
    options.verify(Verify::None)
}

fn request(world: &World, image: &str) -> ShareRequestBuilder {
    world.build_request(&[image]).target_options(with_policy())
}

fn is_attached(world: &World, account: &str) -> bool {
    world.edit_role(account, LAUNCHER, |role| !role.attached.is_empty())
}

#[tokio::test(start_paused = true)]
async fn launch_policy_is_attached_whatever_the_image_is_encrypted_with() {
    for is_encrypted in [true, false] {
        let world = build_world(2).await;
        if !is_encrypted {
            decrypt(&world, "image-1");
        }
        world.share(request(&world, "image-1")).await;
        assert!(is_attached(&world, B), "encrypted: {is_encrypted}");
        let image_id = world.image_id("image-1");
        let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
        assert_eq!(launched, "running", "encrypted: {is_encrypted}");
        world.terminate_instances_of(B).await;

        world.share(into_revoke(request(&world, "image-1"))).await;
        assert!(!is_attached(&world, B), "encrypted: {is_encrypted}");
    }
}

/// Makes an image one that nothing is encrypted of.
fn decrypt(world: &World, image: &str) {
    let id = world.image_id(image);
    world.sim.edit(|state| {
        let snapshots: Vec<String> = state.images[&id]
            .snapshot_ids()
            .map(str::to_owned)
            .collect();
        for id in snapshots {
            state.snapshots.get_mut(&id).unwrap().key = None;
        }
    });
}

#[tokio::test(start_paused = true)]
async fn launch_policy_stays_for_whatever_else_the_target_launches() {
    for (left, stays) in LEFT {
        let world = build_world(3).await;
        world.share(request(&world, "image-1")).await;
        leave(&world, left).await;
        let revoke = into_revoke(request(&world, "image-1"));
        let plan = world.plan(revoke.clone()).await;
        let report = world.share(revoke).await;
        assert_eq!(is_attached(&world, B), stays, "{left:?}");
        let said = plan.findings.iter().find(|it| it.code.as_str() == NEEDED);
        assert_eq!(said.is_some(), stays, "{left:?}: {:?}", plan.findings);
        let removals = plan.role_policy_removals().count();
        assert_eq!(
            removals,
            usize::from(!stays),
            "{left:?}: {:?}",
            report.findings
        );
        if left == Left::Other {
            let other = world.image_id("image-2");
            assert!(said.unwrap().message.contains(&other), "{said:?}");
            let launched = world.launch_as_role(B, LAUNCHER, &other).await;
            assert_eq!(launched, "running");
            world.terminate_instances_of(B).await;
            // The last revoke detaches it.
            world.share(into_revoke(request(&world, "image-2"))).await;
            assert!(!is_attached(&world, B));
        }
    }
}

/// Leaves something to B.
async fn leave(world: &World, left: Left) {
    let insert = |name: &str| {
        world.edit_image(&world.image_id("image-2"), |image| {
            image.launch_permissions.insert(name.to_owned())
        });
    };
    match left {
        Left::Nothing => {}
        Left::Other => _ = world.share(request(world, "image-2")).await,
        Left::Plain => {
            decrypt(world, "image-2");
            world.share(request(world, "image-2")).await;
        }
        Left::OfAnother => insert(C),
        Left::Organization => {
            world.sim.edit(make_organization);
            insert(ORGANIZATION);
        }
        Left::Copy => {
            let key = format!("alias/{B_KEY}").parse().unwrap();
            let request = world.build_request(&["image-1"]);
            world
                .share(request.target_options(with_policy().kms_key(key)))
                .await;
        }
        Left::UnreadCopies => {
            let no = json!({ "Effect": "Deny", "Action": "ec2:DescribeImages", "Resource": "*" });
            let no = json!({ "Version": "2012-10-17", "Statement": [no] });
            world.put_role_policy(B, "consumer", "no", &no).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn targets_of_a_revoke_share_the_call_that_finds_what_else_is_shared() {
    let both: &[&str] = &[B, C];
    let mut counts = Vec::new();
    for (targets, left) in [
        (&both[..1], Left::Nothing),
        (both, Left::Nothing),
        (both, Left::OfAnother),
    ] {
        let world = build_world(3).await;
        let request = || {
            let request = world.build_request_for(&["image-1"], targets);
            request.target_options(with_policy())
        };
        world.share(request()).await;
        leave(&world, left).await;
        let before = world.sim.journal().len();
        world.share(into_revoke(request())).await;
        let is_left = left == Left::OfAnother;
        assert_eq!(
            (is_attached(&world, B), is_attached(&world, C)),
            (false, is_left)
        );
        let mut asked = world.sim.journal().split_off(before);
        asked.retain(|call| call.action == "ec2:DescribeImages" && call.account == A);
        counts.push(asked.len());
    }
    let one = counts[0];
    assert_eq!(
        counts,
        [one, one, one + 2],
        "each is asked about only if something is found"
    );
}

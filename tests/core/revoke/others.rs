//! A target keeps a key that something else under it needs, however much else there is, and loses
//! it otherwise.

use ami_share::Sharer;
use ami_share_sim::Scenario;

use super::*;

const FOREIGN: &str = "arn:aws:organizations::888888888888:organization/o-another1234";

/// What else is shared, and with whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    Nothing,
    Image(&'static str),
    Snapshot(&'static str),
    /// An image under another key.
    ImageElsewhere(&'static str),
    /// An image that nobody can launch now.
    Disabled(&'static str),
}

/// `golden` is shared with B, and one of `count` others under its key with somebody.
async fn build_world(count: usize, other: Other) -> World {
    let mut scenario = Scenario::two_accounts();
    let golden = scenario.images[0].clone();
    for n in 0..count {
        let mut image = golden.clone();
        image.name = format!("night-{n}");
        image.volumes.truncate(1);
        scenario.images.push(image);
    }
    let mut elsewhere = scenario.keys[0].clone();
    "elsewhere".clone_into(&mut elsewhere.name);
    scenario.keys.push(elsewhere);
    let mut image = golden;
    "elsewhere".clone_into(&mut image.name);
    image.volumes = vec![Some("elsewhere".to_owned())];
    scenario.images.push(image);
    let world = World::from_scenario(scenario);
    world.share(world.build_request(&["golden"])).await;
    share_other(&world, count, other);
    world
}

fn share_other(world: &World, count: usize, other: Other) {
    let name = match other {
        Other::Nothing => return,
        Other::ImageElsewhere(_) => "elsewhere".to_owned(),
        _ => format!("night-{}", count / 2),
    };
    let id = world.image_id(&name);
    world.sim.edit(|state| {
        let image = state.images.get_mut(&id).unwrap();
        match other {
            Other::Nothing => {}
            Other::Image(name) | Other::ImageElsewhere(name) => {
                image.launch_permissions.insert(name.to_owned());
            }
            Other::Disabled(name) => {
                image.launch_permissions.insert(name.to_owned());
                image.state = ami_share_sim::world::ImageState::Disabled;
            }
            Other::Snapshot(name) => {
                let snapshot = image.snapshot_ids().next().unwrap().to_owned();
                let snapshot = state.snapshots.get_mut(&snapshot).unwrap();
                snapshot.create_volume_permissions.insert(name.to_owned());
            }
        }
    });
}

#[tokio::test(start_paused = true)]
async fn revoke_keeps_key_for_whatever_else_is_shared_among_many() {
    let table = [
        (Other::Nothing, false),
        (Other::Image(B), true),
        (Other::Image(THIRD_ACCOUNT), false),
        (Other::Snapshot(B), true),
        (Other::Snapshot(THIRD_ACCOUNT), false),
        (Other::ImageElsewhere(B), false),
        (Other::ImageElsewhere(FOREIGN), false),
        (Other::Disabled(B), false),
    ];
    for count in [1, 9, 300] {
        for (other, keeps) in table {
            let world = build_world(count, other).await;
            let report = world
                .share(into_revoke(world.build_request(&["golden"])))
                .await;
            let place = format!("{count}, {other:?}");
            let codes = list_codes(&report);
            assert_eq!(codes.contains(&"key.still-used"), keeps, "{place}");
            assert_eq!(world.read_golden_policy().contains(B), keeps, "{place}");
            assert_eq!(report.images[0].removed.len(), 1, "{place}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_keeps_key_for_members_of_an_organization_that_sees_another_image() {
    // Among few images each is asked, `building` among them. Among many they are if a statement of
    // the key lets an organization use it; otherwise the plan says that they were not.
    for (count, by_statement, keeps) in [
        (1, false, true),
        (7, false, true),
        (300, false, false),
        (300, true, true),
    ] {
        let world = build_world(count, Other::Image(FOREIGN)).await;
        if by_statement {
            let id = FOREIGN.rsplit('/').next().unwrap();
            world.edit_statements(&world.key_arn("golden"), |statements| {
                statements.push(json!({
                    "Effect": "Allow",
                    "Principal": { "AWS": "*" },
                    "Action": "kms:*",
                    "Resource": "*",
                    "Condition": { "StringEquals": { "aws:PrincipalOrgID": id } },
                }));
            });
        }
        let report = world
            .share(into_revoke(world.build_request(&["golden"])))
            .await;
        let place = format!("{count}, {by_statement}");
        let kept = list_codes(&report).contains(&"key.still-used");
        assert_eq!(kept, keeps, "{place}");
        assert_eq!(world.read_golden_policy().contains(B), keeps, "{place}");
        let mut findings = report.findings.iter();
        let is_told = findings.any(|finding| finding.message.contains("was not asked"));
        assert_eq!(is_told, !keeps, "{place}");
    }
}

#[tokio::test(start_paused = true)]
async fn organization_keeps_key_that_another_of_many_images_needs() {
    for other in [
        Other::Nothing,
        Other::Image(ORGANIZATION),
        Other::Image(FOREIGN),
    ] {
        let world = build_world(300, Other::Nothing).await;
        let request = || world.build_request_for(&["golden"], &[ORGANIZATION]);
        world.share(request()).await;
        share_other(&world, 300, other);
        let report = world.share(into_revoke(request())).await;
        let keeps = other == Other::Image(ORGANIZATION);
        let kept = list_codes(&report).contains(&"key.still-used");
        assert_eq!(kept, keeps, "{other:?}");
        let policy = world.read_golden_policy();
        assert_eq!(policy.contains("o-example123"), keeps, "{other:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn unlisted_and_everybody_keep_a_key_among_many_images() {
    for (all, other, keeps) in [
        (false, Other::Nothing, false),
        (false, Other::Image(THIRD_ACCOUNT), true),
        (true, Other::Nothing, false),
        (true, Other::Image(THIRD_ACCOUNT), true),
    ] {
        let world = build_world(300, Other::Nothing).await;
        let both = world.build_request_for(&["golden"], &[B, THIRD_ACCOUNT]);
        world.share(both).await;
        share_other(&world, 300, other);
        if all {
            let everybody = Revoke {
                all: true,
                ..Revoke::default()
            };
            let request = world.build_request_for(&["golden"], &[]).revoke(everybody);
            world.share(request).await;
            assert!(!world.read_golden_policy().contains(B), "{other:?}");
        } else {
            let request = world.build_request(&["golden"]).unlisted(Unlisted::Revoke);
            world.share(request).await;
            assert!(world.read_golden_policy().contains(B), "{other:?}");
        }
        let policy = world.read_golden_policy();
        assert_eq!(policy.contains(THIRD_ACCOUNT), keeps, "{all}, {other:?}");
    }
}

/// What another run shares after the plan was made is found when the key was revoked.
#[tokio::test(start_paused = true)]
async fn revoke_gives_a_key_back_for_what_is_shared_meanwhile_among_many() {
    for other in [Other::Nothing, Other::Image(B), Other::Snapshot(B)] {
        let world = build_world(300, Other::Nothing).await;
        let sharer = Sharer::new(&world.config(A));
        let request = into_revoke(world.build_request(&["golden"]));
        let plan = sharer.plan(&request.build().unwrap()).await.unwrap();
        share_other(&world, 300, other);
        let report = sharer.apply(&plan).await.unwrap();
        let keeps = other != Other::Nothing;
        assert_eq!(world.read_golden_policy().contains(B), keeps, "{other:?}");
        let kept = list_codes(&report).contains(&"key.still-used");
        assert_eq!(kept, keeps, "{other:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_that_fails_takes_a_key_that_is_needed() {
    let operations = [
        "ec2:DescribeImages",
        "ec2:DescribeSnapshots",
        "ec2:DescribeImageAttribute",
        "ec2:DescribeSnapshotAttribute",
    ];
    for other in [Other::Image(B), Other::Image(FOREIGN), Other::Snapshot(B)] {
        for operation in operations {
            for call in 1..=6 {
                let world = build_world(5, other).await;
                let error =
                    json!({ "status": 403, "code": "UnauthorizedOperation", "message": "" });
                let world = world.with_fault(json!({
                    "operation": operation,
                    "call": call,
                    "effect": { "error": error },
                }));
                let request = into_revoke(world.build_request(&["golden"])).build();
                let sharer = Sharer::new(&world.config(A));
                if let Ok(plan) = sharer.plan(&request.unwrap()).await {
                    _ = sharer.apply(&plan).await;
                }
                let keeps = world.read_golden_policy().contains(B);
                assert!(keeps, "{operation} {call}, {other:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn grants_of_an_image_are_revoked_among_many() {
    let world = build_world(300, Other::Nothing).await;
    let request = || {
        let request = world.build_request(&["golden"]);
        request.key_access(KeyAccessMode::Grants)
    };
    world.share(request()).await;
    let from = world.list_actions(0).len();
    world.share(into_revoke(request())).await;
    let calls = world.list_actions(from).len();
    assert!(calls <= 40, "{calls}");
}

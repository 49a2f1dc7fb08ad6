//! Taking access back: all of it, nothing else, and never what something else still needs.

use ami_share::Sharer;
use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder, ShareSnapshots, Unlisted};
use serde_json::json;

use super::support::*;

const ORGANIZATION: &str = "arn:aws:organizations::111111111111:organization/o-example123";
const UNIT: &str = "arn:aws:organizations::111111111111:ou/o-example123/ou-ab12-11111111";

fn revoked(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.revoke(Revoke::default())
}

#[tokio::test(start_paused = true)]
async fn what_was_shared_and_taken_back_is_as_it_was() {
    let ways: [(&str, KeyAccessMode, &[&str]); 4] = [
        ("policy", KeyAccessMode::Policy, &[B, "300000000000"]),
        ("grants", KeyAccessMode::Grants, &[B, "300000000000"]),
        ("organization", KeyAccessMode::Policy, &[ORGANIZATION]),
        ("all kinds", KeyAccessMode::Policy, &[B, ORGANIZATION, UNIT]),
    ];
    for (way, mode, principals) in ways {
        let world = World::generated(4, 1, 1, 2);
        let request = || {
            world
                .to(&["image-1"], principals)
                .key_access(mode)
                .share_snapshots(ShareSnapshots::Always)
        };
        let before = world.access();
        let planned = world.plan(request()).await;
        assert!(
            planned.changes() && world.changes().is_empty(),
            "{way}: a plan changes nothing"
        );
        let report = world.share(request()).await;
        let added: Vec<String> = report.images[0]
            .added
            .iter()
            .map(ToString::to_string)
            .collect();
        let of_plan = planned
            .launch_permissions()
            .flat_map(|launch| &launch.missing);
        assert_eq!(
            added,
            of_plan.map(ToString::to_string).collect::<Vec<_>>(),
            "{way}: the plan said so"
        );
        assert!(
            !world.plan(request()).await.changes(),
            "{way}: the second plan is empty"
        );
        assert_ne!(world.access(), before);
        let report = world.share(revoked(request())).await;
        assert!(
            report.changed && report.errors.is_empty(),
            "{way}: {report:?}"
        );
        assert_eq!(world.access(), before, "{way}");
        assert!(
            !world.share(revoked(request())).await.changed,
            "{way}: taking back again changes nothing"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn launch_permission_goes_first_and_the_key_last() {
    let world = World::new();
    world
        .share(
            world
                .request(&["golden"])
                .share_snapshots(ShareSnapshots::Always),
        )
        .await;
    let from = world.actions(0).len();
    world.share(revoked(world.request(&["golden"]))).await;
    let actions = world.actions(from);
    let place = |action: &str| actions.iter().position(|known| known == action).unwrap();
    assert!(place("ec2:ModifyImageAttribute") < place("ec2:ModifySnapshotAttribute"));
    assert!(place("ec2:ModifySnapshotAttribute") < place("kms:PutKeyPolicy"));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_another_image_needs_is_kept_until_that_is_taken_back_too() {
    let world = World::new();
    let copied = world.share(world.copying(&["plain"])).await;
    world.share(world.request(&["golden"])).await;
    let report = world.share(revoked(world.request(&["golden"]))).await;
    assert_eq!(codes(&report), ["key.still-used"]);
    assert!(world.policy().contains(B));
    assert_eq!(
        world
            .launch(copied.images[0].image.as_ref().unwrap().as_ref())
            .await,
        "running"
    );
    let report = world.share(revoked(world.request(&["plain"]))).await;
    assert_eq!(codes(&report), ["key.use-unknown"]);
    assert!(!world.policy().contains("AmiShare"));
    // Forced, it goes in any case.
    let world = World::new();
    world.share(world.copying(&["plain"])).await;
    world.share(world.request(&["golden"])).await;
    let force = Revoke {
        force_key: true,
        ..Revoke::default()
    };
    world.share(world.request(&["golden"]).revoke(force)).await;
    assert!(!world.policy().contains("AmiShare"));
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_or_an_organization_may_need_the_key_as_well() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    let golden = world.key("golden");
    world.sim.edit(|state| {
        let mut other = state
            .snapshots
            .values()
            .find(|snapshot| snapshot.key.as_ref() == Some(&golden))
            .unwrap()
            .clone();
        other.id = "snap-00000000000000abc".to_owned();
        other.create_volume_permissions = ami_share_sim::world::Shared::default();
        other
            .create_volume_permissions
            .add(B.to_owned(), std::time::Duration::ZERO);
        state.snapshots.insert(other.id.clone(), other);
    });
    let report = world.share(revoked(world.request(&["golden"]))).await;
    assert_eq!(codes(&report), ["key.still-used"]);
}

/// B lets its role use the key.
fn hand_on(world: &World) {
    let golden = world.key("golden");
    let handed = ami_share_sim::world::Grant {
        id: "handed-on".to_owned(),
        issuing_account: B.to_owned(),
        grantee: ami_share_sim::world::Grantee {
            arn: format!("arn:aws:iam::{B}:role/launcher"),
            unique_id: None,
        },
        operations: vec!["Decrypt".to_owned()],
        ..Default::default()
    };
    world
        .sim
        .edit(|state| state.keys.get_mut(&golden).unwrap().grants.push(handed));
}

fn has_grants(world: &World) -> bool {
    let golden = world.key("golden");
    world
        .sim
        .edit(|state| !state.keys[&golden].grants.is_empty())
}

#[tokio::test(start_paused = true)]
async fn what_a_target_handed_on_ends_too() {
    let world = World::new();
    world
        .share(
            world
                .request(&["golden"])
                .key_scope(ami_share::request::KeyScope::Direct),
        )
        .await;
    hand_on(&world);
    world.share(revoked(world.request(&["golden"]))).await;
    assert!(!has_grants(&world));
}

#[tokio::test(start_paused = true)]
async fn what_a_target_hands_on_until_its_access_ends_ends_too() {
    let world = World::new();
    world
        .share(
            world
                .request(&["golden"])
                .key_scope(ami_share::request::KeyScope::Direct),
        )
        .await;
    let from = world.actions(0).len();
    // Between the read of the policy and the put that ends the access.
    let handed = async {
        loop {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            let actions = world.actions(from);
            let taken = actions
                .iter()
                .any(|action| action == "ec2:ModifyImageAttribute");
            if taken
                && actions
                    .last()
                    .is_some_and(|action| action == "kms:GetKeyPolicy")
            {
                return hand_on(&world);
            }
        }
    };
    futures::future::join(world.share(revoked(world.request(&["golden"]))), handed).await;
    assert!(world.actions(from).contains(&"kms:RevokeGrant".to_owned()));
    assert!(!has_grants(&world));
}

#[tokio::test(start_paused = true)]
async fn copies_of_ours_are_taken_back_and_removed_where_asked() {
    let world = World::new();
    let copied = world
        .share(
            world
                .copying(&["plain"])
                .target_account("333333333333".parse().unwrap()),
        )
        .await;
    let copy = copied.images[0].image.clone().unwrap();
    let remove = Revoke {
        remove_copies: true,
        ..Revoke::default()
    };
    // Somebody else still needs it.
    let report = world.share(world.request(&["plain"]).revoke(remove)).await;
    assert_eq!(
        (codes(&report), world.copies().len()),
        (vec!["copy.still-shared", "key.use-unknown"], 1)
    );
    assert_eq!(world.launch(copy.as_ref()).await, "AuthFailure");
    let all = Revoke {
        all: true,
        ..remove
    };
    let everybody = ami_share::ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image(world.image("plain").parse().unwrap())
        .revoke(all);
    let snapshots = world.snapshots();
    let report = world.share(everybody).await;
    assert_eq!(report.removed, [copy.to_string()]);
    assert_eq!(world.copies()[copy.as_ref()], "deregistered");
    assert_eq!(world.snapshots(), snapshots - 1);
    assert!(!world.policy().contains("AmiShare"));
}

#[tokio::test(start_paused = true)]
async fn others_with_access_are_reported_and_lose_it_where_asked() {
    let world = World::new();
    world
        .share(
            world
                .request(&["golden"])
                .target_account("333333333333".parse().unwrap()),
        )
        .await;
    let kept = world.share(world.request(&["golden"])).await;
    assert_eq!(
        kept.images[0].unlisted,
        ["333333333333".parse().unwrap()].into()
    );
    assert!(!kept.changed);
    let report = world
        .share(world.request(&["golden"]).unlisted(Unlisted::Revoke))
        .await;
    assert_eq!(
        report.images[0].removed,
        ["333333333333".parse().unwrap()].into()
    );
    assert!(
        world.policy().contains(B) && !world.policy().contains("333333333333"),
        "{}",
        world.policy()
    );
    assert!(
        !world
            .share(world.request(&["golden"]).unlisted(Unlisted::Revoke))
            .await
            .changed
    );
}

#[tokio::test(start_paused = true)]
async fn another_way_in_is_said() {
    let world = World::generated(3, 1, 1, 1);
    let foreign = json!({ "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{B}:role/launcher") }, "Action": "kms:Decrypt", "Resource": "*" });
    let key = world.key("key-1");
    world
        .share(world.to(&["image-1"], &[B, ORGANIZATION]))
        .await;
    world.sim.edit(|state| {
        let policy = &mut state
            .keys
            .get_mut(&key)
            .unwrap()
            .policies
            .last_mut()
            .unwrap()
            .1;
        let mut document: serde_json::Value = serde_json::from_str(policy).unwrap();
        document["Statement"].as_array_mut().unwrap().push(foreign);
        *policy = document.to_string();
    });
    let report = world.share(revoked(world.to(&["image-1"], &[B]))).await;
    assert_eq!(
        codes(&report),
        ["key.use-unknown", "revoke.other-way", "revoke.other-way"]
    );
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.message.contains("Theirs"))
    );
    assert!(
        report
            .findings
            .iter()
            .any(|finding| finding.message.contains(ORGANIZATION))
    );
}

#[tokio::test(start_paused = true)]
async fn a_revoke_dropped_after_any_call_leaves_the_next_one_to_finish() {
    let whole = World::new();
    let request = |world: &World| {
        world
            .request(&["golden"])
            .share_snapshots(ShareSnapshots::Always)
    };
    let before = whole.access();
    whole.share(request(&whole)).await;
    let from = whole.actions(0).len();
    whole.share(revoked(request(&whole))).await;
    for kept in 1..whole.actions(from).len() {
        let world = World::new();
        world.share(request(&world)).await;
        world
            .cut_off(kept, world.share(revoked(request(&world))))
            .await;
        world.share(revoked(request(&world))).await;
        assert_eq!(world.access(), before, "cut after call {kept}");
    }
}

#[tokio::test(start_paused = true)]
async fn with_copies_too_a_revoke_that_is_dropped_is_finished_by_the_next() {
    let remove = Revoke {
        remove_copies: true,
        ..Revoke::default()
    };
    let whole = World::new();
    whole.share(whole.copying(&["plain"])).await;
    let from = whole.actions(0).len();
    whole.share(whole.request(&["plain"]).revoke(remove)).await;
    for kept in 1..whole.actions(from).len() {
        let world = World::new();
        world.share(world.copying(&["plain"])).await;
        world
            .cut_off(kept, world.share(world.request(&["plain"]).revoke(remove)))
            .await;
        world.share(world.request(&["plain"]).revoke(remove)).await;
        assert!(
            !world.policy().contains("AmiShare"),
            "cut after call {kept}"
        );
        assert!(
            world.copies().values().all(|state| state == "deregistered"),
            "cut after call {kept}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_look_at_revoking_is_a_plan_too() {
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    let before = world.changes();
    let plan = Sharer::new(&world.config(A))
        .plan(&revoked(world.request(&["golden"])).build().unwrap())
        .await
        .unwrap();
    assert!(plan.changes());
    assert_eq!(world.changes(), before);
}

//! The steps, in their order and no earlier than they may be.

use ami_share::plan::{KeptBecause, RetirementState};
use ami_share::report::RetiredImage;
use ami_share::{Error, Sharer};

use super::*;

#[tokio::test(start_paused = true)]
async fn images_are_deprecated_then_disabled_then_deregistered() {
    let world = build_group(4).await;
    let request = |retire| request(&world, retire);
    let kept = ["shared", "shared"];

    let report = world.share(request(keep(2))).await;
    assert!(report.changed);
    assert_eq!(
        standings(&world, 4),
        ["deprecated", "deprecated", kept[0], kept[1]]
    );
    let states: Vec<_> = report.retired.iter().map(count).collect();
    assert_eq!(states.iter().filter(|(changed, _)| *changed).count(), 2);
    let newest = (false, Some(KeptBecause::Newest));
    assert_eq!(states.iter().filter(|state| **state == newest).count(), 2);
    assert!(
        !world.share(request(keep(2))).await.changed,
        "the same moment"
    );

    // A day too early, nothing happens.
    tokio::time::advance(DAY * 13).await;
    assert!(!world.share(request(keep(2))).await.changed);
    tokio::time::advance(DAY * 2).await;
    let report = world.share(request(keep(2))).await;
    assert_eq!(
        standings(&world, 4),
        ["disabled", "disabled", kept[0], kept[1]]
    );
    assert!(!has_shared_snapshots(&world, "image-1"));
    assert!(has_shared_snapshots(&world, "image-3"));
    // Each image has a key of its own, and nobody could list what B has under it.
    assert_eq!(list_codes(&report), ["key.use-unknown"; 2]);
    assert_eq!(
        world.launch_as_b(&world.image_id("image-3")).await,
        "running"
    );
    assert!(!world.share(request(keep(2))).await.changed);

    // Only if that is asked for, and only after as long again.
    let deregister = || request(with_deregistration(2));
    assert!(!world.share(deregister()).await.changed);
    wait().await;
    assert!(!world.share(request(keep(2))).await.changed);
    let report = world.share(deregister()).await;
    assert_eq!(standings(&world, 4), ["gone", "gone", kept[0], kept[1]]);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let snapshots = world.sim.state()["snapshots"].as_object().unwrap().len();
    let before = World::generate(3, 1, 4, 1).sim.state()["snapshots"]
        .as_object()
        .unwrap()
        .len();
    assert_eq!(before - snapshots, 2, "their snapshots");
    assert!(!world.share(deregister()).await.changed);
}

fn count(retired: &RetiredImage) -> (bool, Option<KeptBecause>) {
    (retired.changed, retired.because)
}

#[tokio::test(start_paused = true)]
async fn plan_says_how_far_an_image_is_before_it() {
    let world = build_group(2).await;
    let retire = || request(&world, with_deregistration(1));
    let plan = world.plan(retire()).await;
    let states = plan.deprecations_now().map(|step| step.image.state);
    assert_eq!(states.collect::<Vec<_>>(), [RetirementState::Available]);
    world.share(retire()).await;
    tokio::time::advance(DAY * 15).await;
    let plan = world.plan(retire()).await;
    let states = plan.disabled_images().map(|step| step.image.state);
    assert_eq!(states.collect::<Vec<_>>(), [RetirementState::Deprecated]);
}

#[tokio::test(start_paused = true)]
async fn last_images_take_access_to_their_key_along() {
    let world = build_group(2).await;
    world.share(request(&world, keep(1))).await;
    // The one that stays is no longer shared.
    world.edit_image(&world.image_id("image-2"), |image| {
        image.launch_permissions.clear();
    });
    for snapshot in 0..2 {
        world.sim.edit(|state| {
            let snapshot = state.snapshots.values_mut().nth(snapshot);
            snapshot.unwrap().create_volume_permissions.clear();
        });
    }
    wait().await;
    let key = "key-1";
    assert!(world.read_key_policy(key).contains(B));
    tokio::time::advance(DAY).await;
    world.share(request(&world, keep(1))).await;
    assert_eq!(standing(&world, "image-1"), "disabled");
    assert!(!world.read_key_policy(key).contains(B));
}

#[tokio::test(start_paused = true)]
async fn groups_are_counted_apart_and_others_are_untouched() {
    let world = build_group(4).await;
    for (name, channel) in [("image-1", "a"), ("image-2", "b"), ("image-3", "a")] {
        world.edit_image(&world.image_id(name), |image| {
            let tags = image.tags.get_mut(A).unwrap();
            tags.insert("Channel".to_owned(), channel.to_owned());
        });
    }
    let retire = || Retire {
        group_by: ["Channel".to_owned()].into(),
        ..keep(1)
    };
    world.share(request(&world, retire())).await;
    // The last has no channel, and so is in no group.
    assert_eq!(
        standings(&world, 4),
        ["deprecated", "shared", "shared", "shared"]
    );
    // Younger images stay too, whichever keeps more.
    let younger = Retire {
        keep_younger: Some(DAY * 30),
        ..keep(1)
    };
    let world = build_group(3).await;
    assert!(!world.share(request(&world, younger)).await.changed);
}

#[tokio::test(start_paused = true)]
async fn approved_plan_is_the_one_that_is_carried_out() {
    let world = build_group(3).await;
    world.share(request(&world, keep(1))).await;
    tokio::time::advance(DAY * 15).await;
    let preview = async |builder: ShareRequestBuilder| {
        let sharer = Sharer::new(&world.config(A));
        sharer.preview(&builder.build().unwrap()).await.unwrap()
    };
    let changes = world.count_changes();
    let approved = preview(request(&world, keep(1))).await;
    // A dry run asks AWS for no report, so that it says what happens to unused images.
    let mut findings = approved.findings.iter();
    let unknown = findings.find(|found| found.code.as_str() == "retire.use-unknown");
    assert!(unknown.unwrap().remedy.contains("the run itself asks AWS"));
    assert_eq!(approved.disabled_images().count(), 2);
    assert_eq!(world.count_changes(), changes);
    let digest = approved.digest();
    let expected = || request(&world, keep(1)).expect_plan(digest.clone());

    use_image(&world, B, &world.image_id("image-1"), 1);
    let refused = world.try_share(expected()).await.unwrap_err();
    assert!(list_codes(&refused).contains(&"plan.not-expected"));
    assert_eq!(world.count_changes(), changes);
    world.sim.edit(|state| state.instances.clear());
    world.sim.edit(|state| state.usage_reports.clear());
    world.share(expected()).await;
    assert_eq!(standings(&world, 3), ["disabled", "disabled", "shared"]);
}

/// A week later a dry run still knows what that run has found, so that one image in use does not
/// keep the others from retirement.
#[tokio::test(start_paused = true)]
async fn approved_plan_leaves_out_what_was_in_use_when_aws_last_reported() {
    for user in [B, A] {
        leave_out_what_is_used(user).await;
    }
}

async fn leave_out_what_is_used(user: &str) {
    let world = build_group(3).await;
    world.share(request(&world, keep(1))).await;
    tokio::time::advance(DAY * 15).await;
    use_image(&world, user, &world.image_id("image-1"), 1);
    let sharer = Sharer::new(&world.config(A));
    let preview = async || {
        let request = request(&world, keep(1)).build().unwrap();
        sharer.preview(&request).await.unwrap()
    };
    let expecting = |plan: &Plan| request(&world, keep(1)).expect_plan(plan.digest());

    // No report counts the owner's own use, which it sees as it is.
    if user != A {
        let first = preview().await;
        assert_eq!(first.disabled_images().count(), 2);
        let refused = world.try_share(expecting(&first)).await.unwrap_err();
        assert!(list_codes(&refused).contains(&"plan.not-expected"));
        tokio::time::advance(DAY * 7).await;
    }

    let second = preview().await;
    assert_eq!(second.disabled_images().count(), 1);
    assert!(codes(&second).contains(&"retire.in-use"));
    world.share(expecting(&second)).await;
    assert_eq!(standings(&world, 3), ["deprecated", "disabled", "shared"]);

    // Once AWS has reported that nobody uses it, it goes on.
    world.sim.edit(|state| state.instances.clear());
    tokio::time::advance(DAY).await;
    world.share(request(&world, keep(1))).await;
    assert_eq!(standings(&world, 3), ["disabled", "disabled", "shared"]);
}

/// The way back from each step but the last, as the documentation says it.
#[tokio::test(start_paused = true)]
async fn each_step_but_the_last_can_be_undone() {
    let world = build_group(2).await;
    let id = world.image_id("image-1");
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    world.share(request(&world, keep(1))).await;
    ec2.disable_image_deprecation()
        .image_id(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(standing(&world, "image-1"), "shared");
    world.share(request(&world, keep(1))).await;
    tokio::time::advance(DAY * 15).await;
    world.share(request(&world, keep(1))).await;
    assert_eq!(standing(&world, "image-1"), "disabled");
    ec2.enable_image().image_id(&id).send().await.unwrap();
    ec2.disable_image_deprecation()
        .image_id(&id)
        .send()
        .await
        .unwrap();
    world.share(world.build_request(&["image-1"])).await;
    assert_eq!(world.launch_as_b(&id).await, "running");
    // The next run begins anew, and the old moment counts no more.
    world.share(request(&world, with_deregistration(1))).await;
    assert_eq!(standing(&world, "image-1"), "deprecated");
    let has_tag = world.edit_image(&id, |image| image.tags[A].contains_key(TAG));
    assert!(!has_tag);
}

#[tokio::test(start_paused = true)]
async fn one_image_that_fails_stops_no_other() {
    let world = build_group(3).await;
    world.share(request(&world, keep(1))).await;
    tokio::time::advance(DAY * 15).await;
    let failing = fail_first_call("ec2:DisableImage", "OperationNotPermitted", "no");
    let world = world.with_fault(failing);
    let report = world.try_share(request(&world, keep(1))).await.unwrap_err();
    let errors: Vec<&Error> = report.errors.iter().collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    let disabled = standings(&world, 3);
    assert_eq!(
        disabled.iter().filter(|it| **it == "disabled").count(),
        1,
        "{disabled:?}"
    );
    world.share(request(&world, keep(1))).await;
    assert_eq!(standings(&world, 3), ["disabled", "disabled", "shared"]);
}

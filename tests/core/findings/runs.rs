//! Findings about what an earlier run left, and findings that show only during a run.

use std::time::Duration;

use ami_share::Sharer;
use ami_share::request::{KeyAccessMode, Revoke};
use ami_share_sim::world::{ImageState, Protection, SnapshotLock};
use serde_json::json;

use super::Seen;
use crate::expected::replaced::replace_changed;
use crate::image_usage::use_image;
use crate::retire;
use crate::revoke::shared_again::{Beside, revoke_beside};
use crate::support::*;

pub(super) async fn collect(seen: &mut Seen) {
    two_copies(seen, ImageState::Disabled).await;
    two_copies(seen, ImageState::Available).await;
    duplicate_name(seen).await;
    leftovers(seen).await;
    revoke(seen).await;
    let again = revoke_beside(KeyAccessMode::Policy, Beside::SharesAgain);
    seen.record(&again.await.findings);
    seen.record(&replace_changed(false).await.findings);
    others(seen).await;
    verification_of_nobody(seen).await;
    images_in_use(seen).await;
    retirement(seen).await;
}

/// What holds images back that are retired.
async fn retirement(seen: &mut Seen) {
    let world = World::new();
    seen.record(
        &world
            .plan(retire::request(&world, retire::keep(1)))
            .await
            .findings,
    );

    // An image that is in use, one whose snapshot is locked, one with as many tags as it can have,
    // and one that was disabled by hand.
    let world = retire::build_group(5).await;
    let retire = || retire::request(&world, retire::with_deregistration(1));
    let id = |number: u32| world.image_id(&format!("image-{number}"));
    world.edit_image(&id(4), |image| image.state = ImageState::Disabled);
    world.share(retire()).await;
    use_image(&world, B, &id(1), 2);
    let snapshot = world.edit_image(&id(2), |image| {
        image.snapshot_ids().next().unwrap().to_owned()
    });
    world.sim.edit(|state| {
        state.snapshots.get_mut(&snapshot).unwrap().lock = Some(SnapshotLock {
            mode: "compliance",
            ends: Duration::MAX,
        });
    });
    world.edit_image(&id(3), |image| {
        let tags = image.tags.get_mut(A).unwrap();
        tags.extend((0..49).map(|number| (format!("tag-{number}"), String::new())));
    });
    world.edit_image(&id(4), |image| {
        image.tags.get_mut(A).unwrap().remove("ami-share:disabled");
    });
    tokio::time::advance(Duration::from_hours(15 * 24)).await;
    seen.record(&world.plan(retire()).await.findings);

    // One that is protected, and one whose snapshot another image uses.
    let world = retire::build_group(3).await;
    let retire = || retire::request(&world, retire::with_deregistration(1));
    let id = |number: u32| world.image_id(&format!("image-{number}"));
    for _ in 0..2 {
        world.share(retire()).await;
        tokio::time::advance(Duration::from_hours(15 * 24)).await;
    }
    world.edit_image(&id(1), |image| {
        image.protection = Protection::On { cooldown: false }
    });
    let mappings = world.edit_image(&id(2), |image| image.mappings.clone());
    world.edit_image(&id(3), |image| image.mappings.extend(mappings));
    seen.record(&world.share(retire()).await.findings);

    // One that somebody begins to use after the plan, and one whose use nobody may ask for.
    let world = retire::build_group(2).await;
    let retire = || retire::request(&world, retire::keep(1));
    world.share(retire()).await;
    tokio::time::advance(Duration::from_hours(15 * 24)).await;
    let plan = world.plan(retire()).await;
    use_image(&world, A, &world.image_id("image-1"), 1);
    let sharer = Sharer::new(&world.config(A));
    seen.record(&sharer.apply(&plan).await.unwrap().findings);
    let denied = "ec2:DescribeImageReferences";
    let world = world.with_fault(deny_calls(denied, "UnauthorizedOperation", "no"));
    let plan = world.plan(retire::request(&world, retire::keep(1))).await;
    seen.record(&plan.findings);
}

/// An image that a target uses, and the same before anybody has asked who uses it.
async fn images_in_use(seen: &mut Seen) {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    use_image(&world, B, &world.image_id("golden"), 2);
    let revoke = into_revoke(world.build_request(&["golden"]));
    let request = revoke.build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    seen.record(&sharer.preview(&request).await.unwrap().findings);
    seen.record(&sharer.plan(&request).await.unwrap().findings);
    newcomer_that_uses_an_image(seen).await;
}

/// Somebody who gains access to an image after the plan was made to revoke it from everybody.
async fn newcomer_that_uses_an_image(seen: &mut Seen) {
    let world = World::new();
    let golden = world.image_id("golden");
    world.share(world.build_request(&["golden"])).await;
    use_image(&world, "333333333333", &golden, 1);
    let everybody = world.build_request_for(&["golden"], &[]).revoke(Revoke {
        all: true,
        ..Revoke::default()
    });
    let plan = world.plan(everybody).await;
    world.edit_image(&golden, |image| {
        image.launch_permissions.insert("333333333333".to_owned());
    });
    let sharer = Sharer::new(&world.config(A));
    seen.record(&sharer.apply(&plan).await.unwrap().findings);
}

/// A share with an organization alone.
async fn verification_of_nobody(seen: &mut Seen) {
    let world = World::new();
    let request = world.build_request_for(&["golden"], &[ORGANIZATION]);
    let report = Sharer::new(&world.config(A))
        .verify(&request.build().unwrap())
        .await;
    let report = report.unwrap();
    assert!(report.verifications.is_empty());
    seen.record(&report.findings);
}

/// What only looks like this tool's.
async fn others(seen: &mut Seen) {
    let world = World::new();
    let report = world.share(world.build_copy_request(&["plain"])).await;
    let copy = report.images[0].image.clone().unwrap().to_string();
    world.edit_image(&copy, |image| {
        let tags = image.tags.get_mut(A).unwrap();
        tags.insert("ami-share:request".to_owned(), "forged".to_owned());
        let record = "ami-share:temporary-keys:forged".to_owned();
        tags.insert(record, B.to_owned());
    });
    let revoke = || into_revoke(world.build_copy_request(&["plain"]));
    let findings = world.plan(revoke()).await.findings;
    assert_eq!(findings[0].code.as_str(), "copy.not-ours");
    seen.record(&findings);
    let plain = world.image_id("plain");
    let tags = world.edit_image(&copy, |image| image.tags.clone());
    world.edit_image(&plain, |image| image.tags = tags);
    seen.record(&world.plan(revoke()).await.findings);
}

/// Two copies of one image, of which the first is in this state.
async fn two_copies(seen: &mut Seen, state: ImageState) {
    let world = World::new();
    let copy = async || {
        let report = world.share(world.build_copy_request(&["plain"])).await;
        let image_id = report.images[0].image.clone().unwrap().to_string();
        (image_id, report.findings)
    };
    let (first, _) = copy().await;
    world.edit_image(&first, |image| image.state = state);
    world.sim.edit(|world| world.tokens.clear());
    if state == ImageState::Available {
        // Hide it from the second run, so that it makes one more.
        world.edit_image(&first, |image| image.tags.clear());
    }
    let (second, findings) = copy().await;
    seen.record(&findings);
    let tags = world.edit_image(&second, |image| image.tags.clone());
    world.edit_image(&first, |image| image.tags = tags);
    seen.record(&copy().await.1);
}

async fn duplicate_name(seen: &mut Seen) {
    let duplicate = fail_first_call(
        "ec2:CopyImage",
        "InvalidAMIName.Duplicate",
        "AMI name plain is already in use",
    );
    let world = World::new().with_fault(duplicate);
    let report = world.share(world.build_copy_request(&["plain"])).await;
    seen.record(&report.findings);
}

/// A failed copy that cannot be removed.
async fn leftovers(seen: &mut Seen) {
    let protected = fail_first_call(
        "ec2:DeregisterImage",
        "OperationNotPermitted",
        "It is protected",
    );
    let world = World::new()
        .with_fault(fail_first_copy("Copy image failed with an internal error"))
        .with_fault(protected);
    let request = || world.build_copy_request(&["plain"]);
    world.try_share(request()).await.unwrap_err();
    seen.record(&world.share(request()).await.findings);
}

async fn revoke(seen: &mut Seen) {
    let world = World::new();
    let third_account = "333333333333".parse().unwrap();
    let request = world.build_copy_request(&["plain"]);
    world.share(request.target_account(third_account)).await;
    world.share(world.build_request(&["golden"])).await;
    world.edit_statements(&world.key_arn("golden"), |statements| {
        statements.push(json!({
            "Sid": "Theirs",
            "Effect": "Allow",
            "Principal": { "AWS": B },
            "Action": "kms:Decrypt",
            "Resource": "*",
        }));
    });
    let revoke = Revoke {
        copies: true,
        ..Revoke::default()
    };
    // The copy keeps the key in use; then it is itself still shared with another account.
    for image in ["golden", "plain"] {
        let request = world.build_request(&[image]).revoke(revoke);
        seen.record(&world.share(request).await.findings);
    }
    protected_copy(seen, revoke).await;
}

/// A copy that AWS would not let anybody deregister is kept, and loses its permissions.
async fn protected_copy(seen: &mut Seen, revoke: Revoke) {
    let world = World::new();
    let report = world.share(world.build_copy_request(&["plain"])).await;
    let copy = report.images[0].image.clone().unwrap().to_string();
    world.edit_image(&copy, |image| {
        image.protection = Protection::On { cooldown: false };
    });
    let request = world.build_copy_request(&["plain"]).revoke(revoke);
    let report = world.share(request).await;
    assert!(report.removed.is_empty(), "{:?}", report.removed);
    seen.record(&report.findings);
}

//! Allowed AMIs of a target: every criterion, and what the publisher can change about it.

use ami_share::diagnostic::FindingCode;
use ami_share::request::DeprecateAt;
use ami_share_sim::world::{Image, ImageState, ScanResults, Severity, Watermark};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::{Value, json};

use super::*;

const DAY: Duration = Duration::from_hours(24);

/// A criterion, whether it hides an image that is ten days old and marked, and what is named.
struct Case {
    criteria: Value,
    hides: bool,
    words: &'static [&'static str],
}

fn case(criteria: Value, hides: bool, words: &'static [&'static str]) -> Case {
    Case {
        criteria,
        hides,
        words,
    }
}

fn cases() -> Vec<Case> {
    let filter = |filter: Value| json!([{ "watermarks": [filter] }]);
    let scan = |scan: Value| json!([{ "scan": scan }]);
    vec![
        case(json!([]), true, &["no criterion", A]),
        case(json!([{ "providers": [A] }]), false, &[]),
        case(
            json!([{ "providers": ["amazon"] }]),
            true,
            &["provider", A, "amazon"],
        ),
        case(
            json!([{ "product-codes": ["abc"] }]),
            true,
            &["product codes", "abc"],
        ),
        case(json!([{ "names": ["image-?"] }]), false, &[]),
        case(
            json!([{ "names": ["golden-*"] }]),
            true,
            &["image-1", "golden-*", "copy-name"],
        ),
        case(json!([{ "max-days-since-created": 11 }]), false, &[]),
        case(
            json!([{ "max-days-since-created": 9 }]),
            true,
            &["9 days", "newer image"],
        ),
        case(json!([{ "max-days-since-deprecated": 9 }]), false, &[]),
        case(
            json!([{ "max-days-since-deprecated": 3 }]),
            true,
            &["deprecate-at", "3 days"],
        ),
        case(filter(json!({ "key": "*:approved" })), false, &[]),
        case(
            filter(json!({ "key": "*:tested" })),
            true,
            &["AttachImageWatermark", "tested"],
        ),
        case(
            filter(json!({ "key": "*:approved", "max-days-since-created": 5 })),
            true,
            &["AttachImageWatermark", "5 days"],
        ),
        case(scan(json!({ "max-severity": "high" })), false, &[]),
        case(
            scan(json!({ "max-severity": "low" })),
            true,
            &["severity medium", "low"],
        ),
        case(
            scan(json!({ "max-days-since-scan": 5 })),
            true,
            &["scanned", "5 days"],
        ),
        case(
            scan(json!({ "max-days-since-fix": { "medium": 5 } })),
            true,
            &["fix", "medium", "5 days"],
        ),
        case(
            json!([{ "names": ["golden-*"] }, { "providers": [A] }]),
            false,
            &[],
        ),
        case(
            json!([{ "names": ["golden-*"], "providers": [A] }]),
            true,
            &["golden-*"],
        ),
    ]
}

/// An image that has been deprecated for five days, carries a watermark, and was scanned.
fn mark(image: &mut Image) {
    image.deprecated_at = Some(DAY * 5);
    image.watermarks.push(Watermark {
        key: format!("{A}:approved"),
        region: "us-east-1".to_owned(),
        source_image: image.id.clone(),
        ..Watermark::default()
    });
    image.scan = Some(ScanResults {
        highest: Some(Severity::Medium),
        fixes: [(Severity::Medium, Duration::ZERO)].into(),
        ..ScanResults::default()
    });
}

async fn build_marked_world() -> World {
    let world = build_shared_world().await;
    let image_id = world.image_id("image-1");
    world.edit_image(&image_id, mark);
    let deprecated = world.sim.clock().text(DAY * 5);
    world.edit_image(&image_id, |image| image.deprecation_time = Some(deprecated));
    world
        .share(build_request(
            &world,
            with_target_role().verify(Verify::None),
        ))
        .await;
    tokio::time::advance(DAY * 10).await;
    world
}

#[tokio::test(start_paused = true)]
async fn allowed_images_check_names_criterion_that_hides_image() {
    let world = build_marked_world().await;
    let image_id = world.image_id("image-1");
    for Case {
        criteria,
        hides,
        words,
    } in cases()
    {
        world.allow_images(B, "enabled", criteria.clone());
        let verification = verify(&world, with_launcher()).await;
        let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
        assert_eq!(launched != "running", hides, "{criteria}: {launched}");
        let verdict = find_verdict(&verification, CheckName::AllowedImages);
        let expected = if hides { Verdict::No } else { Verdict::Yes };
        assert_eq!(verdict, Some(expected), "{criteria}: {verification:?}");
        let detail = find_detail(&verification, CheckName::AllowedImages);
        for word in words {
            assert!(
                detail.contains(word),
                "{criteria}: {detail} does not name {word}"
            );
        }

        // In audit mode nothing is refused, and what would be is said.
        world.allow_images(B, "audit-mode", criteria.clone());
        let verification = verify(&world, with_launcher()).await;
        let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
        assert_eq!(launched, "running", "{criteria}");
        assert_eq!(verification.conclusion, Conclusion::NoObstacleFound);
        let verdict = find_verdict(&verification, CheckName::AllowedImages);
        let expected = if hides {
            Verdict::Unknown
        } else {
            Verdict::Yes
        };
        assert_eq!(verdict, Some(expected), "{criteria}: {verification:?}");
    }
}

/// The plan says so before anything is shared, also of a copy as it will be.
#[tokio::test(start_paused = true)]
async fn plan_names_targets_that_hide_the_image() {
    let world = build_marked_world().await;
    let hides = |plan: &ami_share::Plan| {
        let mut findings = plan.findings.iter();
        let finding = findings.find(|finding| finding.code == FindingCode::TargetHidesImage);
        finding.map(|finding| finding.message.clone())
    };
    let share = || build_request(&world, with_target_role());
    for Case {
        criteria,
        hides: expected,
        ..
    } in cases()
    {
        world.allow_images(B, "enabled", criteria.clone());
        let message = hides(&world.plan(share()).await);
        // A deprecated image is hidden now, or some days later.
        let later = criteria.to_string().contains("max-days-since-deprecated");
        assert_eq!(
            message.is_some(),
            expected || later,
            "{criteria}: {message:?}"
        );
    }

    // A copy is not deprecated with its source.
    let copied = || share().kms_key("alias/key-2".parse().unwrap());
    world.allow_images(B, "enabled", json!([{ "max-days-since-deprecated": 3 }]));
    assert!(hides(&world.plan(share()).await).is_some());
    assert_eq!(hides(&world.plan(copied()).await), None);

    world.edit_image(&world.image_id("image-1"), |image| {
        (image.deprecated_at, image.deprecation_time) = (None, None);
    });
    world.allow_images(B, "enabled", json!([{ "max-days-since-deprecated": 7 }]));
    assert_eq!(hides(&world.plan(share()).await), None);
    let deprecate = DeprecateAt::AfterCreation(DAY * 90);
    let message = hides(&world.plan(share().deprecate_at(deprecate)).await).unwrap();
    assert!(message.contains("deprecate-at"));
    let date_after = |words: &str| {
        let (_, rest) = message.split_once(words).unwrap();
        let date = rest.split([',', ' ']).next().unwrap();
        DateTime::from_str(date, Format::DateTime).unwrap().secs()
    };
    let days = date_after("from ") - date_after("deprecated at ");
    assert_eq!(days, 7 * 24 * 60 * 60, "{message}");

    // A copy has another name.
    world.allow_images(B, "enabled", json!([{ "names": ["image-1"] }]));
    let named = copied().copy_name("golden {name}");
    let message = hides(&world.plan(named).await);
    assert!(message.unwrap().contains("golden image-1"));
}

#[tokio::test(start_paused = true)]
async fn disabled_image_is_repaired_in_order() {
    let world = build_marked_world().await;
    let image_id = world.image_id("image-1");
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let disable = ec2.disable_image().image_id(&image_id).send();
    disable.await.unwrap();
    world.sim.edit(|state| {
        for snapshot in state.snapshots.values_mut() {
            snapshot.archived = true;
        }
    });
    let request = build_request(&world, with_launcher()).build().unwrap();
    let report = Sharer::new(&world.config(A))
        .verify(&request)
        .await
        .unwrap();
    assert_eq!(
        list_codes(&report)[..3],
        [
            "image.snapshot-archived",
            "image.snapshot-archived",
            "image.disabled"
        ]
    );
    assert!(report.findings[0].remedy.contains("RestoreSnapshotTier"));
    assert!(report.findings[2].remedy.contains("EnableImage"));

    // The order of the findings is the one that works.
    let enable = || ec2.enable_image().image_id(&image_id).send();
    assert!(enable().await.is_err());
    for finding in &report.findings[..2] {
        let restore = ec2.restore_snapshot_tier().snapshot_id(&finding.resource);
        restore.permanent_restore(true).send().await.unwrap();
    }
    enable().await.unwrap();
    world.share(build_request(&world, with_target_role())).await;
    let launched = world.launch_as_role(B, LAUNCHER, &image_id).await;
    assert_eq!(launched, "running");
}

/// A copy is repaired in the same order, and found again once it is: no other is made beside it.
#[tokio::test(start_paused = true)]
async fn archived_and_disabled_copy_is_repaired_in_order() {
    let world = World::new();
    let request = || world.build_copy_request(&["plain"]);
    let report = world.share(request()).await;
    let copy = report.images[0].image.clone().unwrap().to_string();
    let snapshot = world.edit_image(&copy, |image| image.mappings[0].snapshot.clone());
    let snapshot = snapshot.unwrap();
    world.sim.edit(|state| {
        let snapshot = state.snapshots.get_mut(&snapshot).unwrap();
        snapshot.archived = true;
    });

    // 1. The copy would be shared, and nobody could launch it.
    let plan = world.plan(request()).await;
    let mut refusals = plan.refusals();
    let finding = refusals.next().unwrap();
    assert_eq!(finding.code.as_str(), "image.snapshot-archived");
    assert_eq!(finding.resource, snapshot);

    // 2. The snapshot is restored before the copy is enabled.
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    ec2.disable_image().image_id(&copy).send().await.unwrap();
    let plan = world.plan(request()).await;
    let mut findings = plan.findings.iter();
    let disabled = findings.find(|finding| finding.code.as_str() == "copy.disabled");
    assert!(disabled.unwrap().remedy.contains("after its snapshots"));
    let enable = || ec2.enable_image().image_id(&copy).send();
    assert!(enable().await.is_err());
    let restore = ec2.restore_snapshot_tier().snapshot_id(&snapshot);
    restore.permanent_restore(true).send().await.unwrap();
    enable().await.unwrap();

    // 3. It is the one that is shared.
    let report = world.share(request()).await;
    let shared = report.images[0].image.as_ref().unwrap().as_ref();
    assert_eq!(shared, copy);
    assert_eq!(world.launch_as_b(&copy).await, "running");
}

/// A state that appears after the plan was made, or in which an image is not shared yet.
#[tokio::test(start_paused = true)]
async fn verify_says_that_an_image_is_not_available() {
    for (state, archived, words) in [
        (ImageState::Pending, false, "being made"),
        (ImageState::Available, true, "RestoreSnapshotTier"),
    ] {
        let world = build_marked_world().await;
        let image_id = world.image_id("image-1");
        world.edit_image(&image_id, |image| image.state = state);
        world.sim.edit(|world| {
            for snapshot in world.snapshots.values_mut() {
                snapshot.archived = archived;
            }
        });
        let verification = verify(&world, with_launcher()).await;
        assert_eq!(verification.conclusion, Conclusion::Blocked);
        let detail = find_detail(&verification, CheckName::Image);
        assert!(detail.contains(words), "{detail}");
    }
}

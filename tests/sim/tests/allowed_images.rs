//! Allowed AMIs by every criterion, and archived snapshots.

use std::time::Duration;

use ami_share_sim::world::{Image, ScanResults, Severity, Watermark};

use super::support::*;

const PREFIX: &str = "ImageCriterion.1.";
const DAY: u64 = 24 * 60 * 60;

/// B sees and launches A's image `plain`, with this criterion, some days after it was made.
async fn is_allowed(criterion: &[(&str, &str)], change: impl FnOnce(&mut Image)) -> bool {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    a.share_wholly(&plain, B).await;
    a.sim.edit(|state| {
        let image = state.images.get_mut(&plain).unwrap();
        image.watermarks.push(Watermark {
            key: format!("{A}:approved"),
            region: "us-east-1".to_owned(),
            source_image: plain.clone(),
            ..Watermark::default()
        });
        change(image);
    });
    seconds(10 * DAY).await;
    let names: Vec<_> = criterion
        .iter()
        .map(|(name, value)| (format!("{PREFIX}{name}"), *value))
        .collect();
    let pairs: Vec<_> = names
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let replace = "ReplaceImageCriteriaInAllowedImagesSettings";
    b.ec2(replace, &pairs).await.unwrap();
    let enabled = [("AllowedImagesSettingsState", "enabled")];
    b.ec2("EnableAllowedImagesSettings", &enabled)
        .await
        .unwrap();
    let sees = !b.describe_image(&plain).await.all("imageId").is_empty();
    assert_eq!(b.launch(&plain, &[]).await.is_ok(), sees);
    assert_eq!(b.copy_as(&plain, &[]).await.is_ok(), sees);
    // In audit mode the image is only marked.
    let audit = [("AllowedImagesSettingsState", "audit-mode")];
    b.ec2("EnableAllowedImagesSettings", &audit).await.unwrap();
    let marked = b.describe_image(&plain).await;
    assert_eq!(marked.first("imageAllowed"), sees.to_string());
    sees
}

#[tokio::test(start_paused = true)]
async fn rule_7_3_every_criterion_hides_images() {
    let days = "CreationDateCondition.MaximumDaysSinceCreated";
    let since = "DeprecationTimeCondition.MaximumDaysSinceDeprecated";
    let key = "ImageWatermark.1.WatermarkKey";
    let region = "ImageWatermark.1.SourceImageRegion";
    let age = "ImageWatermark.1.MaximumDaysSinceWatermarkCreated";
    let table: [(&[(&str, &str)], bool); 17] = [
        (&[], false),
        (&[("ImageProvider.1", A)], true),
        (&[("ImageProvider.1", "amazon")], false),
        (
            &[("ImageProvider.1", "amazon"), ("ImageProvider.2", A)],
            true,
        ),
        (&[("ImageName.1", "pl?i*")], true),
        (&[("ImageName.1", "golden-*")], false),
        (
            &[("ImageProvider.1", A), ("ImageName.1", "golden-*")],
            false,
        ),
        (&[("MarketplaceProductCode.1", "abc")], false),
        (&[(days, "11")], true),
        (&[(days, "9")], false),
        (&[(since, "0")], true),
        (&[(key, "*:approved")], true),
        (&[(key, "*:approved"), (region, "eu-*")], false),
        (&[(key, "*:approved"), (age, "9")], false),
        (&[(key, "*:tested")], false),
        (
            &[("ScanResultCondition.MaximumSeverityLabel", "critical")],
            false,
        ),
        (&[("ImageProvider.1", "none")], false),
    ];
    for (criterion, expected) in table {
        let allowed = is_allowed(criterion, |_| ()).await;
        assert_eq!(allowed, expected, "{criterion:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_7_3_deprecated_images_are_hidden_after_some_days() {
    for (days, expected) in [("0", false), ("7", false), ("9", true)] {
        let since = "DeprecationTimeCondition.MaximumDaysSinceDeprecated";
        let deprecate = |image: &mut Image| {
            image.deprecated_at = Some(Duration::from_secs(2 * DAY));
        };
        let (a, b) = two_accounts();
        let plain = a.image("plain");
        a.share_wholly(&plain, B).await;
        a.sim
            .edit(|state| deprecate(state.images.get_mut(&plain).unwrap()));
        seconds(10 * DAY).await;
        let name = format!("{PREFIX}{since}");
        let replace = "ReplaceImageCriteriaInAllowedImagesSettings";
        b.ec2(replace, &[(name.as_str(), days)]).await.unwrap();
        let enabled = [("AllowedImagesSettingsState", "enabled")];
        b.ec2("EnableAllowedImagesSettings", &enabled)
            .await
            .unwrap();
        let launched = b.launch(&plain, &[]).await.is_ok();
        assert_eq!(launched, expected, "{days} days");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_7_3_scans_decide_by_severity_and_age() {
    let severity = ("ScanResultCondition.MaximumSeverityLabel", "medium");
    let age = ("ScanResultCondition.MaxDaysSinceLastFindingScan", "7");
    let fix = ("ScanResultCondition.MaxDaysSinceHighFixAvailable", "3");
    let scan = |highest: Option<Severity>, day: u64| {
        move |image: &mut Image| {
            image.scan = Some(ScanResults {
                scanned: Duration::from_secs(day * DAY),
                highest,
                fixes: highest
                    .map(|one| (one, Duration::from_secs(DAY)))
                    .into_iter()
                    .collect(),
            });
        }
    };
    for (criterion, highest, day, expected) in [
        (severity, None, 0, true),
        (severity, Some(Severity::Medium), 0, true),
        (severity, Some(Severity::High), 0, false),
        (age, None, 4, true),
        (age, None, 2, false),
        (fix, Some(Severity::High), 9, false),
        (fix, Some(Severity::Low), 9, true),
    ] {
        let allowed = is_allowed(&[criterion], scan(highest, day)).await;
        assert_eq!(allowed, expected, "{criterion:?} {highest:?} {day}");
    }
}

#[tokio::test(start_paused = true)]
async fn rule_7_13_copies_keep_watermarks_and_no_scan() {
    let (a, _) = scenario(|scenario| {
        let mut images = scenario.images.iter_mut();
        let plain = images.find(|image| image.name == "plain").unwrap();
        plain.watermarks.push(format!("{A}:approved"));
    });
    let plain = a.image("plain");
    a.sim.edit(|state| {
        state.images.get_mut(&plain).unwrap().scan = Some(ScanResults::default());
    });
    let copy = a.copy(&plain, &[]).await.unwrap();
    let copy = a.describe_image(&copy).await;
    assert_eq!(copy.first("watermarkKey"), format!("{A}:approved"));
    assert!(copy.all("findingScanDate").is_empty());
    let plain = a.describe_image(&plain).await;
    assert_eq!(plain.all("findingScanDate").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn rule_7_31_archived_snapshots_are_restored_before_the_image_is_enabled() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    let snapshot = a.snapshots(&plain).await.remove(0);
    let archive = [
        ("SnapshotId", snapshot.as_str()),
        ("StorageTier", "archive"),
    ];
    let in_use = a.ec2("ModifySnapshotTier", &archive).await;
    assert_code(in_use, "InvalidSnapshot.InUse");

    let image = [("ImageId", plain.as_str())];
    a.ec2("DisableImage", &image).await.unwrap();
    a.ec2("ModifySnapshotTier", &archive).await.unwrap();
    let shown = a.describe_snapshot(&snapshot).await;
    assert_eq!(shown.first("storageTier"), "archive");
    assert_code(a.ec2("EnableImage", &image).await, "IncorrectState");

    let restore = [
        ("SnapshotId", snapshot.as_str()),
        ("PermanentRestore", "true"),
    ];
    a.ec2("RestoreSnapshotTier", &restore).await.unwrap();
    a.ec2("EnableImage", &image).await.unwrap();
    assert_eq!(a.launch_state(&plain).await, "running");

    // An image that is not disabled, as may happen, can neither be launched nor copied.
    a.sim
        .edit(|state| state.snapshots.get_mut(&snapshot).unwrap().archived = true);
    assert_code(a.launch(&plain, &[]).await, "IncorrectState");
    assert_code(a.copy(&plain, &[]).await, "IncorrectState");
}

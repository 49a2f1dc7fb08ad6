//! Since when an image is disabled: known, or the wait begins anew.

use super::*;

/// An image that is disabled since long ago, with this in its tag, 13 days after which it is
/// looked at.
async fn with_tag(value: Option<&str>) -> World {
    let world = build_group(2).await;
    world.edit_image(&world.image_id("image-1"), |image| {
        image.state = ImageState::Disabled;
        image.launch_permissions.clear();
        let tags = image.tags.get_mut(A).unwrap();
        tags.extend(value.map(|value| (TAG.to_owned(), value.to_owned())));
    });
    world
}

#[tokio::test(start_paused = true)]
async fn moment_that_cannot_be_true_begins_anew() {
    for value in [
        None,
        Some(""),
        Some("yes"),
        Some("1970-01-01T00:00:00Z"),
        Some("2999-01-01T00:00:00Z"),
        Some("2999-01-01"),
    ] {
        let world = with_tag(value).await;
        let retire = || request(&world, with_deregistration(1));
        let report = world.share(retire()).await;
        assert!(report.changed, "{value:?}");
        assert_eq!(list_codes(&report), ["retire.moment-unknown"], "{value:?}");
        assert!(!world.share(retire()).await.changed, "{value:?}");
        tokio::time::advance(DAY * 13).await;
        assert!(!world.share(retire()).await.changed, "{value:?}");
        assert_eq!(standing(&world, "image-1"), "disabled", "{value:?}");
    }
}

/// AWS has no report on an image that this tool did not disable, so that its use is not known.
#[tokio::test(start_paused = true)]
async fn image_that_was_disabled_by_hand_stays_unless_a_report_is_left() {
    let world = with_tag(None).await;
    let retire = || request(&world, with_deregistration(1));
    world.share(retire()).await;
    wait().await;
    let report = world.share(retire()).await;
    assert_eq!(list_codes(&report), ["retire.use-unknown"]);
    let remedy = &report.findings[0].remedy;
    assert!(!remedy.contains("the run itself asks AWS"), "{remedy}");
    assert!(remedy.contains("lower `grace`"), "{remedy}");
    // In a dry run, too: AWS knows the image.
    let plan = world.plan(retire()).await;
    for finding in report.findings.iter().chain(&plan.findings) {
        let message = &finding.message;
        assert!(message.contains("keeps one for 30 days"), "{message}");
        assert!(!message.contains("image.not-found"), "{message}");
    }
    assert_eq!(standing(&world, "image-1"), "disabled");
}

/// The longest `grace` that a request may have ends in time, by the report of the day on which the
/// image was disabled.
#[tokio::test(start_paused = true)]
async fn image_is_deregistered_after_the_longest_grace() {
    let retire = || Retire {
        grace: Retire::LONGEST_GRACE_TO_DEREGISTER,
        ..with_deregistration(1)
    };
    let world = build_group(2).await;
    for expected in ["deprecated", "disabled", "gone"] {
        let report = world.share(request(&world, retire())).await;
        assert_eq!(
            standing(&world, "image-1"),
            expected,
            "{:?}",
            report.findings
        );
        // It is deprecated from the next minute on.
        tokio::time::advance(DAY * 29 + Duration::from_mins(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn image_that_is_used_while_it_is_disabled_is_not_deregistered() {
    for account in [A, B] {
        let world = build_group(2).await;
        world.share(request(&world, with_deregistration(1))).await;
        tokio::time::advance(DAY * 15).await;
        world.share(request(&world, with_deregistration(1))).await;
        assert_eq!(standing(&world, "image-1"), "disabled");
        use_image(&world, account, &world.image_id("image-1"), 1);
        if account == B {
            // As if the report that AWS keeps had shown it.
            world.sim.edit(|state| {
                for report in state.usage_reports.values_mut() {
                    let counts = report.counts.entry(B.to_owned()).or_default();
                    counts.insert("ec2:Instance".to_owned(), 1);
                }
            });
        }
        wait().await;
        let report = world.share(request(&world, with_deregistration(1))).await;
        assert_eq!(list_codes(&report), ["retire.in-use"], "{account}");
        assert_eq!(standing(&world, "image-1"), "disabled", "{account}");
    }
}

/// Another run gives it back to somebody while the retirement takes it from everybody.
#[tokio::test(start_paused = true)]
async fn image_that_is_shared_again_while_it_is_taken_is_not_disabled() {
    const MODIFY: &str = "ec2:ModifyImageAttribute";
    let world = build_group(2).await;
    world.share(request(&world, keep(1))).await;
    tokio::time::advance(DAY * 15).await;
    let before = world.count_changes()[MODIFY];
    let share_again = async {
        while world.count_changes()[MODIFY] == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        world.edit_image(&world.image_id("image-1"), |image| {
            image.launch_permissions.insert(B.to_owned());
        });
    };
    let retire = world.share(request(&world, keep(1)));
    let both = futures::future::join(retire, share_again);
    let both = tokio::time::timeout(DAY, both).await;
    let (report, ()) = both.unwrap();
    assert!(list_codes(&report).contains(&"revoke.shared-again"));
    assert_eq!(standings(&world, 2), ["deprecated", "shared"]);
    // The next run takes it, as nobody shares it again.
    world.share(request(&world, keep(1))).await;
    assert_eq!(standings(&world, 2), ["disabled", "shared"]);
}

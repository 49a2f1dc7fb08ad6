//! Where the reports come from: asked for, awaited, used again, and not known.

use std::time::Duration;

use ami_share::Error;
use ami_share_sim::{Delays, Options, Scenario};

use super::*;

/// `golden` is shared with B, which uses it; a report takes this many minutes.
async fn in_use(minutes: u64) -> World {
    let options = Options {
        delays: Delays {
            usage_reports: Duration::from_mins(minutes),
            ..Delays::default()
        },
        ..Options::default()
    };
    let world = World::with_options(Scenario::two_accounts(), options);
    world.share(world.build_request(&["golden"])).await;
    use_image(&world, B, &world.image_id("golden"), 2);
    world
}

fn revoke(world: &World) -> ShareRequestBuilder {
    into_revoke(world.build_request(&["golden"]))
}

fn count_asked(world: &World) -> usize {
    world.count_calls().get(ASKS).copied().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn pending_report_is_awaited_until_the_deadline() {
    let world = in_use(30).await;
    let began = world.elapsed();
    let request = revoke(&world).timing(with_timeout(600)).build().unwrap();
    let errors = Sharer::new(&world.config(A)).plan(&request).await;
    let error = errors.unwrap_err().to_string();
    let golden = world.image_id("golden");
    let awaited = format!("{golden} to have its usage report");
    assert!(error.contains(&awaited), "{error}");
    assert!(error.contains("set `revoke-in-use`"), "{error}");
    assert!(world.elapsed() - began <= Duration::from_secs(601));

    // The next run awaits the same report.
    let plan = world.plan(revoke(&world)).await;
    assert!(message(&plan, "image.in-use").contains("2 instances"));
    assert_eq!(count_asked(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn dry_run_asks_for_no_report_and_uses_a_fresh_one() {
    let world = in_use(1).await;
    let sharer = Sharer::new(&world.config(A));
    let request = revoke(&world).build().unwrap();
    let said = async || {
        let plan = sharer.preview(&request).await.unwrap();
        let codes = ["image.use-unknown", "image.in-use"];
        codes.map(|code| message(&plan, code))
    };
    let [unknown, in_use] = said().await;
    assert!(unknown.contains("no usage report") && in_use.is_empty());
    assert_eq!(count_asked(&world), 0);

    let usage = sharer.usage(&request).await.unwrap();
    let [shown] = usage.usage.as_slice() else {
        panic!("{:?}", usage.usage)
    };
    assert_eq!(shown.accounts[0].account.as_ref(), B);
    assert_eq!(shown.accounts[0].resource_type, "ec2:Instance");
    assert_eq!((shown.accounts[0].count, shown.complete), (2, true));
    let [unknown, in_use] = said().await;
    assert!(unknown.is_empty() && in_use.contains("2 instances"));
    assert_eq!(count_asked(&world), 1);

    // It is stale after an hour: the dry run says so, and a run asks anew.
    tokio::time::advance(Duration::from_secs(3601)).await;
    assert!(said().await[0].contains("no usage report"));
    let plan = world.plan(revoke(&world)).await;
    assert!(message(&plan, "image.in-use").contains("2 instances"));
    assert_eq!(count_asked(&world), 2);
}

#[tokio::test(start_paused = true)]
async fn report_of_the_future_is_not_fresh() {
    for (minutes, is_used) in [(0, true), (4, true), (6, false), (5_000_000, false)] {
        let world = in_use(0).await;
        let request = revoke(&world).build().unwrap();
        let sharer = Sharer::new(&world.config(A));
        sharer.usage(&request).await.unwrap();
        world.sim.edit(|state| {
            for report in state.usage_reports.values_mut() {
                report.created += Duration::from_mins(minutes);
            }
        });
        sharer.usage(&request).await.unwrap();
        let asked = if is_used { 1 } else { 2 };
        assert_eq!(count_asked(&world), asked, "{minutes} minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn report_that_may_not_be_read_or_fails_is_unknown() {
    let calls = [
        ASKS,
        "ec2:DescribeImageUsageReports",
        "ec2:DescribeImageUsageReportEntries",
    ];
    for operation in calls {
        let denied = deny_calls(
            operation,
            "UnauthorizedOperation",
            "You are not authorized.",
        );
        let world = in_use(0).await.with_fault(denied);
        let plan = world.plan(revoke(&world)).await;
        let said = message(&plan, "image.use-unknown");
        assert!(said.contains(operation), "{operation}: {said}");
        assert_eq!(message(&plan, "image.in-use"), "");
        let report = world.share(revoke(&world)).await;
        assert_eq!(report.images[0].removed.len(), 1, "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn report_that_aws_cannot_make_is_unknown() {
    let world = in_use(10).await;
    let plan = tokio::select! {
        plan = world.plan(revoke(&world)) => plan,
        () = fail_reports(&world) => unreachable!("it fails reports for ever"),
    };
    let said = message(&plan, "image.use-unknown");
    assert!(said.contains("Internal error"), "{said}");
}

/// What only `mode: usage` takes for an error.
pub(crate) async fn error_of_failed_report() -> Vec<Error> {
    let world = in_use(10).await;
    let request = revoke(&world).build().unwrap();
    let sharer = Sharer::new(&world.config(A));
    tokio::select! {
        report = sharer.usage(&request) => report.unwrap().errors,
        () = fail_reports(&world) => unreachable!("it fails reports for ever"),
    }
}

async fn fail_reports(world: &World) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.sim.edit(|state| {
            for report in state.usage_reports.values_mut() {
                report.failure = Some("Internal error".to_owned());
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn full_report_leaves_others_unknown() {
    let world = World::new();
    world.share(world.build_request(&["golden"])).await;
    for number in 0..200_u64 {
        let account = format!("{number:012}");
        use_image(&world, &account, &world.image_id("golden"), 1);
    }
    let plan = world.plan(revoke(&world)).await;
    assert!(message(&plan, "image.use-unknown").contains("200 accounts"));
    assert_eq!(message(&plan, "image.in-use"), "");
}

#[tokio::test(start_paused = true)]
async fn usage_lists_copies_too_and_needs_no_target() {
    let world = World::generate(2, 2, 1, 1);
    let key = |name: &str| world.key_arn(name).parse().unwrap();
    let copying = |request: ShareRequestBuilder| {
        request
            .copy_to_regions(["eu-west-1".parse().unwrap()])
            .kms_key_in("us-east-1".parse().unwrap(), key("key-1"))
            .kms_key_in("eu-west-1".parse().unwrap(), key("key-eu-west-1"))
    };
    let report = world
        .share(copying(world.build_request(&["image-1"])))
        .await;
    let copy = report.images.iter().find(|image| image.copied).unwrap();
    let copy = copy.image.as_ref().unwrap().to_string();
    use_image(&world, B, &copy, 3);
    let before = world.count_changes();
    let nobody = world.build_request_for(&["image-1"], &[]).usage_only();
    let request = copying(nobody).build().unwrap();
    let report = Sharer::new(&world.config(A)).usage(&request).await.unwrap();
    let mut counts = Vec::new();
    for usage in &report.usage {
        let total: u64 = usage.accounts.iter().map(|used| used.count).sum();
        counts.push((usage.region.as_ref(), usage.source.region.as_ref(), total));
    }
    assert_eq!(
        counts,
        [("eu-west-1", "us-east-1", 3), ("us-east-1", "us-east-1", 0)]
    );
    assert!(!report.changed && report.errors.is_empty());
    assert_eq!(world.count_changes(), before);
}

#[tokio::test(start_paused = true)]
async fn copy_that_its_owner_uses_is_not_removed() {
    for denied in [false, true] {
        let mut world = World::new();
        let request = || into_copy_revoke(world.build_copy_request(&["plain"]));
        let report = world.share(world.build_copy_request(&["plain"])).await;
        let copy = report.images[0].image.as_ref().unwrap().to_string();
        use_image(&world, A, &copy, 1);
        let revoke = request();
        if denied {
            let operation = "ec2:DescribeImageReferences";
            world = world.with_fault(deny_calls(operation, "UnauthorizedOperation", "no"));
        }
        let plan = world.plan(revoke).await;
        let in_use = message(&plan, "image.in-use");
        let unknown = message(&plan, "image.use-unknown");
        let expected = "the owner itself uses the image now: 111111111111 (1 instance)";
        assert_eq!(in_use == expected, !denied, "{in_use}");
        assert_eq!(
            unknown.contains("DescribeImageReferences"),
            denied,
            "{unknown}"
        );
    }
}

fn into_copy_revoke(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.revoke(Revoke {
        copies: true,
        ..Revoke::default()
    })
}

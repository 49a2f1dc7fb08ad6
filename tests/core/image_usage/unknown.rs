//! What is not known is not unused: a copy is kept that nobody could bring back.

use ami_share_sim::world::ImageState;
use serde_json::json;

use super::*;

/// Why the use of a copy is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Unknown {
    Denied(&'static str),
    Disabled,
    Unmade,
}

const REASONS: [Unknown; 6] = [
    Unknown::Denied(ASKS),
    Unknown::Denied("ec2:DescribeImageUsageReports"),
    Unknown::Denied("ec2:DescribeImageUsageReportEntries"),
    Unknown::Denied("ec2:DescribeImageReferences"),
    Unknown::Disabled,
    Unknown::Unmade,
];

fn revoke_copies(world: &World) -> ShareRequestBuilder {
    let everybody = world.build_request_for(&["plain"], &[]);
    let key = "alias/golden".parse().unwrap();
    everybody.kms_key(key).revoke(Revoke {
        copies: true,
        all: true,
        ..Revoke::default()
    })
}

fn is_there(world: &World, image_id: &str) -> bool {
    world.edit_image(image_id, |image| image.state != ImageState::Deregistered)
}

#[tokio::test(start_paused = true)]
async fn copy_whose_use_is_unknown_is_kept_unless_told_otherwise() {
    for reason in REASONS {
        let mut world = World::new();
        let report = world.share(world.build_copy_request(&["plain"])).await;
        let copy = report.images[0].image.as_ref().unwrap().to_string();
        match reason {
            Unknown::Denied(call) => {
                let denied = deny_calls(call, "UnauthorizedOperation", "You are not authorized.");
                world = world.with_fault(denied);
            }
            // Nobody has launch permission of a disabled image.
            Unknown::Disabled => world.edit_image(&copy, |image| {
                image.state = ImageState::Disabled;
                image.launch_permissions.clear();
            }),
            Unknown::Unmade => {
                let error =
                    json!({ "status": 400, "code": "OperationNotPermitted", "message": "" });
                let fault = json!({ "operation": ASKS, "effect": { "error": error } });
                world = world.with_fault(fault);
            }
        }
        let report = world.share(revoke_copies(&world)).await;
        assert!(is_there(&world, &copy), "{reason:?}");
        assert_eq!(report.removed, Vec::<String>::new(), "{reason:?}");
        let findings = report.findings.iter();
        let unknown = findings.filter(|it| it.code.as_str() == "image.use-unknown");
        let said: Vec<&str> = unknown.map(|it| it.message.as_str()).collect();
        assert!(
            said.len() == 1 && said[0].contains("this copy is kept"),
            "{reason:?}: {said:?}"
        );
        let still_shared = world.edit_image(&copy, |image| image.launch_permissions.contains(B));
        assert!(!still_shared, "{reason:?}");

        let report = world.share(revoke_copies(&world).revoke_in_use(true)).await;
        assert!(
            report.removed.contains(&copy),
            "{reason:?}: {:?}",
            report.removed
        );
    }
}

/// A dry run that asks AWS nothing must not hide what the run would remove.
#[tokio::test(start_paused = true)]
async fn dry_run_without_report_names_the_copy_that_a_run_removes() {
    let world = World::new();
    let report = world.share(world.build_copy_request(&["plain"])).await;
    let copy = report.images[0].image.as_ref().unwrap().to_string();
    let sharer = Sharer::new(&world.config(A));
    let request = revoke_copies(&world).build().unwrap();
    let plan = sharer.preview(&request).await.unwrap();
    let digest = plan.digest();
    assert!(message(&plan, "image.use-unknown").contains("asks for none"));

    let expected = revoke_copies(&world).expect_plan(digest);
    let report = world.share(expected).await;
    assert_eq!(report.removed[0], copy);
}

/// The same plan is refused if the run cannot ask.
#[tokio::test(start_paused = true)]
async fn approved_removal_is_refused_if_the_use_of_the_copy_stays_unknown() {
    let world = World::new();
    let report = world.share(world.build_copy_request(&["plain"])).await;
    let copy = report.images[0].image.as_ref().unwrap().to_string();
    let sharer = Sharer::new(&world.config(A));
    let request = revoke_copies(&world).build().unwrap();
    let digest = sharer.preview(&request).await.unwrap().digest();
    let world = world.with_fault(deny_calls(ASKS, "UnauthorizedOperation", "no"));
    let refused = world
        .try_share(revoke_copies(&world).expect_plan(digest))
        .await;
    assert!(list_codes(&refused.unwrap_err()).contains(&"plan.not-expected"));
    assert!(is_there(&world, &copy));
}

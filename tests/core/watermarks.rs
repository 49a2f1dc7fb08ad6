//! The watermark of shared images, by which targets allow them.

use ami_share::request::ShareRequestBuilder;
use ami_share_sim::world::Watermark;
use serde_json::json;

use super::support::*;

const ATTACH: &str = "ec2:AttachImageWatermark";

fn key() -> String {
    format!("{A}:approved")
}

fn count_attached(world: &World) -> usize {
    world.count_calls().get(ATTACH).copied().unwrap_or_default()
}

fn watermarks(world: &World, image_id: &str) -> Vec<String> {
    let watermarks = world.edit_image(image_id, |image| image.watermarks.clone());
    watermarks.into_iter().map(|it| it.key).collect()
}

fn mark(world: &World, image_id: &str, keys: &[String]) {
    world.edit_image(image_id, |image| {
        image.watermarks = keys
            .iter()
            .map(|key| Watermark {
                key: key.clone(),
                ..Watermark::default()
            })
            .collect();
    });
}

#[tokio::test(start_paused = true)]
async fn target_that_allows_by_watermark_launches_once_it_is_attached() {
    let world = World::new();
    let criteria = json!([{ "watermarks": [{ "key": key() }] }]);
    world.allow_images(B, "enabled", criteria);
    let request = || world.build_request(&["golden"]);
    let golden = world.image_id("golden");
    let report = world.share(request()).await;
    assert_eq!(report.images[0].watermark, None);
    assert_eq!(world.launch_as_b(&golden).await, "AuthFailure");

    let from = world.list_actions(0).len();
    let marked = || request().watermark("approved");
    let report = world.share(marked()).await;
    assert_eq!(report.images[0].watermark, Some(key()));
    assert_eq!(world.launch_as_b(&golden).await, "running");
    let calls = world.sim.journal().into_iter().skip(from);
    let foreign: Vec<_> = calls.filter(|call| call.account != A).collect();
    let launches = foreign.iter().map(|call| call.action.as_str());
    let expected = ["ec2:RunInstances", "ec2:DescribeInstances"];
    assert_eq!(launches.collect::<Vec<_>>(), expected);

    let again = world.share(marked()).await;
    assert!(!again.changed && again.images[0].watermark == Some(key()));
    assert_eq!(count_attached(&world), 1);
}

#[tokio::test(start_paused = true)]
async fn image_gets_a_watermark_beside_one_that_has_it() {
    for marked in ["image-1", "image-2"] {
        let world = World::generate(2, 1, 2, 1);
        mark(&world, &world.image_id(marked), &[key()]);
        let images = ["image-1", "image-2"];
        let request = || world.build_request(&images).watermark("approved");
        let report = world.share(request()).await;
        assert_eq!(count_attached(&world), 1, "{marked}");
        for image in images {
            assert_eq!(watermarks(&world, &world.image_id(image)), [key()]);
        }
        assert!(report.images.iter().all(|it| it.watermark == Some(key())));
        assert!(!world.share(request()).await.changed);
    }
}

#[tokio::test(start_paused = true)]
async fn copy_carries_watermark_of_its_source_and_gets_a_missing_one() {
    for has_it in [true, false] {
        let world = World::new();
        let plain = world.image_id("plain");
        if has_it {
            mark(&world, &plain, &[key()]);
        }
        let request = || world.build_copy_request(&["plain"]).watermark("approved");
        let report = world.share(request()).await;
        let copy = report.images[0].image.as_ref().unwrap().to_string();
        assert_eq!(watermarks(&world, &copy), [key()], "{has_it}");
        assert_eq!(report.images[0].watermark, Some(key()));
        assert_eq!(count_attached(&world), usize::from(!has_it));
        assert!(!world.share(request()).await.changed);
    }
}

#[tokio::test(start_paused = true)]
async fn image_that_cannot_get_a_watermark_is_refused_unless_it_has_it() {
    let mut five: Vec<String> = (0..5).map(|n| format!("{A}:base-{n}")).collect();
    let world = World::new();
    mark(&world, &world.image_id("golden"), &five);
    let request = || world.build_request(&["golden"]).watermark("approved");
    let plan = world.plan(request()).await;
    let finding = plan.refusals().next().unwrap();
    assert_eq!(finding.code.as_str(), "image.no-watermark");
    assert!(finding.message.contains("base-4"), "{}", finding.message);
    assert_eq!(count_attached(&world), 0);

    five[4] = key();
    mark(&world, &world.image_id("golden"), &five);
    assert_eq!(world.plan(request()).await.refusals().count(), 0);
}

/// A copy of it is not public, so that it gets one; as long as nobody makes the copy public too.
#[tokio::test(start_paused = true)]
async fn public_image_gets_no_watermark_and_a_copy_of_it_does() {
    let world = World::new();
    let make_public = |image_id: &str| {
        world.edit_image(image_id, |image| {
            image.launch_permissions.insert("all".to_owned());
        });
    };
    let refused = async |request: ShareRequestBuilder| {
        let plan = world.plan(request.watermark("approved")).await;
        let refusals = plan.refusals();
        let of_watermark = refusals.filter(|it| it.code.as_str() == "image.no-watermark");
        of_watermark
            .map(|it| it.resource.clone())
            .collect::<Vec<_>>()
    };
    let plain = world.image_id("plain");
    make_public(&plain);
    assert_eq!(refused(world.build_request(&["plain"])).await, [plain]);

    let copying = || world.build_copy_request(&["plain"]);
    assert!(refused(copying()).await.is_empty());
    let report = world.share(copying()).await;
    let copy = report.images[0].image.as_ref().unwrap().to_string();
    make_public(&copy);
    assert_eq!(refused(copying()).await, std::slice::from_ref(&copy));
    assert!(watermarks(&world, &copy).is_empty());
}

#[tokio::test(start_paused = true)]
async fn denied_watermark_fails_the_run_and_nothing_else() {
    let denied = deny_calls(ATTACH, "UnauthorizedOperation", "You are not authorized.");
    let world = World::new().with_fault(denied);
    let request = world.build_request(&["golden"]).watermark("approved");
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(list_codes(&report), ["access.denied"]);
    let golden = world.image_id("golden");
    assert_eq!(world.launch_as_b(&golden).await, "running");
}

#[test]
fn watermark_has_the_form_of_its_name() {
    let problems = |name: &str| {
        let request: ShareRequestBuilder = ami_share::ShareRequest::builder()
            .region("us-east-1".parse().unwrap())
            .image("ami-1a2b3c4d".parse().unwrap())
            .target_account(B.parse().unwrap());
        request.watermark(name).validate().iter().count()
    };
    for name in ["abc", "prod baseline (v1) [a] it's_@./-", &"x".repeat(128)] {
        assert_eq!(problems(name), 0, "{name}");
    }
    for name in ["", "ab", "a:b", "naïve", &"x".repeat(129)] {
        assert_eq!(problems(name), 1, "{name}");
    }
}

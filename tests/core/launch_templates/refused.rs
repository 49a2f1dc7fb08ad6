//! Launch templates that get no version: nothing else stops for that, and it is said.

use ami_share::RequestGroup;
use serde_json::json;

use super::*;

/// What the run did besides: the image is shared.
fn is_shared(report: &Report) -> bool {
    report
        .images
        .iter()
        .all(|image| !image.principals.is_empty())
}

#[tokio::test(start_paused = true)]
async fn template_with_a_parameter_is_left_alone_and_it_is_said() {
    // In the default version, in the newest one, and since the plan was made.
    for (first, second) in [(true, false), (false, true)] {
        let world = build_world(1).await;
        let resolve = |resolves| if resolves { "resolve:ssm:/golden" } else { OLD };
        edit_template(&world, ID, |template| {
            template.versions.clear();
            add_version(template, resolve(first));
            add_version(template, resolve(second));
        });
        for set in [true, false] {
            let request = build_request(&world, "image-1", options().set_default_version(set));
            let report = world.share(request).await;
            let codes = list_codes(&report);
            assert_eq!(codes, ["launch-template.resolves-parameter"]);
            assert!(report.findings[0].message.contains("/golden"));
            assert!(report.launch_templates.is_empty() && is_shared(&report));
        }
        assert_eq!(versions(&world).0.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn template_that_changed_since_the_plan_is_looked_at_again() {
    type Change = fn(&World);
    let table: [(Change, &str); 2] = [
        (
            |world| {
                edit_template(world, ID, |template| {
                    add_version(template, "resolve:ssm:/golden");
                });
            },
            "launch-template.resolves-parameter",
        ),
        (
            |world| {
                let remove = |state: &mut State| state.launch_templates.remove(ID);
                world.sim.edit(remove);
            },
            "launch-template.gone",
        ),
    ];
    for (change, expected) in table {
        let world = build_world(1).await;
        let request = build_request(&world, "image-1", options()).build().unwrap();
        let sharer = Sharer::new(&world.config(A));
        let plan = sharer.plan(&request).await.unwrap();
        change(&world);
        let applied = sharer.apply(&plan).await;
        let report = applied.unwrap_or_else(|incomplete| incomplete.report);
        assert_eq!(list_codes(&report), [expected]);
        assert!(is_shared(&report));
        assert!(!world.has_called("ec2:CreateLaunchTemplateVersion"));
    }
}

const DENIED: &[&str] = &["access.denied"];

#[tokio::test(start_paused = true)]
async fn template_that_is_missing_or_denied_stops_nothing_else() {
    let denied = |action: &str| json!({ "Effect": "Deny", "Action": action, "Resource": "*" });
    let cases = [
        (None, &["launch-template.not-found", "part.left-out"][..]),
        (Some("ec2:DescribeLaunchTemplateVersions"), DENIED),
        (Some("ec2:CreateLaunchTemplateVersion"), DENIED),
        (Some("ec2:ModifyLaunchTemplate"), DENIED),
    ];
    for (action, expected) in cases {
        let world = build_world(1).await;
        // C has one of the name unless it is denied there.
        if let Some(action) = action {
            put_template(&world, C, "lt-11111111111111111", "web", OLD);
            let policy = json!({ "Statement": [denied(action)] });
            world.put_role_policy(C, "consumer", "deny", &policy).await;
        }
        let request = world.build_request_for(&["image-1"], &[B, C]);
        let request = request.target_options(options().set_default_version(true));
        let report = world.try_share(request).await.unwrap_err();
        assert_eq!(list_codes(&report), expected, "{action:?}");
        let error = &report.errors[0];
        assert_eq!(error.account.as_ref().map(AsRef::as_ref), Some(C));
        assert!(is_shared(&report));
        let images = vec![OLD.to_owned(), world.image_id("image-1")];
        assert_eq!(versions(&world), (images, 2), "{action:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn target_that_cannot_launch_gets_no_version() {
    let world = build_world(1).await;
    world.allow_images(B, "enabled", json!([{ "providers": ["amazon"] }]));
    put_template(&world, C, "lt-11111111111111111", "web", OLD);
    let request = world.build_request_for(&["image-1"], &[B, C]);
    let options = options().verify(Verify::Permissions);
    let report = world.try_share(request.target_options(options)).await;
    let report = report.unwrap_err();
    assert_eq!(
        list_codes(&report),
        ["target.hides-image", "verify.blocked"]
    );
    assert_eq!(versions(&world), (vec![OLD.to_owned()], 1));
    let other = edit_template(&world, "lt-11111111111111111", |it| it.versions.len());
    assert_eq!(other, 2);
}

#[tokio::test(start_paused = true)]
async fn two_images_for_one_template_refuse_the_run() {
    let world = build_world(2).await;
    let before = world.count_changes();
    let request = world.build_request(&["image-1", "image-2"]);
    let plan = world.plan(request.target_options(options())).await;
    let mut refusals = plan.refusals();
    assert_eq!(
        refusals.next().unwrap().code.as_str(),
        "launch-template.ambiguous"
    );
    assert_eq!(world.count_changes(), before);
}

#[tokio::test(start_paused = true)]
async fn groups_with_different_images_for_one_template_refuse_the_run() {
    let world = build_world(2).await;
    let group = |image: &str| RequestGroup {
        name: image.to_owned(),
        request: build_request(&world, image, options()).build().unwrap(),
    };
    let sharer = Sharer::new(&world.config(A));
    for (other, expected) in [
        ("image-1", None),
        ("image-2", Some("launch-template.ambiguous")),
    ] {
        let groups = [group("image-1"), group(other)];
        let plan = sharer.plan_groups(&groups, None).await.unwrap();
        let mut refusals = plan.refusals();
        assert_eq!(refusals.next().map(|it| it.code.as_str()), expected);
        if expected.is_none() {
            let report = sharer.apply(&plan).await.unwrap();
            assert_eq!(reported(&report).1, (2, world.image_id("image-1")));
            assert_eq!(versions(&world).0.len(), 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn revoke_asks_for_no_launch_template() {
    let world = build_world(1).await;
    let request = || build_request(&world, "image-1", options());
    world.share(request()).await;
    let from = world.list_actions(0).len();
    world.share(into_revoke(request())).await;
    let actions = world.list_actions(from);
    assert!(
        !actions
            .iter()
            .any(|action| action.contains("LaunchTemplate"))
    );
}

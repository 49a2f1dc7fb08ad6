//! What a run does with an image after it shared it: deprecation, protection, an SSM parameter.

use std::time::Duration;

use ami_share::plan::Step;
use ami_share::request::{DeprecateAt, ShareRequestBuilder};
use ami_share::{AmiId, Report, Sharer};
use ami_share_sim::world::Protection;

use super::not_ours::put_parameter;
use super::support::*;

fn with_release(request: ShareRequestBuilder) -> ShareRequestBuilder {
    let nine_years = Duration::from_hours(24 * 365 * 9);
    request
        .deprecate_at(DeprecateAt::AfterCreation(nine_years))
        .deregistration_protection(true)
        .publish_ssm_parameter("/images/{name}")
}

#[tokio::test(start_paused = true)]
async fn release_is_deprecated_protected_and_published_once() {
    let world = World::new();
    let request = || with_release(world.build_copy_request(&["plain"]));
    let report = world.share(request()).await;
    assert_eq!(report.published, ["/images/plain"]);
    let changes = world.count_changes();
    for action in [
        "ec2:EnableImageDeprecation",
        "ec2:EnableImageDeregistrationProtection",
        "ssm:PutParameter",
    ] {
        assert_eq!(changes[action], 1, "{changes:?}");
    }
    let actions = world.list_actions(0);
    let last = |action: &str| actions.iter().rposition(|made| made == action).unwrap();
    // A reader of the parameter must be able to launch the image that it names.
    assert!(last("ec2:ModifyImageAttribute") < last("ssm:PutParameter"));
    assert!(
        last("kms:GetKeyPolicy") < last("ssm:PutParameter"),
        "only after the key was checked once more"
    );
    let again = world.share(request()).await;
    assert!(!again.changed, "{:?}", world.count_changes());
}

#[tokio::test(start_paused = true)]
async fn images_of_two_architectures_get_a_parameter_each_that_the_next_build_takes_over() {
    let world = World::new();
    let template = "/images/{tag:Product}/{architecture}";
    let set = |name: &str, architecture: &str| {
        world.edit_image(&world.image_id(name), |image| {
            architecture.clone_into(&mut image.architecture);
            let tags = image.tags.entry(A.to_owned()).or_default();
            tags.insert("Product".to_owned(), "web".to_owned());
        });
    };
    set("golden", "x86_64");
    set("plain", "arm64");
    let request = world.build_request(&["golden", "plain"]);
    let report = world.share(request.publish_ssm_parameter(template)).await;
    assert_eq!(
        report.published,
        ["/images/web/x86_64", "/images/web/arm64"]
    );

    // The next build of one of them.
    set("building", "arm64");
    let request = world.build_request(&["building"]);
    let report = world.share(request.publish_ssm_parameter(template)).await;
    let publish = report.plan.steps.iter().find_map(|step| match step {
        Step::Publish(publish) => Some(publish),
        _ => None,
    });
    let before = publish.unwrap().current.as_ref().unwrap();
    assert_eq!(before.as_ref(), world.image_id("plain"));
    assert_eq!(report.published, ["/images/web/arm64"]);
    assert_eq!(
        way_back(&report),
        [("/images/web/arm64", "building", "plain")].map(ids_in(&world))
    );

    // Rolled back through what the report calls the previous image.
    let request = || {
        world
            .build_request(&["plain"])
            .publish_ssm_parameter(template)
    };
    let planned = Report::of_plan(&world.plan(request()).await);
    let report = world.share(request()).await;
    let rolled_back = [("/images/web/arm64", "plain", "building")].map(ids_in(&world));
    assert_eq!(way_back(&report), rolled_back);
    let replaced = planned.parameters[0].previous.as_ref();
    assert_eq!(replaced.unwrap().as_ref(), world.image_id("building"));
    let again = world.share(request()).await;
    assert!(again.published.is_empty() && again.parameters[0].previous.is_none());
}

/// The parameters of a report: name, what it holds, and what it held before.
fn way_back(report: &Report) -> Vec<(String, String, String)> {
    let text = |image: &Option<AmiId>| image.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut parameters = Vec::new();
    for parameter in &report.parameters {
        let (holds, previous) = (text(&parameter.holds), text(&parameter.previous));
        parameters.push((parameter.name.clone(), holds, previous));
    }
    parameters
}

/// Puts the IDs of images in place of their names in the world.
fn ids_in(world: &World) -> impl Fn((&str, &str, &str)) -> (String, String, String) {
    |(name, holds, previous)| {
        let [holds, previous] = [holds, previous].map(|image| world.image_id(image));
        (name.to_owned(), holds, previous)
    }
}

#[tokio::test(start_paused = true)]
async fn names_have_the_alias_of_the_account_that_they_are_in() {
    let world = World::generate(2, 1, 1, 1);
    let actions = ["ec2:*", "kms:*", "ssm:*", "iam:ListAccountAliases"];
    world.allow_actions(B, "consumer", &actions).await;
    world.alias_own_keys();
    world.set_alias(A, "own-images");
    world.set_alias(B, "web-staging");
    let request = || {
        let options = with_target_role().kms_key("alias/own".parse().unwrap());
        let request = world.build_request(&["image-1"]).target_options(options);
        let request = request.copy_name("{name}-{account-alias}");
        request.publish_ssm_parameter("/images/{account-alias}/{name}")
    };
    let report = world.share(request()).await;
    let copy = report.plan.target_copies().next().unwrap();
    assert_eq!(copy.name, "image-1-web-staging");
    assert_eq!(
        report.published,
        ["/images/own-images/image-1", "/images/web-staging/image-1"]
    );
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn account_without_an_alias_gets_no_name_that_has_it() {
    // The source account: nothing is done.
    let world = World::new();
    let request = world.build_request(&["golden"]);
    let plan = world
        .plan(request.publish_ssm_parameter("/images/{account-alias}"))
        .await;
    let refusals = plan.refusals().map(|finding| finding.code.as_str());
    assert_eq!(refusals.collect::<Vec<_>>(), ["parameter.name-invalid"]);

    // A target: the others get the image all the same.
    let world = World::generate(2, 1, 1, 1);
    let actions = ["ec2:*", "ssm:*", "iam:ListAccountAliases"];
    world.allow_actions(B, "consumer", &actions).await;
    world.set_alias(A, "own-images");
    let request = world.build_request(&["image-1"]);
    let request = request.target_options(with_target_role());
    let request = request.publish_ssm_parameter("/images/{account-alias}");
    let report = world.try_share(request).await.unwrap_err();
    assert_eq!(report.published, ["/images/own-images"]);
    assert!(list_codes(&report).contains(&"parameter.name-invalid"));
    assert_eq!(
        world.launch_as_b(&world.image_id("image-1")).await,
        "running"
    );
}

#[tokio::test(start_paused = true)]
async fn alias_that_cannot_be_read_is_not_taken_for_absent() {
    let world = World::new().with_fault(deny_calls("iam:ListAccountAliases", "AccessDenied", "no"));
    let request = world.build_request(&["golden"]);
    let request = request.publish_ssm_parameter("/images/{account-alias}");
    let sharer = Sharer::new(&world.config(A));
    let errors = sharer.plan(&request.build().unwrap()).await.unwrap_err();
    let error = errors.iter().next().unwrap();
    assert_eq!(error.code.as_str(), "access.denied");
    assert!(world.count_changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn parameter_keeps_its_tier() {
    for tier in ["Standard", "Advanced"] {
        let world = World::new();
        let place = (world.region(), "/images/golden".to_owned());
        world.sim.edit(|state| {
            let before = "ami-0123456789abcdef0";
            put_parameter(state, &place.1, "String", before);
            let parameters = &mut state.accounts.get_mut(A).unwrap().parameters;
            let versions = parameters.get_mut(&place).unwrap();
            tier.clone_into(&mut versions[0].tier);
        });
        let request = world.build_request(&["golden"]);
        let request = request.publish_ssm_parameter("/images/{name}");
        assert_eq!(world.share(request).await.published, ["/images/golden"]);
        let versions = world
            .sim
            .edit(|state| state.accounts[A].parameters[&place].clone());
        let last = versions.last().unwrap();
        assert_eq!((versions.len(), last.tier.as_str()), (2, tier));
        assert_eq!(last.value, world.image_id("golden"));
    }
}

#[tokio::test(start_paused = true)]
async fn name_with_a_tag_that_the_image_lacks_is_refused() {
    let world = World::new();
    let request = world.build_request(&["golden"]);
    let request = request.publish_ssm_parameter("/images/{tag:Product}");
    let plan = world.plan(request).await;
    let refusals = plan.refusals().map(|finding| finding.code.as_str());
    assert_eq!(refusals.collect::<Vec<_>>(), ["parameter.name-invalid"]);
}

#[tokio::test(start_paused = true)]
async fn image_that_cannot_be_shared_is_not_published() {
    let fault = fail_first_call("ec2:ModifyImageAttribute", "UnauthorizedOperation", "no");
    let world = World::new().with_fault(fault);
    let request = with_release(world.build_request(&["golden"]));
    world.try_share(request).await.unwrap_err();
    assert!(!world.has_called("ssm:PutParameter"));
}

/// Who builds the image gives it its name and its tags, and does not choose where it is written.
#[tokio::test(start_paused = true)]
async fn value_with_a_slash_chooses_no_parameter() {
    for (template, tag, name, placeholder) in [
        ("/golden/{tag:Team}", "prod/base", "golden", "{tag:Team}"),
        ("{tag:Team}", "/abs", "golden", "{tag:Team}"),
        ("/golden/{tag:Team}", "prod/", "golden", "{tag:Team}"),
        ("/golden/{name}", "prod", "golden/1", "{name}"),
    ] {
        for with_role in [false, true] {
            let world = World::new();
            world.edit_image(&world.image_id("golden"), |image| {
                name.clone_into(&mut image.name);
                let tags = image.tags.entry(A.to_owned()).or_default();
                tags.insert("Team".to_owned(), tag.to_owned());
            });
            let mut request = world.build_request(&["golden"]);
            if with_role {
                request = request.target_options(with_target_role());
            }
            let plan = world.plan(request.publish_ssm_parameter(template)).await;
            let refusals: Vec<_> = plan.refusals().collect();
            assert_eq!(
                refusals[0].code.as_str(),
                "parameter.name-invalid",
                "{template} {tag}"
            );
            assert_eq!(refusals[0].resource, world.image_id("golden"));
            let value = if placeholder == "{name}" { name } else { tag };
            let says = format!("{placeholder} stands for `{value}`");
            assert!(
                refusals[0].message.contains(&says),
                "{}",
                refusals[0].message
            );
            assert!(Sharer::new(&world.config(A)).apply(&plan).await.is_err());
            assert!(world.count_changes().is_empty());
            assert!(!world.has_called("ssm:GetParameter"), "{template} {tag}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_images_for_one_parameter_are_refused() {
    let world = World::new();
    let request = world.build_request(&["golden", "plain"]);
    let request = request.publish_ssm_parameter("/images/latest");
    let plan = world.plan(request).await;
    let refusals = plan.refusals().map(|finding| finding.code.as_str());
    assert_eq!(refusals.collect::<Vec<_>>(), ["parameter.ambiguous"]);
    assert!(world.count_changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn own_copy_of_target_is_deprecated_and_protected_too() {
    let world = World::generate(2, 1, 1, 1);
    world.alias_own_keys();
    let options = || with_target_role().kms_key("alias/own".parse().unwrap());
    let nine_years = Duration::from_hours(24 * 365 * 9);
    let request = || {
        let request = world.build_request(&["image-1"]).target_options(options());
        let request = request.deprecate_at(DeprecateAt::AfterCreation(nine_years));
        request.deregistration_protection(true)
    };
    let report = world.share(request()).await;
    let own = report.targets[0].copies[0].image.to_string();
    let (is_deprecated, protection) = world.edit_image(&own, |image| {
        (image.deprecated_at.is_some(), image.protection.clone())
    });
    assert!(
        is_deprecated && protection != Protection::Off,
        "{protection:?}"
    );
    assert!(!world.share(request()).await.changed);
}

//! The launch templates of targets, which get a version with the image that the target launches
//! (R4.19, R4.21).

mod meanwhile;
mod refused;

use std::collections::BTreeMap;
use std::time::Duration;

use ami_share::plan::ImageOfVersion;
use ami_share::report::LaunchTemplateReport;
use ami_share::request::{ShareRequestBuilder, TargetOptions, Verify};
use ami_share::{Report, Sharer};
use ami_share_sim::world::{LaunchTemplate, TemplateVersion, World as State};

use super::groups::{self, into_groups};
use super::support::*;

pub(crate) const ID: &str = "lt-0123456789abcdef0";
pub(crate) const OLD: &str = "ami-0aaaaaaaaaaaaaaaa";

/// B's role may do everything with EC2; `web` is a launch template of B with another image.
async fn build_world(images: usize) -> World {
    let world = World::generate(3, 2, images, 1);
    world.alias_own_keys();
    let actions = ["ec2:*", "kms:*"];
    for account in [B, C] {
        world.allow_actions(account, "consumer", &actions).await;
    }
    put_template(&world, B, ID, "web", OLD);
    world
}

const C: &str = "300000000000";

/// A launch template with one version of this image and a parameter besides.
pub(crate) fn put_template(world: &World, account: &str, id: &str, name: &str, image: &str) {
    let mut template = LaunchTemplate {
        id: id.to_owned(),
        name: name.to_owned(),
        owner: account.to_owned(),
        region: world.region(),
        created: Duration::ZERO,
        creator: format!("arn:aws:iam::{account}:user/somebody"),
        default_version: 1,
        versions: BTreeMap::new(),
        tags: BTreeMap::new(),
    };
    add_version(&mut template, image);
    let put = |state: &mut State| state.launch_templates.insert(id.to_owned(), template);
    world.sim.edit(put);
}

/// Somebody adds a version.
fn add_version(template: &mut LaunchTemplate, image: &str) {
    let data = [("ImageId", image), ("InstanceType", "t3.nano")];
    let data = data.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let number = template.versions.len() as u64 + 1;
    let version = TemplateVersion {
        number,
        data: data.into(),
        ..TemplateVersion::default()
    };
    template.versions.insert(number, version);
}

fn edit_template<T>(world: &World, id: &str, edit: impl FnOnce(&mut LaunchTemplate) -> T) -> T {
    let edit = |state: &mut State| edit(state.launch_templates.get_mut(id).unwrap());
    world.sim.edit(edit)
}

/// The images of the versions of `web`, and which is the default one.
fn versions(world: &World) -> (Vec<String>, u64) {
    edit_template(world, ID, |template| {
        let versions = template.versions.values();
        let images = versions.map(|version| version.data["ImageId"].clone());
        (images.collect(), template.default_version)
    })
}

fn options() -> TargetOptions {
    with_target_role()
        .verify(Verify::None)
        .launch_templates(["web".to_owned()])
}

fn build_request(world: &World, image: &str, options: TargetOptions) -> ShareRequestBuilder {
    world.build_request(&[image]).target_options(options)
}

/// The number of a version, and its image.
type Version = (u64, String);

/// What the report says of the only launch template: its version with the image, what launches
/// get, and what they got before.
fn reported(report: &Report) -> (Option<u64>, Version, Option<Version>) {
    let [template] = report.launch_templates.as_slice() else {
        unreachable!("{:?}", report.launch_templates)
    };
    let LaunchTemplateReport {
        version,
        current,
        previous,
        ..
    } = template;
    (*version, text(current), previous.as_ref().map(text))
}

fn text(version: &ImageOfVersion) -> Version {
    let image = version.image.as_ref();
    let image = image.map(ToString::to_string).unwrap_or_default();
    (version.version, image)
}

#[tokio::test(start_paused = true)]
async fn version_becomes_the_default_one_and_comes_back_after_another() {
    let world = build_world(2).await;
    let [one, two] = ["image-1", "image-2"].map(|name| world.image_id(name));
    let share = |image| build_request(&world, image, options().set_default_version(true));
    let old = OLD.to_owned();

    let planned = Report::of_plan(&world.plan(share("image-1")).await);
    let expected = (None, (1, old.clone()), Some((1, old.clone())));
    assert_eq!(reported(&planned), expected);
    let report = world.share(share("image-1")).await;
    let expected = (Some(2), (2, one.clone()), Some((1, old.clone())));
    assert_eq!(reported(&report), expected);
    let made = edit_template(&world, ID, |template| template.versions[&2].clone());
    assert_eq!(made.data["InstanceType"], "t3.nano", "inherited");
    let description = made.description.unwrap();
    assert!(description.contains(&one), "{description}");

    // A second run changes nothing.
    let again = world.share(share("image-1")).await;
    assert!(!again.changed);
    assert_eq!(reported(&again), (Some(2), (2, one.clone()), None));

    // The next image, and the way back: launches by `$Latest` get the image too.
    world.share(share("image-2")).await;
    let back = world.share(share("image-1")).await;
    let expected = (Some(4), (4, one.clone()), Some((3, two.clone())));
    assert_eq!(reported(&back), expected);
    let images = vec![old, one.clone(), two, one];
    assert_eq!(versions(&world), (images, 4));
}

#[tokio::test(start_paused = true)]
async fn newest_version_has_the_image_if_the_default_one_stays() {
    let world = build_world(2).await;
    let [one, two] = ["image-1", "image-2"].map(|name| world.image_id(name));
    for (image, changed) in [("image-1", true), ("image-1", false), ("image-2", true)] {
        let report = world.share(build_request(&world, image, options())).await;
        assert_eq!(report.changed, changed, "{image}");
    }
    let back = world
        .share(build_request(&world, "image-1", options()))
        .await;
    let expected = (Some(4), (4, one.clone()), Some((3, two.clone())));
    assert_eq!(reported(&back), expected);
    let images = vec![OLD.to_owned(), one.clone(), two, one];
    assert_eq!(versions(&world), (images, 1));
    assert!(!world.has_called("ec2:ModifyLaunchTemplate"));
}

#[tokio::test(start_paused = true)]
async fn draft_of_somebody_else_is_neither_source_nor_default() {
    let world = build_world(1).await;
    let image = world.image_id("image-1");
    edit_template(&world, ID, |template| {
        add_version(template, &image);
        let draft = template.versions.get_mut(&2).unwrap();
        draft
            .data
            .insert("InstanceType".to_owned(), "m7i.48xlarge".to_owned());
    });
    let request = || build_request(&world, "image-1", options().set_default_version(true));
    world.share(request()).await;
    let made = edit_template(&world, ID, |template| template.versions[&3].clone());
    assert_eq!(made.data["InstanceType"], "t3.nano");
    assert_eq!(versions(&world).1, 3);
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn run_that_is_cut_off_anywhere_is_completed_by_the_next() {
    let options = || options().set_default_version(true);
    let whole = build_world(1).await;
    let calls = whole.list_actions(0).len();
    whole
        .share(build_request(&whole, "image-1", options()))
        .await;
    let expected = versions(&whole);
    for calls in calls..whole.list_actions(0).len() {
        let world = build_world(1).await;
        let request = || build_request(&world, "image-1", options());
        world.drop_after_calls(calls, world.share(request())).await;
        let report = world.share(request()).await;
        assert_eq!(versions(&world), expected, "dropped after {calls} calls");
        assert_eq!(reported(&report).1, (2, world.image_id("image-1")));
    }
}

#[tokio::test(start_paused = true)]
async fn answer_that_is_lost_makes_no_second_version() {
    for operation in [
        "ec2:CreateLaunchTemplateVersion",
        "ec2:ModifyLaunchTemplate",
    ] {
        let world = build_world(1).await;
        let world = world.with_fault(affect_call(operation, 1, "lost-answer"));
        let request = build_request(&world, "image-1", options().set_default_version(true));
        world.share(request).await;
        let images = vec![OLD.to_owned(), world.image_id("image-1")];
        assert_eq!(versions(&world), (images, 2), "{operation}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_runs_at_once_make_one_version() {
    let world = build_world(1).await;
    let request = || build_request(&world, "image-1", options().set_default_version(true));
    let (one, other) = futures::future::join(world.share(request()), world.share(request())).await;
    assert!(one.errors.is_empty() && other.errors.is_empty());
    let images = vec![OLD.to_owned(), world.image_id("image-1")];
    assert_eq!(versions(&world), (images, 2));
}

#[tokio::test(start_paused = true)]
async fn version_names_the_targets_own_copy() {
    let world = build_world(1).await;
    let options = || options().kms_key("alias/own".parse().unwrap());
    let request = || build_request(&world, "image-1", options().set_default_version(true));
    let report = world.share(request()).await;
    let copy = report.targets[0].copies[0].image.to_string();
    assert_eq!(versions(&world), (vec![OLD.to_owned(), copy], 2));
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn templates_of_two_architectures_are_told_apart_by_a_placeholder() {
    let world = build_world(2).await;
    let arm = world.image_id("image-2");
    world.edit_image(&arm, |image| "arm64".clone_into(&mut image.architecture));
    put_template(&world, B, "lt-11111111111111111", "web-x86_64", OLD);
    put_template(&world, B, "lt-22222222222222222", "web-arm64", OLD);
    let options = with_target_role().launch_templates(["web-{architecture}".to_owned()]);
    let request = world.build_request(&["image-1", "image-2"]);
    world.share(request.target_options(options)).await;
    for (id, image) in [
        ("lt-11111111111111111", "image-1"),
        ("lt-22222222222222222", "image-2"),
    ] {
        let made = edit_template(&world, id, |template| template.versions[&2].clone());
        assert_eq!(made.data["ImageId"], world.image_id(image), "{id}");
    }
}

/// A template that the request has by its ID and by its name gets one version; an ID is one of one
/// target.
#[tokio::test(start_paused = true)]
async fn id_is_that_of_one_target() {
    let world = build_world(1).await;
    let options = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned());
        with_target_role()
            .verify(Verify::None)
            .launch_templates(names)
    };
    let request = |names| {
        let request = world.build_request_for(&["image-1"], &[B, C]);
        request.target_options(options(names))
    };
    put_template(&world, C, "lt-11111111111111111", "web", OLD);
    let report = world.share(request(&[ID, "web"])).await;
    assert_eq!(report.launch_templates.len(), 2);
    assert_eq!(versions(&world).0.len(), 2);
    let report = world.try_share(request(&["lt-99999999999999999"])).await;
    let report = report.unwrap_err();
    let expected = ["launch-template.not-found", "part.left-out"];
    assert_eq!(list_codes(&report), expected);
}

#[tokio::test(start_paused = true)]
async fn plan_that_was_approved_is_carried_out_with_its_launch_templates_only() {
    let world = build_world(1).await;
    let request = || build_request(&world, "image-1", options().set_default_version(true));
    let digest = world.plan(request()).await.digest();
    edit_template(&world, ID, |template| template.default_version = 1);
    assert_eq!(world.plan(request()).await.digest(), digest);
    // Somebody else moves the default version.
    edit_template(&world, ID, |template| {
        add_version(template, "ami-0bbbbbbbbbbbbbbbb");
        template.default_version = 2;
    });
    let expecting = request().expect_plan(digest).build().unwrap();
    let plan = Sharer::new(&world.config(A))
        .plan(&expecting)
        .await
        .unwrap();
    assert!(
        plan.refusals()
            .any(|it| it.code.as_str() == "plan.not-expected")
    );
}

/// Groups may have one template by its name, by its ID and by a placeholder.
#[tokio::test(start_paused = true)]
async fn groups_agree_on_the_default_of_a_template_however_they_name_it() {
    for names in [
        [ID, "web"],
        ["web", ID],
        ["web-{architecture}", "web-x86_64"],
    ] {
        let world = build_world(1).await;
        edit_template(&world, ID, |template| {
            if names[0].contains('{') {
                names[1].clone_into(&mut template.name);
            }
        });
        let request = |name: &str, set_default: bool| {
            let options = with_target_role()
                .verify(Verify::None)
                .launch_templates([name.to_owned()]);
            build_request(&world, "image-1", options.set_default_version(set_default))
        };
        for (one, other) in [(true, false), (false, true), (true, true)] {
            let groups = into_groups(vec![
                ("one", request(names[0], one)),
                ("two", request(names[1], other)),
            ]);
            let plan = groups::plan(&world, &groups).await;
            let refusals: Vec<_> = plan.refusals().collect();
            assert_eq!(refusals.is_empty(), one == other, "{names:?}: {refusals:?}");
            for refusal in refusals {
                assert_eq!(refusal.code.as_str(), "groups.contradict", "{names:?}");
            }
        }
    }
}

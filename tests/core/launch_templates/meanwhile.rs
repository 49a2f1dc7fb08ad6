//! Launch templates that their owner changes after the plan was made.

use ami_share::Plan;

use super::*;

const OTHER: &str = "ami-0bbbbbbbbbbbbbbbb";

/// Before what the owner makes another version.
#[derive(Clone, Copy, Debug)]
enum Before {
    Run,
    /// After the run has read the launch template.
    Version,
    /// After the run has made its version.
    Default,
}

impl Before {
    const ALL: [Self; 3] = [Self::Run, Self::Version, Self::Default];

    /// The call after which it comes, in a run. The next one takes longer than a look at this.
    fn call(self) -> Option<&'static str> {
        match self {
            Self::Run => None,
            Self::Version => Some("ec2:DescribeLaunchTemplateVersions"),
            Self::Default => Some("ec2:CreateLaunchTemplateVersion"),
        }
    }
}

/// Waits until the run has made a call once more.
async fn await_call(world: &World, action: &str) {
    let count = || world.count_calls().get(action).copied();
    let before = count();
    while count() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The owner makes a version, perhaps the default one.
fn change(world: &World, is_default: bool) {
    edit_template(world, ID, |template| {
        add_version(template, OTHER);
        let newest = template.versions.len() as u64;
        let version = template.versions.get_mut(&newest).unwrap();
        let owned = ("InstanceType".to_owned(), "m5.large".to_owned());
        version.data.extend([owned]);
        if is_default {
            template.default_version = newest;
        }
    });
}

async fn plan(world: &World, set_default: bool, is_approved: bool) -> Plan {
    let options = || options().set_default_version(set_default);
    let request = || build_request(world, "image-1", options());
    let plan = world.plan(request()).await;
    if is_approved {
        world.plan(request().expect_plan(plan.digest())).await
    } else {
        plan
    }
}

/// Carries out a plan while the owner changes the launch template.
async fn carry_out(world: &World, plan: &Plan, moment: Before, is_default: bool) -> Report {
    let sharer = Sharer::new(&world.config(A));
    let Some(call) = moment.call() else {
        change(world, is_default);
        let applied = sharer.apply(plan).await;
        return applied.unwrap_or_else(|incomplete| incomplete.report);
    };
    let changing = async {
        await_call(world, call).await;
        change(world, is_default);
    };
    let (applied, ()) = tokio::join!(sharer.apply(plan), changing);
    applied.unwrap_or_else(|incomplete| incomplete.report)
}

#[tokio::test(start_paused = true)]
async fn default_version_of_the_owner_is_not_lost() {
    for moment in Before::ALL {
        let world = build_world(1).await;
        let image = world.image_id("image-1");
        let plan = plan(&world, true, false).await;
        let report = carry_out(&world, &plan, moment, true).await;
        assert_eq!(
            list_codes(&report),
            ["plan.changed-meanwhile"],
            "{moment:?}"
        );

        // What launches get is the owner's version with the image, and the way back is the owner's.
        let (images, default) = versions(&world);
        let theirs = images.iter().position(|it| it == OTHER).unwrap() as u64 + 1;
        let made = edit_template(&world, ID, |it| it.versions[&default].clone());
        let what = format!("{moment:?}: {images:?}, {default}");
        assert_eq!(made.data["ImageId"], image, "{what}");
        assert_eq!(made.data["InstanceType"], "m5.large", "{what}");
        let previous = Some((theirs, OTHER.to_owned()));
        assert_eq!(
            reported(&report),
            (Some(default), (default, image), previous),
            "{what}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn default_version_of_the_owner_stays_under_an_approved_plan() {
    for moment in Before::ALL {
        let world = build_world(1).await;
        let plan = plan(&world, true, true).await;
        let report = carry_out(&world, &plan, moment, true).await;
        assert_eq!(list_codes(&report), ["plan.outdated"], "{moment:?}");
        let (images, default) = versions(&world);
        let what = format!("{moment:?}: {images:?}");
        assert_eq!(
            images[usize::try_from(default).unwrap() - 1],
            OTHER,
            "{what}"
        );
        assert!(!world.has_called("ec2:ModifyLaunchTemplate"), "{what}");
        let made = !matches!(moment, Before::Run);
        assert_eq!(images.len(), 2 + usize::from(made), "{what}");
    }
}

/// Launches by `$Latest` get the newest version, whose owner may have made it since the plan.
#[tokio::test(start_paused = true)]
async fn newest_version_of_the_owner_is_the_way_back() {
    for is_approved in [false, true] {
        let world = build_world(1).await;
        let image = world.image_id("image-1");
        let plan = plan(&world, false, is_approved).await;
        let report = carry_out(&world, &plan, Before::Run, false).await;
        if is_approved {
            assert_eq!(list_codes(&report), ["plan.outdated"]);
            assert_eq!(versions(&world).0, [OLD, OTHER]);
        } else {
            assert_eq!(list_codes(&report), ["plan.changed-meanwhile"]);
            let previous = Some((2, OTHER.to_owned()));
            assert_eq!(reported(&report), (Some(3), (3, image), previous));
        }
    }
}

/// A run that was cut off made a version; the plan that makes it the default makes no other.
#[tokio::test(start_paused = true)]
async fn approved_plan_makes_no_version_that_it_does_not_name() {
    let world = build_world(1).await;
    let made = plan(&world, false, false).await;
    Sharer::new(&world.config(A)).apply(&made).await.unwrap();
    let plan = plan(&world, true, true).await;
    assert_eq!(plan.launch_templates().next().unwrap().version, Some(2));
    let report = carry_out(&world, &plan, Before::Run, false).await;
    assert_eq!(list_codes(&report), ["plan.outdated"]);
    let message = &report.errors[0].message;
    let words = "version 2, which was to be the default one";
    assert!(message.contains(words), "{message}");
    assert_eq!(
        versions(&world),
        (
            vec![OLD.to_owned(), world.image_id("image-1"), OTHER.to_owned()],
            1
        )
    );
}

/// Whoever changes it all the time is left alone in the end.
#[tokio::test(start_paused = true)]
async fn launch_template_that_never_rests_is_left_as_it_is() {
    let world = build_world(1).await;
    let plan = plan(&world, true, false).await;
    let changing = async {
        loop {
            await_call(&world, "ec2:CreateLaunchTemplateVersion").await;
            change(&world, true);
        }
    };
    let sharer = Sharer::new(&world.config(A));
    let report = tokio::select! {
        applied = sharer.apply(&plan) => applied.unwrap_err().report,
        () = changing => unreachable!("it changes for ever"),
    };
    assert!(list_codes(&report).contains(&"plan.outdated"));
    assert!(!world.has_called("ec2:ModifyLaunchTemplate"));
}

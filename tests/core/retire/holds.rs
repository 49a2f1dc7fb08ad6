//! What holds an image back: it never passes "deprecated".

use ami_share::Sharer;
use ami_share_sim::world::Protection;

use super::*;
use crate::not_ours::put_parameter;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Hold {
    OtherAccount,
    Owner,
    Template,
    DefaultOfTemplate,
    OldVersionOfTemplate,
    TemplateByParameter,
    Parameter,
    ListParameter,
    JsonParameter,
    SecretParameter,
    KeptByParameter,
    Lock,
    Denied(&'static str),
}

const HOLDS: [Hold; 18] = [
    Hold::OtherAccount,
    Hold::Owner,
    Hold::Template,
    Hold::DefaultOfTemplate,
    Hold::OldVersionOfTemplate,
    Hold::TemplateByParameter,
    Hold::Parameter,
    Hold::ListParameter,
    Hold::JsonParameter,
    Hold::SecretParameter,
    Hold::KeptByParameter,
    Hold::Lock,
    Hold::Denied("ec2:CreateImageUsageReport"),
    Hold::Denied("ec2:DescribeImageUsageReportEntries"),
    Hold::Denied("ec2:DescribeImageReferences"),
    Hold::Denied("ec2:DescribeLaunchTemplateVersions"),
    Hold::Denied("ec2:DescribeLockedSnapshots"),
    Hold::Denied("ssm:GetParameter"),
];

impl Hold {
    async fn apply(self, world: World) -> World {
        let image = world.image_id("image-1");
        let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
        match self {
            Self::OtherAccount => use_image(&world, B, &image, 1),
            Self::Owner => use_image(&world, A, &image, 1),
            Self::Template => make_template(&ec2, &image, 0).await,
            Self::DefaultOfTemplate => make_template(&ec2, &image, 30).await,
            // An Auto Scaling group may launch by it.
            Self::OldVersionOfTemplate => {
                make_template(&ec2, &image, 30).await;
                let newest = ec2.modify_launch_template().default_version("31");
                newest.launch_template_name("web").send().await.unwrap();
            }
            Self::TemplateByParameter => {
                put(&world, "/other", &image);
                make_template(&ec2, "resolve:ssm:/other", 0).await;
            }
            Self::Parameter | Self::KeptByParameter => put(&world, "/golden", &image),
            Self::ListParameter => {
                put_of_type(&world, "StringList", &format!("{OTHER},{image}"));
            }
            Self::JsonParameter => {
                put_of_type(&world, "String", &format!(r#"{{"web":["{image}"]}}"#));
            }
            Self::SecretParameter => put_of_type(&world, "SecureString", "hunter2"),
            Self::Lock => {
                let id = world.edit_image(&image, |image| {
                    image.snapshot_ids().next().unwrap().to_owned()
                });
                let lock = ec2.lock_snapshot().snapshot_id(id).lock_duration(300);
                lock.lock_mode("governance".into()).send().await.unwrap();
            }
            Self::Denied(call) => {
                let denied = deny_calls(call, "UnauthorizedOperation", "You are not authorized.");
                return world.with_fault(denied);
            }
        }
        world
    }

    fn request(self, world: &World) -> ShareRequestBuilder {
        let request = request(world, keep(1));
        match self {
            Self::Parameter
            | Self::ListParameter
            | Self::JsonParameter
            | Self::SecretParameter
            | Self::Denied(_) => request.publish_ssm_parameter("/golden"),
            Self::KeptByParameter => request.image_of_parameter(None, "/golden"),
            _ => request,
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Lock => "retire.locked",
            Self::Denied(_) | Self::SecretParameter => "retire.use-unknown",
            _ => "retire.in-use",
        }
    }
}

fn put(world: &World, name: &str, image: &str) {
    world
        .sim
        .edit(|state| put_parameter(state, name, "String", image));
}

fn put_of_type(world: &World, kind: &str, value: &str) {
    let put = |state: &mut _| put_parameter(state, "/golden", kind, value);
    world.sim.edit(put);
}

const OTHER: &str = "ami-0123456789abcdef0";

/// A launch template whose default version is the first, and which has so many newer ones.
async fn make_template(ec2: &aws_sdk_ec2::Client, image: &str, newer: u32) {
    let data = |image: &str| {
        aws_sdk_ec2::types::RequestLaunchTemplateData::builder()
            .image_id(image)
            .build()
    };
    let make = ec2.create_launch_template().launch_template_name("web");
    make.launch_template_data(data(image)).send().await.unwrap();
    for _ in 0..newer {
        let version = ec2
            .create_launch_template_version()
            .launch_template_name("web");
        let other = data(OTHER);
        version.launch_template_data(other).send().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn image_that_something_needs_stays_deprecated() {
    for hold in HOLDS {
        let world = build_group(2).await;
        world.share(request(&world, keep(1))).await;
        tokio::time::advance(DAY * 15).await;
        let world = hold.apply(world).await;
        let changes = world.count_changes();
        let plan = world.plan(hold.request(&world)).await;
        assert_eq!(codes(&plan), [hold.code()], "{hold:?}: {:?}", plan.findings);
        assert!(!plan.changes(), "{hold:?}");
        let sharer = Sharer::new(&world.config(A));
        sharer.apply(&plan).await.unwrap();
        assert_eq!(world.count_changes(), changes, "{hold:?}");
        assert_eq!(standings(&world, 2), ["deprecated", "shared"], "{hold:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn protected_image_stays_disabled() {
    let world = build_group(2).await;
    world.edit_image(&world.image_id("image-1"), |image| {
        image.protection = Protection::On { cooldown: false };
    });
    let report = retire_all(&world, with_deregistration(1)).await;
    tokio::time::advance(DAY * 30).await;
    world.share(request(&world, with_deregistration(1))).await;
    assert_eq!(
        standing(&world, "image-1"),
        "disabled",
        "{:?}",
        report.errors
    );
    let plan = world.plan(request(&world, with_deregistration(1))).await;
    assert_eq!(codes(&plan), ["retire.protected"]);
}

/// What happens between the plan and its end counts too.
#[tokio::test(start_paused = true)]
async fn image_that_changes_after_the_plan_stays() {
    type Change = fn(&World, &str);
    let changes: [(&str, Change); 5] = [
        ("used", |world, image| use_image(world, A, image, 1)),
        ("not deprecated", |world, image| {
            world.edit_image(image, |image| image.deprecation_time = None);
        }),
        ("another group", |world, image| {
            world.edit_image(image, |image| drop(image.tags.remove(A)));
        }),
        ("shared", |world, image| {
            world.edit_image(image, |image| {
                image.launch_permissions.insert("300000000000".to_owned());
            });
        }),
        ("disabled", |world, image| {
            world.edit_image(image, |image| image.state = ImageState::Disabled);
        }),
    ];
    for (what, change) in changes {
        let world = build_group(2).await;
        world.share(request(&world, keep(1))).await;
        tokio::time::advance(DAY * 15).await;
        let plan = world.plan(request(&world, keep(1))).await;
        assert_eq!(plan.disabled_images().count(), 1);
        change(&world, &world.image_id("image-1"));
        let before = world.count_changes();
        let applied = Sharer::new(&world.config(A)).apply(&plan).await.unwrap();
        let codes = list_codes(&applied);
        assert!(
            codes.contains(&"retire.changed-meanwhile"),
            "{what}: {codes:?}"
        );
        assert_eq!(world.count_changes(), before, "{what}");
    }
}

/// A time at which it is to be deprecated, which somebody set meanwhile, is not overwritten.
#[tokio::test(start_paused = true)]
async fn later_deprecation_that_changes_after_the_plan_stays() {
    let world = build_group(2).await;
    let id = world.image_id("image-1");
    let ec2 = aws_sdk_ec2::Client::new(&world.config(A));
    let deprecate = async |days: i64| {
        let now = aws_smithy_types::DateTime::from(world.sim.time_source().now());
        let at = aws_smithy_types::DateTime::from_secs(now.secs() + days * 86_400);
        let deprecate = ec2.enable_image_deprecation().image_id(&id);
        deprecate.deprecate_at(at).send().await.unwrap();
    };
    deprecate(100).await;
    let plan = world.plan(request(&world, keep(1))).await;
    assert_eq!(plan.deprecations_now().count(), 1);
    deprecate(200).await;
    let before = world.count_changes();
    let report = Sharer::new(&world.config(A)).apply(&plan).await.unwrap();
    assert_eq!(list_codes(&report), ["retire.changed-meanwhile"]);
    assert_eq!(world.count_changes(), before);
}

/// A dry run asks AWS for no report, and reads of each image once which there are.
#[tokio::test(start_paused = true)]
async fn dry_run_reads_the_reports_on_each_image_once() {
    let world = build_group(3).await;
    world.share(request(&world, keep(1))).await;
    tokio::time::advance(DAY * 15).await;
    let count = || {
        let calls = world.count_calls();
        let of = |action: &str| calls.get(action).copied().unwrap_or_default();
        [
            of("ec2:DescribeImageUsageReports"),
            of("ec2:DescribeImageReferences"),
            of("ec2:CreateImageUsageReport"),
        ]
    };
    let before = count();
    let request = request(&world, keep(1)).build().unwrap();
    let plan = Sharer::new(&world.config(A)).preview(&request).await;
    assert_eq!(plan.unwrap().disabled_images().count(), 2);
    let after = count();
    let made = [0, 1, 2].map(|index| after[index] - before[index]);
    assert_eq!(made, [2, 2, 0]);
}

//! The instance type is chosen from the image and what the Region offers, and everything that is
//! made has the tags of the request, and ends.

use ami_share_sim::world::{Hardware, Image, Mapping, Subnet};

use super::*;

fn edit_image(world: &World, change: impl FnOnce(&mut Image)) {
    world.edit_image(&world.image_id("image-1"), change);
}

/// The types of the instances that were launched.
fn list_types(world: &World) -> Vec<String> {
    world.sim.edit(|state| {
        let instances = state.instances.values();
        instances.map(|instance| instance.kind.clone()).collect()
    })
}

#[tokio::test(start_paused = true)]
async fn type_fits_the_image() {
    let usual = Hardware::default;
    let table: [(&str, Hardware, &str); 9] = [
        ("x86_64", usual(), "t3.micro"),
        ("arm64", usual(), "t4g.micro"),
        ("i386", usual(), "t2.nano"),
        (
            "x86_64",
            Hardware {
                ena: false,
                ..usual()
            },
            "t2.nano",
        ),
        (
            "x86_64",
            Hardware {
                boot_mode: Some("uefi".to_owned()),
                ..usual()
            },
            "t3.micro",
        ),
        (
            "x86_64",
            Hardware {
                virtualization: "paravirtual".to_owned(),
                ena: false,
                ..usual()
            },
            "m1.small",
        ),
        (
            "x86_64",
            Hardware {
                tpm: Some("v2.0".to_owned()),
                ..usual()
            },
            "t3.micro",
        ),
        (
            "x86_64",
            Hardware {
                supported: vec!["m7i.*".to_owned()],
                ..usual()
            },
            "m7i.4xlarge",
        ),
        (
            "x86_64",
            Hardware {
                unsupported: vec!["t*".to_owned()],
                ..usual()
            },
            "m7i-flex.large",
        ),
    ];
    for (architecture, hardware, expected) in table {
        let world = build_launch_world(ImageKind::Shared).await;
        edit_image(&world, |image| {
            architecture.clone_into(&mut image.architecture);
            image.hardware = hardware.clone();
        });
        let (verification, _) = verify_by_launch(&world, build_request(&world, launching())).await;
        let detail = find_detail(&verification, CheckName::Launch);
        assert_eq!(list_types(&world), [expected], "{hardware:?}: {detail}");
        assert_eq!(
            verification.conclusion,
            Conclusion::Launched,
            "{hardware:?}: {detail}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn image_that_no_type_fits_could_not_be_tested() {
    let world = build_launch_world(ImageKind::Shared).await;
    edit_image(&world, |image| {
        "arm64_mac".clone_into(&mut image.architecture);
    });
    let (verification, report) = verify_by_launch(&world, build_request(&world, launching())).await;
    let detail = find_detail(&verification, CheckName::Launch);
    assert!(detail.contains("verify-instance-type"), "{detail}");
    assert_eq!((report.errors.len(), count_left(&world)), (0, NOTHING));
    assert!(
        !world.has_called("ec2:CreateSecurityGroup"),
        "nothing is made for nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn subnet_of_the_target_decides_vpc_and_zone() {
    let world = build_launch_world(ImageKind::Shared).await;
    edit_launching(&world, |launching| {
        launching.default_vpc = false;
        launching.subnets.push(Subnet {
            id: "subnet-1a2b3c4d".to_owned(),
            vpc: "vpc-1a2b3c4d".to_owned(),
            zone: "us-east-1b".to_owned(),
        });
    });
    // The zone does not offer the first choice.
    world.sim.edit(|state| {
        let missing = ("us-east-1b".to_owned(), "t3.micro".to_owned());
        state.not_offered.insert(missing);
    });
    for place in [format!("{B}/us-east-1"), B.to_owned(), REGION.to_owned()] {
        let launch_with = LaunchWith {
            subnet: Some("subnet-99999999".to_owned()),
            subnets: [(place.clone(), "subnet-1a2b3c4d".to_owned())].into(),
            ..LaunchWith::default()
        };
        let request = build_request(&world, launching().launch_with(launch_with));
        let (verification, _) = verify_by_launch(&world, request).await;
        let detail = find_detail(&verification, CheckName::Launch);
        assert_eq!(
            verification.conclusion,
            Conclusion::Launched,
            "{place}: {detail}"
        );
    }
    assert_eq!(list_types(&world), ["t3.small"; 3]);
    world.sim.edit(|state| {
        for instance in state.instances.values() {
            assert_eq!(
                (instance.zone.as_str(), instance.vpc.as_str()),
                ("us-east-1b", "vpc-1a2b3c4d")
            );
        }
    });
    assert_eq!(count_left(&world), NOTHING);
}

#[tokio::test(start_paused = true)]
async fn subnet_inputs_are_checked() {
    let world = build_launch_world(ImageKind::Shared).await;
    for (place, subnet) in [
        (B, "sub"),
        (B, "subnet-"),
        (A, "subnet-1a2b3c4d"),
        ("eu-west-1", "subnet-1a2b3c4d"),
        ("us-east-1/222222222222", "subnet-1a2b3c4d"),
        ("222222222222/eu-west-1", "subnet-1a2b3c4d"),
    ] {
        let launch_with = LaunchWith {
            subnets: [(place.to_owned(), subnet.to_owned())].into(),
            ..LaunchWith::default()
        };
        let request = build_request(&world, launching().launch_with(launch_with));
        let problems = request.build().unwrap_err();
        let fields: Vec<&str> = problems.iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["verify-subnet-id"], "{place}={subnet}");
    }
}

#[tokio::test(start_paused = true)]
async fn everything_has_the_tags_and_volumes_that_would_stay_end() {
    let world = build_launch_world(ImageKind::Shared).await;
    edit_image(&world, |image| {
        for mapping in &mut image.mappings {
            mapping.delete_on_termination = false;
        }
        let device = "/dev/xvdp".to_owned();
        image.mappings.push(Mapping {
            encrypted: true,
            ..Mapping::empty(device, 5, false)
        });
    });
    // The organization asks for a tag on whatever is made.
    let deny = json!({
        "Effect": "Deny",
        "Action": ["ec2:RunInstances", "ec2:CreateSecurityGroup"],
        "Resource": [
            "arn:aws:ec2:*:*:instance/*",
            "arn:aws:ec2:*:*:volume/*",
            "arn:aws:ec2:*:*:network-interface/*",
            "arn:aws:ec2:*:*:security-group/*",
        ],
        "Condition": { "StringNotEquals": { "aws:RequestTag/team": "images" } },
    });
    // A launch names an existing group, whose creation was asked for its tag already.
    let mut of_group = deny.clone();
    of_group["Action"] = json!("ec2:CreateSecurityGroup");
    let mut of_launch = deny;
    of_launch["Action"] = json!("ec2:RunInstances");
    of_launch["Resource"].as_array_mut().unwrap().pop();
    let policy = json!({ "Statement": [of_group, of_launch] });
    world.put_role_policy(B, "consumer", "tags", &policy).await;

    let request = build_request(&world, launching()).tag("team", "images");
    let (verification, _) = verify_by_launch(&world, request).await;
    let detail = find_detail(&verification, CheckName::Launch);
    assert_eq!(verification.conclusion, Conclusion::Launched, "{detail}");
    assert_eq!(count_left(&world), NOTHING);
}

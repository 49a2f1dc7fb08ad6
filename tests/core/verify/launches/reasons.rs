//! A no is only what shows that the share is wrong. Whatever else ends a launch could not be
//! tested, names the input that mends it, and fails no run.

use super::*;

/// What is different of an account.
type Change = fn(&mut Launching);

/// A launch that ends for this reason has this verdict, and says this.
async fn check_reason(world: &World, name: &str, verdict: Verdict, says: &str) {
    // The checks before the launch ask about another role than the one that launches.
    check_reason_of(with_launcher(), world, name, verdict, says).await;
}

async fn check_reason_of(
    options: TargetOptions,
    world: &World,
    name: &str,
    verdict: Verdict,
    says: &str,
) {
    let options = options.verify(Verify::Launch);
    let request = build_request(world, options);
    let request = request.tag("team", "other");
    let (verification, report) = verify_by_launch(world, request).await;
    let detail = find_detail(&verification, CheckName::Launch);
    let found = find_verdict(&verification, CheckName::Launch);
    assert_eq!(found, Some(verdict), "{name}: {detail}");
    assert!(detail.contains(says), "{name}: {detail}");
    let untested = detail.starts_with("could not be tested: ");
    assert_eq!(untested, verdict == Verdict::Unknown, "{name}: {detail}");
    let conclusion = match verdict {
        Verdict::Yes => Conclusion::Launched,
        Verdict::No => Conclusion::Blocked,
        Verdict::Unknown => Conclusion::NoObstacleFound,
    };
    assert_eq!(verification.conclusion, conclusion, "{name}");
    assert_eq!(report.errors, [], "{name}");
    assert_eq!(count_left(world), NOTHING, "{name}");
}

#[tokio::test(start_paused = true)]
async fn account_that_cannot_launch_is_not_blocked() {
    let table: [(&str, Change, Verdict, &str); 9] = [
        ("nothing", |_| (), Verdict::Yes, "ran, launched as"),
        (
            "no default VPC",
            |launching| launching.default_vpc = false,
            Verdict::Unknown,
            "verify-subnet-id",
        ),
        (
            "no vCPU",
            |launching| launching.vcpus = Some(0),
            Verdict::Unknown,
            "verify-instance-type",
        ),
        (
            "free plan",
            |launching| launching.free_plan = true,
            Verdict::Yes,
            "ran",
        ),
        (
            "no capacity of one type",
            |launching| {
                let missing = (format!("{REGION}a"), "t3.micro".to_owned());
                launching.without_capacity.insert(missing);
            },
            Verdict::Yes,
            "ran",
        ),
        (
            "no capacity",
            |launching| {
                for name in ["t2.nano", "t2.micro", "t3.nano", "t3.micro", "t3.small"] {
                    let missing = (format!("{REGION}a"), name.to_owned());
                    launching.without_capacity.insert(missing);
                }
                let missing = (format!("{REGION}a"), "m7i-flex.large".to_owned());
                launching.without_capacity.insert(missing);
            },
            Verdict::Unknown,
            "verify-instance-type",
        ),
        (
            "an error of AWS",
            |launching| {
                let end = "Server.InternalError: Internal error on launch";
                launching.ends_with = Some(end.to_owned());
            },
            Verdict::Unknown,
            "Server.InternalError",
        ),
        (
            "a snapshot that is gone",
            |launching| {
                let end = "Client.InvalidSnapshot.NotFound: The snapshot snap-1 does not exist";
                launching.ends_with = Some(end.to_owned());
            },
            Verdict::Unknown,
            "which of the image's snapshots is gone",
        ),
        (
            "the quota of volumes",
            |launching| {
                let end = "Client.VolumeLimitExceeded: Volume limit exceeded";
                launching.ends_with = Some(end.to_owned());
            },
            Verdict::Unknown,
            "quota",
        ),
    ];
    for (name, change, verdict, says) in table {
        let world = build_launch_world(ImageKind::Shared).await;
        edit_launching(&world, change);
        check_reason(&world, name, verdict, says).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tag_policy_could_not_be_tested() {
    let world = build_launch_world(ImageKind::Shared).await;
    world.sim.edit(|state| {
        let account = state.accounts.get_mut(B).unwrap();
        let values = vec!["images".to_owned()];
        account.tag_policy.insert("team".to_owned(), values);
    });
    check_reason(&world, "tag policy", Verdict::Unknown, "`tags`").await;
}

/// The role that launches stands in for one that may: that it may not says nothing of the share.
#[tokio::test(start_paused = true)]
async fn denial_of_a_stand_in_could_not_be_tested() {
    for vague in [false, true] {
        for (action, says) in [
            ("ec2:RunInstances", "`ec2:RunInstances` too"),
            ("kms:CreateGrant", "the keys of the image too"),
            ("ec2:CreateSecurityGroup", "verifier-launch"),
            ("ec2:CreateTags", "`ec2:CreateTags`"),
            ("ec2:DescribeVpcs", "`ec2:DescribeVpcs`"),
            ("ec2:DescribeInstanceTypes", "`ec2:DescribeInstanceTypes`"),
        ] {
            let world = build_launch_world(ImageKind::Shared).await;
            edit_launching(&world, |launching| launching.vague_ends = vague);
            deny_to_role(&world, &[action]).await;
            check_reason(&world, action, Verdict::Unknown, says).await;
        }
    }
}

/// What a service control policy denies of the test's own choice, such as its instance type, others
/// launch without. What it denies of the image, nobody launches.
#[tokio::test(start_paused = true)]
async fn deny_of_what_the_test_chooses_could_not_be_tested() {
    let types = json!({ "StringNotLike": { "ec2:InstanceType": "m5.*" } });
    let tag = json!({ "Null": { "aws:RequestTag/CostCenter": "true" } });
    for (kind, condition, verdict, says) in [
        (
            "instance",
            types,
            Verdict::Unknown,
            "`verify-instance-type`",
        ),
        ("instance", tag.clone(), Verdict::Unknown, "`tags`"),
        ("volume", tag.clone(), Verdict::Unknown, "`tags`"),
        (
            "network-interface",
            json!({}),
            Verdict::Unknown,
            "`verify-subnet-id`",
        ),
        ("subnet", json!({}), Verdict::Unknown, "`verify-subnet-id`"),
        ("image", json!({}), Verdict::No, "service control policy"),
    ] {
        let world = build_launch_world(ImageKind::Shared).await;
        let allow = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        let mut deny = json!({ "Effect": "Deny", "Action": RUN });
        deny["Resource"] = format!("arn:aws:ec2:*:*:{kind}/*").into();
        deny["Condition"] = condition;
        let policy = json!({ "Version": "2012-10-17", "Statement": [allow, deny] });
        world.set_control(B, &policy);
        check_reason_of(with_target_role(), &world, kind, verdict, says).await;
    }
}

/// `Client.InternalError` is KMS's only where a launch uses a key.
#[tokio::test(start_paused = true)]
async fn vague_end_without_keys_could_not_be_tested() {
    let world = build_launch_world(ImageKind::Unencrypted).await;
    let vague = "Client.InternalError: Client error on launch";
    edit_launching(&world, |launching| {
        launching.ends_with = Some(vague.to_owned());
    });
    check_reason(&world, "vague", Verdict::Unknown, vague).await;
}

const RUN: &str = "ec2:RunInstances";
const GROUP: &str = "ec2:CreateSecurityGroup";

/// Answers of AWS, by operation, code and message, and what each says of the share.
const ANSWERS: &[(&str, &str, &str, Verdict)] = &[
    (
        RUN,
        "AuthFailure",
        "Not authorized for images: [ami-1]",
        Verdict::No,
    ),
    (
        RUN,
        "InvalidAMIID.NotFound",
        "The image id '[ami-1]' does not exist",
        Verdict::No,
    ),
    (
        RUN,
        "InvalidAMIID.Unavailable",
        "The AMI is not available",
        Verdict::No,
    ),
    (
        RUN,
        "UnauthorizedOperation",
        "You are not authorized",
        Verdict::Unknown,
    ),
    (
        RUN,
        "AuthFailure",
        "AWS was not able to validate the credentials",
        Verdict::Unknown,
    ),
    (
        RUN,
        "Blocked",
        "This account is currently blocked",
        Verdict::Unknown,
    ),
    (RUN, "DryRunOperation", "what is this", Verdict::Unknown),
    (RUN, "InstanceLimitExceeded", "too many", Verdict::Unknown),
    (
        RUN,
        "InsufficientFreeAddressesInSubnet",
        "none",
        Verdict::Unknown,
    ),
    (RUN, "InsufficientHostCapacity", "none", Verdict::Unknown),
    (RUN, "InvalidGroup.NotFound", "gone", Verdict::Unknown),
    (
        RUN,
        "InvalidParameterCombination",
        "specification",
        Verdict::Unknown,
    ),
    (RUN, "MaxIOPSLimitExceeded", "too many", Verdict::Unknown),
    (
        RUN,
        "MissingInput",
        "No subnets found for the default VPC",
        Verdict::Unknown,
    ),
    (RUN, "OptInRequired", "subscribe first", Verdict::Unknown),
    (
        RUN,
        "PendingVerification",
        "in a few hours",
        Verdict::Unknown,
    ),
    (RUN, "Unsupported", "not in this zone", Verdict::Unknown),
    (
        RUN,
        "VPCIdNotSpecified",
        "No default VPC for this user",
        Verdict::Unknown,
    ),
    (
        GROUP,
        "VPCIdNotSpecified",
        "No default VPC for this user",
        Verdict::Unknown,
    ),
    (
        GROUP,
        "SecurityGroupLimitExceeded",
        "too many",
        Verdict::Unknown,
    ),
    (
        GROUP,
        "UnauthorizedOperation",
        "You are not authorized",
        Verdict::Unknown,
    ),
];

#[tokio::test(start_paused = true)]
async fn each_answer_of_aws_has_its_verdict() {
    for (operation, code, message, verdict) in ANSWERS.iter().copied() {
        let world = build_launch_world(ImageKind::Shared).await;
        let world = world.with_fault(deny_calls(operation, code, message));
        let says = if code == "UnauthorizedOperation" {
            operation
        } else {
            code
        };
        check_reason(&world, code, verdict, says).await;
    }
}

/// What is to be done follows from AWS's words, where a code has several meanings.
#[tokio::test(start_paused = true)]
async fn remedy_follows_from_the_words_of_aws() {
    let table = [
        (
            "AuthFailure",
            "Not authorized for images: [ami-1]",
            Verdict::No,
            "share the image with the account",
        ),
        (
            "OptInRequired",
            "In order to use this AWS Marketplace product you need to accept terms and subscribe.",
            Verdict::Unknown,
            "subscribe to the product",
        ),
        (
            "OptInRequired",
            "You are not subscribed to this service. Please go to http://aws.amazon.com.",
            Verdict::Unknown,
            "sign-up of the account",
        ),
    ];
    for (code, message, verdict, says) in table {
        let world = build_launch_world(ImageKind::Shared).await;
        let world = world.with_fault(deny_calls(RUN, code, message));
        check_reason(&world, message, verdict, says).await;
    }
}

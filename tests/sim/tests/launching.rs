//! What an account can launch: networks, instance types, quotas, capacity, tag policies.

use ami_share_sim::{LaunchingSpec, MachineSpec, SubnetSpec};
use serde_json::json;

use super::support::*;

/// What is different of an account.
type Change = fn(&mut LaunchingSpec);

/// A caller of A whose account can launch as `change` says.
pub(crate) fn launching(change: impl FnOnce(&mut LaunchingSpec)) -> Caller {
    let (a, _) = scenario(|scenario| change(&mut scenario.accounts[0].launching));
    a
}

/// A caller of A, and an image that needs a machine.
fn with_machine(machine: MachineSpec) -> (Caller, String) {
    let (a, _) = scenario(|scenario| {
        let plain = scenario
            .images
            .iter_mut()
            .find(|image| image.name == "plain");
        plain.unwrap().machine = machine;
    });
    let image = a.image("plain");
    (a, image)
}

#[tokio::test]
async fn rule_7_28_without_a_default_vpc_a_launch_needs_a_subnet() {
    let a = launching(|launching| {
        launching.no_default_vpc = true;
        launching.subnets.push(SubnetSpec {
            id: "subnet-1a2b3c4d".to_owned(),
            vpc: "vpc-1a2b3c4d".to_owned(),
            zone: "us-east-1b".to_owned(),
        });
    });
    let plain = a.image("plain");
    let message = "No default VPC for this user";
    let refused = a.run_instance(&plain, &[]).await;
    fails(refused, 400, "VPCIdNotSpecified", message);
    let group = [("GroupName", "g"), ("GroupDescription", "g")];
    let refused = a.ec2("CreateSecurityGroup", &group).await;
    fails(refused, 400, "VPCIdNotSpecified", message);
    let default = [
        ("Filter.1.Name", "is-default"),
        ("Filter.1.Value.1", "true"),
    ];
    let vpcs = a.ec2("DescribeVpcs", &default).await.unwrap();
    assert!(vpcs.all("vpcId").is_empty());

    let in_vpc = [group[0], group[1], ("VpcId", "vpc-1a2b3c4d")];
    let made = a.ec2("CreateSecurityGroup", &in_vpc).await.unwrap();
    let place = [
        ("SubnetId", "subnet-1a2b3c4d"),
        ("SecurityGroupId.1", made.first("groupId")),
    ];
    let launched = a.run_instance(&plain, &place).await.unwrap();
    assert_eq!(launched.first("availabilityZone"), "us-east-1b");
    assert_eq!(launched.first("vpcId"), "vpc-1a2b3c4d");
}

#[tokio::test]
async fn rule_7_28_a_subnet_and_its_security_group_are_in_one_vpc() {
    let a = launching(|launching| {
        launching.subnets.push(SubnetSpec {
            id: "subnet-1a2b3c4d".to_owned(),
            vpc: "vpc-1a2b3c4d".to_owned(),
            zone: "us-east-1b".to_owned(),
        });
    });
    let group = [("GroupName", "g"), ("GroupDescription", "g")];
    let made = a.ec2("CreateSecurityGroup", &group).await.unwrap();
    let id = made.first("groupId");
    let place = [("SubnetId", "subnet-1a2b3c4d"), ("SecurityGroupId.1", id)];
    let refused = a.run_instance(&a.image("plain"), &place).await;
    let message =
        format!("Security group {id} and subnet subnet-1a2b3c4d belong to different networks.");
    fails(refused, 400, "InvalidParameter", &message);
}

#[tokio::test]
async fn rule_7_28_a_type_must_fit_the_image() {
    let combination = "InvalidParameterCombination";
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let table: [(MachineSpec, &str, &str, &str, &str); 8] = [
        (
            MachineSpec {
                without_ena: true,
                ..MachineSpec::default()
            },
            "t3.nano",
            "t2.nano",
            combination,
            "Enhanced networking with the Elastic Network Adapter (ENA) is required",
        ),
        (
            MachineSpec {
                boot_mode: Some("uefi".to_owned()),
                ..MachineSpec::default()
            },
            "t2.nano",
            "t3.nano",
            "InvalidParameterValue",
            "does not support an AMI with a boot mode of UEFI",
        ),
        (
            MachineSpec {
                virtualization: Some("paravirtual".to_owned()),
                ..MachineSpec::default()
            },
            "t2.nano",
            "m1.small",
            combination,
            "Virtualization type 'hvm' is required for instances of type 't2.nano'.",
        ),
        (
            MachineSpec::default(),
            "m1.small",
            "t2.nano",
            combination,
            "Non-Windows instances with a virtualization type of 'hvm' are currently not",
        ),
        (
            MachineSpec {
                tpm: true,
                ..MachineSpec::default()
            },
            "m4.large",
            "t3.nano",
            combination,
            "NitroTPM",
        ),
        (
            MachineSpec {
                supported_types: list(&["m5.*"]),
                ..MachineSpec::default()
            },
            "t3.nano",
            "m5.large",
            combination,
            "instance type specification",
        ),
        (
            MachineSpec {
                unsupported_types: list(&["t*"]),
                ..MachineSpec::default()
            },
            "t3.nano",
            "m5.large",
            combination,
            "instance type specification",
        ),
        (
            MachineSpec {
                architecture: Some("arm64".to_owned()),
                ..MachineSpec::default()
            },
            "t3.nano",
            "t4g.nano",
            "InvalidParameterValue",
            "architecture",
        ),
    ];
    for (machine, wrong, right, code, words) in table {
        let (a, image) = with_machine(machine.clone());
        for dry_run in ["true", "false"] {
            let parameters = [("InstanceType", wrong), ("DryRun", dry_run)];
            let fail = a.run_instance(&image, &parameters).await.unwrap_err();
            assert_eq!(fail.code, code, "{machine:?}");
            assert!(fail.message.contains(words), "{}", fail.message);
        }
        let launched = a.run_instance(&image, &[("InstanceType", right)]).await;
        assert!(launched.is_ok(), "{machine:?}: {launched:?}");
    }
}

#[tokio::test]
async fn rule_7_28_images_and_types_say_what_they_need_and_have() {
    let (a, image) = with_machine(MachineSpec {
        boot_mode: Some("uefi".to_owned()),
        tpm: true,
        supported_types: vec!["m5.*".to_owned()],
        ..MachineSpec::default()
    });
    let shown = a
        .ec2("DescribeImages", &[("ImageId.1", &image)])
        .await
        .unwrap();
    let texts = [
        "enaSupport",
        "bootMode",
        "tpmSupport",
        "virtualizationType",
        "instanceType",
    ];
    let texts = texts.map(|name| shown.first(name));
    assert_eq!(texts, ["true", "uefi", "v2.0", "hvm", "m5.*"]);
    let filters = [
        ("Filter.1.Name", "supported-boot-mode"),
        ("Filter.1.Value.1", "uefi"),
        ("Filter.2.Name", "network-info.ena-support"),
        ("Filter.2.Value.1", "required"),
        ("Filter.3.Name", "free-tier-eligible"),
        ("Filter.3.Value.1", "true"),
        ("Filter.4.Name", "processor-info.supported-architecture"),
        ("Filter.4.Value.1", "x86_64"),
    ];
    let types = a.ec2("DescribeInstanceTypes", &filters).await.unwrap();
    assert_eq!(
        types.all("instanceType"),
        ["t3.micro", "t3.small", "m7i-flex.large"]
    );
}

#[tokio::test]
async fn rule_7_28_a_zone_may_not_offer_a_type() {
    let (a, _) = scenario(|scenario| {
        let missing = vec!["t3.nano".to_owned()];
        scenario
            .not_offered
            .insert("us-east-1a".to_owned(), missing);
    });
    let plain = a.image("plain");
    let subnets = a.ec2("DescribeSubnets", &[]).await.unwrap();
    let parameters = [
        ("InstanceType", "t3.nano"),
        ("SubnetId", subnets.first("subnetId")),
    ];
    let fail = a.run_instance(&plain, &parameters).await.unwrap_err();
    assert_eq!(fail.code, "Unsupported");
    assert!(
        fail.message.contains("Availability Zone (us-east-1a)"),
        "{}",
        fail.message
    );
    let fail = a.run_instance(&plain, &parameters[..1]).await.unwrap_err();
    assert!(
        fail.message.starts_with("The requested configuration"),
        "{}",
        fail.message
    );
    a.run_instance(&plain, &[("InstanceType", "t2.nano")])
        .await
        .unwrap();

    let by_zone = [
        ("LocationType", "availability-zone"),
        ("Filter.1.Name", "instance-type"),
        ("Filter.1.Value.1", "t3.nano"),
    ];
    let offered = a
        .ec2("DescribeInstanceTypeOfferings", &by_zone)
        .await
        .unwrap();
    assert_eq!(offered.all("location"), ["us-east-1b", "us-east-1c"]);
    let by_region = [by_zone[1], by_zone[2]];
    let offered = a
        .ec2("DescribeInstanceTypeOfferings", &by_region)
        .await
        .unwrap();
    assert_eq!(offered.all("location"), ["us-east-1"]);
}

#[tokio::test]
async fn rule_7_28_capacity_and_quota_end_real_launches_only() {
    let table: [(Change, u16, &str); 2] = [
        (
            |launching| {
                let types = vec!["t3.nano".to_owned()];
                launching
                    .without_capacity
                    .insert("us-east-1a".to_owned(), types);
            },
            500,
            "InsufficientInstanceCapacity",
        ),
        (
            |launching| launching.vcpus = Some(1),
            400,
            "VcpuLimitExceeded",
        ),
    ];
    for (change, status, code) in table {
        let a = launching(change);
        let parameters = [("InstanceType", "t3.nano"), ("DryRun", "true")];
        let dry_run = a.run_instance(&a.image("plain"), &parameters).await;
        assert_code(dry_run, "DryRunOperation");
        let fail = a.run_instance(&a.image("plain"), &parameters[..1]).await;
        let fail = fail.unwrap_err();
        assert_eq!((fail.status, fail.code.as_ref()), (status, code));
        let left = a.sim.edit(|state| state.instances.len());
        assert_eq!(left, 0);
    }
}

#[tokio::test]
async fn rule_7_28_the_free_plan_takes_its_types_only() {
    let a = launching(|launching| launching.free_plan = true);
    let plain = a.image("plain");
    let refused = a.run_instance(&plain, &[("InstanceType", "t3.nano")]).await;
    assert_code(refused, "InvalidParameterCombination");
    a.run_instance(&plain, &[("InstanceType", "t3.micro")])
        .await
        .unwrap();
}

#[tokio::test]
async fn rule_7_28_a_tag_policy_limits_values_and_an_organization_may_ask_for_keys() {
    let (a, b) = scenario(|scenario| {
        let values = vec!["images".to_owned()];
        scenario.accounts[0]
            .tag_policy
            .insert("team".to_owned(), values);
    });
    let message = "The tag policy does not allow the specified value for the following tag key: \
                   'team'.";
    let plain = a.image("plain");
    for kind in ["instance", "volume", "network-interface"] {
        let tagged = |value| {
            [
                ("TagSpecification.1.ResourceType", kind),
                ("TagSpecification.1.Tag.1.Key", "team"),
                ("TagSpecification.1.Tag.1.Value", value),
            ]
        };
        let refused = a.run_instance(&plain, &tagged("other")).await;
        fails(refused, 400, "TagPolicyViolation", message);
        a.run_instance(&plain, &tagged("images")).await.unwrap();
    }
    a.run_instance(&plain, &[]).await.unwrap();
    let group = [
        ("GroupName", "g"),
        ("GroupDescription", "g"),
        ("TagSpecification.1.ResourceType", "security-group"),
        ("TagSpecification.1.Tag.1.Key", "team"),
        ("TagSpecification.1.Tag.1.Value", "other"),
    ];
    let refused = a.ec2("CreateSecurityGroup", &group).await;
    fails(refused, 400, "TagPolicyViolation", message);

    // A key that must be there is asked for by a condition of each thing that is made.
    let deny = json!({
        "Effect": "Deny",
        "Action": ["ec2:RunInstances", "ec2:CreateSecurityGroup"],
        "Resource": ["arn:aws:ec2:*:*:volume/*", "arn:aws:ec2:*:*:security-group/*"],
        "Condition": { "Null": { "aws:RequestTag/team": "true" } },
    });
    let limited = b.limited(B, &[allow("*"), deny]).await;
    let refused = limited.ec2("CreateSecurityGroup", &group[..2]).await;
    assert_code(refused, "UnauthorizedOperation");
    limited.ec2("CreateSecurityGroup", &group).await.unwrap();
}

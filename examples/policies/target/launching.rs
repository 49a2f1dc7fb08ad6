//! Policies that launch instances.

use super::super::Account::Target;
use super::super::Values::{
    Images, KeysOf, SharedKeys, SourceAccount, TargetAccounts, TargetResources, Texts,
};
use super::super::conditions::*;
use super::super::{Kind, Policy, allow, called, published};

pub(super) const POLICIES: &[Policy] = &[VERIFIER_LAUNCH, LAUNCHER];

const VERIFIER_LAUNCH: Policy = Policy {
    name: "verifier-launch",
    kind: Kind::Identity,
    account: Target,
    purpose: "`verify: launch`: a real instance, terminated as soon as it runs. The role in the \
              target launches it, and needs the statements about keys of `launcher` too. Every run \
              as a role with this policy terminates what a killed run left.",
    danger: "It can launch instances, terminate those that have the tag `ami-share:verify`, and \
             remove security groups that have it. An instance costs money until it is terminated.",
    used_with: &["verifier", "launcher"],
    statements: &[
        allow(
            "DescribeInstances",
            &[
                called(
                    "ec2:DescribeInstances",
                    "reads whether the instance runs, and finds what a killed run left",
                ),
                called(
                    "ec2:DescribeSecurityGroups",
                    "sees that the security group allows no traffic, and finds what a killed run left",
                ),
                called(
                    "ec2:DescribeSubnets",
                    "`verify-subnet-id`: reads the VPC and the zone of the subnet",
                ),
                called(
                    "ec2:DescribeVpcs",
                    "finds the default VPC, if there is no `verify-subnet-id`",
                ),
                called(
                    "ec2:DescribeInstanceTypes",
                    "finds a small instance type that fits the image",
                ),
                called(
                    "ec2:DescribeInstanceTypeOfferings",
                    "`verify-subnet-id`: reads which types the zone of the subnet has",
                ),
            ],
            &[EVERYTHING],
            &[],
        ),
        allow(
            "TagLaunches",
            &[called(
                "ec2:CreateTags",
                "sets the tag that identifies what the test makes, and `tags`, as it is made",
            )],
            &[
                TargetResources("instance"),
                TargetResources("volume"),
                TargetResources("network-interface"),
                TargetResources("security-group"),
            ],
            &[when(
                "StringEquals",
                "ec2:CreateAction",
                Texts(&["RunInstances", "CreateSecurityGroup"]),
            )],
        ),
        allow(
            "TerminateOwnInstances",
            &[called(
                "ec2:TerminateInstances",
                "terminates the instance as soon as it runs, and what a killed run left",
            )],
            &[TargetResources("instance")],
            &[when("Null", "aws:ResourceTag/ami-share:verify", NO)],
        ),
        allow(
            "CreateSecurityGroups",
            &[called(
                "ec2:CreateSecurityGroup",
                "creates a security group for each launch, `ami-share-verify-…`",
            )],
            &[TargetResources("vpc")],
            &[],
        ),
        allow(
            "MarkSecurityGroups",
            &[called(
                "ec2:CreateSecurityGroup",
                "AWS checks it on the new security group too, which has the tag from the start",
            )],
            &[TargetResources("security-group")],
            &[when("Null", "aws:RequestTag/ami-share:verify", NO)],
        ),
        allow(
            "RemoveOwnSecurityGroups",
            &[
                called(
                    "ec2:RevokeSecurityGroupEgress",
                    "a new security group allows all outgoing traffic",
                ),
                called(
                    "ec2:DeleteSecurityGroup",
                    "removes the security group after the instance",
                ),
            ],
            &[TargetResources("security-group")],
            &[when("Null", "aws:ResourceTag/ami-share:verify", NO)],
        ),
    ],
};

const LAUNCHER: Policy = Policy {
    name: "launcher",
    kind: Kind::Identity,
    account: Target,
    purpose: "The principals that launch the images, and the managed policy that \
              `target-launch-policy` names. Roles that may launch instances already need only the \
              statements about keys; the output `iam-policy` has those, with the keys of the run.",
    danger: "It launches instances, which cost money, only from images of the two accounts. It \
             does not allow instance profiles: add `iam:PassRole` yourself.",
    used_with: &[],
    statements: &[
        allow(
            "LaunchImages",
            &[called(
                "ec2:RunInstances",
                "images of the source account, and the target's own copies",
            )],
            &[Images],
            &[
                when("StringEquals", "ec2:Owner", SourceAccount),
                when("StringEquals", "ec2:Owner", TargetAccounts),
            ],
        ),
        allow(
            "LaunchInto",
            &[called(
                "ec2:RunInstances",
                "what a launch creates, and where it creates it",
            )],
            &[
                TargetResources("instance"),
                TargetResources("volume"),
                TargetResources("network-interface"),
                TargetResources("subnet"),
                TargetResources("security-group"),
                TargetResources("key-pair"),
            ],
            &[],
        ),
        allow(
            "LaunchWithKeys",
            &[
                published(
                    "kms:DescribeKey",
                    "AWS lists it for the keys of the image and of the volume",
                ),
                called(
                    "kms:GenerateDataKeyWithoutPlaintext",
                    "EC2 creates the volume's data key as the caller",
                ),
                published(
                    "kms:Decrypt",
                    "AWS lists it; a recorded launch did not need it",
                ),
                published("kms:ReEncrypt*", "AWS lists it"),
            ],
            &[SharedKeys, KeysOf(Target)],
            &[VIA_EC2],
        ),
        allow(
            "CreateLaunchGrants",
            &[called(
                "kms:CreateGrant",
                "EC2 creates grants for itself and the instance, as the caller",
            )],
            &[SharedKeys, KeysOf(Target)],
            &[VIA_EC2, FOR_EC2],
        ),
    ],
};

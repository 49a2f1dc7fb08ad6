//! What the role in a target account needs, and those who launch there.

use super::Account::Target;
use super::Values::{
    Images, KeysOf, LaunchPolicy, LaunchRoles, OfTarget, Parameters, ServiceRoles, SharedKeys,
    Snapshots, SourceAccount, TargetAccounts, TargetRoles, These,
};
use super::{
    EVERYTHING, FOR_EC2, IN_COPYING, Kind, NO, ONLY_SERVICE_OPERATIONS, OURS, Policy,
    SOME_OPERATIONS, VIA_EC2, allow, called, published, when,
};

pub(super) const POLICIES: &[Policy] = &[
    Policy {
        name: "target-copies",
        kind: Kind::Identity,
        account: Target,
        purpose: "`target-kms-key-id`: copies that belong to the target, under its own key.",
        danger: "It can fill the account with copies, which cost money, and remove those of this \
                 tool. It can use every key of the account through EC2: name the one key and the \
                 default EBS key where you can.",
        beside: &[],
        statements: &[
            allow(
                "Look",
                &[
                    called(
                        "ec2:DescribeImages",
                        "the shared image, copies made before, waiting for new ones",
                    ),
                    called(
                        "ec2:DescribeSnapshots",
                        "the keys and the progress of copies",
                    ),
                ],
                &[EVERYTHING],
                &[],
            ),
            allow(
                "Copy",
                &[called(
                    "ec2:CopyImage",
                    "asked for on the image and on each snapshot (R1.4.1)",
                )],
                &[Images, Snapshots],
                &[],
            ),
            allow(
                "TagCopies",
                &[called(
                    "ec2:CreateTags",
                    "the tags of a copy, within CopyImage (R1.4.1)",
                )],
                &[Images, Snapshots],
                &[IN_COPYING],
            ),
            allow(
                "RemoveFailedCopies",
                &[
                    called(
                        "ec2:DeregisterImage",
                        "a failed copy of this tool, once its replacement stands",
                    ),
                    called(
                        "ec2:DeleteSnapshot",
                        "its snapshots: AWS deletes them with the image, as the caller",
                    ),
                ],
                &[Images, Snapshots],
                &[OURS],
            ),
            allow(
                "LookAtOwnKeys",
                &[called(
                    "kms:DescribeKey",
                    "the key of the copies; EC2 asks for it and for the default EBS key too \
                     (R1.4.4)",
                )],
                &[KeysOf(Target)],
                &[],
            ),
            allow(
                "LookAtSharedKeys",
                &[published(
                    "kms:DescribeKey",
                    "published for both keys of a copy (R1.4.2)",
                )],
                &[SharedKeys],
                &[VIA_EC2],
            ),
            allow(
                "CopyWithKeys",
                &[
                    called(
                        "kms:GenerateDataKeyWithoutPlaintext",
                        "EC2 asks for the copy's data key as the caller",
                    ),
                    published("kms:Decrypt", "published for both keys of a copy (R1.4.2)"),
                    published(
                        "kms:ReEncrypt*",
                        "published for both keys of a copy (R1.4.2)",
                    ),
                ],
                &[SharedKeys, KeysOf(Target)],
                &[VIA_EC2],
            ),
            allow(
                "CopyGrants",
                &[called(
                    "kms:CreateGrant",
                    "EC2 gives itself a grant on each key of a copy, as the caller (R1.4.6)",
                )],
                &[SharedKeys, KeysOf(Target)],
                &[VIA_EC2, FOR_EC2],
            ),
        ],
    },
    Policy {
        name: "target-tags",
        kind: Kind::Identity,
        account: Target,
        purpose: "Tags on shared images as the target sees them (`copy-tags`, `tags`).",
        danger: "It can tag every image that the account sees, but not with the tags that this \
                 tool goes by.",
        beside: &[],
        statements: &[
            allow(
                "Look",
                &[called("ec2:DescribeImages", "the tags that are there")],
                &[EVERYTHING],
                &[],
            ),
            allow(
                "TagSharedImages",
                &[called(
                    "ec2:CreateTags",
                    "tags are private to each account (R1.6)",
                )],
                &[Images],
                &[
                    when(
                        "ForAllValues:StringNotLike",
                        "aws:TagKeys",
                        These(&["ami-share:*"]),
                    ),
                    when("Null", "aws:TagKeys", NO),
                ],
            ),
        ],
    },
    Policy {
        name: "target-parameters",
        kind: Kind::Identity,
        account: Target,
        purpose: "`publish-ssm-parameter` in targets.",
        danger: "Whoever deploys by these parameters launches what is written into them.",
        beside: &[],
        statements: &[
            allow(
                "CheckImages",
                &[called(
                    "ec2:DescribeImages",
                    "SSM checks with it that the value is an image (R5.9)",
                )],
                &[EVERYTHING],
                &[],
            ),
            allow(
                "PublishParameters",
                &[
                    called(
                        "ssm:GetParameter",
                        "what it holds; again until SSM has checked the image (R5.9)",
                    ),
                    called("ssm:PutParameter", "the image's ID"),
                ],
                &[Parameters(Target)],
                &[],
            ),
        ],
    },
    Policy {
        name: "target-launch-roles",
        kind: Kind::Identity,
        account: Target,
        purpose: "`target-launch-roles` with `target-launch-policy`: the recommended way. The \
                  target makes the managed policy once, of `launcher.json`.",
        danger: "It can give that one policy to the roles named here, and take it off, and nothing \
                 else.",
        beside: &["launcher"],
        statements: &[
            allow(
                "LookAtLaunchRoles",
                &[called(
                    "iam:ListAttachedRolePolicies",
                    "whether it is attached already",
                )],
                &[LaunchRoles],
                &[],
            ),
            allow(
                "LetLaunch",
                &[
                    called("iam:AttachRolePolicy", "lets the role launch"),
                    called("iam:DetachRolePolicy", "`mode: revoke`"),
                ],
                &[LaunchRoles],
                &[when("ArnEquals", "iam:PolicyARN", LaunchPolicy)],
            ),
        ],
    },
    Policy {
        name: "target-launch-roles-inline",
        kind: Kind::Identity,
        account: Target,
        purpose: "`target-launch-roles` without `target-launch-policy`: an inline policy for each \
                  key.",
        danger: "`iam:PutRolePolicy` is all power over the role: it can let it do anything. No \
                 condition key bounds what is written. Prefer `target-launch-roles`, or give the \
                 roles a permissions boundary.",
        beside: &[],
        statements: &[allow(
            "LetLaunch",
            &[
                called(
                    "iam:ListRolePolicies",
                    "the inline policies that are there, and their size together (R5.8)",
                ),
                called("iam:GetRolePolicy", "whether ours says what it shall"),
                called("iam:PutRolePolicy", "lets the role use the key"),
                called("iam:DeleteRolePolicy", "`mode: revoke`"),
            ],
            &[LaunchRoles],
            &[],
        )],
    },
    Policy {
        name: "target-service-linked-roles",
        kind: Kind::Identity,
        account: Target,
        purpose: "`service-linked-roles`, such as Auto Scaling's: grants that only the target can \
                  make (R4.11).",
        danger: "It can give the use of the keys to the roles of the services named here, and to \
                 nobody else.",
        beside: &[],
        statements: &[
            allow(
                "LookForRoles",
                &[called("iam:ListRoles", "whether the service has its role")],
                &[EVERYTHING],
                &[],
            ),
            allow(
                "MakeRoles",
                &[called(
                    "iam:CreateServiceLinkedRole",
                    "where it has none yet",
                )],
                &[ServiceRoles],
                &[],
            ),
            allow(
                "LookAtGrants",
                &[called(
                    "kms:ListGrants",
                    "with `target-kms-key-id`: whether the target's key has the grant already",
                )],
                &[KeysOf(Target)],
                &[],
            ),
            allow(
                "GrantToServices",
                &[called("kms:CreateGrant", "the grant of the service's role")],
                &[SharedKeys, KeysOf(Target)],
                &[
                    when("StringLike", "kms:GranteePrincipal", ServiceRoles),
                    ONLY_SERVICE_OPERATIONS,
                    SOME_OPERATIONS,
                ],
            ),
        ],
    },
    Policy {
        name: "target-revoker",
        kind: Kind::Identity,
        account: Target,
        purpose: "`mode: revoke` with `target-role`: a key that something of the target is under \
                  stays usable. Without it that is not known, and the key is taken.",
        danger: "It sees every volume and snapshot of the account, but nothing of what they hold.",
        beside: &[],
        statements: &[allow(
            "LookForUse",
            &[
                called(
                    "ec2:DescribeVolumes",
                    "volumes under a key that the target is to lose",
                ),
                called("ec2:DescribeSnapshots", "snapshots under it"),
            ],
            &[EVERYTHING],
            &[],
        )],
    },
    Policy {
        name: "target-reader",
        kind: Kind::Identity,
        account: Target,
        purpose: "`mode: plan` with `target-role`: it can change nothing.",
        danger: "It sees the inline policies of the launch roles, and the names of all roles.",
        beside: &[],
        statements: &[
            allow(
                "Look",
                &[
                    called("ec2:DescribeImages", "shared images and copies made before"),
                    called("ec2:DescribeSnapshots", "the keys of copies"),
                    called(
                        "iam:ListRoles",
                        "`service-linked-roles`: whether the service has its role",
                    ),
                ],
                &[EVERYTHING],
                &[],
            ),
            allow(
                "LookAtKeys",
                &[
                    called(
                        "kms:DescribeKey",
                        "`target-kms-key-id`: state and kind of the key",
                    ),
                    called(
                        "kms:ListGrants",
                        "`service-linked-roles` beside it: whether the key has their grants; \
                         verifying: whether it has launchers' own",
                    ),
                ],
                &[KeysOf(Target)],
                &[],
            ),
            allow(
                "LookAtParameters",
                &[called(
                    "ssm:GetParameter",
                    "`publish-ssm-parameter`: what it holds",
                )],
                &[Parameters(Target)],
                &[],
            ),
            allow(
                "LookAtLaunchRoles",
                &[
                    called(
                        "iam:ListAttachedRolePolicies",
                        "with `target-launch-policy`: whether it is attached",
                    ),
                    called(
                        "iam:ListRolePolicies",
                        "without it: the inline policies that are there",
                    ),
                    called("iam:GetRolePolicy", "without it: what they say"),
                ],
                &[LaunchRoles],
                &[],
            ),
        ],
    },
    Policy {
        name: "verifier",
        kind: Kind::Identity,
        account: Target,
        purpose: "`mode: verify`, and `verify: permissions` after a share: it can change nothing. \
                  Without it the checks say `unknown`, and the share goes on.",
        danger: "It sees what the launch roles may do, and the policies and grants of the target's \
                 keys. In the source account `reader` is needed.",
        beside: &["target-reader"],
        statements: &[
            allow(
                "Look",
                &[
                    called(
                        "ec2:GetAllowedImagesSettings",
                        "whether Allowed AMIs hide the image (R7.3)",
                    ),
                    called(
                        "ec2:GetEbsDefaultKmsKeyId",
                        "the key that new volumes end up under (R4.2)",
                    ),
                    called(
                        "ec2:GetEbsEncryptionByDefault",
                        "whether volumes of images that are not encrypted will be",
                    ),
                ],
                &[EVERYTHING],
                &[],
            ),
            allow(
                "LookAtKeys",
                &[called(
                    "kms:GetKeyPolicy",
                    "whether their policies let the launcher use them",
                )],
                &[KeysOf(Target)],
                &[],
            ),
            allow(
                "AskWhatLaunchersMay",
                &[called(
                    "iam:SimulatePrincipalPolicy",
                    "what the identity policies of those who launch allow",
                )],
                &[LaunchRoles, TargetRoles],
                &[],
            ),
        ],
    },
    Policy {
        name: "verifier-launch",
        kind: Kind::Identity,
        account: Target,
        purpose: "`verify: launch`: a real instance, ended as soon as it runs. It launches as the \
                  role in the target, which needs the statements about keys of `launcher` too.",
        danger: "It can run and end instances, those of others only where they carry the tag \
                 `ami-share:verify`. Instances cost money until they end.",
        beside: &["verifier", "launcher"],
        statements: &[
            allow(
                "LookAtInstances",
                &[
                    called(
                        "ec2:DescribeInstances",
                        "whether it runs, and what a killed run left",
                    ),
                    called(
                        "ec2:DescribeSecurityGroups",
                        "the group that lets nothing in or out",
                    ),
                    called("ec2:DescribeSubnets", "`verify-subnet-id`: its VPC"),
                ],
                &[EVERYTHING],
                &[],
            ),
            allow(
                "TagInLaunching",
                &[called(
                    "ec2:CreateTags",
                    "the tag by which it is found again, within RunInstances",
                )],
                &[OfTarget("instance"), OfTarget("volume")],
                &[when(
                    "StringEquals",
                    "ec2:CreateAction",
                    These(&["RunInstances"]),
                )],
            ),
            allow(
                "EndOwnInstances",
                &[called(
                    "ec2:TerminateInstances",
                    "as soon as it runs, or a killed run left it",
                )],
                &[OfTarget("instance")],
                &[when("Null", "aws:ResourceTag/ami-share:verify", NO)],
            ),
            allow(
                "MakeAndRemoveGroups",
                &[
                    called(
                        "ec2:CreateSecurityGroup",
                        "a group of its own, `ami-share-verify`",
                    ),
                    called(
                        "ec2:RevokeSecurityGroupEgress",
                        "a new group lets everything out",
                    ),
                    called("ec2:DeleteSecurityGroup", "removed with the instance"),
                ],
                &[OfTarget("security-group"), OfTarget("vpc")],
                &[],
            ),
        ],
    },
    Policy {
        name: "launcher",
        kind: Kind::Identity,
        account: Target,
        purpose: "Whoever launches the images, and the managed policy that `target-launch-policy` \
                  names. Roles that may run instances already need only the statements about keys; \
                  the output `iam-policy` is those, with the keys of the run.",
        danger: "It runs instances, which cost money, of images of the two accounts only. It says \
                 nothing of instance profiles: `iam:PassRole` is left to you.",
        beside: &[],
        statements: &[
            allow(
                "LaunchImages",
                &[called(
                    "ec2:RunInstances",
                    "of images of the source account, and of copies of the target's own",
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
                    "what an instance is made of, and where (R4.1)",
                )],
                &[
                    OfTarget("instance"),
                    OfTarget("volume"),
                    OfTarget("network-interface"),
                    OfTarget("subnet"),
                    OfTarget("security-group"),
                    OfTarget("key-pair"),
                ],
                &[],
            ),
            allow(
                "LaunchWithKeys",
                &[
                    published(
                        "kms:DescribeKey",
                        "published for the image's key and the volume's (R4.1)",
                    ),
                    called(
                        "kms:GenerateDataKeyWithoutPlaintext",
                        "EC2 asks for the volume's data key as the caller (R4.3)",
                    ),
                    published(
                        "kms:Decrypt",
                        "published (R4.1); recorded as not needed (R4.4)",
                    ),
                    published("kms:ReEncrypt*", "published (R4.1)"),
                ],
                &[SharedKeys, KeysOf(Target)],
                &[VIA_EC2],
            ),
            allow(
                "LaunchGrants",
                &[called(
                    "kms:CreateGrant",
                    "EC2 gives itself and the instance grants as the caller (R4.3)",
                )],
                &[SharedKeys, KeysOf(Target)],
                &[VIA_EC2, FOR_EC2],
            ),
        ],
    },
];

//! Policies for copies, tags, parameters and launch templates in a target.

use super::super::Account::Target;
use super::super::Values::{
    Images, KeysOf, Parameters, SharedKeys, Snapshots, TargetResources, Texts,
};
use super::super::conditions::*;
use super::super::copy_statements::{REMOVE_FAILED_COPIES, TAG_COPIES};
use super::super::{Kind, Policy, allow, called, published};

pub(super) const POLICIES: &[Policy] = &[
    TARGET_COPIES,
    TARGET_LIFECYCLE,
    TARGET_TAGS,
    TARGET_PARAMETERS,
    TARGET_LAUNCH_TEMPLATES,
];

const TARGET_COPIES: Policy = Policy {
    name: "target-copies",
    kind: Kind::Identity,
    account: Target,
    purpose: "`target-kms-key-id`: copies that belong to the target, under its own key.",
    danger: "It can fill the account with copies, which cost money, and remove those of \
             ami-share. It can use every key of the account through EC2: if you can, name the one \
             key and the default EBS key.",
    used_with: &[],
    statements: &[
        allow(
            "Describe",
            &[
                called(
                    "ec2:DescribeImages",
                    "reads the shared image, finds existing copies, waits for new ones",
                ),
                called(
                    "ec2:DescribeSnapshots",
                    "reads the keys and the progress of copies",
                ),
            ],
            &[EVERYTHING],
            &[],
        ),
        allow(
            "Copy",
            &[called(
                "ec2:CopyImage",
                "AWS checks it on the image and on each snapshot",
            )],
            &[Images, Snapshots],
            &[],
        ),
        TAG_COPIES,
        REMOVE_FAILED_COPIES,
        allow(
            "DescribeOwnKeys",
            &[called(
                "kms:DescribeKey",
                "reads the key of the copies; EC2 also reads it, and the default EBS key",
            )],
            &[KeysOf(Target)],
            &[],
        ),
        allow(
            "DescribeSharedKeys",
            &[published(
                "kms:DescribeKey",
                "AWS lists it for both keys of a copy",
            )],
            &[SharedKeys],
            &[VIA_EC2],
        ),
        allow(
            "CopyWithKeys",
            &[
                called(
                    "kms:GenerateDataKeyWithoutPlaintext",
                    "EC2 creates the copy's data key as the caller",
                ),
                published("kms:Decrypt", "AWS lists it for both keys of a copy"),
                published("kms:ReEncrypt*", "AWS lists it for both keys of a copy"),
            ],
            &[SharedKeys, KeysOf(Target)],
            &[VIA_EC2],
        ),
        allow(
            "CreateCopyGrants",
            &[called(
                "kms:CreateGrant",
                "EC2 creates a grant for itself on each key of a copy, as the caller",
            )],
            &[SharedKeys, KeysOf(Target)],
            &[VIA_EC2, FOR_EC2],
        ),
    ],
};

const TARGET_LIFECYCLE: Policy = Policy {
    name: "target-lifecycle",
    kind: Kind::Identity,
    account: Target,
    purpose: "`deprecate-at` and `deregistration-protection` of the target's own copies.",
    danger: "Searches no longer find deprecated images, unless they name the ID.",
    used_with: &["target-copies"],
    statements: &[allow(
        "DeprecateAndProtect",
        &[
            called("ec2:EnableImageDeprecation", "`deprecate-at`"),
            called(
                "ec2:EnableImageDeregistrationProtection",
                "`deregistration-protection`",
            ),
        ],
        &[Images],
        &[],
    )],
};

const TARGET_TAGS: Policy = Policy {
    name: "target-tags",
    kind: Kind::Identity,
    account: Target,
    purpose: "`copy-image-tags`, `tags`: tags of shared images as the target sees them.",
    danger: "It can tag every image that the account can see, but not with the tags that \
             ami-share relies on.",
    used_with: &[],
    statements: &[
        allow(
            "Describe",
            &[called("ec2:DescribeImages", "reads the current tags")],
            &[EVERYTHING],
            &[],
        ),
        allow(
            "TagSharedImages",
            &[called(
                "ec2:CreateTags",
                "each account has its own tags of a shared image",
            )],
            &[Images],
            &[
                when(
                    "ForAllValues:StringNotLike",
                    "aws:TagKeys",
                    Texts(&["ami-share:*"]),
                ),
                when("Null", "aws:TagKeys", NO),
            ],
        ),
    ],
};

const TARGET_PARAMETERS: Policy = Policy {
    name: "target-parameters",
    kind: Kind::Identity,
    account: Target,
    purpose: "`publish-ssm-parameter` in targets, and `{account-alias}` in any name there.",
    danger: "Deployments that read these parameters launch the image that is written to them.",
    used_with: &[],
    statements: &[
        allow(
            "CheckImages",
            &[called(
                "ec2:DescribeImages",
                "SSM checks with it that the value is an image",
            )],
            &[EVERYTHING],
            &[],
        ),
        allow(
            "PublishParameters",
            &[
                called(
                    "ssm:GetParameter",
                    "reads the current value, and again until SSM has checked the image",
                ),
                called("ssm:PutParameter", "writes the image's ID"),
            ],
            &[Parameters(Target)],
            &[],
        ),
        allow(
            "ReadAlias",
            &[called(
                "iam:ListAccountAliases",
                "`{account-alias}` in a name: reads the alias of the account",
            )],
            &[EVERYTHING],
            &[],
        ),
    ],
};

const TARGET_LAUNCH_TEMPLATES: Policy = Policy {
    name: "target-launch-templates",
    kind: Kind::Identity,
    account: Target,
    purpose: "`target-launch-templates` and `set-default-version`.",
    danger: "AWS cannot limit what a new version says: principals with this policy decide what \
             launches by these templates start, user data included. If you can, name the launch \
             templates, or ask for a tag of theirs (`aws:ResourceTag`).",
    used_with: &[],
    statements: &[
        allow(
            "ReadLaunchTemplates",
            &[called(
                "ec2:DescribeLaunchTemplateVersions",
                "reads the default and the newest version",
            )],
            &[EVERYTHING],
            &[],
        ),
        allow(
            "UpdateLaunchTemplates",
            &[
                called(
                    "ec2:CreateLaunchTemplateVersion",
                    "makes the version with the image",
                ),
                called("ec2:ModifyLaunchTemplate", "`set-default-version`"),
            ],
            &[TargetResources("launch-template")],
            &[],
        ),
    ],
};

//! Statements that several policies of the source account share.

use super::super::Account::Source;
use super::super::Values::{Images, KeysOf, SharedKeys, Snapshots, UsageReports};
use super::super::conditions::*;
use super::super::{Action, Statement, allow, called, published};

pub(super) const DESCRIBE: Statement = allow(
    "Describe",
    &[
        called(
            "ec2:DescribeImages",
            "reads state, volumes and tags of the images, waits for them, finds existing copies",
        ),
        called(
            "ec2:DescribeSnapshots",
            "reads the keys of the images and the progress of copies",
        ),
        called(
            "ec2:DescribeRegions",
            "with several Regions: checks that each is enabled",
        ),
    ],
    &[EVERYTHING],
    &[],
);

pub(super) const READ_WHAT_NAMES_IMAGES: Statement = allow(
    "ReadWhatNamesImages",
    &[
        called(
            "ec2:DescribeLaunchTemplateVersions",
            "finds the images that launch templates of the account name",
        ),
        called(
            "ec2:DescribeLockedSnapshots",
            "finds locked snapshots, whose images stay",
        ),
    ],
    &[EVERYTHING],
    &[],
);

pub(super) const READ_LAUNCH_PERMISSIONS: Statement = allow(
    "ReadLaunchPermissions",
    &[called(
        "ec2:DescribeImageAttribute",
        "reads who may launch the image already",
    )],
    &[Images],
    &[],
);

pub(super) const READ_PERMISSIONS: Statement = allow(
    "ReadPermissions",
    &[
        called(
            "ec2:DescribeImageAttribute",
            "reads who may launch the image",
        ),
        called(
            "ec2:DescribeSnapshotAttribute",
            "reads who may create volumes from the snapshots",
        ),
    ],
    &[Images, Snapshots],
    &[],
);

pub(super) const SHARE: Statement = allow(
    "Share",
    &[called(
        "ec2:ModifyImageAttribute",
        "adds launch permissions",
    )],
    &[Images],
    &[],
);

pub(super) const COPY: Statement = allow(
    "Copy",
    &[called(
        "ec2:CopyImage",
        "`kms-key-id`, `copy-to-regions`; AWS checks it on the image and on each snapshot",
    )],
    &[Images, Snapshots],
    &[],
);

pub(super) const DESCRIBE_KEYS: Statement = allow(
    "DescribeKeys",
    &[called(
        "kms:DescribeKey",
        "reads state and kind of each key; EC2 also calls it when a snapshot is shared or copied",
    )],
    &[KeysOf(Source)],
    &[],
);

pub(super) const READ_KEY_POLICIES: Statement = allow(
    "ReadKeyPolicies",
    &[called(
        "kms:GetKeyPolicy",
        "reads who can use the key already, through AWS RAM too, and whom its policy denies it",
    )],
    &[SharedKeys],
    &[],
);

pub(super) const WRITE_KEY_POLICIES: Statement = allow(
    "WriteKeyPolicies",
    &[called(
        "kms:PutKeyPolicy",
        "adds and removes the statements of ami-share",
    )],
    &[SharedKeys],
    &[NO_BYPASS],
);

pub(super) const COPY_WITH_KEYS: Statement = allow(
    "CopyWithKeys",
    &[
        called(
            "kms:GenerateDataKeyWithoutPlaintext",
            "EC2 creates the copy's data key as the caller",
        ),
        published("kms:Decrypt", "AWS lists it for both keys of a copy"),
        published("kms:ReEncrypt*", "AWS lists it for both keys of a copy"),
    ],
    &[SharedKeys],
    &[VIA_EC2],
);

pub(super) const CREATE_COPY_GRANTS: Statement = allow(
    "CreateCopyGrants",
    &[called(
        "kms:CreateGrant",
        "EC2 creates a grant for itself on each key of a copy, as the caller",
    )],
    &[SharedKeys],
    &[VIA_EC2, FOR_EC2],
);

pub(super) const ASK_USAGE: Statement = allow(
    "AskWhoUsesImages",
    &[called(
        "ec2:CreateImageUsageReport",
        "asks AWS for a report on who uses an image",
    )],
    &[Images, UsageReports],
    &[],
);

pub(super) const READ_USAGE: Statement = allow(
    "ReadWhoUsesImages",
    &[
        called(
            "ec2:DescribeImageUsageReports",
            "an image that somebody would lose: finds AWS's reports on who uses it",
        ),
        called(
            "ec2:DescribeImageUsageReportEntries",
            "reads which accounts use it, and how often",
        ),
        called(
            "ec2:DescribeImageReferences",
            "`mode: usage` and `revoke-copies`: reads whether the account itself uses it",
        ),
    ],
    &[EVERYTHING],
    &[],
);

/// AWS looks at what may use an image as the caller of `ec2:DescribeImageReferences`.
const fn scan(actions: &'static [Action]) -> Statement {
    allow(
        "ScanForReferences",
        actions,
        &[EVERYTHING],
        &[THROUGH_IMAGES],
    )
}

const SCAN_INSTANCES: Action = published(
    "ec2:DescribeInstances",
    "AWS looks for instances of the image, for `ec2:DescribeImageReferences`",
);
const SCAN_TEMPLATES: Action = published(
    "ec2:DescribeLaunchTemplates",
    "the same, for launch templates",
);
const SCAN_VERSIONS: Action = published(
    "ec2:DescribeLaunchTemplateVersions",
    "the same, for their versions",
);

pub(super) const SCAN: Statement = scan(&[SCAN_INSTANCES, SCAN_TEMPLATES, SCAN_VERSIONS]);

/// Beside `READ_WHAT_NAMES_IMAGES`, which has the versions.
pub(super) const SCAN_BESIDE_VERSIONS: Statement = scan(&[SCAN_INSTANCES, SCAN_TEMPLATES]);

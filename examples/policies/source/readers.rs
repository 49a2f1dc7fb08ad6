//! Policies for dry runs and for revoking.

use super::super::Account::Source;
use super::super::Values::{Images, Parameters, SharedKeys, Snapshots};
use super::super::conditions::*;
use super::super::{Kind, Policy, allow, called};
use super::statements::*;

pub(super) const POLICIES: &[Policy] = &[READER, USAGE, REVOKER, REVOKE_COPIES];

const READER: Policy = Policy {
    name: "reader",
    kind: Kind::Identity,
    account: Source,
    purpose: "`dry-run: true`, whatever the other policies would do: it cannot change anything.",
    danger: "It can read with whom everything is shared. With targets, use it with `targets` and \
             `target-reader`.",
    used_with: &[],
    statements: &[
        DESCRIBE,
        READ_PERMISSIONS,
        DESCRIBE_KEYS,
        allow(
            "ReadKeyAccess",
            &[
                called(
                    "kms:GetKeyPolicy",
                    "reads who can use the key by its policy",
                ),
                called(
                    "kms:ListGrants",
                    "`key-access: grants`, `unlisted: revoke`, `target-service-linked-roles`: \
                     reads who has a grant",
                ),
            ],
            &[SharedKeys],
            &[],
        ),
        allow(
            "ReadParameters",
            &[called(
                "ssm:GetParameter",
                "`publish-ssm-parameter`: reads the current value",
            )],
            &[Parameters(Source)],
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
        READ_USAGE,
        SCAN_BESIDE_VERSIONS,
        READ_WHAT_NAMES_IMAGES,
    ],
};

const USAGE: Policy = Policy {
    name: "usage",
    kind: Kind::Identity,
    account: Source,
    purpose: "`mode: usage`: asks AWS who uses images.",
    danger: "It can read which accounts use every image of the account. It can change nothing; \
             AWS keeps each report for 30 days.",
    used_with: &[],
    statements: &[
        allow(
            "FindImages",
            &[called(
                "ec2:DescribeImages",
                "finds the images, and copies of them",
            )],
            &[EVERYTHING],
            &[],
        ),
        ASK_USAGE,
        READ_USAGE,
        SCAN,
    ],
};

const REVOKER: Policy = Policy {
    name: "revoker",
    kind: Kind::Identity,
    account: Source,
    purpose: "`mode: revoke`; with `publisher` also `unlisted: revoke`. Both ask AWS who uses an \
              image before they take it away.",
    danger: "It can revoke access to every image from everybody, and share every image, for AWS \
             has no condition that tells the two apart. It cannot share snapshots. \
             `kms:PutKeyPolicy` gives full control over the key. It can read which accounts use \
             every image.",
    used_with: &[],
    statements: &[
        DESCRIBE,
        READ_PERMISSIONS,
        allow(
            "RevokeLaunchPermissions",
            &[called(
                "ec2:ModifyImageAttribute",
                "removes launch permissions",
            )],
            &[Images],
            &[],
        ),
        allow(
            "RevokeSnapshotPermissions",
            &[called(
                "ec2:ModifySnapshotAttribute",
                "removes create-volume permissions",
            )],
            &[Snapshots],
            &[NOT_PUBLIC, NO_ACCOUNT],
        ),
        DESCRIBE_KEYS,
        READ_KEY_POLICIES,
        WRITE_KEY_POLICIES,
        allow(
            "RevokeGrants",
            &[
                called(
                    "kms:ListGrants",
                    "finds the grants of ami-share, those that targets created from them, and \
                     those of running instances",
                ),
                called("kms:RevokeGrant", "revokes grants"),
            ],
            &[SharedKeys],
            &[],
        ),
        ASK_USAGE,
        READ_USAGE,
        SCAN,
    ],
};

const REVOKE_COPIES: Policy = Policy {
    name: "revoke-copies",
    kind: Kind::Identity,
    account: Source,
    purpose: "`mode: revoke` with `revoke-copies: true`.",
    danger: "It can delete every image and snapshot that has the tag `ami-share:request`: see \
             `tag-guard`.",
    used_with: &["revoker"],
    statements: &[allow(
        "RemoveCopies",
        &[
            called(
                "ec2:DeregisterImage",
                "removes a copy of ami-share that is no longer shared with anybody",
            ),
            called(
                "ec2:DeleteSnapshot",
                "AWS deletes the snapshots with the image, as the caller",
            ),
        ],
        &[Images, Snapshots],
        &[OWN_COPIES],
    )],
};

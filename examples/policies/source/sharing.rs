//! Policies that share images, their keys and snapshots.

use super::super::Account::Source;
use super::super::Values::{SharedKeys, Snapshots, TargetRoots};
use super::super::conditions::*;
use super::super::copy_statements::{REMOVE_FAILED_COPIES, TAG_COPIES};
use super::super::{Kind, Policy, allow, called};
use super::statements::*;

pub(super) const POLICIES: &[Policy] = &[PUBLISHER, PUBLISHER_GRANTS, SNAPSHOTS];

const PUBLISHER: Policy = Policy {
    name: "publisher",
    kind: Kind::Identity,
    account: Source,
    purpose: "`mode: share` with accounts, organizations and units, in any number of Regions, with \
              copies, and with \
              `key-access: policy`.",
    danger: "`kms:PutKeyPolicy` gives full control over the key: a principal with this permission \
             can let anybody use the key, including itself. Name the keys in `Resource`, or use \
             `publisher-grants`. `ec2:ModifyImageAttribute` can share every image of the account with anybody.",
    used_with: &[],
    statements: &[
        DESCRIBE,
        READ_LAUNCH_PERMISSIONS,
        SHARE,
        COPY,
        TAG_COPIES,
        REMOVE_FAILED_COPIES,
        DESCRIBE_KEYS,
        READ_KEY_POLICIES,
        WRITE_KEY_POLICIES,
        COPY_WITH_KEYS,
        CREATE_COPY_GRANTS,
    ],
};

const PUBLISHER_GRANTS: Policy = Policy {
    name: "publisher-grants",
    kind: Kind::Identity,
    account: Source,
    purpose: "The same with `key-access: grants`: it reads the key policy, for a deny beats every \
              grant, and \
              does not write it.",
    danger: "It can let the target accounts that it names use the key, and no others. A target \
             can pass on a grant that allows creating grants. `ec2:ModifyImageAttribute` can share \
             every image of the account with anybody.",
    used_with: &[],
    statements: &[
        DESCRIBE,
        READ_LAUNCH_PERMISSIONS,
        SHARE,
        COPY,
        TAG_COPIES,
        REMOVE_FAILED_COPIES,
        DESCRIBE_KEYS,
        READ_KEY_POLICIES,
        allow(
            "ListGrants",
            &[called("kms:ListGrants", "reads who has a grant already")],
            &[SharedKeys],
            &[],
        ),
        allow(
            "CreateGrants",
            &[called(
                "kms:CreateGrant",
                "creates one grant for each image and account",
            )],
            &[SharedKeys],
            &[
                when("StringEquals", "kms:GranteePrincipal", TargetRoots),
                ONLY_OPERATIONS,
                SOME_OPERATIONS,
            ],
        ),
        COPY_WITH_KEYS,
        CREATE_COPY_GRANTS,
    ],
};

const SNAPSHOTS: Policy = Policy {
    name: "snapshots",
    kind: Kind::Identity,
    account: Source,
    purpose: "`share-snapshots: true`, and `target-kms-key-id`, with which targets copy.",
    danger: "A principal that may create volumes from a snapshot and use its key can read \
             everything in the snapshot.",
    used_with: &["publisher"],
    statements: &[
        allow(
            "ReadSnapshotPermissions",
            &[called(
                "ec2:DescribeSnapshotAttribute",
                "reads who may create volumes already",
            )],
            &[Snapshots],
            &[],
        ),
        allow(
            "ShareSnapshots",
            &[called(
                "ec2:ModifySnapshotAttribute",
                "adds create-volume permissions, which targets need to copy",
            )],
            &[Snapshots],
            &[NOT_PUBLIC, SOME_ACCOUNT, ONLY_TARGETS],
        ),
    ],
};

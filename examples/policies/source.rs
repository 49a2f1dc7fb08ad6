//! What whoever runs this tool needs in the source account.

use super::Account::Source;
use super::Values::{
    Images, KeysOf, OrganizationalUnits, Organizations, Parameters, SharedKeys, Snapshots,
    TargetAccounts, TargetRoles, TargetRoots, These,
};
use super::{
    EVERYTHING, FOR_EC2, IN_COPYING, Kind, NO, ONLY_OPERATIONS, ONLY_SERVICE_OPERATIONS, OURS,
    Policy, SOME_OPERATIONS, Statement, VIA_EC2, When, YES, allow, called, published, when,
};

// EC2 is known to fill these in for snapshots. For images AWS does not list them, so there they may
// narrow nothing; and nothing of an image may depend on one of them being there.
const NOT_PUBLIC: When = when("Null", "ec2:Add/group", YES);
const NO_ORGANIZATION: When = when("Null", "ec2:Add/organizationArn", YES);
const NO_UNIT: When = when("Null", "ec2:Add/organizationalUnitArn", YES);
const NO_ACCOUNT: When = when("Null", "ec2:Add/userId", YES);
const SOME_ACCOUNT: When = when("Null", "ec2:Add/userId", NO);
const ONLY_TARGETS: When = when(
    "ForAllValues:StringEquals",
    "ec2:Add/userId",
    TargetAccounts,
);
const ONLY_ORGANIZATIONS: When = when(
    "ForAllValues:StringEquals",
    "ec2:Add/organizationArn",
    Organizations,
);
const ONLY_UNITS: When = when(
    "ForAllValues:StringEquals",
    "ec2:Add/organizationalUnitArn",
    OrganizationalUnits,
);
const NO_BYPASS: When = when("BoolIfExists", "kms:BypassPolicyLockoutSafetyCheck", NO);

const LOOK: Statement = allow(
    "Look",
    &[
        called(
            "ec2:DescribeImages",
            "state, volumes and tags of the images, waiting for them, copies made before",
        ),
        called(
            "ec2:DescribeSnapshots",
            "the keys behind the images, the progress of copies",
        ),
        called(
            "ec2:DescribeRegions",
            "more than one Region: whether each is turned on",
        ),
    ],
    &[EVERYTHING],
    &[],
);
const LOOK_AT_LAUNCH_PERMISSIONS: Statement = allow(
    "LookAtLaunchPermissions",
    &[called(
        "ec2:DescribeImageAttribute",
        "who may launch already",
    )],
    &[Images],
    &[],
);
const LOOK_AT_ALL_PERMISSIONS: Statement = allow(
    "LookAtPermissions",
    &[
        called("ec2:DescribeImageAttribute", "who may launch"),
        called(
            "ec2:DescribeSnapshotAttribute",
            "who may make volumes of the snapshots",
        ),
    ],
    &[Images, Snapshots],
    &[],
);
const SHARE: Statement = allow(
    "Share",
    &[called("ec2:ModifyImageAttribute", "launch permission")],
    &[Images],
    &[NOT_PUBLIC, NO_ORGANIZATION, NO_UNIT, ONLY_TARGETS],
);
const COPY: Statement = allow(
    "Copy",
    &[called(
        "ec2:CopyImage",
        "`kms-key-id`, `copy-to-regions`: asked for on the image and on each snapshot (R1.4.1)",
    )],
    &[Images, Snapshots],
    &[],
);
const TAG_COPIES: Statement = allow(
    "TagCopies",
    &[called(
        "ec2:CreateTags",
        "the tags of a copy, within CopyImage (R1.4.1)",
    )],
    &[Images, Snapshots],
    &[IN_COPYING],
);
const REMOVE_FAILED: Statement = allow(
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
);
const LOOK_AT_KEYS: Statement = allow(
    "LookAtKeys",
    &[called(
        "kms:DescribeKey",
        "state and kind of each key; EC2 asks too when a snapshot is shared (R2.10) or copied",
    )],
    &[KeysOf(Source)],
    &[],
);
const READ_KEY_POLICIES: Statement = allow(
    "ReadKeyPolicies",
    &[called("kms:GetKeyPolicy", "who can use the key already")],
    &[SharedKeys],
    &[],
);
const WRITE_KEY_POLICIES: Statement = allow(
    "WriteKeyPolicies",
    &[called("kms:PutKeyPolicy", "the statements of this tool")],
    &[SharedKeys],
    &[NO_BYPASS],
);
const COPY_WITH_KEYS: Statement = allow(
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
    &[SharedKeys],
    &[VIA_EC2],
);
const COPY_GRANTS: Statement = allow(
    "CopyGrants",
    &[called(
        "kms:CreateGrant",
        "EC2 gives itself a grant on each key of a copy, as the caller (R1.4.6)",
    )],
    &[SharedKeys],
    &[VIA_EC2, FOR_EC2],
);

pub(super) const POLICIES: &[Policy] = &[
    Policy {
        name: "publisher",
        kind: Kind::Identity,
        account: Source,
        purpose: "`mode: share` with accounts, in any number of Regions, with copies, and with \
                  `key-access: policy`.",
        danger: "`kms:PutKeyPolicy` is all power over the key: whoever has it can let anybody use \
                 it, themselves above all. Name the keys in `Resource`, or use `publisher-grants`. \
                 `ec2:ModifyImageAttribute` shares every image of the account.",
        beside: &[],
        statements: &[
            LOOK,
            LOOK_AT_LAUNCH_PERMISSIONS,
            SHARE,
            COPY,
            TAG_COPIES,
            REMOVE_FAILED,
            LOOK_AT_KEYS,
            READ_KEY_POLICIES,
            WRITE_KEY_POLICIES,
            COPY_WITH_KEYS,
            COPY_GRANTS,
        ],
    },
    Policy {
        name: "publisher-grants",
        kind: Kind::Identity,
        account: Source,
        purpose: "The same with `key-access: grants`: the key policy is neither read nor written.",
        danger: "It can give the use of the key to the target accounts named in it, and to nobody \
                 else. A grant that may create grants can be handed on by its holder.",
        beside: &[],
        statements: &[
            LOOK,
            LOOK_AT_LAUNCH_PERMISSIONS,
            SHARE,
            COPY,
            TAG_COPIES,
            REMOVE_FAILED,
            LOOK_AT_KEYS,
            allow(
                "LookAtGrants",
                &[called("kms:ListGrants", "who has a grant already")],
                &[SharedKeys],
                &[],
            ),
            allow(
                "Grant",
                &[called(
                    "kms:CreateGrant",
                    "one grant for each image and account",
                )],
                &[SharedKeys],
                &[
                    when("StringEquals", "kms:GranteePrincipal", TargetRoots),
                    ONLY_OPERATIONS,
                    SOME_OPERATIONS,
                ],
            ),
            COPY_WITH_KEYS,
            COPY_GRANTS,
        ],
    },
    Policy {
        name: "organizations",
        kind: Kind::Identity,
        account: Source,
        purpose: "`target-organizations` and `target-organizational-units`, alone or with \
                  accounts.",
        danger: "Every account that will ever join the organization or unit can launch the image. \
                 The policies above refuse organizations and units where EC2 fills in the \
                 condition keys.",
        beside: &["publisher"],
        statements: &[
            allow(
                "ShareWithOrganizations",
                &[called(
                    "ec2:ModifyImageAttribute",
                    "launch permission for organizations",
                )],
                &[Images],
                &[
                    NOT_PUBLIC,
                    when("Null", "ec2:Add/organizationArn", NO),
                    ONLY_ORGANIZATIONS,
                    ONLY_UNITS,
                    ONLY_TARGETS,
                ],
            ),
            allow(
                "ShareWithOrganizationalUnits",
                &[called(
                    "ec2:ModifyImageAttribute",
                    "launch permission for organizational units",
                )],
                &[Images],
                &[
                    NOT_PUBLIC,
                    when("Null", "ec2:Add/organizationalUnitArn", NO),
                    ONLY_ORGANIZATIONS,
                    ONLY_UNITS,
                    ONLY_TARGETS,
                ],
            ),
        ],
    },
    Policy {
        name: "snapshots",
        kind: Kind::Identity,
        account: Source,
        purpose: "`share-snapshots: true`, and wherever targets copy (`target-kms-key-id`).",
        danger: "Whoever may make volumes of a snapshot, and use its key, reads all that is on it.",
        beside: &["publisher"],
        statements: &[
            allow(
                "LookAtSnapshotPermissions",
                &[called(
                    "ec2:DescribeSnapshotAttribute",
                    "who may make volumes already",
                )],
                &[Snapshots],
                &[],
            ),
            allow(
                "ShareSnapshots",
                &[called(
                    "ec2:ModifySnapshotAttribute",
                    "create-volume permission, which copying takes (R1.5.1)",
                )],
                &[Snapshots],
                &[NOT_PUBLIC, SOME_ACCOUNT, ONLY_TARGETS],
            ),
        ],
    },
    Policy {
        name: "targets",
        kind: Kind::Identity,
        account: Source,
        purpose: "`target-role`: everything that is done in target accounts.",
        danger: "It is worth what the role in the target may do there.",
        beside: &["publisher"],
        statements: &[allow(
            "ActInTargets",
            &[called(
                "sts:AssumeRole",
                "the role in each target; its trust policy must allow it too (R5.1)",
            )],
            &[TargetRoles],
            &[],
        )],
    },
    Policy {
        name: "lending",
        kind: Kind::Identity,
        account: Source,
        purpose: "`keep-shared: false`: what a target is lent for copying is noted in tags of the \
                  image, and taken back.",
        danger: "By these tags the next run knows what to take back: who writes them can make it \
                 take back what was not lent.",
        beside: &["publisher", "snapshots", "targets", "revoker"],
        statements: &[allow(
            "NoteLoans",
            &[
                called("ec2:CreateTags", "noted before it is lent"),
                called("ec2:DeleteTags", "taken off when it is given back"),
            ],
            &[Images],
            &[
                when(
                    "ForAllValues:StringLike",
                    "aws:TagKeys",
                    These(&["ami-share:temporary-*"]),
                ),
                when("Null", "aws:TagKeys", NO),
            ],
        )],
    },
    Policy {
        name: "service-linked-roles",
        kind: Kind::Identity,
        account: Source,
        purpose: "`service-linked-roles`: what the source account does for it.",
        danger: "The parent grant lets the target hand on the use of the key to whomever it likes \
                 (R3.3.9). Only `key-access: grants` makes it; with `policy` a statement of the \
                 key policy, bound to the services' roles, stands in its place.",
        beside: &["publisher", "targets"],
        statements: &[
            allow(
                "LookAtServiceGrants",
                &[called(
                    "kms:ListGrants",
                    "whether the roles have their grants already",
                )],
                &[SharedKeys],
                &[],
            ),
            allow(
                "GrantForServices",
                &[called(
                    "kms:CreateGrant",
                    "`key-access: grants`: the grant that targets make those of the roles from",
                )],
                &[SharedKeys],
                &[
                    when("StringEquals", "kms:GranteePrincipal", TargetRoots),
                    ONLY_SERVICE_OPERATIONS,
                    SOME_OPERATIONS,
                ],
            ),
        ],
    },
    Policy {
        name: "parameters",
        kind: Kind::Identity,
        account: Source,
        purpose: "`publish-ssm-parameter`.",
        danger: "Whoever deploys by these parameters launches what is written into them.",
        beside: &["publisher"],
        statements: &[allow(
            "PublishParameters",
            &[
                called(
                    "ssm:GetParameter",
                    "what it holds; again until SSM has checked the image (R5.9)",
                ),
                called("ssm:PutParameter", "the image's ID"),
            ],
            &[Parameters(Source)],
            &[],
        )],
    },
    Policy {
        name: "lifecycle",
        kind: Kind::Identity,
        account: Source,
        purpose: "`deprecate-at` and `deregistration-protection`.",
        danger: "Deprecated images stop being found by those who do not ask for their ID.",
        beside: &["publisher"],
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
    },
    Policy {
        name: "reader",
        kind: Kind::Identity,
        account: Source,
        purpose: "`mode: plan` of whatever the other policies do: it can change nothing.",
        danger: "It sees with whom everything is shared. With targets, `targets` and \
                 `target-reader` are needed beside it.",
        beside: &[],
        statements: &[
            LOOK,
            LOOK_AT_ALL_PERMISSIONS,
            LOOK_AT_KEYS,
            allow(
                "LookAtKeyAccess",
                &[
                    called("kms:GetKeyPolicy", "who can use the key by its policy"),
                    called(
                        "kms:ListGrants",
                        "`key-access: grants`, `unlisted: revoke`, `service-linked-roles`: who has \
                         a grant",
                    ),
                ],
                &[SharedKeys],
                &[],
            ),
            allow(
                "LookAtParameters",
                &[called(
                    "ssm:GetParameter",
                    "`publish-ssm-parameter`: what it holds",
                )],
                &[Parameters(Source)],
                &[],
            ),
        ],
    },
    Policy {
        name: "revoker",
        kind: Kind::Identity,
        account: Source,
        purpose: "`mode: revoke`; beside `publisher` also `unlisted: revoke`.",
        danger: "It can take every image from everybody. It cannot share snapshots; of images, \
                 only where EC2 fills in the condition keys. `kms:PutKeyPolicy` is all power over \
                 the key.",
        beside: &[],
        statements: &[
            LOOK,
            LOOK_AT_ALL_PERMISSIONS,
            allow(
                "TakeBack",
                &[
                    called("ec2:ModifyImageAttribute", "launch permission"),
                    called("ec2:ModifySnapshotAttribute", "create-volume permission"),
                ],
                &[Images, Snapshots],
                &[NOT_PUBLIC, NO_ACCOUNT, NO_ORGANIZATION, NO_UNIT],
            ),
            LOOK_AT_KEYS,
            READ_KEY_POLICIES,
            WRITE_KEY_POLICIES,
            allow(
                "TakeGrantsBack",
                &[
                    called(
                        "kms:ListGrants",
                        "the grants of this tool, what targets made of them, and whether instances \
                         run on the key",
                    ),
                    called("kms:RevokeGrant", "ends them"),
                ],
                &[SharedKeys],
                &[],
            ),
        ],
    },
    Policy {
        name: "remove-copies",
        kind: Kind::Identity,
        account: Source,
        purpose: "`mode: revoke` with `remove-copies`.",
        danger: "What carries the tag `ami-share:request` can be deleted: see `tag-guard`.",
        beside: &["revoker"],
        statements: &[allow(
            "RemoveCopies",
            &[
                called(
                    "ec2:DeregisterImage",
                    "a copy of this tool that is shared with nobody any more",
                ),
                called(
                    "ec2:DeleteSnapshot",
                    "its snapshots: AWS deletes them with the image, as the caller",
                ),
            ],
            &[Images, Snapshots],
            &[OURS],
        )],
    },
];

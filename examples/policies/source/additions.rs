//! Policies that single inputs of a share need in addition.

use super::super::Account::Source;
use super::super::Values::{Images, Parameters, SharedKeys, TargetRoles, TargetRoots, Texts};
use super::super::conditions::*;
use super::super::{Kind, Policy, allow, called};

pub(super) const POLICIES: &[Policy] = &[
    TARGETS,
    TEMPORARY_ACCESS,
    SERVICE_LINKED_ROLE_GRANTS,
    PARAMETERS,
    LIFECYCLE,
    SHARED_TAGS,
    WATERMARKS,
    ORGANIZATION_READER,
    ORGANIZATION_ROLE,
];

const TARGETS: Policy = Policy {
    name: "targets",
    kind: Kind::Identity,
    account: Source,
    purpose: "`target-role`: everything that is done in target accounts.",
    danger: "It can do whatever the role in the target may do.",
    used_with: &["publisher"],
    statements: &[allow(
        "ActInTargets",
        &[called(
            "sts:AssumeRole",
            "assumes the role in each target, whose trust policy must allow it too",
        )],
        &[TargetRoles],
        &[],
    )],
};

const TEMPORARY_ACCESS: Policy = Policy {
    name: "temporary-access",
    kind: Kind::Identity,
    account: Source,
    purpose: "`unshare-after-copy: true`: tags of the image record the access that a target gets \
              for its copy only, until it is revoked.",
    danger: "The next run revokes the access that these tags name: a principal that can write \
             them can make it revoke other access.",
    used_with: &["publisher", "snapshots", "targets", "revoker"],
    statements: &[allow(
        "RecordTemporaryAccess",
        &[
            called("ec2:CreateTags", "records the access before it is given"),
            called(
                "ec2:DeleteTags",
                "removes the record after the access is revoked",
            ),
        ],
        &[Images],
        &[
            when(
                "ForAllValues:StringLike",
                "aws:TagKeys",
                Texts(&["ami-share:temporary-*"]),
            ),
            when("Null", "aws:TagKeys", NO),
        ],
    )],
};

const SERVICE_LINKED_ROLE_GRANTS: Policy = Policy {
    name: "service-linked-role-grants",
    kind: Kind::Identity,
    account: Source,
    purpose: "`target-service-linked-roles`: the part that is done in the source account.",
    danger: "With `key-access: grants`, the target can let any principal use the key by the \
             grant that this policy creates. With `policy`, there is no such grant: a statement \
             of the key policy, limited to the service-linked roles, takes its place.",
    used_with: &["publisher", "targets"],
    statements: &[
        allow(
            "ListServiceGrants",
            &[called(
                "kms:ListGrants",
                "reads whether the roles have their grants already",
            )],
            &[SharedKeys],
            &[],
        ),
        allow(
            "CreateParentGrants",
            &[called(
                "kms:CreateGrant",
                "`key-access: grants`: creates the grant from which targets create those of the \
                 roles",
            )],
            &[SharedKeys],
            &[
                when("StringEquals", "kms:GranteePrincipal", TargetRoots),
                ONLY_SERVICE_OPERATIONS,
                SOME_OPERATIONS,
            ],
        ),
    ],
};

const PARAMETERS: Policy = Policy {
    name: "parameters",
    kind: Kind::Identity,
    account: Source,
    purpose: "`publish-ssm-parameter`; `ami-id: resolve:ssm:…` and `{account-alias}` in any name, \
              which only read.",
    danger: "Deployments that read these parameters launch the image that is written to them.",
    used_with: &["publisher"],
    statements: &[
        allow(
            "PublishParameters",
            &[
                called(
                    "ssm:GetParameter",
                    "reads the current value, and again until SSM has checked the image",
                ),
                called("ssm:PutParameter", "writes the image's ID"),
            ],
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
    ],
};

const LIFECYCLE: Policy = Policy {
    name: "lifecycle",
    kind: Kind::Identity,
    account: Source,
    purpose: "`deprecate-at` and `deregistration-protection`.",
    danger: "Searches no longer find deprecated images, unless they name the ID.",
    used_with: &["publisher"],
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

const SHARED_TAGS: Policy = Policy {
    name: "shared-tags",
    kind: Kind::Identity,
    account: Source,
    purpose: "`share-tags`: tags of shared images that every recipient sees.",
    danger: "Every account that an image is shared with can read these tags, and may have policies \
             that trust them.",
    used_with: &["publisher"],
    statements: &[allow(
        "ShareTags",
        &[called(
            "ec2:CreateTags",
            "only the owner of an image can write the tags that its recipients see",
        )],
        &[Images],
        &[
            when(
                "ForAllValues:StringLike",
                "aws:TagKeys",
                Texts(&["ec2:SharedTag/*"]),
            ),
            when("Null", "aws:TagKeys", NO),
        ],
    )],
};

const WATERMARKS: Policy = Policy {
    name: "watermarks",
    kind: Kind::Identity,
    account: Source,
    purpose: "`watermark`: a watermark of shared images, by which targets can allow them.",
    danger: "Targets whose Allowed AMIs ask for a watermark allow every image that it is attached \
             to.",
    used_with: &["publisher"],
    statements: &[allow(
        "AttachWatermarks",
        &[called(
            "ec2:AttachImageWatermark",
            "only the owner of an image can attach a watermark",
        )],
        &[Images],
        &[],
    )],
};

const ORGANIZATION_READER: Policy = Policy {
    name: "organization-reader",
    kind: Kind::Identity,
    account: Source,
    purpose: "`expand-organizations`: for the role that `organizations-role` names, in the \
              management account or in that of a delegated administrator, or for the publisher if \
              the source account is one of these.",
    danger: "It reads the IDs, names and e-mail addresses of all accounts of the organization.",
    used_with: &["publisher"],
    statements: &[allow(
        "ListAccounts",
        &[
            called(
                "organizations:DescribeOrganization",
                "checks that the targets are of the organization that is listed",
            ),
            called("organizations:ListAccounts", "`target-organizations`"),
            called(
                "organizations:ListAccountsForParent",
                "`target-organizational-units`: the accounts in each unit",
            ),
            called(
                "organizations:ListOrganizationalUnitsForParent",
                "the units within each unit",
            ),
        ],
        &[EVERYTHING],
        &[],
    )],
};

const ORGANIZATION_ROLE: Policy = Policy {
    name: "organization-role",
    kind: Kind::Identity,
    account: Source,
    purpose: "`organizations-role`: lists the accounts of an organization as that role.",
    danger: "It can do whatever that role may do, which should be nothing but \
             `organization-reader`.",
    used_with: &["publisher"],
    statements: &[allow(
        "ListAsRole",
        &[called(
            "sts:AssumeRole",
            "the role's trust policy must allow it too",
        )],
        &[Texts(&[
            "arn:aws:iam::999999999999:role/organization-reader",
        ])],
        &[],
    )],
};

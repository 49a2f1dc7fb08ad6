//! Policies that let roles in a target launch.

use super::super::Account::Target;
use super::super::Values::{KeysOf, LaunchPolicy, LaunchRoles, ServiceRoles, SharedKeys};
use super::super::conditions::*;
use super::super::{Kind, Policy, allow, called};

pub(super) const POLICIES: &[Policy] = &[
    TARGET_LAUNCH_ROLES,
    TARGET_LAUNCH_ROLES_INLINE,
    TARGET_SERVICE_LINKED_ROLES,
];

const TARGET_LAUNCH_ROLES: Policy = Policy {
    name: "target-launch-roles",
    kind: Kind::Identity,
    account: Target,
    purpose: "`target-launch-roles` with `target-launch-policy`: the recommended way. The target \
              creates the managed policy once, from `launcher.json`.",
    danger: "It can attach that one policy to the roles named here, and detach it, and list \
             every image of the account.",
    used_with: &["launcher"],
    statements: &[
        allow(
            "ListAttachedPolicies",
            &[called(
                "iam:ListAttachedRolePolicies",
                "reads whether the policy is attached already",
            )],
            &[LaunchRoles],
            &[],
        ),
        allow(
            "AttachLaunchPolicy",
            &[
                called("iam:AttachRolePolicy", "lets the role launch"),
                called("iam:DetachRolePolicy", "`mode: revoke`"),
            ],
            &[LaunchRoles],
            &[when("ArnEquals", "iam:PolicyARN", LaunchPolicy)],
        ),
        allow(
            "FindCopies",
            &[called(
                "ec2:DescribeImages",
                "`mode: revoke`: finds the target's own copies, which are launched with the policy",
            )],
            &[EVERYTHING],
            &[],
        ),
    ],
};

const TARGET_LAUNCH_ROLES_INLINE: Policy = Policy {
    name: "target-launch-roles-inline",
    kind: Kind::Identity,
    account: Target,
    purpose: "`target-launch-roles` without `target-launch-policy`: an inline policy for each \
              key.",
    danger: "`iam:PutRolePolicy` gives full control over the role: it can let the role do \
             anything, as no condition key limits what is written. Prefer `target-launch-roles`, \
             or give the roles a permissions boundary.",
    used_with: &[],
    statements: &[allow(
        "PutLaunchPolicies",
        &[
            called(
                "iam:ListRolePolicies",
                "reads the names of the inline policies, to find their size together",
            ),
            called(
                "iam:GetRolePolicy",
                "reads whether the policy of ami-share is up to date",
            ),
            called("iam:PutRolePolicy", "lets the role use the key"),
            called("iam:DeleteRolePolicy", "`mode: revoke`"),
        ],
        &[LaunchRoles],
        &[],
    )],
};

const TARGET_SERVICE_LINKED_ROLES: Policy = Policy {
    name: "target-service-linked-roles",
    kind: Kind::Identity,
    account: Target,
    purpose: "`target-service-linked-roles`, such as Auto Scaling's: grants that only the target \
              can create.",
    danger: "It can let the roles of the services named here use the keys, and no others.",
    used_with: &[],
    statements: &[
        allow(
            "ListRoles",
            &[
                called("iam:ListRoles", "reads which roles the service has"),
                called(
                    "ec2:GetEbsDefaultKmsKeyId",
                    "reads the key that new volumes of shared images are encrypted with",
                ),
                called(
                    "ec2:GetEbsEncryptionByDefault",
                    "reads whether that key also encrypts volumes of unencrypted images",
                ),
            ],
            &[EVERYTHING],
            &[],
        ),
        allow(
            "CreateServiceLinkedRoles",
            &[called(
                "iam:CreateServiceLinkedRole",
                "creates the role if it is missing",
            )],
            &[ServiceRoles],
            &[],
        ),
        allow(
            "ListGrants",
            &[
                called(
                    "kms:DescribeKey",
                    "reads whether the default EBS key is a customer managed one",
                ),
                called(
                    "kms:ListGrants",
                    "reads whether the target's own key has the grant already",
                ),
                called(
                    "kms:GetKeyPolicy",
                    "reads whether the target's own key needs the grant",
                ),
            ],
            &[KeysOf(Target)],
            &[],
        ),
        allow(
            "CreateServiceGrants",
            &[called(
                "kms:CreateGrant",
                "creates the grant of the service's role",
            )],
            &[SharedKeys, KeysOf(Target)],
            &[
                when("StringLike", "kms:GranteePrincipal", ServiceRoles),
                ONLY_SERVICE_OPERATIONS,
                SOME_OPERATIONS,
            ],
        ),
    ],
};

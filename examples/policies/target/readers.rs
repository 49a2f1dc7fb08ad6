//! Policies that read in a target: before a revoke, in dry runs, and to verify.

use super::super::Account::Target;
use super::super::Values::{KeysOf, LaunchRoles, Parameters, TargetRoles};
use super::super::conditions::*;
use super::super::{Kind, Policy, allow, called};

pub(super) const POLICIES: &[Policy] = &[TARGET_REVOKER, TARGET_READER, VERIFIER];

const TARGET_REVOKER: Policy = Policy {
    name: "target-revoker",
    kind: Kind::Identity,
    account: Target,
    purpose: "`mode: revoke` with `target-role`: a key that volumes or snapshots of the target \
              are encrypted with stays usable. Without this policy nobody can tell, and the key \
              is revoked.",
    danger: "It can list every volume and snapshot of the account, but not read their contents.",
    used_with: &[],
    statements: &[allow(
        "FindKeyUse",
        &[
            called(
                "ec2:DescribeVolumes",
                "finds volumes under a key that the target would lose",
            ),
            called("ec2:DescribeSnapshots", "finds snapshots under it"),
        ],
        &[EVERYTHING],
        &[],
    )],
};

const TARGET_READER: Policy = Policy {
    name: "target-reader",
    kind: Kind::Identity,
    account: Target,
    purpose: "`dry-run: true` with `target-role`: it cannot change anything.",
    danger: "It can read the inline policies of the launch roles, the names of all roles, and the \
             policies and grants of keys.",
    used_with: &[],
    statements: &[
        allow(
            "Describe",
            &[
                called(
                    "ec2:DescribeImages",
                    "reads shared images and existing copies",
                ),
                called("ec2:DescribeSnapshots", "reads the keys of copies"),
                called(
                    "iam:ListRoles",
                    "`target-service-linked-roles`: reads which roles the service has",
                ),
                called(
                    "ec2:GetEbsDefaultKmsKeyId",
                    "to verify, and `target-service-linked-roles`: reads the key of new volumes",
                ),
                called(
                    "ec2:GetEbsEncryptionByDefault",
                    "to verify, and `target-service-linked-roles`: reads whether that key also \
                     encrypts volumes of unencrypted images",
                ),
            ],
            &[EVERYTHING],
            &[],
        ),
        allow(
            "ReadKeys",
            &[
                called(
                    "kms:DescribeKey",
                    "`target-kms-key-id`: reads state and kind of the key",
                ),
                called(
                    "kms:ListGrants",
                    "with `target-service-linked-roles`: reads whether the key has their grants; \
                     to verify: whether it has grants of the launch roles",
                ),
                called(
                    "kms:GetKeyPolicy",
                    "with `target-service-linked-roles`: reads whether the key needs their grants; \
                     to verify: whether it lets the launch roles use it",
                ),
            ],
            &[KeysOf(Target)],
            &[],
        ),
        allow(
            "ReadLaunchTemplates",
            &[called(
                "ec2:DescribeLaunchTemplateVersions",
                "`target-launch-templates`: reads the default and the newest version",
            )],
            &[EVERYTHING],
            &[],
        ),
        allow(
            "ReadParameters",
            &[called(
                "ssm:GetParameter",
                "`publish-ssm-parameter`: reads the current value",
            )],
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
        allow(
            "ReadLaunchRoles",
            &[
                called(
                    "iam:ListAttachedRolePolicies",
                    "with `target-launch-policy`: reads whether it is attached",
                ),
                called(
                    "iam:ListRolePolicies",
                    "without it: reads the names of the inline policies",
                ),
                called("iam:GetRolePolicy", "without it: reads what they allow"),
            ],
            &[LaunchRoles],
            &[],
        ),
    ],
};

const VERIFIER: Policy = Policy {
    name: "verifier",
    kind: Kind::Identity,
    account: Target,
    purpose: "`mode: verify`, and `verify: permissions` after a share: it cannot change anything. \
              Without it the checks say `unknown`, and the share continues.",
    danger: "It can read what the launch roles may do. The source account needs `reader`.",
    used_with: &["target-reader"],
    statements: &[
        allow(
            "ReadSettings",
            &[called(
                "ec2:GetAllowedImagesSettings",
                "reads whether Allowed AMIs hide the image",
            )],
            &[EVERYTHING],
            &[],
        ),
        allow(
            "SimulateLaunches",
            &[
                called(
                    "iam:GetContextKeysForPrincipalPolicy",
                    "reads which conditions the policies of the launch roles have",
                ),
                called(
                    "iam:SimulatePrincipalPolicy",
                    "asks what the policies of the launch roles allow",
                ),
            ],
            &[LaunchRoles, TargetRoles],
            &[],
        ),
        allow(
            "FindLaunchRoles",
            &[called(
                "iam:GetRole",
                "reads the path of a launch role, which its name does not tell",
            )],
            &[LaunchRoles],
            &[],
        ),
    ],
};

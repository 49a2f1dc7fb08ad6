//! Policies that say whom a role, a key or an organization lets in.

use super::Values::{
    ExternalId, GitHubProvider, GitHubSubject, Images, Publisher, Snapshots, TargetRoles,
    TargetRoots, These,
};
use super::{Account, Action, Basis, EVERYTHING, Kind, Policy, Statement, YES, when};

const fn guard(name: &'static str, because: &'static str) -> Action {
    Action {
        name,
        because,
        basis: Basis::Guard,
    }
}

pub(super) const POLICIES: &[Policy] = &[
    Policy {
        name: "target-trust",
        kind: Kind::Trust,
        account: Account::Target,
        purpose: "The trust policy of the role in the target (`target-role`, \
                  `target-external-id`).",
        danger: "It names the publisher's role, not its account: with the account, whoever may \
                 assume roles there could come. The external ID is no secret; it keeps a publisher \
                 that serves many from being sent to the wrong one.",
        beside: &[],
        statements: &[Statement {
            sid: "LetThePublisherIn",
            allow: true,
            principal: Some(("AWS", Publisher)),
            actions: &[Action {
                name: "sts:AssumeRole",
                because: "the publisher's own policy must allow it too (R5.1)",
                basis: Basis::Exercised,
            }],
            on: &[],
            when: &[when("StringEquals", "sts:ExternalId", ExternalId)],
        }],
    },
    Policy {
        name: "github-trust",
        kind: Kind::Trust,
        account: Account::Source,
        purpose: "The trust policy of the publisher's role for a workflow of GitHub, without any \
                  secret: jobs of one environment of one repository. The account needs GitHub's \
                  OpenID Connect provider.",
        danger: "Without the condition on `sub` every repository of GitHub could assume the role. \
                 An environment has reviewers and branches of its own; `repo:OWNER/REPO:*` would \
                 let any branch and pull request in.",
        beside: &[],
        statements: &[Statement {
            sid: "LetTheWorkflowIn",
            allow: true,
            principal: Some(("Federated", GitHubProvider)),
            actions: &[guard(
                "sts:AssumeRoleWithWebIdentity",
                "aws-actions/configure-aws-credentials, before this tool runs",
            )],
            on: &[],
            when: &[
                when(
                    "StringEquals",
                    "token.actions.githubusercontent.com:aud",
                    These(&["sts.amazonaws.com"]),
                ),
                when(
                    "StringEquals",
                    "token.actions.githubusercontent.com:sub",
                    GitHubSubject,
                ),
            ],
        }],
    },
    Policy {
        name: "key-policy",
        kind: Kind::Key,
        account: Account::Source,
        purpose: "The statement that `key-access: policy` writes, for those who keep key policies \
                  in code and set `key-access: none`; the output `key-policy-statements` has it \
                  with the targets of the run.",
        danger: "It lets all of the target accounts' principals, as far as their own IAM does, use \
                 the key through EC2. Without the first condition they could decrypt with it \
                 directly.",
        beside: &[],
        statements: &[Statement {
            sid: "AmiShareUse",
            allow: true,
            principal: Some(("AWS", TargetRoots)),
            actions: &[
                Action {
                    name: "kms:DescribeKey",
                    because: "launches and copies in the targets (R1.4.2, R4.1)",
                    basis: Basis::Published,
                },
                Action {
                    name: "kms:Decrypt",
                    because: "launches and copies in the targets (R1.4.2, R4.1)",
                    basis: Basis::Published,
                },
                Action {
                    name: "kms:ReEncrypt*",
                    because: "launches and copies in the targets (R1.4.2, R4.1)",
                    basis: Basis::Published,
                },
                Action {
                    name: "kms:GenerateDataKeyWithoutPlaintext",
                    because: "launches and copies in the targets (R1.4.2, R4.1)",
                    basis: Basis::Published,
                },
                Action {
                    name: "kms:CreateGrant",
                    because: "EC2's grants, made as the launcher (R1.4.6, R4.3)",
                    basis: Basis::Exercised,
                },
            ],
            on: &[EVERYTHING],
            when: &[
                super::VIA_EC2,
                when("BoolIfExists", "kms:GrantIsForAWSResource", YES),
            ],
        }],
    },
    Policy {
        name: "tag-guard",
        kind: Kind::Control,
        account: Account::Source,
        purpose: "A service control policy for all accounts: only the publisher and the targets' \
                  roles write the tags that this tool goes by.",
        danger: "By `ami-share:request` a copy is found again, adopted and removed, by \
                 `ami-share:temporary-…` access is taken back. This tool checks more than the tags, but \
                 IAM's conditions above have nothing else to go by.",
        beside: &[],
        statements: &[Statement {
            sid: "OnlyAmiShareWritesItsTags",
            allow: false,
            principal: None,
            actions: &[
                guard("ec2:CreateTags", "denied to everybody else"),
                guard("ec2:DeleteTags", "denied to everybody else"),
            ],
            on: &[Images, Snapshots],
            when: &[
                when(
                    "ForAnyValue:StringLike",
                    "aws:TagKeys",
                    These(&["ami-share:*"]),
                ),
                when("ArnNotLike", "aws:PrincipalArn", Publisher),
                when("ArnNotLike", "aws:PrincipalArn", TargetRoles),
            ],
        }],
    },
];

//! Policies of resources: of roles, of keys and of an organization.

use super::Values::{
    ExternalId, GitHubProvider, GitHubSubject, Images, Publisher, Snapshots, TargetRoles,
    TargetRoots, Texts,
};
use super::conditions::*;
use super::{Account, Action, Basis, Kind, Policy, Statement, called, published};

pub(super) const POLICIES: &[Policy] = &[TARGET_TRUST, GITHUB_TRUST, KEY_POLICY, TAG_GUARD];

const fn guard(name: &'static str, reason: &'static str) -> Action {
    Action {
        name,
        reason,
        basis: Basis::Guard,
    }
}

const TARGET_TRUST: Policy = Policy {
    name: "target-trust",
    kind: Kind::Trust,
    account: Account::Target,
    purpose: "The trust policy of the role in the target (`target-role`, `target-external-id`).",
    danger: "It names the publisher's role and not its account, which would trust every principal \
             there that may assume roles. The external ID is not a secret: it prevents that a \
             publisher which serves several customers is made to act for the wrong one.",
    used_with: &[],
    statements: &[Statement {
        sid: "TrustPublisher",
        allow: true,
        principal: Some(("AWS", Publisher)),
        actions: &[called(
            "sts:AssumeRole",
            "the publisher's own policy must allow it too",
        )],
        resources: &[],
        conditions: &[when("StringEquals", "sts:ExternalId", ExternalId)],
    }],
};

const GITHUB_TRUST: Policy = Policy {
    name: "github-trust",
    kind: Kind::Trust,
    account: Account::Source,
    purpose: "The trust policy of the publisher's role for a workflow of GitHub, without a \
              secret: for jobs of one environment of one repository. The account needs GitHub's \
              OpenID Connect provider.",
    danger: "Without the condition on `sub`, every repository of GitHub could assume the role. An \
             environment has its own reviewers and branches; `repo:OWNER/REPO:*` would trust \
             every branch and pull request.",
    used_with: &[],
    statements: &[Statement {
        sid: "TrustWorkflow",
        allow: true,
        principal: Some(("Federated", GitHubProvider)),
        actions: &[guard(
            "sts:AssumeRoleWithWebIdentity",
            "aws-actions/configure-aws-credentials calls it before ami-share runs",
        )],
        resources: &[],
        conditions: &[
            when(
                "StringEquals",
                "token.actions.githubusercontent.com:aud",
                Texts(&["sts.amazonaws.com"]),
            ),
            when(
                "StringEquals",
                "token.actions.githubusercontent.com:sub",
                GitHubSubject,
            ),
        ],
    }],
};

const LISTED: &str = "AWS lists it for launches and copies in the targets";

const KEY_POLICY: Policy = Policy {
    name: "key-policy",
    kind: Kind::Key,
    account: Account::Source,
    purpose: "The statement that `key-access: policy` writes, if you keep key policies in code \
              and set `key-access: none`. The output `key-policy-statements` has it with the \
              targets of the run.",
    danger: "It lets every principal of the target accounts use the key through EC2, if their own \
             IAM policies allow it. Without the first condition they could decrypt with the key \
             directly.",
    used_with: &[],
    statements: &[Statement {
        sid: "AmiShareUse",
        allow: true,
        principal: Some(("AWS", TargetRoots)),
        actions: &[
            published("kms:DescribeKey", LISTED),
            published("kms:Decrypt", LISTED),
            published("kms:ReEncrypt*", LISTED),
            published("kms:GenerateDataKeyWithoutPlaintext", LISTED),
            called(
                "kms:CreateGrant",
                "EC2 creates its grants as the principal that launches",
            ),
        ],
        resources: &[EVERYTHING],
        conditions: &[
            VIA_EC2,
            when("BoolIfExists", "kms:GrantIsForAWSResource", YES),
        ],
    }],
};

const TAG_GUARD: Policy = Policy {
    name: "tag-guard",
    kind: Kind::Control,
    account: Account::Source,
    purpose: "A service control policy for all accounts: only the publisher and the targets' \
              roles may write the tags that ami-share relies on.",
    danger: "`ami-share:request` identifies the copies that a run adopts or removes, and \
             `ami-share:temporary-…` the access that it revokes. ami-share checks more than the \
             tags; the conditions of the policies above can check nothing else.",
    used_with: &[],
    statements: &[Statement {
        sid: "OnlyAmiShareWritesItsTags",
        allow: false,
        principal: None,
        actions: &[
            guard("ec2:CreateTags", "denied to all others"),
            guard("ec2:DeleteTags", "denied to all others"),
        ],
        resources: &[Images, Snapshots],
        conditions: &[
            when(
                "ForAnyValue:StringLike",
                "aws:TagKeys",
                Texts(&["ami-share:*"]),
            ),
            when("ArnNotLike", "aws:PrincipalArn", Publisher),
            when("ArnNotLike", "aws:PrincipalArn", TargetRoles),
        ],
    }],
};

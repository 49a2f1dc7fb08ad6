//! Policies of resources: of roles, of keys and of an organization.

use super::Values::{
    ExternalId, GitHubJobs, GitHubProvider, Images, Snapshots, SourceRole, TargetRoles,
    TargetRoots, Texts,
};
use super::conditions::*;
use super::{
    Account, Action, Basis, Condition, Kind, Policy, Statement, Values, called, published,
};

pub(super) const POLICIES: &[Policy] = &[
    TARGET_TRUST,
    GITHUB_TRUST,
    GITHUB_TRUST_READER,
    GITHUB_TRUST_REVOKER,
    KEY_POLICY,
    TAG_GUARD,
];

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
        principal: Some(("AWS", SourceRole("publisher"))),
        actions: &[called(
            "sts:AssumeRole",
            "the publisher's own policy must allow it too",
        )],
        resources: &[],
        conditions: &[when("StringEquals", "sts:ExternalId", ExternalId)],
    }],
};

const ASSUME: &[Action] = &[guard(
    "sts:AssumeRoleWithWebIdentity",
    "ami-share calls it with `role-to-assume`; else configure-aws-credentials does, before it",
)];

/// Lets jobs of a workflow assume a role.
const fn trust_workflow(conditions: &'static [Condition]) -> Statement {
    Statement {
        sid: "TrustWorkflow",
        allow: true,
        principal: Some(("Federated", GitHubProvider)),
        actions: ASSUME,
        resources: &[],
        conditions,
    }
}

const FOR_AWS: Condition = when(
    "StringEquals",
    "token.actions.githubusercontent.com:aud",
    Texts(&["sts.amazonaws.com"]),
);

const fn of_jobs(jobs: &'static [&'static str]) -> Condition {
    when(
        "StringEquals",
        "token.actions.githubusercontent.com:sub",
        GitHubJobs(jobs),
    )
}

const GITHUB_TRUST: Policy = Policy {
    name: "github-trust",
    kind: Kind::Trust,
    account: Account::Source,
    purpose: "The trust policy of the publisher's role for workflows of GitHub, without a secret: \
              for the jobs of `examples/github` that use it, in the environments `staging` and \
              `production`, and on the branch `main`. The account needs GitHub's OpenID Connect \
              provider. Each subject is there twice: GitHub writes the IDs of owner and repository \
              into those of repositories that were created, renamed or transferred after \
              2026-07-15. Remove the form that is not yours, and the jobs that you do not have.",
    danger: "Without the condition on `sub`, every repository of GitHub could assume the role. An \
             environment has its own reviewers and branches; `repo:OWNER/REPO:*` would trust \
             every branch and pull request. A subject without IDs fits a later owner of a \
             repository of that name.",
    used_with: &[],
    statements: &[trust_workflow(&[
        FOR_AWS,
        of_jobs(&[
            "environment:staging",
            "environment:production",
            "ref:refs/heads/main",
        ]),
    ])],
};

const GITHUB_TRUST_READER: Policy = Policy {
    name: "github-trust-reader",
    purpose: "The same for a role with `reader`: for jobs on the branch `main`, such as those that \
              run on a schedule, and in pull requests.",
    danger: "Everybody who may push a branch can read with whom everything is shared. Pull \
             requests from forks get no token.",
    statements: &[trust_workflow(&[
        FOR_AWS,
        of_jobs(&["ref:refs/heads/main", "pull_request"]),
    ])],
    ..GITHUB_TRUST
};

const GITHUB_TRUST_REVOKER: Policy = Policy {
    name: "github-trust-revoker",
    purpose: "The same for a role with `revoker`: for jobs of the environment `revoke`.",
    danger: "Everybody who may use the environment can revoke what is shared.",
    statements: &[trust_workflow(&[FOR_AWS, of_jobs(&["environment:revoke"])])],
    ..GITHUB_TRUST
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
    purpose: "A service control policy for all accounts: only the publisher, the revoker and \
              the targets' roles may write the tags that ami-share relies on. The second statement \
              also denies the others calls of DeleteTags that name no tag, for these remove all \
              tags. Roles of your own that retire, copy or launch to verify must be exempt too.",
    danger: "`ami-share:request` identifies the copies that a run adopts or removes, \
             `ami-share:temporary-…` the access that it revokes, `ami-share:disabled` since when \
             an image that it may deregister is disabled, and `ami-share:verify` the instances \
             that it terminates. ami-share checks more than the tags; the conditions of \
             the policies above can check nothing else.",
    used_with: &[],
    statements: &[
        Statement {
            sid: "OnlyAmiShareWritesItsTags",
            allow: false,
            principal: None,
            actions: &[
                guard("ec2:CreateTags", "denied to all others"),
                guard("ec2:DeleteTags", "denied to all others"),
            ],
            resources: GUARDED,
            conditions: &[
                when(
                    "ForAnyValue:StringLike",
                    "aws:TagKeys",
                    Texts(&["ami-share:*"]),
                ),
                NOT_PUBLISHER,
                NOT_REVOKER,
                NOT_TARGETS,
            ],
        },
        Statement {
            sid: "OnlyAmiShareRemovesAllTags",
            allow: false,
            principal: None,
            actions: &[guard("ec2:DeleteTags", "denied to all others")],
            resources: GUARDED,
            conditions: &[
                when("Null", "aws:TagKeys", YES),
                NOT_PUBLISHER,
                NOT_REVOKER,
                NOT_TARGETS,
            ],
        },
    ],
};

// The roles of the presets that write tags.
const NOT_PUBLISHER: Condition = when("ArnNotLike", "aws:PrincipalArn", SourceRole("publisher"));
const NOT_REVOKER: Condition = when("ArnNotLike", "aws:PrincipalArn", SourceRole("revoker"));
const NOT_TARGETS: Condition = when("ArnNotLike", "aws:PrincipalArn", TargetRoles);

/// Whatever has tags that ami-share relies on, in every account.
const GUARDED: &[Values] = &[
    Images,
    Snapshots,
    Texts(&[
        "arn:aws:ec2:*:*:instance/*",
        "arn:aws:ec2:*:*:security-group/*",
    ]),
];

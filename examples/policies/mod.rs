//! Who needs which permission: one table, from which come the policies of `examples/iam`, the
//! templates of `examples/cloudformation` and `examples/terraform`, and `docs/IAM.md`. Pure data
//! and text; the tests of `tests/core/policies.rs` keep the files equal to it, and those of
//! `tests/core/permissions` keep it true.

pub(crate) mod cloudformation;
pub(crate) mod json;
pub(crate) mod markdown;
mod resource_policies;
mod source;
mod target;
pub(crate) mod terraform;

/// Whose account a policy belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// A, which owns the images.
    Source,
    /// B, which is to launch them.
    Target,
}

/// What kind of document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of a role or user.
    Identity,
    /// The trust policy of a role: who may assume it.
    Trust,
    /// Statements of a key's policy.
    Key,
    /// A service control policy of an organization.
    Control,
}

/// One document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// The name of its file in `examples/iam`, without `.json`.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) account: Account,
    /// For whom, and which inputs ask for it.
    pub(crate) purpose: &'static str,
    /// What somebody who has it could do beside what it is for.
    pub(crate) danger: &'static str,
    /// The policies that it is of use with; with `publisher`, `publisher-grants` does as well.
    pub(crate) beside: &'static [&'static str],
    pub(crate) statements: &'static [Statement],
}

/// What may be done to what, under which conditions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) sid: &'static str,
    pub(crate) allow: bool,
    /// Whom a policy of a resource means; policies of principals name nobody.
    pub(crate) principal: Option<(&'static str, Values)>,
    pub(crate) actions: &'static [Action],
    /// Empty in trust policies.
    pub(crate) on: &'static [Values],
    pub(crate) when: &'static [When],
}

/// One action, and why it is needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    pub(crate) name: &'static str,
    pub(crate) because: &'static str,
    pub(crate) basis: Basis,
}

/// How it is known to be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// This tool makes the call itself, or AWS was recorded making it with the caller's identity
    /// (R1.4.5, R4.3).
    Exercised,
    /// AWS publishes it as needed (R1.4.1, R1.4.2, R4.1); no recording shows it in use.
    Published,
    /// What it denies or whom it trusts, it does without any call of this tool.
    Guard,
}

/// A condition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    pub(crate) operator: &'static str,
    pub(crate) key: &'static str,
    pub(crate) values: Values,
}

/// Texts of a policy, which depend on whose they are. Files name example accounts; templates have
/// parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    These(&'static [&'static str]),
    /// Every image, of any Region and account.
    Images,
    Snapshots,
    /// What an account has of a kind in EC2, such as `instance`.
    OfTarget(&'static str),
    /// The keys that are shared.
    SharedKeys,
    /// Every key of an account.
    KeysOf(Account),
    /// The parameters that images are published in.
    Parameters(Account),
    SourceAccount,
    TargetAccounts,
    /// The same as principals.
    TargetRoots,
    Organizations,
    OrganizationalUnits,
    /// The role that runs this tool.
    Publisher,
    /// The role in targets that the publisher assumes.
    TargetRoles,
    /// The roles in a target that shall launch.
    LaunchRoles,
    /// The managed policy that lets them.
    LaunchPolicy,
    /// The roles of services that launch, such as Auto Scaling's.
    ServiceRoles,
    ExternalId,
    GitHubProvider,
    GitHubSubject,
}

/// Every document, in the order of the documentation.
pub(crate) fn all() -> Vec<&'static Policy> {
    source::POLICIES
        .iter()
        .chain(target::POLICIES)
        .chain(resource_policies::POLICIES)
        .collect()
}

const fn called(name: &'static str, because: &'static str) -> Action {
    Action {
        name,
        because,
        basis: Basis::Exercised,
    }
}

const fn published(name: &'static str, because: &'static str) -> Action {
    Action {
        name,
        because,
        basis: Basis::Published,
    }
}

const fn allow(
    sid: &'static str,
    actions: &'static [Action],
    on: &'static [Values],
    when: &'static [When],
) -> Statement {
    Statement {
        sid,
        allow: true,
        principal: None,
        actions,
        on,
        when,
    }
}

const fn when(operator: &'static str, key: &'static str, values: Values) -> When {
    When {
        operator,
        key,
        values,
    }
}

const YES: Values = Values::These(&["true"]);
const NO: Values = Values::These(&["false"]);
const EVERYTHING: Values = Values::These(&["*"]);
/// In `aws-cn` the service is named with `.cn` behind it as well.
const VIA_EC2: When = when(
    "StringLike",
    "kms:ViaService",
    Values::These(&["ec2.*.amazonaws.com"]),
);
const FOR_EC2: When = when("Bool", "kms:GrantIsForAWSResource", YES);
/// Only what this tool made carries its tag.
const OURS: When = when("Null", "aws:ResourceTag/ami-share:request", NO);
const IN_COPYING: When = when(
    "StringEquals",
    "ec2:CreateAction",
    Values::These(&["CopyImage"]),
);
/// What launches and copies do with a key, as operations of grants.
const OPERATIONS: Values = Values::These(&[
    "DescribeKey",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKeyWithoutPlaintext",
    "CreateGrant",
]);
/// What roles of services need (R4.11).
const SERVICE_OPERATIONS: Values = Values::These(&[
    "Encrypt",
    "Decrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "DescribeKey",
    "CreateGrant",
]);
const ONLY_OPERATIONS: When = when(
    "ForAllValues:StringEquals",
    "kms:GrantOperations",
    OPERATIONS,
);
const ONLY_SERVICE_OPERATIONS: When = when(
    "ForAllValues:StringEquals",
    "kms:GrantOperations",
    SERVICE_OPERATIONS,
);
/// `ForAllValues` alone is true where the key is not there.
const SOME_OPERATIONS: When = when("Null", "kms:GrantOperations", NO);

//! Which permissions are needed: one table, from which come the policies of `examples/iam`, the
//! templates of `examples/cloudformation` and `examples/terraform`, and `docs/IAM.md`.
//!
//! Pure data and text. The tests of `tests/core/policies.rs` keep the files equal to the table, and
//! those of `tests/core/permissions.rs` show that the policies are sufficient and not more than
//! that.

pub(crate) mod cloudformation;
mod conditions;
mod copy_statements;
pub(crate) mod json;
pub(crate) mod markdown;
pub(crate) mod presets;
mod resource_policies;
mod source;
mod target;
pub(crate) mod terraform;

/// In which account a policy is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// The account that owns the images.
    Source,
    /// An account that launches them.
    Target,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A policy of a role or user.
    Identity,
    /// The trust policy of a role: who may assume it.
    Trust,
    /// Statements of a key policy.
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
    /// Which inputs need it.
    pub(crate) purpose: &'static str,
    /// What else a principal with this policy can do.
    pub(crate) danger: &'static str,
    /// The policies that it is used with; `publisher-grants` does instead of `publisher`.
    pub(crate) used_with: &'static [&'static str],
    pub(crate) statements: &'static [Statement],
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) sid: &'static str,
    pub(crate) allow: bool,
    /// The kind of principal and who it is, in policies of resources.
    pub(crate) principal: Option<(&'static str, Values)>,
    pub(crate) actions: &'static [Action],
    /// Empty in trust policies.
    pub(crate) resources: &'static [Values],
    pub(crate) conditions: &'static [Condition],
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    pub(crate) name: &'static str,
    /// Why it is needed.
    pub(crate) reason: &'static str,
    pub(crate) basis: Basis,
}

/// How it is known that an action is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Basis {
    /// The library makes the call itself, or AWS was recorded making it with the caller's identity
    /// (R1.4.5, R4.3).
    Exercised,
    /// AWS publishes it as needed (R1.4.1, R1.4.2, R4.1); no recording shows it in use.
    Published,
    /// The policy denies or trusts, and the library makes no call of it.
    Guard,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition {
    pub(crate) operator: &'static str,
    pub(crate) key: &'static str,
    pub(crate) values: Values,
}

/// Texts of a policy. Files name example accounts; templates have parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Values {
    Texts(&'static [&'static str]),
    /// Every image, of any Region and account.
    Images,
    Snapshots,
    /// The reports on who uses images of the source account.
    UsageReports,
    /// All resources of a target of one type of EC2, such as `instance`.
    TargetResources(&'static str),
    /// The keys that are shared.
    SharedKeys,
    /// Every key of an account.
    KeysOf(Account),
    /// The parameters that images are published in.
    Parameters(Account),
    SourceAccount,
    TargetAccounts,
    /// The target accounts as principals.
    TargetRoots,
    /// The role of the source account with this name.
    SourceRole(&'static str),
    /// The role in targets that the publisher assumes.
    TargetRoles,
    /// The roles in a target that launch.
    LaunchRoles,
    /// The managed policy that lets them launch.
    LaunchPolicy,
    /// The service-linked roles that launch, such as Auto Scaling's.
    ServiceRoles,
    ExternalId,
    GitHubProvider,
    /// Jobs of a workflow of GitHub, by what ends their subjects.
    GitHubJobs(&'static [&'static str]),
}

/// Every document, in the order of the documentation.
pub(crate) fn all() -> Vec<&'static Policy> {
    let mut policies: Vec<&Policy> = Vec::new();
    for group in [source::POLICIES, target::POLICIES] {
        for part in group {
            policies.extend(*part);
        }
    }
    policies.extend(resource_policies::POLICIES);
    policies
}

/// An action that the library or AWS was seen to need.
const fn called(name: &'static str, reason: &'static str) -> Action {
    Action {
        name,
        reason,
        basis: Basis::Exercised,
    }
}

/// An action that AWS publishes as needed.
const fn published(name: &'static str, reason: &'static str) -> Action {
    Action {
        name,
        reason,
        basis: Basis::Published,
    }
}

const fn allow(
    sid: &'static str,
    actions: &'static [Action],
    resources: &'static [Values],
    conditions: &'static [Condition],
) -> Statement {
    Statement {
        sid,
        allow: true,
        principal: None,
        actions,
        resources,
        conditions,
    }
}

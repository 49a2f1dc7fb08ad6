//! Roles that fit each other, and which policies they have: three presets, each with what the one
//! before it has.

use super::{Account, Kind, Policy, all};

/// A role of the templates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Role {
    pub(crate) name: &'static str,
    pub(crate) account: Account,
    /// Its trust policy.
    pub(crate) trust: &'static str,
    pub(crate) purpose: &'static str,
}

pub(crate) const ROLES: [Role; 4] = [
    Role {
        name: "publisher",
        account: Account::Source,
        trust: "github-trust",
        purpose: "shares; also copies, publishes and verifies",
    },
    Role {
        name: "reader",
        account: Account::Source,
        trust: "github-trust-reader",
        purpose: "plans, and cannot change anything",
    },
    Role {
        name: "revoker",
        account: Account::Source,
        trust: "github-trust-revoker",
        purpose: "revokes, and retires images",
    },
    Role {
        name: "consumer",
        account: Account::Target,
        trust: "target-trust",
        purpose: "is assumed in each target, with `target-role: consumer`",
    },
];

/// A set of policies for a use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preset {
    pub(crate) name: &'static str,
    pub(crate) purpose: &'static str,
    /// What it adds to the preset before it: the policies of each role.
    adds: &'static [(&'static str, &'static [&'static str])],
}

pub(crate) const PRESETS: [Preset; 3] = [
    Preset {
        name: "share",
        purpose: "shares images and their keys, publishes parameters, deprecates and protects; \
                  nothing is done in targets",
        adds: &[
            (
                "publisher",
                &["publisher", "parameters", "lifecycle", "shared-tags"],
            ),
            ("reader", &["reader"]),
            ("revoker", &["revoker", "retire"]),
        ],
    },
    Preset {
        name: "verify",
        purpose: "also checks in each target that it can launch, also by a real launch, and tags \
                  and publishes the image there",
        adds: &[
            ("publisher", &["reader", "targets"]),
            (
                "consumer",
                &[
                    "target-reader",
                    "verifier",
                    "verifier-launch",
                    "launcher",
                    "target-tags",
                    "target-parameters",
                ],
            ),
        ],
    },
    Preset {
        name: "copy",
        purpose: "also has each target copy the image under its own key, and lets its roles and \
                  services launch",
        adds: &[
            (
                "publisher",
                &[
                    "snapshots",
                    "temporary-access",
                    "service-linked-role-grants",
                    "revoker",
                ],
            ),
            ("revoker", &["revoke-copies"]),
            (
                "consumer",
                &[
                    "target-copies",
                    "target-lifecycle",
                    "target-launch-roles",
                    "target-service-linked-roles",
                ],
            ),
        ],
    },
];

/// Takes the place of `publisher` with `key-access: grants`.
pub(crate) const BY_GRANTS: (&str, &str) = ("publisher", "publisher-grants");

impl Preset {
    /// What a role has with this preset.
    pub(crate) fn list_policies(&self, role: &str) -> Vec<&'static str> {
        let mut policies = Vec::new();
        for preset in &PRESETS {
            for (name, added) in preset.adds {
                if *name == role {
                    policies.extend(*added);
                }
            }
            if preset.name == self.name {
                break;
            }
        }
        policies
    }
}

impl Role {
    /// The names of the policies of the largest preset.
    pub(crate) fn list_names(&self) -> Vec<&'static str> {
        let policies = self.list_policies().into_iter();
        policies.map(|(name, _)| name).collect()
    }

    /// The policies of the largest preset, each with the number of the first that has it.
    pub(crate) fn list_policies(&self) -> Vec<(&'static str, usize)> {
        let mut policies = Vec::new();
        for (number, preset) in PRESETS.iter().enumerate() {
            for (name, added) in preset.adds {
                if *name == self.name {
                    policies.extend(added.iter().map(|policy| (*policy, number)));
                }
            }
        }
        policies
    }
}

/// The roles of a side.
pub(crate) fn list_roles(side: Account) -> Vec<Role> {
    let roles = ROLES.into_iter();
    roles.filter(|role| role.account == side).collect()
}

/// The policies that the templates of a side create, in the order of the documentation, each with
/// the number of the first preset that has it. Those who launch always need theirs.
pub(crate) fn list_policies(side: Account) -> Vec<(&'static Policy, usize)> {
    let mut policies = Vec::new();
    for policy in all() {
        if policy.kind != Kind::Identity || policy.account != side {
            continue;
        }
        let mut first = (policy.name == "launcher").then_some(0);
        let (with_policy, with_grants) = BY_GRANTS;
        let name = match policy.name {
            name if name == with_grants => with_policy,
            name => name,
        };
        for role in list_roles(side) {
            for (of_role, number) in role.list_policies() {
                if of_role == name {
                    first = Some(first.map_or(number, |first| first.min(number)));
                }
            }
        }
        policies.extend(first.map(|first| (policy, first)));
    }
    policies
}

/// The trust policy of a role.
pub(crate) fn find_trust_policy(role: &Role) -> &'static Policy {
    let mut policies = all().into_iter();
    policies.find(|policy| policy.name == role.trust).unwrap()
}

//! Policies for the role in a target account, and for the principals that launch there.

mod copies;
mod launch_roles;
mod launching;
mod readers;

use super::Policy;

pub(super) const POLICIES: &[&[Policy]] = &[
    copies::POLICIES,
    launch_roles::POLICIES,
    readers::POLICIES,
    launching::POLICIES,
];

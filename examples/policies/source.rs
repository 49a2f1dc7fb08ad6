//! Policies for the role or user in the source account that runs `ami-share`.

mod additions;
mod readers;
mod retirement;
mod sharing;
mod statements;

use super::Policy;

pub(super) const POLICIES: &[&[Policy]] = &[
    sharing::POLICIES,
    additions::POLICIES,
    readers::POLICIES,
    retirement::POLICIES,
];

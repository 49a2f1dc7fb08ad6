//! Organizations and units as their accounts.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ShareRequest;
use crate::id::{AccountId, Principal, RoleArn};

/// That organizations and units of a request also mean each of their accounts: an organization can
/// have launch permission and statements of key policies, and only accounts can have grants,
/// snapshots, copies, parameters and verification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ExpandOrganizations {
    /// The role in the management account, or in that of a delegated administrator, that lists
    /// them (`sts:AssumeRole`). Without one, the source account itself is such an account.
    pub role: Option<RoleArn>,
    /// Accounts that are left out. An organization with one of them gets nothing itself: each of
    /// its other accounts does.
    pub exclude: BTreeSet<AccountId>,
}

/// An organization or unit of a request, and the accounts that AWS listed for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[non_exhaustive]
pub struct OrganizationAccounts {
    /// Its ARN.
    pub organization: Principal,
    /// Its accounts, without the source account and those that are left out.
    pub accounts: BTreeSet<AccountId>,
    /// Its accounts that are left out: the request excludes them, or they are not active.
    pub left_out: BTreeSet<AccountId>,
    /// Whether each account is shared with instead of the organization itself.
    pub by_account: bool,
}

/// The accounts of an organization or unit, as they were listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    pub(crate) active: BTreeSet<AccountId>,
    pub(crate) inactive: BTreeSet<AccountId>,
}

/// What organizations were expanded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expansion {
    /// The targets as they were given.
    pub(super) given: BTreeSet<Principal>,
    pub(crate) organizations: Vec<OrganizationAccounts>,
}

impl ShareRequest {
    /// The organizations and units whose accounts are to be listed.
    pub(crate) fn organizations_to_list(&self) -> BTreeSet<&Principal> {
        let targets = self.options.targets.iter();
        let is_listed = self.options.expand_organizations.is_some();
        targets
            .filter(|target| is_listed && target.organization().is_some())
            .collect()
    }

    /// The role that lists them.
    pub(crate) fn organizations_role(&self) -> Option<&RoleArn> {
        self.options.expand_organizations.as_ref()?.role.as_ref()
    }

    /// The request for the accounts of its organizations too; `owner` is the source account.
    pub(crate) fn expanded(
        &self,
        members: BTreeMap<Principal, Members>,
        owner: &AccountId,
    ) -> Self {
        let mut request = self.clone();
        let (Some(options), targets) = (
            &self.options.expand_organizations,
            &mut request.options.targets,
        ) else {
            return request;
        };
        let mut organizations = Vec::new();
        for (organization, mut members) in members {
            let mut excluded = &members.active | &members.inactive;
            excluded.retain(|account| options.exclude.contains(account));
            let mut accounts = &members.active - &excluded;
            accounts.remove(owner);
            // What an organization has, excluded accounts would have too. Temporary access is
            // given and reclaimed account by account.
            let shares_temporarily =
                self.options.revoke.is_none() && self.options.in_targets.unshare_after_copy;
            let by_account = !excluded.is_empty() || shares_temporarily;
            if by_account {
                targets.remove(&organization);
            }
            targets.extend(accounts.iter().cloned().map(Principal::Account));
            members.inactive.extend(excluded);
            organizations.push(OrganizationAccounts {
                organization,
                accounts,
                left_out: members.inactive,
                by_account,
            });
        }
        request.expansion = Some(Expansion {
            given: self.options.targets.clone(),
            organizations,
        });
        request
    }

    /// The targets as they were given, before organizations were expanded.
    pub(super) fn given_targets(&self) -> &BTreeSet<Principal> {
        let expansion = self.expansion.as_ref();
        expansion.map_or(&self.options.targets, |expansion| &expansion.given)
    }

    /// The organizations and their accounts; none unless they were expanded.
    pub(crate) fn listed_organizations(&self) -> &[OrganizationAccounts] {
        let expansion = self.expansion.as_ref();
        expansion.map_or(&[], |expansion| &expansion.organizations)
    }

    /// Who has the launch permission of these: the organization of an account that it covers, and
    /// the others themselves.
    pub(crate) fn launchers_of(&self, principals: &BTreeSet<Principal>) -> BTreeSet<Principal> {
        let covered = self.covered_accounts();
        let mut launchers = principals - &covered;
        for account in principals & &covered {
            let mut listed = self.listed_organizations().iter();
            let organization = listed.find(|listed| {
                let accounts = &listed.accounts;
                account.account().is_some_and(|id| accounts.contains(id)) && !listed.by_account
            });
            launchers.extend(organization.map(|listed| listed.organization.clone()));
        }
        launchers
    }

    /// Accounts that have what their organization has: they were not given themselves, and one that
    /// lists them is shared with as a whole.
    pub(crate) fn covered_accounts(&self) -> BTreeSet<Principal> {
        let mut covered = BTreeSet::new();
        for listed in self.listed_organizations() {
            if !listed.by_account {
                covered.extend(listed.accounts.iter().cloned().map(Principal::Account));
            }
        }
        covered.retain(|account| !self.given_targets().contains(account));
        covered
    }
}

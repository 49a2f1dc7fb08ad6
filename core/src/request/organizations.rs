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
    /// Accounts that are left out. With one, no organization or unit gets anything itself: each of
    /// its other accounts does, so that an account that moves there later gets nothing either.
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
    /// Its accounts that are left out: the request excludes them; or they are not active, which
    /// keeps nobody from losing access.
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
    /// Accounts that lose access although they are not active: nothing can be done in them.
    inactive: BTreeSet<AccountId>,
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
        let is_revoke = self.options.revoke.is_some();
        // What an organization has, excluded accounts would have too, also those that move there.
        // Temporary access is given and reclaimed account by account.
        let shares_temporarily = !is_revoke && self.options.in_targets.unshare_after_copy;
        let by_account = !options.exclude.is_empty() || shares_temporarily;
        let (mut organizations, mut inactive) = (Vec::new(), BTreeSet::new());
        for (
            organization,
            Members {
                active,
                inactive: closed,
            },
        ) in members
        {
            // One that is not active any more may have access since it was.
            let listed = if is_revoke {
                &active | &closed
            } else {
                active.clone()
            };
            let mut accounts = &listed - &options.exclude;
            accounts.remove(owner);
            let mut left_out = &(&active | &closed) - &accounts;
            if !options.exclude.contains(owner) && active.contains(owner) {
                left_out.remove(owner);
            }
            inactive.extend(&closed & &accounts);
            if by_account {
                targets.remove(&organization);
            }
            targets.extend(accounts.iter().cloned().map(Principal::Account));
            organizations.push(OrganizationAccounts {
                organization,
                accounts,
                left_out,
                by_account,
            });
        }
        request.expansion = Some(Expansion {
            given: self.options.targets.clone(),
            organizations,
            inactive,
        });
        request
    }

    /// The accounts that are to be left out of its organizations.
    pub(crate) fn excluded_accounts(&self) -> Option<&BTreeSet<AccountId>> {
        let options = self.options.expand_organizations.as_ref()?;
        Some(&options.exclude).filter(|exclude| !exclude.is_empty())
    }

    /// Those of them that no organization or unit has.
    pub(crate) fn excluded_strangers(&self) -> BTreeSet<AccountId> {
        let mut strangers = self.excluded_accounts().cloned().unwrap_or_default();
        for listed in self.listed_organizations() {
            strangers = &strangers - &listed.left_out;
        }
        strangers
    }

    /// The target accounts in which something can be done: AWS lets nobody into a suspended one.
    pub(crate) fn accounts_to_reach(&self) -> BTreeSet<&AccountId> {
        let mut accounts = self.target_accounts();
        if let Some(expansion) = &self.expansion {
            let is_given = |account: &AccountId| {
                let mut given = expansion.given.iter();
                given.any(|target| target.account() == Some(account))
            };
            accounts.retain(|account| !expansion.inactive.contains(*account) || is_given(account));
        }
        accounts
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

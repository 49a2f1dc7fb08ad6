//! AWS Organizations: which accounts an organization or a unit has. It is global: every Region
//! answers the same.

use aws_sdk_organizations::types::{Account, AccountState, AccountStatus};

use super::Caller;
use super::on_demand::OnDemand;
use super::pages::Pages;
use super::unreadable::{Unreadable, present, read};
use crate::diagnostic::Error;
use crate::id::{AccountId, OrganizationArn};

const UNITS: &str = "organizations:ListOrganizationalUnitsForParent";

/// Organizations, for one account.
#[derive(Clone, Debug)]
pub(crate) struct Organizations {
    pub(crate) client: OnDemand<aws_sdk_organizations::Client>,
    pub(crate) caller: Caller,
}

/// An account of an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) account: AccountId,
    /// Whether it can be used: it is neither suspended nor closed, nor will be.
    pub(crate) is_active: bool,
}

impl Organizations {
    /// The organization of the account (`organizations:DescribeOrganization`).
    pub(crate) async fn organization(&self) -> Result<OrganizationArn, Error> {
        const ACTION: &str = "organizations:DescribeOrganization";
        let call = || self.client.get().describe_organization().send();
        let answer = self.caller.send(ACTION, None, call).await?;
        let arn = answer
            .organization
            .and_then(|organization| organization.arn);
        read("Arn", arn.as_deref())
            .map_err(|unreadable| self.caller.unreadable(ACTION, &unreadable))
    }

    /// Every account of the organization (`organizations:ListAccounts`).
    pub(crate) async fn accounts(&self) -> Result<Vec<Member>, Error> {
        const ACTION: &str = "organizations:ListAccounts";
        let call = || self.client.get().list_accounts();
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.accounts().len(), page.next_token())
        });
        let mut members = Vec::new();
        while let Some(page) = pages.next().await? {
            for account in page.accounts() {
                members.push(self.member(ACTION, account)?);
            }
        }
        Ok(members)
    }

    /// The accounts directly in a unit (`organizations:ListAccountsForParent`).
    pub(crate) async fn accounts_in(&self, unit: &str) -> Result<Vec<Member>, Error> {
        const ACTION: &str = "organizations:ListAccountsForParent";
        let call = || self.client.get().list_accounts_for_parent().parent_id(unit);
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, Some(unit)), pages, |page| {
            (page.accounts().len(), page.next_token())
        });
        let mut members = Vec::new();
        while let Some(page) = pages.next().await? {
            for account in page.accounts() {
                members.push(self.member(ACTION, account)?);
            }
        }
        Ok(members)
    }

    /// The units directly in a unit (`organizations:ListOrganizationalUnitsForParent`).
    pub(crate) async fn units_in(&self, unit: &str) -> Result<Vec<String>, Error> {
        let call = || {
            self.client
                .get()
                .list_organizational_units_for_parent()
                .parent_id(unit)
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (UNITS, Some(unit)), pages, |page| {
            (page.organizational_units().len(), page.next_token())
        });
        let mut units = Vec::new();
        while let Some(page) = pages.next().await? {
            for unit in page.organizational_units.unwrap_or_default() {
                let id = present("Id", unit.id);
                units.push(id.map_err(|missing| self.caller.unreadable(UNITS, &missing))?);
            }
        }
        Ok(units)
    }

    /// The error of a unit below which AWS shows units level by level, without an end.
    pub(crate) fn endless_units(&self, unit: &str, levels: usize) -> Error {
        let message =
            format!("AWS shows {levels} levels of units below {unit}, and no end of them");
        let mut error = self.caller.unexpected(unit, message);
        error.action = Some(UNITS);
        error
    }

    fn member(&self, action: &'static str, account: &Account) -> Result<Member, Error> {
        let read = read("Id", account.id()).and_then(|id| {
            let is_active =
                is_active(account).map_err(|state| state.of(account.id().unwrap_or("")))?;
            Ok(Member {
                account: id,
                is_active,
            })
        });
        read.map_err(|unreadable| self.caller.unreadable(action, &unreadable))
    }
}

/// Whether an account can be used. AWS has retired the status for the state (R7.41).
fn is_active(account: &Account) -> Result<bool, Unreadable> {
    match (account.state(), account.status()) {
        (Some(AccountState::Active), _) | (None, Some(AccountStatus::Active)) => Ok(true),
        (
            Some(
                AccountState::Closed
                | AccountState::PendingActivation
                | AccountState::PendingClosure
                | AccountState::Suspended,
            ),
            _,
        )
        | (None, Some(AccountStatus::PendingClosure | AccountStatus::Suspended)) => Ok(false),
        (Some(other), _) => Err(Unreadable::unknown("State", other)),
        (None, Some(other)) => Err(Unreadable::unknown("Status", other)),
        (None, None) => Err(Unreadable::missing("State")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_is_active_only_if_aws_says_so() {
        let account = |state: Option<&str>, status: Option<&str>| {
            let account = Account::builder()
                .set_state(state.map(AccountState::from))
                .set_status(status.map(AccountStatus::from));
            is_active(&account.build()).ok()
        };
        for (state, status, expected) in [
            (Some("ACTIVE"), None, Some(true)),
            (None, Some("ACTIVE"), Some(true)),
            (Some("SUSPENDED"), Some("ACTIVE"), Some(false)),
            (Some("PENDING_CLOSURE"), None, Some(false)),
            (Some("PENDING_ACTIVATION"), None, Some(false)),
            (Some("CLOSED"), None, Some(false)),
            (None, Some("SUSPENDED"), Some(false)),
            (Some("MOVED"), Some("ACTIVE"), None),
            (None, Some("MOVED"), None),
            (None, None, None),
        ] {
            assert_eq!(account(state, status), expected, "{state:?}, {status:?}");
        }
    }
}

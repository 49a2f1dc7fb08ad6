//! AWS Organizations: accounts in units, with service control policies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::policy::Document;

/// An organization with its units and accounts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Organization {
    /// Such as `o-example123`.
    pub id: String,
    /// The name of the partition that it is in.
    #[serde(skip)]
    pub partition: &'static str,
    /// The management account, which no service control policy binds.
    pub management: String,
    /// Such as `r-ab12`.
    pub root: String,
    /// Units by ID: the unit or root that each is in.
    pub units: BTreeMap<String, String>,
    /// Accounts: the unit or root that each is in.
    pub accounts: BTreeMap<String, String>,
    /// Member accounts that may list it, as the management account may.
    pub delegated_administrators: BTreeSet<String>,
    /// The states of accounts that are not `ACTIVE`.
    pub account_states: BTreeMap<String, String>,
    /// Service control policies by the root, unit or account that they are attached to. Without
    /// one, everything is allowed, as by AWS's `FullAWSAccess`.
    #[serde(skip)]
    pub controls: BTreeMap<String, Vec<Arc<Document>>>,
    /// Resource control policies by the root, unit or account that they are attached to.
    #[serde(skip)]
    pub resource_controls: BTreeMap<String, Vec<ResourceControl>>,
}

/// A resource control policy, which denies what anybody does to resources of the accounts below
/// where it is attached (R3.1.11).
#[derive(Clone, Debug, Default)]
pub struct ResourceControl {
    /// The ARN.
    pub arn: String,
    /// What it denies.
    pub document: Arc<Document>,
}

/// An account's place in its organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// The organization's ID.
    pub organization: String,
    /// Such as `o-example123/r-ab12/ou-ab12-11111111/`, as `aws:PrincipalOrgPaths` has it.
    pub path: String,
    /// The names by which launch permissions may mean the account: its organization, and every unit
    /// above it.
    pub arns: Vec<String>,
}

impl Organization {
    /// An account's place.
    pub fn membership(&self, account: &str) -> Option<Membership> {
        let above = self.above(account)?;
        let mut path = format!("{}/{}/", self.id, self.root);
        let mut arns = vec![self.arn()];
        for unit in above.iter().rev().filter(|unit| **unit != self.root) {
            path.push_str(unit);
            path.push('/');
            arns.push(self.arn_of("ou", unit));
        }
        Some(Membership {
            organization: self.id.clone(),
            path,
            arns,
        })
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        let (partition, management) = (self.partition, &self.management);
        let id = &self.id;
        format!("arn:{partition}:organizations::{management}:organization/{id}")
    }

    /// The ARN of something in it, such as an `ou`, a `root` or an `account`.
    pub fn arn_of(&self, kind: &str, id: &str) -> String {
        let (partition, management) = (self.partition, &self.management);
        let organization = &self.id;
        format!("arn:{partition}:organizations::{management}:{kind}/{organization}/{id}")
    }

    /// The service control policies that bind an account, by level. Each level must allow.
    pub fn controls_of(&self, account: &str) -> Vec<Vec<Arc<Document>>> {
        if account == self.management {
            return Vec::new();
        }
        let mut levels = self.above(account).unwrap_or_default();
        levels.insert(0, account);
        levels
            .into_iter()
            .filter_map(|level| self.controls.get(level).cloned())
            .collect()
    }

    /// The resource control policies over an account. Resources of the management account have
    /// none (recorded).
    pub fn resource_controls_of(&self, account: &str) -> Vec<ResourceControl> {
        if account == self.management {
            return Vec::new();
        }
        let mut levels = self.above(account).unwrap_or_default();
        levels.push(account);
        let controls = levels
            .into_iter()
            .filter_map(|level| self.resource_controls.get(level));
        controls.flatten().cloned().collect()
    }

    /// The units above an account and the root, the nearest first.
    fn above<'a>(&'a self, account: &str) -> Option<Vec<&'a str>> {
        let mut at = self.accounts.get(account)?;
        let mut above = vec![at.as_str()];
        // Units in a circle would have no end.
        while let Some(next) = self.units.get(at)
            && above.len() <= self.units.len()
        {
            above.push(next);
            at = next;
        }
        Some(above)
    }
}

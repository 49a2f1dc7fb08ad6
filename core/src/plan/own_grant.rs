//! The grants that this tool makes. Their names find them; whether one counts is decided by what it
//! does, since anybody who may make grants can give them any name.

use std::collections::BTreeSet;

use super::names::{
    ImageGrantName, numbered, parent_grant_name, service_grant_name, without_number,
};
use crate::id::{AccountId, AmiId, KeyArn, Region};
use crate::inventory::Grant;
use crate::policy::launch_operations::{SERVICE_ROLE_OPERATIONS, launch_grant_operations};

/// A grant as this tool makes it.
#[derive(Clone, Debug)]
pub(crate) struct OwnGrant {
    name: OwnName,
    grantee: String,
    /// The account that makes it.
    issuer: AccountId,
    operations: Vec<&'static str>,
}

#[derive(Clone, Debug)]
enum OwnName {
    ForImage(ImageGrantName),
    Other(String),
}

impl OwnGrant {
    /// An account can use the key for an image.
    pub(crate) fn for_image(key: &KeyArn, name: ImageGrantName) -> Self {
        Self {
            grantee: key.region().partition().account_root(&name.account),
            name: OwnName::ForImage(name),
            issuer: key.account().clone(),
            operations: launch_grant_operations(),
        }
    }

    /// An account can make grants for its service-linked roles: a target passes on no more than it
    /// has (R3.3.9).
    pub(crate) fn parent(key: &KeyArn, account: &AccountId) -> Self {
        Self {
            name: OwnName::Other(parent_grant_name(account)),
            grantee: key.region().partition().account_root(account),
            issuer: key.account().clone(),
            operations: SERVICE_ROLE_OPERATIONS.to_vec(),
        }
    }

    /// A service-linked role can use a key; its own account makes the grant (R4.11).
    pub(crate) fn for_service_role(account: &AccountId, service: &str, role: &str) -> Self {
        Self {
            name: OwnName::Other(service_grant_name(account, service, Some(role))),
            grantee: role.to_owned(),
            issuer: account.clone(),
            operations: SERVICE_ROLE_OPERATIONS.to_vec(),
        }
    }

    /// Whether this tool made a grant for this image.
    pub(crate) fn is_for_image(key: &KeyArn, grant: &Grant, region: &Region, id: &AmiId) -> bool {
        let name = ImageGrantName::parse(&grant.name);
        let name = name.filter(|name| (&name.region, &name.image) == (region, id));
        name.is_some_and(|name| Self::for_image(key, name).is(grant))
    }

    /// Whether this tool made a grant for an account: for an image, or for service-linked roles.
    pub(crate) fn includes(key: &KeyArn, grant: &Grant) -> bool {
        let for_image = ImageGrantName::parse(&grant.name);
        for_image.is_some_and(|name| Self::for_image(key, name).is(grant))
            || grant
                .grantee_account()
                .is_some_and(|account| Self::parent(key, &account).is(grant))
    }

    /// Whether this tool made a grant for a service-linked role, whose ARN names its service.
    pub(crate) fn is_for_service_role(grant: &Grant) -> bool {
        let service = grant.grantee.split('/').nth(2);
        grant
            .account_of_grantee()
            .zip(service)
            .is_some_and(|(account, service)| {
                Self::for_service_role(&account, service, &grant.grantee).is(grant)
            })
    }

    /// Whether a grant is this one.
    pub(crate) fn is(&self, grant: &Grant) -> bool {
        self.has_name_of(grant) && self.differences(grant).is_empty()
    }

    /// Whether this grant exists.
    pub(crate) fn exists_in(&self, grants: &[Grant]) -> bool {
        grants.iter().any(|grant| self.is(grant))
    }

    /// What is wrong with each grant that has the name and does something else, by its ID.
    pub(crate) fn wrong_in<'a>(&self, grants: &'a [Grant]) -> Vec<(&'a str, String)> {
        let mut wrong = Vec::new();
        for grant in grants {
            let differences = self.differences(grant);
            if self.has_name_of(grant) && !differences.is_empty() {
                wrong.push((grant.id.as_str(), differences.join(", ")));
            }
        }
        wrong
    }

    /// The first of its names that no grant has.
    pub(crate) fn free_name(&self, grants: &[Grant]) -> String {
        let base = match &self.name {
            OwnName::ForImage(name) => name.to_string(),
            OwnName::Other(name) => name.clone(),
        };
        let taken: BTreeSet<&str> = grants.iter().map(|grant| grant.name.as_str()).collect();
        let mut number = 1;
        while taken.contains(numbered(&base, number).as_str()) {
            number += 1;
        }
        numbered(&base, number)
    }

    fn has_name_of(&self, grant: &Grant) -> bool {
        match &self.name {
            OwnName::ForImage(name) => {
                ImageGrantName::parse(&grant.name).is_some_and(|other| name.is_same(&other))
            }
            OwnName::Other(name) => without_number(&grant.name) == name,
        }
    }

    /// What of a grant is not as this tool makes it.
    fn differences(&self, grant: &Grant) -> Vec<String> {
        let mut differences = Vec::new();
        if grant.grantee != self.grantee || grant.for_service {
            let (is, expected) = (&grant.grantee, &self.grantee);
            differences.push(format!("its grantee is {is}, not {expected}"));
        }
        let operations: BTreeSet<&str> = self.operations.iter().copied().collect();
        let allowed: BTreeSet<&str> = grant.operations.iter().map(String::as_str).collect();
        for missing in &operations - &allowed {
            differences.push(format!("it does not allow {missing}"));
        }
        for more in &allowed - &operations {
            differences.push(format!("it also allows {more}"));
        }
        if grant.constrained {
            differences.push("it has a constraint".to_owned());
        }
        if !grant.is_issued_by(&self.issuer) {
            let (issuer, expected) = (&grant.issuer, &self.issuer);
            differences.push(format!("{issuer} issued it, not account {expected}"));
        }
        differences
    }
}

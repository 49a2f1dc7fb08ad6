//! Users and groups. Only policies matter of them: nobody signs in as one of these.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Policy, Tags};

/// An IAM user.
#[derive(Clone, Debug, Default, Serialize)]
pub struct User {
    /// The ARN.
    pub arn: String,
    /// The unique ID.
    pub unique_id: String,
    /// Its own policies.
    pub policies: PolicySet,
    /// The names of its groups.
    pub groups: BTreeSet<String>,
    /// The permissions boundary: the ARN of a managed policy.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An IAM group.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Group {
    /// The ARN.
    pub arn: String,
    /// The unique ID.
    pub unique_id: String,
    /// Its policies.
    pub policies: PolicySet,
}

/// The policies of a user or a group.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PolicySet {
    /// Inline policies by name.
    pub inline: BTreeMap<String, Policy>,
    /// ARNs of attached policies.
    pub attached: BTreeSet<String>,
}

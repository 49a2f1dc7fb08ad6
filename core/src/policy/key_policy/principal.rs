//! The principals that statements of this tool name.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::id::{AccountId, Partition, Principal};

/// A principal that has access by a statement of this tool, as the statement names it: an
/// organization by its ID, an organizational unit by a pattern that matches its paths.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyPrincipal {
    /// An account.
    Account(AccountId),
    /// An organization, `o-…`.
    Organization(String),
    /// An organizational unit, `o-…/r-…/*ou-…/*`.
    Unit(String),
}

impl PolicyPrincipal {
    /// How a statement names a principal; `None` for the public, which no statement names.
    pub fn of(principal: &Principal) -> Option<Self> {
        match principal {
            Principal::Account(account) => Some(Self::Account(account.clone())),
            Principal::Organization(arn) => Some(Self::Organization(arn.id().to_owned())),
            Principal::OrganizationalUnit(arn) => Some(Self::Unit(arn.path())),
            Principal::Public => None,
        }
    }

    /// The text in the statement.
    pub(super) fn text(&self, partition: Partition) -> String {
        match self {
            Self::Account(account) => partition.account_root(account),
            Self::Organization(text) | Self::Unit(text) => text.clone(),
        }
    }
}

impl fmt::Display for PolicyPrincipal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Organization(text) | Self::Unit(text) => f.write_str(text),
        }
    }
}

impl Serialize for PolicyPrincipal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for PolicyPrincipal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PolicyPrincipal".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "An account ID, the ID of an organization, or the paths of an \
                            organizational unit.",
        })
    }
}

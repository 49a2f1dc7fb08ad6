//! Grants (R3.3).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// The principal of a grant. A grant means a role by its unique ID: a new role of the same name is
/// another (R3.3.8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Grantee {
    /// The ARN, or the name of a service.
    pub arn: String,
    /// The unique ID of the role or user, with the session's name if it is a session.
    pub unique_id: Option<String>,
}

impl Grantee {
    /// A service.
    pub fn service(name: &str) -> Self {
        Self {
            arn: name.to_owned(),
            unique_id: None,
        }
    }
}

/// What the encryption context of a use must have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub enum Constraint {
    /// Exactly this.
    EncryptionContextEquals(BTreeMap<String, String>),
    /// At least this.
    EncryptionContextSubset(BTreeMap<String, String>),
}

impl Constraint {
    /// Whether a context satisfies it.
    pub fn holds(&self, context: &BTreeMap<String, String>) -> bool {
        match self {
            Self::EncryptionContextEquals(pairs) => pairs == context,
            Self::EncryptionContextSubset(pairs) => pairs
                .iter()
                .all(|(key, value)| context.get(key) == Some(value)),
        }
    }

    /// Whether it allows no more than another one (R3.3.9).
    pub fn within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::EncryptionContextSubset(_), Self::EncryptionContextEquals(_)) => false,
            (Self::EncryptionContextEquals(pairs) | Self::EncryptionContextSubset(pairs), _) => {
                other.holds(pairs)
            }
        }
    }
}

/// A grant.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Grant {
    /// The ID.
    pub id: String,
    /// The name. A repeated request with the same name makes no other grant (R3.3.4).
    pub name: Option<String>,
    /// Who may use the key.
    pub grantee: Grantee,
    /// Whether it was made for a service by its name (R3.3.11).
    pub for_service: bool,
    /// The resource that a use must be made for.
    pub source_arn: Option<String>,
    /// Who may retire it.
    pub retiring: Option<Grantee>,
    /// The account that issued it.
    pub issuing_account: String,
    /// What it allows.
    pub operations: Vec<String>,
    /// The constraint on the encryption context.
    pub constraint: Option<Constraint>,
    /// The tokens that were issued for it.
    pub tokens: Vec<String>,
    /// The instance that it serves.
    pub instance: Option<String>,
    /// When it was made.
    #[serde(skip)]
    pub created: Duration,
}

impl Grant {
    /// Whether it allows an operation, such as `Decrypt`.
    pub fn allows(&self, operation: &str) -> bool {
        self.operations.iter().any(|allowed| allowed == operation)
    }

    /// Whether it was requested with the same name and parameters (R3.3.4).
    pub fn is_same(&self, other: &Self) -> bool {
        self.name.is_some()
            && (
                &self.name,
                &self.grantee,
                &self.retiring,
                &self.operations,
                &self.constraint,
            ) == (
                &other.name,
                &other.grantee,
                &other.retiring,
                &other.operations,
                &other.constraint,
            )
            && self.issuing_account == other.issuing_account
            && self.source_arn == other.source_arn
    }
}

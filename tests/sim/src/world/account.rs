//! Accounts: roles, settings, parameters, and who is behind an access key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::Membership;
use crate::policy::{Document, PrincipalFacts};

/// An account.
#[derive(Debug, Default, Serialize)]
pub struct Account {
    /// IAM roles by name.
    pub roles: BTreeMap<String, Role>,
    /// Customer managed policies by ARN.
    pub policies: BTreeMap<String, Policy>,
    /// The default key for EBS by Region, where one is set; else `alias/aws/ebs`.
    pub default_ebs_keys: BTreeMap<String, String>,
    /// EC2's settings by Region.
    pub settings: BTreeMap<String, Settings>,
    /// SSM parameters by Region and name.
    #[serde(skip)]
    pub parameters: BTreeMap<(String, String), Parameter>,
    /// The opt-in Regions that are on.
    pub opted_in: BTreeSet<String>,
}

/// What EC2 has for a whole Region of an account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Settings {
    /// New snapshots are encrypted without being asked.
    pub encryption_by_default: bool,
    /// No image can be made public (R2.13).
    pub block_public_images: bool,
    /// `block-new-sharing` or `block-all-sharing`; nothing where public snapshots are allowed.
    pub block_public_snapshots: Option<&'static str>,
    /// Allowed AMIs (R7.3).
    pub allowed_images: AllowedImages,
}

/// Which foreign images an account lets itself see.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AllowedImages {
    /// `enabled`, `audit-mode`, or nothing where it is off.
    pub state: Option<&'static str>,
    /// Providers, one list a criterion: account IDs, or `amazon` and the like.
    pub providers: Vec<Vec<String>>,
}

impl AllowedImages {
    /// Whether the criteria fit an owner; without criteria none does.
    pub fn fit(&self, owner: &str) -> bool {
        self.providers
            .iter()
            .any(|providers| providers.iter().any(|provider| provider == owner))
    }

    /// Whether it keeps images of an owner out of sight (R7.3).
    pub fn hide(&self, owner: &str) -> bool {
        self.state == Some("enabled") && !self.fit(owner)
    }
}

/// An SSM parameter.
#[derive(Clone, Debug, Serialize)]
pub struct Parameter {
    /// The value.
    pub value: String,
    /// `text` or `aws:ec2:image`.
    pub data_type: String,
    /// `String` and the like.
    pub kind: String,
    /// Counts from 1.
    pub version: u64,
    /// When it was last written.
    #[serde(skip)]
    pub written: Duration,
}

/// An IAM role.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Role {
    /// The ARN.
    pub arn: String,
    /// The path, such as `/aws-service-role/autoscaling.amazonaws.com/`.
    pub path: String,
    /// The unique ID.
    pub unique_id: String,
    /// Who may assume it.
    pub trust: Policy,
    /// Inline policies by name.
    pub inline: BTreeMap<String, Policy>,
    /// ARNs of attached policies, each since a moment.
    #[serde(skip)]
    pub attached: BTreeMap<String, Duration>,
    /// The permissions boundary.
    #[serde(skip)]
    pub boundary: Option<Arc<Document>>,
    /// When it was made: KMS does not know it at once.
    #[serde(skip)]
    pub created: Duration,
}

impl Role {
    /// Whether it belongs to a service, which no service control policy binds and nobody changes.
    pub fn is_service_linked(&self) -> bool {
        self.path.starts_with("/aws-service-role/")
    }
}

/// A policy as it was written, and parsed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Policy {
    /// The JSON text.
    pub text: String,
    /// What it says.
    #[serde(skip)]
    pub document: Arc<Document>,
    /// Since when.
    #[serde(skip)]
    pub since: Duration,
}

impl Policy {
    /// Parses a policy.
    ///
    /// # Errors
    /// As [`Document::from_text`].
    pub fn parse(text: &str, since: Duration) -> Result<Self, String> {
        Ok(Self {
            text: text.to_owned(),
            document: Arc::new(Document::from_text(text)?),
            since,
        })
    }
}

/// An access key.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The secret, which only the printed facts need.
    pub secret: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
    /// When temporary credentials end.
    pub expires: Option<Duration>,
    /// Who is behind it.
    pub facts: PrincipalFacts,
    /// Whether everything is allowed to it: an administrator. Sessions have the policies of their
    /// role.
    pub administrator: bool,
    /// The session policy, where the session was given one.
    pub session_policy: Option<Arc<Document>>,
}

/// Who calls, with everything that speaks of what they may do.
#[derive(Clone, Debug, Default)]
pub struct Principal {
    /// Who.
    pub facts: PrincipalFacts,
    /// The identity policies.
    pub policies: Vec<Arc<Document>>,
    /// The session policy, where the session was given one.
    pub session_policy: Option<Arc<Document>>,
    /// The permissions boundary of the role.
    pub boundary: Option<Arc<Document>>,
    /// Service control policies, level by level.
    pub controls: Vec<Vec<Arc<Document>>>,
    /// Where the account is in its organization.
    pub membership: Option<Membership>,
}

//! Accounts: roles, settings, parameters, credentials.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::{AllowedImages, Group, Launching, Membership, Tags, User, aws_policies};
use crate::policy::{Document, PrincipalFacts};

/// An account.
#[derive(Debug, Default, Serialize)]
pub struct Account {
    /// IAM roles by name.
    pub roles: BTreeMap<String, Role>,
    /// The alias of the account (R5.17).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// IAM users by name, without the administrator.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<String, User>,
    /// IAM groups by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Group>,
    /// Customer managed policies by ARN, in their default versions.
    pub policies: BTreeMap<String, Policy>,
    /// Every version of customer managed policies that have more than one, by ARN and number.
    #[serde(skip)]
    pub policy_versions: BTreeMap<(String, u32), Policy>,
    /// Instance profiles by name.
    #[serde(skip)]
    pub instance_profiles: BTreeMap<String, InstanceProfile>,
    /// Providers of identities (OIDC) by host, each with the audiences that it takes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub identity_providers: BTreeMap<String, Vec<String>>,
    /// Deletions of service-linked roles by ID, each with its beginning.
    #[serde(skip)]
    pub deletions: BTreeMap<String, Duration>,
    /// The default key for EBS by Region, if one is set. Otherwise it is `alias/aws/ebs`.
    pub default_ebs_keys: BTreeMap<String, String>,
    /// EC2's settings by Region.
    pub settings: BTreeMap<String, Settings>,
    /// What can be launched by Region.
    #[serde(skip)]
    pub launching: BTreeMap<String, Launching>,
    /// The tag policy: tag keys, each with the values that resources may be made with.
    #[serde(skip)]
    pub tag_policy: BTreeMap<String, Vec<String>>,
    /// The versions of SSM parameters by Region and name, the newest last.
    #[serde(skip)]
    pub parameters: BTreeMap<(String, String), Vec<Parameter>>,
    /// The tags of SSM parameters.
    #[serde(skip)]
    pub parameter_tags: BTreeMap<(String, String), Tags>,
    /// The opt-in Regions that are enabled.
    pub opted_in: BTreeSet<String>,
}

impl Account {
    /// The name of a role as it is stored: names ignore case (R7.30).
    pub fn role_name(&self, name: &str) -> Option<String> {
        stored_name(self.roles.keys(), name)
    }

    /// A managed policy: one of the account, or one of AWS.
    pub fn managed_policy(&self, arn: &str) -> Option<Policy> {
        let own = self.policies.get(arn).cloned();
        own.or_else(|| aws_policies::find(arn))
    }
}

/// The spelling under which a name is stored. Names of IAM ignore case (R7.30).
pub(crate) fn stored_name<'a>(
    mut names: impl Iterator<Item = &'a String>,
    name: &str,
) -> Option<String> {
    names
        .find(|known| known.eq_ignore_ascii_case(name))
        .cloned()
}

/// The settings of EC2 for a whole Region of an account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Settings {
    /// New snapshots and volumes are encrypted by default.
    pub encryption_by_default: bool,
    /// No image can be made public (R2.13).
    pub block_public_images: bool,
    /// `block-new-sharing` or `block-all-sharing`; `None` if public snapshots are allowed.
    pub block_public_snapshots: Option<&'static str>,
    /// Allowed AMIs (R7.3).
    pub allowed_images: AllowedImages,
}

/// One version of an SSM parameter.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Parameter {
    /// The value.
    pub value: String,
    /// `text` or `aws:ec2:image`.
    pub data_type: String,
    /// The type, such as `String`.
    pub kind: String,
    /// Counts from 1.
    pub version: u64,
    /// When it was written.
    #[serde(skip)]
    pub written: Duration,
    /// The ARN of whoever wrote it.
    pub writer: String,
    /// The description.
    pub description: Option<String>,
    /// The pattern that every value must fit.
    pub allowed_pattern: Option<String>,
    /// `Standard` or another.
    pub tier: String,
    /// The key of a secret.
    pub key: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
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
    /// ARNs of attached policies, with the time when each was attached.
    #[serde(skip)]
    pub attached: BTreeMap<String, Duration>,
    /// The permissions boundary: the ARN of a managed policy.
    #[serde(skip)]
    pub boundary: Option<String>,
    /// The description, if it has one.
    pub description: Option<String>,
    /// How many seconds a session may last; `None` is an hour (R5.3).
    pub longest_session: Option<u64>,
    /// Its tags.
    pub tags: Tags,
    /// When it was made. KMS does not know it at once.
    #[serde(skip)]
    pub created: Duration,
}

impl Role {
    /// The name, which is the last part of the ARN.
    pub fn name(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    /// The ARN of a session, which has not the role's path.
    pub fn session_arn(&self, session: &str) -> String {
        let head = self.arn.split(":role/").next().unwrap_or_default();
        let head = head.replacen(":iam:", ":sts:", 1);
        format!("{head}:assumed-role/{}/{session}", self.name())
    }

    /// The longest session in seconds (R5.3).
    pub fn longest_session(&self) -> u64 {
        self.longest_session.unwrap_or(3600)
    }

    /// Whether it belongs to a service. Service control policies do not bind such a role, and only
    /// AWS changes it.
    pub fn is_service_linked(&self) -> bool {
        self.path.starts_with("/aws-service-role/")
    }
}

/// An instance profile.
#[derive(Clone, Debug, Default)]
pub struct InstanceProfile {
    /// The ARN.
    pub arn: String,
    /// The path.
    pub path: String,
    /// The unique ID.
    pub unique_id: String,
    /// The name of its role, if it has one.
    pub role: Option<String>,
    /// When it was made.
    pub created: Duration,
}

/// A policy, as text and parsed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Policy {
    /// The JSON text.
    pub text: String,
    /// The parsed document.
    #[serde(skip)]
    pub document: Arc<Document>,
    /// When it was written.
    #[serde(skip)]
    pub since: Duration,
    /// The number of the version, of a managed policy.
    #[serde(skip)]
    pub version: u32,
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
            version: 1,
        })
    }
}

/// An access key.
#[derive(Clone, Debug)]
pub struct Credential {
    /// The secret. Signatures are not checked, so only the facts that are printed need it.
    pub secret: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
    /// When temporary credentials expire.
    pub expires: Option<Duration>,
    /// The principal.
    pub facts: PrincipalFacts,
    /// Whether the principal is an administrator, who may do everything. Sessions have the policies
    /// of their role.
    pub administrator: bool,
    /// The session policy, if the session has one.
    pub session_policy: Option<Arc<Document>>,
    /// The ARNs of its managed session policies, whose default versions count at every call.
    pub managed_session_policies: Vec<String>,
}

/// A caller, with every policy that decides what it may do.
#[derive(Clone, Debug, Default)]
pub struct Principal {
    /// Account, ARN and IDs.
    pub facts: PrincipalFacts,
    /// The identity policies.
    pub policies: Vec<Arc<Document>>,
    /// The session policy, if the session has one.
    pub session_policy: Option<Arc<Document>>,
    /// The permissions boundary of the role.
    pub boundary: Option<Arc<Document>>,
    /// Service control policies, level by level.
    pub controls: Vec<Vec<Arc<Document>>>,
    /// The account's place in its organization.
    pub membership: Option<Membership>,
}

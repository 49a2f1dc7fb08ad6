//! KMS keys.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::ids::{hex, uuid};
use super::{Grant, Tags};
use crate::partition;

/// A KMS key.
#[derive(Clone, Debug, Serialize)]
pub struct Key {
    /// The ARN.
    pub arn: String,
    /// The key ID.
    pub id: String,
    /// The account that owns it.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The state (R3.4).
    pub state: KeyState,
    /// Whether AWS manages it (R3.1.6).
    pub aws_managed: bool,
    /// Such as `SYMMETRIC_DEFAULT`.
    pub spec: String,
    /// When it was made.
    #[serde(skip)]
    pub created: Duration,
    /// The policy documents it has had, with their times, the newest last. A stale read answers an
    /// older one.
    pub policies: Vec<(Duration, String)>,
    /// The policy by which AWS RAM shares the key (R3.2.8).
    pub ram_policy: Option<String>,
    /// When it is deleted, if that is scheduled.
    #[serde(skip)]
    pub deletion: Option<Duration>,
    /// The grants that are not retired.
    pub grants: Vec<Grant>,
    /// The description.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
    /// The Region of the primary key, of a key of several Regions (R3.6).
    pub primary_region: Option<String>,
    /// When a state that passes by itself ends.
    #[serde(skip)]
    pub settles: Option<Duration>,
    /// How many days are between its rotations by AWS, which do not happen here.
    #[serde(skip)]
    pub rotation_period: Option<u64>,
    /// When it was rotated.
    #[serde(skip)]
    pub rotations: Vec<Duration>,
}

/// The states of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub enum KeyState {
    /// It can be used.
    Enabled,
    /// It cannot be used.
    Disabled,
    /// It will be deleted.
    PendingDeletion,
    /// It has no key material yet.
    PendingImport,
    /// Its key store cannot be reached.
    Unavailable,
    /// A new replica, which is enabled in a moment.
    Creating,
    /// A key whose primary Region changes, which is enabled in a moment.
    Updating,
    /// A primary key that is deleted when its replicas are.
    PendingReplicaDeletion,
}

impl KeyState {
    /// As KMS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion => "PendingDeletion",
            Self::PendingImport => "PendingImport",
            Self::Unavailable => "Unavailable",
            Self::Creating => "Creating",
            Self::Updating => "Updating",
            Self::PendingReplicaDeletion => "PendingReplicaDeletion",
        }
    }

    /// As the errors of KMS say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::PendingDeletion => "pending deletion",
            Self::PendingImport => "pending import",
            Self::Unavailable => "unavailable",
            Self::Creating => "creating",
            Self::Updating => "updating",
            Self::PendingReplicaDeletion => "pending replica deletion",
        }
    }

    /// Whether the key is to be deleted.
    pub fn is_to_be_deleted(self) -> bool {
        matches!(self, Self::PendingDeletion | Self::PendingReplicaDeletion)
    }
}

impl Key {
    /// A customer managed key with a policy.
    pub fn new(account: &str, region: &str, name: &str, policy: &str) -> Self {
        let digits = hex(&format!("key {account} {region} {name}"), 32);
        let id = uuid(&digits);
        let partition = partition::of_region(region).name;
        Self {
            arn: format!("arn:{partition}:kms:{region}:{account}:key/{id}"),
            id,
            account: account.to_owned(),
            region: region.to_owned(),
            state: KeyState::Enabled,
            aws_managed: false,
            spec: "SYMMETRIC_DEFAULT".to_owned(),
            created: Duration::ZERO,
            policies: vec![(Duration::ZERO, policy.to_owned())],
            ram_policy: None,
            deletion: None,
            grants: Vec::new(),
            description: String::new(),
            tags: Tags::new(),
            primary_region: None,
            settles: None,
            rotation_period: None,
            rotations: Vec::new(),
        }
    }

    /// This key in a Region, as a key of several Regions: they have one ID (R3.6).
    #[must_use]
    pub fn in_region(&self, region: &str) -> Self {
        let id = match self.id.strip_prefix("mrk-") {
            Some(_) => self.id.clone(),
            None => format!("mrk-{}", self.id.replace('-', "")),
        };
        let primary = self.primary_region.as_deref().unwrap_or(region);
        Self {
            arn: self
                .arn
                .replacen(&self.region, region, 1)
                .replace(&self.id, &id),
            region: region.to_owned(),
            primary_region: Some(primary.to_owned()),
            id,
            ..Self::new(&self.account, region, "", "")
        }
    }

    /// Whether it is the primary key of several Regions.
    pub fn is_primary(&self) -> bool {
        self.primary_region.as_ref() == Some(&self.region)
    }

    /// What the key is for.
    pub fn usage(&self) -> &'static str {
        match self.spec.as_str() {
            "SYMMETRIC_DEFAULT" => "ENCRYPT_DECRYPT",
            spec if spec.starts_with("HMAC_") => "GENERATE_VERIFY_MAC",
            _ => "SIGN_VERIFY",
        }
    }

    /// AWS's own key for EBS, which every principal of the account may use, but only through EC2
    /// (R3.1.6).
    pub fn aws_ebs(account: &str, region: &str) -> Self {
        let partition = partition::of_region(region);
        // It works, however KMS names EC2.
        let services = match partition.dns_suffix {
            "amazonaws.com" => json!(format!("ec2.{region}.amazonaws.com")),
            suffix => json!([
                format!("ec2.{region}.{suffix}"),
                format!("ec2.{region}.amazonaws.com"),
            ]),
        };
        let policy = json!({
            "Version": "2012-10-17",
            "Id": "auto-ebs-2",
            "Statement": [
                {
                    "Sid": "Allow access through EBS for all principals in the account that are \
                            authorized to use EBS",
                    "Effect": "Allow",
                    "Principal": { "AWS": "*" },
                    "Action": [
                        "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*",
                        "kms:CreateGrant", "kms:DescribeKey",
                    ],
                    "Resource": "*",
                    "Condition": { "StringEquals": {
                        "kms:CallerAccount": account,
                        "kms:ViaService": services,
                    } },
                },
                {
                    "Sid": "Allow direct access to key metadata to the account",
                    "Effect": "Allow",
                    "Principal": { "AWS": partition::account_root(partition.name, account) },
                    "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                    "Resource": "*",
                },
            ],
        });
        Self {
            aws_managed: true,
            ..Self::new(account, region, "aws/ebs", &policy.to_string())
        }
    }

    /// The default policy of a customer managed key, as the console writes it: the account's IAM
    /// decides.
    pub fn default_policy(account: &str, region: &str) -> String {
        let partition = partition::of_region(region).name;
        json!({
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [{
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": { "AWS": partition::account_root(partition, account) },
                "Action": "kms:*",
                "Resource": "*",
            }],
        })
        .to_string()
    }

    /// The policy that is in force.
    pub fn policy(&self) -> &str {
        self.policies.last().map_or("", |(_, policy)| policy)
    }

    /// The policy as it was at a moment.
    pub fn policy_at(&self, moment: Duration) -> &str {
        let known = self
            .policies
            .iter()
            .rev()
            .find(|(since, _)| *since <= moment)
            .or(self.policies.first());
        known.map_or("", |(_, policy)| policy)
    }
}

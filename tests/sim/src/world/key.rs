//! KMS keys.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::Grant;
use super::ids::{hex, uuid};

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
    /// When it is deleted, if that is scheduled.
    #[serde(skip)]
    pub deletion: Option<Duration>,
    /// The grants that are not retired.
    pub grants: Vec<Grant>,
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
}

impl KeyState {
    /// As KMS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion => "PendingDeletion",
            Self::PendingImport => "PendingImport",
        }
    }
}

impl Key {
    /// A customer managed key with a policy.
    pub fn new(account: &str, region: &str, name: &str, policy: &str) -> Self {
        let digits = hex(&format!("key {account} {region} {name}"), 32);
        let id = uuid(&digits);
        Self {
            arn: format!("arn:aws:kms:{region}:{account}:key/{id}"),
            id,
            account: account.to_owned(),
            region: region.to_owned(),
            state: KeyState::Enabled,
            aws_managed: false,
            spec: "SYMMETRIC_DEFAULT".to_owned(),
            created: Duration::ZERO,
            policies: vec![(Duration::ZERO, policy.to_owned())],
            deletion: None,
            grants: Vec::new(),
        }
    }

    /// AWS's own key for EBS, which every principal of the account may use, but only through EC2
    /// (R3.1.6).
    pub fn aws_ebs(account: &str, region: &str) -> Self {
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
                        "kms:ViaService": format!("ec2.{region}.amazonaws.com"),
                    } },
                },
                {
                    "Sid": "Allow direct access to key metadata to the account",
                    "Effect": "Allow",
                    "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
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
    pub fn default_policy(account: &str) -> String {
        json!({
            "Version": "2012-10-17",
            "Id": "key-default-1",
            "Statement": [{
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
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

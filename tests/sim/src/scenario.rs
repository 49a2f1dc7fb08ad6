//! Worlds as data: what there is when a simulation begins.

mod build;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A world to begin with, as a scenario file has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// The Region of whatever names none.
    pub region: String,
    /// The accounts. Each gets a user with every permission, and the role `administrator`.
    pub accounts: Vec<AccountSpec>,
    /// Customer managed keys.
    #[serde(default)]
    pub keys: Vec<KeySpec>,
    /// AMIs.
    #[serde(default)]
    pub images: Vec<ImageSpec>,
    /// Account IDs that KMS does not take as principals.
    #[serde(default)]
    pub nonexistent_accounts: Vec<String>,
    /// Whether CopyImage asks KMS for the recorded set (R1.4.5), not for the published one (R1.4.2).
    #[serde(default)]
    pub copies_as_recorded: bool,
}

/// An account.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccountSpec {
    /// Twelve digits.
    pub id: String,
    /// Roles beside `administrator`.
    #[serde(default)]
    pub roles: Vec<RoleSpec>,
    /// The default EBS key, by the name of a key.
    #[serde(default)]
    pub default_ebs_key: Option<String>,
}

/// An IAM role.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RoleSpec {
    /// The name.
    pub name: String,
    /// The trust policy.
    pub trust: Value,
    /// The identity policy.
    pub policy: Value,
}

/// A customer managed key.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KeySpec {
    /// The name in this file, and the alias.
    pub name: String,
    /// The account that owns it.
    pub account: String,
    /// The Region.
    #[serde(default)]
    pub region: Option<String>,
    /// The key policy; without one, everything is left to the account's IAM.
    #[serde(default)]
    pub policy: Option<Value>,
    /// `Enabled`, `Disabled`, `PendingDeletion` or `PendingImport`.
    #[serde(default)]
    pub state: Option<String>,
    /// Such as `RSA_2048`; without one, symmetric.
    #[serde(default)]
    pub spec: Option<String>,
}

/// An AMI.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ImageSpec {
    /// The name.
    pub name: String,
    /// The account that owns it.
    pub account: String,
    /// The Region.
    #[serde(default)]
    pub region: Option<String>,
    /// For each EBS volume the key it is encrypted under: the name of a key, `aws/ebs`, or nothing.
    #[serde(default)]
    pub volumes: Vec<Option<String>>,
    /// How many ephemeral devices it has.
    #[serde(default)]
    pub ephemeral: usize,
    /// Whether it is still being made when the simulation begins.
    #[serde(default)]
    pub building: bool,
    /// The owner's tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Product codes.
    #[serde(default)]
    pub product_codes: Vec<String>,
    /// `failed` or `disabled`; without one, available.
    #[serde(default)]
    pub state: Option<String>,
}

/// What the simulation tells of itself when it is ready.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// The Region.
    pub region: String,
    /// Administrators' access keys by account.
    pub accounts: BTreeMap<String, AccountFacts>,
    /// Image IDs by name.
    pub images: BTreeMap<String, String>,
    /// Key ARNs by name.
    pub keys: BTreeMap<String, String>,
    /// Role ARNs by account and name.
    pub roles: BTreeMap<String, BTreeMap<String, String>>,
}

/// An administrator's access key.
#[derive(Clone, Debug, Serialize)]
pub struct AccountFacts {
    /// The ID.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}

const A: &str = "111111111111";
const B: &str = "222222222222";

impl Scenario {
    /// A builds images, B is to launch them; nothing is shared yet.
    pub fn two_accounts() -> Self {
        let image = |name: &str, volumes: &[Option<&str>]| ImageSpec {
            name: name.to_owned(),
            account: A.to_owned(),
            volumes: volumes.iter().map(|key| key.map(str::to_owned)).collect(),
            ..ImageSpec::default()
        };
        let golden = [Some("golden"), Some("golden")];
        Self {
            region: "us-east-1".to_owned(),
            accounts: vec![
                AccountSpec { id: A.to_owned(), roles: vec![publisher()], default_ebs_key: None },
                AccountSpec { id: B.to_owned(), roles: vec![consumer(), launcher()], default_ebs_key: None },
            ],
            keys: vec![KeySpec { name: "golden".to_owned(), account: A.to_owned(), ..KeySpec::default() }],
            images: vec![
                ImageSpec { ephemeral: 1, ..image("golden", &golden) },
                ImageSpec { building: true, ..image("building", &golden[..1]) },
                image("managed", &[Some("aws/ebs")]),
                image("plain", &[None]),
            ],
            ..Self::default()
        }
    }

    /// As [`Self::two_accounts`], with `count` more accounts that need no roles: `300000000000` and up.
    pub fn with_targets(count: u64) -> Self {
        let mut scenario = Self::two_accounts();
        let more =
            (0..count).map(|n| AccountSpec { id: format!("{:012}", 300_000_000_000 + n), ..AccountSpec::default() });
        scenario.accounts.extend(more);
        scenario
    }
}

/// Trust of a role that its own account may assume.
fn own(account: &str) -> Value {
    trust(account, None)
}

fn trust(account: &str, external_id: Option<&str>) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
        "Action": "sts:AssumeRole",
    });
    if let (Some(id), Some(members)) = (external_id, statement.as_object_mut()) {
        members.insert("Condition".to_owned(), json!({ "StringEquals": { "sts:ExternalId": id } }));
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn allow(actions: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] })
}

/// The role with the published policy, which is the very file that users are given.
fn publisher() -> RoleSpec {
    let policy = serde_json::from_str(include_str!("../../../examples/iam/publisher.json")).unwrap_or_default();
    RoleSpec { name: "publisher".to_owned(), trust: own(A), policy }
}

/// The role that A may assume in B.
fn consumer() -> RoleSpec {
    let policy = allow(&json!(["ec2:*", "kms:*"]));
    RoleSpec { name: "consumer".to_owned(), trust: trust(A, Some("example")), policy }
}

/// The role that launches in B.
fn launcher() -> RoleSpec {
    let actions = json!([
        "ec2:RunInstances",
        "ec2:DescribeInstances",
        "ec2:TerminateInstances",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncrypt*",
    ]);
    RoleSpec { name: "launcher".to_owned(), trust: own(B), policy: allow(&actions) }
}

//! The worlds that have a name.

use serde_json::{Value, json};

use super::spec::{AccountSpec, ImageSpec, KeySpec, RoleSpec, Scenario};

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
        let account = |id: &str, roles| AccountSpec {
            id: id.to_owned(),
            roles,
            ..AccountSpec::default()
        };
        Self {
            region: "us-east-1".to_owned(),
            accounts: vec![
                account(A, vec![publisher(A)]),
                account(B, vec![consumer(A), launcher(B)]),
            ],
            keys: vec![KeySpec {
                name: "golden".to_owned(),
                account: A.to_owned(),
                ..KeySpec::default()
            }],
            images: vec![
                ImageSpec {
                    ephemeral: 1,
                    ..image("golden", &golden)
                },
                ImageSpec {
                    building: true,
                    ..image("building", &golden[..1])
                },
                image("managed", &[Some("aws/ebs")]),
                image("plain", &[None]),
            ],
            ..Self::default()
        }
    }

    /// As [`Self::two_accounts`], with `count` more accounts that need no roles: `300000000000` and
    /// up.
    pub fn with_targets(count: u64) -> Self {
        let mut scenario = Self::two_accounts();
        let more = (0..count).map(|n| AccountSpec {
            id: format!("{:012}", 300_000_000_000 + n),
            ..AccountSpec::default()
        });
        scenario.accounts.extend(more);
        scenario
    }
}

/// Trust of a role that its own account may assume.
pub(super) fn own(account: &str) -> Value {
    trust(account, None)
}

fn trust(account: &str, external_id: Option<&str>) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
        "Action": "sts:AssumeRole",
    });
    if let (Some(id), Some(members)) = (external_id, statement.as_object_mut()) {
        members.insert(
            "Condition".to_owned(),
            json!({ "StringEquals": { "sts:ExternalId": id } }),
        );
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

pub(super) fn allow(actions: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }] })
}

fn role(name: &str, trust: Value, policy: Value) -> RoleSpec {
    RoleSpec {
        name: name.to_owned(),
        trust,
        policy: Some(policy),
        boundary: None,
    }
}

/// The role with the published policy, which is the very file that users are given.
pub(super) fn publisher(account: &str) -> RoleSpec {
    let policy = serde_json::from_str(include_str!("../../../../examples/iam/publisher.json"))
        .unwrap_or_default();
    role("publisher", own(account), policy)
}

/// The role that another account may assume.
pub(super) fn consumer(by: &str) -> RoleSpec {
    role(
        "consumer",
        trust(by, Some("example")),
        allow(&json!(["ec2:*", "kms:*"])),
    )
}

/// The role that launches.
pub(super) fn launcher(account: &str) -> RoleSpec {
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
    role("launcher", own(account), allow(&actions))
}

//! The worlds that have a name, and the roles in them.

use serde_json::{Value, json};

use super::spec::{AccountSpec, ImageSpec, KeySpec, RoleSpec, Scenario};

const A: &str = "111111111111";
const B: &str = "222222222222";

impl Scenario {
    /// A builds images, B is to launch them; nothing is shared yet.
    pub fn two_accounts() -> Self {
        let golden = Some("golden");
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
                    ..image("golden", &[golden, golden])
                },
                ImageSpec {
                    building: true,
                    ..image("building", &[golden])
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
        for index in 0..count {
            let id = format!("{:012}", 300_000_000_000 + index);
            scenario.accounts.push(account(&id, Vec::new()));
        }
        scenario
    }
}

fn account(id: &str, roles: Vec<RoleSpec>) -> AccountSpec {
    AccountSpec {
        id: id.to_owned(),
        roles,
        ..AccountSpec::default()
    }
}

fn image(name: &str, keys: &[Option<&str>]) -> ImageSpec {
    ImageSpec {
        name: name.to_owned(),
        account: A.to_owned(),
        volumes: keys.iter().map(|key| key.map(str::to_owned)).collect(),
        ..ImageSpec::default()
    }
}

/// The trust policy of a role that its own account may assume. IAM takes an account's ID for its
/// root in whatever partition.
pub(super) fn own_trust(account: &str) -> Value {
    trust(account, None)
}

fn trust(account: &str, external_id: Option<&str>) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "AWS": account },
        "Action": "sts:AssumeRole",
    });
    if let Some(id) = external_id {
        statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": id } });
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

pub(super) fn allow(actions: &Value) -> Value {
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn role(name: &str, trust: Value, policy: Value) -> RoleSpec {
    RoleSpec {
        name: name.to_owned(),
        trust,
        policy: Some(policy),
        ..RoleSpec::default()
    }
}

/// The role with the published policy, read from the file that users get.
pub(super) fn publisher(account: &str) -> RoleSpec {
    // A link, which becomes a file in the package.
    let policy = serde_json::from_str(include_str!("publisher.json")).unwrap_or_default();
    role("publisher", own_trust(account), policy)
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
    role("launcher", own_trust(account), allow(&actions))
}

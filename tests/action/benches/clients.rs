//! Clients that share an image: this tool, boto3, the AWS CLI and Ansible's module. The others make
//! the calls that no share can leave out, or fewer, and neither wait, nor look again.

use std::process::{Command, Stdio};

use serde_json::json;

use super::process::command;
use super::world::World;

const ACTIONS: [&str; 5] = [
    "kms:DescribeKey",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:CreateGrant",
];

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Client {
    AmiShare,
    Boto3,
    AwsCli,
    /// One account after the other.
    AwsCliLoop,
    /// Launch permission alone.
    Ansible,
}

pub(super) const CLIENTS: [Client; 5] = [
    Client::AmiShare,
    Client::Boto3,
    Client::AwsCli,
    Client::AwsCliLoop,
    Client::Ansible,
];

/// What a client needs to know of the world.
pub(super) struct Place {
    pub(super) endpoint: String,
    pub(super) key_id: String,
    pub(super) secret: String,
    pub(super) image: String,
    pub(super) key: String,
    pub(super) targets: Vec<String>,
}

impl Client {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AmiShare => "ami-share",
            Self::Boto3 => "boto3",
            Self::AwsCli => "AWS CLI",
            Self::AwsCliLoop => "AWS CLI in a loop",
            Self::Ansible => "Ansible, no key",
        }
    }

    pub(super) fn is_installed(self) -> bool {
        let (program, arguments): (&str, &[&str]) = match self {
            Self::AmiShare => return true,
            Self::Boto3 => ("python3", &["-c", "import boto3"]),
            Self::AwsCli | Self::AwsCliLoop => ("aws", &["--version"]),
            Self::Ansible => ("ansible", &["--version"]),
        };
        let mut probe = Command::new(program);
        probe
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    }

    /// The programs of a share, one after the other.
    pub(super) fn steps(self, place: &Place) -> Vec<Command> {
        let (image, key) = (place.image.as_str(), place.key.as_str());
        match self {
            Self::AmiShare => {
                let inputs = [
                    ("INPUT_AMI-ID", image.to_owned()),
                    ("INPUT_TARGET-ACCOUNTS", place.targets.join(",")),
                ];
                let keys = (place.key_id.as_str(), place.secret.as_str());
                vec![command(&place.endpoint, keys, &inputs)]
            }
            Self::Boto3 => {
                let program = include_str!("peer.py");
                let targets = place.targets.join(",");
                vec![place.peer("python3", &["-c", program, image, key, &targets])]
            }
            Self::AwsCli => {
                let mut steps = vec![
                    place.peer("aws", &["ec2", "describe-images", "--image-ids", image]),
                    place.peer("aws", &["ec2", "describe-snapshots", "--owner-ids", "self"]),
                ];
                steps.extend(place.share_by_cli(&place.targets, &place.targets));
                steps
            }
            Self::AwsCliLoop => {
                let mut steps = Vec::new();
                for (n, target) in place.targets.iter().enumerate() {
                    let new = std::slice::from_ref(target);
                    steps.extend(place.share_by_cli(&place.targets[..=n], new));
                }
                steps
            }
            Self::Ansible => {
                let arguments = json!({
                    "image_id": image,
                    "state": "present",
                    "launch_permissions": { "user_ids": place.targets },
                });
                let arguments = arguments.to_string();
                let module = ["-m", "amazon.aws.ec2_ami", "-a", &arguments];
                let place_of = ["localhost", "-i", "localhost,", "-c", "local"];
                let python = [
                    "-e",
                    "ansible_python_interpreter={{ansible_playbook_python}}",
                ];
                vec![place.peer("ansible", &[&place_of[..], &module, &python].concat())]
            }
        }
    }
}

impl Place {
    pub(super) fn of(world: &World, targets: u64) -> Self {
        let (key_id, secret) = world.keys();
        Self {
            endpoint: world.endpoint.clone(),
            key_id: key_id.to_owned(),
            secret: secret.to_owned(),
            image: world.image.clone(),
            key: world.sim.facts().keys["golden"].clone(),
            targets: list_targets(targets),
        }
    }

    fn peer(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_ENDPOINT_URL", &self.endpoint)
            .env("AWS_ACCESS_KEY_ID", &self.key_id)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .args(arguments)
            .stdout(Stdio::null());
        command
    }

    /// Reads the key policy, writes it with these targets, and shares the image with some.
    fn share_by_cli(&self, targets: &[String], new: &[String]) -> [Command; 3] {
        let key = ["--key-id", &self.key, "--policy-name", "default"];
        let read = [&["kms", "get-key-policy"], &key[..]].concat();
        let policy = policy_for(targets);
        let write = [&["kms", "put-key-policy", "--policy", &policy], &key[..]].concat();
        let users: Vec<String> = new.iter().map(|id| format!("{{UserId={id}}}")).collect();
        let permission = format!("Add=[{}]", users.join(","));
        let image = ["ec2", "modify-image-attribute", "--image-id", &self.image];
        let share = [&image[..], &["--launch-permission", &permission]].concat();
        [
            self.peer("aws", &read),
            self.peer("aws", &write),
            self.peer("aws", &share),
        ]
    }
}

/// The key policy that the AWS CLI puts, where a script of boto3 makes it of what it has read.
fn policy_for(targets: &[String]) -> String {
    let root = |account: &str| format!("arn:aws:iam::{account}:root");
    let users: Vec<String> = targets.iter().map(|target| root(target)).collect();
    let own = json!({
        "Sid": "Own",
        "Effect": "Allow",
        "Principal": { "AWS": root(super::A) },
        "Action": "kms:*",
        "Resource": "*",
    });
    let share = json!({
        "Sid": "Share",
        "Effect": "Allow",
        "Principal": { "AWS": users },
        "Action": ACTIONS,
        "Resource": "*",
    });
    json!({ "Version": "2012-10-17", "Statement": [own, share] }).to_string()
}

pub(super) fn list_targets(count: u64) -> Vec<String> {
    (0..count)
        .map(|n| (300_000_000_000 + n).to_string())
        .collect()
}

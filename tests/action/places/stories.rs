//! Runs that together read all that a run can read of AWS.

use std::collections::BTreeMap;

use ami_share_sim::{Options, Scenario, Sim, Size};
use serde_json::json;

use super::answers::Answers;
use super::exits::{Exits, Variable, WAYS, Way, run};
use crate::support::*;

/// Inputs, in which `{image}`, `{other}` and `{key}` stand for IDs of the world.
type Inputs = &'static [(&'static str, &'static str)];

/// A run, and the runs before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Story {
    pub(super) name: &'static str,
    before: Inputs,
    inputs: Inputs,
    /// A fault of the simulated AWS.
    fault: Option<&'static str>,
}

const NOTHING: Inputs = &[];
const SHARED: Inputs = &[
    ("AMI_ID", "{image}"),
    ("TARGET_ACCOUNTS", B),
    (
        "KMS_KEY_ID",
        "us-east-1=alias/key-1 eu-west-1=alias/key-eu-west-1",
    ),
    ("COPY_TO_REGIONS", "eu-west-1"),
    ("TARGET_ROLE", "consumer"),
    ("TARGET_EXTERNAL_ID", "example"),
    ("TARGET_LAUNCH_ROLES", "launcher"),
    ("PUBLISH_SSM_PARAMETER", "/images/{name}"),
];
const EVERYTHING: Inputs = &[
    ("AMI_ID", "{image} {other}"),
    ("TARGET_ACCOUNTS", B),
    (
        "KMS_KEY_ID",
        "us-east-1=alias/key-1 eu-west-1=alias/key-eu-west-1",
    ),
    ("COPY_TO_REGIONS", "eu-west-1"),
    ("TARGET_ROLE", "consumer"),
    ("TARGET_EXTERNAL_ID", "example"),
    ("TARGET_LAUNCH_ROLES", "launcher"),
    ("TARGET_SERVICE_LINKED_ROLES", "autoscaling.amazonaws.com"),
    ("PUBLISH_SSM_PARAMETER", "/images/{name}"),
    ("REQUIRE_IMAGE_TAGS", "os=linux"),
    ("TAGS", "team=blue"),
    ("DEPRECATE_AT", "90d"),
    ("DEREGISTRATION_PROTECTION", "true"),
];

pub(super) const STORIES: &[Story] = &[
    Story {
        name: "share",
        before: NOTHING,
        inputs: EVERYTHING,
        fault: None,
    },
    Story {
        name: "dry run",
        before: NOTHING,
        inputs: &[
            ("AMI_ID", "{image}"),
            ("TARGET_ACCOUNTS", B),
            ("UNLISTED", "revoke"),
            ("DRY_RUN", "true"),
            ("PUBLISH_SSM_PARAMETER", "/images/{name}"),
        ],
        fault: None,
    },
    Story {
        name: "grants",
        before: NOTHING,
        inputs: &[
            ("AMI_ID", "{image}"),
            ("TARGET_ACCOUNTS", B),
            ("KEY_ACCESS", "grants"),
        ],
        fault: None,
    },
    Story {
        name: "copies of targets",
        before: NOTHING,
        inputs: &[
            ("AMI_ID", "{image}"),
            ("TARGET_ACCOUNTS", B),
            ("TARGET_ROLE", "consumer"),
            ("TARGET_EXTERNAL_ID", "example"),
            ("TARGET_KMS_KEY_ID", "alias/own-222222222222"),
            ("UNSHARE_AFTER_COPY", "true"),
        ],
        fault: None,
    },
    Story {
        name: "copy that fails",
        before: NOTHING,
        inputs: &[
            ("AMI_ID", "{image}"),
            ("TARGET_ACCOUNTS", B),
            (
                "KMS_KEY_ID",
                "us-east-1=alias/key-1 eu-west-1=alias/key-eu-west-1",
            ),
            ("COPY_TO_REGIONS", "eu-west-1"),
        ],
        fault: Some(r#"{"operation":"ec2:CopyImage","effect":{"fail-copy":{"message":"Odd"}}}"#),
    },
    Story {
        name: "revoke",
        before: SHARED,
        inputs: &[
            ("AMI_ID", "{image}"),
            ("MODE", "revoke"),
            ("TARGET_ACCOUNTS", B),
            ("COPY_TO_REGIONS", "eu-west-1"),
            ("REVOKE_COPIES", "true"),
            ("TARGET_ROLE", "consumer"),
            ("TARGET_EXTERNAL_ID", "example"),
            ("TARGET_LAUNCH_ROLES", "launcher"),
        ],
        fault: None,
    },
    Story {
        name: "verify by a launch",
        before: SHARED,
        inputs: &[
            ("AMI_ID", "{image}"),
            ("MODE", "verify"),
            ("VERIFY", "launch"),
            ("TARGET_ACCOUNTS", B),
            ("TARGET_ROLE", "consumer"),
            ("TARGET_EXTERNAL_ID", "example"),
            ("TARGET_LAUNCH_ROLES", "launcher"),
        ],
        fault: None,
    },
];

impl Story {
    /// The world in which it begins.
    pub(super) async fn begin(&self) -> Sim {
        let sim = build_world();
        if !self.before.is_empty() {
            run(sim.sdk_config(A), &variables(&sim, self.before), WAYS[0]).await;
        }
        if let Some(fault) = self.fault {
            sim.fault(serde_json::from_str(fault).unwrap());
        }
        sim
    }

    pub(super) async fn run(&self, sim: &Sim, answers: &Answers, way: Way) -> Exits {
        let config = answers.stand_before(sim.sdk_config(A));
        run(config, &variables(sim, self.inputs), way).await
    }
}

/// Inputs as variables of a world.
pub(super) fn variables(sim: &Sim, inputs: &[(&str, &str)]) -> Vec<Variable> {
    let facts = sim.facts();
    let common = [("TIMEOUT", "1m"), ("SETTLE", "8s"), ("POLL_INTERVAL", "5s")];
    let mut variables = Vec::new();
    for (name, value) in common.iter().chain(inputs) {
        let value = value
            .replace("{image}", &facts.images["image-1"])
            .replace("{other}", &facts.images["image-2"])
            .replace("{key}", &facts.keys["key-1"]);
        variables.push((format!("INPUT_{name}"), value));
    }
    variables
}

/// Two accounts of an organization, with names, tags, descriptions and statements of others.
pub(crate) fn build_world() -> Sim {
    build_world_with(Options::default())
}

/// The same world, where AWS is as slow as the options say.
pub(crate) fn build_world_with(options: Options) -> Sim {
    let mut scenario = Scenario::generate(Size {
        accounts: 2,
        regions: 2,
        images: 2,
        snapshots: 1,
    })
    .unwrap();
    let everything = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    for role in &mut scenario.accounts[1].roles {
        if role.name == "consumer" {
            role.policy = Some(json!({ "Statement": [everything] }));
        }
    }
    for image in &mut scenario.images {
        image.tags = BTreeMap::from([("os".to_owned(), "linux".to_owned())]);
    }
    let policy = policy_of_others();
    for key in &mut scenario.keys {
        if key.account == A {
            key.policy = Some(policy.clone());
        }
    }
    let sim = Sim::new(scenario, options);
    sim.edit(|world| {
        for image in world.images.values_mut() {
            "an image of others".clone_into(&mut image.description);
        }
    });
    sim
}

fn policy_of_others() -> serde_json::Value {
    let root = |account: &str| format!("arn:aws:iam::{account}:root");
    json!({
        "Version": "2012-10-17",
        "Id": "of others",
        "Statement": [
            {
                "Sid": "Owner",
                "Effect": "Allow",
                "Principal": { "AWS": root(A) },
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": "Others",
                "Effect": "Allow",
                "Principal": { "AWS": [root(B), root(A)] },
                "Action": ["kms:Encrypt"],
                "Resource": "*",
                "Condition": {
                    "StringEquals": { "aws:PrincipalOrgID": "o-example123" },
                    "ForAnyValue:StringLike": { "aws:PrincipalOrgPaths": "o-example123/r-ab12/*" },
                },
            },
            {
                "Sid": "NoDeletion",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "kms:ScheduleKeyDeletion",
                "Resource": "*",
                "Condition": { "StringNotLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/admin" } },
            },
        ],
    })
}

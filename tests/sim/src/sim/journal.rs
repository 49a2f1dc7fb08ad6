//! Every call: who asked for what, on what, and what the answer was.

use std::fs::File;
use std::io::Write as _;

use serde::Serialize;
use serde_json::Value;

use crate::wire::Params;

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// When, as AWS writes times.
    pub at: String,
    /// The caller's ARN, or the unknown access key.
    pub principal: String,
    /// The caller's account.
    pub account: String,
    /// The Region that the request was signed for.
    pub region: String,
    /// Such as `ec2:CopyImage`.
    pub action: String,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// The IDs and ARNs that the request named.
    pub resources: Vec<String>,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The error code of the answer.
    pub code: Option<String>,
}

/// The calls in their order. A file can receive them too.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<Entry>,
    file: Option<File>,
}

impl Journal {
    /// Also writes each call as a line of JSON.
    pub(crate) fn write_to(&mut self, file: File) {
        self.file = Some(file);
    }

    /// Adds a call.
    pub(crate) fn append(&mut self, entry: Entry) {
        if let (Some(file), Ok(line)) = (&mut self.file, serde_json::to_string(&entry)) {
            // The journal in memory is the one that counts; a full disk must not stop the
            // simulation.
            let _ = writeln!(file, "{line}");
        }
        self.entries.push(entry);
    }

    /// All calls so far.
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// The parameters of EC2, Auto Scaling, IAM and STS by which a request names a resource.
const NAMING_PARAMETERS: [&str; 16] = [
    "ImageId",
    "SourceImageId",
    "SnapshotId",
    "SourceSnapshotId",
    "ResourceId",
    "InstanceId",
    "GroupId",
    "SecurityGroupId",
    "KeyName",
    "RoleArn",
    "RoleName",
    "PolicyArn",
    "KmsKeyId",
    "LaunchTemplateId",
    "LaunchTemplateName",
    "AutoScalingGroupName",
];

/// Whether a request asks for a dry run.
pub(super) fn is_dry_run(params: &Params) -> bool {
    match params {
        Params::Query(query) => query.get("DryRun") == Some("true"),
        Params::Json(members) => members.get("DryRun") == Some(&Value::Bool(true)),
    }
}

/// The IDs and ARNs that a request names.
pub(super) fn named_resources(params: &Params) -> Vec<String> {
    let mut resources = Vec::new();
    match params {
        Params::Query(query) => {
            for (name, value) in query.pairs() {
                let (first, _) = name.split_once('.').unwrap_or((name, ""));
                if NAMING_PARAMETERS.contains(&first) {
                    resources.push(value.to_owned());
                }
            }
        }
        Params::Json(members) => {
            for name in ["KeyId", "Name"] {
                if let Some(value) = members.get(name).and_then(Value::as_str) {
                    resources.push(value.to_owned());
                }
            }
        }
    }
    resources
}

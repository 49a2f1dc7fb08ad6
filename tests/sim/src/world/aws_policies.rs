//! AWS's own managed policies, of which there are two here.

use std::time::Duration;

use serde_json::json;

use super::Policy;

/// A policy of AWS. What `ReadOnlyAccess` allows is shorter here than in AWS.
pub(super) fn find(arn: &str) -> Option<Policy> {
    let (_, name) = arn.split_once(":iam::aws:policy/")?;
    let actions = match name {
        "AdministratorAccess" => json!("*"),
        "ReadOnlyAccess" => json!([
            "ec2:Describe*",
            "ec2:Get*",
            "iam:Get*",
            "iam:List*",
            "kms:Describe*",
            "kms:Get*",
            "kms:List*",
            "ssm:Describe*",
            "ssm:Get*",
            "ssm:List*",
        ]),
        _ => return None,
    };
    let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
    Policy::parse(&document.to_string(), Duration::ZERO).ok()
}

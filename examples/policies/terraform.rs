//! Terraform modules for both sides: the policies, each if `policies` names it, and a role that has
//! them.

mod documents;
mod variables;

use self::documents::build_document;
use self::variables::write_variables;
use super::cloudformation::{NOT_ATTACHED, find_trust_policy, list_policies, without_backticks};
use super::{Account, Policy};

const HEAD: &str = include_str!("terraform/head.tf");

const POLICIES: &str = r#"
variable "policies" {
  type        = set(string)
  description = "The policies to create, by their names in docs/IAM.md"

  validation {
    condition     = alltrue([for name in var.policies : contains(local.known, name)])
    error_message = "One of these is not a policy of this side."
  }
}

locals {
  known = [KNOWN]
}
"#;

const POLICY: &str = r#"
resource "aws_iam_policy" "ID" {
  count       = contains(var.policies, "NAME") ? 1 : 0
  name        = FULL_NAME
  description = "DESCRIPTION"
  policy      = data.aws_iam_policy_document.ID.json
}
"#;

const ROLE: &str = r#"
resource "aws_iam_role" "NAME" {
  count              = COUNT
  name               = var.role_name
  assume_role_policy = data.aws_iam_policy_document.TRUST.json
}

locals {
  attached = concat(
ATTACHED  )
}

resource "aws_iam_role_policy_attachment" "NAME" {
  count      = length(aws_iam_role.NAME) * length(local.attached)
  role       = aws_iam_role.NAME[0].name
  policy_arn = local.attached[count.index]
}

output "role_arn" {
  value = one(aws_iam_role.NAME[*].arn)
}

output "policy_arns" {
  value = {
ARNS  }
}
"#;

/// The module of a side, as one file.
pub(crate) fn build_module(side: Account) -> String {
    let policies = list_policies(side);
    let names = policies.iter().map(|policy| format!("\"{}\"", policy.name));
    let names = names.collect::<Vec<_>>().join(", ");
    let mut module = HEAD.to_owned();
    module += &write_variables(side);
    module += &POLICIES.replace("KNOWN", &names);
    for policy in &policies {
        module += &build_document(side, policy);
        module += &build_policy(policy);
    }
    module + &build_role(side, &policies)
}

fn build_policy(policy: &Policy) -> String {
    let full_name = match policy.name {
        "launcher" => "var.launch_policy_name".to_owned(),
        name => format!("\"ami-share-{name}\""),
    };
    POLICY
        .replace("FULL_NAME", &full_name)
        .replace("NAME", policy.name)
        .replace("ID", &to_id(policy.name))
        .replace("DESCRIPTION", &without_backticks(policy.purpose))
}

fn build_role(side: Account, policies: &[&Policy]) -> String {
    let (name, count) = match side {
        Account::Source => ("publisher", "length(var.github_subjects) == 0 ? 0 : 1"),
        Account::Target => ("consumer", "1"),
    };
    let (mut attached, mut arns) = (String::new(), String::new());
    for policy in policies {
        let id = to_id(policy.name);
        if !NOT_ATTACHED.contains(&policy.name) {
            attached += &format!("    aws_iam_policy.{id}[*].arn,\n");
        }
        arns += &format!(
            "    \"{}\" = one(aws_iam_policy.{id}[*].arn)\n",
            policy.name
        );
    }
    let trust = find_trust_policy(side);
    let role = ROLE
        .replace("NAME", name)
        .replace("COUNT", count)
        .replace("TRUST", &to_id(trust.name))
        .replace("ATTACHED", &attached)
        .replace("ARNS", &arns);
    build_document(side, trust) + &role
}

/// `target-copies` as `target_copies`.
fn to_id(name: &str) -> String {
    name.replace('-', "_")
}

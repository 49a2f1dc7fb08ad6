//! Terraform modules for both sides: the policies of a preset, and roles that have them.

mod documents;
mod variables;

use self::documents::build_document;
use self::variables::write_variables;
use super::cloudformation::without_backticks;
use super::presets::{
    BY_GRANTS, PRESETS, Preset, Role, find_trust_policy, list_policies, list_roles,
};
use super::{Account, Policy};

const HEAD: &str = include_str!("terraform/head.tf");

/// Which policies there are: those of the roles, and the launch policy.
const POLICIES: &str = r"
locals {
  # The policies of each role.
  presets = {
PRESETS  }

  roles   = local.presets[var.preset]
  created = EXPRESSION
}
";

const POLICY: &str = r#"
resource "aws_iam_policy" "ID" {
  count       = contains(local.created, "NAME") ? 1 : 0
  name        = FULL_NAME
  description = "DESCRIPTION"
  policy      = data.aws_iam_policy_document.ID.json
}
"#;

const ARNS: &str = r"
locals {
  arns = {
ARNS  }
}
";

const TRUSTED: &str = r#"
data "aws_iam_policy_document" "trusted" {
  statement {
    sid     = "TrustPrincipals"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = var.trusted_arns
    }
  }
}
"#;

const SOURCE_TRUST: &str = r#"
data "aws_iam_policy_document" "NAME_trust" {
  source_policy_documents = concat(
    var.github_repository == "" ? [] : [data.aws_iam_policy_document.TRUST.json],
    length(var.trusted_arns) == 0 ? [] : [data.aws_iam_policy_document.trusted.json],
  )
}
"#;

const ROLE: &str = r#"
resource "aws_iam_role" "NAME" {
  count              = COUNT ? 1 : 0
  name               = ROLE_NAME
  assume_role_policy = data.aws_iam_policy_document.TRUST.json
}

resource "aws_iam_role_policy_attachment" "NAME" {
  for_each   = toset(length(aws_iam_role.NAME) == 0 ? [] : local.roles.NAME)
  role       = aws_iam_role.NAME[0].name
  policy_arn = local.arns[each.key]
}

output "NAME_role_arn" {
  value = one(aws_iam_role.NAME[*].arn)
}
"#;

const LAUNCH_ROLES: &str = r#"
resource "aws_iam_role_policy_attachment" "launch" {
  for_each   = toset(var.launch_role_names)
  role       = each.key
  policy_arn = local.arns["launcher"]
}
"#;

const OUTPUT: &str = r#"
output "policy_arns" {
  value = local.arns
}
"#;

/// The module of a side, as one file.
pub(crate) fn build_module(side: Account) -> String {
    let policies: Vec<&Policy> = list_policies(side)
        .into_iter()
        .map(|(policy, _)| policy)
        .collect();
    let mut module = HEAD.to_owned();
    module += &write_variables(side);
    module += &build_presets(side);
    let mut arns = String::new();
    let width = policies.iter().map(|policy| policy.name.len()).max();
    for policy in policies {
        module += &build_document(side, policy);
        module += &build_policy(policy);
        let (name, id) = (format!("\"{}\"", policy.name), to_id(policy.name));
        let width = width.unwrap_or(0) + 2;
        arns += &format!("    {name:width$} = one(aws_iam_policy.{id}[*].arn)\n");
    }
    module += &ARNS.replace("ARNS", &arns);
    if side == Account::Source {
        module += TRUSTED;
    }
    for role in list_roles(side) {
        module += &build_role(side, &role);
    }
    if side == Account::Target {
        module += LAUNCH_ROLES;
    }
    module + OUTPUT
}

/// The presets as a map: of each, the policies of each role.
fn build_presets(side: Account) -> String {
    let roles = list_roles(side);
    let width = roles.iter().map(|role| role.name.len()).max();
    let width = width.unwrap_or(0);
    let mut presets = String::new();
    for preset in &PRESETS {
        presets += &format!("    {} = {{\n", preset.name);
        for role in &roles {
            let policies = list_names(preset, role);
            presets += &format!("      {:width$} = [{policies}]\n", role.name);
        }
        presets += "    }\n";
    }
    let created = match side {
        Account::Source => "flatten(values(local.roles))",
        Account::Target => "concat([\"launcher\"], local.roles.consumer)",
    };
    POLICIES
        .replace("PRESETS", &presets)
        .replace("EXPRESSION", created)
}

fn list_names(preset: &Preset, role: &Role) -> String {
    let policies = preset.list_policies(role.name).into_iter();
    let (by_policy, by_grants) = BY_GRANTS;
    let names = policies.map(|policy| {
        if policy == by_policy {
            format!("var.key_access == \"grants\" ? \"{by_grants}\" : \"{by_policy}\"")
        } else {
            format!("\"{policy}\"")
        }
    });
    names.collect::<Vec<_>>().join(", ")
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

fn build_role(side: Account, role: &Role) -> String {
    let trust = find_trust_policy(role);
    let mut text = build_document(side, trust);
    let (count, name, id) = match side {
        Account::Source => {
            text += &SOURCE_TRUST.replace("TRUST", &to_id(trust.name));
            let has_trust = "var.github_repository != \"\" || length(var.trusted_arns) > 0";
            let name = format!("\"{}\"", role.name);
            (has_trust, name, format!("{}_trust", role.name))
        }
        Account::Target => {
            let is_needed = "length(local.roles.consumer) > 0";
            (is_needed, "var.role_name".to_owned(), to_id(trust.name))
        }
    };
    let role_text = ROLE
        .replace("COUNT", count)
        .replace("ROLE_NAME", &name)
        .replace("TRUST", &id);
    (text + &role_text).replace("NAME", role.name)
}

/// `target-copies` as `target_copies`.
fn to_id(name: &str) -> String {
    name.replace('-', "_")
}

//! The variables of a module.

use crate::examples::policies::Account;

struct Variable {
    name: &'static str,
    kind: &'static str,
    description: &'static str,
    default: Option<&'static str>,
}

pub(super) fn write_variables(side: Account) -> String {
    let variables = match side {
        Account::Source => SOURCE,
        Account::Target => TARGET,
    };
    variables.iter().map(write_variable).collect()
}

fn write_variable(variable: &Variable) -> String {
    let Variable {
        name,
        kind,
        description,
        default,
    } = variable;
    let default = match default {
        Some(default) => format!("  default     = {default}\n"),
        None => String::new(),
    };
    format!(
        "\nvariable \"{name}\" {{\n  \
           type        = {kind}\n  \
           description = \"{description}\"\n\
         {default}}}\n"
    )
}

const fn text(name: &'static str, description: &'static str) -> Variable {
    Variable {
        name,
        kind: "string",
        description,
        default: None,
    }
}

const fn list(name: &'static str, description: &'static str) -> Variable {
    Variable {
        kind: "list(string)",
        ..text(name, description)
    }
}

impl Variable {
    const fn or(self, default: &'static str) -> Self {
        Self {
            default: Some(default),
            ..self
        }
    }
}

const PARAMETER_PATH: Variable = text(
    "parameter_path",
    "The path of the SSM parameters that images are published in",
)
.or("\"/golden/\"");

const SOURCE: &[Variable] = &[
    list(
        "key_arns",
        "The keys of the images, and those to re-encrypt with",
    ),
    list("target_accounts", "The accounts to share with"),
    text("target_role_name", "The input target-role").or("\"consumer\""),
    PARAMETER_PATH,
    text("role_name", "The name of the role that runs ami-share").or("\"publisher\""),
    list(
        "github_subjects",
        "Which jobs may assume it, such as repo:OWNER/REPO:environment:production, or with IDs \
         repo:OWNER@OWNER_ID/REPO@REPO_ID:environment:production; without any, no role is created",
    )
    .or("[]"),
];

const TARGET: &[Variable] = &[
    text("source_account", "The account that owns the images"),
    text(
        "publisher_role_arn",
        "The role in that account that runs ami-share",
    ),
    text("external_id", "The input target-external-id"),
    list("key_arns", "The keys of the images, in the source account"),
    text("role_name", "The input target-role").or("\"consumer\""),
    list("launch_role_names", "The roles that launch").or("[]"),
    text("launch_policy_name", "The input target-launch-policy").or("\"ami-share-launch\""),
    list("services", "The input target-service-linked-roles").or("[\"autoscaling.amazonaws.com\"]"),
    PARAMETER_PATH,
];

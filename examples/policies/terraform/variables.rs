//! The variables of a module.

use crate::examples::policies::Account;

struct Variable {
    name: &'static str,
    kind: &'static str,
    description: &'static str,
    default: Option<&'static str>,
    /// What must hold, and what to say if it does not.
    validation: Option<(&'static str, &'static str)>,
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
        validation,
    } = variable;
    let default = match default {
        Some(default) => format!("  default     = {default}\n"),
        None => String::new(),
    };
    let validation = match validation {
        Some((condition, error)) => format!(
            "\n  validation {{\n    \
               condition     = {condition}\n    \
               error_message = \"{error}\"\n  \
             }}\n"
        ),
        None => String::new(),
    };
    format!(
        "\nvariable \"{name}\" {{\n  \
           type        = {kind}\n  \
           description = \"{description}\"\n\
         {default}{validation}}}\n"
    )
}

const fn text(name: &'static str, description: &'static str) -> Variable {
    Variable {
        name,
        kind: "string",
        description,
        default: None,
        validation: None,
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

const PRESET: Variable = Variable {
    validation: Some((
        "contains([\"share\", \"verify\", \"copy\"], var.preset)",
        "The preset is share, verify or copy.",
    )),
    ..text("preset", "share, verify or copy: see docs/IAM.md")
};

const SOURCE: &[Variable] = &[
    PRESET.or("\"share\""),
    text("key_access", "The input key-access: policy or grants").or("\"policy\""),
    list(
        "key_arns",
        "The keys of the images, and those to re-encrypt with",
    ),
    list("target_accounts", "The accounts to share with"),
    text("target_role_name", "The input target-role").or("\"consumer\""),
    text(
        "github_repository",
        "OWNER/REPO, whose workflows may assume the roles; of a repository made, renamed or \
         transferred after 2026-07-15, OWNER@OWNER_ID/REPO@REPO_ID",
    )
    .or("\"\""),
    list(
        "trusted_arns",
        "Other principals that may assume the roles, such as that of another CI",
    )
    .or("[]"),
    PARAMETER_PATH,
];

const TARGET: &[Variable] = &[
    PRESET.or("\"share\""),
    text("source_account", "The account that owns the images"),
    list("key_arns", "The keys of the images, in the source account"),
    list(
        "launch_role_names",
        "The roles that launch, which get the launch policy; they have no path",
    )
    .or("[]"),
    EXTERNAL_ID,
    text("role_name", "The input target-role").or("\"consumer\""),
    text("launch_policy_name", "The name of the launch policy").or("\"ami-share-launch\""),
    list("services", "The input target-service-linked-roles").or("[\"autoscaling.amazonaws.com\"]"),
    PARAMETER_PATH,
];

const EXTERNAL_ID: Variable = Variable {
    validation: Some((
        "var.preset == \"share\" || (var.external_id != \"\" && \
         length(var.launch_role_names) > 0)",
        "This preset needs external_id and launch_role_names.",
    )),
    ..text("external_id", "The input target-external-id").or("\"\"")
};

//! Policy documents in Terraform's language.

use super::to_id;
use crate::examples::policies::cloudformation::without_backticks;
use crate::examples::policies::json::list_examples;
use crate::examples::policies::{Account, Policy, Statement, Values};

pub(super) fn build_document(side: Account, policy: &Policy) -> String {
    let (id, danger) = (to_id(policy.name), without_backticks(policy.danger));
    let statements = policy.statements.iter();
    let statements: Vec<String> = statements
        .map(|statement| build_statement(side, statement))
        .collect();
    let statements = statements.join("\n");
    format!("\n# {danger}\ndata \"aws_iam_policy_document\" \"{id}\" {{\n{statements}}}\n")
}

fn build_statement(side: Account, statement: &Statement) -> String {
    let actions = statement.actions.iter();
    let actions: Vec<String> = actions
        .map(|action| format!("\"{}\"", action.name))
        .collect();
    // As `terraform fmt` aligns them.
    let width = if statement.resources.is_empty() {
        "actions".len()
    } else {
        "resources".len()
    };
    let mut text = format!(
        "  statement {{\n    \
             {:width$} = \"{}\"\n    \
             {:width$} = [{}]\n",
        "sid",
        statement.sid,
        "actions",
        actions.join(", ")
    );
    if !statement.resources.is_empty() {
        let resources = build_list(side, statement.resources);
        text += &format!("    resources = {resources}\n");
    }
    if let Some((kind, principal)) = statement.principal {
        let principals = build_list(side, &[principal]);
        text += &format!(
            "\n    principals {{\n      \
               type        = \"{kind}\"\n      \
               identifiers = {principals}\n    \
             }}\n"
        );
    }
    for (operator, key, values) in statement.merged_conditions() {
        let values = build_list(side, &values);
        text += &format!(
            "\n    condition {{\n      \
               test     = \"{operator}\"\n      \
               variable = \"{key}\"\n      \
               values   = {values}\n    \
             }}\n"
        );
    }
    text + "  }\n"
}

/// An expression that is a list of texts.
fn build_list(side: Account, values: &[Values]) -> String {
    let (mut texts, mut lists) = (Vec::new(), Vec::new());
    for values in values {
        match build_expression(side, *values) {
            Expression::List(list) => lists.push(list),
            Expression::Texts(more) => texts.extend(more),
        }
    }
    if !texts.is_empty() {
        let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
        lists.push(format!("[{}]", quoted.join(", ")));
    }
    match lists.as_slice() {
        [one] => one.clone(),
        several => format!("concat({})", several.join(", ")),
    }
}

enum Expression {
    List(String),
    Texts(Vec<String>),
}

fn build_expression(side: Account, values: Values) -> Expression {
    let in_source = side == Account::Source;
    match values {
        Values::Texts(_) => Expression::Texts(list_examples(values)),
        Values::SharedKeys => list("key_arns"),
        Values::TargetAccounts if in_source => list("target_accounts"),
        Values::TargetAccounts => text("${local.account}"),
        Values::SourceAccount => text("${var.source_account}"),
        Values::SourceRole(name) => text(&format!(
            "arn:${{local.partition}}:iam::${{var.source_account}}:role/{name}"
        )),
        Values::ExternalId => text("${var.external_id}"),
        Values::GitHubJobs(jobs) => {
            let subjects = jobs.iter();
            let subjects = subjects.map(|job| format!("repo:${{var.github_repository}}:{job}"));
            Expression::Texts(subjects.collect())
        }
        Values::Images => text("arn:${local.partition}:ec2:*::image/*"),
        Values::Snapshots => text("arn:${local.partition}:ec2:*::snapshot/*"),
        Values::KeysOf(_) => of_account("kms:*", "key/*"),
        Values::UsageReports => of_account("ec2:*", "image-usage-report/*"),
        Values::TargetResources(kind) => of_account("ec2:*", &format!("{kind}/*")),
        Values::Parameters(_) => of_account("ssm:*", "parameter${var.parameter_path}*"),
        Values::LaunchPolicy => of_account("iam:", "policy/${var.launch_policy_name}"),
        Values::TargetRoles if !in_source => of_account("iam:", "role/${var.role_name}"),
        Values::GitHubProvider => {
            of_account("iam:", "oidc-provider/token.actions.githubusercontent.com")
        }
        Values::TargetRoots => for_each("target_accounts", "${each}:root"),
        Values::TargetRoles => for_each("target_accounts", "${each}:role/${var.target_role_name}"),
        Values::LaunchRoles => for_each("launch_role_names", "${local.account}:role/${each}"),
        Values::ServiceRoles => for_each(
            "services",
            "${local.account}:role/aws-service-role/${each}/*",
        ),
    }
}

fn text(text: &str) -> Expression {
    Expression::Texts(vec![text.to_owned()])
}

fn list(variable: &str) -> Expression {
    Expression::List(format!("var.{variable}"))
}

/// An ARN of the account of the module.
fn of_account(service_and_region: &str, resource: &str) -> Expression {
    let (partition, account) = ("${local.partition}", "${local.account}");
    text(&format!(
        "arn:{partition}:{service_and_region}:{account}:{resource}"
    ))
}

/// An ARN of IAM for each element of a variable.
fn for_each(variable: &str, account_and_resource: &str) -> Expression {
    let arn = format!("arn:${{local.partition}}:iam::{account_and_resource}");
    Expression::List(format!("[for each in var.{variable} : \"{arn}\"]"))
}

//! Terraform modules for both sides: the policies, each if asked for, and a role that has them.

use super::cloudformation::{of_side, plain};
use super::{Account, Kind, Policy, Statement, Values, all, json};

/// The module of a side, as one file.
pub(crate) fn module(side: Account) -> String {
    let policies = of_side(side);
    let names: Vec<String> = policies
        .iter()
        .map(|policy| format!("\"{}\"", policy.name))
        .collect();
    let mut text = String::from(
        "# Made from the table in examples/policies; docs/IAM.md says what each policy is \
         for.\n\nterraform {\n  required_providers {\n    aws = {\n      source = \
         \"hashicorp/aws\"\n    }\n  }\n}\n\ndata \"aws_caller_identity\" \"this\" {}\n\ndata \
         \"aws_partition\" \"this\" {}\n\nlocals {\n  account   = \
         data.aws_caller_identity.this.account_id\n  partition = \
         data.aws_partition.this.partition\n}\n",
    );
    for (name, kind, description, default) in variables(side) {
        let default = default
            .map(|default| format!("\n  default     = {default}"))
            .unwrap_or_default();
        text += &format!(
            "\nvariable \"{name}\" {{\n  type        = {kind}\n  description = \"{description}\"{default}\n}}\n"
        );
    }
    text += &format!(
        "\nvariable \"policies\" {{\n  type        = set(string)\n  description = \"The policies \
         to make, by their names in docs/IAM.md\"\n\n  validation {{\n    condition     = \
         alltrue([for name in var.policies : contains(local.known, name)])\n    error_message = \
         \"One of these is no policy of this side.\"\n  }}\n}}\n\nlocals {{\n  known = [{}]\n}}\n",
        names.join(", ")
    );
    for policy in &policies {
        text += &document(side, policy);
        let id = policy.name.replace('-', "_");
        let name = if policy.name == "launcher" {
            "var.launch_policy_name".to_owned()
        } else {
            format!("\"ami-share-{}\"", policy.name)
        };
        text += &format!(
            "\nresource \"aws_iam_policy\" \"{id}\" {{\n  count       = contains(var.policies, \"{}\") ? 1 : 0\n  name        = {name}\n  description = \"{}\"\n  policy      = data.aws_iam_policy_document.{id}.json\n}}\n",
            policy.name,
            plain(policy.purpose)
        );
    }
    text + &role(side, &policies)
}

fn role(side: Account, policies: &[&Policy]) -> String {
    let mut text = String::new();
    let (name, many) = match side {
        Account::Source => ("publisher", "var.github_subject == \"\" ? 0 : 1"),
        Account::Target => ("consumer", "1"),
    };
    let trusting = all()
        .into_iter()
        .find(|policy| policy.kind == Kind::Trust && policy.account == side);
    let Some(trust) = trusting else { return text };
    text += &document(side, trust);
    let id = trust.name.replace('-', "_");
    text += &format!(
        "\nresource \"aws_iam_role\" \"{name}\" {{\n  count              = {many}\n  name               = var.role_name\n  assume_role_policy = data.aws_iam_policy_document.{id}.json\n}}\n"
    );
    // Who only reads, or launches, is somebody else.
    let attached = policies
        .iter()
        .filter(|policy| !["reader", "target-reader", "launcher"].contains(&policy.name));
    let attached: Vec<String> = attached
        .map(|policy| {
            format!(
                "    aws_iam_policy.{}[*].arn,\n",
                policy.name.replace('-', "_")
            )
        })
        .collect();
    text += &format!(
        "\nlocals {{\n  attached = concat(\n{}  )\n}}\n\nresource \"aws_iam_role_policy_attachment\" \"{name}\" {{\n  count      = length(aws_iam_role.{name}) * length(local.attached)\n  role       = aws_iam_role.{name}[0].name\n  policy_arn = local.attached[count.index]\n}}\n\noutput \"role_arn\" {{\n  value = one(aws_iam_role.{name}[*].arn)\n}}\n\noutput \"policy_arns\" {{\n  value = {{\n",
        attached.concat()
    );
    for policy in policies {
        text += &format!(
            "    \"{}\" = one(aws_iam_policy.{}[*].arn)\n",
            policy.name,
            policy.name.replace('-', "_")
        );
    }
    text + "  }\n}\n"
}

type Variable = (
    &'static str,
    &'static str,
    &'static str,
    Option<&'static str>,
);

fn variables(side: Account) -> Vec<Variable> {
    const PATH: Variable = (
        "parameter_path",
        "string",
        "Where the SSM parameters are that images are published in",
        Some("\"/golden/\""),
    );
    match side {
        Account::Source => vec![
            (
                "key_arns",
                "list(string)",
                "The keys of the images, and those to re-encrypt with",
                None,
            ),
            (
                "target_accounts",
                "list(string)",
                "The accounts to share with",
                None,
            ),
            (
                "target_role_name",
                "string",
                "The input target-role",
                Some("\"consumer\""),
            ),
            (
                "organizations",
                "list(string)",
                "ARNs of organizations to share with",
                Some("[]"),
            ),
            (
                "organizational_units",
                "list(string)",
                "ARNs of organizational units to share with",
                Some("[]"),
            ),
            PATH,
            (
                "role_name",
                "string",
                "The name of the role that runs ami-share",
                Some("\"publisher\""),
            ),
            (
                "github_subject",
                "string",
                "Who may assume it, such as repo:OWNER/REPO:environment:production; blank makes no \
                 role",
                Some("\"\""),
            ),
        ],
        Account::Target => vec![
            (
                "source_account",
                "string",
                "The account that owns the images",
                None,
            ),
            (
                "publisher_role_arn",
                "string",
                "The role there that runs ami-share",
                None,
            ),
            (
                "external_id",
                "string",
                "The input target-external-id",
                None,
            ),
            (
                "key_arns",
                "list(string)",
                "The keys of the images, in the source account",
                None,
            ),
            (
                "role_name",
                "string",
                "The input target-role",
                Some("\"consumer\""),
            ),
            (
                "launch_role_names",
                "list(string)",
                "The roles that launch",
                Some("[]"),
            ),
            (
                "launch_policy_name",
                "string",
                "The input target-launch-policy",
                Some("\"ami-share-launch\""),
            ),
            (
                "services",
                "list(string)",
                "The input service-linked-roles",
                Some("[\"autoscaling.amazonaws.com\"]"),
            ),
            PATH,
        ],
    }
}

fn document(side: Account, policy: &Policy) -> String {
    let danger = plain(policy.danger);
    let statements: Vec<String> = policy
        .statements
        .iter()
        .map(|of| statement(side, of))
        .collect();
    format!(
        "\n# {danger}\ndata \"aws_iam_policy_document\" \"{}\" {{\n{}}}\n",
        policy.name.replace('-', "_"),
        statements.join("\n")
    )
}

fn statement(side: Account, of: &Statement) -> String {
    let actions: Vec<String> = of
        .actions
        .iter()
        .map(|action| format!("\"{}\"", action.name))
        .collect();
    let mut text = format!(
        "  statement {{\n    sid       = \"{}\"\n    actions   = [{}]\n",
        of.sid,
        actions.join(", ")
    );
    if !of.on.is_empty() {
        text += &format!("    resources = {}\n", expression(side, of.on));
    }
    if let Some((kind, who)) = of.principal {
        text += &format!(
            "\n    principals {{\n      type        = \"{kind}\"\n      identifiers = {}\n    }}\n",
            expression(side, &[who])
        );
    }
    for (operator, key, values) in of.conditions() {
        text += &format!(
            "\n    condition {{\n      test     = \"{operator}\"\n      variable = \"{key}\"\n      values   = {}\n    }}\n",
            expression(side, &values)
        );
    }
    text + "  }\n"
}

/// A list of texts.
fn expression(side: Account, values: &[Values]) -> String {
    let (mut texts, mut lists) = (Vec::new(), Vec::new());
    for of in values {
        match list(side, *of) {
            Ok(list) => lists.push(list),
            Err(more) => texts.extend(more),
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

/// An expression that is a list, or texts.
fn list(side: Account, values: Values) -> Result<String, Vec<String>> {
    let each = |list: &str, text: &str| Ok(format!("[for each in {list} : \"{text}\"]"));
    let one = |text: &str| Err(vec![text.to_owned()]);
    match values {
        Values::SharedKeys => Ok("var.key_arns".to_owned()),
        Values::Images => one("arn:${local.partition}:ec2:*::image/*"),
        Values::Snapshots => one("arn:${local.partition}:ec2:*::snapshot/*"),
        Values::KeysOf(_) => one("arn:${local.partition}:kms:*:${local.account}:key/*"),
        Values::OfTarget(kind) => one(&format!(
            "arn:${{local.partition}}:ec2:*:${{local.account}}:{kind}/*"
        )),
        Values::Parameters(_) => {
            one("arn:${local.partition}:ssm:*:${local.account}:parameter${var.parameter_path}*")
        }
        Values::SourceAccount => one("${var.source_account}"),
        Values::TargetAccounts if side == Account::Source => Ok("var.target_accounts".to_owned()),
        Values::TargetAccounts => one("${local.account}"),
        Values::TargetRoots => each(
            "var.target_accounts",
            "arn:${local.partition}:iam::${each}:root",
        ),
        Values::Organizations => Ok("var.organizations".to_owned()),
        Values::OrganizationalUnits => Ok("var.organizational_units".to_owned()),
        Values::Publisher => one("${var.publisher_role_arn}"),
        Values::TargetRoles if side == Account::Source => each(
            "var.target_accounts",
            "arn:${local.partition}:iam::${each}:role/${var.target_role_name}",
        ),
        Values::TargetRoles => {
            one("arn:${local.partition}:iam::${local.account}:role/${var.role_name}")
        }
        Values::LaunchRoles => each(
            "var.launch_role_names",
            "arn:${local.partition}:iam::${local.account}:role/${each}",
        ),
        Values::LaunchPolicy => {
            one("arn:${local.partition}:iam::${local.account}:policy/${var.launch_policy_name}")
        }
        Values::ServiceRoles => each(
            "var.services",
            "arn:${local.partition}:iam::${local.account}:role/aws-service-role/${each}/*",
        ),
        Values::ExternalId => one("${var.external_id}"),
        Values::GitHubProvider => one(
            "arn:${local.partition}:iam::${local.account}:oidc-provider/token.actions.githubusercontent.com",
        ),
        Values::GitHubSubject => one("${var.github_subject}"),
        Values::These(_) => Err(json::example(values)),
    }
}
